#include "ingest/job.h"

#include <string.h>

#include "index/base/buf.h"
#include "index/base/clock.h"
#include "index/catalog.h"

#define COLUMNS                                                                                    \
	"id, workspace_id, kind, document_id, version_id, space_n, state, step, tries, "           \
	"interrupted,"                                                                             \
	" not_before_ms, lease_until_ms, cancel_ms, done_units, total_units, reason, message,"     \
	" created_by, created_ms, started_ms, finished_ms, swap, keep"

enum {
	Q_ADD,
	Q_LOOKUP,
	Q_LIST,
	Q_LIST_WORKSPACE,
	Q_OF_VERSION,
	Q_OF_VERSIONS,
	Q_USERS,
	Q_NEXT_OF_USER,
	Q_NEXT_MS,
	Q_EXPIRED,
	Q_RUNNING,
	Q_LEASE,
	Q_HOLDS,
	Q_RENEW,
	Q_STEP,
	Q_REQUEUE,
	Q_RELEASE,
	Q_FINISH,
	Q_ASK_CANCEL,
	Q_ASK_DOCUMENT,
	Q_QUEUED_OF_DOCUMENT,
	Q_RETRY,
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
	[Q_LOOKUP] = "SELECT " COLUMNS " FROM job WHERE id = ?1",
	[Q_LIST] = "SELECT " COLUMNS " FROM job WHERE id < ?1 AND (?2 IS NULL OR state = ?2)"
		   " ORDER BY id DESC LIMIT ?3",
	[Q_LIST_WORKSPACE] =
		"SELECT " COLUMNS " FROM job WHERE id < ?1 AND (?2 IS NULL OR state = ?2)"
		" AND workspace_id = ?4 ORDER BY id DESC LIMIT ?3",
	[Q_OF_VERSION] = "SELECT " COLUMNS " FROM job WHERE version_id = ?1 AND document_id ="
			 " (SELECT document_id FROM document_version WHERE id = ?1)"
			 " ORDER BY id DESC LIMIT 1",
	[Q_OF_VERSIONS] =
		"SELECT " COLUMNS " FROM job j WHERE document_id IN (SELECT value FROM"
		" json_each(?1)) AND version_id IN (SELECT value FROM json_each(?2))"
		" AND state <> 'done' AND NOT EXISTS (SELECT 1 FROM job x WHERE x.document_id ="
		" j.document_id AND x.version_id = j.version_id AND x.id > j.id)",
	/* Hops from user to user in job_user instead of reading every queued row. */
	[Q_USERS] =
		"WITH RECURSIVE users(u) AS ("
		" SELECT min(created_by) FROM job WHERE state = 'queued' UNION ALL"
		" SELECT (SELECT min(created_by) FROM job WHERE state = 'queued' AND "
		"created_by > u)"
		" FROM users WHERE u IS NOT NULL)"
		" SELECT u, (SELECT count(*) FROM job WHERE state = 'running' AND created_by = u)"
		" AS n FROM users WHERE u IS NOT NULL AND (n = 0 OR NOT ?1) ORDER BY n,"
		" (SELECT max(started_ms) FROM job WHERE created_by = u),"
		" (SELECT min(created_ms) FROM job WHERE state = 'queued' AND created_by = u)",
	[Q_NEXT_OF_USER] = "SELECT " COLUMNS " FROM job WHERE state = 'queued' AND created_by = ?1"
			   " AND not_before_ms <= ?2 ORDER BY created_ms, id LIMIT 1",
	[Q_NEXT_MS] = "SELECT min(not_before_ms) FROM job WHERE state = 'queued'",
	[Q_EXPIRED] = "SELECT " COLUMNS " FROM job WHERE state = 'running' AND lease_until_ms < ?1"
		      " LIMIT 1",
	[Q_RUNNING] = "SELECT " COLUMNS " FROM job WHERE state = 'running' LIMIT 1",
	[Q_LEASE] = "UPDATE job SET state = 'running', tries = tries + 1, lease_owner = ?2,"
		    " lease_until_ms = ?3, started_ms = ?4, done_units = 0, total_units = 0"
		    " WHERE id = ?1",
	[Q_HOLDS] = "SELECT 1 FROM job WHERE id = ?1 AND lease_owner = ?2 AND state = 'running'",
	[Q_RENEW] =
		"UPDATE job SET lease_until_ms = ?3, done_units = ?4, total_units = ?5"
		" WHERE id = ?1 AND lease_owner = ?2 AND state = 'running' AND cancel_ms IS NULL",
	[Q_STEP] = "UPDATE job SET step = ?2, done_units = 0, total_units = 0, interrupted = 0"
		   " WHERE id = ?1",
	[Q_REQUEUE] = "UPDATE job SET state = 'queued', lease_owner = NULL, lease_until_ms = NULL,"
		      " not_before_ms = ?2, reason = ?3, message = ?4, tries = tries - ?5,"
		      " interrupted = interrupted + ?6 WHERE id = ?1",
	[Q_RELEASE] = "UPDATE job SET state = 'queued', lease_owner = NULL, lease_until_ms = NULL,"
		      " tries = tries - 1 WHERE id = ?1 AND lease_owner = ?2 AND state = 'running'",
	[Q_FINISH] =
		"UPDATE job SET state = ?2, lease_owner = NULL, lease_until_ms = NULL, reason = ?3,"
		" message = ?4, finished_ms = ?5 WHERE id = ?1",
	[Q_ASK_CANCEL] = "UPDATE job SET cancel_ms = coalesce(cancel_ms, ?2) WHERE id = ?1",
	[Q_ASK_DOCUMENT] =
		"UPDATE job SET cancel_ms = coalesce(cancel_ms, ?2) WHERE document_id = ?1"
		" AND kind != 'purge' AND state = 'running'",
	[Q_QUEUED_OF_DOCUMENT] = "SELECT " COLUMNS " FROM job WHERE document_id = ?1"
				 " AND kind != 'purge' AND state = 'queued' LIMIT 1",
	[Q_RETRY] = "UPDATE job SET state = 'queued', step = 0, tries = 0, interrupted = 0,"
		    " not_before_ms = 0, cancel_ms = NULL, reason = NULL, message = NULL,"
		    " finished_ms = NULL, done_units = 0, total_units = 0 WHERE id = ?1",
	[Q_SPACE] = "UPDATE job SET space_n = ?2 WHERE id = ?1",
	[Q_ORDER] = "UPDATE job SET swap = ?2, keep = ?3 WHERE id = ?1",
	[Q_REEMBEDS] = "SELECT " COLUMNS " FROM job WHERE state IN ('queued', 'running')"
		       " AND kind = 'reembed' AND workspace_id = ?1 ORDER BY id LIMIT ?2",
	[Q_COUNT] = "SELECT state, count(*) FROM job GROUP BY state",
	[Q_COUNT_WORKSPACE] =
		"SELECT state, count(*) FROM job WHERE workspace_id = ?1 GROUP BY state",
};
SQL_TABLE(table, "ingest/job", statements);

