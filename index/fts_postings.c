#include <string.h>

#include "index/fts_found.h"
#include "index/fts_postings_private.h"
#include "index/store_private.h"

#define POSITIONS_MAX (1 << 24)

/* ── pages ── */

/* As FTS5 numbers them: segment (16 bits), doclist index (1), its height (5), page (31). */
static int64_t page_id(const struct segment *s, int64_t page_no)
{
	return (int64_t)((uint64_t)s->id << 37) + page_no;
}

int postings_load_page(
	struct postings_index *x, struct postings_cursor *c, int64_t page_no, struct err *e)
{
	const uint8_t *p;
	size_t n;
	int rc;

	stmt_int(x->page, 1, page_id(c->segment, page_no));
	rc = stmt_step(x->page, e);
	if (rc != 1) {
		return rc < 0 ? rc : damaged(e);
	}
	p = col_blob(x->page, 0, &n);
	if (n < 4 || n > 1 << 24) {
		stmt_reset(x->page);
		return damaged(e);
	}
	if ((int)n + PAGE_PAD > c->page_size) {
		c->page_size = (int)n + 512 + PAGE_PAD;
		c->page = arena_alloc(x->arena, (size_t)c->page_size);
	}
	memcpy(c->page, p, n);
	memset(c->page + n, 0, PAGE_PAD);
	stmt_reset(x->page);
	c->n_bytes = (int)n;
	c->n_leaf = u16(c->page + 2);
	c->page_no = page_no;
	return c->n_leaf >= 4 && c->n_leaf <= c->n_bytes && u16(c->page) <= c->n_leaf ? 0
										      : damaged(e);
}

/* Offset of the first term of the page; 0: it has none. */
static int first_term(const struct postings_cursor *c)
{
	uint64_t v = 0;

	if (c->n_leaf < c->n_bytes) {
		varint(c->page + c->n_leaf, &v);
	}
	return v <= (uint64_t)c->n_leaf ? (int)v : 0;
}

static void set_end(struct postings_cursor *c)
{
	int term = first_term(c);

	c->end = term ? term : c->n_leaf;
	if (term) {
		c->list_last = c->page_no;
	}
}

/* ── one segment's part of a list ── */

static int read_size(struct postings_cursor *c, int off, struct err *e)
{
	uint64_t v;

	off += varint(c->page + off, &v);
	if (v >> 1 > POSITIONS_MAX || off > c->n_leaf) {
		return damaged(e);
	}
	c->n_positions = (int)(v >> 1);
	c->off = off;
	return 0;
}

/* At the first row that stands on the page or, where a row's positions fill it, on the next ones;
 * the end if a term comes first. */
static int first_on_page(
	struct postings_index *x, struct postings_cursor *c, int64_t page_no, struct err *e)
{
	for (; page_no <= c->segment->last; page_no++) {
		int rc = postings_load_page(x, c, page_no, e);
		int off = rc == 0 ? u16(c->page) : 0;

		if (rc != 0) {
			return rc;
		}
		set_end(c);
		if (off) {
			uint64_t row;

			off += varint(c->page + off, &row);
			c->row = (int64_t)row;
			return off <= c->end ? read_size(c, off, e) : damaged(e);
		}
		if (first_term(c)) {
			c->list_last = page_no;
			break;
		}
	}
	c->row = INT64_MAX;
	return 0;
}

static int cursor_next(struct postings_index *x, struct postings_cursor *c, struct err *e)
{
	int off = c->off + c->n_positions;
	uint64_t v;

	if (off < c->end) {
		off += varint(c->page + off, &v);
		c->row = (int64_t)((uint64_t)c->row + v);
		return read_size(c, off, e);
	}
	if (c->list_last <= c->page_no) {
		c->row = INT64_MAX;
		return 0;
	}
	return first_on_page(x, c, c->page_no + 1, e);
}

/* The last page on which the list may stand: where the next term begins. */
static int find_last(struct postings_index *x, struct postings_cursor *c, const char *key,
	int n_key, struct err *e)
{
	int rc;

	stmt_int(x->after, 1, c->segment->id);
	stmt_blob(x->after, 2, key, (size_t)n_key);
	rc = stmt_step(x->after, e);
	if (rc < 0) {
		return rc;
	}
	c->list_last = rc == 1 ? col_int(x->after, 0) >> 1 : c->segment->last;
	stmt_reset(x->after);
	return c->list_last >= c->page_no ? 0 : damaged(e);
}

static int walk_page(struct postings_cursor *c, int64_t row, struct err *e)
{
	while (c->row < row) {
		int off = c->off + c->n_positions;
		uint64_t v;
		int rc;

		if (off >= c->end) {
			break;
		}
		off += varint(c->page + off, &v);
		c->row = (int64_t)((uint64_t)c->row + v);
		rc = read_size(c, off, e);
		if (rc != 0) {
			return rc;
		}
	}
	return 0;
}

