/* Statements: what is bound and read, left open, not written. */
#include "tests/unit/index/small_store.h"

static int leave_open(struct db *db, void *arg, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_ALL);

	(void)arg;
	return stmt_step(q, e) == 1 ? 0 : ERR_INTERNAL;
}

static void test_statement_left_open_does_not_stick(void **state)
{
	struct fixture *f = *state;
	struct db *db;

	assert_int_equal(store_write(f->s, insert, (void *)1, NULL), 0);
	assert_int_equal(store_write(f->s, insert, (void *)2, NULL), 0);
	assert_int_equal(store_write(f->s, leave_open, NULL, NULL), 0);
	assert_int_equal(store_write(f->s, leave_open, NULL, NULL), 0);
	db = store_reader(f->s, NULL);
	assert_int_equal(leave_open(db, NULL, NULL), 0);
	store_reader_drop(db);
	assert_int_equal(store_write(f->s, insert, (void *)3, NULL), 0);
	assert_int_equal(count_now(f->s), 3);
}

static int all_types(struct db *db, void *arg, struct err *e)
{
	struct id id = id_create("doc");
	struct id none = {""};
	struct stmt *q;
	size_t n;
	int rc = db_exec(db, "CREATE TABLE types(a, b, c, d, e, f, g)", e);

	(void)arg;
	assert_int_equal(rc, 0);
	q = db_stmt_named(db, "types.insert", "INSERT INTO types VALUES(?1,?2,?3,?4,?5,?6,?7)", e);
	stmt_int(q, 1, INT64_MIN);
	stmt_real(q, 2, 0.5);
	stmt_textn(q, 3, "abcdef", 3);
	stmt_blob(q, 4, "\0\1\2", 3);
	stmt_blob(q, 5, NULL, 0);
	stmt_id(q, 6, &id);
	stmt_id(q, 7, &none);
	assert_int_equal(stmt_run(q, e), 0);
	assert_int_equal(db_changes(db), 1);
	assert_int_equal(db_last_rowid(db), 1);
	q = db_stmt_named(db, "types.all", "SELECT * FROM types", e);
	assert_int_equal(stmt_step(q, e), 1);
	assert_true(col_int(q, 0) == INT64_MIN);
	assert_true(col_real(q, 1) == 0.5);
	assert_string_equal(col_text(q, 2), "abc");
	assert_memory_equal(col_blob(q, 3, &n), "\0\1\2", 3);
	assert_int_equal(n, 3);
	assert_false(col_null(q, 4));
	col_blob(q, 4, &n);
	assert_int_equal(n, 0);
	{
		struct id back = col_id(q, 5);

		assert_true(id_equal(&id, &back));
		back = col_id(q, 6);
		assert_true(id_empty(&back));
	}
	assert_true(col_null(q, 6));
	assert_null(col_text(q, 6));
	stmt_reset(q);
	assert_ptr_equal(q, db_stmt_named(db, "types.all", "not read again", e));
	return db_stmt_named(db, "types.bad", "SELECT nonsense FROM nowhere", e) ? 0
										 : ERR_NOT_FOUND;
}

static void test_types_and_named_statements(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;

	assert_int_equal(store_write(f->s, all_types, NULL, &e), ERR_NOT_FOUND);
	assert_non_null(strstr(e.message, "nowhere"));
}

static void test_reader_cannot_write(void **state)
{
	struct fixture *f = *state;
	struct db *db = store_reader(f->s, NULL);

	assert_int_not_equal(insert(db, (void *)1, NULL), 0);
	store_reader_drop(db);
	assert_int_equal(count_now(f->s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_statement_left_open_does_not_stick),
		T(test_types_and_named_statements),
		T(test_reader_cannot_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
