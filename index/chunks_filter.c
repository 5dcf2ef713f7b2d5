#include "index/chunks_filter.h"

#include "index/base/err.h"
#include "index/chunks_facts.h"

#define NAMED_MAX 100 /* collections or users of one name; of more the database is asked */

#define SAME_NAME(column) "carrel_fold(" column ") = carrel_fold(?2)"
/* Of those that the asker may read: else a guessed name would be told by what it meets. */
#define COLLECTIONS_NAMED                                                                          \
	"k.deleted_ms IS NULL AND (k.id = ?2 OR " SAME_NAME(                                       \
		"k.name") ") AND (?3 OR EXISTS (SELECT 1 FROM acl_entry e WHERE e.object_id = "    \
			  "k.id "                                                                  \
			  "AND e.principal IN (SELECT value FROM json_each(?4))))"
#define USERS_NAMED                                                                                \
	"SELECT id FROM user WHERE workspace_id = ?1 AND (id = ?2 OR " SAME_NAME(                  \
		"name") " OR " SAME_NAME("display_name") ")"

/* From the database: the condition first picks documents; their slots come from the index
 * chunk_document alone. */
#define SLOTS_OF(documents)                                                                        \
	"SELECT c.slot FROM (" documents ") d CROSS JOIN chunk c ON c.document_id = d.id "         \
	"AND c.live = 1"
#define THERE "d.workspace_id = ?1 AND d.deleted_ms IS NULL"

enum { Q_COLLECTIONS_NAMED = FILTER_DATE + 1, Q_USERS_NAMED };

static const char *const sql[] = {
	[FILTER_COLLECTION] =
		SLOTS_OF("SELECT d.id FROM document d JOIN collection k ON k.id = d.collection_id "
			 "WHERE " THERE " AND " COLLECTIONS_NAMED),
	[FILTER_TYPE] = SLOTS_OF("SELECT d.id FROM document d JOIN document_version v "
				 "ON v.id = d.current_version_id WHERE " THERE
				 " AND v.media_type = ?3 AND (?2 IS NULL OR "
				 "lower(substr(d.name, -length(?2) - 1)) = '.' || lower(?2))"),
	[FILTER_OWNER] = SLOTS_OF("SELECT d.id FROM document d WHERE " THERE " AND d.created_by IN "
				  "(" USERS_NAMED ")"),
	[FILTER_DATE] = SLOTS_OF("SELECT d.id FROM document d JOIN document_version v "
				 "ON v.id = d.current_version_id WHERE " THERE
				 " AND v.created_ms >= ?2 AND v.created_ms < ?3"),
	[Q_COLLECTIONS_NAMED] =
		"SELECT k.id FROM collection k WHERE k.workspace_id = ?1 AND " COLLECTIONS_NAMED,
	[Q_USERS_NAMED] = USERS_NAMED,
};
SQL_TABLE(table, "index/chunks_filter", sql);

static void bind(struct stmt *q, const struct asker *who, const struct chunks_filter *f)
{
	stmt_id(q, 1, &who->workspace);
	if (f->kind == FILTER_DATE) {
		stmt_int(q, 2, f->from_ms);
		stmt_int(q, 3, f->to_ms);
	} else {
		stmt_text(q, 2, f->text);
	}
	if (f->kind == FILTER_TYPE) {
		stmt_text(q, 3, f->media_type);
	} else if (f->kind == FILTER_COLLECTION) {
		stmt_int(q, 3, who->reads_all);
		stmt_text(q, 4, who->principals_json);
	}
}

static int ask_database(struct db *db, const struct asker *who, const struct chunks_filter *f,
	struct bitmap *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, (int)f->kind);
	int rc;

	bind(q, who, f);
	while ((rc = stmt_step(q, e)) == 1) {
		bitmap_set(out, (uint64_t)col_int(q, 0));
	}
	return rc;
}

/* *n > NAMED_MAX: there are more. */
static int find_named(struct db *db, const struct asker *who, const struct chunks_filter *f,
	struct id *ids, int *n, struct err *e)
{
	struct stmt *q = db_stmt(
		db, &table, f->kind == FILTER_COLLECTION ? Q_COLLECTIONS_NAMED : Q_USERS_NAMED);
	int rc;

	bind(q, who, f);
	while ((rc = stmt_step(q, e)) == 1) {
		if (*n == NAMED_MAX) {
			++*n;
			stmt_reset(q);
			return 0;
		}
		ids[(*n)++] = col_id(q, 0);
	}
	return rc;
}

int chunks_filter(struct db *db, const struct asker *who, const struct chunks_filter *f,
	struct bitmap *out, struct err *e)
{
	struct id ids[NAMED_MAX];
	struct facts_wanted w = {.kind = f->kind,
		.ids = ids,
		.media_type = f->media_type,
		.from_ms = f->from_ms,
		.to_ms = f->to_ms};
	bool known = f->kind != FILTER_TYPE || !f->text; /* names' endings are in no memory */
	int rc = 0;

	if (f->kind == FILTER_COLLECTION || f->kind == FILTER_OWNER) {
		rc = find_named(db, who, f, ids, &w.n_ids, e);
		known = w.n_ids <= NAMED_MAX;
	}
	if (rc != 0 || (known && chunks_facts_match(db, who->workspace_n, &w, out))) {
		return rc;
	}
	return ask_database(db, who, f, out, e);
}
