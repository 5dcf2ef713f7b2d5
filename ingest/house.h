/*
 * What is done between jobs, so that search stays good and the disk clean: dictionaries and the
 * builtin embedder are trained anew where they want it, vectors maintained, leftovers swept. An
 * error is a line in the log: the next time comes. Thread: one at a time, ingest/worker.h's.
 */
#ifndef INGEST_HOUSE_H
#define INGEST_HOUSE_H

#include <stdbool.h>

#include "index/index.h"

struct house {
	struct index *index;
	bool (*stopping)(void *arg); /* asked between two pieces of work */
	void *arg;
};

void house_keep(const struct house *h);
/* The same, and what a process that died left over. */
void house_keep_at_start(const struct house *h);

#endif
