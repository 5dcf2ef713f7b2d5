/* ask: a question in a conversation; the answer as it is written, then its sources. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "chat/cli/client.h"
#include "chat/cli/cmd.h"
#include "chat/cli/names.h"
#include "chat/cli/term.h"
#include "chat/cli/text.h"

struct answer {
	struct cli *cli;
	const char *run;
	json_t *names;	   /* documentId -> name, of what was retrieved */
	json_t *citations; /* in the order they came */
	bool began;	   /* some text was printed */
	struct text_flow flow;
	bool ended;
	const char *mode;
	const char *note;   /* why it is not as it should be */
	struct err failure; /* of the run */
	struct err io;
};

static const char *text_of(const json_t *object, const char *field)
{
	const char *text = json_string_value(json_object_get(object, field));

	return text ? text : "";
}

/* ── events ── */

static void take_passages(struct answer *an, const json_t *data)
{
	const json_t *p;
	size_t i;

	json_array_foreach(json_object_get(data, "passages"), i, p)
	{
		if (*text_of(p, "documentId")) {
			json_object_set(
				an->names, text_of(p, "documentId"), json_object_get(p, "name"));
		}
	}
}

static void take_failure(struct answer *an, const char *name, const json_t *data)
{
	bool cancelled = strcmp(name, "run.cancelled") == 0;
	const json_t *error = json_object_get(data, "error");
	const char *message = text_of(error ? error : data, "message");

	(void)err_set(&an->failure, cancelled ? ERR_CANCELLED : ERR_UPSTREAM,
		cancelled ? "cancelled" : "run_failed", "%s",
		*message    ? message
		: cancelled ? "the answer was stopped"
			    : "the answer could not be finished");
}

static void print_delta(struct answer *an, const char *text)
{
	struct buf clean = BUF_INIT, out = BUF_INIT;

	text_clean(&clean, text, strlen(text), true);
	text_flow_add(&an->flow, &out, clean.data ? clean.data : "", clean.len);
	fwrite(out.data ? out.data : "", 1, out.len, stdout);
	an->began = true;
	buf_finish(&out);
	buf_finish(&clean);
}

/* What the last word was, and the end of its line. */
static void end_text(struct answer *an)
{
	struct buf out = BUF_INIT;

	text_flow_end(&an->flow, &out);
	fwrite(out.data ? out.data : "", 1, out.len, stdout);
	fputs(an->began ? "\n" : "", stdout);
	buf_finish(&out);
}

static bool on_event(void *arg, int64_t id, const char *name, const json_t *data)
{
	struct answer *an = arg;

	if (an->cli->json) {
		json_t *line = json_pack(
			"{s:I, s:s, s:O?}", "id", (json_int_t)id, "event", name, "data", data);

		cli_json(line);
		json_decref(line);
	}
	if (strcmp(name, "assistant.delta") == 0 && !an->cli->json) {
		print_delta(an, text_of(data, "text"));
	} else if (strcmp(name, "retrieval.completed") == 0) {
		take_passages(an, data);
	} else if (strcmp(name, "citation") == 0) {
		json_array_append(an->citations, (json_t *)data);
	} else if (strcmp(name, "assistant.completed") == 0) {
		an->mode = arena_str(&an->cli->arena, text_of(data, "mode"));
		an->note = arena_str(&an->cli->arena, text_of(data, "message"));
		an->ended = true;
		if (strcmp(text_of(data, "state"), "partial") == 0) {
			take_failure(an, name, data);
		}
	} else if (strcmp(name, "run.failed") == 0 || strcmp(name, "run.cancelled") == 0) {
		take_failure(an, name, data);
		an->ended = true;
	}
	return cli_flush(&an->io) != 0 || an->ended;
}

/* ── sources ── */

static const char *name_of(struct answer *an, const char *document)
{
	const json_t *known = json_object_get(an->names, document);
	json_t *doc = NULL;

	if (!json_is_string(known) && *document &&
		client_read(an->cli, client_path(an->cli, "/v1/documents/%s", document), &doc,
			NULL) == 0) {
		json_object_set(an->names, document, json_object_get(doc, "name"));
		known = json_object_get(an->names, document);
	}
	json_decref(doc);
	return json_string_value(known) ? json_string_value(known) : document;
}

static void print_quote(const json_t *c)
{
	const char *quote = text_of(c, "quote");
	const char *support = text_of(c, "support");
	struct buf clean = BUF_INIT, wrapped = BUF_INIT;

	text_clean(&clean, quote, strlen(quote), false);
	if (strcmp(support, "unverified") == 0) {
		buf_str(&clean, "  (does not verify what is said)");
	} else if (strcmp(support, "partial") == 0) {
		buf_str(&clean, "  (verifies a part of what is said)");
	}
	if (clean.len > 0) {
		text_wrap(&wrapped, clean.data, term_columns(STDOUT_FILENO), 4);
		fputs(wrapped.data, stdout);
	}
	buf_finish(&wrapped);
	buf_finish(&clean);
}

/* The place of its first quote; others of the source may be elsewhere in it. */
static void add_place(struct buf *head, const json_t *citation)
{
	static const struct column column = {"", "", AS_PLACE, STAYS};
	struct buf place = BUF_INIT;

	table_value(&place, citation, &column);
	if (place.len > 0) {
		buf_printf(head, ", %s", place.data);
	}
	buf_finish(&place);
}

