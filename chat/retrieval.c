#include "chat/retrieval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/utf8.h"
#include "index/chunks.h"
#include "index/place.h"
#include "ingest/external.h"
#include "ingest/formats.h"

enum {
	Q_ADD_SEARCH,
	Q_ADD_CANDIDATE,
	Q_SEARCH,
	Q_CANDIDATES,
	Q_DOCUMENTS,
	Q_FORGET_LOST,
	Q_DELETE_CANDIDATES,
	Q_DELETE_SEARCHES,
};

#define OF_CONVERSATION " WHERE run_id IN (SELECT id FROM run WHERE conversation_id = ?1)"

static const char *const statements[] = {
	[Q_ADD_SEARCH] = "INSERT INTO run_search(run_id, workspace_id, query, language, weak,"
			 " evidence, n_tokens, budget, time_us, rewritten,"
			 " rerank_error)"
			 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
	[Q_ADD_CANDIDATE] =
		"INSERT INTO run_candidate(run_id, fused_rank, workspace_id, document_id, chunk_id,"
		" handle, kept, fate, lexical_rank, vector_rank, score, n_tokens, same_as,"
		" rerank_rank, position)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
	[Q_SEARCH] = "SELECT query, language, weak, evidence, n_tokens, budget, time_us, rewritten,"
		     " rerank_error FROM run_search WHERE run_id = ?1",
	[Q_CANDIDATES] = "SELECT fused_rank, chunk_id, handle, kept, fate, lexical_rank,"
			 " vector_rank, score, n_tokens, same_as, rerank_rank FROM run_candidate"
			 " WHERE run_id = ?1 ORDER BY position, fused_rank",
	[Q_DOCUMENTS] = "SELECT DISTINCT document_id FROM run_candidate WHERE run_id = ?1",
	[Q_FORGET_LOST] =
		"UPDATE run_event SET data = '{\"purged\":true}' WHERE run_id = ?1"
		" AND type = 'retrieval.completed' AND EXISTS (SELECT 1 FROM run_candidate c"
		" JOIN document d ON d.id = c.document_id"
		" WHERE c.run_id = ?1 AND d.deleted_ms IS NOT NULL)",
	[Q_DELETE_CANDIDATES] = "DELETE FROM run_candidate" OF_CONVERSATION,
	[Q_DELETE_SEARCHES] = "DELETE FROM run_search" OF_CONVERSATION,
};
SQL_TABLE(table, "chat/retrieval", statements);

/* ── of a search ── */

/* n of the [n] whose passage the candidate stands in; 0: none. */
static int handle_of(const struct search_result *found, const struct id *chunk)
{
	for (int i = 0; i < found->n_passages; i++) {
		for (int k = 0; k < found->passages[i].n_chunks; k++) {
			if (id_equal(&found->passages[i].chunks[k], chunk)) {
				return i + 1;
			}
		}
	}
	return 0;
}

static void add(struct retrieval *r, const struct candidate *k, int n_sources)
{
	int handle = fate_keeps(k->fate) ? handle_of(r->found, &k->chunk) : 0;

	r->candidates[r->n] = *k;
	r->handles[r->n] = handle <= n_sources ? handle : 0;
	if (handle > n_sources && n_sources > 0) { /* the prompt's window was too small for it */
		r->candidates[r->n].fate = FATE_BUDGET;
	}
	r->n++;
}

void retrieval_fill(struct retrieval *r, struct arena *a, const char *query,
	const struct search_result *found, int n_sources)
{
	int n_others = RETRIEVAL_CANDIDATES_MAX;

	*r = (struct retrieval){.query = query, .found = found};
	r->candidates = arena_array(a, struct candidate, RETRIEVAL_CANDIDATES_MAX);
	r->handles = arena_array(a, int, RETRIEVAL_CANDIDATES_MAX);
	for (int i = 0; i < n_sources; i++) {
		r->n_tokens += found->passages[i].n_tokens;
	}
	for (int i = 0; i < found->n_candidates; i++) {
		n_others -= fate_keeps(found->candidates[i].fate) ? 1 : 0;
	}
	for (int i = 0; i < found->n_candidates && r->n < RETRIEVAL_CANDIDATES_MAX; i++) {
		const struct candidate *k = &found->candidates[i];

		if (k->fate == FATE_GONE) {
			r->n_hidden++;
		} else if (fate_keeps(k->fate) || n_others-- > 0) {
			add(r, k, n_sources);
		}
	}
}

