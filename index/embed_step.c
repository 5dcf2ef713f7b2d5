#include "index/embed_step.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/vector_kernel.h"

#define DIM TABLE_DIMENSION
#define WIDTH BATCH_PAIRS /* of s, however many pairs there are */
#define BETA1 .9f
#define BETA2 .99f
#define EPSILON 1e-8f

static void *zeroed(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	ASSERT(p != NULL);
	return p;
}

void batch_init(struct batch *b, struct rows *r, const struct embed_kernel *k)
{
	size_t n_terms = (size_t)r->corpus->n_terms;

	memset(b, 0, sizeof(*b));
	b->rows = r;
	b->kernel = k;
	b->entries_cap = 1 << 15;
	b->entries = zeroed((size_t)b->entries_cap, sizeof(*b->entries));
	b->y = zeroed((size_t)2 * BATCH_PAIRS * DIM, sizeof(float));
	b->dy = zeroed((size_t)2 * BATCH_PAIRS * DIM, sizeof(float));
	b->turned = zeroed((size_t)DIM * WIDTH, sizeof(float));
	b->s = zeroed((size_t)WIDTH * WIDTH, sizeof(float));
	b->tf = zeroed(n_terms, sizeof(*b->tf));
	b->terms = zeroed(n_terms, sizeof(*b->terms));
	b->gradient_of = zeroed((size_t)r->n, sizeof(*b->gradient_of));
	memset(b->gradient_of, -1, (size_t)r->n * sizeof(*b->gradient_of));
	b->touched_cap = 2048;
	b->touched = zeroed((size_t)b->touched_cap, sizeof(*b->touched));
	b->gradients = zeroed((size_t)b->touched_cap * DIM, sizeof(float));
	b->power1 = b->power2 = 1;
}

void batch_finish(struct batch *b)
{
	void *const all[] = {b->entries, b->y, b->dy, b->turned, b->s, b->tf, b->terms, b->touched,
		b->gradient_of, b->gradients};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		free(all[i]);
	}
}

/* ── forward ── */

void batch_begin(struct batch *b)
{
	b->n_entries = 0;
}

void batch_add(struct batch *b, const int32_t *ids, int32_t n)
{
	for (int32_t i = 0; i < n; i++) {
		if (b->tf[ids[i]]++ == 0) {
			b->terms[b->n_terms++] = ids[i];
		}
	}
}

static void add_entry(struct batch *b, int32_t row, float weight)
{
	if (b->n_entries == b->entries_cap) {
		b->entries_cap *= 2;
		b->entries = realloc(b->entries, (size_t)b->entries_cap * sizeof(*b->entries));
		ASSERT(b->entries != NULL);
	}
	b->entries[b->n_entries++] = (struct batch_entry){row, weight};
}

void batch_side(struct batch *b, int side)
{
	const struct vector_kernel *k = vector_kernel();
	const struct rows *r = b->rows;
	struct batch_side *s = &b->sides[side];
	float *y = b->y + (size_t)side * DIM;

	s->from = b->n_entries;
	for (int32_t i = 0; i < b->n_terms; i++) {
		int32_t id = b->terms[i], row = r->of[id];
		float weight = (1 + logf((float)b->tf[id])) * r->idf[id];

		b->tf[id] = 0;
		if (row >= 0) {
			add_entry(b, row, weight);
			continue;
		}
		const int32_t *grams = r->grams + (-1 - row);

		for (int32_t g = 1; g <= grams[0]; g++) {
			add_entry(b, grams[g], weight / sqrtf((float)grams[0]));
		}
	}
	b->n_terms = 0;
	s->n = (int32_t)(b->n_entries - s->from);
	memset(y, 0, DIM * sizeof(float));
	for (int32_t i = 0; i < s->n; i++) {
		const struct batch_entry *x = &b->entries[s->from + i];

		k->add_scaled(y, r->x + (size_t)x->row * DIM, x->weight, DIM);
	}
	s->length = vector_normalise(y, DIM);
}

/* ── the loss and its gradient ── */

/* s becomes the gradient of the loss by s: (softmax over the row + softmax over the column - 2 on
 * the diagonal) / 2n. A cosine over the temperature is small enough for no maximum to be taken off
 * before e is raised to it. */
