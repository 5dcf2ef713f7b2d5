/* Places in a document's own words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "index/place.h"

static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_finish(&arena);
	return 0;
}

static void names_cells(void **state)
{
	const struct box boxes[] = {{2, 0, 1, 3, 2, 0, 1}, {2, 1, 4, 6, 5, 1, 2},
		{3, 0, 0, 900, 900, 2, 3}, {4, 25, 0, 28, 1, 3, 4}};
	const struct box one = {1, 702, 9, 703, 10, 0, 1};

	(void)state;
	assert_string_equal(place_cells(boxes, 4, 2, &arena), "A2:F5");
	assert_string_equal(place_cells(boxes, 4, 4, &arena), "Z1:AB1");
	assert_string_equal(place_cells(boxes, 4, 9, &arena), "");
	assert_string_equal(place_cells(NULL, 0, 1, &arena), "");
	assert_string_equal(place_cells(&one, 1, 1, &arena), "AAA10");
	assert_string_equal(place_on_sheet("Prices", "A2:F9", &arena), "Prices!A2:F9");
	assert_string_equal(place_on_sheet(NULL, "A2:F9", &arena), "A2:F9");
	assert_string_equal(place_on_sheet("Prices", "", &arena), "Prices");
}

static const char *on_sheet(const char *whole, const struct box *boxes, int n)
{
	const struct place_part p = {.whole = whole,
		.unit = "sheet",
		.first = 1,
		.page = 1,
		.boxes = boxes,
		.n_boxes = n};

	return place_at(&p, &arena);
}

/* Cells take the place of those of the whole; a sheet may be called as it likes. */
static void tells_the_cells_of_a_part(void **state)
{
	const struct box row = {1, 0, 2, 3, 3, 0, 1};

	(void)state;
	assert_string_equal(on_sheet("Prices!A2:F9", &row, 1), "Prices!A3:C3");
	assert_string_equal(on_sheet("A2:F9", &row, 1), "A3:C3");
	assert_string_equal(on_sheet("Sold!", &row, 1), "Sold!!A3:C3");
	assert_string_equal(on_sheet("Q1!plan!B2", &row, 1), "Q1!plan!A3:C3");
	assert_string_equal(on_sheet("Prices!A2:F9", NULL, 0), "Prices!A2:F9");
	assert_string_equal(on_sheet("", &row, 1), "A3:C3");
	assert_string_equal(on_sheet(NULL, NULL, 0), "");
}

static const char *on_page(const char *whole, int first, int page)
{
	const struct place_part p = {.whole = whole, .unit = "page", .first = first, .page = page};

	return place_at(&p, &arena);
}

static void tells_the_page_of_a_part(void **state)
{
	(void)state;
	assert_string_equal(on_page("iv", 4, 4), "iv");
	assert_string_equal(on_page("iv\n\nvi", 4, 4), "iv");
	assert_string_equal(on_page("iv\n\nvi", 4, 5), "");
	assert_string_equal(on_page("iv\n\nvi", 4, 6), "vi");
	assert_string_equal(on_page("iv\n\nvi", 4, 7), "");
	assert_string_equal(on_page("iv", 4, 3), "");
	assert_string_equal(on_page("", 1, 1), "");
	assert_string_equal(on_page(NULL, 1, 1), "");
}

static void tells_a_chunk(void **state)
{
	struct box row = {3, 0, 0, 2, 1, 0, 1};
	struct chunk c = {.place = "Prices\nCosts",
		.unit = "sheet",
		.page_first = 3,
		.page_last = 4,
		.boxes = &row,
		.n_boxes = 1};

	(void)state;
	assert_string_equal(chunk_place(&c, &arena), "Prices!A1:B1");
	c.unit = "page";
	assert_string_equal(chunk_place(&c, &arena), "Prices");
}

static void assert_words(const char *unit, int page, const char *place, const char *expected)
{
	struct buf out = BUF_INIT;

	buf_char(&out, '>');
	place_words(&out, unit, page, place);
	assert_string_equal(out.data + 1, expected);
	buf_finish(&out);
}

static void speaks(void **state)
{
	(void)state;
	assert_words("page", 3, "", "page 3");
	assert_words("page", 3, NULL, "page 3");
	assert_words("page", 4, "iv", "page iv (4)");
	assert_words("page", 4, "4", "page 4");
	assert_words("slide", 3, "", "slide 3");
	assert_words("slide", 3, "Our plan", "slide 3");
	assert_words("sheet", 2, "Prices!A2:F9", "Prices!A2:F9");
	assert_words("sheet", 2, "", "sheet 2");
	assert_words("chapter", 1, "Introduction", "chapter Introduction");
	assert_words("chapter", 1, "", "chapter 1");
	assert_words("message", 4, "", "message 4");
	assert_words("none", 1, "", "");
	assert_words(NULL, 1, "x", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_cells),
		cmocka_unit_test(tells_the_cells_of_a_part),
		cmocka_unit_test(tells_the_page_of_a_part),
		cmocka_unit_test(tells_a_chunk),
		cmocka_unit_test(speaks),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
