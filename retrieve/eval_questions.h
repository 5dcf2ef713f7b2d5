/*
 * A file of questions that people write about their own documents. JSONL, an object a line:
 *
 *   {"question": "How many days of leave?", "document": "hr/leave.pdf", "page": 2}
 *   {"question": "…", "expected": [{"document": "a.pdf", "page": 3}, {"document": "b.pdf"}]}
 *   {"question": "Who won in 1966?", "document": null}            no document answers it
 *
 * ("id" names it; by default the question does), or TSV or CSV (RFC 4180, but no line breaks in a
 * field) by the file's ending, with the columns question, document, page; a header may name them.
 * The rows of one question are together what it expects. An empty document: nothing answers it.
 * Thread: one.
 */
#ifndef RETRIEVE_EVAL_QUESTIONS_H
#define RETRIEVE_EVAL_QUESTIONS_H

#include <stdbool.h>

#include "index/base/arena.h"
#include "index/base/err.h"

struct expected {
	const char *document; /* its id, its name, or COLLECTION/NAME */
	int page;	      /* 0: any */
};
struct asked {
	const char *id, *question;
	struct expected *expected; /* [n]; none: unanswerable */
	int n;
};

/* *out in the arena. ERR_INVALID names file and line. */
MUST_CHECK int eval_questions_read(
	const char *path, struct arena *a, struct asked **out, int *n, struct err *e);

#endif
