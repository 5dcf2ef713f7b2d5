#include "chat/run_store.h"

#include "chat/retrieval.h"

#include <string.h>
#include <stdlib.h>

#include "index/base/clock.h"

enum {
	Q_ADD,
	Q_LOOKUP,
	Q_BEGIN,
	Q_FINISH,
	Q_OPEN_OF,
	Q_ALL_OPEN_OF,
	Q_ADD_EVENT,
	Q_EVENTS,
	Q_ADD_SOURCE,
	Q_INHERIT,
	Q_ADD_CITATION,
	Q_CITATIONS,
	Q_COUNT_USAGE,
	Q_LOST_SOURCE,
	Q_FORGET_EVENTS,
	Q_FORGET_ANSWER,
	Q_FORGET_CITATIONS,
	Q_DELETE_EVENTS,
	Q_DELETE_SOURCES,
	Q_DELETE_CITATIONS,
	Q_DELETE_RUNS,
};

#define DELTA "assistant.delta"
#define OF_CONVERSATION " WHERE run_id IN (SELECT id FROM run WHERE conversation_id = ?1)"

static const char *const statements[] = {
	[Q_ADD] = "INSERT INTO run(id, workspace_id, conversation_id, turn_seq, user_id, state,"
		  " created_ms) VALUES (?1, ?2, ?3, ?4, ?5, 'queued', ?6)",
	[Q_LOOKUP] =
		"SELECT r.id, r.workspace_id, r.conversation_id, r.user_id, r.turn_seq, r.state,"
		" r.mode, r.model, r.answer, r.reason, r.message, r.prompt_tokens, r.answer_tokens,"
		" r.created_ms, r.finished_ms FROM run r JOIN conversation c"
		" ON c.id = r.conversation_id AND c.deleted_ms IS NULL"
		" WHERE r.id = ?1 AND c.user_id = ?2 AND c.workspace_id = ?3",
	[Q_BEGIN] = "UPDATE run SET state = 'streaming' WHERE id = ?1 AND state = 'queued'",
	[Q_FINISH] = "UPDATE run SET state = ?2, mode = ?3, model = ?4, answer = ?5, reason = ?6,"
		     " message = ?7, prompt_tokens = ?8, answer_tokens = ?9, finished_ms = ?10"
		     " WHERE id = ?1 AND state IN ('queued', 'streaming')",
	[Q_OPEN_OF] = "SELECT id FROM run WHERE conversation_id = ?1 AND turn_seq = ?2"
		      " AND state IN ('queued', 'streaming') LIMIT 1",
	[Q_ALL_OPEN_OF] = "SELECT id FROM run WHERE conversation_id = ?1"
			  " AND state IN ('queued', 'streaming')",
	[Q_ADD_EVENT] = "INSERT INTO run_event(run_id, seq, type, data) VALUES (?1, ?2, ?3, ?4)",
	[Q_EVENTS] =
		"SELECT seq, type, data FROM run_event WHERE run_id = ?1 AND seq > ?2 ORDER BY seq",
	[Q_ADD_SOURCE] =
		"INSERT INTO run_source(run_id, handle, workspace_id, document_id, version_id,"
		" chunk_id, chunk_ids) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	/* no [n] means them: their handles are -1, -2, … */
	[Q_INHERIT] =
		"INSERT INTO run_source(run_id, handle, workspace_id, document_id, version_id,"
		" chunk_id, chunk_ids) SELECT ?1, (SELECT min(0, coalesce(min(handle), 0))"
		" FROM run_source WHERE run_id = ?1) - row_number() OVER (ORDER BY document_id),"
		" workspace_id, document_id, '', '', '[]'"
		" FROM (SELECT workspace_id, document_id FROM citation WHERE run_id = ?2"
		" UNION SELECT s.workspace_id, s.document_id FROM run_source s JOIN run r"
		" ON r.id = s.run_id WHERE r.id = ?2 AND coalesce(r.mode, 'model') = 'model')"
		" WHERE document_id NOT IN (SELECT document_id FROM run_source WHERE run_id = ?1)",
	[Q_ADD_CITATION] =
		"INSERT INTO citation(run_id, ordinal, workspace_id, handle, document_id,"
		" version_id, chunk_id, page, boxes, quote, answer_start, answer_end,"
		" support, place) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
		" ?14)",
	[Q_CITATIONS] =
		"SELECT ordinal, handle, document_id, version_id, chunk_id, page, boxes, quote,"
		" answer_start, answer_end, support, (SELECT name FROM document d"
		" WHERE d.id = document_id), place, (SELECT nullif(paging, 'none')"
		" FROM document_version v WHERE v.id = version_id) FROM citation WHERE run_id = ?1"
		" ORDER BY ordinal",
	[Q_COUNT_USAGE] =
		"INSERT INTO usage(workspace_id, user_id, day, model, n_runs, prompt_tokens,"
		" answer_tokens) VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6)"
		" ON CONFLICT(workspace_id, user_id, day, model) DO UPDATE SET"
		" n_runs = n_runs + 1, prompt_tokens = prompt_tokens + ?5,"
		" answer_tokens = answer_tokens + ?6",
	/* of those that the answer may hold words of, as chat/run_view.c says */
	[Q_LOST_SOURCE] = "SELECT 1 FROM document WHERE deleted_ms IS NOT NULL AND id IN"
			  " (SELECT document_id FROM citation WHERE run_id = ?1 UNION"
			  " SELECT s.document_id FROM run_source s JOIN run r ON r.id = s.run_id"
			  " WHERE r.id = ?1 AND coalesce(r.mode, 'model') = 'model') LIMIT 1",
	[Q_FORGET_EVENTS] =
		"UPDATE run_event SET data = '{\"purged\":true}' WHERE run_id = ?1"
		" AND (type LIKE 'assistant.%' OR type IN ('citation', 'retrieval.completed'))",
	[Q_FORGET_ANSWER] = "UPDATE run SET answer = '' WHERE id = ?1",
	[Q_FORGET_CITATIONS] = "UPDATE citation SET quote = NULL, boxes = NULL, place = NULL,"
			       " answer_start = 0, answer_end = 0 WHERE run_id = ?1",
	[Q_DELETE_EVENTS] = "DELETE FROM run_event" OF_CONVERSATION,
	[Q_DELETE_SOURCES] = "DELETE FROM run_source" OF_CONVERSATION,
	[Q_DELETE_CITATIONS] = "DELETE FROM citation" OF_CONVERSATION,
	[Q_DELETE_RUNS] = "DELETE FROM run WHERE conversation_id = ?1",
};
SQL_TABLE(table, "chat/run_store", statements);

