/*
 * What a text has in common with others, by its shingles: runs of three words that follow each
 * other (Broder, "On the resemblance and containment of documents", 1997). A word is a run of
 * letters and digits, or one character of three bytes and more, as those of scripts without blanks;
 * what stands between words does not count, but for NUL, over which no shingle goes. Compared by
 * 64-bit hashes, letter case kept. Pure: any thread, one at a time.
 */
#ifndef INDEX_SHINGLES_H
#define INDEX_SHINGLES_H

#include <stdint.h>

#include "index/base/buf.h"

#define SHINGLE_WORDS 3

struct shingles;

/* Those of a text, in no other yet. Never NULL. */
struct shingles *shingles_create(const char *text, size_t n_bytes);
void shingles_destroy(struct shingles *s);

/* Another text, of a source (any number but 0), has those that are in it too. */
void shingles_meet(struct shingles *s, const char *text, size_t n_bytes, uint64_t source);

/* How many were met in no source so far. */
size_t shingles_unmet(const struct shingles *s);

/* Adds to *out what stands in shingles that two sources have, of the text that s was created with:
 * runs of three words and more, the longest ones, each with a NUL after it. */
void shingles_shared(const struct shingles *s, const char *text, size_t n_bytes, struct buf *out);

#endif
