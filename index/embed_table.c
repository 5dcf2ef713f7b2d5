#include "index/embed_table.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/hash.h"
#include "index/base/utf8.h"
#include "index/embed_kernel.h"

#define MAGIC "CRLEMBT2"
#define MAGIC_1 "CRLEMBT1" /* of before: u32 1 before the dimension, no key, texts for hashes */
#define MAGIC_BYTES 8
#define GRAM_SEED UINT64_C(0x43617272656c0001)
#define GRAM_MIN 3
#define GRAM_MAX 4
#define TERM_CHARS_MAX 40
#define ROWS_AT_ONCE 1024
#define CACHE_LINE 64

/* ── without training ── */

static struct embed_table untrained;
static pthread_once_t untrained_once = PTHREAD_ONCE_INIT;

/* Uniform in -127 … 127: length 1 at a scale of sqrt(3 / dimension) / 127. */
static void on_untrained(void)
{
	uint64_t state = GRAM_SEED;

	table_init(&untrained, 0);
	untrained.idf_unknown = 1;
	for (int g = 0; g < TABLE_GRAMS; g++) {
		untrained.gram_scales[g] = sqrtf(3.0f / TABLE_DIMENSION) / 127;
		for (int i = 0; i < TABLE_DIMENSION; i++) {
			untrained.rows[g][i] = (int8_t)((int)(next_random(&state) % 255) - 127);
		}
	}
}

const struct embed_table *table_untrained(void)
{
	pthread_once(&untrained_once, on_untrained);
	return &untrained;
}

/* ── terms ── */

uint64_t table_hash(const struct embed_table *t, const char *text, size_t n_bytes)
{
	uint64_t hash;

	crypto_shorthash((uint8_t *)&hash, (const uint8_t *)text, n_bytes, t->key);
	return hash;
}

static const struct table_term *find(const struct embed_table *t, uint64_t hash)
{
	if (t->n_terms == 0) {
		return NULL;
	}
	for (uint32_t i = (uint32_t)hash & t->mask; t->slots[i].row; i = (i + 1) & t->mask) {
		if (t->slots[i].hash == hash) {
			return &t->slots[i];
		}
	}
	return NULL;
}

const struct table_term *table_lookup(const struct embed_table *t, const char *text)
{
	return find(t, table_hash(t, text, strlen(text)));
}

static void fill_slots(struct embed_table *t)
{
	uint32_t n = 16;

	while (n < 2 * t->n_terms) {
		n *= 2;
	}
	t->mask = n - 1;
	t->slots = calloc(n, sizeof(*t->slots));
	ASSERT(t->slots != NULL);
	for (uint32_t k = 0; k < t->n_terms; k++) {
		uint32_t i = (uint32_t)t->terms[k].hash & t->mask;

		while (t->slots[i].row) {
			i = (i + 1) & t->mask;
		}
		t->slots[i] = t->terms[k];
	}
}

int table_grams(const char *text, uint32_t *out)
{
	int at[TERM_CHARS_MAX + 3], n_chars = 0, n = 0;
	char marked[TERM_CHARS_MAX * 4 + 3];
	size_t len = strlen(text), used = 0;

	marked[used] = '<';
	at[n_chars++] = (int)used++;
	for (size_t i = 0; i < len && n_chars <= TERM_CHARS_MAX;) {
		int n_bytes;

		(void)utf8_decode(text + i, len - i, &n_bytes);
		memcpy(marked + used, text + i, (size_t)n_bytes);
		at[n_chars++] = (int)used;
		used += (size_t)n_bytes;
		i += (size_t)n_bytes;
	}
	marked[used] = '>';
	at[n_chars++] = (int)used++;
	at[n_chars] = (int)used;
	for (int width = GRAM_MIN; width <= GRAM_MAX; width++) {
		for (int i = 0; i + width <= n_chars && n < TERM_GRAMS_MAX; i++) {
			uint64_t h = hash64(marked + at[i], (size_t)(at[i + width] - at[i]));

			out[n++] = (uint32_t)(h % TABLE_GRAMS);
		}
	}
	return n;
}

/* A term of a text, and how often it stands there. */
struct counted {
	uint64_t hash;
	const char *text;
	int tf;
};

/* The distinct terms in the order of their first appearance. */
static int count_terms(const struct embed_table *t, const struct terms *terms, struct counted *list,
	int *slots, int n_slots)
{
	int n = 0;

	for (int i = 0; i < terms->n; i++) {
		const char *text = terms->items[i].text;
		uint64_t hash;
		int s;

		if (terms->items[i].stopword) {
			continue;
		}
		hash = table_hash(t, text, strlen(text));
		s = (int)(hash & (uint64_t)(n_slots - 1));
		while (slots[s] && list[slots[s] - 1].hash != hash) {
			s = (s + 1) & (n_slots - 1);
		}
		if (slots[s]) {
			list[slots[s] - 1].tf++;
			continue;
		}
		if (t->n_terms) {
			__builtin_prefetch(&t->slots[(uint32_t)hash & t->mask]);
		}
		list[n] = (struct counted){hash, text, 1};
		slots[s] = ++n;
	}
	return n;
}

