/* reindex: documents chunked and embedded anew, the vectors there are, and which of them serve. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "chat/cli/client.h"
#include "chat/cli/cmd.h"
#include "chat/cli/names.h"
#include "chat/cli/progress.h"
#include "index/base/clock.h"

#define POLL_MS 250

static const struct column space_columns[] = {
	{"STATE", "state", AS_TEXT, STAYS},
	{"EMBEDDER", "embedder", AS_TEXT, STAYS},
	{"MODEL", "model", AS_TEXT, SHRINKS},
	{"DIM", "dimension", AS_COUNT, STAYS},
	{"VECTORS", "chunks", AS_COUNT, STAYS},
	{"MISSING", "missing", AS_COUNT, STAYS},
	{"DISK", "bytes", AS_BYTES, STAYS},
	{"MADE", "createdMs", AS_TIME, STAYS},
};

static const struct column own_columns[] = {
	{"SAME", "overlap", AS_SCORE, STAYS},
	{"QUESTION", "question", AS_TEXT, SHRINKS},
	{"FIRST NOW", "before.documentName", AS_TEXT, SHRINKS},
	{"FIRST THEN", "after.documentName", AS_TEXT, SHRINKS},
};

static const char *text_of(const json_t *object, const char *field)
{
	const char *text = json_string_value(json_object_get(object, field));

	return text ? text : "";
}

static int64_t number_of(const json_t *object, const char *field)
{
	return json_integer_value(json_object_get(object, field));
}

static bool is_open(const json_t *job)
{
	return strcmp(text_of(job, "state"), "queued") == 0 ||
	       strcmp(text_of(job, "state"), "running") == 0;
}

/* An ended job as an exit status. */
static int verdict(const json_t *job, struct err *e)
{
	const char *state = text_of(job, "state"), *message = text_of(job, "message");

	if (strcmp(state, "done") == 0 || strcmp(state, "cancelled") == 0) {
		return 0;
	}
	return err_set(e, ERR_INTERNAL,
		*text_of(job, "reason") ? text_of(job, "reason") : "job_failed", "the job %s: %s",
		*state ? state : "is gone", *message ? message : "no reason was given");
}

/* ── waiting ── */

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

/* How many reindex jobs of the workspace are open; stage: of one that runs. The queued ones come
 * first: one that begins meanwhile is met twice and not never. */
static int count_open(struct cli *cli, int64_t *n, char stage[64], struct err *e)
{
	static const char *const paths[] = {"/v1/jobs?state=queued", "/v1/jobs?state=running"};
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
				if (i == 1) {
					snprintf(stage, 64, "%s %s", text_of(job, "stage"),
						text_of(job, "documentName"));
				}
			}
		}
		json_decref(rows);
	}
	return rc;
}

/* To list thousands of jobs is work for the server: not more than a tenth of the time. */
static struct timespec pause_after(int64_t took_ms)
{
	int64_t ms = took_ms * 10 > POLL_MS ? took_ms * 10 : POLL_MS;

	return (struct timespec){ms / 1000, ms % 1000 * 1000000};
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
		int64_t begun = clock_mono_ms();
		struct timespec t;
		char stage[64];

