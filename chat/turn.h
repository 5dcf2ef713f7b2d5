/*
 * One answer, from a question to its last citation: the table of steps in turn.c is the story.
 * Blocking work runs on app->pool; a result wakes the machine on the loop. Thread: the loop's.
 */
#ifndef CHAT_TURN_H
#define CHAT_TURN_H

#include <stdbool.h>

#include "chat/run.h"

enum turn_stop {
	TURN_CANCEL,	/* somebody asked, or the ephemeral client has gone */
	TURN_INTERRUPT, /* the server stops */
};

/* Sets run->turn; ends in run_finish, always. */
void turn_start(struct run *run);
/* run_finish follows within 100 ms, unless a worker is at it. */
void turn_stop(struct turn *t, enum turn_stop why);
/* The reader of an ephemeral run lags behind, or has caught up. */
void turn_flow(struct turn *t, bool paused);
/* Before the run's arena is freed. NULL is fine. */
void turn_finish(struct turn *t);

#endif
