/*
 * A document arrives: streamed to a blob, then document, version and job in one transaction; only
 * then is it acknowledged. And the other orders for ingestion: delete, reindex, reembed.
 * Permission: upload_finish asks for write on the collection (and on the document whose new version
 * this is) inside its transaction; for the other orders the caller asks.
 * Thread: a worker; blocks.
 */
#ifndef INGEST_UPLOAD_H
#define INGEST_UPLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "index/acl.h"
#include "index/base/err.h"
#include "index/catalog.h"
#include "index/index.h"
#include "ingest/job.h"

struct upload; /* one file on its way in */

MUST_CHECK int upload_begin(struct index *ix, struct upload **out, struct err *e);
/* ERR_TOO_LARGE past upload_max_mb; ERR_NO_SPACE. */
MUST_CHECK int upload_write(struct upload *u, const void *p, size_t n_bytes, struct err *e);
void upload_abort(struct upload *u); /* NULL is fine */

struct upload_order {
	const struct asker *who;
	struct id collection;
	const char *name; /* cleaned here: relative, '/' between folders, no "..", <= 1000 bytes */
	/* The document's own entries; n_acl < 0: the collection's count. Needs own on the document
	 * (who brings a new one in has it). Those of a twin under another name stay as they are. */
	const struct acl_entry *acl;
	int n_acl;
};

struct upload_receipt {
	struct id document, version, job; /* job empty: a duplicate with nothing left to do */
	enum arrival arrival;
	char sha256[65];
	int64_t n_bytes;
	char state[16]; /* the version's */
};

/* Durable when it returns 0; the upload is gone whatever it returns. */
MUST_CHECK int upload_finish(
	struct upload *u, const struct upload_order *o, struct upload_receipt *out, struct err *e);

/* Deletes it and what came inside of it: unfindable on return; a purge job each removes the text;
 * *job is the document's. */
MUST_CHECK int ingest_delete(struct index *ix, const struct id *document, const char *actor,
	struct id *job, struct err *e);
/* tx. The same inside a transaction of the caller's; job may be NULL. */
MUST_CHECK int ingest_delete_in(
	struct db *db, const struct id *document, const char *actor, struct id *job, struct err *e);

/* The same for a collection and every document in it: *n_documents of them. */
MUST_CHECK int ingest_delete_collection(struct index *ix, const struct id *workspace,
	const struct id *collection, const char *actor, int64_t *n_documents, struct err *e);

/* tx. The same inside a transaction of the caller's, who wakes the worker after. */
MUST_CHECK int ingest_delete_collection_in(struct db *db, const struct id *workspace,
	const struct id *collection, const char *actor, int64_t *n_documents, struct err *e);

/* `carrel reindex`: a reindex job for every current version of a collection (empty: of the
 * workspace) that failed or was chunked by an older chunker; all: for every one. *n jobs were made.
 * The old chunks serve until each is published anew; a version with an open job is left alone. */
MUST_CHECK int ingest_reindex(struct index *ix, const struct id *workspace,
	const struct id *collection, bool all, const char *actor, int64_t *n, struct err *e);
/* `carrel reindex --embedder E`: one 'reembed' job that fills a second space and swaps when
 * complete. An open one for the same identity is given again. */
MUST_CHECK int ingest_reembed(struct index *ix, const struct id *workspace, const char *embedder,
	const char *actor, struct id *job, struct err *e);

/* The same with more to say; or a space that stands aside is filled up and serves.
 * ERR_NOT_FOUND: none stands there. */
struct reembed_order {
	const char *embedder;  /* NULL: `from` */
	enum space_aside from; /* without an embedder */
	enum job_swap swap;
	bool keep; /* the former one, as a way back */
	const char *actor;
};
MUST_CHECK int ingest_reembed_order(struct index *ix, const struct id *workspace,
	const struct reembed_order *o, struct id *job, struct err *e);

/* `carrel check`: an order that was lost, anew: "ingest" and "reindex" of a version, "purge" of a
 * deleted document. */
MUST_CHECK int ingest_order_again(struct index *ix, const char *kind, const struct id *document,
	const struct id *version, struct err *e);

#endif
