/* The best rows from the posting lists, against FTS5's own evaluation of the whole OR; and what is
 * remembered of an index. Random, with the seed printed. */
#include "tests/unit/index/world.h"

#include <math.h>
#include <sqlite3.h>

#include "index/fts_cache.h"
#include "index/fts_private.h"
#include "index/sql_functions.h"
#include "index/store_private.h"

#define LIMIT 200
#define SLACK 1e-9

struct rows {
	int64_t from, n;
	unsigned seed;
	int64_t workspace_n;
	bool take_out, fail;
};

static void write_row(struct buf *out, int64_t slot, unsigned seed)
{
	unsigned own = seed + (unsigned)slot * 2654435761u;
	int n = 3 + rand_r(&own) % 40;

	if (slot % 700 == 13) {
		n = 9000; /* its positions take pages */
	}
	for (int i = 0; i < n; i++) {
		double u = (rand_r(&own) + 1.0) / (RAND_MAX + 2.0);
		int word = (int)(u * u * u * 500);

		buf_printf(out, "w%cx%ck ", 'a' + word / 26, 'a' + word % 26);
	}
}

static int tx_rows(struct db *db, void *arg, struct err *e)
{
	const struct rows *r = arg;
	int rc = 0;

	for (int64_t slot = r->from; rc == 0 && slot < r->from + r->n; slot++) {
		struct buf body = BUF_INIT, title = BUF_INIT;
		struct fts_row row = {.slot = slot, .language = "xx", .heading = "of it"};

		write_row(&body, slot, r->seed);
		buf_add(&title, body.data, slot % 3 ? 6 : 12);
		row.title = title.data;
		row.body = body.data;
		rc = r->take_out ? fts_delete(db, r->workspace_n, &row, e)
				 : fts_insert(db, r->workspace_n, &row, e);
		buf_finish(&body);
		buf_finish(&title);
	}
	return rc == 0 && r->fail ? err_set(e, ERR_CONFLICT, "test", "rolled back") : rc;
}

static void change(struct world *w, struct rows r)
{
	r.workspace_n = r.workspace_n ? r.workspace_n : w->workspace_n;
	err_clear(&world_err);
	fine(store_write(w->store, tx_rows, &r, &world_err));
}

static int tx_command(struct db *db, void *arg, struct err *e)
{
	return db_exec(db, arg, e);
}

static void command(struct world *w, const char *text)
{
	char *sql;

	assert_true(asprintf(&sql, "INSERT INTO fts_%lld (fts_%lld, rank) VALUES (%s)",
			    (long long)w->workspace_n, (long long)w->workspace_n, text) > 0);
	err_clear(&world_err);
	fine(store_write(w->store, tx_command, sql, &world_err));
	free(sql);
}

/* ── FTS5's own answer ── */

struct expected {
	struct fts_hit hits[LIMIT];
	int n;
};

static void ask_fts5(struct world *w, struct db *db, const struct query_terms *terms,
	const struct allowed *allowed, struct expected *out)
{
	const char *list[FTS_TERMS_MAX];
	double idf[FTS_TERMS_MAX];
	struct scoring scoring = {0, terms->n, idf, 0};
	struct stmt *q = fts_statement(db, w->workspace_n, FTS_SEARCH, &world_err);
	struct buf match = BUF_INIT;

	for (int i = 0; i < terms->n; i++) {
		list[i] = terms->items[i].text;
		buf_str(&match, i ? " OR " : "");
		fts_write_term(&match, &terms->items[i]);
	}
	fine(fts_idf(db, w->workspace_n, NULL, list, terms->n, idf, &world_err));
	assert_non_null(q);
	stmt_textn(q, 1, match.data, match.len);
	sqlite3_bind_pointer(q->q, 2, (void *)&allowed->slots, BITMAP_POINTER, NULL);
	stmt_int(q, 3, LIMIT);
	sqlite3_bind_pointer(q->q, 4, &scoring, SCORING_POINTER, NULL);
	out->n = 0;
	while (stmt_step(q, &world_err) == 1) {
		out->hits[out->n++] = (struct fts_hit){col_int(q, 0), col_real(q, 1), 0};
	}
	stmt_null(q, 2);
	stmt_null(q, 4);
	buf_finish(&match);
}

