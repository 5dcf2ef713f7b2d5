/* Passages without a model. */
#include "chat/routes.h"

#include <math.h>
#include <string.h>

#include "chat/http/server.h"
#include "chat/prompt.h"
#include "chat/retrieval.h"
#include "index/catalog.h"
#include "retrieve/evidence.h"
#include "retrieve/search.h"

#define COLLECTIONS_MAX 64
#define BUDGET_MAX 1000000

static json_t *boxes_json(const struct box *boxes, int n)
{
	json_t *list = json_array();
	int i;

	for (i = 0; i < n; i++) {
		json_array_append_new(
			list, json_pack("{s:i, s:[f,f,f,f]}", "page", (int)boxes[i].page, "rect",
				      (double)boxes[i].x0, (double)boxes[i].y0, (double)boxes[i].x1,
				      (double)boxes[i].y1));
	}
	return list;
}

static json_t *rank_json(int rank)
{
	return rank > 0 ? json_integer(rank) : json_null();
}

static json_t *also_json(const struct passage *p)
{
	json_t *list = json_array();

	for (int i = 0; i < p->n_also; i++) {
		const struct passage_also *k = &p->also[i];

		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:i, s:s, s:s?}", "documentId", k->document.s,
				"name", k->document_name, "chunkId", k->chunk.s, "page", k->page,
				"place", k->place, "unit", k->unit));
	}
	return list;
}

static json_t *passage_json(const struct passage *p)
{
	json_t *chunks = json_array();
	int i;

	for (i = 0; i < p->n_chunks; i++) {
		json_array_append_new(chunks, json_string(p->chunks[i].s));
	}
	return json_pack("{s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:s?, s:i, s:i, "
			 "s:I, s:I, s:o, s:i, "
			 "s:f, s:o, s:o, s:o}",
		"chunkId", p->chunk.s, "chunkIds", chunks, "documentId", p->document.s, "versionId",
		p->version.s, "collectionId", p->collection.s, "name", p->document_name, "title",
		p->title, "heading", p->heading, "text", p->text, "page", p->page, "place",
		p->place, "unit", p->unit, "pageFirst", p->page_first, "pageLast", p->page_last,
		"byteStart", (json_int_t)p->byte_start, "byteEnd", (json_int_t)p->byte_end, "boxes",
		boxes_json(p->boxes, p->n_boxes), "tokens", p->n_tokens, "score", p->score,
		"lexicalRank", rank_json(p->lexical_rank), "vectorRank", rank_json(p->vector_rank),
		"also", also_json(p));
}

/* A candidate that is gone is told as nothing but a cut. */
static json_t *candidate_json(const struct candidate *k)
{
	if (k->fate == FATE_GONE) {
		return json_pack(
			"{s:i, s:s}", "fusedRank", k->fused_rank, "fate", fate_text(k->fate));
	}
	return json_pack(
		"{s:i, s:s, s:b, s:s, s:s, s:s, s:s, s:i, s:s, s:s?, s:o, s:o, s:f, s:i, s:o, s:o}",
		"fusedRank", k->fused_rank, "fate", fate_text(k->fate), "kept", fate_keeps(k->fate),
		"chunkId", k->chunk.s, "documentId", k->document.s, "name", k->document_name,
		"heading", k->heading, "page", k->page, "place", k->place, "unit", k->unit,
		"lexicalRank", rank_json(k->lexical_rank), "vectorRank", rank_json(k->vector_rank),
		"score", k->fused, "tokens", k->n_tokens, "sameAs", rank_json(k->same_as),
		"rerankRank", rank_json(k->rerank_rank));
}

int collections_field(struct call *c, struct id **out, int *n, struct err *e)
{
	json_t *array = NULL;
	size_t i;
	int rc = call_array(c, "collections", false, COLLECTIONS_MAX, &array, e);

	*out = NULL;
	*n = 0;
	if (rc || !array) {
		return rc;
	}
	*out = arena_array(&c->arena, struct id, json_array_size(array) + 1);
	for (i = 0; i < json_array_size(array); i++) {
		const char *text = json_string_value(json_array_get(array, i));
		struct id id = id_parse("col", text ? text : "");
		struct collection k;

		if (!text) {
			return err_set(e, ERR_INVALID, "bad_collections",
				"collections is a list of names or ids.");
		}
		rc = id_empty(&id)
			     ? collection_by_name(c->db, &c->arena, &c->who, text, &k, e)
			     : collection_lookup(c->db, &c->arena, &c->who.workspace, &id, &k, e);
		if (rc) {
			return rc;
		}
		id = k.id;
		rc = acl_may(c->db, &c->who, &id, RIGHT_READ, e);
		if (rc) {
			return rc;
		}
		(*out)[(*n)++] = id;
	}
	return 0;
}

