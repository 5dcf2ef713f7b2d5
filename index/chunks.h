/*
 * Chunks: the passages of published versions, with text, place and permissions, kept in step with
 * both indexes. Publishing a version's chunks, full-text rows, vectors and bitmap bits is one
 * transaction; so is taking them back. A chunk keeps its id and text while its version exists, so
 * that a citation opens what it quoted; only live chunks are in the indexes.
 *
 * Text is zstd-compressed under a dictionary trained on the workspace's own chunks (from about 200
 * of them on). Alone writes chunk, text_dictionary. Thread: any with a db; functions marked tx in a
 * write transaction.
 */
#ifndef INDEX_CHUNKS_H
#define INDEX_CHUNKS_H

#include <stdbool.h>
#include <stdint.h>

#include "index/acl.h"
#include "index/base/arena.h"
#include "index/base/buf.h"
#include "index/base/err.h"
#include "index/base/id.h"
#include "index/store.h"

/* A rectangle on a page in PDF points, origin top left, x0 < x1, y0 < y1. */
struct box {
	int32_t page; /* 1-based */
	float x0, y0, x1, y1;
	/* The bytes of the extracted text it covers (a line, as a rule). */
	int32_t byte_start, byte_end;
};

void boxes_pack(const struct box *boxes, int n, struct buf *out);
/* In the arena; ERR_CORRUPT. */
MUST_CHECK int boxes_unpack(
	const void *p, size_t n_bytes, struct arena *a, struct box **out, int *n, struct err *e);

struct chunk {
	struct id id;
	int64_t slot;
	struct id document, version, collection;
	char *document_name;
	int64_t generation;
	int seq;
	bool live;
	const char *language; /* "en", "zh"; "" unknown */
	const char *title;
	const char *heading;
	const char *text;  /* UTF-8, NUL-terminated */
	const char *place; /* "iv", "Prices!A2:F9": the document's own words, a line a page where
			    * it takes several (index/place.h); "" none */
	const char *unit;  /* what its pages are: "page", "sheet", …; NULL: none, or not known */
	int page_first, page_last;
	int64_t byte_start, byte_end;
	int n_tokens;
	struct box *boxes;
	int n_boxes;
};

struct publication {
	struct id document, version;
	const struct chunk
		*chunks; /* [n_chunks]: language … boxes are read; ids and slots are made */
	int n_chunks;
	int64_t space_n; /* vector space of `vectors`: must still be serving (ERR_CONFLICT) */
	const float
		*vectors; /* [n_chunks × dimension], L2-normalised; a zero vector is not stored */
};

/* tx. Retires the chunks of the document that are live, adds these (generation + 1 of the version),
 * and calls version_publish. A vanished or deleted document is ERR_CANCELLED. */
MUST_CHECK int chunks_publish(struct db *db, const struct publication *p, struct err *e);
/* tx. Out of both indexes and the bitmaps; rows stay for citations. */
MUST_CHECK int chunks_retire_document(struct db *db, const struct id *document, struct err *e);
/* tx. Removes all chunk rows and vectors of a deleted document. What others' chunks are compressed
 * with loses its passages by chunks_forget, the full-text table its words by fts_forget, the files
 * by a checkpoint, its vectors theirs by vectors_forget: all of which the purge job makes. */
MUST_CHECK int chunks_purge_document(struct db *db, const struct id *document, struct err *e);
/* After purges that are committed: when this returns 0, each three words that follow each other in
 * a dictionary do so in a live chunk as well. Many small transactions; blocks. goes_on is asked
 * between them (NULL: always), what it returns below 0 ends it. */
MUST_CHECK int chunks_forget(struct store *s, int64_t workspace_n,
	int (*goes_on)(void *arg, struct err *e), void *arg, struct err *e);
/* tx. For `carrel check`: the document's chunks are retired; those whose text cannot be read have
 * an empty one from then on, and the dictionary they were compressed with is given to no chunk any
 * more (chunks_forget removes it). The document is then without a chunk. */
MUST_CHECK int chunks_drop_unreadable(struct db *db, const struct id *document, struct err *e);
/* Of a chunk c: its document, version or workspace is not there or another's. */
#define CHUNK_IS_FOREIGN                                                                           \
	"NOT EXISTS (SELECT 1 FROM document d JOIN document_version v ON v.document_id = d.id"     \
	" JOIN workspace w ON w.id = d.workspace_id WHERE d.id = c.document_id"                    \
	" AND v.id = c.version_id AND w.n = c.workspace_n AND w.id = c.workspace_id)"
/* tx. For `carrel check`: removes those that are so; vectors, full text and bitmaps are left to
 * their own checks. */
MUST_CHECK int chunks_drop_foreign(struct db *db, const struct id *document, struct err *e);
/* tx. Removes retired chunks of older generations of the version that no citation names. */
MUST_CHECK int chunks_sweep(struct db *db, const struct id *version, struct err *e);

/* Loads live chunks of a workspace by slot that the asker may read NOW (joined to document,
 * collection and entries): the last word on every candidate of an index. out[i].slot < 0 where
 * there is none. Text is loaded only if with_text. */
MUST_CHECK int chunks_load(struct db *db, struct arena *a, const struct asker *who,
	const int64_t *slots, int n, bool with_text, struct chunk *out, struct err *e);
/* One chunk by id, live or kept for a citation, if the asker may read its document; else
 * ERR_NOT_FOUND. */
MUST_CHECK int chunk_open(struct db *db, struct arena *a, const struct asker *who,
	const struct id *id, struct chunk *out, struct err *e);
/* Slots of the live neighbours of a chunk in its version: seq - before … seq + after. */
MUST_CHECK int chunks_neighbours(struct db *db, const struct chunk *c, int before, int after,
	int64_t *slots, int max, int *n, struct err *e);

/* Every live chunk of a workspace from slot on, for reindexing, training and checks: at most max
 * rows, ascending slots. */
MUST_CHECK int chunks_scan(struct db *db, struct arena *a, int64_t workspace_n, int64_t slot,
	int max, struct chunk *out, int *n, struct err *e);
/* Slots of live chunks, ascending: all of them, or of a larger workspace `most`, evenly spread.
 * What is published later is not among them: nothing is read twice that is reindexed meanwhile. */
MUST_CHECK int chunks_sample(
	struct db *db, int64_t workspace_n, int most, int64_t *slots, int *n, struct err *e);
/* Where the text ends that a version's chunks were cut from, about; 0: it has none. */
int64_t chunks_text_end(struct db *db, const struct id *version);
int64_t chunks_live_count(struct db *db, int64_t workspace_n);
/* The same as of now rather than of the snapshot, and at no cost however many there are. */
int64_t chunks_live_about(struct db *db, int64_t workspace_n);

/* Trains a dictionary when the workspace has grown enough since the last; cheap when not. Called by
 * the ingest worker between jobs. Blocks (store_write). */
MUST_CHECK int chunks_train_dictionary(struct store *s, int64_t workspace_n, struct err *e);

#endif
