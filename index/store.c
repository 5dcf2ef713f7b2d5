#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/base/fs.h"
#include "index/base/log.h"
#include "index/store_private.h"

#define N_READERS_MAX 16

static _Thread_local bool is_loop_thread;

void store_mark_loop_thread(bool runs)
{
	is_loop_thread = runs;
}

bool store_on_loop_thread(void)
{
	return is_loop_thread;
}

/* ── readers ── */

enum { READ_BEGIN, READ_TOUCH, READ_END };
static const char *const read_sql[] = {
	[READ_BEGIN] = "BEGIN",
	/* BEGIN alone takes no snapshot: the first read does. */
	[READ_TOUCH] = "SELECT 1 FROM sqlite_schema LIMIT 1",
	[READ_END] = "ROLLBACK",
};
SQL_TABLE(read_table, "index/store reader", read_sql);

static int snapshot_take(struct db *db, struct err *e)
{
	int rc = stmt_run(db_stmt(db, &read_table, READ_BEGIN), e);

	return rc == 0 ? stmt_run(db_stmt(db, &read_table, READ_TOUCH), e) : rc;
}

static void snapshot_end(struct db *db)
{
	struct err e = ERR_INIT;

	db_reset_all(db);
	for (int i = 0; i < N_STORE_PARTS; i++) {
		db_keep(db, (enum store_part)i, NULL, NULL);
	}
	if (!sqlite3_get_autocommit(db->c) &&
		stmt_run(db_stmt(db, &read_table, READ_END), &e) != 0) {
		log_error("store.reader", LT("message", e.message));
	}
}

/* A free connection, or NULL with *open_one: the caller may open another. */
static struct db *lend(struct store *s, bool *open_one)
{
	struct db *db;

	*open_one = false;
	pthread_mutex_lock(&s->reader_lock);
	while (!s->free_readers && s->n_readers == N_READERS_MAX) {
		pthread_cond_wait(&s->reader_free, &s->reader_lock);
	}
	db = s->free_readers;
	if (db) {
		s->free_readers = db->next;
	} else {
		s->n_readers++;
		*open_one = true;
	}
	s->n_lent++;
	pthread_mutex_unlock(&s->reader_lock);
	return db;
}

static void give_back(struct store *s, struct db *db)
{
	pthread_mutex_lock(&s->reader_lock);
	s->n_lent--;
	if (db) {
		db->next = s->free_readers;
		s->free_readers = db;
	} else {
		s->n_readers--;
	}
	pthread_cond_signal(&s->reader_free);
	pthread_mutex_unlock(&s->reader_lock);
}

struct db *store_reader(struct store *s, struct err *e)
{
	bool open_one;
	struct db *db;

	ASSERT(!is_loop_thread);
	db = lend(s, &open_one);
	if (open_one && db_open(s, s->path, false, &db, e) != 0) {
		give_back(s, NULL);
		return NULL;
	}
	if (snapshot_take(db, e) != 0) {
		snapshot_end(db);
		give_back(s, db);
		return NULL;
	}
	return db;
}

void store_reader_drop(struct db *db)
{
	if (db) {
		ASSERT(!db->writer);
		snapshot_end(db);
		give_back(db->store, db);
	}
}

int store_reader_renew(struct db *db, struct err *e)
{
	ASSERT(!db->writer);
	snapshot_end(db);
	return snapshot_take(db, e);
}

bool db_writes(const struct db *db)
{
	return db->writer;
}

void *db_kept(struct db *db, enum store_part part)
{
	ASSERT((int)part >= 0 && part < N_STORE_PARTS);
	return db->kept[part].p;
}

void db_keep(struct db *db, enum store_part part, void *p, void (*free_fn)(void *p))
{
	ASSERT((int)part >= 0 && part < N_STORE_PARTS && (!db->writer || !p));
	if (db->kept[part].p) {
		db->kept[part].free_fn(db->kept[part].p);
	}
	db->kept[part].p = p;
	db->kept[part].free_fn = free_fn;
}

/* ── parts ── */

void store_attach(struct store *s, enum store_part part, void *p)
{
	ASSERT((int)part >= 0 && part < N_STORE_PARTS);
	s->parts[part] = p;
}

void *store_part(struct store *s, enum store_part part)
{
	ASSERT((int)part >= 0 && part < N_STORE_PARTS);
	return s->parts[part];
}

