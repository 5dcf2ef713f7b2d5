/* The builtin embedder: composition of terms, the packed table, and what training is worth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/hash.h"
#include "index/embed.h"
#include "index/embed_table.h"
#include "index/embed_train.h"
#include "index/vector_kernel.h"

#define SEED UINT64_C(4242)
#define DIM TABLE_DIMENSION
#define N_TOPICS 20
#define TOPIC_WORDS 24
#define DOC_WORDS 8
#define N_DOCS 1200

static struct err e;
static struct settings settings;

static void ok(int rc)
{
	if (rc) {
		fail_msg("%s: %s", err_name(rc), e.message);
	}
}

static struct embedder *open_embedder(const struct buf *data)
{
	struct embed_identity id;
	struct embedder *em;

	ok(embed_identify(&settings, "builtin", &id, &e));
	ok(embedder_open(&settings, &id, data ? data->data : NULL, data ? data->len : 0, &em, &e));
	return em;
}

static void embed_one(struct embedder *em, const char *body, float *out)
{
	struct embed_text text = {.body = body, .language = "en"};

	ok(embed(em, EMBED_QUERY, &text, 1, out, NULL, NULL, NULL, &e));
}

static float dot(const float *a, const float *b)
{
	return vector_kernel()->dot(a, b, DIM);
}

/* ── untrained ── */

static void test_untrained(void **state)
{
	struct embedder *em = open_embedder(NULL);
	float a[DIM], b[DIM], c[DIM], again[DIM];

	(void)state;
	embed_one(em, "The reimbursement of travel expenses", a);
	embed_one(em, "reimbursements, travelling expense!", b);
	embed_one(em, "quantum chromodynamics lattice", c);
	embed_one(em, "The reimbursement of travel expenses", again);
	assert_memory_equal(a, again, sizeof(a));
	assert_float_equal(dot(a, a), 1, 1e-5);
	assert_true(dot(a, b) > .6);
	assert_true(fabsf(dot(a, c)) < .3);
	assert_float_equal(embedder_weight(em, &settings, "en"), .1, 1e-9);
	embedder_drop(em);
}

static void test_no_terms_is_zero(void **state)
{
	static const char *const empty[] = {"", " \n\t", "the of and", "?!…", NULL};
	struct embedder *em = open_embedder(NULL);
	float v[DIM];

	(void)state;
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		embed_one(em, empty[i], v);
		assert_true(dot(v, v) == 0);
	}
	embedder_drop(em);
}

static void test_title_and_cjk(void **state)
{
	struct embed_text texts[] = {{"Reisekosten", "Erstattung", "Formular", "de"},
		{NULL, NULL, "Reisekosten Erstattung Formular", "de"},
		{NULL, NULL, "苏州出差报销规定", "zh"}, {NULL, NULL, "出差报销", "zh"},
		{NULL, NULL, "天气预报", "zh"}};
	struct embedder *em = open_embedder(NULL);
	float v[5 * DIM];

	(void)state;
	ok(embed(em, EMBED_DOCUMENT, texts, 5, v, NULL, NULL, NULL, &e));
	assert_float_equal(dot(v, v + DIM), 1, 1e-5);
	assert_true(dot(v + 2 * DIM, v + 3 * DIM) > dot(v + 2 * DIM, v + 4 * DIM) + .3f);
	embedder_drop(em);
}

static void test_long_and_odd_terms(void **state)
{
	struct embedder *em = open_embedder(NULL);
	char *text = malloc(100001);
	uint32_t grams[TERM_GRAMS_MAX];
	float v[DIM];

	(void)state;
	memset(text, 'x', 100000);
	text[100000] = 0;
	assert_in_range(table_grams(text, grams), 1, TERM_GRAMS_MAX);
	assert_int_equal(table_grams("a", grams), 1);
	assert_int_equal(table_grams("\xff\xfe", grams), 3);
	embed_one(em, text, v);
	assert_float_equal(dot(v, v), 1, 1e-4);
	free(text);
	embedder_drop(em);
}

/* ── training ── */

/* Word w of topic t: no letters that make words of a topic alike. */
static void word(int topic, int w, char *out)
{
	uint64_t s = SEED + (uint64_t)(topic * 1000 + w);

	for (int i = 0; i < 8; i++) {
		out[i] = (char)((i % 2 ? "aeiou"[next_random(&s) % 5]
				       : "bdfgklmnprtvz"[next_random(&s) % 13]));
	}
	out[8] = 0;
}

