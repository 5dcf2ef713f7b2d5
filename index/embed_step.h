/*
 * One step of training: the vectors of a batch of pairs, the loss, its gradient, and Adam over the
 * rows that the batch touches. Private to index/embed*.c. Thread: one at a time.
 *
 *   x(text) = sum over terms of (1 + ln tf) · idf · row(term)          y = x / |x|
 *   S[i][j] = y(left i) · y(right j) / temperature
 *   loss    = cross entropy of the diagonal, over rows and over columns
 */
#ifndef INDEX_EMBED_STEP_H
#define INDEX_EMBED_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "index/embed_kernel.h"
#include "index/embed_rows.h"

#define BATCH_PAIRS 256

struct batch_side {
	int64_t from; /* in entries */
	int32_t n;
	float length;
};

struct batch_entry {
	int32_t row;
	float weight;
};

struct batch {
	struct rows *rows;
	const struct embed_kernel *kernel;
	int n; /* pairs */
	struct batch_side
		sides[2 * BATCH_PAIRS]; /* the left ones, then from BATCH_PAIRS the right */
	struct batch_entry *entries;
	int64_t n_entries, entries_cap;
	float *y, *dy; /* [2 × BATCH_PAIRS × DIM] as the sides */
	float *turned; /* [DIM × BATCH_PAIRS] the right ones, transposed */
	float *s;      /* [BATCH_PAIRS × BATCH_PAIRS] */
	bool related[BATCH_PAIRS * BATCH_PAIRS]; /* no counter-examples to each other */
	int32_t *tf, *terms; /* [n_terms] of the text at hand; tf zero between texts */
	int32_t n_terms;
	int32_t *touched, *gradient_of; /* rows with a gradient; where it is, or -1 [rows.n] */
	int32_t n_touched, touched_cap;
	float *gradients;     /* [touched_cap × DIM] */
	float power1, power2; /* the betas to the number of the step */
};

void batch_init(struct batch *b, struct rows *r, const struct embed_kernel *k);
void batch_finish(struct batch *b);

void batch_begin(struct batch *b);
/* The text of a side is made of spans of term ids: batch_add() each, then batch_side() it, side
 * being pair or BATCH_PAIRS + pair. */
void batch_add(struct batch *b, const int32_t *ids, int32_t n);
void batch_side(struct batch *b, int side);
/* n pairs are there, and related is set [n × n]. */
void batch_step(struct batch *b, int n, float temperature, float rate);

#endif