static int64_t count_by_hand(struct world *w, struct db *db, const char *term)
{
	struct stmt *q = fts_statement(db, w->workspace_n, FTS_DF, &world_err);
	int64_t n = 0;

	stmt_text(q, 1, term);
	if (stmt_step(q, &world_err) == 1) {
		n = col_int(q, 0);
	}
	stmt_reset(q);
	return n;
}

static void compare(struct world *w, struct db *db, const struct allowed *allowed, unsigned *seed)
{
	static struct expected expected;
	struct buf text = BUF_INIT;
	struct fts_hit *hits;
	struct query_terms terms;
	struct fts_query q = {.workspace_n = w->workspace_n,
		.language = "xx",
		.allowed = allowed,
		.words_alone = true,
		.limit = rand_r(seed) % 4 ? LIMIT : 10};
	int n, whole, n_words = 1 + rand_r(seed) % 7;

	for (int i = 0; i < n_words; i++) {
		double u = (rand_r(seed) + 1.0) / (RAND_MAX + 2.0);
		int word = (int)(u * u * 510); /* a few that no row has */

		buf_printf(&text, "w%cx%ck ", 'a' + word / 26, 'a' + word % 26);
	}
	q.text = text.data;
	fine(fts_search(db, &w->arena, &q, &hits, &n, &world_err));
	fine(fts_terms(db, &w->arena, &q, &terms, &world_err));
	ask_fts5(w, db, &terms, allowed, &expected);
	for (int i = 0; i < terms.n; i++) {
		int64_t df;

		fine(fts_df(db, w->workspace_n, terms.items[i].text, &df, &world_err));
		assert_int_equal(df, count_by_hand(w, db, terms.items[i].text));
	}
	whole = q.limit < FTS_WHOLE_BELOW ? q.limit : FTS_WHOLE_BELOW;
	if (expected.n < whole) {
		assert_int_equal(n, expected.n);
	} else {
		assert_in_range(n, whole, q.limit);
	}
	for (int i = 0; i < n; i++) {
		if (i < FTS_WHOLE_BELOW) {
			assert_true(fabs(hits[i].score - expected.hits[i].score) < SLACK);
		}
		assert_true(bitmap_has(&allowed->slots, (uint64_t)hits[i].slot));
		assert_true(i == 0 || hits[i - 1].score >= hits[i].score);
	}
	buf_finish(&text);
}

static void compare_many(struct world *w, unsigned *seed)
{
	static const int shares[] = {1, 1, 10, 1000, 0};

	for (size_t k = 0; k < sizeof(shares) / sizeof(shares[0]); k++) {
		struct db *db = reader(w);
		struct allowed allowed = {.refs = 1};

		bitmap_init(&allowed.slots);
		for (uint64_t s = 0; s < 8000; s++) {
			if (shares[k] ? rand_r(seed) % shares[k] == 0 : s == 2345) {
				bitmap_set(&allowed.slots, s);
			}
		}
		allowed.n_allowed = bitmap_count(&allowed.slots);
		for (int i = 0; i < 30; i++) {
			compare(w, db, &allowed, seed);
		}
		bitmap_finish(&allowed.slots);
		store_reader_drop(db);
	}
}

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

/* ── words side by side ── */

static double score_of(const struct fts_hit *hits, int n, int64_t slot)
{
	for (int i = 0; i < n; i++) {
		if (hits[i].slot == slot) {
			return hits[i].score;
		}
	}
	fail_msg("slot %lld is not found", (long long)slot);
	return 0;
}

