/* Vectors: exact search under permissions, odd vectors, transactions, threads. */
#include "tests/unit/index/vector_recall.h"

#include <math.h>
#include <pthread.h>

static void test_exact(void **state)
{
	struct fixture *f = *state;
	struct space s = serve(f, 100);
	float *v = topical(&f->random, 3000, 100, 20);
	struct truth t = {v, 3000, 100};
	int parts[] = {1, 10, 100, 2500};

	print_message("seed %llu\n", (unsigned long long)SEED);
	ok(put(f, &s, 0, v, 3000));
	for (int i = 0; i < 4; i++) {
		struct allowed a = allow(3000, every, parts[i]);

		assert_true(recall(f, &s, &t, &a, 20) == 1);
		bitmap_finish(&a.slots);
	}
	close_all(f);
	open_all(f);
	for (int i = 0; i < 4; i++) {
		struct allowed a = allow(3000, every, parts[i]);

		assert_true(recall(f, &s, &t, &a, 5) == 1);
		bitmap_finish(&a.slots);
	}
	free(v);
}

static void test_bad_and_odd_vectors(void **state)
{
	struct fixture *f = *state;
	struct space s = serve(f, 4);
	struct allowed a = allow(2000, every, 1);
	float one[] = {1, 0, 0, 0}, two[] = {0, 3, 0, 0}, zero[4] = {0}, bad[] = {1, NAN, 0, 0};
	float huge[] = {3e38f, 3e38f, 3e38f, 3e38f}, scores[3], toward[4];
	struct vector_hit hits[5];
	int64_t slots[] = {7, 1500, 3}, gone = 1500;
	int n;

	ok(put(f, &s, 7, one, 1));
	ok(put(f, &s, 1500, two, 1));
	ok(put(f, &s, 3, zero, 1));
	assert_int_equal(put(f, &s, 4, bad, 1), ERR_INVALID);
	err_clear(&e);
	ok(put(f, &s, 9, huge, 1)); /* its length does not fit a float, but a double */
	ok(store_write(f->store, tx_remove, &(int64_t){9}, &e));
	ok(vectors_search(f->v, &s, two, &a, 5, hits, &n, &e));
	assert_int_equal(n, 2);
	assert_int_equal(hits[0].slot, 1500);
	assert_float_equal(hits[0].cosine, 1, 1e-3);
	ok(vectors_score(f->v, &s, one, slots, 3, scores, &e));
	assert_float_equal(scores[0], 1, 1e-3);
	assert_float_equal(scores[1], 0, 1e-3);
	assert_true(isnan(scores[2]));
	ok(vectors_toward(f->v, &s, two, slots, (double[]){.5, .25, 9}, 3, toward, &e));
	assert_float_equal(toward[0], .5, 1e-3);
	assert_float_equal(toward[1], 1.25, 1e-3);
	assert_float_equal(toward[2], 0, 1e-6);
	ok(vectors_search(f->v, &s, zero, &a, 5, hits, &n, &e));
	assert_int_equal(n, 0);
	assert_int_equal(vectors_search(f->v, &s, bad, &a, 5, hits, &n, &e), ERR_INVALID);
	err_clear(&e);
	ok(vectors_search(f->v, &s, one, &a, 0, hits, &n, &e));
	assert_int_equal(n, 0);

	/* a vector is replaced, then removed */
	ok(put(f, &s, 7, two, 1));
	ok(vectors_score(f->v, &s, one, slots, 1, scores, &e));
	assert_float_equal(scores[0], 0, 1e-3);
	ok(store_write(f->store, tx_remove, &gone, &e));
	ok(vectors_search(f->v, &s, two, &a, 5, hits, &n, &e));
	assert_int_equal(n, 1);
	assert_int_equal(hits[0].slot, 7);
	s.n = 4711;
	assert_int_equal(vectors_search(f->v, &s, one, &a, 5, hits, &n, &e), ERR_CONFLICT);
	err_clear(&e);
	assert_int_equal(put(f, &s, 1, one, 1), ERR_CONFLICT);
	err_clear(&e);
	bitmap_finish(&a.slots);
}

static int tx_put_and_fail(struct db *db, void *arg, struct err *err)
{
	int rc = tx_put(db, arg, err);

	return rc ? rc : err_set(err, ERR_INVALID, "test", "rolled back");
}

