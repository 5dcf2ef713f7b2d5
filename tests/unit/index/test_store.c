/* The store: transactions, group commit, snapshots, errors, durability under SIGKILL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "index/base/fs.h"
#include "index/store.h"

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

static void open_store(struct fixture *f)
{
	struct err e = ERR_INIT;
	int rc = store_open(f->dir, &f->s, &e);

	if (rc != 0) {
		fail_msg("store_open: %s", e.message);
	}
}

static int make_tables(struct db *db, void *arg, struct err *e)
{
	(void)arg;
	return db_exec(db,
		"CREATE TABLE t(n INTEGER PRIMARY KEY, v TEXT UNIQUE);"
		"CREATE TABLE child(n INTEGER NOT NULL REFERENCES t(n));"
		"CREATE TABLE late(n INTEGER REFERENCES t(n) DEFERRABLE INITIALLY DEFERRED);",
		e);
}

static void make_dir(struct fixture *f)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(f->dir, sizeof(f->dir), "%s/carrel-store-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->db_path, sizeof(f->db_path), "%s/carrel.db", f->dir);
	f->s = NULL;
}

static int set_up(void **state)
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

static int tear_down(void **state)
{
	struct fixture *f = *state;

	store_close(f->s);
	fs_remove_tree(f->dir);
	free(f);
	return 0;
}

static int64_t count(struct db *db)
{
	struct stmt *q = db_stmt(db, &table, Q_COUNT);
	int64_t n;

	assert_int_equal(stmt_step(q, NULL), 1);
	n = col_int(q, 0);
	assert_int_equal(stmt_step(q, NULL), 0);
	return n;
}

static int64_t count_now(struct store *s)
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
static int insert(struct db *db, void *arg, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_INSERT);
	char text[32];

	snprintf(text, sizeof(text), "value %ld", (long)(intptr_t)arg);
	stmt_int(q, 1, (intptr_t)arg);
	stmt_text(q, 2, text);
	return stmt_run(q, e);
}

static int insert_then_fail(struct db *db, void *arg, struct err *e)
{
	int rc = insert(db, arg, e);

	return rc ? rc : err_set(e, ERR_FORBIDDEN, "test", "no");
}

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

/* ── transactions ── */

static int add_child(struct db *db, void *arg, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_CHILD);

	stmt_int(q, 1, (intptr_t)arg);
	return stmt_run(q, e);
}

static int add_late(struct db *db, void *arg, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_LATE);

	stmt_int(q, 1, (intptr_t)arg);
	return stmt_run(q, e);
}

static void test_error_rolls_back_alone(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;

	assert_int_equal(store_write(f->s, insert, (void *)1, &e), 0);
	assert_int_equal(store_write(f->s, insert_then_fail, (void *)2, &e), ERR_FORBIDDEN);
	assert_string_equal(e.reason, "test");
	assert_int_equal(store_write(f->s, insert, (void *)3, NULL), 0);
	assert_int_equal(count_now(f->s), 2);
}

static void test_constraints_are_conflicts(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;

	assert_int_equal(store_write(f->s, insert, (void *)1, &e), 0);
	assert_int_equal(store_write(f->s, insert, (void *)1, &e), ERR_CONFLICT);
	assert_string_equal(e.reason, "unique");
	err_clear(&e);
	assert_int_equal(store_write(f->s, add_child, (void *)99, &e), ERR_CONFLICT);
	assert_string_equal(e.reason, "foreign_key");
	err_clear(&e);
	assert_int_equal(store_write(f->s, add_late, (void *)99, &e), ERR_CONFLICT);
	assert_string_equal(e.reason, "foreign_key");
	assert_int_equal(store_write(f->s, add_late, (void *)1, NULL), 0);
}

static int insert_many_large(struct db *db, void *arg, struct err *e)
{
	char *big = malloc(100000);
	int rc = db_exec(db, "PRAGMA max_page_count = 300", e);

	(void)arg;
	memset(big, 'a', 100000);
	for (int i = 0; rc == 0 && i < 100; i++) {
		struct stmt *q = db_stmt(db, &table, Q_INSERT);

		stmt_int(q, 1, 1000 + i);
		snprintf(big, 32, "%d", i);
		big[strlen(big)] = 'a';
		stmt_textn(q, 2, big, 100000);
		rc = stmt_run(q, e);
	}
	free(big);
	return rc;
}

static int lift_limit(struct db *db, void *arg, struct err *e)
{
	(void)arg;
	return db_exec(db, "PRAGMA max_page_count = 1000000", e);
}

