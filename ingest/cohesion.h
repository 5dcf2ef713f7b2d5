/*
 * How much two neighbouring stretches of text speak of the same: the cosine of their word counts,
 * as in TextTiling (Hearst, "TextTiling: Segmenting Text into Multi-paragraph Subtopic Passages",
 * Computational Linguistics 23(1), 1997). The chunker would rather cut where it is low. Words are
 * compared by their first letters, so that inflections meet; CJK by pairs of characters.
 * Pure functions. Thread: any.
 */
#ifndef INGEST_COHESION_H
#define INGEST_COHESION_H

#include <stddef.h>

/* 0 (nothing in common, or no words) to 1; UTF-8. Looks at the last words of `before` and the first
 * of `after`: COHESION_WORDS of each at most. */
double cohesion(const char *before, size_t n_before, const char *after, size_t n_after);

#define COHESION_WORDS 160

#endif
