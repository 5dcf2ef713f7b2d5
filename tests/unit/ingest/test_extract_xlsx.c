/* Excel workbooks made on the spot: values as they are shown, tables with their headers, what
 * nobody sees. */
#include "packing.h"

#include "tests/unit/ingest/one_zygote.h"

#define S "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\""
#define R "xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\""
#define TYPES CONTENT_TYPES("/xl/workbook.xml", "spreadsheetml.sheet.main+xml")
#define PACKAGE RELATIONS(RELATION("r1", "officeDocument", "xl/workbook.xml"))
#define WORKBOOK(sheets) "<workbook " S " " R ">" sheets "</workbook>"
#define TAB(name, id, more) "<sheet name=\"" name "\" sheetId=\"1\" r:id=\"" id "\" " more "/>"
#define SHEET(rows, more)                                                                          \
	"<worksheet " S " " R "><sheetData>" rows "</sheetData>" more "</worksheet>"
#define ROW(n, cells) "<row r=\"" n "\">" cells "</row>"
#define N(ref, v) "<c r=\"" ref "\"><v>" v "</v></c>"
#define STYLED(ref, s, v) "<c r=\"" ref "\" s=\"" s "\"><v>" v "</v></c>"
#define I(ref, t) "<c r=\"" ref "\" t=\"inlineStr\"><is><t>" t "</t></is></c>"
#define STYLES                                                                                     \
	"<styleSheet " S "><numFmts><numFmt numFmtId=\"164\" formatCode=\"yyyy\\-mm\\-dd\"/>"      \
	"<numFmt numFmtId=\"165\" formatCode=\";;;\"/></numFmts><fonts><font/><font><b/></font>"   \
	"<font><color rgb=\"FFFFFFFF\"/></font><font><sz val=\"1\"/></font></fonts><fills><fill>"  \
	"<patternFill patternType=\"none\"/></fill><fill><patternFill patternType=\"solid\">"      \
	"<fgColor rgb=\"FF000080\"/></patternFill></fill></fills><cellXfs>"                        \
	"<xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\"/>"                                           \
	"<xf numFmtId=\"164\" fontId=\"0\" fillId=\"0\"/>"                                         \
	"<xf numFmtId=\"10\" fontId=\"0\" fillId=\"0\"/>"                                          \
	"<xf numFmtId=\"0\" fontId=\"1\" fillId=\"0\"/>"                                           \
	"<xf numFmtId=\"0\" fontId=\"2\" fillId=\"0\"/>"                                           \
	"<xf numFmtId=\"0\" fontId=\"2\" fillId=\"1\"/>"                                           \
	"<xf numFmtId=\"0\" fontId=\"3\" fillId=\"0\"/>"                                           \
	"<xf numFmtId=\"165\" fontId=\"0\" fillId=\"0\"/></cellXfs></styleSheet>"

static struct extracted read_book(const char *workbook, const char *sheet, const char *relations,
	const char *name, const char *content, struct arena *a)
{
	struct packed parts[] = {{"[Content_Types].xml", TYPES}, {"_rels/.rels", PACKAGE},
		{"xl/workbook.xml", workbook},
		{"xl/_rels/workbook.xml.rels",
			RELATIONS(RELATION("r1", "worksheet", "worksheets/sheet1.xml")
					RELATION("r2", "worksheet", "worksheets/sheet2.xml"))},
		{"xl/worksheets/sheet1.xml", sheet},
		{"xl/worksheets/sheet2.xml", SHEET(ROW("1", I("A1", "On two")), "")},
		{"xl/worksheets/_rels/sheet1.xml.rels", relations}, {"xl/styles.xml", STYLES},
		{name, content}, {NULL, NULL}};
	struct extracted x;
	struct err e = ERR_INIT;

	if (read_packed(z, parts, a, &x, &e)) {
		print_error("%s: %s\n", e.reason, e.message);
		fail();
	}
	assert_int_equal(x.paging, PAGING_SHEETS);
	return x;
}

#define ONE WORKBOOK("<sheets>" TAB("One", "r1", "") "</sheets>")

static const char *read_sheet(const char *sheet, struct arena *a)
{
	struct extracted x = read_book(ONE, sheet, RELATIONS(""), NULL, NULL, a);

	assert_int_equal(x.n_pages, 1);
	assert_string_equal(x.pages[0].label, "One");
	return told(&x, a);
}

