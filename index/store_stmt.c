#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/hash.h"
#include "index/store_pages.h"
#include "index/store_private.h"

#define N_CONNECT_MAX 8

static store_connect_fn connect_fns[N_CONNECT_MAX];
static int n_connect_fns;

void store_on_connect(store_connect_fn fn)
{
	for (int i = 0; i < n_connect_fns; i++) {
		if (connect_fns[i] == fn) {
			return;
		}
	}
	ASSERT(n_connect_fns < N_CONNECT_MAX);
	connect_fns[n_connect_fns++] = fn;
}

/* ── errors ── */

static int map_constraint(int extended, const char **reason)
{
	switch (extended) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID:
		*reason = "unique";
		return ERR_CONFLICT;
	case SQLITE_CONSTRAINT_FOREIGNKEY:
	case SQLITE_CONSTRAINT_TRIGGER: /* ON DELETE RESTRICT says so */
		*reason = "foreign_key";
		return ERR_CONFLICT;
	default:
		*reason = "constraint";
		return ERR_INTERNAL;
	}
}

static int map_code(sqlite3 *c, int rc, const char **reason)
{
	*reason = "database";
	switch (rc & 0xff) {
	case SQLITE_CONSTRAINT:
		return map_constraint(rc, reason);
	case SQLITE_FULL:
		*reason = "no_space";
		return ERR_NO_SPACE;
	case SQLITE_IOERR:
		if (c && (sqlite3_system_errno(c) == ENOSPC || sqlite3_system_errno(c) == EDQUOT)) {
			*reason = "no_space";
			return ERR_NO_SPACE;
		}
		return ERR_IO;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_READONLY:
		return ERR_IO;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		*reason = "database_damaged";
		return ERR_CORRUPT;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		*reason = "database_busy";
		return ERR_UNAVAILABLE;
	case SQLITE_INTERRUPT:
		return ERR_CANCELLED;
	case SQLITE_TOOBIG:
		return ERR_TOO_LARGE;
	default:
		return ERR_INTERNAL;
	}
}

int db_error(sqlite3 *c, int sqlite_rc, struct err *e, const char *what)
{
	const char *reason;
	int extended = c ? sqlite3_extended_errcode(c) : sqlite_rc;
	int code;

	/* The connection's code is finer, if it is about the same thing. */
	if ((extended & 0xff) != (sqlite_rc & 0xff)) {
		extended = sqlite_rc;
	}
	code = map_code(c, extended, &reason);
	return err_set(e, code, reason, "%s: %s", what,
		c && sqlite3_errcode(c) == sqlite_rc ? sqlite3_errmsg(c)
						     : sqlite3_errstr(extended));
}

/* ── connections ── */

/* The pragma does not fail, it answers with the mode that it has left. */
static int set_wal(struct db *db, struct err *e)
{
	sqlite3_stmt *q;
	int rc = sqlite3_prepare_v2(db->c, "PRAGMA journal_mode = WAL", -1, &q, NULL);
	bool wal = false;

	if (rc == SQLITE_OK) {
		rc = sqlite3_step(q);
		wal = rc == SQLITE_ROW &&
		      strcmp((const char *)sqlite3_column_text(q, 0), "wal") == 0;
		rc = sqlite3_finalize(q);
	}
	if (rc != SQLITE_OK) {
		return db_error(db->c, rc, e, "cannot turn the write-ahead log on");
	}
	return wal ? 0
		   : err_set(e, ERR_CONFIG, "no_wal",
			     "the data folder's file system cannot hold a write-ahead log (shared "
			     "memory): "
			     "choose a local disk");
}

