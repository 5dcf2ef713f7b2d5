/* The other orders of ingest/upload.h: delete, reindex, reembed. */
#include <stdio.h>
#include <string.h>

#include "index/base/log.h"
#include "index/catalog.h"
#include "index/embed.h"
#include "ingest/chunker.h"
#include "ingest/job.h"
#include "ingest/upload.h"

#define REINDEX_ROWS 200 /* jobs made in one transaction */

enum { Q_DOCUMENTS, Q_REINDEX, Q_SPACE_EMBEDDER, Q_WORKSPACE };

static const char *const statements[] = {
	[Q_DOCUMENTS] = "SELECT id FROM document WHERE collection_id = ?1 AND deleted_ms IS NULL",
	[Q_REINDEX] =
		"SELECT v.document_id, v.id, v.state = 'failed' FROM document_version v"
		" JOIN document d ON d.id = v.document_id WHERE v.workspace_id = ?1"
		" AND d.deleted_ms IS NULL AND (?2 IS NULL OR d.collection_id = ?2) AND v.id > ?3"
		" AND v.blob_hash IS NOT NULL AND"
		" ((v.id = d.current_version_id AND (?4 OR v.chunker < ?5)) OR (v.state = 'failed'"
		" AND NOT EXISTS (SELECT 1 FROM document_version w WHERE w.document_id = d.id"
		" AND w.seq > v.seq)))"
		" AND NOT EXISTS (SELECT 1 FROM job j WHERE j.document_id = d.id"
		" AND j.version_id = v.id AND j.state IN ('queued', 'running'))"
		" ORDER BY v.id LIMIT ?6",
	[Q_SPACE_EMBEDDER] = "SELECT embedder FROM vector_space WHERE n = ?1",
	[Q_WORKSPACE] = "SELECT workspace_id FROM document WHERE id = ?1",
};
SQL_TABLE(table, "ingest/orders", statements);

/* ── delete ── */

struct deletion {
	const struct id *workspace, *collection, *document;
	const char *actor;
	struct id job;
	int64_t n_documents;
};

static int order_purge(struct db *db, const struct id *workspace, const struct id *document,
	const char *actor, struct id *job, struct err *e)
{
	return job_create(db,
		&(struct job_new){.kind = "purge",
			.workspace = *workspace,
			.document = *document,
			.created_by = actor},
		job, e);
}

static int delete_family(struct db *db, struct arena *a, struct deletion *x, struct err *e)
{
	struct document d;
	struct id *family, job;
	int n;
	int rc = document_lookup(db, a, x->document, &d, e);

	if (rc == 0) {
		rc = document_family(db, a, x->document, &family, &n, e);
	}
	if (rc != 0) {
		return rc;
	}
	for (int i = 0; rc == 0 && i < n; i++) {
		rc = job_cancel_document(db, &family[i], e);
	}
	if (rc == 0) {
		rc = document_delete(db, x->document, e);
	}
	for (int i = 0; rc == 0 && i < n; i++) {
		rc = order_purge(
			db, &d.workspace, &family[i], x->actor, i == 0 ? &x->job : &job, e);
	}
	return rc == 0 ? audit_add(db, &d.workspace, x->actor, "document.delete", x->document->s,
				 arena_printf(a, "{\"parts\":%d}", n - 1), e)
		       : rc;
}

static int delete_tx(struct db *db, void *arg, struct err *e)
{
	struct arena a;
	int rc;

	arena_init(&a);
	rc = delete_family(db, &a, arg, e);
	arena_finish(&a);
	return rc;
}

int ingest_delete_in(
	struct db *db, const struct id *document, const char *actor, struct id *job, struct err *e)
{
	struct deletion x = {.document = document, .actor = actor};
	int rc = delete_tx(db, &x, e);

	if (job) {
		*job = x.job;
	}
	return rc;
}

int ingest_delete(struct index *ix, const struct id *document, const char *actor, struct id *job,
	struct err *e)
{
	struct deletion x = {.document = document, .actor = actor};
	int rc = store_write_freeing(ix->store, delete_tx, &x, e);

	*job = x.job;
	return rc;
}

