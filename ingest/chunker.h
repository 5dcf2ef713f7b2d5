/*
 * Extracted text to chunks: along headings, then blocks, then sentences (ICU), aiming at a number
 * of tokens. A chunk does not cross a heading unless the sections are tiny, and a sheet or a
 * message never; table rows stay whole (a long table's header rows are repeated) and list items
 * stay with their lead-in where they fit; each chunk has its heading path (a sheet's name first),
 * pages, place, byte range and the boxes of its lines. Deterministic: the same input gives the same
 * chunks. Pure functions. Thread: any.
 *
 * The text of a chunk ends with the bytes [byte_start, byte_end) of the extracted text, with line
 * ends inside of a paragraph made blanks; what stands before them is a repeated table header. So
 * byte b of the extracted text is at text[n_bytes_of_text - (byte_end - b)], and a quote finds its
 * boxes. A heading that the chunk's path names is not repeated in its text.
 */
#ifndef INGEST_CHUNKER_H
#define INGEST_CHUNKER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "index/base/arena.h"
#include "index/base/err.h"
#include "index/chunks.h"
#include "ingest/extracted.h"

/* Raised when other chunks come out of the same text, so that `carrel reindex` knows old ones. */
#define CHUNKER_VERSION 2

struct chunker_config {
	int target_tokens; /* a chunk has 0.25 to 1.5 times this, unless its text is shorter */
	const char *name;  /* the document's name: its title where it has none of its own */
	const atomic_bool *cancel; /* NULL, or when it is set the run ends soon, without chunks */
};

/* Chunks in the arena; ids and slots are left empty (chunks_publish makes them). *n may be 0. */
void chunker_run(const struct extracted *x, const struct chunker_config *config, struct arena *a,
	struct chunk **out, int *n);

#endif
