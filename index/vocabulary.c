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
#define BUCKET_BITS 16 /* of trigrams, by their hash: a million words have some ten thousand */
#define N_BUCKETS (1u << BUCKET_BITS)

struct vocabulary {
	struct buf texts; /* the terms with their NULs */
	/* [n] of each term: */
	uint32_t *offsets, *weights;
	uint8_t *lengths; /* in letters */
	uint8_t *firsts;  /* the first letter, hashed */
	int n, capacity;
	uint32_t *table; /* [n_table] index + 1 of a term; a power of two */
	uint32_t n_table;
	uint32_t *
		starts; /* [N_BUCKETS + 1] in lists, of each bucket of trigrams; NULL: not sealed */
	uint32_t *lists; /* terms */
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

static uint8_t first_of(uint32_t c)
{
	return (uint8_t)(c ^ c >> 8);
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
	free(v->offsets);
	free(v->weights);
	free(v->lengths);
	free(v->firsts);
	free(v->starts);
	free(v->lists);
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
		v->offsets = grown(v->offsets, v->capacity, sizeof(*v->offsets));
		v->weights = grown(v->weights, v->capacity, sizeof(*v->weights));
		v->lengths = grown(v->lengths, v->capacity, sizeof(*v->lengths));
		v->firsts = grown(v->firsts, v->capacity, sizeof(*v->firsts));
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
	v->firsts[v->n] = first_of(w.c[1]);
	*slot = (uint32_t)++v->n;
}

static uint32_t bucket(const struct letters *w, int i)
{
	return trigram(w, i) >> (32 - BUCKET_BITS);
}

static void letters_of(const struct vocabulary *v, int i, struct letters *out)
{
	const char *term = v->texts.data + v->offsets[i];

	ASSERT(read_letters(term, strlen(term), out));
}

void vocabulary_seal(struct vocabulary *v)
{
	uint32_t n_all = 0, *ends;
	struct letters w;

	ASSERT(!v->starts);
	v->starts = calloc(N_BUCKETS + 1, sizeof(*v->starts));
	ends = calloc(N_BUCKETS, sizeof(*ends));
	ASSERT(v->starts && ends);
	for (int i = 0; i < v->n; i++) {
		letters_of(v, i, &w);
		for (int k = 0; k < w.n; k++) {
			v->starts[bucket(&w, k) + 1]++;
			n_all++;
		}
	}
	for (uint32_t b = 0; b < N_BUCKETS; b++) {
		v->starts[b + 1] += v->starts[b];
		ends[b] = v->starts[b];
	}
	v->lists = calloc((size_t)n_all + 1, sizeof(*v->lists));
	ASSERT(v->lists);
	for (int i = 0; i < v->n; i++) {
		letters_of(v, i, &w);
		for (int k = 0; k < w.n; k++) {
			v->lists[ends[bucket(&w, k)]++] = (uint32_t)i;
		}
	}
	free(ends);
}

/* ── finding ── */

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

int vocabulary_nearest_first(const void *a, const void *b)
{
	const struct neighbour *x = a, *y = b;

	if (x->distance != y->distance) {
		return x->distance < y->distance ? -1 : 1;
	}
	if (x->similarity != y->similarity) {
		return x->similarity > y->similarity ? -1 : 1;
	}
	if (x->weight != y->weight) {
		return x->weight > y->weight ? -1 : 1;
	}
	return strcmp(x->term, y->term);
}

/* One search under way. */
struct finding {
	const struct vocabulary *v;
	struct letters wanted;
	int max_distance;
	struct buf corrections, similar; /* of struct neighbour */
};

/* at_most: trigrams that they have in common, or more. */
static void look_closer(struct finding *f, int i, int at_most)
{
	const struct vocabulary *v = f->v;
	const struct letters *wanted = &f->wanted;
	bool similar = 4 * at_most >= wanted->n + v->lengths[i];
	/* A change breaks three trigrams, a change of places four. */
	bool near =
		f->max_distance > 0 && abs(v->lengths[i] - wanted->n) <= f->max_distance &&
		at_most >= wanted->n - 4 * f->max_distance &&
		(v->firsts[i] == first_of(wanted->c[1]) || v->firsts[i] == first_of(wanted->c[2]));
	struct neighbour x = {.term = v->texts.data + v->offsets[i], .weight = v->weights[i]};
	struct letters word;

	if (!similar && !near) {
		return;
	}
	letters_of(v, i, &word);
	if (near && begins_alike(wanted, &word)) {
		struct neighbour c = x;

		c.distance = distance(wanted, &word, f->max_distance);
		if (c.distance <= f->max_distance) {
			buf_add(&f->corrections, &c, sizeof(c));
		}
	}
	if (similar) {
		x.similarity = dice(wanted, &word);
		if (x.similarity >= VOCABULARY_SIMILARITY) {
			buf_add(&f->similar, &x, sizeof(x));
		}
	}
}

/* Two letters that changed places in the middle of four leave no trigram as it was. */
static void swap_letters(struct finding *f, const char *asked)
{
	const struct vocabulary *v = f->v;
	const struct letters *wanted = &f->wanted;
	char term[LETTERS_MAX * 4 + 1];
	size_t n = 0;
	uint32_t found;

	if (wanted->n != 4 || f->max_distance == 0) {
		return;
	}
	for (int i = 1; i <= 4; i++) {
		n += (size_t)utf8_encode(wanted->c[i == 2 ? 3 : i == 3 ? 2 : i], term + n);
	}
	term[n] = '\0';
	found = *table_slot(v, v->table, v->n_table, term, n);
	if (found && strcmp(term, asked) != 0) {
		struct neighbour x = {.term = v->texts.data + v->offsets[found - 1],
			.weight = v->weights[found - 1],
			.distance = 1};

		buf_add(&f->corrections, &x, sizeof(x));
	}
}

static struct neighbour *sorted(struct arena *a, struct buf *found, int *n)
{
	struct neighbour *out = arena_array(a, struct neighbour, found->len / sizeof(*out) + 1);

