#include "retrieve/eval.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/err.h"

#define SAME 1e-12 /* differences below are of rounding */

const char *eval_figure_name(enum eval_figure f)
{
	static const char *const names[] = {
#define X(name, text) text,
		EVAL_FIGURE_MAP(X)
#undef X
	};
	return names[f];
}

/* ── one ranking ── */

static int by_grade(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*x < *y) - (*x > *y);
}

static double gain(const int *grades, int n, int depth)
{
	double sum = 0;

	for (int i = 0; i < n && i < depth; i++) {
		sum += grades[i] > 0 ? grades[i] / log2(i + 2) : 0;
	}
	return sum;
}

static int count_relevant(const int *grades, int n, int depth)
{
	int found = 0;

	for (int i = 0; i < n && i < depth; i++) {
		found += grades[i] > 0;
	}
	return found;
}

void eval_measure(
	const int *ranked, int n_ranked, int *relevant, int n_relevant, struct eval_figures *out)
{
	const int n_all = count_relevant(relevant, n_relevant, n_relevant);
	int first = 0;

	ASSERT(n_all > 0);
	qsort(relevant, (size_t)n_relevant, sizeof(*relevant), by_grade);
	while (first < n_ranked && ranked[first] <= 0) {
		first++;
	}
	out->first_rank = first < n_ranked ? first + 1 : 0;
	out->of[EVAL_NDCG_10] = gain(ranked, n_ranked, 10) / gain(relevant, n_relevant, 10);
	out->of[EVAL_RECALL_10] = (double)count_relevant(ranked, n_ranked, 10) / n_all;
	out->of[EVAL_RECALL_100] = (double)count_relevant(ranked, n_ranked, 100) / n_all;
	out->of[EVAL_MRR] = out->first_rank ? 1.0 / out->first_rank : 0;
	out->of[EVAL_MRR_10] = out->first_rank <= 10 ? out->of[EVAL_MRR] : 0;
	out->of[EVAL_HIT_1] = out->first_rank == 1;
}

/* ── two of them ── */

/* SplitMix64 (Steele, Lea & Flood, OOPSLA 2014). */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void eval_compare(
	const double *a, const double *b, int n, uint64_t seed, struct eval_difference *out)
{
	double *means = calloc(EVAL_BOOTSTRAP_ROUNDS, sizeof(*means));
	double sum = 0;

	ASSERT(means != NULL);
	memset(out, 0, sizeof(*out));
	for (int i = 0; i < n; i++) {
		double d = b[i] - a[i];

		sum += d;
		out->n_better += d > SAME;
		out->n_worse += d < -SAME;
		out->n_same += fabs(d) <= SAME;
	}
	out->mean = n > 0 ? sum / n : 0;
	for (int r = 0; r < EVAL_BOOTSTRAP_ROUNDS && n > 0; r++) {
		sum = 0;
		for (int i = 0; i < n; i++) {
			/* The high 32 bits scaled to [0, n) (Lemire 2019), without a division. */
			uint64_t k = (draw(&seed) >> 32) * (uint64_t)n >> 32;

			sum += b[k] - a[k];
		}
		means[r] = sum / n;
	}
	qsort(means, EVAL_BOOTSTRAP_ROUNDS, sizeof(*means), by_value);
	out->low = means[EVAL_BOOTSTRAP_ROUNDS / 40];
	out->high = means[EVAL_BOOTSTRAP_ROUNDS - 1 - EVAL_BOOTSTRAP_ROUNDS / 40];
	free(means);
}
