/*
 * The life of a job: who works on it, for how long, and how it ends. Rows and lists are
 * ingest/job.c's.
 */
#include <string.h>

#include "index/base/clock.h"
#include "index/catalog.h"
#include "ingest/job_private.h"

enum {
	Q_USERS,
	Q_NEXT_OF_USER,
	Q_NEXT_MS,
	Q_EXPIRED,
	Q_RUNNING,
	Q_OPEN_PURGES,
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
};

static const char *const statements[] = {
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
	[Q_NEXT_OF_USER] =
		"SELECT " JOB_COLUMNS " FROM job WHERE state = 'queued' AND created_by = ?1"
		" AND not_before_ms <= ?2 ORDER BY created_ms, id LIMIT 1",
	[Q_NEXT_MS] = "SELECT min(not_before_ms) FROM job WHERE state = 'queued'",
	[Q_EXPIRED] =
		"SELECT " JOB_COLUMNS " FROM job WHERE state = 'running' AND lease_until_ms < ?1"
		" LIMIT 1",
	[Q_RUNNING] = "SELECT " JOB_COLUMNS " FROM job WHERE state = 'running' LIMIT 1",
	[Q_OPEN_PURGES] = "SELECT id FROM job WHERE state IN ('queued', 'running')"
			  " AND kind = 'purge' AND step = 0 ORDER BY id",
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
	[Q_QUEUED_OF_DOCUMENT] = "SELECT " JOB_COLUMNS " FROM job WHERE document_id = ?1"
				 " AND kind != 'purge' AND state = 'queued' LIMIT 1",
	[Q_RETRY] = "UPDATE job SET state = 'queued', step = 0, tries = 0, interrupted = 0,"
		    " not_before_ms = 0, cancel_ms = NULL, reason = NULL, message = NULL,"
		    " finished_ms = NULL, done_units = 0, total_units = 0 WHERE id = ?1",
};
SQL_TABLE(table, "ingest/job_lease", statements);

#define WAIT_MS_MAX 3600000

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
		rc = job_take_row(q, &a, &j, e);
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
		found = job_take_row(q, a, out, e);
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

static int take(struct db *db, struct arena *a, const char *owner, int64_t now_ms, struct job *out,
	struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_LEASE);
	int rc;

	out->state = arena_str(a, "running");
	out->tries++;
	out->started_ms = now_ms;
	out->lease_until_ms = now_ms + JOB_LEASE_MS;
	stmt_id(q, 1, &out->id);
	stmt_text(q, 2, owner);
	stmt_int(q, 3, out->lease_until_ms);
	stmt_int(q, 4, now_ms);
	rc = stmt_run(q, e);
	return rc < 0 ? rc : version_follows(db, out, "ingesting", NULL, NULL, e);
}

static int lease(struct db *db, struct arena *a, const char *owner, bool idle, struct job *out,
	int64_t *next_ms, struct err *e)
{
	int64_t now_ms = clock_wall_ms();
	int rc = let_go_each(db, Q_EXPIRED, now_ms, e);

	*next_ms = 0;
	if (rc == 0) {
		rc = next_ready(db, a, now_ms, idle, out, e);
		if (rc == 0) {
			return next_time(db, next_ms, e);
		}
	}
	return rc < 0 ? rc : take(db, a, owner, now_ms, out, e);
}

int job_open_purges(struct db *db, struct arena *a, struct id **out, int *n, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_OPEN_PURGES);
	int rc, room = 0;

	*n = 0;
	while ((rc = stmt_step(q, e)) == 1) {
		if (*n == room) {
			struct id *more = arena_array(a, struct id, (size_t)(room * 2 + 16));

			if (room) {
				memcpy(more, *out, (size_t)room * sizeof(*more));
			}
			room = room * 2 + 16;
			*out = more;
		}
		(*out)[(*n)++] = col_id(q, 0);
	}
	return rc;
}

int job_lease_purge(struct db *db, struct arena *a, const char *owner, const struct id *id,
	struct job *out, struct err *e)
{
	int64_t now_ms = clock_wall_ms();
	int rc = let_go_each(db, Q_EXPIRED, now_ms, e);

	rc = rc ? rc : job_lookup(db, a, id, out, e);
	if (rc == 0 && strcmp(out->state, "running") == 0 && out->step == 0) {
		rc = err_set(e, ERR_CONFLICT, "job_runs", "somebody works on the job");
	} else if (rc == 0 && (strcmp(out->state, "queued") != 0 || out->step > 0)) {
		rc = err_set(e, ERR_NOT_FOUND, "no_job", "the job's first step is done");
	}
	return rc ? rc : take(db, a, owner, now_ms, out, e);
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
		rc = job_take_row(q, &a, &j, e);
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