/* The rows a term is the sum of: its own, or those of its grams. */
static int rows_of(const struct embed_table *t, const struct counted *c, struct scaled_row *out)
{
	const struct table_term *term = find(t, c->hash);
	float weight = 1 + logf((float)c->tf);
	uint32_t grams[TERM_GRAMS_MAX];
	float root;
	int n;

	if (term) {
		out[0] = (struct scaled_row){t->rows[term->row], weight * term->idf * term->scale};
		return 1;
	}
	n = table_grams(c->text, grams);
	root = sqrtf((float)n);
	for (int i = 0; i < n; i++) {
		out[i] = (struct scaled_row){t->rows[grams[i]],
			weight * t->idf_unknown * t->gram_scales[grams[i]] / root};
	}
	return n;
}

void table_add_terms(
	const struct embed_table *t, struct arena *a, const struct terms *terms, float *into)
{
	const struct embed_kernel *k = embed_kernel();
	struct counted *list = arena_array(a, struct counted, (size_t)terms->n + 1);
	struct scaled_row rows[ROWS_AT_ONCE];
	int n_slots = 16, n, n_rows = 0, *slots;

	while (n_slots < 2 * terms->n) {
		n_slots *= 2;
	}
	slots = arena_array(a, int, (size_t)n_slots);
	n = count_terms(t, terms, list, slots, n_slots);
	for (int i = 0; i < n; i++) {
		if (n_rows + TERM_GRAMS_MAX > ROWS_AT_ONCE) {
			k->sum_rows(into, rows, (size_t)n_rows, TABLE_DIMENSION);
			n_rows = 0;
		}
		n_rows += rows_of(t, &list[i], rows + n_rows);
	}
	k->sum_rows(into, rows, (size_t)n_rows, TABLE_DIMENSION);
}

/* ── filled ── */

void table_init(struct embed_table *t, uint32_t n_terms)
{
	*t = (struct embed_table){.n_terms = n_terms};
	t->terms = calloc((size_t)n_terms + 1, sizeof(*t->terms));
	t->gram_scales = calloc(TABLE_GRAMS, sizeof(*t->gram_scales));
	t->rows = aligned_alloc(CACHE_LINE, (TABLE_GRAMS + (size_t)n_terms) * sizeof(*t->rows));
	ASSERT(t->terms != NULL && t->gram_scales != NULL && t->rows != NULL);
}

void table_finish(struct embed_table *t)
{
	free(t->terms);
	free(t->slots);
	free(t->gram_scales);
	free(t->rows);
}

float table_row_set(struct embed_table *t, uint32_t row, const float *v)
{
	float most = 0, scale;

	for (int i = 0; i < TABLE_DIMENSION; i++) {
		most = fmaxf(most, fabsf(v[i]));
	}
	scale = most / 127;
	for (int i = 0; i < TABLE_DIMENSION; i++) {
		t->rows[row][i] = most > 0 ? (int8_t)lrintf(v[i] / scale) : 0;
	}
	return scale;
}

/* ── as model_data ── */

static void pack_row(const struct embed_table *t, uint32_t row, float scale, struct buf *out)
{
	buf_f32(out, scale);
	buf_add(out, t->rows[row], TABLE_DIMENSION);
}

static int by_hash(const void *a, const void *b)
{
	uint64_t x = ((const struct table_term *)a)->hash, y = ((const struct table_term *)b)->hash;

	return (x > y) - (x < y);
}

/* Two terms of one hash would be told apart by nothing: one stays. */
static void sort_terms(struct embed_table *t)
{
	uint32_t n = 0;

	if (t->n_terms == 0) {
		return;
	}
	qsort(t->terms, t->n_terms, sizeof(*t->terms), by_hash);
	for (uint32_t i = 0; i < t->n_terms; i++) {
		if (n == 0 || t->terms[n - 1].hash != t->terms[i].hash) {
			t->terms[n++] = t->terms[i];
		}
	}
	t->n_terms = n;
}

