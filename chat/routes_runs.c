/* Answers: shown, streamed, stopped; and those that are stored nowhere. */
#include "chat/routes.h"

#include <stdlib.h>
#include <string.h>

#include "chat/conversation.h"
#include "chat/retrieval.h"
#include "chat/routes_answers.h"
#include "chat/run.h"

#define MESSAGES_MAX 200

/* ── shared with routes_conversations.c ── */

int answers_taken(struct call *c, struct err *e)
{
	return c->app->stopping ? err_set(e, ERR_UNAVAILABLE, "stopping",
					  "The server is stopping: try again soon.")
				: 0;
}

int question_field(struct call *c, const char *name, const char **out, struct err *e)
{
	int rc = call_text(c, name, true, TURN_INPUT_MAX, out, e);

	if (rc == 0 && (*out)[strspn(*out, " \t\r\n")] == '\0') {
		return err_set(
			e, ERR_INVALID, "bad_field", "The field %s must not be blank.", name);
	}
	return rc;
}

int answer_fields(struct call *c, struct run_order *o, struct err *e)
{
	static const char *const modes[] = {"auto", "model", "extractive"};
	const char *mode = NULL;
	struct id *collections;
	int rc = collections_field(c, &collections, &o->n_collections, e);

	if (rc == 0) {
		o->collections = collections;
		rc = call_text(c, "responseMode", false, 32, &mode, e);
	}
	for (int i = 0; rc == 0 && mode && i < 3; i++) {
		if (strcmp(mode, modes[i]) == 0) {
			o->mode = (enum response_mode)i;
			return 0;
		}
	}
	return rc || !mode ? rc
			   : err_set(e, ERR_INVALID, "bad_field",
				     "The field responseMode must be auto, model or extractive.");
}

static json_t *text_or_null(const char *s)
{
	return s ? json_string(s) : json_null();
}

static json_t *count_or_null(int64_t n)
{
	return n >= 0 ? json_integer(n) : json_null();
}

int run_json(struct call *c, const struct run_row *run, json_t **out, struct err *e)
{
	struct run_view view;
	json_t *citations;
	int rc = run_view_open(c->db, &c->arena, &c->who, &run->id, &view, e);

	if (rc == 0) {
		rc = run_citations_json(c->db, &c->arena, &view, &run->id, &citations, e);
	}
	if (rc != 0) {
		return rc;
	}
	*out = json_pack(
		"{s:s, s:s, s:I, s:s, s:o, s:o, s:s, s:b, s:o, s:o, s:o, s:{s:o, s:o}, s:I,"
		" s:o, s:s}",
		"id", run->id.s, "conversationId", run->conversation.s, "turnSeq",
		(json_int_t)run->turn_seq, "state", run->state, "mode", text_or_null(run->mode),
		"model", text_or_null(run->model), "answer", view.withheld ? "" : run->answer,
		"withheld", view.withheld, "citations", citations, "reason",
		text_or_null(run->reason), "message", text_or_null(run->message), "usage",
		"promptTokens", count_or_null(run->prompt_tokens), "answerTokens",
		count_or_null(run->answer_tokens), "createdMs", (json_int_t)run->created_ms,
		"finishedMs", count_or_null(run->finished_ms > 0 ? run->finished_ms : -1),
		"streamUrl", arena_printf(&c->arena, "/v1/runs/%s/stream", run->id.s));
	return 0;
}

/* ── runs ── */

static int own_run(struct call *c, struct run_row *out, struct err *e)
{
	struct id id = id_parse("run", c->params[0]);

	return run_lookup(c->db, &c->arena, &c->who, &id, out, e);
}

int runs_show(struct call *c, struct err *e)
{
	struct run_row run;
	json_t *out;
	int rc = own_run(c, &run, e);

	if (rc == 0) {
		rc = run_json(c, &run, &out, e);
	}
	return rc == 0 ? call_json(c, 200, out) : rc;
}

int runs_retrieval(struct call *c, struct err *e)
{
	struct run_row run;
	json_t *out;
	int rc = own_run(c, &run, e);

	if (rc == 0) {
		rc = retrieval_open(c->db, &c->arena, &c->who, &run.id, &out, e);
	}
	return rc == 0 ? call_json(c, 200, out) : rc;
}