/* DOC_WORDS words out of a part of the topic's. */
static void write_text(uint64_t *random, int topic, int first, int n, int n_words, char *out)
{
	char one[16];

	*out = 0;
	for (int i = 0; i < n_words; i++) {
		word(topic, first + (int)(next_random(random) % (uint64_t)n), one);
		strcat(out, one);
		strcat(out, " ");
	}
}

static void add_text(struct corpus *c, const char *text)
{
	struct terms head = {NULL, 0}, body;
	struct arena a;

	arena_init(&a);
	analyse(&a, text, strlen(text), "en", &body);
	corpus_add(c, &head, &body);
	arena_finish(&a);
}

struct topical {
	struct corpus corpus;
	char texts[N_DOCS][400];
};

static struct topical *topical_create(void)
{
	struct topical *t = calloc(1, sizeof(*t));
	uint64_t random = SEED;

	corpus_init(&t->corpus);
	for (int i = 0; i < N_DOCS; i++) {
		write_text(&random, i % N_TOPICS, 0, TOPIC_WORDS, 2 * DOC_WORDS, t->texts[i]);
		add_text(&t->corpus, t->texts[i]);
	}
	return t;
}

static void topical_destroy(struct topical *t)
{
	corpus_finish(&t->corpus);
	free(t);
}

/* Of the ten nearest texts that share no word with a query of two words, how many are of its topic.
 */
static double precision(struct embedder *em, const struct topical *t)
{
	float *v = calloc(N_DOCS * DIM, sizeof(float));
	int good = 0, n = 0;
	uint64_t random = SEED + 1;

	for (int i = 0; i < N_DOCS; i++) {
		embed_one(em, t->texts[i], v + i * DIM);
	}
	for (int q = 0; q < 60; q++) {
		char one[16], two[16], query[40];
		bool used[N_DOCS] = {false};
		float x[DIM];

		word(q % N_TOPICS, (int)(next_random(&random) % TOPIC_WORDS), one);
		word(q % N_TOPICS, (int)(next_random(&random) % TOPIC_WORDS), two);
		snprintf(query, sizeof(query), "%s %s", one, two);
		embed_one(em, query, x);
		for (int k = 0; k < 10; k++) {
			int best = -1;

			for (int i = 0; i < N_DOCS; i++) {
				if (!used[i] && !strstr(t->texts[i], one) &&
					!strstr(t->texts[i], two) &&
					(best < 0 ||
						dot(x, v + i * DIM) > dot(x, v + best * DIM))) {
					best = i;
				}
			}
			used[best] = true;
			good += best % N_TOPICS == q % N_TOPICS;
			n++;
		}
	}
	free(v);
	return (double)good / n;
}

static void test_training_helps(void **state)
{
	struct topical *t = topical_create();
	struct buf data = BUF_INIT, again = BUF_INIT;
	struct embedder *trained, *untrained = open_embedder(NULL);
	double with, without;

	(void)state;
	ok(corpus_train(&t->corpus, NULL, &data, &e));
	trained = open_embedder(&data);
	with = precision(trained, t);
	without = precision(untrained, t);
	print_message("seed %llu: precision %.3f untrained, %.3f trained\n",
		(unsigned long long)SEED, without, with);
	assert_true(without < .3);
	assert_true(with > .9);
	assert_float_equal(embedder_weight(trained, &settings, "en"), .35, 1e-9);
	assert_float_equal(embedder_weight(trained, &settings, "zh"), .1, 1e-9);
	settings.fusion_weight_builtin = 45;
	assert_float_equal(embedder_weight(trained, &settings, "en"), .45, 1e-9);
	settings.fusion_weight_builtin = 35;

	/* the same corpus, the same bytes */
	ok(corpus_train(&t->corpus, NULL, &again, &e));
	assert_int_equal(data.len, again.len);
	assert_memory_equal(data.data, again.data, data.len);
	embedder_drop(trained);
	embedder_drop(untrained);
	buf_finish(&data);
	buf_finish(&again);
	topical_destroy(t);
}

