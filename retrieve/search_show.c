/* One ranked list to passages: text and permissions, packed, judged. */
#include "retrieve/search_private.h"

#include <stdlib.h>
#include <string.h>

#include "index/base/hash.h"
#include "index/place.h"
#include "index/rerank.h"
#include "retrieve/same.h"

#define DEPTH_DEFAULT 80   /* candidates whose text is read, or twice the limit */
#define MERGED_TOKENS 700  /* a merged passage grows no longer */
#define DOCUMENT_SHARE 0.4 /* of the budget, while other documents wait */
#define JUDGED_PASSAGES 5
#define OPENINGS 40	 /* passages whose document's beginning is read */
#define OPENING_CHUNKS 2 /* of it */
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

/* Text and permissions, from the database as it is now: the last word on every candidate. */
int search_load(struct search *s, struct err *e)
{
	int enough = 2 * s->request->limit > DEPTH_DEFAULT ? 2 * s->request->limit : DEPTH_DEFAULT;
	int depth = s->request->depth > 0 ? s->request->depth : enough;
	int n = s->n_fused < depth ? s->n_fused : depth;
	struct chunk *chunks = arena_array(s->arena, struct chunk, (size_t)n + 1);
	int64_t *slots = arena_array(s->arena, int64_t, (size_t)n + 1);
	/* a ranking alone needs it only for the model that reads it */
	bool with_text = !s->request->ranking_only || rerank_configured(search_settings(s));
	int i, rc;

	for (i = 0; i < n; i++) {
		slots[i] = s->fused[i].slot;
	}
	rc = chunks_load(s->db, s->arena, s->request->who, slots, n, with_text, chunks, e);
	if (rc) {
		return rc;
	}
	s->ranked = arena_array(s->arena, struct ranked, (size_t)n + 1);
	s->n_ranked = n;
	for (i = 0; i < n; i++) {
		s->ranked[i] = (struct ranked){.chunk = chunks[i],
			.lexical_rank = s->fused[i].lexical_rank,
			.vector_rank = s->fused[i].vector_rank,
			.fused_rank = i + 1,
			.score = s->fused[i].score,
			.ranks = s->fused[i].ranks};
		s->ranked[i].fate = chunks[i].slot < 0 ? FATE_GONE : FATE_KEPT;
		if (chunks[i].slot >= 0 && !s->request->ranking_only) {
			hash_terms(s->arena, &s->ranked[i]);
			mark_asked(s, &s->ranked[i]);
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

		list[i] = (struct candidate){.fate = r->fate, .fused_rank = r->fused_rank};
		if (r->fate == FATE_GONE) {
			continue;
		}
		list[i] = (struct candidate){.chunk = r->chunk.id,
			.document = r->chunk.document,
			.document_name = r->chunk.document_name,
			.heading = r->chunk.heading,
			.page = r->chunk.page_first,
			.page_last = r->chunk.page_last,
			.ranks = r->ranks,
			.place = chunk_place(&r->chunk, s->arena),
			.unit = r->chunk.unit,
			.lexical_rank = r->lexical_rank,
			.vector_rank = r->vector_rank,
			.fused_rank = r->fused_rank,
			.rerank_rank = r->rerank_rank,
			.same_as = r->same_as,
			.fused = r->score,
			.n_tokens = r->chunk.n_tokens,
			.text = r->chunk.text,
			.fate = r->fate};
	}
	s->out->candidates = list;
	s->out->n_candidates = s->n_ranked;
}

int search_pack(struct search *s, struct err *e)
{
	const struct pack_limits limits = {.passages = s->request->limit,
		.tokens = s->request->token_budget,
		.document_share = DOCUMENT_SHARE,
		.merged_tokens = MERGED_TOKENS,
		.asked_idf = s->question.idf,
		.n_asked = s->question.n_terms};
	int i;

	(void)e;
	if (s->request->ranking_only) {
		explain(s);
		return 0;
	}
	s->out->passages = pack_run(s->arena, s->ranked, s->n_ranked, &limits, &s->out->n_passages);
	for (i = 0; i < s->out->n_passages; i++) {
		s->out->n_tokens += s->out->passages[i].n_tokens;
	}
	if (s->request->explain) {
		explain(s);
	}
	return 0;
}

double passage_covers(struct arena *a, const struct passage *p, const struct question *q)
{
	const char *all = arena_printf(a, "%s\n%s\n%s\n%s\n%s", p->document_name, p->title,
		p->heading, p->opening ? p->opening : "", p->text);
	struct terms terms;

	analyse(a, all, strlen(all), p->language, &terms);
	return question_covered(q, &terms, NULL);
}

static const struct ranked *ranked_of(const struct search *s, const struct id *chunk)
{
	for (int i = 0; i < s->n_ranked; i++) {
		if (s->ranked[i].chunk.slot >= 0 && id_equal(&s->ranked[i].chunk.id, chunk)) {
			return &s->ranked[i];
		}
	}
	return NULL;
}

/* A report tells on its first page what it is about, and nowhere else. */
static int read_opening(struct search *s, struct passage *p, struct err *e)
{
	const struct ranked *r = ranked_of(s, &p->chunk);
	struct chunk first = r->chunk, chunks[OPENING_CHUNKS];
	int64_t slots[OPENING_CHUNKS];
	int n, rc;

	p->opening = "";
	first.seq = 0;
	rc = chunks_neighbours(s->db, &first, 0, OPENING_CHUNKS - 1, slots, OPENING_CHUNKS, &n, e);
	if (rc == 0) {
		rc = chunks_load(s->db, s->arena, s->request->who, slots, n, true, chunks, e);
	}
	for (int i = 0; rc == 0 && i < n; i++) {
		if (chunks[i].slot >= 0) {
			p->opening = arena_printf(s->arena, "%s%s\n%s\n", p->opening,
				chunks[i].heading, chunks[i].text);
		}
	}
	return rc;
}

static int read_openings(struct search *s, struct err *e)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < s->out->n_passages && i < OPENINGS; i++) {
		struct passage *p = &s->out->passages[i];
		int same = 0;

		while (!id_equal(&s->out->passages[same].version, &p->version)) {
			same++;
		}
		if (same < i) {
			p->opening = s->out->passages[same].opening;
		} else {
			rc = read_opening(s, p, e);
		}
	}
	return rc;
}

/* How much of the question the best passage holds. */
int search_judge(struct search *s, struct err *e)
{
	int i, rc = s->request->ranking_only ? 0 : read_openings(s, e);

	for (i = 0; rc == 0 && i < s->out->n_passages && i < JUDGED_PASSAGES; i++) {
		double covered = passage_covers(s->arena, &s->out->passages[i], &s->question);

		if (covered > s->out->evidence) {
			s->out->evidence = covered;
		}
	}
	s->out->needed = evidence_needed(&s->question);
	s->out->language = s->question.language;
	return rc;
}
