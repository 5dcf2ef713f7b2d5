#include "index/embed_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/hash.h"
#include "index/vector_kernel.h"

#define DIM TABLE_DIMENSION
#define DF_LEAST 2
#define ROWS_MAX 60000

static void *zeroed(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	ASSERT(p != NULL);
	return p;
}

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

static void assign_rows(struct rows *r)
{
	const struct corpus *c = r->corpus;
	struct frequent *list = zeroed((size_t)c->n_terms, sizeof(*list));
	int32_t n = 0;

	for (int32_t i = 0; i < c->n_terms; i++) {
		r->of[i] = -1;
		if (c->df[i] >= DF_LEAST) {
			list[n++] = (struct frequent){i, c->df[i]};
		}
	}
	qsort(list, (size_t)n, sizeof(*list), by_df);
	r->n_own = n < ROWS_MAX ? n : ROWS_MAX;
	r->n = r->n_own + TABLE_GRAMS;
	for (int32_t k = 0; k < r->n_own; k++) {
		r->of[list[k].id] = k;
	}
	free(list);
	r->idf_rare = idf_of(c->n_docs, 1);
	for (int32_t i = 0; i < c->n_terms; i++) {
		r->idf[i] = r->of[i] >= 0 ? idf_of(c->n_docs, c->df[i]) : r->idf_rare;
	}
}

/* Gram lists of the terms without a row of their own. */
static void assign_grams(struct rows *r)
{
	int64_t cap = 1024, n = 0;

	r->grams = zeroed((size_t)cap, sizeof(*r->grams));
	for (int32_t i = 0; i < r->corpus->n_terms; i++) {
		uint32_t grams[TERM_GRAMS_MAX];
		int n_grams;

		if (r->of[i] >= 0) {
			continue;
		}
		if (n + TERM_GRAMS_MAX + 1 > cap) {
			cap *= 2;
			r->grams = realloc(r->grams, (size_t)cap * sizeof(*r->grams));
			ASSERT(r->grams != NULL);
		}
		n_grams = table_grams(r->corpus->texts[i], grams);
		r->of[i] = (int32_t)(-1 - n);
		r->grams[n++] = n_grams;
		for (int k = 0; k < n_grams; k++) {
			r->grams[n++] = r->n_own + (int32_t)grams[k];
		}
	}
}

/* A term's row starts from its text alone, so that another vocabulary starts it alike. */
static void start_rows(struct rows *r)
{
	const struct embed_table *untrained = table_untrained();

	for (int32_t i = 0; i < r->corpus->n_terms; i++) {
		const char *text = r->corpus->texts[i];
		uint64_t random = hash64(text, strlen(text));
		float *row;

		if (r->of[i] < 0) {
			continue;
		}
		row = r->x + (size_t)r->of[i] * DIM;
		for (int d = 0; d < DIM; d++) {
			row[d] = ((float)(next_random(&random) >> 40) / (1 << 23) - 1) *
				 sqrtf(3.0f / DIM);
		}
	}
	for (int g = 0; g < TABLE_GRAMS; g++) {
		vector_kernel()->add_scaled_int8(r->x + (size_t)(r->n_own + g) * DIM,
			untrained->rows[g], untrained->gram_scales[g], DIM);
	}
}

void rows_init(struct rows *r, const struct corpus *c)
{
	memset(r, 0, sizeof(*r));
	r->corpus = c;
	r->of = zeroed((size_t)c->n_terms, sizeof(*r->of));
	r->idf = zeroed((size_t)c->n_terms, sizeof(*r->idf));
	assign_rows(r);
	assign_grams(r);
	r->x = zeroed((size_t)r->n * DIM, sizeof(float));
	r->m1 = zeroed((size_t)r->n * DIM, sizeof(*r->m1));
	r->m2 = zeroed((size_t)r->n, sizeof(float));
	start_rows(r);
}

void rows_finish(struct rows *r)
{
	free(r->of);
	free(r->idf);
	free(r->grams);
	free(r->x);
	free(r->m1);
	free(r->m2);
	memset(r, 0, sizeof(*r));
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

void rows_pack(struct rows *r, struct buf *out)
{
	struct embed_table table;

	free(r->m1);
	r->m1 = NULL;
	table_init(&table, (uint32_t)r->n_own);
	table.idf_unknown = r->idf_rare;
	make_key(r->corpus, table.key);
	for (int32_t i = 0; i < r->corpus->n_terms; i++) {
		int32_t row = r->of[i];
		const char *text = r->corpus->texts[i];

		if (row >= 0) {
			uint32_t to = TABLE_GRAMS + (uint32_t)row;

			table.terms[row] = (struct table_term){
				.hash = table_hash(&table, text, strlen(text)),
				.idf = r->idf[i],
				.scale = table_row_set(&table, to, r->x + (size_t)row * DIM),
				.row = to};
		}
	}
	for (uint32_t g = 0; g < TABLE_GRAMS; g++) {
		table.gram_scales[g] =
			table_row_set(&table, g, r->x + ((size_t)r->n_own + g) * DIM);
	}
	free(r->x);
	r->x = NULL;
	table_pack(&table, out);
	table_finish(&table);
}
