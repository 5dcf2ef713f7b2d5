#include "retrieve/fuse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_slot(const void *a, const void *b)
{
	const struct fused *x = a, *y = b;

	return (x->slot > y->slot) - (x->slot < y->slot);
}

static int by_score(const void *a, const void *b)
{
	const struct fused *x = a, *y = b;

	if (x->score != y->score) {
		return x->score < y->score ? 1 : -1;
	}
	return by_slot(a, b);
}

/* Items of one slot stand side by side after sorting: the second's fields are taken into the first.
 */
static int unite(struct fused *items, int n)
{
	int i, kept = 0;

	for (i = 0; i < n; i++) {
		struct fused *last = kept > 0 ? &items[kept - 1] : NULL;

		if (!last || last->slot != items[i].slot) {
			items[kept++] = items[i];
			continue;
		}
		if (items[i].lexical_rank) {
			last->lexical_rank = items[i].lexical_rank;
			last->lexical = items[i].lexical;
		} else {
			last->vector_rank = items[i].vector_rank;
			last->cosine = items[i].cosine;
		}
	}
	return kept;
}

struct fused *fuse_union(struct arena *a, const struct fts_hit *lexical, int n_lexical,
	const struct vector_hit *vector, int n_vector, int *n)
{
	struct fused *items = arena_array(a, struct fused, (size_t)(n_lexical + n_vector) + 1);
	int i, k = 0;

	for (i = 0; i < n_lexical; i++) {
		items[k++] = (struct fused){.slot = lexical[i].slot,
			.lexical_rank = i + 1,
			.lexical = lexical[i].score,
			.cosine = NAN};
	}
	for (i = 0; i < n_vector; i++) {
		items[k++] = (struct fused){
			.slot = vector[i].slot, .vector_rank = i + 1, .cosine = vector[i].cosine};
	}
	qsort(items, (size_t)k, sizeof(*items), by_slot);
	*n = unite(items, k);
	return items;
}

static void give_scores(struct fused *items, int n, double vector_weight, bool lexical_whole)
{
	double best_lexical = 0, worst_lexical = 0, best_cosine = 0, best = 0, missing;
	int i;

	for (i = 0; i < n; i++) {
		if (items[i].lexical_rank) {
			best_lexical = fmax(best_lexical, items[i].lexical);
			worst_lexical = worst_lexical == 0 ? items[i].lexical
							   : fmin(worst_lexical, items[i].lexical);
		}
		if (!isnan(items[i].cosine)) {
			best_cosine = fmax(best_cosine, (double)items[i].cosine);
		}
	}
	missing = lexical_whole ? 0 : worst_lexical;
	for (i = 0; i < n; i++) {
		double lexical = items[i].lexical_rank ? items[i].lexical : missing;
		double cosine = isnan(items[i].cosine) ? 0 : fmax(0, (double)items[i].cosine);

		items[i].score =
			(best_lexical > 0 ? (1 - vector_weight) * lexical / best_lexical : 0) +
			(best_cosine > 0 ? vector_weight * cosine / best_cosine : 0);
		best = fmax(best, items[i].score);
	}
	for (i = 0; i < n && best > 0; i++) {
		items[i].score /= best;
	}
}

void fuse_rank(struct fused *items, int n, double vector_weight, bool lexical_whole)
{
	give_scores(items, n, vector_weight, lexical_whole);
	qsort(items, (size_t)n, sizeof(*items), by_score);
}

void fuse_best(struct fused *items, int n, int k, double vector_weight, bool lexical_whole)
{
	give_scores(items, n, vector_weight, lexical_whole);
	for (int i = 0; i < k && i < n; i++) {
		struct fused first = items[i];
		int best = i;

		for (int m = i + 1; m < n; m++) {
			best = by_score(&items[m], &items[best]) < 0 ? m : best;
		}
		items[i] = items[best];
		items[best] = first;
	}
}

struct fused *fuse_find(struct fused *items, int n, int64_t slot)
{
	const struct fused key = {.slot = slot};

	return bsearch(&key, items, (size_t)n, sizeof(*items), by_slot);
}
