#include "index/vocabulary.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/buf.h"
#include "index/base/err.h"
#include "index/base/hash.h"
#include "index/base/utf8.h"
#include "index/letters.h"

#define LETTERS_MAX VOCABULARY_LETTERS_MAX

struct vocabulary {
	struct buf texts; /* the terms with their NULs */
	/* [n] of each term: */
	uint64_t *signatures;
	uint32_t *offsets, *weights;
	uint8_t *lengths; /* in letters */
	int n, capacity;
	uint32_t *table; /* [n_table] index + 1 of a term; a power of two */
	uint32_t n_table;
};

/* ── letters ── */

struct letters {
	uint32_t c[LETTERS_MAX + 2]; /* the word between two marks */
	int n;			     /* without them */
};

/* False: it is no word of the vocabulary's kind. */
static bool read_letters(const char *term, size_t n_bytes, struct letters *out)
{
	out->n = 0;
	out->c[0] = '^';
	for (size_t i = 0; i < n_bytes;) {
		int used;
		uint32_t c = utf8_decode(term + i, n_bytes - i, &used);
		enum char_class class = letter_class(c);

		if ((class != LETTER && class != MARK) || utf8_is_cjk(c) || out->n == LETTERS_MAX) {
			return false;
		}
		out->c[++out->n] = c;
		i += (size_t)used;
	}
	out->c[out->n + 1] = '$';
	return out->n >= VOCABULARY_LETTERS_MIN;
}

/* A word of n letters between marks has n trigrams; number i. */
static uint32_t trigram(const struct letters *w, int i)
{
	uint64_t x = ((uint64_t)w->c[i] << 42 ^ (uint64_t)w->c[i + 1] << 21 ^ w->c[i + 2]) *
		     0x9e3779b97f4a7c15u;

	return (uint32_t)(x >> 32);
}

static uint64_t signature_of(const struct letters *w)
{
	uint64_t s = 0;

	for (int i = 0; i < w->n; i++) {
		s |= UINT64_C(1) << (trigram(w, i) >> 26);
	}
	return s;
}

/* ── filling ── */

struct vocabulary *vocabulary_create(void)
{
	struct vocabulary *v = calloc(1, sizeof(*v));

	ASSERT(v);
	v->n_table = 1024;
	v->table = calloc(v->n_table, sizeof(*v->table));
	ASSERT(v->table);
	return v;
}

void vocabulary_destroy(struct vocabulary *v)
{
	if (!v) {
		return;
	}
	buf_finish(&v->texts);
	free(v->signatures);
	free(v->offsets);
	free(v->weights);
	free(v->lengths);
	free(v->table);
	free(v);
}

int vocabulary_count(const struct vocabulary *v)
{
	return v->n;
}

static uint32_t *table_slot(
	const struct vocabulary *v, uint32_t *table, uint32_t n_table, const char *term, size_t n)
{
	uint32_t i = (uint32_t)hash64(term, n) & (n_table - 1);

	while (table[i]) {
		const char *there = v->texts.data + v->offsets[table[i] - 1];

		if (strncmp(there, term, n) == 0 && there[n] == '\0') {
			break;
		}
		i = (i + 1) & (n_table - 1);
	}
	return &table[i];
}

static void *grown(void *p, int n, size_t size)
{
	p = realloc(p, (size_t)n * size);
	ASSERT(p);
	return p;
}

static void make_room(struct vocabulary *v)
{
	if (v->n == v->capacity) {
		v->capacity = v->capacity ? v->capacity * 2 : 512;
		v->signatures = grown(v->signatures, v->capacity, sizeof(*v->signatures));
		v->offsets = grown(v->offsets, v->capacity, sizeof(*v->offsets));
		v->weights = grown(v->weights, v->capacity, sizeof(*v->weights));
		v->lengths = grown(v->lengths, v->capacity, sizeof(*v->lengths));
	}
	if ((uint32_t)v->n * 2 >= v->n_table) {
		uint32_t n_table = v->n_table * 2;
		uint32_t *table = calloc(n_table, sizeof(*table));

		ASSERT(table);
		for (int i = 0; i < v->n; i++) {
			const char *term = v->texts.data + v->offsets[i];

			*table_slot(v, table, n_table, term, strlen(term)) = (uint32_t)i + 1;
		}
		free(v->table);
		v->table = table;
		v->n_table = n_table;
	}
}

void vocabulary_add(struct vocabulary *v, const char *term, size_t n, uint32_t weight)
{
	struct letters w;
	uint32_t *slot;

	if (n > LETTERS_MAX * 4 || v->texts.len > UINT32_MAX - 256 || !read_letters(term, n, &w)) {
		return;
	}
	make_room(v);
	slot = table_slot(v, v->table, v->n_table, term, n);
	if (*slot) {
		uint32_t *sum = &v->weights[*slot - 1];

		*sum = weight > UINT32_MAX - *sum ? UINT32_MAX : *sum + weight;
		return;
	}
	v->offsets[v->n] = (uint32_t)v->texts.len;
	buf_add(&v->texts, term, n);
	buf_char(&v->texts, '\0');
	v->weights[v->n] = weight;
	v->lengths[v->n] = (uint8_t)w.n;
	v->signatures[v->n] = signature_of(&w);
	*slot = (uint32_t)++v->n;
}

