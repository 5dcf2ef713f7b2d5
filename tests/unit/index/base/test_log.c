/* Log lines: one JSON object each, whatever stands in a field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/base/log.h"

static int saved_stderr;
static FILE *captured;

static int set_up(void **state)
{
	(void)state;
	captured = tmpfile();
	saved_stderr = dup(STDERR_FILENO);
	return dup2(fileno(captured), STDERR_FILENO) < 0;
}

static int tear_down(void **state)
{
	(void)state;
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	fclose(captured);
	log_level_set(LOG_INFO);
	return 0;
}

/* The line that was logged last, as JSON; NULL: none. */
static json_t *last_line(void)
{
	char line[4096];
	json_t *found = NULL;

	rewind(captured);
	while (fgets(line, sizeof(line), captured)) {
		json_decref(found);
		found = json_loads(line, 0, NULL);
		assert_non_null(found);
	}
	return found;
}

static void test_fields(void **state)
{
	const char *none = NULL;
	json_t *line;

	(void)state;
	log_info("job.done", LT("job", "job_1"), LN("ms", -12), LT("none", none));
	line = last_line();
	assert_string_equal(json_string_value(json_object_get(line, "level")), "info");
	assert_string_equal(json_string_value(json_object_get(line, "event")), "job.done");
	assert_string_equal(json_string_value(json_object_get(line, "job")), "job_1");
	assert_string_equal(json_string_value(json_object_get(line, "none")), "");
	assert_int_equal(json_integer_value(json_object_get(line, "ms")), -12);
	assert_int_equal(strlen(json_string_value(json_object_get(line, "ts"))), 24);
	json_decref(line);
}

static void test_hostile_text_stays_in_its_field(void **state)
{
	const char *text = "\"},\n{\\ \x1b[31m \xff\xc3 \xe4\xba\xba \x01\x7f";
	json_t *line;

	(void)state;
	log_warn("x", LT("text", text));
	line = last_line();
	assert_string_equal(json_string_value(json_object_get(line, "text")),
		"\"},\n{\\ \x1b[31m \xef\xbf\xbd\xef\xbf\xbd \xe4\xba\xba \x01\x7f");
	assert_int_equal(json_object_size(line), 4);
	json_decref(line);
}

static void test_levels(void **state)
{
	(void)state;
	log_debug("x", LN("n", 1));
	assert_null(last_line());
	log_level_set(LOG_ERROR);
	log_warn("x", LN("n", 1));
	assert_null(last_line());
	log_level_set(LOG_DEBUG);
	log_debug("x", LN("n", 1));
	{
		json_t *line = last_line();

		assert_non_null(line);
		json_decref(line);
	}
	assert_int_equal(log_level_parse("warn"), LOG_WARN);
	assert_int_equal(log_level_parse("WARN"), -1);
	assert_int_equal(log_level_parse(""), -1);
	assert_int_equal(log_level_parse(NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_fields, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_hostile_text_stays_in_its_field, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_levels, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
