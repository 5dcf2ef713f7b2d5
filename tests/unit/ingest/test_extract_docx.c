/* Word documents made on the spot: what is text, what its structure is, what nobody sees. */
#include "packing.h"

#include "tests/unit/ingest/one_zygote.h"

#define W "xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\""
#define R "xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\""
#define MC "xmlns:mc=\"http://schemas.openxmlformats.org/markup-compatibility/2006\""
#define STRICT "xmlns:w=\"http://purl.oclc.org/ooxml/wordprocessingml/main\""
#define TYPES CONTENT_TYPES("/word/document.xml", "wordprocessingml.document.main+xml")
#define PACKAGE RELATIONS(RELATION("r1", "officeDocument", "word/document.xml"))
#define BODY(s) "<w:document " W " " R " " MC "><w:body>" s "</w:body></w:document>"
#define P(s) "<w:p>" s "</w:p>"
#define T(s) "<w:r><w:t xml:space=\"preserve\">" s "</w:t></w:r>"
#define STYLED(style, s) "<w:p><w:pPr><w:pStyle w:val=\"" style "\"/></w:pPr>" T(s) "</w:p>"
#define LOOKS(look, s) "<w:r><w:rPr>" look "</w:rPr><w:t>" s "</w:t></w:r>"
#define ITEM(list, level, s)                                                                       \
	"<w:p><w:pPr><w:numPr><w:ilvl w:val=\"" level "\"/><w:numId w:val=\"" list                 \
	"\"/></w:numPr></w:pPr>" T(s) "</w:p>"
#define TC(s) "<w:tc>" P(T(s)) "</w:tc>"

static const char *read_with(const char *body, const char *relations, const char *name,
	const char *content, struct arena *a)
{
	struct packed parts[] = {{"[Content_Types].xml", TYPES}, {"_rels/.rels", PACKAGE},
		{"word/document.xml", body}, {"word/_rels/document.xml.rels", relations},
		{name, content}, {NULL, NULL}};
	struct extracted x;
	struct err e = ERR_INIT;

	if (read_packed(z, parts, a, &x, &e)) {
		print_error("%s: %s\n", e.reason, e.message);
		fail();
	}
	assert_int_equal(x.paging, PAGING_NONE);
	assert_int_equal(x.n_pages, 1);
	return told(&x, a);
}

static const char *read_body(const char *body, struct arena *a)
{
	return read_with(body, RELATIONS(""), NULL, NULL, a);
}

static void assert_fault(const struct packed *parts, const char *reason)
{
	struct extracted x;
	struct err e = ERR_INIT;
	struct arena a;

	arena_init(&a);
	assert_int_not_equal(read_packed(z, parts, &a, &x, &e), 0);
	assert_string_equal(e.reason, reason);
	arena_finish(&a);
}

static void test_paragraphs(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	/* clang-format off */
	assert_string_equal(
		read_body(
			BODY(
				P(T("One ") T("line")) P()
				P(
					"<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/>"
					"<w:t>c</w:t><w:noBreakHyphen/><w:t>d</w:t>"
					"<w:softHyphen/><w:t>e</w:t></w:r>"
				)
			),
			&a
		),
		"P One line\nP a b\nc-de\n"
	);
	/* clang-format on */
	assert_string_equal(
		read_body("<w:document " STRICT "><w:body>" P(T("Strict")) "</w:body></w:document>",
			&a),
		"P Strict\n");
	assert_string_equal(read_body(BODY(), &a), "");
	assert_string_equal(read_body(BODY(P("<w:r><w:sym w:font=\"Wingdings\" w:char=\"F0FC\"/>"
					     "</w:r>" T(" done"))),
				    &a),
		"P ✓ done\n");
	arena_finish(&a);
}