static void test_full_disk_is_no_space_and_passes(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;

	assert_int_equal(store_write(f->s, insert, (void *)1, NULL), 0);
	assert_int_equal(store_write(f->s, insert_many_large, NULL, &e), ERR_NO_SPACE);
	assert_int_equal(store_write(f->s, lift_limit, NULL, NULL), 0);
	assert_int_equal(store_write(f->s, insert, (void *)2, NULL), 0);
	assert_int_equal(count_now(f->s), 2);
	assert_int_equal(store_integrity(f->s, NULL), 0);
}

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

static void test_parts(void **state)
{
	struct fixture *f = *state;
	struct db *db;
	int x;

	store_attach(f->s, PART_VECTORS, &x);
	db = store_reader(f->s, NULL);
	assert_ptr_equal(db_part(db, PART_VECTORS), &x);
	assert_null(db_part(db, PART_ACL_INDEX));
	assert_ptr_equal(db_store(db), f->s);
	store_reader_drop(db);
}

/* ── hooks ── */

static atomic_int n_called, n_freed;

static void on_hook(void *arg)
{
	/* In order: the hook with argument i is called i-th. */
	assert_int_equal(atomic_fetch_add(&n_called, 1), (int)(intptr_t)arg);
}

static void on_hook_free(void *arg)
{
	(void)arg;
	atomic_fetch_add(&n_freed, 1);
}

static int with_hooks(struct db *db, void *arg, struct err *e)
{
	db_after_commit(db, on_hook, (void *)0, on_hook_free);
	db_after_commit(db, on_hook, (void *)1, NULL);
	db_after_commit(db, on_hook, (void *)2, on_hook_free);
	return insert(db, arg, e);
}

static void test_hooks_follow_the_commit_only(void **state)
{
	struct fixture *f = *state;

	atomic_store(&n_called, 0);
	atomic_store(&n_freed, 0);
	assert_int_equal(store_write(f->s, with_hooks, (void *)1, NULL), 0);
	assert_int_equal(atomic_load(&n_called), 3); /* before the waiter was told */
	assert_int_equal(atomic_load(&n_freed), 2);
	assert_int_equal(store_write(f->s, with_hooks, (void *)1, NULL), ERR_CONFLICT);
	assert_int_equal(atomic_load(&n_called), 3);
	assert_int_equal(atomic_load(&n_freed), 4);
	atomic_store(&refuse_commit, true);
	assert_true(store_write(f->s, with_hooks, (void *)2, NULL) < 0);
	atomic_store(&refuse_commit, false);
	assert_int_equal(atomic_load(&n_called), 3);
	assert_int_equal(atomic_load(&n_freed), 6);
	assert_int_equal(count_now(f->s), 1);
}

/* ── group commit ── */

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool entered, open;
	int n_done;
};

static struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static int wait_at_gate(struct db *db, void *arg, struct err *e)
{
	(void)db;
	(void)arg;
	(void)e;
	pthread_mutex_lock(&gate.lock);
	gate.entered = true;
	pthread_cond_broadcast(&gate.wake);
	while (!gate.open) {
		pthread_cond_wait(&gate.wake, &gate.lock);
	}
	pthread_mutex_unlock(&gate.lock);
	return 0;
}

static void on_done(struct tx *tx)
{
	(void)tx;
	pthread_mutex_lock(&gate.lock);
	gate.n_done++;
	pthread_cond_broadcast(&gate.wake);
	pthread_mutex_unlock(&gate.lock);
}

/* Holds the writer in a first transaction, queues n, lets go, waits for all. Returns the commits.
 */
static int run_as_group(struct store *s, struct tx *txs, int n, bool refuse)
{
	struct tx first = {.fn = wait_at_gate, .on_done = on_done};
	int before;

	gate.entered = gate.open = false;
	gate.n_done = 0;
	store_submit(s, &first);
	pthread_mutex_lock(&gate.lock);
	while (!gate.entered) {
		pthread_cond_wait(&gate.wake, &gate.lock);
	}
	pthread_mutex_unlock(&gate.lock);
	before = atomic_load(&n_commits);
	for (int i = 0; i < n; i++) {
		store_submit(s, &txs[i]);
	}
	atomic_store(&refuse_commit, refuse);
	pthread_mutex_lock(&gate.lock);
	gate.open = true;
	pthread_cond_broadcast(&gate.wake);
	while (gate.n_done < n + 1) {
		pthread_cond_wait(&gate.wake, &gate.lock);
	}
	pthread_mutex_unlock(&gate.lock);
	atomic_store(&refuse_commit, false);
	return atomic_load(&n_commits) - before;
}

