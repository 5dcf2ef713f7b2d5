/*
 * The links in text that is being put together: where each begins and ends, until the text is
 * written and its places in the document are known. Thread: one owner.
 */
#ifndef INGEST_LINKS_H
#define INGEST_LINKS_H

#include <stdbool.h>
#include <stddef.h>

#include "index/base/buf.h"
#include "ingest/draft.h"

struct links {
	struct buf items; /* of struct link */
	struct buf addresses;
};

/* Addresses that a reader could open: http, https, mailto, or without a scheme; none into the page
 * itself. */
bool links_wanted(const char *address);
/* A link begins where the text has n bytes; ends there. A begun one that never ends is none. */
void links_begin(struct links *l, const char *address, size_t n);
void links_end(struct links *l, size_t n);
/* The text got n bytes in front. */
void links_shift(struct links *l, size_t n);
/* Writes the lines of s to the open block, with an annotation a link, and forgets them. */
void links_write(struct links *l, struct draft *d, const char *s, size_t n_bytes);
void links_clear(struct links *l);
void links_finish(struct links *l);

#endif
