#include "tests/unit/ingest/zipping.h"

#include "tests/unit/ingest/arena_each.h"

#define STYLES                                                                                     \
	"<office:automatic-styles><style:page-layout style:name='PM'>"                             \
	"<style:page-layout-properties fo:page-width='28cm' fo:page-height='21cm'/>"               \
	"</style:page-layout><style:style style:name='hid' style:family='drawing-page'>"           \
	"<style:drawing-page-properties presentation:visibility='hidden'/></style:style>"          \
	"<style:style style:name='dark' style:family='drawing-page'>"                              \
	"<style:drawing-page-properties draw:fill='solid' draw:fill-color='#000000'/>"             \
	"</style:style><style:style style:name='blue' style:family='graphic'>"                     \
	"<style:graphic-properties draw:fill='solid' draw:fill-color='#0000aa'/></style:style>"    \
	"<style:style style:name='clear' style:family='graphic'>"                                  \
	"<style:graphic-properties draw:fill='none'/></style:style>"                               \
	"<style:style style:name='W' style:family='text'><style:text-properties "                  \
	"fo:color='#ffffff'/></style:style></office:automatic-styles><office:master-styles>"       \
	"<style:master-page style:name='M' style:page-layout-name='PM'/></office:master-styles>"

static struct extracted read_flat(const char *body)
{
	char *s = flat_odf("presentation", STYLES, body);
	struct extracted x = read_string(z, s, "a.fodp", &a);

	free(s);
	return x;
}

#define AT(x, y, w, h) " svg:x='" x "' svg:y='" y "' svg:width='" w "' svg:height='" h "'"
#define BOX(attributes, words)                                                                     \
	"<draw:frame" attributes "><draw:text-box><text:p>" words                                  \
	"</text:p></draw:text-box></draw:frame>"
#define NOTES(words)                                                                               \
	"<presentation:notes>" BOX(" presentation:class='notes'", words) "</presentation:notes>"
#define WHITE(words) "<text:span text:style-name='W'>" words "</text:span>"

static void slides(void **state)
{
	/* Shapes as they stand on the slide. */
	/* clang-format off */
	static const char BODY[] =
		"<presentation:footer-decl "
		"presentation:name='f'>FOOTER</presentation:footer-decl>"
		"<draw:page draw:name='page1' draw:master-page-name='M'>"
		BOX(
			" presentation:class='title'" AT("1in", "36pt", "10cm", "20mm"),
			"Plans 2032"
		) BOX(" presentation:class='footer'" AT("0cm", "20cm", "5cm", "1cm"), "FOOT")
		BOX(
			" presentation:class='outline' presentation:placeholder='true'"
			AT("1cm", "1cm", "5cm", "1cm"),
			"Click to add"
		) "<draw:frame" AT("1cm", "5cm", "10cm", "5cm")
		"><draw:text-box><text:list><text:list-item><text:p>grow</text:p>"
		"</text:list-item></text:list></draw:text-box></draw:frame><draw:frame"
		AT("1cm", "12cm", "10cm", "5cm")
		"><table:table><table:table-column/><table:table-column/><table:table-row>"
		"<table:table-cell><text:p>k</text:p></table:table-cell><table:table-cell>"
		"<text:p>v</text:p></table:table-cell></table:table-row></table:table>"
		"</draw:frame>" NOTES("Smile.</text:p><text:p>Wait.")
		"</draw:page>"
		"<draw:page draw:name='Secret' draw:style-name='hid' draw:master-page-name='M'>"
		BOX(AT("1cm", "1cm", "5cm", "1cm"), "not shown") NOTES("nor said")
		"</draw:page><draw:page draw:name='Figures' draw:master-page-name='M'>"
		"<draw:custom-shape svg:width='10cm' svg:height='2cm' draw:transform='rotate "
		"(1.5707963) translate (5cm 15cm)'><text:p>turned</text:p></draw:custom-shape>"
		"</draw:page>";
	/* clang-format on */
	static const char *const EXPECTED[] = {"H1 Plans 2032", "L - grow", "T1 k | v",
		"N Speaker notes: Smile.\nWait.", "P turned"};
	struct extracted x;

	(void)state;
	x = read_flat(BODY);
	ASSERT_LINES(&x, EXPECTED);
	assert_int_equal(x.paging, PAGING_SLIDES);
	assert_int_equal(x.n_pages, 2);
	assert_string_equal(x.title, "Plans 2032");
	assert_string_equal(x.pages[0].label, "Plans 2032");
	assert_string_equal(x.pages[1].label, "Figures");
	assert_true(x.pages[0].width > 793 && x.pages[0].width < 794);
	assert_int_equal(x.n_lines, 4);
	assert_true(x.lines[0].x0 == 72 && x.lines[0].y0 == 36);
	/* Turned by a quarter, it is 2 cm wide and 10 cm high, and ends where it was moved. */
	assert_true(x.lines[3].x0 > 141 && x.lines[3].x0 < 142);
	assert_true(x.lines[3].x1 - x.lines[3].x0 > 56 && x.lines[3].x1 - x.lines[3].x0 < 57.5f);
	assert_true(x.lines[3].y0 > 141 && x.lines[3].y1 < 426);
	annotation_of(&x, ANNOTATION_HIDDEN_PART, "not shown nor said");
	assert_null(strstr(x.text, "FOOT"));
}

