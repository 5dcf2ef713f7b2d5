/*
 * The fused list to ranked chunks: text and permissions, from the database as it is now, the last
 * word on every candidate that may be shown. Where only the passages are wanted, chosen by rank,
 * only those are read that passages are made of (retrieve/needed.h); what tells so is remembered of
 * every chunk that was read once.
 */
#include "retrieve/search_private.h"

#include <stdlib.h>
#include <string.h>

#include "index/base/hash.h"
#include "index/chunk_digests.h"
#include "index/rerank.h"
#include "retrieve/needed.h"
#include "retrieve/same.h"

#define DEPTH_DEFAULT 80 /* candidates that are looked at, or twice the limit */
#define ASKED_MAX 64	 /* bits of ranked.asked */

static void hash_terms(struct arena *a, struct ranked *r)
{
	struct terms terms;
	uint64_t *h, *numbers, *space;

	analyse(a, r->chunk.text, strlen(r->chunk.text), r->chunk.language, &terms);
	h = arena_array(a, uint64_t, (size_t)terms.n + 1);
	numbers = arena_array(a, uint64_t, (size_t)terms.n + 1);
	space = arena_array(a, uint64_t, (size_t)terms.n + 1);
	for (int i = 0; i < terms.n; i++) {
		h[i] = hash64(terms.items[i].text, strlen(terms.items[i].text));
		if (strpbrk(terms.items[i].text, "0123456789")) {
			numbers[r->n_numbers++] = h[i];
		}
	}
	r->n_terms = same_distinct(h, terms.n, space);
	r->n_numbers = same_distinct(numbers, r->n_numbers, space);
	r->terms = h;
	r->numbers = numbers;
}

/* Which of the question's terms (the first 64) it holds. */
static void mark_asked(struct search *s, struct ranked *r)
{
	const struct chunk *c = &r->chunk;
	const char *around =
		arena_printf(s->arena, "%s\n%s\n%s", c->document_name, c->title, c->heading);
	struct terms terms;

	analyse(s->arena, around, strlen(around), c->language, &terms);
	for (int i = 0; i < s->question.n_terms && i < ASKED_MAX; i++) {
		const char *term = s->question.terms[i];
		uint64_t h = hash64(term, strlen(term));
		bool held = r->n_terms > 0 &&
			    bsearch(&h, r->terms, (size_t)r->n_terms, sizeof(h), same_hash_order);

		for (int k = 0; k < terms.n && !held; k++) {
			held = strcmp(terms.items[k].text, term) == 0;
		}
		r->asked |= held ? (uint64_t)1 << i : 0;
	}
}

/* What those are like that are there, of the wanted ones. */
static void look_into(struct search *s, const bool *wanted)
{
	for (int i = 0; i < s->n_ranked; i++) {
		struct ranked *r = &s->ranked[i];

		if (wanted[i] && r->chunk.slot >= 0 && !r->terms) {
			hash_terms(s->arena, r);
			mark_asked(s, r);
		}
	}
}

/* Reads those that are wanted and not read yet. *gone: one of them is not there any more. */
static int read_wanted(struct search *s, const bool *wanted, bool *read, bool *gone, struct err *e)
{
	int n = s->n_ranked, k = 0, rc;
	struct chunk *chunks = arena_array(s->arena, struct chunk, (size_t)n + 1);
	int64_t *slots = arena_array(s->arena, int64_t, (size_t)n + 1);
	/* a ranking alone needs it only for the model that reads it */
	bool with_text = !s->request->ranking_only || rerank_configured(search_settings(s));

	for (int i = 0; i < n; i++) {
		if (wanted[i] && !read[i]) {
			slots[k++] = s->fused[i].slot;
		}
	}
	rc = chunks_load(s->db, s->arena, s->request->who, slots, k, with_text, chunks, e);
	k = 0;
	for (int i = 0; rc == 0 && i < n; i++) {
		if (wanted[i] && !read[i]) {
			read[i] = true;
			s->ranked[i].chunk = chunks[k++];
			s->ranked[i].fate = s->ranked[i].chunk.slot < 0 ? FATE_GONE : FATE_KEPT;
			*gone = *gone || s->ranked[i].fate == FATE_GONE;
		}
	}
	return rc;
}

