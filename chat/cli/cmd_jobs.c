/* jobs, reindex: work in the background, seen and steered. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "chat/cli/client.h"
#include "chat/cli/cmd.h"
#include "chat/cli/names.h"
#include "chat/cli/progress.h"
#include "chat/cli/term.h"

#define POLL_MS 250

static const struct column job_columns[] = {
	{"ID", "id", AS_TEXT, STAYS},
	{"KIND", "kind", AS_TEXT, STAYS},
	{"STATE", "state", AS_TEXT, STAYS},
	{"STAGE", "stage", AS_TEXT, STAYS},
	{"WHAT", "documentName", AS_TEXT, SHRINKS},
	{"WHY", "message", AS_TEXT, WRAPS},
};

static const struct column job_facts[] = {
	{"id", "id", AS_TEXT, STAYS},
	{"kind", "kind", AS_TEXT, STAYS},
	{"state", "state", AS_TEXT, STAYS},
	{"stage", "stage", AS_TEXT, STAYS},
	{"done", "done", AS_TEXT, STAYS},
	{"of", "total", AS_TEXT, STAYS},
	{"tries", "tries", AS_TEXT, STAYS},
	{"document", "documentId", AS_TEXT, STAYS},
	{"name", "documentName", AS_TEXT, STAYS},
	{"reason", "reason", AS_TEXT, STAYS},
	{"message", "message", AS_TEXT, STAYS},
	{"made", "createdMs", AS_TIME, STAYS},
	{"ended", "finishedMs", AS_TIME, STAYS},
};

static const char *text_of(const json_t *object, const char *field)
{
	const char *text = json_string_value(json_object_get(object, field));

	return text ? text : "";
}

static bool is_open(const json_t *job)
{
	return strcmp(text_of(job, "state"), "queued") == 0 ||
	       strcmp(text_of(job, "state"), "running") == 0;
}

int cmd_jobs_list(struct cli *cli, struct err *e)
{
	const char *state = cli_option(cli, "state");
	json_t *reply = NULL;
	const char *path;
	int64_t limit = 0;
	int rc = args_number(&cli->args, "limit", 1, 200, 50, &limit, e);

	if (rc != 0) {
		return rc;
	}
	path = client_path(cli, "/v1/jobs?limit=%d", (int)limit);
	if (state) {
		path = arena_printf(
			&cli->arena, "%s%s", path, client_path(cli, "&state=%s", state));
	}
	rc = client_read(cli, path, &reply, e);
	if (rc == 0) {
		cli_rows(cli, json_object_get(reply, "jobs"), job_columns, N_COLUMNS(job_columns));
	}
	json_decref(reply);
	return rc;
}

int cmd_jobs_show(struct cli *cli, struct err *e)
{
	json_t *job = NULL;
	int rc = client_read(cli, client_path(cli, "/v1/jobs/%s", cli_word(cli, 0)), &job, e);

	if (rc == 0) {
		cli_object(cli, job, job_facts, N_COLUMNS(job_facts));
	}
	json_decref(job);
	return rc;
}

static int each_job(struct cli *cli, const char *what, const char *done, struct err *e)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < cli->args.n_words; i++) {
		const char *path = client_path(cli, "/v1/jobs/%s/", cli_word(cli, i));
		json_t *job = NULL;

		rc = client_call(
			cli, "POST", arena_printf(&cli->arena, "%s%s", path, what), NULL, &job, e);
		if (rc == 0) {
			json_t *said =
				job ? json_incref(job) : json_pack("{s:s}", "id", cli_word(cli, i));

			cli_said(cli, said, "%s %s", cli_word(cli, i), done);
			json_decref(said);
		}
		json_decref(job);
	}
	return rc;
}

int cmd_jobs_retry(struct cli *cli, struct err *e)
{
	return each_job(cli, "retry", "is queued again", e);
}

int cmd_jobs_cancel(struct cli *cli, struct err *e)
{
	return each_job(cli, "cancel", "is asked to stop", e);
}

/* ── following ── */

struct watched {
	struct cli *cli;
	struct progress bar;
	json_t *last;
};

static bool on_job(void *arg, int64_t id, const char *name, const json_t *data)
{
	struct watched *w = arg;

	(void)id;
	(void)name;
	if (!*text_of(data, "state")) {
		return false;
	}
	json_decref(w->last);
	w->last = json_incref((json_t *)data);
	if (w->cli->json) {
		cli_json(data);
		fflush(stdout);
	} else {
		progress_show(&w->bar, json_integer_value(json_object_get(data, "done")),
			json_integer_value(json_object_get(data, "total")), text_of(data, "stage"));
	}
	return !is_open(data);
}

/* An ended job as an exit status. */
static int verdict(const json_t *job, struct err *e)
{
	const char *state = text_of(job, "state");
	const char *message = text_of(job, "message");

	if (strcmp(state, "done") == 0 || strcmp(state, "cancelled") == 0) {
		return 0;
	}
	return err_set(e, ERR_INTERNAL,
		*text_of(job, "reason") ? text_of(job, "reason") : "job_failed", "the job %s: %s",
		*state ? state : "is gone", *message ? message : "no reason was given");
}

