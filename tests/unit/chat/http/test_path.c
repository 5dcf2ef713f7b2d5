/* Percent-decoding, route patterns, queries, and events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "chat/http/path.h"
#include "chat/http/server.h"

static struct arena a;

static int setup(void **state)
{
	(void)state;
	arena_init(&a);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_finish(&a);
	return 0;
}

static void test_decode(void **state)
{
	static const struct {
		const char *in, *out;
		bool plus;
	} rows[] = {
		{"", "", false},
		{"abc", "abc", false},
		{"a%20b", "a b", false},
		{"a+b", "a+b", false},
		{"a+b%2B", "a b+", true},
		{"%e4%BD%a0", "你", false},
		{"%", NULL, false},
		{"%4", NULL, false},
		{"a%4", NULL, false},
		{"%4g", NULL, false},
		{"%g4", NULL, false},
		{"%00", NULL, false},
		{"a%00b", NULL, false},
		{"%ff", NULL, false},
		{"%c0%af", NULL, false},
		{"%ed%a0%80", NULL, false},
		{"%2e%2e%2f", "../", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *out = path_decode(&a, rows[i].in, strlen(rows[i].in), rows[i].plus);

		if (rows[i].out) {
			assert_non_null(out);
			assert_string_equal(out, rows[i].out);
		} else {
			assert_null(out);
		}
	}
	/* the length is believed, not a NUL that lies behind */
	assert_null(path_decode(&a, "a%41", 3, false));
	assert_string_equal(path_decode(&a, "a%41", 1, false), "a");
}

static void test_match(void **state)
{
	static const struct {
		const char *pattern, *path, *params; /* params joined by '|'; NULL: no match */
	} rows[] = {
		{"/healthz", "/healthz", ""},
		{"/healthz", "/health%7A", ""},
		{"/healthz", "/healthz/", NULL},
		{"/healthz", "/health", NULL},
		{"/healthz", "//healthz", NULL},
		{"/healthz", "/", NULL},
		{"/", "/", ""},
		{"/", "*", NULL},
		{"/v1/documents/{id}", "/v1/documents/doc_1", "doc_1|"},
		{"/v1/documents/{id}", "/v1/documents/", NULL},
		{"/v1/documents/{id}", "/v1/documents", NULL},
		{"/v1/documents/{id}", "/v1/documents/a/b", NULL},
		{"/v1/documents/{id}", "/v1/documents/a%2Fb", "a/b|"},
		{"/v1/documents/{id}", "/v1/documents/..", "..|"},
		{"/v1/documents/{id}", "/v1/documents/%zz", NULL},
		{"/v1/documents/{id}/pages/{page}.png", "/v1/documents/d/pages/12.png", "d|12|"},
		{"/v1/documents/{id}/pages/{page}.png", "/v1/documents/d/pages/.png", NULL},
		{"/v1/documents/{id}/pages/{page}.png", "/v1/documents/d/pages/12.pn", NULL},
		{"/v1/documents/{id}/pages/{page}.png", "/v1/documents/d/pages/12.png/", NULL},
		{"/a/{x}/b/{y}/{z}", "/a/1/b/2/3", "1|2|3|"},
		{"/a/pre-{x}", "/a/pre-1", "1|"},
		{"/a/pre-{x}", "/a/pr-1", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *params[PATH_PARAMS_MAX] = {NULL, NULL, NULL};
		bool ok = path_match(&a, rows[i].pattern, rows[i].path, params);
		char joined[100] = "";

		assert_int_equal(ok, rows[i].params != NULL);
		for (int k = 0; ok && k < PATH_PARAMS_MAX && params[k]; k++) {
			snprintf(joined + strlen(joined), sizeof(joined) - strlen(joined), "%s|",
				params[k]);
		}
		assert_string_equal(joined, ok ? rows[i].params : "");
	}
}

static void test_query(void **state)
{
	const char *q = "a=1&b=x%20y+z&c&d=&a=2&%65=5&bad=%zz&f=g=h";

	(void)state;
	assert_string_equal(path_query(&a, q, "a"), "1");
	assert_string_equal(path_query(&a, q, "b"), "x y z");
	assert_string_equal(path_query(&a, q, "c"), "");
	assert_string_equal(path_query(&a, q, "d"), "");
	assert_string_equal(path_query(&a, q, "e"), "5");
	assert_string_equal(path_query(&a, q, "f"), "g=h");
	assert_null(path_query(&a, q, "bad"));
	assert_null(path_query(&a, q, "x"));
	assert_null(path_query(&a, "", "x"));
	assert_null(path_query(&a, NULL, "x"));
	assert_null(path_query(&a, "&&&", "x"));
	assert_false(path_query_valid(&a, q));
	assert_true(path_query_valid(&a, "a=1&&b=x%20y+z&c&d=&f=g=h"));
	assert_true(path_query_valid(&a, ""));
	assert_false(path_query_valid(&a, "a=%00"));
	assert_false(path_query_valid(&a, "a=1&%ff=2"));
}

static void test_event(void **state)
{
	static const struct {
		int64_t id;
		const char *event, *data, *out;
	} rows[] = {
		{0, "a", "b", "event: a\ndata: b\n\n"},
		{7, NULL, "b", "id: 7\ndata: b\n\n"},
		{7, "a", "", "id: 7\nevent: a\ndata: \n\n"},
		{0, NULL, "a\nb", "data: a\ndata: b\n\n"},
		{0, NULL, "a\r\nb\rc\n\nd\n",
			"data: a\ndata: b\ndata: c\ndata: \ndata: d\ndata: \n\n"},
		{0, NULL, "\n", "data: \ndata: \n\n"},
		{0, NULL, " a: b", "data:  a: b\n\n"},
		{INT64_MAX, "x", "你", "id: 9223372036854775807\nevent: x\ndata: 你\n\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf out = BUF_INIT;

		sse_event(&out, rows[i].id, rows[i].event, rows[i].data);
		assert_string_equal(out.data, rows[i].out);
		buf_finish(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_decode, setup, teardown),
		cmocka_unit_test_setup_teardown(test_match, setup, teardown),
		cmocka_unit_test_setup_teardown(test_query, setup, teardown),
		cmocka_unit_test_setup_teardown(test_event, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