static int read_all(struct search *s, bool *read, struct err *e)
{
	bool *all = arena_array(s->arena, bool, (size_t)s->n_ranked + 1);
	bool gone = false;
	int rc;

	memset(all, true, (size_t)s->n_ranked);
	rc = read_wanted(s, all, read, &gone, e);
	if (rc == 0 && !s->request->ranking_only) {
		look_into(s, all);
	}
	return rc;
}

/* Of all candidates; those of which nothing is known are read for it. */
static int find_digests(
	struct search *s, struct chunk_digest *out, bool *read, bool *gone, struct err *e)
{
	int64_t workspace_n = s->request->who->workspace_n;
	int64_t *slots = arena_array(s->arena, int64_t, (size_t)s->n_ranked + 1);
	bool *unknown = arena_array(s->arena, bool, (size_t)s->n_ranked + 1);
	int rc;

	for (int i = 0; i < s->n_ranked; i++) {
		slots[i] = s->fused[i].slot;
	}
	digests_lookup(s->index->digests, workspace_n, slots, s->n_ranked, out);
	for (int i = 0; i < s->n_ranked; i++) {
		unknown[i] = out[i].slot < 0;
	}
	rc = read_wanted(s, unknown, read, gone, e);
	look_into(s, unknown);
	for (int i = 0; rc == 0 && i < s->n_ranked; i++) {
		struct ranked *r = &s->ranked[i];

		if (!unknown[i]) {
			needed_from_digest(&out[i], r);
		} else if (r->fate != FATE_GONE) {
			digest_of(&r->chunk, r->terms, r->n_terms, &out[i]);
			digests_keep(s->index->digests, workspace_n, &out[i]);
		}
	}
	return rc;
}

/* Those that passages are made of. What is gone makes place for others: then the rest is read too.
 */
static int read_needed(struct search *s, bool *read, struct err *e)
{
	const struct pack_limits limits = search_limits(s);
	struct chunk_digest *digests =
		arena_array(s->arena, struct chunk_digest, (size_t)s->n_ranked + 1);
	bool *wanted = arena_array(s->arena, bool, (size_t)s->n_ranked + 1);
	bool gone = false;
	int n = 0, rc = find_digests(s, digests, read, &gone, e);

	if (rc == 0 && !gone) {
		needed_to_compare(digests, s->n_ranked, wanted);
		rc = read_wanted(s, wanted, read, &gone, e);
		look_into(s, wanted);
	}
	if (rc == 0 && !gone) {
		needed_to_pack(s->arena, s->ranked, s->n_ranked, &limits, wanted);
		rc = read_wanted(s, wanted, read, &gone, e);
	}
	if (rc == 0 && gone) {
		return read_all(s, read, e);
	}
	for (int i = 0; rc == 0 && i < s->n_ranked; i++) {
		if (wanted[i]) {
			s->ranked[n++] = s->ranked[i];
		}
	}
	s->n_ranked = n;
	return rc;
}

int search_load(struct search *s, struct err *e)
{
	const struct search_request *r = s->request;
	int enough = 2 * r->limit > DEPTH_DEFAULT ? 2 * r->limit : DEPTH_DEFAULT;
	int depth = r->depth > 0 ? r->depth : enough;
	int n = s->n_fused < depth ? s->n_fused : depth;
	bool *read = arena_array(s->arena, bool, (size_t)n + 1);

	s->ranked = arena_array(s->arena, struct ranked, (size_t)n + 1);
	s->n_ranked = n;
	for (int i = 0; i < n; i++) {
		s->ranked[i] = (struct ranked){.lexical_rank = s->fused[i].lexical_rank,
			.vector_rank = s->fused[i].vector_rank,
			.fused_rank = i + 1,
			.score = s->fused[i].score,
			.ranks = s->fused[i].ranks};
	}
	return r->explain || r->ranking_only || r->token_budget > 0 ||
			       rerank_configured(search_settings(s))
		       ? read_all(s, read, e)
		       : read_needed(s, read, e);
}
