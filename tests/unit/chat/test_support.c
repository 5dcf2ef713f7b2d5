#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "chat/support.h"

static enum support check(const char *language, const char *claim_text, const char *source_language,
	const char *source_text)
{
	struct arena a;
	struct facts claim, source;
	const struct facts *sources[] = {&source};
	enum support s;

	arena_init(&a);
	facts_read(&a, claim_text, strlen(claim_text), language, &claim);
	facts_read(&a, source_text, strlen(source_text), source_language, &source);
	s = support_check(&claim, sources, 1, &source);
	arena_finish(&a);
	return s;
}

static void test_numbers(void **state)
{
	const char *source =
		"A hotel room in Milan may cost no more than 1,175.50 EUR per night from "
		"2026-03-01 on.";

	(void)state;
	assert_int_equal(check("en", "A hotel room in Milan may cost 1175.50 EUR per night [1].",
				 "en", source),
		SUPPORT_VERIFIED);
	assert_int_equal(check("en", "A hotel room in Milan may cost no more than 1175.5 EUR [1].",
				 "en", source),
		SUPPORT_VERIFIED);
	assert_int_equal(check("en", "A hotel room in Milan may cost no more than 1,180 EUR [1].",
				 "en", source),
		SUPPORT_UNVERIFIED);
	assert_int_equal(check("en", "From 1 March 2026 a hotel room in Milan costs 1175.50 EUR.",
				 "en", source),
		SUPPORT_VERIFIED);
	assert_int_equal(check("de", "Die Prämie beträgt höchstens 5.000 Euro.", "de",
				 "Die Prämie beträgt höchstens 5000 Euro."),
		SUPPORT_VERIFIED);
	assert_int_equal(check("en", "Submit the claim within 10 working days.", "en",
				 "Submit the claim within ten working days."),
		SUPPORT_VERIFIED);
	assert_int_equal(
		check("zh", "十个工作日内提交报销单。", "zh", "出差后10个工作日内提交报销单。"),
		SUPPORT_VERIFIED);
}

static void test_names_and_words(void **state)
{
	const char *source = "The travel desk is run by Noor Haddad and books every hotel.";

	(void)state;
	assert_int_equal(check("en", "The travel desk is run by Noor Haddad.", "en", source),
		SUPPORT_VERIFIED);
	assert_int_equal(check("en", "The travel desk is run by Tobias Renn.", "en", source),
		SUPPORT_PARTIAL);
	assert_int_equal(
		check("en", "Bananas grow in warm countries.", "en", source), SUPPORT_UNVERIFIED);
	assert_int_equal(check("en", "[1]", "en", source), SUPPORT_UNVERIFIED);
}

/* A list of names in English may be taken for French, and is stemmed so. */
static void test_word_for_word(void **state)
{
	const char *source = "The National Transportation Safety Board investigates accidents,\n"
			     "and evaluates the safety effectiveness of agencies.";

	(void)state;
	assert_int_equal(
		check("en",
			"- The National Transportation Safety Board investigates "
			"accidents, and evaluates the safety effectiveness of agencies. [2]",
			"fr", source),
		SUPPORT_VERIFIED);
	assert_int_equal(
		check("en",
			"- The National Transportation Safety Bureau investigates "
			"accidents, and evaluates the safety effectiveness of agencies. [2]",
			"fr", source),
		SUPPORT_UNVERIFIED);
}

static void test_negation(void **state)
{
	(void)state;
	assert_int_equal(check("en", "Alcohol is covered by the allowance.", "en",
				 "Alcohol is not covered by the allowance."),
		SUPPORT_PARTIAL);
	assert_int_equal(
		check("de", "Alkohol ist nicht abgedeckt.", "de", "Alkohol ist abgedeckt."),
		SUPPORT_PARTIAL);
}

static void test_across_languages(void **state)
{
	(void)state;
	assert_int_equal(check("en", "The limit in Beijing is 550 yuan per night.", "zh",
				 "北京每晚住宿上限为550元。"),
		SUPPORT_PARTIAL);
	assert_int_equal(check("en", "The limit in Beijing is 560 yuan per night.", "zh",
				 "北京每晚住宿上限为550元。"),
		SUPPORT_UNVERIFIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_names_and_words),
		cmocka_unit_test(test_word_for_word),
		cmocka_unit_test(test_negation),
		cmocka_unit_test(test_across_languages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
