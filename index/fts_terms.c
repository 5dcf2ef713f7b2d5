#include "index/fts_terms.h"

#include <stdlib.h>
#include <string.h>

#include "index/base/hash.h"
#include "index/base/utf8.h"
#include "index/fts_private.h"
#include "index/sql_functions.h"
#include "index/text_tools.h"

#define QUESTION_BYTES 32768 /* of a longer one the rest is not read */
#define CANDIDATES 256	     /* terms whose frequency is asked */
#define TERMS_MOST 8192	     /* of a question, in all languages */

struct gathering {
	struct arena *arena;
	const char *text;
	size_t n_bytes;
	const int *stop_end; /* [n_bytes] where the stopword that begins here ends; 0: none */
	struct query_term *items;
	int n, capacity;
	int *table;		  /* [n_table] index + 1 */
	size_t n_table;		  /* a power of two, at least twice the capacity */
	struct query_pair *pairs; /* [FTS_PAIRS_MAX] */
	int n_pairs;
};

static void add_term(struct gathering *g, const char *text, bool prefix, int start, int end)
{
	size_t i = hash64(text, strlen(text)) % g->n_table;

	for (; g->table[i]; i = (i + 1) % g->n_table) {
		struct query_term *t = &g->items[g->table[i] - 1];

		if (strcmp(t->text, text) == 0) {
			t->prefix |= prefix;
			return;
		}
	}
	if (g->n == g->capacity) {
		return;
	}
	g->items[g->n++] = (struct query_term){
		.text = text, .prefix = prefix, .weight = 1, .start = start, .end = end};
	g->table[i] = g->n;
}

bool fts_lone_character(const struct term *t)
{
	int used;

	(void)utf8_decode(t->text, strlen(t->text), &used);
	return t->cjk && t->text[used] == '\0';
}

static void add_pair(struct gathering *g, const char *first, const char *second)
{
	for (int i = 0; i < g->n_pairs; i++) {
		if (strcmp(g->pairs[i].first, first) == 0 &&
			strcmp(g->pairs[i].second, second) == 0) {
			return;
		}
	}
	if (g->n_pairs < FTS_PAIRS_MAX && strcmp(first, second) != 0) {
		g->pairs[g->n_pairs++] = (struct query_pair){first, second};
	}
}

static void gather(struct gathering *g, const char *language)
{
	const struct term *before = NULL;
	struct terms terms;

	analyse(g->arena, g->text, g->n_bytes, language, &terms);
	for (int i = 0; i < terms.n; i++) {
		const struct term *t = &terms.items[i];

		if (!g->stop_end || g->stop_end[t->byte_start] != t->byte_end) {
			add_term(g, t->text, fts_lone_character(t), t->byte_start, t->byte_end);
			if (before && before->position == t->position) {
				continue; /* of a compound its parts make pairs, not the whole */
			}
			if (before && !before->cjk && !t->cjk) {
				add_pair(g, before->text, t->text);
			}
			before = t;
		}
	}
}

/* The question's language decides what is a stopword, not the languages of the documents. */
static int *find_stopwords(struct arena *a, const char *text, size_t n_bytes, const char *language)
{
	int *stop_end = arena_array(a, int, n_bytes + 1);
	struct terms terms;

	analyse(a, text, n_bytes, language, &terms);
	for (int i = 0; i < terms.n; i++) {
		if (terms.items[i].stopword) {
			stop_end[terms.items[i].byte_start] = terms.items[i].byte_end;
		}
	}
	return stop_end;
}

/* Bit i: rows are in stem_language(i). */
static int held_languages(struct db *db, int64_t workspace_n, uint64_t *out, struct err *e)
{
	struct fts_reading r;
	struct arena a;
	int rc;

	*out = 0;
	arena_init(&a);
	rc = fts_reading_open(db, &a, workspace_n, &r, e);
	if (rc == 0 && !fts_memory_languages(r.memory, &r.index.state, out)) {
		for (int i = 0; rc == 0 && stem_language(i); i++) {
			char term[8] = {LANGUAGE_TERM};
			bool has = false;

			ASSERT(i < 64);
			memcpy(term + 1, stem_language(i), 3);
			rc = fts_reading_has(&r, NULL, term, &has, e);
			*out |= has ? UINT64_C(1) << i : 0;
		}
		if (rc == 0) {
			fts_memory_keep_languages(r.memory, &r.index.state, *out);
		}
	}
	arena_finish(&a);
	return rc;
}

