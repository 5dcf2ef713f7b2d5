#include "index/index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/base/clock.h"
#include "index/base/fs.h"
#include "index/base/log.h"
#include "index/base/thread.h"
#include "index/catalog.h"
#include "index/chunk_digests.h"
#include "index/chunks_facts.h"
#include "index/fts.h"
#include "index/fts_cache.h"
#include "index/fts_vocabulary.h"

enum { Q_NAMED, Q_A_WORKSPACE };
static const char *const statements[] = {
	[Q_NAMED] = "SELECT 1 FROM document_version WHERE blob_hash = ?1 UNION ALL"
		    " SELECT 1 FROM document_version WHERE text_hash = ?1 UNION ALL"
		    " SELECT 1 FROM document_version WHERE view_hash = ?1 LIMIT 1",
	[Q_A_WORKSPACE] = "SELECT 1 FROM workspace LIMIT 1",
};
SQL_TABLE(table, "index/index", statements);

/* ── life ── */

static void init_naming(pthread_rwlock_t *lock)
{
	pthread_rwlockattr_t attr;

	/* Else a stream of uploads would keep removals waiting for ever. */
	ASSERT(pthread_rwlockattr_init(&attr) == 0);
	ASSERT(pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) ==
		0);
	ASSERT(pthread_rwlock_init(lock, &attr) == 0);
	pthread_rwlockattr_destroy(&attr);
}

static int first_workspace(struct db *db, void *arg, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_A_WORKSPACE);
	int rc = stmt_step(q, e);
	struct id id;

	(void)arg;
	stmt_reset(q);
	return rc == 0 ? workspace_create(db, "default", &id, e) : rc < 0 ? rc : 0;
}

static int take_lock(struct index *ix, struct err *e)
{
	char *path;

	ASSERT(asprintf(&path, "%s/lock", ix->data_dir) > 0);
	ix->lock_fd = fs_lock(path, e);
	free(path);
	return ix->lock_fd < 0 ? ix->lock_fd : 0;
}

static int rebuild_text(struct db *db, void *arg, struct err *e)
{
	return fts_rebuild(db, *(int64_t *)arg, e);
}

/* Full text that an older analyser cut: built anew before anybody writes to it or searches it. */
static int renew_text(struct index *ix, const struct workspace *rows, int n, struct err *e)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < n; i++) {
		int64_t workspace_n = rows[i].n, begun = clock_mono_ms();
		struct db *db = store_reader(ix->store, e);
		bool old = false;

		rc = db ? fts_outdated(db, workspace_n, &old, e) : ERR_UNAVAILABLE;
		store_reader_drop(db);
		if (rc == 0 && old) {
			log_info("fts.rebuilding", LT("workspace", rows[i].name), LN("of", n),
				LN("n", i + 1));
			rc = store_write(ix->store, rebuild_text, &workspace_n, e);
			log_info("fts.rebuilt", LT("workspace", rows[i].name),
				LN("ms", clock_mono_ms() - begun));
		}
	}
	return rc;
}

static int renew_all_text(struct index *ix, struct err *e)
{
	struct workspace *rows = NULL;
	struct arena a;
	struct db *db = store_reader(ix->store, e);
	int n = 0, rc;

	if (!db) {
		return ERR_UNAVAILABLE;
	}
	arena_init(&a);
	rc = workspace_list(db, &a, &rows, &n, e);
	store_reader_drop(db);
	if (rc == 0) {
		rc = renew_text(ix, rows, n, e);
	}
	arena_finish(&a);
	return rc;
}

struct opening {
	struct index *ix;
	int rc;
	struct err err;
};

static void *open_acl_work(void *arg)
{
	struct opening *o = arg;

	o->rc = acl_index_open(o->ix->store, &o->ix->acl, &o->err);
	return NULL;
}

/* Bitmaps and vectors are read from the database side by side: a second each for a million chunks.
 */
static int open_memories(struct index *ix, struct err *e)
{
	struct opening acl = {.ix = ix, .err = ERR_INIT};
	pthread_t thread;
	int rc = thread_start(&thread, open_acl_work, &acl);

	if (rc != 0) {
		return err_sys(e, ERR_INTERNAL, rc, "cannot start a thread");
	}
	rc = vectors_open(ix->store, ix->data_dir, ix->settings, &ix->vectors, e);
	ASSERT(pthread_join(thread, NULL) == 0);
	if (rc == 0 && acl.rc < 0) {
		return err_set(e, acl.rc, acl.err.reason, "%s", acl.err.message);
	}
	return rc;
}

static int open_parts(struct index *ix, struct err *e)
{
	static pthread_once_t registered = PTHREAD_ONCE_INIT;
	int rc;

	rc = fs_mkdirs(ix->data_dir, e);
	if (rc == 0) {
		rc = take_lock(ix, e);
	}
	if (rc == 0) {
		pthread_once(&registered, fts_register);
		rc = store_open(ix->data_dir, &ix->store, e);
	}
	if (rc == 0) {
		rc = renew_all_text(ix, e);
	}
	if (rc == 0) {
		ix->full_text = fts_cache_create();
		store_attach(ix->store, PART_FULL_TEXT, ix->full_text);
		rc = blobs_open(ix->data_dir, &ix->blobs, e);
	}
	if (rc == 0) {
		rc = open_memories(ix, e);
	}
	if (rc == 0) {
		ix->vocabularies = vocabularies_open(ix->store);
		ix->facts = chunks_facts_open(ix->store);
		ix->digests = digests_create();
	}
	return rc == 0 ? store_write(ix->store, first_workspace, NULL, e) : rc;
}

