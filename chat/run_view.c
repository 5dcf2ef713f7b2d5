/* What of an answer a reader may see now: chat/run_store.h. */
#include <stdlib.h>
#include <string.h>

#include "chat/retrieval.h"
#include "chat/run_store.h"

enum { Q_DOCUMENTS, Q_MODE, Q_OF_TURN };

static const char *const statements[] = {
	/* the second column: whether the answer cites it */
	[Q_DOCUMENTS] = "SELECT document_id, max(cited) FROM (SELECT document_id, 0 AS cited"
			" FROM run_source WHERE run_id = ?1 UNION ALL SELECT document_id, 1"
			" FROM citation WHERE run_id = ?1) GROUP BY document_id",
	[Q_MODE] = "SELECT mode FROM run WHERE id = ?1",
	[Q_OF_TURN] = "SELECT id, state, mode, created_ms FROM run WHERE conversation_id = ?1"
		      " AND turn_seq = ?2 ORDER BY created_ms, id",
};
SQL_TABLE(table, "chat/run_view", statements);

/* Every word of an extractive answer stands in a cited passage; a model may use any source. */
static int is_quoted_only(struct db *db, const struct id *run, bool *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_MODE);
	const char *mode;
	int rc;

	stmt_id(q, 1, run);
	rc = stmt_step(q, e);
	mode = rc > 0 ? col_text(q, 0) : NULL;
	*out = mode && strcmp(mode, "model") != 0;
	stmt_reset(q);
	return rc < 0 ? rc : 0;
}

struct used {
	struct id document;
	bool cited;
};

static int list_used(struct db *db, const struct id *run, struct buf *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_DOCUMENTS);
	int rc;

	stmt_id(q, 1, run);
	while ((rc = stmt_step(q, e)) > 0) {
		struct used used = {col_id(q, 0), col_int(q, 1) != 0};

		buf_add(out, &used, sizeof(used));
	}
	return rc;
}

int run_view_open(struct db *db, struct arena *a, const struct asker *who, const struct id *run,
	struct run_view *out, struct err *e)
{
	struct buf list = BUF_INIT;
	bool quoted_only;
	int rc = is_quoted_only(db, run, &quoted_only, e);
	struct id *gone;

	*out = (struct run_view){.gone = NULL};
	if (rc == 0) {
		rc = list_used(db, run, &list, e);
	}
	gone = arena_array(a, struct id, list.len / sizeof(struct used) + 1);
	for (size_t at = 0; rc == 0 && at < list.len; at += sizeof(struct used)) {
		struct used used;

		memcpy(&used, list.data + at, sizeof(used));
		if (acl_right(db, who, &used.document) < RIGHT_READ) {
			gone[out->n_gone++] = used.document;
			out->withheld = out->withheld || used.cited || !quoted_only;
		}
	}
	out->gone = gone;
	buf_finish(&list);
	return rc;
}

int runs_of_turn(struct db *db, struct arena *a, const struct id *conversation, int64_t seq,
	struct run_brief **out, int *n, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_OF_TURN);
	struct buf rows = BUF_INIT;
	int rc;

	stmt_id(q, 1, conversation);
	stmt_int(q, 2, seq);
	while ((rc = stmt_step(q, e)) > 0) {
		struct run_brief row = {col_id(q, 0), arena_str(a, col_text(q, 1)),
			arena_str(a, col_text(q, 2)), col_int(q, 3)};

		buf_add(&rows, &row, sizeof(row));
	}
	*n = (int)(rows.len / sizeof(struct run_brief));
	*out = arena_copy(a, rows.data ? rows.data : "", rows.len);
	buf_finish(&rows);
	return rc;
}

bool run_view_gone(const struct run_view *v, const char *document_id)
{
	for (int i = 0; i < v->n_gone; i++) {
		if (document_id && strcmp(v->gone[i].s, document_id) == 0) {
			return true;
		}
	}
	return false;
}

static const char *dump(struct arena *a, json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT);
	const char *out = arena_str(a, text);

	free(text);
	return out;
}

static const char *document_of(const json_t *o)
{
	return json_string_value(json_object_get(o, "documentId"));
}

/* Keeps only the numbers. */
static void reduce(json_t *o)
{
	static const char *const kept[] = {"ordinal", "handle"};
	json_t *small = json_pack("{s:b}", "gone", 1);

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		json_t *v = json_object_get(o, kept[i]);

		if (v) {
			json_object_set(small, kept[i], v);
		}
	}
	json_object_clear(o);
	json_object_update(o, small);
	json_decref(small);
}

/* Candidates that may not be read are not told of, but counted. */
static void leave_out(const struct run_view *v, json_t *o)
{
	json_t *list = json_object_get(o, "candidates");
	json_int_t hidden = json_integer_value(json_object_get(o, "hidden"));

	for (size_t i = json_array_size(list); i-- > 0;) {
		if (run_view_gone(v, document_of(json_array_get(list, i)))) {
			json_array_remove(list, i);
			hidden++;
		}
	}
	if (list) {
		retrieval_forget_same(list);
		json_object_set_new(o, "hidden", json_integer(hidden));
	}
}

const char *run_view_event(
	const struct run_view *v, struct arena *a, const char *type, const char *data)
{
	const char *out = data;
	json_t *o;

	if (v->n_gone == 0 && !v->withheld) {
		return data;
	}
	if (strcmp(type, "assistant.delta") == 0) {
		return v->withheld ? NULL : data;
	}
	o = json_loads(data, 0, NULL);
	if (strcmp(type, "citation") == 0 && run_view_gone(v, document_of(o))) {
		reduce(o);
		out = dump(a, o);
	} else if (strcmp(type, "retrieval.completed") == 0) {
		json_t *passages = json_object_get(o, "passages");

		for (size_t i = 0; i < json_array_size(passages); i++) {
			json_t *p = json_array_get(passages, i);

			if (run_view_gone(v, document_of(p))) {
				reduce(p);
			}
		}
		leave_out(v, o);
		out = dump(a, o);
	} else if (strcmp(type, "assistant.completed") == 0 && v->withheld) {
		json_object_set_new(o, "answer", json_string(""));
		json_object_set_new(o, "withheld", json_true());
		out = dump(a, o);
	}
	json_decref(o);
	return out;
}
