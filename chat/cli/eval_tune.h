/*
 * `carrel eval --tune`: the fusion weight that finds best, for each setting that the questions
 * touch (the embedder's, and its one for Chinese, Japanese and Korean). Each question is searched
 * once; its two lists are fused anew for every weight. Thread: main.
 */
#ifndef CHAT_CLI_EVAL_TUNE_H
#define CHAT_CLI_EVAL_TUNE_H

#include "chat/cli/eval_source.h"

/* With --save the weights that pay are written to the server's settings. */
MUST_CHECK int eval_tune(struct cli *cli, struct eval_source *s, uint64_t seed, struct err *e);

#endif
