/*
 * MaxScore (Turtle and Flood 1995) over posting lists, a row at a time, in passes.
 *
 * Lists stand rarest first. What a list can add to a row is at most its bound, idf * (k1 + 1). A
 * pass walks the lists [n_done, n_lists) for rows; each row found is looked up in the others, from
 * the rarest to the commonest, for as long as what is left could still bring it among the best.
 * A row that none of these lists has scores at most the sum of the other bounds: as soon as that
 * is less than the score of the FTS_WHOLE_BELOW-th row found, the commonest list is not walked any
 * more, and when it is true before the first of them, the search is over. The first pass walks the
 * rarest lists, for some hundreds of rows: their scores save the later ones most of their work.
 */
#include "index/fts_best.h"

#include <stdlib.h>

#include "index/fts_private.h"
#include "index/sql_functions.h"

#define FIRST_ROWS 400 /* rows of the lists of the first pass, at least */
#define GROWTH 8       /* of that from pass to pass, while too few rows are found to judge by */
#define SLACK 1e-9     /* of sums in another order */

struct best_list {
	struct postings postings;
	double idf;
};

struct best_rows {
	const struct fts_best *b;
	struct best_list *lists; /* [n] */
	double *share;		 /* [n] of the idf of all words; 0: another list stands for it */
	int *word;		 /* [n] the list that stands for its word, -1: none does */
	double *rest;		 /* [n + 1] what the lists from i on can add */
	int n;
	int n_lists; /* that propose rows, of this pass */
	int n_done;  /* those of the passes before */
	double mean_length;
	struct fts_hit *heap; /* [limit] the worst first */
	int n_heap;
	double *whole; /* [whole_size] the best scores, the lowest first */
	int n_whole, whole_size;
};

/* ── the best so far ── */

static bool worse(const struct fts_hit *x, const struct fts_hit *y)
{
	return x->score != y->score ? x->score < y->score : x->slot > y->slot;
}

static void heap_put(struct fts_hit *heap, int n, struct fts_hit hit)
{
	int at = 0;

	for (;;) {
		int child = 2 * at + 1;

		if (child + 1 < n && worse(&heap[child + 1], &heap[child])) {
			child++;
		}
		if (child >= n || !worse(&heap[child], &hit)) {
			break;
		}
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = hit;
}

static void heap_add(struct fts_hit *heap, int *n, struct fts_hit hit)
{
	int at = (*n)++;

	while (at > 0 && worse(&hit, &heap[(at - 1) / 2])) {
		heap[at] = heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap[at] = hit;
}

static void keep(struct best_rows *r, struct fts_hit hit)
{
	int i;

	if (r->n_heap < r->b->limit) {
		heap_add(r->heap, &r->n_heap, hit);
	} else if (worse(&r->heap[0], &hit)) {
		heap_put(r->heap, r->n_heap, hit);
	}
	if (r->n_whole == r->whole_size && hit.score <= r->whole[0]) {
		return;
	}
	if (r->n_whole < r->whole_size) {
		i = r->n_whole++;
		for (; i > 0 && r->whole[i - 1] > hit.score; i--) {
			r->whole[i] = r->whole[i - 1];
		}
	} else {
		for (i = 0; i + 1 < r->n_whole && r->whole[i + 1] < hit.score; i++) {
			r->whole[i] = r->whole[i + 1];
		}
	}
	r->whole[i] = hit.score;
}

/* How many lists have to propose rows: the fewest so that what the others add is less than the
 * score at the bound; all of them while there are too few rows. */
static int lists_needed(const struct best_rows *r)
{
	int n = r->n;

	if (r->n_whole < r->whole_size) {
		return n;
	}
	while (n > 1 && r->rest[n - 1] + SLACK < r->whole[0]) {
		n--;
	}
	return n;
}

/* ── a row ── */

static int add_term(const struct best_rows *r, int i, double norm, double *score, struct err *e)
{
	double f;
	int rc = postings_weigh(&r->lists[i].postings, fts_column_weight, &f, e);

	*score += r->lists[i].idf * f * (BM25_K1 + 1) / (f + norm);
	return rc;
}

static double covered(const struct best_rows *r, uint64_t words)
{
	double share = 0;

	for (int i = 0; i < r->n; i++) {
		share += words >> i & 1 ? r->share[i] : 0;
	}
	return share;
}

static int score_row(struct best_rows *r, int64_t row, struct err *e)
{
	double score = 0, norm;
	int length, rc = postings_length(r->b->index, r->b->memory, row, &length, e);
	uint64_t words = 0;

	norm = BM25_K1 * (1 - BM25_B + BM25_B * length / r->mean_length);
	for (int i = r->n_done; rc == 0 && i < r->n; i++) {
		if (r->n_heap == r->b->limit && i >= r->n_lists &&
			score + r->rest[i] + SLACK < r->heap[0].score) {
			return 0;
		}
		if (i >= r->n_lists) {
			rc = postings_seek(&r->lists[i].postings, row, e);
		}
		if (rc == 0 && r->lists[i].postings.row == row) {
			rc = add_term(r, i, norm, &score, e);
			words |= r->word[i] >= 0 ? UINT64_C(1) << r->word[i] : 0;
		}
	}
	if (rc == 0) {
		keep(r, (struct fts_hit){row, score, covered(r, words)});
	}
	return rc;
}

/* ── a pass ── */

/* The lists' next row from `from` on. */
static int next_row(struct best_rows *r, int64_t from, int64_t *row, struct err *e)
{
	int rc = 0;

	*row = INT64_MAX;
	for (int i = r->n_done; rc == 0 && i < r->n_lists; i++) {
		struct postings *p = &r->lists[i].postings;

		if (p->row < from) {
			rc = p->row + 1 == from ? postings_next(p, e) : postings_seek(p, from, e);
		}
		if (p->row < *row) {
			*row = p->row;
		}
	}
	return rc;
}

/* Whether a pass before has met the row. */
static int was_met(struct best_rows *r, int64_t row, bool *met, struct err *e)
{
	int rc = 0;

	*met = false;
	for (int i = 0; rc == 0 && i < r->n_done && !*met; i++) {
		rc = postings_seek(&r->lists[i].postings, row, e);
		*met = r->lists[i].postings.row == row;
	}
	return rc;
}

static int pass(struct best_rows *r, struct err *e)
{
	const struct bitmap *allowed = &r->b->allowed->slots;
	int64_t row, from = 0;
	int rc;

	while ((rc = next_row(r, from, &row, e)) == 0 && row != INT64_MAX) {
		bool met;

		if (!bitmap_has(allowed, (uint64_t)row)) {
			uint64_t next = bitmap_next(allowed, (uint64_t)row);

			if (next >= INT64_MAX) {
				break;
			}
			from = (int64_t)next;
			continue;
		}
		rc = was_met(r, row, &met, e);
		if (rc == 0 && !met) {
			rc = score_row(r, row, e);
		}
		if (rc != 0) {
			break;
		}
		if (r->n_whole == r->whole_size) {
			while (r->n_lists > r->n_done &&
				r->rest[r->n_lists - 1] + SLACK < r->whole[0]) {
				r->n_lists--;
			}
		}
		from = row + 1;
	}
	return rc;
}

static int find_lists(struct best_rows *r, struct err *e)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < r->n; i++) {
		rc = postings_find(
			r->b->index, r->b->terms->items[i].text, &r->lists[i].postings, e);
	}
	return rc;
}

