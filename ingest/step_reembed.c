/* train, fill, compare, swap: a workspace's chunks get vectors of another kind while the present
 * ones serve.
 */
#include <stdlib.h>
#include <string.h>

#include "index/base/log.h"
#include "index/catalog.h"
#include "index/chunks.h"
#include "index/embed.h"
#include "ingest/step.h"

#define BATCH_CHUNKS 256 /* so that a server gets several requests at once */
#define ROUNDS_MAX 100	 /* chunks published meanwhile are filled in; then it is swapped */

static int lookup_workspace(struct ingest *in, int64_t *n, int64_t *n_chunks, struct err *e)
{
	struct db *db = store_reader(in->index->store, e);
	struct workspace w = {.n = 0};
	int rc;

	*n_chunks = 0;
	if (!db) {
		return ERR_UNAVAILABLE;
	}
	rc = workspace_lookup(db, &in->arena, &in->job->workspace, &w, e);
	if (rc == 0) {
		*n_chunks = chunks_live_count(db, w.n);
	}
	store_reader_drop(db);
	*n = w.n;
	return rc;
}

/* ── train ── */

static int record_space(struct db *db, void *arg, struct err *e)
{
	struct ingest *in = arg;

	return job_space(db, &in->job->id, in->space_n, e);
}

/* A crash in here trains again: seconds. */
int step_train(struct ingest *in, struct err *e)
{
	struct embed_identity identity;
	int64_t workspace_n, n_chunks, n_trained = 0;
	void *table = NULL;
	size_t n_bytes = 0;
	int rc;

	if (in->space_n) {
		return 0; /* not the builtin's, or trained already */
	}
	rc = lookup_workspace(in, &workspace_n, &n_chunks, e);
	if (rc == 0) {
		rc = embed_train(in->index->store, workspace_n, &in->cancel, &table, &n_bytes,
			&n_trained, e);
	}
	if (rc == 0) {
		rc = embed_identify(in->index->settings, "builtin", &identity, e);
	}
	if (rc == 0) {
		rc = vectors_space_fill(in->index->vectors, workspace_n, &identity, table, n_bytes,
			n_trained, &in->space_n, e);
	}
	free(table);
	return rc == 0 ? store_write(in->index->store, record_space, in, e) : rc;
}

/* ── fill ── */

struct batch {
	const struct space *space;
	struct chunk chunks[BATCH_CHUNKS]; /* those without a vector */
	int n;
	float *vectors;
	int64_t next_slot; /* where the next batch begins; < 0: that was the last */
};

/* Chunks from the slot on that have no vector in the space yet. */
static int load_batch(
	struct ingest *in, struct arena *a, struct batch *p, int64_t slot, struct err *e)
{
	struct db *db = store_reader(in->index->store, e);
	int64_t missing[BATCH_CHUNKS];
	struct chunk rows[BATCH_CHUNKS];
	int n_missing, n_rows = 0, rc;

	p->n = 0;
	p->next_slot = -1;
	if (!db) {
		return ERR_UNAVAILABLE;
	}
	rc = vectors_missing(db, p->space->n, slot, missing, BATCH_CHUNKS, &n_missing, e);
	if (rc == 0 && n_missing > 0) {
		rc = chunks_scan(
			db, a, p->space->workspace_n, missing[0], BATCH_CHUNKS, rows, &n_rows, e);
	}
	store_reader_drop(db);
	for (int i = 0, m = 0; rc == 0 && i < n_rows; i++) {
		while (m < n_missing && missing[m] < rows[i].slot) {
			m++;
		}
		if (m < n_missing && missing[m] == rows[i].slot) {
			p->chunks[p->n++] = rows[i];
		}
		p->next_slot = rows[i].slot + 1;
	}
	return rc;
}

static int put_batch(struct db *db, void *arg, struct err *e)
{
	const struct batch *p = arg;
	int rc = 0;

	for (int i = 0; rc == 0 && i < p->n; i++) {
		rc = vectors_put_late(db, p->space->n, p->chunks[i].slot,
			p->vectors + (size_t)i * (size_t)p->space->dimension, p->space->dimension,
			e);
	}
	return rc;
}

static int fill_batch(struct ingest *in, struct arena *a, struct batch *p, struct err *e)
{
	struct embed_text texts[BATCH_CHUNKS];
	int rc;

	for (int i = 0; i < p->n; i++) {
		texts[i] = (struct embed_text){.title = p->chunks[i].title,
			.heading = p->chunks[i].heading,
			.body = p->chunks[i].text,
			.language = p->chunks[i].language};
	}
	p->vectors = arena_array(a, float, (size_t)BATCH_CHUNKS *(size_t)p->space->dimension);
	rc = embed(p->space->embedder, EMBED_DOCUMENT, texts, p->n, p->vectors, &in->cancel, NULL,
		NULL, e);
	return rc == 0 && p->n > 0 ? store_write(in->index->store, put_batch, p, e) : rc;
}

