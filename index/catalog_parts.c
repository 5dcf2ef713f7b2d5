/* Documents that came inside of others, of index/catalog.h. */
#include <string.h>

#include "index/base/clock.h"
#include "index/catalog.h"
#include "index/catalog_rows.h"

enum {
	Q_FAMILY,
	Q_ANCESTRY,
	Q_FAMILY_SIZE,
	Q_PARTS,
	Q_COUNT,
	Q_UNWANTED,
	Q_NAME_TAKEN,
	Q_ADD,
	Q_NTH,
};

static const char *const sql[] = {
	[Q_FAMILY] = "SELECT id FROM " FAMILY,
	[Q_ANCESTRY] = "WITH RECURSIVE up(id, parent_id, n) AS "
		       "(SELECT id, parent_id, 0 FROM document WHERE id = ?1 UNION "
		       "SELECT d.id, d.parent_id, n + 1 FROM document d JOIN up "
		       "ON d.id = up.parent_id) SELECT id, n FROM up ORDER BY n DESC LIMIT 1",
	[Q_FAMILY_SIZE] = "SELECT count(*) - 1 FROM " FAMILY,
	[Q_PARTS] = "SELECT d.id, d.name, v.id, v.seq, v.blob_hash FROM document d "
		    "JOIN document_version v ON v.document_id = d.id AND v.seq = "
		    "(SELECT max(x.seq) FROM document_version x WHERE x.document_id = d.id) "
		    "WHERE d.parent_id = ?1 AND d.deleted_ms IS NULL",
	[Q_COUNT] = "SELECT count(*), coalesce(sum(v.state IN ('queued', 'ingesting')), 0), "
		    "coalesce(sum(v.state IN ('failed', 'cancelled')), 0) FROM document_version v "
		    "WHERE v.document_id IN " FAMILY " AND v.document_id <> ?1 AND v.seq = "
		    "(SELECT max(x.seq) FROM document_version x "
		    "WHERE x.document_id = v.document_id)",
	[Q_UNWANTED] = "SELECT 1 FROM document WHERE parent_id = ?1 AND part = ?2 "
		       "AND deleted_ms >= ?3 LIMIT 1",
	/* Those with other readers are not looked at: a number behind the name would tell of them.
	 */
	[Q_NAME_TAKEN] = "SELECT 1 FROM document WHERE collection_id = ?1 AND name = ?2 "
			 "AND deleted_ms IS NULL AND acl_set_n IS ?3 AND id IS NOT ?4 LIMIT 1",
	[Q_ADD] = "INSERT INTO document (id, workspace_id, collection_id, name, created_by, "
		  "created_ms, parent_id, part) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[Q_NTH] = "UPDATE document SET part = nullif(?2, 0) WHERE id = ?1",
};
SQL_TABLE(table, "index/catalog_parts", sql);

static struct stmt *with_id(struct db *db, int n, const struct id *id)
{
	struct stmt *q = db_stmt(db, &table, n);

	stmt_id(q, 1, id);
	return q;
}

/* ── who belongs to whom ── */

int document_family(
	struct db *db, struct arena *a, const struct id *id, struct id **out, int *n, struct err *e)
{
	struct rows rows = {.arena = a, .size = sizeof(struct id), .read = row_id};
	int rc = rows_all(with_id(db, Q_FAMILY, id), &rows, e);

	*out = rows.items;
	*n = rows.n;
	return rc;
}

int document_ancestry(struct db *db, const struct id *id, struct ancestry *out, struct err *e)
{
	struct stmt *q = with_id(db, Q_ANCESTRY, id);
	int rc = stmt_step(q, e);

	if (rc <= 0) {
		return rc < 0 ? rc : err_absent(e);
	}
	out->outermost = col_id(q, 0);
	out->depth = (int)col_int(q, 1);
	stmt_reset(q);
	q = with_id(db, Q_FAMILY_SIZE, &out->outermost);
	rc = stmt_step(q, e);
	out->n_family = rc == 1 ? col_int(q, 0) : 0;
	stmt_reset(q);
	return rc < 0 ? rc : 0;
}

static void read_part(struct stmt *q, struct arena *a, void *row)
{
	struct part *p = row;

	p->document = col_id(q, 0);
	p->name = arena_str(a, col_text(q, 1));
	p->latest = col_id(q, 2);
	p->seq = col_int(q, 3);
	p->blob_hash = arena_str(a, col_text(q, 4));
}

int document_parts(struct db *db, struct arena *a, const struct id *parent, struct part **out,
	int *n, struct err *e)
{
	struct rows rows = {.arena = a, .size = sizeof(struct part), .read = read_part};
	int rc = rows_all(with_id(db, Q_PARTS, parent), &rows, e);

	*out = rows.items;
	*n = rows.n;
	return rc;
}

int document_count_parts(struct db *db, const struct id *id, struct part_counts *out, struct err *e)
{
	struct stmt *q = with_id(db, Q_COUNT, id);
	int rc = stmt_step(q, e);

	*out = (struct part_counts){0};
	if (rc == 1) {
		*out = (struct part_counts){col_int(q, 0), col_int(q, 1), col_int(q, 2)};
		stmt_reset(q);
	}
	return rc < 0 ? rc : 0;
}

/* Whether the bound statement has a row. */
static int any(struct stmt *q, bool *out, struct err *e)
{
	int rc = stmt_step(q, e);

	*out = rc == 1;
	stmt_reset(q);
	return rc < 0 ? rc : 0;
}

int part_unwanted(
	struct db *db, const struct id *parent, int nth, int64_t since_ms, bool *out, struct err *e)
{
	struct stmt *q = with_id(db, Q_UNWANTED, parent);

	stmt_int(q, 2, nth);
	stmt_int(q, 3, since_ms);
	return any(q, out, e);
}

int part_name_taken(struct db *db, const struct document *parent, const char *name,
	const struct id *but, bool *out, struct err *e)
{
	struct stmt *q = with_id(db, Q_NAME_TAKEN, &parent->collection);

	stmt_text(q, 2, name);
	if (parent->acl_set_n) {
		stmt_int(q, 3, parent->acl_set_n);
	}
	stmt_id(q, 4, but);
	return any(q, out, e);
}

/* ── changes ── */

int part_add(struct db *db, const struct document *parent, const char *name, int nth,
	const struct blob_info *blob, struct id *document, struct id *version, struct err *e)
{
	struct stmt *q;
	int rc;

	*document = id_create("doc");
	q = with_id(db, Q_ADD, document);
	stmt_id(q, 2, &parent->workspace);
	stmt_id(q, 3, &parent->collection);
	stmt_text(q, 4, name);
	stmt_text(q, 5, parent->created_by);
	stmt_int(q, 6, clock_wall_ms());
	stmt_id(q, 7, &parent->id);
	stmt_int(q, 8, nth);
	rc = stmt_run(q, e);
	if (rc == 0) {
		rc = acl_follow(db, document, &parent->id, e);
	}
	return rc ? rc
		  : version_add(db, &parent->workspace, document, 1, blob, parent->created_by,
			    version, e);
}

int part_add_version(struct db *db, const struct document *parent, const struct part *p,
	const struct blob_info *blob, struct id *version, struct err *e)
{
	return version_add(db, &parent->workspace, &p->document, p->seq + 1, blob,
		parent->created_by, version, e);
}

int part_is_nth(struct db *db, const struct id *part, int nth, struct err *e)
{
	struct stmt *q = with_id(db, Q_NTH, part);

	stmt_int(q, 2, nth);
	return row_change(db, q, e);
}
