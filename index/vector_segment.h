/*
 * A sealed segment: one FAISS index (IVF,Flat, inner product) over the vectors of a 64-aligned slot
 * range, in a file of DATA/vectors. Immutable and counted. Ids inside are slot - slot_from, so that
 * its selector points into the asker's bitmap. Private to index/vector*.c; the one user of FAISS.
 *
 * There is no 'flat' kind: below some 25,000 vectors an exact scan by our kernel over the vectors
 * in memory costs as little, and no second copy. Thread: search from any; build and load from any,
 * they block for long.
 */
#ifndef INDEX_VECTOR_SEGMENT_H
#define INDEX_VECTOR_SEGMENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "index/base/bitmap.h"
#include "index/base/err.h"
#include "index/base/hash.h"

#define SEGMENT_KIND "ivf"
#define SEGMENT_METRIC "ip"

struct segment {
	atomic_int refs;
	int64_t n; /* its row in vector_segment */
	int64_t slot_from, slot_to;
	int dimension;
	struct bitmap covered; /* bit s: slot slot_from + s is in the index */
	uint64_t n_covered;
	int64_t n_lists;
	char file[96]; /* its name in DATA/vectors */
	char sha256[HASH_HEX_SIZE];
	void *faiss;
};

/* n vectors [n × dimension] at slots, ascending and inside the range; k-means on a sample of them.
 * Writes the file DATA/vectors/<file> durably (tmp, fsync, hash, rename) and fills sha256. */
struct segment_plan {
	const char *folder;
	int64_t space_n;
	int64_t slot_from, slot_to;
	int dimension;
	const int64_t *slots;
	const float *vectors;
	int64_t n;
};
MUST_CHECK int segment_build(const struct segment_plan *plan, struct segment **out, struct err *e);

/* Reads folder/file after its hash, and every fact in `want` (slot_from, slot_to, dimension, file,
 * sha256, n), proved right; ERR_CORRUPT when not, ERR_NOT_FOUND when there is no file. */
MUST_CHECK int segment_load(
	const char *folder, const struct segment *want, struct segment **out, struct err *e);
MUST_CHECK int segment_file_hash(const char *path, char sha256[HASH_HEX_SIZE], struct err *e);

struct segment *segment_keep(struct segment *s);
void segment_drop(struct segment *s); /* NULL is fine */

/* The (approximately) k nearest slots allowed, unordered; *n of them. */
MUST_CHECK int segment_search(const struct segment *s, const float *query,
	const struct bitmap *allowed, int k, int n_probe, int64_t *slots, int *n, struct err *e);

#endif
