/*
 * Contrastive training of term vectors: a pair of texts that belong together, title and heading
 * with the text under them, or a span of a text with what stands around it, are to be nearer to
 * each other than to the other texts of the batch.
 *
 *   x(text) = sum over terms of (1 + ln tf) · idf · row(term)          y = x / |x|
 *   S[i][j] = y(left i) · y(right j) / temperature
 *   loss    = cross entropy of the diagonal, over rows and over columns
 *
 * row(term) is its own for terms of two documents and more; a rarer one is the sum of its grams'
 * rows divided by the root of their number. Adam (Kingma and Ba, 2015) over the rows that a batch
 * touches.
 */
#include "index/embed_train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/hash.h"
#include "index/embed_kind.h"
#include "index/embed_table.h"
#include "index/vector_kernel.h"

#define SEED UINT64_C(0x43617272656c0002)
#define DIM TABLE_DIMENSION
#define DF_LEAST 2
#define ROWS_MAX 60000
#define SPANS_FEW 6
#define SPANS_MANY 2 /* a chunk, above MANY_CHUNKS */
#define MANY_CHUNKS 5000
#define PAIRS_MAX 40000
#define SPAN_LEAST 4
#define SPAN_MOST 10
#define AROUND 100
#define BATCH 256
#define EPOCHS 3
#define TEMPERATURE .1f
#define RATE 4e-3f
#define RATE_END .05f
#define WARM_UP 10
#define BETA1 .9f
#define BETA2 .99f
#define EPSILON 1e-8f
#define SIDE_TERMS_MAX 2200

struct pair {
	int32_t doc;
	int32_t at, len; /* the span in the body; len 0: head and body */
};

/* One side of a pair: what it is made of, its vector, and the gradient of the loss by it. */
struct side {
	int32_t terms[SIDE_TERMS_MAX];
	float weights[SIDE_TERMS_MAX];
	int n;
	float length;
	float y[DIM], dy[DIM];
};

struct trainer {
	const struct corpus *c;
	const struct vector_kernel *k;
	uint64_t random;
	/* [n_terms]: row of a term, or -1 - (first of its grams in grams) */
	int32_t *row_of;
	float *idf;
	float idf_rare;
	int32_t n_rows;	 /* own rows; the grams' follow */
	uint32_t *grams; /* runs of: number, gram… */
	int64_t n_grams;
	float *rows, *m1, *m2; /* [n_rows + TABLE_GRAMS × DIM] */
	struct pair *pairs;
	int n_pairs;
	int32_t *tf; /* [n_terms], zero between texts */
	/* of one batch: */
	struct side *left, *right; /* [BATCH] */
	float *s, *ds;		   /* [BATCH × BATCH] */
	int32_t *touched, *gradient_of;
	int32_t n_touched, touched_cap;
	float *gradients; /* [touched_cap × DIM] */
};

static void *zeroed(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	ASSERT(p != NULL);
	return p;
}

/* ── rows ── */

static float idf_of(int64_t n_docs, int64_t df)
{
	return logf(1 + ((float)(n_docs - df) + .5f) / ((float)df + .5f));
}

struct frequent {
	int32_t id, df;
};

static int by_df(const void *a, const void *b)
{
	const struct frequent *x = a, *y = b;

	return x->df != y->df ? (x->df < y->df ? 1 : -1) : (x->id > y->id) - (x->id < y->id);
}

static void assign_rows(struct trainer *t)
{
	const struct corpus *c = t->c;
	struct frequent *list = zeroed((size_t)c->n_terms, sizeof(*list));
	int32_t n = 0;

	for (int32_t i = 0; i < c->n_terms; i++) {
		t->row_of[i] = -1;
		if (c->df[i] >= DF_LEAST) {
			list[n++] = (struct frequent){i, c->df[i]};
		}
	}
	qsort(list, (size_t)n, sizeof(*list), by_df);
	t->n_rows = n < ROWS_MAX ? n : ROWS_MAX;
	for (int32_t r = 0; r < t->n_rows; r++) {
		t->row_of[list[r].id] = r;
	}
	free(list);
	t->idf_rare = idf_of(c->n_docs, 1);
	for (int32_t i = 0; i < c->n_terms; i++) {
		t->idf[i] = t->row_of[i] >= 0 ? idf_of(c->n_docs, c->df[i]) : t->idf_rare;
	}
}