int cmd_jobs_watch(struct cli *cli, struct err *e)
{
	struct watched w = {.cli = cli};
	struct client_events order = {
		.path = client_path(cli, "/v1/jobs/%s/stream", cli_word(cli, 0)),
		.on_event = on_job,
		.arg = &w,
	};
	int rc;

	progress_start(&w.bar, "job", "units", cli->quiet);
	rc = client_events(cli, &order, e);
	progress_end(&w.bar);
	if (rc == 0 && !cli->json) {
		cli_object(cli, w.last, job_facts, N_COLUMNS(job_facts));
	}
	rc = rc ? rc : verdict(w.last, e);
	json_decref(w.last);
	return rc;
}

/* ── reindex ── */

/* The one job of a new embedder. */
static int wait_for_one(struct cli *cli, const char *id, struct err *e)
{
	const char *path = client_path(cli, "/v1/jobs/%s", id);
	struct progress bar;
	json_t *job = NULL;
	int rc = 0;

	progress_start(&bar, "reembed", "chunks", cli->quiet);
	for (;;) {
		struct timespec t = {0, POLL_MS * 1000000L};

		json_decref(job);
		job = NULL;
		rc = client_read(cli, path, &job, e);
		if (rc != 0 || !is_open(job)) {
			break;
		}
		progress_show(&bar, json_integer_value(json_object_get(job, "done")),
			json_integer_value(json_object_get(job, "total")), text_of(job, "stage"));
		nanosleep(&t, NULL);
	}
	progress_end(&bar);
	rc = rc ? rc : verdict(job, e);
	json_decref(job);
	return rc;
}

/* How many reindex jobs of the workspace are open; *first: one that runs, for its stage. */
static int count_open(struct cli *cli, int64_t *n, char stage[64], struct err *e)
{
	static const char *const paths[] = {"/v1/jobs?state=running", "/v1/jobs?state=queued"};
	int rc = 0;

	*n = 0;
	stage[0] = '\0';
	for (int i = 0; rc == 0 && i < 2; i++) {
		json_t *rows = NULL;
		const json_t *job;
		size_t k;

		rc = client_list(cli, paths[i], "jobs", &rows, e);
		json_array_foreach(rows, k, job)
		{
			if (strcmp(text_of(job, "kind"), "reindex") == 0) {
				(*n)++;
				if (i == 0) {
					snprintf(stage, 64, "%s %s", text_of(job, "stage"),
						text_of(job, "documentName"));
				}
			}
		}
		json_decref(rows);
	}
	return rc;
}

/* *total: in, how many were ordered; OUT how many were waited for: those that an earlier,
 * interrupted order left as well. */
static int wait_for_all(struct cli *cli, int64_t *total, struct err *e)
{
	struct progress bar;
	int64_t n_open = 0;
	int rc;

	progress_start(&bar, "reindex", "documents", cli->quiet);
	for (;;) {
		struct timespec t = {0, POLL_MS * 1000000L};
		char stage[64];

		rc = count_open(cli, &n_open, stage, e);
		if (rc != 0 || n_open == 0) {
			break;
		}
		*total = n_open > *total ? n_open : *total;
		progress_show(&bar, *total - n_open, *total, stage);
		nanosleep(&t, NULL);
	}
	progress_end(&bar);
	return rc;
}

static int order_reindex(struct cli *cli, json_t **reply, struct err *e)
{
	const char *collection = cli_option(cli, "collection");
	const char *embedder = cli_option(cli, "embedder");
	json_t *body = json_pack("{s:b}", "all", args_has(&cli->args, "all"));
	int rc = 0;

	if (embedder) {
		/* For a server inside this process. */
		rc = settings_set(&cli->settings, "embedder", embedder, "--embedder", e);
		json_object_set_new(body, "embedder", json_string(embedder));
	}
	if (rc == 0 && collection) {
		const char *id = NULL;

		rc = collection_named(cli, collection, &id, e);
		json_object_set_new(body, "collection", json_string(id ? id : ""));
	}
	if (rc != 0) {
		json_decref(body);
		return rc;
	}
	return client_call(cli, "POST", "/v1/reindex", body, reply, e);
}

int cmd_reindex(struct cli *cli, struct err *e)
{
	json_t *reply = NULL;
	const char *job;
	int64_t n;
	int rc = order_reindex(cli, &reply, e);
	bool wait = !args_has(&cli->args, "no-wait") || client_is_inside(cli);

	if (rc != 0) {
		return rc;
	}
	job = arena_str(&cli->arena, json_string_value(json_object_get(reply, "jobId")));
	n = json_integer_value(json_object_get(reply, "jobs"));
	if (wait) {
		rc = job ? wait_for_one(cli, job, e) : wait_for_all(cli, &n, e);
	}
	if (rc == 0) {
		if (job) {
			cli_said(cli, reply, "the new vectors %s",
				wait ? "serve" : "are being made");
		} else {
			cli_said(cli, reply, "%s %" PRId64 " documents",
				wait ? "reindexed" : "queued", n);
		}
	}
	json_decref(reply);
	return rc;
}