int index_open(const struct settings *set, struct index **out, struct err *e)
{
	struct index *ix = calloc(1, sizeof(*ix));
	int rc;

	ASSERT(ix != NULL);
	*out = NULL;
	ix->settings = set;
	ix->data_dir = strdup(set->data);
	ix->lock_fd = -1;
	ASSERT(ix->data_dir != NULL);
	init_naming(&ix->naming);
	pthread_mutex_init(&ix->removing, NULL);
	breaker_init(&ix->rerank);
	rc = open_parts(ix, e);
	if (rc < 0) {
		index_close(ix);
		return rc;
	}
	*out = ix;
	return 0;
}

void index_close(struct index *ix)
{
	if (!ix) {
		return;
	}
	/* The writer's last transactions still tell vectors and bitmaps: the store goes first. */
	vocabularies_stop(ix->vocabularies);
	chunks_facts_stop(ix->facts);
	store_close(ix->store);
	vocabularies_close(ix->vocabularies);
	chunks_facts_close(ix->facts);
	vectors_close(ix->vectors);
	acl_index_close(ix->acl);
	fts_cache_destroy(ix->full_text);
	digests_destroy(ix->digests);
	blobs_close(ix->blobs);
	if (ix->lock_fd >= 0) {
		close(ix->lock_fd);
	}
	breaker_finish(&ix->rerank);
	pthread_rwlock_destroy(&ix->naming);
	pthread_mutex_destroy(&ix->removing);
	free(ix->data_dir);
	free(ix);
}

int index_workspace_n(struct index *ix, const struct id *workspace, int64_t *n, struct err *e)
{
	struct db *db = store_reader(ix->store, e);
	struct workspace w = {.n = 0};
	struct arena a;
	int rc;

	if (!db) {
		return ERR_UNAVAILABLE;
	}
	arena_init(&a);
	rc = workspace_lookup(db, &a, workspace, &w, e);
	store_reader_drop(db);
	arena_finish(&a);
	*n = w.n;
	return rc;
}

/* ── which blobs are wanted ── */

void index_naming_begin(struct index *ix)
{
	ASSERT(pthread_rwlock_rdlock(&ix->naming) == 0);
}

void index_naming_end(struct index *ix)
{
	ASSERT(pthread_rwlock_unlock(&ix->naming) == 0);
}

void index_keep_begin(struct index *ix)
{
	pthread_mutex_lock(&ix->removing);
}

void index_keep_end(struct index *ix)
{
	pthread_mutex_unlock(&ix->removing);
}

/* 1: a version names it, 0: none does. */
static int named(struct db *db, const char *hash, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_NAMED);
	int rc;

	stmt_text(q, 1, hash);
	rc = stmt_step(q, e);
	stmt_reset(q);
	return rc;
}

/* 1: removed. */
static int remove_if_unnamed(struct index *ix, const char *hash, struct err *e)
{
	struct db *db;
	int rc;

	pthread_mutex_lock(&ix->removing);
	ASSERT(pthread_rwlock_wrlock(&ix->naming) == 0);
	db = store_reader(ix->store, e);
	rc = db ? named(db, hash, e) : ERR_UNAVAILABLE;
	store_reader_drop(db);
	if (rc == 0) {
		rc = blob_remove(ix->blobs, hash, e);
		rc = rc < 0 ? rc : 1;
	} else if (rc > 0) {
		rc = 0;
	}
	ASSERT(pthread_rwlock_unlock(&ix->naming) == 0);
	pthread_mutex_unlock(&ix->removing);
	return rc;
}

int index_remove_unnamed(struct index *ix, const char *const *hashes, int n, struct err *e)
{
	for (int i = 0; i < n; i++) {
		int rc = remove_if_unnamed(ix, hashes[i], e);

		if (rc < 0) {
			return rc;
		}
	}
	return 0;
}

struct sweep {
	struct db *db;
	struct buf unnamed; /* hashes with their NULs */
	struct err *e;
};

static int on_blob(const char *hash, void *arg)
{
	struct sweep *s = arg;
	int rc = named(s->db, hash, s->e);

	if (rc == 0) {
		buf_add(&s->unnamed, hash, HASH_HEX_SIZE);
	}
	return rc < 0 ? rc : 0;
}

/* Hashes with their NULs. */
static int list_unnamed(struct index *ix, struct buf *out, struct err *e)
{
	struct sweep s = {.db = store_reader(ix->store, e), .unnamed = BUF_INIT, .e = e};
	int rc;

	if (!s.db) {
		return ERR_UNAVAILABLE;
	}
	rc = blob_each(ix->blobs, on_blob, &s, e);
	store_reader_drop(s.db);
	*out = s.unnamed;
	return rc;
}

int index_unnamed_blobs(struct index *ix, int64_t *n, struct err *e)
{
	struct buf unnamed = BUF_INIT;
	int rc = list_unnamed(ix, &unnamed, e);

	*n = (int64_t)(unnamed.len / HASH_HEX_SIZE);
	buf_finish(&unnamed);
	return rc;
}

int index_sweep_blobs(struct index *ix, int64_t *n, struct err *e)
{
	struct buf unnamed = BUF_INIT;
	int rc = list_unnamed(ix, &unnamed, e);

	*n = 0;
	/* Each is asked again under the lock: what was on its way in is named by now. */
	for (size_t at = 0; rc >= 0 && at < unnamed.len; at += HASH_HEX_SIZE) {
		rc = remove_if_unnamed(ix, unnamed.data + at, e);
		*n += rc > 0;
	}
	buf_finish(&unnamed);
	if (*n > 0) {
		log_info("blobs.swept", LN("n", *n));
	}
	return rc < 0 ? rc : 0;
}
