/*
 * The way of a question:
 *
 *   permit -> understand -> lexical -> vector -> fuse -> load -> pack -> judge
 *
 * Each step is a row of the table below and reads what the steps before it left in struct search.
 */
#include "retrieve/search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/clock.h"
#include "index/base/hash.h"
#include "index/base/log.h"
#include "index/base/utf8.h"
#include "index/embed.h"
#include "index/fts.h"
#include "index/place.h"
#include "retrieve/evidence.h"
#include "retrieve/fuse.h"
#include "retrieve/pack.h"

#define LIST_LENGTH 200	   /* of each ranked list; design, section 5 */
#define LOADED_MAX 80	   /* candidates whose text is read */
#define MERGED_TOKENS 700  /* a merged passage grows no longer */
#define DOCUMENT_SHARE 0.5 /* of the budget, while other documents wait */
#define JUDGED_PASSAGES 5

struct search {
	struct index *index;
	struct db *db;
	const struct search_request *request;
	struct arena *arena;
	struct search_result *out;

	struct question question;
	struct allowed *allowed;
	struct fts_hit *lexical;
	int n_lexical;
	struct vector_hit *vector;
	int n_vector;
	struct space space; /* space.embedder NULL: words only */
	float *query_vector;
	double vector_weight;
	struct fused *fused;
	int n_fused;
	struct ranked *ranked;
	int n_ranked;
};

const char *fate_text(enum fate f)
{
	static const char *const texts[] = {
#define X(name, text) text,
		FATE_MAP(X)
#undef X
	};
	return texts[f];
}

bool fate_keeps(enum fate f)
{
	return f == FATE_KEPT || f == FATE_MERGED;
}

const char *search_step_name(enum search_step s)
{
	static const char *const names[] = {
#define X(name, text) text,
		SEARCH_STEP_MAP(X)
#undef X
	};
	return names[s];
}

static int step_permit(struct search *s, struct err *e)
{
	const struct search_request *r = s->request;

	s->allowed =
		acl_allowed(s->index->acl, r->who, r->collections, r->n_collections, r->attached);
	if (!s->allowed) {
		return err_set(e, ERR_INTERNAL, "no_filter", "The permission filter is not there.");
	}
	return 0;
}

static int step_understand(struct search *s, struct err *e)
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
	return question_open(
		s->db, s->arena, r->who->workspace_n, s->allowed, r->query, &s->question, e);
}

static int step_lexical(struct search *s, struct err *e)
{
	struct fts_query q = {.workspace_n = s->request->who->workspace_n,
		.text = s->request->query,
		.language = s->question.language,
		.allowed = s->allowed,
		.limit = LIST_LENGTH};

	return fts_search(s->db, s->arena, &q, &s->lexical, &s->n_lexical, e);
}

static int search_vectors(struct search *s, struct err *e)
{
	const struct embed_text text = {
		.body = s->request->query, .language = s->question.language};
	int rc = vectors_serving(s->index->vectors, s->request->who->workspace_n, &s->space, e);

	if (rc) {
		return rc;
	}
	s->query_vector = arena_array(s->arena, float, (size_t)s->space.dimension);
	rc = embed(s->space.embedder, EMBED_QUERY, &text, 1, s->query_vector, NULL, NULL, NULL, e);
	if (rc) {
		return rc;
	}
	s->vector = arena_array(s->arena, struct vector_hit, LIST_LENGTH);
	rc = vectors_search(s->index->vectors, &s->space, s->query_vector, s->allowed, LIST_LENGTH,
		s->vector, &s->n_vector, e);
	s->vector_weight = embedder_weight(s->space.embedder, s->question.language);
	return rc;
}

/* An embedding server that is down costs meaning, not the answer: the words still find. */
static int step_vector(struct search *s, struct err *e)
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
		s->n_vector = 0;
		s->vector_weight = 0;
	}
	return 0;
}

/* The lexical list's candidates get the cosine that the vector list did not bring. */
static int complete_cosines(struct search *s, struct err *e)
{
	int64_t *slots = arena_array(s->arena, int64_t, (size_t)s->n_fused + 1);
	float *cosines = arena_array(s->arena, float, (size_t)s->n_fused + 1);
	int i, k = 0, rc;

	for (i = 0; i < s->n_fused; i++) {
		if (isnan(s->fused[i].cosine)) {
			slots[k++] = s->fused[i].slot;
		}
	}
	rc = vectors_score(s->index->vectors, &s->space, s->query_vector, slots, k, cosines, e);
	for (i = 0, k = 0; i < s->n_fused && !rc; i++) {
		if (isnan(s->fused[i].cosine)) {
			s->fused[i].cosine = cosines[k++];
		}
	}
	return rc;
}

static int step_fuse(struct search *s, struct err *e)
{
	int rc = 0;

	s->fused =
		fuse_union(s->arena, s->lexical, s->n_lexical, s->vector, s->n_vector, &s->n_fused);
	if (s->vector_weight > 0 && s->n_fused > 0) {
		rc = complete_cosines(s, e);
	}
	fuse_rank(s->fused, s->n_fused, s->vector_weight, s->n_lexical < FTS_WHOLE_BELOW);
	return rc;
}