#define WAIT_MS_MAX 3600000

/* The largest id there can be. */
static const char *const AFTER_ALL = "~";

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

/* 1: there was a row, 0: none. */
static int take_row(struct stmt *q, struct arena *a, struct job *out, struct err *e)
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
	rc = take_row(q, a, out, e);
	return rc == 0 ? not_found(e) : rc < 0 ? rc : 0;
}

int job_of_version(
	struct db *db, struct arena *a, const struct id *version, struct job *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_OF_VERSION);
	int rc;

	stmt_id(q, 1, version);
	rc = take_row(q, a, out, e);
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

/* ── its version goes along ── */

/* Whether it was published (and the process died before the job's end was recorded), or is gone. */
static int settled(struct db *db, const struct id *version, bool *yes, struct err *e)
{
	static const char *const open[] = {"queued", "ingesting", "failed", "cancelled"};
	struct version v;
	struct arena a;
	int rc;

	arena_init(&a);
	rc = version_lookup(db, &a, version, &v, e);
	*yes = true;
	for (size_t i = 0; rc == 0 && i < sizeof(open) / sizeof(open[0]); i++) {
		*yes = *yes && strcmp(v.state, open[i]) != 0;
	}
	arena_finish(&a);
	return rc;
}

static int version_follows(struct db *db, const struct job *j, const char *state,
	const char *reason, const char *message, struct err *e)
{
	bool yes;
	int rc;

	if (strcmp(j->kind, "ingest") != 0 || id_empty(&j->version)) {
		return 0;
	}
	rc = settled(db, &j->version, &yes, e);
	return rc < 0 || yes ? rc : version_state(db, &j->version, state, reason, message, e);
}

