#include "index/fts_postings.h"

#include <sqlite3.h>
#include <string.h>

#include "index/base/buf.h"
#include "index/fts_found.h"
#include "index/fts_private.h"
#include "index/store_private.h"

#define N_COLUMNS 3
#define PAGE_PAD 32	   /* zeros after a page: numbers that run over its end stop there */
#define SEGMENTS_MAX 2000  /* FTS5's own limit */
#define SEGMENT_MAX 0xffff /* its number has 16 bits, */
#define PAGE_MAX INT32_MAX /* a page's 31 */
#define POSITIONS_MAX (1 << 24)
#define LENGTHS_AT_ONCE 16 /* they stand side by side: the next ones cost next to nothing */

struct segment {
	int64_t id;
	int64_t first, last; /* leaf pages */
};

struct postings_cursor {
	const struct segment *segment;
	uint8_t *page;
	int page_size; /* of the memory */
	int n_bytes;   /* of the page */
	int n_leaf;    /* of it, before the footer */
	int64_t page_no;
	int64_t list_first; /* page on which the list begins */
	int64_t list_last;  /* page on which it ends; 0: not known yet */
	int64_t done;	    /* skip_pages: page whose rows are all behind */
	int off;	    /* of the current row's positions */
	int end;	    /* of the list on this page */
	int n_positions;    /* bytes, maybe on following pages */
	int64_t row;	    /* INT64_MAX: past the end */
};

static int damaged(struct err *e)
{
	return err_set(e, ERR_CORRUPT, "fts_damaged", "the full-text index is damaged");
}

/* ── numbers ── */

/* SQLite's varint: seven bits a byte, big end first, the ninth byte whole. */
static int long_varint(const uint8_t *p, uint64_t *v)
{
	uint64_t x = 0;

	for (int i = 0; i < 8; i++) {
		x = x << 7 | (p[i] & 0x7f);
		if (!(p[i] & 0x80)) {
			*v = x;
			return i + 1;
		}
	}
	*v = x << 8 | p[8];
	return 9;
}

static inline int varint(const uint8_t *p, uint64_t *v)
{
	if (!(p[0] & 0x80)) {
		*v = p[0];
		return 1;
	}
	if (!(p[1] & 0x80)) {
		*v = (uint64_t)(p[0] & 0x7f) << 7 | p[1];
		return 2;
	}
	return long_varint(p, v);
}

static int u16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

/* A run of varints: what is past its end reads as 0 and sets bad. */
struct varints {
	const uint8_t *p, *end;
	bool bad;
};

static uint64_t next_varint(struct varints *in)
{
	uint8_t padded[9] = {0};
	size_t left = (size_t)(in->end - in->p);
	uint64_t v;
	int n;

	memcpy(padded, in->p, left < 9 ? left : 9);
	n = varint(padded, &v);
	if ((size_t)n > left) {
		in->bad = true;
		in->p = in->end;
		return 0;
	}
	in->p += n;
	return v;
}

/* ── the records that tell of the whole ── */

static int read_record(struct postings_index *x, int64_t id, struct varints *out, struct err *e)
{
	size_t n;
	const void *p;
	int rc;

	stmt_int(x->page, 1, id);
	rc = stmt_step(x->page, e);
	if (rc != 1) {
		return rc < 0 ? rc : damaged(e);
	}
	p = col_blob(x->page, 0, &n);
	out->p = arena_copy(x->arena, p, n);
	stmt_reset(x->page);
	out->end = out->p + n;
	out->bad = false;
	return 0;
}

#define AVERAGES_ID 1
#define STRUCTURE_ID 10

static int read_averages(struct postings_index *x, struct err *e)
{
	struct varints in;
	int rc = read_record(x, AVERAGES_ID, &in, e);

	if (rc != 0) {
		return rc;
	}
	if (in.p == in.end) {
		return 0; /* no row yet */
	}
	x->state.n_rows = (int64_t)next_varint(&in);
	for (int i = 0; i < N_COLUMNS; i++) {
		x->state.n_tokens += (int64_t)next_varint(&in);
	}
	if (x->state.n_rows > 0 && x->state.n_tokens > 0) {
		x->mean_length = (double)x->state.n_tokens / (double)x->state.n_rows;
	}
	return in.bad ? damaged(e) : 0;
}

/* cookie (4 bytes), levels, segments, write counter; of each level: being merged, segments; of each
 * segment, oldest first: id, first and last page. Level 0 has the newest. */
static int read_structure(struct postings_index *x, struct err *e)
{
	struct varints in;
	uint64_t n_levels, n_segments;
	int rc = read_record(x, STRUCTURE_ID, &in, e);

	if (rc != 0) {
		return rc;
	}
	if (in.end - in.p < 4) {
		return damaged(e);
	}
	in.p += 4;
	if (in.p < in.end && *in.p == 0xff) {
		return 0; /* the format of tables without content */
	}
	n_levels = next_varint(&in);
	n_segments = next_varint(&in);
	x->state.n_written = (int64_t)next_varint(&in);
	if (n_segments > SEGMENTS_MAX || n_levels > INT32_MAX) {
		return damaged(e);
	}
	x->n_levels = (int64_t)n_levels;
	x->segments = arena_array(x->arena, struct segment, n_segments + 1);
	for (uint64_t i = 0; i < n_levels && !in.bad; i++) {
		uint64_t merging = next_varint(&in), n = next_varint(&in);
		uint64_t done = (uint64_t)x->n_segments;

		x->n_empty_levels += merging == 0 && n == 0;
		if (n > n_segments - done) {
			return damaged(e);
		}
		for (uint64_t k = 0; k < n; k++) {
			struct segment *s = &x->segments[done + n - 1 - k];

			s->id = (int64_t)next_varint(&in);
			s->first = (int64_t)next_varint(&in);
			s->last = (int64_t)next_varint(&in);
			if (s->id < 0 || s->id > SEGMENT_MAX || s->first < 0 ||
				s->last < s->first || s->last > PAGE_MAX) {
				return damaged(e);
			}
			x->state.n_pages += s->first > 0 ? s->last - s->first + 1 : 0;
		}
		x->n_segments += (int)n;
	}
	return in.bad ? damaged(e) : 1;
}

