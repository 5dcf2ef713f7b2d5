/*
 * ingest: files and folders into a collection.
 *
 *   walk the paths -> skip what is there already -> send the others -> wait for their jobs
 *   -> the table
 *
 * Interrupted anywhere it is simply run again: what was sent is known by its hash, and jobs that
 * were made go on in the server (or with the next command).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "chat/cli/client.h"
#include "chat/cli/cmd.h"
#include "chat/cli/known.h"
#include "chat/cli/names.h"
#include "chat/cli/progress.h"
#include "chat/cli/term.h"
#include "chat/cli/walk.h"
#include "index/base/clock.h"

#define POLL_MS 150
#define POLL_WINDOW 6 /* jobs asked after at a time: they end about in the order they were made */

enum outcome { OPEN, SENT, DONE, SKIPPED, FAILED };
static const char *const outcome_names[] = {
	[OPEN] = "not sent",
	[SENT] = "unfinished",
	[DONE] = "done",
	[SKIPPED] = "skipped",
	[FAILED] = "failed",
};

struct item {
	const struct walk_file *file;
	enum outcome outcome;
	const char *document, *job;
	const char *reason, *why;
	int64_t n_pages, n_parts, n_parts_failed;
};

struct batch {
	struct cli *cli;
	const char *collection;
	struct known known;
	struct walk walk;
	struct item *items;
	int n;
	int n_ended;
	int first_sent; /* no item before it has a job under way */
	int64_t n_pages;
	struct progress bar;
	char stage[200]; /* what is shown beside the bar */
};

/* ── ends of an item ── */

static void end_item(
	struct batch *b, struct item *it, enum outcome outcome, const char *reason, const char *why)
{
	it->outcome = outcome;
	it->reason = arena_str(&b->cli->arena, reason);
	it->why = arena_str(&b->cli->arena, why);
	b->n_ended++;
	b->n_pages += it->n_pages;
	if (outcome == FAILED) {
		progress_say(&b->bar, arena_printf(&b->cli->arena, "failed: %s: %s", it->file->name,
					      why ? why : reason));
	}
}

static void show(struct batch *b)
{
	char detail[256];

	snprintf(detail, sizeof(detail), "%" PRId64 " pages  %s", b->n_pages, b->stage);
	progress_show(&b->bar, b->n_ended, b->n, b->n_pages > 0 ? detail : b->stage);
}

/* ── before ── */

/* The collection of that name, made (with the list of --acl) if there is none. */
static int find_collection(struct batch *b, struct err *e)
{
	struct cli *cli = b->cli;
	const char *name = cli_option(cli, "collection");
	const char *list = cli_option(cli, "acl");
	json_t *acl = NULL;
	json_t *made = NULL;
	int rc = list ? acl_parse_list(cli, list, &acl, e) : 0;

	if (rc != 0) {
		return rc;
	}
	rc = collection_named(cli, name, &b->collection, e);
	if (rc == ERR_NOT_FOUND && strncmp(name, "col_", 4) != 0) {
		json_t *body = json_pack("{s:s}", "name", name);

		err_clear(e);
		if (acl) {
			json_object_set(body, "acl", acl);
		}
		rc = client_call(cli, "POST", "/v1/collections", body, &made, e);
		b->collection =
			arena_str(&cli->arena, json_string_value(json_object_get(made, "id")));
		if (rc == 0 && !list && !cli->quiet) {
			fprintf(stderr,
				"made the collection %s; nobody may read it yet: carrel acl set %s "
				"workspace:read\n",
				name, name);
		}
	} else if (rc == 0 && acl) {
		rc = client_call(cli, "PUT",
			client_path(cli, "/v1/collections/%s/acl", b->collection),
			json_pack("{s:O}", "entries", acl), &made, e);
	}
	json_decref(made);
	json_decref(acl);
	return rc;
}

