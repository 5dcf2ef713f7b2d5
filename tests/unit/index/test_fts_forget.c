/* Forgetting: what was deleted leaves the index, while others write. */
#include "tests/unit/index/fts_rows.h"

#include "index/fts_cache.h"

static int tx_secret(struct db *db, void *arg, struct err *e)
{
	const struct rows *r = arg;
	int rc = 0;

	for (int64_t slot = r->from; rc == 0 && slot < r->from + r->n; slot++) {
		struct fts_row row = {.slot = slot,
			.language = "xx",
			.title = "plans",
			.heading = "",
			.body = "waxak zirconquux evangelineova wbxbk"};

		rc = r->take_out ? fts_delete(db, r->workspace_n, &row, e)
				 : fts_insert(db, r->workspace_n, &row, e);
	}
	return rc;
}

static int n_rows_of_data_with(struct world *w, const char *word)
{
	struct db *db = reader(w);
	char *sql;
	struct stmt *q;
	int n;

	assert_true(asprintf(&sql, "SELECT count(*) FROM fts_%lld_data WHERE instr(block, ?1) > 0",
			    (long long)w->workspace_n) > 0);
	q = db_stmt_named(db, "test.data", sql, &world_err);
	assert_non_null(q);
	stmt_blob(q, 1, word, strlen(word));
	assert_int_equal(stmt_step(q, &world_err), 1);
	n = (int)col_int(q, 0);
	stmt_reset(q);
	store_reader_drop(db);
	free(sql);
	return n;
}

struct meanwhile {
	struct world *w;
	unsigned seed;
	int64_t next;
	int n_steps;
};

/* Others write between the steps, for a while more than a step merges. */
static int on_step(void *arg, struct err *e)
{
	struct meanwhile *m = arg;

	(void)e;
	if (m->n_steps++ < 20) {
		change(m->w, (struct rows){.from = m->next, .n = 30, .seed = m->seed});
		m->next += 30;
	}
	return 0;
}

static void test_forgotten_while_others_write(void **state)
{
	struct world *w = *state;
	struct rows secret = {.from = 5000, .n = 40, .workspace_n = w->workspace_n};
	struct meanwhile m = {.w = w, .seed = (unsigned)time(NULL), .next = 6000};

	print_message("seed %u\n", m.seed);
	command(w, "'pgsz', 60"); /* many small pages: many steps */
	for (int i = 0; i < 5; i++) {
		change(w, (struct rows){.from = i * 600, .n = 600, .seed = m.seed});
	}
	fine(store_write(w->store, tx_secret, &secret, &world_err));
	change(w, (struct rows){.from = 5500, .n = 100, .seed = m.seed});
	assert_true(n_rows_of_data_with(w, "irconquux") > 0);
	secret.take_out = true;
	fine(store_write(w->store, tx_secret, &secret, &world_err));
	assert_true(n_rows_of_data_with(w, "irconquux") > 0);
	fine(fts_forget(w->store, w->workspace_n, on_step, &m, &world_err));
	print_message("%d steps\n", m.n_steps);
	assert_true(m.n_steps > 3);
	assert_int_equal(n_rows_of_data_with(w, "irconquux"), 0);
	assert_int_equal(n_rows_of_data_with(w, "vangelineova"), 0);
	assert_int_equal(frequency(w, "zirconquux"), 0);
	(void)frequency(w, "waxak");
	compare_many(w, &m.seed);
}

static int on_step_stop(void *arg, struct err *e)
{
	return ++*(int *)arg > 3 ? err_set(e, ERR_CANCELLED, "cancelled", "stop") : 0;
}

static void test_forgetting_stops(void **state)
{
	struct world *w = *state;
	struct fts_cache *cache = fts_cache_create();
	int n_steps = 0;

	store_attach(w->store, PART_FULL_TEXT, cache);
	command(w, "'pgsz', 60");
	change(w, (struct rows){.n = 1500, .seed = 7});
	change(w, (struct rows){.from = 1500, .n = 1500, .seed = 7});
	err_clear(&world_err);
	assert_int_equal(fts_forget(w->store, w->workspace_n, on_step_stop, &n_steps, &world_err),
		ERR_CANCELLED);
	assert_int_equal(n_steps, 4);
	err_clear(&world_err);
	fine(fts_forget(
		w->store, w->workspace_n, NULL, NULL, &world_err)); /* nobody is in the way */
	store_attach(w->store, PART_FULL_TEXT, NULL);
	fts_cache_destroy(cache);
}

