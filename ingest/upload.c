#include "ingest/upload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/log.h"
#include "index/catalog.h"
#include "index/embed.h"
#include "ingest/chunker.h"
#include "ingest/job.h"
#include "ingest/name.h"

struct upload {
	struct index *ix;
	struct blob_writer *writer;
};

/* ── the bytes ── */

int upload_begin(struct index *ix, struct upload **out, struct err *e)
{
	struct upload *u;
	int rc = store_require_room(ix->store, e);

	*out = NULL;
	if (rc != 0) {
		return rc;
	}
	u = calloc(1, sizeof(*u));
	ASSERT(u != NULL);
	u->ix = ix;
	rc = blob_writer_open(ix->blobs, ix->settings->upload_max_mb << 20, &u->writer, e);
	if (rc < 0) {
		free(u);
		u = NULL;
	}
	*out = u;
	return rc;
}

int upload_write(struct upload *u, const void *p, size_t n_bytes, struct err *e)
{
	return blob_write(u->writer, p, n_bytes, e);
}

void upload_abort(struct upload *u)
{
	if (u) {
		blob_writer_abort(u->writer);
		free(u);
	}
}

/* ── the rows ── */

struct arriving {
	const struct upload_order *order;
	const char *name; /* clean */
	struct blob_info blob;
	struct upload_receipt *receipt;
};

static const char *actor_of(const struct asker *who)
{
	return id_empty(&who->user) ? "operator" : who->user.s;
}

/* Write on the collection, and on the document whose name this is. */
static int may_arrive(struct db *db, struct arena *a, const struct arriving *in, struct err *e)
{
	const struct asker *who = in->order->who;
	struct document d;
	int rc = acl_may(db, who, &in->order->collection, RIGHT_WRITE, e);

	if (rc < 0) {
		return rc;
	}
	rc = document_by_name(db, a, who, &in->order->collection, in->name, &d, NULL);
	if (rc == ERR_NOT_FOUND) {
		return 0;
	}
	return rc < 0 ? err_set(e, rc, "lookup_failed", "the document could not be looked up")
		      : acl_may(db, who, &d.id, RIGHT_WRITE, e);
}

/* Whether the receipt's document is the one that the upload named, and not a twin of its bytes. */
static bool is_named(struct db *db, struct arena *a, const struct arriving *in)
{
	const struct upload_order *o = in->order;
	struct document d;

	return document_by_name(db, a, o->who, &o->collection, in->name, &d, NULL) == 0 &&
	       id_equal(&d.id, &in->receipt->document);
}

static int set_entries(struct db *db, struct arena *a, const struct arriving *in, struct err *e)
{
	const struct upload_order *o = in->order;
	const struct upload_receipt *r = in->receipt;
	int rc;

	if (o->n_acl < 0) {
		return r->arrival == ARRIVAL_NEW ? acl_intern(db, &r->document, e) : 0;
	}
	if (r->arrival == ARRIVAL_NEW) {
		return acl_replace(db, &o->who->workspace, &r->document, o->acl, o->n_acl, e);
	}
	if (!is_named(db, a, in)) {
		return 0;
	}
	rc = acl_may(db, o->who, &r->document, RIGHT_OWN, e);
	if (rc == 0) {
		rc = acl_replace(db, &o->who->workspace, &r->document, o->acl, o->n_acl, e);
	}
	return rc < 0 ? rc
		      : audit_add(db, &o->who->workspace, actor_of(o->who), "acl.set",
				r->document.s, "{}", e);
}

/* The version's open job, or a new one if it still has to be ingested. */
static int settle_job(struct db *db, struct arena *a, const struct arriving *in,
	const struct version *v, struct err *e)
{
	struct upload_receipt *r = in->receipt;
	struct job open;
	int rc = job_of_version(db, a, &v->id, &open, NULL);

	if (rc == 0 && (strcmp(open.state, "queued") == 0 || strcmp(open.state, "running") == 0)) {
		r->job = open.id;
		return 0;
	}
	if (rc < 0 && rc != ERR_NOT_FOUND) {
		return err_set(e, rc, "lookup_failed", "the job could not be looked up");
	}
	if (strcmp(v->state, "queued") != 0 && strcmp(v->state, "ingesting") != 0) {
		return 0;
	}
	return job_create(db,
		&(struct job_new){.kind = "ingest",
			.workspace = in->order->who->workspace,
			.document = r->document,
			.version = r->version,
			.created_by = actor_of(in->order->who)},
		&r->job, e);
}

static int arrive(struct db *db, struct arena *a, struct arriving *in, struct err *e)
{
	static const char *const actions[] = {[ARRIVAL_NEW] = "document.create",
		[ARRIVAL_VERSION] = "document.version",
		[ARRIVAL_DUPLICATE] = "document.again"};
	const struct upload_order *o = in->order;
	struct upload_receipt *r = in->receipt;
	struct version v;
	int rc = may_arrive(db, a, in, e);

	if (rc == 0) {
		rc = document_arrive(db, o->who, &o->who->workspace, &o->collection, in->name,
			&in->blob, actor_of(o->who), &r->arrival, &r->document, &r->version, e);
	}
	if (rc == 0 && r->arrival == ARRIVAL_DUPLICATE) {
		rc = acl_may(db, o->who, &r->document, RIGHT_READ, e);
	}
	if (rc == 0) {
		rc = set_entries(db, a, in, e);
	}
	if (rc == 0) {
		rc = version_lookup(db, a, &r->version, &v, e);
	}
	if (rc == 0) {
		snprintf(r->state, sizeof(r->state), "%s", v.state);
		rc = settle_job(db, a, in, &v, e);
	}
	if (rc < 0 || r->arrival == ARRIVAL_DUPLICATE) {
		return rc;
	}
	return audit_add(db, &o->who->workspace, actor_of(o->who), actions[r->arrival],
		r->document.s, arena_printf(a, "{\"version\":\"%s\"}", r->version.s), e);
}

static int arrive_tx(struct db *db, void *arg, struct err *e)
{
	struct arena a;
	int rc;

	arena_init(&a);
	rc = arrive(db, &a, arg, e);
	arena_finish(&a);
	return rc;
}

int upload_finish(
	struct upload *u, const struct upload_order *o, struct upload_receipt *out, struct err *e)
{
	struct arriving in = {.order = o, .receipt = out};
	struct arena a;
	int rc;

	memset(out, 0, sizeof(*out));
	arena_init(&a);
	in.name = name_clean(&a, o->name);
	index_naming_begin(u->ix);
	rc = blob_writer_commit(u->writer, &in.blob, e);
	if (rc == 0) {
		memcpy(out->sha256, in.blob.sha256, sizeof(out->sha256));
		out->n_bytes = in.blob.n_bytes;
		rc = store_write(u->ix->store, arrive_tx, &in, e);
	}
	index_naming_end(u->ix);
	arena_finish(&a);
	free(u);
	return rc;
}
