/* The write-ahead log: checkpoints, what was deleted, durability under SIGKILL. */
#include "tests/unit/index/small_store.h"

#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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
	const struct CMUnitTest tests[] = {
		T(test_checkpoints_bound_the_log),
		T(test_nothing_of_what_was_deleted_is_in_the_file),
		T(test_acknowledged_rows_survive_sigkill),
		T(a_waiting_checkpoint_holds_no_writer_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
