/* purge, blobs, checkpoint: nothing of a deleted document is left in the data folder. */
#include <string.h>
#include <time.h>

#include "index/base/clock.h"
#include "index/catalog.h"
#include "index/chunks.h"
#include "index/fts.h"
#include "ingest/stage.h"
#include "ingest/step.h"

#define CHECKPOINT_MS 20000 /* patience with readers that hold an old snapshot */

struct purge {
	struct ingest *in;
	char **hashes;
	int n;
};

static int purge_tx(struct db *db, void *arg, struct err *e)
{
	struct purge *p = arg;
	int rc = chunks_purge_document(db, &p->in->job->document, e);

	return rc < 0 ? rc
		      : document_purge(
				db, &p->in->arena, &p->in->job->document, &p->hashes, &p->n, e);
}

static int goes_on(void *arg, struct err *e)
{
	return step_goes_on(arg, e);
}

static int forget(struct ingest *in, struct err *e)
{
	struct db *db = store_reader(in->index->store, e);
	struct workspace w;
	int rc =
		db ? workspace_lookup(db, &in->arena, &in->job->workspace, &w, e) : ERR_UNAVAILABLE;

	store_reader_drop(db);
	if (rc == 0) {
		rc = chunks_forget(in->index->store, w.n, goes_on, in, e);
	}
	if (rc == 0) {
		rc = vectors_forget(in->index->vectors, w.n, e);
	}
	return rc ? rc : fts_forget(in->index->store, w.n, goes_on, in, e);
}

/* A crash between the transaction and the list of blobs loses the list; the sweep at the next start
 * finds them, since no version names them any more. */
int step_purge(struct ingest *in, struct err *e)
{
	struct purge p = {.in = in};
	struct buf list = BUF_INIT;
	int rc = store_write_freeing(in->index->store, purge_tx, &p, e);

	for (int i = 0; rc == 0 && i < p.n; i++) {
		buf_add(&list, p.hashes[i], HASH_HEX_SIZE);
	}
	if (rc == 0 && p.n > 0) {
		rc = stage_write(in->index, &in->job->id, "blobs", &list, e);
	}
	buf_finish(&list);
	return rc ? rc : forget(in, e);
}

int step_remove_blobs(struct ingest *in, struct err *e)
{
	struct buf list = BUF_INIT;
	int64_t n_swept;
	int rc = stage_read(in->index, &in->job->id, "blobs", &list, NULL);

	if (rc < 0) {
		rc = index_sweep_blobs(in->index, &n_swept, e);
	}
	for (size_t at = 0; rc == 0 && at + HASH_HEX_SIZE <= list.len; at += HASH_HEX_SIZE) {
		const char *hash = list.data + at;

		rc = index_remove_unnamed(in->index, &hash, 1, e);
	}
	buf_finish(&list);
	return rc;
}

int step_checkpoint(struct ingest *in, struct err *e)
{
	int64_t until_ms = clock_mono_ms() + CHECKPOINT_MS;
	struct err why = ERR_INIT;
	int rc;

	do {
		err_clear(&why);
		rc = store_checkpoint(in->index->store, &why);
		if (rc == ERR_UNAVAILABLE && step_goes_on(in, &why) < 0) {
			rc = ERR_CANCELLED;
		}
	} while (rc == ERR_UNAVAILABLE && clock_mono_ms() < until_ms);
	return rc < 0 ? err_set(e, rc, why.reason, "%s", why.message) : 0;
}
