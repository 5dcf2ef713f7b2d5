/*
 * What was searched for an answer: the query, how long each step took, and the candidates with why
 * each was kept or cut. Shown in the event retrieval.completed, and kept of a stored run as numbers
 * and ids, so that it can be opened again under the permissions of then: a candidate that may not
 * be read, or is gone, is counted and not told of.
 *
 * Alone writes run_search, run_candidate. Thread: any with a db; functions marked tx in a write
 * transaction.
 */
#ifndef CHAT_RETRIEVAL_H
#define CHAT_RETRIEVAL_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "chat/run_store.h"
#include "index/acl.h"
#include "index/base/arena.h"
#include "index/base/err.h"
#include "index/base/id.h"
#include "retrieve/search.h"

#define RETRIEVAL_CANDIDATES_MAX 40
#define RETRIEVAL_TEXT_MAX 400 /* bytes of a candidate's text that are shown */

struct retrieval {
	const char *query;
	const char *rewritten; /* what made it of the question: "model", "rule"; "" nothing */
	int64_t rewrite_us;    /* what the model took; 0: it was not asked */
	const struct search_result *found;
	bool weak;		      /* too little was found to answer from */
	int n_tokens;		      /* of the passages in the prompt */
	int64_t budget;		      /* tokens they might have had */
	struct candidate *candidates; /* [n], by fused rank */
	int *handles;		      /* [n]: n of [n]; 0: not in the prompt */
	int n;
	int n_hidden;
};

/* From a search with `explain`, whose first n_sources passages are in the prompt: candidates that
 * stand in a passage, then the best others. Borrows found; weak and budget are the caller's. */
void retrieval_fill(struct retrieval *r, struct arena *a, const char *query,
	const struct search_result *found, int n_sources);
/* As in the event: text only of those that were kept. A new reference. */
json_t *retrieval_json(const struct retrieval *r);
/* The search's conditions, as in the API; a new reference. */
json_t *retrieval_conditions_json(const struct search_result *found);
json_t *retrieval_corrections_json(const struct search_result *found);
/* What type: stands for (search_request.type_of): the formats that are read. */
const char *searched_type(const char *name);
json_t *retrieval_times_json(const struct search_result *found);

MUST_CHECK int retrieval_store(struct db *db, const struct id *run, const struct id *workspace,
	const struct retrieval *r, struct err *e); /* tx */
MUST_CHECK int retrieval_delete(
	struct db *db, const struct id *conversation, struct err *e); /* tx */
/* A candidate that stands for others is hidden: they do not name it. */
void retrieval_forget_same(json_t *candidates);
/* tx, when the run ends: its event tells of a document that was deleted meanwhile. */
MUST_CHECK int retrieval_forget_lost(struct db *db, const struct id *run, struct err *e);

/* Adds the documents of the run's candidates that may not be read now to the view's gone ones;
 * they withhold nothing of the answer. */
MUST_CHECK int retrieval_view(struct db *db, struct arena *a, const struct asker *who,
	const struct id *run, struct run_view *view, struct err *e);
/* What the asker may see of it now, with text and "hidden". ERR_CONFLICT "not_searched": the run
 * has not come so far, or never did. */
MUST_CHECK int retrieval_open(struct db *db, struct arena *a, const struct asker *who,
	const struct id *run, json_t **out, struct err *e);

#endif
