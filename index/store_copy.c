/*
 * A copy of the database by VACUUM INTO, on a connection of its own that only reads the original.
 * SQLite's backup API copies pages and takes half the computing (0.26 s for 100,000 chunks, 0.46
 * so); but it copies free space along, in which an older Carrel left bytes of rows that were moved.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "index/base/clock.h"
#include "index/store_private.h"

#define ASK_STEPS 20000 /* of SQLite's machine: a millisecond or two */
#define ASK_MS 50

struct copying {
	const struct store_copy *order;
	int64_t asked_ms;
	int rc;
	struct err err;
};

/* ── who waits for it ── */

void store_copy_init(struct store *s)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&s->copy_lock, NULL);
	ASSERT(pthread_condattr_init(&attr) == 0);
	ASSERT(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
	ASSERT(pthread_cond_init(&s->copy_ended, &attr) == 0);
	pthread_condattr_destroy(&attr);
}

void store_copy_finish(struct store *s)
{
	pthread_cond_destroy(&s->copy_ended);
	pthread_mutex_destroy(&s->copy_lock);
}

bool store_copy_wait(struct store *s, int64_t ms)
{
	struct timespec until;
	bool ended;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&s->copy_lock);
	while (s->n_copies > 0 &&
		pthread_cond_timedwait(&s->copy_ended, &s->copy_lock, &until) == 0) {
	}
	ended = s->n_copies == 0;
	pthread_mutex_unlock(&s->copy_lock);
	return ended;
}

static void count_copies(struct store *s, int by)
{
	pthread_mutex_lock(&s->copy_lock);
	s->n_copies += by;
	pthread_cond_broadcast(&s->copy_ended);
	pthread_mutex_unlock(&s->copy_lock);
}

/* ── the copy ── */

/* SQLite would not say why it cannot make a file. */
static int make_empty(const char *path, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0) {
		return err_sys(e, ERR_IO, errno, "cannot write %s", path);
	}
	close(fd);
	return 0;
}

/* Not 0: the statement is interrupted. */
static int on_steps(void *arg)
{
	struct copying *c = arg;
	int64_t now_ms = clock_mono_ms();
	struct stat st;

	if (c->rc == 0 && now_ms - c->asked_ms >= ASK_MS) {
		c->asked_ms = now_ms;
		c->rc = c->order->goes_on(c->order->arg,
			stat(c->order->path, &st) == 0 ? (int64_t)st.st_size : 0, &c->err);
	}
	return c->rc < 0;
}

static int vacuum_into(struct db *db, struct copying *c, struct err *e)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(db->c, "VACUUM INTO ?1", -1, &q, NULL);

	if (rc == SQLITE_OK) {
		rc = sqlite3_bind_text(q, 1, c->order->path, -1, SQLITE_STATIC);
	}
	if (rc == SQLITE_OK) {
		sqlite3_progress_handler(db->c, ASK_STEPS, on_steps, c);
		rc = sqlite3_step(q);
		sqlite3_progress_handler(db->c, 0, NULL, NULL);
	}
	if (c->rc < 0) {
		rc = err_set(e, c->rc, c->err.reason, "%s", c->err.message);
	} else if (rc != SQLITE_DONE) {
		rc = db_error(db->c, rc, e, "cannot copy the database");
	} else {
		rc = 0;
	}
	sqlite3_finalize(q);
	return rc;
}

/* Takes no log and makes none: what the writer alone does. */
static int open_plain(struct store *s, const char *path, struct db **out, struct err *e)
{
	int rc = db_open(s, path, false, out, e);

	if (rc == 0) {
		rc = db_exec(*out, "PRAGMA query_only = OFF", e);
	}
	if (rc != 0) {
		db_close(*out);
		*out = NULL;
	}
	return rc;
}

int store_copy(struct store *s, const struct store_copy *o, struct db **copy, struct err *e)
{
	struct copying c = {.order = o, .err = ERR_INIT};
	char journal[PATH_MAX];
	struct db *db;
	int rc;

	ASSERT(!store_on_loop_thread());
	*copy = NULL;
	snprintf(journal, sizeof(journal), "%s-journal", o->path);
	rc = make_empty(o->path, e);
	rc = rc ? rc : make_empty(journal, e);
	if (rc == 0) {
		rc = open_plain(s, s->path, &db, e);
	}
	if (rc != 0) {
		return rc;
	}
	count_copies(s, 1);
	rc = vacuum_into(db, &c, e);
	db_close(db);
	count_copies(s, -1);
	return rc ? rc : open_plain(s, o->path, copy, e);
}

void store_copy_close(struct db *copy)
{
	db_close(copy);
}
