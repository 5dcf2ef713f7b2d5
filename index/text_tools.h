/*
 * ICU's and Snowball's objects, which cost more to make than a sentence costs to analyse: each
 * thread keeps its own, freed when it ends. What is lent belongs to the calling thread until its
 * next call.
 */
#ifndef INDEX_TEXT_TOOLS_H
#define INDEX_TEXT_TOOLS_H

#include <libstemmer.h>
#include <unicode/ubrk.h>

/* The stemmer of an ISO 639-1 language, NULL if there is none. */
struct sb_stemmer *stem_tool(const char *language);
/* The languages that have one: i from 0, NULL past the last. */
const char *stem_language(int i);
/* Word boundaries (UAX 29) over UTF-8, in bytes; NULL when ICU fails. */
UBreakIterator *words_tool(const char *text, int n_bytes);

#endif
