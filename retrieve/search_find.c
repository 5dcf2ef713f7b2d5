/* A question to one ranked list: what its asker may read, words, meaning, both together. */
#include "retrieve/search_private.h"

#include <math.h>
#include <string.h>

#include "index/base/log.h"
#include "index/base/utf8.h"
#include "index/embed.h"

#define FEEDBACK_PASSAGES 3 /* sought with COVERING (index/fts_search.c); 2 to 5 are alike */

int search_permit(struct search *s, struct err *e)
{
	const struct search_request *r = s->request;

	s->allowed =
		acl_allowed(s->index->acl, r->who, r->collections, r->n_collections, r->attached);
	if (!s->allowed) {
		return err_set(e, ERR_INTERNAL, "no_filter", "The permission filter is not there.");
	}
	return 0;
}

/* Words that the asker's documents do not have are searched for as what they are near to. */
static int read_words(struct search *s, const char *text, const char *language, struct err *e)
{
	struct corrected c = {
		.who = s->request->who, .allowed = s->allowed, .text = text, .language = language};
	int rc = correct(s->db, s->arena, &c, e);

	if (rc) {
		return rc;
	}
	s->out->words = c.text;
	s->out->corrections = c.corrections;
	s->out->n_corrections = c.n_corrections;
	s->extra = c.extra;
	s->n_extra = c.n_extra;
	return question_open(
		s->db, s->arena, s->request->who->workspace_n, s->allowed, c.text, &s->question, e);
}

/* The query's conditions narrow what is searched; its words are searched for. */
static int read_query(struct search *s, struct err *e)
{
	const struct search_request *r = s->request;
	struct query q = {.plain = r->query};
	struct narrowing n = {.who = r->who, .query = &q, .lenient = r->lenient};
	int rc;

	if (!r->plain) {
		query_parse(s->arena, r->query, r->type_of, &q);
	}
	if (!*q.plain && r->lenient) {
		q = (struct query){.plain = r->query};
	}
	if (strspn(q.plain, " \t\r\n") == strlen(q.plain)) {
		return err_set(e, ERR_INVALID, "empty_query",
			"Say what to look for besides what it is to be in.");
	}
	n.language = language_detect(q.plain, strlen(q.plain));
	rc = narrow(s->db, s->arena, &n, &s->allowed, &s->out->conditions, e);
	if (rc) {
		return rc;
	}
	s->out->n_conditions = q.n_conditions;
	return read_words(s, q.plain, n.language, e);
}

int search_understand(struct search *s, struct err *e)
{
	const struct search_request *r = s->request;
	size_t n = r->query ? strlen(r->query) : 0;

	if (n == 0 || strspn(r->query, " \t\r\n") == n) {
		return err_set(e, ERR_INVALID, "empty_query", "The query is empty.");
	}
	if (n > SEARCH_QUERY_MAX || !utf8_valid(r->query, n)) {
		return err_set(e, ERR_INVALID, "bad_query",
			"A query is at most %d bytes of UTF-8 text.", SEARCH_QUERY_MAX);
	}
	if (r->limit < 1 || r->limit > 100) {
		return err_set(e, ERR_INVALID, "bad_limit", "limit is 1 to 100, not %d.", r->limit);
	}
	if (r->depth < 0 || r->depth > SEARCH_DEPTH_MAX) {
		return err_set(e, ERR_INVALID, "bad_depth", "depth is 0 to %d, not %d.",
			SEARCH_DEPTH_MAX, r->depth);
	}
	return read_query(s, e);
}

int search_lexical(struct search *s, struct err *e)
{
	struct fts_query q = {.workspace_n = s->request->who->workspace_n,
		.text = s->out->words,
		.language = s->question.language,
		.allowed = s->allowed,
		.extra = s->extra,
		.n_extra = s->n_extra,
		.limit = LIST_LENGTH};

	return fts_search(s->db, s->arena, &q, &s->lexical, &s->n_lexical, e);
}

static int search_vectors(struct search *s, struct err *e)
{
	const struct embed_text text = {.body = s->out->words, .language = s->question.language};
	int64_t other = s->request->space_n;
	int rc = other ? vectors_space_open(s->index->vectors, other, &s->space, e)
		       : vectors_serving(
				 s->index->vectors, s->request->who->workspace_n, &s->space, e);

	if (rc) {
		return rc;
	}
	s->query_vector = arena_array(s->arena, float, (size_t)s->space.dimension);
	rc = embed(s->space.embedder, EMBED_QUERY, &text, 1, s->query_vector, s->request->cancel,
		NULL, NULL, e);
	if (rc) {
		return rc;
	}
	s->out->embedder = arena_str(s->arena, embedder_name(s->space.embedder));
	s->vector = arena_array(s->arena, struct vector_hit, LIST_LENGTH);
	rc = vectors_search(s->index->vectors, &s->space, s->query_vector, s->allowed, LIST_LENGTH,
		s->vector, &s->n_vector, e);
	s->vector_weight = s->request->vector_weight
				   ? *s->request->vector_weight
				   : embedder_weight(s->space.embedder, search_settings(s),
					     s->question.language);
	return rc;
}

