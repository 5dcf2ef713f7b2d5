/* The writer: transactions, constraints, hooks, group commit, a full disk. */
#include "tests/unit/index/small_store.h"

#include <pthread.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_error_rolls_back_alone),
		T(test_constraints_are_conflicts),
		T(test_full_disk_is_no_space_and_passes),
		T(test_hooks_follow_the_commit_only),
		T(test_queued_transactions_share_commits),
		T(test_failed_commit_fails_all),
		T(test_eight_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
