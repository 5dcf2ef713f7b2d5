/*
 * What a search asks of the full-text index again and again, kept in memory for all readers of a
 * store: in how many rows a term is, and how long a row is. Not the truth: who finds nothing here
 * asks the index.
 *
 * A frequency carries the state of the index that it was counted in, and serves other snapshots
 * while less than a 64th of the index was written in between (an idf then moves by less than .02);
 * in an index of less than 64 pages it serves that state alone. The state comes from the snapshot,
 * so a transaction that is rolled back was never seen. A row's length never changes, for slots are
 * not given out twice.
 *
 * Memory: 1.5 MB a workspace that is searched, 2 bytes a slot besides. Thread: any.
 */
#ifndef INDEX_FTS_CACHE_H
#define INDEX_FTS_CACHE_H

#include <stdbool.h>
#include <stdint.h>

struct fts_cache;
struct fts_memory; /* of one workspace; lives as long as the cache */

struct fts_cache *fts_cache_create(void);
void fts_cache_destroy(struct fts_cache *c); /* NULL is fine */
/* NULL gives NULL, which remembers nothing. */
struct fts_memory *fts_cache_lookup(struct fts_cache *c, int64_t workspace_n);

struct fts_state {
	int64_t n_written; /* pages ever written for new rows; grows with every transaction */
	int64_t n_pages;   /* that the index has */
	int64_t n_rows, n_tokens;
};

/* Whether it is known for this state. That no row has a term is not kept: it costs next to nothing
 * to find out again, and the first row that has it is to be found at once. */
bool fts_memory_df(
	struct fts_memory *m, const struct fts_state *now, const char *term, int64_t *df);
void fts_memory_keep_df(
	struct fts_memory *m, const struct fts_state *now, const char *term, int64_t df);

/* The languages that rows are in, bit i for stem_language(i), in exactly this state; untouched if
 * they are not known. */
bool fts_memory_languages(struct fts_memory *m, const struct fts_state *now, uint64_t *languages);
void fts_memory_keep_languages(
	struct fts_memory *m, const struct fts_state *now, uint64_t languages);

/* In tokens; 0: not known. */
int fts_memory_length(struct fts_memory *m, int64_t slot);
void fts_memory_keep_length(struct fts_memory *m, int64_t slot, int length);
/* One merge of the whole index (index/fts_forget.c) serves all rows that were deleted before it
 * began: each deletion wants one, so does a start, which knows of none before it. Who waits for
 * what is deleted until now takes the turn that is the last, and one of those who wait is told that
 * the merge is its own. m NULL: it always is. */
void fts_memory_merge_want(struct fts_memory *m);
int64_t fts_memory_merge_turn(struct fts_memory *m);
enum fts_merge { FTS_MERGE_DONE, FTS_MERGE_YOURS, FTS_MERGE_RUNS };
/* RUNS: another one merges, and after wait_ms still does. covers: what to hand to the end. */
enum fts_merge fts_memory_merge_begin(
	struct fts_memory *m, int64_t turn, int wait_ms, int64_t *covers);
void fts_memory_merge_end(struct fts_memory *m, int64_t covers); /* 0: it came to nothing */
/* After a rebuild of the index. */
void fts_memory_forget(struct fts_memory *m);

#endif
