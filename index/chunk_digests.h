/*
 * What a search asks of each of its candidates, kept in memory for all readers of a store: which
 * chunk of which version it is, how long, and of its terms a pattern of bits, by which most pairs
 * are known not to say the same. None of it changes while a chunk exists, and slots are not given
 * out twice; whether it is live still, and who may read it, is told by the database alone. Who
 * finds nothing here reads the chunk.
 *
 * Memory: 144 bytes a chunk, of at most 131,072 chunks, those that were searched last. Thread: any.
 */
#ifndef INDEX_CHUNK_DIGESTS_H
#define INDEX_CHUNK_DIGESTS_H

#include <stdint.h>

#include "index/chunks.h"

#define DIGEST_WORDS 8

struct chunk_digest {
	int64_t slot; /* -1: not known */
	struct id version;
	int64_t generation;
	int seq, n_tokens;
	int n_terms;
	uint64_t bits[DIGEST_WORDS]; /* bit h % 512 for the hash h of each term */
};

/* terms [n_terms] distinct hashes of its stems. */
void digest_of(const struct chunk *c, const uint64_t *terms, int n_terms, struct chunk_digest *out);
/* At least so many terms stand in one of the two alone. */
int digests_apart(const struct chunk_digest *a, const struct chunk_digest *b);

struct chunk_digests;

struct chunk_digests *digests_create(void);
void digests_destroy(struct chunk_digests *d); /* NULL is fine */

/* out [n] */
void digests_lookup(struct chunk_digests *d, int64_t workspace_n, const int64_t *slots, int n,
	struct chunk_digest *out);
void digests_keep(struct chunk_digests *d, int64_t workspace_n, const struct chunk_digest *x);

#endif
