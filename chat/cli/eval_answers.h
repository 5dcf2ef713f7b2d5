/*
 * `carrel eval --answers`: each question is answered as anybody's would be (POST /v1/chat, stored
 * nowhere), by the configured model or the built-in answerer; what it cites is held against what
 * was expected, what it refuses against whether it could be answered. Thread: main.
 */
#ifndef CHAT_CLI_EVAL_ANSWERS_H
#define CHAT_CLI_EVAL_ANSWERS_H

#include "chat/cli/eval_source.h"

MUST_CHECK int eval_answers(struct cli *cli, struct eval_source *s, struct err *e);

#endif
