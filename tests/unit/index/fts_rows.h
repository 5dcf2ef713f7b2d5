/* A full-text index of random rows, and what FTS5 itself says of it. */
#ifndef TESTS_UNIT_INDEX_FTS_ROWS_H
#define TESTS_UNIT_INDEX_FTS_ROWS_H

#include "tests/unit/index/world.h"

#include <math.h>
#include <sqlite3.h>

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

static UNUSED void write_row(struct buf *out, int64_t slot, unsigned seed)
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

static UNUSED int tx_change(struct db *db, void *arg, struct err *e)
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

static UNUSED void change(struct world *w, struct rows r)
{
	r.workspace_n = r.workspace_n ? r.workspace_n : w->workspace_n;
	err_clear(&world_err);
	fine(store_write(w->store, tx_change, &r, &world_err));
}

static UNUSED int tx_command(struct db *db, void *arg, struct err *e)
{
	return db_exec(db, arg, e);
}

static UNUSED void command(struct world *w, const char *text)
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

static UNUSED void ask_fts5(struct world *w, struct db *db, const struct query_terms *terms,
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

static UNUSED int64_t count_by_fts5(struct world *w, struct db *db, const char *term)
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

static UNUSED void compare(
	struct world *w, struct db *db, const struct allowed *allowed, unsigned *seed)
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
		assert_int_equal(df, count_by_fts5(w, db, terms.items[i].text));
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

static UNUSED void compare_many(struct world *w, unsigned *seed)
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

static UNUSED int64_t frequency(struct world *w, const char *term)
{
	struct db *db = reader(w);
	int64_t df;

	fine(fts_df(db, w->workspace_n, term, &df, &world_err));
	assert_int_equal(df, count_by_fts5(w, db, term));
	store_reader_drop(db);
	return df;
}

#endif
