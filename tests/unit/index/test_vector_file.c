/* The file of vectors that a start reads: it is used, and never where it is not right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "index/base/fs.h"
#include "index/base/log.h"
#include "index/embed_table.h"
#include "index/vector_file.h"

#define WS 1
#define DIMENSION 8
#define BLOCK_BYTES (BLOCK_WORDS * 8 + BLOCK_SLOTS * DIMENSION * 2)
#define N_SLOTS (4 * BLOCK_SLOTS + 100) /* four whole blocks, one that grows */

struct fixture {
	char dir[256], file[320];
	struct settings set;
	struct store *store;
	struct vectors *v;
	struct space space;
	uint64_t random;
};

static struct err e;
static uint64_t seed;

static void ok(int rc)
{
	if (rc) {
		fail_msg("%s: %s", err_name(rc), e.message);
	}
}

static void open_all(struct fixture *f)
{
	ok(store_open(f->dir, &f->store, &e));
	ok(vectors_open(f->store, f->dir, &f->set, &f->v, &e));
}

static void close_all(struct fixture *f)
{
	store_close(f->store);
	vectors_close(f->v);
}

static void reopen(struct fixture *f)
{
	close_all(f);
	open_all(f);
}

/* ── changes ── */

struct put {
	int64_t space_n, from, to;
	uint64_t *random;
};

static int tx_put(struct db *db, void *arg, struct err *err)
{
	struct put *p = arg;
	int rc = 0;

	for (int64_t slot = p->from; rc == 0 && slot < p->to; slot++) {
		float v[DIMENSION];

		for (int i = 0; i < DIMENSION; i++) {
			v[i] = (float)(next_random(p->random) >> 40) - 8388608.f;
		}
		rc = vectors_put(db, p->space_n, slot, v, DIMENSION, err);
	}
	return rc;
}

static void put(struct fixture *f, int64_t from, int64_t to)
{
	struct put p = {f->space.n, from, to, &f->random};

	ok(store_write(f->store, tx_put, &p, &e));
}

static int tx_remove(struct db *db, void *arg, struct err *err)
{
	return vectors_remove(db, WS, *(int64_t *)arg, err);
}

static void remove_slot(struct fixture *f, int64_t slot)
{
	ok(store_write(f->store, tx_remove, &slot, &e));
}

static int tx_exec(struct db *db, void *arg, struct err *err)
{
	return db_exec(db, arg, err);
}

static void exec_sql(struct fixture *f, const char *sql)
{
	ok(store_write(f->store, tx_exec, (void *)sql, &e));
}

static void write_file(struct fixture *f)
{
	ok(vectors_forget(f->v, WS, &e));
}