/* Gram lists of the terms without a row of their own. */
static void assign_grams(struct trainer *t)
{
	int64_t cap = 1024;

	t->grams = zeroed((size_t)cap, sizeof(*t->grams));
	for (int32_t i = 0; i < t->c->n_terms; i++) {
		if (t->row_of[i] >= 0) {
			continue;
		}
		if (t->n_grams + TERM_GRAMS_MAX + 1 > cap) {
			cap *= 2;
			t->grams = realloc(t->grams, (size_t)cap * sizeof(*t->grams));
			ASSERT(t->grams != NULL);
		}
		t->row_of[i] = (int32_t)(-1 - t->n_grams);
		t->grams[t->n_grams] =
			(uint32_t)table_grams(t->c->texts[i], t->grams + t->n_grams + 1);
		t->n_grams += t->grams[t->n_grams] + 1;
	}
}

/* A term's row starts from its text alone, so that another vocabulary starts it alike. */
static void start_rows(struct trainer *t)
{
	const struct embed_table *untrained = table_untrained();

	for (int32_t i = 0; i < t->c->n_terms; i++) {
		uint64_t random = hash64(t->c->texts[i], strlen(t->c->texts[i]));
		float *row;

		if (t->row_of[i] < 0) {
			continue;
		}
		row = t->rows + (size_t)t->row_of[i] * DIM;
		for (int d = 0; d < DIM; d++) {
			row[d] = ((float)(next_random(&random) >> 40) / (1 << 23) - 1) *
				 sqrtf(3.0f / DIM);
		}
	}
	for (int g = 0; g < TABLE_GRAMS; g++) {
		t->k->add_scaled_int8(t->rows + (size_t)(t->n_rows + g) * DIM,
			untrained->grams[g].v, untrained->grams[g].scale, DIM);
	}
}

/* ── pairs ── */

static void shuffle(struct trainer *t)
{
	for (int i = t->n_pairs - 1; i > 0; i--) {
		int j = (int)(next_random(&t->random) % (uint64_t)(i + 1));
		struct pair swap = t->pairs[i];

		t->pairs[i] = t->pairs[j];
		t->pairs[j] = swap;
	}
}

static void choose_pairs(struct trainer *t)
{
	const struct corpus *c = t->c;
	int spans = c->n_docs > MANY_CHUNKS ? SPANS_MANY : SPANS_FEW;

	t->pairs = zeroed((size_t)c->n_docs * (size_t)(spans + 1), sizeof(*t->pairs));
	for (int32_t i = 0; i < c->n_docs; i++) {
		const struct corpus_doc *d = &c->docs[i];

		if (d->n_head > 0 && d->n_body > 0) {
			t->pairs[t->n_pairs++] = (struct pair){i, 0, 0};
		}
		for (int k = 0; k < spans && d->n_body >= 2 * SPAN_LEAST; k++) {
			uint64_t most =
				(uint64_t)(d->n_body / 2 < SPAN_MOST ? d->n_body / 2 : SPAN_MOST);
			int32_t len = SPAN_LEAST +
				      (int32_t)(next_random(&t->random) % (most - SPAN_LEAST + 1));
			int32_t at = (int32_t)(next_random(&t->random) %
					       (uint64_t)(d->n_body - len + 1));

			t->pairs[t->n_pairs++] = (struct pair){i, at, len};
		}
	}
	shuffle(t);
	t->n_pairs = t->n_pairs < PAIRS_MAX ? t->n_pairs : PAIRS_MAX;
}

/* ── forward ── */

static void side_add(struct trainer *t, struct side *s, const int32_t *ids, int32_t n)
{
	for (int32_t i = 0; i < n; i++) {
		if (t->tf[ids[i]]++ == 0 && s->n < SIDE_TERMS_MAX) {
			s->terms[s->n++] = ids[i];
		}
	}
}

