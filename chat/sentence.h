/*
 * Sentences: of a source's text, whose lines may be a page's lines, and of an answer that is still
 * being written. Rules, no model: terminators of Latin and CJK scripts, abbreviations, ordinals,
 * initials; table rows ("a | b"), list items and headings stand alone. Pure. Thread: any.
 */
#ifndef CHAT_SENTENCE_H
#define CHAT_SENTENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "index/base/arena.h"
#include "index/base/buf.h"

struct sentence {
	int start, end; /* bytes, without surrounding blanks */
	bool row;	/* of a table */
	bool item;	/* the first of a list item: "- ", "•", "3. " */
};

/* All of them in order, in the arena. */
int sentences_split(struct arena *a, const char *text, size_t n_bytes, struct sentence **out);

/* The end of the sentence that begins at from, with the citation markers ("[1]") that follow it; 0:
 * what has come does not tell yet. final: nothing more comes. A line break ends a sentence. */
size_t sentence_end(const char *s, size_t n, size_t from, bool final);
/* The same of a text that grows: *looked says how far the calls before have looked in vain. */
size_t sentence_end_on(const char *s, size_t n, size_t from, size_t *looked, bool final);

/* Appends a sentence as one line: a run of blanks becomes one, and none where a page's line ended
 * between characters of a script that is written without (Chinese, Japanese). */
void sentence_flat(struct buf *out, const char *s, size_t n_bytes);

/* Bytes of a marker like "[1]" or "[1, 2]" at s, 0 if there is none. */
size_t sentence_marker(const char *s, size_t n);

#endif