static int tx_space(struct db *db, void *arg, struct err *err)
{
	struct fixture *f = arg;
	const struct embed_identity id = {
		.embedder = "builtin", .model = "test", .dimension = DIMENSION};

	return space_add(db, &(struct space_new){.workspace_n = WS, .id = &id, .state = "serving"},
		&f->space.n, err);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");

	err_clear(&e);
	log_level_set(LOG_ERROR + 1);
	f->random = seed;
	snprintf(f->dir, sizeof(f->dir), "%s/carrel-halves-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	settings_init(&f->set);
	open_all(f);
	ok(store_write(f->store, tx_space, f, &e));
	reopen(f);
	f->space = (struct space){.n = f->space.n, .workspace_n = WS, .dimension = DIMENSION};
	snprintf(f->file, sizeof(f->file), "%s/vectors/%lld.halves", f->dir, (long long)f->space.n);
	put(f, 0, N_SLOTS);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close_all(f);
	settings_finish(&f->set);
	fs_remove_tree(f->dir);
	free(f);
	return 0;
}

/* ── what is there ── */

/* Counts what a query gives in its first column. */
static int64_t ask(struct fixture *f, const char *key, const char *sql)
{
	struct db *db = store_reader(f->store, &e);
	struct stmt *q;
	int64_t n;

	assert_non_null(db);
	q = db_stmt_named(db, key, sql, &e);
	assert_non_null(q);
	assert_int_equal(stmt_step(q, &e), 1);
	n = col_int(q, 0);
	stmt_reset(q);
	store_reader_drop(db);
	return n;
}

static int64_t n_right(struct fixture *f)
{
	return ask(f, "right", "SELECT count(*) FROM vector_block WHERE digest IS NOT NULL");
}

/* Memory holds what the rows hold, no more and nothing else. */
static void assert_as_stored(struct fixture *f)
{
	struct loaded_space *s = loaded_lookup(f->v, f->space.n);
	struct snapshot *shot = memory_snapshot(&s->memory);
	struct db *db = store_reader(f->store, &e);
	struct stmt *q = db_stmt_named(db, "stored", "SELECT slot, vector FROM chunk_vector", &e);
	int64_t n = 0, n_present = 0;

	while (stmt_step(q, &e) == 1) {
		int64_t slot = col_int(q, 0);
		size_t n_bytes;
		const void *stored = col_blob(q, 1, &n_bytes);

		assert_int_equal(n_bytes, 2 * DIMENSION);
		assert_true(snapshot_has(shot, slot));
		assert_memory_equal(snapshot_halves(shot, slot, DIMENSION), stored, n_bytes);
		n++;
	}
	for (size_t w = 0; w < shot->n_blocks * BLOCK_WORDS; w++) {
		n_present += __builtin_popcountll(snapshot_word(shot, w));
	}
	assert_int_equal(n_present, n);
	assert_int_equal(s->memory.n_present, n);
	store_reader_drop(db);
	snapshot_drop(shot);
	loaded_drop(s);
}

static int64_t n_wrong(struct fixture *f, bool repair)
{
	struct loaded_space *s = loaded_lookup(f->v, f->space.n);
	int64_t n;

	ok(file_check(f->v, s, repair, &n, &e));
	loaded_drop(s);
	return n;
}

static struct buf bytes_of(const char *path)
{
	struct buf b = BUF_INIT;

	ok(fs_read(path, 1 << 30, &b, &e));
	return b;
}

static void overwrite(const char *path, const struct buf *b)
{
	ok(fs_replace(path, b->data, b->len, &e));
}

/* ── tests ── */

static void test_the_file_is_read(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	write_file(f);
	assert_int_equal(n_right(f), 4); /* the last one grows still */
	assert_int_equal(stat(f->file, &st), 0);
	assert_int_equal(st.st_size, 4 * BLOCK_BYTES);
	assert_int_equal(st.st_mode & 0777, 0600);
	reopen(f);
	assert_as_stored(f);
	/* Rows that go without the trigger are missed by nobody: they were not read. */
	exec_sql(f, "DROP TRIGGER vector_removed");
	exec_sql(f, "DELETE FROM chunk_vector WHERE slot IN (5, 2050)");
	reopen(f);
	{
		struct loaded_space *s = loaded_lookup(f->v, f->space.n);
		struct snapshot *shot = memory_snapshot(&s->memory);

		assert_true(snapshot_has(shot, 5));
		assert_false(snapshot_has(shot, 2050)); /* of the block that is not in the file */
		snapshot_drop(shot);
		loaded_drop(s);
	}
	assert_int_equal(n_wrong(f, false), 1); /* and a check finds it */
	assert_int_equal(n_wrong(f, true), 1);
	assert_int_equal(n_wrong(f, false), 0);
	reopen(f);
	assert_as_stored(f);
}

static void test_changes_take_blocks_away(void **state)
{
	struct fixture *f = *state;

	write_file(f);
	remove_slot(f, 700);
	put(f, 1100, 1101);
	assert_int_equal(n_right(f), 2);
	reopen(f);
	assert_as_stored(f);
	write_file(f);
	assert_int_equal(n_right(f), 4);
	assert_int_equal(n_wrong(f, false), 0);
	put(f, 700, 701); /* comes back */
	reopen(f);
	assert_as_stored(f);
	put(f, N_SLOTS, 6 * BLOCK_SLOTS);
	write_file(f);
	assert_int_equal(n_right(f), 5);
	reopen(f);
	assert_as_stored(f);
}

/* Whether the bytes of a stored vector stand in the file. */
static bool file_has(struct fixture *f, const uint16_t *halves)
{
	struct buf b = bytes_of(f->file);
	bool found = memmem(b.data, b.len, halves, 2 * DIMENSION) != NULL;

	buf_finish(&b);
	return found;
}

static void test_what_is_removed_is_in_no_file(void **state)
{
	struct fixture *f = *state;
	uint16_t halves[2][DIMENSION];
	struct loaded_space *s = loaded_lookup(f->v, f->space.n);
	struct snapshot *shot;

	write_file(f);
	shot = memory_snapshot(&s->memory);
	memcpy(halves[0], snapshot_halves(shot, 17, DIMENSION), sizeof(halves[0]));
	memcpy(halves[1], snapshot_halves(shot, 3 * BLOCK_SLOTS + 9, DIMENSION), sizeof(halves[1]));
	snapshot_drop(shot);
	loaded_drop(s);
	assert_true(file_has(f, halves[0]));
	remove_slot(f, 17);
	write_file(f);
	assert_false(file_has(f, halves[0]));
	/* The last block goes altogether, then the one before, which is the last in memory then. */
	exec_sql(f, "DELETE FROM chunk_vector WHERE slot >= 2048");
	reopen(f);
	assert_true(file_has(f, halves[1]));
	remove_slot(f, 3 * BLOCK_SLOTS + 9);
	write_file(f);
	assert_false(file_has(f, halves[1]));
	exec_sql(f, "DELETE FROM chunk_vector WHERE slot BETWEEN 512 AND 1023");
	reopen(f);
	write_file(f);
	assert_int_equal(n_right(f), 4);
	assert_int_equal(n_wrong(f, false), 0);
	reopen(f);
	assert_as_stored(f);
	exec_sql(f, "DELETE FROM chunk_vector WHERE slot >= 1000");
	reopen(f);
	write_file(f);
	assert_int_equal(n_wrong(f, false), 0);
	{
		struct stat st;

		assert_int_equal(stat(f->file, &st), 0);
		assert_int_equal(st.st_size, BLOCK_BYTES);
	}
}

static void assert_heals(struct fixture *f, int64_t n_right_then)
{
	reopen(f);
	assert_as_stored(f);
	assert_int_equal(n_right(f), n_right_then);
	assert_int_equal(n_wrong(f, false), 0);
	write_file(f);
	assert_int_equal(n_right(f), 4);
	assert_int_equal(n_wrong(f, false), 0);
}

static void test_damage(void **state)
{
	struct fixture *f = *state;
	struct buf good, old;

	write_file(f);
	old = bytes_of(f->file);
	for (int64_t slot = 0; slot < N_SLOTS; slot += 100) {
		put(f, slot, slot + 1);
	}
	write_file(f);
	good = bytes_of(f->file);
	for (int i = 0; i < 20; i++) { /* a bit, anywhere */
		size_t at = next_random(&f->random) % good.len;

		good.data[at] ^= (char)(1 << next_random(&f->random) % 8);
		overwrite(f->file, &good);
		assert_int_equal(n_wrong(f, false), 1);
		assert_heals(f, 3);
		buf_finish(&good);
		good = bytes_of(f->file);
	}
	overwrite(f->file, &old); /* an older one */
	assert_int_equal(n_wrong(f, false), 4);
	assert_heals(f, 0);
	good.len = 2 * BLOCK_BYTES + 11; /* cut off */
	overwrite(f->file, &good);
	assert_heals(f, 2);
	good.len = 0;
	overwrite(f->file, &good);
	assert_heals(f, 0);
	assert_int_equal(unlink(f->file), 0); /* a restored backup has none */
	assert_heals(f, 0);
	/* Blocks that changed places. */
	buf_finish(&good);
	good = bytes_of(f->file);
	memcpy(old.data, good.data, BLOCK_BYTES);
	memmove(good.data, good.data + BLOCK_BYTES, BLOCK_BYTES);
	memcpy(good.data + BLOCK_BYTES, old.data, BLOCK_BYTES);
	overwrite(f->file, &good);
	assert_heals(f, 2);
	exec_sql(f, "UPDATE vector_block SET digest = x'0102' WHERE block_n = 1");
	assert_heals(f, 4); /* no digest at all: passed over */
	buf_finish(&good);
	buf_finish(&old);
}

/* A folder in its place: nothing can be written, and that is no error. */
static void test_no_file_can_be_written(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkdir(f->file, 0700), 0);
	write_file(f);
	assert_int_equal(n_right(f), 0);
	reopen(f);
	assert_as_stored(f);
	assert_int_equal(rmdir(f->file), 0);
	write_file(f);
	assert_int_equal(n_right(f), 4);
}

