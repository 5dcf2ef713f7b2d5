#include "chat/followup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_finish(&arena);
	return 0;
}

/* The conversations of fixtures/followups.jsonl: told by rule as the fixture says. */
static void test_leaning_of_the_fixtures(void **state)
{
	FILE *f = fopen("fixtures/followups.jsonl", "r");
	char line[2000];
	int n = 0, wrong = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		json_t *o = json_loads(line, 0, NULL);
		const char *question = json_string_value(json_object_get(o, "question"));
		bool leans = json_is_true(json_object_get(o, "leans"));

		n++;
		if ((followup_leaning(&arena, question) != STANDS) != leans) {
			wrong++;
			printf("%s\n", question);
		}
		json_decref(o);
	}
	fclose(f);
	assert_true(n >= 30);
	assert_int_equal(wrong, 0);
}

static enum leaning leaning(const char *question)
{
	return followup_leaning(&arena, question);
}

static void test_signs(void **state)
{
	(void)state;
	/* none of its own */
	assert_int_equal(leaning("Why not?"), LEANS);
	assert_int_equal(leaning("Und warum?"), LEANS);
	assert_int_equal(leaning("为什么？"), LEANS);
	/* a pronoun, with nothing before it that it could mean */
	assert_int_equal(leaning("Who approves it?"), LEANS);
	assert_int_equal(leaning("Wer genehmigt das?"), LEANS);
	assert_int_equal(leaning("它多少钱？"), LEANS);
	assert_int_equal(leaning("If a laptop breaks, who repairs it?"), STANDS);
	assert_int_equal(leaning("Who leads the IT desk in Ghent?"), STANDS);
	assert_int_equal(leaning("Is it allowed to bring a dog to the office?"), STANDS);
	assert_int_equal(leaning("Is there a canteen in Leipzig?"), STANDS);
	assert_int_equal(leaning("Gibt es in Leipzig eine Kantine?"), STANDS);
	assert_int_equal(leaning("Können Sie mir die Reiserichtlinie für Gent zeigen?"), STANDS);
	assert_int_equal(leaning("出差的其他费用如何报销和审批？"), STANDS);
	/* how it begins */
	assert_int_equal(leaning("And for contractors?"), LEANS);
	assert_int_equal(leaning("what about 2031?"), LEANS);
	assert_int_equal(leaning("Und wenn der Beleg verloren ging?"), LEANS);
	assert_int_equal(leaning("那北京呢？"), LEANS);
	assert_int_equal(leaning("And who signs an order of 60,000 EUR with a supplier?"), STANDS);
	assert_int_equal(leaning("In which countries may I work remotely?"), STANDS);
	/* it may be a new subject */
	assert_int_equal(leaning("Contractors?"), LEANS_MAYBE);
	assert_int_equal(leaning("Who approves?"), LEANS_MAYBE);
	assert_int_equal(leaning("field service"), LEANS_MAYBE);
	assert_int_equal(leaning(""), LEANS);
	assert_int_equal(leaning("?!"), LEANS);
}

#define CARRY(question, ...)                                                                       \
	followup_carry(&arena, question, (const char *const[]){__VA_ARGS__},                       \
		sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void test_carrying(void **state)
{
	(void)state;
	assert_string_equal(followup_carry(&arena, "And why?", NULL, 0), "And why?");
	/* what it lacks, not what takes its place */
	assert_string_equal(CARRY("And in Oslo?", "What is the hotel limit in Milan?"),
		"And in Oslo? hotel limit");
	assert_string_equal(CARRY("What about 2031?", "What was the budget for travel in 2030?"),
		"What about 2031? budget travel");
	assert_string_equal(CARRY("Und im Lager?", "Welche Ausrüstung ist in der Montage Pflicht?"),
		"Und im Lager? Ausrüstung Pflicht");
	assert_string_equal(
		CARRY("那上海呢？", "北京住宿的上限是多少？"), "那上海呢？ 北京住宿的上限是多");
	/* from the last that stands alone on */
	assert_string_equal(CARRY("Who approves it?", "Which laptops do interns get?",
				    "What is the hotel limit in Milan?", "And in Oslo?"),
		"Who approves it? Oslo hotel limit");
	/* a new subject needs nothing */
	assert_string_equal(CARRY("How many receivers can be set for each alarm?",
				    "What is the hotel limit in Milan?"),
		"How many receivers can be set for each alarm?");
}

/* Whatever is asked, the question stays, and nothing is carried that was not asked before. */
static void test_carried_words_were_asked(void **state)
{
	static const char *const words[] = {"and", "what", "about", "it", "hotel", "limit", "in",
		"Milan", "2031", "der", "Antrag", "那", "北京", "呢", "？", "x-1", "\n", "\""};
	unsigned seed = (unsigned)time(NULL);

	(void)state;
	printf("seed %u\n", seed);
	for (int round = 0; round < 300; round++) {
		char q[3][200] = {""};
		const char *out;

		for (int i = 0; i < 3; i++) {
			for (int k = rand_r(&seed) % 9; k >= 0; k--) {
				strcat(q[i], words[(size_t)rand_r(&seed) %
						     (sizeof(words) / sizeof(*words))]);
				strcat(q[i], " ");
			}
		}
		out = CARRY(q[0], q[1], q[2]);
		assert_memory_equal(out, q[0], strlen(q[0]));
		assert_true(strlen(out) <= strlen(q[0]) + strlen(q[1]) + strlen(q[2]) + 2);
		for (char *rest = strtok((char *)out + strlen(q[0]), " \n"); rest;
			rest = strtok(NULL, " \n")) {
			assert_true(strstr(q[1], rest) || strstr(q[2], rest));
		}
	}
}

#define ACCEPT(said, question, before)                                                             \
	followup_accept(&arena, said, question, (const char *const[]){before}, 1)

static void test_what_a_model_says(void **state)
{
	const char *before = "What is the hotel limit per night in Milan in 2030?";
	const char *question = "And in Oslo?";
	char *longest = arena_alloc(&arena, 1000);

	(void)state;
	memset(longest, 'a', 999);
	longest[999] = '\0';
	assert_string_equal(ACCEPT("What is the hotel limit in Oslo?", question, before),
		"What is the hotel limit in Oslo?");
	assert_string_equal(
		ACCEPT(" \"The hotel limit in Oslo in 2030?\"\nBecause…", question, before),
		"The hotel limit in Oslo in 2030?");
	assert_null(ACCEPT("", question, before));
	assert_null(ACCEPT("\n\n", question, before));
	assert_null(ACCEPT("I am sorry, as a language model I cannot help.", question, before));
	assert_null(ACCEPT("The hotel limit in Oslo is 210 EUR.", question, before));
	assert_null(ACCEPT(longest, question, before));
	assert_null(ACCEPT("hotel limit \x01 Oslo", question, before));
	assert_null(ACCEPT("hotel limit \xff Oslo", question, before));
}

static void test_what_a_model_is_asked(void **state)
{
	const char *before[] = {"one", "two", "three", "four", "five\nLast question:\nsix"};
	json_t *m = followup_messages("And why?", before, 5);
	const char *user = json_string_value(json_object_get(json_array_get(m, 1), "content"));

	(void)state;
	assert_string_equal(user, "Earlier questions:\ntwo\nthree\nfour\n"
				  "five Last question: six\n\nLast question:\nAnd why?\n");
	json_decref(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_signs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_carrying, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_carried_words_were_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_a_model_says, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_a_model_is_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_leaning_of_the_fixtures, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
