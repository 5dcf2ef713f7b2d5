/* Buffers and cursors: growth, limits, what is written is read back, truncated input is bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "index/base/buf.h"

static void test_appends(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_add(&b, "a\0b", 3);
	buf_str(&b, "cd");
	buf_char(&b, 'e');
	buf_printf(&b, "%d%s", 7, "x");
	assert_int_equal(b.len, 8);
	assert_memory_equal(b.data, "a\0bcde7x", 9); /* with the NUL */
	buf_remove_front(&b, 2);
	assert_string_equal(b.data, "bcde7x");
	buf_remove_front(&b, 6);
	assert_string_equal(b.data, "");
	for (int i = 0; i < 100000; i++) {
		buf_char(&b, (char)('a' + i % 26));
	}
	assert_int_equal(b.len, 100000);
	assert_int_equal(b.data[99999], 'a' + 99999 % 26);
	assert_int_equal(b.data[100000], 0);
	buf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_string_equal(b.data, "");
	buf_finish(&b);
	assert_null(b.data);
	buf_remove_front(&b, 0);
	buf_finish(&b);
}

static void test_take_hands_over(void **state)
{
	struct buf b = BUF_INIT;
	char *s;

	(void)state;
	s = buf_take(&b);
	assert_string_equal(s, "");
	free(s);
	buf_str(&b, "mine");
	s = buf_take(&b);
	assert_string_equal(s, "mine");
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	free(s);
}

static void test_limit(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	b.limit = 10;
	buf_str(&b, "0123456789");
	assert_false(b.over);
	buf_add(&b, "", 0);
	assert_false(b.over);
	buf_char(&b, 'x');
	assert_true(b.over);
	assert_string_equal(b.data, "0123456789");
	buf_clear(&b);
	assert_false(b.over);
	buf_printf(&b, "%s", "longer than ten bytes");
	assert_true(b.over);
	assert_int_equal(b.len, 0);
	buf_str(&b, "y"); /* would fit, but what is there has to be a prefix */
	assert_int_equal(b.len, 0);
	buf_clear(&b);
	buf_bytes(&b, "1234567", 7); /* 11 bytes with the length: nothing of it */
	assert_true(b.over);
	assert_int_equal(b.len, 0);
	buf_finish(&b);
}

static void test_fields_are_little_endian_and_come_back(void **state)
{
	struct buf b = BUF_INIT;
	struct cursor c;
	const char *s;
	uint32_t n;

	(void)state;
	buf_u32(&b, 0x01020304);
	assert_memory_equal(b.data, "\4\3\2\1", 4);
	buf_u8(&b, 255);
	buf_u64(&b, UINT64_MAX - 1);
	buf_f32(&b, -1.5f);
	buf_bytes(&b, "ab\0c", 4);
	buf_bytes(&b, NULL, 0);
	c = cursor_over(b.data, b.len);
	assert_int_equal(cursor_u32(&c), 0x01020304);
	assert_int_equal(cursor_u8(&c), 255);
	assert_true(cursor_u64(&c) == UINT64_MAX - 1);
	assert_true(cursor_f32(&c) == -1.5f);
	s = cursor_bytes(&c, &n);
	assert_int_equal(n, 4);
	assert_memory_equal(s, "ab\0c", 4);
	s = cursor_bytes(&c, &n);
	assert_int_equal(n, 0);
	assert_non_null(s);
	assert_false(c.bad);
	assert_ptr_equal(c.p, c.end);
	assert_int_equal(cursor_u8(&c), 0);
	assert_true(c.bad);
	buf_finish(&b);
}

static void test_truncated_input_is_bad_from_then_on(void **state)
{
	struct cursor c = cursor_over("\1\2\3", 3);
	uint32_t n = 99;

	(void)state;
	assert_int_equal(cursor_u32(&c), 0);
	assert_true(c.bad);
	assert_int_equal(cursor_u8(&c), 0); /* although a byte is there */
	c = cursor_over("\xff\xff\xff\xff"
			"abc",
		7);
	assert_string_equal(cursor_bytes(&c, &n), "");
	assert_int_equal(n, 0);
	assert_true(c.bad);
	c = cursor_over(NULL, 0);
	assert_true(cursor_u64(&c) == 0 && c.bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_take_hands_over),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_fields_are_little_endian_and_come_back),
		cmocka_unit_test(test_truncated_input_is_bad_from_then_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
