/*
 * What the analyser makes of a word, kept for a while: a few thousand words are most of any text,
 * and to stem one costs more than all else that is done with it. Pure: a word of a language has one
 * form. Each thread keeps its own, freed when it ends; a slot is lent until the thread's next call.
 */
#ifndef INDEX_WORD_FORMS_H
#define INDEX_WORD_FORMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORD_FORM_MAX 28 /* bytes: 64 for a form; longer words are made anew each time */

struct word_form {
	char language[2];
	uint8_t n_word; /* 0: nothing is known of it yet, the caller is to fill in the rest */
	uint8_t n_form;
	uint32_t stop_languages; /* of index/stopwords.h */
	char word[WORD_FORM_MAX], form[WORD_FORM_MAX];
};

/* word: case-folded, 1 to WORD_FORM_MAX bytes. The word that was asked for the longest ago of two
 * may be forgotten. */
struct word_form *word_form_slot(const char *word, size_t n_bytes, const char language[2]);

#endif
