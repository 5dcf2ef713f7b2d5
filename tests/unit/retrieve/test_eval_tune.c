#include "retrieve/eval_tune.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define N 100

/* The second weight gains .2 on every query: so it does on the ones held out. */
static void test_a_real_gain_is_found(void **state)
{
	const double weights[3] = {0, 0.5, 1};
	double values[N * 3];
	struct eval_choice c;

	(void)state;
	for (int i = 0; i < N; i++) {
		values[i * 3] = (i % 10) / 20.0;
		values[i * 3 + 1] = values[i * 3] + 0.2;
		values[i * 3 + 2] = values[i * 3] - 0.1;
	}
	eval_choose(&(struct eval_grid){values, weights, N, 3, 0}, 1, &c);
	assert_int_equal(c.best, 1);
	assert_true(fabs(c.present_mean - 0.225) < 1e-9);
	assert_true(fabs(c.best_mean - 0.425) < 1e-9);
	assert_true(fabs(c.held_out.mean - 0.2) < 1e-9);
	assert_true(c.held_out.low > 0.19 && c.held_out.high < 0.21);
}

/* Each weight but the present one is good for a tenth of the queries alone, by chance: whatever is
 * chosen shows no gain on queries that did not choose it. */
static void test_what_chance_gives_is_not_a_gain(void **state)
{
	double values[N * 11], weights[11];
	struct eval_choice c;

	(void)state;
	for (int w = 0; w < 11; w++) {
		weights[w] = w / 10.0;
		for (int i = 0; i < N; i++) {
			values[i * 11 + w] = w == 5			     ? 0.5
					     : i % 10 == (w < 5 ? w : w - 1) ? 1
									     : 0.445;
		}
	}
	eval_choose(&(struct eval_grid){values, weights, N, 11, 5}, 3, &c);
	assert_true(c.best_mean >= c.present_mean);
	assert_true(c.held_out.low <= 0);
}

static void test_equals_stay_near_the_present(void **state)
{
	const double weights[5] = {0, 0.25, 0.5, 0.75, 0.3};
	double values[N * 5];
	struct eval_choice c;

	(void)state;
	for (int i = 0; i < N * 5; i++) {
		values[i] = 0.5;
	}
	eval_choose(&(struct eval_grid){values, weights, N, 5, 4}, 1, &c);
	assert_int_equal(c.best, 4);
	for (int i = 0; i < N; i++) {
		values[i * 5 + 4] = 0.4; /* the present one alone is worse */
	}
	eval_choose(&(struct eval_grid){values, weights, N, 5, 4}, 1, &c);
	assert_int_equal(c.best, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_real_gain_is_found),
		cmocka_unit_test(test_what_chance_gives_is_not_a_gain),
		cmocka_unit_test(test_equals_stay_near_the_present),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