/* ── runs ── */

int run_add(struct db *db, const struct asker *who, const struct id *conversation, int64_t turn_seq,
	struct id *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_ADD);

	*out = id_create("run");
	stmt_id(q, 1, out);
	stmt_id(q, 2, &who->workspace);
	stmt_id(q, 3, conversation);
	stmt_int(q, 4, turn_seq);
	stmt_id(q, 5, &who->user);
	stmt_int(q, 6, clock_wall_ms());
	return stmt_run(q, e);
}

static int64_t count_at(struct stmt *q, int i)
{
	return col_null(q, i) ? -1 : col_int(q, i);
}

int run_lookup(struct db *db, struct arena *a, const struct asker *who, const struct id *id,
	struct run_row *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_LOOKUP);
	int rc;

	stmt_id(q, 1, id);
	stmt_id(q, 2, &who->user);
	stmt_id(q, 3, &who->workspace);
	rc = stmt_step(q, e);
	if (rc <= 0) {
		return rc < 0 ? rc : err_absent(e);
	}
	*out = (struct run_row){.id = col_id(q, 0),
		.workspace = col_id(q, 1),
		.conversation = col_id(q, 2),
		.user = col_id(q, 3),
		.turn_seq = col_int(q, 4),
		.state = arena_str(a, col_text(q, 5)),
		.mode = arena_str(a, col_text(q, 6)),
		.model = arena_str(a, col_text(q, 7)),
		.answer = arena_str(a, col_text(q, 8)),
		.reason = arena_str(a, col_text(q, 9)),
		.message = arena_str(a, col_text(q, 10)),
		.prompt_tokens = count_at(q, 11),
		.answer_tokens = count_at(q, 12),
		.created_ms = col_int(q, 13),
		.finished_ms = col_int(q, 14)};
	stmt_reset(q);
	return 0;
}

bool run_is_open(const struct run_row *r)
{
	return strcmp(r->state, "queued") == 0 || strcmp(r->state, "streaming") == 0;
}

