/* Documents as objects: list, show, rename, delete, versions, permissions, chunks. */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "chat/auth.h"
#include "chat/documents.h"
#include "chat/principals.h"
#include "chat/routes.h"
#include "ingest/name.h"
#include "ingest/upload.h"
#include "ingest/worker.h"

#define LIST_MAX 200
#define WORDS_MAX 500 /* bytes of q */

static const char *const sorts[N_SORTS] = {
	[SORT_NAME] = "name",
	[SORT_CREATED] = "created",
	[SORT_PAGES] = "pages",
	[SORT_BYTES] = "bytes",
	[SORT_STATE] = "state",
};

static int read_sort(struct call *c, struct document_query *q, struct err *e)
{
	const char *text = call_query(c, "sort");

	if (!text) {
		return 0;
	}
	q->descending = text[0] == '-';
	for (int i = 0; i < N_SORTS; i++) {
		if (strcmp(text + q->descending, sorts[i]) == 0) {
			q->sort = (enum document_sort)i;
			return 0;
		}
	}
	return err_set(e, ERR_INVALID, "bad_parameter",
		"sort must be name, created, pages, bytes or state, with - in front for the other "
		"way round.");
}

static bool is_state(const char *word, size_t n)
{
	static const char *const states[] = {
		"queued", "ingesting", "indexed", "no_text", "failed", "cancelled"};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (strlen(states[i]) == n && memcmp(states[i], word, n) == 0) {
			return true;
		}
	}
	return false;
}

/* One state or several, parted by commas. */
static int read_states(struct call *c, struct document_query *q, struct err *e)
{
	const char *at = q->states = call_query(c, "state");

	while (at) {
		size_t n = strcspn(at, ",");

		if (!is_state(at, n)) {
			return err_set(e, ERR_INVALID, "bad_parameter",
				"state must be queued, ingesting, indexed, no_text, failed or "
				"cancelled; several are parted by commas.");
		}
		at = at[n] == ',' ? at + n + 1 : NULL;
	}
	return 0;
}

/* The mark of a page's last row, for who asks for the next one in the same order: base64url of
 * [sort, value, id]. */