static void test_queued_transactions_share_commits(void **state)
{
	struct fixture *f = *state;
	enum { N = 200 };
	struct tx *txs = calloc(N, sizeof(*txs));
	int commits;

	for (intptr_t i = 0; i < N; i++) {
		txs[i] = (struct tx){.fn = i % 10 == 3 ? insert_then_fail : insert,
			.arg = (void *)(i + 1),
			.on_done = on_done};
	}
	commits = run_as_group(f->s, txs, N, false);
	/* 20 ms of work a commit: far fewer commits than transactions, however slow the machine. */
	assert_true(commits < N / 4);
	for (int i = 0; i < N; i++) {
		assert_int_equal(txs[i].rc, i % 10 == 3 ? ERR_FORBIDDEN : 0);
	}
	assert_int_equal(count_now(f->s), N - N / 10);
	free(txs);
}

static void test_failed_commit_fails_all(void **state)
{
	struct fixture *f = *state;
	struct tx txs[5];

	for (intptr_t i = 0; i < 5; i++) {
		txs[i] = (struct tx){.fn = i == 2 ? insert_then_fail : insert,
			.arg = (void *)(i + 1),
			.on_done = on_done};
	}
	run_as_group(f->s, txs, 5, true);
	for (int i = 0; i < 5; i++) {
		assert_true(txs[i].rc < 0);
		assert_int_equal(txs[i].err.code, txs[i].rc);
	}
	assert_int_equal(txs[2].rc, ERR_FORBIDDEN); /* its own reason stands */
	assert_int_equal(count_now(f->s), 0);
	assert_int_equal(store_write(f->s, insert, (void *)1, NULL), 0);
}

struct hammer {
	struct store *s;
	int first, n;
	int n_failed;
};

static void *run_hammer(void *arg)
{
	struct hammer *h = arg;

	for (int i = 0; i < h->n; i++) {
		if (store_write(h->s, i % 7 == 6 ? insert_then_fail : insert,
			    (void *)(intptr_t)(h->first + i),
			    NULL) != (i % 7 == 6 ? ERR_FORBIDDEN : 0)) {
			h->n_failed++;
		}
		if (i % 50 == 0) {
			struct db *db = store_reader(h->s, NULL);
			int64_t n = count(db);

			if (n != count(db)) { /* one snapshot, one answer */
				h->n_failed++;
			}
			store_reader_drop(db);
		}
	}
	return NULL;
}

