/* UTF-8: every code point round trip, everything ill-formed refused, names that are safe to show.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/utf8.h"

static void test_every_code_point(void **state)
{
	(void)state;
	for (uint32_t c = 1; c <= 0x10ffff; c++) {
		char s[4];
		int n, n_used;

		if (c >= 0xd800 && c <= 0xdfff) {
			continue;
		}
		n = utf8_encode(c, s);
		if (utf8_decode(s, (size_t)n, &n_used) != c || n_used != n ||
			!utf8_valid(s, (size_t)n)) {
			fail_msg("U+%04X", c);
		}
		for (int cut = 1; cut < n; cut++) {
			if (utf8_valid(s, (size_t)cut) ||
				utf8_incomplete_tail(s, (size_t)cut) != (size_t)cut ||
				utf8_decode(s, (size_t)cut, &n_used) != 0xfffd || n_used != 1) {
				fail_msg("U+%04X cut", c);
			}
		}
		if (utf8_incomplete_tail(s, (size_t)n) != 0) {
			fail_msg("U+%04X whole", c);
		}
	}
}

/* What is read in words is read as bytes are: one byte that does not belong, at every place. */
static void test_ill_formed_anywhere(void **state)
{
	char text[27];

	(void)state;
	for (size_t n = 1; n <= sizeof(text); n++) {
		for (size_t at = 0; at < n; at++) {
			memset(text, 'a', n);
			text[at] = '\x7f';
			assert_true(utf8_valid(text, n));
			text[at] = '\0';
			assert_false(utf8_valid(text, n));
			text[at] = '\x80';
			assert_false(utf8_valid(text, n));
			text[at] = '\xc3';
			assert_false(utf8_valid(text, n));
			if (at + 1 < n) {
				text[at + 1] = '\xa9';
				assert_true(utf8_valid(text, n));
			}
		}
	}
}

static void test_ill_formed(void **state)
{
	static const char *const bad[] = {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80",
		"\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80",
		"\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xfe", "a\xc3",
		"\xe2\x82(", "\xc3\xc3"};
	char s[4];
	int n_used;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(utf8_valid(bad[i], strlen(bad[i])));
	}
	assert_false(utf8_valid("a\0b", 3));
	assert_true(utf8_valid("", 0));
	assert_int_equal(utf8_decode("", 0, &n_used), 0xfffd);
	assert_int_equal(n_used, 0);
	assert_int_equal(utf8_decode("\xff"
				     "a",
				 2, &n_used),
		0xfffd);
	assert_int_equal(n_used, 1);
	/* What is no code point is written as U+FFFD. */
	assert_int_equal(utf8_encode(0xd800, s), 3);
	assert_memory_equal(s, "\xef\xbf\xbd", 3);
	assert_int_equal(utf8_encode(0x110000, s), 3);
}

static void test_floor(void **state)
{
	const char *s = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"; /* a é € 😀: 1 2 3 4 bytes */
	static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10, 10};

	(void)state;
	for (size_t n = 0; n < 13; n++) {
		assert_int_equal(utf8_floor(s, 10, n), expected[n]);
	}
	assert_int_equal(utf8_floor("", 0, 5), 0);
	assert_int_equal(utf8_floor("\x80\x80\x80\x80\x80\x80", 6, 5), 5); /* comes to an end */
}

static void test_incomplete_tail(void **state)
{
	(void)state;
	assert_int_equal(utf8_incomplete_tail("", 0), 0);
	assert_int_equal(utf8_incomplete_tail("abc", 3), 0);
	assert_int_equal(utf8_incomplete_tail("a\xe2\x82", 3), 2);
	assert_int_equal(utf8_incomplete_tail("a\xf0\x9f\x98", 4), 3);
	assert_int_equal(utf8_incomplete_tail("a\xc0", 2), 0);	  /* never a first byte */
	assert_int_equal(utf8_incomplete_tail("\xed\xa0", 2), 0); /* would be a surrogate */
	assert_int_equal(utf8_incomplete_tail("\x80\x80\x80", 3), 0);
}

static void test_cjk(void **state)
{
	static const uint32_t yes[] = {
		0x4e00, 0x9fff, 0x3042, 0x30ab, 0xac00, 0x3400, 0x20000, 0xff71, 0x3005};
	static const uint32_t no[] = {'a', 0xe9, 0x3001, 0x3002, 0x300c, 0xff01, 0x0410, 0x0e01,
		0x1f600, 0x10ffff, 0x30fb};

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		assert_true(utf8_is_cjk(yes[i]));
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		assert_false(utf8_is_cjk(no[i]));
	}
}

static void expect_name(const char *raw, size_t max, const char *clean)
{
	char *name = utf8_clean_name(raw, strlen(raw), max);

	assert_string_equal(name, clean);
	assert_true(utf8_valid(name, strlen(name)));
	free(name);
}

static void test_names(void **state)
{
	char *name;

	(void)state;
	expect_name("report.pdf", 100, "report.pdf");
	expect_name("  \xc2\xa0 report.pdf\xe3\x80\x80 ", 100, "report.pdf");
	expect_name("../../etc/passwd", 100, ".._.._etc_passwd");
	expect_name("C:\\x\\y.pdf", 100, "C:_x_y.pdf");
	expect_name("a\x1b[31mb\r\n\tc\x7f", 100, "a[31mbc");
	expect_name("invoice\xe2\x80\xae"
		    "fdp.exe",
		100, "invoicefdp.exe"); /* right-to-left override */
	expect_name("a\xe2\x80\x8b"
		    "b\xef\xbb\xbf"
		    "c",
		100, "abc");
	expect_name("a\xff"
		    "b",
		100,
		"a\xef\xbf\xbd"
		"b");
	expect_name("", 100, "unnamed");
	expect_name(" \n\xe2\x80\x8f ", 100, "unnamed");
	expect_name("\xe4\xba\xba\xe4\xba\x8b", 5, "\xe4\xba\xba"); /* never half a character */
	expect_name("ab cd", 3, "ab");
	expect_name("\xff\xff\xff", 3, "\xef\xbf\xbd");
	name = utf8_clean_name("a\0b", 3, 10);
	assert_string_equal(name, "ab");
	free(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_code_point),
		cmocka_unit_test(test_ill_formed),
		cmocka_unit_test(test_ill_formed_anywhere),
		cmocka_unit_test(test_floor),
		cmocka_unit_test(test_incomplete_tail),
		cmocka_unit_test(test_cjk),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