int run_begin(struct db *db, const struct id *id, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_BEGIN);

	stmt_id(q, 1, id);
	return stmt_run(q, e);
}

int runs_open_of(
	struct db *db, const struct id *conversation, int64_t seq, struct id *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_OPEN_OF);
	int rc;

	stmt_id(q, 1, conversation);
	stmt_int(q, 2, seq);
	rc = stmt_step(q, e);
	*out = rc > 0 ? col_id(q, 0) : (struct id){""};
	stmt_reset(q);
	return rc < 0 ? rc : 0;
}

int runs_all_open_of(struct db *db, struct arena *a, const struct id *conversation, struct id **out,
	int *n, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_ALL_OPEN_OF);
	struct buf rows = BUF_INIT;
	int rc;

	stmt_id(q, 1, conversation);
	while ((rc = stmt_step(q, e)) > 0) {
		struct id id = col_id(q, 0);

		buf_add(&rows, &id, sizeof(id));
	}
	*n = (int)(rows.len / sizeof(struct id));
	*out = arena_copy(a, rows.data ? rows.data : "", rows.len);
	buf_finish(&rows);
	return rc;
}

int runs_delete(struct db *db, const struct id *conversation, struct err *e)
{
	int rc = retrieval_delete(db, conversation, e);

	for (int i = Q_DELETE_EVENTS; rc == 0 && i <= Q_DELETE_RUNS; i++) {
		struct stmt *q = db_stmt(db, &table, i);

		stmt_id(q, 1, conversation);
		rc = stmt_run(q, e);
	}
	return rc;
}

/* ── events ── */

static bool is_delta(const char *type)
{
	return strcmp(type, DELTA) == 0;
}

/* How many of the events stand in one row: deltas whose numbers follow each other. */
static int row_length(const struct run_event *events, int n)
{
	int i = 1;

	while (i < n && is_delta(events[0].type) && is_delta(events[i].type) &&
		events[i].seq == events[i - 1].seq + 1) {
		i++;
	}
	return i;
}

static int add_row(
	struct db *db, const struct id *run, const struct run_event *events, int n, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_ADD_EVENT);
	struct buf lines = BUF_INIT;
	int rc;

	for (int i = 0; i < n; i++) {
		buf_str(&lines, i > 0 ? "\n" : "");
		buf_str(&lines, events[i].data);
	}
	stmt_id(q, 1, run);
	stmt_int(q, 2, events[n - 1].seq);
	stmt_text(q, 3, events[0].type);
	stmt_textn(q, 4, lines.data, lines.len);
	rc = stmt_run(q, e);
	buf_finish(&lines);
	return rc;
}

int run_events_add(
	struct db *db, const struct id *run, const struct run_event *events, int n, struct err *e)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < n;) {
		int n_row = row_length(events + i, n - i);

		rc = add_row(db, run, events + i, n_row, e);
		i += n_row;
	}
	return rc;
}

/* The events of a row that come after after_seq. */
static void split_row(struct buf *out, const struct run_event *row, int64_t after_seq)
{
	int64_t seq = row->seq;
	char *line = row->data, *end;

	for (const char *p = row->data; is_delta(row->type) && (p = strchr(p, '\n')); p++) {
		seq--;
	}
	for (; line; line = end ? end + 1 : NULL) {
		struct run_event ev = {seq++, row->type, line};

		end = is_delta(row->type) ? strchr(line, '\n') : NULL;
		if (end) {
			*end = '\0';
		}
		if (ev.seq > after_seq) {
			buf_add(out, &ev, sizeof(ev));
		}
	}
}

int run_events_load(struct db *db, struct arena *a, const struct id *run, int64_t after_seq,
	int64_t max_bytes, struct run_event **out, int *n, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_EVENTS);
	struct buf rows = BUF_INIT;
	int64_t bytes = 0;
	int rc = 0;

	stmt_id(q, 1, run);
	stmt_int(q, 2, after_seq);
	while (bytes <= max_bytes && (rc = stmt_step(q, e)) > 0) {
		struct run_event row = {
			col_int(q, 0), arena_str(a, col_text(q, 1)), arena_str(a, col_text(q, 2))};

		bytes += (int64_t)strlen(row.data);
		split_row(&rows, &row, after_seq);
	}
	stmt_reset(q);
	*n = (int)(rows.len / sizeof(struct run_event));
	*out = arena_copy(a, rows.data ? rows.data : "", rows.len);
	buf_finish(&rows);
	return rc < 0 ? rc : 0;
}

