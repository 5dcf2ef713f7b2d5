#include "tests/unit/ingest/zipping.h"

#include "tests/unit/ingest/arena_each.h"

static struct extracted read_flat(const char *styles, const char *body)
{
	char *s = flat_odf("text", styles, body);
	struct extracted x = read_string(z, s, "a.fodt", &a);

	free(s);
	return x;
}

static void structure_is_kept(void **state)
{
	static const char STYLES[] =
		"<office:meta><dc:title>Leave &amp; rest</dc:title>"
		"<meta:initial-creator>Ada Quill</meta:initial-creator></office:meta>"
		"<office:styles><text:list-style style:name='N'>"
		"<text:list-level-style-number text:level='1' style:num-format='1'/>"
		"<text:list-level-style-bullet text:level='2' text:bullet-char='o'/>"
		"</text:list-style>"
		"<style:style style:name='Heading_20_2' style:family='paragraph' "
		"style:default-outline-level='2'/>"
		"<style:style style:name='Preformatted_20_Text' style:family='paragraph'/>"
		"</office:styles><office:automatic-styles>"
		"<style:style style:name='P9' style:family='paragraph' "
		"style:parent-style-name='Heading_20_2'/></office:automatic-styles>";
	static const char BODY[] =
		"<text:sequence-decls><text:sequence-decl text:name='Table'/></text:sequence-decls>"
		"<text:h text:outline-level='1'>Leave\n   <text:span>policy</text:span></text:h>"
		"<text:p>Every<text:s "
		"text:c='3'/>body<text:tab/>rests.<text:line-break/>Twice.</text:p>"
		"<text:p text:style-name='P9'>By style</text:p>"
		"<text:list text:style-name='N'><text:list-item><text:p>one</text:p>"
		"<text:p>more of one</text:p>"
		"<text:list><text:list-item><text:p>inner</text:p></text:list-item></text:list>"
		"</text:list-item><text:list-item><text:p>two</text:p></text:list-item></text:list>"
		"<text:p>between</text:p>"
		"<text:list text:style-name='N' text:continue-numbering='true'>"
		"<text:list-item><text:p>three</text:p></text:list-item></text:list>"
		"<text:p text:style-name='Preformatted_20_Text'>if (x)</text:p>"
		"<text:p text:style-name='Preformatted_20_Text'/>"
		"<text:p text:style-name='Preformatted_20_Text'><text:s text:c='4'/>y();</text:p>"
		"<text:p>See <text:a xlink:href='https://example.org/l'>the  form</text:a> "
		"now.</text:p>";
	static const char *const EXPECTED[] = {"H1 Leave policy", "P Every body rests.\nTwice.",
		"H2 By style", "L 1. one", "P more of one", "L - inner", "L 2. two", "P between",
		"L 3. three", "C if (x)\n\n    y();", "P See the form now."};
	struct extracted x;
	const struct annotation *link;

	(void)state;
	x = read_flat(STYLES, BODY);
	ASSERT_LINES(&x, EXPECTED);
	assert_string_equal(x.title, "Leave & rest");
	assert_string_equal(x.media_type, "application/vnd.oasis.opendocument.text");
	assert_int_equal(x.paging, PAGING_NONE);
	annotation_of(&x, ANNOTATION_PROPERTY, "Author: Ada Quill");
	link = annotation_of(&x, ANNOTATION_LINK, "https://example.org/l");
	assert_string_equal(place_words(&x, link), "the form");
}

