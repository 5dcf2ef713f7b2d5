/*
 * What the files of the store share: index/store.c (life, readers), index/store_writer.c (the
 * writer thread), index/store_stmt.c (connections and statements), index/store_migrate.c (schema).
 * Nobody else includes this.
 */
#ifndef INDEX_STORE_PRIVATE_H
#define INDEX_STORE_PRIVATE_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include "index/store.h"

struct sqlite3;
struct sqlite3_stmt;

struct hook {
	void (*fn)(void *arg);
	void *arg;
	void (*free_fn)(void *arg);
	struct hook *next;
};

struct hook_list {
	struct hook *head;
	struct hook **tail;
};

struct stmt {
	struct db *db;
	struct sqlite3_stmt *q; /* NULL: did not prepare, rc says why */
	int rc;			/* SQLite's, from preparing or binding; stmt_step reports it */
	const char *owner;	/* of the table; the key of a named one */
	int n;			/* -1: named */
	struct stmt *next;	/* in its bucket, named ones only */
	char key[64];
};

/* A table's statements on one connection. */
struct table_cache {
	const struct sql_table *table;
	struct stmt *stmts; /* [table->n] */
	struct table_cache *next;
};

#define N_NAMED_BUCKETS 64

struct db {
	struct store *store;
	struct sqlite3 *c;
	bool writer;
	bool in_tx; /* writer: a tx_fn runs */
	int64_t wal_pages;
	struct hook_list hooks; /* of the transaction that runs */
	struct table_cache *tables;
	struct stmt *named[N_NAMED_BUCKETS];
	struct {
		void *p;
		void (*free_fn)(void *p);
	} kept[N_STORE_PARTS]; /* of the snapshot */
	struct db *next;       /* in the list of free readers */
};

struct tx_list {
	struct tx *head;
	struct tx **tail;
};

struct store {
	char path[PATH_MAX];
	void *parts[N_STORE_PARTS];

	pthread_t writer_thread;
	bool writer_runs;
	struct db *writer; /* the writer thread's, once that runs */
	int64_t checkpoint_at_pages;

	pthread_mutex_t queue_lock;
	pthread_cond_t queue_wake;
	struct tx_list queue;
	bool closing;

	atomic_bool is_short; /* of space: the reserve is used up */
	atomic_bool disk_failed;
	void (*on_disk_failed)(void *arg); /* guarded by queue_lock */
	void *disk_failed_arg;

	pthread_mutex_t copy_lock; /* store_copy.c */
	pthread_cond_t copy_ended;
	int n_copies; /* under way, or about to begin */

	pthread_mutex_t reader_lock;
	pthread_cond_t reader_free;
	struct db *free_readers;
	int n_readers; /* open */
	int n_lent;
};

#define STORE_BUSY_MS 5000

bool store_on_loop_thread(void);

/* ── the reserve (store_reserve.c): the writer thread, or before it runs ── */

void store_reserve_take(struct store *s); /* if it is not there and there is room */
bool store_reserve_give(struct store *s); /* false: there is none */

/* ── the writer thread (store_writer.c) ── */

MUST_CHECK int store_settle_log(struct db *db, struct err *e); /* before anything is written */
MUST_CHECK int writer_start(struct store *s, struct err *e);   /* s->writer is open */
void writer_stop(struct store *s); /* when the queue is empty; fine if it never ran */

/* ── copies (store_copy.c) ── */

void store_copy_init(struct store *s);
void store_copy_finish(struct store *s);
/* Whether none is under way, after at most so long. */
bool store_copy_wait(struct store *s, int64_t ms);

/* ── connections (store_stmt.c) ── */

/* Opens the file and sets what every connection has; the writer gets no schema by it. */
MUST_CHECK int db_open(
	struct store *s, const char *path, bool writer, struct db **out, struct err *e);
void db_close(struct db *db); /* NULL is fine */
/* Resets every statement that a transaction left in the middle. */
void db_reset_all(struct db *db);
/* Maps a result code of SQLite, with its message after `what`. */
int db_error(struct sqlite3 *c, int sqlite_rc, struct err *e, const char *what);

/* ── schema (store_migrate.c) ── */

struct migration {
	int version; /* that the step leads to: 2, 3, … */
	const char *name;
	const char *sql;
};

/* Brings the database to the newest version: a fresh one by `schema`, an older one by the steps
 * past its version, each in one transaction. `path` is for error texts. */
MUST_CHECK int store_migrate_with(struct sqlite3 *c, const char *path, const char *schema,
	const struct migration *steps, int n_steps, struct err *e);
MUST_CHECK int store_migrate(struct sqlite3 *c, const char *path, struct err *e);
/* Before anything is changed: is the file ours, whole, and not newer than `newest`? */
MUST_CHECK int store_probe(struct sqlite3 *c, const char *path, int newest, struct err *e);

#endif
