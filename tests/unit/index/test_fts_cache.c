/* What is remembered of an index, and when it is asked anew. */
#include "tests/unit/index/fts_rows.h"

#include "index/fts_cache.h"

static void test_frequencies_follow_the_index(void **state)
{
	struct world *w = *state;
	struct fts_cache *cache = fts_cache_create();
	struct id c = add_collection(w, "all", "operator"), other, mine = w->workspace;
	int64_t mine_n = w->workspace_n, df;
	struct rows rolled = {.from = 500, .n = 20, .seed = 5, .fail = true};
	struct arrived in;
	struct db *before;

	store_attach(w->store, PART_FULL_TEXT, cache);
	in = add_document(w, &c, "a", "xx", "copper zinc");
	assert_int_equal(frequency(w, "copper"), 1);
	before = reader(w);
	add_document(w, &c, "b", "xx", "copper tin");
	assert_int_equal(frequency(w, "copper"), 2);
	/* An older snapshot still sees what it saw, and does not spoil it for the newer ones. */
	fine(fts_df(before, w->workspace_n, "copper", &df, &world_err));
	assert_int_equal(df, 1);
	store_reader_drop(before);
	assert_int_equal(frequency(w, "copper"), 2);
	rolled.workspace_n = w->workspace_n;
	assert_int_equal(store_write(w->store, tx_change, &rolled, NULL), ERR_CONFLICT);
	assert_int_equal(frequency(w, "copper"), 2);
	assert_int_equal(frequency(w, "waxak"), 0);
	fine(work(w, (struct work){.which = W_DELETE, .a = &in.document}));
	assert_int_equal(frequency(w, "copper"), 1);
	assert_int_equal(frequency(w, "zinc"), 0);
	fine(work(w, (struct work){.which = W_WORKSPACE, .a = "other", .out = &other}));
	w->workspace = other;
	w->workspace_n = workspace_number(w, &other);
	assert_int_equal(frequency(w, "copper"), 0);
	c = add_collection(w, "all", "operator");
	add_document(w, &c, "c", "xx", "copper");
	add_document(w, &c, "d", "xx", "copper lead");
	assert_int_equal(frequency(w, "copper"), 2);
	w->workspace = mine;
	w->workspace_n = mine_n;
	assert_int_equal(frequency(w, "copper"), 1);
	store_attach(w->store, PART_FULL_TEXT, NULL);
	fts_cache_destroy(cache);
}

static void test_a_little_growth_is_let_pass(void **state)
{
	struct fts_cache *cache = fts_cache_create();
	struct fts_memory *m = fts_cache_lookup(cache, 1);
	struct fts_state then = {1000, 6400, 90000, 9000000}, now = then;
	int64_t df;

	(void)state;
	assert_false(fts_memory_df(m, &then, "copper", &df));
	fts_memory_keep_df(m, &then, "copper", 77);
	assert_true(fts_memory_df(m, &now, "copper", &df));
	assert_int_equal(df, 77);
	now.n_written += 100; /* a 64th of its pages */
	assert_true(fts_memory_df(m, &now, "copper", &df));
	now.n_written++;
	assert_false(fts_memory_df(m, &now, "copper", &df));
	fts_memory_keep_df(m, &then, "gold", 0); /* the next row may have it */
	assert_false(fts_memory_df(m, &then, "gold", &df));
	now = then;
	now.n_rows++; /* the same counter in another table: it was filled anew */
	assert_false(fts_memory_df(m, &now, "copper", &df));
	assert_false(fts_memory_df(fts_cache_lookup(cache, 2), &then, "copper", &df));
	then.n_pages = 60;
	fts_memory_keep_df(m, &then, "tin", 5);
	now = then;
	now.n_written++;
	assert_false(fts_memory_df(m, &now, "tin", &df));
	fts_memory_keep_length(m, 70000, 123);
	assert_int_equal(fts_memory_length(m, 70000), 123);
	assert_int_equal(fts_memory_length(m, 70001), 0);
	fts_memory_forget(m);
	assert_int_equal(fts_memory_length(m, 70000), 0);
	assert_false(fts_memory_df(m, &then, "tin", &df));
	fts_cache_destroy(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_frequencies_follow_the_index),
		cmocka_unit_test(test_a_little_growth_is_let_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
