#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/tokens.h"

static int estimate(const char *s)
{
	return tokens_estimate(s, strlen(s));
}

static void assert_between(int n, int low, int high)
{
	if (n < low || n > high) {
		fail_msg("%d is not in [%d, %d]", n, low, high);
	}
}

static void nothing_is_nothing(void **state)
{
	(void)state;
	assert_int_equal(tokens_estimate("", 0), 0);
	assert_int_equal(tokens_estimate("word", 0), 0);
	assert_int_equal(estimate("a"), 1);
}

/* English prose has 1.25 to 1.4 tokens a word in the vocabularies of the usual models. */
static void english_prose(void **state)
{
	static const char *const text = "Everyone books their own travel through the portal. "
					"Flights longer than six hours may be "
					"booked in premium economy; a manager has to approve the "
					"cost before the ticket is bought. "
					"Receipts are handed in within thirty days, otherwise the "
					"expenses are not paid back. Hotels "
					"are booked up to the limits of the table, which the "
					"finance department publishes in January "
					"of every year.";
	int n_words = 1;

	(void)state;
	for (const char *p = text; *p; p++) {
		n_words += *p == ' ';
	}
	assert_between(estimate(text), n_words * 110 / 100, n_words * 140 / 100);
}

static void other_scripts_cost_more(void **state)
{
	(void)state;
	/* "差旅政策" is 4 characters, 3 to 6 tokens. */
	assert_between(estimate("\xe5\xb7\xae\xe6\x97\x85\xe6\x94\xbf\xe7\xad\x96"), 4, 6);
	/* "Geschäftsführung": 4 to 6 */
	assert_between(estimate("Gesch\xc3\xa4"
				"ftsf\xc3\xbchrung"),
		3, 6);
	/* "Здравствуйте": 4 to 7 */
	assert_between(
		estimate("\xd0\x97\xd0\xb4\xd1\x80\xd0\xb0\xd0\xb2\xd1\x81\xd1\x82\xd0\xb2\xd1\x83"
			 "\xd0\xb9\xd1\x82\xd0\xb5"),
		4, 7);
}

static void numbers_and_marks(void **state)
{
	(void)state;
	assert_int_equal(estimate("7"), 1);
	assert_between(estimate("2026-03-14"), 5, 10);
	assert_between(estimate("................................"), 4, 10);
	assert_int_equal(estimate("(),;"), 4);
	/* A key without a blank is never cheap. */
	assert_between(estimate("aGVsbG8gd29ybGQgdGhpcyBpcyBhIGxvbmcga2V5"), 8, 40);
}

/* What does not end between characters, or is no UTF-8 at all, is counted and never read past. */
static void any_bytes(void **state)
{
	unsigned seed = 20260301;
	char buf[256];

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 2000; round++) {
		size_t n = (size_t)(rand() % (int)sizeof buf);
		char *exact = malloc(n ? n : 1);
		int all, cut;

		for (size_t i = 0; i < n; i++) {
			buf[i] = (char)rand();
		}
		memcpy(exact, buf, n);
		all = tokens_estimate(exact, n);
		cut = tokens_estimate(exact, n / 2);
		free(exact);
		assert_true(all >= 0 && cut >= 0);
		assert_true(n == 0 || all <= (int)(n * 3));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_nothing),
		cmocka_unit_test(english_prose),
		cmocka_unit_test(other_scripts_cost_more),
		cmocka_unit_test(numbers_and_marks),
		cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
