/* Files: whole, durable, locked, and errors that name the file. */
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "index/base/fs.h"

static char dir[256];

static int set_up(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(dir, sizeof(dir), "%s/carrel-fs-XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	fs_remove_tree(dir);
	assert_false(fs_exists(dir));
	return 0;
}

static char *in_dir(const char *name)
{
	static _Thread_local char paths[4][512];
	static _Thread_local int next;
	char *path = paths[next++ % 4];

	snprintf(path, 512, "%s/%s", dir, name);
	return path;
}

static void test_mkdirs(void **state)
{
	struct stat st;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(fs_mkdirs(in_dir("a/b//c/"), NULL), 0);
	assert_int_equal(fs_mkdirs(in_dir("a/b/c"), NULL), 0);
	assert_int_equal(stat(in_dir("a/b"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(fs_replace(in_dir("file"), "x", 1, NULL), 0);
	assert_int_equal(fs_mkdirs(in_dir("file"), &e), ERR_IO);
	assert_non_null(strstr(e.message, "file"));
	assert_int_equal(fs_mkdirs(in_dir("file/below"), NULL), ERR_IO);
	assert_int_equal(fs_mkdirs("", NULL), ERR_IO);
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(fs_mkdirs("relative/x", NULL), 0);
	assert_int_equal(fs_mkdirs("one", NULL), 0);
	assert_true(fs_exists(in_dir("relative/x")));
	assert_int_equal(chdir("/"), 0);
}

static void test_replace_and_read(void **state)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	char big[200000];

	(void)state;
	assert_int_equal(fs_replace(in_dir("f"), "one", 3, NULL), 0);
	assert_int_equal(fs_replace(in_dir("f"), "two!", 4, NULL), 0);
	buf_str(&b, "<");
	assert_int_equal(fs_read(in_dir("f"), 4, &b, NULL), 0);
	assert_string_equal(b.data, "<two!");
	assert_int_equal(fs_read(in_dir("f"), 3, &b, &e), ERR_TOO_LARGE);
	assert_string_equal(b.data, "<two!"); /* as it was */
	assert_int_equal(fs_read(in_dir("none"), 3, &b, NULL), ERR_NOT_FOUND);
	assert_int_equal(fs_read(dir, 3, &b, NULL), ERR_IO);
	buf_clear(&b);
	memset(big, 'z', sizeof(big));
	assert_int_equal(fs_replace(in_dir("big"), big, sizeof(big), NULL), 0);
	assert_int_equal(fs_read(in_dir("big"), sizeof(big), &b, NULL), 0);
	assert_int_equal(b.len, sizeof(big));
	buf_finish(&b);
	assert_int_equal(fs_replace(in_dir("empty"), NULL, 0, NULL), 0);
	assert_int_equal(fs_read(in_dir("empty"), 0, &b, NULL), 0);
	assert_string_equal(b.data, "");
	buf_finish(&b);
	assert_int_equal(fs_replace(in_dir("no/such/folder"), "x", 1, NULL), ERR_IO);
}

static void *run_replacer(void *arg)
{
	char text[1000];

	memset(text, *(char *)arg, sizeof(text));
	for (int i = 0; i < 50; i++) {
		if (fs_replace(in_dir("shared"), text, sizeof(text), NULL) != 0) {
			return arg;
		}
	}
	return NULL;
}

static void test_replacers_do_not_mix(void **state)
{
	char which[2] = {'a', 'b'};
	pthread_t threads[2];
	struct buf b = BUF_INIT;

	(void)state;
	for (int i = 0; i < 2; i++) {
		pthread_create(&threads[i], NULL, run_replacer, &which[i]);
	}
	for (int i = 0; i < 2; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_int_equal(fs_read(in_dir("shared"), 1000, &b, NULL), 0);
	assert_int_equal(b.len, 1000);
	assert_int_equal(b.data[0], b.data[999]);
	buf_finish(&b);
}

static void test_full_device_is_no_space(void **state)
{
	struct err e = ERR_INIT;
	int fd = open("/dev/full", O_WRONLY);

	(void)state;
	if (fd < 0) {
		skip();
	}
	assert_int_equal(fs_write_all(fd, "x", 1, &e), ERR_NO_SPACE);
	close(fd);
	assert_int_equal(fs_write_all(-1, "x", 1, NULL), ERR_IO);
}

static void test_remove_tree_does_not_follow_links(void **state)
{
	(void)state;
	assert_int_equal(fs_mkdirs(in_dir("keep"), NULL), 0);
	assert_int_equal(fs_replace(in_dir("keep/file"), "x", 1, NULL), 0);
	assert_int_equal(fs_mkdirs(in_dir("gone/deep/er"), NULL), 0);
	assert_int_equal(fs_replace(in_dir("gone/deep/f"), "x", 1, NULL), 0);
	assert_int_equal(symlink(in_dir("keep"), in_dir("gone/deep/link")), 0);
	fs_remove_tree(in_dir("gone"));
	assert_false(fs_exists(in_dir("gone")));
	assert_true(fs_exists(in_dir("keep/file")));
	fs_remove_tree(in_dir("gone")); /* absence is fine */
}

static void test_lock(void **state)
{
	struct err e = ERR_INIT;
	char *path = in_dir("lock");
	int status, fd = fs_lock(path, NULL);
	pid_t pid;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fs_lock(path, &e), ERR_CONFLICT);
	assert_string_equal(e.reason, "locked");
	pid = fork();
	if (pid == 0) {
		_exit(fs_lock(path, NULL) == ERR_CONFLICT ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	close(fd);
	fd = fs_lock(path, NULL);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(fs_lock(in_dir("no/lock"), NULL), ERR_IO);
}

static void test_free_bytes(void **state)
{
	(void)state;
	assert_true(fs_free_bytes(dir) > 0);
	assert_int_equal(fs_free_bytes(in_dir("none")), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mkdirs),
		cmocka_unit_test(test_replace_and_read),
		cmocka_unit_test(test_replacers_do_not_mix),
		cmocka_unit_test(test_full_device_is_no_space),
		cmocka_unit_test(test_remove_tree_does_not_follow_links),
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_free_bytes),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
