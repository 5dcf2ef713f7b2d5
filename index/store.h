/*
 * The database: SQLite in WAL mode, one writer thread with the one read-write connection, and
 * query_only readers. Everything of Carrel that is true is in it.
 *
 * Writing: a transaction is a function that runs on the writer thread inside a savepoint; several
 * queued ones share one COMMIT (group commit) and are told only after it is durable
 * (synchronous=FULL). A function that returns an error is rolled back alone.
 * Reading: a reader is a snapshot (a read transaction) from taking it to dropping it.
 *
 * SQL stands in `struct sql_table`s, one in each module that owns tables; a statement is prepared
 * once a connection and fetched by number. No SQL is formatted, with the exception of the
 * per-workspace full-text tables, whose names come from an integer.
 *
 * No SQLite type leaves this header: another engine may stand behind it one day.
 * Thread: store_write and readers from any thread but the loop's; store_submit from any.
 * A struct db and its statements belong to the thread that holds them.
 */
#ifndef INDEX_STORE_H
#define INDEX_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/err.h"
#include "index/base/id.h"

struct store; /* the database */
struct db;    /* one connection, lent for a transaction or a snapshot */
struct stmt;  /* one prepared statement, lent by a db */

struct sql_table {
	const char *owner;	/* "index/acl": for error texts */
	const char *const *sql; /* [n] one statement each */
	int n;
};
#define SQL_TABLE(name, owner_, array)                                                             \
	static const struct sql_table name = {                                                     \
		owner_, array, (int)(sizeof(array) / sizeof(array[0]))}

/* ── life ── */

/* Opens or makes DATA/carrel.db, applies index/schema.sql or the missing steps of index/migrate/,
 * and starts the writer. A database newer than this program is ERR_CONFIG, a broken one
 * ERR_CORRUPT. */
MUST_CHECK int store_open(const char *data_dir, struct store **out, struct err *e);
/* Finishes queued transactions, checkpoints, closes. All readers must be dropped. NULL is fine. */
void store_close(struct store *s);

/* Called once on each new connection before its first use (writer and readers): for SQL functions
 * and tokenizers of index/. Register before store_open. The connection is a sqlite3 *. */
typedef int (*store_connect_fn)(void *sqlite3_connection, struct db *db, struct err *e);
void store_on_connect(store_connect_fn fn);

/* The calling thread runs the loop from now on, or no longer: while it does, store_write,
 * store_reader, store_checkpoint and store_copy are asserted not to be called on it. */
void store_mark_loop_thread(bool runs);

/* ── writing ── */

typedef int (*tx_fn)(struct db *db, void *arg, struct err *e);

/* Runs fn in a transaction and returns its result once durable. Blocks; never on the loop thread.
 */
MUST_CHECK int store_write(struct store *s, tx_fn fn, void *arg, struct err *e);

/* The same for what makes room on a full disk (deleting, and signing in to do so): refused for want
 * of space, it is done once more with the reserve, a file that is kept for this. While that is used
 * up nothing large may come in. It is filled again when there is room. */
MUST_CHECK int store_write_freeing(struct store *s, tx_fn fn, void *arg, struct err *e);
/* ERR_NO_SPACE while the reserve is used up. As store_write. */
MUST_CHECK int store_require_room(struct store *s, struct err *e);

/* fn is called once, on the writer thread, when the disk could not make a commit or a checkpoint
 * durable: what it holds is not known any more (the kernel forgets pages that it failed to write),
 * so nothing is written from then on (ERR_UNAVAILABLE "disk_failed") and the process should end.
 * The next start goes on from what is on the disk. */
void store_on_disk_failed(struct store *s, void (*fn)(void *arg), void *arg);
bool store_disk_failed(const struct store *s); /* any thread */

/* The asynchronous form: tx stays valid until on_done, which runs on the writer thread after the
 * commit (or failure) and must only pass the news on. */
struct tx {
	tx_fn fn;
	void *arg;
	void (*on_done)(struct tx *tx);
	bool frees; /* as store_write_freeing */
	int rc;
	struct err err;
	struct tx *next;
};
void store_submit(struct store *s, struct tx *tx);

/* From within a tx_fn: run `fn(arg)` on the writer thread right after this transaction is durable
 * and before its waiters are told; `fn` is not called when it is rolled back (free_fn always is,
 * may be NULL). This is how bitmaps and vector tails follow the database. */
void db_after_commit(struct db *db, void (*fn)(void *arg), void *arg, void (*free_fn)(void *arg));

/* ── reading ── */

