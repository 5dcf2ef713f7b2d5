/* The best rows of a question (index/fts.h's fts_search). */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/buf.h"
#include "index/fts_best.h"
#include "index/fts_pairs.h"
#include "index/fts_private.h"
#include "index/sql_functions.h"
#include "index/store_private.h"

/*
 * MaxScore (Turtle and Flood 1995) in FTS5's own query language. Terms stand rarest first; E is the
 * first n_chosen of them. "(E) AND (all)" meets only rows that have a term of E, and seeks the
 * lists of the common ones there. A row without any term of E scores at most the sum of idf · (k1 +
 * 1) of the others: once that is below the score of the BOUND_RANK-th row found, the best rows are
 * exactly those that the whole OR would give.
 */
#define BOUND_RANK FTS_WHOLE_BELOW
#define FIRST_ROWS 400 /* rows that the first E proposes, at least */
#define SLACK 1e-9     /* of sums in another order */

/*
 * What a row loses that has none of the words. It was sought together with NEAR
 * (index/fts_pairs.c), FEEDBACK (index/embed_builtin.c), FEEDBACK_PASSAGES (retrieve/search_find.c)
 * and fusion-weight-builtin on nine sets: the handbook, CISI, the chunking windows, MedQuAD and
 * XQuAD in English, German, Russian, Arabic and Chinese; the first four, whose tables are trained,
 * with two to four seeds. Not where the mean is best but where the sets that gain least lose
 * nothing: nDCG@10 less before, in thousandths, 0 / 0 / +2 / +10 / +1 / +1 / +1 / +2 / +2;
 * Recall@100 +11 / +3 / 0 / 0 and 0 to +2. Twice as much gains more on the chunking windows (+4)
 * and MedQuAD (+14) and costs the handbook 3. From .2 to .4 nothing changes by more than 3.
 */
#define COVERING .3

struct searching {
	const struct fts_query *q;
	const struct query_terms *terms;
	double idf[FTS_TERMS_MAX];
	double mean_length;
	struct fts_hit *hits; /* [q->limit] */
	int n;
};

static void write_match(const struct searching *s, int n_chosen, struct buf *out)
{
	if (n_chosen < s->terms->n) {
		buf_char(out, '(');
		for (int i = 0; i < n_chosen; i++) {
			buf_str(out, i ? " OR " : "");
			fts_write_term(out, &s->terms->items[i]);
		}
		buf_str(out, ") AND (");
	}
	for (int i = 0; i < s->terms->n; i++) {
		buf_str(out, i ? " OR " : "");
		fts_write_term(out, &s->terms->items[i]);
	}
	buf_str(out, n_chosen < s->terms->n ? ")" : "");
}

static int run_search(struct db *db, struct searching *s, int n_chosen, struct err *e)
{
	struct err own = ERR_INIT;
	struct stmt *q = fts_statement(db, s->q->workspace_n, FTS_SEARCH, e ? e : &own);
	struct scoring scoring = {
		n_chosen < s->terms->n ? n_chosen : 0, s->terms->n, s->idf, s->mean_length};
	struct buf match = BUF_INIT;
	int rc;

	if (!q) {
		return err_code(e ? e : &own);
	}
	write_match(s, n_chosen, &match);
	stmt_textn(q, 1, match.data, match.len);
	buf_finish(&match);
	sqlite3_bind_pointer(q->q, 2, (void *)&s->q->allowed->slots, BITMAP_POINTER, NULL);
	stmt_int(q, 3, s->q->limit);
	sqlite3_bind_pointer(q->q, 4, &scoring, SCORING_POINTER, NULL);
	s->n = 0;
	while ((rc = stmt_step(q, e)) == 1) {
		ASSERT(s->n < s->q->limit);
		s->hits[s->n++] = (struct fts_hit){col_int(q, 0), col_real(q, 1), 0};
	}
	s->mean_length = scoring.mean_length;
	stmt_reset(q);
	stmt_null(q, 2);
	stmt_null(q, 4);
	return rc;
}

/* How many terms E needs for the rows found to stand: the fewest so that what the others add is
 * less than the score of the row at the bound; all of them while there are too few rows. */
static int terms_needed(const struct searching *s)
{
	int rank = s->q->limit < BOUND_RANK ? s->q->limit : BOUND_RANK;
	int n = s->terms->n;
	double rest = 0;

	if (s->n < rank) {
		return n;
	}
	while (n > 1) {
		rest += s->idf[n - 1] * (BM25_K1 + 1);
		if (rest + SLACK >= s->hits[rank - 1].score) {
			break;
		}
		n--;
	}
	return n;
}

