/* Presentations made on the spot: slides in their order, places, notes, what nobody sees. */
#include "packing.h"

#include "tests/unit/ingest/one_zygote.h"

#define NS                                                                                         \
	"xmlns:p=\"http://schemas.openxmlformats.org/presentationml/2006/main\" "                  \
	"xmlns:a=\"http://schemas.openxmlformats.org/drawingml/2006/main\" "                       \
	"xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\""
#define TYPES CONTENT_TYPES("/ppt/presentation.xml", "presentationml.presentation.main+xml")
#define PACKAGE RELATIONS(RELATION("r1", "officeDocument", "ppt/presentation.xml"))
#define SHOW                                                                                       \
	"<p:presentation " NS "><p:sldIdLst><p:sldId id=\"256\" r:id=\"r2\"/><p:sldId id=\"257\" " \
	"r:id=\"r1\"/></p:sldIdLst><p:sldSz cx=\"9144000\" cy=\"6858000\"/></p:presentation>"
#define TREE(shapes) "<p:cSld><p:spTree>" shapes "</p:spTree></p:cSld>"
#define SLIDE(shapes) "<p:sld " NS ">" TREE(shapes) "</p:sld>"
#define PH(type, idx) "<p:nvPr><p:ph type=\"" type "\" idx=\"" idx "\"/></p:nvPr>"
#define AT(x, y, w, h)                                                                             \
	"<a:xfrm><a:off x=\"" x "\" y=\"" y "\"/><a:ext cx=\"" w "\" cy=\"" h "\"/></a:xfrm>"
#define SP(named, properties, text)                                                                \
	"<p:sp><p:nvSpPr><p:cNvPr id=\"1\" name=\"x\"/>" named "</p:nvSpPr><p:spPr>" properties    \
	"</p:spPr><p:txBody>" text "</p:txBody></p:sp>"
#define AP(properties, s) "<a:p>" properties "<a:r><a:t>" s "</a:t></a:r></a:p>"
#define LOOKS(look, s) "<a:p><a:r>" look "<a:t>" s "</a:t></a:r></a:p>"

/* Slide 1 of the file is the given one, shown second; the first that is shown says "Opening". */
static struct extracted read_show(
	const char *slide, const char *relations, const struct packed *more, struct arena *a)
{
	struct packed parts[16] = {{"[Content_Types].xml", TYPES}, {"_rels/.rels", PACKAGE},
		{"ppt/presentation.xml", SHOW},
		{"ppt/_rels/presentation.xml.rels",
			RELATIONS(RELATION("r1", "slide", "slides/slide1.xml")
					RELATION("r2", "slide", "slides/slide2.xml"))},
		{"ppt/slides/slide1.xml", slide},
		{"ppt/slides/slide2.xml",
			SLIDE(SP(PH("ctrTitle", "0"), AT("0", "0", "9144000", "1270000"),
				AP("", "Opening")))},
		{"ppt/slides/_rels/slide1.xml.rels", relations}};
	struct extracted x;
	struct err e = ERR_INIT;

	for (int i = 7; more && more->name; i++) {
		parts[i] = *more++;
	}
	if (read_packed(z, parts, a, &x, &e)) {
		print_error("%s: %s\n", e.reason, e.message);
		fail();
	}
	assert_int_equal(x.paging, PAGING_SLIDES);
	assert_int_equal(x.n_pages, 2);
	assert_string_equal(x.pages[0].label, "Opening");
	assert_true(x.pages[1].width == 720 && x.pages[1].height == 540);
	return x;
}

static const char *read_slide(const char *slide, struct arena *a)
{
	struct extracted x = read_show(slide, RELATIONS(""), NULL, a);

	return told(&x, a);
}

static void test_shapes(void **state)
{
	struct extracted x;
	struct arena a;

	(void)state;
	arena_init(&a);
	x = read_show(SLIDE(SP("", AT("1270000", "2540000", "2540000", "1270000"),
			      AP("<a:pPr><a:buChar char=\"•\"/></a:pPr>", "one")
				      AP("<a:pPr lvl=\"1\"><a:buAutoNum type=\"arabicPeriod\"/>"
					 "</a:pPr>",
					      "two") AP("<a:pPr lvl=\"1\"><a:buAutoNum "
							"type=\"arabicPeriod\"/></a:pPr>",
					      "three") AP("", "four")) SP(PH("title", "0"), "",
			      AP("", "Fees")) SP(PH("sldNum", "9"), "", AP("", "7"))),
		RELATIONS(""), NULL, &a);
	assert_string_equal(x.title, "Opening");
	assert_string_equal(x.pages[1].label, "Fees");
	assert_string_equal(
		told(&x, &a), "H1 Opening\nH1 Fees\nL - one\nL 1. two\nL 2. three\nP four\n");
	assert_true(x.lines[1].x0 == 100 && x.lines[1].y0 == 200 && x.lines[1].x1 == 300 &&
		    x.lines[1].y1 == 300);
	arena_finish(&a);
}