/* An embedding server that is down costs meaning, not the answer: the words still find. */
int search_vector(struct search *s, struct err *e)
{
	struct err why = ERR_INIT;
	int rc = search_vectors(s, &why);

	(void)e;
	if (rc == ERR_CONFLICT) { /* the space was swapped meanwhile: take the new one */
		embedder_drop(s->space.embedder);
		s->space.embedder = NULL;
		err_clear(&why);
		rc = search_vectors(s, &why);
	}
	if (rc) {
		/* What broke inside is for the log: it may hold paths and addresses. */
		log_warn("search.vector", LT("reason", why.reason), LT("message", why.message));
		s->out->vector_error = arena_str(s->arena, why.reason);
		s->out->embedder = "";
		s->n_vector = 0;
		s->vector_weight = 0;
	}
	return 0;
}

/* The cosine of each with the vector; of those that have none known, or of all. */
static int find_cosines(
	struct search *s, struct fused *items, const float *vector, bool all, struct err *e)
{
	int64_t *slots = arena_array(s->arena, int64_t, (size_t)s->n_fused + 1);
	float *cosines = arena_array(s->arena, float, (size_t)s->n_fused + 1);
	int i, k = 0, rc;

	for (i = 0; i < s->n_fused; i++) {
		if (all || isnan(items[i].cosine)) {
			slots[k++] = items[i].slot;
		}
	}
	rc = vectors_score(s->index->vectors, &s->space, vector, slots, k, cosines, e);
	for (i = 0, k = 0; i < s->n_fused && !rc; i++) {
		if (all || isnan(items[i].cosine)) {
			items[i].cosine = cosines[k++];
		}
	}
	return rc;
}

/* The question's vector goes towards the best, and all are ranked by their cosine with that: what
 * they have in common is what is asked about, in the documents' words. */
static int rank_again(struct search *s, struct fused *items, double weight, struct err *e)
{
	float *toward = arena_array(s->arena, float, (size_t)s->space.dimension);
	int n = s->n_fused < FEEDBACK_PASSAGES ? s->n_fused : FEEDBACK_PASSAGES;
	int64_t slots[FEEDBACK_PASSAGES];
	double weights[FEEDBACK_PASSAGES], sum = 0;
	int rc;

	for (int i = 0; i < n; i++) {
		slots[i] = items[i].slot;
		sum += items[i].score;
	}
	for (int i = 0; i < n; i++) {
		weights[i] =
			sum > 0 ? embedder_feedback(s->space.embedder) * items[i].score / sum : 0;
	}
	rc = vectors_toward(
		s->index->vectors, &s->space, s->query_vector, slots, weights, n, toward, e);
	rc = rc ? rc : find_cosines(s, items, toward, true, e);
	fuse_rank(items, s->n_fused, weight, s->n_lexical < FTS_WHOLE_BELOW);
	return rc;
}

/* Items as the union gave them, their cosines known. */
static int rank(struct search *s, struct fused *items, double weight, struct err *e)
{
	bool whole = s->n_lexical < FTS_WHOLE_BELOW;

	if (weight > 0 && s->n_vector > 0 && embedder_feedback(s->space.embedder) > 0) {
		fuse_best(items, s->n_fused, FEEDBACK_PASSAGES, weight, whole);
		return rank_again(s, items, weight, e);
	}
	fuse_rank(items, s->n_fused, weight, whole);
	return 0;
}

static int rank_under_others(struct search *s, struct err *e)
{
	const struct search_request *r = s->request;
	size_t n = (size_t)s->n_fused;
	struct fused *copy = arena_array(s->arena, struct fused, n + 1);
	int *ranks = arena_array(s->arena, int, n *(size_t)r->n_weights + 1);
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		s->fused[i].ranks = ranks + i * (size_t)r->n_weights;
	}
	for (int w = 0; rc == 0 && w < r->n_weights; w++) {
		memcpy(copy, s->fused, n * sizeof(*copy));
		rc = rank(s, copy, r->weights[w], e);
		for (size_t i = 0; i < n; i++) {
			fuse_find(s->fused, s->n_fused, copy[i].slot)->ranks[w] = (int)i + 1;
		}
	}
	return rc;
}

int search_fuse(struct search *s, struct err *e)
{
	const struct search_request *r = s->request;
	int rc = 0;

	s->fused =
		fuse_union(s->arena, s->lexical, s->n_lexical, s->vector, s->n_vector, &s->n_fused);
	if ((s->vector_weight > 0 || r->n_weights > 0) && s->query_vector && s->n_fused > 0) {
		rc = find_cosines(s, s->fused, s->query_vector, false, e);
	}
	rc = rc || r->n_weights == 0 ? rc : rank_under_others(s, e);
	rc = rc ? rc : rank(s, s->fused, s->vector_weight, e);
	s->out->vector_weight = s->vector_weight;
	return rc;
}
