/* chat/cli/text: what other people wrote does not steer the terminal, and columns line up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "chat/cli/text.h"

static void steering_is_replaced(void **state)
{
	static const char in[] = "a\033[2Jb\tc\nd\x7f"
				 "e\xe2\x80\xaeright\xff"
				 "f\xe2\x80\x8bg";
	struct buf out = BUF_INIT;

	(void)state;
	text_clean(&out, in, sizeof(in) - 1, true);
	assert_string_equal(out.data, "a\xef\xbf\xbd[2Jb\tc\nd\xef\xbf\xbd"
				      "e\xef\xbf\xbdright\xef\xbf\xbd"
				      "f\xef\xbf\xbdg");
	buf_clear(&out);
	text_clean(&out, "a\nb\tc\rd", 7, false);
	assert_string_equal(out.data, "a b c d");
	buf_finish(&out);
}

static void widths_are_those_of_a_terminal(void **state)
{
	static const struct {
		const char *text;
		int width;
	} rows[] = {
		{"", 0},
		{"abc", 3},
		{"Grün", 4},
		{"流量计", 6},
		{"e\xcc\x81", 1},
		{"한국", 4},
		{"ｆｕｌｌ", 8},
		{"\xe2\x80\xa6", 1},
		{"a\xe2\x80\x8d"
		 "b",
			2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(text_width(rows[i].text, strlen(rows[i].text)), rows[i].width);
	}
}

static void cells_have_their_width(void **state)
{
	static const char *const texts[] = {
		"", "a", "exactly", "longer than seven", "流量计手册", "流a量b计"};
	struct buf out = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (int right = 0; right < 2; right++) {
			buf_clear(&out);
			text_cell(&out, texts[i], 7, right);
			assert_int_equal(text_width(out.data, out.len), 7);
		}
	}
	buf_clear(&out);
	text_cell(&out, "longer than seven", 7, false);
	assert_string_equal(out.data, "longer…");
	buf_clear(&out);
	text_cell(&out, "42", 5, true);
	assert_string_equal(out.data, "   42");
	buf_finish(&out);
}

static void lines_break_at_spaces(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	text_wrap(&out, "the quick brown fox\njumps", 12, 2);
	assert_string_equal(out.data, "  the quick\n  brown fox\n  jumps\n");
	buf_clear(&out);
	text_wrap(&out, "onelongwordthatfitsnowhere", 10, 0);
	assert_string_equal(out.data, "onelongwor\ndthatfitsn\nowhere\n");
	buf_clear(&out);
	text_wrap(&out, "流量计的安装说明书", 10, 0);
	assert_string_equal(out.data, "流量计的安\n装说明书\n");
	buf_clear(&out);
	text_wrap(&out, "", 10, 0);
	assert_int_equal(out.len, 0);
	buf_finish(&out);
}

static void wrapped_lines_never_are_too_wide(void **state)
{
	static const char text[] = "Über 流量计 meters, naïve 한국어 and "
				   "a-very-long-word-indeed-it-is. 安装：见第二页。";
	struct buf out = BUF_INIT;

	(void)state;
	for (int columns = 8; columns < 60; columns++) {
		buf_clear(&out);
		text_wrap(&out, text, columns, 0);
		for (const char *line = out.data; *line;) {
			size_t n = strcspn(line, "\n");

			assert_true(n > 0);
			assert_true(text_width(line, n) <= columns);
			line += n + 1;
		}
	}
	buf_finish(&out);
}

static void pieces_flow_as_the_whole_does(void **state)
{
	static const char text[] = "the quick brown fox jumps over 流量计的安装 and ends\nhere. ";
	static const char expected[] =
		"the quick\nbrown fox\njumps over\n流量计的安\n装 and ends\nhere. ";

	(void)state;
	for (size_t step = 1; step < sizeof(text); step++) {
		struct text_flow f = {.columns = 11};
		struct buf out = BUF_INIT;

		for (size_t i = 0; i < sizeof(text) - 1;) {
			size_t n = sizeof(text) - 1 - i < step ? sizeof(text) - 1 - i : step;

			while (i + n < sizeof(text) - 1 &&
				((unsigned char)text[i + n] & 0xc0) == 0x80) {
				n++;
			}
			text_flow_add(&f, &out, text + i, n);
			i += n;
		}
		text_flow_end(&f, &out);
		assert_string_equal(out.data, expected);
		buf_finish(&out);
	}
}

static void sizes_and_times_are_short(void **state)
{
	static const struct {
		int64_t n;
		const char *bytes, *duration;
	} rows[] = {
		{0, "0 B", "0:00"},
		{59, "59 B", "0:59"},
		{999, "999 B", "16:39"},
		{1000, "1.0 kB", "16:40"},
		{3599, "3.6 kB", "59:59"},
		{3661, "3.7 kB", "1:01:01"},
		{999950, "1.0 MB", "277:45:50"},
		{12345678, "12 MB", "3429:21:18"},
	};
	struct buf out = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_clear(&out);
		text_bytes(&out, rows[i].n);
		assert_string_equal(out.data, rows[i].bytes);
		buf_clear(&out);
		text_duration(&out, rows[i].n);
		assert_string_equal(out.data, rows[i].duration);
	}
	buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steering_is_replaced),
		cmocka_unit_test(widths_are_those_of_a_terminal),
		cmocka_unit_test(cells_have_their_width),
		cmocka_unit_test(lines_break_at_spaces),
		cmocka_unit_test(wrapped_lines_never_are_too_wide),
		cmocka_unit_test(pieces_flow_as_the_whole_does),
		cmocka_unit_test(sizes_and_times_are_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
