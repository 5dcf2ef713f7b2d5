/*
 * What a library's parser may cost. Gumbo looks through all open elements for each new one, and
 * cmark through all cells of a row: text of a megabyte, made for it, takes them minutes. Both ask
 * for memory all the while, and there the effort is compared with what the text is worth: ordinary
 * text takes a hundredth of it. Ends the process with FAULT_LIMIT, and ingest-nesting as what to
 * raise. Thread: the child's only one.
 */
#ifndef INGEST_EFFORT_H
#define INGEST_EFFORT_H

#include <stddef.h>
#include <stdint.h>

#include "ingest/draft.h"

struct effort {
	struct draft *d;
	int64_t until_us; /* of computing by this process */
	uint32_t n_asked;
};

/* For text of that many bytes. */
void effort_begin(struct effort *f, struct draft *d, size_t n_bytes);
/* Asked at every allocation. */
void effort_ask(struct effort *f);

#endif
