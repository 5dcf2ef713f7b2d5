/* Conversations and their turns. */
#include "chat/routes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat/auth.h"
#include "chat/conversation.h"
#include "chat/documents.h"
#include "chat/routes_answers.h"
#include "chat/run.h"
#include "ingest/upload.h"
#include "ingest/worker.h"

#define KEY_MAX 128
#define QUERY_MAX 200
#define ATTACHMENTS_MAX 1000 /* shown */

static json_t *conversation_json(const struct conversation *k)
{
	return json_pack("{s:s, s:s, s:I, s:I}", "id", k->id.s, "title", k->title, "createdMs",
		(json_int_t)k->created_ms, "updatedMs", (json_int_t)k->updated_ms);
}

/* The conversation of the path, if it is the asker's own. */
static int own(struct call *c, struct conversation *out, struct err *e)
{
	struct id id = id_parse("conv", c->params[0]);

	return conversation_lookup(c->db, &c->arena, &c->who, &id, out, e);
}

struct conversation_order {
	const struct asker *who;
	struct id id;
	const char *title;
	const char *actor;
	struct arena *arena;
	struct id *open; /* [n_open] its runs that are being written */
	int n_open;
};

/* ── conversations ── */

static int create_tx(struct db *db, void *arg, struct err *e)
{
	struct conversation_order *o = arg;

	return conversation_create(db, o->who, o->title, &o->id, e);
}

static int rename_tx(struct db *db, void *arg, struct err *e)
{
	struct conversation_order *o = arg;

	return conversation_rename(db, &o->id, o->title, e);
}

static int delete_tx(struct db *db, void *arg, struct err *e)
{
	struct conversation_order *o = arg;
	struct id attached;
	int64_t n;
	int rc = collection_attached(db, &o->id, &attached, e);

	if (rc == 0) {
		rc = runs_all_open_of(db, o->arena, &o->id, &o->open, &o->n_open, e);
	}
	if (rc == 0 && !id_empty(&attached)) {
		rc = ingest_delete_collection_in(
			db, &o->who->workspace, &attached, o->actor, &n, e);
	}
	return rc == 0 ? conversation_delete(db, &o->id, e) : rc;
}

/* The conversation with what is attached to it. */
static int answer(struct call *c, int status, const struct conversation *k, struct err *e)
{
	struct document_query query = {
		.attached = true, .sort = SORT_CREATED, .limit = ATTACHMENTS_MAX};
	struct document_page page = {.n = 0};
	json_t *attachments, *out;
	int rc = collection_attached(c->db, &k->id, &query.collection, e);

	if (rc == 0 && !id_empty(&query.collection)) {
		rc = document_list(c->db, &c->arena, &c->who, &query, &page, e);
	}
	if (rc == 0) {
		rc = documents_json(c, page.rows, page.latest, page.n, &attachments, e);
	}
	if (rc != 0) {
		return rc;
	}
	out = conversation_json(k);
	json_object_set_new(out, "attachments", attachments);
	return call_json(c, status, out);
}

static int show(struct call *c, int status, const struct id *id, struct err *e)
{
	struct conversation k;
	int rc = call_renew(c, e);

	if (rc == 0) {
		rc = conversation_lookup(c->db, &c->arena, &c->who, id, &k, e);
	}
	return rc == 0 ? answer(c, status, &k, e) : rc;
}

int conversations_create(struct call *c, struct err *e)
{
	static const char *const fields[] = {"title"};
	struct conversation_order o = {.who = &c->who};
	int rc = call_fields(c, fields, 1, e);

	if (rc == 0) {
		rc = call_text(c, "title", false, CONVERSATION_TITLE_MAX, &o.title, e);
	}
	if (rc == 0) {
		rc = store_write(c->app->index->store, create_tx, &o, e);
	}
	return rc == 0 ? show(c, 201, &o.id, e) : rc;
}

