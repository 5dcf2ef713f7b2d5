/* A copy of a database that is written to meanwhile: one moment of it, nothing removed in it. */
#include "tests/unit/index/small_store.h"

#include <sys/stat.h>

#define ROWS 20000
#define WORD "removedcormorant"

struct copied {
	struct fixture fixture; /* first: tear_down of small_store.h ends it */
	char copy[300];
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
		struct stmt *q = db_stmt(db, &table, Q_INSERT);
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
	return db_exec(db, "INSERT INTO t(v) VALUES('a row that is kept')", e);
}

static int copied_set_up(void **state)
{
	struct copied *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	make_dir(&c->fixture);
	snprintf(c->copy, sizeof(c->copy), "%s/copy.db", c->fixture.dir);
	open_store(&c->fixture);
	assert_int_equal(store_write(c->fixture.s, make_rows, NULL, NULL), 0);
	assert_int_equal(store_write(c->fixture.s, remove_words, NULL, NULL), 0);
	*state = c;
	return 0;
}

/* In the middle of it: others write, and nobody waits for the log to be emptied. */
static int goes_on(void *arg, int64_t n_bytes, struct err *e)
{
	struct copied *c = arg;
	struct err why = ERR_INIT;

	assert_true(n_bytes >= 0);
	if (c->n_asked++ == 0) {
		assert_int_equal(store_write(c->fixture.s, add_row, NULL, NULL), 0);
		assert_int_equal(store_checkpoint(c->fixture.s, &why), ERR_UNAVAILABLE);
		assert_int_equal(store_write(c->fixture.s, add_row, NULL, NULL), 0);
	}
	return c->refuse ? err_set(e, c->refuse, "refused", "that is enough") : 0;
}

static void one_moment_of_it(void **state)
{
	struct copied *c = *state;
	struct store_copy o = {.path = c->copy, .goes_on = goes_on, .arg = c};
	struct db *copy, *now;
	struct err e = ERR_INIT;
	struct stat st;

	assert_int_equal(store_copy(c->fixture.s, &o, &copy, &e), 0);
	assert_true(c->n_asked > 0);
	assert_int_equal(count(copy), ROWS / 2);
	now = store_reader(c->fixture.s, &e);
	assert_int_equal(count(now), ROWS / 2 + 2);
	store_reader_drop(now);
	assert_int_equal(db_exec(copy, "DELETE FROM t", &e), 0);
	assert_int_equal(count(copy), 0);
	store_copy_close(copy);
	assert_int_equal(stat(c->copy, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* the log is the writer's again */
	assert_int_equal(store_checkpoint(c->fixture.s, &e), 0);
	assert_int_equal(store_copy(c->fixture.s, &o, &copy, &e), ERR_IO); /* it is there */
	assert_null(copy);
}

static void nothing_removed_in_it(void **state)
{
	struct copied *c = *state;
	struct store_copy o = {.path = c->copy, .goes_on = goes_on, .arg = c};
	struct db *copy;

	assert_int_equal(store_copy(c->fixture.s, &o, &copy, NULL), 0);
	store_copy_close(copy);
	assert_true(file_has(c->copy, "a row that is kept"));
	assert_false(file_has(c->copy, WORD));
}

static void it_ends_when_told(void **state)
{
	struct copied *c = *state;
	struct store_copy o = {.path = c->copy, .goes_on = goes_on, .arg = c};
	struct err e = ERR_INIT;
	struct db *copy;

	c->refuse = ERR_CANCELLED;
	assert_int_equal(store_copy(c->fixture.s, &o, &copy, &e), ERR_CANCELLED);
	assert_string_equal(e.reason, "refused");
	assert_null(copy);
	assert_int_equal(c->n_asked, 1);
	assert_int_equal(store_write(c->fixture.s, add_row, NULL, NULL), 0);
	assert_int_equal(store_checkpoint(c->fixture.s, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_moment_of_it, copied_set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_removed_in_it, copied_set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_ends_when_told, copied_set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