/* A group of twice the size; places and bullets of the layout and the master. */
static void test_inherited(void **state)
{
	static const struct packed MODELS[] = {
		{"ppt/slideLayouts/slideLayout1.xml",
			"<p:sldLayout " NS
			">" TREE(SP(PH("body", "4"), AT("127000", "127000", "1270000", "1270000"),
				AP("", "Prompt"))) "</p:sldLayout>"},
		{"ppt/slideLayouts/_rels/slideLayout1.xml.rels",
			RELATIONS(RELATION("r1", "slideMaster", "../slideMasters/m.xml"))},
		{"ppt/slideMasters/m.xml",
			"<p:sldMaster " NS
			">" TREE(SP(PH("title", "1"), AT("0", "0", "254000", "127000"),
				"")) "<p:txStyles><p:bodyStyle><a:lvl1pPr><a:buChar "
				     "char=\"•\"/></a:lvl1pPr>"
				     "</p:bodyStyle></p:txStyles></p:sldMaster>"},
		{NULL, NULL}};
	struct extracted x;
	struct arena a;

	(void)state;
	arena_init(&a);
	x = read_show(SLIDE("<p:grpSp><p:grpSpPr><a:xfrm><a:off x=\"1270000\" y=\"0\"/><a:ext "
			    "cx=\"2540000\" cy=\"2540000\"/><a:chOff x=\"0\" y=\"0\"/><a:chExt "
			    "cx=\"1270000\" cy=\"1270000\"/></a:xfrm></p:grpSpPr>" SP("",
				    AT("127000", "127000", "127000", "127000"),
				    AP("", "in a group")) "</p:grpSp>" SP(PH("body", "4"), "",
				    AP("", "item")) SP(PH("title", "0"), "", AP("", "Title"))),
		RELATIONS(RELATION("r1", "slideLayout", "../slideLayouts/slideLayout1.xml")),
		MODELS, &a);
	assert_string_equal(told(&x, &a), "H1 Opening\nH1 Title\nP in a group\nL - item\n");
	assert_int_equal(x.n_lines, 4);
	assert_true(x.lines[1].x1 == 20 && x.lines[1].y1 == 10);
	assert_true(x.lines[2].x0 == 120 && x.lines[2].y0 == 20 && x.lines[2].x1 == 140);
	assert_true(x.lines[3].x0 == 10 && x.lines[3].x1 == 110);
	arena_finish(&a);
}

#define TC(properties, s) "<a:tc " properties "><a:txBody>" AP("", s) "</a:txBody></a:tc>"

static void test_tables(void **state)
{
	struct extracted x;
	struct arena a;

	(void)state;
	arena_init(&a);
	x = read_show(
		SLIDE("<p:graphicFrame><p:xfrm><a:off x=\"0\" y=\"1270000\"/><a:ext cx=\"2540000\" "
		      "cy=\"2540000\"/></p:xfrm><a:graphic><a:graphicData><a:tbl><a:tblPr "
		      "firstRow=\"1\"/><a:tr h=\"100\">" TC("", "Port") TC(
			      "gridSpan=\"2\"", "Fee") TC("hMerge=\"1\"",
			      "") "</a:tr><a:tr h=\"300\">" TC("rowSpan=\"2\"", "North") TC("",
			      "1") TC("", "2") "</a:tr><a:tr h=\"0\">" TC("vMerge=\"1\"", "") TC("",
			      "3") TC("",
			      "4") "</a:tr></a:tbl></a:graphicData></a:graphic></p:graphicFrame>"),
		RELATIONS(""), NULL, &a);
	assert_string_equal(told(&x, &a),
		"H1 Opening\nT2 Port | Fee | Fee\nT North | 1 | 2\nT North | 3 | 4\n");
	assert_true(x.lines[1].y0 == 100 && x.lines[1].y1 == 150);
	assert_true(x.lines[2].y0 == 150 && x.lines[2].y1 == 300);
	arena_finish(&a);
}