static int finish(struct db *db, const struct job *j, const char *state, const char *reason,
	const char *message, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_FINISH);
	bool cancelled = strcmp(state, "cancelled") == 0;
	int rc;

	stmt_id(q, 1, &j->id);
	stmt_text(q, 2, state);
	stmt_text(q, 3, reason);
	stmt_text(q, 4, message);
	stmt_int(q, 5, clock_wall_ms());
	rc = stmt_run(q, e);
	if (rc < 0 || strcmp(state, "done") == 0) {
		return rc; /* the pipeline has published its version */
	}
	return version_follows(db, j, cancelled ? "cancelled" : "failed", reason, message, e);
}

/* ── leases ── */

/* What was deleted has to go: a purge is neither given up nor called off. */
static bool purges(const struct job *j)
{
	return strcmp(j->kind, "purge") == 0;
}

/* Its process died. */
static int let_go(struct db *db, const struct job *j, struct err *e)
{
	struct stmt *q;

	if (j->cancel_ms) {
		return finish(db, j, "cancelled", NULL, NULL, e);
	}
	if (j->interrupted + 1 >= JOB_INTERRUPTED_MAX && !purges(j)) {
		return finish(db, j, "quarantined", "interrupted",
			"the program ended every time it worked on this document: try it again, "
			"and if that "
			"does not help report the document",
			e);
	}
	q = db_stmt(db, &table, Q_REQUEUE);
	stmt_id(q, 1, &j->id);
	stmt_int(q, 2, 0);
	stmt_text(q, 3, j->reason);
	stmt_text(q, 4, j->message);
	stmt_int(q, 5, 1);
	stmt_int(q, 6, 1);
	return stmt_run(q, e);
}

static int let_go_each(struct db *db, int which, int64_t now_ms, struct err *e)
{
	struct arena a;
	struct job j;
	int rc;

	arena_init(&a);
	do {
		struct stmt *q = db_stmt(db, &table, which);

		if (which == Q_EXPIRED) {
			stmt_int(q, 1, now_ms);
		}
		rc = take_row(q, &a, &j, e);
		if (rc == 1) {
			int let = let_go(db, &j, e);

			rc = let < 0 ? let : 1;
		}
	} while (rc == 1);
	arena_finish(&a);
	return rc;
}

int job_release_all(struct db *db, struct err *e)
{
	return let_go_each(db, Q_RUNNING, 0, e);
}

/* 1: found, 0: none is ready. idle: only of users of whom nothing runs. */
static int next_ready(
	struct db *db, struct arena *a, int64_t now_ms, bool idle, struct job *out, struct err *e)
{
	struct stmt *users = db_stmt(db, &table, Q_USERS);
	int rc;

	stmt_int(users, 1, idle);

	while ((rc = stmt_step(users, e)) == 1) {
		struct stmt *q = db_stmt(db, &table, Q_NEXT_OF_USER);
		int found;

		stmt_text(q, 1, col_text(users, 0));
		stmt_int(q, 2, now_ms);
		found = take_row(q, a, out, e);
		if (found != 0) {
			stmt_reset(users);
			return found;
		}
	}
	return rc;
}

static int next_time(struct db *db, int64_t *next_ms, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_NEXT_MS);
	int rc = stmt_step(q, e);

	if (rc == 1) {
		*next_ms = col_int(q, 0);
		stmt_reset(q);
	}
	return rc < 0 ? rc : err_set(e, ERR_NOT_FOUND, "no_job", "no job is ready");
}