static int find_files(struct batch *b, struct err *e)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < b->cli->args.n_words; i++) {
		rc = walk_add(&b->walk, b->cli->args.words[i], e);
	}
	b->n = b->walk.n;
	b->items = arena_array(&b->cli->arena, struct item, (size_t)b->n + 1);
	for (int i = 0; rc == 0 && i < b->n; i++) {
		b->items[i].file = &b->walk.files[i];
	}
	return rc;
}

/* ── sending ── */

static const char *text_of(const json_t *object, const char *field)
{
	return json_string_value(json_object_get(object, field));
}

static bool word_is(const char *word, const char *const *words)
{
	for (; word && *words; words++) {
		if (strcmp(word, *words) == 0) {
			return true;
		}
	}
	return false;
}

static const char *const settled_states[] = {"indexed", "no_text", NULL};
static const char *const failed_states[] = {"failed", "cancelled", "quarantined", NULL};

/* Whether the bytes are there already and need no sending. */
static bool skip_known(struct batch *b, struct item *it, const json_t *row)
{
	const char *state = text_of(row, "state");
	const char *name = text_of(row, "name");

	if (!row || !word_is(state, settled_states)) {
		return false;
	}
	it->document = arena_str(&b->cli->arena, text_of(row, "id"));
	if (name && strcmp(name, it->file->name) != 0) {
		end_item(b, it, SKIPPED, "same_bytes",
			arena_printf(&b->cli->arena, "the same bytes are there as %s", name));
	} else {
		end_item(b, it, SKIPPED, "unchanged", "unchanged");
	}
	return true;
}

static void on_sent(void *arg, int64_t sent, int64_t total)
{
	struct batch *b = arg;

	(void)sent;
	(void)total;
	show(b);
}

/* Errors that concern this file alone; others end the batch. */
static bool is_of_the_file(int rc)
{
	return rc == ERR_INVALID || rc == ERR_TOO_LARGE || rc == ERR_UNSUPPORTED ||
	       rc == ERR_UNPROCESSABLE || rc == ERR_CONFLICT;
}

/* Two files of one batch with the same bytes are one document. */
static bool skip_twin(struct batch *b, struct item *it, const char *arrival)
{
	if (!arrival || strcmp(arrival, "duplicate") != 0) {
		return false;
	}
	for (const struct item *other = b->items; other < it; other++) {
		if (other->document && strcmp(other->document, it->document) == 0) {
			end_item(b, it, SKIPPED, "same_bytes",
				arena_printf(
					&b->cli->arena, "the same bytes as %s", other->file->name));
			return true;
		}
	}
	return false;
}

static int send_item(struct batch *b, struct item *it, struct err *e)
{
	struct arena *a = &b->cli->arena;
	json_t *fields =
		json_pack("{s:s, s:s}", "collection", b->collection, "name", it->file->name);
	struct client_upload u = {
		.path = "/v1/documents",
		.fields = fields,
		.file = it->file->path,
		.name = it->file->name,
		.progress = on_sent,
		.arg = b,
	};
	json_t *receipt = NULL;
	struct err why = ERR_INIT;
	int rc = client_upload(b->cli, &u, &receipt, &why);

	json_decref(fields);
	if (rc == 0) {
		it->document = arena_str(a, text_of(receipt, "documentId"));
		it->job = arena_str(a, text_of(receipt, "jobId"));
		it->outcome = SENT;
		if (skip_twin(b, it, text_of(receipt, "arrival"))) {
			it->job = NULL;
		} else if (!it->job) {
			end_item(b, it, SKIPPED, "unchanged", "the same bytes are there");
		}
	} else if (is_of_the_file(rc)) {
		end_item(b, it, FAILED, why.reason, why.message);
		rc = 0;
	} else {
		rc = err_set(e, rc, why.reason, "%s", why.message);
	}
	json_decref(receipt);
	return rc;
}