static void test_headings(void **state)
{
	static const char STYLES[] =
		"<w:styles " W ">"
		"<w:style w:type=\"paragraph\" w:default=\"1\" w:styleId=\"Standard\"><w:name "
		"w:val=\"Normal\"/></w:style>"
		"<w:style w:type=\"paragraph\" w:styleId=\"berschrift1\"><w:name w:val=\"heading "
		"1\"/><w:basedOn w:val=\"Standard\"/></w:style>"
		"<w:style w:type=\"paragraph\" w:styleId=\"Own\"><w:name w:val=\"Clause\"/>"
		"<w:basedOn w:val=\"berschrift2\"/></w:style>"
		"<w:style w:type=\"paragraph\" w:styleId=\"berschrift2\"><w:name "
		"w:val=\"Chapter\"/>"
		"<w:pPr><w:outlineLvl w:val=\"1\"/></w:pPr></w:style>"
		"<w:style w:type=\"paragraph\" w:styleId=\"A\"><w:basedOn w:val=\"B\"/></w:style>"
		"<w:style w:type=\"paragraph\" w:styleId=\"B\"><w:basedOn w:val=\"A\"/></w:style>"
		"<w:style w:type=\"paragraph\" w:styleId=\"Titel\"><w:name w:val=\"Title\"/>"
		"</w:style></w:styles>";
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_string_equal(
		read_with(BODY(STYLED("Titel", "Lease of the pier") STYLED("berschrift1", "Rent")
					  STYLED("Own", "When it is due") STYLED("A", "Monthly.")
						  STYLED("Unknown", "In advance.")
							  P("<w:pPr><w:outlineLvl w:val=\"3\"/>"
							    "</w:pPr>" T("Deep"))),
			RELATIONS(RELATION("r1", "styles", "styles.xml")), "word/styles.xml",
			STYLES, &a),
		"H1 Lease of the pier\nH1 Rent\nH2 When it is due\nP Monthly.\nP In advance.\n"
		"H4 Deep\n");
	/* Without styles the ids have to say it. */
	assert_string_equal(read_body(BODY(STYLED("Heading2", "Scope") STYLED("X", "y")), &a),
		"H2 Scope\nP y\n");
	arena_finish(&a);
}

static void test_lists(void **state)
{
	static const char NUMBERING[] =
		"<w:numbering " W "><w:abstractNum w:abstractNumId=\"0\">"
		"<w:lvl w:ilvl=\"0\"><w:start w:val=\"1\"/><w:numFmt w:val=\"decimal\"/><w:lvlText "
		"w:val=\"%1.\"/></w:lvl>"
		"<w:lvl w:ilvl=\"1\"><w:start w:val=\"1\"/><w:numFmt w:val=\"lowerLetter\"/>"
		"<w:lvlText w:val=\"%1.%2)\"/></w:lvl></w:abstractNum>"
		"<w:abstractNum w:abstractNumId=\"1\"><w:lvl w:ilvl=\"0\"><w:numFmt "
		"w:val=\"bullet\"/><w:lvlText w:val=\"·\"/></w:lvl></w:abstractNum>"
		"<w:num w:numId=\"1\"><w:abstractNumId w:val=\"0\"/></w:num>"
		"<w:num w:numId=\"2\"><w:abstractNumId w:val=\"1\"/></w:num>"
		"<w:num w:numId=\"3\"><w:abstractNumId w:val=\"0\"/><w:lvlOverride w:ilvl=\"0\">"
		"<w:startOverride w:val=\"7\"/></w:lvlOverride></w:num></w:numbering>";
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_string_equal(
		read_with(BODY(ITEM("1", "0", "first") ITEM("1", "1", "sub") ITEM("1", "1", "sub")
					  ITEM("2", "0", "dot") ITEM("1", "0", "second") ITEM(
						  "1", "1", "sub") ITEM("3", "0", "seventh")
						  ITEM("0", "0", "none") ITEM("99", "0", "lost")),
			RELATIONS(RELATION("r1", "numbering", "numbering.xml")),
			"word/numbering.xml", NUMBERING, &a),
		"L 1. first\nL 1.a) sub\nL 1.b) sub\nL - dot\nL 2. second\nL 2.a) sub\n"
		"L 7. seventh\nP none\nP lost\n");
	arena_finish(&a);
}

