#include "index/fts.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/buf.h"
#include "index/fts_terms.h"
#include "index/sql_functions.h"
#include "index/store_private.h"

#define SQL_SIZE 1024

/* The per-workspace statements; %1$lld is the workspace's number, the only thing formatted. */
enum {
	Q_INSERT,
	Q_DELETE,
	Q_OPTIMIZE,
	Q_CHECK,
	Q_REBUILD,
	Q_SEARCH,
	Q_DF,
	Q_TOTAL,
	Q_ANY,
	Q_ANY_ALLOWED
};

static const struct {
	const char *key, *sql;
} statements[] = {
	[Q_INSERT] = {"insert", "INSERT INTO fts_%1$lld (rowid, title, heading, body) "
				"VALUES (?1, ?2, ?3, ?4)"},
	[Q_DELETE] = {"delete", "INSERT INTO fts_%1$lld (fts_%1$lld, rowid, title, heading, body) "
				"VALUES ('delete', ?1, ?2, ?3, ?4)"},
	[Q_OPTIMIZE] = {"optimize", "INSERT INTO fts_%1$lld (fts_%1$lld) VALUES ('optimize')"},
	/* 1: against the content, too. */
	[Q_CHECK] = {"check",
		"INSERT INTO fts_%1$lld (fts_%1$lld, rank) VALUES ('integrity-check', 1)"},
	[Q_REBUILD] = {"rebuild", "INSERT INTO fts_%1$lld (fts_%1$lld) VALUES ('rebuild')"},
	/* Not `ORDER BY rank`: that scores a row before the filter sees it. */
	[Q_SEARCH] = {"search",
		"SELECT rowid, carrel_score(fts_%1$lld, ?4) AS score FROM fts_%1$lld "
		"WHERE fts_%1$lld MATCH ?1 AND carrel_allowed(rowid, ?2) "
		"ORDER BY score DESC, rowid LIMIT ?3"},
	[Q_DF] = {"df", "SELECT doc FROM fts_words_%1$lld WHERE term = ?1"},
	/* Row 1 holds the totals: a varint number of rows, then of tokens a column (fts5_index.c).
	 */
	[Q_TOTAL] = {"total", "SELECT block FROM fts_%1$lld_data WHERE id = 1"},
	[Q_ANY] = {"any", "SELECT 1 FROM fts_%1$lld WHERE fts_%1$lld MATCH ?1 LIMIT 1"},
	[Q_ANY_ALLOWED] = {"any_allowed", "SELECT 1 FROM fts_%1$lld WHERE fts_%1$lld MATCH ?1 "
					  "AND carrel_allowed(rowid, ?2) LIMIT 1"},
};

