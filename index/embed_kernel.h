/*
 * The hot loops of the builtin embedder and its training, compiled for AVX-512, AVX2 and the
 * baseline, chosen at run time. As in index/vector_kernel.h all of them add in the same order
 * without fused multiplication and call no libm, so that every machine computes the same bits.
 * Private to index/embed*.c. Thread: any.
 */
#ifndef INDEX_EMBED_KERNEL_H
#define INDEX_EMBED_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#define EMBED_COLUMNS 32 /* columns are a multiple of it */

/* C [n_i × n_j] = A [n_i × n_k] · B [n_k × n_j]; B and C lie row by row, the steps say where the
 * next element of A is, so that it may be a transposed one. */
struct product {
	float *c;
	const float *a, *b;
	size_t a_step_i, a_step_k;
	size_t n_i, n_k, n_j;
};

/* One row's step of Adam with a second moment for the whole row: m2 is the running mean of |g|² /
 * n. The first moment is kept in half the memory: a float's upper 16 bits, rounded. */
struct adam_step {
	float *x, *m2;	/* [n], [1] */
	uint16_t *m1;	/* [n] */
	const float *g; /* [n] */
	size_t n;
	float beta1, beta2, epsilon;
	float rate, fix2; /* rate / (1 - beta1^t); 1 / (1 - beta2^t) */
};

/* A row of a table, and what it counts in a sum. */
struct scaled_row {
	const int8_t *v;
	float factor;
};

struct embed_kernel {
	void (*product)(const struct product *p);
	/* x[i] = e^x[i], to 4e-7 of it; |x[i]| at most 80. n: a multiple of EMBED_COLUMNS. */
	void (*exponential)(float *x, size_t n);
	void (*adam)(const struct adam_step *s);
	/* into[i] += row's v[i] · factor, row after row. n: a multiple of 64. */
	void (*sum_rows)(float *into, const struct scaled_row *rows, size_t n_rows, size_t n);
};

/* The machine's best; of tests also the i-th: NULL past the last, or what it cannot run. */
const struct embed_kernel *embed_kernel(void);
const struct embed_kernel *embed_kernel_nth(int i);

#endif
