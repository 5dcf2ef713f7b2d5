/*
 * POST /v1/documents: multipart/form-data, streamed to disk. Fields stand before the file they are
 * about: collection (id or name) or conversation (an id: attached to that one), acl (JSON list,
 * optional; not of an attachment) and name (a path, optional; of the next file). Each file is
 * durable, with its job, before the next is begun; one answers 202 with an object, several with
 * {"documents": […]}. Rights are asked before the first byte of a file is taken, and again in the
 * transaction that stores it.
 */
#include <stdlib.h>
#include <string.h>

#include "chat/conversation.h"
#include "chat/documents.h"
#include "chat/principals.h"
#include "chat/routes.h"
#include "ingest/upload.h"
#include "ingest/worker.h"

#define FIELD_MAX ((size_t)64 * 1024)

struct form {
	struct call *call;
	struct multipart *m;
	char *collection_name;
	char *conversation; /* its id, as it was written */
	struct id collection;
	char *name;
	json_t *acl; /* owned */
	struct acl_entry *entries;
	int n_entries;	  /* -1: the collection's */
	bool begun;	  /* a file came: collection and acl are settled */
	json_t *receipts; /* owned */
};

/* ── fields ── */

static int read_field(struct form *f, const char *name, char **out, struct err *e)
{
	struct buf value = {.limit = FIELD_MAX};
	char part[4096];
	int n;

	while ((n = multipart_read(f->m, part, sizeof(part), e)) > 0) {
		buf_add(&value, part, (size_t)n);
	}
	if (n == 0 && value.over) {
		n = err_set(e, ERR_INVALID, "bad_field", "The field %s is too long.", name);
	} else if (n == 0 && value.len > 0 && memchr(value.data, '\0', value.len)) {
		n = err_set(e, ERR_INVALID, "bad_field", "The field %s is not a text.", name);
	}
	if (n == 0) {
		*out = arena_strn(&f->call->arena, value.len ? value.data : "", value.len);
	}
	buf_finish(&value);
	return n;
}

static int take_acl(struct form *f, const char *text, struct err *e)
{
	json_decref(f->acl);
	f->acl = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_array(f->acl)) {
		return err_set(e, ERR_INVALID, "bad_acl",
			"The field acl must be a JSON list of {\"principal\", \"right\"}.");
	}
	return 0;
}

static int take_field(struct form *f, const struct multipart_part *part, struct err *e)
{
	char *value = NULL;
	int rc = read_field(f, part->name, &value, e);

	if (rc != 0) {
		return rc;
	}
	if (strcmp(part->name, "name") == 0) {
		f->name = value;
		return 0;
	}
	if (strcmp(part->name, "collection") != 0 && strcmp(part->name, "conversation") != 0 &&
		strcmp(part->name, "acl") != 0) {
		return err_set(e, ERR_INVALID, "unknown_field", "The field %.64s is not known.",
			part->name);
	}
	if (f->begun) {
		return err_set(e, ERR_INVALID, "late_field",
			"The field %s must stand before the first file.", part->name);
	}
	if (strcmp(part->name, "acl") == 0) {
		return take_acl(f, value, e);
	}
	if (strcmp(part->name, "conversation") == 0) {
		f->conversation = value;
	} else {
		f->collection_name = value;
	}
	return 0;
}

/* ── files ── */

struct attach_order {
	const struct asker *who;
	struct id conversation, collection;
};

static int attach_tx(struct db *db, void *arg, struct err *e)
{
	struct attach_order *o = arg;
	struct conversation k;
	struct arena a;
	int rc;

	arena_init(&a);
	rc = conversation_lookup(db, &a, o->who, &o->conversation, &k, e);
	if (rc == 0) {
		rc = collection_attach(db, &k.workspace, &k.id, &k.user, &o->collection, e);
	}
	arena_finish(&a);
	return rc;
}

/* The collection of what is attached to a conversation of the asker's own. */
static int attach(struct form *f, struct err *e)
{
	struct attach_order o = {
		.who = &f->call->who, .conversation = id_parse("conv", f->conversation)};
	int rc;

	if (f->collection_name || f->acl) {
		return err_set(e, ERR_INVALID, "bad_field",
			"What is attached to a conversation stands in no collection and is its "
			"owner's alone: the fields collection and acl do not go with "
			"conversation.");
	}
	rc = store_write(f->call->app->index->store, attach_tx, &o, e);
	f->collection = o.collection;
	return rc;
}

