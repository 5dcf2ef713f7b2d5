/*
 * The lines of a file that a person brought: read one by one, with the place for an error text.
 * Thread: one.
 */
#ifndef RETRIEVE_EVAL_LINES_H
#define RETRIEVE_EVAL_LINES_H

#include <stdint.h>
#include <stdio.h>
#include <jansson.h>

#include "index/base/buf.h"
#include "index/base/err.h"

#define EVAL_LINE_MAX ((size_t)16 << 20) /* bytes; longer ones are refused */

struct lines {
	FILE *file;
	const char *path; /* borrowed */
	int64_t n;	  /* of the present line, from 1 */
	struct buf line;  /* without its end */
};

MUST_CHECK int lines_open(struct lines *l, const char *path, struct err *e);
void lines_close(struct lines *l);
/* 1: a line that is not blank, 0: the end; ERR_INVALID: too long, or not UTF-8. */
MUST_CHECK int lines_next(struct lines *l, struct err *e);
/* The same, an object of JSON: a new reference. */
MUST_CHECK int lines_next_json(struct lines *l, json_t **out, struct err *e);
/* ERR_INVALID "bad_line": "PATH, line N: …". */
int lines_fault(const struct lines *l, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