/* "1770000000000.conv_01…" */
static int read_cursor(struct call *c, struct conversation *out, bool *given, struct err *e)
{
	const char *text = call_query(c, "after");
	char *dot;

	*given = text != NULL;
	if (!text) {
		return 0;
	}
	out->updated_ms = strtoll(text, &dot, 10);
	out->id = *dot == '.' ? id_parse("conv", dot + 1) : (struct id){""};
	return id_empty(&out->id) ? err_set(e, ERR_INVALID, "bad_parameter",
					    "after must be the next of the page before.")
				  : 0;
}

int conversations_list(struct call *c, struct err *e)
{
	const char *q = call_query(c, "q");
	struct conversation before;
	struct conversation_page page;
	json_t *list, *next = json_null();
	int64_t limit;
	bool given;
	int rc = call_query_int(c, "limit", 1, 100, 50, &limit, e);

	if (rc == 0) {
		rc = read_cursor(c, &before, &given, e);
	}
	if (rc == 0 && q && strlen(q) > QUERY_MAX) {
		rc = err_set(e, ERR_INVALID, "bad_parameter", "q must not be longer than %d bytes.",
			QUERY_MAX);
	}
	if (rc == 0) {
		rc = conversation_list(
			c->db, &c->arena, &c->who, q, given ? &before : NULL, (int)limit, &page, e);
	}
	if (rc != 0) {
		return rc;
	}
	list = json_array();
	for (int i = 0; i < page.n; i++) {
		json_array_append_new(list, conversation_json(&page.rows[i]));
	}
	if (page.more) {
		const struct conversation *last = &page.rows[page.n - 1];

		next = json_string(
			arena_printf(&c->arena, "%" PRId64 ".%s", last->updated_ms, last->id.s));
	}
	return call_json(c, 200, json_pack("{s:o, s:o}", "conversations", list, "next", next));
}

int conversations_show(struct call *c, struct err *e)
{
	struct conversation k;
	int rc = own(c, &k, e);

	return rc == 0 ? answer(c, 200, &k, e) : rc;
}

int conversations_rename(struct call *c, struct err *e)
{
	static const char *const fields[] = {"title"};
	struct conversation k;
	struct conversation_order o = {.who = &c->who};
	int rc = own(c, &k, e);

	if (rc == 0) {
		rc = call_fields(c, fields, 1, e);
	}
	if (rc == 0) {
		rc = call_text(c, "title", true, CONVERSATION_TITLE_MAX, &o.title, e);
	}
	if (rc == 0) {
		o.id = k.id;
		rc = store_write(c->app->index->store, rename_tx, &o, e);
	}
	return rc == 0 ? show(c, 200, &k.id, e) : rc;
}

int conversations_delete(struct call *c, struct err *e)
{
	struct conversation k;
	struct conversation_order o = {.who = &c->who, .actor = call_actor(c), .arena = &c->arena};
	int rc = own(c, &k, e);

	if (rc == 0) {
		o.id = k.id;
		rc = store_write_freeing(c->app->index->store, delete_tx, &o, e);
	}
	if (rc != 0) {
		return rc;
	}
	for (int i = 0; i < o.n_open; i++) { /* several, of several turns */
		runs_cancel(c->app->runs, &o.open[i]);
	}
	worker_wake(c->app->worker); /* what was attached is purged */
	return call_empty(c, 204);
}

/* ── turns ── */

struct turn_order {
	const struct asker *who;
	struct turn_new turn;
	struct turn_added added;
};

static int add_tx(struct db *db, void *arg, struct err *e)
{
	struct turn_order *o = arg;

	return turn_add(db, o->who, &o->turn, &o->added, e);
}

static int rerun_tx(struct db *db, void *arg, struct err *e)
{
	struct turn_order *o = arg;

	return turn_rerun(db, o->who, &o->turn.conversation, o->added.seq, &o->added.run, e);
}

static int read_key(struct call *c, const char **out, struct err *e)
{
	*out = call_header_in(c, "Idempotency-Key");
	if (!*out) {
		return 0;
	}
	for (const char *p = *out; *p; p++) {
		if (*p <= 0x20 || *p >= 0x7f) {
			return err_set(e, ERR_INVALID, "bad_idempotency_key",
				"Idempotency-Key must consist of visible ASCII characters.");
		}
	}
	return **out && strlen(*out) <= KEY_MAX
		       ? 0
		       : err_set(e, ERR_INVALID, "bad_idempotency_key",
				 "Idempotency-Key must have 1 to %d characters.", KEY_MAX);
}