/* A snapshot; waits for a free reader when all are lent. NULL only when the store is broken (e). */
struct db *store_reader(struct store *s, struct err *e);
void store_reader_drop(struct db *db); /* NULL is fine */
/* Lets go of the old snapshot and takes a new one on the same connection. */
MUST_CHECK int store_reader_renew(struct db *db, struct err *e);

bool db_writes(const struct db *db); /* the writer's, not a reader */

/* What follows the database in memory hangs on the store, so that a transaction finds it; the
 * pointers are borrowed. Attach right after opening, before other threads run. */
enum store_part {
	PART_ACL_INDEX,
	PART_VECTORS,
	PART_FULL_TEXT,
	PART_VOCABULARIES,
	PART_CHUNKS_FACTS,
	N_STORE_PARTS
};
void store_attach(struct store *s, enum store_part part, void *p);
void *db_part(struct db *db, enum store_part part);
void *store_part(struct store *s, enum store_part part);

/* What a module works out from a reader's snapshot, kept until that ends, which frees it; one
 * pointer a part, NULL: none yet. A transaction keeps nothing. */
void *db_kept(struct db *db, enum store_part part);
void db_keep(struct db *db, enum store_part part, void *p, void (*free_fn)(void *p));

/* ── statements ── */

/* Statement n of the table, reset and unbound. Asserts that it is not in use: step it to its end or
 * call stmt_reset before fetching it again. */
struct stmt *db_stmt(struct db *db, const struct sql_table *table, int n);
/* For the per-workspace tables only: `key` (a stable string of at most 63 bytes, "fts.search.7")
 * names the statement in the connection's cache; `sql` is used on the first call. NULL and e if it
 * does not prepare. */
struct stmt *db_stmt_named(struct db *db, const char *key, const char *sql, struct err *e);
/* Runs statements without result, e.g. DDL of a per-workspace table. */
MUST_CHECK int db_exec(struct db *db, const char *sql, struct err *e);

/* Parameters count from 1. Text and blobs are copied. NULL text binds SQL NULL. */
void stmt_int(struct stmt *q, int i, int64_t v);
void stmt_real(struct stmt *q, int i, double v);
void stmt_text(struct stmt *q, int i, const char *s);
void stmt_textn(struct stmt *q, int i, const char *s, size_t n_bytes);
void stmt_id(struct stmt *q, int i, const struct id *id); /* an empty id binds NULL */
void stmt_blob(struct stmt *q, int i, const void *p, size_t n_bytes);
void stmt_null(struct stmt *q, int i);

/* 1: a row, 0: the end (the statement is reset), negative: an error. A broken unique or foreign key
 * is ERR_CONFLICT, a full disk ERR_NO_SPACE. */
MUST_CHECK int stmt_step(struct stmt *q, struct err *e);
/* Steps to the end, dropping rows: 0 or an error. */
MUST_CHECK int stmt_run(struct stmt *q, struct err *e);
void stmt_reset(struct stmt *q);

/* Columns count from 0; what they return lives until the next step. Text of SQL NULL is NULL. */
int64_t col_int(struct stmt *q, int i);
double col_real(struct stmt *q, int i);
const char *col_text(struct stmt *q, int i);
const void *col_blob(struct stmt *q, int i, size_t *n_bytes);
struct id col_id(struct stmt *q, int i);
bool col_null(struct stmt *q, int i);

int64_t db_changes(struct db *db); /* rows changed by the last statement */
int64_t db_last_rowid(struct db *db);

/* ── upkeep ── */

/* A truncating checkpoint, on the writer thread; blocks. ERR_UNAVAILABLE while a reader holds an
 * old snapshot for longer than a second: try again later. */
MUST_CHECK int store_checkpoint(struct store *s, struct err *e);
/* A copy of all that is committed, compact (nothing of what was removed lies in free space), as one
 * file that needs no log. Everybody writes on meanwhile; the log cannot be emptied:
 * store_checkpoint waits up to a second, then is ERR_UNAVAILABLE. Not synced. Blocks for long. */
struct store_copy {
	const char *path; /* must not exist; mode 0600 */
	/* Asked all the while, with the bytes written; what it returns below 0 ends the copy. */
	int (*goes_on)(void *arg, int64_t n_bytes, struct err *e);
	void *arg;
};
/* *copy: a connection to it that may change it, outside of transactions, for store_copy_close; it
 * may be used by the thread that asked, while the store is open. */
MUST_CHECK int store_copy(
	struct store *s, const struct store_copy *o, struct db **copy, struct err *e);
void store_copy_close(struct db *copy); /* NULL is fine */
/* PRAGMA integrity_check (of all but virtual tables) and foreign_key_check. ERR_CORRUPT with the
 * first finding. */
MUST_CHECK int store_integrity(struct store *s, struct err *e);
int store_schema_version(void); /* what this program writes */

#endif
