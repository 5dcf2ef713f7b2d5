/* The best rows from the posting lists, against FTS5's own evaluation of the whole OR; damaged
 * pages. */
#include "tests/unit/index/fts_rows.h"

/* Many segments, then fewer, rows that went and rows whose words take pages, a merge half done. */
static void test_as_fts5_finds(void **state)
{
	struct world *w = *state;
	unsigned seed = (unsigned)time(NULL);
	unsigned text = seed;

	print_message("seed %u\n", seed);
	command(w, "'pgsz', 200");
	command(w, "'automerge', 0");
	change(w, (struct rows){.n = 2500, .seed = text});
	for (int i = 0; i < 9; i++) {
		change(w, (struct rows){.from = 2500 + i * 100, .n = 100, .seed = text});
	}
	compare_many(w, &seed);
	change(w, (struct rows){.from = 100, .n = 300, .seed = text, .take_out = true});
	change(w, (struct rows){.from = 2600, .n = 50, .seed = text, .take_out = true});
	compare_many(w, &seed);
	command(w, "'usermerge', 2");
	command(w, "'merge', 40");
	change(w, (struct rows){.from = 200, .n = 20, .seed = text}); /* back again */
	compare_many(w, &seed);
	command(w, "'pgsz', 4050");
	command(w, "'optimize', NULL");
	compare_many(w, &seed);
}

/* Whatever stands in a page, a search ends, with an error or without. */
static void test_damaged_pages(void **state)
{
	struct world *w = *state;
	unsigned seed = (unsigned)time(NULL);
	struct allowed allowed = {.refs = 1, .n_allowed = 3000};
	int n_damaged = 0;

	print_message("seed %u\n", seed);
	bitmap_init(&allowed.slots);
	for (uint64_t s = 0; s < 3000; s++) {
		bitmap_set(&allowed.slots, s);
	}
	command(w, "'pgsz', 300");
	change(w, (struct rows){.n = 600, .seed = seed});
	change(w, (struct rows){.from = 600, .n = 100, .seed = seed});
	for (int round = 0; round < 60; round++) {
		struct fts_query q = {.workspace_n = w->workspace_n,
			.text = "waxak wbxbk wcxck wdxdk wexek wfxfk",
			.language = "xx",
			.allowed = &allowed,
			.limit = LIMIT};
		struct fts_hit *hits;
		struct db *db;
		int n, rc, at = 1 + rand_r(&seed) % 290;

		exec_sql(w,
			"UPDATE fts_%lld_data SET block = substr(block, 1, %d) || x'%02x' || "
			"substr(block, %d) WHERE id > 10 AND id %% 7 = %d",
			(long long)w->workspace_n, at, rand_r(&seed) % 256, at + 2, round % 7);
		exec_sql(w,
			"UPDATE fts_%lld_idx SET pgno = 2 * ((pgno / 2 + %d) %% 40 + 1) "
			"WHERE pgno / 2 %% 9 = %d",
			(long long)w->workspace_n, rand_r(&seed) % 40, round % 9);
		db = reader(w);
		err_clear(&world_err);
		rc = fts_search(db, &w->arena, &q, &hits, &n, &world_err);
		assert_true(rc == 0 || rc == ERR_CORRUPT);
		n_damaged += rc == ERR_CORRUPT;
		store_reader_drop(db);
	}
	assert_true(n_damaged > 0);
	bitmap_finish(&allowed.slots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_as_fts5_finds),
		T(test_damaged_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
