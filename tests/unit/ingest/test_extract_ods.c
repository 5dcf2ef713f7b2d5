#include "tests/unit/ingest/zipping.h"

#include "tests/unit/ingest/arena_each.h"

static struct extracted read_flat(const char *styles, const char *body)
{
	char *s = flat_odf("spreadsheet", styles, body);
	struct extracted x = read_string(z, s, "a.fods", &a);

	free(s);
	return x;
}

#define SHEET(name) "<table:table table:name='" name "'>"
#define SHEET_END "</table:table>"
#define ROW "<table:table-row>"
#define ROW_END "</table:table-row>\n"
#define TEXT(words)                                                                                \
	"<table:table-cell office:value-type='string'><text:p>" words "</text:p>"                  \
	"</table:table-cell>"
#define NUMBER(v, shown)                                                                           \
	"<table:table-cell office:value-type='float' office:value='" v "'><text:p>" shown          \
	"</text:p></table:table-cell>"
#define DATE(v, shown)                                                                             \
	"<table:table-cell office:value-type='date' office:date-value='" v "'><text:p>" shown      \
	"</text:p></table:table-cell>"
#define EMPTY(n) "<table:table-cell table:number-columns-repeated='" n "'/>"
#define EMPTY_ROWS(n)                                                                              \
	"<table:table-row table:number-rows-repeated='" n "'><table:table-cell/>" ROW_END

static void assert_box(const struct extracted *x, int i, float x0, float y0, float x1, float y1)
{
	assert_true(i < x->n_lines);
	if (x->lines[i].x0 != x0 || x->lines[i].y0 != y0 || x->lines[i].x1 != x1 ||
		x->lines[i].y1 != y1) {
		fail_msg("box %d is %g %g %g %g", i, x->lines[i].x0, x->lines[i].y0, x->lines[i].x1,
			x->lines[i].y1);
	}
}

static void sheets_rows_and_values(void **state)
{
	/* Rows as they stand on the sheet. */
	/* clang-format off */
	static const char BODY[] =
		"<table:content-validations><table:help-message><text:p>HELP</text:p>"
		"</table:help-message></table:content-validations>"
		SHEET("Costs") "<table:table-column table:number-columns-repeated='4'/>"
		ROW TEXT("Costs 2031") ROW_END
		ROW TEXT("Item") TEXT("Price") TEXT("Bought") TEXT("Share") ROW_END
		ROW TEXT("Desk") NUMBER("310.5", "310.50 &#8364;") DATE("2031-05-04", "4 May")
		"<table:table-cell office:value-type='percentage' office:value='0.25'>"
		"<text:p>25 %</text:p></table:table-cell>" ROW_END
		EMPTY_ROWS("3")
		ROW EMPTY("2") DATE("2031-05-04T09:30:00", "")
		"<table:table-cell office:value-type='float' office:value='7'/>"
		"<table:table-cell office:value-type='boolean' office:boolean-value='true'/>"
		ROW_END SHEET_END
		SHEET("Prices") "<table:table-header-rows>"
		ROW TEXT("Kind") TEXT("Note") ROW_END "</table:table-header-rows>"
		ROW TEXT("a") TEXT("b") ROW_END SHEET_END
		SHEET("Empty") SHEET_END;
	/* clang-format on */
	static const char *const EXPECTED[] = {"T1 Costs 2031", "T2 Item | Price | Bought | Share",
		"T Desk | 310.50 € | 2031-05-04 | 25 %", "T1 2031-05-04 09:30 | 7 | true",
		"T2 Kind | Note", "T a | b"};
	struct extracted x;

	(void)state;
	x = read_flat("", BODY);
	ASSERT_LINES(&x, EXPECTED);
	assert_int_equal(x.paging, PAGING_SHEETS);
	assert_int_equal(x.n_pages, 3);
	assert_string_equal(x.pages[0].label, "Costs");
	assert_string_equal(x.pages[2].label, "Empty");
	assert_box(&x, 0, 0, 0, 1, 1);
	assert_box(&x, 2, 0, 2, 4, 3);
	assert_box(&x, 3, 2, 6, 5, 7);
}

