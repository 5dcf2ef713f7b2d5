/* chat/cli/walk: what is found below a path, and what is left out. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "chat/cli/walk.h"
#include "index/base/fs.h"

static char root[64];

static char *below(struct arena *a, const char *name)
{
	return arena_printf(a, "%s/%s", root, name);
}

static void make_file(struct arena *a, const char *name, const char *text)
{
	assert_int_equal(fs_replace(below(a, name), text, strlen(text), NULL), 0);
}

static int make_tree(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	snprintf(root, sizeof(root), "/tmp/walk-XXXXXX");
	assert_non_null(mkdtemp(root));
	assert_int_equal(fs_mkdirs(below(&a, "docs/policies/old"), NULL), 0);
	assert_int_equal(fs_mkdirs(below(&a, "docs/.git"), NULL), 0);
	make_file(&a, "docs/b.txt", "bb");
	make_file(&a, "docs/a.txt", "a");
	make_file(&a, "docs/.hidden", "x");
	make_file(&a, "docs/policies/old/deep.md", "deep");
	make_file(&a, "docs/policies/流量计.md", "zh");
	assert_int_equal(symlink("/etc", below(&a, "docs/link")), 0);
	assert_int_equal(symlink("docs", below(&a, "way")), 0);
	assert_int_equal(mkfifo(below(&a, "docs/pipe"), 0600), 0);
	arena_finish(&a);
	return 0;
}

static int remove_tree(void **state)
{
	(void)state;
	fs_remove_tree(root);
	return 0;
}

/* "name=reason" of each, joined */
static char *listed(struct arena *a, const char *path)
{
	struct walk w = {.arena = a};
	char *all = arena_str(a, "");

	assert_int_equal(walk_add(&w, path, NULL), 0);
	for (int i = 0; i < w.n; i++) {
		all = arena_printf(a, "%s%s%s%s ", all, w.files[i].name,
			w.files[i].reason ? "=" : "", w.files[i].reason ? w.files[i].reason : "");
	}
	walk_finish(&w);
	return all;
}

static void a_folder_gives_all_below_it(void **state)
{
	static const char expected[] =
		".git=hidden .hidden=hidden a.txt b.txt link=link pipe=no_file "
		"policies/old/deep.md policies/流量计.md ";
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_string_equal(listed(&a, below(&a, "docs")), expected);
	assert_string_equal(listed(&a, below(&a, "docs//")), expected);
	assert_string_equal(listed(&a, below(&a, "way")), expected);
	arena_finish(&a);
}

static void a_file_has_its_last_name(void **state)
{
	struct walk w = {0};
	struct arena a;

	(void)state;
	arena_init(&a);
	w.arena = &a;
	assert_int_equal(walk_add(&w, below(&a, "docs/policies/old/deep.md"), NULL), 0);
	assert_int_equal(w.n, 1);
	assert_string_equal(w.files[0].name, "deep.md");
	assert_int_equal(w.files[0].n_bytes, 4);
	assert_string_equal(listed(&a, below(&a, "docs/.hidden")), ".hidden ");
	walk_finish(&w);
	arena_finish(&a);
}

static void what_cannot_be_read_is_told(void **state)
{
	struct walk w = {0};
	struct arena a;
	struct err e = ERR_INIT;

	(void)state;
	arena_init(&a);
	w.arena = &a;
	assert_int_equal(walk_add(&w, below(&a, "nothing"), &e), ERR_NOT_FOUND);
	if (geteuid() != 0) {
		assert_int_equal(chmod(below(&a, "docs/policies/old"), 0), 0);
		assert_non_null(strstr(listed(&a, below(&a, "docs")), "policies/old=unreadable"));
		assert_int_equal(chmod(below(&a, "docs/policies/old"), 0700), 0);
	}
	walk_finish(&w);
	arena_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_folder_gives_all_below_it),
		cmocka_unit_test(a_file_has_its_last_name),
		cmocka_unit_test(what_cannot_be_read_is_told),
	};

	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