static int grow_search(struct db *db, struct searching *s, struct err *e)
{
	int64_t rows = 0, wanted = FIRST_ROWS;
	int n_chosen = 0, rc;

	for (;;) {
		int needed;

		while (n_chosen < s->terms->n && (n_chosen == 0 || rows < wanted)) {
			rows += s->terms->items[n_chosen++].df;
		}
		rc = run_search(db, s, n_chosen, e);
		needed = rc == 0 ? terms_needed(s) : 0;
		if (needed <= n_chosen) {
			return rc;
		}
		if (needed < s->terms->n) {
			return run_search(db, s, needed, e);
		}
		wanted = rows * 8; /* few are allowed, or the words are all common */
	}
}

static int by_df(const void *a, const void *b)
{
	const struct query_term *x = a, *y = b;

	return x->df != y->df ? (x->df > y->df) - (x->df < y->df) : strcmp(x->text, y->text);
}

static bool within(const struct query_term *inner, const struct query_term *outer)
{
	return inner->start >= outer->start && inner->end <= outer->end;
}

/* Rows with the term, with another language's form of its word, or with a part of it if it is a
 * compound. A row has the one form that its language makes: by its own frequency a form that few
 * rows have, those whose language was not found out, would outweigh rare words. A compound is met
 * beside its parts, and counts no more than the commonest of them. (Synonym sets, Turtle and Croft
 * 1991.) */
static int64_t word_df(
	const struct fts_reading *r, const struct query_terms *terms, const struct query_term *t)
{
	int64_t df = 0;

	for (int i = 0; i < terms->n; i++) {
		df += within(&terms->items[i], t) ? terms->items[i].df : 0;
	}
	return df < r->n_rows ? df : r->n_rows;
}

int fts_weigh_terms(struct fts_reading *r, struct query_terms *terms, double *idf, struct err *e)
{
	int n = 0, rc = 0;

	for (int i = 0; rc == 0 && i < terms->n; i++) {
		struct query_term t = terms->items[i];

		if (t.prefix) { /* a character's share of all text, without counting its bigrams */
			t.df = r->n_rows / 50 + 1;
		} else {
			rc = fts_reading_df(r, t.text, &t.df, e);
		}
		if (t.df > 0) {
			terms->items[n++] = t;
		}
	}
	terms->n = n;
	qsort(terms->items, (size_t)n, sizeof(*terms->items), by_df);
	for (int i = 0; i < n; i++) {
		idf[i] = fts_idf_of(r->n_rows, word_df(r, terms, &terms->items[i])) *
			 terms->items[i].weight;
	}
	return rc;
}

static bool any_prefix(const struct query_terms *terms)
{
	for (int i = 0; i < terms->n; i++) {
		if (terms->items[i].prefix) {
			return true;
		}
	}
	return false;
}

/* A row that has all of the words before one that has a few of them often (coordination level,
 * Salton and Buckley 1988; bm25 alone has each word's weight by itself). */
static void prefer_covering(struct fts_hit *hits, int n)
{
	for (int i = 0; i < n; i++) {
		hits[i].score *= 1 - COVERING * (1 - hits[i].covered);
	}
	qsort(hits, (size_t)n, sizeof(*hits), fts_best_first);
}

static int find_best(struct db *db, struct arena *a, struct searching *s, struct query_terms *terms,
	struct err *e)
{
	struct fts_reading r;
	int rc = fts_reading_open(db, a, s->q->workspace_n, &r, e);

	rc = rc ? rc : fts_weigh_terms(&r, terms, s->idf, e);
	if (rc != 0 || terms->n == 0) {
		return rc;
	}
	if (r.direct && !any_prefix(terms)) {
		const struct fts_best best = {.index = &r.index,
			.memory = r.memory,
			.allowed = s->q->allowed,
			.terms = terms,
			.idf = s->idf,
			.limit = s->q->limit};

		rc = fts_best(&best, s->hits, &s->n, e);
		if (rc == 0 && !s->q->words_alone) {
			rc = fts_add_pairs(&best, s->hits, s->n, e);
			prefer_covering(s->hits, s->n);
		}
		return rc;
	}
	s->terms = terms;
	return grow_search(db, s, e);
}

int fts_search(struct db *db, struct arena *a, const struct fts_query *q, struct fts_hit **out,
	int *n, struct err *e)
{
	struct searching s = {.q = q};
	struct query_terms terms;
	int rc;

	*n = 0;
	*out = s.hits = arena_array(a, struct fts_hit, (size_t)(q->limit > 0 ? q->limit : 1));
	if (!q->allowed || q->allowed->n_allowed == 0 || q->limit <= 0) {
		return 0;
	}
	rc = fts_terms(db, a, q, &terms, e);
	if (rc == 0 && terms.n > 0) {
		rc = find_best(db, a, &s, &terms, e);
	}
	*n = s.n;
	return rc;
}
