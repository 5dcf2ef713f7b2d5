/* The bitmaps that follow permissions: kept, checked, cached, cut and joined in runs. */
#include "index/acl_runs.h"
#include "tests/unit/index/world.h"

static void test_bitmaps_survive_reopening_and_are_checked(void **state)
{
	struct world *w = *state;
	struct id user = add_user(w, &w->workspace, ROLE_MEMBER);
	struct id c = add_collection(w, "c", user.s);
	struct arrived d = add_document(w, &c, "d", "en", "one");
	int64_t wrong;

	add_document(w, &c, "e", "en", "two");
	world_reopen(w);
	assert_int_equal(n_allowed(w, &user, NULL), 2);
	fine(acl_check(w->acl, w->store, false, &wrong, &world_err));
	assert_int_equal(wrong, 0);
	/* Behind the module's back: a document without a set, a chunk that is no longer live. */
	exec_sql(w, "UPDATE document SET acl_set_n = NULL WHERE id = '%s'", d.document.s);
	fine(acl_check(w->acl, w->store, false, &wrong, &world_err));
	assert_true(wrong >= 1);
	fine(acl_check(w->acl, w->store, true, &wrong, &world_err));
	fine(acl_check(w->acl, w->store, false, &wrong, &world_err));
	assert_int_equal(wrong, 0);
	assert_int_equal(n_allowed(w, &user, NULL), 2);
	exec_sql(w, "UPDATE chunk SET live = 0 WHERE document_id = '%s'", d.document.s);
	fine(acl_check(w->acl, w->store, true, &wrong, &world_err));
	assert_int_equal(wrong, 1);
	assert_int_equal(n_allowed(w, &user, NULL), 1);
	/* Readers that no entry names. */
	exec_sql(w, "INSERT INTO acl_set_reader SELECT n, 'workspace' FROM acl_set");
	fine(acl_check(w->acl, w->store, true, &wrong, &world_err));
	assert_true(wrong >= 1);
	fine(acl_check(w->acl, w->store, false, &wrong, &world_err));
	assert_int_equal(wrong, 0);
	world_reopen(w);
	assert_int_equal(n_allowed(w, &user, NULL), 1);
	/* Runs that are not what the chunks say. */
	exec_sql(w, "UPDATE acl_run SET slot_to = slot_to + 3");
	fine(acl_check(w->acl, w->store, false, &wrong, &world_err));
	assert_int_equal(wrong, 3);
	exec_sql(w, "DELETE FROM acl_run");
	fine(acl_check(w->acl, w->store, true, &wrong, &world_err));
	assert_int_equal(wrong, 1);
	fine(acl_check(w->acl, w->store, false, &wrong, &world_err));
	assert_int_equal(wrong, 0);
	world_reopen(w);
	assert_int_equal(n_allowed(w, &user, NULL), 1);
}

struct runs_told {
	int64_t set_of[40];
	int n;
};

static void tell_run(void *arg, const struct acl_run *run)
{
	struct runs_told *told = arg;

	told->n++;
	for (int64_t slot = run->from; slot < run->to; slot++) {
		assert_int_equal(told->set_of[slot], 0); /* runs do not overlap */
		told->set_of[slot] = run->set_n;
	}
}

struct runs_move {
	int64_t set_n, slots[8];
	int n;
};

static int tx_move_runs(struct db *db, void *arg, struct err *e)
{
	const struct runs_move *m = arg;

	return acl_runs_move(db, 9, m->set_n, m->slots, m->n, e);
}

static void test_runs_are_cut_and_joined(void **state)
{
	struct world *w = *state;
	static const struct runs_move moves[] = {
		{1, {4, 5, 6, 7, 8, 9}, 6}, {2, {7, 6}, 2},	/* out of the middle */
		{1, {30, 12, 11, 13, 30}, 5},			/* in any order, twice */
		{0, {5, 6}, 2},					/* over two runs */
		{3, {3, 4, 8, 9, 10, 11, 12}, 7}, {0, {20}, 1}, /* where there is none */
	};
	static const int64_t expected[40] = {[3] = 3,
		[4] = 3,
		[7] = 2,
		[8] = 3,
		[9] = 3,
		[10] = 3,
		[11] = 3,
		[12] = 3,
		[13] = 1,
		[30] = 1};
	struct runs_told told = {.n = 0};
	struct db *db;

	exec_sql(w, "INSERT INTO acl_set(n, workspace_id, collection_id, digest) SELECT v, "
		    "(SELECT id FROM workspace), 'c', v FROM (SELECT 1 AS v UNION SELECT 2 UNION "
		    "SELECT 3)");
	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		fine(store_write(w->store, tx_move_runs, (void *)&moves[i], &world_err));
	}
	db = reader(w);
	fine(acl_runs_each(db, false, tell_run, &told, &world_err));
	store_reader_drop(db);
	assert_memory_equal(told.set_of, expected, sizeof(expected));
	assert_int_equal(told.n, 5);
}

static void test_allowed_is_cached_until_a_change(void **state)
{
	struct world *w = *state;
	struct id user = add_user(w, &w->workspace, ROLE_MEMBER);
	struct id c = add_collection(w, "c", user.s);
	struct db *db = reader(w);
	struct asker who = asker_of(w, db, &user);
	struct allowed *a, *b;

	add_document(w, &c, "d", "en", "one");
	a = acl_allowed(w->acl, &who, NULL, 0, NULL);
	b = acl_allowed(w->acl, &who, NULL, 0, NULL);
	assert_ptr_equal(a, b);
	acl_allowed_drop(b);
	add_document(w, &c, "e", "en", "two");
	b = acl_allowed(w->acl, &who, NULL, 0, NULL);
	assert_ptr_not_equal(a, b);
	assert_int_equal(a->n_allowed, 1); /* what was lent does not change */
	assert_int_equal(b->n_allowed, 2);
	assert_int_equal(b->n_live, 2);
	acl_allowed_drop(a);
	acl_allowed_drop(b);
	for (int i = 0; i < 300; i++) { /* more askers than the cache holds */
		struct id user2 = id_create("usr");

		who.key[0] = (char)('a' + i % 26);
		who.key[1] = (char)('a' + i / 26);
		(void)user2;
		acl_allowed_drop(acl_allowed(w->acl, &who, NULL, 0, NULL));
	}
	store_reader_drop(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_bitmaps_survive_reopening_and_are_checked),
		T(test_runs_are_cut_and_joined),
		T(test_allowed_is_cached_until_a_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