void *db_part(struct db *db, enum store_part part)
{
	ASSERT((int)part >= 0 && part < N_STORE_PARTS);
	return db->store->parts[part];
}

/* ── life ── */

/* Only we may read it; the WAL gets the mode of the database. */
static int make_file(const char *data_dir, const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0) {
		return err_sys(e, ERR_IO, errno, "cannot open %s", path);
	}
	close(fd);
	return fs_sync_dir(data_dir, e);
}

static int open_writer(struct store *s, struct err *e)
{
	int rc = db_open(s, s->path, true, &s->writer, e);

	if (rc == 0) {
		rc = store_settle_log(s->writer, e);
	}
	if (rc == 0) {
		rc = store_migrate(s->writer->c, s->path, e);
	}
	if (rc == 0) {
		rc = writer_start(s, e);
	}
	return rc;
}

int store_open(const char *data_dir, struct store **out, struct err *e)
{
	struct store *s = calloc(1, sizeof(*s));
	int n, rc;

	ASSERT(s != NULL);
	*out = NULL;
	pthread_mutex_init(&s->queue_lock, NULL);
	pthread_cond_init(&s->queue_wake, NULL);
	pthread_mutex_init(&s->reader_lock, NULL);
	pthread_cond_init(&s->reader_free, NULL);
	store_copy_init(s);
	s->queue.tail = &s->queue.head;
	n = snprintf(s->path, sizeof(s->path), "%s/carrel.db", data_dir);
	if (n < 0 || (size_t)n >= sizeof(s->path) - 8) {
		rc = err_set(e, ERR_CONFIG, "bad_setting", "the data folder's name is too long");
	} else {
		rc = fs_mkdirs(data_dir, e);
	}
	if (rc == 0) {
		rc = make_file(data_dir, s->path, e);
	}
	if (rc == 0) {
		s->is_short = true;
		store_reserve_take(s);
		rc = open_writer(s, e);
	}
	if (rc != 0) {
		store_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s) {
		return;
	}
	writer_stop(s);
	ASSERT(s->n_lent == 0);
	while (s->free_readers) {
		struct db *db = s->free_readers;

		s->free_readers = db->next;
		db_close(db);
	}
	/* Last, so that the closing checkpoint is the writer's. */
	db_close(s->writer);
	pthread_mutex_destroy(&s->queue_lock);
	pthread_cond_destroy(&s->queue_wake);
	pthread_mutex_destroy(&s->reader_lock);
	pthread_cond_destroy(&s->reader_free);
	store_copy_finish(s);
	free(s);
}

/* ── upkeep ── */

static const char *const check_sql[] = {
	"PRAGMA integrity_check(20)",
	"SELECT \"table\", parent FROM pragma_foreign_key_check LIMIT 1",
};
SQL_TABLE(check_table, "index/store check", check_sql);

static int check_pages(struct db *db, struct err *e)
{
	struct stmt *q = db_stmt(db, &check_table, 0);
	int rc;

	while ((rc = stmt_step(q, e)) == 1) {
		const char *finding = col_text(q, 0);

		if (strcmp(finding, "ok") != 0) {
			rc = err_set(e, ERR_CORRUPT, "database_damaged",
				"the database is damaged: %s", finding);
			break;
		}
	}
	stmt_reset(q);
	return rc;
}

static int check_keys(struct db *db, struct err *e)
{
	struct stmt *q = db_stmt(db, &check_table, 1);
	int rc = stmt_step(q, e);

	if (rc == 1) {
		rc = err_set(e, ERR_CORRUPT, "foreign_key",
			"a row of table %s points to a row of %s that is not there", col_text(q, 0),
			col_text(q, 1));
	}
	stmt_reset(q);
	return rc;
}

/* On a connection without modules: since SQLite 3.44 the pragma opens virtual tables, too, and
 * fails where one is too damaged for that; they are derived, and fts_check's. */
int store_integrity(struct store *s, struct err *e)
{
	struct db *db;
	int rc = db_open(s, s->path, false, &db, e);

	if (rc != 0) {
		return rc;
	}
	sqlite3_drop_modules(db->c, NULL);
	rc = check_pages(db, e);
	if (rc == 0) {
		rc = check_keys(db, e);
	}
	db_close(db);
	return rc;
}
