/*
 * How good a ranking is, and whether one way of ranking is better than another. Pure. Thread: any.
 *
 * nDCG@10 (Järvelin & Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS
 * 20(4), 2002) with the gain equal to the grade and the discount log2(rank + 1), as trec_eval's
 * ndcg_cut and the tables of BEIR have it. Relevant is what has a grade of at least 1.
 */
#ifndef RETRIEVE_EVAL_H
#define RETRIEVE_EVAL_H

#include <stdint.h>

/* X(field, name in JSON): of one query, or their means; all within 0 and 1. */
#define EVAL_FIGURE_MAP(X)                                                                         \
	X(EVAL_NDCG_10, "ndcg@10")                                                                 \
	X(EVAL_RECALL_10, "recall@10")                                                             \
	X(EVAL_RECALL_100, "recall@100")                                                           \
	X(EVAL_MRR, "mrr")                                                                         \
	X(EVAL_MRR_10, "mrr@10")                                                                   \
	X(EVAL_HIT_1, "hit@1")
enum eval_figure {
#define X(name, text) name,
	EVAL_FIGURE_MAP(X)
#undef X
		EVAL_N_FIGURES
};
const char *eval_figure_name(enum eval_figure f);

struct eval_figures {
	double of[EVAL_N_FIGURES];
	int first_rank; /* of the first relevant one, 1-based; 0: not found */
};

/* ranked [n_ranked]: the grade at each rank, 0 where nothing is relevant; what is relevant stands
 * in it once at most. relevant [n_relevant]: every grade there is, at least one of 1 or more; is
 * sorted here. */
void eval_measure(
	const int *ranked, int n_ranked, int *relevant, int n_relevant, struct eval_figures *out);

/* The difference b - a of paired values, its percentile bootstrap interval of 95 % over the
 * queries (Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13), and in how
 * many queries b is better, as good, worse. The same seed gives the same interval. */
struct eval_difference {
	double mean, low, high;
	int n_better, n_same, n_worse;
};
#define EVAL_BOOTSTRAP_ROUNDS 10000
void eval_compare(
	const double *a, const double *b, int n, uint64_t seed, struct eval_difference *out);

#endif
