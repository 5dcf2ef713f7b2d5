#include "ingest/house.h"

#include "index/base/log.h"
#include "index/catalog.h"
#include "index/chunks.h"
#include "index/vector.h"
#include "ingest/job.h"
#include "ingest/pipeline.h"
#include "ingest/stage.h"
#include "ingest/upload.h"

static int train_embedder(const struct house *h, const struct workspace *ws, struct err *e)
{
	struct db *db = store_reader(h->index->store, e);
	struct arena a;
	struct job *open;
	struct id job;
	int n = 0, rc;
	bool wants;

	if (!db) {
		return ERR_UNAVAILABLE;
	}
	arena_init(&a);
	wants = vectors_wants_training(h->index->vectors, db, ws->n);
	rc = wants ? job_open_reembeds(db, &a, &ws->id, &open, &n, e) : 0;
	store_reader_drop(db);
	arena_finish(&a);
	if (rc < 0 || !wants || n > 0) {
		return rc;
	}
	return ingest_reembed(h->index, &ws->id, "builtin", "carrel", &job, e);
}

static int keep_workspaces(const struct house *h, struct err *e)
{
	struct db *db = store_reader(h->index->store, e);
	struct workspace *rows;
	struct arena a;
	int n = 0, rc;

	if (!db) {
		return ERR_UNAVAILABLE;
	}
	arena_init(&a);
	rc = workspace_list(db, &a, &rows, &n, e);
	store_reader_drop(db);
	for (int i = 0; rc == 0 && i < n && !h->stopping(h->arg); i++) {
		rc = chunks_train_dictionary(h->index->store, rows[i].n, e);
		if (rc == 0) {
			rc = train_embedder(h, &rows[i], e);
		}
	}
	arena_finish(&a);
	return rc;
}

void house_keep(const struct house *h)
{
	struct err e = ERR_INIT;
	int rc = keep_workspaces(h, &e);

	if (rc == 0 && !h->stopping(h->arg)) {
		rc = vectors_maintain(h->index->vectors, &e);
	}
	if (rc < 0) {
		log_warn("ingest.house", LT("message", e.message));
	}
}

/* What a process that died left over; its blobs are named or nobody's. */
void house_keep_at_start(const struct house *h)
{
	struct err e = ERR_INIT;
	int64_t n;
	int rc = stage_sweep(h->index, &e);

	if (rc == 0) {
		rc = index_sweep_blobs(h->index, &n, &e);
	}
	if (rc == 0) {
		rc = vectors_maintain(h->index->vectors, &e);
	}
	if (rc == 0) {
		rc = keep_workspaces(h, &e); /* what an upgrade wants trained anew */
	}
	if (rc < 0) {
		log_warn("ingest.sweep", LT("message", e.message));
	}
}
