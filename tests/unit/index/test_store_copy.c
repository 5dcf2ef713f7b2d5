/* A copy of a database that is written to meanwhile: one moment of it, nothing removed in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/base/buf.h"
#include "index/base/fs.h"
#include "index/store.h"

#define ROWS 20000
#define WORD "removedcormorant"

enum { Q_INSERT, Q_PUT, Q_COUNT, Q_CLEAR };
static const char *const sql[] = {
	[Q_INSERT] = "INSERT INTO t(v) VALUES('a row that is kept')",
	[Q_PUT] = "INSERT INTO t(n, v) VALUES(?1, ?2)",
	[Q_COUNT] = "SELECT count(*) FROM t",
	[Q_CLEAR] = "DELETE FROM t",
};
SQL_TABLE(table, "test", sql);

struct fixture {
	char dir[256];
	char copy[300];
	struct store *s;
	int n_asked;
	int refuse; /* what goes_on returns */
};

/* In an order in which pages are split again and again: rows move, and leave their bytes. */
static int make_rows(struct db *db, void *arg, struct err *e)
{
	int rc = db_exec(db,
		"CREATE TABLE t(n INTEGER PRIMARY KEY, v TEXT NOT NULL);"
		"CREATE INDEX t_v ON t(v)",
		e);

	(void)arg;
	for (int64_t i = 0; rc == 0 && i < ROWS; i++) {
		struct stmt *q = db_stmt(db, &table, Q_PUT);
		struct buf text = BUF_INIT;

		for (int k = 0; k <= i % 5; k++) {
			buf_printf(&text, "%d ", (int)(i * 104729 % 1000003));
		}
		buf_str(&text, i % 2 ? "a row that is kept" : WORD);
		stmt_int(q, 1, i * 7919 % 20011);
		stmt_text(q, 2, text.data);
		rc = stmt_run(q, e);
		buf_finish(&text);
	}
	return rc;
}

static int remove_words(struct db *db, void *arg, struct err *e)
{
	(void)arg;
	return db_exec(db, "DELETE FROM t WHERE v LIKE '%" WORD "'", e);
}

static int add_row(struct db *db, void *arg, struct err *e)
{
	(void)arg;
	return stmt_run(db_stmt(db, &table, Q_INSERT), e);
}

static int64_t count(struct db *db)
{
	struct stmt *q = db_stmt(db, &table, Q_COUNT);
	int64_t n;

	assert_int_equal(stmt_step(q, NULL), 1);
	n = col_int(q, 0);
	stmt_reset(q);
	return n;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "%s/carrel-copy-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->copy, sizeof(f->copy), "%s/copy.db", f->dir);
	assert_int_equal(store_open(f->dir, &f->s, NULL), 0);
	assert_int_equal(store_write(f->s, make_rows, NULL, NULL), 0);
	assert_int_equal(store_write(f->s, remove_words, NULL, NULL), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	store_close(f->s);
	fs_remove_tree(f->dir);
	free(f);
	return 0;
}

/* In the middle of it: others write, and nobody waits for the log to be emptied. */
static int goes_on(void *arg, int64_t n_bytes, struct err *e)
{
	struct fixture *f = arg;
	struct err why = ERR_INIT;

	assert_true(n_bytes >= 0);
	if (f->n_asked++ == 0) {
		assert_int_equal(store_write(f->s, add_row, NULL, NULL), 0);
		assert_int_equal(store_checkpoint(f->s, &why), ERR_UNAVAILABLE);
		assert_int_equal(store_write(f->s, add_row, NULL, NULL), 0);
	}
	return f->refuse ? err_set(e, f->refuse, "refused", "that is enough") : 0;
}

static void one_moment_of_it(void **state)
{
	struct fixture *f = *state;
	struct store_copy o = {.path = f->copy, .goes_on = goes_on, .arg = f};
	struct db *copy, *now;
	struct err e = ERR_INIT;
	struct stat st;

	assert_int_equal(store_copy(f->s, &o, &copy, &e), 0);
	assert_true(f->n_asked > 0);
	assert_int_equal(count(copy), ROWS / 2);
	now = store_reader(f->s, &e);
	assert_int_equal(count(now), ROWS / 2 + 2);
	store_reader_drop(now);
	assert_int_equal(stmt_run(db_stmt(copy, &table, Q_CLEAR), &e), 0);
	assert_int_equal(count(copy), 0);
	store_copy_close(copy);
	assert_int_equal(stat(f->copy, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* the log is the writer's again */
	assert_int_equal(store_checkpoint(f->s, &e), 0);
	assert_int_equal(store_copy(f->s, &o, &copy, &e), ERR_IO); /* it is there */
	assert_null(copy);
}

static bool holds(const char *path, const char *word)
{
	struct buf bytes = BUF_INIT;
	bool yes;

	assert_int_equal(fs_read(path, (size_t)64 << 20, &bytes, NULL), 0);
	yes = memmem(bytes.data, bytes.len, word, strlen(word)) != NULL;
	buf_finish(&bytes);
	return yes;
}

static void nothing_removed_in_it(void **state)
{
	struct fixture *f = *state;
	struct store_copy o = {.path = f->copy, .goes_on = goes_on, .arg = f};
	struct db *copy;

	assert_int_equal(store_copy(f->s, &o, &copy, NULL), 0);
	store_copy_close(copy);
	assert_true(holds(f->copy, "a row that is kept"));
	assert_false(holds(f->copy, WORD));
}

static void it_ends_when_told(void **state)
{
	struct fixture *f = *state;
	struct store_copy o = {.path = f->copy, .goes_on = goes_on, .arg = f};
	struct err e = ERR_INIT;
	struct db *copy;

	f->refuse = ERR_CANCELLED;
	assert_int_equal(store_copy(f->s, &o, &copy, &e), ERR_CANCELLED);
	assert_string_equal(e.reason, "refused");
	assert_null(copy);
	assert_int_equal(f->n_asked, 1);
	assert_int_equal(store_write(f->s, add_row, NULL, NULL), 0);
	assert_int_equal(store_checkpoint(f->s, NULL), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(one_moment_of_it),
		T(nothing_removed_in_it),
		T(it_ends_when_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