static void test_training_is_cancelled(void **state)
{
	struct topical *t = topical_create();
	struct buf data = BUF_INIT;
	atomic_bool cancel = true;

	(void)state;
	assert_int_equal(corpus_train(&t->corpus, &cancel, &data, &e), ERR_CANCELLED);
	assert_int_equal(data.len, 0);
	err_clear(&e);
	topical_destroy(t);
}

/* Texts too short for a pair, and none at all. */
static void test_training_on_little(void **state)
{
	struct corpus c;
	struct buf data = BUF_INIT;
	struct embedder *em;
	float v[DIM];

	(void)state;
	corpus_init(&c);
	ok(corpus_train(&c, NULL, &data, &e));
	buf_clear(&data);
	add_text(&c, "");
	add_text(&c, "one word");
	add_text(&c, "one word");
	ok(corpus_train(&c, NULL, &data, &e));
	em = open_embedder(&data);
	embed_one(em, "one unknown word", v);
	assert_float_equal(dot(v, v), 1, 1e-5);
	embedder_drop(em);
	buf_finish(&data);
	corpus_finish(&c);
}

/* ── the packed table ── */

static bool holds(const struct buf *b, const char *text)
{
	return memmem(b->data, b->len, text, strlen(text)) != NULL;
}

/* What a purge removes from the documents must not stand in the table: neither words of one chunk
 * nor those of many, whole or in part. */
static void test_no_word_is_in_the_table(void **state)
{
	struct topical *t = topical_create();
	struct buf data = BUF_INIT;
	struct embed_table *table;
	char one[16];

	(void)state;
	for (int i = 0; i < 3; i++) {
		add_text(&t->corpus, "zqxwvkjhgfd stands in three chunks of one document");
	}
	ok(corpus_train(&t->corpus, NULL, &data, &e));
	ok(table_open(data.data, data.len, &table, &e));
	assert_true(table->n_terms >= N_TOPICS * TOPIC_WORDS);
	assert_non_null(table_lookup(table, "zqxwvkjhgfd"));
	assert_false(holds(&data, "wvkjhg"));
	for (int topic = 0; topic < N_TOPICS; topic++) {
		for (int w = 0; w < TOPIC_WORDS; w++) {
			word(topic, w, one);
			one[7] = 0; /* the stem of it at least */
			assert_false(holds(&data, one + 1));
		}
	}
	table_close(table);
	buf_finish(&data);
	topical_destroy(t);
}

/* The table as it was packed before its terms were hashed. */
static void pack_as_before(const struct embed_table *t, const char *const *texts, struct buf *out)
{
	uint8_t hash[HASH_BYTES];

	buf_add(out, "CRLEMBT1", 8);
	buf_u32(out, 1);
	buf_u32(out, DIM);
	buf_u32(out, t->n_terms);
	buf_u32(out, TABLE_GRAMS);
	buf_f32(out, t->idf_unknown);
	for (uint32_t i = 0; i < t->n_terms; i++) {
		const struct table_term *term = table_lookup(t, texts[i]);

		buf_bytes(out, texts[i], (uint32_t)strlen(texts[i]));
		buf_f32(out, term->idf);
		buf_f32(out, term->scale);
		buf_add(out, t->rows[term->row], DIM);
	}
	for (int i = 0; i < TABLE_GRAMS; i++) {
		buf_f32(out, t->gram_scales[i]);
		buf_add(out, t->rows[i], DIM);
	}
	hash_blake2b(out->data, out->len, hash);
	buf_add(out, hash, sizeof(hash));
}

static void test_table_of_before(void **state)
{
	static const char *const texts[] = {"alpha", "beta", "gamma"};
	struct corpus c;
	struct buf data = BUF_INIT, before = BUF_INIT;
	struct embed_table *t;
	struct embedder *now, *then;
	float a[DIM], b[DIM];

	(void)state;
	corpus_init(&c);
	add_text(&c, "alpha beta gamma delta");
	add_text(&c, "alpha beta gamma epsilon");
	ok(corpus_train(&c, NULL, &data, &e));
	ok(table_open(data.data, data.len, &t, &e));
	assert_int_equal(t->n_terms, 3);
	pack_as_before(t, texts, &before);
	table_close(t);
	now = open_embedder(&data);
	then = open_embedder(&before);
	embed_one(now, "alpha gamma of something unknown", a);
	embed_one(then, "alpha gamma of something unknown", b);
	assert_memory_equal(a, b, sizeof(a));
	embedder_drop(now);
	embedder_drop(then);
	before.data[before.len / 2] ^= 1;
	assert_int_equal(table_open(before.data, before.len, &t, &e), ERR_CORRUPT);
	err_clear(&e);
	buf_finish(&data);
	buf_finish(&before);
	corpus_finish(&c);
}

