#include "retrieve/fuse.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_union_unites_and_ranks(void **state)
{
	const struct fts_hit lexical[] = {{7, 10.0, 1}, {3, 5.0, 1}, {9, 2.0, 1}};
	const struct vector_hit vector[] = {{3, 0.8f}, {11, 0.4f}};
	struct arena a;
	struct fused *items;
	int n;

	(void)state;
	arena_init(&a);
	items = fuse_union(&a, lexical, 3, vector, 2, &n);
	assert_int_equal(n, 4);
	fuse_rank(items, n, 0.3, false);
	/* 3: .7 * 5/10 + .3 * .8/.8 = .65; 7: .7 * 1 = .7 without a cosine. */
	assert_int_equal(items[0].slot, 7);
	assert_int_equal(items[0].vector_rank, 0);
	assert_int_equal(items[1].slot, 3);
	assert_int_equal(items[1].lexical_rank, 2);
	assert_int_equal(items[1].vector_rank, 1);
	assert_true(fabs(items[0].score - 1) < 1e-9);
	assert_true(fabs(items[1].score - 0.65 / 0.7) < 1e-6);
	arena_finish(&a);
}

/* A slot that only the vectors found counts with the lowest lexical score of the list. */
static void test_missing_lexical_is_the_lowest(void **state)
{
	const struct fts_hit lexical[] = {{1, 8.0, 1}, {2, 4.0, 1}};
	const struct vector_hit vector[] = {{5, 1.0f}};
	struct arena a;
	struct fused *items;
	int n;

	(void)state;
	arena_init(&a);
	items = fuse_union(&a, lexical, 2, vector, 1, &n);
	fuse_rank(items, n, 0.3, false);
	assert_int_equal(items[0].slot, 1);
	assert_int_equal(items[1].slot, 5);
	assert_true(fabs(items[1].score - (0.7 * 0.5 + 0.3) / 0.7) < 1e-6);
	arena_finish(&a);
}

/* Where the list is all that matches, a part number is not outranked by what only resembles it. */
static void test_missing_from_a_whole_list_is_nothing(void **state)
{
	const struct fts_hit lexical[] = {{1, 8.0, 1}, {2, 7.9, 1}};
	const struct vector_hit vector[] = {{5, 1.0f}, {2, 0.1f}};
	struct arena a;
	struct fused *items;
	int n;

	(void)state;
	arena_init(&a);
	items = fuse_union(&a, lexical, 2, vector, 2, &n);
	fuse_rank(items, n, 0.3, true);
	assert_int_equal(items[0].slot, 2);
	assert_int_equal(items[1].slot, 1);
	assert_int_equal(items[2].slot, 5);
	assert_true(fabs(items[2].score - 0.3 / (0.7 * 7.9 / 8 + 0.03)) < 1e-6);
	arena_finish(&a);
}

static void test_find(void **state)
{
	const struct fts_hit lexical[] = {{.slot = 7, .score = 10}, {.slot = 3, .score = 5}};
	struct arena a;
	struct fused *items;
	int n;

	(void)state;
	arena_init(&a);
	items = fuse_union(&a, lexical, 2, NULL, 0, &n);
	assert_int_equal(fuse_find(items, n, 3)->slot, 3);
	assert_int_equal(fuse_find(items, n, 7)->slot, 7);
	assert_null(fuse_find(items, n, 5));
	arena_finish(&a);
}

static void test_empty_lists_and_ties(void **state)
{
	const struct vector_hit same[] = {{9, 0.5f}, {4, 0.5f}};
	struct arena a;
	struct fused *items;
	int n;

	(void)state;
	arena_init(&a);
	items = fuse_union(&a, NULL, 0, NULL, 0, &n);
	assert_int_equal(n, 0);
	fuse_rank(items, n, 0.3, false);
	items = fuse_union(&a, NULL, 0, same, 2, &n);
	fuse_rank(items, n, 0.3, false);
	assert_int_equal(items[0].slot, 4);
	assert_int_equal(items[1].slot, 9);
	arena_finish(&a);
}

/* The first few are those of the whole order, ties too. */
static void test_the_best_few(void **state)
{
	struct fts_hit lexical[40];
	struct vector_hit vector[40];
	struct fused *all, *few;
	struct arena a;
	int n;

	(void)state;
	arena_init(&a);
	for (int i = 0; i < 40; i++) {
		lexical[i] = (struct fts_hit){.slot = i * 7 % 60, .score = 20 - i / 4};
		vector[i] = (struct vector_hit){.slot = i * 11 % 60, .cosine = .9f - .1f * (i / 8)};
	}
	for (int k = 0; k < 9; k++) {
		all = fuse_union(&a, lexical, 40, vector, 40, &n);
		few = fuse_union(&a, lexical, 40, vector, 40, &n);
		fuse_rank(all, n, 0.3, false);
		fuse_best(few, n, k, 0.3, false);
		for (int i = 0; i < k; i++) {
			assert_int_equal(few[i].slot, all[i].slot);
			assert_true(few[i].score == all[i].score);
		}
		fuse_rank(few, n, 0.3, false);
		for (int i = 0; i < n; i++) {
			assert_int_equal(few[i].slot, all[i].slot);
		}
	}
	arena_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_union_unites_and_ranks),
		cmocka_unit_test(test_missing_lexical_is_the_lowest),
		cmocka_unit_test(test_missing_from_a_whole_list_is_nothing),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_the_best_few),
		cmocka_unit_test(test_empty_lists_and_ties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
