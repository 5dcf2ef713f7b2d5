#include "index/fts_pairs.h"

#include <stdlib.h>
#include <string.h>

#include "index/fts_private.h"
#include "index/sql_functions.h"

/* Design, section 11: measured over eleven collections, not tuned to one of them. NEAR was .1 and
 * was sought again with COVERING (index/fts_search.c). */
#define ADJACENT .3
#define NEAR .15
#define NEAR_TOKENS 8
#define POSITIONS_MAX 1000 /* of a term in a row; of more the rest is not looked at */

struct pair {
	int first, second; /* of pair_term */
	double idf;
};

struct pair_term {
	const char *text;
	double idf;
	struct postings postings;
	int32_t *positions; /* [POSITIONS_MAX] in the present row */
	int n;
};

struct pairing {
	struct pair pairs[FTS_PAIRS_MAX];
	int n_pairs;
	struct pair_term *terms; /* [n_terms] those of a pair */
	int n_terms;
};

/* The term's number in the list of those that pairs have, or -1: the question does not search it.
 */
static int find_term(struct pairing *p, const struct fts_best *b, const char *text)
{
	for (int i = 0; i < p->n_terms; i++) {
		if (strcmp(p->terms[i].text, text) == 0) {
			return i;
		}
	}
	for (int i = 0; i < b->terms->n; i++) {
		if (strcmp(b->terms->items[i].text, text) == 0) {
			p->terms[p->n_terms] = (struct pair_term){.text = text, .idf = b->idf[i]};
			return p->n_terms++;
		}
	}
	return -1;
}

static int open_pairs(struct pairing *p, const struct fts_best *b, struct err *e)
{
	struct arena *a = b->index->arena;
	int rc = 0;

	p->terms = arena_array(a, struct pair_term, (size_t)b->terms->n);
	for (int i = 0; i < b->terms->n_pairs; i++) {
		int first = find_term(p, b, b->terms->pairs[i].first);
		int second = find_term(p, b, b->terms->pairs[i].second);

		if (first >= 0 && second >= 0) {
			double x = p->terms[first].idf, y = p->terms[second].idf;

			/* A pair is in no more rows than its rarer word. */
			p->pairs[p->n_pairs++] = (struct pair){first, second, x > y ? x : y};
		}
	}
	for (int i = 0; rc == 0 && i < p->n_terms; i++) {
		p->terms[i].positions = arena_array(a, int32_t, POSITIONS_MAX);
		rc = postings_find(b->index, p->terms[i].text, &p->terms[i].postings, e);
	}
	return rc;
}

static int read_row(struct pairing *p, int64_t row, struct err *e)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < p->n_terms; i++) {
		struct pair_term *t = &p->terms[i];

		t->n = 0;
		rc = postings_seek(&t->postings, row, e);
		if (rc == 0 && t->postings.row == row) {
			rc = postings_positions(
				&t->postings, t->positions, POSITIONS_MAX, &t->n, e);
		}
	}
	return rc;
}

static double weight_at(int32_t position)
{
	return fts_column_weight[position / POSTINGS_COLUMN];
}

/* Each place of the first word counts once for either. Columns are far apart: none is near. */
static void count_pair(const struct pair_term *first, const struct pair_term *second,
	double *adjacent, double *near)
{
	int k = 0;

	*adjacent = *near = 0;
	for (int i = 0; i < first->n; i++) {
		int32_t at = first->positions[i];
		bool is_near = false;

		while (k < second->n && second->positions[k] < at - NEAR_TOKENS) {
			k++;
		}
		for (int m = k; m < second->n && second->positions[m] <= at + NEAR_TOKENS; m++) {
			is_near = true;
			if (second->positions[m] == at + 1) {
				*adjacent += weight_at(at);
			}
		}
		*near += is_near ? weight_at(at) : 0;
	}
}

static double bm25(double f, double norm)
{
	return f * (BM25_K1 + 1) / (f + norm);
}

static int add_to_row(
	struct pairing *p, const struct fts_best *b, struct fts_hit *hit, struct err *e)
{
	int length, rc = postings_length(b->index, b->memory, hit->slot, &length, e);
	double norm = BM25_K1 * (1 - BM25_B + BM25_B * length / b->index->mean_length);

	rc = rc ? rc : read_row(p, hit->slot, e);
	for (int i = 0; rc == 0 && i < p->n_pairs; i++) {
		double adjacent, near;

		count_pair(&p->terms[p->pairs[i].first], &p->terms[p->pairs[i].second], &adjacent,
			&near);
		hit->score += p->pairs[i].idf *
			      (ADJACENT * bm25(adjacent, norm) + NEAR * bm25(near, norm));
	}
	return rc;
}

static int by_slot(const void *a, const void *b)
{
	const struct fts_hit *x = a, *y = b;

	return (x->slot > y->slot) - (x->slot < y->slot);
}

int fts_add_pairs(const struct fts_best *b, struct fts_hit *hits, int n, struct err *e)
{
	struct pairing p = {.n_pairs = 0};
	int rc = n > 0 && b->terms->n_pairs > 0 ? open_pairs(&p, b, e) : 0;

	if (rc == 0 && p.n_pairs > 0) {
		qsort(hits, (size_t)n, sizeof(*hits), by_slot);
		for (int i = 0; rc == 0 && i < n; i++) {
			rc = add_to_row(&p, b, &hits[i], e);
		}
		qsort(hits, (size_t)n, sizeof(*hits), fts_best_first);
	}
	return rc;
}