/* Before the first byte of the first file. The snapshot is let go after: an upload may take hours.
 */
static int settle(struct form *f, struct err *e)
{
	struct call *c = f->call;
	struct collection in;
	int rc;

	if (f->begun) {
		return 0;
	}
	f->begun = true;
	f->n_entries = -1;
	if (f->conversation) {
		rc = attach(f, e);
		call_let_go(c);
		return rc;
	}
	if (!f->collection_name) {
		return err_set(e, ERR_INVALID, "missing_field",
			"The field collection is missing, or stands behind the file.");
	}
	rc = call_collection(c, f->collection_name, RIGHT_WRITE, &in, e);
	f->collection = in.id;
	if (rc == 0 && f->acl) {
		rc = principals_read(
			c->db, &c->arena, &c->who.workspace, f->acl, &f->entries, &f->n_entries, e);
	}
	call_let_go(c);
	return rc;
}

static int receive(struct form *f, struct upload *u, struct err *e)
{
	size_t size = (size_t)64 * 1024;
	char *bytes = malloc(size);
	int n;

	ASSERT(bytes != NULL);
	while ((n = multipart_read(f->m, bytes, size, e)) > 0) {
		int rc = upload_write(u, bytes, (size_t)n, e);

		if (rc != 0) {
			n = rc;
			break;
		}
	}
	free(bytes);
	return n;
}

static json_t *receipt_json(const struct upload_receipt *r)
{
	static const char *const arrivals[] = {
		[ARRIVAL_NEW] = "new",
		[ARRIVAL_VERSION] = "version",
		[ARRIVAL_DUPLICATE] = "duplicate",
	};

	return json_pack("{s:s,s:s,s:o,s:s,s:I,s:s,s:s}", "documentId", r->document.s, "versionId",
		r->version.s, "jobId", json_id(&r->job), "sha256", r->sha256, "bytes",
		(json_int_t)r->n_bytes, "state", r->state, "arrival", arrivals[r->arrival]);
}

static int take_file(struct form *f, const struct multipart_part *part, struct err *e)
{
	struct call *c = f->call;
	struct upload_receipt receipt;
	struct upload_order order = {.who = &c->who, .name = f->name ? f->name : part->filename};
	struct upload *u = NULL;
	int rc = settle(f, e);

	if (rc == 0 && (!order.name || !*order.name)) {
		rc = err_set(e, ERR_INVALID, "missing_name", "The file has no name.");
	}
	if (rc == 0) {
		rc = upload_begin(c->app->index, &u, e);
	}
	if (rc != 0) {
		return rc;
	}
	rc = receive(f, u, e);
	if (rc != 0) {
		upload_abort(u);
		return rc;
	}
	order.collection = f->collection;
	order.acl = f->entries;
	order.n_acl = f->n_entries;
	rc = upload_finish(u, &order, &receipt, e);
	if (rc == 0) {
		f->name = NULL;
		json_array_append_new(f->receipts, receipt_json(&receipt));
		worker_wake(c->app->worker);
	}
	return rc;
}

static int take_parts(struct form *f, struct err *e)
{
	struct multipart_part part;
	int rc = multipart_open(f->call, &f->m, e);

	while (rc == 0 && (rc = multipart_next(f->m, &part, e)) == 1) {
		if (strcmp(part.name, "file") == 0) {
			rc = take_file(f, &part, e);
		} else {
			rc = take_field(f, &part, e);
		}
	}
	if (rc == 0 && json_array_size(f->receipts) == 0) {
		rc = err_set(e, ERR_INVALID, "missing_file", "The form has no part named file.");
	}
	return rc;
}

int documents_upload(struct call *c, struct err *e)
{
	struct form f = {.call = c, .receipts = json_array()};
	json_t *first;
	int rc;

	if (c->app->stopping) {
		json_decref(f.receipts);
		return err_set(e, ERR_UNAVAILABLE, "stopping", "The server is stopping.");
	}
	rc = take_parts(&f, e);
	json_decref(f.acl);
	if (rc == 0) {
		first = json_array_get(f.receipts, 0);
		rc = json_array_size(f.receipts) == 1
			     ? call_json(c, 202, json_incref(first))
			     : call_json(c, 202, json_pack("{s:O}", "documents", f.receipts));
	}
	json_decref(f.receipts);
	return rc;
}