static int run_passes(struct best_rows *r, struct err *e)
{
	int64_t rows = 0, wanted = FIRST_ROWS;
	int needed = 0, rc = 0;

	while (rc == 0) {
		int n = r->n_done;

		while (n < r->n && (n < needed || n == r->n_done || rows < wanted)) {
			rows += r->b->terms->items[n++].df;
		}
		r->n_lists = n;
		rc = find_lists(r, e);
		rc = rc ? rc : pass(r, e);
		r->n_done = n;
		needed = lists_needed(r);
		if (needed <= n) {
			break;
		}
		if (needed == r->n) { /* few are allowed, or the words are all common */
			needed = 0;
			wanted = rows * GROWTH;
		} else {
			wanted = 0;
		}
	}
	return rc;
}

int fts_best_first(const void *a, const void *b)
{
	return worse(a, b) ? 1 : -1;
}

/* Forms of one word, as several languages stem it, begin at the same byte of the question, as a
 * compound and its first part do: it is there if one of them is. Terms that only stand in for a
 * word that no row has count for none. */
static void find_words(struct best_rows *r)
{
	const struct query_term *terms = r->b->terms->items;
	double sum = 0;

	for (int i = 0; i < r->n; i++) {
		int at = 0;

		while (at < i && terms[at].start != terms[i].start) {
			at++;
		}
		r->word[i] = terms[i].start < 0 ? -1 : at;
		r->share[i] = at == i && terms[i].start >= 0 ? r->b->idf[i] : 0;
		sum += r->share[i];
	}
	for (int i = 0; i < r->n && sum > 0; i++) {
		r->share[i] /= sum;
	}
}

int fts_best(const struct fts_best *b, struct fts_hit *hits, int *n, struct err *e)
{
	struct arena *a = b->index->arena;
	struct best_rows r = {.b = b,
		.n = b->terms->n,
		.mean_length = b->index->mean_length,
		.heap = hits,
		.whole_size = b->limit < FTS_WHOLE_BELOW ? b->limit : FTS_WHOLE_BELOW};
	int rc;

	r.lists = arena_array(a, struct best_list, (size_t)r.n);
	r.rest = arena_array(a, double, (size_t)r.n + 1);
	r.share = arena_array(a, double, (size_t)r.n);
	r.word = arena_array(a, int, (size_t)r.n);
	r.whole = arena_array(a, double, (size_t)r.whole_size);
	for (int i = r.n - 1; i >= 0; i--) {
		r.lists[i].idf = b->idf[i];
		r.rest[i] = r.rest[i + 1] + b->idf[i] * (BM25_K1 + 1);
	}
	find_words(&r);
	rc = run_passes(&r, e);
	*n = r.n_heap;
	qsort(hits, (size_t)r.n_heap, sizeof(*hits), fts_best_first);
	return rc;
}
