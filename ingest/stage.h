/*
 * What the steps of a job leave for each other: DATA/stage/<job>/<name>. A file is
 *
 *   "CRLS" u32 version  u64 length  BLAKE2b-256 of the rest (32 bytes)  the rest
 *
 * and one that does not read as that is as good as absent: the step is done again. So it is written
 * in its place and not synced: what a kill or a power cut leaves of it is the whole or nothing.
 * Alone writes DATA/stage. Thread: the job's worker.
 */
#ifndef INGEST_STAGE_H
#define INGEST_STAGE_H

#include "index/base/arena.h"
#include "index/base/buf.h"
#include "index/chunks.h"
#include "index/index.h"

MUST_CHECK int stage_write(struct index *ix, const struct id *job, const char *name,
	const struct buf *content, struct err *e);
/* Appends the content. ERR_NOT_FOUND: absent, or removed since it did not read. */
MUST_CHECK int stage_read(
	struct index *ix, const struct id *job, const char *name, struct buf *out, struct err *e);
void stage_remove(struct index *ix, const struct id *job, const char *name);
void stage_drop(struct index *ix, const struct id *job); /* all of a job's */
/* At start: removes what jobs left that are not queued or running any more. */
MUST_CHECK int stage_sweep(struct index *ix, struct err *e);

/* Chunks as the chunker made them. */
void stage_pack_chunks(const struct chunk *chunks, int n, struct buf *out);
/* In the arena. ERR_CORRUPT. */
MUST_CHECK int stage_unpack_chunks(
	const struct buf *in, struct arena *a, struct chunk **out, int *n, struct err *e);

#endif
