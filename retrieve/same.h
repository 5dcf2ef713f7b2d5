/*
 * Candidates that say the same, so that a person is shown it once: copies of a passage, copies of a
 * document under another name, and the passages that two versions of one document (a draft and its
 * final text, this year's list and the last one's) have in common.
 *
 * The same are: equal texts under equal headings; nine tenths of the words in common and no number
 * that differs; or six tenths of the words in documents whose names say that they are versions of
 * each other, whatever the numbers. Never if what would be cut holds a word of the question that
 * the other lacks ("… in 2026?"). The document that is no draft, then the newer one, stands for the
 * others; it takes the best place that any of them had. Only what is among the candidates is looked
 * at, which its asker may read: a copy elsewhere changes nothing. Pure. Thread: any.
 */
#ifndef RETRIEVE_SAME_H
#define RETRIEVE_SAME_H

#include <stdbool.h>

#include "index/base/arena.h"
#include "retrieve/pack.h"

/* Sets FATE_DUPLICATE and same_as of those that another stands for, and moves the ones that stand
 * for them up. Looks at those of FATE_KEPT, best first; one without terms says nothing. */
void same_find(struct arena *a, struct ranked *items, int n);

/* Whether the share of common terms, |A ∩ B| / |A ∪ B| (Jaccard 1901), is that at least. */
bool same_words(const struct ranked *a, const struct ranked *b, double similarity);
/* Of two with a and b terms that say the same, whatever their names are, no more terms than that
 * stand in one of them alone. */
int same_apart_most(int a, int b);
/* Whether the last parts of two names differ at most in words and numbers of versions. */
bool same_names(struct arena *a, const char *x, const char *y);

/* Hashes (hash64) to ranked.terms: sorted, each once; how many are left. `space` [n]. */
int same_distinct(uint64_t *hashes, int n, uint64_t *space);
int same_hash_order(const void *a, const void *b); /* for bsearch in them */

#endif