static void test_tables(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	/* Names over values are a header; a cell that goes on says the same again. */
	assert_string_equal(
		read_body(BODY("<w:tbl><w:tr>" TC("Port") TC("Berth") TC(
				  "Fee") "</w:tr>"
					 "<w:tr><w:tc><w:tcPr><w:vMerge "
					 "w:val=\"restart\"/></w:tcPr>" P(T("North")) "</w:tc>" TC(
						 "1") TC("120") "</w:tr>"
								"<w:tr><w:tc><w:tcPr><w:vMerge/></"
								"w:tcPr>" P() "</w:tc>" TC("2")
									TC("90") "</w:tr></w:tbl>"),
			&a),
		"T2 Port | Berth | Fee\nT North | 1 | 120\nT North | 2 | 90\n");
	/* The file's own header counts; what spans columns names each of them. */
	/* clang-format off */
	assert_string_equal(
		read_body(
			BODY(
				"<w:tbl><w:tr><w:trPr><w:tblHeader/></w:trPr>" TC("1")
				"<w:tc><w:tcPr><w:gridSpan w:val=\"2\"/></w:tcPr>" P(T("2024"))
				"</w:tc></w:tr><w:tr>" TC("a")
				"<w:tc><w:tcPr><w:gridSpan w:val=\"2\"/></w:tcPr>" P(T("b"))
				"</w:tc></w:tr></w:tbl>"
			),
			&a
		),
		"T2 1 | 2024 | 2024\nT a | b\n"
	);
	/* clang-format on */
	assert_string_equal(read_body(BODY("<w:tbl><w:tr>" TC("3") TC("4") "</w:tr><w:tr>" TC("5")
						      TC("6") "</w:tr></w:tbl>"),
				    &a),
		"T1 3 | 4\nT 5 | 6\n");
	/* A frame around text is no table; a table in a cell is said there. */
	assert_string_equal(read_body(BODY("<w:tbl><w:tr>" TC("In a frame") "</w:tr></w:tbl>"), &a),
		"P In a frame\n");
	assert_string_equal(
		read_body(BODY("<w:tbl><w:tr>" TC("x") "<w:tc><w:tbl><w:tr>" TC("in") TC(
				  "side") "</w:tr></w:tbl>" P() "</w:tc></w:tr></w:tbl>"),
			&a),
		"T1 x | in | side\n");
	arena_finish(&a);
}

static void test_notes_links_comments(void **state)
{
	static const char NOTES
		[] = "<w:footnotes " W "><w:footnote w:id=\"0\" w:type=\"separator\">" P(T("---")) "</w:footnote><w:footnote w:id=\"5\">" P(
			T("Since May.")) "</w:footnote>"
					 "<w:footnote w:id=\"6\">" P(
						 T("Nobody refers to it.")) "</w:footnote></"
									    "w:footnotes>";
	static const char COMMENTS[] =
		"<w:comments " W "><w:comment w:id=\"1\" w:author=\"Mira\">" P(
			T("Is this true?")) "</w:comment></w:comments>";
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_string_equal(
		read_with(BODY(P(T("Rent is 40.") "<w:r><w:footnoteReference w:id=\"5\"/></w:r>")
					  P(T("Next."))),
			RELATIONS(RELATION("r1", "footnotes", "footnotes.xml")),
			"word/footnotes.xml", NOTES, &a),
		"P Rent is 40.\nN Note 1: Since May.\nP Next.\n");
	assert_string_equal(
		read_with(BODY(P(T("It  is ") "<w:commentRangeStart w:id=\"1\"/>" T(
				  "blue") "<w:commentRangeEnd w:id=\"1\"/><w:r><w:commentReference "
					  "w:id=\"1\"/></w:r>" T("."))),
			RELATIONS(RELATION("r1", "comments", "comments.xml")), "word/comments.xml",
			COMMENTS, &a),
		"P It is blue.\n@comment [blue] Mira: Is this true?\n");
	/* clang-format off */
	assert_string_equal(
		read_with(
			BODY(
				P(
					T("See ") "<w:hyperlink r:id=\"r7\">" T("the  rules")
					"</w:hyperlink>" T(" or ")
					"<w:r><w:fldChar w:fldCharType=\"begin\"/></w:r><w:r>"
					"<w:instrText>HYPERLINK "
					"\"https://b.example\"</w:instrText></w:r><w:r>"
					"<w:fldChar w:fldCharType=\"separate\"/></w:r>"
					T("these")
					"<w:r><w:fldChar w:fldCharType=\"end\"/></w:r>"
				)
			),
			RELATIONS(OUTSIDE("r7", "hyperlink", "https://a.example/")),
			NULL,
			NULL,
			&a
		),
		"P See the rules or these\n@link [the rules] https://a.example/\n@link "
		"[these] https://b.example\n"
	);
	/* clang-format on */
	arena_finish(&a);
}

static void test_hidden(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_string_equal(
		read_body(BODY(P(T("Seen ") LOOKS("<w:vanish/>", "secret") T("on")) P(
				  LOOKS("<w:color w:val=\"FFFFFF\"/>",
					  "white")) P(LOOKS("<w:sz w:val=\"2\"/>",
				  "tiny")) P(LOOKS("<w:color w:val=\"FFFFFF\"/><w:shd "
						   "w:val=\"clear\" w:fill=\"202060\"/>",
				  "on blue")) P(LOOKS("<w:vanish w:val=\"0\"/>", "back"))),
			&a),
		"P Seen on\nP on blue\nP back\n@hidden_part [] secret\n@hidden_color [] white\n"
		"@hidden_size [] tiny\n");
	assert_string_equal(
		read_body(BODY(P("<w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:ins>" T(
				  "new") "</w:ins><w:moveFrom>" T("gone") "</w:moveFrom>")),
			&a),
		"P new\n@deleted [] old\n");
	/* White in a cell or text box of unknown colour may well be seen. */
	assert_string_equal(
		read_body(BODY("<w:tbl><w:tr><w:tc><w:tcPr><w:shd w:val=\"clear\" "
			       "w:fill=\"1F3864\"/></w:tcPr>" P(LOOKS("<w:color w:val=\"FFFFFF\"/>",
				       "on blue")) "</w:tc></w:tr></w:tbl>"),
			&a),
		"P on blue\n");
	arena_finish(&a);
}

