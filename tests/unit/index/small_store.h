/* A store with one small table in a temporary folder, whose commits are counted and can be refused.
 */
#ifndef TESTS_UNIT_INDEX_SMALL_STORE_H
#define TESTS_UNIT_INDEX_SMALL_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/fs.h"
#include "index/store.h"

#define UNUSED __attribute__((unused))

enum { Q_INSERT, Q_COUNT, Q_VALUE, Q_CHILD, Q_ALL, Q_LATE };
static const char *const sql[] = {
	[Q_INSERT] = "INSERT INTO t(n, v) VALUES(?1, ?2)",
	[Q_COUNT] = "SELECT count(*) FROM t",
	[Q_VALUE] = "SELECT v FROM t WHERE n = ?1",
	[Q_CHILD] = "INSERT INTO child(n) VALUES(?1)",
	[Q_ALL] = "SELECT n FROM t",
	[Q_LATE] = "INSERT INTO late(n) VALUES(?1)",
};
SQL_TABLE(table, "test", sql);

struct fixture {
	char dir[256];
	char db_path[300];
	struct store *s;
};

static atomic_int n_commits;
static atomic_bool refuse_commit;

static int on_commit(void *arg)
{
	(void)arg;
	atomic_fetch_add(&n_commits, 1);
	return atomic_load(&refuse_commit) ? 1 : 0;
}

static int on_connect(void *connection, struct db *db, struct err *e)
{
	(void)db;
	(void)e;
	sqlite3_commit_hook(connection, on_commit, NULL);
	return 0;
}

static UNUSED void open_store(struct fixture *f)
{
	struct err e = ERR_INIT;
	int rc = store_open(f->dir, &f->s, &e);

	if (rc != 0) {
		fail_msg("store_open: %s", e.message);
	}
}

static UNUSED int make_tables(struct db *db, void *arg, struct err *e)
{
	(void)arg;
	return db_exec(db,
		"CREATE TABLE t(n INTEGER PRIMARY KEY, v TEXT UNIQUE);"
		"CREATE TABLE child(n INTEGER NOT NULL REFERENCES t(n));"
		"CREATE TABLE late(n INTEGER REFERENCES t(n) DEFERRABLE INITIALLY DEFERRED);",
		e);
}

static UNUSED void make_dir(struct fixture *f)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(f->dir, sizeof(f->dir), "%s/carrel-store-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->db_path, sizeof(f->db_path), "%s/carrel.db", f->dir);
	f->s = NULL;
}

static UNUSED int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	atomic_store(&refuse_commit, false);
	store_on_connect(on_connect);
	make_dir(f);
	open_store(f);
	assert_int_equal(store_write(f->s, make_tables, NULL, NULL), 0);
	*state = f;
	return 0;
}

static UNUSED int tear_down(void **state)
{
	struct fixture *f = *state;

	store_close(f->s);
	fs_remove_tree(f->dir);
	free(f);
	return 0;
}

static UNUSED int64_t count(struct db *db)
{
	struct stmt *q = db_stmt(db, &table, Q_COUNT);
	int64_t n;

	assert_int_equal(stmt_step(q, NULL), 1);
	n = col_int(q, 0);
	assert_int_equal(stmt_step(q, NULL), 0);
	return n;
}

static UNUSED int64_t count_now(struct store *s)
{
	struct err e = ERR_INIT;
	struct db *db = store_reader(s, &e);
	int64_t n;

	assert_non_null(db);
	n = count(db);
	store_reader_drop(db);
	return n;
}

/* arg: the number to insert, as a pointer's value. */
static UNUSED int insert(struct db *db, void *arg, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_INSERT);
	char text[32];

	snprintf(text, sizeof(text), "value %ld", (long)(intptr_t)arg);
	stmt_int(q, 1, (intptr_t)arg);
	stmt_text(q, 2, text);
	return stmt_run(q, e);
}

static UNUSED int insert_then_fail(struct db *db, void *arg, struct err *e)
{
	int rc = insert(db, arg, e);

	return rc ? rc : err_set(e, ERR_FORBIDDEN, "test", "no");
}

static UNUSED bool file_has(const char *path, const char *word)
{
	struct buf b = BUF_INIT;
	bool has;

	assert_int_equal(fs_read(path, 1 << 30, &b, NULL), 0);
	has = memmem(b.data, b.len, word, strlen(word)) != NULL;
	buf_finish(&b);
	return has;
}

/* A test with a store of its own. */
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