/* Empty levels behind FTS5's back, as many as hundreds of merges leave. */
static int tx_levels(struct db *db, void *arg, struct err *e)
{
	enum { HEAD = 7, MORE = 1500 }; /* cookie; levels, segments, pages written: a byte each */
	const struct world *w = arg;
	struct buf record = BUF_INIT;
	const uint8_t *p;
	struct stmt *q;
	char *sql;
	size_t n;

	assert_true(asprintf(&sql, "SELECT block FROM fts_%lld_data WHERE id = 10",
			    (long long)w->workspace_n) > 0);
	q = db_stmt_named(db, "test.structure", sql, e);
	free(sql);
	assert_int_equal(stmt_step(q, e), 1);
	p = col_blob(q, 0, &n);
	assert_true(p[4] < 128 && p[5] < 128 && p[6] < 128);
	buf_add(&record, p, 4);
	buf_char(&record, (char)(0x80 | (p[4] + MORE) >> 7));
	buf_char(&record, (char)((p[4] + MORE) & 0x7f));
	buf_add(&record, p + 5, n - 5);
	for (int i = 0; i < 2 * MORE; i++) {
		buf_char(&record, '\0');
	}
	stmt_reset(q);
	assert_true(asprintf(&sql, "UPDATE fts_%lld_data SET block = ?1 WHERE id = 10",
			    (long long)w->workspace_n) > 0);
	q = db_stmt_named(db, "test.levels", sql, e);
	free(sql);
	stmt_blob(q, 1, record.data, record.len);
	buf_finish(&record);
	return stmt_run(q, e);
}

static int64_t n_levels(struct world *w)
{
	struct db *db = reader(w);
	struct postings_index x;

	fine(postings_segments(db, &w->arena, w->workspace_n, &x, &world_err));
	store_reader_drop(db);
	return x.n_levels;
}

static void test_levels_are_taken_down(void **state)
{
	struct world *w = *state;

	change(w, (struct rows){.n = 50, .seed = 7});
	change(w, (struct rows){.from = 50, .n = 50, .seed = 7});
	fine(store_write(w->store, tx_levels, w, &world_err));
	assert_true(n_levels(w) > 1500);
	fine(fts_forget(w->store, w->workspace_n, NULL, NULL, &world_err));
	assert_true(n_levels(w) <= 32 + 2);
	for (int i = 2; i < 40; i++) { /* each merge adds two */
		change(w, (struct rows){.from = 50 * i, .n = 50, .seed = 7});
		fine(fts_forget(w->store, w->workspace_n, NULL, NULL, &world_err));
		assert_true(n_levels(w) <= 64 + 2);
	}
	command(w, "'integrity-check', 0"); /* what FTS5 has in memory agrees with the tables */
	(void)frequency(w, "waxak");
	command(w, "'optimize', 0");
	command(w, "'integrity-check', 0");
}

static int count_steps(void *arg, struct err *e)
{
	(void)e;
	++*(int *)arg;
	return 0;
}

/* One merge serves all that was deleted before it; without a deletion there is none. */
static void test_one_merge_for_many(void **state)
{
	struct world *w = *state;
	struct fts_cache *cache = fts_cache_create();
	int n_steps = 0;

	store_attach(w->store, PART_FULL_TEXT, cache);
	change(w, (struct rows){.n = 50, .seed = 7});
	change(w, (struct rows){.from = 50, .n = 50, .seed = 7});
	fine(fts_forget(w->store, w->workspace_n, count_steps, &n_steps, &world_err));
	assert_true(n_steps > 0); /* nobody knows what was deleted before the start */
	n_steps = 0;
	change(w, (struct rows){.from = 100, .n = 50, .seed = 7});
	fine(fts_forget(w->store, w->workspace_n, count_steps, &n_steps, &world_err));
	assert_int_equal(n_steps, 0);
	change(w, (struct rows){.from = 10, .n = 5, .seed = 7, .take_out = true});
	change(w, (struct rows){.from = 20, .n = 5, .seed = 7, .take_out = true});
	fine(fts_forget(w->store, w->workspace_n, count_steps, &n_steps, &world_err));
	assert_true(n_steps > 0);
	n_steps = 0;
	fine(fts_forget(w->store, w->workspace_n, count_steps, &n_steps, &world_err));
	assert_int_equal(n_steps, 0);
	store_attach(w->store, PART_FULL_TEXT, NULL);
	fts_cache_destroy(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_forgotten_while_others_write),
		T(test_forgetting_stops),
		T(test_levels_are_taken_down),
		T(test_one_merge_for_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
