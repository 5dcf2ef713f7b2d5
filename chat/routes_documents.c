/* Documents as objects: list, show, rename, delete, versions, permissions, chunks. */
#include <string.h>

#include "chat/auth.h"
#include "chat/documents.h"
#include "chat/principals.h"
#include "chat/routes.h"
#include "ingest/name.h"
#include "ingest/upload.h"
#include "ingest/worker.h"

#define LIST_MAX 200

int documents_list(struct call *c, struct err *e)
{
	const char *collection = call_query(c, "collection");
	const char *after = call_query(c, "after");
	struct collection in = {.id = {""}};
	struct document_page page;
	struct id from = after ? id_parse("doc", after) : (struct id){""};
	json_t *list;
	int64_t limit;
	int rc = call_query_int(c, "limit", 1, LIST_MAX, 50, &limit, e);

	if (rc == 0 && after && id_empty(&from)) {
		rc = err_set(
			e, ERR_INVALID, "bad_parameter", "after must be the last list's next.");
	}
	if (rc == 0 && collection) {
		rc = call_collection(c, collection, RIGHT_READ, &in, e);
	}
	if (rc == 0) {
		rc = document_list(c->db, &c->arena, &c->who, &in.id, &from, (int)limit, &page, e);
	}
	if (rc != 0) {
		return rc;
	}
	list = json_array();
	for (int i = 0; i < page.n; i++) {
		json_array_append_new(list, document_json(&page.rows[i], &page.latest[i]));
	}
	return call_json(c, 200,
		json_pack("{s:o,s:o}", "documents", list, "next",
			page.more && page.n > 0 ? json_string(page.rows[page.n - 1].id.s)
						: json_null()));
}

/* The document with its latest version and what the asker may do. */
static int answer_document(struct call *c, int status, const struct document *d, struct err *e)
{
	struct version *all;
	json_t *out;
	int n;
	int rc = version_list(c->db, &c->arena, &d->id, &all, &n, e);
	int last = 0;

	if (rc != 0) {
		return rc;
	}
	for (int i = 1; i < n; i++) {
		last = all[i].seq > all[last].seq ? i : last;
	}
	out = document_json(d, n > 0 ? &all[last] : NULL);
	/* The collection's name is told to those who may read the collection. */
	if (acl_right(c->db, &c->who, &d->collection) != RIGHT_NONE) {
		struct collection in;

		rc = collection_lookup(c->db, &c->arena, &c->who.workspace, &d->collection, &in, e);
		json_object_set_new(
			out, "collection", rc == 0 ? json_string(in.name) : json_null());
	}
	json_object_set_new(
		out, "right", json_string(right_name(acl_right(c->db, &c->who, &d->id))));
	if (rc != 0) {
		json_decref(out);
		return rc;
	}
	return call_json(c, status, out);
}

int documents_show(struct call *c, struct err *e)
{
	struct document d;
	int rc = call_document(c, RIGHT_READ, &d, e);

	return rc == 0 ? answer_document(c, 200, &d, e) : rc;
}

int documents_versions(struct call *c, struct err *e)
{
	struct document d;
	struct version *all;
	json_t *list;
	int n;
	int rc = call_document(c, RIGHT_READ, &d, e);

	if (rc == 0) {
		rc = version_list(c->db, &c->arena, &d.id, &all, &n, e);
	}
	if (rc != 0) {
		return rc;
	}
	list = json_array();
	for (int i = 0; i < n; i++) {
		json_array_append_new(list, version_json(&all[i]));
	}
	return call_json(c, 200, json_pack("{s:o,s:n}", "versions", list, "next"));
}

/* ── changes: the right is asked again inside the transaction ── */

struct change {
	struct call *call;
	const struct document *document;
	const char *name;
	const struct acl_entry *entries;
	int n_entries;
};

static int rename_tx(struct db *db, void *arg, struct err *e)
{
	struct change *x = arg;
	struct call *c = x->call;
	int rc = acl_may(db, &c->who, &x->document->id, RIGHT_WRITE, e);

	if (rc == 0) {
		rc = document_rename(db, &c->who, &x->document->id, x->name, e);
	}
	return rc == 0 ? audit_add(db, &c->who.workspace, call_actor(c), "document.rename",
				 x->document->id.s, "{}", e)
		       : rc;
}

