/*
 * Words that say nothing about what a text is about, by language, and how a language is guessed
 * from them. Lookups take words folded by fold_case and fold_marks. Thread: any.
 */
#ifndef INDEX_STOPWORDS_H
#define INDEX_STOPWORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first nine are the ones a text of unknown language is taken for: of those after them a few
 * words would be lost to English questions ("dog" is Danish for "though"). */
enum stop_language {
	STOP_EN,
	STOP_DE,
	STOP_FR,
	STOP_ES,
	STOP_IT,
	STOP_NL,
	STOP_PT,
	STOP_RU,
	STOP_SV,
	STOP_DA,
	STOP_NO,
	STOP_FI,
	STOP_HU,
	STOP_RO,
	STOP_TR,
	STOP_CA,
	STOP_ID,
	STOP_PL,
	STOP_CS,
	STOP_UK,
	STOP_AR,
	STOP_EL,
	STOP_HI,
	N_STOP_LANGUAGES
};
#define N_STOP_COMMON (STOP_SV + 1)

extern const char *const stop_codes[N_STOP_LANGUAGES]; /* "en", … */

/* Bit 1 << enum stop_language for each language that has the word in its list. */
uint32_t stopword_languages(const char *word, size_t n_bytes);
/* A Chinese bigram or character that is only grammar. */
bool stopword_chinese(const char *s, size_t n_bytes);

#endif