static int set_up(struct db *db, struct err *e)
{
	static const char common[] = "PRAGMA mmap_size = 0;"
				     "PRAGMA temp_store = MEMORY;"
				     "PRAGMA foreign_keys = ON;"
				     "PRAGMA cache_size = -8192;"
				     "PRAGMA secure_delete = ON;";
	static const char writer[] =
		"PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;";
	static const char reader[] = "PRAGMA wal_autocheckpoint = 0; PRAGMA query_only = ON;";
	int rc;

	/* A name in double quotes that is no column is an error, not a string. */
	sqlite3_db_config(db->c, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(db->c, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	sqlite3_db_config(db->c, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, db->writer ? 0 : 1, NULL);
	if (db->writer) {
		rc = set_wal(db, e);
		if (rc != 0) {
			return rc;
		}
	}
	rc = sqlite3_exec(db->c, common, NULL, NULL, NULL);
	if (rc == SQLITE_OK && db->writer) {
		rc = sqlite3_exec(db->c, writer, NULL, NULL, NULL);
	}
	if (rc == SQLITE_OK && db->writer) {
		rc = store_pages_clean(db->c);
	}
	if (rc != SQLITE_OK) {
		return db_error(db->c, rc, e, "cannot set up the database connection");
	}
	for (int i = 0; i < n_connect_fns; i++) {
		rc = connect_fns[i](db->c, db, e);
		if (rc != 0) {
			return rc;
		}
	}
	if (!db->writer) {
		rc = sqlite3_exec(db->c, reader, NULL, NULL, NULL);
	}
	return rc == SQLITE_OK ? 0
			       : db_error(db->c, rc, e, "cannot set up the database connection");
}

int db_open(struct store *s, const char *path, bool writer, struct db **out, struct err *e)
{
	struct db *db = calloc(1, sizeof(*db));
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
	int rc;

	ASSERT(db != NULL);
	db->store = s;
	db->writer = writer;
	db->hooks.tail = &db->hooks.head;
	rc = sqlite3_open_v2(path, &db->c, flags, NULL);
	if (rc != SQLITE_OK) {
		rc = db_error(db->c, rc, e, path);
	} else {
		sqlite3_extended_result_codes(db->c, 1);
		sqlite3_busy_timeout(db->c, STORE_BUSY_MS);
		rc = writer ? store_probe(db->c, path, store_schema_version(), e) : 0;
	}
	if (rc == 0) {
		rc = set_up(db, e);
	}
	if (rc != 0) {
		db_close(db);
		db = NULL;
	}
	*out = db;
	return rc;
}

void db_close(struct db *db)
{
	int rc;

	if (!db) {
		return;
	}
	while (db->tables) {
		struct table_cache *cache = db->tables;

		db->tables = cache->next;
		for (int i = 0; i < cache->table->n; i++) {
			sqlite3_finalize(cache->stmts[i].q);
		}
		free(cache->stmts);
		free(cache);
	}
	for (int i = 0; i < N_NAMED_BUCKETS; i++) {
		while (db->named[i]) {
			struct stmt *q = db->named[i];

			db->named[i] = q->next;
			sqlite3_finalize(q->q);
			free(q);
		}
	}
	/* Fails only if a statement is left that the cache does not know. */
	rc = sqlite3_close(db->c);
	ASSERT(rc == SQLITE_OK);
	free(db);
}

void db_reset_all(struct db *db)
{
	for (sqlite3_stmt *q = sqlite3_next_stmt(db->c, NULL); q; q = sqlite3_next_stmt(db->c, q)) {
		if (sqlite3_stmt_busy(q)) {
			sqlite3_reset(q);
		}
	}
}

/* ── statements ── */

static struct table_cache *table_cache(struct db *db, const struct sql_table *table)
{
	struct table_cache *cache = db->tables;

	while (cache && cache->table != table) {
		cache = cache->next;
	}
	if (!cache) {
		cache = calloc(1, sizeof(*cache));
		ASSERT(cache != NULL);
		cache->stmts = calloc((size_t)table->n, sizeof(cache->stmts[0]));
		ASSERT(cache->stmts != NULL);
		cache->table = table;
		cache->next = db->tables;
		db->tables = cache;
	}
	return cache;
}

static void prepare(struct db *db, struct stmt *q, const char *sql)
{
	q->db = db;
	q->rc = sqlite3_prepare_v3(db->c, sql, -1, SQLITE_PREPARE_PERSISTENT, &q->q, NULL);
	/* An empty statement prepares to nothing. */
	ASSERT(q->rc != SQLITE_OK || q->q != NULL);
}

static void make_ready(struct stmt *q)
{
	ASSERT(!sqlite3_stmt_busy(q->q));
	sqlite3_reset(q->q);
	sqlite3_clear_bindings(q->q);
	q->rc = SQLITE_OK;
}

struct stmt *db_stmt(struct db *db, const struct sql_table *table, int n)
{
	struct stmt *q;

	ASSERT(n >= 0 && n < table->n);
	q = &table_cache(db, table)->stmts[n];
	if (q->q) {
		make_ready(q);
		return q;
	}
	q->owner = table->owner;
	q->n = n;
	prepare(db, q, table->sql[n]);
	if ((q->rc & 0xff) == SQLITE_ERROR) {
		/* SQL of our own that does not fit the schema of our own. */
		fprintf(stderr, "%s statement %d: %s\n", q->owner, n, sqlite3_errmsg(db->c));
		ASSERT((q->rc & 0xff) != SQLITE_ERROR);
	}
	return q;
}

struct stmt *db_stmt_named(struct db *db, const char *key, const char *sql, struct err *e)
{
	size_t n_bytes = strlen(key);
	struct stmt **bucket = &db->named[hash64(key, n_bytes) % N_NAMED_BUCKETS];
	struct stmt *q = *bucket;

	ASSERT(n_bytes < sizeof(q->key));
	while (q && strcmp(q->key, key) != 0) {
		q = q->next;
	}
	if (q) {
		make_ready(q);
		return q;
	}
	q = calloc(1, sizeof(*q));
	ASSERT(q != NULL);
	memcpy(q->key, key, n_bytes + 1);
	q->owner = q->key;
	q->n = -1;
	prepare(db, q, sql);
	if (q->rc != SQLITE_OK) {
		db_error(db->c, q->rc, e, key);
		free(q);
		return NULL;
	}
	q->next = *bucket;
	*bucket = q;
	return q;
}

int db_exec(struct db *db, const char *sql, struct err *e)
{
	int rc = sqlite3_exec(db->c, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : db_error(db->c, rc, e, "cannot change the database");
}

/* ── parameters ── */

/* A number out of range is a mistake of ours; what else can fail is the value's size. */
static void note(struct stmt *q, int rc)
{
	ASSERT(rc != SQLITE_RANGE && rc != SQLITE_MISUSE);
	if (rc != SQLITE_OK && q->rc == SQLITE_OK) {
		q->rc = rc;
	}
}

void stmt_int(struct stmt *q, int i, int64_t v)
{
	if (q->q) {
		note(q, sqlite3_bind_int64(q->q, i, v));
	}
}

void stmt_real(struct stmt *q, int i, double v)
{
	if (q->q) {
		note(q, sqlite3_bind_double(q->q, i, v));
	}
}

void stmt_text(struct stmt *q, int i, const char *s)
{
	stmt_textn(q, i, s, s ? strlen(s) : 0);
}

void stmt_textn(struct stmt *q, int i, const char *s, size_t n_bytes)
{
	if (q->q && s) {
		note(q, sqlite3_bind_text64(q->q, i, s, n_bytes, SQLITE_TRANSIENT, SQLITE_UTF8));
	} else {
		stmt_null(q, i);
	}
}

void stmt_id(struct stmt *q, int i, const struct id *id)
{
	stmt_text(q, i, id_empty(id) ? NULL : id->s);
}

void stmt_blob(struct stmt *q, int i, const void *p, size_t n_bytes)
{
	if (q->q) {
		/* A NULL pointer would bind SQL NULL. */
		note(q, sqlite3_bind_blob64(q->q, i, n_bytes ? p : "", n_bytes, SQLITE_TRANSIENT));
	}
}

void stmt_null(struct stmt *q, int i)
{
	if (q->q) {
		note(q, sqlite3_bind_null(q->q, i));
	}
}

/* ── rows ── */

static int step_error(struct stmt *q, int rc, struct err *e)
{
	char what[96];
	int code;

	if (q->n < 0) {
		snprintf(what, sizeof(what), "%s", q->owner);
	} else {
		snprintf(what, sizeof(what), "%s statement %d", q->owner, q->n);
	}
	code = db_error(q->db->c, rc, e, what);
	if (q->q) {
		sqlite3_reset(q->q);
	}
	return code;
}

int stmt_step(struct stmt *q, struct err *e)
{
	int rc = q->rc;

	if (rc != SQLITE_OK) {
		return step_error(q, rc, e);
	}
	rc = sqlite3_step(q->q);
	if (rc == SQLITE_ROW) {
		return 1;
	}
	if (rc == SQLITE_DONE) {
		sqlite3_reset(q->q);
		return 0;
	}
	return step_error(q, rc, e);
}

int stmt_run(struct stmt *q, struct err *e)
{
	int rc;

	do {
		rc = stmt_step(q, e);
	} while (rc > 0);
	return rc;
}

void stmt_reset(struct stmt *q)
{
	if (q->q) {
		sqlite3_reset(q->q);
	}
}

int64_t col_int(struct stmt *q, int i)
{
	return sqlite3_column_int64(q->q, i);
}

double col_real(struct stmt *q, int i)
{
	return sqlite3_column_double(q->q, i);
}

const char *col_text(struct stmt *q, int i)
{
	return (const char *)sqlite3_column_text(q->q, i);
}

const void *col_blob(struct stmt *q, int i, size_t *n_bytes)
{
	const void *p = sqlite3_column_blob(q->q, i);

	*n_bytes = (size_t)sqlite3_column_bytes(q->q, i);
	return p;
}

struct id col_id(struct stmt *q, int i)
{
	struct id id = {""};
	const char *s = col_text(q, i);

	if (s) {
		snprintf(id.s, sizeof(id.s), "%s", s);
	}
	return id;
}

bool col_null(struct stmt *q, int i)
{
	return sqlite3_column_type(q->q, i) == SQLITE_NULL;
}

int64_t db_changes(struct db *db)
{
	return sqlite3_changes64(db->c);
}

int64_t db_last_rowid(struct db *db)
{
	return sqlite3_last_insert_rowid(db->c);
}
