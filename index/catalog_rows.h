/* How the modules of the catalogue turn a statement's rows into structs in an arena. Thread: the
 * db's. */
#ifndef INDEX_CATALOG_ROWS_H
#define INDEX_CATALOG_ROWS_H

#include <stddef.h>

#include "index/base/arena.h"
#include "index/base/err.h"
#include "index/blob.h"
#include "index/store.h"

typedef void (*row_read_fn)(struct stmt *q, struct arena *a, void *row);

struct rows {
	struct arena *arena;
	size_t size; /* of an item */
	row_read_fn read;
	void *items; /* [n] OUT; never NULL after rows_all */
	int n;	     /* OUT */
};

MUST_CHECK int rows_all(struct stmt *q, struct rows *r, struct err *e);
/* The one row of a bound statement; without one, err_absent. */
MUST_CHECK int row_one(struct stmt *q, struct arena *a, row_read_fn read, void *out, struct err *e);
/* Runs a bound change; err_absent if it met no row. */
MUST_CHECK int row_change(struct db *db, struct stmt *q, struct err *e);
void row_id(struct stmt *q, struct arena *a, void *row); /* of one id */

/* Documents and versions, as index/catalog_documents.c and index/catalog_list.c read them. */
/* The conversation that a document is attached to, or NULL. */
#define CONVERSATION_OF "(SELECT k.conversation_id FROM collection k WHERE k.id = d.collection_id)"
#define DOCUMENT_COLUMNS                                                                           \
	"d.id, d.workspace_id, w.n, d.collection_id, d.name, d.current_version_id, d.own_acl, "    \
	"d.acl_set_n, d.created_by, d.created_ms, " CONVERSATION_OF ", d.parent_id"
#define DOCUMENT_FROM " FROM document d JOIN workspace w ON w.id = d.workspace_id "
#define N_DOCUMENT_COLUMNS 12
#define VERSION_COLUMNS                                                                            \
	"v.id, v.document_id, v.seq, v.blob_hash, v.sha256, v.n_bytes, v.media_type, v.state, "    \
	"v.reason, v.message, v.title, v.language, v.n_pages, v.text_hash, v.generation, "         \
	"v.created_ms, v.published_ms, v.paging, v.n_hidden, v.n_poor, v.view_hash"
#define N_VERSION_COLUMNS 21
/* ?4: the asker's principals, ?5: reads all. */
#define READABLE                                                                                   \
	"(?5 OR EXISTS (SELECT 1 FROM acl_entry e WHERE e.object_id = "                            \
	"CASE d.own_acl WHEN 1 THEN d.id ELSE d.collection_id END "                                \
	"AND e.principal IN (SELECT value FROM json_each(?4)))) "
/* The document ?1, the documents that came inside of it, inside of those, and so on. */
#define FAMILY                                                                                     \
	"(WITH RECURSIVE family(id) AS (VALUES (?1) UNION SELECT p.id FROM document p "            \
	"JOIN family f ON p.parent_id = f.id WHERE p.deleted_ms IS NULL) SELECT id FROM family)"
/* tx. A version that waits to be ingested; the blob is durable already. */
MUST_CHECK int version_add(struct db *db, const struct id *workspace, const struct id *document,
	int64_t seq, const struct blob_info *blob, const char *created_by, struct id *out,
	struct err *e);
void row_document(struct stmt *q, struct arena *a, void *row);
void row_version(struct stmt *q, struct arena *a, void *row);
void row_version_from(struct stmt *q, struct arena *a, int first, void *row);

#endif
