#include "retrieve/needed.h"

#include <string.h>

#include "retrieve/same.h"

void needed_to_compare(const struct chunk_digest *digests, int n, bool *out)
{
	memset(out, 0, (size_t)n * sizeof(*out));
	for (int i = 0; i < n; i++) {
		for (int k = 0; k < i; k++) {
			int most = same_apart_most(digests[i].n_terms, digests[k].n_terms);

			if (digests_apart(&digests[i], &digests[k]) <= most) {
				out[i] = out[k] = true;
			}
		}
	}
}

void needed_from_digest(const struct chunk_digest *d, struct ranked *out)
{
	out->fate = FATE_KEPT;
	out->chunk = (struct chunk){.slot = d->slot,
		.version = d->version,
		.generation = d->generation,
		.seq = d->seq,
		.n_tokens = d->n_tokens,
		.document_name = "",
		.title = "",
		.heading = "",
		.language = "",
		.text = ""};
}

/* Packing by rank passes over the same ones whatever of those is missing. What was compared stays:
 * without the one that stands for it, another might be chosen. */
void needed_to_pack(struct arena *a, const struct ranked *items, int n,
	const struct pack_limits *limits, bool *out)
{
	struct ranked *copy = arena_array(a, struct ranked, (size_t)n + 1);

	if (n > 0) {
		memcpy(copy, items, (size_t)n * sizeof(*copy));
	}
	pack_choose(a, copy, n, limits);
	for (int i = 0; i < n; i++) {
		out[copy[i].fused_rank - 1] = copy[i].fate != FATE_RANK || copy[i].terms;
	}
}
