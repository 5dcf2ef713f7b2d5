/* The store: opening, what is refused, snapshots, misuse. */
#include "tests/unit/index/small_store.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ── life ── */

static void test_fresh_and_reopened(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(store_write(f->s, insert, (void *)7, NULL), 0);
	assert_int_equal(stat(f->db_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	store_close(f->s);
	open_store(f);
	assert_int_equal(count_now(f->s), 1);
	assert_true(store_schema_version() >= 1);
	assert_int_equal(store_integrity(f->s, NULL), 0);
}

static void expect_refused(struct fixture *f, int code, const char *reason)
{
	struct err e = ERR_INIT;
	int rc = store_open(f->dir, &f->s, &e);

	assert_int_equal(rc, code);
	assert_null(f->s);
	assert_string_equal(e.reason, reason);
	assert_non_null(strstr(e.message, "carrel.db"));
}

static void run_sql(const char *path, const char *text)
{
	sqlite3 *c;

	assert_int_equal(sqlite3_open(path, &c), SQLITE_OK);
	assert_int_equal(sqlite3_exec(c, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(c);
}

static void test_foreign_database_is_refused_unchanged(void **state)
{
	struct fixture *f = *state;
	struct buf before = BUF_INIT, after = BUF_INIT;

	store_close(f->s);
	f->s = NULL;
	unlink(f->db_path);
	run_sql(f->db_path, "CREATE TABLE theirs(x)");
	assert_int_equal(fs_read(f->db_path, 1 << 20, &before, NULL), 0);
	expect_refused(f, ERR_CONFIG, "not_carrel");
	assert_int_equal(fs_read(f->db_path, 1 << 20, &after, NULL), 0);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, before.len);
	buf_finish(&before);
	buf_finish(&after);
}

static void test_newer_database_is_refused(void **state)
{
	struct fixture *f = *state;

	store_close(f->s);
	f->s = NULL;
	run_sql(f->db_path, "PRAGMA user_version = 9999");
	expect_refused(f, ERR_CONFIG, "database_newer");
}

static void test_garbage_is_corrupt(void **state)
{
	struct fixture *f = *state;
	char garbage[8192];

	store_close(f->s);
	f->s = NULL;
	memset(garbage, 'x', sizeof(garbage));
	assert_int_equal(fs_replace(f->db_path, garbage, sizeof(garbage), NULL), 0);
	expect_refused(f, ERR_CORRUPT, "database_damaged");
	assert_int_equal(fs_replace(f->db_path, garbage, 10, NULL), 0);
	expect_refused(f, ERR_CORRUPT, "database_damaged");
}

static void test_truncated_is_corrupt(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	store_close(f->s);
	f->s = NULL;
	assert_int_equal(stat(f->db_path, &st), 0);
	assert_int_equal(truncate(f->db_path, st.st_size - 1), 0);
	expect_refused(f, ERR_CORRUPT, "database_damaged");
	assert_int_equal(truncate(f->db_path, 4096), 0);
	expect_refused(f, ERR_CORRUPT, "database_damaged");
}

static void test_integrity_finds_a_damaged_page(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;
	unsigned char bad[64];
	struct stat st;
	int fd;

	for (intptr_t i = 1; i <= 3000; i++) {
		assert_int_equal(store_write(f->s, insert, (void *)i, NULL), 0);
	}
	store_close(f->s);
	assert_int_equal(stat(f->db_path, &st), 0);
	fd = open(f->db_path, O_RDWR);
	memset(bad, 0xff, sizeof(bad));
	/* The headers of the last pages, which belong to the index or rows of t. */
	for (off_t at = st.st_size - 4096 * 10; at < st.st_size; at += 4096) {
		assert_int_equal(pwrite(fd, bad, sizeof(bad), at), (ssize_t)sizeof(bad));
	}
	close(fd);
	open_store(f);
	assert_int_equal(store_integrity(f->s, &e), ERR_CORRUPT);
	assert_string_equal(e.reason, "database_damaged");
}

static void test_integrity_finds_a_lost_parent(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;

	store_close(f->s);
	run_sql(f->db_path, "INSERT INTO child(n) VALUES(4711)");
	open_store(f);
	assert_int_equal(store_integrity(f->s, &e), ERR_CORRUPT);
	assert_non_null(strstr(e.message, "child"));
}

static void test_parts(void **state)
{
	struct fixture *f = *state;
	struct db *db;
	int x;

	store_attach(f->s, PART_VECTORS, &x);
	db = store_reader(f->s, NULL);
	assert_ptr_equal(db_part(db, PART_VECTORS), &x);
	assert_null(db_part(db, PART_ACL_INDEX));
	store_reader_drop(db);
}

/* ── snapshots ── */

static void test_snapshot_isolation(void **state)
{
	struct fixture *f = *state;
	struct db *old = store_reader(f->s, NULL);

	assert_int_equal(store_write(f->s, insert, (void *)1, NULL), 0);
	assert_int_equal(count_now(f->s), 1);
	assert_int_equal(count(old), 0);
	assert_int_equal(store_reader_renew(old, NULL), 0);
	assert_int_equal(count(old), 1);
	store_reader_drop(old);
	store_reader_drop(NULL);
}

static void on_freed(void *p)
{
	++*(int *)p;
}

static int tx_keeps_nothing(struct db *db, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	assert_null(db_kept(db, PART_FULL_TEXT));
	return db_writes(db) ? 0 : ERR_INTERNAL;
}

static void test_kept_until_the_snapshot_ends(void **state)
{
	struct fixture *f = *state;
	struct db *db = store_reader(f->s, NULL);
	int freed[4] = {0};

	assert_false(db_writes(db));
	assert_null(db_kept(db, PART_FULL_TEXT));
	db_keep(db, PART_FULL_TEXT, &freed[0], on_freed);
	db_keep(db, PART_VECTORS, &freed[1], on_freed);
	assert_ptr_equal(db_kept(db, PART_FULL_TEXT), &freed[0]);
	assert_int_equal(store_write(f->s, tx_keeps_nothing, NULL, NULL), 0);
	db_keep(db, PART_FULL_TEXT, &freed[2], on_freed);
	assert_int_equal(freed[0], 1);
	assert_int_equal(store_reader_renew(db, NULL), 0);
	assert_null(db_kept(db, PART_FULL_TEXT));
	assert_null(db_kept(db, PART_VECTORS));
	db_keep(db, PART_VECTORS, &freed[3], on_freed);
	store_reader_drop(db);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(freed[i], 1);
	}
}

static void *run_seventeenth(void *arg)
{
	struct db *db = store_reader(arg, NULL);

	store_reader_drop(db);
	return db;
}

static void test_readers_are_at_most_16(void **state)
{
	struct fixture *f = *state;
	struct db *lent[16];
	pthread_t thread;
	void *got;

	for (int i = 0; i < 16; i++) {
		lent[i] = store_reader(f->s, NULL);
		assert_non_null(lent[i]);
	}
	pthread_create(&thread, NULL, run_seventeenth, f->s);
	store_reader_drop(lent[7]);
	pthread_join(thread, &got);
	assert_ptr_equal(got, lent[7]); /* no seventeenth connection was opened */
	for (int i = 0; i < 16; i++) {
		store_reader_drop(i == 7 ? NULL : lent[i]);
	}
}

/* ── asserted ── */

/* Runs fn in a child that opens the store of a folder of its own; true: it died of an assertion. */
static bool aborts(void (*fn)(struct fixture *f))
{
	struct fixture f;
	int status;
	pid_t pid;

	make_dir(&f);
	pid = fork();
	if (pid == 0) {
		struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);
		freopen("/dev/null", "w", stderr);
		open_store(&f);
		store_write(f.s, make_tables, NULL, NULL) == 0 ? fn(&f) : _exit(3);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	fs_remove_tree(f.dir);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void write_on_loop(struct fixture *f)
{
	store_mark_loop_thread(true);
	_exit(store_write(f->s, insert, (void *)1, NULL) == 0 ? 0 : 3);
}

static void read_on_loop(struct fixture *f)
{
	store_mark_loop_thread(true);
	_exit(store_reader(f->s, NULL) ? 0 : 3);
}

static void write_after_the_loop(struct fixture *f)
{
	store_mark_loop_thread(true);
	store_mark_loop_thread(false);
	_exit(store_write(f->s, insert, (void *)1, NULL) == 0 ? 0 : 3);
}

static int write_within(struct db *db, void *arg, struct err *e)
{
	(void)db;
	return store_write(arg, insert, (void *)1, e);
}

static void write_on_writer(struct fixture *f)
{
	_exit(store_write(f->s, write_within, f->s, NULL) == 0 ? 0 : 3);
}

static void fetch_twice(struct fixture *f)
{
	struct db *db = store_reader(f->s, NULL);

	stmt_step(db_stmt(db, &table, Q_COUNT), NULL) == 1 ? db_stmt(db, &table, Q_COUNT) : NULL;
}

static void well_behaved(struct fixture *f)
{
	_exit(store_write(f->s, insert, (void *)1, NULL) == 0 ? 0 : 3);
}

static void test_misuse_is_asserted(void **state)
{
	(void)state;
	assert_true(aborts(write_on_loop));
	assert_true(aborts(read_on_loop));
	assert_true(aborts(write_on_writer));
	assert_true(aborts(fetch_twice));
	assert_false(aborts(write_after_the_loop));
	assert_false(aborts(well_behaved));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_fresh_and_reopened),
		T(test_foreign_database_is_refused_unchanged),
		T(test_newer_database_is_refused),
		T(test_garbage_is_corrupt),
		T(test_truncated_is_corrupt),
		T(test_integrity_finds_a_damaged_page),
		T(test_integrity_finds_a_lost_parent),
		T(test_parts),
		T(test_snapshot_isolation),
		T(test_kept_until_the_snapshot_ends),
		T(test_readers_are_at_most_16),
		cmocka_unit_test(test_misuse_is_asserted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
