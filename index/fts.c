#include "index/fts.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/buf.h"
#include "index/fts_private.h"
#include "index/sql_functions.h"
#include "index/store_private.h"

#define SQL_SIZE 1024

#define TEXT(x) #x
#define VERSION_TEXT(x) TEXT(x)

/* %1$lld is the workspace's number, the only thing formatted. */
static const struct {
	const char *key, *sql;
} statements[] = {
	[FTS_INSERT] = {"insert", "INSERT INTO fts_%1$lld (rowid, title, heading, body) "
				  "VALUES (?1, ?2, ?3, ?4)"},
	[FTS_DELETE] = {"delete",
		"INSERT INTO fts_%1$lld (fts_%1$lld, rowid, title, heading, body) "
		"VALUES ('delete', ?1, ?2, ?3, ?4)"},
	[FTS_MERGE] = {"merge", "INSERT INTO fts_%1$lld (fts_%1$lld, rank) VALUES ('merge', ?1)"},
	/* 1: against the content, too. */
	[FTS_CHECK] = {"check",
		"INSERT INTO fts_%1$lld (fts_%1$lld, rank) VALUES ('integrity-check', 1)"},
	[FTS_REBUILD] = {"rebuild", "INSERT INTO fts_%1$lld (fts_%1$lld) VALUES ('rebuild')"},
	/* Not `ORDER BY rank`: that scores a row before the filter sees it. */
	[FTS_SEARCH] = {"search",
		"SELECT rowid, carrel_score(fts_%1$lld, ?4) AS score FROM fts_%1$lld "
		"WHERE fts_%1$lld MATCH ?1 AND carrel_allowed(rowid, ?2) "
		"ORDER BY score DESC, rowid LIMIT ?3"},
	[FTS_DF] = {"df", "SELECT doc FROM fts_words_%1$lld WHERE term = ?1"},
	/* Row 1 holds the totals: a varint number of rows, then of tokens a column (fts5_index.c).
	 */
	[FTS_TOTAL] = {"total", "SELECT block FROM fts_%1$lld_data WHERE id = 1"},
	[FTS_ANY] = {"any", "SELECT 1 FROM fts_%1$lld WHERE fts_%1$lld MATCH ?1 LIMIT 1"},
	[FTS_ANY_ALLOWED] = {"any_allowed", "SELECT 1 FROM fts_%1$lld WHERE fts_%1$lld MATCH ?1 "
					    "AND carrel_allowed(rowid, ?2) LIMIT 1"},
	[FTS_ROWS] = {"rows", "SELECT rowid FROM fts_%1$lld WHERE fts_%1$lld MATCH ?1 "
			      "AND carrel_allowed(rowid, ?2)"},
	/* Below 1 << 37 stand the records of the whole index, not pages of a segment. */
	[FTS_LEAVES] = {"leaves", "SELECT id, block FROM fts_%1$lld_data "
				  "WHERE id >= 137438953472 ORDER BY id"},
	[FTS_FRESH] = {"fresh",
		"SELECT 1 FROM sqlite_schema WHERE name = 'fts_%1$lld' AND "
		"sql LIKE '%%tokenize = ''carrel " VERSION_TEXT(ANALYSER_VERSION) "'')'"},
	/* The tables behind, for index/fts_postings.c. */
	[FTS_PAGE] = {"page", "SELECT block FROM fts_%1$lld_data WHERE id = ?1"},
	[FTS_PAGE_SET] = {"page_set", "UPDATE fts_%1$lld_data SET block = ?2 WHERE id = ?1"},
	[FTS_SEEK] = {"seek", "SELECT pgno FROM fts_%1$lld_idx WHERE segid = ?1 AND term <= ?2 "
			      "ORDER BY term DESC LIMIT 1"},
	[FTS_AFTER] = {"after", "SELECT pgno FROM fts_%1$lld_idx WHERE segid = ?1 AND term > ?2 "
				"ORDER BY term LIMIT 1"},
	[FTS_SIZES] = {"sizes",
		"SELECT id, sz FROM fts_%1$lld_docsize WHERE id >= ?1 ORDER BY id LIMIT ?2"},
};

static const char *const create_sql[] = {
	("CREATE VIEW fts_content_%1$lld AS SELECT slot, language || char(31) || title AS title, "
	 "language || char(31) || heading AS heading, "
	 "language || char(31) || carrel_text(dictionary_n, text) AS body "
	 "FROM chunk WHERE workspace_n = %1$lld AND live = 1"),
	("CREATE VIRTUAL TABLE fts_%1$lld USING fts5(title, heading, body, "
	 "content = 'fts_content_%1$lld', content_rowid = 'slot', "
	 "tokenize = 'carrel " VERSION_TEXT(ANALYSER_VERSION) "')"),
	"CREATE VIRTUAL TABLE fts_words_%1$lld USING fts5vocab(fts_%1$lld, row)",
};
static const char *const drop_sql[] = {
	/* What cannot be opened cannot be dropped: an empty structure (cookie, no level, no
	 * segment, no write yet) for one that may be damaged. */
	"INSERT OR REPLACE INTO fts_%1$lld_data (id, block) VALUES (10, x'00000000000000')",
	"DROP TABLE IF EXISTS fts_words_%1$lld",
	"DROP TABLE IF EXISTS fts_%1$lld",
	"DROP VIEW IF EXISTS fts_content_%1$lld",
};

