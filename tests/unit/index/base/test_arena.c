/* Arenas: aligned, zeroed, apart from each other, gone at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "index/base/arena.h"

static void test_aligned_zeroed_and_apart(void **state)
{
	struct arena a;
	unsigned char *pieces[400];
	size_t total = 0;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < 400; i++) {
		size_t n = i * 13 % 5000;

		pieces[i] = arena_alloc(&a, n);
		assert_int_equal((uintptr_t)pieces[i] % 16, 0);
		for (size_t j = 0; j < n; j++) {
			assert_int_equal(pieces[i][j], 0);
		}
		memset(pieces[i], (int)(i % 251) + 1, n);
		total += n;
	}
	for (size_t i = 0; i < 400; i++) {
		for (size_t j = 0; j < i * 13 % 5000; j++) {
			assert_int_equal(pieces[i][j], i % 251 + 1);
		}
	}
	assert_int_equal(a.n_bytes, total);
	arena_finish(&a);
	assert_int_equal(a.n_bytes, 0);
	assert_non_null(arena_alloc(&a, 1)); /* it may be used again */
	arena_finish(&a);
	arena_finish(&a);
}

static void test_large_pieces_leave_the_small_block_in_use(void **state)
{
	struct arena a;
	char *first, *big, *second;

	(void)state;
	arena_init(&a);
	first = arena_alloc(&a, 16);
	big = arena_alloc(&a, 10 * 1024 * 1024);
	second = arena_alloc(&a, 16);
	assert_true(second > first && second - first < 4096);
	big[10 * 1024 * 1024 - 1] = 1;
	arena_finish(&a);
}

static void test_impossible_sizes(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_null(arena_try(&a, SIZE_MAX));
	assert_null(arena_try(&a, SIZE_MAX - 8));
	assert_null(arena_try(&a, SIZE_MAX / 2));
	assert_non_null(arena_try(&a, 0));
	arena_finish(&a);
}

static void test_strings(void **state)
{
	struct arena a;
	char text[] = "hello";
	char *copy;
	int *numbers;

	(void)state;
	arena_init(&a);
	copy = arena_str(&a, text);
	text[0] = 'j';
	assert_string_equal(copy, "hello");
	assert_null(arena_str(&a, NULL));
	assert_string_equal(arena_strn(&a, "hello", 4), "hell");
	assert_string_equal(arena_strn(&a, NULL, 0), "");
	assert_string_equal(arena_printf(&a, "%s-%d", "x", 42), "x-42");
	assert_int_equal(strlen(arena_printf(&a, "%10000d", 1)), 10000);
	assert_memory_equal(arena_copy(&a, "a\0b", 3), "a\0b", 3);
	numbers = arena_array(&a, int, 100);
	assert_int_equal(numbers[99], 0);
	assert_non_null(arena_new(&a, struct arena));
	arena_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aligned_zeroed_and_apart),
		cmocka_unit_test(test_large_pieces_leave_the_small_block_in_use),
		cmocka_unit_test(test_impossible_sizes),
		cmocka_unit_test(test_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