static int fill(struct ingest *in, const struct space *space, int64_t n_chunks, struct err *e)
{
	struct batch p = {.space = space};
	int64_t slot = 0;
	int done = 0, rc = 0;

	while (rc == 0 && slot >= 0) {
		struct arena a;

		arena_init(&a);
		rc = step_goes_on(in, e);
		if (rc == 0) {
			rc = load_batch(in, &a, &p, slot, e);
		}
		if (rc == 0) {
			rc = fill_batch(in, &a, &p, e);
		}
		done += rc == 0 ? p.n : 0;
		slot = p.next_slot;
		step_progress(in, done, done > n_chunks ? done : (int)n_chunks);
		arena_finish(&a);
	}
	return rc;
}

/* A space that another order replaced is no failure to try again. */
static int replaced(int rc, const struct err *why, struct err *e)
{
	return err_set(
		e, rc == ERR_CONFLICT ? ERR_UNPROCESSABLE : rc, why->reason, "%s", why->message);
}

int step_fill(struct ingest *in, struct err *e)
{
	struct err why = ERR_INIT;
	struct space space;
	int64_t workspace_n, n_chunks;
	int rc = lookup_workspace(in, &workspace_n, &n_chunks, e);

	if (rc < 0) {
		return rc;
	}
	rc = vectors_space_open(in->index->vectors, in->space_n, &space, &why);
	if (rc == 0) {
		rc = fill(in, &space, n_chunks, &why);
		embedder_drop(space.embedder);
	}
	return rc < 0 ? replaced(rc, &why, e) : 0;
}

/* ── compare ── */

/* The order as it stands now: it may have been changed since the job was leased. */
static int read_order(struct ingest *in, struct job *out, enum space_aside *aside, struct err *e)
{
	struct db *db = store_reader(in->index->store, e);
	int rc;

	if (!db) {
		return ERR_UNAVAILABLE;
	}
	rc = job_lookup(db, &in->arena, &in->job->id, out, e);
	*aside = vectors_space_aside(db, in->space_n);
	store_reader_drop(db);
	return rc;
}

/* What was published meanwhile is filled in, until no vector is missing for it. */
static int when_whole(struct ingest *in,
	int (*use)(struct vectors *v, int64_t space_n, struct err *e), struct err *e)
{
	struct err why = ERR_INIT;
	int rc = 0;

	for (int i = 0; rc == 0; i++) {
		err_clear(&why);
		rc = use(in->index->vectors, in->space_n, &why);
		if (rc == 0) {
			return 0;
		}
		if (rc != ERR_CONFLICT || strcmp(why.reason, "vectors_missing") != 0 ||
			i == ROUNDS_MAX) {
			return replaced(rc, &why, e);
		}
		rc = step_fill(in, e);
	}
	return rc;
}

/* A process that dies after a space stepped aside finds it there. */
int step_compare(struct ingest *in, struct err *e)
{
	enum space_aside aside;
	bool doubtful = false;
	struct job order;
	int rc = read_order(in, &order, &aside, e);

	if (rc || aside != ASIDE_NOT || order.swap == SWAP_ALWAYS) {
		return rc;
	}
	if (in->compare) {
		rc = when_whole(in, vectors_space_load, e);
		if (rc == 0) {
			rc = in->compare->run(in->compare->arg, in, &doubtful, e);
			vectors_space_unload(in->index->vectors, in->space_n);
		}
	}
	rc = rc ? rc : read_order(in, &order, &aside, e);
	if (rc == 0 && (order.swap == SWAP_NEVER || (order.swap == SWAP_CHECKED && doubtful))) {
		rc = vectors_space_set_aside(in->index->vectors, in->space_n, ASIDE_WAITING, e);
	}
	return rc;
}

/* ── swap ── */

static int serves_already(struct ingest *in, bool *yes, struct err *e)
{
	struct space space;
	int64_t workspace_n, n_chunks;
	int rc = lookup_workspace(in, &workspace_n, &n_chunks, e);

	if (rc == 0) {
		rc = vectors_serving(in->index->vectors, workspace_n, &space, e);
	}
	*yes = rc == 0 && space.n == in->space_n;
	if (rc == 0) {
		embedder_drop(space.embedder);
	}
	return rc;
}

int step_swap(struct ingest *in, struct err *e)
{
	bool serves = false; /* the process died right after the swap */
	enum space_aside aside = ASIDE_NOT;
	struct job order = {.swap = SWAP_CHECKED};
	int rc = serves_already(in, &serves, e);

	if (rc == 0) {
		rc = read_order(in, &order, &aside, e);
	}
	/* What was taken up from aside stands there until now. */
	if (rc != 0 || serves || (aside != ASIDE_NOT && order.swap != SWAP_ALWAYS)) {
		return rc;
	}
	return when_whole(in, order.keep ? vectors_space_swap_keeping : vectors_space_swap, e);
}
