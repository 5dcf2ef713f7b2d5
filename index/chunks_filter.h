/*
 * Slots of live chunks by what is known of their documents: what a person's filters are made of
 * (retrieve/narrow.h). They only narrow the asker's bitmap, so whose the documents are is not asked
 * here; but a collection counts for those who may read it alone, as nobody else is told its name.
 * Thread: any with a db.
 */
#ifndef INDEX_CHUNKS_FILTER_H
#define INDEX_CHUNKS_FILTER_H

#include <stdint.h>

#include "index/acl.h"
#include "index/base/bitmap.h"
#include "index/base/err.h"
#include "index/base/id.h"
#include "index/store.h"

enum chunks_filter_kind {
	FILTER_COLLECTION, /* text: its name, whatever the case, or its id */
	FILTER_TYPE,	   /* media_type: of the version; text: how its name ends, NULL: however */
	FILTER_OWNER,	   /* text: the user who brought the document in, by either name or id */
	FILTER_DATE	   /* from_ms <= when the version came in < to_ms */
};

struct chunks_filter {
	enum chunks_filter_kind kind;
	const char *text, *media_type;
	int64_t from_ms, to_ms;
};

/* Sets the bits of those that it lets through. */
MUST_CHECK int chunks_filter(struct db *db, const struct asker *who, const struct chunks_filter *f,
	struct bitmap *out, struct err *e);

#endif
