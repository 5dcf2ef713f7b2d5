/*
 * Conversations and their turns. A conversation belongs to one user; to everybody else it is absent
 * (err_absent), administrators and the machine's operator included. What was answered stands in
 * chat/run_store.h.
 * Alone writes conversation and turn. Thread: any with a db; functions marked tx in a write
 * transaction.
 */
#ifndef CHAT_CONVERSATION_H
#define CHAT_CONVERSATION_H

#include <stdbool.h>
#include <stdint.h>

#include "index/acl.h"
#include "index/base/arena.h"
#include "index/base/err.h"
#include "index/base/hash.h"
#include "index/base/id.h"
#include "index/store.h"

#define CONVERSATION_TITLE_MAX 200 /* bytes */
#define TURN_INPUT_MAX 8000	   /* bytes; SEARCH_QUERY_MAX holds it */

struct conversation {
	struct id id, workspace, user;
	char *title; /* "" until the first turn gives it one */
	int64_t created_ms, updated_ms;
};

/* tx. title may be NULL. */
MUST_CHECK int conversation_create(
	struct db *db, const struct asker *who, const char *title, struct id *out, struct err *e);
MUST_CHECK int conversation_lookup(struct db *db, struct arena *a, const struct asker *who,
	const struct id *id, struct conversation *out, struct err *e);

/* The asker's own, the latest changed first. before: the last one of the page before (its
 * updated_ms and id), or NULL. q: those whose title, questions or answers hold it (NULL: all);
 * answers that quote what the asker may not read any more are not looked at. */
struct conversation_page {
	struct conversation *rows;
	int n;
	bool more;
};
MUST_CHECK int conversation_list(struct db *db, struct arena *a, const struct asker *who,
	const char *q, const struct conversation *before, int limit, struct conversation_page *out,
	struct err *e);
MUST_CHECK int conversation_rename(
	struct db *db, const struct id *id, const char *title, struct err *e); /* tx */
/* tx. With its turns, runs, events, sources and citations; what was used stays counted. */
MUST_CHECK int conversation_delete(struct db *db, const struct id *id, struct err *e);

/* ── turns ── */

#define TURN_LATEST 0	/* it follows the latest turn */
#define TURN_FIRST (-1) /* it follows none: another beginning of the conversation */

struct turn_new {
	struct id conversation;
	int64_t parent_seq; /* the turn it follows, or one of the two below */
	const char *input;
	const char *key;	  /* Idempotency-Key, or NULL */
	char hash[HASH_HEX_SIZE]; /* of the whole request */
};
struct turn_added {
	struct id run;
	int64_t seq;
	bool repeated; /* the key was there with the same request: nothing was made */
};
/* tx. The turn and its run, 'queued'. ERR_CONFLICT "idempotency_key_reused": the key came with
 * another request. ERR_INVALID "unknown_turn": no such parent. */
MUST_CHECK int turn_add(struct db *db, const struct asker *who, const struct turn_new *t,
	struct turn_added *out, struct err *e);
/* tx. Another run for the turn, which becomes its answer. ERR_CONFLICT "run_open": one is being
 * written. err_absent: no such turn. */
MUST_CHECK int turn_rerun(struct db *db, const struct asker *who, const struct id *conversation,
	int64_t seq, struct id *run, struct err *e);

/* tx. Which of its runs is the turn's answer: shown, and what was said for the turns that follow.
 * err_absent: no such turn, or no run of it. */
MUST_CHECK int turn_choose_run(struct db *db, const struct id *conversation, int64_t seq,
	const struct id *run, struct err *e);

struct turn_row {
	int64_t seq;
	int64_t parent_seq; /* 0: none */
	char *input;
	struct id run; /* the answer shown */
	int64_t created_ms;
};
/* Turns of every branch, by number. With before_seq > 0 the last ones before it, else the first
 * ones past after_seq; more: there are further ones in that direction. */
MUST_CHECK int turn_list(struct db *db, struct arena *a, const struct id *conversation,
	int64_t after_seq, int64_t before_seq, int limit, struct turn_row **out, int *n, bool *more,
	struct err *e);
MUST_CHECK int turn_lookup(struct db *db, struct arena *a, const struct id *conversation,
	int64_t seq, struct turn_row *out, struct err *e);
/* The turns before seq along its parents, oldest first, at most max. */
MUST_CHECK int turn_history(struct db *db, struct arena *a, const struct id *conversation,
	int64_t seq, int max, struct turn_row **out, int *n, struct err *e);

#endif