/* ── sources and citations ── */

int run_sources_add(struct db *db, const struct id *run, const struct id *workspace,
	const struct passage *passages, int n, struct err *e)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < n; i++) {
		struct stmt *q = db_stmt(db, &table, Q_ADD_SOURCE);
		json_t *chunks = json_array();
		char *text;

		for (int k = 0; k < passages[i].n_chunks; k++) {
			json_array_append_new(chunks, json_string(passages[i].chunks[k].s));
		}
		text = json_dumps(chunks, JSON_COMPACT);
		stmt_id(q, 1, run);
		stmt_int(q, 2, i + 1);
		stmt_id(q, 3, workspace);
		stmt_id(q, 4, &passages[i].document);
		stmt_id(q, 5, &passages[i].version);
		stmt_id(q, 6,
			passages[i].n_chunks > 0 ? &passages[i].chunks[0] : &passages[i].chunk);
		stmt_text(q, 7, text);
		rc = stmt_run(q, e);
		free(text);
		json_decref(chunks);
	}
	return rc;
}

int run_sources_inherit(
	struct db *db, const struct id *run, const struct id *earlier, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_INHERIT);

	stmt_id(q, 1, run);
	stmt_id(q, 2, earlier);
	return stmt_run(q, e);
}

static int add_citation(struct db *db, const struct id *run, const struct id *workspace,
	const struct citation *c, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_ADD_CITATION);
	struct buf boxes = BUF_INIT;

	stmt_id(q, 1, run);
	stmt_int(q, 2, c->ordinal);
	stmt_id(q, 3, workspace);
	stmt_int(q, 4, c->handle);
	stmt_id(q, 5, &c->document);
	stmt_id(q, 6, &c->version);
	stmt_id(q, 7, &c->chunk);
	stmt_int(q, 8, c->page);
	if (c->n_boxes > 0) {
		boxes_pack(c->boxes, c->n_boxes, &boxes);
		stmt_blob(q, 9, boxes.data, boxes.len);
	}
	stmt_text(q, 10, c->quote);
	stmt_int(q, 11, c->answer_start);
	stmt_int(q, 12, c->answer_end);
	stmt_text(q, 13, support_name(c->support));
	stmt_text(q, 14, c->place);
	buf_finish(&boxes);
	return stmt_run(q, e);
}

json_t *citation_json(const struct citation *c)
{
	json_t *boxes = json_array();

	for (int i = 0; i < c->n_boxes; i++) {
		json_array_append_new(
			boxes, json_pack("{s:i, s:[f,f,f,f]}", "page", (int)c->boxes[i].page,
				       "rect", (double)c->boxes[i].x0, (double)c->boxes[i].y0,
				       (double)c->boxes[i].x1, (double)c->boxes[i].y1));
	}
	return json_pack(
		"{s:i, s:i, s:s, s:s?, s:s, s:s, s:i, s:s, s:s?, s:s?, s:o, s:s, s:i, s:i}",
		"ordinal", c->ordinal, "handle", c->handle, "documentId", c->document.s, "name",
		c->document_name, "versionId", c->version.s, "chunkId", c->chunk.s, "page", c->page,
		"place", c->place ? c->place : "", "unit", c->unit, "quote", c->quote, "boxes",
		boxes, "support", support_name(c->support), "answerStart", c->answer_start,
		"answerEnd", c->answer_end);
}

static void read_citation(struct stmt *q, struct arena *a, struct citation *out)
{
	size_t n_packed;
	const void *packed = col_blob(q, 6, &n_packed);

	*out = (struct citation){.ordinal = (int)col_int(q, 0),
		.handle = (int)col_int(q, 1),
		.document = col_id(q, 2),
		.version = col_id(q, 3),
		.chunk = col_id(q, 4),
		.page = (int)col_int(q, 5),
		.quote = arena_str(a, col_text(q, 7)),
		.answer_start = (int)col_int(q, 8),
		.answer_end = (int)col_int(q, 9),
		.support = support_parse(col_text(q, 10)),
		.document_name = arena_str(a, col_text(q, 11)),
		.place = arena_str(a, col_text(q, 12)),
		.unit = arena_str(a, col_text(q, 13))};
	if (packed && boxes_unpack(packed, n_packed, a, &out->boxes, &out->n_boxes, NULL) != 0) {
		out->n_boxes = 0;
	}
}