static void side_vector(struct trainer *t, struct side *s)
{
	memset(s->y, 0, sizeof(s->y));
	for (int i = 0; i < s->n; i++) {
		int32_t id = s->terms[i], row = t->row_of[id];

		s->weights[i] = (1 + logf((float)t->tf[id])) * t->idf[id];
		if (row >= 0) {
			t->k->add_scaled(s->y, t->rows + (size_t)row * DIM, s->weights[i], DIM);
			continue;
		}
		const uint32_t *grams = t->grams + (-1 - row);

		for (uint32_t g = 1; g <= grams[0]; g++) {
			t->k->add_scaled(s->y,
				t->rows + (size_t)(t->n_rows + (int32_t)grams[g]) * DIM,
				s->weights[i] / sqrtf((float)grams[0]), DIM);
		}
	}
	s->length = vector_normalise(s->y, DIM);
}

static void begin_side(struct side *s)
{
	s->n = 0;
	memset(s->dy, 0, sizeof(s->dy));
}

static void end_side(struct trainer *t, struct side *s, const int32_t *ids, int32_t n)
{
	side_vector(t, s);
	for (int32_t i = 0; i < n; i++) {
		t->tf[ids[i]] = 0;
	}
}

static void load_pair(
	struct trainer *t, const struct pair *p, struct side *left, struct side *right)
{
	const struct corpus_doc *d = &t->c->docs[p->doc];
	const int32_t *head = t->c->ids + d->from, *body = head + d->n_head;
	int32_t all = d->n_head + d->n_body, before, after;

	begin_side(left);
	begin_side(right);
	if (p->len == 0) {
		side_add(t, left, head, d->n_head);
		end_side(t, left, head, all);
		side_add(t, right, body, d->n_body);
		end_side(t, right, head, all);
		return;
	}
	before = p->at < AROUND ? p->at : AROUND;
	after = d->n_body - p->at - p->len < AROUND ? d->n_body - p->at - p->len : AROUND;
	side_add(t, left, body + p->at, p->len);
	end_side(t, left, head, all);
	side_add(t, right, body + p->at - before, before);
	side_add(t, right, body + p->at + p->len, after);
	end_side(t, right, head, all);
}

/* Pairs of one chunk, and titles that are the same, are no counter-examples to each other. */
static bool related(const struct trainer *t, const struct pair *a, const struct pair *b)
{
	return a->doc == b->doc ||
	       (a->len == 0 && b->len == 0 &&
		       t->c->docs[a->doc].head_hash == t->c->docs[b->doc].head_hash);
}

/* ── the loss and its gradient ── */

/* Adds (softmax - 1 at the diagonal) / 2n of n numbers, `stride` apart, to ds. */
static void softmax_gradient(const float *s, float *ds, int n, int stride, int diagonal)
{
	float most = -INFINITY, sum = 0, e[BATCH];

	for (int j = 0; j < n; j++) {
		most = fmaxf(most, s[j * stride]);
	}
	for (int j = 0; j < n; j++) {
		e[j] = expf(s[j * stride] - most);
		sum += e[j];
	}
	for (int j = 0; j < n; j++) {
		ds[j * stride] += (e[j] / sum - (j == diagonal ? 1.0f : 0.0f)) / (2.0f * (float)n);
	}
}

static void batch_gradient(struct trainer *t, const struct pair *pairs, int n)
{
	memset(t->ds, 0, (size_t)n * (size_t)n * sizeof(float));
	for (int i = 0; i < n; i++) {
		for (int j = 0; j < n; j++) {
			t->s[i * n + j] =
				i != j && related(t, &pairs[i], &pairs[j])
					? -1 / TEMPERATURE * 10
					: t->k->dot(t->left[i].y, t->right[j].y, DIM) / TEMPERATURE;
		}
	}
	for (int i = 0; i < n; i++) {
		softmax_gradient(t->s + i * n, t->ds + i * n, n, 1, i);
	}
	for (int j = 0; j < n; j++) {
		softmax_gradient(t->s + j, t->ds + j, n, n, j);
	}
	for (int i = 0; i < n; i++) {
		for (int j = 0; j < n; j++) {
			float d = t->ds[i * n + j] / TEMPERATURE;

			t->k->add_scaled(t->left[i].dy, t->right[j].y, d, DIM);
			t->k->add_scaled(t->right[j].dy, t->left[i].y, d, DIM);
		}
	}
}

