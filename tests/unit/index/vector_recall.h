/* Vectors around topics, permissions over them, and whether a search finds the true best. */
#ifndef TESTS_UNIT_INDEX_VECTOR_RECALL_H
#define TESTS_UNIT_INDEX_VECTOR_RECALL_H

#include "index/vector_kernel.h"
#include "tests/unit/index/vector_house.h"

/* Few vectors are treated as many are. */
static UNUSED const struct vector_tuning low = {
	.exact_allowed = 100, /* at dimension 384: 1,200 at 32 */
	.exact_corpus = 400,
	.tail = 400,
	.segment_max = 1000000,
	.n_probe = 64, /* of 955 lists: as 256 of a million vectors 4,000 */
	.retired_ms = 0,
};

static UNUSED void reopen_low(struct fixture *f)
{
	reopen(f);
	vectors_tune(f->v, &low);
}

static UNUSED float normal(uint64_t *state)
{
	float sum = 0;

	for (int i = 0; i < 6; i++) {
		sum += (float)(next_random(state) >> 40) / (float)(1 << 24) - .5f;
	}
	return sum * 1.41f;
}

/* Vectors around topics; slots of one topic lie together, as documents do. */
static UNUSED float *topical(uint64_t *state, int n, int dimension, int n_topics)
{
	float *topics = malloc((size_t)n_topics * (size_t)dimension * sizeof(float));
	float *v = malloc((size_t)n * (size_t)dimension * sizeof(float));

	for (int i = 0; i < n_topics * dimension; i++) {
		topics[i] = normal(state);
	}
	for (int i = 0; i < n; i++) {
		int t = (int)((int64_t)i * n_topics / n);

		for (int d = 0; d < dimension; d++) {
			v[i * dimension + d] = topics[t * dimension + d] + .7f * normal(state);
		}
		vector_normalise(v + i * dimension, (size_t)dimension);
	}
	free(topics);
	return v;
}

struct put {
	int64_t space_n, from;
	int n, dimension;
	const float *v;
	bool late;
};

static UNUSED int tx_put(struct db *db, void *arg, struct err *err)
{
	const struct put *p = arg;
	int rc = 0;

	for (int i = 0; rc == 0 && i < p->n; i++) {
		rc = (p->late ? vectors_put_late : vectors_put)(db, p->space_n, p->from + i,
			p->v + (size_t)i * (size_t)p->dimension, p->dimension, err);
	}
	return rc;
}

static UNUSED int put(struct fixture *f, const struct space *s, int64_t from, const float *v, int n)
{
	struct put p = {s->n, from, n, s->dimension, v, false};

	return store_write(f->store, tx_put, &p, &e);
}

/* As a job fills a space that does not serve. */
static UNUSED int put_late(
	struct fixture *f, const struct space *s, int64_t from, const float *v, int n)
{
	struct put p = {s->n, from, n, s->dimension, v, true};

	return store_write(f->store, tx_put, &p, &e);
}

static UNUSED struct allowed allow(uint64_t n_slots, bool (*may)(uint64_t slot, int arg), int arg)
{
	struct allowed a = {.n_live = n_slots};

	bitmap_init(&a.slots);
	bitmap_reserve(&a.slots, n_slots);
	for (uint64_t i = 0; i < n_slots; i++) {
		if (may(i, arg)) {
			bitmap_set(&a.slots, i);
		}
	}
	a.n_allowed = bitmap_count(&a.slots);
	return a;
}

static UNUSED bool every(uint64_t slot, int arg)
{
	return slot % (uint64_t)arg == 0;
}

/* Permissions that follow topics: runs of 500 slots. */
static UNUSED bool run_of(uint64_t slot, int arg)
{
	return slot / 500 % (uint64_t)arg == 0;
}

struct truth {
	const float *v;
	int n, dimension;
};

/* How many of the hits belong to the true best k. */
static UNUSED int overlap(const struct truth *t, const float *query, const struct allowed *a,
	const struct vector_hit *hits, int n, int k)
{
	float *scores = malloc((size_t)t->n * sizeof(float));
	int found = 0;

	for (int i = 0; i < t->n; i++) {
		scores[i] = bitmap_has(&a->slots, (uint64_t)i) ? 0 : -2;
		for (int d = 0; scores[i] > -2 && d < t->dimension; d++) {
			scores[i] += query[d] * t->v[i * t->dimension + d];
		}
	}
	for (int i = 0; i < n; i++) {
		int better = 0;

		assert_true(bitmap_has(&a->slots, (uint64_t)hits[i].slot));
		assert_float_equal(hits[i].cosine, scores[hits[i].slot], .002);
		for (int j = 0; j < t->n; j++) {
			better += scores[j] > scores[hits[i].slot] + .002f;
		}
		found += better < k;
		if (i > 0) {
			assert_true(hits[i - 1].cosine >= hits[i].cosine);
		}
	}
	free(scores);
	return found;
}

static UNUSED double recall(struct fixture *f, const struct space *s, const struct truth *t,
	const struct allowed *a, int n_queries)
{
	struct vector_hit hits[20];
	int found = 0, wanted = 0, n;

	for (int i = 0; i < n_queries; i++) {
		float query[512];
		int of = (int)(next_random(&f->random) % (uint64_t)t->n);

		for (int d = 0; d < t->dimension; d++) {
			query[d] = t->v[of * t->dimension + d] + .1f * normal(&f->random);
		}
		vector_normalise(query, (size_t)t->dimension);
		ok(vectors_search(f->v, s, query, a, 20, hits, &n, &e));
		assert_int_equal(n, a->n_allowed < 20 ? a->n_allowed : 20);
		found += overlap(t, query, a, hits, n, n);
		wanted += n;
	}
	return wanted ? (double)found / wanted : 1;
}

#endif
