/* jobs: work in the background, seen and steered. */
#include <stdio.h>
#include <string.h>

#include "chat/cli/client.h"
#include "chat/cli/cmd.h"
#include "chat/cli/progress.h"
#include "chat/cli/term.h"

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