static int list_documents(struct db *db, struct arena *a, const struct id *collection,
	struct id **out, int *n, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_DOCUMENTS);
	int rc, cap = 0;

	*n = 0;
	*out = NULL;
	stmt_id(q, 1, collection);
	while ((rc = stmt_step(q, e)) == 1) {
		if (*n == cap) {
			struct id *more = arena_array(a, struct id, (size_t)(cap * 2 + 32));

			if (cap) {
				memcpy(more, *out, (size_t)cap * sizeof(*more));
			}
			*out = more;
			cap = cap * 2 + 32;
		}
		(*out)[(*n)++] = col_id(q, 0);
	}
	return rc;
}

static int delete_collection(struct db *db, struct arena *a, struct deletion *x, struct err *e)
{
	struct id *documents;
	int n;
	int rc = list_documents(db, a, x->collection, &documents, &n, e);

	for (int i = 0; rc == 0 && i < n; i++) {
		rc = job_cancel_document(db, &documents[i], e);
	}
	if (rc == 0) {
		rc = collection_delete(
			db, x->workspace, x->collection, x->actor, &x->n_documents, e);
	}
	for (int i = 0; rc == 0 && i < n; i++) {
		rc = order_purge(db, x->workspace, &documents[i], x->actor, &x->job, e);
	}
	return rc;
}

static int delete_collection_tx(struct db *db, void *arg, struct err *e)
{
	struct arena a;
	int rc;

	arena_init(&a);
	rc = delete_collection(db, &a, arg, e);
	arena_finish(&a);
	return rc;
}

int ingest_delete_collection(struct index *ix, const struct id *workspace,
	const struct id *collection, const char *actor, int64_t *n_documents, struct err *e)
{
	struct deletion x = {.workspace = workspace, .collection = collection, .actor = actor};
	int rc = store_write_freeing(ix->store, delete_collection_tx, &x, e);

	*n_documents = x.n_documents;
	return rc;
}

int ingest_delete_collection_in(struct db *db, const struct id *workspace,
	const struct id *collection, const char *actor, int64_t *n_documents, struct err *e)
{
	struct deletion x = {.workspace = workspace, .collection = collection, .actor = actor};
	int rc = delete_collection_tx(db, &x, e);

	*n_documents = x.n_documents;
	return rc;
}

/* ── reindex ── */

struct reindex {
	const struct id *workspace, *collection;
	bool all;
	const char *actor;
	struct id after; /* the last version of the transaction before */
	int n;		 /* of this transaction */
};

struct old_version {
	struct id document, version;
	bool failed;
};

static int list_old(
	struct db *db, const struct reindex *x, struct old_version *rows, int *n, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_REINDEX);
	int rc;

	*n = 0;
	stmt_id(q, 1, x->workspace);
	if (x->collection && !id_empty(x->collection)) {
		stmt_id(q, 2, x->collection);
	} else {
		stmt_null(q, 2);
	}
	stmt_text(q, 3, x->after.s);
	stmt_int(q, 4, x->all);
	stmt_int(q, 5, CHUNKER_VERSION);
	stmt_int(q, 6, REINDEX_ROWS);
	while ((rc = stmt_step(q, e)) == 1) {
		rows[(*n)++] = (struct old_version){col_id(q, 0), col_id(q, 1), col_int(q, 2) != 0};
	}
	return rc;
}

static int reindex_tx(struct db *db, void *arg, struct err *e)
{
	struct old_version rows[REINDEX_ROWS];
	struct reindex *x = arg;
	int rc = list_old(db, x, rows, &x->n, e);

	for (int i = 0; rc == 0 && i < x->n; i++) {
		struct id job;

		rc = job_create(db,
			&(struct job_new){.kind = rows[i].failed ? "ingest" : "reindex",
				.workspace = *x->workspace,
				.document = rows[i].document,
				.version = rows[i].version,
				.created_by = x->actor},
			&job, e);
		if (rc == 0 && rows[i].failed) {
			rc = version_state(db, &rows[i].version, "queued", NULL, NULL, e);
		}
	}
	if (rc == 0 && x->n > 0) {
		x->after = rows[x->n - 1].version;
	}
	return rc;
}

int ingest_reindex(struct index *ix, const struct id *workspace, const struct id *collection,
	bool all, const char *actor, int64_t *n, struct err *e)
{
	struct reindex x = {
		.workspace = workspace, .collection = collection, .all = all, .actor = actor};
	int rc;

	*n = 0;
	do {
		rc = store_write(ix->store, reindex_tx, &x, e);
		*n += rc == 0 ? x.n : 0;
	} while (rc == 0 && x.n == REINDEX_ROWS);
	return rc;
}