static const char *const create_sql[] = {
	("CREATE VIEW fts_content_%1$lld AS SELECT slot, language || char(31) || title AS title, "
	 "language || char(31) || heading AS heading, "
	 "language || char(31) || carrel_text(dictionary_n, text) AS body "
	 "FROM chunk WHERE workspace_n = %1$lld AND live = 1"),
	("CREATE VIRTUAL TABLE fts_%1$lld USING fts5(title, heading, body, "
	 "content = 'fts_content_%1$lld', content_rowid = 'slot', tokenize = 'carrel')"),
	"CREATE VIRTUAL TABLE fts_words_%1$lld USING fts5vocab(fts_%1$lld, row)",
};
static const char *const drop_sql[] = {
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

static struct stmt *statement(struct db *db, int64_t workspace_n, int which, struct err *e)
{
	char key[64], text[SQL_SIZE];

	ASSERT(workspace_n > 0);
	snprintf(key, sizeof(key), "fts.%s.%lld", statements[which].key, (long long)workspace_n);
	format_sql(text, statements[which].sql, workspace_n);
	return db_stmt_named(db, key, text, e);
}

/* What db_stmt_named could not prepare. */
static int unprepared(const struct err *e)
{
	return e && e->code ? e->code : ERR_INTERNAL;
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
	struct stmt *q = statement(db, workspace_n, which, e ? e : &own);

	if (!q) {
		return unprepared(e ? e : &own);
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
	return change_row(db, workspace_n, Q_INSERT, row, e);
}

int fts_delete(struct db *db, int64_t workspace_n, const struct fts_row *row, struct err *e)
{
	return change_row(db, workspace_n, Q_DELETE, row, e);
}

static int command(struct db *db, int64_t workspace_n, int which, struct err *e)
{
	struct err own = ERR_INIT;
	struct stmt *q = statement(db, workspace_n, which, e ? e : &own);

	return q ? stmt_run(q, e) : unprepared(e ? e : &own);
}

int fts_optimize(struct db *db, int64_t workspace_n, struct err *e)
{
	return command(db, workspace_n, Q_OPTIMIZE, e);
}

int fts_check(struct db *db, int64_t workspace_n, struct err *e)
{
	return command(db, workspace_n, Q_CHECK, e);
}

int fts_rebuild(struct db *db, int64_t workspace_n, struct err *e)
{
	int rc = run_ddl(db, workspace_n, drop_sql, sizeof(drop_sql) / sizeof(drop_sql[0]), e);

	if (rc == 0) {
		rc = fts_create(db, workspace_n, e);
	}
	return rc ? rc : command(db, workspace_n, Q_REBUILD, e);
}

/* ── statistics ── */

static void add_term(struct buf *b, const struct query_term *t)
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

/* Among the allowed rows; NULL: among all. */
static int has_term(struct db *db, int64_t workspace_n, const struct allowed *allowed,
	const char *term, bool *has, struct err *e)
{
	struct err own = ERR_INIT;
	struct stmt *q = statement(db, workspace_n, allowed ? Q_ANY_ALLOWED : Q_ANY, e ? e : &own);
	struct buf match = BUF_INIT;
	int rc;

	*has = false;
	if (!q) {
		return unprepared(e ? e : &own);
	}
	add_term(&match, &(struct query_term){.text = term});
	stmt_text(q, 1, match.data);
	buf_finish(&match);
	if (allowed) {
		sqlite3_bind_pointer(q->q, 2, (void *)&allowed->slots, BITMAP_POINTER, NULL);
	}
	rc = stmt_step(q, e);
	*has = rc == 1;
	stmt_reset(q);
	if (allowed) {
		stmt_null(q, 2);
	}
	return rc < 0 ? rc : 0;
}

int fts_has(struct db *db, int64_t workspace_n, const char *term, bool *has, struct err *e)
{
	return has_term(db, workspace_n, NULL, term, has, e);
}

int fts_df(struct db *db, int64_t workspace_n, const char *term, int64_t *df, struct err *e)
{
	struct err own = ERR_INIT;
	struct stmt *q = statement(db, workspace_n, Q_DF, e ? e : &own);
	int rc;

	*df = 0;
	if (!q) {
		return unprepared(e ? e : &own);
	}
	stmt_text(q, 1, term);
	rc = stmt_step(q, e);
	if (rc == 1) {
		*df = col_int(q, 0);
	}
	stmt_reset(q);
	return rc < 0 ? rc : 0;
}

/* SQLite's varint: seven bits a byte, big end first. */
static int64_t first_varint(const uint8_t *p, size_t n_bytes)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n_bytes && i < 8; i++) {
		v = v << 7 | (p[i] & 0x7f);
		if (!(p[i] & 0x80)) {
			break;
		}
	}
	return (int64_t)v;
}

static int count_rows(struct db *db, int64_t workspace_n, int64_t *n, struct err *e)
{
	struct err own = ERR_INIT;
	struct stmt *q = statement(db, workspace_n, Q_TOTAL, e ? e : &own);
	int rc;

	*n = 0;
	if (!q) {
		return unprepared(e ? e : &own);
	}
	rc = stmt_step(q, e);
	if (rc == 1) {
		size_t n_bytes;
		const uint8_t *p = col_blob(q, 0, &n_bytes);

		*n = first_varint(p, n_bytes);
	}
	stmt_reset(q);
	return rc < 0 ? rc : 0;
}

int fts_idf(struct db *db, int64_t workspace_n, const struct allowed *allowed,
	const char *const *terms, int n, double *idf, struct err *e)
{
	int64_t total;
	int rc = count_rows(db, workspace_n, &total, e);

	for (int i = 0; rc == 0 && i < n; i++) {
		int64_t df = 0;
		bool has = true;

		if (allowed) {
			rc = has_term(db, workspace_n, allowed, terms[i], &has, e);
		}
		if (rc == 0 && has) {
			rc = fts_df(db, workspace_n, terms[i], &df, e);
		}
		if (df > total) {
			df = total;
		}
		idf[i] = log(((double)(total - df) + .5) / ((double)df + .5) + 1);
	}
	return rc;
}

/* ── search ── */

/*
 * MaxScore (Turtle and Flood 1995) in FTS5's own query language. Terms stand rarest first; E is the
 * first n_chosen of them. "(E) AND (all)" meets only rows that have a term of E, and seeks the
 * lists of the common ones there. A row without any term of E scores at most the sum of idf · (k1 +
 * 1) of the others: once that is below the score of the BOUND_RANK-th row found, the best rows are
 * exactly those that the whole OR would give.
 */
#define BOUND_RANK FTS_WHOLE_BELOW
#define FIRST_ROWS 400 /* rows that the first E proposes, at least */
#define SLACK 1e-9     /* of sums in another order */

struct searching {
	const struct fts_query *q;
	const struct query_terms *terms;
	double idf[FTS_TERMS_MAX];
	double mean_length;
	struct fts_hit *hits; /* [q->limit] */
	int n;
};

static void write_match(const struct searching *s, int n_chosen, struct buf *out)
{
	if (n_chosen < s->terms->n) {
		buf_char(out, '(');
		for (int i = 0; i < n_chosen; i++) {
			buf_str(out, i ? " OR " : "");
			add_term(out, &s->terms->items[i]);
		}
		buf_str(out, ") AND (");
	}
	for (int i = 0; i < s->terms->n; i++) {
		buf_str(out, i ? " OR " : "");
		add_term(out, &s->terms->items[i]);
	}
	buf_str(out, n_chosen < s->terms->n ? ")" : "");
}