static void test_notes_links_comments(void **state)
{
	static const struct packed MORE[] = {
		{"ppt/notesSlides/n1.xml",
			"<p:notes " NS
			">" TREE(SP(PH("body", "1"), "", AP("", "Say hello.") AP("", "Then wait."))
					SP(PH("sldNum", "2"), "", AP("", "2"))) "</p:notes>"},
		{"ppt/comments/c1.xml",
			"<p:cmLst " NS "><p:cm authorId=\"0\"><p:text>Too long</p:text></p:cm>"
			"</p:cmLst>"},
		{"ppt/comments/c2.xml",
			"<p188:cmLst xmlns:p188=\"http://schemas.microsoft.com/office/powerpoint/"
			"2018/8/main\" xmlns:a=\"http://schemas.openxmlformats.org/drawingml/2006/"
			"main\"><p188:cm><p188:replyLst><p188:reply><p188:txBody>" AP(
				"", "No") "</p188:txBody></p188:reply></"
					  "p188:replyLst><p188:txBody>" AP(
						  "", "Drop it?") "</p188:txBody></p188:cm></"
								  "p188:cmLst>"},
		{NULL, NULL}};
	struct extracted x;
	struct arena a;

	(void)state;
	arena_init(&a);
	x = read_show(
		SLIDE(SP("", "",
			"<a:p><a:r><a:t>See </a:t></a:r><a:r><a:rPr><a:hlinkClick r:id=\"r5\"/>"
			"</a:rPr><a:t>rules</a:t></a:r></a:p>")),
		RELATIONS(RELATION("r1", "notesSlide", "../notesSlides/n1.xml") RELATION(
			"r2", "comments", "../comments/c1.xml") RELATION("r3", "comments",
			"../comments/c2.xml") OUTSIDE("r5", "hyperlink", "https://a.example/")),
		MORE, &a);
	assert_string_equal(told(&x, &a),
		"H1 Opening\nP See rules\nN Speaker notes: Say hello.\nThen wait.\n"
		"@link [rules] https://a.example/\n@comment [] Too long\n@comment [] No\n"
		"@comment [] Drop it?\n");
	arena_finish(&a);
}

#define WHITE "<a:rPr><a:solidFill><a:srgbClr val=\"FFFFFF\"/></a:solidFill></a:rPr>"
#define WHITE_PAGE                                                                                 \
	"<p:bg><p:bgPr><a:solidFill><a:srgbClr val=\"FFFFFF\"/></a:solidFill></p:bgPr></p:bg>"
#define BLUE "<a:solidFill><a:srgbClr val=\"203080\"/></a:solidFill>"

static void test_hidden(void **state)
{
	struct extracted x;
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_string_equal(
		read_slide(SLIDE("<p:sp><p:nvSpPr><p:cNvPr id=\"1\" name=\"x\" hidden=\"1\"/>"
				 "</p:nvSpPr><p:txBody>" AP("", "no") "</p:txBody></p:sp>" SP(
					 "", AT("99990000", "0", "10", "10"), AP("", "far out"))
					   SP("", "", LOOKS("<a:rPr sz=\"100\"/>", "tiny"))),
			&a),
		"H1 Opening\n@hidden_part [] no\n@hidden_place [] far out\n@hidden_size [] tiny\n");
	x = read_show("<p:sld " NS
		      " show=\"0\">" TREE(SP(PH("title", "0"), "", AP("", "Secret"))) "</p:sld>",
		RELATIONS(""), NULL, &a);
	assert_null(x.pages[1].label);
	assert_string_equal(told(&x, &a), "H1 Opening\n@hidden_part [] Hidden slide: Secret\n");
	/* White is unseen on white only: not on a blue shape, nor over one, nor where the colour
	 * of the page is not known. */
	assert_string_equal(
		read_slide(
			"<p:sld " NS "><p:cSld>" WHITE_PAGE "<p:spTree>" SP(
				"", AT("0", "0", "1270000", "1270000"), LOOKS(WHITE, "unseen"))
				SP("", AT("0", "1270000", "1270000", "1270000") BLUE,
					LOOKS(WHITE, "on blue")) SP("",
					AT("0", "1280000", "1270000", "12700"),
					LOOKS(WHITE, "over blue")) "</p:spTree></p:cSld></p:sld>",
			&a),
		"H1 Opening\nP on blue\nP over blue\n@hidden_color [] unseen\n");
	assert_string_equal(
		read_slide(SLIDE(SP("", AT("0", "0", "1270000", "1270000"), LOOKS(WHITE, "shown"))),
			&a),
		"H1 Opening\nP shown\n");
	arena_finish(&a);
}

