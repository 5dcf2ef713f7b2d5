/*
 * What conditions ask of documents (collection, type, owner, date), kept in memory by runs of
 * slots: a condition becomes a bitmap in a pass over 48 bytes a document, where the database takes
 * 50 to 200 ms at a million chunks. Read aside from a snapshot when it is first asked for, and kept
 * in step after commits. Derived, and only ever narrows what an asker may read: being wrong, it
 * could hide a passage, never show one.
 *
 * A document's chunks and what is told here of them come in together and never change: a new
 * version, or a reindexed one, has slots of its own. What is gone stays until all is read again; no
 * bitmap of permissions has its slots.
 *
 * Private to index/chunks*.c but for its life. Thread: any.
 */
#ifndef INDEX_CHUNKS_FACTS_H
#define INDEX_CHUNKS_FACTS_H

#include "index/chunks_filter.h"

struct chunks_facts;

/* Attaches itself to the store. */
struct chunks_facts *chunks_facts_open(struct store *s);
/* Before the store is closed: no thread of it reads any more. */
void chunks_facts_stop(struct chunks_facts *f);
void chunks_facts_close(struct chunks_facts *f); /* both: NULL is fine */

/* tx. n slots from `first` on that this version of the document is published with. */
MUST_CHECK int chunks_facts_add(struct db *db, int64_t workspace_n, const struct id *version,
	int64_t first, int n, struct err *e);

/* A condition, with names resolved. */
struct facts_wanted {
	enum chunks_filter_kind kind;
	const struct id *ids; /* [n_ids] of collections or users */
	int n_ids;
	const char *media_type;
	int64_t from_ms, to_ms;
};
/* Sets the bits of the slots. false: they are being read, ask the database. */
bool chunks_facts_match(
	struct db *db, int64_t workspace_n, const struct facts_wanted *w, struct bitmap *out);
/* Waits until a workspace's facts that are being read have been; for tests and measuring. */
void chunks_facts_wait(struct chunks_facts *f);

#endif