static int run_search(struct db *db, struct searching *s, int n_chosen, struct err *e)
{
	struct err own = ERR_INIT;
	struct stmt *q = statement(db, s->q->workspace_n, Q_SEARCH, e ? e : &own);
	struct scoring scoring = {
		n_chosen < s->terms->n ? n_chosen : 0, s->terms->n, s->idf, s->mean_length};
	struct buf match = BUF_INIT;
	int rc;

	if (!q) {
		return unprepared(e ? e : &own);
	}
	write_match(s, n_chosen, &match);
	stmt_textn(q, 1, match.data, match.len);
	buf_finish(&match);
	sqlite3_bind_pointer(q->q, 2, (void *)&s->q->allowed->slots, BITMAP_POINTER, NULL);
	stmt_int(q, 3, s->q->limit);
	sqlite3_bind_pointer(q->q, 4, &scoring, SCORING_POINTER, NULL);
	s->n = 0;
	while ((rc = stmt_step(q, e)) == 1) {
		ASSERT(s->n < s->q->limit);
		s->hits[s->n++] = (struct fts_hit){col_int(q, 0), col_real(q, 1)};
	}
	s->mean_length = scoring.mean_length;
	stmt_reset(q);
	stmt_null(q, 2);
	stmt_null(q, 4);
	return rc;
}

/* How many terms E needs for the rows found to stand: the fewest so that what the others add is
 * less than the score of the row at the bound; all of them while there are too few rows. */
static int terms_needed(const struct searching *s)
{
	int rank = s->q->limit < BOUND_RANK ? s->q->limit : BOUND_RANK;
	int n = s->terms->n;
	double rest = 0;

	if (s->n < rank) {
		return n;
	}
	while (n > 1) {
		rest += s->idf[n - 1] * (BM25_K1 + 1);
		if (rest + SLACK >= s->hits[rank - 1].score) {
			break;
		}
		n--;
	}
	return n;
}

static int grow_search(struct db *db, struct searching *s, struct err *e)
{
	int64_t rows = 0, wanted = FIRST_ROWS;
	int n_chosen = 0, rc;

	for (;;) {
		int needed;

		while (n_chosen < s->terms->n && (n_chosen == 0 || rows < wanted)) {
			rows += s->terms->items[n_chosen++].df;
		}
		rc = run_search(db, s, n_chosen, e);
		needed = rc == 0 ? terms_needed(s) : 0;
		if (needed <= n_chosen) {
			return rc;
		}
		if (needed < s->terms->n) {
			return run_search(db, s, needed, e);
		}
		wanted = rows * 8; /* few are allowed, or the words are all common */
	}
}

static int by_df(const void *a, const void *b)
{
	const struct query_term *x = a, *y = b;

	return x->df != y->df ? (x->df > y->df) - (x->df < y->df) : strcmp(x->text, y->text);
}

/* Asks frequencies, drops what nothing has, and puts the rarest first. */
static int weigh_terms(
	struct db *db, int64_t workspace_n, struct query_terms *terms, double *idf, struct err *e)
{
	int64_t total;
	int n = 0, rc = count_rows(db, workspace_n, &total, e);

	for (int i = 0; rc == 0 && i < terms->n; i++) {
		struct query_term t = terms->items[i];

		rc = t.prefix ? 0 : fts_df(db, workspace_n, t.text, &t.df, e);
		if (t.prefix) { /* a character's share of all text, without counting its bigrams */
			t.df = total / 50 + 1;
		}
		if (t.df > 0) {
			terms->items[n++] = t;
		}
	}
	terms->n = n;
	qsort(terms->items, (size_t)n, sizeof(*terms->items), by_df);
	for (int i = 0; i < n; i++) {
		int64_t df = terms->items[i].df < total ? terms->items[i].df : total;

		idf[i] = log(((double)(total - df) + .5) / ((double)df + .5) + 1);
	}
	return rc;
}

int fts_search(struct db *db, struct arena *a, const struct fts_query *q, struct fts_hit **out,
	int *n, struct err *e)
{
	struct searching s = {.q = q};
	struct query_terms terms;
	int rc;

	*n = 0;
	*out = s.hits = arena_array(a, struct fts_hit, (size_t)(q->limit > 0 ? q->limit : 1));
	if (!q->allowed || q->allowed->n_allowed == 0 || q->limit <= 0) {
		return 0;
	}
	rc = fts_terms(db, a, q, &terms, e);
	if (rc == 0) {
		rc = weigh_terms(db, q->workspace_n, &terms, s.idf, e);
	}
	if (rc != 0 || terms.n == 0) {
		return rc;
	}
	s.terms = &terms;
	rc = grow_search(db, &s, e);
	*n = s.n;
	return rc;
}
