/*
 * The terms of a full-text index in memory, to find those that look like a word it does not hold:
 * what was mistyped, and the parts and other forms of a word (index/fts_near.c). Not the truth: a
 * list of candidates, each of which is looked for in what the asker may read before it is used.
 *
 * Kept of a term: its letters, their number, a hint how frequent it is; and of each trigram the
 * terms that have it, so that of a million terms only those are looked at that share enough of
 * them. Only words are kept: letters, no CJK, VOCABULARY_LETTERS_MIN to _MAX of them. A million
 * takes some 60 MB.
 *
 * Thread: immutable once sealed; any.
 */
#ifndef INDEX_VOCABULARY_H
#define INDEX_VOCABULARY_H

#include <stddef.h>
#include <stdint.h>

#include "index/base/arena.h"

#define VOCABULARY_LETTERS_MIN 3
#define VOCABULARY_LETTERS_MAX 32

struct vocabulary;

struct vocabulary *vocabulary_create(void);
void vocabulary_destroy(struct vocabulary *v); /* NULL is fine */
/* The same term may come again; its weights add up. What is no word is left out. */
void vocabulary_add(struct vocabulary *v, const char *term, size_t n_bytes, uint32_t weight);
/* After the last one, before the first search. */
void vocabulary_seal(struct vocabulary *v);
int vocabulary_count(const struct vocabulary *v);

/* Text lives as long as the vocabulary. */
struct neighbour {
	const char *term;
	uint32_t weight;
	int distance;	   /* corrections: Damerau-Levenshtein (optimal string alignment) */
	double similarity; /* similar: Dice's coefficient of the trigrams, 0 to 1 */
};

/* The order of a list of neighbours, for qsort. */
int vocabulary_nearest_first(const void *a, const void *b);

/* One word that is looked for. */
struct vocabulary_search {
	const char *term;
	int max_distance; /* of a correction; 0: none are wanted */
	/* OUT, in the arena: all there are, so that what one may not read takes no place from what
	 * one may. Nearest first, the more frequent first among equals; the first letter is the
	 * same, or the first two have changed places. */
	struct neighbour *corrections;
	int n_corrections;
	/* most similar first, from VOCABULARY_SIMILARITY on */
	struct neighbour *similar;
	int n_similar;
};
/* Half of the trigrams in common: below it terms share an ending and no more. */
#define VOCABULARY_SIMILARITY .5

/* Terms that are themselves in the vocabulary find themselves, too. */
void vocabulary_find(
	const struct vocabulary *v, struct arena *a, struct vocabulary_search *searches, int n);

#endif
