/* What came inside of a document has that one's entries (index/acl.h). They are copied, so that
 * every question about a document is answered by its own row and entries alone. */
#include "index/acl.h"
#include "index/catalog.h"

enum { Q_DROP, Q_COPY, Q_OWN_ACL };

static const char *const sql[] = {
	[Q_DROP] = "DELETE FROM acl_entry WHERE object_id = ?1",
	[Q_COPY] = "INSERT INTO acl_entry (object_id, principal, workspace_id, right) "
		   "SELECT ?1, principal, workspace_id, right FROM acl_entry WHERE object_id = ?2",
	[Q_OWN_ACL] = "UPDATE document SET own_acl = (SELECT own_acl FROM document WHERE id = ?2) "
		      "WHERE id = ?1",
};
SQL_TABLE(table, "index/acl_parts", sql);

int acl_follow(struct db *db, const struct id *part, const struct id *document, struct err *e)
{
	int rc = 0;

	for (int i = Q_DROP; rc == 0 && i <= Q_OWN_ACL; i++) {
		struct stmt *q = db_stmt(db, &table, i);

		stmt_id(q, 1, part);
		if (i != Q_DROP) {
			stmt_id(q, 2, document);
		}
		rc = stmt_run(q, e);
	}
	return rc ? rc : acl_intern(db, part, e);
}

int acl_follow_all(struct db *db, const struct id *document, struct err *e)
{
	struct arena a;
	struct id *family;
	int n, rc;

	arena_init(&a);
	rc = document_family(db, &a, document, &family, &n, e);
	for (int i = 1; rc == 0 && i < n; i++) {
		rc = acl_follow(db, &family[i], document, e);
	}
	arena_finish(&a);
	return rc;
}
