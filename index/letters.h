/*
 * What the analyser asks about a character, and apostrophes inside words. Thread: any.
 */
#ifndef INDEX_LETTERS_H
#define INDEX_LETTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum char_class { OTHER, LETTER, DIGIT, MARK, APOSTROPHE };

enum char_class letter_class(uint32_t code_point);
bool letter_is_upper(uint32_t code_point);
bool letter_is_lower(uint32_t code_point);
bool letter_is_apostrophe(uint32_t code_point);
/* Rewrites a case-folded word, gives its length: "company's" -> "company", "we'll" -> "we", "don't"
 * -> "dont", "o'brien" -> "obrien". */
size_t letters_drop_apostrophes(char *w, size_t n_bytes);

#endif
