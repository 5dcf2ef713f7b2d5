#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "chat/extractive.h"

struct shelf {
	struct arena a;
	struct passage passages[4];
	struct source sources[4];
	int n;
};

static void shelf_init(struct shelf *s)
{
	memset(s, 0, sizeof(*s));
	arena_init(&s->a);
}

static void put(struct shelf *s, const char *language, const char *heading, const char *text)
{
	struct passage *p = &s->passages[s->n];

	*p = (struct passage){.title = "Policy",
		.heading = heading,
		.language = language,
		.text = text,
		.byte_end = (int64_t)strlen(text),
		.page_first = 1,
		.page_last = 1,
		.score = 1.0 / (1 + s->n)};
	source_init(&s->sources[s->n], &s->a, s->n + 1, p);
	s->n++;
}

/* Every word of the question weighs the same. */
static struct extract ask(struct shelf *s, const char *text)
{
	struct question q = {.language = language_detect(text, strlen(text))};
	struct terms terms;
	struct extract out;

	analyse(&s->a, text, strlen(text), q.language, &terms);
	q.terms = arena_array(&s->a, const char *, (size_t)terms.n + 1);
	q.idf = arena_array(&s->a, double, (size_t)terms.n + 1);
	for (int i = 0; i < terms.n; i++) {
		if (!terms.items[i].stopword) {
			q.terms[q.n_terms] = terms.items[i].text;
			q.idf[q.n_terms++] = 2;
			q.mass += 2;
		}
	}
	extractive_answer(&s->a, &q, text, s->sources, s->n, &out);
	return out;
}

static void expect(struct shelf *s, const char *question, const char *part, const char *marker)
{
	struct extract x = ask(s, question);

	if (x.refused || !strstr(x.text, part) || !strstr(x.text, marker)) {
		fail_msg("%s\n  gave: %s\n  not: %s", question, x.text, part);
	}
}

static void test_prose_and_rows(void **state)
{
	struct shelf s;

	(void)state;
	shelf_init(&s);
	put(&s, "en", "Hotels",
		"The travel desk books hotels through Waypoint. A dearer room needs approval.\n"
		"City group | Cities | Limit per night\nA | London, Oslo | 210 EUR\nB | Paris, "
		"Milan | 175 EUR\n");
	put(&s, "en", "Cars",
		"Using one's own car is paid with 0.43 EUR per kilometre. Fines for parking are "
		"paid by the driver.");
	put(&s, "en", "Orders",
		"Value of the order | Offers\nup to 5,000 EUR | one offer\n"
		"5,001 to 40,000 EUR | three offers\nmore than 40,000 EUR | a tender\n");
	expect(&s, "What is the most a hotel room in Milan may cost per night?",
		"City group B, Limit per night: 175 EUR; Cities: Paris, Milan [1]", "[1]");
	expect(&s, "How much per kilometre is paid for my own car?", "0.43 EUR", "[2]");
	expect(&s, "How many offers for an order worth 20,000 EUR?", "three offers", "[3]");
	arena_finish(&s.a);
}

/* The words of the question stand in the sentence before the table; the row has the answer. */
static void test_rows_of_a_filing(void **state)
{
	struct shelf s;

	(void)state;
	shelf_init(&s);
	put(&s, "en", "Revenue",
		"Net sales by products and services for the three months ended June 25, 2031 were "
		"as "
		"follows (in millions): Three Months Ended\n"
		"June 25, | June 26, | June 25, | June 26,\n"
		"2031 | 2030 | 2031 | 2030\n"
		"Lanterns (1) | $40,665 | $39,570 | $162,863 | $153,105\n"
		"Services (3) | 19,604 | 17,486 | 58,941 | 50,148\n"
		"Total net sales (4) | $82,959 | $81,434 | $304,182 | $282,457\n");
	expect(&s, "What were the net sales of Services for the three months ended June 25, 2031?",
		"19,604", "[1]");
	expect(&s, "What were net sales of lanterns in the three months ended June 25, 2031?",
		"$40,665", "[1]");
	expect(&s, "What were total net sales for the three months ended June 25, 2031?", "$82,959",
		"[1]");
	arena_finish(&s.a);
}

static void test_kinds_of_answer(void **state)
{
	struct shelf s;

	(void)state;
	shelf_init(&s);
	put(&s, "en", "Budget",
		"The budget is approved by the board. The budget was approved by Tobias Renn "
		"in the meeting. The budget was approved on 14 March 2026.");
	expect(&s, "Who approved the budget?", "Tobias Renn", "[1]");
	expect(&s, "When was the budget approved?", "14 March 2026", "[1]");
	arena_finish(&s.a);
}

static void test_languages(void **state)
{
	struct shelf s;

	(void)state;
	shelf_init(&s);
	put(&s, "zh", "住宿",
		"出差由部门经理批准。北京和上海的住宿上限为每晚550元。其他城市为每晚400元。");
	put(&s, "de", "Hof",
		"Der Hof ist sauber zu halten. Ein Gabelstapler fährt im Hof höchstens 8 Kilometer "
		"in der Stunde.");
	expect(&s, "去北京出差，住宿每晚的上限是多少？", "550元", "[1]");
	expect(&s, "Wie schnell darf ein Gabelstapler im Hof fahren?", "8 Kilometer", "[2]");
	arena_finish(&s.a);
}

static void test_refusal(void **state)
{
	struct shelf s;
	struct extract x;

	(void)state;
	shelf_init(&s);
	x = ask(&s, "May I bring my dog to the office?");
	assert_true(x.refused);
	put(&s, "en", "Hotels", "The travel desk books hotels through Waypoint.");
	x = ask(&s, "May I bring my dog to the office?");
	assert_true(x.refused);
	assert_string_equal(x.text, "I could not find this in the documents you can read.");
	x = ask(&s, "Bietet das Unternehmen einen Kindergarten für Kleinkinder an?");
	assert_true(x.refused);
	assert_string_equal(x.text, extractive_refusal("de"));
	x = ask(&s, "篮球队下次比赛是哪天？");
	assert_string_equal(x.text, extractive_refusal("zh"));
	x = ask(&s, "?");
	assert_true(x.refused);
	assert_string_equal(extractive_refusal("xx"), extractive_refusal("en"));
	arena_finish(&s.a);
}

/* What a document says cannot become a marker or a list of ours, and each line has its marker. */
static void test_written_safely(void **state)
{
	struct shelf s;
	struct extract x;

	(void)state;
	shelf_init(&s);
	put(&s, "en", "", "- The seal [7] of the pump\nlasts 12 years [see note] in salt water.");
	x = ask(&s, "How long does the seal of the pump last in salt water?");
	assert_false(x.refused);
	assert_string_equal(
		x.text, "The seal (7) of the pump lasts 12 years (see note) in salt water. [1]");
	arena_finish(&s.a);
}

static void test_leaning_sentence(void **state)
{
	struct shelf s;
	struct extract x;

	(void)state;
	shelf_init(&s);
	put(&s, "en", "",
		"The warranty of the Otter 500 is generous and simple. It covers the device in "
		"Europe "
		"for a period of 60 months. Paint is yellow.");
	x = ask(&s, "For which period does the warranty cover the Otter device in Europe?");
	assert_non_null(strstr(x.text,
		"- The warranty of the Otter 500 is generous and simple. [1]\n- It covers"));
	arena_finish(&s.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prose_and_rows),
		cmocka_unit_test(test_rows_of_a_filing),
		cmocka_unit_test(test_kinds_of_answer),
		cmocka_unit_test(test_languages),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_written_safely),
		cmocka_unit_test(test_leaning_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