/* Of the body as it means, not as it was written. */
static void hash_body(const json_t *body, char out[HASH_HEX_SIZE])
{
	char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);

	ASSERT(text != NULL);
	hash_blake2b_hex(text, strlen(text), out);
	free(text);
}

static void submit(
	struct call *c, const struct turn_order *t, struct run_order *o, const char *question)
{
	o->run = t->added.run;
	o->conversation = t->turn.conversation;
	o->turn_seq = t->added.seq;
	o->workspace = c->who.workspace;
	o->user = c->who.user;
	o->question = question;
	runs_submit(c->app->runs, o);
}

static int accepted(struct call *c, const struct turn_added *t)
{
	return call_json(c, 202,
		json_pack("{s:s, s:I, s:s}", "runId", t->run.s, "turnSeq", (json_int_t)t->seq,
			"streamUrl", arena_printf(&c->arena, "/v1/runs/%s/stream", t->run.s)));
}

int turns_create(struct call *c, struct err *e)
{
	static const char *const fields[] = {
		"input", "parentTurnSeq", "collections", "responseMode"};
	struct turn_order t = {.who = &c->who};
	struct run_order o = {.turn_seq = 0};
	struct conversation k;
	int64_t parent = -1;
	int rc = own(c, &k, e);

	if (rc || (rc = answers_taken(c, e)) || (rc = call_fields(c, fields, 4, e)) ||
		(rc = question_field(c, "input", &t.turn.input, e)) ||
		(rc = call_int(c, "parentTurnSeq", false, 0, INT32_MAX, &parent, e)) ||
		(rc = answer_fields(c, &o, e)) || (rc = read_key(c, &t.turn.key, e))) {
		return rc;
	}
	t.turn.parent_seq = parent < 0 ? TURN_LATEST : parent == 0 ? TURN_FIRST : parent;
	t.turn.conversation = k.id;
	hash_body(c->body, t.turn.hash);
	rc = store_write(c->app->index->store, add_tx, &t, e);
	if (rc == 0 && !t.added.repeated) {
		submit(c, &t, &o, t.turn.input);
	}
	return rc == 0 ? accepted(c, &t.added) : rc;
}

/* The {seq} of the path, 0 if it is none. */
static int64_t seq_of(const char *text)
{
	return strspn(text, "0123456789") == strlen(text) && strlen(text) < 10
		       ? strtoll(text, NULL, 10)
		       : 0;
}

int turns_regenerate(struct call *c, struct err *e)
{
	static const char *const fields[] = {"collections", "responseMode"};
	struct turn_order t = {.who = &c->who};
	struct run_order o = {.turn_seq = 0};
	struct conversation k;
	struct turn_row row;
	int rc = own(c, &k, e);

	if (rc == 0) {
		rc = turn_lookup(c->db, &c->arena, &k.id, seq_of(c->params[1]), &row, e);
	}
	if (rc || (rc = answers_taken(c, e)) || (rc = call_fields(c, fields, 2, e)) ||
		(rc = answer_fields(c, &o, e))) {
		return rc;
	}
	t.turn.conversation = k.id;
	t.added.seq = row.seq;
	rc = store_write(c->app->index->store, rerun_tx, &t, e);
	if (rc == 0) {
		submit(c, &t, &o, row.input);
	}
	return rc == 0 ? accepted(c, &t.added) : rc;
}

static int briefs_json(
	struct call *c, const struct id *conversation, int64_t seq, json_t **out, struct err *e)
{
	struct run_brief *runs;
	int n;
	int rc = runs_of_turn(c->db, &c->arena, conversation, seq, &runs, &n, e);

	if (rc != 0) {
		return rc;
	}
	*out = json_array();
	for (int i = 0; i < n; i++) {
		json_array_append_new(*out, json_pack("{s:s, s:s, s:s?, s:I}", "id", runs[i].id.s,
						    "state", runs[i].state, "mode", runs[i].mode,
						    "createdMs", (json_int_t)runs[i].created_ms));
	}
	return 0;
}