int run_citations_json(struct db *db, struct arena *a, const struct run_view *v,
	const struct id *run, json_t **out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_CITATIONS);
	int rc;

	*out = json_array();
	stmt_id(q, 1, run);
	while ((rc = stmt_step(q, e)) > 0) {
		struct citation c;

		read_citation(q, a, &c);
		json_array_append_new(
			*out, run_view_gone(v, c.document.s)
				      ? json_pack("{s:i, s:i, s:b}", "ordinal", c.ordinal, "handle",
						c.handle, "gone", 1)
				      : citation_json(&c));
	}
	if (rc < 0) {
		json_decref(*out);
		*out = NULL;
	}
	return rc;
}

int run_citation(struct db *db, struct arena *a, const struct asker *who, const struct id *run,
	int ordinal, struct citation *out, struct err *e)
{
	struct run_row row;
	struct stmt *q;
	int rc = run_lookup(db, a, who, run, &row, e);

	if (rc != 0) {
		return rc;
	}
	q = db_stmt(db, &table, Q_CITATIONS);
	stmt_id(q, 1, run);
	do {
		rc = stmt_step(q, e);
	} while (rc > 0 && col_int(q, 0) != ordinal);
	if (rc <= 0) {
		return rc < 0 ? rc : err_absent(e);
	}
	read_citation(q, a, out);
	stmt_reset(q);
	return acl_may(db, who, &out->document, RIGHT_READ, e);
}

/* ── the end of a run ── */

static int count_usage(struct db *db, const struct run_outcome *o, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_COUNT_USAGE);
	char day[32];

	clock_rfc3339(clock_wall_ms(), day, sizeof(day));
	stmt_id(q, 1, &o->workspace);
	stmt_id(q, 2, &o->user);
	stmt_textn(q, 3, day, 10);
	stmt_text(q, 4, o->model ? o->model : "extractive");
	stmt_int(q, 5, o->prompt_tokens > 0 ? o->prompt_tokens : 0);
	stmt_int(q, 6, o->answer_tokens > 0 ? o->answer_tokens : 0);
	return stmt_run(q, e);
}

static int finish_row(struct db *db, const struct run_outcome *o, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_FINISH);
	int rc;

	stmt_id(q, 1, &o->run);
	stmt_text(q, 2, o->state);
	stmt_text(q, 3, o->mode);
	stmt_text(q, 4, o->model);
	stmt_text(q, 5, o->answer ? o->answer : "");
	stmt_text(q, 6, o->reason);
	stmt_text(q, 7, o->message);
	if (o->prompt_tokens >= 0) {
		stmt_int(q, 8, o->prompt_tokens);
	}
	if (o->answer_tokens >= 0) {
		stmt_int(q, 9, o->answer_tokens);
	}
	stmt_int(q, 10, clock_wall_ms());
	rc = stmt_run(q, e);
	if (rc == 0 && db_changes(db) == 0) {
		return err_set(e, ERR_CANCELLED, "run_gone", "the run is not there any more");
	}
	return rc;
}

/* A purge blanks the answers that are there: one that was being written meanwhile is blanked here.
 */
static int forget_lost(struct db *db, const struct id *run, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_LOST_SOURCE);
	int rc;

	stmt_id(q, 1, run);
	rc = stmt_step(q, e);
	stmt_reset(q);
	if (rc <= 0) {
		return rc;
	}
	for (int i = Q_FORGET_EVENTS; rc >= 0 && i <= Q_FORGET_CITATIONS; i++) {
		q = db_stmt(db, &table, i);
		stmt_id(q, 1, run);
		rc = stmt_run(q, e);
	}
	return rc;
}

int run_commit(struct db *db, const struct run_outcome *o, struct err *e)
{
	int rc = finish_row(db, o, e);

	if (rc == 0) {
		rc = run_events_add(db, &o->run, o->events, o->n_events, e);
	}
	for (int i = 0; rc == 0 && i < o->n_citations; i++) {
		rc = add_citation(db, &o->run, &o->workspace, &o->citations[i], e);
	}
	if (rc == 0) {
		rc = forget_lost(db, &o->run, e);
	}
	if (rc == 0) {
		rc = retrieval_forget_lost(db, &o->run, e);
	}
	return rc == 0 && o->mode ? count_usage(db, o, e) : rc;
}