/* ── finding ── */

struct wanted {
	struct vocabulary_search *s;
	struct letters word;
	uint64_t signature;
	int n_twice; /* trigrams whose bit another one has set already */
	bool ok;
};

/* Optimal string alignment: insertions, deletions, substitutions, neighbours that changed places.
 * Past `max` whatever is more. */
static int distance(const struct letters *a, const struct letters *b, int max)
{
	int rows[3][LETTERS_MAX + 1], *before = rows[0], *last = rows[1], *now = rows[2];

	if (abs(a->n - b->n) > max) {
		return max + 1;
	}
	for (int k = 0; k <= b->n; k++) {
		last[k] = k;
	}
	for (int i = 1; i <= a->n; i++) {
		int *spare = before, least = now[0] = i;

		for (int k = 1; k <= b->n; k++) {
			int d = last[k - 1] + (a->c[i] != b->c[k]);

			d = last[k] + 1 < d ? last[k] + 1 : d;
			d = now[k - 1] + 1 < d ? now[k - 1] + 1 : d;
			if (i > 1 && k > 1 && a->c[i] == b->c[k - 1] && a->c[i - 1] == b->c[k] &&
				before[k - 2] + 1 < d) {
				d = before[k - 2] + 1;
			}
			now[k] = d;
			least = d < least ? d : least;
		}
		if (least > max) {
			return max + 1;
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[b->n];
}

static bool begins_alike(const struct letters *a, const struct letters *b)
{
	return a->c[1] == b->c[1] || (a->c[1] == b->c[2] && a->c[2] == b->c[1]);
}

static double dice(const struct letters *a, const struct letters *b)
{
	bool used[LETTERS_MAX] = {false};
	int common = 0;

	for (int i = 0; i < a->n; i++) {
		uint32_t t = trigram(a, i);

		for (int k = 0; k < b->n; k++) {
			if (!used[k] && trigram(b, k) == t) {
				used[k] = true;
				common++;
				break;
			}
		}
	}
	return 2.0 * common / (a->n + b->n);
}

/* Whether x goes before y. */
static bool nearer(const struct neighbour *x, const struct neighbour *y)
{
	if (x->distance != y->distance) {
		return x->distance < y->distance;
	}
	if (x->similarity != y->similarity) {
		return x->similarity > y->similarity;
	}
	return x->weight != y->weight ? x->weight > y->weight : strcmp(x->term, y->term) < 0;
}

static void insert(struct neighbour *list, int *n, int max, struct neighbour x)
{
	int i;

	if (*n == max && !nearer(&x, &list[max - 1])) {
		return;
	}
	i = *n < max ? (*n)++ : max - 1;
	for (; i > 0 && nearer(&x, &list[i - 1]); i--) {
		list[i] = list[i - 1];
	}
	list[i] = x;
}

static void look_closer(const struct vocabulary *v, int i, struct wanted *w, int at_most)
{
	struct vocabulary_search *s = w->s;
	struct neighbour x = {.term = v->texts.data + v->offsets[i], .weight = v->weights[i]};
	struct letters word;

	if (!read_letters(x.term, strlen(x.term), &word)) {
		return;
	}
	if (s->max_distance > 0 && begins_alike(&w->word, &word)) {
		struct neighbour c = x;

		c.distance = distance(&w->word, &word, s->max_distance);
		if (c.distance <= s->max_distance) {
			insert(s->corrections, &s->n_corrections, VOCABULARY_CORRECTIONS, c);
		}
	}
	if (2.0 * at_most / (w->word.n + word.n) >= VOCABULARY_SIMILARITY) {
		x.similarity = dice(&w->word, &word);
		if (x.similarity >= VOCABULARY_SIMILARITY) {
			insert(s->similar, &s->n_similar, VOCABULARY_SIMILAR, x);
		}
	}
}

void vocabulary_find(const struct vocabulary *v, struct vocabulary_search *searches, int n)
{
	struct wanted *wanted = calloc((size_t)n + 1, sizeof(*wanted));

	ASSERT(wanted);
	for (int k = 0; k < n; k++) {
		struct wanted *w = &wanted[k];

		w->s = &searches[k];
		w->s->n_corrections = w->s->n_similar = 0;
		w->ok = read_letters(searches[k].term, strlen(searches[k].term), &w->word);
		if (w->ok) {
			w->signature = signature_of(&w->word);
			w->n_twice = w->word.n - __builtin_popcountll(w->signature);
		}
	}
	for (int i = 0; i < v->n; i++) {
		for (int k = 0; k < n; k++) {
			struct wanted *w = &wanted[k];
			int length = v->lengths[i], max = w->s->max_distance;
			/* The trigrams in common are at most so many; a change breaks three of
			 * them, a change of places four. */
			int common =
				__builtin_popcountll(v->signatures[i] & w->signature) + w->n_twice;
			bool near = max > 0 && abs(length - w->word.n) <= max &&
				    common >= w->word.n - 4 * max;

			if (w->ok && (near || 4 * common >= w->word.n + length)) {
				look_closer(v, i, w, common);
			}
		}
	}
	free(wanted);
}