/* From a page whose rows are all before `row` to the last one that begins at or before it: by steps
 * that double, then by halves. The pages between hold nothing but this list. */
static int skip_pages(
	struct postings_index *x, struct postings_cursor *c, int64_t row, struct err *e)
{
	int64_t low = c->page_no, high = c->list_last + 1, step = 1;
	int rc = 0;

	while (rc == 0 && low + 1 < high) {
		int64_t at = low + step < high ? low + step : high - 1;

		rc = first_on_page(x, c, at, e);
		if (rc == 0 && c->row <= row) {
			low = c->page_no; /* past pages without a row */
			step = high > c->list_last ? step * 2 : (high - low) / 2;
		} else {
			high = at;
			step = (high - low) / 2;
		}
		step = step > 0 ? step : 1;
	}
	if (rc == 0 && c->page_no == low && c->row <= row) {
		return 0;
	}
	/* The pages up to `low` are done, unless it is the one to stand on. */
	return rc ? rc : first_on_page(x, c, low > c->done ? low : low + 1, e);
}

static int cursor_seek(
	struct postings_index *x, struct postings_cursor *c, int64_t row, struct err *e)
{
	int rc = walk_page(c, row, e);

	for (int near = 0; rc == 0 && c->row < row && c->page_no < c->list_last; near++) {
		if (near == 0) { /* as a rule it is not far */
			rc = first_on_page(x, c, c->page_no + 1, e);
		} else {
			c->done = c->page_no;
			rc = skip_pages(x, c, row, e);
		}
		rc = rc ? rc : walk_page(c, row, e);
	}
	if (rc == 0 && c->row < row) {
		c->row = INT64_MAX;
	}
	return rc;
}

/* ── finding a term ── */

/* The doclist of the term that ends at n; the next one begins after `at` of the footer. */
static int open_list(struct postings_cursor *c, int n, int off, int at, struct err *e)
{
	uint64_t v;

	c->off = n;
	c->end = c->n_leaf;
	c->list_last = 0;
	if (at < c->n_bytes) {
		varint(c->page + at, &v);
		if (v > (uint64_t)(c->n_leaf - off)) {
			return damaged(e);
		}
		c->end = off + (int)v;
		c->list_last = c->page_no;
	}
	return 1;
}

/* The term's doclist on the page it stands on; 1: found. Terms stand in order, each as what it
 * keeps of the one before and the rest: those that keep more of a smaller one than that has in
 * common with the key are smaller, too. */
static int find_on_page(struct postings_cursor *c, const char *key, int n_key, struct err *e)
{
	int at = c->n_leaf, off = 0, n_term = 0, common = 0;
	uint64_t v;

	while (at < c->n_bytes) {
		uint64_t keep = 0;
		int n, i = 0;

		at += varint(c->page + at, &v);
		if (v > (uint64_t)(c->n_leaf - off)) {
			return damaged(e);
		}
		off += (int)v;
		n = off;
		if (n_term) {
			n += varint(c->page + n, &keep);
		}
		n += varint(c->page + n, &v);
		if (keep > (uint64_t)n_term || n > c->n_leaf || v > (uint64_t)(c->n_leaf - n)) {
			return damaged(e);
		}
		n_term = (int)(keep + v);
		if (keep > (uint64_t)common) {
			continue;
		}
		if (keep < (uint64_t)common) {
			return 0;
		}
		while (i < (int)v && common < n_key &&
			c->page[n + i] == (unsigned char)key[common]) {
			i++;
			common++;
		}
		if (i == (int)v && common == n_key) {
			return open_list(c, n + (int)v, off, at, e);
		}
		if (common == n_key ||
			(i < (int)v && c->page[n + i] > (unsigned char)key[common])) {
			return 0;
		}
	}
	return 0;
}

static int first_row(struct postings_index *x, struct postings_cursor *c, const char *key,
	int n_key, struct err *e)
{
	uint64_t row;
	int off = c->off;
	int rc = c->list_last ? 0 : find_last(x, c, key, n_key, e);

	if (rc != 0) {
		return rc;
	}
	if (off >= c->n_leaf) {
		return first_on_page(x, c, c->page_no + 1, e);
	}
	off += varint(c->page + off, &row);
	c->row = (int64_t)row;
	return read_size(c, off, e);
}

