/*
 * The pages of documents that have none of their own to draw (docx, xlsx, pptx, odt, …): the
 * original is converted to PDF by the external extractor (ingest/external.h) when somebody first
 * looks, and kept as the blob document_version.view_hash. A passage is found in it by its words
 * (ingest/locate.h).
 *
 *   views_open -> kept already?  -> its PDF, and what was read out of that
 *              -> can it be?     -> convert, read, keep
 *
 * One conversion at a time: others are ERR_UNAVAILABLE "view_busy", to be asked again in a moment.
 * What could not be converted is not tried again until the server starts anew (a service that does
 * not answer: for a minute). What was read out of the last few is kept in memory.
 *
 * Alone writes document_version.view_hash (by version_viewed). Thread: any worker without a
 * snapshot; blocks, up to external-timeout-s.
 */
#ifndef INGEST_VIEW_H
#define INGEST_VIEW_H

#include "index/base/settings.h"
#include "index/catalog.h"
#include "index/index.h"
#include "ingest/extracted.h"
#include "ingest/zygote.h"

struct views;

struct views *views_create(struct index *ix, struct zygote *z);
void views_stop(struct views *v);    /* a conversion under way ends as cancelled, no other begins */
void views_destroy(struct views *v); /* NULL is fine */

/* Whether the pages of such a document are kept, or could be made. */
bool views_possible(struct views *v, const struct settings *set, const struct version *of);

struct view {
	char hash[HASH_HEX_SIZE];
	struct extracted pages; /* in the arena */
};
/* ERR_UNPROCESSABLE "no_pages": it cannot be drawn; ERR_UNAVAILABLE "view_busy"; ERR_NOT_FOUND: it
 * was deleted meanwhile. */
MUST_CHECK int views_open(struct views *v, const struct settings *set, const struct version *of,
	struct arena *a, struct view *out, struct err *e);

#endif
