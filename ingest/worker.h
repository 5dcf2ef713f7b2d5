/*
 * The ingest workers: threads at low priority that lease jobs and run the pipeline; between jobs
 * they keep house (text dictionary, vector segments, training of the built-in embedder).
 *
 * ingest-workers of them work at a time, but one that has run a job for LONG_MS does not count any
 * more: SPARE_SEATS others stand in, so that a document on which a reader computes for minutes
 * delays nobody for more than that. The last of them serves only users of whom nothing runs: the
 * bad files of one user never take all seats.
 *
 * A keeper
 * thread renews leases and carries progress and cancellation (within 1 s) between the job table and
 * running steps. Thread: created in main; worker_wake and worker_progress from any thread.
 */
#ifndef INGEST_WORKER_H
#define INGEST_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "index/index.h"
#include "ingest/pipeline.h"
#include "ingest/zygote.h"

struct worker;

/* compare (NULL: nobody) outlives it. */
MUST_CHECK int worker_create(struct index *ix, struct zygote *z,
	const struct ingest_compare *compare, struct worker **out, struct err *e);
/* Stops running jobs where they are (they resume at the next start) and joins. NULL is fine. */
void worker_destroy(struct worker *w);
void worker_wake(struct worker *w); /* a job was made or cancelled */

/* Live progress of a job that runs in this process, fresher than the table; false: it does not. */
struct job_progress {
	int step;
	int64_t done, total;
};
bool worker_progress(struct worker *w, const struct id *job, struct job_progress *out);

#endif
