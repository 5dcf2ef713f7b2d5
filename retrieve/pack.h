/*
 * Ranked chunks to passages: what says the same is shown once (retrieve/same.h), then chunks are
 * chosen by rank up to a limit, or by what each adds, up to a token budget: its score, the words of
 * the question that no chosen one holds, less what is known already. The best-ranked comes first,
 * whatever follows. No document takes more than its share while another's wait that are worth about
 * as much. Chunks that follow each other become one passage. Passages stand in the order of choice,
 * not by document: a window that is too small cuts the last ones, which are missed least. Every
 * candidate gets its fate; equal ones are chosen by fused rank, in whatever order they come in.
 * Pure. Thread: any.
 */
#ifndef RETRIEVE_PACK_H
#define RETRIEVE_PACK_H

#include "index/base/arena.h"
#include "retrieve/search.h"

struct ranked {
	struct chunk chunk;    /* with text; chunk.slot < 0: gone */
	const uint64_t *terms; /* [n_terms] sorted distinct hashes of its stems */
	int n_terms;
	const uint64_t *numbers; /* [n_numbers] those that hold a digit */
	int n_numbers;
	uint64_t asked; /* bit i: it, its headings or its title hold term i of the question */
	int lexical_rank, vector_rank, fused_rank; /* fused_rank is 1-based, and its name here */
	int rerank_rank;			   /* 0: not reranked */
	double score;				   /* best = 1 */
	const int *ranks;			   /* as of a candidate */
	enum fate fate;				   /* OUT */
	int same_as; /* OUT: FATE_DUPLICATE: the fused_rank of the one that stands for it */
};

struct pack_limits {
	int passages;
	int tokens;		 /* 0: no budget */
	double document_share;	 /* of the budget, that one document may fill while others wait */
	int merged_tokens;	 /* a merged passage grows no longer than this */
	const double *asked_idf; /* [n_asked] weight of each term of the question: ranked.asked */
	int n_asked;
};

/* Fates and places alone: what pack_run makes passages of. By rank, without a token budget, a text
 * and terms are asked only of what may say the same as another; one without terms never does. */
void pack_choose(struct arena *a, struct ranked *items, int n, const struct pack_limits *limits);
/* Put in order of score; reordered where a better version of a passage takes its place. Passages
 * out, in the arena. */
struct passage *pack_run(struct arena *a, struct ranked *items, int n,
	const struct pack_limits *limits, int *n_passages);

#endif
