#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "chat/sentence.h"

/* The sentences of text, joined by '¶'. */
static void expect(const char *text, const char *joined)
{
	struct arena a;
	struct sentence *s;
	char got[2048] = "";
	int n;

	arena_init(&a);
	n = sentences_split(&a, text, strlen(text), &s);
	for (int i = 0; i < n; i++) {
		strncat(got, text + s[i].start, (size_t)(s[i].end - s[i].start));
		strcat(got, i + 1 < n ? "¶" : "");
	}
	assert_string_equal(got, joined);
	arena_finish(&a);
}

static void test_prose(void **state)
{
	(void)state;
	expect("One. Two! Three?", "One.¶Two!¶Three?");
	expect("It costs 0.43 EUR. Dr. Roy and J. Lee agree, e.g. today.",
		"It costs 0.43 EUR.¶Dr. Roy and J. Lee agree, e.g. today.");
	expect("Version 3.8 of 12 January 2024. Its owner is here.",
		"Version 3.8 of 12 January 2024.¶Its owner is here.");
	expect("Am 1. März 2026 gilt das. Danach nicht.",
		"Am 1. März 2026 gilt das.¶Danach nicht.");
	expect("He said \"stop.\" Then he left.", "He said \"stop.\"¶Then he left.");
	expect("每晚不超过550元。招待客户另计！好吗？", "每晚不超过550元。¶招待客户另计！¶好吗？");
	expect("", "");
	expect(" \n \n", "");
	expect("...", "...");
}

static void test_lines(void **state)
{
	(void)state;
	expect("4. Hotels\nThe travel desk books hotels and a room may cost this\nper night. More "
	       "is asked.",
		"4. Hotels¶The travel desk books hotels and a room may cost this\nper night.¶More "
		"is asked.");
	expect("We need:\n- a form\n- a receipt that is\n  legible\n\nEnd",
		"We need:¶- a form¶- a receipt that is\n  legible¶End");
}

static void test_rows(void **state)
{
	const char *text =
		"Limits:\nCity | Limit\nParis | 175 EUR\nOslo | 210 EUR\nAfter the table.";
	struct arena a;
	struct sentence *s;

	(void)state;
	arena_init(&a);
	assert_int_equal(sentences_split(&a, text, strlen(text), &s), 5);
	assert_false(s[0].row);
	assert_true(s[1].row && s[2].row && s[3].row);
	assert_false(s[4].row);
	arena_finish(&a);
}

static void test_incremental(void **state)
{
	const char *s = "It is 3.5 m [1]. [2] Next";

	(void)state;
	for (size_t n = 0; n <= 20; n++) {
		assert_int_equal(sentence_end(s, n, 0, false), 0);
	}
	assert_int_equal(sentence_end(s, 22, 0, false), 20);
	assert_int_equal(sentence_end(s, strlen(s), 20, false), 0);
	assert_int_equal(sentence_end(s, strlen(s), 20, true), strlen(s));
	assert_int_equal(sentence_end("a\nb", 3, 0, false), 1);
	assert_int_equal(sentence_marker("[1, 2]x", 7), 6);
	assert_int_equal(sentence_marker("[a]", 3), 0);
	assert_int_equal(sentence_marker("[1", 2), 0);
}

/* However a text grows, its sentences end where they do when each look begins anew. */
static void test_growing(void **state)
{
	static const char *const pieces[] = {
		"a", "B", "1", ".", " ", "\n", "|", "[", "]", "!", "Dr", ",", "。", "”", "e.g"};
	unsigned seed = (unsigned)time(NULL);
	int n_ends = 0;

	(void)state;
	print_message("seed %u\n", seed);
	for (int round = 0; round < 3000; round++) {
		char text[300] = "";
		size_t n = 0, from = 0, looked = 0, anew;

		while (n < 200) {
			const char *piece = pieces[(size_t)rand_r(&seed) %
						   (sizeof(pieces) / sizeof(pieces[0]))];

			memcpy(text + n, piece, strlen(piece) + 1);
			n += strlen(piece);
			do {
				anew = sentence_end(text, n, from, false);
				assert_int_equal(
					sentence_end_on(text, n, from, &looked, false), anew);
				from = anew ? anew : from;
				n_ends += anew ? 1 : 0;
			} while (anew);
		}
		assert_int_equal(sentence_end_on(text, n, from, &looked, true),
			sentence_end(text, n, from, true));
	}
	assert_true(n_ends > 1000);
}

/* Whatever the bytes, sentences ascend, do not overlap and lie inside. */
static void test_random(void **state)
{
	static const char alphabet[] = "aB1. .\n|| -*[]!?\"\xe3\x80\x82";
	unsigned seed = (unsigned)time(NULL);

	(void)state;
	print_message("seed %u\n", seed);
	for (int round = 0; round < 3000; round++) {
		struct arena a;
		struct sentence *s;
		char text[200];
		size_t len = (size_t)(rand_r(&seed) % 200);
		int n, last = 0;

		for (size_t i = 0; i < len; i++) {
			text[i] = alphabet[(size_t)rand_r(&seed) % (sizeof(alphabet) - 1)];
		}
		arena_init(&a);
		n = sentences_split(&a, arena_copy(&a, text, len), len, &s);
		for (int i = 0; i < n; i++) {
			assert_true(s[i].start >= last && s[i].end > s[i].start);
			last = s[i].end;
		}
		assert_true(last <= (int)len);
		arena_finish(&a);
	}
}

static void flat_is(const char *text, const char *want)
{
	struct buf out = BUF_INIT;

	sentence_flat(&out, text, strlen(text));
	assert_string_equal(out.data ? out.data : "", want);
	buf_finish(&out);
}

static void test_flat(void **state)
{
	(void)state;
	flat_is("  A room\nin \t Milan \n", "A room in Milan");
	flat_is("百 分之四十，\n员工", "百分之四十，员工");
	flat_is("가격 인상", "가격 인상");
	flat_is("分机为 806。\n出差", "分机为 806。出差");
	flat_is("a\xff b", "a\xff b");
	flat_is(" \n", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prose),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_incremental),
		cmocka_unit_test(test_growing),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_flat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
