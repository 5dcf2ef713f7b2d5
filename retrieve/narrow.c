#include "retrieve/narrow.h"

#include <string.h>

#include "index/chunks_filter.h"
#include "index/fts.h"

static int matching_phrase(struct db *db, const struct narrowing *n,
	const struct query_condition *c, const struct allowed *allowed, struct bitmap *out,
	struct err *e)
{
	const struct fts_phrase p = {.workspace_n = n->who->workspace_n,
		.text = c->text,
		.language = n->language,
		.title = c->kind == QUERY_TITLE,
		.allowed = allowed};

	return fts_rows(db, &p, out, e);
}

static int matching_documents(struct db *db, const struct narrowing *n,
	const struct query_condition *c, struct bitmap *out, struct err *e)
{
	static const enum chunks_filter_kind kinds[] = {[QUERY_COLLECTION] = FILTER_COLLECTION,
		[QUERY_TYPE] = FILTER_TYPE,
		[QUERY_OWNER] = FILTER_OWNER,
		[QUERY_DATE] = FILTER_DATE};
	struct chunks_filter f = {.kind = kinds[c->kind],
		.text = c->text,
		.media_type = c->media_type,
		.from_ms = c->from_ms,
		.to_ms = c->to_ms};

	if (c->kind == QUERY_OWNER && strcmp(c->text, "me") == 0 && !id_empty(&n->who->user)) {
		f.text = n->who->user.s;
	}
	if (c->kind == QUERY_TYPE && strcmp(c->media_type, "text/x-source") != 0) {
		f.text = NULL; /* by the content; only kinds of source code differ by name alone */
	}
	return chunks_filter(db, n->who, &f, out, e);
}

static bool meet(const struct bitmap *a, const struct bitmap *b)
{
	for (size_t i = 0; i < a->n_words && i < b->n_words; i++) {
		if (a->words[i] & b->words[i]) {
			return true;
		}
	}
	return false;
}

/* Narrows *now by one condition; `all`: what the asker may read. */
static int apply(struct db *db, const struct narrowing *n, const struct query_condition *c,
	const struct allowed *all, struct allowed **now, struct condition *out, struct err *e)
{
	bool phrase = c->kind == QUERY_PHRASE || c->kind == QUERY_TITLE;
	struct allowed *narrower;
	struct bitmap slots;
	int rc;

	bitmap_init(&slots);
	rc = phrase ? matching_phrase(db, n, c, all, &slots, e)
		    : matching_documents(db, n, c, &slots, e);
	out->written = c->written;
	out->unmatched = !c->excluded && !meet(&all->slots, &slots);
	out->ignored = out->unmatched && n->lenient && c->kind == QUERY_PHRASE;
	if (rc == 0 && !out->ignored) {
		narrower = acl_narrow(*now, &slots, c->excluded);
		acl_allowed_drop(*now);
		*now = narrower;
	}
	bitmap_finish(&slots);
	return rc;
}

int narrow(struct db *db, struct arena *a, const struct narrowing *n, struct allowed **allowed,
	struct condition **out, struct err *e)
{
	const struct query *q = n->query;
	const struct bitmap none = {NULL, 0};
	struct allowed *all = *allowed;
	int rc = 0;

	*out = arena_array(a, struct condition, (size_t)q->n_conditions + 1);
	if (q->n_conditions == 0) {
		return 0;
	}
	*allowed = acl_narrow(all, &none, true);
	for (int i = 0; rc == 0 && i < q->n_conditions; i++) {
		rc = apply(db, n, &q->conditions[i], all, allowed, &(*out)[i], e);
	}
	acl_allowed_drop(all);
	return rc;
}
