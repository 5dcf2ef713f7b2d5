/* The best of the fused list in the order of a model that reads the question with each text
 * (index/rerank.h), where one is set. What it fails at costs the better order, not the answer: it
 * is told, and the fused order stays. A server that fails time after time is left alone for a while
 * (index/base/breaker.h), so that nobody waits for it in vain. */
#include "retrieve/search_private.h"

#include <stdlib.h>
#include <string.h>

#include "index/base/clock.h"
#include "index/base/hash.h"
#include "index/base/log.h"
#include "index/rerank.h"

static int by_score(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->score != y->score) {
		return x->score < y->score ? 1 : -1;
	}
	return x->fused_rank - y->fused_rank;
}

/* n texts of items that are there; the heading says what a passage is about. */
static int ask(struct search *s, const int *which, int n, double *scores, struct err *e)
{
	const char **texts = arena_array(s->arena, const char *, (size_t)n);
	const struct rerank_request request = {
		.query = s->out->words, .texts = texts, .n_texts = n, .cancel = s->request->cancel};

	for (int i = 0; i < n; i++) {
		const struct chunk *c = &s->ranked[which[i]].chunk;

		texts[i] = c->heading && c->heading[0]
				   ? arena_printf(s->arena, "%s\n%s", c->heading, c->text)
				   : c->text;
	}
	return rerank_run(search_settings(s), &request, scores, e);
}

/* The reranked ones keep the first places, best = 1; what follows stays below them. */
static void reorder(struct search *s, const int *which, int n, const double *scores)
{
	int n_looked = which[n - 1] + 1, n_gone = 0;
	struct ranked *out = arena_array(s->arena, struct ranked, (size_t)n_looked);
	double best = 0, least = 1;

	for (int i = 0; i < n; i++) {
		best = scores[i] > best ? scores[i] : best;
	}
	for (int i = 0; i < n; i++) {
		out[i] = s->ranked[which[i]];
		out[i].score = best > 0 ? scores[i] / best : 0;
		least = out[i].score < least ? out[i].score : least;
	}
	qsort(out, (size_t)n, sizeof(*out), by_score);
	for (int i = 0; i < n; i++) {
		out[i].rerank_rank = i + 1;
	}
	for (int i = 0; i < n_looked; i++) {
		if (s->ranked[i].chunk.slot < 0) {
			out[n + n_gone++] = s->ranked[i];
		}
	}
	memcpy(s->ranked, out, (size_t)n_looked * sizeof(*out));
	for (int i = n_looked; i < s->n_ranked; i++) {
		s->ranked[i].score *= least;
	}
}

/* Another address or model may work where the former did not. */
static uint64_t server_of(const struct settings *set)
{
	return hash64(set->rerank_url, strlen(set->rerank_url)) * 31 +
	       hash64(set->rerank_model, strlen(set->rerank_model));
}

/* What broke inside is for the log: it may hold paths and addresses. */
static void tell_breaker(struct search *s, uint64_t server, int rc, const struct err *why)
{
	enum breaker_outcome how = rc == 0 ? BREAKER_GOOD
				   : rc == ERR_CANCELLED || rc == ERR_INVALID
					   ? BREAKER_UNKNOWN /* not of its making */
					   : BREAKER_BAD;
	enum breaker_change change = breaker_told(&s->index->rerank, server, how, clock_mono_ms());

	if (rc != 0 && change != BREAKER_STAYS_OPEN) {
		log_warn("search.rerank", LT("reason", why->reason), LT("message", why->message));
	}
	if (change == BREAKER_OPENED) {
		log_warn("search.rerank_paused", LN("failures", BREAKER_FAILURES),
			LN("ms", BREAKER_PAUSE_MS));
	} else if (change == BREAKER_CLOSED) {
		log_info("search.rerank_again", LT("reason", "it answers again"));
	}
}

/* n of the first candidates that are there. */
static int choose(const struct search *s, int max, int *which)
{
	int n = 0;

	max = max > RERANK_TEXTS_MAX ? RERANK_TEXTS_MAX : max;
	for (int i = 0; i < s->n_ranked && n < max; i++) {
		if (s->ranked[i].chunk.slot >= 0) {
			which[n++] = i;
		}
	}
	return n;
}

int search_rerank(struct search *s, struct err *e)
{
	const struct settings *set = search_settings(s);
	const uint64_t server = server_of(set);
	int *which = arena_array(s->arena, int, RERANK_TEXTS_MAX);
	double *scores = arena_array(s->arena, double, RERANK_TEXTS_MAX);
	struct err why = ERR_INIT;
	int n, rc;

	(void)e;
	n = rerank_configured(set) ? choose(s, (int)set->rerank_candidates, which) : 0;
	if (n < 2) {
		return 0;
	}
	if (!breaker_may(&s->index->rerank, server, clock_mono_ms())) {
		s->out->rerank_error = "rerank_paused";
		return 0;
	}
	rc = ask(s, which, n, scores, &why);
	tell_breaker(s, server, rc, &why);
	if (rc == 0) {
		reorder(s, which, n, scores);
	} else {
		s->out->rerank_error = arena_str(s->arena, why.reason);
	}
	return 0;
}
