/*
 * Words that say nothing about what a text is about, by language, and how a language is guessed
 * from them. Lookups take words folded by fold_case and fold_marks. Thread: any.
 */
#ifndef INDEX_STOPWORDS_H
#define INDEX_STOPWORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
	N_STOP_LANGUAGES
};

extern const char *const stop_codes[N_STOP_LANGUAGES]; /* "en", … */

/* Bit 1 << enum stop_language for each language that has the word in its list. */
uint32_t stopword_languages(const char *word, size_t n_bytes);
/* A Chinese bigram or character that is only grammar. */
bool stopword_chinese(const char *s, size_t n_bytes);

#endif
