/* Vectors: exact and IVF search against brute force under permissions, tails, threads, damage,
 * swaps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/base/fs.h"
#include "index/base/log.h"
#include "index/embed_table.h"
#include "index/vector.h"
#include "index/vector_kernel.h"
#include "index/vector_space.h"

#define WS 1
#define SEED UINT64_C(20260314)

struct fixture {
	char dir[256];
	struct settings set;
	struct store *store;
	struct vectors *v;
	uint64_t random;
};

static struct err e;

static void ok(int rc)
{
	if (rc) {
		fail_msg("%s: %s", err_name(rc), e.message);
	}
}

static void open_all(struct fixture *f)
{
	ok(store_open(f->dir, &f->store, &e));
	ok(vectors_open(f->store, f->dir, &f->set, &f->v, &e));
}

static void close_all(struct fixture *f)
{
	store_close(f->store);
	vectors_close(f->v);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");

	err_clear(&e);
	log_level_set(LOG_ERROR + 1);
	f->random = SEED;
	snprintf(f->dir, sizeof(f->dir), "%s/carrel-vector-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	settings_init(&f->set);
	open_all(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close_all(f);
	settings_finish(&f->set);
	fs_remove_tree(f->dir);
	free(f);
	return 0;
}

/* ── rows made directly, for any dimension ── */

struct space_made {
	int dimension;
	int64_t n;
	const char *state;
};

static int tx_space(struct db *db, void *arg, struct err *err)
{
	struct space_made *s = arg;
	const struct embed_identity id = {
		.embedder = "builtin", .model = "test", .dimension = s->dimension};

	return space_add(db, &(struct space_new){.workspace_n = WS, .id = &id, .state = s->state},
		&s->n, err);
}

/* A serving space of any dimension, by which time the vectors are opened anew. */
static struct space serve(struct fixture *f, int dimension)
{
	struct space_made s = {dimension, 0, "serving"};

	ok(store_write(f->store, tx_space, &s, &e));
	close_all(f);
	open_all(f);
	return (struct space){.n = s.n, .workspace_n = WS, .dimension = dimension};
}

static float normal(uint64_t *state)
{
	float sum = 0;

	for (int i = 0; i < 6; i++) {
		sum += (float)(next_random(state) >> 40) / (float)(1 << 24) - .5f;
	}
	return sum * 1.41f;
}

/* Vectors around topics; slots of one topic lie together, as documents do. */
static float *topical(uint64_t *state, int n, int dimension, int n_topics)
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

static int tx_put(struct db *db, void *arg, struct err *err)
{
	const struct put *p = arg;
	int rc = 0;

	for (int i = 0; rc == 0 && i < p->n; i++) {
		rc = (p->late ? vectors_put_late : vectors_put)(db, p->space_n, p->from + i,
			p->v + (size_t)i * (size_t)p->dimension, p->dimension, err);
	}
	return rc;
}

static int put(struct fixture *f, const struct space *s, int64_t from, const float *v, int n)
{
	struct put p = {s->n, from, n, s->dimension, v, false};

	return store_write(f->store, tx_put, &p, &e);
}

/* As a job fills a space that does not serve. */
static int put_late(struct fixture *f, const struct space *s, int64_t from, const float *v, int n)
{
	struct put p = {s->n, from, n, s->dimension, v, true};

	return store_write(f->store, tx_put, &p, &e);
}

static struct allowed allow(uint64_t n_slots, bool (*may)(uint64_t slot, int arg), int arg)
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

static bool every(uint64_t slot, int arg)
{
	return slot % (uint64_t)arg == 0;
}

/* Permissions that follow topics: runs of 500 slots. */
static bool run_of(uint64_t slot, int arg)
{
	return slot / 500 % (uint64_t)arg == 0;
}

struct truth {
	const float *v;
	int n, dimension;
};