static int bring_in(struct batch *b, struct item *it, struct err *e)
{
	const struct walk_file *f = it->file;
	const json_t *row = NULL;
	struct err why = ERR_INIT;

	snprintf(b->stage, sizeof(b->stage), "send %s", f->name);
	show(b);
	if (f->reason) {
		end_item(b, it, f->failed ? FAILED : SKIPPED, f->reason, f->why);
		return 0;
	}
	if (known_lookup(&b->known, f->path, f->n_bytes, &row, &why) != 0) {
		end_item(b, it, FAILED, "unreadable", why.message);
		return 0;
	}
	return skip_known(b, it, row) ? 0 : send_item(b, it, e);
}

/* ── waiting ── */

static void take_news(struct batch *b, struct item *it, const json_t *job)
{
	const char *state = text_of(job, "state");
	const char *stage = text_of(job, "stage");
	const char *message = text_of(job, "message");

	if (state && strcmp(state, "done") == 0) {
		const json_t *parts = json_object_get(job, "parts");
		const char *became = text_of(job, "versionState");
		bool no_text = became && strcmp(became, "no_text") == 0;

		it->n_parts = json_integer_value(json_object_get(parts, "all"));
		it->n_parts_failed = json_integer_value(json_object_get(parts, "failed"));
		if (json_integer_value(json_object_get(parts, "open")) > 0) {
			snprintf(b->stage, sizeof(b->stage), "%" PRId64 " inside of %s",
				it->n_parts, it->file->name);
			return; /* it is done when what came inside of it is */
		}
		it->n_pages = json_integer_value(json_object_get(job, "pages"));
		if (it->n_parts_failed > 0) {
			progress_say(&b->bar,
				arena_printf(&b->cli->arena,
					"%s: %" PRId64 " of %" PRId64
					" attachments or embedded files were not read: carrel doc "
					"list tells which",
					it->file->name, it->n_parts_failed, it->n_parts));
		}
		end_item(b, it, DONE, no_text ? "no_text" : NULL,
			no_text ? "it has no text to find" : NULL);
	} else if (word_is(state, failed_states)) {
		const char *reason = text_of(job, "reason");

		end_item(b, it, FAILED, reason ? reason : state,
			message	 ? message
			: reason ? reason
				 : state);
	} else if (state && strcmp(state, "running") == 0 && stage) {
		int64_t done = json_integer_value(json_object_get(job, "done"));
		int64_t total = json_integer_value(json_object_get(job, "total"));

		snprintf(b->stage, sizeof(b->stage), "%s %s", stage, it->file->name);
		if (total > 0) {
			snprintf(b->stage, sizeof(b->stage), "%s %" PRId64 "/%" PRId64 " %s", stage,
				done, total, it->file->name);
		}
	}
}

/* Asks after the oldest jobs that are under way. */
static int poll_jobs(struct batch *b, struct err *e)
{
	int asked = 0;

	for (int i = b->first_sent; i < b->n && asked < POLL_WINDOW; i++) {
		struct item *it = &b->items[i];
		json_t *job = NULL;
		char path[64];
		int rc;

		if (it->outcome != SENT) {
			b->first_sent += i == b->first_sent && it->outcome != OPEN;
			continue;
		}
		asked++;
		snprintf(path, sizeof(path), "/v1/jobs/%s", it->job);
		rc = client_read(b->cli, path, &job, e);
		if (rc != 0) {
			return rc;
		}
		take_news(b, it, job);
		json_decref(job);
	}
	show(b);
	return 0;
}

static int run_batch(struct batch *b, struct err *e)
{
	bool wait = !args_has(&b->cli->args, "no-wait") || client_is_inside(b->cli);
	int64_t polled_ms = 0;
	int rc = 0;

	for (int i = 0; rc == 0 && i < b->n; i++) {
		rc = term_stopped ? err_set(e, ERR_CANCELLED, "interrupted", "interrupted")
				  : bring_in(b, &b->items[i], e);
		if (rc == 0 && wait && clock_mono_ms() - polled_ms > POLL_MS) {
			rc = poll_jobs(b, e);
			polled_ms = clock_mono_ms();
		}
	}
	b->stage[0] = '\0';
	while (rc == 0 && wait && b->n_ended < b->n) {
		struct timespec t = {0, POLL_MS * 1000000L};

		rc = poll_jobs(b, e);
		if (b->n_ended < b->n) {
			nanosleep(&t, NULL);
		}
		if (rc == 0 && term_stopped) {
			rc = err_set(e, ERR_CANCELLED, "interrupted", "interrupted");
		}
	}
	return rc;
}