	*n = (int)(found->len / sizeof(*out));
	if (*n > 0) {
		memcpy(out, found->data, found->len);
		qsort(out, (size_t)*n, sizeof(*out), vocabulary_nearest_first);
	}
	buf_finish(found);
	return out;
}

/* counts [v->n] are 0 before and after. */
static void find_one(
	const struct vocabulary *v, struct arena *a, struct vocabulary_search *s, uint8_t *counts)
{
	struct finding f = {.v = v,
		.max_distance = s->max_distance,
		.corrections = BUF_INIT,
		.similar = BUF_INIT};
	struct letters *wanted = &f.wanted;

	s->n_corrections = s->n_similar = 0;
	if (!read_letters(s->term, strlen(s->term), wanted)) {
		return;
	}
	for (int k = 0; k < wanted->n; k++) {
		uint32_t b = bucket(wanted, k);

		for (uint32_t at = v->starts[b]; at < v->starts[b + 1]; at++) {
			counts[v->lists[at]] += counts[v->lists[at]] < UINT8_MAX;
		}
	}
	for (int k = 0; k < wanted->n; k++) {
		uint32_t b = bucket(wanted, k);

		for (uint32_t at = v->starts[b]; at < v->starts[b + 1]; at++) {
			uint32_t i = v->lists[at];

			if (counts[i]) {
				look_closer(&f, (int)i, counts[i]);
				counts[i] = 0;
			}
		}
	}
	swap_letters(&f, s->term);
	s->corrections = sorted(a, &f.corrections, &s->n_corrections);
	s->similar = sorted(a, &f.similar, &s->n_similar);
}

void vocabulary_find(
	const struct vocabulary *v, struct arena *a, struct vocabulary_search *searches, int n)
{
	uint8_t *counts = calloc((size_t)v->n + 1, 1);

	ASSERT(v->starts && counts);
	for (int k = 0; k < n; k++) {
		find_one(v, a, &searches[k], counts);
	}
	free(counts);
}