static int compare_hash(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void hash_terms(struct arena *a, struct ranked *r)
{
	struct terms terms;
	uint64_t *h;
	int i;

	analyse(a, r->chunk.text, strlen(r->chunk.text), r->chunk.language, &terms);
	h = arena_array(a, uint64_t, (size_t)terms.n + 1);
	for (i = 0; i < terms.n; i++) {
		h[i] = hash64(terms.items[i].text, strlen(terms.items[i].text));
	}
	qsort(h, (size_t)terms.n, sizeof(*h), compare_hash);
	for (i = 0; i < terms.n; i++) {
		if (r->n_terms == 0 || h[r->n_terms - 1] != h[i]) {
			h[r->n_terms++] = h[i];
		}
	}
	r->terms = h;
}

/* Text and permissions, from the database as it is now: the last word on every candidate. */
static int step_load(struct search *s, struct err *e)
{
	int n = s->n_fused < LOADED_MAX ? s->n_fused : LOADED_MAX;
	struct chunk *chunks = arena_array(s->arena, struct chunk, (size_t)n + 1);
	int64_t *slots = arena_array(s->arena, int64_t, (size_t)n + 1);
	int i, rc;

	for (i = 0; i < n; i++) {
		slots[i] = s->fused[i].slot;
	}
	rc = chunks_load(s->db, s->arena, s->request->who, slots, n, true, chunks, e);
	if (rc) {
		return rc;
	}
	s->ranked = arena_array(s->arena, struct ranked, (size_t)n + 1);
	s->n_ranked = n;
	for (i = 0; i < n; i++) {
		s->ranked[i] = (struct ranked){.chunk = chunks[i],
			.lexical_rank = s->fused[i].lexical_rank,
			.vector_rank = s->fused[i].vector_rank,
			.score = s->fused[i].score};
		if (chunks[i].slot >= 0) {
			hash_terms(s->arena, &s->ranked[i]);
		}
	}
	return 0;
}

static void explain(struct search *s)
{
	struct candidate *list = arena_array(s->arena, struct candidate, (size_t)s->n_ranked + 1);
	int i;

	for (i = 0; i < s->n_ranked; i++) {
		const struct ranked *r = &s->ranked[i];

		list[i] = (struct candidate){.fate = r->fate, .fused_rank = i + 1};
		if (r->fate == FATE_GONE) {
			continue;
		}
		list[i] = (struct candidate){.chunk = r->chunk.id,
			.document = r->chunk.document,
			.document_name = r->chunk.document_name,
			.heading = r->chunk.heading,
			.page = r->chunk.page_first,
			.place = chunk_place(&r->chunk, s->arena),
			.unit = r->chunk.unit,
			.lexical_rank = r->lexical_rank,
			.vector_rank = r->vector_rank,
			.fused_rank = i + 1,
			.fused = r->score,
			.n_tokens = r->chunk.n_tokens,
			.text = r->chunk.text,
			.fate = r->fate};
	}
	s->out->candidates = list;
	s->out->n_candidates = s->n_ranked;
}

static int step_pack(struct search *s, struct err *e)
{
	const struct pack_limits limits = {.passages = s->request->limit,
		.tokens = s->request->token_budget,
		.document_share = DOCUMENT_SHARE,
		.merged_tokens = MERGED_TOKENS};
	int i;

	(void)e;
	s->out->passages = pack_run(s->arena, s->ranked, s->n_ranked, &limits, &s->out->n_passages);
	for (i = 0; i < s->out->n_passages; i++) {
		s->out->n_tokens += s->out->passages[i].n_tokens;
	}
	if (s->request->explain) {
		explain(s);
	}
	return 0;
}

/* How much of the question the best passage holds, its title and headings counted in. */
static int step_judge(struct search *s, struct err *e)
{
	int i;

	(void)e;
	for (i = 0; i < s->out->n_passages && i < JUDGED_PASSAGES; i++) {
		const struct passage *p = &s->out->passages[i];
		const char *all = arena_printf(s->arena, "%s\n%s\n%s\n%s", p->document_name,
			p->title, p->heading, p->text);
		struct terms terms;
		double covered;

		analyse(s->arena, all, strlen(all), p->language, &terms);
		covered = question_covered(&s->question, &terms, NULL);
		if (covered > s->out->evidence) {
			s->out->evidence = covered;
		}
	}
	s->out->language = s->question.language;
	return 0;
}

static int (*const steps[SEARCH_N_STEPS])(struct search *s, struct err *e) = {
	[SEARCH_PERMIT] = step_permit,
	[SEARCH_UNDERSTAND] = step_understand,
	[SEARCH_LEXICAL] = step_lexical,
	[SEARCH_VECTOR] = step_vector,
	[SEARCH_FUSE] = step_fuse,
	[SEARCH_LOAD] = step_load,
	[SEARCH_PACK] = step_pack,
	[SEARCH_JUDGE] = step_judge,
};

int search_run(struct index *ix, struct db *db, const struct search_request *r, struct arena *a,
	struct search_result *out, struct err *e)
{
	struct search s = {.index = ix, .db = db, .request = r, .arena = a, .out = out};
	int64_t start = clock_mono_us(), before = start;
	int i, rc = 0;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < SEARCH_N_STEPS && !rc; i++) {
		int64_t now;

		rc = steps[i](&s, e);
		now = clock_mono_us();
		out->step_us[i] = now - before;
		before = now;
	}
	acl_allowed_drop(s.allowed);
	embedder_drop(s.space.embedder);
	out->total_us = clock_mono_us() - start;
	return rc;
}
