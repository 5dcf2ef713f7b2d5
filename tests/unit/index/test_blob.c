/* Blobs: what goes in comes out, damage is seen, memory stays constant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "index/base/fs.h"
#include "index/blob.h"

struct fixture {
	char dir[256];
	struct blobs *b;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");

	snprintf(f->dir, sizeof(f->dir), "%s/carrel-blob-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(blobs_open(f->dir, &f->b, NULL), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	blobs_close(f->b);
	fs_remove_tree(f->dir);
	free(f);
	return 0;
}

static void file_of(struct fixture *f, const char *hash, char out[512])
{
	snprintf(out, 512, "%s/blobs/%.2s/%s", f->dir, hash, hash);
}

static int64_t file_size(struct fixture *f, const char *hash)
{
	char path[512];
	struct stat st;

	file_of(f, hash, path);
	return stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}

static int n_in_tmp(struct fixture *f)
{
	char command[400];
	FILE *p;
	int n = -1;

	snprintf(command, sizeof(command), "ls '%s/tmp' | wc -l", f->dir);
	p = popen(command, "r");
	assert_int_equal(fscanf(p, "%d", &n), 1);
	pclose(p);
	return n;
}

/* Text that zstd likes. */
static char *make_text(size_t n)
{
	static const char line[] = "The reading room opens at nine and closes at six. ";
	char *s = malloc(n + 1);

	for (size_t i = 0; i < n; i++) {
		s[i] = line[i % (sizeof(line) - 1)];
	}
	return s;
}

/* Bytes that zstd cannot shorten (xorshift). */
static char *make_noise(size_t n)
{
	uint64_t x = 88172645463325252u;
	char *s = malloc(n + 8);

	for (size_t i = 0; i < n; i += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(s + i, &x, 8);
	}
	return s;
}

static void expect_back(struct fixture *f, const char *hash, const char *plain, size_t n)
{
	struct buf out = BUF_INIT;

	buf_str(&out, "before");
	assert_int_equal(blob_read(f->b, hash, (int64_t)n, &out, NULL), 0);
	assert_int_equal(out.len, n + 6);
	assert_memory_equal(out.data, "before", 6);
	assert_memory_equal(out.data + 6, plain, n);
	buf_finish(&out);
}

static void put_and_expect(struct fixture *f, const char *plain, size_t n)
{
	struct blob_info info;
	char hash[HASH_HEX_SIZE];

	assert_int_equal(blob_put(f->b, plain, n, &info, NULL), 0);
	hash_blake2b_hex(plain, n, hash);
	assert_string_equal(info.hash, hash);
	hash_sha256_hex(plain, n, hash);
	assert_string_equal(info.sha256, hash);
	assert_int_equal(info.n_bytes, n);
	assert_true(blob_exists(f->b, info.hash));
	expect_back(f, info.hash, plain, n);
}

static void test_sizes_around_the_sample(void **state)
{
	struct fixture *f = *state;
	static const size_t sizes[] = {
		0, 1, 2, 65535, 65536, 65537, 131071, 131072, 131073, 1000000};
	char *text = make_text(1000000);
	char *noise = make_noise(1000000);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		put_and_expect(f, text, sizes[i]);
		put_and_expect(f, noise, sizes[i]);
	}
	free(text);
	free(noise);
	assert_int_equal(n_in_tmp(f), 0);
}

static void test_compressed_only_where_it_pays(void **state)
{
	struct fixture *f = *state;
	char *text = make_text(500000);
	char *noise = make_noise(500000);
	struct blob_info info;

	assert_int_equal(blob_put(f->b, text, 500000, &info, NULL), 0);
	assert_true(file_size(f, info.hash) < 5000);
	assert_int_equal(blob_put(f->b, noise, 500000, &info, NULL), 0);
	assert_int_equal(file_size(f, info.hash), 500001);
	free(text);
	free(noise);
}

static void test_limit(void **state)
{
	struct fixture *f = *state;
	struct blob_writer *w;
	struct blob_info info;
	struct err e = ERR_INIT;

	assert_int_equal(blob_writer_open(f->b, 10, &w, NULL), 0);
	assert_int_equal(blob_write(w, "0123456789", 10, NULL), 0);
	assert_int_equal(blob_write(w, "", 0, NULL), 0);
	assert_int_equal(blob_write(w, "x", 1, &e), ERR_TOO_LARGE);
	assert_string_equal(e.reason, "file_too_large");
	assert_int_equal(blob_write(w, "", 1, NULL), ERR_TOO_LARGE); /* and stays so */
	assert_int_equal(blob_writer_commit(w, &info, NULL), ERR_TOO_LARGE);
	assert_int_equal(n_in_tmp(f), 0);
}

