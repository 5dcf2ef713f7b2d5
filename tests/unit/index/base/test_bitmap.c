/* Bitmaps against a plain array of bools. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "index/base/bitmap.h"

static void test_empty(void **state)
{
	struct bitmap b, other;

	(void)state;
	bitmap_init(&b);
	bitmap_init(&other);
	assert_false(bitmap_has(&b, 0));
	assert_false(bitmap_has(&b, UINT64_MAX));
	assert_int_equal(bitmap_count(&b), 0);
	assert_true(bitmap_next(&b, 0) == UINT64_MAX);
	bitmap_clear(&b, 1000);
	assert_int_equal(b.n_words, 0);
	bitmap_or(&b, &other);
	bitmap_and(&b, &other);
	bitmap_copy(&b, &other);
	bitmap_finish(&b);
	bitmap_finish(&b);
}

static void test_edges(void **state)
{
	static const uint64_t slots[] = {0, 1, 63, 64, 127, 511, 512, 100000};
	struct bitmap b;
	uint64_t at = 0;

	(void)state;
	bitmap_init(&b);
	for (size_t i = 0; i < 8; i++) {
		bitmap_set(&b, slots[i]);
		bitmap_set(&b, slots[i]);
		assert_int_equal((uintptr_t)b.words % 64, 0);
	}
	assert_int_equal(bitmap_count(&b), 8);
	for (size_t i = 0; i < 8; i++) {
		at = bitmap_next(&b, at);
		assert_int_equal(at, slots[i]);
		at++;
	}
	assert_true(bitmap_next(&b, at) == UINT64_MAX);
	bitmap_clear(&b, 63);
	assert_false(bitmap_has(&b, 63));
	assert_int_equal(bitmap_count(&b), 7);
	bitmap_finish(&b);
}

static void test_reserve_is_zero(void **state)
{
	struct bitmap b;

	(void)state;
	bitmap_init(&b);
	bitmap_reserve(&b, 1000);
	assert_true(b.n_words * 64 >= 1000);
	assert_int_equal(bitmap_count(&b), 0);
	bitmap_set(&b, 999);
	bitmap_reserve(&b, 5000);
	assert_true(bitmap_has(&b, 999));
	assert_int_equal(bitmap_count(&b), 1);
	bitmap_finish(&b);
}

#define N 3000

static void fill(struct bitmap *b, bool *plain, int limit)
{
	memset(plain, 0, N);
	for (int i = 0; i < 400; i++) {
		int slot = rand() % limit;

		bitmap_set(b, (uint64_t)slot);
		plain[slot] = true;
	}
}

static void expect_same(const struct bitmap *b, const bool *plain)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < N; i++) {
		assert_int_equal(bitmap_has(b, i), plain[i]);
		n += plain[i];
	}
	assert_int_equal(bitmap_count(b), n);
}

static void test_against_bools(void **state)
{
	unsigned seed = (unsigned)time(NULL);

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 100; round++) {
		struct bitmap a, b, c;
		static bool pa[N], pb[N], pc[N];

		bitmap_init(&a);
		bitmap_init(&b);
		bitmap_init(&c);
		fill(&a, pa, 1 + rand() % N);
		fill(&b, pb, 1 + rand() % N);
		expect_same(&a, pa);
		bitmap_copy(&c, &a);
		expect_same(&c, pa);
		bitmap_or(&c, &b);
		for (int i = 0; i < N; i++) {
			pc[i] = pa[i] || pb[i];
		}
		expect_same(&c, pc);
		bitmap_copy(&c, &a);
		bitmap_and(&c, &b);
		for (int i = 0; i < N; i++) {
			pc[i] = pa[i] && pb[i];
		}
		expect_same(&c, pc);
		bitmap_finish(&a);
		bitmap_finish(&b);
		bitmap_finish(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_reserve_is_zero),
		cmocka_unit_test(test_against_bools),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