/* Ten tokens each, every row with both words once: what differs is how they stand. */
static void test_pairs_by_hand(void **state)
{
	static const char *const texts[] = {
		"alpha beta c d e f g h i j",	     /* side by side */
		"alpha b beta d e f g h i j",	     /* near */
		"beta alpha c d e f g h i j",	     /* near, the wrong way round */
		"alpha b c d e f g h i beta",	     /* nine apart */
		"c d alpha beta alpha beta e f g h", /* twice side by side */
	};
	const int n_rows = 5;
	double idf = log(.5 / (n_rows + .5) + 1); /* all rows have either word */
	double norm = 1.2 * (1 - .75 + .75);	  /* all rows are of mean length */
	double once = 2.2 / (1 + norm), twice = 2 * 2.2 / (2 + norm);
	struct world *w = *state;
	struct id c = add_collection(w, "all", "operator");
	struct fts_hit *hits;
	struct asker who;
	struct db *db;
	int n;

	for (int i = 0; i < n_rows; i++) {
		char name[16];

		snprintf(name, sizeof(name), "t%d", i);
		add_document(w, &c, name, "xx", texts[i]);
	}
	db = reader(w);
	who = operator_of(w, db);
	n = search(w, db, &who, "alpha beta", "xx", &hits);
	assert_int_equal(n, n_rows);
	assert_true(fabs(score_of(hits, n, 0) - idf * (2 * once + .45 * once)) < 1e-9);
	assert_true(fabs(score_of(hits, n, 1) - idf * (2 * once + .15 * once)) < 1e-9);
	assert_true(fabs(score_of(hits, n, 2) - idf * (2 * once + .15 * once)) < 1e-9);
	assert_true(fabs(score_of(hits, n, 3) - idf * 2 * once) < 1e-9);
	assert_true(fabs(score_of(hits, n, 4) - idf * (2 * twice + .45 * twice)) < 1e-9);
	assert_int_equal(hits[0].slot, 4);
	assert_int_equal(hits[1].slot, 0);
	assert_int_equal(hits[4].slot, 3);
	/* What stands between them in the question are stopwords; one word makes no pair. */
	n = search(w, db, &who, "alpha of the beta", "en", &hits);
	assert_int_equal(hits[1].slot, 0);
	n = search(w, db, &who, "alpha alpha", "xx", &hits);
	assert_true(fabs(score_of(hits, n, 0) - score_of(hits, n, 3)) < 1e-9);
	store_reader_drop(db);
}

/* Rows of one length, one word of the question in each: what the other word would weigh is missing.
 */
static void test_covering_by_hand(void **state)
{
	static const char *const texts[] = {"alpha c d e", "f beta g h", "alpha i j k", "l m n o"};
	double alpha = log(2.5 / 2.5 + 1), beta = log(3.5 / 1.5 + 1); /* of four rows */
	struct world *w = *state;
	struct id c = add_collection(w, "all", "operator");
	struct fts_hit *hits;
	struct asker who;
	struct db *db;
	int n;

	for (int i = 0; i < 4; i++) {
		char name[16];

		snprintf(name, sizeof(name), "t%d", i);
		add_document(w, &c, name, "xx", texts[i]);
	}
	db = reader(w);
	who = operator_of(w, db);
	n = search(w, db, &who, "alpha beta", "xx", &hits);
	assert_int_equal(n, 3);
	assert_true(fabs(score_of(hits, n, 0) - alpha * (1 - .3 * beta / (alpha + beta))) < 1e-9);
	assert_true(fabs(score_of(hits, n, 1) - beta * (1 - .3 * alpha / (alpha + beta))) < 1e-9);
	/* A word that no row has is missing in none. */
	n = search(w, db, &who, "alpha zeta", "xx", &hits);
	assert_int_equal(n, 2);
	assert_true(fabs(score_of(hits, n, 0) - alpha) < 1e-9);
	store_reader_drop(db);
}

static void test_bigrams_make_no_pairs(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "all", "operator");
	struct fts_hit *hits;
	struct asker who;
	struct db *db;
	int n;

	add_document(w, &c, "a", "zh", "年假规定");
	add_document(w, &c, "b", "zh", "规定。年假");
	db = reader(w);
	who = operator_of(w, db);
	n = search(w, db, &who, "年假规定", "zh", &hits);
	assert_int_equal(n, 2);
	n = search(w, db, &who, "年假，规定", "zh", &hits);
	assert_int_equal(n, 2);
	assert_true(fabs(hits[0].score - hits[1].score) < hits[0].score / 2);
	store_reader_drop(db);
}

/* ── what is remembered ── */

static int64_t frequency(struct world *w, const char *term)
{
	struct db *db = reader(w);
	int64_t df;

	fine(fts_df(db, w->workspace_n, term, &df, &world_err));
	assert_int_equal(df, count_by_hand(w, db, term));
	store_reader_drop(db);
	return df;
}

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
	assert_int_equal(store_write(w->store, tx_rows, &rolled, NULL), ERR_CONFLICT);
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

/* ── forgetting ── */

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

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_as_fts5_finds),
		T(test_pairs_by_hand),
		T(test_covering_by_hand),
		T(test_bigrams_make_no_pairs),
		T(test_frequencies_follow_the_index),
		T(test_forgotten_while_others_write),
		T(test_forgetting_stops),
		T(test_levels_are_taken_down),
		T(test_one_merge_for_many),
		T(test_damaged_pages),
		cmocka_unit_test(test_a_little_growth_is_let_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
