/*
 * Ranked chunks to passages: near-duplicates out, neighbours merged, then cut to a limit and packed
 * to a token budget, no document with more than its share while others wait. Every candidate gets
 * its fate. Pure. Thread: any.
 */
#ifndef RETRIEVE_PACK_H
#define RETRIEVE_PACK_H

#include "index/base/arena.h"
#include "retrieve/search.h"

struct ranked {
	struct chunk chunk;    /* with text; chunk.slot < 0: gone */
	const uint64_t *terms; /* [n_terms] sorted distinct hashes of its stems */
	int n_terms;
	int lexical_rank, vector_rank;
	double score;
	const int *ranks; /* as of a candidate */
	enum fate fate;	  /* OUT */
};

struct pack_limits {
	int passages;
	int tokens;	       /* 0: no budget */
	double document_share; /* of the budget that one document may fill before others got theirs
				*/
	int merged_tokens;     /* a merged passage grows no longer than this */
};

/* Best first in, passages best first out (in the arena). */
struct passage *pack_run(struct arena *a, struct ranked *items, int n,
	const struct pack_limits *limits, int *n_passages);

/* Share of common terms, |A ∩ B| / |A ∪ B| (Jaccard 1901). */
double pack_similarity(const struct ranked *a, const struct ranked *b);

#endif
