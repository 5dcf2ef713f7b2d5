/*
 * What is kept of an answer: the run, its events, what [n] meant, its citations, the tokens it
 * used; and what of it a reader may see now.
 *
 * Permissions are looked at again whenever something of it is shown: a citation of a document that
 * the asker may not read any more is reduced to its number; an answer is withheld when one of the
 * documents it may hold words of cannot be read any more: if a model wrote it, any source of its
 * prompt and of the earlier answers in its prompt; else the cited ones.
 *
 * Alone writes run, run_event, run_source, citation, usage. Thread: any with a db; functions marked
 * tx in a write transaction.
 */
#ifndef CHAT_RUN_STORE_H
#define CHAT_RUN_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "chat/cite.h"
#include "index/acl.h"
#include "index/base/arena.h"
#include "index/base/buf.h"
#include "index/base/err.h"
#include "index/base/id.h"
#include "index/store.h"

struct run_row {
	struct id id, workspace, conversation, user;
	int64_t turn_seq;
	char *state;
	char *mode;  /* NULL: not known yet */
	char *model; /* NULL: none */
	char *answer;
	char *reason, *message;		      /* NULL: none */
	int64_t prompt_tokens, answer_tokens; /* -1: not known */
	int64_t created_ms, finished_ms;      /* 0: not finished */
};
/* Of the asker's own conversation, else err_absent. */
MUST_CHECK int run_lookup(struct db *db, struct arena *a, const struct asker *who,
	const struct id *id, struct run_row *out, struct err *e);
/* The answers that a turn got, oldest first, in the arena. */
struct run_brief {
	struct id id;
	char *state;
	char *mode; /* NULL: not known yet */
	int64_t created_ms;
};
MUST_CHECK int runs_of_turn(struct db *db, struct arena *a, const struct id *conversation,
	int64_t seq, struct run_brief **out, int *n, struct err *e);
bool run_is_open(const struct run_row *r); /* queued or streaming */
/* tx */
MUST_CHECK int run_add(struct db *db, const struct asker *who, const struct id *conversation,
	int64_t turn_seq, struct id *out, struct err *e);
MUST_CHECK int run_begin(struct db *db, const struct id *id, struct err *e); /* tx: 'streaming' */

/* ── events ── */

struct run_event {
	int64_t seq; /* 1, 2, …; may have gaps */
	const char *type;
	char *data; /* JSON, on one line */
};
/* Deltas that follow each other become one row, run_events_load makes them events again. */
MUST_CHECK int run_events_add(struct db *db, const struct id *run, const struct run_event *events,
	int n, struct err *e); /* tx */
/* Those past after_seq, in order, until max_bytes of rows are passed. */
MUST_CHECK int run_events_load(struct db *db, struct arena *a, const struct id *run,
	int64_t after_seq, int64_t max_bytes, struct run_event **out, int *n, struct err *e);

/* ── sources, citations, the end ── */

MUST_CHECK int run_sources_add(struct db *db, const struct id *run, const struct id *workspace,
	const struct passage *passages, int n, struct err *e); /* tx: [1] is the first */
/* tx. An earlier answer stands in the run's prompt: what that may hold words of is the run's, too.
 */
MUST_CHECK int run_sources_inherit(
	struct db *db, const struct id *run, const struct id *earlier, struct err *e);

struct run_outcome {
	struct id run, workspace, user;
	const char *state, *mode, *model, *answer, *reason, *message; /* NULL: SQL NULL */
	int64_t prompt_tokens, answer_tokens;			      /* -1: not known */
	const struct citation *citations;
	int n_citations;
	const struct run_event *events; /* not yet stored, the final one last */
	int n_events;
};
/* tx. ERR_CANCELLED: the run is gone (its conversation was deleted). Of an answer whose source was
 * deleted meanwhile no word is kept. */
MUST_CHECK int run_commit(struct db *db, const struct run_outcome *o, struct err *e);
/* tx, once at start: runs that a dead process left open become 'partial' or 'failed', with a final
 * event. */
MUST_CHECK int runs_recover(struct db *db, int *n, struct err *e);
/* tx: the same for one whose end could not be stored; its final event comes after after_seq.
 * Nothing happens if it is not open. */
MUST_CHECK int run_give_up(struct db *db, const struct id *id, int64_t after_seq, struct err *e);
MUST_CHECK int runs_delete(struct db *db, const struct id *conversation, struct err *e); /* tx */
/* The open run of the conversation's turn, or an empty id; those of all its turns. */
MUST_CHECK int runs_open_of(
	struct db *db, const struct id *conversation, int64_t seq, struct id *out, struct err *e);
MUST_CHECK int runs_all_open_of(struct db *db, struct arena *a, const struct id *conversation,
	struct id **out, int *n, struct err *e);

/* ── what a reader may see ── */

struct run_view {
	const struct id *gone; /* [n_gone] documents of the run that may not be read now */
	int n_gone;
	bool withheld; /* the answer itself */
};
MUST_CHECK int run_view_open(struct db *db, struct arena *a, const struct asker *who,
	const struct id *run, struct run_view *out, struct err *e);
bool run_view_gone(const struct run_view *v, const char *document_id);
/* The event's data as the reader may see it, in the arena; NULL: not at all. data itself where
 * nothing is taken out. */
const char *run_view_event(
	const struct run_view *v, struct arena *a, const char *type, const char *data);
/* The citations of a stored answer as an array for the API, reduced where the view says so. */
MUST_CHECK int run_citations_json(struct db *db, struct arena *a, const struct run_view *v,
	const struct id *run, json_t **out, struct err *e);
/* One of an own run, if its document may be read; else err_absent. */
MUST_CHECK int run_citation(struct db *db, struct arena *a, const struct asker *who,
	const struct id *run, int ordinal, struct citation *out, struct err *e);

/* {"ordinal", "handle", "documentId", "versionId", "chunkId", "page", "place", "unit", "quote",
 * "boxes", "support", "answerStart", "answerEnd"} */
json_t *citation_json(const struct citation *c);

#endif