/* ── reembed ── */

struct reembed {
	const struct id *workspace;
	int64_t space_n; /* 0: builtin, its space is made when its table is trained */
	const struct reembed_order *order;
	int64_t workspace_n;
	struct id job;
};

/* 0: another one; 1: the same order. */
static int same_order(struct db *db, const struct job *open, const struct reembed *x, struct err *e)
{
	struct stmt *q;
	int rc;

	if (open->space_n == x->space_n) {
		return 1;
	}
	if (x->space_n || !open->space_n) {
		return 0;
	}
	q = db_stmt(db, &table, Q_SPACE_EMBEDDER);
	stmt_int(q, 1, open->space_n);
	rc = stmt_step(q, e);
	rc = rc == 1 ? strcmp(col_text(q, 0), "builtin") == 0 : rc;
	stmt_reset(q);
	return rc;
}

static int reembed(struct db *db, struct arena *a, struct reembed *x, struct err *e)
{
	struct job *open;
	int n, rc = 0;

	if (!x->order->embedder) {
		rc = vectors_space_take_up(db, x->workspace_n, x->order->from, &x->space_n, e);
	}
	rc = rc ? rc : job_open_reembeds(db, a, x->workspace, &open, &n, e);

	for (int i = 0; rc == 0 && i < n; i++) {
		int same = same_order(db, &open[i], x, e);

		if (same > 0 && id_empty(&x->job)) {
			x->job = open[i].id;
			rc = job_order(db, &x->job, x->order->swap, x->order->keep, e);
		} else {
			rc = same < 0 ? same : job_cancel(db, &open[i].id, e);
		}
	}
	if (rc < 0 || !id_empty(&x->job)) {
		return rc;
	}
	return job_create(db,
		&(struct job_new){.kind = "reembed",
			.workspace = *x->workspace,
			.space_n = x->space_n,
			.swap = x->order->swap,
			.keep = x->order->keep,
			.created_by = x->order->actor},
		&x->job, e);
}

static int reembed_tx(struct db *db, void *arg, struct err *e)
{
	struct arena a;
	int rc;

	arena_init(&a);
	rc = reembed(db, &a, arg, e);
	arena_finish(&a);
	return rc;
}

int ingest_reembed_order(struct index *ix, const struct id *workspace,
	const struct reembed_order *o, struct id *job, struct err *e)
{
	struct reembed x = {.workspace = workspace, .order = o};
	struct embed_identity identity;
	int rc = index_workspace_n(ix, workspace, &x.workspace_n, e);

	*job = x.job;
	if (rc == 0 && o->embedder) {
		rc = embed_identify(ix->settings, o->embedder, &identity, e);
		if (rc == 0 && strcmp(identity.embedder, "builtin") != 0) {
			rc = vectors_space_fill(
				ix->vectors, x.workspace_n, &identity, NULL, 0, 0, &x.space_n, e);
		}
	}
	if (rc == 0) {
		rc = store_write(ix->store, reembed_tx, &x, e);
	}
	*job = x.job;
	return rc;
}

int ingest_reembed(struct index *ix, const struct id *workspace, const char *embedder,
	const char *actor, struct id *job, struct err *e)
{
	const struct reembed_order o = {.embedder = embedder, .actor = actor};

	return ingest_reembed_order(ix, workspace, &o, job, e);
}

/* ── lost orders ── */

struct lost {
	const char *kind;
	const struct id *document, *version;
};

static int order_again_tx(struct db *db, void *arg, struct err *e)
{
	const struct lost *x = arg;
	struct stmt *q = db_stmt(db, &table, Q_WORKSPACE);
	struct job_new again = {.kind = x->kind,
		.document = *x->document,
		.version = *x->version,
		.created_by = "operator"};
	struct id job;
	int rc;

	stmt_id(q, 1, x->document); /* a purge's is deleted: document_lookup() knows it no more */
	rc = stmt_step(q, e);
	if (rc <= 0) {
		return rc < 0 ? rc : err_absent(e);
	}
	again.workspace = col_id(q, 0);
	stmt_reset(q);
	return job_create(db, &again, &job, e);
}

int ingest_order_again(struct index *ix, const char *kind, const struct id *document,
	const struct id *version, struct err *e)
{
	struct lost x = {kind, document, version};

	return store_write(ix->store, order_again_tx, &x, e);
}
