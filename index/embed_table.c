#include "index/embed_table.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/hash.h"
#include "index/base/utf8.h"
#include "index/vector_kernel.h"

#define MAGIC "CRLEMBT2"
#define MAGIC_1 "CRLEMBT1" /* of before: u32 1 before the dimension, no key, texts for hashes */
#define MAGIC_BYTES 8
#define GRAM_SEED UINT64_C(0x43617272656c0001)
#define GRAM_MIN 3
#define GRAM_MAX 4
#define TERM_CHARS_MAX 40
#define CACHE_LINE 64

/* ── without training ── */

static struct table_row untrained_grams[TABLE_GRAMS];
static const struct embed_table untrained = {.grams = untrained_grams, .idf_unknown = 1};
static pthread_once_t untrained_once = PTHREAD_ONCE_INIT;

/* Uniform in -127 … 127: length 1 at a scale of sqrt(3 / dimension) / 127. */
static void on_untrained(void)
{
	uint64_t state = GRAM_SEED;

	for (int g = 0; g < TABLE_GRAMS; g++) {
		untrained_grams[g].scale = sqrtf(3.0f / TABLE_DIMENSION) / 127;
		for (int i = 0; i < TABLE_DIMENSION; i++) {
			untrained_grams[g].v[i] = (int8_t)((int)(next_random(&state) % 255) - 127);
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

/* Index in terms, or -1. */
static int64_t find(const struct embed_table *t, uint64_t hash)
{
	if (t->n_terms == 0) {
		return -1;
	}
	for (uint32_t i = (uint32_t)hash & t->mask; t->slots[i].term; i = (i + 1) & t->mask) {
		if (t->slots[i].hash == hash) {
			return t->slots[i].term - 1;
		}
	}
	return -1;
}

int64_t table_lookup(const struct embed_table *t, const char *text)
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

		while (t->slots[i].term) {
			i = (i + 1) & t->mask;
		}
		t->slots[i] = (struct table_slot){t->terms[k].hash, k + 1};
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

static void add_grams(const struct embed_table *t, const char *text, float weight, float *into)
{
	const struct vector_kernel *k = vector_kernel();
	uint32_t grams[TERM_GRAMS_MAX];
	int n = table_grams(text, grams);

	for (int i = 0; i < n; i++) {
		const struct table_row *row = &t->grams[grams[i]];

		k->add_scaled_int8(into, row->v,
			weight * t->idf_unknown * row->scale / sqrtf((float)n), TABLE_DIMENSION);
	}
}

/* A term of a text, and how often it stands there. */
struct counted {
	uint64_t hash;
	const char *text;
	int64_t at; /* its row, or -1 */
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
		list[n] = (struct counted){hash, text, -1, 1};
		slots[s] = ++n;
	}
	return n;
}

/* The table is larger than the caches: all rows are asked for before the first is needed. */
static void find_terms(const struct embed_table *t, struct counted *list, int n)
{
	for (int i = 0; i < n; i++) {
		list[i].at = find(t, list[i].hash);
		if (list[i].at >= 0) {
			const char *row = (const char *)&t->terms[list[i].at];

			for (size_t k = 0; k < sizeof(struct table_term); k += CACHE_LINE) {
				__builtin_prefetch(row + k);
			}
			__builtin_prefetch(row + sizeof(struct table_term) - 1);
		}
	}
}

void table_add_terms(
	const struct embed_table *t, struct arena *a, const struct terms *terms, float *into)
{
	const struct vector_kernel *k = vector_kernel();
	struct counted *list = arena_array(a, struct counted, (size_t)terms->n + 1);
	int n_slots = 16, n, *slots;

	while (n_slots < 2 * terms->n) {
		n_slots *= 2;
	}
	slots = arena_array(a, int, (size_t)n_slots);
	memset(slots, 0, (size_t)n_slots * sizeof(*slots));
	n = count_terms(t, terms, list, slots, n_slots);
	find_terms(t, list, n);
	for (int i = 0; i < n; i++) {
		float weight = 1 + logf((float)list[i].tf);

		if (list[i].at < 0) {
			add_grams(t, list[i].text, weight, into);
		} else {
			const struct table_term *term = &t->terms[list[i].at];

			k->add_scaled_int8(into, term->row.v, weight * term->idf * term->row.scale,
				TABLE_DIMENSION);
		}
	}
}

void table_row_set(struct table_row *row, const float *v)
{
	float most = 0;

	for (int i = 0; i < TABLE_DIMENSION; i++) {
		most = fmaxf(most, fabsf(v[i]));
	}
	row->scale = most / 127;
	for (int i = 0; i < TABLE_DIMENSION; i++) {
		row->v[i] = most > 0 ? (int8_t)lrintf(v[i] / row->scale) : 0;
	}
}

/* ── as model_data ── */

static void pack_row(const struct table_row *row, struct buf *out)
{
	buf_f32(out, row->scale);
	buf_add(out, row->v, TABLE_DIMENSION);
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
		pack_row(&t->terms[i].row, out);
	}
	for (int i = 0; i < TABLE_GRAMS; i++) {
		pack_row(&t->grams[i], out);
	}
	hash_blake2b(out->data + from, out->len - from, hash);
	buf_add(out, hash, sizeof(hash));
}

static bool unpack_row(struct cursor *c, struct table_row *row)
{
	row->scale = cursor_f32(c);
	if (c->bad || !isfinite(row->scale) || c->end - c->p < TABLE_DIMENSION) {
		return false;
	}
	memcpy(row->v, c->p, TABLE_DIMENSION);
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
		if (c->bad || !isfinite(term->idf) || !unpack_row(c, &term->row) ||
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
	c->p += MAGIC_BYTES;
	if ((texts && cursor_u32(c) != 1) || cursor_u32(c) != TABLE_DIMENSION) {
		return false;
	}
	t->n_terms = cursor_u32(c);
	if (cursor_u32(c) != TABLE_GRAMS || t->n_terms > TABLE_TERMS_MAX) {
		return false;
	}
	t->idf_unknown = cursor_f32(c);
	t->terms = calloc((size_t)t->n_terms + 1, sizeof(*t->terms));
	t->grams = calloc(TABLE_GRAMS, sizeof(*t->grams));
	ASSERT(t->terms != NULL && t->grams != NULL);
	if (!isfinite(t->idf_unknown) || (!texts && !unpack_key(c, t)) ||
		!unpack_terms(c, texts, t)) {
		return false;
	}
	for (int i = 0; i < TABLE_GRAMS; i++) {
		if (!unpack_row(c, &t->grams[i])) {
			return false;
		}
	}
	fill_slots(t);
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
		free(t->terms);
		free(t->slots);
		free(t->grams);
		free(t);
	}
}
