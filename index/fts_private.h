/*
 * What the files of full text share: index/fts.c (life, rows), index/fts_statistics.c
 * (frequencies), index/fts_search.c (the best rows of a question), index/fts_best.c and
 * index/fts_postings.c (the same from the posting lists). Nobody else includes this.
 */
#ifndef INDEX_FTS_PRIVATE_H
#define INDEX_FTS_PRIVATE_H

#include "index/base/buf.h"
#include "index/fts_cache.h"
#include "index/fts_postings.h"
#include "index/fts_terms.h"

enum fts_statement {
	FTS_INSERT,
	FTS_DELETE,
	FTS_MERGE,
	FTS_CHECK,
	FTS_REBUILD,
	FTS_SEARCH,
	FTS_DF,
	FTS_TOTAL,
	FTS_ANY,
	FTS_ANY_ALLOWED,
	FTS_FRESH,
	FTS_ROWS,
	FTS_PAGE,
	FTS_PAGE_SET,
	FTS_SEEK,
	FTS_AFTER,
	FTS_SIZES,
	FTS_LEAVES
};

/* A statement on the workspace's own tables, lent as by db_stmt_named; NULL: e says why, and
 * err_code which. */
struct stmt *fts_statement(
	struct db *db, int64_t workspace_n, enum fts_statement which, struct err *e);

/* As FTS5's query language writes it. */
void fts_write_term(struct buf *b, const struct query_term *t);

/* What FTS5 keeps of an index at one time (index/fts_statistics.c). */
struct fts_totals {
	int64_t n_rows;
	uint64_t digest; /* of all it keeps, which changes with the index */
};
MUST_CHECK int fts_totals_load(
	struct db *db, int64_t workspace_n, struct fts_totals *out, struct err *e);

/* The statistics of one snapshot (index/fts_statistics.c). */
struct fts_reading {
	struct db *db;
	int64_t workspace_n;
	bool direct; /* index and memory are there; else FTS5 is asked */
	struct postings_index index;
	struct fts_memory *memory; /* NULL: nothing is remembered */
	int64_t n_rows;
};
MUST_CHECK int fts_reading_open(struct db *db, struct arena *a, int64_t workspace_n,
	struct fts_reading *out, struct err *e);
MUST_CHECK int fts_reading_df(struct fts_reading *r, const char *term, int64_t *df, struct err *e);
/* Whether a row that is allowed has the term; allowed NULL: any row. */
MUST_CHECK int fts_reading_has(struct fts_reading *r, const struct allowed *allowed,
	const char *term, bool *has, struct err *e);
double fts_idf_of(int64_t n_rows, int64_t df);

/* Drops what no row has, puts the rarest first; idf [terms->n], by all forms of a word together
 * (index/fts_search.c). */
MUST_CHECK int fts_weigh_terms(
	struct fts_reading *r, struct query_terms *terms, double *idf, struct err *e);

#endif
