#include "retrieve/eval_tune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/err.h"

/* Means that differ by less are the same: a weight is not changed for what rounding brings. */
#define SAME 1e-9

/* A permutation of [0, n) (Fisher & Yates; Durstenfeld 1964) by a linear congruential generator
 * (Knuth's MMIX), whose high bits are used. */
static int *shuffled(int n, uint64_t seed)
{
	int *out = calloc((size_t)n + 1, sizeof(*out));

	ASSERT(out != NULL);
	for (int i = 0; i < n; i++) {
		out[i] = i;
	}
	for (int i = n - 1; i > 0; i--) {
		int k, t = out[i];

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		k = (int)((seed >> 33) % (uint64_t)(i + 1));
		out[i] = out[k];
		out[k] = t;
	}
	return out;
}

/* The best mean over the queries that are not of the fold (-1: over all). */
static int best_without(const struct eval_grid *g, const int *order, int fold, double *mean_out)
{
	const double now = g->weights[g->present];
	double best_sum = -1;
	int best = g->present;

	for (int w = 0; w < g->n_weights; w++) {
		double sum = 0, gain;

		for (int i = 0; i < g->n; i++) {
			if (fold < 0 || i % EVAL_TUNE_FOLDS != fold) {
				sum += g->values[(size_t)order[i] * (size_t)g->n_weights +
						 (size_t)w];
			}
		}
		gain = sum - best_sum;
		if (gain > SAME || (gain > -SAME && fabs(g->weights[w] - now) <
							    fabs(g->weights[best] - now))) {
			best_sum = sum;
			best = w;
		}
	}
	if (mean_out) {
		*mean_out = g->n ? best_sum / g->n : 0;
	}
	return best;
}

void eval_choose(const struct eval_grid *g, uint64_t seed, struct eval_choice *out)
{
	int *order = shuffled(g->n, seed);
	double *now = calloc((size_t)g->n + 1, sizeof(*now));
	double *chosen = calloc((size_t)g->n + 1, sizeof(*chosen));

	ASSERT(now != NULL && chosen != NULL);
	memset(out, 0, sizeof(*out));
	out->best = best_without(g, order, -1, &out->best_mean);
	for (int fold = 0; fold < EVAL_TUNE_FOLDS; fold++) {
		int w = best_without(g, order, fold, NULL);

		for (int i = fold; i < g->n; i += EVAL_TUNE_FOLDS) {
			const double *of = g->values + (size_t)order[i] * (size_t)g->n_weights;

			now[order[i]] = of[g->present];
			chosen[order[i]] = of[w];
		}
	}
	for (int i = 0; i < g->n; i++) {
		out->present_mean += now[i] / g->n;
	}
	eval_compare(now, chosen, g->n, seed, &out->held_out);
	free(order);
	free(now);
	free(chosen);
}
