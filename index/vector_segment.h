/*
 * A sealed segment: inverted lists over the vectors of a 64-aligned slot range, in a file of
 * DATA/vectors. Immutable and counted. Private to index/vector*.c; the one user of FAISS, which
 * finds the centroids.
 *
 * A list holds the slots nearest to its centroid and not their vectors: those lie in memory once
 * (index/vector_memory.h), half floats, so that a million of dimension 256 take 512 MB and no
 * second copy of 1 GB as an IVF,Flat index would be. Every slot that a list proposes is scored
 * exactly at once.
 *
 * Finding n centroids directly is 2 · n · dimension operations a vector and round; here √n groups
 * are found first and each is divided by itself, so that a vector is compared with some 5 · √n
 * centroids: a million are sealed in seconds on one core, not minutes.
 *
 * Thread: search from any; build and load from any, they block for long.
 */
#ifndef INDEX_VECTOR_SEGMENT_H
#define INDEX_VECTOR_SEGMENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "index/base/bitmap.h"
#include "index/base/err.h"
#include "index/base/hash.h"
#include "index/vector_codes.h"

#define SEGMENT_KIND "lists"
#define SEGMENT_METRIC "ip"
#define SEGMENT_SUFFIX ".lists"

struct segment {
	atomic_int refs;
	int64_t n; /* its row in vector_segment */
	int64_t slot_from, slot_to;
	int dimension;
	struct bitmap covered; /* bit s: slot slot_from + s is in a list */
	uint64_t n_covered;
	int64_t n_lists;
	uint16_t *centroids; /* [n_lists × dimension] half floats of length 1 */
	uint32_t *starts; /* [n_lists + 1]; list i is slots[starts[i]] … slots[starts[i + 1]) */
	uint32_t *slots;  /* [n_covered] slot - slot_from, ascending in a list */
	struct codes *codes; /* of the vectors at those slots; NULL: not made */
	char file[96];	     /* its name in DATA/vectors */
	char sha256[HASH_HEX_SIZE];
};

/* n vectors [dimension] half floats at slots, ascending and inside the range. Writes the file
 * DATA/vectors/<file> durably (tmp, fsync, rename, fsync of the folder) and fills sha256. */
struct segment_plan {
	const char *folder;
	int64_t space_n;
	int64_t slot_from, slot_to;
	int dimension;
	const int64_t *slots;
	const uint16_t *const *vectors;
	int64_t n;
};
MUST_CHECK int segment_build(const struct segment_plan *plan, struct segment **out, struct err *e);

/* Reads folder/file after its hash, and every fact in `want` (slot_from, slot_to, dimension, file,
 * sha256, n), proved right; ERR_CORRUPT when not, ERR_NOT_FOUND when there is no file. */
MUST_CHECK int segment_load(
	const char *folder, const struct segment *want, struct segment **out, struct err *e);
MUST_CHECK int segment_file_hash(const char *path, char sha256[HASH_HEX_SIZE], struct err *e);

/* After segment_load, before others see it: the vectors of its slots, as in a plan. */
void segment_code(
	struct segment *s, const int64_t *slots, const uint16_t *const *vectors, int64_t n);

struct segment *segment_keep(struct segment *s);
void segment_drop(struct segment *s); /* NULL is fine */

/* The numbers of all lists, nearest centroid first: [n_lists]. */
void segment_order(const struct segment *s, const float *query, uint32_t *order);

#endif