static void tables(void **state)
{
	static const char STYLES[] = "<office:styles><style:style style:name='Table_20_Heading' "
				     "style:family='paragraph'/></office:styles>";
	static const char BODY[] =
		"<table:table><table:table-column table:number-columns-repeated='2'/>"
		"<table:table-header-rows><table:table-row><table:table-cell><text:p>Day</text:p>"
		"</table:table-cell><table:table-cell><text:p>Hours</text:p></table:table-cell>"
		"</table:table-row></table:table-header-rows>"
		"<table:table-row><table:table-cell><text:p>Mon</text:p><text:p>and Tue</text:p>"
		"<text:p>see<text:note><text:note-citation>1</text:note-citation><text:note-body>"
		"<text:p>Not in May.</text:p></text:note-body></text:note></text:p>"
		"</table:table-cell><table:table-cell><text:p>8</text:p></table:table-cell>"
		"</table:table-row><table:table-row>"
		"<table:table-cell table:number-columns-spanned='2'><text:p>Free</text:p>"
		"<table:table><table:table-row><table:table-cell><text:p>inner</text:p>"
		"</table:table-cell></table:table-row></table:table></table:table-cell>"
		"<table:covered-table-cell><text:p>under</text:p></table:covered-table-cell>"
		"</table:table-row></table:table>"
		"<table:table><table:table-column/><table:table-column/><table:table-row>"
		"<table:table-cell><text:p "
		"text:style-name='Table_20_Heading'>K</text:p></table:table-cell>"
		"<table:table-cell><text:p "
		"text:style-name='Table_20_Heading'>V</text:p></table:table-cell>"
		"</table:table-row><table:table-row><table:table-cell "
		"table:number-columns-repeated='3'>"
		"<text:p>x</text:p></table:table-cell></table:table-row></table:table>"
		"<table:table><table:table-column/><table:table-row><table:table-cell>"
		"<text:h text:outline-level='1'>Layout</text:h><text:p>text</text:p>"
		"</table:table-cell></table:table-row></table:table>";
	static const char *const EXPECTED[] = {"T2 Day | Hours", "T Mon and Tue see | 8",
		"T Free inner", "N Note 1: Not in May.", "T2 K | V", "T x | x | x", "H1 Layout",
		"P text"};
	struct extracted x;

	(void)state;
	x = read_flat(STYLES, BODY);
	ASSERT_LINES(&x, EXPECTED);
	annotation_of(&x, ANNOTATION_HIDDEN_PART, "under");
}

static void blocks_inside_of_blocks_follow_them(void **state)
{
	static const char BODY[] =
		"<text:p>Before<text:note><text:note-citation>i</"
		"text:note-citation><text:note-body>"
		"<text:p>First</text:p><text:p>second</text:p></text:note-body></text:note> after"
		"<draw:frame><draw:text-box><text:p>In a box</text:p></draw:text-box>"
		"<svg:title>SVGTITLE</svg:title></draw:frame>.</text:p><text:p>Last"
		"<draw:frame><draw:object><math:math><math:mi>MATH</math:mi></math:math></"
		"draw:object>"
		"</draw:frame></text:p>";
	static const char *const EXPECTED[] = {
		"P Before after.", "N Note i: First\nsecond", "P In a box", "P Last"};
	struct extracted x;

	(void)state;
	x = read_flat("", BODY);
	ASSERT_LINES(&x, EXPECTED);
}