static void test_abort_and_restart_leave_nothing(void **state)
{
	struct fixture *f = *state;
	struct blob_writer *w;

	assert_int_equal(blob_writer_open(f->b, 100, &w, NULL), 0);
	assert_int_equal(blob_write(w, "abc", 3, NULL), 0);
	assert_int_equal(n_in_tmp(f), 1);
	blob_writer_abort(w);
	assert_int_equal(n_in_tmp(f), 0);
	blob_writer_abort(NULL);
	/* What a killed process left goes with the next start. */
	assert_int_equal(blob_writer_open(f->b, 100, &w, NULL), 0);
	{
		struct blobs *again;

		assert_int_equal(blobs_open(f->dir, &again, NULL), 0);
		assert_int_equal(n_in_tmp(f), 0);
		blobs_close(again);
	}
	blob_writer_abort(w);
}

static void test_same_bytes_are_stored_once_and_heal(void **state)
{
	struct fixture *f = *state;
	struct blob_info one, two;
	char path[512];
	struct buf out = BUF_INIT;

	assert_int_equal(blob_put(f->b, "twice", 5, &one, NULL), 0);
	assert_int_equal(blob_put(f->b, "twice", 5, &two, NULL), 0);
	assert_string_equal(one.hash, two.hash);
	file_of(f, one.hash, path);
	assert_int_equal(truncate(path, 3), 0);
	assert_int_equal(blob_read(f->b, one.hash, 100, &out, NULL), ERR_CORRUPT);
	assert_int_equal(blob_put(f->b, "twice", 5, &two, NULL), 0);
	expect_back(f, one.hash, "twice", 5);
	buf_finish(&out);
}

/* Every flipped bit, every cut: an error and no bytes, never other bytes. */
static void test_damage_is_seen(void **state)
{
	struct fixture *f = *state;
	char *text = make_text(3000);
	struct blob_info info;
	struct buf file = BUF_INIT;
	struct buf out = BUF_INIT;
	char path[512];

	assert_int_equal(blob_put(f->b, text, 3000, &info, NULL), 0);
	file_of(f, info.hash, path);
	assert_int_equal(fs_read(path, 1 << 20, &file, NULL), 0);
	for (size_t bit = 0; bit < file.len * 8; bit++) {
		int fd, rc;

		file.data[bit / 8] ^= (char)(1 << bit % 8);
		assert_int_equal(fs_replace(path, file.data, file.len, NULL), 0);
		rc = blob_read(f->b, info.hash, 1 << 20, &out, NULL);
		/* A bit of the frame's header that zstd does not use may be flipped without harm.
		 */
		assert_true(rc == ERR_CORRUPT ||
			    (rc == 0 && out.len == 3000 && memcmp(out.data, text, 3000) == 0));
		buf_clear(&out);
		rc = blob_memfd(f->b, info.hash, &fd, NULL);
		if (rc == 0) {
			close(fd);
		}
		assert_true(rc == ERR_CORRUPT || rc == 0);
		file.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t n = 0; n < file.len; n++) {
		assert_int_equal(fs_replace(path, file.data, n, NULL), 0);
		assert_int_equal(blob_read(f->b, info.hash, 1 << 20, &out, NULL), ERR_CORRUPT);
		assert_int_equal(out.len, 0);
	}
	buf_finish(&file);
	buf_finish(&out);
	free(text);
}

static void test_flipped_bit_in_plain_form(void **state)
{
	struct fixture *f = *state;
	char *noise = make_noise(300000);
	struct blob_info info;
	struct blob_reader *r;
	struct err e = ERR_INIT;
	char path[512];
	char part[4096];
	unsigned char c;
	int fd, n;

	assert_int_equal(blob_put(f->b, noise, 300000, &info, NULL), 0);
	file_of(f, info.hash, path);
	fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, &c, 1, 150000), 1);
	c ^= 4;
	assert_int_equal(pwrite(fd, &c, 1, 150000), 1);
	close(fd);
	assert_int_equal(blob_reader_open(f->b, info.hash, &r, NULL), 0);
	do {
		n = blob_reader_next(r, part, sizeof(part), &e);
	} while (n > 0);
	assert_int_equal(n, ERR_CORRUPT);
	assert_string_equal(e.reason, "blob_damaged");
	blob_reader_close(r);
	assert_int_equal(blob_memfd(f->b, info.hash, &fd, NULL), ERR_CORRUPT);
	assert_int_equal(fd, -1);
	free(noise);
}

static void test_absent_and_hostile_names(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {"", "../../../etc/passwd", "abc",
		"/////////////////////////////////////////////////////////////pass",
		"ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789",
		"0000000000000000000000000000000000000000000000000000000000000000", NULL};
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct err e = ERR_INIT;

		assert_int_equal(blob_read(f->b, names[i], 100, &out, &e), ERR_NOT_FOUND);
		assert_false(blob_exists(f->b, names[i]));
		assert_int_equal(blob_remove(f->b, names[i], NULL), 0);
	}
	assert_int_equal(out.len, 0);
	buf_finish(&out);
}

static void test_read_limit(void **state)
{
	struct fixture *f = *state;
	struct blob_info info;
	struct buf out = BUF_INIT;
	char *text = make_text(200000);

	assert_int_equal(blob_put(f->b, text, 200000, &info, NULL), 0);
	assert_int_equal(blob_read(f->b, info.hash, 199999, &out, NULL), ERR_TOO_LARGE);
	assert_int_equal(out.len, 0);
	assert_int_equal(blob_read(f->b, info.hash, 200000, &out, NULL), 0);
	buf_finish(&out);
	free(text);
}

