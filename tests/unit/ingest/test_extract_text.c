#include "tests/unit/ingest/reading.h"

static struct zygote *z;
static struct arena a;

static int set_up(void **state)
{
	(void)state;
	z = zygote_with(NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	zygote_stop(z);
	return 0;
}

static void blank_lines_part_paragraphs(void **state)
{
	struct extracted x;

	(void)state;
	arena_init(&a);
	x = read_string(z, "one\r\ntwo\r\n\r\n\r\n  three\tand  more \n \nfour", "a.txt", &a);
	assert_int_equal(x.n_blocks, 3);
	assert_string_equal(block_line(&x, 0), "P one\ntwo");
	assert_string_equal(block_line(&x, 1), "P three and more");
	assert_string_equal(block_line(&x, 2), "P four");
	assert_int_equal(x.n_pages, 1);
	assert_true(x.pages[0].width == 0.0f);
	assert_null(x.title);
	arena_finish(&a);
}

static void encodings(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *text;
	} CASES[] = {
		{"Gr\xfc\xdf"
		 "e aus M\xfcnchen, die H\xf6he betr\xe4gt f\xfcnf Meter",
			46, "Grüße aus München, die Höhe beträgt fünf Meter\n"},
		{"\xff\xfeh\0\xe9\0\n\0", 8, "hé\n"},
		{"\xfe\xff\0h\0\xe9", 6, "hé\n"},
		{"h\0e\0l\0l\0o\0 \0w\0o\0r\0l\0d\0", 22, "hello world\n"},
		{"\xef\xbb\xbfmarked", 9, "marked\n"},
		{"\xce\xb1\xce\xb2", 4, "αβ\n"},
		{"price \x80 5", 9, "price € 5\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct extracted x;
		struct err e = ERR_INIT;

		arena_init(&a);
		if (read_bytes(z, CASES[i].bytes, CASES[i].n, "a.txt", &a, &x, &e) != 0) {
			fail_msg("%zu: %s", i, e.message);
		}
		assert_string_equal(x.text, CASES[i].text);
		arena_finish(&a);
	}
}

static void controls_are_dropped(void **state)
{
	static const char BYTES[] =
		"a\0b\x07 tab\tx soft\xc2\xadhyphen \xe2\x80\xaeoverride zero\xe2\x80\x8b"
		"width \xef\xac\x81ne and a lot more of ordinary text after that, enough to "
		"make the controls few among the characters of this very document here, as "
		"they would be in a text file that some program wrote with a stray byte, and "
		"not in a file that consists of binary data through and through, as it were";
	struct extracted x;
	struct err e = ERR_INIT;

	(void)state;
	arena_init(&a);
	assert_int_equal(read_bytes(z, BYTES, sizeof(BYTES) - 1, "a.txt", &a, &x, &e), 0);
	assert_int_equal(strncmp(x.text, "ab tab x softhyphen override zerowidth fine and", 47), 0);
	arena_finish(&a);
}

static void binary_is_no_text(void **state)
{
	char bytes[4096];
	struct extracted x;
	struct err e = ERR_INIT;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (char)(i * 7919 >> 3);
	}
	assert_int_equal(
		read_bytes(z, bytes, sizeof(bytes), "a.txt", &a, &x, &e), ERR_UNPROCESSABLE);
	assert_string_equal(e.reason, "unsupported_type");
	arena_finish(&a);
}

static void the_text_limit_is_kept(void **state)
{
	struct zygote *little = zygote_with("ingest-text-mb", "1", NULL);
	struct buf text = BUF_INIT;
	struct extracted x;
	struct err e = ERR_INIT;

	(void)state;
	arena_init(&a);
	for (int i = 0; i < 200000; i++) {
		buf_str(&text, "a word\n");
	}
	assert_int_equal(
		read_bytes(little, text.data, text.len, "a.txt", &a, &x, &e), ERR_UNPROCESSABLE);
	assert_string_equal(e.reason, "too_much_text");
	text.len = 1000000;
	assert_int_equal(read_bytes(little, text.data, text.len, "a.txt", &a, &x, NULL), 0);
	zygote_stop(little);
	buf_finish(&text);
	arena_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blank_lines_part_paragraphs),
		cmocka_unit_test(encodings),
		cmocka_unit_test(controls_are_dropped),
		cmocka_unit_test(binary_is_no_text),
		cmocka_unit_test(the_text_limit_is_kept),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
