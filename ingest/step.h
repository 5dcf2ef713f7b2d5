/*
 * The steps of pipeline.c's tables. Each: 0, ERR_UNPROCESSABLE (trying again cannot mend it),
 * ERR_CANCELLED, or another error (it is tried again later). Doing a step twice does no harm.
 */
#ifndef INGEST_STEP_H
#define INGEST_STEP_H

#include "ingest/pipeline.h"

MUST_CHECK int step_extract(struct ingest *in, struct err *e);
MUST_CHECK int step_chunk(struct ingest *in, struct err *e);
MUST_CHECK int step_embed(struct ingest *in, struct err *e);
MUST_CHECK int step_publish(struct ingest *in, struct err *e);

MUST_CHECK int step_purge(struct ingest *in, struct err *e);
MUST_CHECK int step_remove_blobs(struct ingest *in, struct err *e);
MUST_CHECK int step_checkpoint(struct ingest *in, struct err *e);

MUST_CHECK int step_train(struct ingest *in, struct err *e);
MUST_CHECK int step_fill(struct ingest *in, struct err *e);
MUST_CHECK int step_compare(struct ingest *in, struct err *e);
MUST_CHECK int step_swap(struct ingest *in, struct err *e);

/* For all of them: ERR_CANCELLED if somebody asked to stop. */
MUST_CHECK int step_goes_on(struct ingest *in, struct err *e);
/* The progress callback of extraction and embedding; arg is the struct ingest. */
void step_progress(void *arg, int done, int n);

#endif
