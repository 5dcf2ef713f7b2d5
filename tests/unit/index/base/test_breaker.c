/* When a server that fails is asked, and who asks it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "index/base/breaker.h"

#define SERVER 7

static void fail_times(struct breaker *b, int n, int64_t now_ms)
{
	for (int i = 0; i < n; i++) {
		assert_true(breaker_may(b, SERVER, now_ms));
		breaker_told(b, SERVER, BREAKER_BAD, now_ms);
	}
}

static void test_opens_after_failures_in_a_row(void **state)
{
	struct breaker b;

	(void)state;
	breaker_init(&b);
	fail_times(&b, BREAKER_FAILURES - 1, 100);
	assert_int_equal(breaker_told(&b, SERVER, BREAKER_GOOD, 100), BREAKER_SAME);
	fail_times(&b, BREAKER_FAILURES - 1, 100);
	assert_int_equal(breaker_told(&b, SERVER, BREAKER_UNKNOWN, 100), BREAKER_SAME);
	assert_true(breaker_may(&b, SERVER, 100));
	assert_int_equal(breaker_told(&b, SERVER, BREAKER_BAD, 100), BREAKER_OPENED);
	assert_false(breaker_may(&b, SERVER, 100));
	assert_false(breaker_may(&b, SERVER, 100 + BREAKER_PAUSE_MS - 1));
	breaker_finish(&b);
}

static void test_one_tries_again(void **state)
{
	const int64_t later = 100 + BREAKER_PAUSE_MS;
	struct breaker b;

	(void)state;
	breaker_init(&b);
	fail_times(&b, BREAKER_FAILURES, 100);
	assert_true(breaker_may(&b, SERVER, later));
	assert_false(breaker_may(&b, SERVER, later)); /* one at a time */
	assert_int_equal(breaker_told(&b, SERVER, BREAKER_BAD, later), BREAKER_STAYS_OPEN);
	assert_false(breaker_may(&b, SERVER, later + BREAKER_PAUSE_MS - 1));
	assert_true(breaker_may(&b, SERVER, later + BREAKER_PAUSE_MS));
	breaker_told(&b, SERVER, BREAKER_UNKNOWN, later + BREAKER_PAUSE_MS);
	assert_true(breaker_may(&b, SERVER, later + BREAKER_PAUSE_MS)); /* the next one tries */
	assert_int_equal(
		breaker_told(&b, SERVER, BREAKER_GOOD, later + BREAKER_PAUSE_MS), BREAKER_CLOSED);
	fail_times(&b, BREAKER_FAILURES - 1, later);
	assert_true(breaker_may(&b, SERVER, later));
	breaker_finish(&b);
}

static void test_another_server_starts_afresh(void **state)
{
	struct breaker b;

	(void)state;
	breaker_init(&b);
	fail_times(&b, BREAKER_FAILURES, 100);
	assert_true(breaker_may(&b, SERVER + 1, 100));
	/* What is told late of the former says nothing of this one. */
	for (int i = 0; i < BREAKER_FAILURES; i++) {
		assert_int_equal(breaker_told(&b, SERVER, BREAKER_BAD, 100), BREAKER_SAME);
	}
	assert_true(breaker_may(&b, SERVER + 1, 100));
	breaker_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opens_after_failures_in_a_row),
		cmocka_unit_test(test_one_tries_again),
		cmocka_unit_test(test_another_server_starts_afresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
