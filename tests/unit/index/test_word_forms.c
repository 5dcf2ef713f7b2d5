/* Words whose form is remembered have the form that they have alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/arena.h"
#include "index/fts.h"
#include "index/word_forms.h"

#define SEED UINT64_C(20261127)
#define N_WORDS 30000
#define N_ALONE 400

static const char *const languages[] = {"en", "de", "fr", "", "sv"};
#define N_LANGUAGES (sizeof(languages) / sizeof(languages[0]))

static char words[N_WORDS][40];

static uint32_t next(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33);
}

/* Of syllables with endings, accents, stopwords and some that are too long to be kept. */
static void make_words(void)
{
	static const char *const parts[] = {"ma", "ter", "lo", "kin", "sü", "ré", "ue", "pro",
		"the", "und", "est", "gra", "ou", "ly", "ness", "ungen", "ation", "s", "ed", "ing"};
	uint64_t state = SEED;

	for (int i = 0; i < N_WORDS; i++) {
		int n = 1 + (int)(next(&state) % (i % 50 == 0 ? 9 : 4));

		words[i][0] = '\0';
		for (int k = 0; k < n; k++) {
			strcat(words[i], parts[next(&state) % (sizeof(parts) / sizeof(parts[0]))]);
		}
		if (i % 7 == 0 && (words[i][0] & 0x80) == 0) {
			words[i][0] &= ~0x20;
		}
	}
}

struct shown {
	char text[64];
	bool stopword;
	int n;
};

static struct shown show(int i, const char *language)
{
	struct shown out = {.n = 0};
	struct terms t;
	struct arena a;

	arena_init(&a);
	analyse(&a, words[i], strlen(words[i]), language, &t);
	out.n = t.n;
	for (int k = 0; k < t.n; k++) {
		snprintf(out.text + strlen(out.text), sizeof(out.text) - strlen(out.text), "%s ",
			t.items[k].text);
		out.stopword |= t.items[k].stopword;
	}
	arena_finish(&a);
	return out;
}

struct alone {
	int word;
	const char *language;
	struct shown shown;
};

static void *on_thread(void *arg)
{
	struct alone *x = arg;

	x->shown = show(x->word, x->language);
	return NULL;
}

/* A thread of its own remembers nothing yet. */
static void test_remembered_forms_are_the_same(void **state)
{
	uint64_t random = SEED;

	(void)state;
	make_words();
	for (int i = 0; i < N_WORDS; i++) {
		(void)show(i, languages[(unsigned)i % N_LANGUAGES]);
	}
	for (int i = 0; i < N_ALONE; i++) {
		struct alone x = {.word = (int)(next(&random) % N_WORDS)};
		struct shown now, again;
		pthread_t t;

		x.language = languages[next(&random) % N_LANGUAGES];
		assert_int_equal(pthread_create(&t, NULL, on_thread, &x), 0);
		assert_int_equal(pthread_join(t, NULL), 0);
		now = show(x.word, x.language);
		again = show(x.word, x.language);
		assert_string_equal(now.text, x.shown.text);
		assert_string_equal(again.text, x.shown.text);
		assert_int_equal(now.stopword, x.shown.stopword);
		assert_int_equal(again.stopword, x.shown.stopword);
		assert_int_equal(now.n, x.shown.n);
	}
}

static void test_slots(void **state)
{
	struct word_form *f = word_form_slot("hello", 5, "en");

	(void)state;
	assert_int_equal(f->n_word, 0);
	memcpy(f->word, "hello", 5);
	memcpy(f->language, "en", 2);
	f->n_word = 5;
	assert_ptr_equal(word_form_slot("hello", 5, "en"), f);
	assert_int_equal(f->n_word, 5);
	assert_int_equal(word_form_slot("hello", 5, "de")->n_word, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_remembered_forms_are_the_same),
	};

	printf("seed %llu\n", (unsigned long long)SEED);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
