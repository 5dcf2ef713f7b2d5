#include "tests/unit/ingest/arena_each.h"

static void paths_and_values(void **state)
{
	static const char *const EXPECTED[] = {"P name: Harbour \"east\" ü😀\nopen: true",
		"P offices[0].city: Bonn\noffices[0].floors: 1, 2.5, -3e4\noffices[1].city: Ulm",
		"P note: first\nsecond"};
	struct extracted x = read_string(z,
		"{\"name\": \"Harbour \\\"east\\\" \\u00fc\\ud83d\\ude00\", \"open\": true,\n"
		" \"offices\": [{\"city\": \"Bonn\", \"floors\": [1, 2.5, -3e4], \"fax\": null},\n"
		" {\"city\": \"Ulm\", \"tags\": []}], \"note\": \"first\\nsecond\"}",
		"a", &a);

	(void)state;
	print_blocks(&x);
	assert_string_equal(x.media_type, "application/json");
	assert_int_equal(x.n_blocks, 3);
	for (int i = 0; i < 3; i++) {
		assert_string_equal(block_line(&x, i), EXPECTED[i]);
	}
}

static void flat_objects_are_a_table(void **state)
{
	static const char *const TEXTS[] = {
		"[{\"ship\":\"Alva\",\"tons\":40},{\"tons\":null,\"ship\":\"Bree\",\"flag\":\"SE\"}"
		"]",
		"{\"ship\":\"Alva\",\"tons\":40}\n{\"tons\":null,\"ship\":\"Bree\",\"flag\":\"SE\"}"
		"\n",
	};
	struct extracted x;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		x = read_string(z, TEXTS[i], "a.jsonl", &a);
		print_blocks(&x);
		assert_string_equal(block_line(&x, 0), "T2 ship | tons | flag");
		assert_string_equal(block_line(&x, 1), "T Alva | 40");
		assert_string_equal(block_line(&x, 2), "T Bree | | SE");
	}
}

static void what_is_not_json_is_something_else(void **state)
{
	struct extracted x;

	(void)state;
	x = read_string(z, "[1] As the first note says, it rains.\n", "a.txt", &a);
	assert_string_equal(x.media_type, "text/plain");
	x = read_string(z, "{\n  // a comment\n  \"a\": 1,\n}\n", "tsconfig.json", &a);
	assert_string_equal(x.media_type, "text/x-source");
	assert_string_equal(block_line(&x, 0), "C {\n  // a comment\n  \"a\": 1,\n}");
}

/* Damage behind the sample that decides: the source is read. */
static void damage_at_the_end_is_read_as_source(void **state)
{
	struct buf text = BUF_INIT;
	struct extracted x;

	(void)state;
	buf_str(&text, "[");
	for (int i = 0; i < 9000; i++) {
		buf_printf(&text, "{\"n\": %d},\n", i);
	}
	x = read_string(z, text.data, "a.json", &a);
	assert_non_null(strstr(x.text, "{\"n\": 8999},"));
	buf_finish(&text);
}

static void depth_is_bounded(void **state)
{
	static const char *const OPENS[] = {"[", "{\"a\":"};
	struct extracted x;

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		for (int n = 200; n <= 20000; n *= 100) {
			struct buf text = BUF_INIT;
			struct err e = ERR_INIT;
			int rc;

			for (int i = 0; i < n; i++) {
				buf_str(&text, OPENS[k]);
			}
			buf_str(&text, "7");
			for (int i = 0; i < n; i++) {
				buf_str(&text, k ? "}" : "]");
			}
			rc = read_bytes(z, text.data, text.len, "a.json", &a, &x, &e);
			if (n == 200) {
				assert_int_equal(rc, 0);
				assert_non_null(strchr(x.text, '7'));
			} else {
				assert_int_equal(rc, ERR_UNPROCESSABLE);
				assert_non_null(strstr(e.message, "ingest-nesting"));
			}
			buf_finish(&text);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(paths_and_values),
		TEST(flat_objects_are_a_table),
		TEST(what_is_not_json_is_something_else),
		TEST(damage_at_the_end_is_read_as_source),
		TEST(depth_is_bounded),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
