/* The file of vectors that a start reads: it is used, and never where it is not right. */
#include "tests/unit/index/vector_house.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "index/vector_file.h"

#define DIMENSION 8
#define BLOCK_BYTES (BLOCK_WORDS * 8 + BLOCK_SLOTS * DIMENSION * 2)
#define N_SLOTS (4 * BLOCK_SLOTS + 100) /* four whole blocks, one that grows */

struct filed {
	struct fixture house; /* first: teardown of vector_house.h ends it */
	char file[320];
	struct space space;
};

static uint64_t seed;

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

static void put(struct filed *f, int64_t from, int64_t to)
{
	struct put p = {f->space.n, from, to, &f->house.random};

	ok(store_write(f->house.store, tx_put, &p, &e));
}

static void remove_slot(struct filed *f, int64_t slot)
{
	ok(store_write(f->house.store, tx_remove, &slot, &e));
}

static int tx_exec(struct db *db, void *arg, struct err *err)
{
	return db_exec(db, arg, err);
}

static void exec_sql(struct filed *f, const char *sql)
{
	ok(store_write(f->house.store, tx_exec, (void *)sql, &e));
}

static void write_file(struct filed *f)
{
	ok(vectors_forget(f->house.v, WS, &e));
}

static int filed_setup(void **state)
{
	struct filed *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	house_begin(&f->house, seed);
	f->space = serve(&f->house, DIMENSION);
	snprintf(f->file, sizeof(f->file), "%s/vectors/%lld.halves", f->house.dir,
		(long long)f->space.n);
	put(f, 0, N_SLOTS);
	*state = f;
	return 0;
}

/* ── what is there ── */

