/*
 * What `carrel eval` found, for people (80 columns) and as JSON: figures, each question, and the
 * difference of two runs. Thread: main.
 */
#ifndef CHAT_CLI_EVAL_TELL_H
#define CHAT_CLI_EVAL_TELL_H

#include "chat/cli/eval_source.h"

void eval_tell_summary(struct cli *cli, const struct eval_source *s, const struct eval_run *r);
void eval_tell_questions(struct cli *cli, const struct eval_run *r);
/* What --json --queries wrote, in the command's arena: its questions' figures, not their means. */
MUST_CHECK int eval_read_run(
	struct cli *cli, const char *path, struct eval_run *out, struct err *e);
/* Question by question; those that only one of them has are left out. ERR_INVALID: all are. */
struct eval_pair {
	const struct eval_run *before, *now;
	const char *before_name, *now_name; /* "before.jsonl", "fusion-weight-builtin=0" */
	uint64_t seed;
};
MUST_CHECK int eval_tell_difference(struct cli *cli, const struct eval_pair *pair, struct err *e);
/* "the first is better": what an interval says, for a reader of no statistics. */
const char *eval_verdict(const struct eval_difference *d);

#endif
