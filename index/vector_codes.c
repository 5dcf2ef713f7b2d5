#include "index/vector_codes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "index/base/err.h"
#include "index/vector_kernel.h"

#define STEP .9957f  /* between levels, in deviations: Max 1960, four levels */
#define SAMPLE 16384 /* vectors that means and deviations come from */
#define LINE 64	     /* of the cache: a code of 256 numbers is one */
#define HUGE_PAGE ((size_t)2 << 20)
#define HIGHEST_LEVEL 3.f /* levels are 0 to 3 */

struct codes {
	int64_t slot_from, n_slots;
	int dimension, n_groups;
	float *mean, *step; /* [n_groups × CODE_GROUP] */
	uint8_t *bytes;	    /* [n_slots × n_groups × CODE_BYTES] */
};

void codes_destroy(struct codes *c)
{
	if (c) {
		free(c->mean);
		free(c->step);
		free(c->bytes);
		free(c);
	}
}

/* Evenly spread: neighbours are of one document. */
static void measure(struct codes *c, const struct codes_plan *plan)
{
	size_t d = (size_t)c->dimension;
	int64_t n = plan->n < SAMPLE ? plan->n : SAMPLE;
	double *sum = calloc(2 * d, sizeof(*sum)), *squares = sum + d;
	float *x = malloc(d * sizeof(*x));

	ASSERT(sum != NULL && x != NULL);
	for (int64_t i = 0; i < n; i++) {
		vector_from_half(plan->vectors[i * plan->n / n], x, d);
		for (size_t k = 0; k < d; k++) {
			sum[k] += (double)x[k];
			squares[k] += (double)x[k] * (double)x[k];
		}
	}
	for (size_t k = 0; k < d && n > 0; k++) {
		double mean = sum[k] / (double)n;
		double variance = squares[k] / (double)n - mean * mean;

		c->mean[k] = (float)mean;
		c->step[k] = STEP * (float)sqrt(variance > 0 ? variance : 0);
	}
	free(sum);
	free(x);
}

struct codes *codes_create(const struct codes_plan *plan)
{
	const struct vector_kernel *kernel = vector_kernel();
	struct codes *c = calloc(1, sizeof(*c));
	size_t n_numbers, n_bytes, align;
	uint16_t *padded;

	ASSERT(c != NULL);
	c->slot_from = plan->slot_from;
	c->n_slots = plan->slot_to - plan->slot_from;
	c->dimension = plan->dimension;
	c->n_groups = (plan->dimension + CODE_GROUP - 1) / CODE_GROUP;
	n_numbers = (size_t)c->n_groups * CODE_GROUP;
	n_bytes = (size_t)c->n_slots * (size_t)c->n_groups * CODE_BYTES;
	align = n_bytes >= HUGE_PAGE ? HUGE_PAGE : LINE;
	c->mean = calloc(n_numbers, sizeof(*c->mean));
	c->step = calloc(n_numbers, sizeof(*c->step));
	c->bytes = aligned_alloc(align, (n_bytes + align - 1) / align * align);
	padded = calloc(n_numbers, sizeof(*padded));
	ASSERT(c->mean != NULL && c->step != NULL && c->bytes != NULL && padded != NULL);
	if (align == HUGE_PAGE) {
		(void)madvise(c->bytes, n_bytes, MADV_HUGEPAGE); /* as in vector_memory.c */
	}
	memset(c->bytes, 0, n_bytes);
	measure(c, plan);
	for (int64_t i = 0; i < plan->n; i++) {
		size_t in = (size_t)(plan->slots[i] - c->slot_from);

		ASSERT(in < (size_t)c->n_slots);
		memcpy(padded, plan->vectors[i], (size_t)c->dimension * sizeof(*padded));
		kernel->to_code(padded, c->mean, c->step, c->n_groups,
			c->bytes + in * (size_t)c->n_groups * CODE_BYTES);
	}
	free(padded);
	return c;
}

/* A number's level l stands for mean + (l - 1.5) · step: the query's product with the vector is
 * about the sum of q · (mean - 1.5 · step) and of (q · step) · l. The latter factors are made whole
 * numbers, as large as 16 bits hold the sum of. */
void codes_query_init(const struct codes *c, const float *unit, struct coded_query *out)
{
	size_t n_numbers = (size_t)c->n_groups * CODE_GROUP;
	float largest = 0, most = INT16_MAX / (HIGHEST_LEVEL * 4 * (float)c->n_groups);

	*out = (struct coded_query){
		.n_groups = c->n_groups, .codes = c->bytes, .slot_from = c->slot_from};
	out->weights = calloc(n_numbers, sizeof(*out->weights));
	ASSERT(out->weights != NULL);
	for (int k = 0; k < c->dimension; k++) {
		largest = fmaxf(largest, fabsf(unit[k] * c->step[k]));
		out->base += unit[k] * (c->mean[k] - HIGHEST_LEVEL / 2 * c->step[k]);
	}
	for (int k = 0; k < c->dimension && largest > 0; k++) {
		out->weights[k] = (int16_t)lrintf(truncf(most) * unit[k] * c->step[k] / largest);
		out->scale = largest / truncf(most);
	}
}

void codes_query_finish(struct coded_query *q)
{
	free(q->weights);
	q->weights = NULL;
}
