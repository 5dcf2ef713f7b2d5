/*
 * Extracted text to chunks: along headings, then blocks, then sentences (ICU), aiming at a number of
 * tokens. A chunk does not cross a heading unless the sections are tiny; table rows stay whole (a
 * long table's header row is repeated) and list items stay with their lead-in where they fit; each chunk
 * has its heading path, pages, byte range and the boxes of its lines. Deterministic: the same input
 * gives the same chunks. Pure functions. Thread: any.
 */
#ifndef INGEST_CHUNKER_H
#define INGEST_CHUNKER_H

#include "index/base/arena.h"
#include "index/chunks.h"
#include "ingest/extracted.h"

struct chunker_config {
	int target_tokens; /* a chunk has 0.25 to 1.5 times this, unless its text is shorter */
	const char *name;  /* the document's name: its title where it has none of its own */
};

/* Chunks in the arena; ids and slots are left empty (chunks_publish makes them). *n may be 0. */
void chunker_run(const struct extracted *x, const struct chunker_config *config, struct arena *a,
	struct chunk **out, int *n);

#endif