/* ── after ── */

static json_t *row_of(const struct item *it)
{
	return json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:I, s:I}", "file", it->file->path,
		"name", it->file->name, "outcome", outcome_names[it->outcome], "documentId",
		it->document, "reason", it->reason, "why", it->why, "parts",
		(json_int_t)it->n_parts, "partsFailed", (json_int_t)it->n_parts_failed);
}

/* What a person wants to read about: not what went well, nor what is merely unchanged. */
static bool worth_a_line(const struct item *it)
{
	return it->outcome == FAILED || (it->reason && strcmp(it->reason, "unchanged") != 0);
}

static void print_batch(struct batch *b, int64_t elapsed_ms)
{
	static const struct column columns[] = {
		{"OUTCOME", "outcome", AS_TEXT, STAYS},
		{"FILE", "name", AS_TEXT, WRAPS},
		{"WHY", "why", AS_TEXT, WRAPS},
	};
	json_t *rows = json_array();
	int counts[5] = {0};
	int64_t n_parts = 0;
	json_t *sum;

	for (int i = 0; i < b->n; i++) {
		counts[b->items[i].outcome]++;
		n_parts += b->items[i].n_parts;
		if (b->cli->json || worth_a_line(&b->items[i])) {
			json_array_append_new(rows, row_of(&b->items[i]));
		}
	}
	if (json_array_size(rows) > 0) {
		cli_rows(b->cli, rows, columns, N_COLUMNS(columns));
		fputs(b->cli->json ? "" : "\n", stdout);
	}
	sum = json_pack("{s:{s:i, s:i, s:i, s:i, s:I, s:I, s:I}}", "summary", "done", counts[DONE],
		"skipped", counts[SKIPPED], "failed", counts[FAILED], "unfinished",
		counts[OPEN] + counts[SENT], "pages", (json_int_t)b->n_pages, "parts",
		(json_int_t)n_parts, "ms", (json_int_t)elapsed_ms);
	cli_said(b->cli, sum, "%d done%s, %d skipped, %d failed%s", counts[DONE],
		n_parts > 0 ? arena_printf(&b->cli->arena, " with %" PRId64 " attachment%s",
				      n_parts, n_parts == 1 ? "" : "s")
			    : "",
		counts[SKIPPED], counts[FAILED],
		counts[OPEN] + counts[SENT] > 0
			? arena_printf(&b->cli->arena, ", %d not finished: run it again to go on",
				  counts[OPEN] + counts[SENT])
			: "");
	json_decref(sum);
	json_decref(rows);
}

static int count_failed(const struct batch *b)
{
	int n = 0;

	for (int i = 0; i < b->n; i++) {
		n += b->items[i].outcome == FAILED;
	}
	return n;
}

int cmd_ingest(struct cli *cli, struct err *e)
{
	struct batch b = {.cli = cli, .walk = {.arena = &cli->arena}};
	int64_t started = clock_mono_ms();
	int n_failed;
	int rc;

	if (!cli_option(cli, "collection")) {
		return err_set(
			e, ERR_INVALID, "usage", "--collection NAME says where the documents go");
	}
	rc = find_files(&b, e);
	rc = rc ? rc : find_collection(&b, e);
	rc = rc ? rc : known_load(cli, b.collection, &b.known, e);
	if (rc == 0) {
		progress_start(&b.bar, "ingest", "files", cli->quiet);
		rc = run_batch(&b, e);
		progress_end(&b.bar);
		print_batch(&b, clock_mono_ms() - started);
	}
	n_failed = count_failed(&b);
	known_finish(&b.known);
	walk_finish(&b.walk);
	return rc || n_failed == 0 ? rc
				   : err_set(e, ERR_INTERNAL, "some_failed",
					     "%d of %d files failed", n_failed, b.n);
}
