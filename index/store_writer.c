/*
 * One round of the writer thread:
 *
 *	BEGIN IMMEDIATE
 *	  SAVEPOINT tx;  fn();  RELEASE tx          | or ROLLBACK TO tx; RELEASE tx
 *	  …                                         | up to 256 of them, or 20 ms
 *	COMMIT                                      | one fsync for all
 *	hooks of each, in order;  on_done of each
 */
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "index/base/clock.h"
#include "index/base/log.h"
#include "index/base/thread.h"
#include "index/store_private.h"

#define GROUP_TX_MAX 256
#define GROUP_US_MAX 20000
#define CHECKPOINT_PAGES 1000
#define CHECKPOINT_OVERDUE_PAGES 4000 /* then also while transactions wait */
#define CHECKPOINT_WAIT_MS 1000
/* So long the writer itself waits for readers, as for a group: most of those that hold an old
 * snapshot wait for the writer in turn. Then the others are let on before it is tried again. */
#define CHECKPOINT_TRY_MS (GROUP_US_MAX / 1000)
#define CHECKPOINT_PAUSE_MS 10

/* ── lists ── */

static void list_init(struct tx_list *list)
{
	list->head = NULL;
	list->tail = &list->head;
}

static void list_add(struct tx_list *list, struct tx *tx)
{
	tx->next = NULL;
	*list->tail = tx;
	list->tail = &tx->next;
}

static struct tx *list_take(struct tx_list *list)
{
	struct tx *tx = list->head;

	if (tx) {
		list->head = tx->next;
		if (!list->head) {
			list->tail = &list->head;
		}
		tx->next = NULL;
	}
	return tx;
}

static void hooks_init(struct hook_list *list)
{
	list->head = NULL;
	list->tail = &list->head;
}

static void hooks_move(struct hook_list *into, struct hook_list *from)
{
	if (from->head) {
		*into->tail = from->head;
		into->tail = from->tail;
	}
	hooks_init(from);
}

/* Calls them, if the transaction came to be, and frees them. */
static void hooks_end(struct hook_list *list, bool committed)
{
	while (list->head) {
		struct hook *hook = list->head;

		list->head = hook->next;
		if (committed) {
			hook->fn(hook->arg);
		}
		if (hook->free_fn) {
			hook->free_fn(hook->arg);
		}
		free(hook);
	}
	hooks_init(list);
}

void db_after_commit(struct db *db, void (*fn)(void *arg), void *arg, void (*free_fn)(void *arg))
{
	struct hook *hook = malloc(sizeof(*hook));

	ASSERT(hook != NULL && db->writer && db->in_tx);
	*hook = (struct hook){fn, arg, free_fn, NULL};
	*db->hooks.tail = hook;
	db->hooks.tail = &hook->next;
}

/* ── the writer thread ── */

enum { TX_BEGIN, TX_COMMIT, TX_SAVEPOINT, TX_RELEASE, TX_ROLLBACK_TO };
static const char *const tx_sql[] = {
	[TX_BEGIN] = "BEGIN IMMEDIATE",
	[TX_COMMIT] = "COMMIT",
	[TX_SAVEPOINT] = "SAVEPOINT tx",
	[TX_RELEASE] = "RELEASE tx",
	[TX_ROLLBACK_TO] = "ROLLBACK TO tx",
};
SQL_TABLE(tx_table, "index/store writer", tx_sql);

static int tx_control(struct db *db, int n, struct err *e)
{
	return stmt_run(db_stmt(db, &tx_table, n), e);
}

/* SQLite ends the whole transaction by itself on some errors (disk full, I/O). */
static bool transaction_lost(struct db *db)
{
	return sqlite3_get_autocommit(db->c) != 0;
}

/* Deferred foreign keys are looked at here and not in COMMIT, where one would fail all. */
static int check_deferred_keys(struct db *db, struct err *e)
{
	int now = 0, high;

	sqlite3_db_status(db->c, SQLITE_DBSTATUS_DEFERRED_FKS, &now, &high, 0);
	return now ? err_set(e, ERR_CONFLICT, "foreign_key",
			     "a row points to one that is not there")
		   : 0;
}

