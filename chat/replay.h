/*
 * What a new vector space would change for people: the questions of the last turns, asked of it and
 * of the space that serves, before it does (`carrel reindex --embedder`).
 *
 * Each question is asked with the present rights of who asked it, of a conversation's attachments
 * none. What is kept and shown is numbers; a question's words, and what it finds first, are shown
 * to nobody but who asked it, and only documents that they may read now.
 *
 * Alone writes replay, replay_question. Thread: replay_run on an ingest worker, blocks; replay_json
 * any with a db.
 */
#ifndef CHAT_REPLAY_H
#define CHAT_REPLAY_H

#include <jansson.h>

#include "chat/app.h"
#include "ingest/pipeline.h"

/* struct ingest_compare's run; arg is the struct app. */
MUST_CHECK int replay_run(void *arg, struct ingest *in, bool *doubtful, struct err *e);

/* The last comparison of the workspace, a new reference; json_null() if there was none. details:
 * with the asker's own questions. */
MUST_CHECK int replay_json(struct db *db, struct arena *a, const struct asker *who, bool details,
	json_t **out, struct err *e);

#endif
