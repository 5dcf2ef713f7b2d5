/*
 * What the files of full text share: index/fts.c (life, rows, statistics), index/fts_search.c (the
 * best rows of a question). Nobody else includes this.
 */
#ifndef INDEX_FTS_PRIVATE_H
#define INDEX_FTS_PRIVATE_H

#include "index/base/buf.h"
#include "index/fts_terms.h"

enum fts_statement {
	FTS_INSERT,
	FTS_DELETE,
	FTS_OPTIMIZE,
	FTS_CHECK,
	FTS_REBUILD,
	FTS_SEARCH,
	FTS_DF,
	FTS_TOTAL,
	FTS_ANY,
	FTS_ANY_ALLOWED,
	FTS_FRESH,
	FTS_ROWS
};

/* A statement on the workspace's own tables, lent as by db_stmt_named; NULL: e says why, and
 * fts_unprepared is its code. */
struct stmt *fts_statement(
	struct db *db, int64_t workspace_n, enum fts_statement which, struct err *e);
int fts_unprepared(const struct err *e);

/* As FTS5's query language writes it. */
void fts_write_term(struct buf *b, const struct query_term *t);

/* Rows of the table. */
MUST_CHECK int fts_count(struct db *db, int64_t workspace_n, int64_t *n, struct err *e);

#endif