static float *gradient_for(struct trainer *t, int32_t row)
{
	if (t->gradient_of[row] < 0) {
		if (t->n_touched == t->touched_cap) {
			t->touched_cap *= 2;
			t->touched =
				realloc(t->touched, (size_t)t->touched_cap * sizeof(*t->touched));
			t->gradients = realloc(
				t->gradients, (size_t)t->touched_cap * DIM * sizeof(*t->gradients));
			ASSERT(t->touched != NULL && t->gradients != NULL);
		}
		t->gradient_of[row] = t->n_touched;
		t->touched[t->n_touched++] = row;
		memset(t->gradients + (size_t)t->gradient_of[row] * DIM, 0, DIM * sizeof(float));
	}
	return t->gradients + (size_t)t->gradient_of[row] * DIM;
}

/* From the unit vector back to its rows. */
static void back(struct trainer *t, struct side *s)
{
	float along = t->k->dot(s->y, s->dy, DIM);

	if (s->length <= 0) {
		return;
	}
	t->k->add_scaled(s->dy, s->y, -along, DIM);
	for (int i = 0; i < s->n; i++) {
		int32_t row = t->row_of[s->terms[i]];
		float weight = s->weights[i] / s->length;

		if (row >= 0) {
			t->k->add_scaled(gradient_for(t, row), s->dy, weight, DIM);
			continue;
		}
		const uint32_t *grams = t->grams + (-1 - row);

		for (uint32_t g = 1; g <= grams[0]; g++) {
			t->k->add_scaled(gradient_for(t, t->n_rows + (int32_t)grams[g]), s->dy,
				weight / sqrtf((float)grams[0]), DIM);
		}
	}
}

static void adam(struct trainer *t, int step, float rate)
{
	float fix1 = 1 / (1 - powf(BETA1, (float)step)), fix2 = 1 / (1 - powf(BETA2, (float)step));

	for (int32_t i = 0; i < t->n_touched; i++) {
		int32_t row = t->touched[i];
		const float *g = t->gradients + (size_t)i * DIM;
		float *x = t->rows + (size_t)row * DIM;
		float *m1 = t->m1 + (size_t)row * DIM, *m2 = t->m2 + (size_t)row * DIM;

		for (int d = 0; d < DIM; d++) {
			m1[d] = BETA1 * m1[d] + (1 - BETA1) * g[d];
			m2[d] = BETA2 * m2[d] + (1 - BETA2) * g[d] * g[d];
			x[d] -= rate * (m1[d] * fix1) / (sqrtf(m2[d] * fix2) + EPSILON);
		}
		t->gradient_of[row] = -1;
	}
	t->n_touched = 0;
}

/* ── all of it ── */

static void train_batch(struct trainer *t, const struct pair *pairs, int n, int step, float rate)
{
	for (int i = 0; i < n; i++) {
		load_pair(t, &pairs[i], &t->left[i], &t->right[i]);
	}
	batch_gradient(t, pairs, n);
	for (int i = 0; i < n; i++) {
		back(t, &t->left[i]);
		back(t, &t->right[i]);
	}
	adam(t, step, rate);
}

static int train(struct trainer *t, const atomic_bool *cancel, struct err *e)
{
	int size = t->n_pairs < BATCH ? t->n_pairs : BATCH;
	int per_epoch = size ? t->n_pairs / size : 0, n_steps = EPOCHS * per_epoch;

	for (int step = 0; step < n_steps; step++) {
		float done = (float)step / (float)n_steps;
		float rate = RATE * (1 - (1 - RATE_END) * done);

		if (embed_cancelled(cancel)) {
			return err_set(e, ERR_CANCELLED, "cancelled", "training was cancelled");
		}
		if (step % per_epoch == 0) {
			shuffle(t);
		}
		if (step < WARM_UP) {
			rate *= (float)(step + 1) / WARM_UP;
		}
		train_batch(t, t->pairs + (size_t)(step % per_epoch) * (size_t)size, size, step + 1,
			rate);
	}
	return 0;
}

