/* Operations: is it alive, is it ready, how is it set. */
#include "chat/routes.h"

#include "chat/backups.h"
#include "chat/usage.h"
#include "index/base/clock.h"
#include "ingest/job.h"
#include "ingest/zygote.h"

/* Operators, over the socket or signed in, are told more. */
static bool is_operator(const struct call *c)
{
	return c->peer_is_operator ||
	       (c->credential.carrier != CARRIER_NONE && c->who.role == ROLE_OPERATOR);
}

/* What they are told beside: counts, no names. */
static int add_counts(struct call *c, json_t *out, struct err *e)
{
	struct server_counts n = server_count(c->app->server);
	const struct id all = {""};
	struct job_counts jobs;
	int rc = job_count(c->db, &all, &jobs, e);

	if (rc != 0) {
		return rc;
	}
	json_object_set_new(out, "http",
		json_pack("{s:I,s:I,s:I,s:I,s:i,s:i}", "requests", (json_int_t)n.requests,
			"connections", (json_int_t)n.connections, "streams", (json_int_t)n.streams,
			"refused", (json_int_t)n.refused, "waiting", pool_depth(c->app->pool),
			"uploadsWaiting", pool_depth(c->app->uploads)));
	json_object_set_new(out, "jobs",
		json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "queued", (json_int_t)jobs.queued, "running",
			(json_int_t)jobs.running, "done", (json_int_t)jobs.done, "failed",
			(json_int_t)jobs.failed, "quarantined", (json_int_t)jobs.quarantined,
			"cancelled", (json_int_t)jobs.cancelled));
	return 0;
}

/* Both of them run on the loop where nobody is named: no database, and nothing that blocks.
 * 200 as long as requests are answered; "degraded" says what does not work, to everybody without
 * the reason. */
int ops_healthz(struct call *c, struct err *e)
{
	const char *sandbox = zygote_state(c->app->zygote);
	json_t *out = json_pack("{s:s}", "status", sandbox ? "degraded" : "ok");
	int rc = 0;

	if (sandbox) {
		json_object_set_new(out, "degraded", json_pack("[s]", "ingestion"));
	}
	if (is_operator(c)) {
		if (sandbox) {
			json_object_set_new(out, "sandbox", json_string(sandbox));
		}
		rc = add_counts(c, out, e);
	}
	if (rc != 0) {
		json_decref(out);
		return rc;
	}
	return call_json(c, 200, out);
}

int ops_readyz(struct call *c, struct err *e)
{
	if (c->app->stopping) {
		return err_set(e, ERR_UNAVAILABLE, "stopping", "The server is stopping.");
	}
	return call_json(c, 200, json_pack("{s:b}", "ready", 1));
}

#define DAY_MS (24 * 3600 * INT64_C(1000))

/* Today counts as one of the days. */
int usage_show(struct call *c, struct err *e)
{
	struct usage *rows;
	json_t *list;
	int64_t days;
	int n;
	int rc = call_query_int(c, "days", 1, 366, 30, &days, e);

	if (rc == 0) {
		rc = usage_list(c->db, &c->arena, &c->who.workspace,
			clock_wall_ms() - (days - 1) * DAY_MS, &rows, &n, e);
	}
	if (rc != 0) {
		return rc;
	}
	list = json_array();
	for (int i = 0; i < n; i++) {
		json_array_append_new(
			list, json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I}", "day", rows[i].day,
				      "userId", rows[i].user.s, "name", rows[i].name, "displayName",
				      rows[i].display_name, "model", rows[i].model, "runs",
				      (json_int_t)rows[i].n_runs, "promptTokens",
				      (json_int_t)rows[i].prompt_tokens, "answerTokens",
				      (json_int_t)rows[i].answer_tokens));
	}
	return call_json(c, 200, json_pack("{s:o}", "rows", list));
}

int backup_order(struct call *c, struct err *e)
{
	static const char *const fields[] = {"folder"};
	const char *folder = NULL;
	int rc = call_fields(c, fields, 1, e);

	rc = rc ? rc : call_text(c, "folder", true, BACKUP_FOLDER_BYTES, &folder, e);
	return rc ? rc : backups_stream(c, folder, e);
}
