/* A passage found again in another drawing of its document. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ingest/locate.h"

#define LINES_MAX 4000

static struct arena arena;
static struct box lines[LINES_MAX];
static struct extracted drawn;
static struct buf text;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	text = (struct buf)BUF_INIT;
	drawn = (struct extracted){.lines = lines};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	buf_finish(&text);
	arena_finish(&arena);
	return 0;
}

static void line(int page, const char *words)
{
	struct box *l = &lines[drawn.n_lines];

	*l = (struct box){.page = page,
		.x0 = 72,
		.x1 = 400,
		.y0 = (float)(10 * drawn.n_lines),
		.y1 = (float)(10 * drawn.n_lines + 9),
		.byte_start = (int32_t)text.len};
	buf_str(&text, words);
	l->byte_end = (int32_t)text.len;
	buf_char(&text, '\n');
	drawn.n_lines++;
	drawn.text = text.data;
	drawn.n_bytes = (int32_t)text.len;
}

/* The lines that were found, as "3 4 5". */
static const char *where(const char *passage, double near)
{
	struct locate_request r = {.text = passage, .near = near};
	struct box *found;
	int n = locate_passage(&drawn, &r, &arena, &found);
	const char *out = "";

	for (int i = 0; i < n; i++) {
		out = arena_printf(&arena, "%s%s%d", out, i ? " " : "", (int)(found[i].y0 / 10));
	}
	return out;
}

static void finds_lines_broken_elsewhere(void **state)
{
	(void)state;
	line(1, "Travel policy");
	line(1, "Everyone books their own");
	line(1, "travel through the portal. Flights");
	line(1, "longer than six hours may be booked");
	line(1, "in premium economy.");
	line(1, "Hotels are another matter.");
	assert_string_equal(where("Flights longer than six hours may be booked in premium "
				  "economy.",
				    0),
		"2 3 4"); /* it begins at a line's end */
	assert_string_equal(where("TRAVEL policy\n", 0), "0");
	assert_string_equal(where("Hotels are another matter", 0), "5");
}

/* What stands between two pages is not of the passage. */
static void leaves_out_what_stands_between(void **state)
{
	struct box *found;
	struct locate_request r = {
		.text = "The otter swims in the morning\nand the heron waits in the reeds."};

	(void)state;
	line(1, "Chapter one of the book");
	line(1, "The otter swims in the morning");
	line(1, "12 Printed by Meridian and sons, Ghent");
	line(2, "Of rivers");
	line(2, "and the heron waits in the reeds.");
	assert_string_equal(where(r.text, 0), "1 4");
	assert_int_equal(locate_passage(&drawn, &r, &arena, &found), 2);
	assert_int_equal(found[0].page, 1);
	assert_int_equal(found[1].page, 2);
}

/* Cells are joined by bars in the text and by space on the page. */
static void finds_a_row(void **state)
{
	(void)state;
	line(1, "Item Price Stock");
	line(1, "Lamp 40 12");
	line(1, "Desk 310 4");
	line(1, "Chair 95 61");
	assert_string_equal(where("Desk | 310 | 4", 0), "2");
	assert_string_equal(where("Lamp | 40 | 12\nDesk | 310 | 4", 0), "1 2");
}

static void takes_the_nearer_of_two_alike(void **state)
{
	(void)state;
	line(1, "Total 40 EUR");
	for (int i = 0; i < 40; i++) {
		line(1 + i / 10, arena_printf(&arena, "row %d of something else altogether", i));
	}
	line(5, "Total 40 EUR");
	assert_string_equal(where("Total | 40 EUR", 0), "0");
	assert_string_equal(where("Total | 40 EUR", 1), "41");
}

static void says_that_it_is_not_there(void **state)
{
	struct locate_request r = {.text = "Hotels are another matter.", .near = 0};
	struct box *found;

	(void)state;
	assert_string_equal(where("anything", 0), "");
	line(1, "Travel policy");
	line(1, "Hotels are another matter.");
	assert_string_equal(where("", 0), "");
	assert_string_equal(where(" | – …", 0), "");
	assert_string_equal(where("Penguins live on ice and eat fish", 0), "");
	r.first = 14;
	assert_int_equal(locate_passage(&drawn, &r, &arena, &found), 1);
	r.first = 0;
	r.after = 14;
	assert_int_equal(locate_passage(&drawn, &r, &arena, &found), 0);
}

static void reads_scripts_without_blanks(void **state)
{
	(void)state;
	line(1, "差旅制度");
	line(1, "北京的住宿上限为每");
	line(1, "晚550元。报销单应在出差");
	line(1, "结束后十个工作日内提交。");
	assert_string_equal(where("北京的住宿上限为每晚550元。", 0), "1 2");
}

/* Paragraphs that differ in one number: it is not the words alone that say which. */
static void tells_alike_paragraphs_apart(void **state)
{
	struct buf passage = BUF_INIT;

	(void)state;
	for (int i = 1; i <= 60; i++) {
		line(1 + i / 20,
			arena_printf(&arena, "Paragraph %d: the heron counts the boats", i));
		line(1 + i / 20, arena_printf(&arena, "and keeps the book in room %d.", i));
		if (i > 50) {
			buf_printf(&passage,
				"Paragraph %d: the heron counts the boats and keeps the book in "
				"room %d.\n",
				i, i);
		}
	}
	line(4, "Ketch 48 EUR");
	buf_str(&passage, "Ketch | 48 EUR");
	assert_string_equal(where(passage.data, 0.8),
		"100 101 102 103 104 105 106 107 108 109 110 111 112 113 114 115 116 117 118 119 "
		"120");
	buf_finish(&passage);
}

static void is_linear_in_a_long_document(void **state)
{
	clock_t start;
	struct buf passage = BUF_INIT;

	(void)state;
	for (int i = 0; i < LINES_MAX; i++) {
		line(1 + i / 40, "the same words again and again and again on each of its lines");
	}
	for (int i = 0; i < 2000; i++) {
		buf_str(&passage, "again and the same words ");
	}
	start = clock();
	assert_true(strlen(where(passage.data, 0.5)) > 0);
	assert_true(clock() - start < CLOCKS_PER_SEC);
	buf_finish(&passage);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(finds_lines_broken_elsewhere),
		T(leaves_out_what_stands_between),
		T(finds_a_row),
		T(takes_the_nearer_of_two_alike),
		T(says_that_it_is_not_there),
		T(reads_scripts_without_blanks),
		T(tells_alike_paragraphs_apart),
		T(is_linear_in_a_long_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