/* How many of the hits belong to the true best k. */
static int overlap(const struct truth *t, const float *query, const struct allowed *a,
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

static double recall(struct fixture *f, const struct space *s, const struct truth *t,
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

/* ── tests ── */

static void test_half(void **state)
{
	float values[] = {0, 1, -1, .5f, .333333f, 6e-8f, 2.9e-8f, 6.1036e-5f, 6.09e-5f,
		-0.0009765f, 65504, 1.00048828125f, 1.00146484375f};
	uint16_t halves[13], expected[] = {0, 0x3c00, 0xbc00, 0x3800, 0x3555, 1, 0, 0x0400, 0x03fe,
				     0x9400, 0x7bff, 0x3c00, 0x3c02};
	float back[13];

	(void)state;
	vector_to_half(values, halves, 13);
	vector_from_half(halves, back, 13);
	for (int i = 0; i < 13; i++) {
		assert_int_equal(halves[i], expected[i]);
		assert_true(fabsf(back[i] - values[i]) <= fabsf(values[i]) * .0005f + 3e-8f);
	}
	for (uint32_t h = 0; h < 0x7c00; h++) {
		uint16_t in = (uint16_t)h, out;
		float x;

		vector_from_half(&in, &x, 1);
		vector_to_half(&x, &out, 1);
		assert_int_equal(in, out);
	}
}

static void test_kernels_agree(void **state)
{
	const struct vector_kernel *k = vector_kernel();
	uint64_t random = SEED;
	float a[100], b[100], c[100], sum = 0, sum_half = 0, unpacked[100];
	uint16_t half[100];
	int8_t bytes[100];

	(void)state;
	for (int i = 0; i < 100; i++) {
		a[i] = normal(&random);
		b[i] = normal(&random);
		c[i] = b[i];
		bytes[i] = (int8_t)(i - 50);
	}
	vector_to_half(b, half, 100);
	vector_from_half(half, unpacked, 100);
	for (int n = 0; n <= 100; n++) {
		assert_float_equal(k->dot(a, b, (size_t)n), sum, 1e-4);
		assert_float_equal(k->dot_half(a, half, (size_t)n), sum_half, 1e-4);
		if (n < 100) {
			sum += a[n] * b[n];
			sum_half += a[n] * unpacked[n];
		}
	}
	k->add_scaled(c, a, 2, 99);
	k->add_scaled_int8(c, bytes, .5f, 99);
	for (int i = 0; i < 99; i++) {
		assert_float_equal(c[i], b[i] + 2 * a[i] + .5f * (float)(i - 50), 1e-4);
	}
	assert_true(c[99] == b[99]);
}

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

static int tx_remove(struct db *db, void *arg, struct err *err)
{
	return vectors_remove(db, WS, *(int64_t *)arg, err);
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

/* ── segments ── */

static const struct vector_tuning low = {
	.exact_allowed = 100, /* at dimension 384: 1,200 at 32 */
	.exact_corpus = 400,
	.tail = 400,
	.segment_max = 1000000,
	.n_probe = 64, /* of 955 lists: as 256 of a million vectors 4,000 */
	.retired_ms = 0,
};

/* Of segments. */
static int n_files(struct fixture *f, char *one)
{
	char path[512];
	struct dirent *entry;
	DIR *dir;
	int n = 0;

	snprintf(path, sizeof(path), "%s/vectors", f->dir);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		if (strstr(entry->d_name, SEGMENT_SUFFIX)) {
			n++;
			snprintf(one, 800, "%s/%.200s", path, entry->d_name);
		}
	}
	closedir(dir);
	return n;
}

static int n_segments(struct fixture *f, const struct space *s)
{
	struct loaded_space *loaded = loaded_lookup(f->v, s->n);
	struct snapshot *shot = memory_snapshot(&loaded->memory);
	int n = shot->n_segments;

	snapshot_drop(shot);
	loaded_drop(loaded);
	return n;
}

static void reopen(struct fixture *f)
{
	close_all(f);
	open_all(f);
	vectors_tune(f->v, &low);
}

#define N_MANY 60000

static void test_ivf(void **state)
{
	struct fixture *f = *state;
	struct space s = serve(f, 32);
	float *v = topical(&f->random, N_MANY, 32, 60);
	struct truth t = {v, N_MANY, 32};
	struct allowed parts[] = {allow(N_MANY, run_of, 2), allow(N_MANY, every, 1),
		allow(N_MANY, run_of, 10), allow(N_MANY, every, 10), allow(N_MANY, run_of, 100)};
	char file[800];
	double found;

	print_message("seed %llu\n", (unsigned long long)SEED);
	vectors_tune(f->v, &low);
	ok(put(f, &s, 0, v, N_MANY - 3000));
	ok(vectors_maintain(f->v, &e));
	assert_int_equal(n_segments(f, &s), 1);
	assert_int_equal(n_files(f, file), 1);
	ok(put(f, &s, N_MANY - 3000, v + (size_t)(N_MANY - 3000) * 32, 3000));
	for (int i = 0; i < 5; i++) {
		found = recall(f, &s, &t, &parts[i], 30);
		print_message("%llu of %d allowed: recall %.3f\n",
			(unsigned long long)parts[i].n_allowed, N_MANY, found);
		assert_true(found >= .98);
	}

	/* after a start the file serves again, the tail too */
	reopen(f);
	ok(vectors_maintain(f->v, &e));
	assert_int_equal(n_segments(f, &s), 1);
	assert_true(recall(f, &s, &t, &parts[0], 20) >= .97);
	for (int i = 0; i < 5; i++) {
		bitmap_finish(&parts[i].slots);
	}
	free(v);
}

static void damage(const char *path, long at)
{
	FILE *file = fopen(path, "r+b");
	int c;

	assert_non_null(file);
	fseek(file, at, at < 0 ? SEEK_END : SEEK_SET);
	c = fgetc(file);
	fseek(file, -1, SEEK_CUR);
	fputc(c ^ 0x10, file);
	fclose(file);
}

static void test_damaged_file(void **state)
{
	struct fixture *f = *state;
	struct space s = serve(f, 32);
	float *v = topical(&f->random, 12000, 32, 20);
	struct truth t = {v, 12000, 32};
	struct allowed half = allow(12000, run_of, 2);
	char file[800], again[800];

	vectors_tune(f->v, &low);
	ok(put(f, &s, 0, v, 12000));
	ok(vectors_maintain(f->v, &e));
	assert_int_equal(n_files(f, file), 1);
	damage(file, -3000);

	reopen(f);
	assert_int_equal(n_segments(f, &s), 0);
	assert_true(recall(f, &s, &t, &half, 5) == 1); /* exact until rebuilt */
	ok(vectors_maintain(f->v, &e));
	assert_int_equal(n_segments(f, &s), 1);
	assert_int_equal(n_files(f, again), 1);
	assert_string_not_equal(file, again);
	assert_true(recall(f, &s, &t, &half, 20) >= .97);

	/* a file that is gone */
	assert_int_equal(unlink(again), 0);
	reopen(f);
	ok(vectors_maintain(f->v, &e));
	assert_int_equal(n_segments(f, &s), 1);
	assert_int_equal(n_files(f, file), 1);
	bitmap_finish(&half.slots);
	free(v);
}

static int tx_remove_many(struct db *db, void *arg, struct err *err)
{
	int rc = 0;

	(void)arg;
	for (int64_t i = 0; rc == 0 && i < 4000; i++) {
		rc = vectors_remove(db, WS, i * 2, err);
	}
	return rc;
}

static void test_compaction_and_growth(void **state)
{
	struct fixture *f = *state;
	struct space s = serve(f, 32);
	float *v = topical(&f->random, 30000, 32, 20);
	struct truth t = {v, 30000, 32};
	struct allowed all = allow(30000, every, 1);
	char file[800], after[800];

	vectors_tune(f->v, &low);
	ok(put(f, &s, 0, v, 12000));
	ok(vectors_maintain(f->v, &e));
	assert_int_equal(n_files(f, file), 1);
	ok(store_write(f->store, tx_remove_many, NULL, &e));
	for (uint64_t i = 0; i < 4000; i++) {
		bitmap_clear(&all.slots, i * 2);
	}
	ok(vectors_maintain(f->v, &e));
	assert_int_equal(n_segments(f, &s), 1);
	assert_int_equal(n_files(f, after), 1);
	assert_string_not_equal(file, after);

	/* growth in steps leaves few segments */
	for (int from = 12000; from < 30000; from += 6000) {
		ok(put(f, &s, from, v + (size_t)from * 32, 6000));
		ok(vectors_maintain(f->v, &e));
	}
	assert_in_range(n_segments(f, &s), 1, 3);
	assert_int_equal(n_files(f, after), n_segments(f, &s));
	all.n_allowed = bitmap_count(&all.slots);
	assert_true(recall(f, &s, &t, &all, 20) >= .97);
	bitmap_finish(&all.slots);
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

/* ── a second space ── */

static int tx_chunks(struct db *db, void *arg, struct err *err)
{
	char sql[600];
	int rc = db_exec(db,
		"INSERT INTO workspace(n, id, name, created_ms) VALUES (1, 'ws_1', 'w', 1);"
		"INSERT INTO collection(id, workspace_id, name, created_by, created_ms, "
		"deleted_ms) VALUES ('col_1', 'ws_1', 'c', 'operator', 1, NULL);"
		"INSERT INTO document(id, workspace_id, collection_id, name, created_by, "
		"created_ms)"
		" VALUES ('doc_1', 'ws_1', 'col_1', 'd', 'operator', 1);"
		"INSERT INTO document_version(id, workspace_id, document_id, seq, sha256, n_bytes,"
		" state, created_by, created_ms)"
		" VALUES ('ver_1', 'ws_1', 'doc_1', 1, '', 0, 'indexed', 'operator', 1);",
		err);

	snprintf(sql, sizeof(sql),
		"WITH RECURSIVE s(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i < %d)"
		"INSERT INTO chunk(id, workspace_n, slot, workspace_id, document_id, version_id,"
		" generation, seq, live, language, title, heading, page_first, page_last, "
		"byte_start,"
		" byte_end, n_tokens, text) SELECT 'chk_' || i, 1, i, 'ws_1', 'doc_1', 'ver_1', 1, "
		"i,"
		" i %% 10 > 0, 'en', '', '', 1, 1, 0, 0, 0, x'00' FROM s",
		*(const int *)arg - 1);
	return rc ? rc : db_exec(db, sql, err);
}

static int missing(struct fixture *f, int64_t space_n, int64_t from, int64_t *slots, int max)
{
	struct db *db = store_reader(f->store, &e);
	int n;

	assert_non_null(db);
	ok(vectors_missing(db, space_n, from, slots, max, &n, &e));
	store_reader_drop(db);
	return n;
}

static bool wants_training(struct fixture *f)
{
	struct db *db = store_reader(f->store, &e);
	bool wants;

	assert_non_null(db);
	wants = vectors_wants_training(f->v, db, WS);
	store_reader_drop(db);
	return wants;
}

static void test_swap(void **state)
{
	struct fixture *f = *state;
	struct embed_identity id = {
		.embedder = "builtin", .model = "carrel-terms-1", .dimension = TABLE_DIMENSION};
	struct vector_hit hits[5];
	struct allowed all = allow(400, every, 1);
	float *v = topical(&f->random, 400, TABLE_DIMENSION, 4);
	float zero[TABLE_DIMENSION] = {0};
	int64_t slots[400], filling, again;
	struct space old, fresh;
	struct db *db;
	int n = 400;

	ok(store_write(f->store, tx_chunks, &n, &e));
	ok(vectors_serving(f->v, WS, &old, &e));
	embedder_drop(old.embedder);
	ok(put(f, &old, 1, v, 1));
	assert_int_equal(missing(f, old.n, 0, slots, 400), 359); /* 360 live, one there */
	assert_int_equal(slots[0], 2);
	assert_int_equal(missing(f, old.n, 390, slots, 5), 5);
	assert_int_equal(slots[0], 391);
	assert_true(wants_training(f));

	ok(vectors_space_fill(f->v, WS, &id, NULL, 0, 0, &again, &e));
	ok(vectors_space_fill(f->v, WS, &id, "not a table", 11, 360, &filling, &e));
	assert_int_not_equal(again, filling);
	ok(vectors_space_fill(f->v, WS, &id, "not this either", 15, 400, &again, &e));
	assert_int_equal(again, filling);
	assert_int_equal(vectors_space_open(f->v, filling, &fresh, &e), ERR_CORRUPT);
	err_clear(&e);
	ok(vectors_space_fill(f->v, WS, &id, NULL, 0, 360, &filling, &e));
	assert_int_not_equal(again, filling);
	ok(vectors_space_open(f->v, filling, &fresh, &e));
	embedder_drop(fresh.embedder);
	assert_int_equal(vectors_space_swap(f->v, filling, &e), ERR_CONFLICT);
	assert_string_equal(e.reason, "vectors_missing");
	err_clear(&e);

	/* a zero vector counts as done */
	for (int i = 1; i < 400; i++) {
		ok(put_late(f, &fresh, i, i == 77 ? zero : v + (size_t)i * TABLE_DIMENSION,
			i % 10 ? 1 : 0));
	}
	assert_int_equal(missing(f, filling, 0, slots, 400), 0);
	ok(vectors_space_swap(f->v, filling, &e));
	ok(vectors_serving(f->v, WS, &fresh, &e));
	embedder_drop(fresh.embedder);
	assert_int_equal(fresh.n, filling);
	ok(vectors_search(f->v, &fresh, v + 399 * TABLE_DIMENSION, &all, 5, hits, &n, &e));
	assert_int_equal(n, 5);
	assert_int_equal(hits[0].slot, 399);
	/* one that was embedded in the old space still gets an answer there */
	ok(vectors_search(f->v, &old, v, &all, 5, hits, &n, &e));
	assert_int_equal(n, 1);
	assert_int_equal(put(f, &old, 2, v, 1), ERR_CONFLICT);
	err_clear(&e);
	db = store_reader(f->store, &e);
	assert_non_null(db);
	assert_int_equal(vectors_missing(db, old.n, 0, slots, 1, &n, &e), ERR_CONFLICT);
	store_reader_drop(db);
	err_clear(&e);
	assert_false(wants_training(f)); /* 360 were seen */
	reopen(f);
	ok(vectors_search(f->v, &fresh, v + 399 * TABLE_DIMENSION, &all, 5, hits, &n, &e));
	assert_int_equal(hits[0].slot, 399);
	bitmap_finish(&all.slots);
	free(v);
}

static const struct space_view *view_of(struct arena *a, struct fixture *f, int64_t space_n)
{
	struct db *db = store_reader(f->store, &e);
	struct space_view *views;
	int n;

	assert_non_null(db);
	ok(vectors_spaces(db, a, WS, &views, &n, &e));
	store_reader_drop(db);
	for (int i = 0; i < n; i++) {
		if (views[i].n == space_n) {
			return &views[i];
		}
	}
	return NULL;
}

static int tx_take_up(struct db *db, void *arg, struct err *err)
{
	return vectors_space_take_up(db, WS, ASIDE_KEPT, arg, err);
}

static int tx_take_up_waiting(struct db *db, void *arg, struct err *err)
{
	return vectors_space_take_up(db, WS, ASIDE_WAITING, arg, err);
}

static void fill_space(struct fixture *f, const char *model, const float *v, struct space *out)
{
	struct embed_identity id = {
		.embedder = "builtin", .model = "carrel-terms-1", .dimension = TABLE_DIMENSION};
	int64_t n;

	snprintf(id.answers_as, sizeof(id.answers_as), "%s", model);
	ok(vectors_space_fill(f->v, WS, &id, NULL, 0, 360, &n, &e));
	ok(vectors_space_open(f->v, n, out, &e));
	embedder_drop(out->embedder);
	for (int i = 1; i < 400; i++) {
		ok(put_late(f, out, i, v + (size_t)i * TABLE_DIMENSION, i % 10 ? 1 : 0));
	}
}

/* A way back: kept, purged with the rest, filled up before it serves again. */
static void test_kept_and_waiting(void **state)
{
	struct fixture *f = *state;
	float *v = topical(&f->random, 400, TABLE_DIMENSION, 4);
	struct allowed all = allow(400, every, 1);
	struct vector_hit hits[5];
	struct space old, fresh, other;
	int64_t kept, slot = 31, slots[400];
	struct arena a;
	int n = 400;

	arena_init(&a);
	ok(store_write(f->store, tx_chunks, &n, &e));
	ok(vectors_serving(f->v, WS, &old, &e));
	embedder_drop(old.embedder);
	for (int i = 1; i < 200; i++) {
		ok(put(f, &old, i, v + (size_t)i * TABLE_DIMENSION, i % 10 ? 1 : 0));
	}
	fill_space(f, "one", v, &fresh);
	/* searched beside the serving one */
	ok(vectors_space_load(f->v, fresh.n, &e));
	ok(vectors_search(f->v, &fresh, v + 399 * TABLE_DIMENSION, &all, 5, hits, &n, &e));
	assert_int_equal(hits[0].slot, 399);
	vectors_space_unload(f->v, fresh.n);
	ok(vectors_space_swap_keeping(f->v, fresh.n, &e));
	assert_string_equal(view_of(&a, f, old.n)->state, "kept");
	assert_string_equal(view_of(&a, f, fresh.n)->state, "serving");
	assert_int_equal(view_of(&a, f, old.n)->n_missing, 180);
	assert_int_equal(view_of(&a, f, old.n)->n_bytes, 180 * TABLE_DIMENSION * 2);
	/* who still embeds for it is told so, and a purge reaches it */
	assert_int_equal(put(f, &old, 2, v, 1), ERR_CONFLICT);
	err_clear(&e);
	ok(store_write(f->store, tx_remove, &slot, &e));
	assert_int_equal(view_of(&a, f, old.n)->n_vectors, 179);
	assert_int_equal(view_of(&a, f, fresh.n)->n_vectors, 359);
	/* another one is filled meanwhile and waits: the kept one is left alone */
	fill_space(f, "two", v, &other);
	ok(vectors_space_set_aside(f->v, other.n, ASIDE_WAITING, &e));
	ok(vectors_maintain(f->v, &e));
	assert_string_equal(view_of(&a, f, other.n)->state, "waiting");
	assert_string_equal(view_of(&a, f, old.n)->state, "kept");
	/* back: not before it is whole */
	ok(store_write(f->store, tx_take_up, &kept, &e));
	assert_int_equal(kept, old.n);
	assert_int_equal(vectors_space_swap_keeping(f->v, old.n, &e), ERR_CONFLICT);
	err_clear(&e);
	assert_int_equal(missing(f, old.n, 0, slots, 400), 181);
	for (int i = 0; i < 181; i++) {
		ok(put_late(f, &old, slots[i], v + (size_t)slots[i] * TABLE_DIMENSION, 1));
	}
	ok(vectors_space_swap_keeping(f->v, old.n, &e));
	assert_string_equal(view_of(&a, f, old.n)->state, "serving");
	assert_string_equal(view_of(&a, f, fresh.n)->state, "kept");
	ok(vectors_search(f->v, &old, v + 399 * TABLE_DIMENSION, &all, 5, hits, &n, &e));
	assert_int_equal(hits[0].slot, 399);
	/* dropped: no vector is left of either */
	ok(vectors_space_drop(f->v, WS, ASIDE_KEPT, &n, &e));
	assert_int_equal(n, 1);
	ok(vectors_space_drop(f->v, WS, ASIDE_WAITING, &n, &e));
	assert_int_equal(n, 1);
	ok(vectors_maintain(f->v, &e));
	assert_null(view_of(&a, f, fresh.n));
	assert_null(view_of(&a, f, other.n));
	assert_int_equal(store_write(f->store, tx_take_up, &kept, &e), ERR_NOT_FOUND);
	err_clear(&e);
	assert_int_equal(store_write(f->store, tx_take_up_waiting, &kept, &e), ERR_NOT_FOUND);
	err_clear(&e);
	reopen(f);
	ok(vectors_search(f->v, &old, v + 399 * TABLE_DIMENSION, &all, 5, hits, &n, &e));
	assert_int_equal(hits[0].slot, 399);
	bitmap_finish(&all.slots);
	arena_finish(&a);
	free(v);
}

/* What was swapped out stays in memory for late searches: no other space has its number. */
static void test_numbers_are_given_out_once(void **state)
{
	struct fixture *f = *state;
	struct embed_identity id = {
		.embedder = "builtin", .model = "carrel-terms-1", .dimension = TABLE_DIMENSION};
	int64_t fresh, kept, next;
	struct space old;
	struct arena a;

	arena_init(&a);
	ok(vectors_serving(f->v, WS, &old, &e));
	embedder_drop(old.embedder);
	ok(vectors_space_fill(f->v, WS, &id, NULL, 0, 0, &fresh, &e));
	ok(vectors_space_swap_keeping(f->v, fresh, &e));
	ok(store_write(f->store, tx_take_up, &kept, &e));
	ok(vectors_space_swap(f->v, kept, &e));
	assert_null(view_of(&a, f, fresh));
	ok(vectors_space_fill(f->v, WS, &id, NULL, 0, 0, &next, &e));
	assert_true(next > fresh);
	arena_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_half),
		cmocka_unit_test(test_kernels_agree),
		cmocka_unit_test_setup_teardown(test_exact, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_and_odd_vectors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rollback_is_not_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_serving_is_made_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ivf, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_compaction_and_growth, setup, teardown),
		cmocka_unit_test_setup_teardown(test_search_while_writing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_swap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kept_and_waiting, setup, teardown),
		cmocka_unit_test_setup_teardown(test_numbers_are_given_out_once, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
