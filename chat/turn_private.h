/* What turn.c and turn_work.c share: one answer in the making. */
#ifndef CHAT_TURN_PRIVATE_H
#define CHAT_TURN_PRIVATE_H

#include "chat/cite.h"
#include "chat/extractive.h"
#include "chat/retrieval.h"
#include "chat/turn.h"

struct turn {
	struct run *run;
	struct arena *arena; /* the run's; the worker's while work is under way */
	int step;
	bool working; /* a worker has it */
	bool running; /* inside the machine: a wake-up from within only marks */
	bool woken;
	bool stopped;
	enum turn_stop why;
	struct pool_item item;
	int (*work)(struct turn *t, struct db *db, struct err *e);
	int rc;
	struct err err;
	/* retrieve, prompt */
	struct asker who;
	struct id attached; /* the collection of the conversation's attachments; empty: none */
	struct prompt_turn *history;
	struct id *history_runs; /* [n_history] whose answers they are; of a stored run */
	int n_history;
	const char *query; /* what was searched for */
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
	/* commit */
	const char *mode, *state, *reason, *message;
	struct run_outcome outcome;
};

/* The blocking half of the steps retrieve and prompt. Thread: a worker. */
int turn_retrieve_work(struct turn *t, struct db *db, struct err *e);
int turn_prompt_work(struct turn *t, struct db *db, struct err *e);

#endif