static int lease(struct db *db, struct arena *a, const char *owner, bool idle, struct job *out,
	int64_t *next_ms, struct err *e)
{
	int64_t now_ms = clock_wall_ms();
	struct stmt *q;
	int rc = let_go_each(db, Q_EXPIRED, now_ms, e);

	*next_ms = 0;
	if (rc == 0) {
		rc = next_ready(db, a, now_ms, idle, out, e);
		if (rc == 0) {
			return next_time(db, next_ms, e);
		}
	}
	if (rc < 0) {
		return rc;
	}
	out->state = arena_str(a, "running");
	out->tries++;
	out->started_ms = now_ms;
	out->lease_until_ms = now_ms + JOB_LEASE_MS;
	q = db_stmt(db, &table, Q_LEASE);
	stmt_id(q, 1, &out->id);
	stmt_text(q, 2, owner);
	stmt_int(q, 3, out->lease_until_ms);
	stmt_int(q, 4, now_ms);
	rc = stmt_run(q, e);
	return rc < 0 ? rc : version_follows(db, out, "ingesting", NULL, NULL, e);
}

int job_lease(struct db *db, struct arena *a, const char *owner, struct job *out, int64_t *next_ms,
	struct err *e)
{
	return lease(db, a, owner, false, out, next_ms, e);
}

int job_lease_idle(struct db *db, struct arena *a, const char *owner, struct job *out,
	int64_t *next_ms, struct err *e)
{
	return lease(db, a, owner, true, out, next_ms, e);
}

int job_renew(struct db *db, const struct id *id, const char *owner, int64_t done, int64_t total,
	struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_RENEW);
	int rc;

	stmt_id(q, 1, id);
	stmt_text(q, 2, owner);
	stmt_int(q, 3, clock_wall_ms() + JOB_LEASE_MS);
	stmt_int(q, 4, done);
	stmt_int(q, 5, total);
	rc = stmt_run(q, e);
	if (rc == 0 && db_changes(db) == 0) {
		return err_set(e, ERR_CANCELLED, "cancelled", "the job was cancelled");
	}
	return rc;
}

int job_step(struct db *db, const struct id *id, int step, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_STEP);

	stmt_id(q, 1, id);
	stmt_int(q, 2, step);
	return stmt_run(q, e);
}

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

int job_release(struct db *db, const struct id *id, const char *owner, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_RELEASE);

	stmt_id(q, 1, id);
	stmt_text(q, 2, owner);
	return stmt_run(q, e);
}

/* ── ends ── */

static bool worth_retrying(int code)
{
	return code != ERR_UNPROCESSABLE && code != ERR_TOO_LARGE && code != ERR_UNSUPPORTED &&
	       code != ERR_INVALID;
}

static int holds(struct db *db, const struct id *id, const char *owner, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_HOLDS);
	int rc;

	stmt_id(q, 1, id);
	stmt_text(q, 2, owner);
	rc = stmt_step(q, e);
	stmt_reset(q);
	return rc == 0	? err_set(e, ERR_CONFLICT, "lease_lost",
				  "the job was taken by another worker")
	       : rc < 0 ? rc
			: 0;
}

static int retry_later(
	struct db *db, const struct job *j, const struct err *why, int64_t retry_ms, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_REQUEUE);
	int doublings = j->tries < 1 ? 0 : j->tries > 12 ? 11 : j->tries - 1;
	int64_t wait_ms = retry_ms << doublings;
	int rc;

	wait_ms = wait_ms > WAIT_MS_MAX ? WAIT_MS_MAX : wait_ms;
	stmt_id(q, 1, &j->id);
	stmt_int(q, 2, clock_wall_ms() + wait_ms);
	stmt_text(q, 3, why->reason);
	stmt_text(q, 4, why->message);
	stmt_int(q, 5, 0);
	stmt_int(q, 6, 0);
	rc = stmt_run(q, e);
	return rc < 0 ? rc : version_follows(db, j, "queued", why->reason, why->message, e);
}

