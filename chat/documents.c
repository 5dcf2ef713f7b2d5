#include "chat/documents.h"

#include <string.h>

#include "chat/job_watch.h"
#include "index/place.h"

#define TEXT_BLOB_MAX ((int64_t)1024 * 1024 * 1024)

/* ── finding ── */

int call_id(struct call *c, const char *prefix, struct id *out, struct err *e)
{
	*out = id_parse(prefix, c->params[0]);
	return id_empty(out) ? err_absent(e) : 0;
}

int call_document(struct call *c, enum right right, struct document *out, struct err *e)
{
	struct id id;
	int rc = call_id(c, "doc", &id, e);

	if (rc == 0) {
		rc = acl_may(c->db, &c->who, &id, right, e);
	}
	return rc == 0 ? document_lookup(c->db, &c->arena, &id, out, e) : rc;
}

int call_version(struct call *c, const struct document *d, struct version *out, struct err *e)
{
	const char *wanted = call_query(c, "version");
	struct id id = wanted ? id_parse("ver", wanted) : d->current_version;
	struct version *all;
	int n;
	int rc = version_list(c->db, &c->arena, &d->id, &all, &n, e);

	if (rc != 0) {
		return rc;
	}
	for (int i = 0; i < n; i++) {
		if (id_equal(&all[i].id, &id)) {
			*out = all[i];
			return 0;
		}
	}
	if (wanted || n == 0) {
		return err_absent(e);
	}
	*out = all[0];
	for (int i = 1; i < n; i++) {
		if (all[i].seq > out->seq) {
			*out = all[i];
		}
	}
	return 0;
}

int call_chunk(
	struct call *c, const struct document *d, const char *id, struct chunk *out, struct err *e)
{
	struct id chunk = id_parse("chk", id);
	int rc = id_empty(&chunk) ? err_absent(e)
				  : chunk_open(c->db, &c->arena, &c->who, &chunk, out, e);

	return rc == 0 && !id_equal(&out->document, &d->id) ? err_absent(e) : rc;
}

int call_collection(struct call *c, const char *id_or_name, enum right right,
	struct collection *out, struct err *e)
{
	struct id id = id_parse("col", id_or_name);
	int rc = id_empty(&id)
			 ? collection_by_name(c->db, &c->arena, &c->who, id_or_name, out, e)
			 : collection_lookup(c->db, &c->arena, &c->who.workspace, &id, out, e);

	if (rc == ERR_NOT_FOUND) {
		err_clear(e);
		return err_absent(e);
	}
	if (rc == 0 && right != RIGHT_NONE) {
		rc = acl_may(c->db, &c->who, &out->id, right, e);
	}
	return rc;
}

int call_extracted(struct call *c, const struct version *v, struct extracted *out, struct err *e)
{
	struct buf packed = BUF_INIT;
	int rc;

	if (!v->text_hash) {
		return err_set(e, ERR_CONFLICT, "not_ready",
			"The text of this document has not been read yet.");
	}
	call_let_go(c);
	rc = blob_read(c->app->index->blobs, v->text_hash, TEXT_BLOB_MAX, &packed, e);
	if (rc == 0) {
		rc = extracted_unpack(packed.data, packed.len, &c->arena, out, e);
	}
	buf_finish(&packed);
	return rc;
}

/* ── showing ── */

json_t *json_ms(int64_t unix_ms)
{
	return unix_ms ? json_integer((json_int_t)unix_ms) : json_null();
}

json_t *json_id(const struct id *id)
{
	return id_empty(id) ? json_null() : json_string(id->s);
}

/* What documents and versions have in common: how their bytes fared. */
static json_t *facts_json(const struct version *v)
{
	return json_pack("{s:s,s:s?,s:s?,s:s,s:I,s:s?,s:s?,s:s?,s:I,s:s?}", "state", v->state,
		"reason", v->reason, "message", v->message, "sha256", v->sha256, "bytes",
		(json_int_t)v->n_bytes, "mediaType", v->media_type, "title", v->title, "language",
		v->language, "pages", (json_int_t)v->n_pages, "paging", v->paging);
}

json_t *version_json(const struct version *v)
{
	json_t *out = json_pack("{s:s,s:I,s:o,s:o}", "id", v->id.s, "seq", (json_int_t)v->seq,
		"createdMs", json_ms(v->created_ms), "publishedMs", json_ms(v->published_ms));
	json_t *facts = facts_json(v);

	json_object_update(out, facts);
	json_decref(facts);
	return out;
}

