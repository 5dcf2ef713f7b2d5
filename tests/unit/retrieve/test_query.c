/* The query language: what is syntax, and what people write that is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <cmocka.h>

#include "index/base/buf.h"
#include "index/base/utf8.h"
#include "retrieve/query.h"

static const char *type_of(const char *name)
{
	return strcasecmp(name, "pdf") == 0 ? "application/pdf" : NULL;
}

/* "words | +phrase{annual leave} -phrase{draft} +type{pdf}" */
static void check(const char *text, const char *expected)
{
	static const char *const kinds[] = {
		"phrase", "title", "collection", "type", "owner", "date"};
	struct buf b = BUF_INIT;
	struct query q;
	struct arena a;

	arena_init(&a);
	query_parse(&a, text, type_of, &q);
	buf_str(&b, q.plain);
	for (int i = 0; i < q.n_conditions; i++) {
		const struct query_condition *c = &q.conditions[i];

		buf_printf(&b, "%s %c%s{%s}", i ? "" : " |", c->excluded ? '-' : '+',
			kinds[c->kind], c->text);
	}
	assert_string_equal(b.data ? b.data : "", expected);
	buf_finish(&b);
	arena_finish(&a);
}

static void same(const char *text)
{
	check(text, text);
}

static void syntax(void **state)
{
	(void)state;
	check("\"annual leave\"", "annual leave | +phrase{annual leave}");
	check("days of \"annual leave\" in Milan",
		"days of annual leave in Milan | +phrase{annual leave}");
	check("(\"annual leave\")", "( annual leave ) | +phrase{annual leave}");
	check("what is \"net income\"?", "what is net income ? | +phrase{net income}");
	check("leave -draft", "leave | -phrase{draft}");
	/* "à" ends with the byte that a no-break space ends with */
	check("voilà -draft", "voilà | -phrase{draft}");
	check("voilà\xc2\xa0 -draft", "voilà | -phrase{draft}");
	check("leave -\"sick leave\" -draft, now",
		"leave now | -phrase{sick leave} -phrase{draft}");
	check("title:handbook leave", "handbook leave | +title{handbook}");
	check("leave -title:\"old handbook\"", "leave | -title{old handbook}");
	check("leave type:pdf in:hr by:ada", "leave | +type{pdf} +collection{hr} +owner{ada}");
	check("leave Type:PDF collection:\"Human Resources\"",
		"leave | +type{PDF} +collection{Human Resources}");
	check("leave -type:pdf -owner:ada", "leave | -type{pdf} -owner{ada}");
	check("leave date:2026", "leave | +date{2026}");
	check("leave before:2026-03, after:2025-01-31", "leave | +date{2026-03} +date{2025-01-31}");
	check("„Jahresurlaub“ Tage", "Jahresurlaub Tage | +phrase{Jahresurlaub}");
	check("«congé annuel» jours", "congé annuel jours | +phrase{congé annuel}");
	check("什么是“年假”？", "什么是 年假 ？ | +phrase{年假}");
	check("「年假」 -草稿", "年假 | +phrase{年假} -phrase{草稿}");
	check("type:pdf", " | +type{pdf}");
}

static void what_people_write(void **state)
{
	static const char *const texts[] = {"e-mail", "COVID-19 rules", "a well-known rule",
		"- item", "- one\n- two", "note: what is it", "see https://example.com/a?b=c",
		"at 10:30", "file:///etc", "24\" screens and 27\" ones", "a \" stray quote",
		"\"unbalanced", "say \"\"", "say \" \" twice", "minus -5 degrees", "rm -rf now",
		"tar -x", "--verbose mode", "the -", "pre- and post-war", "before:lunch",
		"date:2026-13", "date:2026-02-30", "before:2026..2027", "type:fatal",
		"type:", "title: the rule", "in: the box", "Ratio 3:4", "C++:: scope", "a:b:c",
		"unknown:field", "-", "\"", "-\"", "title:\"", "-title:", "-draft",
		"-draft -\"old one\"", "he said \"no", "5' 11\" tall", "'single quotes'",
		"rock 'n' roll", "title:/x", "a\"b\"c", "", " ", "AND OR NOT NEAR(a b)", "^a*"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		same(texts[i]);
	}
}

static void limits(void **state)
{
	char many[2048] = "leave", longest[QUERY_PHRASE_BYTES + 64];
	struct query q;
	struct arena a;

	(void)state;
	for (int i = 0; i < 40; i++) {
		snprintf(many + strlen(many), 16, " -word%c%c", 'a' + i / 26, 'a' + i % 26);
	}
	arena_init(&a);
	query_parse(&a, many, NULL, &q);
	assert_int_equal(q.n_conditions, QUERY_CONDITIONS_MAX);
	assert_non_null(strstr(q.plain, "-wordbn"));
	memset(longest, 'a', sizeof(longest));
	longest[0] = longest[sizeof(longest) - 2] = '"';
	longest[sizeof(longest) - 1] = '\0';
	query_parse(&a, longest, NULL, &q);
	assert_int_equal(q.n_conditions, 0);
	query_parse(&a, "leave type:pdf", NULL, &q);
	assert_string_equal(q.plain, "leave type:pdf");
	arena_finish(&a);
}

static void date(const char *item, int64_t from_s, int64_t to_s)
{
	struct query q;
	struct arena a;
	char text[64];

	arena_init(&a);
	snprintf(text, sizeof(text), "leave %s", item);
	query_parse(&a, text, NULL, &q);
	assert_int_equal(q.n_conditions, 1);
	assert_true(q.conditions[0].from_ms == (from_s < 0 ? INT64_MIN : from_s * 1000));
	assert_true(q.conditions[0].to_ms == (to_s < 0 ? INT64_MAX : to_s * 1000));
	arena_finish(&a);
}

static void dates(void **state)
{
	(void)state;
	date("date:1970", 0, 365 * 86400);
	date("date:2024-02", 1706745600, 1709251200);
	date("date:2024-02-29", 1709164800, 1709251200);
	date("date:2023-12-31", 1703980800, 1704067200);
	date("before:2024-03", -1, 1709251200);
	date("after:2024-02", 1709251200, -1);
	date("date:2024-02..2024-02-29", 1706745600, 1709251200);
	date("date:2024-02..", 1706745600, -1);
	date("date:..2024-02", -1, 1709251200);
}

/* Any bytes: nothing is lost that is no syntax, and what is written is a part of the text. */
static void random_text(void **state)
{
	static const char *const parts[] = {"\"", "-", " ", "title:", "type:pdf", "date:", "2026",
		"..", "leave", "年", "“", "”", "(", ")", ":", "in:", "\t", "é", "„", "「", "」",
		"\xc3", "\xff", "5"};
	unsigned seed = (unsigned)time(NULL);

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 20000; round++) {
		char text[256] = "";
		struct query q;
		struct arena a;

		for (int i = rand() % 12; i >= 0; i--) {
			strcat(text, parts[(size_t)rand() % (sizeof(parts) / sizeof(parts[0]))]);
		}
		arena_init(&a);
		query_parse(&a, text, type_of, &q);
		assert_true(q.n_conditions <= QUERY_CONDITIONS_MAX);
		for (int i = 0; i < q.n_conditions; i++) {
			assert_non_null(strstr(text, q.conditions[i].written));
			assert_non_null(q.conditions[i].text);
		}
		if (q.n_conditions == 0) {
			assert_string_equal(q.plain, text);
		}
		arena_finish(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(syntax),
		cmocka_unit_test(what_people_write),
		cmocka_unit_test(limits),
		cmocka_unit_test(dates),
		cmocka_unit_test(random_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