static void what_is_not_seen_is_annotated(void **state)
{
	static const char STYLES[] =
		"<office:automatic-styles><style:style style:name='off' style:family='table'>"
		"<style:table-properties table:display='false'/></style:style>"
		"<style:style style:name='white' style:family='table-cell'><style:text-properties "
		"fo:color='#ffffff'/></style:style></office:automatic-styles>";
	/* Rows as they stand on the sheet. */
	/* clang-format off */
	static const char BODY[] =
		"<table:table table:name='Secret' table:style-name='off'>"
		ROW TEXT("s1") TEXT("s2") ROW_END SHEET_END
		SHEET("Open")
		"<table:table-column/>"
		"<table:table-column table:visibility='collapse' "
		"table:number-columns-repeated='2'/><table:table-column/>"
		ROW TEXT("A") TEXT("h1") TEXT("h2") TEXT("D") ROW_END
		"<table:table-row table:visibility='filter'>" TEXT("gone") ROW_END
		ROW TEXT("x")
		"<table:table-cell table:number-columns-repeated='3'><text:p>r</text:p>"
		"</table:table-cell>" ROW_END
		ROW
		"<table:table-cell table:number-columns-spanned='4'><office:annotation>"
		"<dc:creator>Ben</dc:creator><text:p>check</text:p></office:annotation>"
		"<text:p>wide</text:p></table:table-cell><table:covered-table-cell>"
		"<text:p>under</text:p></table:covered-table-cell>" ROW_END
		ROW
		"<table:table-cell table:style-name='white' office:value-type='float' "
		"office:value='42'><text:p>42</text:p></table:table-cell>" EMPTY("2")
		"<table:table-cell><draw:custom-shape><text:p>in a shape</text:p>"
		"</draw:custom-shape><text:p/></table:table-cell>" ROW_END SHEET_END;
	/* clang-format on */
	struct extracted x;

	(void)state;
	x = read_flat(STYLES, BODY);
	print_blocks(&x);
	assert_int_equal(x.n_pages, 1);
	assert_string_equal(x.text, "A | | | D\nx | | | r\nwide\nin a shape\n");
	annotation_of(&x, ANNOTATION_HIDDEN_PART, "s1 s2");
	annotation_of(&x, ANNOTATION_HIDDEN_PART, "h1");
	annotation_of(&x, ANNOTATION_HIDDEN_PART, "h2");
	annotation_of(&x, ANNOTATION_HIDDEN_PART, "gone");
	annotation_of(&x, ANNOTATION_HIDDEN_PART, "under");
	annotation_of(&x, ANNOTATION_HIDDEN_COLOR, "42");
	annotation_of(&x, ANNOTATION_COMMENT, "Ben: check");
}

static void counts_are_bounded(void **state)
{
	/* Rows as they stand on the sheet. */
	/* clang-format off */
	static const char BODY[] =
		SHEET("Wide")
		"<table:table-row table:number-rows-repeated='1048576'>"
		"<table:table-cell table:number-columns-repeated='16384'><text:p>x</text:p>"
		"</table:table-cell>" ROW_END SHEET_END
		SHEET("Far")
		EMPTY_ROWS("1048575")
		ROW TEXT("a") EMPTY("16382") TEXT("b") ROW_END SHEET_END;
	/* clang-format on */
	struct extracted x;
	const struct box *last;

	(void)state;
	x = read_flat("", BODY);
	assert_int_equal(x.n_blocks, 101);
	last = &x.lines[99];
	assert_true(last->y0 == 99 && last->y1 == 1048576);
	last = &x.lines[100];
	assert_true(last->y0 == 1048575 && last->x1 == 16384);
	assert_true(last->byte_end - last->byte_start < 1000);
}

static void long_sheets_stream(void **state)
{
	struct buf b = BUF_INIT;
	struct extracted x;

	(void)state;
	buf_str(&b, SHEET("Long") ROW TEXT("Day") TEXT("Hours") ROW_END);
	for (int i = 0; i < 5000; i++) {
		buf_printf(&b, ROW TEXT("d%d") NUMBER("%d", "%d") ROW_END, i, i, i);
	}
	buf_str(&b, "</table:table>");
	x = read_flat("", b.data);
	assert_int_equal(x.n_blocks, 5001);
	assert_string_equal(block_line(&x, 0), "T2 Day | Hours");
	assert_string_equal(block_line(&x, 4000), "T d3999 | 3999");
	assert_box(&x, 4000, 0, 4000, 2, 4001);
	buf_finish(&b);
}

static void hostile_ones(void **state)
{
	/* Rows as they stand on the sheet. */
	/* clang-format off */
	static const char BODY[] =
		SHEET("A")
		"<table:table-column table:visibility='collapse' "
		"table:number-columns-repeated='-5'/>"
		ROW TEXT("q") NUMBER("1", "1") ROW_END
		"<table:table-row table:number-rows-repeated='x'><table:covered-table-cell/>"
		"<draw:frame><draw:text-box><text:p>s</text:p></draw:text-box></draw:frame>"
		ROW_END "<table:shapes><draw:g><text:p>t</text:p></draw:g></table:shapes>"
		SHEET_END "<text:p>nowhere</text:p>";
	/* clang-format on */
	char *s = flat_odf("spreadsheet", "", BODY);

	(void)state;
	read_mutants(z, s, strlen(s), "a.fods", 300, 77);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sheets_rows_and_values),
		TEST(what_is_not_seen_is_annotated),
		TEST(counts_are_bounded),
		TEST(long_sheets_stream),
		TEST(hostile_ones),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