int documents_rename(struct call *c, struct err *e)
{
	static const char *const fields[] = {"name"};
	struct document d;
	struct change x = {.call = c, .document = &d};
	const char *name = NULL;
	int rc = call_document(c, RIGHT_WRITE, &d, e);

	if (rc == 0) {
		rc = call_fields(c, fields, 1, e);
	}
	if (rc == 0) {
		rc = call_text(c, "name", true, NAME_BYTES_MAX, &name, e);
	}
	if (rc == 0 && !*name) {
		rc = err_set(e, ERR_INVALID, "bad_field", "The field name must not be empty.");
	}
	if (rc == 0) {
		x.name = name_clean(&c->arena, name);
		rc = store_write(c->app->index->store, rename_tx, &x, e);
	}
	if (rc == 0) {
		rc = call_renew(c, e);
	}
	if (rc == 0) {
		rc = call_document(c, RIGHT_READ, &d, e);
	}
	return rc == 0 ? answer_document(c, 200, &d, e) : rc;
}

int documents_delete(struct call *c, struct err *e)
{
	struct document d;
	struct id job;
	int rc = call_document(c, RIGHT_WRITE, &d, e);

	if (rc == 0) {
		rc = ingest_delete(c->app->index, &d.id, call_actor(c), &job, e);
	}
	if (rc != 0) {
		return rc;
	}
	worker_wake(c->app->worker);
	return call_json(
		c, 202, json_pack("{s:s,s:o}", "documentId", d.id.s, "jobId", json_id(&job)));
}

/* ── permissions ── */

static int answer_acl(struct call *c, const struct document *d, struct err *e)
{
	struct acl_entry *entries;
	int n;
	int rc = acl_list(c->db, &c->arena, d->own_acl ? &d->id : &d->collection, &entries, &n, e);

	return rc != 0 ? rc
		       : call_json(c, 200,
				 json_pack("{s:o,s:b}", "entries",
					 principals_json(c->db, &c->who.workspace, entries, n),
					 "inherited", (int)!d->own_acl));
}

int documents_acl(struct call *c, struct err *e)
{
	struct document d;
	int rc = call_document(c, RIGHT_OWN, &d, e);

	return rc == 0 ? answer_acl(c, &d, e) : rc;
}

static int acl_tx(struct db *db, void *arg, struct err *e)
{
	struct change *x = arg;
	struct call *c = x->call;
	int rc = acl_may(db, &c->who, &x->document->id, RIGHT_OWN, e);

	if (rc == 0) {
		rc = acl_replace(
			db, &c->who.workspace, &x->document->id, x->entries, x->n_entries, e);
	}
	return rc == 0 ? audit_add(db, &c->who.workspace, call_actor(c), "acl.set",
				 x->document->id.s,
				 x->n_entries < 0 ? "{\"inherited\":true}" : "{}", e)
		       : rc;
}

static int replace_acl(struct call *c, struct change *x, struct document *d, struct err *e)
{
	int rc = store_write(c->app->index->store, acl_tx, x, e);

	if (rc == 0) {
		rc = call_renew(c, e);
	}
	/* Whoever gave the right away has still been told what he did; but who may read the
	 * collection that it went back to is told to its owners. */
	if (rc == 0) {
		rc = document_lookup(c->db, &c->arena, &d->id, d, e);
	}
	if (rc == 0 && !d->own_acl && acl_right(c->db, &c->who, &d->id) < RIGHT_OWN) {
		return call_empty(c, 204);
	}
	return rc == 0 ? answer_acl(c, d, e) : rc;
}

int documents_acl_set(struct call *c, struct err *e)
{
	static const char *const fields[] = {"entries"};
	struct document d;
	struct change x = {.call = c, .document = &d};
	struct acl_entry *entries;
	json_t *list;
	int rc = call_document(c, RIGHT_OWN, &d, e);

	if (rc == 0) {
		rc = call_fields(c, fields, 1, e);
	}
	if (rc == 0) {
		rc = call_array(c, "entries", true, 1000, &list, e);
	}
	if (rc == 0) {
		rc = principals_read(
			c->db, &c->arena, &c->who.workspace, list, &entries, &x.n_entries, e);
	}
	x.entries = rc == 0 ? entries : NULL;
	return rc == 0 ? replace_acl(c, &x, &d, e) : rc;
}

int documents_acl_drop(struct call *c, struct err *e)
{
	struct document d;
	struct change x = {.call = c, .document = &d, .n_entries = -1};
	int rc = call_document(c, RIGHT_OWN, &d, e);

	return rc == 0 ? replace_acl(c, &x, &d, e) : rc;
}

/* ── chunks ── */

int chunks_show(struct call *c, struct err *e)
{
	struct chunk k;
	struct id id;
	int rc = call_id(c, "chk", &id, e);

	if (rc == 0) {
		rc = chunk_open(c->db, &c->arena, &c->who, &id, &k, e);
	}
	return rc == 0 ? call_json(c, 200, chunk_json(&k)) : rc;
}
