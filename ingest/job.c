#include "ingest/job_private.h"

#include <string.h>

#include "index/base/buf.h"
#include "index/base/clock.h"

enum {
	Q_ADD,
	Q_LOOKUP,
	Q_LIST,
	Q_LIST_WORKSPACE,
	Q_OF_VERSION,
	Q_OF_VERSIONS,
	Q_SPACE,
	Q_ORDER,
	Q_REEMBEDS,
	Q_COUNT,
	Q_COUNT_WORKSPACE,
};

static const char *const statements[] = {
	[Q_ADD] = "INSERT INTO job(id, workspace_id, kind, document_id, version_id, space_n, state,"
		  " created_by, created_ms, swap, keep)"
		  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'queued', ?7, ?8, ?9, ?10)",
	[Q_LOOKUP] = "SELECT " JOB_COLUMNS " FROM job WHERE id = ?1",
	[Q_LIST] = "SELECT " JOB_COLUMNS " FROM job WHERE id < ?1 AND (?2 IS NULL OR state = ?2)"
		   " ORDER BY id DESC LIMIT ?3",
	[Q_LIST_WORKSPACE] =
		"SELECT " JOB_COLUMNS " FROM job WHERE id < ?1 AND (?2 IS NULL OR state = ?2)"
		" AND workspace_id = ?4 ORDER BY id DESC LIMIT ?3",
	[Q_OF_VERSION] = "SELECT " JOB_COLUMNS " FROM job WHERE version_id = ?1 AND document_id ="
			 " (SELECT document_id FROM document_version WHERE id = ?1)"
			 " ORDER BY id DESC LIMIT 1",
	[Q_OF_VERSIONS] =
		"SELECT " JOB_COLUMNS " FROM job j WHERE document_id IN (SELECT value FROM"
		" json_each(?1)) AND version_id IN (SELECT value FROM json_each(?2))"
		" AND state <> 'done' AND NOT EXISTS (SELECT 1 FROM job x WHERE x.document_id ="
		" j.document_id AND x.version_id = j.version_id AND x.id > j.id)",
	[Q_SPACE] = "UPDATE job SET space_n = ?2 WHERE id = ?1",
	[Q_ORDER] = "UPDATE job SET swap = ?2, keep = ?3 WHERE id = ?1",
	[Q_REEMBEDS] = "SELECT " JOB_COLUMNS " FROM job WHERE state IN ('queued', 'running')"
		       " AND kind = 'reembed' AND workspace_id = ?1 ORDER BY id LIMIT ?2",
	[Q_COUNT] = "SELECT state, count(*) FROM job GROUP BY state",
	[Q_COUNT_WORKSPACE] =
		"SELECT state, count(*) FROM job WHERE workspace_id = ?1 GROUP BY state",
};
SQL_TABLE(table, "ingest/job", statements);

/* The largest id there can be. */
static const char *const AFTER_ALL = "~";

/* The row of a statement that selects JOB_COLUMNS, in the arena. */
static void read_job(struct stmt *q, struct arena *a, struct job *j)
{
	*j = (struct job){
		.id = col_id(q, 0),
		.workspace = col_id(q, 1),
		.kind = arena_str(a, col_text(q, 2)),
		.document = col_id(q, 3),
		.version = col_id(q, 4),
		.space_n = col_int(q, 5),
		.state = arena_str(a, col_text(q, 6)),
		.step = (int)col_int(q, 7),
		.tries = (int)col_int(q, 8),
		.interrupted = (int)col_int(q, 9),
		.not_before_ms = col_int(q, 10),
		.lease_until_ms = col_int(q, 11),
		.cancel_ms = col_int(q, 12),
		.done_units = col_int(q, 13),
		.total_units = col_int(q, 14),
		.reason = arena_str(a, col_text(q, 15)),
		.message = arena_str(a, col_text(q, 16)),
		.created_by = arena_str(a, col_text(q, 17)),
		.created_ms = col_int(q, 18),
		.started_ms = col_int(q, 19),
		.finished_ms = col_int(q, 20),
		.swap = (enum job_swap)col_int(q, 21),
		.keep = col_int(q, 22) != 0,
	};
}

int job_take_row(struct stmt *q, struct arena *a, struct job *out, struct err *e)
{
	int rc = stmt_step(q, e);

	if (rc == 1) {
		read_job(q, a, out);
		stmt_reset(q);
	}
	return rc;
}

static int not_found(struct err *e)
{
	return err_set(e, ERR_NOT_FOUND, "not_found", "there is no such job");
}

/* ── making and reading ── */