static void what_is_not_seen_is_annotated(void **state)
{
	/* Shapes as they stand on the slide. */
	/* clang-format off */
	static const char BODY[] =
		"<draw:page draw:name='page1' draw:master-page-name='M'>"
		BOX(AT("1cm", "1cm", "5cm", "1cm"), WHITE("white") "a")
		BOX(AT("-9cm", "1cm", "5cm", "1cm"), "left of it")
		BOX(AT("1cm", "99cm", "5cm", "1cm"), "below it")
		"<draw:custom-shape draw:style-name='blue'" AT("10cm", "10cm", "5cm", "5cm")
		"><text:p>" WHITE("on blue") "</text:p></draw:custom-shape>"
		BOX(
			" draw:style-name='clear'" AT("11cm", "11cm", "2cm", "1cm"),
			WHITE("over blue")
		) "</draw:page><draw:page draw:style-name='dark' draw:master-page-name='M'>"
		BOX(AT("1cm", "1cm", "5cm", "1cm"), WHITE("on a dark slide"))
		"<office:annotation><dc:creator>Ada</dc:creator><text:p>too dark</text:p>"
		"</office:annotation></draw:page>";
	/* clang-format on */
	struct extracted x;

	(void)state;
	x = read_flat(BODY);
	assert_string_equal(x.text, "a\non blue\nover blue\non a dark slide\n");
	annotation_of(&x, ANNOTATION_HIDDEN_COLOR, "white");
	annotation_of(&x, ANNOTATION_HIDDEN_PLACE, "left of it");
	annotation_of(&x, ANNOTATION_HIDDEN_PLACE, "below it");
	annotation_of(&x, ANNOTATION_COMMENT, "Ada: too dark");
	assert_int_equal(x.n_annotations, 4);
}

static void hostile_ones(void **state)
{
	static const char BODY[] =
		"<text:p>no slide</text:p><draw:page draw:master-page-name='none'>"
		"<draw:frame svg:x='nan' svg:y='1e999cm' svg:width='-5cm' svg:height='infcm' "
		"draw:transform='rotate ( translate (((1cm'><draw:text-box><text:p>b</text:p>"
		"</draw:text-box></draw:frame><draw:page><text:p>inner</text:p></draw:page>"
		"<presentation:notes><presentation:notes><text:p>n</text:p></presentation:notes>"
		"</presentation:notes></draw:page>";
	char *s = flat_odf("presentation", STYLES, BODY);
	struct extracted x;

	(void)state;
	x = read_string(z, s, "a.fodp", &a);
	assert_null(strstr(x.text, "no slide"));
	assert_non_null(strstr(x.text, "b\n"));
	read_mutants(z, s, strlen(s), "a.fodp", 300, 5);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(slides),
		TEST(what_is_not_seen_is_annotated),
		TEST(hostile_ones),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
