#include <string.h>

#include "index/base/buf.h"
#include "index/fts_postings_private.h"
#include "index/fts_private.h"
#include "index/store_private.h"

#define SEGMENTS_MAX 2000  /* FTS5's own limit */
#define SEGMENT_MAX 0xffff /* its number has 16 bits, */
#define PAGE_MAX INT32_MAX /* a page's 31 */

uint64_t next_varint(struct varints *in)
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
		return err_code(e ? e : &own);
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
		return err_code(e ? e : &own);
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
		return err_code(e ? e : &own);
	}
	stmt_int(q, 1, STRUCTURE_ID);
	stmt_blob(q, 2, record->data, record->len);
	return stmt_run(q, e);
}

int64_t postings_segment(const struct postings_index *x, int i)
{
	return x->segments[i].id;
}