static void test_charts_and_diagrams(void **state)
{
#define C "xmlns:c=\"http://schemas.openxmlformats.org/drawingml/2006/chart\""
#define D "xmlns:dgm=\"http://schemas.openxmlformats.org/drawingml/2006/diagram\""
	static const struct packed MORE[] = {
		{"ppt/charts/chart1.xml",
			"<c:chartSpace " C " " NS "><c:chart><c:title><a:p><a:r><a:t>Berths</a:t>"
			"</a:r></a:p></c:title><c:plotArea><c:barChart><c:ser><c:tx><c:strRef>"
			"<c:strCache><c:pt idx=\"0\"><c:v>2024</c:v></c:pt></c:strCache></c:strRef>"
			"</c:tx><c:cat><c:strRef><c:strCache><c:pt "
			"idx=\"0\"><c:v>North</c:v></c:pt>"
			"<c:pt idx=\"1\"><c:v>South</c:v></c:pt></c:strCache></c:strRef></c:cat>"
			"<c:val><c:numRef><c:numCache><c:formatCode>0%</c:formatCode><c:pt "
			"idx=\"0\"><c:v>0.25</c:v></c:pt><c:pt idx=\"1\"><c:v>0.75</c:v></c:pt>"
			"</c:numCache></c:numRef></c:val></c:ser></c:barChart></c:plotArea>"
			"</c:chart></c:chartSpace>"},
		{"ppt/diagrams/data1.xml",
			"<dgm:dataModel " D " " NS "><dgm:ptLst><dgm:pt><dgm:t>" AP(
				"", "Arrive") "</dgm:t></dgm:pt><dgm:pt "
					      "type=\"pres\"/><dgm:pt><dgm:t>" AP(
						      "", "Leave") "</dgm:t></dgm:pt></dgm:ptLst></"
								   "dgm:dataModel>"},
		{NULL, NULL}};
	struct extracted x;
	struct arena a;

	(void)state;
	arena_init(&a);
	x = read_show(
		SLIDE("<p:graphicFrame><a:graphic><a:graphicData><c:chart " C " r:id=\"r1\"/>"
		      "</a:graphicData></a:graphic></p:graphicFrame><p:graphicFrame><a:graphic>"
		      "<a:graphicData><dgm:relIds " D " r:dm=\"r2\"/></a:graphicData></a:graphic>"
		      "</p:graphicFrame>"),
		RELATIONS(RELATION("r1", "chart", "../charts/chart1.xml")
				RELATION("r2", "diagramData", "../diagrams/data1.xml")),
		MORE, &a);
	assert_string_equal(told(&x, &a),
		"H1 Opening\nP Chart: Berths\nT2 | 2024\nT North | 25%\nT South | 75%\n"
		"L - Arrive\nL - Leave\n");
	arena_finish(&a);
}

static void test_faults(void **state)
{
	static const struct packed CUT[] = {{"[Content_Types].xml", TYPES},
		{"_rels/.rels", PACKAGE}, {"ppt/presentation.xml", SHOW},
		{"ppt/_rels/presentation.xml.rels",
			RELATIONS(RELATION("r1", "slide", "slides/slide1.xml"))},
		{"ppt/slides/slide1.xml", "<p:sld " NS "><p:cSld>"}, {NULL, NULL}};
	static const struct packed NO_SLIDES[] = {{"[Content_Types].xml", TYPES},
		{"_rels/.rels", PACKAGE}, {"ppt/presentation.xml", SHOW}, {NULL, NULL}};
	struct extracted x;
	struct err e = ERR_INIT;
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_int_not_equal(read_packed(z, CUT, &a, &x, &e), 0);
	assert_string_equal(e.reason, "broken_file");
	err_clear(&e);
	assert_int_equal(read_packed(z, NO_SLIDES, &a, &x, &e), 0);
	assert_int_equal(x.n_bytes, 0);
	arena_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_inherited),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_notes_links_comments),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_charts_and_diagrams),
		cmocka_unit_test(test_faults),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
