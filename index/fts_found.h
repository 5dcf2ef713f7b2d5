/*
 * Where terms stand in the index, for as long as one snapshot is read: a search asks of each of its
 * words whether it is there, who may read it, how many rows have it and which, one after the other,
 * and would look it up in the tables each time. Hangs on the snapshot (index/store.h's db_keep).
 * Private to index/fts. Thread: the snapshot's.
 */
#ifndef INDEX_FTS_FOUND_H
#define INDEX_FTS_FOUND_H

#include "index/fts_postings.h"

struct fts_found {
	int64_t workspace_n;
	struct postings_index index; /* opened in `arena`; each reading works on a copy */
	struct arena arena;
	int n;
	struct found_term *table;
};

/* What the snapshot has of the workspace; made, and not opened yet (index.db NULL), if there is
 * nothing or another workspace's. NULL: db is the writer's. */
struct fts_found *fts_found_keep(struct db *db, int64_t workspace_n);

/* The term's list as it was found, at its first row before any other reads it on; NULL: not yet. */
const struct postings *fts_found_lookup(const struct fts_found *f, const char *term);
/* Room for what `list` of fts_found_add is made of; NULL: there is none any more. */
struct arena *fts_found_room(struct fts_found *f);
void fts_found_add(struct fts_found *f, const char *term, const struct postings *list);

#endif
