/*
 * Text for a terminal: what other people wrote must not steer it, and columns must line up. Pure.
 * A column is a terminal cell; East Asian wide characters take two, combining ones none (UAX 11).
 */
#ifndef CHAT_CLI_TEXT_H
#define CHAT_CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "index/base/buf.h"

/* Appends s with control, bidi and other invisible steering characters (and invalid bytes) as
 * U+FFFD; '\n' and
 * '\t' stay if `lines`, else become a space. */
void text_clean(struct buf *out, const char *s, size_t n_bytes, bool lines);
int text_width(const char *s, size_t n_bytes); /* columns */
/* How many of the bytes fit into `columns`; *used of them. */
size_t text_fit(const char *s, size_t n_bytes, int columns, int *used);
/* Appends s in exactly `columns` columns: cut with "…", or padded (right: in front). */
void text_cell(struct buf *out, const char *s, int columns, bool right);
/* Bytes of the next line of s: up to a newline, or to the last place within `columns` where a line
 * may end; *skip: bytes of white space that follow it. */
size_t text_line(const char *s, size_t n_bytes, int columns, size_t *skip);
/* Appends s broken into lines of at most `columns` at spaces (anywhere in CJK), each led by
 * `indent` spaces, ended by '\n'. */
void text_wrap(struct buf *out, const char *s, int columns, int indent);

/* The same for text that comes in pieces: a word is held back until it is whole. columns 0: as it
 * is. */
struct text_flow {
	int columns;
	int used;	 /* of the present line */
	struct buf word; /* held back */
	bool after_cjk;	 /* its last character may end a line */
};
void text_flow_add(struct text_flow *f, struct buf *out, const char *s, size_t n_bytes);
void text_flow_end(struct text_flow *f, struct buf *out); /* frees */

void text_bytes(struct buf *out, int64_t n_bytes);    /* "3.4 MB" */
void text_duration(struct buf *out, int64_t seconds); /* "0:05", "1:02:03" */

#endif
