/*
 * The client of a /rerank: a model that reads the question together with each text and says how
 * well it answers. Optional (rerank-url); who calls it keeps the order it had when this fails.
 *
 * Request {"model","query","documents","top_n"} as of Jina and Cohere, or {"query","texts"} as of
 * text-embeddings-inference where a server asks for that; the answer is {"results":[{"index",
 * "relevance_score"}]} or [{"index","score"}], in any order.
 *
 * The server gets the texts: give it only what the asker may read. Thread: any; blocks up to
 * rerank-timeout-ms in all, interrupted by *cancel.
 */
#ifndef INDEX_RERANK_H
#define INDEX_RERANK_H

#include <stdatomic.h>
#include <stdbool.h>

#include "index/base/err.h"
#include "index/base/settings.h"

#define RERANK_TEXTS_MAX 200

struct rerank_request {
	const char *query;
	const char *const *texts;  /* [n_texts] */
	int n_texts;		   /* 1 to RERANK_TEXTS_MAX */
	const atomic_bool *cancel; /* NULL: none */
};

bool rerank_configured(const struct settings *set);

/* scores [n_texts], 0 to 1, higher is better. A server's scores that are all within 0 and 1 stay as
 * they are; if any is not, all are taken for logits and go through the logistic function, which
 * keeps their order. A text that the server left out gets 0: sort stably by score and such ones
 * keep the order that they had. A text over the model's window is scored by its beginning.
 *
 * ERR_CONFIG: not set; ERR_UPSTREAM, ERR_TIMEOUT, ERR_LIMITED, ERR_CANCELLED with a reason
 * rerank_…; scores mean nothing then. */
MUST_CHECK int rerank_run(
	const struct settings *set, const struct rerank_request *r, double *scores, struct err *e);

#endif