const char *searched_type(const char *name)
{
	const char *type = format_type_named(name);

	return type ? type : external_type_named(name);
}

json_t *retrieval_conditions_json(const struct search_result *found)
{
	json_t *list = json_array();
	int i;

	for (i = 0; i < found->n_conditions; i++) {
		const struct condition *c = &found->conditions[i];

		json_array_append_new(
			list, json_pack("{s:s, s:b, s:b}", "text", c->written, "unmatched",
				      c->unmatched, "ignored", c->ignored));
	}
	return list;
}

json_t *retrieval_corrections_json(const struct search_result *found)
{
	json_t *list = json_array();
	int i;

	for (i = 0; i < found->n_corrections; i++) {
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "from", found->corrections[i].from, "to",
				      found->corrections[i].to));
	}
	return list;
}

json_t *retrieval_times_json(const struct search_result *found)
{
	json_t *out = json_object();

	for (int i = 0; i < SEARCH_N_STEPS; i++) {
		json_object_set_new(out, search_step_name((enum search_step)i),
			json_integer(found->step_us[i]));
	}
	json_object_set_new(out, "total", json_integer(found->total_us));
	return out;
}

static json_t *text_or_null(const char *text)
{
	return text && text[0] ? json_string(text) : json_null();
}

/* The model's time to rewrite the question belongs to no step of the search. */
static json_t *times_json(const struct retrieval *r)
{
	json_t *out = retrieval_times_json(r->found);

	if (r->rewrite_us > 0) {
		json_object_set_new(out, "rewrite", json_integer(r->rewrite_us));
	}
	return out;
}

static json_t *number_or_null(int64_t n)
{
	return n > 0 ? json_integer(n) : json_null();
}

/* A passage begins like this: whole characters only. */
static json_t *text_json(const char *text)
{
	return json_stringn(text, utf8_floor(text, strlen(text), RETRIEVAL_TEXT_MAX));
}

static json_t *candidate_json(const struct candidate *k, int handle)
{
	json_t *out = json_pack("{s:i, s:s, s:b, s:o, s:s, s:s, s:s, s:s, s:i, s:s, s:s?, s:o, "
				"s:o, s:f, s:i, s:o, s:o}",
		"fusedRank", k->fused_rank, "fate", fate_text(k->fate), "kept", fate_keeps(k->fate),
		"handle", number_or_null(handle), "chunkId", k->chunk.s, "documentId",
		k->document.s, "name", k->document_name, "heading", k->heading ? k->heading : "",
		"page", k->page, "place", k->place ? k->place : "", "unit", k->unit, "lexicalRank",
		number_or_null(k->lexical_rank), "vectorRank", number_or_null(k->vector_rank),
		"score", round(k->fused * 1e4) / 1e4, "tokens", k->n_tokens, "sameAs",
		number_or_null(k->same_as), "rerankRank", number_or_null(k->rerank_rank));

	if (fate_keeps(k->fate)) {
		json_object_set_new(out, "text", text_json(k->text));
	}
	return out;
}

json_t *retrieval_json(const struct retrieval *r)
{
	json_t *list = json_array();

	for (int i = 0; i < r->n; i++) {
		json_array_append_new(list, candidate_json(&r->candidates[i], r->handles[i]));
	}
	retrieval_forget_same(list);
	return json_pack("{s:s, s:o, s:s, s:b, s:f, s:i, s:I, s:o, s:o, s:i, s:o}", "query",
		r->query, "rewritten", text_or_null(r->rewritten), "language", r->found->language,
		"weak", r->weak, "evidence", round(r->found->evidence * 100) / 100, "tokens",
		r->n_tokens, "budget", (json_int_t)r->budget, "timeUs", times_json(r), "candidates",
		list, "hidden", r->n_hidden, "rerankError", text_or_null(r->found->rerank_error));
}

/* ── kept ── */