static void run_tx(struct db *db, struct tx *tx, struct hook_list *hooks)
{
	err_clear(&tx->err);
	tx->rc = tx_control(db, TX_SAVEPOINT, &tx->err);
	if (tx->rc != 0) {
		return;
	}
	db->in_tx = true;
	tx->rc = tx->fn(db, tx->arg, &tx->err);
	db->in_tx = false;
	db_reset_all(db);
	if (tx->rc >= 0 && transaction_lost(db)) {
		tx->rc = err_set(&tx->err, ERR_IO, "database", "the transaction was rolled back");
	}
	if (tx->rc >= 0) {
		int rc = check_deferred_keys(db, &tx->err);

		tx->rc = rc < 0 ? rc : tx->rc;
	}
	if (tx->rc < 0) {
		err_set(&tx->err, tx->rc, "transaction", "the change was not made");
		hooks_end(&db->hooks, false);
		if (!transaction_lost(db)) {
			struct err e = ERR_INIT;

			if (tx_control(db, TX_ROLLBACK_TO, &e) != 0) {
				log_error("store.rollback", LT("message", e.message));
				sqlite3_exec(db->c, "ROLLBACK", NULL, NULL, NULL);
			}
		}
	}
	if (!transaction_lost(db)) {
		struct err e = ERR_INIT;
		int rc = tx_control(db, TX_RELEASE, &e);

		ASSERT(rc == 0); /* writes nothing: the outer transaction is there */
	}
	hooks_move(hooks, &db->hooks);
}

/* ── a disk that fails ── */

void store_on_disk_failed(struct store *s, void (*fn)(void *arg), void *arg)
{
	pthread_mutex_lock(&s->queue_lock);
	s->on_disk_failed = fn;
	s->disk_failed_arg = arg;
	pthread_mutex_unlock(&s->queue_lock);
}

bool store_disk_failed(const struct store *s)
{
	return s->disk_failed;
}

static int disk_failed(struct err *e)
{
	return err_replace(
		e, ERR_UNAVAILABLE, "disk_failed", "The disk failed: the server is stopping.");
}

