/* Runs that nobody goes on with, ended with what is stored of them: runs_recover and run_give_up of
 * chat/run_store.h. */
#include <stdlib.h>
#include <string.h>

#include "chat/run_store.h"

#define RECOVERED_GAP 1000 /* past every number that a reader of the dead process may have seen */

enum { Q_OPEN, Q_OPEN_ONE };

static const char *const statements[] = {
	[Q_OPEN] =
		"SELECT id, workspace_id, user_id FROM run WHERE state IN ('queued', 'streaming')"
		" AND id > ?1 ORDER BY id LIMIT 1",
	[Q_OPEN_ONE] = "SELECT id, workspace_id, user_id FROM run WHERE id = ?1"
		       " AND state IN ('queued', 'streaming')",
};
SQL_TABLE(table, "chat/run_recover", statements);

static void read_boxes(const json_t *array, struct arena *a, struct citation *c)
{
	c->boxes = arena_array(a, struct box, json_array_size(array) + 1);
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *b = json_array_get(array, i);
		const json_t *rect = json_object_get(b, "rect");

		c->boxes[c->n_boxes++] = (struct box){
			.page = (int32_t)json_integer_value(json_object_get(b, "page")),
			.x0 = (float)json_number_value(json_array_get(rect, 0)),
			.y0 = (float)json_number_value(json_array_get(rect, 1)),
			.x1 = (float)json_number_value(json_array_get(rect, 2)),
			.y1 = (float)json_number_value(json_array_get(rect, 3))};
	}
}

static int number_of(const json_t *o, const char *key)
{
	return (int)json_integer_value(json_object_get(o, key));
}

static const char *text_of(const json_t *o, const char *key, struct arena *a)
{
	return arena_str(a, json_string_value(json_object_get(o, key)));
}

static struct id id_of(const json_t *o, const char *key)
{
	return id_parse(NULL, json_string_value(json_object_get(o, key)));
}

/* Answer and citations as far as their events were stored, and not purged since. */
static void replay(struct arena *a, struct run_outcome *o, const struct run_event *events, int n,
	struct buf *answer)
{
	struct citation *citations = arena_array(a, struct citation, (size_t)n + 1);

	for (int i = 0; i < n; i++) {
		json_t *data = json_loads(events[i].data, 0, NULL);

		if (strcmp(events[i].type, "assistant.delta") == 0) {
			const char *text = json_string_value(json_object_get(data, "text"));

			buf_str(answer, text ? text : "");
		} else if (strcmp(events[i].type, "citation") == 0 &&
			   json_object_get(data, "documentId")) {
			struct citation *c = &citations[o->n_citations++];

			*c = (struct citation){.ordinal = number_of(data, "ordinal"),
				.handle = number_of(data, "handle"),
				.document = id_of(data, "documentId"),
				.version = id_of(data, "versionId"),
				.chunk = id_of(data, "chunkId"),
				.page = number_of(data, "page"),
				.place = text_of(data, "place", a),
				.quote = text_of(data, "quote", a),
				.answer_start = number_of(data, "answerStart"),
				.answer_end = number_of(data, "answerEnd"),
				.support = support_parse(
					json_string_value(json_object_get(data, "support")))};
			read_boxes(json_object_get(data, "boxes"), a, c);
		}
		json_decref(data);
	}
	o->citations = citations;
}

/* Ends an open run with what is stored of it. */
static int end_open(struct db *db, struct run_outcome *o, int64_t after_seq, struct err *e)
{
	struct arena a;
	struct buf answer = BUF_INIT;
	struct run_event *events;
	struct run_event last = {.type = (char *)"run.failed"};
	json_t *data = json_pack("{s:s, s:s}", "code", o->reason, "message", o->message);
	int n, rc;

	arena_init(&a);
	last.data = json_dumps(data, JSON_COMPACT);
	rc = run_events_load(db, &a, &o->run, 0, INT64_MAX - 1, &events, &n, e);
	if (rc == 0) {
		replay(&a, o, events, n, &answer);
		last.seq = (n > 0 ? events[n - 1].seq : 0) + RECOVERED_GAP;
		last.seq = last.seq > after_seq ? last.seq : after_seq + 1;
		o->state = answer.len > 0 ? "partial" : "failed";
		o->answer = answer.data;
		o->events = &last;
		o->n_events = 1;
		rc = run_commit(db, o, e);
	}
	free(last.data);
	json_decref(data);
	buf_finish(&answer);
	arena_finish(&a);
	return rc;
}

/* 1: there was one, and it is ended. */
static int end_next(
	struct db *db, struct stmt *q, struct run_outcome *o, int64_t after_seq, struct err *e)
{
	int rc = stmt_step(q, e);

	if (rc <= 0) {
		return rc;
	}
	o->run = col_id(q, 0);
	o->workspace = col_id(q, 1);
	o->user = col_id(q, 2);
	o->prompt_tokens = o->answer_tokens = -1;
	stmt_reset(q);
	rc = end_open(db, o, after_seq, e);
	return rc == 0 ? 1 : rc;
}

int runs_recover(struct db *db, int *n, struct err *e)
{
	struct id after = {""};
	int rc;

	*n = 0;
	do {
		struct run_outcome o = {.reason = "interrupted",
			.message = "The server stopped before this answer was complete."};
		struct stmt *q = db_stmt(db, &table, Q_OPEN);

		stmt_text(q, 1, after.s);
		rc = end_next(db, q, &o, 0, e);
		after = o.run;
		*n += rc > 0 ? 1 : 0;
	} while (rc > 0);
	return rc;
}

int run_give_up(struct db *db, const struct id *id, int64_t after_seq, struct err *e)
{
	struct run_outcome o = {
		.reason = "not_stored", .message = "The answer could not be stored."};
	struct stmt *q = db_stmt(db, &table, Q_OPEN_ONE);
	int rc;

	stmt_id(q, 1, id);
	rc = end_next(db, q, &o, after_seq, e);
	return rc < 0 ? rc : 0;
}
