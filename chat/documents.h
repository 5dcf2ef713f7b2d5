/*
 * What the routes of documents share: finding the object a request names with the right it needs,
 * and documents as JSON. Every finder answers absence and refusal alike (err_absent). Thread: a
 * worker, with call->db.
 */
#ifndef CHAT_DOCUMENTS_H
#define CHAT_DOCUMENTS_H

#include <jansson.h>

#include "chat/http/server.h"
#include "index/catalog.h"
#include "index/chunks.h"
#include "ingest/extracted.h"

/* The id of the path's first {…}; of another prefix or malformed: absent. */
MUST_CHECK int call_id(struct call *c, const char *prefix, struct id *out, struct err *e);

/* The document that the path's {id} names, if the asker has the right on it. */
MUST_CHECK int call_document(struct call *c, enum right right, struct document *out, struct err *e);
/* The version that ?version= names, which must be the document's; without it the current one, else
 * the latest. */
MUST_CHECK int call_version(
	struct call *c, const struct document *d, struct version *out, struct err *e);
/* A chunk of that document, if the asker may read it. */
MUST_CHECK int call_chunk(
	struct call *c, const struct document *d, const char *id, struct chunk *out, struct err *e);
/* A collection by id or name; the asker needs the right on it (RIGHT_NONE: any collection of the
 * workspace). */
MUST_CHECK int call_collection(struct call *c, const char *id_or_name, enum right right,
	struct collection *out, struct err *e);

/* What was read out of a version, in the call's arena; lets the snapshot go. ERR_CONFLICT
 * "not_ready". */
MUST_CHECK int call_extracted(
	struct call *c, const struct version *v, struct extracted *out, struct err *e);

json_t *json_ms(int64_t unix_ms);     /* null for 0 */
json_t *json_id(const struct id *id); /* null for an empty one */
json_t *version_json(const struct version *v);
/* An array of documents as the API shows them: each with the facts of its latest version, who may
 * read it, what the asker may do, and its job while that is not done. */
MUST_CHECK int documents_json(struct call *c, const struct document *rows,
	const struct version *latest, int n, json_t **out, struct err *e);
json_t *access_json(const struct acl_summary *s);
json_t *chunk_json(struct arena *a, const struct chunk *k);

#endif