int fts_languages(struct db *db, int64_t workspace_n, const char *own,
	const char *out[FTS_LANGUAGES_MAX], int *n, struct err *e)
{
	uint64_t held;
	int rc = held_languages(db, workspace_n, &held, e);

	*n = 0;
	out[(*n)++] = own;
	if (strcmp(own, "en") != 0) {
		out[(*n)++] = "en";
	}
	for (int i = 0; stem_language(i) && *n < FTS_LANGUAGES_MAX - 1; i++) {
		if (held >> i & 1 && strcmp(stem_language(i), own) != 0 &&
			strcmp(stem_language(i), "en") != 0) {
			out[(*n)++] = stem_language(i);
		}
	}
	if (own[0]) {
		out[(*n)++] = "";
	}
	return rc;
}

static int by_length(const void *a, const void *b)
{
	const struct query_term *x = a, *y = b;
	size_t n = strlen(x->text), m = strlen(y->text);

	return n != m ? (n < m) - (n > m) : strcmp(x->text, y->text);
}

static int by_df(const void *a, const void *b)
{
	const struct query_term *x = a, *y = b;

	return x->df != y->df ? (x->df > y->df) - (x->df < y->df) : strcmp(x->text, y->text);
}

static int keep_existing(struct db *db, int64_t workspace_n, struct gathering *g, struct err *e)
{
	int n = 0;

	for (int i = 0; i < g->n; i++) {
		bool has = g->items[i].prefix;
		int rc = has ? 0 : fts_has(db, workspace_n, g->items[i].text, &has, e);

		if (rc != 0) {
			return rc;
		}
		if (has) {
			g->items[n++] = g->items[i];
		}
	}
	g->n = n;
	return 0;
}

/* The rarest, of the longest of those that occur at all: to find one costs little, to count much.
 */
static int keep_informative(struct db *db, int64_t workspace_n, struct gathering *g, struct err *e)
{
	int rc = keep_existing(db, workspace_n, g, e);

	if (rc != 0 || g->n <= FTS_TERMS_MAX) {
		return rc;
	}
	qsort(g->items, (size_t)g->n, sizeof(*g->items), by_length);
	if (g->n > CANDIDATES) {
		g->n = CANDIDATES;
	}
	for (int i = 0; i < g->n; i++) {
		rc = fts_df(db, workspace_n, g->items[i].text, &g->items[i].df, e);
		if (rc != 0) {
			return rc;
		}
	}
	qsort(g->items, (size_t)g->n, sizeof(*g->items), by_df);
	g->n = FTS_TERMS_MAX;
	return 0;
}

int fts_terms(struct db *db, struct arena *a, const struct fts_query *q, struct query_terms *out,
	struct err *e)
{
	struct gathering g = {.arena = a, .text = q->text};
	const char *languages[FTS_LANGUAGES_MAX];
	const char *own = q->language && q->language[0] ? q->language : NULL;
	int n_languages, rc;

	g.n_bytes = utf8_floor(q->text, strlen(q->text), QUESTION_BYTES);
	own = own ? own : language_detect(g.text, g.n_bytes);
	/* A term takes a byte and a blank, but for compounds, in each language. */
	g.capacity = g.n_bytes < TERMS_MOST / FTS_LANGUAGES_MAX
			     ? (int)g.n_bytes * FTS_LANGUAGES_MAX + q->n_extra
			     : TERMS_MOST;
	for (g.n_table = 64; g.n_table < 2 * (size_t)g.capacity;) {
		g.n_table *= 2;
	}
	g.items = arena_array(a, struct query_term, (size_t)g.capacity + 1);
	g.pairs = arena_array(a, struct query_pair, FTS_PAIRS_MAX);
	g.table = arena_array(a, int, g.n_table);
	g.stop_end = find_stopwords(a, g.text, g.n_bytes, own);
	rc = fts_languages(db, q->workspace_n, own, languages, &n_languages, e);
	for (int pass = 0; rc == 0 && pass < 2 && g.n == 0; pass++) {
		for (int i = 0; i < n_languages; i++) {
			gather(&g, languages[i]);
		}
		g.stop_end = NULL; /* nothing but stopwords: then they count */
	}
	if (rc == 0 && g.n > FTS_TERMS_MAX) {
		rc = keep_informative(db, q->workspace_n, &g, e);
	}
	for (int i = 0; i < q->n_extra && g.n < FTS_TERMS_MAX; i++) {
		int before = g.n;

		add_term(&g, q->extra[i].term, false, -1 - i, -1 - i);
		if (g.n > before) {
			g.items[before].weight = q->extra[i].weight;
		}
	}
	*out = (struct query_terms){g.items, g.n, g.pairs, g.n_pairs};
	return rc;
}
