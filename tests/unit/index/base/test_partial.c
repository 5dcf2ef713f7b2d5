/* A folder that is there whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/base/fs.h"
#include "index/base/partial.h"

static char root[256];
static char folder[300];

static const char *in(const char *parent, const char *name)
{
	static char paths[4][2 * PATH_MAX];
	static int n;
	char *path = paths[n++ % 4];

	snprintf(path, sizeof(paths[0]), "%.4000s/%.100s", parent, name);
	return path;
}

static void put(const char *parent, const char *name)
{
	assert_int_equal(fs_replace(in(parent, name), "x", 1, NULL), 0);
}

static int set_up(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(root, sizeof(root), "%s/carrel-partial-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(root));
	snprintf(folder, sizeof(folder), "%s/new", root);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fs_remove_tree(root);
	return 0;
}

static void room_is_told(void **state)
{
	struct partial p;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(partial_begin(&p, folder, NULL), 0);
	assert_int_equal(partial_room(&p, 0, NULL), 0);
	assert_int_equal(partial_room(&p, INT64_MAX / 2, &e), ERR_NO_SPACE);
	assert_non_null(strstr(e.message, folder));
	assert_non_null(strstr(e.message, "are free"));
	partial_abort(&p);
}

static void whole_under_its_name(void **state)
{
	struct partial p;
	struct stat st;

	(void)state;
	assert_int_equal(partial_begin(&p, in(root, "new//"), NULL), 0);
	put(p.path, "a");
	assert_false(fs_exists(folder));
	assert_int_equal(partial_finish(&p, NULL), 0);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_true(fs_exists(in(folder, "a")));
	assert_false(fs_exists(in(folder, "carrel-partial")));
	assert_false(fs_exists(in(root, "new.partial")));
	partial_abort(&p);
	assert_true(fs_exists(in(folder, "a")));
}

static void over_an_empty_folder_only(void **state)
{
	struct partial p;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(mkdir(folder, 0755), 0);
	assert_int_equal(partial_begin(&p, folder, NULL), 0);
	put(p.path, "a");
	put(folder, "somebody's"); /* came meanwhile */
	assert_int_equal(partial_finish(&p, &e), ERR_CONFLICT);
	assert_true(fs_exists(in(folder, "somebody's")));
	assert_false(fs_exists(in(root, "new.partial")));
	err_clear(&e);
	assert_int_equal(partial_begin(&p, folder, &e), ERR_CONFLICT);
	assert_int_equal(partial_allowed(folder, NULL), ERR_CONFLICT);
	partial_abort(&p);
	assert_false(fs_exists(in(root, "new.partial")));
}

static void what_a_dead_process_left_goes(void **state)
{
	struct partial dead, p, second;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(partial_begin(&dead, folder, NULL), 0);
	put(dead.path, "left");
	assert_int_equal(partial_begin(&second, folder, &e), ERR_CONFLICT); /* it lives */
	assert_string_equal(e.reason, "folder_in_use");
	assert_true(fs_exists(in(dead.path, "left")));
	close(dead.mark_fd); /* as its end does */
	assert_int_equal(partial_begin(&p, folder, NULL), 0);
	assert_false(fs_exists(in(p.path, "left")));
	assert_int_equal(partial_finish(&p, NULL), 0);
}

static void killed_before_its_mark(void **state)
{
	struct partial p;

	(void)state;
	assert_int_equal(mkdir(in(root, "new.partial"), 0700), 0);
	assert_int_equal(partial_begin(&p, folder, NULL), 0);
	partial_abort(&p);
	assert_false(fs_exists(in(root, "new.partial")));
}

static void somebodys_own_stays(void **state)
{
	struct partial p;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(mkdir(in(root, "new.partial"), 0755), 0);
	put(in(root, "new.partial"), "mine");
	assert_int_equal(partial_begin(&p, folder, &e), ERR_CONFLICT);
	partial_abort(&p);
	assert_true(fs_exists(in(root, "new.partial/mine")));
	err_clear(&e);
	assert_int_equal(partial_begin(&p, in(root, "none/new"), &e), ERR_CONFLICT);
	partial_abort(&p);
	assert_int_equal(partial_begin(&p, "", NULL), ERR_INVALID);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(room_is_told),
		T(whole_under_its_name),
		T(over_an_empty_folder_only),
		T(what_a_dead_process_left_goes),
		T(killed_before_its_mark),
		T(somebodys_own_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
