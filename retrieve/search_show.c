/* Ranked chunks with their text to passages: packed, judged. */
#include "retrieve/search_private.h"

#include <string.h>

#include "index/place.h"

#define MERGED_TOKENS 700  /* a merged passage grows no longer */
#define DOCUMENT_SHARE 0.4 /* of the budget, while other documents wait */
#define JUDGED_PASSAGES 5
#define OPENINGS 40	 /* passages whose document's beginning is read */
#define OPENING_CHUNKS 2 /* of it */

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

struct pack_limits search_limits(const struct search *s)
{
	return (struct pack_limits){.passages = s->request->limit,
		.tokens = s->request->token_budget,
		.document_share = DOCUMENT_SHARE,
		.merged_tokens = MERGED_TOKENS,
		.asked_idf = s->question.idf,
		.n_asked = s->question.n_terms};
}

int search_pack(struct search *s, struct err *e)
{
	const struct pack_limits limits = search_limits(s);
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

/* Marks the question's terms that the text holds. */
static void see(struct arena *a, const char *text, const char *language, const struct question *q,
	char *seen)
{
	struct terms terms;

	analyse(a, text, strlen(text), language, &terms);
	question_see(q, &terms, seen);
}

/* All of the passage but its document's beginning. */
static void see_passage(
	struct arena *a, const struct passage *p, const struct question *q, char *seen)
{
	see(a, arena_printf(a, "%s\n%s\n%s\n%s", p->document_name, p->title, p->heading, p->text),
		p->language, q, seen);
}

static void see_opening(
	struct arena *a, const struct passage *p, const struct question *q, char *seen)
{
	if (p->opening && p->opening[0]) {
		see(a, p->opening, p->language, q, seen);
	}
}

double passage_covers(struct arena *a, const struct passage *p, const struct question *q)
{
	char *seen = arena_array(a, char, (size_t)q->n_terms + 1);

	see_passage(a, p, q, seen);
	see_opening(a, p, q, seen);
	return question_share(q, seen);
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
static int read_opening_of(struct search *s, struct passage *p, struct err *e)
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

/* Passage i's, unless it is read; another passage of its version may have it. */
static int read_opening(struct search *s, int i, struct err *e)
{
	struct passage *p = &s->out->passages[i];

	for (int k = 0; !p->opening && k < s->out->n_passages; k++) {
		if (id_equal(&s->out->passages[k].version, &p->version)) {
			p->opening = s->out->passages[k].opening;
		}
	}
	return p->opening ? 0 : read_opening_of(s, p, e);
}

/* How much of the question passage i holds; its document's beginning is read only if that may be
 * more than it holds without. */
static int judge_passage(struct search *s, int i, double *covered, struct err *e)
{
	struct passage *p = &s->out->passages[i];
	char *seen = arena_array(s->arena, char, (size_t)s->question.n_terms + 1);
	int rc;

	see_passage(s->arena, p, &s->question, seen);
	*covered = question_share(&s->question, seen);
	if (*covered >= 1) {
		return 0;
	}
	rc = read_opening(s, i, e);
	see_opening(s->arena, p, &s->question, seen);
	*covered = question_share(&s->question, seen);
	return rc;
}

/* How much of the question the best passage holds. */
int search_judge(struct search *s, struct err *e)
{
	int i, rc = 0, n = s->request->ranking_only ? 0 : s->out->n_passages;

	for (i = 0; rc == 0 && s->request->openings && i < n && i < OPENINGS; i++) {
		rc = read_opening(s, i, e);
	}
	for (i = 0; rc == 0 && i < n && i < JUDGED_PASSAGES && s->out->evidence < 1; i++) {
		double covered;

		rc = judge_passage(s, i, &covered, e);
		if (rc == 0 && covered > s->out->evidence) {
			s->out->evidence = covered;
		}
	}
	s->out->needed = evidence_needed(&s->question);
	s->out->language = s->question.language;
	return rc;
}
