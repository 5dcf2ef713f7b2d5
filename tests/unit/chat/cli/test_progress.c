/* chat/cli/progress: the arithmetic of the line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "chat/cli/progress.h"
#include "chat/cli/text.h"

static const char *line(struct buf *out, int64_t first, int64_t done, int64_t total, int64_t ms,
	const char *detail, int columns)
{
	struct progress p = {.label = "ingest", .unit = "files", .first_done = first};

	buf_clear(out);
	progress_line(out, &p, done, total, ms, detail, columns);
	return out->data;
}

static void bar_rate_and_time_left(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	assert_string_equal(
		line(&out, 0, 0, 40, 0, NULL, 80), "ingest [....................] 0/40 files");
	assert_string_equal(line(&out, 0, 10, 40, 2000, NULL, 80),
		"ingest [#####...............] 10/40 files  5.0/s  0:06 left");
	assert_string_equal(line(&out, 0, 40, 40, 2000, "a.pdf", 80),
		"ingest [####################] 40/40 files  20/s  a.pdf");
	buf_finish(&out);
}

static void what_was_done_before_does_not_count_as_speed(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	assert_non_null(strstr(line(&out, 20, 30, 40, 10000, NULL, 80), "1.0/s  0:10 left"));
	assert_null(strstr(line(&out, 20, 20, 40, 10000, NULL, 80), "/s"));
	buf_finish(&out);
}

static void odd_numbers_are_drawn(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	assert_string_equal(line(&out, 0, 3, 0, 500, NULL, 80), "ingest 3 files");
	assert_string_equal(
		line(&out, 0, 50, 40, 0, NULL, 80), "ingest [####################] 40/40 files");
	assert_non_null(strstr(line(&out, 0, 1, 1000000, 1000000, NULL, 80), "left"));
	buf_finish(&out);
}

static void the_line_fits(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	for (int columns = 20; columns < 120; columns++) {
		const char *l =
			line(&out, 0, 10, 40, 2000, "流量计流量计流量计流量计\033[2J.pdf", columns);

		assert_true(text_width(l, strlen(l)) <= columns);
		assert_null(strchr(l, '\033'));
	}
	buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bar_rate_and_time_left),
		cmocka_unit_test(what_was_done_before_does_not_count_as_speed),
		cmocka_unit_test(odd_numbers_are_drawn),
		cmocka_unit_test(the_line_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