static json_t *cursor_json(
	struct call *c, const struct document_query *q, const struct document_mark *last)
{
	json_t *value = q->sort == SORT_NAME || q->sort == SORT_STATE
				? json_string(last->text)
				: json_integer((json_int_t)last->number);
	json_t *mark = json_pack("[i,o,s]", 2 * (int)q->sort + q->descending, value, last->id.s);
	char *text = json_dumps(mark, JSON_COMPACT);
	size_t size =
		sodium_base64_encoded_len(strlen(text), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	char *out = arena_alloc(&c->arena, size);

	sodium_bin2base64(out, size, (const unsigned char *)text, strlen(text),
		sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	free(text);
	json_decref(mark);
	return json_string(out);
}

static bool parse_cursor(
	struct call *c, const char *text, const struct document_query *q, struct document_mark *out)
{
	size_t size = strlen(text), n;
	unsigned char *raw = arena_alloc(&c->arena, size + 1);
	json_t *mark, *value;
	bool by_text = q->sort == SORT_NAME || q->sort == SORT_STATE;
	bool ok;

	if (sodium_base642bin(raw, size, text, size, NULL, &n, NULL,
		    sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0) {
		return false;
	}
	mark = json_loadb((const char *)raw, n, 0, NULL);
	value = json_array_get(mark, 1);
	ok = json_array_size(mark) == 3 && json_is_integer(json_array_get(mark, 0)) &&
	     json_integer_value(json_array_get(mark, 0)) == 2 * (int)q->sort + q->descending &&
	     (by_text ? json_is_string(value) : json_is_integer(value)) &&
	     json_is_string(json_array_get(mark, 2));
	if (ok) {
		out->text = by_text ? arena_str(&c->arena, json_string_value(value)) : NULL;
		out->number = json_integer_value(value);
		out->id = id_parse("doc", json_string_value(json_array_get(mark, 2)));
	}
	json_decref(mark);
	return ok && !id_empty(&out->id);
}

static int read_after(
	struct call *c, struct document_query *q, struct document_mark *mark, struct err *e)
{
	const char *text = call_query(c, "after");

	if (!text) {
		return 0;
	}
	q->after = mark;
	return parse_cursor(c, text, q, mark)
		       ? 0
		       : err_set(e, ERR_INVALID, "bad_parameter",
				 "after must be the last list's next, with the same sort.");
}

/* What came inside of a document, for those who may read that one. */
static int read_parent(struct call *c, struct document_query *q, struct err *e)
{
	const char *text = call_query(c, "parent");
	struct document parent;
	int rc;

	if (!text) {
		return 0;
	}
	q->parent = id_parse("doc", text);
	rc = id_empty(&q->parent) ? err_absent(e)
				  : acl_may(c->db, &c->who, &q->parent, RIGHT_READ, e);
	if (rc == 0) {
		rc = document_lookup(c->db, &c->arena, &q->parent, &parent, e);
	}
	q->attached = rc == 0 && !id_empty(&parent.conversation);
	return rc;
}

static int read_query(
	struct call *c, struct document_query *q, struct document_mark *mark, struct err *e)
{
	const char *collection = call_query(c, "collection");
	struct collection in;
	int64_t limit = 0;
	int rc = call_query_int(c, "limit", 1, LIST_MAX, 50, &limit, e);

	q->limit = (int)limit;
	q->q = call_query(c, "q");
	if (rc == 0 && q->q && strlen(q->q) > WORDS_MAX) {
		rc = err_set(e, ERR_INVALID, "bad_parameter", "q must not be longer than %d bytes.",
			WORDS_MAX);
	}
	if (rc == 0) {
		rc = read_sort(c, q, e);
	}
	if (rc == 0) {
		rc = read_states(c, q, e);
	}
	if (rc == 0) {
		rc = read_after(c, q, mark, e);
	}
	if (rc == 0 && collection) {
		rc = call_collection(c, collection, RIGHT_READ, &in, e);
		q->collection = rc == 0 ? in.id : q->collection;
	}
	return rc == 0 ? read_parent(c, q, e) : rc;
}

int documents_list(struct call *c, struct err *e)
{
	struct document_query q = {.sort = SORT_NAME};
	struct document_mark mark;
	struct document_page page;
	json_t *list;
	int rc = read_query(c, &q, &mark, e);

	if (rc == 0) {
		rc = document_list(c->db, &c->arena, &c->who, &q, &page, e);
	}
	if (rc == 0) {
		rc = documents_json(c, page.rows, page.latest, page.n, &list, e);
	}
	if (rc != 0) {
		return rc;
	}
	return call_json(c, 200,
		json_pack("{s:o,s:o}", "documents", list, "next",
			page.more ? cursor_json(c, &q, &page.last) : json_null()));
}

/* The document with its latest version and what the asker may do. */
static int answer_document(struct call *c, int status, const struct document *d, struct err *e)
{
	const struct version none = {.id = {""}};
	struct version *all;
	json_t *list, *out;
	int n, last = 0;
	int rc = version_list(c->db, &c->arena, &d->id, &all, &n, e);

	for (int i = 1; rc == 0 && i < n; i++) {
		last = all[i].seq > all[last].seq ? i : last;
	}
	if (rc == 0) {
		rc = documents_json(c, d, n > 0 ? &all[last] : &none, 1, &list, e);
	}
	if (rc != 0) {
		return rc;
	}
	out = json_incref(json_array_get(list, 0));
	json_decref(list);
	/* The collection's name is told to those who may read the collection. */
	if (id_empty(&d->conversation) && acl_right(c->db, &c->who, &d->collection) != RIGHT_NONE) {
		struct collection in;

		rc = collection_lookup(c->db, &c->arena, &c->who.workspace, &d->collection, &in, e);
		json_object_set_new(
			out, "collection", rc == 0 ? json_string(in.name) : json_null());
	}
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

int documents_impact(struct call *c, struct err *e)
{
	struct document d;
	struct document_impact n;
	int rc = call_document(c, RIGHT_WRITE, &d, e);

	if (rc == 0) {
		rc = document_impact(c->db, &d.id, &n, e);
	}
	return rc != 0 ? rc
		       : call_json(c, 200,
				 json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "versions",
					 (json_int_t)n.n_versions, "chunks", (json_int_t)n.n_chunks,
					 "bytes", (json_int_t)n.n_bytes, "citations",
					 (json_int_t)n.n_citations, "answers",
					 (json_int_t)n.n_answers, "parts", (json_int_t)n.n_parts));
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
	return rc == 0 ? call_json(c, 200, chunk_json(&c->arena, &k)) : rc;
}
