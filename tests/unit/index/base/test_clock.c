/* Time: what is printed, and that intervals do not go back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "index/base/clock.h"

static void test_rfc3339(void **state)
{
	char s[32];

	(void)state;
	clock_rfc3339(0, s, sizeof(s));
	assert_string_equal(s, "1970-01-01T00:00:00.000Z");
	clock_rfc3339(1772357400007, s, sizeof(s));
	assert_string_equal(s, "2026-03-01T09:30:00.007Z");
	clock_rfc3339(951782400999, s, 25);
	assert_string_equal(s, "2000-02-29T00:00:00.999Z");
}

static void test_clocks(void **state)
{
	int64_t us = clock_mono_us();

	(void)state;
	assert_true(clock_wall_ms() / 1000 - time(NULL) <= 1);
	for (int i = 0; i < 1000; i++) {
		int64_t now = clock_mono_us();

		assert_true(now >= us);
		us = now;
	}
	assert_true(clock_mono_ms() - us / 1000 < 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc3339),
		cmocka_unit_test(test_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
