/*
 * Which of many ranked candidates passages are made of, told by their digests
 * (index/chunk_digests.h), so that only those are read: packing by rank (retrieve/pack.h, no token
 * budget) asks of the others no more than which chunk of which version they are, unless one may say
 * the same as another (retrieve/same.h). Pure. Thread: any.
 */
#ifndef RETRIEVE_NEEDED_H
#define RETRIEVE_NEEDED_H

#include <stdbool.h>

#include "index/chunk_digests.h"
#include "retrieve/pack.h"

/* out [n]: those that may say the same as another of them. What is not set does not. */
void needed_to_compare(const struct chunk_digest *digests, int n, bool *out);

/* The candidate as far as its digest tells. */
void needed_from_digest(const struct chunk_digest *d, struct ranked *out);
/* items [n] by their fused_rank, those to compare read, any others read or from their digests. out
 * [n]: the rest can be left out, and packing gives the same passages. */
void needed_to_pack(struct arena *a, const struct ranked *items, int n,
	const struct pack_limits *limits, bool *out);

#endif
