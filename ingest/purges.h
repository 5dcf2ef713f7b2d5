/*
 * Purges that somebody waits for (a backup): done now, whatever stands before them in the queue.
 * Thread: a worker's, not an ingest worker's; blocks.
 */
#ifndef INGEST_PURGES_H
#define INGEST_PURGES_H

#include "index/index.h"

/* When it returns 0, nothing is left in the database of what was deleted before the call. Those
 * that wait are purged here; those at work elsewhere are waited for. Files and the write-ahead log
 * may hold of it still: the job goes on with them. goes_on is asked all the while: what it returns
 * below 0 ends it. */
MUST_CHECK int purges_finish(
	struct index *ix, int (*goes_on)(void *arg, struct err *e), void *arg, struct err *e);

#endif