/* The header of a browser's EventSource, or ?lastEventId=. */
static int read_last_event(struct call *c, int64_t *out, struct err *e)
{
	const char *text = call_header_in(c, "Last-Event-ID");
	char *end;

	if (!text || !*text) {
		return call_query_int(c, "lastEventId", 0, INT64_MAX / 2, 0, out, e);
	}
	*out = strtoll(text, &end, 10);
	return *end || *out < 0 || *out > INT64_MAX / 2
		       ? err_set(e, ERR_INVALID, "bad_parameter",
				 "Last-Event-ID must be the number of an event.")
		       : 0;
}

static void stream_events(struct call *c, struct stream *s)
{
	c->status = 200;
	c->content_type = "text/event-stream; charset=utf-8";
	call_header(c, "X-Accel-Buffering", "no");
	c->stream_out = s;
}

int runs_stream(struct call *c, struct err *e)
{
	struct run_row run;
	struct run_view view;
	struct run_event *events;
	int64_t after;
	int n = 1;
	int rc = own_run(c, &run, e);

	if (rc == 0) {
		rc = read_last_event(c, &after, e);
	}
	if (rc == 0 && !run_is_open(&run)) {
		rc = run_events_load(c->db, &c->arena, &run.id, after, 0, &events, &n, e);
	}
	if (rc == 0) {
		rc = run_view_open(c->db, &c->arena, &c->who, &run.id, &view, e);
	}
	if (rc == 0) {
		rc = retrieval_view(c->db, &c->arena, &c->who, &run.id, &view, e);
	}
	if (rc != 0) {
		return rc;
	}
	if (n == 0) {
		return call_empty(c, 204); /* tells an EventSource not to come again */
	}
	stream_events(c, run_listen(c->app->runs, &run.id, &c->who, after, &view));
	return 0;
}

int runs_stop_one(struct call *c, struct err *e)
{
	struct run_row run;
	int rc = own_run(c, &run, e);

	if (rc != 0) {
		return rc;
	}
	if (run_is_open(&run)) {
		runs_cancel(c->app->runs, &run.id);
	}
	return call_json(c, run_is_open(&run) ? 202 : 200,
		json_pack("{s:s, s:s}", "runId", run.id.s, "state",
			run_is_open(&run) ? "cancelling" : run.state));
}

/* ── stored nowhere ── */

static int read_message(const json_t *m, const char **role, const char **text, struct err *e)
{
	*role = json_string_value(json_object_get(m, "role"));
	*text = json_string_value(json_object_get(m, "content"));
	if (!*role || !*text || (strcmp(*role, "user") != 0 && strcmp(*role, "assistant") != 0)) {
		return err_set(e, ERR_INVALID, "bad_messages",
			"messages is a list of "
			"{\"role\": \"user\" or \"assistant\", \"content\": text}.");
	}
	return 0;
}

/* Messages to turns: what the user says until the assistant answers is one question. */
static int read_messages(struct call *c, struct run_order *o, struct err *e)
{
	json_t *messages = NULL;
	struct prompt_turn *turns;
	const char *question = NULL, *role = NULL, *text = NULL;
	size_t n;
	int rc = call_array(c, "messages", true, MESSAGES_MAX, &messages, e);

	if (rc != 0) {
		return rc;
	}
	n = json_array_size(messages);
	turns = arena_array(&c->arena, struct prompt_turn, n + 1);
	for (size_t i = 0; i < n; i++) {
		rc = read_message(json_array_get(messages, i), &role, &text, e);
		if (rc != 0) {
			return rc;
		}
		if (strcmp(role, "user") == 0) {
			question =
				question ? arena_printf(&c->arena, "%s\n%s", question, text) : text;
		} else if (question) {
			turns[o->n_history++] = (struct prompt_turn){question, text};
			question = NULL;
		}
	}
	if (!question || question[strspn(question, " \t\r\n")] == '\0' ||
		strlen(question) > TURN_INPUT_MAX) {
		return err_set(e, ERR_INVALID, "bad_messages",
			"messages must end with a question of the user, of 1 to %d bytes.",
			TURN_INPUT_MAX);
	}
	o->history = turns;
	o->question = question;
	return 0;
}

int chat_ephemeral(struct call *c, struct err *e)
{
	static const char *const fields[] = {"messages", "collections", "responseMode"};
	struct run_order o = {.workspace = c->who.workspace, .user = c->who.user};
	int rc = answers_taken(c, e);

	if (rc || (rc = call_fields(c, fields, 3, e)) || (rc = read_messages(c, &o, e)) ||
		(rc = answer_fields(c, &o, e))) {
		return rc;
	}
	stream_events(c, run_ephemeral(c->app->runs, &o));
	return 0;
}
