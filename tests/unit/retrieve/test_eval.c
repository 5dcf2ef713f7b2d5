#include "retrieve/eval.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void close_to(double got, double want)
{
	if (fabs(got - want) > 1e-6) {
		fail_msg("%.9f is not %.9f", got, want);
	}
}

static void test_by_hand(void **state)
{
	/* Grades 3, 0, 1 at ranks 1 to 3, 2 at rank 12; relevant: 3, 2, 1, and a 1 never found. */
	int ranked[12] = {3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2};
	int relevant[5] = {1, 2, 1, 3, 0};
	struct eval_figures f;

	(void)state;
	eval_measure(ranked, 12, relevant, 5, &f);
	/* (3/log2 2 + 1/log2 4) / (3/log2 2 + 2/log2 3 + 1/log2 4 + 1/log2 5)
	 * = 3.5 / (3 + 1.261859507 + .5 + .430676558) */
	close_to(f.of[EVAL_NDCG_10], 0.674044266);
	close_to(f.of[EVAL_RECALL_10], 0.5);
	close_to(f.of[EVAL_RECALL_100], 0.75);
	close_to(f.of[EVAL_MRR], 1);
	close_to(f.of[EVAL_HIT_1], 1);
	assert_int_equal(f.first_rank, 1);
}

static void test_late_and_never(void **state)
{
	int late[12] = {[11] = 1};
	int relevant[1] = {1};
	struct eval_figures f;

	(void)state;
	eval_measure(late, 12, relevant, 1, &f);
	close_to(f.of[EVAL_NDCG_10], 0);
	close_to(f.of[EVAL_MRR], 1.0 / 12);
	close_to(f.of[EVAL_MRR_10], 0);
	close_to(f.of[EVAL_HIT_1], 0);
	close_to(f.of[EVAL_RECALL_100], 1);
	assert_int_equal(f.first_rank, 12);
	eval_measure(late, 11, relevant, 1, &f);
	close_to(f.of[EVAL_MRR], 0);
	close_to(f.of[EVAL_MRR_10], 0);
	close_to(f.of[EVAL_RECALL_100], 0);
	assert_int_equal(f.first_rank, 0);
}

/* More relevant ones than the depth: the best ten are a perfect ten. A negative grade is none. */
static void test_depth(void **state)
{
	int ranked[10], relevant[13];
	struct eval_figures f;

	(void)state;
	for (int i = 0; i < 13; i++) {
		relevant[i] = i < 12 ? 1 : -1;
	}
	for (int i = 0; i < 10; i++) {
		ranked[i] = 1;
	}
	eval_measure(ranked, 10, relevant, 13, &f);
	close_to(f.of[EVAL_NDCG_10], 1);
	close_to(f.of[EVAL_RECALL_10], 10.0 / 12);
}

/* The mean of n values with a known spread: the percentile interval is near the normal one,
 * mean ± 1.96 σ/√n. */
static void test_bootstrap(void **state)
{
	double a[400], b[400];
	struct eval_difference d, again, other;

	(void)state;
	for (int i = 0; i < 400; i++) {
		a[i] = 0.5;
		b[i] = 0.5 + (i % 4 == 0 ? 0.3 : i % 4 == 1 ? -0.1 : 0);
	}
	eval_compare(a, b, 400, 7, &d);
	close_to(d.mean, 0.05);
	assert_int_equal(d.n_better, 100);
	assert_int_equal(d.n_worse, 100);
	assert_int_equal(d.n_same, 200);
	/* σ = √(E x² - .05²) = √(.025 - .0025) = .15; 1.96 × .15 / 20 = .0147 */
	assert_true(fabs(d.low - (0.05 - 0.0147)) < 0.0012);
	assert_true(fabs(d.high - (0.05 + 0.0147)) < 0.0012);
	eval_compare(a, b, 400, 7, &again);
	assert_true(again.low == d.low && again.high == d.high);
	eval_compare(a, b, 400, 8, &other);
	assert_true(other.low != d.low || other.high != d.high);
	eval_compare(b, a, 400, 7, &other);
	close_to(other.mean, -0.05);
	close_to(other.low, -d.high);
}

static void test_nothing_differs(void **state)
{
	const double a[3] = {0.1, 0.2, 0.3};
	struct eval_difference d;

	(void)state;
	eval_compare(a, a, 3, 1, &d);
	assert_true(d.mean == 0 && d.low == 0 && d.high == 0);
	assert_int_equal(d.n_same, 3);
	eval_compare(a, a, 0, 1, &d);
	assert_true(d.mean == 0 && d.n_same == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_late_and_never),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_bootstrap),
		cmocka_unit_test(test_nothing_differs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
