/*
 * Posting lists as FTS5 keeps them, read directly: which rows hold a term, in order of rowid, and
 * how often each does. FTS5's own query engine steps every list of an OR to every row that any of
 * them proposes and leaves through SQLite's virtual machine for each; a search that only wants the
 * best rows skips most of both (index/fts_best.c).
 *
 * Only reads, from the snapshot of the connection. The format is that of the tables fts_<n>_data
 * and fts_<n>_idx, described at the top of SQLite's ext/fts5/fts5_index.c and kept compatible by
 * it; a structure record that is not known makes postings_open say so, and the caller asks FTS5
 * instead. Every offset that was read is checked: a damaged table is ERR_CORRUPT.
 *
 *   segment  an immutable run of leaf pages, terms in order; a newer segment's entry for a (term,
 *            row) stands for all older ones, and an empty one says that the row has gone
 *   page     u16 offset of the first rowid that stands before any term (0: none), u16 size of what
 *            follows before the footer; terms and doclists; footer: varint offsets of the terms
 *   doclist  (rowid or its delta, 2 * n_bytes + deleted, n_bytes of positions) …; a rowid is never
 *            cut, positions may go on at byte 4 of the next page, whose first rowid is absolute
 *   positions  delta + 2 of each token; 1, column before those of a column other than 0
 */
#ifndef INDEX_FTS_POSTINGS_H
#define INDEX_FTS_POSTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "index/base/arena.h"
#include "index/base/buf.h"
#include "index/base/err.h"
#include "index/fts_cache.h"
#include "index/store.h"

struct fts_found;

/* The index of one workspace in one snapshot. */
struct postings_index {
	struct db *db;
	struct arena *arena;
	struct fts_found *found; /* that postings_find keeps lists in; NULL: nowhere */
	struct stmt *page, *seek, *after, *sizes; /* lent while it is used */
	struct segment *segments;		  /* newest first */
	int n_segments;
	int64_t n_levels; /* that they are merged through, empty ones too */
	uint64_t n_empty_levels;
	struct fts_state state;
	double mean_length; /* of a row in tokens */
};

struct postings_cursor;

/* A term's list. */
struct postings {
	struct postings_index *index;
	struct postings_cursor *cursors; /* one a segment that has the term; newest first */
	int n_cursors;
	int at;	       /* the cursor of the current row */
	int64_t until; /* no other cursor is before this row */
	int64_t row;   /* INT64_MAX: past the end */
};

/* 1: readable, 0: of a format that is not known, or the connection is the writer's, of which FTS5
 * may hold rows that are in no table yet. Everything lives in the arena. */
MUST_CHECK int postings_open(struct db *db, struct arena *a, int64_t workspace_n,
	struct postings_index *out, struct err *e);

/* tx. The structure record with at most `kept` levels, if so many are empty: the lowest ones go
 * first. And one that takes its place: FTS5 must not have the former in memory. */
MUST_CHECK int postings_without_levels(
	struct db *db, int64_t workspace_n, int64_t kept, struct buf *out, struct err *e);
MUST_CHECK int postings_structure_set(
	struct db *db, int64_t workspace_n, const struct buf *record, struct err *e);

/* Of any connection: only segments, n_segments and n_levels are set. */
MUST_CHECK int postings_segments(struct db *db, struct arena *a, int64_t workspace_n,
	struct postings_index *out, struct err *e);
int64_t postings_segment(const struct postings_index *x, int i); /* its number, while it lives */

/* At its first row; row is INT64_MAX where no row has the term. */
MUST_CHECK int postings_find(
	struct postings_index *x, const char *term, struct postings *out, struct err *e);
MUST_CHECK int postings_next(struct postings *p, struct err *e);
/* To the first row that is not before this one; stays if it is there already. */
MUST_CHECK int postings_seek(struct postings *p, int64_t row, struct err *e);
/* How often the row has the term, each time by its column's weight: [3] title, heading, body. */
MUST_CHECK int postings_weigh(
	struct postings *p, const double *column_weight, double *out, struct err *e);
/* Where it has it: token numbers, those of column c after c * POSTINGS_COLUMN, in order; of more
 * than max the rest is left out. */
#define POSTINGS_COLUMN (1 << 26)
MUST_CHECK int postings_positions(struct postings *p, int32_t *out, int max, int *n, struct err *e);
/* Tokens of a row, as remembered in m (NULL: nowhere) or from the index; ERR_CORRUPT if there is no
 * such row. */
MUST_CHECK int postings_length(
	struct postings_index *x, struct fts_memory *m, int64_t row, int *out, struct err *e);
/* Rows with the term. Ends the list. */
MUST_CHECK int postings_count(struct postings *p, int64_t *n, struct err *e);

#endif