static void test_rollback_is_not_seen(void **state)
{
	struct fixture *f = *state;
	struct space s = serve(f, 2);
	struct allowed a = allow(64, every, 1);
	float one[] = {1, 0};
	struct put p = {s.n, 5, 1, 2, one, false};
	struct vector_hit hit;
	int n;

	assert_int_equal(store_write(f->store, tx_put_and_fail, &p, &e), ERR_INVALID);
	err_clear(&e);
	ok(vectors_search(f->v, &s, one, &a, 1, &hit, &n, &e));
	assert_int_equal(n, 0);
	bitmap_finish(&a.slots);
}

static void test_serving_is_made_once(void **state)
{
	struct fixture *f = *state;
	struct embed_text text = {.body = "The quarterly budget of the otter project"};
	float *v = calloc(TABLE_DIMENSION, sizeof(float));
	struct space one, two;

	ok(vectors_serving(f->v, WS, &one, &e));
	ok(vectors_serving(f->v, WS, &two, &e));
	assert_int_equal(one.n, two.n);
	assert_int_equal(one.dimension, TABLE_DIMENSION);
	assert_ptr_equal(one.embedder, two.embedder);
	ok(embed(one.embedder, EMBED_DOCUMENT, &text, 1, v, NULL, NULL, NULL, &e));
	ok(put(f, &one, 0, v, 1));
	embedder_drop(one.embedder);
	embedder_drop(two.embedder);
	close_all(f);
	open_all(f);
	ok(vectors_serving(f->v, WS, &two, &e));
	assert_int_equal(one.n, two.n);
	embedder_drop(two.embedder);
	free(v);
}

/* ── threads ── */

struct searcher {
	struct fixture *f;
	struct space s;
	const float *v;
	struct allowed *all;
	atomic_bool *stop;
	int n_searches;
	bool failed;
};

static void *search_on(void *arg)
{
	struct searcher *t = arg;
	uint64_t random = (uint64_t)(uintptr_t)t;
	struct vector_hit hits[10];
	struct err err = ERR_INIT;

	while (!atomic_load(t->stop) || t->n_searches < 20) {
		const float *query = t->v + next_random(&random) % 20000 * 32;
		int n;

		if (vectors_search(t->f->v, &t->s, query, t->all, 10, hits, &n, &err)) {
			t->failed = true;
			break;
		}
		for (int i = 0; i < n; i++) {
			float cosine = 0;

			for (int d = 0; d < 32; d++) {
				cosine += query[d] * t->v[hits[i].slot * 32 + d];
			}
			t->failed |= fabsf(cosine - hits[i].cosine) > .003f;
		}
		t->n_searches++;
	}
	return NULL;
}

static void test_search_while_writing(void **state)
{
	struct fixture *f = *state;
	struct space s = serve(f, 32);
	float *v = topical(&f->random, 20000, 32, 20);
	struct allowed all = allow(20000, every, 1);
	atomic_bool stop = false;
	struct searcher searchers[3];
	pthread_t threads[3];

	vectors_tune(f->v, &low);
	ok(put(f, &s, 0, v, 6000));
	for (int i = 0; i < 3; i++) {
		searchers[i] = (struct searcher){f, s, v, &all, &stop, 0, false};
		assert_int_equal(pthread_create(&threads[i], NULL, search_on, &searchers[i]), 0);
	}
	for (int from = 6000; from < 20000; from += 1000) {
		int64_t gone = from - 5500;

		ok(put(f, &s, from, v + (size_t)from * 32, 1000));
		ok(put(f, &s, from - 3000, v + (size_t)(from - 3000) * 32, 5)); /* put again */
		ok(store_write(f->store, tx_remove, &gone, &e));
		if (from % 4000 == 0) {
			ok(vectors_maintain(f->v, &e));
		}
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		assert_false(searchers[i].failed);
		assert_true(searchers[i].n_searches >= 20);
	}
	bitmap_finish(&all.slots);
	free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_exact),
		T(test_bad_and_odd_vectors),
		T(test_rollback_is_not_seen),
		T(test_serving_is_made_once),
		T(test_search_while_writing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
