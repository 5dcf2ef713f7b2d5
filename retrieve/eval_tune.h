/*
 * Which of several weights ranks best, and what it would really bring: chosen on a part of the
 * queries, judged on the others (5-fold cross-validation; Stone, "Cross-validatory choice and
 * assessment of statistical predictions", JRSS B 36, 1974). Pure. Thread: any.
 */
#ifndef RETRIEVE_EVAL_TUNE_H
#define RETRIEVE_EVAL_TUNE_H

#include <stdint.h>

#include "retrieve/eval.h"

#define EVAL_TUNE_FOLDS 5
#define EVAL_TUNE_LEAST 25 /* queries: five in a fold */

struct eval_choice {
	int best; /* of all queries; the present one where none is better */
	double present_mean, best_mean;
	/* What was chosen without them against the present one, on the queries held out. */
	struct eval_difference held_out;
};

/* values [n × n_weights]: the figure of each query under each of the weights; present: the one in
 * force; of weights that are as good the nearest to it is chosen. Queries are dealt to the folds by
 * the seed. */
struct eval_grid {
	const double *values, *weights;
	int n, n_weights, present;
};
void eval_choose(const struct eval_grid *grid, uint64_t seed, struct eval_choice *out);

#endif