static void test_files_of_other_spaces_go(void **state)
{
	struct fixture *f = *state;
	char other[320];
	int64_t n;

	write_file(f);
	snprintf(other, sizeof(other), "%s/vectors/77.halves", f->dir);
	ok(fs_replace(other, "x", 1, &e));
	ok(file_strays(f->v, false, &n, &e));
	assert_int_equal(n, 1);
	write_file(f);
	assert_false(fs_exists(other));
	assert_true(fs_exists(f->file));
	exec_sql(f, "UPDATE vector_space SET state = 'filling', aside = 'kept'");
	write_file(f);
	assert_false(fs_exists(f->file));
	exec_sql(f, "UPDATE vector_space SET state = 'retired', aside = ''");
	ok(vectors_maintain(f->v, &e));
	assert_int_equal(ask(f, "blocks", "SELECT count(*) FROM vector_block"), 0);
}

/* ── changes meanwhile ── */

struct racing {
	struct fixture *f;
	atomic_bool stop;
	uint64_t random;
};

static void change_at_random(struct fixture *f, uint64_t *random)
{
	int64_t slot = (int64_t)(next_random(random) % N_SLOTS);
	struct put p = {f->space.n, slot, slot + 1, random};

	if (next_random(random) % 2) {
		ok(store_write(f->store, tx_remove, &slot, &e));
	} else {
		ok(store_write(f->store, tx_put, &p, &e));
	}
}