static json_t *document_json(const struct document *d, const struct version *latest)
{
	json_t *out = json_pack("{s:s,s:s,s:o,s:o,s:s,s:o,s:b,s:s,s:o}", "id", d->id.s,
		"collectionId", d->collection.s, "conversationId", json_id(&d->conversation),
		"parentId", json_id(&d->parent), "name", d->name, "currentVersionId",
		json_id(&d->current_version), "ownAcl", (int)d->own_acl, "createdBy", d->created_by,
		"createdMs", json_ms(d->created_ms));

	if (latest && !id_empty(&latest->id)) {
		json_t *facts = facts_json(latest);

		json_object_set_new(out, "versionId", json_string(latest->id.s));
		json_object_set_new(out, "version", json_integer((json_int_t)latest->seq));
		json_object_update(out, facts);
		json_decref(facts);
	}
	return out;
}

json_t *access_json(const struct acl_summary *s)
{
	json_t *groups = json_array();

	for (int i = 0; i < s->n_groups; i++) {
		json_array_append_new(groups, json_string(s->groups[i]));
	}
	return json_pack("{s:b,s:o,s:I,s:b}", "workspace", (int)s->workspace, "groups", groups,
		"users", (json_int_t)s->n_users, "you", (int)s->you);
}

/* That it holds text which nobody sees is told to its owners: chat/routes_annotations.c. */
static json_t *warnings_json(const struct version *v, enum right right)
{
	json_t *out = json_pack("{s:I}", "poorScans", (json_int_t)v->n_poor);

	if (right >= RIGHT_OWN) {
		json_object_set_new(out, "hidden", json_integer((json_int_t)v->n_hidden));
	}
	return out;
}

/* The job of the document's latest version, or null. */
static json_t *job_of(struct call *c, const struct version *v, const struct job *jobs, int n)
{
	for (int i = 0; i < n; i++) {
		if (id_equal(&jobs[i].version, &v->id)) {
			return job_brief(c->app, &jobs[i]);
		}
	}
	return json_null();
}

int documents_json(struct call *c, const struct document *rows, const struct version *latest, int n,
	json_t **out, struct err *e)
{
	struct id *holders = arena_array(&c->arena, struct id, (size_t)n + 1);
	struct id *documents = arena_array(&c->arena, struct id, (size_t)n + 1);
	struct id *versions = arena_array(&c->arena, struct id, (size_t)n + 1);
	struct acl_summary *access;
	struct job *jobs;
	int n_jobs, rc;

	for (int i = 0; i < n; i++) {
		holders[i] = rows[i].own_acl ? rows[i].id : rows[i].collection;
		documents[i] = rows[i].id;
		versions[i] = latest[i].id;
	}
	rc = acl_summaries(c->db, &c->arena, &c->who, holders, n, &access, e);
	if (rc == 0) {
		rc = job_of_versions(c->db, &c->arena, documents, versions, n, &jobs, &n_jobs, e);
	}
	if (rc != 0) {
		return rc;
	}
	*out = json_array();
	for (int i = 0; i < n; i++) {
		json_t *one = document_json(&rows[i], &latest[i]);

		json_object_set_new(one, "right", json_string(right_name(access[i].right)));
		json_object_set_new(one, "access", access_json(&access[i]));
		json_object_set_new(one, "warnings", warnings_json(&latest[i], access[i].right));
		json_object_set_new(one, "job", job_of(c, &latest[i], jobs, n_jobs));
		json_array_append_new(*out, one);
	}
	return 0;
}

json_t *chunk_json(struct arena *a, const struct chunk *k)
{
	json_t *boxes = json_array();

	for (int i = 0; i < k->n_boxes; i++) {
		const struct box *b = &k->boxes[i];

		json_array_append_new(
			boxes, json_pack("{s:i,s:[f,f,f,f]}", "page", (int)b->page, "rect",
				       (double)b->x0, (double)b->y0, (double)b->x1, (double)b->y1));
	}
	return json_pack(
		"{s:s,s:s,s:s,s:s,s:s,s:b,s:s,s:s,s:s,s:s,s:s,s:s?,s:i,s:i,s:I,s:I,s:i,s:o}", "id",
		k->id.s, "documentId", k->document.s, "documentName", k->document_name, "versionId",
		k->version.s, "collectionId", k->collection.s, "live", (int)k->live, "language",
		k->language, "title", k->title, "heading", k->heading, "text", k->text, "place",
		chunk_place(k, a), "unit", k->unit, "pageFirst", k->page_first, "pageLast",
		k->page_last, "byteStart", (json_int_t)k->byte_start, "byteEnd",
		(json_int_t)k->byte_end, "tokens", k->n_tokens, "boxes", boxes);
}