static int add_search(struct db *db, const struct id *run, const struct id *workspace,
	const struct retrieval *r, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_ADD_SEARCH);
	json_t *times = times_json(r);
	char *text = json_dumps(times, JSON_COMPACT);
	int rc;

	stmt_id(q, 1, run);
	stmt_id(q, 2, workspace);
	stmt_text(q, 3, r->query);
	stmt_text(q, 4, r->found->language ? r->found->language : "");
	stmt_int(q, 5, r->weak);
	stmt_real(q, 6, r->found->evidence);
	stmt_int(q, 7, r->n_tokens);
	stmt_int(q, 8, r->budget);
	stmt_text(q, 9, text);
	stmt_text(q, 10, r->rewritten ? r->rewritten : "");
	if (r->found->rerank_error) {
		stmt_text(q, 11, r->found->rerank_error);
	}
	rc = stmt_run(q, e);
	free(text);
	json_decref(times);
	return rc;
}

int retrieval_store(struct db *db, const struct id *run, const struct id *workspace,
	const struct retrieval *r, struct err *e)
{
	int rc = add_search(db, run, workspace, r, e);

	for (int i = 0; rc == 0 && i < r->n; i++) {
		const struct candidate *k = &r->candidates[i];
		struct stmt *q = db_stmt(db, &table, Q_ADD_CANDIDATE);

		stmt_id(q, 1, run);
		stmt_int(q, 2, k->fused_rank);
		stmt_id(q, 3, workspace);
		stmt_id(q, 4, &k->document);
		stmt_id(q, 5, &k->chunk);
		if (r->handles[i] > 0) {
			stmt_int(q, 6, r->handles[i]);
		}
		stmt_int(q, 7, fate_keeps(k->fate));
		stmt_text(q, 8, fate_text(k->fate));
		stmt_int(q, 9, k->lexical_rank);
		stmt_int(q, 10, k->vector_rank);
		stmt_real(q, 11, k->fused);
		stmt_int(q, 12, k->n_tokens);
		if (k->same_as > 0) {
			stmt_int(q, 13, k->same_as);
		}
		if (k->rerank_rank > 0) {
			stmt_int(q, 14, k->rerank_rank);
		}
		stmt_int(q, 15, i);
		rc = stmt_run(q, e);
	}
	return rc;
}

int retrieval_delete(struct db *db, const struct id *conversation, struct err *e)
{
	int rc = 0;

	for (int i = Q_DELETE_CANDIDATES; rc == 0 && i <= Q_DELETE_SEARCHES; i++) {
		struct stmt *q = db_stmt(db, &table, i);

		stmt_id(q, 1, conversation);
		rc = stmt_run(q, e);
	}
	return rc;
}

int retrieval_forget_lost(struct db *db, const struct id *run, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_FORGET_LOST);

	stmt_id(q, 1, run);
	return stmt_run(q, e);
}

/* ── shown again ── */

int retrieval_view(struct db *db, struct arena *a, const struct asker *who, const struct id *run,
	struct run_view *view, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_DOCUMENTS);
	struct id *documents = arena_array(a, struct id, RETRIEVAL_CANDIDATES_MAX);
	struct id *gone =
		arena_array(a, struct id, (size_t)view->n_gone + RETRIEVAL_CANDIDATES_MAX);
	int n = 0, n_gone = view->n_gone, rc;

	stmt_id(q, 1, run);
	while ((rc = stmt_step(q, e)) > 0 && n < RETRIEVAL_CANDIDATES_MAX) {
		documents[n++] = col_id(q, 0);
	}
	stmt_reset(q);
	if (rc < 0) {
		return rc;
	}
	memcpy(gone, view->gone, (size_t)view->n_gone * sizeof(*gone));
	for (int i = 0; i < n; i++) {
		if (!run_view_gone(view, documents[i].s) &&
			acl_right(db, who, &documents[i]) < RIGHT_READ) {
			gone[n_gone++] = documents[i];
		}
	}
	view->gone = gone;
	view->n_gone = n_gone;
	return 0;
}

void retrieval_forget_same(json_t *candidates)
{
	json_t *k, *other;
	size_t i, m;

	json_array_foreach(candidates, i, k)
	{
		json_int_t same = json_integer_value(json_object_get(k, "sameAs"));
		bool shown = false;

		json_array_foreach(candidates, m, other)
		{
			shown = shown ||
				json_integer_value(json_object_get(other, "fusedRank")) == same;
		}
		if (!shown) {
			json_object_set_new(k, "sameAs", json_null());
		}
	}
}

