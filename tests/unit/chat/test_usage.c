/* Who spent how many tokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "chat/usage.h"
#include "index/base/fs.h"

#define DAY_MS (24 * 3600 * INT64_C(1000))

struct fixture {
	char dir[64];
	struct store *store;
	struct arena arena;
	struct id workspace, user;
};

static int tx_fill(struct db *db, void *arg, struct err *e)
{
	struct fixture *f = arg;
	char sql[2000];

	f->workspace = id_create("ws");
	f->user = id_create("usr");
	snprintf(sql, sizeof(sql),
		"INSERT INTO workspace (id, name, created_ms) VALUES ('%s', 'w', 1), ('ws_o', 'o', "
		"1); INSERT INTO user (id, workspace_id, name, display_name, role, created_ms) "
		"VALUES ('%s', '%s', 'ann', 'Ann A', 0, 1); INSERT INTO usage VALUES "
		"('%s', '%s', '1970-01-02', 'm', 2, 30, 4), ('%s', '%s', '1970-01-01', 'm', 1, 1, "
		"1), ('%s', '%s', '1970-01-02', 'extractive', 5, 0, 0), "
		"('ws_o', '%s', '1970-01-02', 'm', 9, 9, 9)",
		f->workspace.s, f->user.s, f->workspace.s, f->workspace.s, f->user.s,
		f->workspace.s, f->user.s, f->workspace.s, f->user.s, f->user.s);
	return db_exec(db, sql, e);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/carrel-usage-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(store_open(f->dir, &f->store, NULL), 0);
	assert_int_equal(store_write(f->store, tx_fill, f, NULL), 0);
	arena_init(&f->arena);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	arena_finish(&f->arena);
	store_close(f->store);
	fs_remove_tree(f->dir);
	free(f);
	return 0;
}

static void test_days_of_a_workspace(void **state)
{
	struct fixture *f = *state;
	struct db *db = store_reader(f->store, NULL);
	struct usage *rows;
	int n;

	assert_int_equal(usage_list(db, &f->arena, &f->workspace, 0, &rows, &n, NULL), 0);
	assert_int_equal(n, 3);
	assert_string_equal(rows[0].day, "1970-01-01");
	assert_string_equal(rows[1].model, "extractive");
	assert_string_equal(rows[2].model, "m");
	assert_string_equal(rows[2].display_name, "Ann A");
	assert_true(
		rows[2].n_runs == 2 && rows[2].prompt_tokens == 30 && rows[2].answer_tokens == 4);
	assert_int_equal(usage_list(db, &f->arena, &f->workspace, DAY_MS, &rows, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_int_equal(usage_list(db, &f->arena, &f->workspace, 2 * DAY_MS, &rows, &n, NULL), 0);
	assert_int_equal(n, 0);
	store_reader_drop(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_days_of_a_workspace, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