/* A source by the number it has in the answer, with each quote of it. */
static void print_source(struct answer *an, json_int_t handle)
{
	struct buf head = BUF_INIT;
	const char *last = "";
	const json_t *c;
	size_t i;

	json_array_foreach(an->citations, i, c)
	{
		const char *name = *text_of(c, "name") ? text_of(c, "name")
						       : name_of(an, text_of(c, "documentId"));

		if (json_integer_value(json_object_get(c, "handle")) != handle) {
			continue;
		}
		if (head.len == 0) {
			buf_printf(&head, "[%d] ", (int)handle);
			if (json_is_true(json_object_get(c, "gone"))) {
				buf_str(&head, "a document that you may not read any more");
			} else {
				text_clean(&head, name, strlen(name), false);
				add_place(&head, c);
			}
			puts(head.data);
		}
		if (strcmp(last, text_of(c, "quote")) != 0) {
			print_quote(c);
		}
		last = text_of(c, "quote");
	}
	buf_finish(&head);
}

static void print_sources(struct answer *an)
{
	json_int_t highest = 0;
	const json_t *c;
	size_t i;

	json_array_foreach(an->citations, i, c)
	{
		json_int_t handle = json_integer_value(json_object_get(c, "handle"));

		highest = handle > highest ? handle : highest;
	}
	fputs(highest > 0 ? "\nsources:\n" : "", stdout);
	for (json_int_t handle = 1; handle <= highest; handle++) {
		print_source(an, handle);
	}
}

/* ── the order of things ── */

/* *id: of --conversation, or of a new one; NULL for the machine's operator, whom a conversation
 * cannot belong to. */
static int open_conversation(struct cli *cli, const char **id, struct err *e)
{
	json_t *made = NULL;
	struct err why = ERR_INIT;
	int rc;

	*id = cli_option(cli, "conversation");
	if (*id) {
		return 0;
	}
	rc = client_call(cli, "POST", "/v1/conversations", json_object(), &made, &why);
	if (rc == 0) {
		*id = arena_str(&cli->arena, text_of(made, "id"));
	} else if (strcmp(why.reason, "no_user") == 0) {
		rc = 0;
	}
	json_decref(made);
	return rc ? err_set(e, rc, why.reason, "%s", why.message) : 0;
}

static int make_body(struct cli *cli, bool stored, json_t **out, struct err *e)
{
	const char *collection = cli_option(cli, "collection");
	const char *question = cli_sentence(cli, 0);
	int rc = collection ? collection_named(cli, collection, &collection, e) : 0;

	if (rc != 0) {
		return rc;
	}
	*out = stored ? json_pack("{s:s}", "input", question)
		      : json_pack("{s:[{s:s, s:s}]}", "messages", "role", "user", "content",
				question);
	if (*out && collection) {
		json_object_set_new(*out, "collections", json_pack("[s]", collection));
	}
	return *out ? 0 : err_set(e, ERR_INVALID, "bad_text", "the question must be UTF-8");
}

/* Asked to stop: so is the run, which would go on without a listener. */
static void stop_run(struct answer *an)
{
	int sig = term_stopped;

	term_stopped = 0;
	if (client_call(an->cli, "POST", client_path(an->cli, "/v1/runs/%s/cancel", an->run), NULL,
		    NULL, NULL) != 0) {
		fputs("\nthe answer may still be written: it could not be stopped\n", stderr);
	}
	term_stopped = sig;
}

/* A run of a conversation, or one that is stored nowhere and ends with its connection. */
static int read_answer(struct answer *an, const char *conversation, json_t *body, struct err *e)
{
	struct client_events order = {
		.path = "/v1/chat", .body = body, .on_event = on_event, .arg = an};
	json_t *turn = NULL;
	int rc = 0;

	if (conversation) {
		rc = client_call(an->cli, "POST",
			client_path(an->cli, "/v1/conversations/%s/turns", conversation),
			json_incref(body), &turn, e);
		an->run = arena_str(&an->cli->arena, text_of(turn, "runId"));
		order.path = client_path(an->cli, "/v1/runs/%s/stream", an->run);
		order.body = NULL;
		json_decref(turn);
	}
	rc = rc ? rc : client_events(an->cli, &order, e);
	if (an->run && !an->ended && (term_stopped || an->io.code != 0)) {
		stop_run(an);
	}
	if (an->io.code != 0) {
		return err_replace(e, an->io.code, an->io.reason, "%s", an->io.message);
	}
	if (rc == 0 && !an->ended) {
		rc = err_set(e, ERR_UPSTREAM, "stream_ended",
			"the answer's stream ended before the answer");
	}
	return rc;
}

static void say_how_it_was(const struct answer *an, const char *conversation)
{
	bool extractive = an->mode && strcmp(an->mode, "extractive") == 0;

	fprintf(stderr, "\n%s",
		extractive ? "these are sentences of the sources; no model wrote them\n" : "");
	if (an->note && *an->note) {
		fprintf(stderr, "%s\n", an->note);
	}
	if (conversation) {
		fprintf(stderr, "to go on, ask with --conversation %s\n", conversation);
	}
}

int cmd_ask(struct cli *cli, struct err *e)
{
	struct answer an = {.cli = cli, .names = json_object(), .citations = json_array()};
	const char *conversation = NULL;
	json_t *body = NULL;
	int rc;

	an.flow.columns = term_is(STDOUT_FILENO) ? term_columns(STDOUT_FILENO) : 0;
	rc = open_conversation(cli, &conversation, e);

	rc = rc ? rc : make_body(cli, conversation != NULL, &body, e);
	rc = rc ? rc : read_answer(&an, conversation, body, e);
	end_text(&an);
	if (rc == 0 && !cli->json) {
		print_sources(&an);
		fflush(stdout);
		if (!cli->quiet) {
			say_how_it_was(&an, conversation);
		}
	}
	if (rc == 0 && an.failure.code != 0) {
		rc = err_set(e, an.failure.code, an.failure.reason, "%s", an.failure.message);
	}
	json_decref(body);
	json_decref(an.citations);
	json_decref(an.names);
	return rc;
}