		rc = count_open(cli, &n_open, stage, e);
		t = pause_after(clock_mono_ms() - begun);
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

/* ── what is said of it ── */

static const json_t *space_in(const json_t *spaces, const char *state)
{
	const json_t *space;
	size_t i;

	json_array_foreach(spaces, i, space)
	{
		if (strcmp(text_of(space, "state"), state) == 0) {
			return space;
		}
	}
	return NULL;
}

static void say_comparison(const struct cli *cli, const json_t *replay)
{
	const json_t *own = json_object_get(replay, "own");
	int64_t n = number_of(replay, "questions");

	if (n == 0) {
		printf("No question was asked yet: nothing to compare by.\n");
		return;
	}
	printf("%" PRId64 " recent %s asked of both: %.0f %% of the first 10 passages are the "
	       "same,\n%" PRId64 " %s another passage first.\n",
		n, n == 1 ? "question" : "questions",
		json_number_value(json_object_get(replay, "overlap")) * 100,
		number_of(replay, "firstChanged"),
		number_of(replay, "firstChanged") == 1 ? "finds" : "find");
	if (*text_of(replay, "doubtful")) {
		printf("Look before it serves: %s.\n", text_of(replay, "doubtful"));
	}
	if (own) {
		printf("Your own questions:\n");
		cli_rows((struct cli *)cli, own, own_columns, N_COLUMNS(own_columns));
	}
}

static void say_spaces(struct cli *cli, const json_t *reply)
{
	const json_t *spaces = json_object_get(reply, "spaces");
	const json_t *replay = json_object_get(reply, "replay");

	cli_rows(cli, spaces, space_columns, N_COLUMNS(space_columns));
	if (json_is_object(replay)) {
		say_comparison(cli, replay);
	}
	if (space_in(spaces, "waiting")) {
		printf("New vectors wait: `carrel reindex --swap` lets them serve, `--drop` "
		       "removes "
		       "them.\n");
	} else if (space_in(spaces, "kept")) {
		printf("Former vectors are kept: `carrel reindex --back` lets them serve again, "
		       "`--drop` removes them.\n");
	}
}

static int show_spaces(struct cli *cli, struct err *e)
{
	json_t *reply = NULL;
	int rc = client_read(cli,
		args_has(&cli->args, "details") ? "/v1/reindex?details=1" : "/v1/reindex", &reply,
		e);

	if (rc == 0 && cli->json) {
		cli_json(reply);
	} else if (rc == 0) {
		say_spaces(cli, reply);
	}
	json_decref(reply);
	return rc;
}

/* After a new embedder: whether its vectors serve, and what that changes. */
static int say_outcome(struct cli *cli, const json_t *order, struct err *e)
{
	json_t *reply = NULL;
	int rc = client_read(cli,
		args_has(&cli->args, "details") ? "/v1/reindex?details=1" : "/v1/reindex", &reply,
		e);

	if (rc) {
		return rc;
	}
	if (cli->json) {
		json_t *both = json_copy((json_t *)order);

		json_object_set(both, "spaces", json_object_get(reply, "spaces"));
		json_object_set(both, "replay", json_object_get(reply, "replay"));
		cli_json(both);
		json_decref(both);
	} else {
		const json_t *waiting = space_in(json_object_get(reply, "spaces"), "waiting");

		if (!args_has(&cli->args, "swap") && !args_has(&cli->args, "back") &&
			json_is_object(json_object_get(reply, "replay"))) {
			say_comparison(cli, json_object_get(reply, "replay"));
		}
		printf(waiting ? "the new vectors wait: `carrel reindex --swap` lets them serve, "
				 "`--drop` removes them\n"
			       : "the new vectors serve\n");
	}
	json_decref(reply);
	return 0;
}

/* ── the order ── */

static const char *space_order(const struct cli *cli)
{
	static const char *const names[] = {"swap", "drop", "back"};

	for (size_t i = 0; i < 3; i++) {
		if (args_has(&cli->args, names[i])) {
			return names[i];
		}
	}
	return NULL;
}

static int check_options(const struct cli *cli, struct err *e)
{
	const bool embedder = cli_option(cli, "embedder") != NULL;
	const int n = embedder + (cli_option(cli, "collection") || args_has(&cli->args, "all")) +
		      args_has(&cli->args, "swap") + args_has(&cli->args, "drop") +
		      args_has(&cli->args, "back") + args_has(&cli->args, "spaces");

	if (n > 1 && !(n == 2 && embedder && args_has(&cli->args, "all"))) {
		return err_set(e, ERR_INVALID, "bad_usage",
			"--embedder, --swap, --drop, --back and --spaces each stand alone");
	}
	if (!embedder && (args_has(&cli->args, "compare") || args_has(&cli->args, "yes"))) {
		return err_set(e, ERR_INVALID, "bad_usage", "--compare and --yes want --embedder");
	}
	if (args_has(&cli->args, "compare") && args_has(&cli->args, "yes")) {
		return err_set(e, ERR_INVALID, "bad_usage", "either --compare or --yes");
	}
	return 0;
}

static void set_embedder(struct cli *cli, json_t *body, const char *embedder)
{
	const char *swap = args_has(&cli->args, "compare") ? "never"
			   : args_has(&cli->args, "yes")   ? "always"
							   : "checked";

	json_object_set_new(body, "embedder", json_string(embedder));
	json_object_set_new(body, "swap", json_string(swap));
}

static int order_reindex(struct cli *cli, json_t **reply, struct err *e)
{
	const char *collection = cli_option(cli, "collection");
	const char *embedder = cli_option(cli, "embedder");
	const char *space = space_order(cli);
	json_t *body = json_object();
	int rc = 0;

	if (args_has(&cli->args, "keep")) {
		json_object_set_new(body, "keep", json_true());
	}
	if (space) {
		json_object_set_new(body, "space", json_string(space));
	} else {
		json_object_set_new(body, "all", json_boolean(args_has(&cli->args, "all")));
	}
	if (embedder) {
		/* For a server inside this process. */
		rc = settings_set(&cli->settings, "embedder", embedder, "--embedder", e);
		set_embedder(cli, body, embedder);
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

/* What was ordered, once it is done. */
static int finish_order(struct cli *cli, json_t *reply, struct err *e)
{
	const bool wait = !args_has(&cli->args, "no-wait") || client_is_inside(cli);
	const char *job =
		arena_str(&cli->arena, json_string_value(json_object_get(reply, "jobId")));
	int64_t n = number_of(reply, "jobs");
	int rc = 0;

	if (args_has(&cli->args, "drop")) {
		cli_said(cli, reply, "the vectors are dropped");
		return 0;
	}
	if (wait) {
		rc = job ? wait_for_one(cli, job, e) : wait_for_all(cli, &n, e);
	}
	if (rc == 0 && job && wait) {
		rc = say_outcome(cli, reply, e);
	} else if (rc == 0 && job) {
		cli_said(cli, reply, "the new vectors are being made");
	} else if (rc == 0) {
		cli_said(cli, reply, "%s %" PRId64 " documents", wait ? "reindexed" : "queued", n);
	}
	return rc;
}

int cmd_reindex(struct cli *cli, struct err *e)
{
	json_t *reply = NULL;
	int rc = check_options(cli, e);

	if (rc != 0) {
		return rc;
	}
	if (args_has(&cli->args, "spaces")) {
		return show_spaces(cli, e);
	}
	rc = order_reindex(cli, &reply, e);
	if (rc == 0) {
		rc = finish_order(cli, reply, e);
	}
	json_decref(reply);
	return rc;
}