static int end_running(struct db *db, const struct job *j, const struct err *why, int64_t retry_ms,
	bool *final, struct err *e)
{
	*final = true;
	if (!why) {
		return finish(db, j, "done", NULL, NULL, e);
	}
	if (!purges(j) && (why->code == ERR_CANCELLED || j->cancel_ms)) {
		return finish(db, j, "cancelled", NULL, NULL, e);
	}
	if (purges(j)) {
		*final = false;
		return retry_later(db, j, why, retry_ms, e);
	}
	if (!worth_retrying(why->code)) {
		return finish(db, j, "failed", why->reason, why->message, e);
	}
	if (j->tries >= JOB_TRIES_MAX) {
		return finish(db, j, "quarantined", why->reason, why->message, e);
	}
	*final = false;
	return retry_later(db, j, why, retry_ms, e);
}

int job_end(struct db *db, const struct id *id, const char *owner, const struct err *why,
	int64_t retry_ms, bool *final, struct err *e)
{
	struct arena a;
	struct job j;
	int rc = holds(db, id, owner, e);

	arena_init(&a);
	if (rc == 0) {
		rc = job_lookup(db, &a, id, &j, e);
	}
	if (rc == 0) {
		rc = end_running(db, &j, why, retry_ms, final, e);
	}
	arena_finish(&a);
	return rc;
}

static int ask_cancel(struct db *db, const struct job *j, struct err *e)
{
	struct stmt *q;

	if (purges(j)) {
		return err_set(e, ERR_CONFLICT, "purge_goes_on",
			"what was deleted is removed: that cannot be cancelled");
	}
	if (strcmp(j->state, "queued") == 0) {
		return finish(db, j, "cancelled", NULL, NULL, e);
	}
	if (strcmp(j->state, "running") != 0) {
		return 0;
	}
	q = db_stmt(db, &table, Q_ASK_CANCEL);
	stmt_id(q, 1, &j->id);
	stmt_int(q, 2, clock_wall_ms());
	return stmt_run(q, e);
}

int job_cancel(struct db *db, const struct id *id, struct err *e)
{
	struct arena a;
	struct job j;
	int rc;

	arena_init(&a);
	rc = job_lookup(db, &a, id, &j, e);
	if (rc == 0) {
		rc = ask_cancel(db, &j, e);
	}
	arena_finish(&a);
	return rc;
}

int job_cancel_document(struct db *db, const struct id *document, struct err *e)
{
	struct arena a;
	struct job j;
	struct stmt *q;
	int rc;

	arena_init(&a);
	do {
		q = db_stmt(db, &table, Q_QUEUED_OF_DOCUMENT);
		stmt_id(q, 1, document);
		rc = take_row(q, &a, &j, e);
		if (rc == 1) {
			int ended = finish(db, &j, "cancelled", NULL, NULL, e);

			rc = ended < 0 ? ended : 1;
		}
	} while (rc == 1);
	arena_finish(&a);
	if (rc < 0) {
		return rc;
	}
	q = db_stmt(db, &table, Q_ASK_DOCUMENT);
	stmt_id(q, 1, document);
	stmt_int(q, 2, clock_wall_ms());
	return stmt_run(q, e);
}

int job_retry(struct db *db, const struct id *id, struct err *e)
{
	struct arena a;
	struct job j;
	int rc;

	arena_init(&a);
	rc = job_lookup(db, &a, id, &j, e);
	if (rc == 0 && strcmp(j.state, "failed") != 0 && strcmp(j.state, "quarantined") != 0 &&
		strcmp(j.state, "cancelled") != 0) {
		rc = err_set(e, ERR_CONFLICT, "job_not_ended",
			"only a failed, quarantined or cancelled job can be tried again, this one "
			"is %s",
			j.state);
	}
	if (rc == 0) {
		struct stmt *q = db_stmt(db, &table, Q_RETRY);

		stmt_id(q, 1, id);
		rc = stmt_run(q, e);
	}
	if (rc == 0) {
		rc = version_follows(db, &j, "queued", NULL, NULL, e);
	}
	arena_finish(&a);
	return rc;
}