static void what_is_not_seen_is_annotated(void **state)
{
	static const char STYLES[] =
		"<office:styles><style:default-style "
		"style:family='paragraph'><style:text-properties "
		"fo:font-size='12pt'/></style:default-style></"
		"office:styles><office:automatic-styles>"
		"<style:style style:name='W' style:family='text'><style:text-properties "
		"fo:color='#fffffe'/></style:style>"
		"<style:style style:name='WB' style:family='text'><style:text-properties "
		"fo:color='#ffffff' fo:background-color='#000000'/></style:style>"
		"<style:style style:name='T' style:family='text'><style:text-properties "
		"fo:font-size='1pt'/></style:style>"
		"<style:style style:name='R' style:family='text'><style:text-properties "
		"fo:font-size='10%'/></style:style>"
		"<style:style style:name='H' style:family='text'><style:text-properties "
		"text:display='none'/></style:style>"
		"<style:style style:name='HP' style:family='paragraph'><style:text-properties "
		"text:display='none'/></style:style>"
		"<style:style style:name='D' "
		"style:family='table-cell'><style:table-cell-properties "
		"fo:background-color='#000080'/></style:style></office:automatic-styles>";
	static const char BODY[] =
		"<text:tracked-changes><text:changed-region><text:deletion><office:change-info>"
		"<dc:creator>Ada</dc:creator></office:change-info><text:p>struck out</text:p>"
		"</text:deletion></text:changed-region></text:tracked-changes>"
		"<text:p>a<text:span text:style-name='W'>white</text:span>b"
		"<text:span text:style-name='WB'>on black</text:span></text:p>"
		"<text:p>c<text:span text:style-name='T'>tiny "
		"<text:span>words</text:span></text:span>"
		"<text:span text:style-name='R'>tenth</text:span></text:p>"
		"<text:p>d<text:span text:style-name='H'>off</text:span>e</text:p>"
		"<text:p text:style-name='HP'>whole</text:p>"
		"<text:p>f<text:hidden-text text:condition='1' text:string-value='field' "
		"text:is-hidden='true'/>g</text:p>"
		"<text:p>gone<text:hidden-paragraph text:condition='1' "
		"text:is-hidden='true'/></text:p>"
		"<text:section text:display='none'><text:p>in a</text:p><text:h>section</text:h>"
		"</text:section>"
		"<text:p>h<office:annotation><dc:creator>Ben "
		"Ode</dc:creator><dc:date>2031</dc:date>"
		"<text:p>why?</text:p></office:annotation>i</text:p>"
		"<table:table><table:table-column/><table:table-column/><table:table-row>"
		"<table:table-cell table:style-name='D'><text:p><text:span text:style-name='W'>on "
		"blue</text:span></text:p></table:table-cell><table:table-cell><text:p>j</text:p>"
		"</table:table-cell></table:table-row></table:table>";
	static const char *const EXPECTED[] = {
		"P a bon black", "P c", "P de", "P fg", "P hi", "T1 on blue | j"};
	struct extracted x;

	(void)state;
	x = read_flat(STYLES, BODY);
	ASSERT_LINES(&x, EXPECTED);
	annotation_of(&x, ANNOTATION_DELETED, "struck out");
	annotation_of(&x, ANNOTATION_HIDDEN_COLOR, "white");
	annotation_of(&x, ANNOTATION_HIDDEN_SIZE, "tiny wordstenth");
	assert_int_equal(annotation_of(&x, ANNOTATION_HIDDEN_PART, "off")->byte_start,
		strstr(x.text, "de") + 1 - x.text);
	annotation_of(&x, ANNOTATION_HIDDEN_PART, "whole");
	annotation_of(&x, ANNOTATION_HIDDEN_PART, "field");
	annotation_of(&x, ANNOTATION_HIDDEN_PART, "gone");
	annotation_of(&x, ANNOTATION_HIDDEN_PART, "in a section");
	annotation_of(&x, ANNOTATION_COMMENT, "Ben Ode: why?");
	assert_int_equal(x.n_annotations, 9);
}

#define CONTENT(body)                                                                              \
	"<office:document-content" ODF_NAMESPACES "><office:body><office:text>" body               \
	"</office:text></office:body></office:document-content>"
#define MIME "mimetype", "application/vnd.oasis.opendocument.text"

static void packages(void **state)
{
	static const char *const PLAIN[] = {MIME, "meta.xml",
		"<office:document-meta" ODF_NAMESPACES "><office:meta><dc:title>T</dc:title>"
		"</office:meta></office:document-meta>",
		"META-INF/manifest.xml", "<!DOCTYPE m SYSTEM 'Manifest.dtd'><m/>", "Object 1",
		"%PDF-1.4 inside", "content.xml",
		CONTENT("<text:p>x<draw:frame><draw:object-ole xlink:href='./Object "
			"1'/></draw:frame>"
			"</text:p>"),
		NULL};
	static const char *const NO_MIME[] = {"META-INF/manifest.xml",
		"<m><f media-type=\"application/vnd.oasis.opendocument.text\"/></m>", "content.xml",
		CONTENT("<text:p>y</text:p>"), NULL};
	static const char *const LOCKED[] = {MIME, "META-INF/manifest.xml",
		"<m><encryption-data/></m>", "content.xml", "\x01\x02", NULL};
	static const char *const DOCTYPE[] = {MIME, "content.xml",
		"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>", NULL};
	static const char *const CUT[] = {MIME, "content.xml",
		"<office:document-content" ODF_NAMESPACES "><office:body><office:text><text:p>cut",
		NULL};
	static const char *const BODIES[] = {MIME, "meta.xml", CONTENT("<text:p>not here</text:p>"),
		"content.xml",
		"<office:document-content" ODF_NAMESPACES "><office:body><office:text>"
		"<text:p>one</text:p></office:text><office:text><text:p>two</text:p>"
		"</office:text></office:body></office:document-content>",
		NULL};
	static const char *const NOTHING[] = {MIME, NULL};
	static const struct {
		const char *const *parts;
		const char *reason, *text;
	} CASES[] = {{PLAIN, NULL, "x\n"}, {NO_MIME, NULL, "y\n"},
		{LOCKED, "password_required", ""}, {DOCTYPE, "refused_file", ""},
		{CUT, "broken_file", ""}, {BODIES, NULL, "one\n"}, {NOTHING, "broken_file", ""}};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct extracted x = {0};
		struct err e = ERR_INIT;
		int rc;

		rc = read_parts(z, CASES[i].parts, "a.odt", &a, &x, &e);
		assert_int_equal(rc, CASES[i].reason ? ERR_UNPROCESSABLE : 0);
		assert_string_equal(rc ? e.reason : "", CASES[i].reason ? CASES[i].reason : "");
		assert_string_equal(rc ? "" : x.text, CASES[i].text);
		if (i == 0) {
			assert_string_equal(x.title, "T");
			assert_int_equal(x.n_children, 1);
		}
	}
}