/* Of what was trained on, so that the same corpus gives the same table and another one another. */
static void make_key(const struct corpus *c, uint8_t key[TABLE_KEY_BYTES])
{
	crypto_generichash_state h;

	crypto_generichash_init(&h, NULL, 0, TABLE_KEY_BYTES);
	for (int32_t i = 0; i < c->n_terms; i++) {
		crypto_generichash_update(
			&h, (const uint8_t *)c->texts[i], strlen(c->texts[i]) + 1);
	}
	crypto_generichash_update(&h, (const uint8_t *)c->ids, (size_t)c->n_ids * sizeof(*c->ids));
	crypto_generichash_final(&h, key, TABLE_KEY_BYTES);
}

static void pack(const struct trainer *t, struct buf *out)
{
	struct embed_table table = {.n_terms = (uint32_t)t->n_rows, .idf_unknown = t->idf_rare};

	make_key(t->c, table.key);
	table.terms = zeroed((size_t)t->n_rows, sizeof(*table.terms));
	table.grams = zeroed(TABLE_GRAMS, sizeof(*table.grams));
	for (int32_t i = 0; i < t->c->n_terms; i++) {
		int32_t row = t->row_of[i];

		if (row >= 0) {
			const char *text = t->c->texts[i];

			table.terms[row].hash = table_hash(&table, text, strlen(text));
			table.terms[row].idf = t->idf[i];
			table_row_set(&table.terms[row].row, t->rows + (size_t)row * DIM);
		}
	}
	for (int g = 0; g < TABLE_GRAMS; g++) {
		table_row_set(&table.grams[g], t->rows + (size_t)(t->n_rows + g) * DIM);
	}
	table_pack(&table, out);
	free(table.terms);
	free(table.grams);
}

static void trainer_init(struct trainer *t, const struct corpus *c)
{
	size_t n_rows;

	memset(t, 0, sizeof(*t));
	t->c = c;
	t->k = vector_kernel();
	t->random = SEED;
	t->row_of = zeroed((size_t)c->n_terms, sizeof(*t->row_of));
	t->idf = zeroed((size_t)c->n_terms, sizeof(*t->idf));
	t->tf = zeroed((size_t)c->n_terms, sizeof(*t->tf));
	assign_rows(t);
	assign_grams(t);
	n_rows = (size_t)t->n_rows + TABLE_GRAMS;
	t->rows = zeroed(n_rows * DIM, sizeof(float));
	t->m1 = zeroed(n_rows * DIM, sizeof(float));
	t->m2 = zeroed(n_rows * DIM, sizeof(float));
	t->gradient_of = zeroed(n_rows, sizeof(*t->gradient_of));
	memset(t->gradient_of, -1, n_rows * sizeof(*t->gradient_of));
	t->touched_cap = 4096;
	t->touched = zeroed((size_t)t->touched_cap, sizeof(*t->touched));
	t->gradients = zeroed((size_t)t->touched_cap * DIM, sizeof(float));
	t->left = zeroed(BATCH, sizeof(*t->left));
	t->right = zeroed(BATCH, sizeof(*t->right));
	t->s = zeroed(BATCH * BATCH, sizeof(float));
	t->ds = zeroed(BATCH * BATCH, sizeof(float));
	start_rows(t);
	choose_pairs(t);
}

static void trainer_finish(struct trainer *t)
{
	void *const all[] = {t->row_of, t->idf, t->tf, t->grams, t->rows, t->m1, t->m2,
		t->gradient_of, t->touched, t->gradients, t->left, t->right, t->s, t->ds, t->pairs};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		free(all[i]);
	}
}

int corpus_train(const struct corpus *c, const atomic_bool *cancel, struct buf *out, struct err *e)
{
	struct trainer t;
	int rc;

	trainer_init(&t, c);
	rc = train(&t, cancel, e);
	if (rc == 0) {
		pack(&t, out);
	}
	trainer_finish(&t);
	return rc;
}