static void format_sql(char out[SQL_SIZE], const char *sql, int64_t workspace_n)
{
	int n;

	n = snprintf(out, SQL_SIZE, sql, (long long)workspace_n);
	ASSERT(n > 0 && n < SQL_SIZE);
}

struct stmt *fts_statement(
	struct db *db, int64_t workspace_n, enum fts_statement which, struct err *e)
{
	char key[64], text[SQL_SIZE];

	ASSERT(workspace_n > 0);
	snprintf(key, sizeof(key), "fts.%s.%lld", statements[which].key, (long long)workspace_n);
	format_sql(text, statements[which].sql, workspace_n);
	return db_stmt_named(db, key, text, e);
}

/* ── life ── */

static int connect(void *connection, struct db *db, struct err *e)
{
	int rc = chunk_text_functions(connection);

	(void)db;
	if (rc == SQLITE_OK) {
		rc = fts_functions(connection);
	}
	return rc == SQLITE_OK ? 0 : db_error(connection, rc, e, "cannot set full text up");
}

void fts_register(void)
{
	store_on_connect(connect);
}

static int run_ddl(
	struct db *db, int64_t workspace_n, const char *const *list, size_t n, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		char text[SQL_SIZE];

		format_sql(text, list[i], workspace_n);
		rc = db_exec(db, text, e);
	}
	return rc;
}

int fts_create(struct db *db, int64_t workspace_n, struct err *e)
{
	return run_ddl(db, workspace_n, create_sql, sizeof(create_sql) / sizeof(create_sql[0]), e);
}

/* ── rows ── */

static void bind_column(struct stmt *q, int i, const char *language, const char *text)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "%s%c", language, LANGUAGE_MARK);
	buf_str(&b, text);
	stmt_textn(q, i, b.data, b.len);
	buf_finish(&b);
}

static int change_row(
	struct db *db, int64_t workspace_n, int which, const struct fts_row *row, struct err *e)
{
	struct err own = ERR_INIT;
	struct stmt *q = fts_statement(db, workspace_n, which, e ? e : &own);

	if (!q) {
		return err_code(e ? e : &own);
	}
	ASSERT(strlen(row->language) < 7);
	stmt_int(q, 1, row->slot);
	bind_column(q, 2, row->language, row->title);
	bind_column(q, 3, row->language, row->heading);
	bind_column(q, 4, row->language, row->body);
	return stmt_run(q, e);
}

int fts_insert(struct db *db, int64_t workspace_n, const struct fts_row *row, struct err *e)
{
	return change_row(db, workspace_n, FTS_INSERT, row, e);
}

static void on_deleted(void *arg)
{
	fts_memory_merge_want(arg);
}

int fts_delete(struct db *db, int64_t workspace_n, const struct fts_row *row, struct err *e)
{
	struct fts_memory *m = fts_cache_lookup(db_part(db, PART_FULL_TEXT), workspace_n);

	if (m) {
		db_after_commit(db, on_deleted, m, NULL);
	}
	return change_row(db, workspace_n, FTS_DELETE, row, e);
}

static int command(struct db *db, int64_t workspace_n, int which, struct err *e)
{
	struct err own = ERR_INIT;
	struct stmt *q = fts_statement(db, workspace_n, which, e ? e : &own);

	return q ? stmt_run(q, e) : err_code(e ? e : &own);
}

int fts_check(struct db *db, int64_t workspace_n, struct err *e)
{
	return command(db, workspace_n, FTS_CHECK, e);
}

static void forget(void *arg)
{
	fts_memory_forget(arg);
}

int fts_rebuild(struct db *db, int64_t workspace_n, struct err *e)
{
	int rc = run_ddl(db, workspace_n, drop_sql, sizeof(drop_sql) / sizeof(drop_sql[0]), e);

	if (rc == 0) {
		rc = fts_create(db, workspace_n, e);
	}
	if (rc == 0 && db_part(db, PART_FULL_TEXT)) {
		db_after_commit(db, forget,
			fts_cache_lookup(db_part(db, PART_FULL_TEXT), workspace_n), NULL);
	}
	return rc ? rc : command(db, workspace_n, FTS_REBUILD, e);
}

int fts_outdated(struct db *db, int64_t workspace_n, bool *old, struct err *e)
{
	struct err own = ERR_INIT;
	struct stmt *q = fts_statement(db, workspace_n, FTS_FRESH, e ? e : &own);
	int rc = q ? stmt_step(q, e) : err_code(e ? e : &own);

	*old = rc == 0;
	if (q) {
		stmt_reset(q);
	}
	return rc < 0 ? rc : 0;
}

/* ── FTS5's query language ── */

void fts_write_term(struct buf *b, const struct query_term *t)
{
	buf_char(b, '"');
	for (const char *p = t->text; *p; p++) {
		if (*p == '"') {
			buf_char(b, '"');
		}
		buf_char(b, *p);
	}
	buf_str(b, t->prefix ? "\" *" : "\"");
}
