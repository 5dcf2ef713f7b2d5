/* How many rows have a term, and what that says: from the posting lists and what is remembered of
 * them, or from FTS5 where those cannot be read (index/fts_postings.h). */
#include <math.h>
#include <sqlite3.h>

#include "index/base/buf.h"
#include "index/base/hash.h"
#include "index/fts_found.h"
#include "index/fts_private.h"
#include "index/sql_functions.h"
#include "index/store_private.h"

/* ── asking FTS5 ── */

/* Among the allowed rows; NULL: among all. */
static int has_by_fts5(struct db *db, int64_t workspace_n, const struct allowed *allowed,
	const char *term, bool *has, struct err *e)
{
	struct err own = ERR_INIT;
	struct stmt *q =
		fts_statement(db, workspace_n, allowed ? FTS_ANY_ALLOWED : FTS_ANY, e ? e : &own);
	struct buf match = BUF_INIT;
	int rc;

	*has = false;
	if (!q) {
		return err_code(e ? e : &own);
	}
	fts_write_term(&match, &(struct query_term){.text = term});
	stmt_text(q, 1, match.data);
	buf_finish(&match);
	if (allowed) {
		sqlite3_bind_pointer(q->q, 2, (void *)&allowed->slots, BITMAP_POINTER, NULL);
	}
	rc = stmt_step(q, e);
	*has = rc == 1;
	stmt_reset(q);
	if (allowed) {
		stmt_null(q, 2);
	}
	return rc < 0 ? rc : 0;
}

/* FTS5 counts by walking the list in its own way, some ten times slower than ours. */
static int count_by_fts5(
	struct db *db, int64_t workspace_n, const char *term, int64_t *df, struct err *e)
{
	struct err own = ERR_INIT;
	struct stmt *q = fts_statement(db, workspace_n, FTS_DF, e ? e : &own);
	int rc;

	*df = 0;
	if (!q) {
		return err_code(e ? e : &own);
	}
	stmt_text(q, 1, term);
	rc = stmt_step(q, e);
	if (rc == 1) {
		*df = col_int(q, 0);
	}
	stmt_reset(q);
	return rc < 0 ? rc : 0;
}

/* SQLite's varint: seven bits a byte, big end first. */
static int64_t first_varint(const uint8_t *p, size_t n_bytes)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n_bytes && i < 8; i++) {
		v = v << 7 | (p[i] & 0x7f);
		if (!(p[i] & 0x80)) {
			break;
		}
	}
	return (int64_t)v;
}

int fts_totals_load(struct db *db, int64_t workspace_n, struct fts_totals *out, struct err *e)
{
	struct err own = ERR_INIT;
	struct stmt *q = fts_statement(db, workspace_n, FTS_TOTAL, e ? e : &own);
	int rc;

	*out = (struct fts_totals){0, 0};
	if (!q) {
		return err_code(e ? e : &own);
	}
	rc = stmt_step(q, e);
	if (rc == 1) {
		size_t n_bytes;
		const uint8_t *p = col_blob(q, 0, &n_bytes);

		*out = (struct fts_totals){first_varint(p, n_bytes), hash64(p, n_bytes)};
	}
	stmt_reset(q);
	return rc < 0 ? rc : 0;
}

/* ── one snapshot ── */

int fts_reading_open(
	struct db *db, struct arena *a, int64_t workspace_n, struct fts_reading *out, struct err *e)
{
	struct fts_found *found = fts_found_keep(db, workspace_n);
	struct fts_totals totals;
	int rc = found && found->index.db ? 1 : 0;

	*out = (struct fts_reading){.db = db, .workspace_n = workspace_n};
	if (found && rc == 0) {
		rc = postings_open(db, &found->arena, workspace_n, &found->index, e);
		found->index.db = rc == 1 ? db : NULL;
	}
	if (rc == 1) {
		out->direct = true;
		out->index = found->index;
		out->index.arena = a;
		out->index.found = found;
		out->memory = fts_cache_lookup(db_part(db, PART_FULL_TEXT), workspace_n);
		out->n_rows = out->index.state.n_rows;
		return 0;
	}
	if (rc == 0) {
		rc = fts_totals_load(db, workspace_n, &totals, e);
		out->n_rows = totals.n_rows;
	}
	return rc;
}

int fts_reading_df(struct fts_reading *r, const char *term, int64_t *df, struct err *e)
{
	struct postings list;
	int rc;

	if (!r->direct) {
		return count_by_fts5(r->db, r->workspace_n, term, df, e);
	}
	if (fts_memory_df(r->memory, &r->index.state, term, df)) {
		return 0;
	}
	rc = postings_find(&r->index, term, &list, e);
	rc = rc ? rc : postings_count(&list, df, e);
	if (rc == 0) {
		fts_memory_keep_df(r->memory, &r->index.state, term, *df);
	}
	return rc;
}

int fts_reading_has(struct fts_reading *r, const struct allowed *allowed, const char *term,
	bool *has, struct err *e)
{
	struct postings list;
	int rc;

	if (!r->direct) {
		return has_by_fts5(r->db, r->workspace_n, allowed, term, has, e);
	}
	*has = false;
	rc = postings_find(&r->index, term, &list, e);
	while (rc == 0 && list.row != INT64_MAX && allowed) {
		uint64_t next = bitmap_next(&allowed->slots, (uint64_t)list.row);

		if (next >= INT64_MAX) {
			return 0;
		}
		if ((int64_t)next == list.row) {
			break;
		}
		rc = postings_seek(&list, (int64_t)next, e);
	}
	*has = rc == 0 && list.row != INT64_MAX;
	return rc;
}

double fts_idf_of(int64_t n_rows, int64_t df)
{
	df = df < n_rows ? df : n_rows;
	return log(((double)(n_rows - df) + .5) / ((double)df + .5) + 1);
}

/* ── for others ── */

int fts_has(struct db *db, int64_t workspace_n, const char *term, bool *has, struct err *e)
{
	struct fts_reading r;
	struct arena a;
	int rc;

	arena_init(&a);
	rc = fts_reading_open(db, &a, workspace_n, &r, e);
	rc = rc ? rc : fts_reading_has(&r, NULL, term, has, e);
	arena_finish(&a);
	return rc;
}

int fts_df(struct db *db, int64_t workspace_n, const char *term, int64_t *df, struct err *e)
{
	struct fts_reading r;
	struct arena a;
	int rc;

	arena_init(&a);
	rc = fts_reading_open(db, &a, workspace_n, &r, e);
	rc = rc ? rc : fts_reading_df(&r, term, df, e);
	arena_finish(&a);
	return rc;
}

int fts_idf(struct db *db, int64_t workspace_n, const struct allowed *allowed,
	const char *const *terms, int n, double *idf, struct err *e)
{
	struct fts_reading r;
	struct arena a;
	int rc;

	arena_init(&a);
	rc = fts_reading_open(db, &a, workspace_n, &r, e);
	for (int i = 0; rc == 0 && i < n; i++) {
		int64_t df = 0;
		bool has = true;

		if (allowed) {
			rc = fts_reading_has(&r, allowed, terms[i], &has, e);
		}
		if (rc == 0 && has) {
			rc = fts_reading_df(&r, terms[i], &df, e);
		}
		idf[i] = fts_idf_of(r.n_rows, df);
	}
	arena_finish(&a);
	return rc;
}
