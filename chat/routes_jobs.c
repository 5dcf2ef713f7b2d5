/*
 * Work in the background: seen by whoever may read the document it is about (a purge, whose
 * document is gone: by whoever ordered it; a new embedding of everything: by admins), stopped and
 * begun again by whoever may change it.
 */
#include <string.h>

#include "chat/auth.h"
#include "chat/documents.h"
#include "chat/job_watch.h"
#include "chat/routes.h"
#include "ingest/job.h"
#include "ingest/upload.h"
#include "ingest/worker.h"

#define LIST_MAX 200
#define IDS_MAX 100
#define PAGES_MAX 20 /* of the table, looked through for one list */

/* What is, or was, attached to a conversation is not even the operator's to know. */
static bool is_attachment(struct db *db, const struct id *document)
{
	bool attachment;

	return document_is_attachment(db, document, &attachment, NULL) != 0 || attachment;
}

static bool may(struct call *c, struct db *db, const struct job *j, enum right right)
{
	if (!id_equal(&j->workspace, &c->who.workspace)) {
		return false;
	}
	if (c->who.reads_all) {
		return !is_attachment(db, &j->document);
	}
	if (strcmp(j->kind, "reembed") == 0) {
		return c->who.role >= ROLE_ADMIN;
	}
	if (strcmp(j->kind, "purge") == 0) {
		return strcmp(j->created_by, c->who.user.s) == 0;
	}
	return acl_right(db, &c->who, &j->document) >= right;
}

static int find(struct call *c, enum right right, struct job *out, struct err *e)
{
	struct id id;
	int rc = call_id(c, "job", &id, e);

	if (rc == 0) {
		rc = job_lookup(c->db, &c->arena, &id, out, e);
		if (rc == ERR_NOT_FOUND) {
			err_clear(e);
			return err_absent(e);
		}
	}
	return rc == 0 && !may(c, c->db, out, right) ? err_absent(e) : rc;
}

/* One page of the table's rows; those that may be seen are added. `at` moves on, empty at the end.
 */
static int add_page(
	struct call *c, const char *state, int limit, struct id *at, json_t *list, struct err *e)
{
	struct job *rows;
	int n;
	int rc = job_list(c->db, &c->arena, &c->who.workspace, state, at, LIST_MAX, &rows, &n, e);

	if (rc != 0) {
		return rc;
	}
	for (int i = 0; i < n; i++) {
		if ((int)json_array_size(list) == limit) {
			*at = i > 0 ? rows[i - 1].id : *at;
			return 0;
		}
		if (may(c, c->db, &rows[i], RIGHT_READ)) {
			json_array_append_new(list, job_json(c->app, c->db, &c->arena, &rows[i]));
		}
	}
	*at = n == LIST_MAX ? rows[n - 1].id : (struct id){""};
	return 0;
}

/* Those of ?ids=job_a,job_b that may be seen, in that order; the others are as absent. */
static int list_named(struct call *c, const char *ids, struct err *e)
{
	json_t *list = json_array();
	int n = 0, rc = 0;

	for (const char *at = ids; rc == 0 && *at;) {
		size_t length = strcspn(at, ",");
		struct id id = id_parse("job", arena_strn(&c->arena, at, length));
		struct job j;

		at += length + (at[length] == ',');
		if (id_empty(&id) || ++n > IDS_MAX) {
			rc = err_set(e, ERR_INVALID, "bad_parameter",
				"ids must be at most %d ids of jobs, parted by commas.", IDS_MAX);
			break;
		}
		rc = job_lookup(c->db, &c->arena, &id, &j, e);
		if (rc == 0 && may(c, c->db, &j, RIGHT_READ)) {
			json_array_append_new(list, job_json(c->app, c->db, &c->arena, &j));
		} else if (rc == ERR_NOT_FOUND) {
			err_clear(e);
			rc = 0;
		}
	}
	if (rc != 0) {
		json_decref(list);
		return rc;
	}
	return call_json(c, 200, json_pack("{s:o,s:n}", "jobs", list, "next"));
}

int jobs_list(struct call *c, struct err *e)
{
	const char *ids = call_query(c, "ids");
	static const char *const states[] = {
		"queued", "running", "done", "failed", "quarantined", "cancelled"};
	const char *state = call_query(c, "state");
	const char *after = call_query(c, "after");
	struct id at = after ? id_parse("job", after) : (struct id){""};
	bool known = state == NULL;
	json_t *list;
	int64_t limit;
	int rc = call_query_int(c, "limit", 1, LIST_MAX, 50, &limit, e);

	if (rc == 0 && ids) {
		return list_named(c, ids, e);
	}
	for (size_t i = 0; !known && i < sizeof(states) / sizeof(states[0]); i++) {
		known = strcmp(states[i], state) == 0;
	}
	if (rc == 0 && (!known || (after && id_empty(&at)))) {
		rc = err_set(e, ERR_INVALID, "bad_parameter", "%s",
			known ? "after must be the last list's next."
			      : "state must be queued, running, done, failed, quarantined or "
				"cancelled.");
	}
	if (rc != 0) {
		return rc;
	}
	list = json_array();
	for (int i = 0; i < PAGES_MAX && rc == 0; i++) {
		rc = add_page(c, state, (int)limit, &at, list, e);
		if (id_empty(&at) || (int)json_array_size(list) == limit) {
			break;
		}
	}
	if (rc != 0) {
		json_decref(list);
		return rc;
	}
	return call_json(c, 200, json_pack("{s:o,s:o}", "jobs", list, "next", json_id(&at)));
}

int jobs_show(struct call *c, struct err *e)
{
	struct job j;
	int rc = find(c, RIGHT_READ, &j, e);

	return rc == 0 ? call_json(c, 200, job_json(c->app, c->db, &c->arena, &j)) : rc;
}

int jobs_stream(struct call *c, struct err *e)
{
	struct job j;
	int rc = find(c, RIGHT_READ, &j, e);

	if (rc == 0) {
		job_watch_stream(c, &j);
	}
	return rc;
}

/* ── orders ── */

struct order {
	struct call *call;
	const struct job *job;
	int (*change)(struct db *db, const struct id *id, struct err *e);
};

static int order_tx(struct db *db, void *arg, struct err *e)
{
	struct order *o = arg;

	return may(o->call, db, o->job, RIGHT_WRITE) ? o->change(db, &o->job->id, e)
						     : err_absent(e);
}

static int run_order(
	struct call *c, int (*change)(struct db *, const struct id *, struct err *), struct err *e)
{
	struct job j;
	struct order o = {.call = c, .job = &j, .change = change};
	int rc = find(c, RIGHT_WRITE, &j, e);

	if (rc == 0) {
		rc = store_write(c->app->index->store, order_tx, &o, e);
	}
	if (rc == 0) {
		worker_wake(c->app->worker);
		rc = call_renew(c, e);
	}
	if (rc == 0) {
		rc = job_lookup(c->db, &c->arena, &j.id, &j, e);
	}
	return rc == 0 ? call_json(c, 202, job_json(c->app, c->db, &c->arena, &j)) : rc;
}

int jobs_cancel(struct call *c, struct err *e)
{
	return run_order(c, job_cancel, e);
}

int jobs_retry(struct call *c, struct err *e)
{
	return run_order(c, job_retry, e);
}