int postings_open(struct db *db, struct arena *a, int64_t workspace_n, struct postings_index *out,
	struct err *e)
{
	struct err own = ERR_INIT;
	int rc;

	if (db->writer) {
		return 0;
	}
	*out = (struct postings_index){.db = db, .arena = a, .mean_length = 1};
	out->page = fts_statement(db, workspace_n, FTS_PAGE, e ? e : &own);
	out->seek = fts_statement(db, workspace_n, FTS_SEEK, e ? e : &own);
	out->after = fts_statement(db, workspace_n, FTS_AFTER, e ? e : &own);
	out->sizes = fts_statement(db, workspace_n, FTS_SIZES, e ? e : &own);
	if (!out->page || !out->seek || !out->after || !out->sizes) {
		return fts_unprepared(e ? e : &own);
	}
	rc = read_averages(out, e);
	if (rc == 0) {
		rc = read_structure(out, e);
	}
	return rc;
}

int postings_segments(struct db *db, struct arena *a, int64_t workspace_n,
	struct postings_index *out, struct err *e)
{
	struct err own = ERR_INIT;
	int rc;

	*out = (struct postings_index){.db = db, .arena = a};
	out->page = fts_statement(db, workspace_n, FTS_PAGE, e ? e : &own);
	if (!out->page) {
		return fts_unprepared(e ? e : &own);
	}
	rc = read_structure(out, e);
	return rc == 1 ? 0 : rc < 0 ? rc : damaged(e);
}

/* As fts5_varint.c: big-endian, seven bits a byte, eight in a ninth. */
static void add_varint(struct buf *out, uint64_t v)
{
	uint8_t bytes[10];
	int n = sizeof(bytes);

	ASSERT(v < (uint64_t)1 << 56);
	bytes[--n] = (uint8_t)(v & 0x7f);
	while (v >>= 7) {
		bytes[--n] = (uint8_t)((v & 0x7f) | 0x80);
	}
	buf_add(out, bytes + n, sizeof(bytes) - (size_t)n);
}

/* Copies the levels, but the first n_dropped of those that are empty. */
static void copy_levels(struct varints *in, uint64_t n_levels, uint64_t n_dropped, struct buf *out)
{
	for (uint64_t i = 0; i < n_levels && !in->bad; i++) {
		const uint8_t *from = in->p;
		uint64_t merging = next_varint(in), n = next_varint(in);

		for (uint64_t k = 0; k < 3 * n && !in->bad; k++) {
			(void)next_varint(in);
		}
		if (merging == 0 && n == 0 && n_dropped > 0) {
			n_dropped--;
		} else {
			buf_add(out, from, (size_t)(in->p - from));
		}
	}
}

int postings_without_levels(
	struct db *db, int64_t workspace_n, int64_t kept, struct buf *out, struct err *e)
{
	struct postings_index x;
	struct arena a;
	uint64_t n_empty = 0, n_levels, n_dropped;
	struct varints in;
	int rc;

	arena_init(&a);
	rc = postings_segments(db, &a, workspace_n, &x, e);
	if (rc == 0) {
		rc = read_record(&x, STRUCTURE_ID, &in, e);
	}
	if (rc == 0) {
		n_empty = x.n_empty_levels;
		n_dropped = x.n_levels > kept ? (uint64_t)(x.n_levels - kept) : 0;
		n_dropped = n_dropped < n_empty ? n_dropped : n_empty;
		buf_add(out, in.p, 4);
		in.p += 4;
		n_levels = next_varint(&in);
		add_varint(out, n_levels - n_dropped);
		add_varint(out, next_varint(&in));
		add_varint(out, next_varint(&in));
		copy_levels(&in, n_levels, n_dropped, out);
		rc = in.bad ? damaged(e) : 0;
	}
	arena_finish(&a);
	return rc;
}

int postings_structure_set(
	struct db *db, int64_t workspace_n, const struct buf *record, struct err *e)
{
	struct err own = ERR_INIT;
	struct stmt *q = fts_statement(db, workspace_n, FTS_PAGE_SET, e ? e : &own);

	if (!q) {
		return fts_unprepared(e ? e : &own);
	}
	stmt_int(q, 1, STRUCTURE_ID);
	stmt_blob(q, 2, record->data, record->len);
	return stmt_run(q, e);
}

int64_t postings_segment(const struct postings_index *x, int i)
{
	return x->segments[i].id;
}

/* ── pages ── */

/* As FTS5 numbers them: segment (16 bits), doclist index (1), its height (5), page (31). */
static int64_t page_id(const struct segment *s, int64_t page_no)
{
	return (int64_t)((uint64_t)s->id << 37) + page_no;
}

static int load_page(
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
		int rc = load_page(x, c, page_no, e);
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
	rc = load_page(x, c, page_no > s->first ? page_no : s->first, e);
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

int postings_count(struct postings *p, int64_t *n, struct err *e)
{
	int rc = 0;

	for (*n = 0; rc == 0 && p->row != INT64_MAX; ++*n) {
		rc = postings_next(p, e);
	}
	return rc;
}

/* ── positions ── */

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

		rc = on.page_no < c->segment->last ? load_page(x, &on, on.page_no + 1, e)
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