/* 1: the segment has the term. */
static int find_in_segment(struct postings_index *x, const struct segment *s, const char *key,
	int n_key, struct postings_cursor *c, struct err *e)
{
	int64_t page_no;
	int rc;

	stmt_int(x->seek, 1, s->id);
	stmt_blob(x->seek, 2, key, (size_t)n_key);
	rc = stmt_step(x->seek, e);
	if (rc < 0) {
		return rc;
	}
	page_no = rc == 1 ? col_int(x->seek, 0) >> 1 : 0;
	stmt_reset(x->seek);
	c->segment = s;
	/* Pages before the first went into a merge that is not finished. */
	rc = postings_load_page(x, c, page_no > s->first ? page_no : s->first, e);
	if (rc == 0) {
		rc = find_on_page(c, key, n_key, e);
	}
	if (rc == 1) {
		rc = first_row(x, c, key, n_key, e);
		return rc ? rc : 1;
	}
	return rc;
}

/* ── all segments ── */

/* To the row that comes first; of the entries for it the newest one stands. */
static int choose(struct postings *p, struct err *e)
{
	int rc = 0;

	for (;;) {
		int first = 0;

		for (int i = 1; i < p->n_cursors; i++) {
			if (p->cursors[i].row < p->cursors[first].row) {
				first = i;
			}
		}
		p->at = first;
		p->row = p->n_cursors ? p->cursors[first].row : INT64_MAX;
		p->until = INT64_MAX;
		for (int i = 0; rc == 0 && i < p->n_cursors && p->row != INT64_MAX; i++) {
			if (i == first) {
				continue;
			}
			if (p->cursors[i].row == p->row) {
				rc = cursor_next(p->index, &p->cursors[i], e);
			}
			if (p->cursors[i].row < p->until) {
				p->until = p->cursors[i].row;
			}
		}
		if (rc != 0 || p->row == INT64_MAX || p->cursors[first].n_positions > 0) {
			return rc;
		}
		rc = cursor_next(p->index, &p->cursors[first], e); /* the row has gone */
		if (rc != 0) {
			return rc;
		}
	}
}

/* In every segment, in arena a. */
static int find_term(struct postings_index *x, struct arena *a, const char *term,
	struct postings *out, struct err *e)
{
	struct postings_index in = *x;
	size_t n = strlen(term);
	char *key = arena_alloc(x->arena, n + 2);
	int rc = 0;

	in.arena = a;
	key[0] = '0'; /* of FTS5's main index, prefix indexes have others */
	memcpy(key + 1, term, n + 1);
	*out = (struct postings){.row = INT64_MAX};
	out->cursors = arena_array(a, struct postings_cursor, (size_t)x->n_segments + 1);
	for (int i = 0; i < x->n_segments && rc >= 0; i++) {
		if (x->segments[i].first > 0) {
			rc = find_in_segment(&in, &x->segments[i], key, (int)n + 1,
				&out->cursors[out->n_cursors], e);
			out->n_cursors += rc == 1;
		}
	}
	return rc < 0 ? rc : 0;
}

int postings_find(struct postings_index *x, const char *term, struct postings *out, struct err *e)
{
	const struct postings *known = x->found ? fts_found_lookup(x->found, term) : NULL;
	struct arena *room = x->found && !known ? fts_found_room(x->found) : NULL;
	struct postings_cursor *kept;
	int rc = 0;

	if (known) {
		*out = *known;
	} else {
		rc = find_term(x, room ? room : x->arena, term, out, e);
	}
	if (rc != 0) {
		return rc;
	}
	if (room) {
		fts_found_add(x->found, term, out);
	}
	out->index = x;
	if (known || room) {
		kept = out->cursors;
		out->cursors =
			arena_array(x->arena, struct postings_cursor, (size_t)out->n_cursors + 1);
		for (int i = 0; i < out->n_cursors; i++) {
			out->cursors[i] = kept[i];
			out->cursors[i].page_size = 0; /* the page is not its own */
		}
	}
	return choose(out, e);
}

int postings_next(struct postings *p, struct err *e)
{
	struct postings_cursor *c = &p->cursors[p->at];
	int rc = cursor_next(p->index, c, e);

	if (rc == 0 && c->row < p->until && c->n_positions > 0) {
		p->row = c->row;
		return 0;
	}
	return rc ? rc : choose(p, e);
}

int postings_seek(struct postings *p, int64_t row, struct err *e)
{
	int rc = 0;

	if (p->row >= row) {
		return 0;
	}
	for (int i = 0; rc == 0 && i < p->n_cursors; i++) {
		if (p->cursors[i].row < row) {
			rc = cursor_seek(p->index, &p->cursors[i], row, e);
		}
	}
	return rc ? rc : choose(p, e);
}

int postings_count(struct postings *p, int64_t *n, struct err *e)
{
	int rc = 0;

	for (*n = 0; rc == 0 && p->row != INT64_MAX; ++*n) {
		rc = postings_next(p, e);
	}
	return rc;
}
