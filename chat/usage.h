/*
 * Tokens spent, per person, day and model. chat/run_store.c writes the table usage; this reads it.
 * Thread: any with a db.
 */
#ifndef CHAT_USAGE_H
#define CHAT_USAGE_H

#include <stdint.h>

#include "index/base/arena.h"
#include "index/base/err.h"
#include "index/base/id.h"
#include "index/store.h"

struct usage {
	char *day; /* "2026-11-21", UTC */
	struct id user;
	char *name, *display_name;
	char *model; /* "extractive" for the built-in answerer */
	int64_t n_runs, prompt_tokens, answer_tokens;
};

/* Of a workspace from the day of `from_ms` (Unix) on, by day, name and model; in the arena. */
MUST_CHECK int usage_list(struct db *db, struct arena *a, const struct id *workspace,
	int64_t from_ms, struct usage **out, int *n, struct err *e);

#endif
