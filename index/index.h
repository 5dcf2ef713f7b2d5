/*
 * What we know, on disk: the parts of index/ opened together over one data folder, in the right
 * order. The one struct that ingest/, retrieve/ and chat/ are given.
 */
#ifndef INDEX_INDEX_H
#define INDEX_INDEX_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "index/acl.h"
#include "index/base/breaker.h"
#include "index/base/err.h"
#include "index/base/settings.h"
#include "index/blob.h"
#include "index/store.h"
#include "index/vector.h"

struct index {
	const struct settings *settings;
	char *data_dir;
	int lock_fd; /* DATA/lock: one process opens the database */
	struct store *store;
	struct blobs *blobs;
	struct acl_index *acl;
	struct vectors *vectors;
	struct fts_cache *full_text;
	struct vocabularies *vocabularies;
	struct chunks_facts *facts;
	struct chunk_digests *digests;
	struct breaker rerank;	  /* of the server of rerank-url */
	pthread_rwlock_t naming;  /* private: index_naming_begin */
	pthread_mutex_t removing; /* private: index_keep_begin */
};

/* Takes DATA/lock (ERR_CONFLICT: a server runs on this folder), opens all, makes the workspace
 * "default" if there is none. */
MUST_CHECK int index_open(const struct settings *set, struct index **out, struct err *e);
void index_close(struct index *ix); /* NULL is fine */

/* A workspace's number, in a snapshot of its own. */
MUST_CHECK int index_workspace_n(
	struct index *ix, const struct id *workspace, int64_t *n, struct err *e);

/* ── which blobs are wanted ── */

/* A blob is stored before the transaction that names it. Whoever stores one holds this from before
 * blob_writer_commit (blob_put) until that transaction is durable: meanwhile no blob is removed. */
void index_naming_begin(struct index *ix);
void index_naming_end(struct index *ix);
/* Between the two, on one thread, no blob is removed: whoever wants to waits, and nobody else. */
void index_keep_begin(struct index *ix);
void index_keep_end(struct index *ix);
/* Removes these blobs (hashes in hex) if no version names them. */
MUST_CHECK int index_remove_unnamed(
	struct index *ix, const char *const *hashes, int n, struct err *e);
/* Removes every blob that no version names (of an upload that failed or was killed): *n of them. */
MUST_CHECK int index_sweep_blobs(struct index *ix, int64_t *n, struct err *e);

/* How many there are. */
MUST_CHECK int index_unnamed_blobs(struct index *ix, int64_t *n, struct err *e);

#define INDEX_CHECK_STAGES 11
struct index_checking {
	bool repair;
	bool deep; /* each blob is hashed again */
	/* Told each finding and each stage; a stage begins with an empty text. */
	void (*say)(void *arg, const char *stage, const char *text);
	void *arg;
	/* Orders a job ("ingest", "reindex", "purge") that mends what only a job can; NULL: such a
	 * thing is told and left. */
	int (*order)(struct index *ix, const char *kind, const struct id *document,
		const struct id *version, struct err *e);
};
/* `carrel check`: integrity of the database, bitmaps, full text, vectors, blobs against the sacred
 * tables. Returns 0 with *n_wrong findings (left after a repair, which orders jobs that the next
 * server runs). */
MUST_CHECK int index_check(
	struct index *ix, const struct index_checking *how, int64_t *n_wrong, struct err *e);

#endif