static void test_damaged_table(void **state)
{
	struct corpus c;
	struct buf data = BUF_INIT;
	struct embed_table *t;
	uint64_t random = SEED;

	(void)state;
	corpus_init(&c);
	add_text(&c, "alpha beta gamma");
	add_text(&c, "alpha beta delta");
	ok(corpus_train(&c, NULL, &data, &e));
	ok(table_open(data.data, data.len, &t, &e));
	assert_int_equal(t->n_terms, 2);
	assert_non_null(table_lookup(t, "alpha"));
	assert_non_null(table_lookup(t, "beta"));
	assert_true(table_lookup(t, "alpha")->row != table_lookup(t, "beta")->row);
	assert_null(table_lookup(t, "gamma"));
	table_close(t);
	/* all of the head, all of the hash at the end, and what is between them */
	for (int i = 0; i < 120; i++) {
		size_t at = i < 60   ? (size_t)i
			    : i < 92 ? data.len - 32 + (size_t)(i - 60)
				     : next_random(&random) % data.len;

		data.data[at] ^= 4;
		assert_int_equal(table_open(data.data, data.len, &t, &e), ERR_CORRUPT);
		data.data[at] ^= 4;
		assert_int_equal(table_open(data.data, at, &t, &e), ERR_CORRUPT);
	}
	err_clear(&e);
	ok(table_open(data.data, data.len, &t, &e));
	table_close(t);
	buf_finish(&data);
	corpus_finish(&c);
}

/* With a hash that is right, as nobody but an attacker makes one: refused, or safe to use. */
static void test_forged_table(void **state)
{
	struct corpus c;
	struct buf data = BUF_INIT, forged = BUF_INIT;
	uint64_t random = SEED;
	int n_refused = 0;

	(void)state;
	corpus_init(&c);
	add_text(&c, "alpha beta gamma");
	add_text(&c, "alpha beta delta");
	ok(corpus_train(&c, NULL, &data, &e));
	for (int i = 0; i < 80; i++) {
		size_t len = data.len - HASH_BYTES, at = next_random(&random) % (i < 60 ? 60 : len);
		struct embed_table *t;
		uint8_t hash[HASH_BYTES];

		buf_clear(&forged);
		buf_add(&forged, data.data, len);
		forged.data[at] = (char)next_random(&random);
		forged.len = i % 10 == 9 ? at : len;
		hash_blake2b(forged.data, forged.len, hash);
		buf_add(&forged, hash, HASH_BYTES);
		if (table_open(forged.data, forged.len, &t, &e) == 0) {
			(void)table_lookup(t, "alpha");
			(void)table_lookup(t, "no such");
			table_close(t);
		} else {
			assert_null(t);
			n_refused++;
		}
	}
	err_clear(&e);
	assert_in_range(n_refused, 20, 75);
	buf_finish(&forged);
	buf_finish(&data);
	corpus_finish(&c);
}

static void test_other_identity(void **state)
{
	struct embed_identity id = {
		.embedder = "builtin", .model = "carrel-terms-9", .dimension = DIM};
	struct embedder *em;

	(void)state;
	assert_int_equal(embedder_open(&settings, &id, NULL, 0, &em, &e), ERR_CORRUPT);
	err_clear(&e);
	assert_null(em);
	embedder_drop(em);
}

static int setup(void **state)
{
	(void)state;
	settings_init(&settings);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	settings_finish(&settings);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_untrained),
		cmocka_unit_test(test_no_terms_is_zero),
		cmocka_unit_test(test_title_and_cjk),
		cmocka_unit_test(test_long_and_odd_terms),
		cmocka_unit_test(test_training_helps),
		cmocka_unit_test(test_training_is_cancelled),
		cmocka_unit_test(test_training_on_little),
		cmocka_unit_test(test_no_word_is_in_the_table),
		cmocka_unit_test(test_table_of_before),
		cmocka_unit_test(test_damaged_table),
		cmocka_unit_test(test_forged_table),
		cmocka_unit_test(test_other_identity),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