static void test_eight_threads(void **state)
{
	struct fixture *f = *state;
	enum { N_THREADS = 8, N_EACH = 350 };
	pthread_t threads[N_THREADS];
	struct hammer hammers[N_THREADS];

	for (int i = 0; i < N_THREADS; i++) {
		hammers[i] = (struct hammer){f->s, 1 + i * N_EACH, N_EACH, 0};
		pthread_create(&threads[i], NULL, run_hammer, &hammers[i]);
	}
	for (int i = 0; i < N_THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(hammers[i].n_failed, 0);
	}
	assert_int_equal(count_now(f->s), N_THREADS * (N_EACH - N_EACH / 7));
	assert_int_equal(store_integrity(f->s, NULL), 0);
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

/* ── the write-ahead log ── */

static int64_t wal_bytes(struct fixture *f)
{
	char path[320];
	struct stat st;

	snprintf(path, sizeof(path), "%s-wal", f->db_path);
	return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

static int insert_large(struct db *db, void *arg, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_INSERT);
	char *big = malloc(1 << 20);
	int rc;

	memset(big, 'b', 1 << 20);
	snprintf(big, 32, "%ld", (long)(intptr_t)arg);
	stmt_int(q, 1, (intptr_t)arg);
	stmt_textn(q, 2, big, 1 << 20);
	rc = stmt_run(q, e);
	free(big);
	return rc;
}

static void test_checkpoints_bound_the_log(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;
	struct db *db;

	for (intptr_t i = 1; i <= 40; i++) {
		assert_int_equal(store_write(f->s, insert_large, (void *)i, NULL), 0);
	}
	assert_true(wal_bytes(f) <
		    32 * 1024 * 1024); /* 80 MB were written: each text, and in the index */
	db = store_reader(f->s, NULL);
	assert_int_equal(store_write(f->s, insert, (void *)1000, NULL), 0);
	assert_int_equal(store_checkpoint(f->s, &e), ERR_UNAVAILABLE);
	assert_string_equal(e.reason, "database_busy");
	store_reader_drop(db);
	assert_int_equal(store_checkpoint(f->s, NULL), 0);
	assert_int_equal(wal_bytes(f), 0);
	assert_int_equal(count_now(f->s), 41);
}

/* ── what was deleted ── */

#define SHORT_ROWS 4000

/* Rows of many lengths in a mixed order, so that they are moved from page to page. */
static int insert_words(struct db *db, void *arg, struct err *e)
{
	int rc = 0;

	(void)arg;
	for (int i = 0; rc == 0 && i < SHORT_ROWS; i++) {
		struct stmt *q = db_stmt(db, &table, Q_INSERT);
		int n = i * 1597 % SHORT_ROWS;
		char text[300];

		memset(text, 'x', sizeof(text));
		memcpy(text, n % 7 ? "kept" : "zirconquux", n % 7 ? 4 : 10);
		snprintf(text + 20 + n % 200, 20, "%s%d", n % 7 ? "kept" : "zirconquux", n);
		stmt_int(q, 1, n + 1);
		stmt_text(q, 2, text);
		rc = stmt_run(q, e);
	}
	return rc;
}

static int delete_words(struct db *db, void *arg, struct err *e)
{
	(void)arg;
	return db_exec(db, "DELETE FROM t WHERE v LIKE '%zirconquux%'", e);
}

static int delete_all(struct db *db, void *arg, struct err *e)
{
	(void)arg;
	return db_exec(db, "DELETE FROM t", e);
}

static bool file_has(const char *path, const char *word)
{
	struct buf b = BUF_INIT;
	bool has;

	assert_int_equal(fs_read(path, 1 << 30, &b, NULL), 0);
	has = memmem(b.data, b.len, word, strlen(word)) != NULL;
	buf_finish(&b);
	return has;
}

/* SQLite leaves the bytes of rows that it moved between the rows of their former page. */
static void test_nothing_of_what_was_deleted_is_in_the_file(void **state)
{
	struct fixture *f = *state;

	for (intptr_t i = 0; i < 3; i++) {
		assert_int_equal(store_write(f->s, insert_words, NULL, NULL), 0);
		assert_int_equal(store_checkpoint(f->s, NULL), 0);
		assert_true(file_has(f->db_path, "zirconquux"));
		assert_int_equal(store_write(f->s, delete_words, NULL, NULL), 0);
		assert_int_equal(store_checkpoint(f->s, NULL), 0);
		assert_false(file_has(f->db_path, "zirconquux"));
		assert_int_equal(count_now(f->s), SHORT_ROWS - (SHORT_ROWS + 6) / 7);
		assert_int_equal(store_integrity(f->s, NULL), 0);
		assert_int_equal(store_write(f->s, delete_all, NULL, NULL), 0);
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
	store_mark_loop_thread();
	_exit(store_write(f->s, insert, (void *)1, NULL) == 0 ? 0 : 3);
}

static int write_within(struct db *db, void *arg, struct err *e)
{
	(void)arg;
	return store_write(db_store(db), insert, (void *)1, e);
}

static void write_on_writer(struct fixture *f)
{
	_exit(store_write(f->s, write_within, NULL, NULL) == 0 ? 0 : 3);
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
	assert_true(aborts(write_on_writer));
	assert_true(aborts(fetch_twice));
	assert_false(aborts(well_behaved));
}

/* ── kill -9 ── */

struct writer_thread {
	struct store *s;
	int fd;
	int first;
};

/* Writes until it is killed; each acknowledged number goes to the pipe. */
static void *run_until_killed(void *arg)
{
	struct writer_thread *w = arg;

	for (int i = 0;; i++) {
		int32_t n = w->first + i;

		if (store_write(w->s, insert, (void *)(intptr_t)n, NULL) != 0 ||
			write(w->fd, &n, sizeof(n)) != (ssize_t)sizeof(n)) {
			_exit(3);
		}
	}
	return NULL;
}

static void write_until_killed(struct fixture *f, int fd)
{
	enum { N_THREADS = 4 };
	static struct writer_thread w[N_THREADS];
	pthread_t threads[N_THREADS];

	open_store(f);
	for (int i = 0; i < N_THREADS; i++) {
		struct db *db = store_reader(f->s, NULL);

		w[i] = (struct writer_thread){f->s, fd, 1 + i * 10000000};
		w[i].first += (int)count(db) * 2; /* past what an earlier round can have left */
		store_reader_drop(db);
	}
	for (int i = 0; i < N_THREADS; i++) {
		pthread_create(&threads[i], NULL, run_until_killed, &w[i]);
	}
	for (int i = 0; i < N_THREADS; i++) {
		pthread_join(threads[i], NULL);
	}
}

static bool has_row(struct db *db, int n)
{
	struct stmt *q = db_stmt(db, &table, Q_VALUE);
	bool has;

	stmt_int(q, 1, n);
	has = stmt_step(q, NULL) == 1;
	stmt_reset(q);
	return has;
}

static int kill_round(struct fixture *f, int n_wanted, int32_t *acked, int n_max)
{
	int fds[2];
	int n = 0;
	int32_t one;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		write_until_killed(f, fds[1]);
		_exit(0);
	}
	close(fds[1]);
	while (n < n_max && read(fds[0], &one, sizeof(one)) == (ssize_t)sizeof(one)) {
		acked[n++] = one;
		if (n == n_wanted) {
			kill(pid, SIGKILL);
		}
	}
	kill(pid, SIGKILL);
	close(fds[0]);
	waitpid(pid, NULL, 0);
	return n;
}

static void test_acknowledged_rows_survive_sigkill(void **state)
{
	struct fixture *f = *state;
	enum { N_MAX = 100000, ROUNDS = 6 };
	static int32_t acked[N_MAX];
	int n = 0;
	unsigned seed = (unsigned)time(NULL);

	print_message("seed %u\n", seed);
	srand(seed);
	store_close(f->s);
	f->s = NULL;
	for (int round = 0; round < ROUNDS; round++) {
		struct db *db;

		n += kill_round(f, 1 + rand() % 400, acked + n, N_MAX - n);
		open_store(f);
		db = store_reader(f->s, NULL);
		for (int i = 0; i < n; i++) {
			assert_true(has_row(db, acked[i]));
		}
		assert_true(count(db) >= n);
		store_reader_drop(db);
		assert_int_equal(store_integrity(f->s, NULL), 0);
		store_close(f->s);
		f->s = NULL;
	}
	assert_true(n >= ROUNDS);
}

/* ── a checkpoint that has to wait ── */

struct waiting_checkpoint {
	struct store *s;
	int n_tried;
	atomic_bool enough;
};

static void *wait_for_readers(void *arg)
{
	struct waiting_checkpoint *w = arg;

	while (!atomic_load(&w->enough)) {
		assert_int_equal(store_checkpoint(w->s, NULL), ERR_UNAVAILABLE);
		w->n_tried++;
	}
	return NULL;
}

/* As a request does that writes: its reader stays open until the writer has answered. Were the
 * writer to wait for it, one write would come between two tries of a second each. */
static void a_waiting_checkpoint_holds_no_writer_up(void **state)
{
	struct fixture *f = *state;
	struct waiting_checkpoint w = {.s = f->s};
	struct db *reader = store_reader(f->s, NULL);
	pthread_t thread;

	assert_non_null(reader);
	assert_int_equal(store_write(f->s, insert, (void *)1, NULL), 0);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_readers, &w), 0);
	for (intptr_t i = 0; i < 20; i++) {
		assert_int_equal(store_write(f->s, insert, (void *)(100 + i), NULL), 0);
	}
	atomic_store(&w.enough, true);
	pthread_join(thread, NULL);
	assert_true(w.n_tried < 15);
	store_reader_drop(reader);
	assert_int_equal(store_checkpoint(f->s, NULL), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_fresh_and_reopened),
		T(test_foreign_database_is_refused_unchanged),
		T(test_newer_database_is_refused),
		T(test_garbage_is_corrupt),
		T(test_truncated_is_corrupt),
		T(test_integrity_finds_a_damaged_page),
		T(test_integrity_finds_a_lost_parent),
		T(test_error_rolls_back_alone),
		T(test_constraints_are_conflicts),
		T(test_full_disk_is_no_space_and_passes),
		T(test_statement_left_open_does_not_stick),
		T(test_types_and_named_statements),
		T(test_reader_cannot_write),
		T(test_parts),
		T(test_hooks_follow_the_commit_only),
		T(test_queued_transactions_share_commits),
		T(test_failed_commit_fails_all),
		T(test_eight_threads),
		T(test_snapshot_isolation),
		T(test_kept_until_the_snapshot_ends),
		T(test_readers_are_at_most_16),
		T(test_checkpoints_bound_the_log),
		T(test_nothing_of_what_was_deleted_is_in_the_file),
		T(test_acknowledged_rows_survive_sigkill),
		T(a_waiting_checkpoint_holds_no_writer_up),
		cmocka_unit_test(test_misuse_is_asserted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