void table_pack(struct embed_table *t, struct buf *out)
{
	uint8_t hash[HASH_BYTES];
	size_t from = out->len;

	sort_terms(t);
	buf_add(out, MAGIC, MAGIC_BYTES);
	buf_u32(out, TABLE_DIMENSION);
	buf_u32(out, t->n_terms);
	buf_u32(out, TABLE_GRAMS);
	buf_f32(out, t->idf_unknown);
	buf_add(out, t->key, TABLE_KEY_BYTES);
	for (uint32_t i = 0; i < t->n_terms; i++) {
		buf_u64(out, t->terms[i].hash);
		buf_f32(out, t->terms[i].idf);
		pack_row(t, t->terms[i].row, t->terms[i].scale, out);
	}
	for (uint32_t g = 0; g < TABLE_GRAMS; g++) {
		pack_row(t, g, t->gram_scales[g], out);
	}
	hash_blake2b(out->data + from, out->len - from, hash);
	buf_add(out, hash, sizeof(hash));
}

static bool unpack_row(struct cursor *c, struct embed_table *t, uint32_t row, float *scale)
{
	*scale = cursor_f32(c);
	if (c->bad || !isfinite(*scale) || c->end - c->p < TABLE_DIMENSION) {
		return false;
	}
	memcpy(t->rows[row], c->p, TABLE_DIMENSION);
	c->p += TABLE_DIMENSION;
	return true;
}

static bool unpack_terms(struct cursor *c, bool texts, struct embed_table *t)
{
	for (uint32_t i = 0; i < t->n_terms; i++) {
		struct table_term *term = &t->terms[i];
		uint32_t len = 0;

		if (texts) {
			const char *p = cursor_bytes(c, &len);

			term->hash = c->bad ? 0 : table_hash(t, p, len);
		} else {
			term->hash = cursor_u64(c);
		}
		term->idf = cursor_f32(c);
		term->row = TABLE_GRAMS + i;
		if (c->bad || !isfinite(term->idf) || !unpack_row(c, t, term->row, &term->scale) ||
			(!texts && i > 0 && t->terms[i - 1].hash >= term->hash)) {
			return false;
		}
	}
	if (texts) {
		sort_terms(t);
	}
	return true;
}

static bool unpack_key(struct cursor *c, struct embed_table *t)
{
	if (c->end - c->p < TABLE_KEY_BYTES) {
		return false;
	}
	memcpy(t->key, c->p, TABLE_KEY_BYTES);
	c->p += TABLE_KEY_BYTES;
	return true;
}

static bool unpack(struct cursor *c, bool texts, struct embed_table *t)
{
	uint32_t n_terms;
	float idf_unknown;

	c->p += MAGIC_BYTES;
	if ((texts && cursor_u32(c) != 1) || cursor_u32(c) != TABLE_DIMENSION) {
		return false;
	}
	n_terms = cursor_u32(c);
	if (cursor_u32(c) != TABLE_GRAMS || n_terms > TABLE_TERMS_MAX) {
		return false;
	}
	idf_unknown = cursor_f32(c);
	table_init(t, n_terms);
	t->idf_unknown = idf_unknown;
	if (!isfinite(t->idf_unknown) || (!texts && !unpack_key(c, t)) ||
		!unpack_terms(c, texts, t)) {
		return false;
	}
	for (uint32_t g = 0; g < TABLE_GRAMS; g++) {
		if (!unpack_row(c, t, g, &t->gram_scales[g])) {
			return false;
		}
	}
	fill_slots(t);
	free(t->terms);
	t->terms = NULL;
	return !c->bad && c->p == c->end;
}

int table_open(const void *model_data, size_t n_bytes, struct embed_table **out, struct err *e)
{
	bool texts = n_bytes >= MAGIC_BYTES && memcmp(model_data, MAGIC_1, MAGIC_BYTES) == 0;
	uint8_t hash[HASH_BYTES];
	struct embed_table *t;
	struct cursor c;

	*out = NULL;
	if (n_bytes < MAGIC_BYTES + HASH_BYTES ||
		(!texts && memcmp(model_data, MAGIC, MAGIC_BYTES) != 0)) {
		return err_set(e, ERR_CORRUPT, "model_data", "the embedding table is damaged");
	}
	n_bytes -= HASH_BYTES;
	hash_blake2b(model_data, n_bytes, hash);
	t = calloc(1, sizeof(*t));
	ASSERT(t != NULL);
	c = cursor_over(model_data, n_bytes);
	if (memcmp(hash, (const uint8_t *)model_data + n_bytes, HASH_BYTES) != 0 ||
		!unpack(&c, texts, t)) {
		table_close(t);
		return err_set(e, ERR_CORRUPT, "model_data",
			"the embedding table is damaged; run carrel reindex --all");
	}
	*out = t;
	return 0;
}

void table_close(struct embed_table *t)
{
	if (t) {
		table_finish(t);
		free(t);
	}
}
