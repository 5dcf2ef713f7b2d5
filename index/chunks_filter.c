#include "index/chunks_filter.h"

#include "index/base/err.h"

/* The condition first picks documents; their slots come from the index chunk_document alone. */
#define SLOTS_OF(documents)                                                                        \
	"SELECT c.slot FROM (" documents ") d CROSS JOIN chunk c ON c.document_id = d.id "         \
	"AND c.live = 1"
#define THERE "d.workspace_id = ?1 AND d.deleted_ms IS NULL"
#define SAME_NAME(column) "carrel_fold(" column ") = carrel_fold(?2)"

static const char *const sql[] = {
	[FILTER_COLLECTION] =
		SLOTS_OF("SELECT d.id FROM document d JOIN collection k ON k.id = d.collection_id "
			 "WHERE " THERE " AND k.deleted_ms IS NULL AND (k.id = ?2 OR " SAME_NAME(
				 "k.name") ") AND (?3 OR EXISTS (SELECT 1 FROM acl_entry e "
					   "WHERE e.object_id = k.id AND e.principal IN "
					   "(SELECT value FROM json_each(?4))))"),
	[FILTER_TYPE] = SLOTS_OF("SELECT d.id FROM document d JOIN document_version v "
				 "ON v.id = d.current_version_id WHERE " THERE
				 " AND v.media_type = ?3 AND (?2 IS NULL OR "
				 "lower(substr(d.name, -length(?2) - 1)) = '.' || lower(?2))"),
	[FILTER_OWNER] =
		SLOTS_OF("SELECT d.id FROM document d WHERE " THERE " AND d.created_by IN "
			 "(SELECT id FROM user WHERE workspace_id = ?1 AND (id = ?2 OR " SAME_NAME(
				 "name") " OR " SAME_NAME("display_name") "))"),
	[FILTER_DATE] = SLOTS_OF("SELECT d.id FROM document d JOIN document_version v "
				 "ON v.id = d.current_version_id WHERE " THERE
				 " AND v.created_ms >= ?2 AND v.created_ms < ?3"),
};
SQL_TABLE(table, "index/chunks_filter", sql);

int chunks_filter(struct db *db, const struct asker *who, const struct chunks_filter *f,
	struct bitmap *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, (int)f->kind);
	int rc;

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
	while ((rc = stmt_step(q, e)) == 1) {
		bitmap_set(out, (uint64_t)col_int(q, 0));
	}
	return rc;
}
