#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "chat/extractive_period.h"

static struct period read(const char *text)
{
	struct period p;

	period_read(text, strlen(text), &p);
	return p;
}

static void test_reading(void **state)
{
	struct period p = read("for the three months ended June 25, 2031 and 2030");

	(void)state;
	assert_int_equal(p.months, 3);
	assert_int_equal(p.month, 6);
	assert_int_equal(p.day, 25);
	assert_int_equal(p.n_years, 2);
	p = read("What was it in the third quarter of fiscal year 2031?");
	assert_int_equal(p.quarter, 3);
	assert_int_equal(p.months, 3);
	assert_true(p.fiscal);
	assert_int_equal(read("Q2 2031").quarter, 2);
	assert_int_equal(read("im ersten Halbjahr 2031").months, 6);
	assert_int_equal(read("am 31.12.2031").years[0], 2031);
	assert_int_equal(read("2031年第三季度").quarter, 3);
	assert_int_equal(read("2031年第三季度").years[0], 2031);
	assert_int_equal(read("截至6月30日的六个月").months, 6);
	assert_int_equal(read("截至6月30日的六个月").month, 6);
	assert_int_equal(read("in the year ended December 31, 2031").months, 12);
	/* no years: money, a part of a number; no month: a verb */
	assert_int_equal(read("$2031 and 2,031 and 12031").n_years, 0);
	assert_int_equal(read("May I go?").month, 0);
	assert_int_equal(read("May 3").month, 5);
	p = read("");
	assert_true(period_empty(&p));
}

static void test_alone(void **state)
{
	static const char *const yes[] = {"Three Months Ended", "June 25,", "2031", "Q3 2031",
		"Twelve Months Ended September 30,", "As of December 31, 2031"};
	static const char *const no[] = {"", "Change", "$2,031", "Net sales", "12", "2031 sales"};

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		assert_true(period_alone(yes[i], strlen(yes[i])));
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		assert_false(period_alone(no[i], strlen(no[i])));
	}
}

static double fit(const char *asked, const char *column)
{
	struct period a = read(asked), c = read(column);

	return period_fit(&a, &c);
}

static void test_fit(void **state)
{
	(void)state;
	assert_true(fit("in 2031", "2031") > 0);
	assert_true(fit("in 2031", "2030") < 0);
	assert_true(fit("in 2031", "Change") == 0);
	assert_true(fit("in the third quarter of 2031", "Three Months Ended June 25, 2031") > 0);
	assert_true(fit("in the third quarter of 2031", "Nine Months Ended June 25, 2031") < 0);
	assert_true(fit("ended May 1, 2031", "October 30, 2031") < 0);
	assert_true(fit("three months ended May 1, 2031", "Three Months Ended May 1, 2031") >
		    fit("three months ended May 1, 2031", "May 1, 2031"));
	assert_true(fit("Q3 2031", "Q3 2031") > fit("Q3 2031", "2031"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