static void test_text_boxes(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	/* clang-format off */
	assert_string_equal(
		read_body(
			BODY(
				P(
					T("Around ")
					"<w:r><mc:AlternateContent><mc:Choice Requires=\"wps\">"
					"<w:txbxContent>" P(T("in the box"))
					"</w:txbxContent></mc:Choice><mc:Fallback>"
					"<w:txbxContent>" P(T("in the box"))
					"</w:txbxContent></mc:Fallback></mc:AlternateContent>"
					"</w:r>" T("it")
				)
			),
			&a
		),
		"P Around it\nP in the box\n"
	);
	/* clang-format on */
	arena_finish(&a);
}

static void test_faults(void **state)
{
	static const struct packed NO_MAIN[] = {
		{"[Content_Types].xml", TYPES}, {"_rels/.rels", PACKAGE}, {NULL, NULL}};
	static const struct packed CUT[] = {{"[Content_Types].xml", TYPES},
		{"_rels/.rels", PACKAGE}, {"word/document.xml", "<w:document " W "><w:body><w:p>"},
		{NULL, NULL}};
	static const struct packed DOCTYPE[] = {{"[Content_Types].xml", TYPES},
		{"_rels/.rels", PACKAGE},
		{"word/document.xml", "<!DOCTYPE d [<!ENTITY a \"b\">]><w:document " W "/>"},
		{NULL, NULL}};
	struct packed deep[] = {{"[Content_Types].xml", TYPES}, {"_rels/.rels", PACKAGE},
		{"word/document.xml", NULL}, {NULL, NULL}};
	struct buf body = BUF_INIT;

	(void)state;
	assert_fault(NO_MAIN, "broken_file");
	assert_fault(CUT, "broken_file");
	assert_fault(DOCTYPE, "refused_file");
	buf_str(&body, "<w:document " W "><w:body>");
	for (int i = 0; i < 1000; i++) {
		buf_str(&body, "<w:tbl><w:tr><w:tc>");
	}
	deep[2].content = body.data;
	assert_fault(deep, "over_limit");
	buf_finish(&body);
}

/* Addresses that lead out of the archive, in circles, or nowhere. */
static void test_traversal(void **state)
{
	static const struct packed PARTS[] = {{"[Content_Types].xml", TYPES},
		{"_rels/.rels", RELATIONS(RELATION("r1", "officeDocument", "../../../etc/passwd"))},
		{"word/document.xml", BODY(P(T("Still read")))},
		{"word/_rels/document.xml.rels",
			RELATIONS(RELATION("r1", "styles", "../../styles.xml")
					RELATION("r2", "footnotes", "document.xml"))},
		{NULL, NULL}};
	struct extracted x;
	struct err e = ERR_INIT;
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_int_equal(read_packed(z, PARTS, &a, &x, &e), 0);
	assert_string_equal(told(&x, &a), "P Still read\n");
	arena_finish(&a);
}

/* Files inside are handed on, but those that only hold what a chart was drawn from. */
static void test_children(void **state)
{
	static const struct packed PARTS[] = {{"[Content_Types].xml", TYPES},
		{"_rels/.rels", PACKAGE}, {"word/document.xml", BODY(P(T("Text")))},
		{"word/embeddings/plan.txt", "The plan."},
		{"word/embeddings/data.xlsx", "(numbers)"}, {"word/charts/chart1.xml", "<c/>"},
		{"word/charts/_rels/chart1.xml.rels",
			RELATIONS(RELATION("r1", "package", "../embeddings/data.xlsx"))},
		{NULL, NULL}};
	struct extracted x;
	struct err e = ERR_INIT;
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_int_equal(read_packed(z, PARTS, &a, &x, &e), 0);
	assert_int_equal(x.n_children, 1);
	assert_string_equal(told(&x, &a), "P Text\n@embedded [] plan.txt (9 bytes)\n");
	arena_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paragraphs),
		cmocka_unit_test(test_headings),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_notes_links_comments),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_text_boxes),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_traversal),
		cmocka_unit_test(test_children),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
