/* The ranking alone, for measuring: what a search found for its asker, best first, without text. */
#include "chat/routes.h"

#include <stdio.h>
#include <string.h>

#include "chat/app.h"
#include "chat/http/server.h"
#include "chat/retrieval.h"
#include "retrieve/search.h"

#define WEIGHTS_MAX 101
#define TRIED "fusion-weight-" /* settings that a search may be asked to be tried under */

static json_t *rank_json(int rank)
{
	return rank > 0 ? json_integer(rank) : json_null();
}

static json_t *candidate_json(const struct candidate *k, int n_weights)
{
	json_t *out = json_pack("{s:s, s:s, s:i, s:i, s:i, s:o, s:o, s:f}", "documentId",
		k->document.s, "name", k->document_name, "page", k->page, "pageLast", k->page_last,
		"fusedRank", k->fused_rank, "lexicalRank", rank_json(k->lexical_rank), "vectorRank",
		rank_json(k->vector_rank), "score", k->fused);

	if (k->ranks && n_weights > 0) {
		json_t *ranks = json_array();

		for (int i = 0; i < n_weights; i++) {
			json_array_append_new(ranks, json_integer(k->ranks[i]));
		}
		json_object_set_new(out, "ranks", ranks);
	}
	return out;
}

/* Percent in the request, 0 to 1 in *out. */
static int weights_field(struct call *c, const double **out, int *n, struct err *e)
{
	json_t *array = NULL;
	double *weights;
	int rc = call_array(c, "weights", false, WEIGHTS_MAX, &array, e);

	*n = rc == 0 ? (int)json_array_size(array) : 0;
	*out = weights = arena_array(&c->arena, double, (size_t)*n + 1);
	for (int i = 0; i < *n; i++) {
		const json_t *v = json_array_get(array, (size_t)i);

		if (!json_is_integer(v) || json_integer_value(v) < 0 ||
			json_integer_value(v) > 100) {
			return err_set(e, ERR_INVALID, "bad_weights",
				"weights are whole numbers of 0 to 100.");
		}
		weights[i] = (double)json_integer_value(v) / 100;
	}
	return rc;
}

/* Into a copy of the server's settings, of which a search reads no others than these. */
static int settings_field(struct call *c, struct settings *set, struct err *e)
{
	json_t *object = json_object_get(c->body, "settings");
	const char *name;
	json_t *v;

	if (object && !json_is_object(object)) {
		return err_set(e, ERR_INVALID, "bad_settings", "settings is an object.");
	}
	json_object_foreach(object, name, v)
	{
		char text[32];
		int rc;

		if (strncmp(name, TRIED, strlen(TRIED)) != 0 || !json_is_integer(v)) {
			return err_set(e, ERR_INVALID, "bad_settings",
				"settings may have " TRIED "… with a whole number each.");
		}
		snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(v));
		rc = settings_set(set, name, text, "the request", e);
		if (rc) {
			return rc;
		}
	}
	return 0;
}

static json_t *found_json(const struct search_result *found, int n_weights)
{
	json_t *candidates = json_array();
	json_t *out;

	for (int i = 0; i < found->n_candidates; i++) {
		if (found->candidates[i].fate != FATE_GONE) {
			json_array_append_new(
				candidates, candidate_json(&found->candidates[i], n_weights));
		}
	}
	out = json_pack("{s:o, s:s, s:s, s:i}", "candidates", candidates, "language",
		found->language, "embedder", found->embedder, "weight",
		(int)(found->vector_weight * 100 + .5));
	if (found->vector_error) {
		json_object_set_new(out, "vectorError", json_string(found->vector_error));
	}
	return out;
}

int search_ranking(struct call *c, struct err *e)
{
	static const char *const fields[] = {"query", "collections", "settings", "weights"};
	struct settings tried;
	struct search_request r = {.who = &c->who,
		.limit = 1,
		.depth = SEARCH_DEPTH_MAX,
		.ranking_only = true,
		.lenient = true, /* as an answer is searched for */
		.type_of = searched_type,
		.settings = &tried};
	struct search_result found;
	struct id *collections;
	int rc = call_fields(c, fields, 4, e);

	if (rc || (rc = call_text(c, "query", true, SEARCH_QUERY_MAX, &r.query, e)) ||
		(rc = collections_field(c, &collections, &r.n_collections, e)) ||
		(rc = weights_field(c, &r.weights, &r.n_weights, e))) {
		return rc;
	}
	r.collections = collections;
	settings_copy(&tried, c->app->settings);
	rc = settings_field(c, &tried, e);
	if (rc == 0) {
		rc = search_run(c->app->index, c->db, &r, &c->arena, &found, e);
	}
	settings_finish(&tried);
	return rc ? rc : call_json(c, 200, found_json(&found, r.n_weights));
}
