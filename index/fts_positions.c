#include <string.h>

#include "index/fts_postings_private.h"

#define LENGTHS_AT_ONCE 16 /* they stand side by side: the next ones cost next to nothing */

static int count_positions(
	const uint8_t *p, int n_bytes, const double *column_weight, double *out, struct err *e)
{
	double weight = column_weight[0], sum = 0;
	int i = 0;

	while (i < n_bytes) {
		uint64_t v;

		i += varint(p + i, &v);
		if (v == 1) {
			i += varint(p + i, &v);
			if (v >= N_COLUMNS) {
				return damaged(e);
			}
			weight = column_weight[v];
		} else {
			sum += weight;
		}
	}
	*out = sum;
	return 0;
}

/* Positions that go on past their page, from the pages' parts. */
static int gather_positions(
	struct postings_index *x, struct postings_cursor *c, uint8_t **out, struct err *e)
{
	uint8_t *all = arena_alloc(x->arena, (size_t)c->n_positions + PAGE_PAD);
	int n = c->n_leaf - c->off;
	struct postings_cursor on = {.segment = c->segment, .page_no = c->page_no};
	int rc = 0;

	memcpy(all, c->page + c->off, (size_t)n);
	while (rc == 0 && n < c->n_positions) {
		int part;

		rc = on.page_no < c->segment->last ? postings_load_page(x, &on, on.page_no + 1, e)
						   : damaged(e);
		if (rc == 0) {
			part = on.n_leaf - 4 < c->n_positions - n ? on.n_leaf - 4
								  : c->n_positions - n;
			memcpy(all + n, on.page + 4, (size_t)part);
			n += part;
		}
	}
	*out = all;
	return rc;
}

static int locate_positions(struct postings *p, const uint8_t **at, struct err *e)
{
	struct postings_cursor *c = &p->cursors[p->at];
	uint8_t *all;
	int rc;

	*at = c->page + c->off;
	if (c->off + c->n_positions <= c->n_leaf) {
		return 0;
	}
	rc = gather_positions(p->index, c, &all, e);
	*at = all;
	return rc;
}

int postings_weigh(struct postings *p, const double *column_weight, double *out, struct err *e)
{
	const uint8_t *at;
	int rc = locate_positions(p, &at, e);

	return rc ? rc : count_positions(at, p->cursors[p->at].n_positions, column_weight, out, e);
}

int postings_positions(struct postings *p, int32_t *out, int max, int *n, struct err *e)
{
	const uint8_t *at;
	int n_bytes = p->cursors[p->at].n_positions;
	int64_t position = 0, column = 0;
	int rc = locate_positions(p, &at, e);

	*n = 0;
	for (int i = 0; rc == 0 && i < n_bytes && *n < max;) {
		uint64_t v;

		i += varint(at + i, &v);
		if (v == 1) {
			i += varint(at + i, &v);
			column = (int64_t)v;
			position = 0;
		} else {
			if (v < 2 || v > POSTINGS_COLUMN || column < 0 || column >= N_COLUMNS) {
				return damaged(e);
			}
			position += (int64_t)v - 2;
			if (position >= POSTINGS_COLUMN) {
				return damaged(e);
			}
			out[(*n)++] = (int32_t)(column * POSTINGS_COLUMN + position);
		}
	}
	return rc;
}

/* ── lengths ── */

static int read_length(struct stmt *q, int *out, struct err *e)
{
	struct varints in = {0};
	uint64_t sum = 0;
	size_t n;

	in.p = col_blob(q, 1, &n);
	in.end = in.p + n;
	for (int i = 0; i < N_COLUMNS; i++) {
		sum += next_varint(&in);
	}
	*out = sum < INT32_MAX ? (int)sum : INT32_MAX;
	return in.bad ? damaged(e) : 0;
}

int postings_length(
	struct postings_index *x, struct fts_memory *m, int64_t row, int *out, struct err *e)
{
	struct stmt *q = x->sizes;
	int rc, first;

	*out = fts_memory_length(m, row);
	if (*out) {
		return 0;
	}
	stmt_int(q, 1, row);
	stmt_int(q, 2, m ? LENGTHS_AT_ONCE : 1);
	rc = stmt_step(q, e);
	if (rc == 1) {
		rc = col_int(q, 0) == row ? read_length(q, out, e) : damaged(e);
	} else if (rc == 0) {
		rc = damaged(e);
	}
	first = *out;
	while (rc == 0 && m) {
		fts_memory_keep_length(m, col_int(q, 0), *out);
		rc = stmt_step(q, e);
		if (rc != 1) {
			break;
		}
		rc = read_length(q, out, e);
	}
	*out = first;
	stmt_reset(q);
	return rc;
}