/* Right after a call that failed. */
static void look_at_disk(struct store *s)
{
	int code = sqlite3_extended_errcode(s->writer->c);
	void (*fn)(void *);
	void *arg;

	if (s->disk_failed || (code != SQLITE_IOERR_FSYNC && code != SQLITE_IOERR_DIR_FSYNC)) {
		return;
	}
	s->disk_failed = true;
	log_error("store.disk_failed", LT("message", sqlite3_errmsg(s->writer->c)));
	/* what was read back would be the cache, not the disk */
	sqlite3_db_config(s->writer->c, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	pthread_mutex_lock(&s->queue_lock);
	fn = s->on_disk_failed;
	arg = s->disk_failed_arg;
	pthread_mutex_unlock(&s->queue_lock);
	if (fn) {
		fn(arg);
	}
}

/* A log that a process left behind may hold commits that the disk never took: they are made durable
 * in the database before anything is written after them. */
int store_settle_log(struct db *db, struct err *e)
{
	int n_wal, n_moved;
	int rc = sqlite3_wal_checkpoint_v2(
		db->c, NULL, SQLITE_CHECKPOINT_TRUNCATE, &n_wal, &n_moved);

	/* A full disk is no reason not to start. */
	if (rc == SQLITE_OK || (rc & 0xff) == SQLITE_FULL ||
		sqlite3_system_errno(db->c) == ENOSPC) {
		return 0;
	}
	return db_error(db->c, rc, e, "cannot empty the write-ahead log");
}

static struct tx *take_queued(struct store *s)
{
	struct tx *tx;

	pthread_mutex_lock(&s->queue_lock);
	tx = list_take(&s->queue);
	pthread_mutex_unlock(&s->queue_lock);
	return tx;
}

static void fail_all(struct tx_list *group, int rc, const struct err *e)
{
	for (struct tx *tx = group->head; tx; tx = tx->next) {
		if (tx->rc >= 0) {
			tx->rc = rc;
			tx->err = *e;
		}
	}
}

/* Takes out of the group what is worth another try, with the reserve. */
static void keep_freeing(struct store *s, struct tx_list *group, struct tx_list *again)
{
	struct tx_list rest;
	struct tx *tx;
	bool given = false;

	list_init(&rest);
	while ((tx = list_take(group)) != NULL) {
		bool freeing = tx->frees && tx->rc == ERR_NO_SPACE;

		given = given || (freeing && store_reserve_give(s));
		list_add(freeing && given ? again : &rest, tx);
	}
	*group = rest;
	if (!rest.head) {
		list_init(group);
	}
}

static void tell_all(struct tx_list *group)
{
	struct tx *tx;

	while ((tx = list_take(group)) != NULL) {
		tx->on_done(tx);
	}
}

static int run_checkpoint(struct db *db, void *arg, struct err *e);

/* Runs `first` and, unless it is to be alone, what is queued behind it in one commit. Returns a
 * transaction that has to run outside of one, or NULL. */
static struct tx *run_group(struct store *s, struct tx *first, bool alone)
{
	struct db *db = s->writer;
	struct tx_list group, again;
	struct hook_list hooks;
	struct err e = ERR_INIT;
	struct tx *tx = first;
	int64_t start = clock_mono_us();
	int n = 0;
	int rc = s->disk_failed ? disk_failed(&e) : tx_control(db, TX_BEGIN, &e);

	list_init(&again);
	list_init(&group);
	hooks_init(&hooks);
	while (tx && tx->fn != run_checkpoint) {
		list_add(&group, tx);
		tx->rc = 0;
		if (rc == 0) {
			run_tx(db, tx, &hooks);
			if (transaction_lost(db)) {
				rc = tx->rc;
				e = tx->err;
			}
		}
		tx = NULL;
		if (rc == 0 && !alone && ++n < GROUP_TX_MAX &&
			clock_mono_us() - start < GROUP_US_MAX) {
			tx = take_queued(s);
		}
		if (rc != 0) {
			break;
		}
	}
	if (rc == 0) {
		rc = tx_control(db, TX_COMMIT, &e);
	}
	if (rc != 0 && !s->disk_failed) {
		look_at_disk(s);
		log_error("store.commit", LT("message", e.message));
		if (!transaction_lost(db)) {
			sqlite3_exec(db->c, "ROLLBACK", NULL, NULL, NULL);
		}
	}
	if (rc != 0) {
		fail_all(&group, rc, &e);
	}
	hooks_end(&hooks, rc == 0);
	keep_freeing(s, &group, &again);
	if (rc == 0) {
		store_reserve_take(s); /* before they are told: store_require_room looks at it */
	}
	tell_all(&group);
	while ((first = list_take(&again)) != NULL) {
		(void)run_group(s, first, true);
	}
	return tx;
}

static int on_wal(void *arg, sqlite3 *c, const char *schema, int n_pages)
{
	struct db *db = arg;

	(void)c;
	(void)schema;
	db->wal_pages = n_pages;
	return SQLITE_OK;
}

/* Moves what readers let it move into the database file; never waits for them. */
static void checkpoint_passive(struct store *s)
{
	int n_wal = 0, n_moved = 0;
	int rc = sqlite3_wal_checkpoint_v2(
		s->writer->c, NULL, SQLITE_CHECKPOINT_PASSIVE, &n_wal, &n_moved);

	if (rc != SQLITE_OK && rc != SQLITE_BUSY) {
		look_at_disk(s);
		log_warn("store.checkpoint", LT("message", sqlite3_errmsg(s->writer->c)));
	}
	/* After a whole one the next commit begins the WAL anew; a held one is tried again later.
	 */
	s->checkpoint_at_pages =
		(rc == SQLITE_OK && n_moved == n_wal ? 0 : s->writer->wal_pages) + CHECKPOINT_PAGES;
	if (rc == SQLITE_OK && n_moved == n_wal) {
		s->writer->wal_pages = 0;
	}
}

static int log_is_read(struct err *e)
{
	return err_set(e, ERR_UNAVAILABLE, "database_busy",
		"cannot empty the write-ahead log while the database is copied");
}

/* Under copy_lock: none begins to read meanwhile, or it would be waited for. */
static int empty_log(struct db *db, struct err *e)
{
	int n_wal, n_moved, rc;

	if (db->store->n_copies > 0) {
		return log_is_read(e);
	}
	sqlite3_busy_timeout(db->c, CHECKPOINT_TRY_MS);
	rc = sqlite3_wal_checkpoint_v2(db->c, NULL, SQLITE_CHECKPOINT_TRUNCATE, &n_wal, &n_moved);
	sqlite3_busy_timeout(db->c, STORE_BUSY_MS);
	if (rc != SQLITE_OK) {
		look_at_disk(db->store);
		return db_error(db->c, rc, e, "cannot empty the write-ahead log");
	}
	return 0;
}

static int run_checkpoint(struct db *db, void *arg, struct err *e)
{
	int rc;

	(void)arg;
	if (db->store->disk_failed) {
		return disk_failed(e);
	}
	pthread_mutex_lock(&db->store->copy_lock);
	rc = empty_log(db, e);
	pthread_mutex_unlock(&db->store->copy_lock);
	if (rc == 0) {
		db->wal_pages = 0;
		db->store->checkpoint_at_pages = CHECKPOINT_PAGES;
	}
	return rc;
}

static void *run_writer(void *arg)
{
	struct store *s = arg;

	pthread_setname_np(pthread_self(), "writer");
	pthread_mutex_lock(&s->queue_lock);
	for (;;) {
		struct tx *tx = list_take(&s->queue);
		bool idle;

		if (!tx && s->closing) {
			break;
		}
		if (!tx) {
			pthread_cond_wait(&s->queue_wake, &s->queue_lock);
			continue;
		}
		pthread_mutex_unlock(&s->queue_lock);
		if (tx->fn != run_checkpoint) {
			tx = run_group(s, tx, false);
		}
		if (tx) {
			err_clear(&tx->err);
			tx->rc = run_checkpoint(s->writer, NULL, &tx->err);
			tx->on_done(tx);
		}
		pthread_mutex_lock(&s->queue_lock);
		idle = s->queue.head == NULL;
		if (!s->disk_failed &&
			s->writer->wal_pages >
				s->checkpoint_at_pages + (idle ? 0 : CHECKPOINT_OVERDUE_PAGES)) {
			pthread_mutex_unlock(&s->queue_lock);
			checkpoint_passive(s);
			pthread_mutex_lock(&s->queue_lock);
		}
	}
	pthread_mutex_unlock(&s->queue_lock);
	return NULL;
}

void store_submit(struct store *s, struct tx *tx)
{
	pthread_mutex_lock(&s->queue_lock);
	list_add(&s->queue, tx);
	pthread_cond_signal(&s->queue_wake);
	pthread_mutex_unlock(&s->queue_lock);
}

struct waiting_tx {
	struct tx tx;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool done;
};

static void on_waiting_done(struct tx *tx)
{
	struct waiting_tx *w = (struct waiting_tx *)tx; /* its first member */

	pthread_mutex_lock(&w->lock);
	w->done = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

static int wait_for(struct store *s, struct waiting_tx *w, struct err *e)
{
	ASSERT(!store_on_loop_thread());
	ASSERT(!pthread_equal(pthread_self(), s->writer_thread));
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	store_submit(s, &w->tx);
	pthread_mutex_lock(&w->lock);
	while (!w->done) {
		pthread_cond_wait(&w->wake, &w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	if (w->tx.rc < 0 && e && e->code == 0) {
		*e = w->tx.err;
	}
	return w->tx.rc;
}

int store_write(struct store *s, tx_fn fn, void *arg, struct err *e)
{
	struct waiting_tx w = {.tx = {.fn = fn, .arg = arg, .on_done = on_waiting_done}};

	return wait_for(s, &w, e);
}

int store_write_freeing(struct store *s, tx_fn fn, void *arg, struct err *e)
{
	struct waiting_tx w = {
		.tx = {.fn = fn, .arg = arg, .on_done = on_waiting_done, .frees = true}};

	return wait_for(s, &w, e);
}

int store_checkpoint(struct store *s, struct err *e)
{
	const struct timespec pause = {0, CHECKPOINT_PAUSE_MS * 1000000L};
	int64_t until_ms = clock_mono_ms() + CHECKPOINT_WAIT_MS;

	ASSERT(!store_on_loop_thread());
	for (;;) {
		struct err why = ERR_INIT;
		int64_t left_ms = until_ms - clock_mono_ms();
		/* For a copy here, not on the writer thread, where all would wait. */
		int rc = store_copy_wait(s, left_ms > 0 ? left_ms : 0)
				 ? store_write(s, run_checkpoint, NULL, &why)
				 : log_is_read(&why);

		if (rc != ERR_UNAVAILABLE || s->disk_failed || left_ms <= 0) {
			return rc ? err_set(e, rc, why.reason, "%s", why.message) : 0;
		}
		nanosleep(&pause, NULL);
	}
}

/* ── life ── */

int writer_start(struct store *s, struct err *e)
{
	int rc;

	sqlite3_wal_autocheckpoint(s->writer->c, 0);
	sqlite3_wal_hook(s->writer->c, on_wal, s->writer);
	s->checkpoint_at_pages = CHECKPOINT_PAGES;
	rc = thread_start(&s->writer_thread, run_writer, s);
	if (rc != 0) {
		return err_sys(e, ERR_INTERNAL, rc, "cannot start the writer thread");
	}
	s->writer_runs = true;
	return 0;
}

void writer_stop(struct store *s)
{
	if (s->writer_runs) {
		pthread_mutex_lock(&s->queue_lock);
		s->closing = true;
		pthread_cond_signal(&s->queue_wake);
		pthread_mutex_unlock(&s->queue_lock);
		pthread_join(s->writer_thread, NULL);
		s->writer_runs = false;
	}
}
