/*
 * What the routes of conversations and runs share: the fields of a question, the JSON of an answer.
 * Thread: a worker.
 */
#ifndef CHAT_ROUTES_ANSWERS_H
#define CHAT_ROUTES_ANSWERS_H

#include "chat/run.h"

/* ERR_UNAVAILABLE while the server stops. */
MUST_CHECK int answers_taken(struct call *c, struct err *e);
/* A required text of 1 to TURN_INPUT_MAX bytes that is not blank. */
MUST_CHECK int question_field(struct call *c, const char *name, const char **out, struct err *e);
/* The optional fields collections and responseMode. */
MUST_CHECK int answer_fields(struct call *c, struct run_order *o, struct err *e);
/* A run with its answer and citations, as the asker may see them now. A new reference. */
MUST_CHECK int run_json(struct call *c, const struct run_row *run, json_t **out, struct err *e);

#endif