int search_passages(struct call *c, struct err *e)
{
	static const char *const fields[] = {
		"query", "limit", "tokens", "collections", "explain", "plain"};
	struct search_request r = {
		.who = &c->who, .settings = c->app->settings, .type_of = searched_type};
	struct search_result found;
	struct id *collections;
	int64_t limit = 10, tokens = 0;
	json_t *passages, *out;
	int i;
	int rc = call_fields(c, fields, 6, e);

	if (rc || (rc = call_text(c, "query", true, SEARCH_QUERY_MAX, &r.query, e)) ||
		(rc = call_int(c, "limit", false, 1, 100, &limit, e)) ||
		(rc = call_int(c, "tokens", false, 1, BUDGET_MAX, &tokens, e)) ||
		(rc = call_bool(c, "explain", &r.explain, e)) ||
		(rc = call_bool(c, "plain", &r.plain, e)) ||
		(rc = collections_field(c, &collections, &r.n_collections, e))) {
		return rc;
	}
	r.limit = (int)limit;
	r.token_budget = (int)tokens;
	r.collections = collections;
	rc = search_run(c->app->index, c->db, &r, &c->arena, &found, e);
	if (rc) {
		return rc;
	}
	passages = json_array();
	for (i = 0; i < found.n_passages; i++) {
		json_array_append_new(passages, passage_json(&found.passages[i]));
	}
	out = json_pack("{s:o, s:s, s:o, s:o, s:s, s:f, s:b, s:i, s:o}", "passages", passages,
		"words", found.words, "conditions", retrieval_conditions_json(&found),
		"corrections", retrieval_corrections_json(&found), "language", found.language,
		"evidence", round(found.evidence * 100) / 100, "weak",
		found.evidence < found.needed, "tokens", found.n_tokens, "timeUs",
		retrieval_times_json(&found));
	if (found.vector_error) {
		json_object_set_new(out, "vectorError", json_string(found.vector_error));
	}
	if (found.rerank_error) {
		json_object_set_new(out, "rerankError", json_string(found.rerank_error));
	}
	if (r.explain) {
		json_t *candidates = json_array();

		for (i = 0; i < found.n_candidates; i++) {
			json_array_append_new(candidates, candidate_json(&found.candidates[i]));
		}
		json_object_set_new(out, "candidates", candidates);
		json_object_set_new(out, "embedder", json_string(found.embedder));
		json_object_set_new(
			out, "weight", json_integer((json_int_t)(found.vector_weight * 100 + .5)));
	}
	return call_json(c, 200, out);
}

/* The prompt that a model would be sent for a first question: nothing is sent or stored. */
int search_prompt(struct call *c, struct err *e)
{
	static const char *const fields[] = {"input", "collections"};
	const struct settings *set = c->app->settings;
	struct search_request r = {.who = &c->who,
		.lenient = true,
		.type_of = searched_type,
		.settings = set,
		.limit = PROMPT_PASSAGES_MAX,
		.token_budget = (int)set->source_tokens};
	struct prompt_order o = {.context_tokens = set->model_context,
		.answer_tokens = set->answer_tokens,
		.source_tokens = set->source_tokens};
	struct search_result found;
	struct prompt prompt;
	struct id *collections;
	json_t *sources;
	int i;
	int rc = call_fields(c, fields, 2, e);

	if (rc || (rc = call_text(c, "input", true, SEARCH_QUERY_MAX, &r.query, e)) ||
		(rc = collections_field(c, &collections, &r.n_collections, e))) {
		return rc;
	}
	r.collections = collections;
	rc = search_run(c->app->index, c->db, &r, &c->arena, &found, e);
	if (rc) {
		return rc;
	}
	o.question = r.query;
	o.passages = found.passages;
	o.n_passages = found.n_passages;
	prompt_build(&o, &prompt);
	sources = json_array();
	for (i = 0; i < prompt.n_sources; i++) {
		json_array_append_new(sources, passage_json(&found.passages[i]));
	}
	return call_json(c, 200,
		json_pack("{s:o, s:o, s:i, s:i, s:I}", "messages", prompt.messages, "sources",
			sources, "tokens", prompt.n_tokens, "answerTokens", prompt.answer_tokens,
			"window", (json_int_t)set->model_context));
}
