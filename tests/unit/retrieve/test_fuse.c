#include "retrieve/fuse.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_union_unites_and_ranks(void **state)
{
	const struct fts_hit lexical[] = {{7, 10.0}, {3, 5.0}, {9, 2.0}};
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
	const struct fts_hit lexical[] = {{1, 8.0}, {2, 4.0}};
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
	const struct fts_hit lexical[] = {{1, 8.0}, {2, 7.9}};
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

/* What fusing anew under each weight would give. */
static void test_ranks_under_other_weights(void **state)
{
	const struct fts_hit lexical[] = {{1, 10.0}, {5, 8.0}, {3, 5.0}};
	const struct vector_hit vector[] = {{7, 0.9f}, {3, 0.8f}, {1, 0.2f}, {5, 0.1f}};
	const double weights[] = {0, 0.3, 1};
	struct arena a;
	struct fused *items, *again;
	int n;

	(void)state;
	arena_init(&a);
	items = fuse_union(&a, lexical, 3, vector, 4, &n);
	fuse_ranks(&a, items, n, weights, 3, false);
	fuse_rank(items, n, 0.5, false);
	for (int w = 0; w < 3; w++) {
		again = fuse_union(&a, lexical, 3, vector, 4, &n);
		fuse_rank(again, n, weights[w], false);
		for (int i = 0; i < n; i++) {
			for (int k = 0; k < n; k++) {
				assert_true(items[k].slot != again[i].slot ||
					    items[k].ranks[w] == i + 1);
			}
		}
	}
	assert_int_equal(again[0].slot, 7);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_union_unites_and_ranks),
		cmocka_unit_test(test_missing_lexical_is_the_lowest),
		cmocka_unit_test(test_missing_from_a_whole_list_is_nothing),
		cmocka_unit_test(test_ranks_under_other_weights),
		cmocka_unit_test(test_empty_lists_and_ties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