/* The row of Q_SEARCH without its candidates. */
static json_t *search_json(struct stmt *q)
{
	json_t *times = json_loads(col_text(q, 6), 0, NULL);

	return json_pack("{s:s, s:o, s:s, s:b, s:f, s:I, s:I, s:o, s:o}", "query", col_text(q, 0),
		"rewritten", text_or_null(col_text(q, 7)), "language", col_text(q, 1), "weak",
		(int)col_int(q, 2), "evidence", round(col_real(q, 3) * 100) / 100, "tokens",
		(json_int_t)col_int(q, 4), "budget", (json_int_t)col_int(q, 5), "timeUs",
		times ? times : json_object(), "rerankError", text_or_null(col_text(q, 8)));
}

struct kept {
	struct id chunk;
	json_t *json; /* what needs no permission */
};

/* The row of Q_CANDIDATES. */
static struct kept read_kept(struct stmt *q)
{
	return (struct kept){col_id(q, 1),
		json_pack("{s:I, s:s, s:b, s:o, s:o, s:o, s:f, s:I, s:o, s:o}", "fusedRank",
			(json_int_t)col_int(q, 0), "fate", col_text(q, 4), "kept",
			(int)col_int(q, 3), "handle", number_or_null(col_int(q, 2)), "lexicalRank",
			number_or_null(col_int(q, 5)), "vectorRank", number_or_null(col_int(q, 6)),
			"score", round(col_real(q, 7) * 1e4) / 1e4, "tokens",
			(json_int_t)col_int(q, 8), "sameAs", number_or_null(col_int(q, 9)),
			"rerankRank", number_or_null(col_int(q, 10)))};
}

/* Takes the candidate over: into the list, if its chunk may be read now. */
static int show(struct db *db, struct arena *a, const struct asker *who, struct kept *k,
	json_t *list, int *n_hidden, struct err *e)
{
	struct chunk chunk;
	int rc = chunk_open(db, a, who, &k->chunk, &chunk, e);

	if (rc != 0) {
		json_decref(k->json);
		*n_hidden += rc == ERR_NOT_FOUND;
		if (rc == ERR_NOT_FOUND && e) {
			err_clear(e);
		}
		return rc == ERR_NOT_FOUND ? 0 : rc;
	}
	json_object_set_new(k->json, "chunkId", json_string(chunk.id.s));
	json_object_set_new(k->json, "documentId", json_string(chunk.document.s));
	json_object_set_new(k->json, "name", json_string(chunk.document_name));
	json_object_set_new(k->json, "heading", json_string(chunk.heading));
	json_object_set_new(k->json, "page", json_integer(chunk.page_first));
	json_object_set_new(k->json, "place", json_string(chunk_place(&chunk, a)));
	json_object_set_new(k->json, "unit", chunk.unit ? json_string(chunk.unit) : json_null());
	json_object_set_new(k->json, "text", text_json(chunk.text));
	json_array_append_new(list, k->json);
	return 0;
}

int retrieval_open(struct db *db, struct arena *a, const struct asker *who, const struct id *run,
	json_t **out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_SEARCH);
	struct kept kept[RETRIEVAL_CANDIDATES_MAX];
	json_t *list;
	int n = 0, n_hidden = 0, rc;

	stmt_id(q, 1, run);
	rc = stmt_step(q, e);
	if (rc <= 0) {
		return rc < 0 ? rc
			      : err_set(e, ERR_CONFLICT, "not_searched",
					"Nothing was searched for this answer yet.");
	}
	*out = search_json(q);
	stmt_reset(q);
	q = db_stmt(db, &table, Q_CANDIDATES);
	stmt_id(q, 1, run);
	while ((rc = stmt_step(q, e)) > 0 && n < RETRIEVAL_CANDIDATES_MAX) {
		kept[n++] = read_kept(q);
	}
	stmt_reset(q);
	rc = rc < 0 ? rc : 0;
	list = json_array();
	for (int i = 0; i < n; i++) {
		if (rc == 0) {
			rc = show(db, a, who, &kept[i], list, &n_hidden, e);
		} else {
			json_decref(kept[i].json);
		}
	}
	retrieval_forget_same(list);
	json_object_set_new(*out, "candidates", list);
	json_object_set_new(*out, "hidden", json_integer(n_hidden));
	if (rc != 0) {
		json_decref(*out);
	}
	return rc;
}