/* Counts what a query gives in its first column. */
static int64_t ask(struct filed *f, const char *key, const char *sql)
{
	struct db *db = store_reader(f->house.store, &e);
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

static int64_t n_right(struct filed *f)
{
	return ask(f, "right", "SELECT count(*) FROM vector_block WHERE digest IS NOT NULL");
}

/* Memory holds what the rows hold, no more and nothing else. */
static void assert_as_stored(struct filed *f)
{
	struct loaded_space *s = loaded_lookup(f->house.v, f->space.n);
	struct snapshot *shot = memory_snapshot(&s->memory);
	struct db *db = store_reader(f->house.store, &e);
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

static int64_t n_wrong(struct filed *f, bool repair)
{
	struct loaded_space *s = loaded_lookup(f->house.v, f->space.n);
	int64_t n;

	ok(file_check(f->house.v, s, repair, &n, &e));
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
	struct filed *f = *state;
	struct stat st;

	write_file(f);
	assert_int_equal(n_right(f), 4); /* the last one grows still */
	assert_int_equal(stat(f->file, &st), 0);
	assert_int_equal(st.st_size, 4 * BLOCK_BYTES);
	assert_int_equal(st.st_mode & 0777, 0600);
	reopen(&f->house);
	assert_as_stored(f);
	/* Rows that go without the trigger are missed by nobody: they were not read. */
	exec_sql(f, "DROP TRIGGER vector_removed");
	exec_sql(f, "DELETE FROM chunk_vector WHERE slot IN (5, 2050)");
	reopen(&f->house);
	{
		struct loaded_space *s = loaded_lookup(f->house.v, f->space.n);
		struct snapshot *shot = memory_snapshot(&s->memory);

		assert_true(snapshot_has(shot, 5));
		assert_false(snapshot_has(shot, 2050)); /* of the block that is not in the file */
		snapshot_drop(shot);
		loaded_drop(s);
	}
	assert_int_equal(n_wrong(f, false), 1); /* and a check finds it */
	assert_int_equal(n_wrong(f, true), 1);
	assert_int_equal(n_wrong(f, false), 0);
	reopen(&f->house);
	assert_as_stored(f);
}

static void test_changes_take_blocks_away(void **state)
{
	struct filed *f = *state;

	write_file(f);
	remove_slot(f, 700);
	put(f, 1100, 1101);
	assert_int_equal(n_right(f), 2);
	reopen(&f->house);
	assert_as_stored(f);
	write_file(f);
	assert_int_equal(n_right(f), 4);
	assert_int_equal(n_wrong(f, false), 0);
	put(f, 700, 701); /* comes back */
	reopen(&f->house);
	assert_as_stored(f);
	put(f, N_SLOTS, 6 * BLOCK_SLOTS);
	write_file(f);
	assert_int_equal(n_right(f), 5);
	reopen(&f->house);
	assert_as_stored(f);
}

/* Whether the bytes of a stored vector stand in the file. */
static bool file_has(struct filed *f, const uint16_t *halves)
{
	struct buf b = bytes_of(f->file);
	bool found = memmem(b.data, b.len, halves, 2 * DIMENSION) != NULL;

	buf_finish(&b);
	return found;
}

static void test_what_is_removed_is_in_no_file(void **state)
{
	struct filed *f = *state;
	uint16_t halves[2][DIMENSION];
	struct loaded_space *s = loaded_lookup(f->house.v, f->space.n);
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
	reopen(&f->house);
	assert_true(file_has(f, halves[1]));
	remove_slot(f, 3 * BLOCK_SLOTS + 9);
	write_file(f);
	assert_false(file_has(f, halves[1]));
	exec_sql(f, "DELETE FROM chunk_vector WHERE slot BETWEEN 512 AND 1023");
	reopen(&f->house);
	write_file(f);
	assert_int_equal(n_right(f), 4);
	assert_int_equal(n_wrong(f, false), 0);
	reopen(&f->house);
	assert_as_stored(f);
	exec_sql(f, "DELETE FROM chunk_vector WHERE slot >= 1000");
	reopen(&f->house);
	write_file(f);
	assert_int_equal(n_wrong(f, false), 0);
	{
		struct stat st;

		assert_int_equal(stat(f->file, &st), 0);
		assert_int_equal(st.st_size, BLOCK_BYTES);
	}
}

static void assert_heals(struct filed *f, int64_t n_right_then)
{
	reopen(&f->house);
	assert_as_stored(f);
	assert_int_equal(n_right(f), n_right_then);
	assert_int_equal(n_wrong(f, false), 0);
	write_file(f);
	assert_int_equal(n_right(f), 4);
	assert_int_equal(n_wrong(f, false), 0);
}

static void test_damage(void **state)
{
	struct filed *f = *state;
	struct buf good, old;

	write_file(f);
	old = bytes_of(f->file);
	for (int64_t slot = 0; slot < N_SLOTS; slot += 100) {
		put(f, slot, slot + 1);
	}
	write_file(f);
	good = bytes_of(f->file);
	for (int i = 0; i < 20; i++) { /* a bit, anywhere */
		size_t at = next_random(&f->house.random) % good.len;

		good.data[at] ^= (char)(1 << next_random(&f->house.random) % 8);
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
	struct filed *f = *state;

	assert_int_equal(mkdir(f->file, 0700), 0);
	write_file(f);
	assert_int_equal(n_right(f), 0);
	reopen(&f->house);
	assert_as_stored(f);
	assert_int_equal(rmdir(f->file), 0);
	write_file(f);
	assert_int_equal(n_right(f), 4);
}

static void test_files_of_other_spaces_go(void **state)
{
	struct filed *f = *state;
	char other[320];
	int64_t n;

	write_file(f);
	snprintf(other, sizeof(other), "%s/vectors/77.halves", f->house.dir);
	ok(fs_replace(other, "x", 1, &e));
	ok(file_strays(f->house.v, false, &n, &e));
	assert_int_equal(n, 1);
	write_file(f);
	assert_false(fs_exists(other));
	assert_true(fs_exists(f->file));
	exec_sql(f, "UPDATE vector_space SET state = 'filling', aside = 'kept'");
	write_file(f);
	assert_false(fs_exists(f->file));
	exec_sql(f, "UPDATE vector_space SET state = 'retired', aside = ''");
	ok(vectors_maintain(f->house.v, &e));
	assert_int_equal(ask(f, "blocks", "SELECT count(*) FROM vector_block"), 0);
}

/* ── changes meanwhile ── */

struct racing {
	struct filed *f;
	atomic_bool stop;
	uint64_t random;
};

static void change_at_random(struct filed *f, uint64_t *random)
{
	int64_t slot = (int64_t)(next_random(random) % N_SLOTS);
	struct put p = {f->space.n, slot, slot + 1, random};

	if (next_random(random) % 2) {
		ok(store_write(f->house.store, tx_remove, &slot, &e));
	} else {
		ok(store_write(f->house.store, tx_put, &p, &e));
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
	struct filed *f = *state;
	struct racing r = {.f = f, .random = f->house.random};
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, race, &r), 0);
	for (int i = 0; i < 100; i++) {
		write_file(f);
		assert_int_equal(n_wrong(f, false), 0);
	}
	atomic_store(&r.stop, true);
	pthread_join(thread, NULL);
	reopen(&f->house);
	assert_as_stored(f);
	write_file(f);
	assert_int_equal(n_wrong(f, false), 0);
	reopen(&f->house);
	assert_as_stored(f);
}

/* Changes and writes without end; says when it has begun. */
static void live_until_killed(struct filed *f, int ready)
{
	struct racing r = {.f = f, .random = f->house.random};
	pthread_t thread;

	open_all(&f->house);
	(void)!write(ready, "r", 1);
	(void)pthread_create(&thread, NULL, race, &r);
	for (;;) {
		if (vectors_forget(f->house.v, WS, NULL) != 0) {
			_exit(1);
		}
	}
}

static void test_killed_at_any_moment(void **state)
{
	struct filed *f = *state;

	for (int i = 0; i < 12; i++) {
		int fds[2], status;
		char c;
		pid_t pid;
		struct timespec pause = {0, (long)(next_random(&f->house.random) % 20000000)};

		close_all(&f->house);
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
		open_all(&f->house);
		assert_as_stored(f);
		assert_int_equal(n_wrong(f, false), 0);
	}
}

#define FILED(name) cmocka_unit_test_setup_teardown(name, filed_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILED(test_the_file_is_read),
		FILED(test_changes_take_blocks_away),
		FILED(test_what_is_removed_is_in_no_file),
		FILED(test_damage),
		FILED(test_no_file_can_be_written),
		FILED(test_files_of_other_spaces_go),
		FILED(test_changes_while_it_is_written),
		FILED(test_killed_at_any_moment),
	};

	seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 10) : (uint64_t)time(NULL);
	print_message("seed %llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
