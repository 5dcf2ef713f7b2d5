/*
 * What is known of a document beside its text (ingest/extracted.h): links, properties, files
 * inside, pages that were hard to read, to whoever may read it; and text that its readers cannot
 * see, which may be an order to a language model, to its owners alone, as a warning. For everybody
 * else the document has none: it is not listed, not counted, and asking for its kind finds nothing.
 * Nothing of it is in the text, a search, a prompt or an answer.
 */
#include "chat/routes.h"

#include <stdlib.h>
#include <string.h>

#include "chat/documents.h"
#include "ingest/extracted.h"

#define LIST_MAX 500
#define KINDS_MAX 200 /* bytes of kind */

struct wanted {
	bool kinds[N_ANNOTATION_KINDS];
	int64_t limit, after; /* after: n of the last one of the list before */
};

static int kind_named(const char *word, size_t n)
{
	for (int i = 0; i < N_ANNOTATION_KINDS; i++) {
		const char *name = annotation_name((uint8_t)i);

		if (strlen(name) == n && memcmp(name, word, n) == 0) {
			return i;
		}
	}
	return -1;
}

/* One kind or several, parted by commas; none: all. */
static int read_kinds(struct call *c, struct wanted *w, struct err *e)
{
	const char *at = call_query(c, "kind");

	for (int i = 0; i < N_ANNOTATION_KINDS; i++) {
		w->kinds[i] = !at;
	}
	if (at && strlen(at) > KINDS_MAX) {
		return err_set(e, ERR_INVALID, "bad_parameter", "kind is too long.");
	}
	while (at) {
		size_t n = strcspn(at, ",");
		int kind = kind_named(at, n);

		if (kind < 0) {
			return err_set(e, ERR_INVALID, "bad_parameter",
				"kind must be link, property, embedded, poor_scan or one of the "
				"hidden kinds; several are parted by commas.");
		}
		w->kinds[kind] = true;
		at = at[n] == ',' ? at + n + 1 : NULL;
	}
	return 0;
}

static int read_wanted(struct call *c, bool owner, struct wanted *w, struct err *e)
{
	int64_t hidden = 0;
	int rc = read_kinds(c, w, e);

	if (rc == 0) {
		rc = call_query_int(c, "hidden", 0, 1, -1, &hidden, e);
	}
	if (rc == 0) {
		rc = call_query_int(c, "limit", 1, LIST_MAX, 100, &w->limit, e);
	}
	if (rc == 0) {
		rc = call_query_int(c, "after", 0, ANNOTATIONS_MAX, 0, &w->after, e);
	}
	for (int i = 0; i < N_ANNOTATION_KINDS; i++) {
		bool is_hidden = annotation_hidden((uint8_t)i);

		w->kinds[i] = w->kinds[i] && (!is_hidden || owner) &&
			      (hidden < 0 || is_hidden == (hidden == 1));
	}
	return rc;
}

static json_t *annotation_json(const struct extracted *x, int i)
{
	const struct annotation *n = &x->annotations[i];
	const char *label = n->page > 0 ? x->pages[n->page - 1].label : NULL;

	return json_pack("{s:i,s:s,s:b,s:o,s:s,s:s?,s:i,s:i,s:s}", "n", i + 1, "kind",
		annotation_name(n->kind), "hidden", (int)annotation_hidden(n->kind), "page",
		n->page > 0 ? json_integer(n->page) : json_null(), "place", label ? label : "",
		"unit", x->paging != PAGING_NONE ? paging_name(x->paging) : NULL, "byteStart",
		(int)n->byte_start, "byteEnd", (int)n->byte_end, "text", n->text);
}

static int answer(
	struct call *c, const struct version *v, const struct extracted *x, const struct wanted *w)
{
	json_t *list = json_array(), *counts = json_object();
	int of_kind[N_ANNOTATION_KINDS] = {0};
	int64_t next = 0, last = 0;

	for (int i = 0; i < x->n_annotations; i++) {
		uint8_t kind = x->annotations[i].kind;

		of_kind[kind] += w->kinds[kind];
		if (!w->kinds[kind] || i < w->after) {
			continue;
		}
		if ((int64_t)json_array_size(list) == w->limit) {
			next = last;
			continue;
		}
		json_array_append_new(list, annotation_json(x, i));
		last = i + 1;
	}
	for (int i = 0; i < N_ANNOTATION_KINDS; i++) {
		if (of_kind[i] > 0) {
			json_object_set_new(
				counts, annotation_name((uint8_t)i), json_integer(of_kind[i]));
		}
	}
	return call_json(c, 200,
		json_pack("{s:s,s:o,s:o,s:o}", "versionId", v->id.s, "counts", counts,
			"annotations", list, "next",
			next > 0 ? json_sprintf("%d", (int)next) : json_null()));
}

/* GET …/annotations?version=&kind=&hidden=&limit=&after= */
int documents_annotations(struct call *c, struct err *e)
{
	struct document d;
	struct version v;
	struct extracted x;
	struct wanted w;
	int rc = call_document(c, RIGHT_READ, &d, e);

	if (rc == 0) {
		rc = read_wanted(c, acl_right(c->db, &c->who, &d.id) >= RIGHT_OWN, &w, e);
	}
	if (rc == 0) {
		rc = call_version(c, &d, &v, e);
	}
	if (rc == 0) {
		rc = call_extracted(c, &v, &x, e);
	}
	return rc == 0 ? answer(c, &v, &x, &w) : rc;
}