static void *race(void *arg)
{
	struct racing *r = arg;

	while (!atomic_load(&r->stop)) {
		change_at_random(r->f, &r->random);
	}
	return NULL;
}

static void test_changes_while_it_is_written(void **state)
{
	struct fixture *f = *state;
	struct racing r = {.f = f, .random = f->random};
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, race, &r), 0);
	for (int i = 0; i < 100; i++) {
		write_file(f);
		assert_int_equal(n_wrong(f, false), 0);
	}
	atomic_store(&r.stop, true);
	pthread_join(thread, NULL);
	reopen(f);
	assert_as_stored(f);
	write_file(f);
	assert_int_equal(n_wrong(f, false), 0);
	reopen(f);
	assert_as_stored(f);
}

/* Changes and writes without end; says when it has begun. */
static void live_until_killed(struct fixture *f, int ready)
{
	struct racing r = {.f = f, .random = f->random};
	pthread_t thread;

	open_all(f);
	(void)!write(ready, "r", 1);
	(void)pthread_create(&thread, NULL, race, &r);
	for (;;) {
		if (vectors_forget(f->v, WS, NULL) != 0) {
			_exit(1);
		}
	}
}

static void test_killed_at_any_moment(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 12; i++) {
		int fds[2], status;
		char c;
		pid_t pid;
		struct timespec pause = {0, (long)(next_random(&f->random) % 20000000)};

		close_all(f);
		assert_int_equal(pipe(fds), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			live_until_killed(f, fds[1]);
		}
		close(fds[1]);
		assert_int_equal(read(fds[0], &c, 1), 1);
		close(fds[0]);
		nanosleep(&pause, NULL);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		open_all(f);
		assert_as_stored(f);
		assert_int_equal(n_wrong(f, false), 0);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_the_file_is_read),
		T(test_changes_take_blocks_away),
		T(test_what_is_removed_is_in_no_file),
		T(test_damage),
		T(test_no_file_can_be_written),
		T(test_files_of_other_spaces_go),
		T(test_changes_while_it_is_written),
		T(test_killed_at_any_moment),
	};

	seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 10) : (uint64_t)time(NULL);
	print_message("seed %llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