static int turn_json(struct call *c, const struct turn_row *row, json_t **out, struct err *e)
{
	struct run_row run;
	json_t *answer, *all;
	int rc = run_lookup(c->db, &c->arena, &c->who, &row->run, &run, e);

	if (rc == 0) {
		rc = briefs_json(c, &run.conversation, row->seq, &all, e);
	}
	if (rc != 0) {
		return rc;
	}
	rc = run_json(c, &run, &answer, e);
	if (rc != 0) {
		json_decref(all);
		return rc;
	}
	*out = json_pack("{s:I, s:o, s:s, s:I, s:o, s:o}", "seq", (json_int_t)row->seq, "parentSeq",
		row->parent_seq > 0 ? json_integer(row->parent_seq) : json_null(), "input",
		row->input, "createdMs", (json_int_t)row->created_ms, "run", answer, "runs", all);
	return 0;
}

struct choice {
	struct id conversation, run;
	int64_t seq;
};

static int choose_tx(struct db *db, void *arg, struct err *e)
{
	struct choice *o = arg;

	return turn_choose_run(db, &o->conversation, o->seq, &o->run, e);
}

int turns_choose_run(struct call *c, struct err *e)
{
	static const char *const fields[] = {"runId"};
	struct choice o = {.seq = seq_of(c->params[1])};
	struct conversation k;
	struct turn_row row;
	const char *text;
	json_t *out;
	int rc = own(c, &k, e);

	if (rc || (rc = turn_lookup(c->db, &c->arena, &k.id, o.seq, &row, e)) ||
		(rc = call_fields(c, fields, 1, e)) ||
		(rc = call_text(c, "runId", true, ID_SIZE, &text, e))) {
		return rc;
	}
	o.conversation = k.id;
	o.run = id_parse("run", text);
	if ((rc = store_write(c->app->index->store, choose_tx, &o, e)) || (rc = call_renew(c, e)) ||
		(rc = turn_lookup(c->db, &c->arena, &k.id, o.seq, &row, e)) ||
		(rc = turn_json(c, &row, &out, e))) {
		return rc;
	}
	return call_json(c, 200, out);
}

/* ?afterSeq=N: the page past N; ?beforeSeq=N: the page before N, before the end if N is left out.
 */
static int read_page(struct call *c, int64_t *after, int64_t *before, int64_t *limit, struct err *e)
{
	const char *text = call_query(c, "beforeSeq");
	int rc = call_query_int(c, "afterSeq", 0, INT32_MAX, 0, after, e);

	*before = text && !*text ? INT32_MAX : 0;
	if (rc == 0 && text && *text) {
		rc = call_query_int(c, "beforeSeq", 1, INT32_MAX, 0, before, e);
	}
	if (rc == 0 && text && call_query(c, "afterSeq")) {
		rc = err_set(e, ERR_INVALID, "bad_parameter",
			"A page is asked for with afterSeq or with beforeSeq, not with both.");
	}
	return rc ? rc : call_query_int(c, "limit", 1, 100, 50, limit, e);
}

int turns_list(struct call *c, struct err *e)
{
	struct conversation k;
	struct turn_row *rows;
	json_t *list;
	int64_t after, before, limit;
	bool more;
	int n;
	int rc = own(c, &k, e);

	if (rc || (rc = read_page(c, &after, &before, &limit, e)) ||
		(rc = turn_list(c->db, &c->arena, &k.id, after, before, (int)limit, &rows, &n,
			 &more, e))) {
		return rc;
	}
	list = json_array();
	for (int i = 0; rc == 0 && i < n; i++) {
		json_t *turn;

		rc = turn_json(c, &rows[i], &turn, e);
		if (rc == 0) {
			json_array_append_new(list, turn);
		}
	}
	if (rc != 0) {
		json_decref(list);
		return rc;
	}
	return call_json(c, 200,
		json_pack("{s:o, s:o}", "turns", list, "next",
			more ? json_integer(rows[before > 0 ? 0 : n - 1].seq) : json_null()));
}