static void test_values(void **state)
{
	static const char SHARED[] = "<sst " S "><si><t>plain</t></si><si><r><t>in </t></r><r><t>"
				     "runs</t></r><rPh><t>aloud</t></rPh></si></sst>";
	struct extracted x;
	struct arena a;

	(void)state;
	arena_init(&a);
	/* clang-format off */
	assert_string_equal(
		read_sheet(
			SHEET(
				ROW(
					"1",
					N("A1", "1.50") STYLED("B1", "1", "45000")
					STYLED("C1", "2", "0.125")
					"<c r=\"D1\" t=\"b\"><v>1</v></c><c r=\"E1\" t=\"e\">"
					"<v>#REF!</v></c><c r=\"F1\" t=\"str\"><f>A1&amp;1</f>"
					"<v>sum</v></c><c r=\"G1\"><f>1+1</f></c>"
					I("H1", "a | b")
				),
				""
			),
			&a
		),
		"T1 1.5 | 2023-03-15 | 12.50% | TRUE | #REF! | sum | | a | b\n"
	);
	/* clang-format on */
	x = read_book(ONE,
		SHEET(ROW("1", "<c r=\"A1\" t=\"s\"><v>0</v></c><c t=\"s\"><v>1</v></c>"
			       "<c t=\"s\"><v>9999999999999999999999999</v></c><c "
			       "t=\"s\"><v>-1</v></c>"),
			""),
		RELATIONS(""), "xl/sharedStrings.xml", SHARED, &a);
	assert_string_equal(told(&x, &a), "T1 plain | in runs\n");
	assert_string_equal(read_sheet(SHEET("", ""), &a), "");
	arena_finish(&a);
}

static void test_tables(void **state)
{
	struct extracted x;
	struct arena a;

	(void)state;
	arena_init(&a);
	/* Text over numbers names the columns; an empty row ends the table; a single cell before
	 * one is a title. */
	x = read_book(ONE,
		SHEET(ROW("2", I("B2", "Fees")) ROW("3", I("B3", "Port") I("C3", "Fee")) ROW("4",
			      I("B4", "North") N("C4", "120")) ROW("6", I("B6", "x") I("C6", "y"))
				ROW("7", I("B7", "z") I("D7", "w")),
			""),
		RELATIONS(""), NULL, NULL, &a);
	assert_string_equal(
		told(&x, &a), "P Fees\nT2 Port | Fee\nT North | 120\nT1 x | y\nT z | | w\n");
	assert_int_equal(x.n_lines, 5);
	assert_true(x.lines[1].x0 == 1 && x.lines[1].y0 == 2);
	assert_true(x.lines[1].x1 == 3 && x.lines[1].y1 == 3);
	/* In bold over text; a cell over two columns names both. */
	assert_string_equal(
		read_sheet(SHEET(ROW("1", I("A1", "Who") I("B1", "Days") I("D1", "Left")) ROW(
					 "2", I("B2", "2023") I("C2", "2024")) ROW("3",
					 I("A3", "Ada") N("B3", "1") N("C3", "2") N("D3", "3")),
				   "<mergeCells><mergeCell ref=\"B1:C1\"/><mergeCell "
				   "ref=\"A1:A2\"/></mergeCells>"),
			&a),
		"T2 Who | Days | Days | Left\nT2 Who | 2023 | 2024\nT Ada | 1 | 2 | 3\n");
	assert_string_equal(read_sheet(SHEET(ROW("1", STYLED("A1", "3", "2023") I("B1", "b"))
						       ROW("2", I("A2", "c") I("B2", "d")),
					       ""),
				    &a),
		"T1 2023 | b\nT c | d\n");
	/* A table of Excel says it itself. */
	x = read_book(ONE,
		SHEET(ROW("1", I("A1", "a") I("B1", "b")) ROW("2", I("A2", "c") I("B2", "d")), ""),
		RELATIONS(RELATION("r1", "table", "../tables/table1.xml")), "xl/tables/table1.xml",
		"<table " S " ref=\"A1:B2\"/>", &a);
	assert_string_equal(told(&x, &a), "T2 a | b\nT c | d\n");
	arena_finish(&a);
}

