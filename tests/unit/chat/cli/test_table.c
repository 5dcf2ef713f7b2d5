/* chat/cli/table: columns of JSON rows, cut to a width. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "chat/cli/table.h"
#include "chat/cli/text.h"

static const struct column columns[] = {
	{"ID", "id", AS_TEXT, STAYS},
	{"NAME", "name", AS_TEXT, SHRINKS},
	{"PAGE", "place.page", AS_COUNT, STAYS},
	{"SIZE", "size", AS_BYTES, STAYS},
};

static json_t *rows_of(const char *text)
{
	json_t *rows = json_loads(text, 0, NULL);

	assert_non_null(rows);
	return rows;
}

static void columns_line_up(void **state)
{
	json_t *rows =
		rows_of("[{\"id\":\"a\",\"name\":\"short\",\"place\":{\"page\":7},\"size\":1200},"
			"{\"id\":\"bcd\",\"name\":\"流量计\",\"place\":{\"page\":112}}]");
	struct buf out = BUF_INIT;

	(void)state;
	table_render(&out, columns, 4, rows, 0, false);
	assert_string_equal(out.data, "ID   NAME    PAGE    SIZE\n"
				      "a    short      7  1.2 kB\n"
				      "bcd  流量计   112\n");
	json_decref(rows);
	buf_finish(&out);
}

static void what_wraps_is_whole(void **state)
{
	static const struct column wrapping[] = {
		{"OUTCOME", "outcome", AS_TEXT, STAYS},
		{"FILE", "file", AS_TEXT, WRAPS},
		{"WHY", "why", AS_TEXT, WRAPS},
	};
	json_t *rows =
		rows_of("[{\"outcome\":\"failed\",\"file\":\"a/folder/plan_of_the_year.docx\","
			"\"why\":\"this kind of file is not read\"},"
			"{\"outcome\":\"done\",\"file\":\"流量计流量计流量计\",\"why\":\"\"}]");
	struct buf out = BUF_INIT;

	(void)state;
	table_render(&out, wrapping, 3, rows, 40, false);
	assert_string_equal(out.data, "OUTCOME  FILE            WHY\n"
				      "failed   a/folder/plan_  this kind of\n"
				      "         of_the_year.do  file is not\n"
				      "         cx              read\n"
				      "done     流量计流量计流\n"
				      "         量计\n");
	json_decref(rows);
	buf_finish(&out);
}

static void only_what_may_shrinks(void **state)
{
	json_t *rows =
		rows_of("[{\"id\":\"doc_01K3ZJ8Q4V5X6Y7Z8A9B0C1D2E\",\"name\":\"a name of forty "
			"letters that "
			"cannot stay whole 流量计流量计\",\"place\":{\"page\":1},\"size\":1}]");
	struct buf out = BUF_INIT;
	const char *line;

	(void)state;
	table_render(&out, columns, 4, rows, 60, false);
	for (line = out.data; *line; line += strcspn(line, "\n") + 1) {
		assert_true(text_width(line, strcspn(line, "\n")) <= 60);
	}
	assert_non_null(strstr(out.data, "doc_01K3ZJ8Q4V5X6Y7Z8A9B0C1D2E"));
	assert_non_null(strstr(out.data, "…"));
	buf_clear(&out);
	table_render(&out, columns, 4, rows, 10, false);
	assert_non_null(strstr(out.data, "doc_01K3ZJ8Q4V5X6Y7Z8A9B0C1D2E"));
	json_decref(rows);
	buf_finish(&out);
}

static void cells_by_format(void **state)
{
	static const struct {
		const char *row;
		enum cell_format format;
		const char *text;
	} cases[] = {
		{"{\"v\":\"x\\ny\\u001b\"}", AS_TEXT, "x y\xef\xbf\xbd"},
		{"{\"v\":12}", AS_TEXT, "12"},
		{"{\"v\":true}", AS_TEXT, "yes"},
		{"{\"v\":null}", AS_TEXT, ""},
		{"{}", AS_COUNT, ""},
		{"{\"v\":\"2026-03-01T09:30:12.000Z\"}", AS_TIME, "2026-03-01 09:30"},
		{"{\"v\":1772357412000}", AS_TIME, "2026-03-01 09:30"},
		{"{\"v\":0}", AS_TIME, ""},
		{"{\"v\":0.876}", AS_SCORE, "0.88"},
		{"{\"v\":0}", AS_RANK, "-"},
		{"{}", AS_RANK, "-"},
		{"{\"v\":3}", AS_RANK, "3"},
		{"{\"v\":[\"a\",\"b\"]}", AS_LIST, "a, b"},
		{"{\"v\":false}", AS_YES, ""},
	};

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct column column = {"V", "v", cases[i].format, false};
		json_t *row = rows_of(cases[i].row);
		struct buf out = BUF_INIT;

		table_value(&out, row, &column);
		assert_string_equal(out.data ? out.data : "", cases[i].text);
		json_decref(row);
		buf_finish(&out);
	}
}

static void no_rows_are_titles_alone(void **state)
{
	json_t *rows = json_array();
	struct buf out = BUF_INIT;

	(void)state;
	table_render(&out, columns, 4, rows, 80, true);
	assert_string_equal(out.data, "\033[1mID  NAME  PAGE  SIZE\n\033[0m");
	json_decref(rows);
	buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_line_up),
		cmocka_unit_test(only_what_may_shrinks),
		cmocka_unit_test(what_wraps_is_whole),
		cmocka_unit_test(cells_by_format),
		cmocka_unit_test(no_rows_are_titles_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