static void test_memfd_is_sealed(void **state)
{
	struct fixture *f = *state;
	struct blob_info info;
	char back[8];
	int fd;

	assert_int_equal(blob_put(f->b, "sealed", 6, &info, NULL), 0);
	assert_int_equal(blob_memfd(f->b, info.hash, &fd, NULL), 0);
	assert_int_equal(read(fd, back, sizeof(back)), 6);
	assert_memory_equal(back, "sealed", 6);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_true(fcntl(fd, F_GET_SEALS) & F_SEAL_SEAL);
	close(fd);
}

struct seen {
	int n;
	int stop_at;
};

static int on_blob(const char *hash, void *arg)
{
	struct seen *seen = arg;

	assert_int_equal(strlen(hash), 64);
	return ++seen->n == seen->stop_at;
}

static void test_each_and_remove(void **state)
{
	struct fixture *f = *state;
	struct blob_info info[50];
	struct seen seen = {0, -1};
	char path[512];

	for (int i = 0; i < 50; i++) {
		assert_int_equal(blob_put(f->b, &i, sizeof(i), &info[i], NULL), 0);
	}
	snprintf(path, sizeof(path), "%s/blobs/00/stray.txt", f->dir);
	assert_int_equal(fs_replace(path, "", 0, NULL), 0);
	assert_int_equal(blob_each(f->b, on_blob, &seen, NULL), 0);
	assert_int_equal(seen.n, 50);
	seen = (struct seen){0, 7};
	assert_int_equal(blob_each(f->b, on_blob, &seen, NULL), 0);
	assert_int_equal(seen.n, 7);
	assert_int_equal(blob_remove(f->b, info[3].hash, NULL), 0);
	assert_false(blob_exists(f->b, info[3].hash));
	assert_int_equal(blob_remove(f->b, info[3].hash, NULL), 0);
}

static void *run_putter(void *arg)
{
	struct blobs *b = arg;
	struct blob_info info;

	for (int i = 0; i < 60; i++) {
		int rc = blob_put(b, &i, sizeof(i), &info, NULL); /* the others write the same */

		if (rc != 0) {
			return (void *)1;
		}
	}
	return NULL;
}

static void test_threads_write_the_same(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[4];
	struct seen seen = {0, -1};

	for (int i = 0; i < 4; i++) {
		pthread_create(&threads[i], NULL, run_putter, f->b);
	}
	for (int i = 0; i < 4; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_int_equal(blob_each(f->b, on_blob, &seen, NULL), 0);
	assert_int_equal(seen.n, 60);
	assert_int_equal(n_in_tmp(f), 0);
}

/* 100 MB in and out, in a child of its own so that its peak is its own. */
static int stream_in_child(struct fixture *f, const char *piece, size_t n_piece)
{
	enum { TIMES = 100 };
	struct blob_writer *w;
	struct blob_reader *r;
	struct blob_info info;
	struct rusage before, after;
	static char part[65536];
	int64_t n_read = 0;
	int n;

	getrusage(RUSAGE_SELF, &before);
	if (blob_writer_open(f->b, INT64_MAX, &w, NULL) != 0) {
		return 10;
	}
	for (int i = 0; i < TIMES; i++) {
		if (blob_write(w, piece, n_piece, NULL) != 0) {
			return 11;
		}
	}
	if (blob_writer_commit(w, &info, NULL) != 0 ||
		blob_reader_open(f->b, info.hash, &r, NULL) != 0) {
		return 12;
	}
	while ((n = blob_reader_next(r, part, sizeof(part), NULL)) > 0) {
		n_read += n;
	}
	blob_reader_close(r);
	getrusage(RUSAGE_SELF, &after);
	if (n != 0 || n_read != (int64_t)n_piece * TIMES) {
		return 13;
	}
	print_message("%ld KiB more\n", after.ru_maxrss - before.ru_maxrss);
	return after.ru_maxrss - before.ru_maxrss < 16 * 1024 ? 0 : 14;
}

static void test_100_mb_in_constant_memory(void **state)
{
	struct fixture *f = *state;
	char *pieces[2] = {make_text(1000000), make_noise(1000000)};

	for (int i = 0; i < 2; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			_exit(stream_in_child(f, pieces[i], 1000000));
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
		free(pieces[i]);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_sizes_around_the_sample),
		T(test_compressed_only_where_it_pays),
		T(test_limit),
		T(test_abort_and_restart_leave_nothing),
		T(test_same_bytes_are_stored_once_and_heal),
		T(test_damage_is_seen),
		T(test_flipped_bit_in_plain_form),
		T(test_absent_and_hostile_names),
		T(test_read_limit),
		T(test_memfd_is_sealed),
		T(test_each_and_remove),
		T(test_threads_write_the_same),
		T(test_100_mb_in_constant_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
