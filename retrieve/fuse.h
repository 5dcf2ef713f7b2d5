/*
 * Two ranked lists to one: weighted sum of max-normalised scores (measured better than reciprocal
 * rank fusion, design section 5). A missing cosine is computed, a missing lexical score counts as
 * the lowest of its list, and as nothing where that list is all that matches: measured against
 * "always the lowest" on six sets of ../shared/eval it is better where they differ (nDCG@10: xquad
 * en .970 to .968, de .946 to .940, zh .966 to .964; handbook, chunking, cisi the same). Pure.
 * Thread: any.
 */
#ifndef RETRIEVE_FUSE_H
#define RETRIEVE_FUSE_H

#include <stdbool.h>

#include "index/base/arena.h"
#include "index/fts.h"
#include "index/vector.h"

struct fused {
	int64_t slot;
	int lexical_rank, vector_rank; /* 1-based; 0: not in that list */
	float cosine;		       /* NAN: not known yet, see fuse_union */
	double lexical;
	double score; /* best = 1 after fuse_rank */
	int *ranks;   /* under the weights of a request; or NULL */
};

/* The union of both lists, in the arena, by slot. Those without a cosine have NAN. */
struct fused *fuse_union(struct arena *a, const struct fts_hit *lexical, int n_lexical,
	const struct vector_hit *vector, int n_vector, int *n);
/* Scores and sorts, best first; ties by slot. vector_weight 0 to 1. A cosine that is still NAN
 * (no vector) counts as 0. lexical_whole: no other chunk holds a word of the query. */
void fuse_rank(struct fused *items, int n, double vector_weight, bool lexical_whole);
/* The same, of which only the first k need to stand in order. */
void fuse_best(struct fused *items, int n, int k, double vector_weight, bool lexical_whole);
/* The item of a slot, while they are as fuse_union gave them; NULL: none. */
struct fused *fuse_find(struct fused *items, int n, int64_t slot);

#endif
