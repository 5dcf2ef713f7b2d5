/* What turn.c, turn_rewrite.c and turn_work.c share: one answer in the making. */
#ifndef CHAT_TURN_PRIVATE_H
#define CHAT_TURN_PRIVATE_H

#include "chat/cite.h"
#include "chat/extractive.h"
#include "chat/followup.h"
#include "chat/retrieval.h"
#include "chat/turn.h"

enum step_result { STEP_NEXT, STEP_WAIT, STEP_DONE, STEP_FAIL };

struct turn {
	struct run *run;
	struct arena *arena; /* the run's, or `reading`; the worker's while work is under way */
	struct arena
		reading; /* until the prompt is made: what was found, and all else that was read */
	struct arena kept; /* of it, what the answer may cite */
	int step;
	bool working; /* a worker has it */
	bool running; /* inside the machine: a wake-up from within only marks */
	bool woken;
	bool stopped;
	atomic_bool cancel; /* the same, for a worker that waits for a server */
	enum turn_stop why;
	struct pool_item item;
	int (*work)(struct turn *t, struct db *db, struct err *e);
	int rc;
	struct err err;
	/* recall, retrieve, prompt */
	struct asker who;
	struct id attached; /* the collection of the conversation's attachments; empty: none */
	struct prompt_turn *history;
	struct id *history_runs; /* [n_history] whose answers they are; of a stored run */
	int n_history;
	const char **earlier; /* [n_history] their questions */
	/* rewrite */
	enum leaning leaning;
	const char **asked; /* [n_asked] what a model was shown; NULL: it was not asked */
	struct id *asked_runs;
	int n_asked;
	struct buf said;
	int64_t rewrite_us;
	const char *query;     /* what was searched for */
	const char *rewritten; /* what made it of the question: "model", "rule"; "" nothing */
	struct search_result found;
	struct retrieval retrieval;
	bool refused;
	int n_tries;
	struct source *sources;
	int n_sources;
	struct prompt prompt;
	struct extract extract;
	int64_t retrieve_ms;
	/* stream, cite */
	struct model_call *call;
	bool flowing; /* the model has said something */
	bool paused;
	struct cite cite;
	bool citing;
	size_t shown; /* bytes of cite.text sent as deltas */
	int n_shown;  /* citations sent */
	struct model_result result;
	bool model_ended;
	bool gave_up; /* on the model: reason and message say why */
	/* commit */
	const char *mode, *state, *reason, *message;
	struct run_outcome outcome;
};

/* Goes on with the steps; from a callback on the loop. */
void turn_wake(struct turn *t);
bool turn_wants_model(const struct turn *t);

/* turn_rewrite.c */
int turn_recall_work(struct turn *t, struct db *db, struct err *e); /* a worker */
enum step_result turn_rewrite(struct turn *t);
void turn_choose_query(struct turn *t); /* a worker */

/* turn_work.c: who asks and what was said before, as it may be shown now. */
int turn_load_history(struct turn *t, struct db *db, struct err *e);
/* The blocking half of the steps retrieve and prompt. Thread: a worker. */
int turn_retrieve_work(struct turn *t, struct db *db, struct err *e);
int turn_prompt_work(struct turn *t, struct db *db, struct err *e);
/* The built-in answer, where a model gave none: t->extract. Thread: a worker. */
int turn_extract_work(struct turn *t, struct db *db, struct err *e);
/* A model will answer, which may take minutes: only what it may cite is kept of what was read. */
void turn_let_go(struct turn *t);

#endif