/* Lists, spans, tables and frames as deep as is allowed; deeper is over the limit. */
static void depth_is_bounded(void **state)
{
	static const char *const OPEN[] = {"<text:list><text:list-item>", "<text:section>",
		"<draw:frame><draw:text-box><text:p>", "<text:p><text:span>",
		"<table:table><table:table-row><table:table-cell>"};
	static const int N_OPENED[] = {2, 1, 3, 2, 3};

	(void)state;
	for (int i = 0; i < 10; i++) {
		struct buf b = BUF_INIT;
		struct extracted x;
		struct err e = ERR_INIT;
		int depth = i < 5 ? 230 / N_OPENED[i] : 4000;
		char *s;

		for (int k = 0; k < depth; k++) {
			buf_str(&b, OPEN[i % 5]);
		}
		buf_str(&b, i % 5 == 3 ? "deep" : "<text:p>deep</text:p>");
		for (int k = 0; k < depth && i < 5; k++) {
			static const char *const CLOSE[] = {"</text:list-item></text:list>",
				"</text:section>", "</text:p></draw:text-box></draw:frame>",
				"</text:span></text:p>",
				"</table:table-cell></table:table-row></table:table>"};

			buf_str(&b, CLOSE[i % 5]);
		}
		s = flat_odf("text", "", b.data);
		if (i < 5) {
			assert_int_equal(read_bytes(z, s, strlen(s), "a.fodt", &a, &x, &e), 0);
			assert_non_null(strstr(x.text, "deep"));
		} else {
			assert_int_equal(read_bytes(z, s, strlen(s), "a.fodt", &a, &x, &e),
				ERR_UNPROCESSABLE);
			assert_string_equal(e.reason, "over_limit");
		}
		buf_finish(&b);
		free(s);
	}
}

static void hostile_ones(void **state)
{
	static const char STYLES[] =
		"<office:styles><style:style style:name='A' style:family='paragraph' "
		"style:parent-style-name='B'/><style:style style:name='B' style:family='paragraph' "
		"style:parent-style-name='A'/></office:styles>";
	static const char BODY[] =
		"<text:p text:style-name='A'>circle<text:s text:c='2000000000'/>x</text:p>"
		"<table:table><table:table-column table:number-columns-repeated='2147483647'/>"
		"<table:table-row table:number-rows-repeated='99999999'><table:table-cell "
		"table:number-columns-repeated='99999999'><text:p>r</text:p></table:table-cell>"
		"</table:table-row></table:table><text:note-citation>n</text:note-citation>"
		"<text:list-item><text:p>no list</text:p></text:list-item><table:table-row/>"
		"<table:table-cell><text:p>no row</text:p></table:table-cell><text:a "
		"xlink:href='x'/>";
	struct extracted x;
	char *s = flat_odf("text", STYLES, BODY);

	(void)state;
	x = read_string(z, s, "a.fodt", &a);
	print_blocks(&x);
	assert_string_equal(block_line(&x, 0), "P circle x");
	assert_true(block_with(&x, "no list") > 0);
	assert_true(block_with(&x, "no row") > 0);
	assert_true(x.n_bytes < 1000);
	read_mutants(z, s, strlen(s), "a.fodt", 300, 4031);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(structure_is_kept),
		TEST(tables),
		TEST(blocks_inside_of_blocks_follow_them),
		TEST(what_is_not_seen_is_annotated),
		TEST(packages),
		TEST(depth_is_bounded),
		TEST(hostile_ones),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