static void softmax_gradient(struct batch *b)
{
	float columns[WIDTH] = {0}, scale = 1 / (2.0f * (float)b->n);

	b->kernel->exponential(b->s, (size_t)b->n * WIDTH);
	for (int i = 0; i < b->n; i++) {
		float *row = b->s + (size_t)i * WIDTH;

		for (int j = 0; j < b->n; j++) {
			row[j] = b->related[i * b->n + j] && i != j ? 0 : row[j];
			columns[j] += row[j];
		}
	}
	for (int j = 0; j < b->n; j++) {
		columns[j] = scale / columns[j];
	}
	for (int i = 0; i < b->n; i++) {
		float *row = b->s + (size_t)i * WIDTH, sum = 0;

		for (int j = 0; j < b->n; j++) {
			sum += row[j];
		}
		sum = scale / sum;
		for (int j = 0; j < b->n; j++) {
			row[j] *= sum + columns[j];
		}
		memset(row + b->n, 0, (size_t)(WIDTH - b->n) * sizeof(float));
		row[i] -= 2 * scale;
	}
}

static void loss_gradient(struct batch *b, float temperature)
{
	const struct embed_kernel *k = b->kernel;
	float *left = b->y, *right = b->y + (size_t)BATCH_PAIRS * DIM;
	size_t n = (size_t)b->n;

	memset(b->turned, 0, (size_t)DIM * WIDTH * sizeof(float));
	for (size_t j = 0; j < n; j++) {
		for (size_t d = 0; d < DIM; d++) {
			b->turned[d * WIDTH + j] = right[j * DIM + d] / temperature;
		}
	}
	k->product(&(struct product){.c = b->s,
		.a = left,
		.b = b->turned,
		.a_step_i = DIM,
		.a_step_k = 1,
		.n_i = n,
		.n_k = DIM,
		.n_j = WIDTH});
	softmax_gradient(b);
	for (size_t i = 0; i < n * WIDTH; i++) {
		b->s[i] /= temperature;
	}
	k->product(&(struct product){.c = b->dy,
		.a = b->s,
		.b = right,
		.a_step_i = WIDTH,
		.a_step_k = 1,
		.n_i = n,
		.n_k = n,
		.n_j = DIM});
	k->product(&(struct product){.c = b->dy + (size_t)BATCH_PAIRS * DIM,
		.a = b->s,
		.b = left,
		.a_step_i = 1,
		.a_step_k = WIDTH,
		.n_i = n,
		.n_k = n,
		.n_j = DIM});
}

static float *gradient_for(struct batch *b, int32_t row)
{
	if (b->gradient_of[row] < 0) {
		if (b->n_touched == b->touched_cap) {
			b->touched_cap *= 2;
			b->touched =
				realloc(b->touched, (size_t)b->touched_cap * sizeof(*b->touched));
			b->gradients = realloc(
				b->gradients, (size_t)b->touched_cap * DIM * sizeof(*b->gradients));
			ASSERT(b->touched != NULL && b->gradients != NULL);
		}
		b->gradient_of[row] = b->n_touched;
		b->touched[b->n_touched++] = row;
		memset(b->gradients + (size_t)b->gradient_of[row] * DIM, 0, DIM * sizeof(float));
	}
	return b->gradients + (size_t)b->gradient_of[row] * DIM;
}

/* From the unit vector back to its rows. */
static void back(struct batch *b, int side)
{
	const struct vector_kernel *k = vector_kernel();
	const struct batch_side *s = &b->sides[side];
	const float *y = b->y + (size_t)side * DIM;
	float *dy = b->dy + (size_t)side * DIM;

	if (!(s->length > 0)) {
		return;
	}
	k->add_scaled(dy, y, -k->dot(y, dy, DIM), DIM);
	for (int32_t i = 0; i < s->n; i++) {
		const struct batch_entry *x = &b->entries[s->from + i];

		k->add_scaled(gradient_for(b, x->row), dy, x->weight / s->length, DIM);
	}
}

static void adam(struct batch *b, float rate)
{
	struct rows *r = b->rows;

	b->power1 *= BETA1;
	b->power2 *= BETA2;
	for (int32_t i = 0; i < b->n_touched; i++) {
		size_t row = (size_t)b->touched[i];

		b->kernel->adam(&(struct adam_step){.x = r->x + row * DIM,
			.m1 = r->m1 + row * DIM,
			.m2 = r->m2 + row,
			.g = b->gradients + (size_t)i * DIM,
			.n = DIM,
			.beta1 = BETA1,
			.beta2 = BETA2,
			.epsilon = EPSILON,
			.rate = rate / (1 - b->power1),
			.fix2 = 1 / (1 - b->power2)});
		b->gradient_of[row] = -1;
	}
	b->n_touched = 0;
}

void batch_step(struct batch *b, int n, float temperature, float rate)
{
	b->n = n;
	loss_gradient(b, temperature);
	for (int i = 0; i < n; i++) {
		back(b, i);
		back(b, BATCH_PAIRS + i);
	}
	adam(b, rate);
}