static void test_hidden(void **state)
{
	struct extracted x;
	struct arena a;

	(void)state;
	arena_init(&a);
	x = read_book(WORKBOOK("<sheets>" TAB("One", "r1", "state=\"veryHidden\"")
				      TAB("Two", "r2", "") "</sheets>"),
		SHEET(ROW("3", I("A3", "secret") N("B3", "7")), ""), RELATIONS(""), NULL, NULL, &a);
	assert_int_equal(x.n_pages, 1);
	assert_string_equal(x.pages[0].label, "Two");
	assert_string_equal(
		told(&x, &a), "P On two\n@hidden_part [] Hidden sheet “One”: row 3: secret | 7\n");
	assert_string_equal(
		read_sheet("<worksheet " S "><cols><col min=\"2\" max=\"2\" hidden=\"1\"/></cols>"
			   "<sheetData>" ROW("1", I("A1", "a") I("B1", "b") I("C1",
							  "c")) "<row r=\"2\" hidden=\"1\">" I("A2",
				   "d") I("C2", "e") "</row>"
						     "</sheetData></worksheet>",
			&a),
		"T1 a | | c\n@hidden_part [] B1: b; row 2: d | e\n");
	assert_string_equal(
		read_sheet(SHEET(ROW("1", STYLED("A1", "4", "1") STYLED("B1", "5", "2")
						  STYLED("C1", "6", "3") STYLED("D1", "7", "4")),
				   ""),
			&a),
		"P 2\n@hidden_color [] A1: 1\n@hidden_size [] C1: 3\n@hidden_render [] D1: 4\n");
	arena_finish(&a);
}

static void test_links_and_comments(void **state)
{
	struct extracted x;
	struct arena a;

	(void)state;
	arena_init(&a);
	x = read_book(ONE,
		SHEET(ROW("1", I("A1", "a") I("B1", "b")),
			"<hyperlinks><hyperlink ref=\"B1\" r:id=\"r9\"/></hyperlinks>"),
		RELATIONS(OUTSIDE("r9", "hyperlink", "https://a.example/")
				RELATION("r2", "comments", "../comments1.xml")),
		"xl/comments1.xml",
		"<comments " S "><authors><author>Mira</author></authors><commentList><comment "
		"ref=\"A1\" authorId=\"0\"><text><r><t>Sure?</t></r></text></comment>"
		"</commentList></comments>",
		&a);
	assert_string_equal(told(&x, &a),
		"T1 a | b\n@link [a | b] https://a.example/\n@comment [] A1, Mira: Sure?\n");
	arena_finish(&a);
}

/* Cells without places, twice at one, far out, in any order. */
static void test_odd_places(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_string_equal(read_sheet(SHEET("<row><c><v>1</v></c><c><v>2</v></c></row><row><c>"
					     "<v>3</v></c></row>",
					       ""),
				    &a),
		"T1 1 | 2\nT 3\n");
	assert_string_equal(
		read_sheet(SHEET(ROW("1", I("C1", "c") I("A1", "a") I("A1", "b")), ""), &a),
		"T1 b | | c\n");
	assert_string_equal(
		read_sheet(SHEET(ROW("1", I("A1", "a") I("XFD1", "z")), ""), &a), "T1 a | | z\n");
	assert_string_equal(
		read_sheet(SHEET(ROW("99999999999", I("AAAAAAA1", "a") I("!", "b")), ""), &a),
		"T1 a | b\n");
	arena_finish(&a);
}

static void test_faults(void **state)
{
	struct packed parts[] = {{"[Content_Types].xml", TYPES}, {"_rels/.rels", PACKAGE},
		{"xl/workbook.xml", ONE},
		{"xl/_rels/workbook.xml.rels",
			RELATIONS(RELATION("r1", "worksheet", "worksheets/sheet1.xml"))},
		{"xl/worksheets/sheet1.xml", "<worksheet " S "><sheetData><row>"}, {NULL, NULL}};
	struct extracted x;
	struct err e = ERR_INIT;
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_int_not_equal(read_packed(z, parts, &a, &x, &e), 0);
	assert_string_equal(e.reason, "broken_file");
	parts[4].content = NULL;
	parts[4].name = NULL;
	err_clear(&e);
	assert_int_not_equal(read_packed(z, parts, &a, &x, &e), 0);
	assert_string_equal(e.reason, "broken_file");
	arena_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_links_and_comments),
		cmocka_unit_test(test_odd_places),
		cmocka_unit_test(test_faults),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
