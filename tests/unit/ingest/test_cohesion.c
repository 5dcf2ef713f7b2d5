/* Stretches of text that speak of the same are told from those that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/cohesion.h"

static double between(const char *a, const char *b)
{
	return cohesion(a, strlen(a), b, strlen(b));
}

static void the_same_words_cohere(void **state)
{
	(void)state;
	assert_true(between("otters swim rivers", "otters swim rivers") > 0.999);
	assert_true(between("Travel is approved by the manager.",
			    "Approval of travelling takes managers a day.") > 0.4);
	assert_true(
		between("Travel is approved by the manager.", "Otters eat trout and eels.") == 0);
}

static void what_has_no_words_does_not(void **state)
{
	(void)state;
	assert_true(between("", "") == 0);
	assert_true(between("a 1 - !", "of the") == 0);
	assert_true(
		between("\xff\xfe\x80\x81", "\xff\xfe\x80\x81") <= 1.001); /* no UTF-8: no crash */
}

static void chinese_goes_by_pairs(void **state)
{
	(void)state;
	assert_true(between("差旅费用由经理批准", "经理批准差旅申请") > 0.3);
	assert_true(between("差旅费用由经理批准", "水獭以鱼为食") == 0);
}

/* Of long stretches those words count that stand near the cut. */
static void only_what_is_near_counts(void **state)
{
	char far[20000] = "otter ", near[20000] = "";

	(void)state;
	for (int i = 0; i < 400; i++) {
		strcat(far, "stone ");
		strcat(near, "stone ");
	}
	strcat(near, "otter ");
	assert_true(between(far, "otter") == 0);
	assert_true(between(near, "otter") > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_words_cohere),
		cmocka_unit_test(what_has_no_words_does_not),
		cmocka_unit_test(chinese_goes_by_pairs),
		cmocka_unit_test(only_what_is_near_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
