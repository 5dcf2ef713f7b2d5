/*
 * Plain text straight into the index: no upload, no original, no sandbox, for the texts come from
 * a file that the caller has read itself. What follows is the pipeline's own: the chunker, the
 * serving embedder, chunks_publish, and the job that trains the builtin's table and swaps it in.
 * `carrel eval` fills its throwaway data folder so. Thread: one; blocks.
 */
#ifndef INGEST_PLAIN_H
#define INGEST_PLAIN_H

#include "index/base/err.h"
#include "index/base/id.h"
#include "index/index.h"

struct plain_text {
	const char *name;  /* of the document; unique in its collection */
	const char *title; /* "" none: unlike a file's, its name is no title */
	const char *text;  /* UTF-8; a blank line ends a paragraph */
};

/* Publishes n of them in one transaction, a document each; *n_chunks: of all of them. */
MUST_CHECK int plain_publish(struct index *ix, const struct id *workspace,
	const struct id *collection, const struct plain_text *texts, int n, int *n_chunks,
	struct err *e);
/* What a worker does when a workspace has grown: trains and swaps if vectors_wants_training. in:
 * all zero but index; its step, done and total tell another thread how far it is, its cancel ends
 * it with ERR_CANCELLED. */
struct ingest;
MUST_CHECK int plain_train(struct ingest *in, const struct id *workspace, struct err *e);

#endif