int job_create(struct db *db, const struct job_new *j, struct id *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_ADD);

	*out = id_create("job");
	stmt_id(q, 1, out);
	stmt_id(q, 2, &j->workspace);
	stmt_text(q, 3, j->kind);
	stmt_id(q, 4, &j->document);
	stmt_id(q, 5, &j->version);
	if (j->space_n) {
		stmt_int(q, 6, j->space_n);
	} else {
		stmt_null(q, 6);
	}
	stmt_text(q, 7, j->created_by);
	stmt_int(q, 8, clock_wall_ms());
	stmt_int(q, 9, (int64_t)j->swap);
	stmt_int(q, 10, j->keep);
	return stmt_run(q, e);
}

int job_lookup(struct db *db, struct arena *a, const struct id *id, struct job *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_LOOKUP);
	int rc;

	stmt_id(q, 1, id);
	rc = job_take_row(q, a, out, e);
	return rc == 0 ? not_found(e) : rc < 0 ? rc : 0;
}

int job_of_version(
	struct db *db, struct arena *a, const struct id *version, struct job *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_OF_VERSION);
	int rc;

	stmt_id(q, 1, version);
	rc = job_take_row(q, a, out, e);
	return rc == 0 ? not_found(e) : rc < 0 ? rc : 0;
}

int job_list(struct db *db, struct arena *a, const struct id *workspace, const char *state,
	const struct id *before, int limit, struct job **out, int *n, struct err *e)
{
	bool all = !workspace || id_empty(workspace);
	struct stmt *q = db_stmt(db, &table, all ? Q_LIST : Q_LIST_WORKSPACE);
	int rc;

	ASSERT(limit > 0 && limit <= 100000);
	stmt_text(q, 1, !before || id_empty(before) ? AFTER_ALL : before->s);
	stmt_text(q, 2, state);
	stmt_int(q, 3, limit);
	if (!all) {
		stmt_id(q, 4, workspace);
	}
	*out = arena_array(a, struct job, (size_t)limit);
	*n = 0;
	while ((rc = stmt_step(q, e)) == 1) {
		read_job(q, a, &(*out)[(*n)++]);
	}
	return rc;
}

static void bind_ids(struct stmt *q, int i, const struct id *ids, int n)
{
	struct buf json = BUF_INIT;

	buf_char(&json, '[');
	for (int k = 0; k < n; k++) {
		buf_printf(&json, "%s\"%s\"", k ? "," : "", ids[k].s);
	}
	buf_char(&json, ']');
	stmt_text(q, i, json.data);
	buf_finish(&json);
}

int job_of_versions(struct db *db, struct arena *a, const struct id *documents,
	const struct id *versions, int n_versions, struct job **out, int *n, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_OF_VERSIONS);
	int rc;

	bind_ids(q, 1, documents, n_versions);
	bind_ids(q, 2, versions, n_versions);
	*out = arena_array(a, struct job, (size_t)n_versions + 1);
	*n = 0;
	while ((rc = stmt_step(q, e)) == 1) {
		ASSERT(*n < n_versions);
		read_job(q, a, &(*out)[(*n)++]);
	}
	return rc;
}

int job_count(struct db *db, const struct id *workspace, struct job_counts *out, struct err *e)
{
	bool all = !workspace || id_empty(workspace);
	struct stmt *q = db_stmt(db, &table, all ? Q_COUNT : Q_COUNT_WORKSPACE);
	const struct {
		const char *state;
		int64_t *n;
	} rows[] = {{"queued", &out->queued}, {"running", &out->running}, {"done", &out->done},
		{"failed", &out->failed}, {"quarantined", &out->quarantined},
		{"cancelled", &out->cancelled}};
	int rc;

	memset(out, 0, sizeof(*out));
	if (!all) {
		stmt_id(q, 1, workspace);
	}
	while ((rc = stmt_step(q, e)) == 1) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			if (strcmp(rows[i].state, col_text(q, 0)) == 0) {
				*rows[i].n = col_int(q, 1);
			}
		}
	}
	return rc;
}

/* ── orders ── */

int job_space(struct db *db, const struct id *id, int64_t space_n, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_SPACE);

	stmt_id(q, 1, id);
	stmt_int(q, 2, space_n);
	return stmt_run(q, e);
}

int job_order(struct db *db, const struct id *id, enum job_swap swap, bool keep, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_ORDER);

	stmt_id(q, 1, id);
	stmt_int(q, 2, (int64_t)swap);
	stmt_int(q, 3, keep);
	return stmt_run(q, e);
}

int job_open_reembeds(struct db *db, struct arena *a, const struct id *workspace, struct job **out,
	int *n, struct err *e)
{
	enum { MANY = 32 }; /* there is one, or one and its successor */
	struct stmt *q = db_stmt(db, &table, Q_REEMBEDS);
	int rc;

	stmt_id(q, 1, workspace);
	stmt_int(q, 2, MANY);
	*out = arena_array(a, struct job, MANY);
	*n = 0;
	while ((rc = stmt_step(q, e)) == 1) {
		read_job(q, a, &(*out)[(*n)++]);
	}
	return rc;
}
