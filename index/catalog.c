#include "index/catalog.h"

#include <string.h>

#include "index/base/clock.h"
#include "index/catalog_rows.h"
#include "index/chunks.h"
#include "index/fts.h"

enum {
	Q_WORKSPACE_ADD,
	Q_WORKSPACE,
	Q_WORKSPACE_NAME,
	Q_WORKSPACES,
	Q_COLLECTION_ADD,
	Q_COLLECTION,
	Q_COLLECTION_NAME,
	Q_COLLECTIONS,
	Q_COLLECTION_RENAME,
	Q_COLLECTION_DELETE,
	Q_COLLECTION_DOCUMENTS,
	Q_COLLECTION_COUNT,
	Q_ATTACH,
	Q_ATTACHED,
	Q_IS_ATTACHMENT,
	Q_AUDIT_ADD,
	Q_AUDIT,
};

#define WORKSPACE_COLUMNS "id, n, name, created_ms"
/* Those that hold attachments are found by collection_attached alone. */
#define SHOWN "c.deleted_ms IS NULL AND c.conversation_id IS NULL"
#define ENTERED                                                                                    \
	"EXISTS (SELECT 1 FROM acl_entry e WHERE e.object_id = c.id "                              \
	"AND e.principal IN (SELECT value FROM json_each(?3)))"
#define COLLECTION_COLUMNS "c.id, c.workspace_id, c.name, c.created_by, c.created_ms"

static const char *const sql[] = {
	[Q_WORKSPACE_ADD] = "INSERT INTO workspace (id, name, created_ms) VALUES (?1, ?2, ?3)",
	[Q_WORKSPACE] = "SELECT " WORKSPACE_COLUMNS " FROM workspace WHERE id = ?1",
	[Q_WORKSPACE_NAME] = "SELECT " WORKSPACE_COLUMNS " FROM workspace WHERE name = ?1",
	[Q_WORKSPACES] = "SELECT " WORKSPACE_COLUMNS " FROM workspace ORDER BY n",
	[Q_COLLECTION_ADD] =
		"INSERT INTO collection (id, workspace_id, name, created_by, created_ms) "
		"VALUES (?1, ?2, ?3, ?4, ?5)",
	[Q_COLLECTION] = "SELECT " COLLECTION_COLUMNS ", 0 FROM collection c "
			 "WHERE c.workspace_id = ?1 AND c.id = ?2 AND " SHOWN,
	/* ?3: the asker's principals, ?4: sees every name, ?5: not this one */
	[Q_COLLECTION_NAME] =
		"SELECT " COLLECTION_COLUMNS ", 0 FROM collection c "
		"WHERE c.workspace_id = ?1 AND c.name = ?2 AND c.id IS NOT ?5 AND " SHOWN " "
		"AND (?4 OR " ENTERED ") ORDER BY " ENTERED " DESC, c.id LIMIT 1",
	/* ?2: the asker's principals, ?3: sees every name, ?4: reads every document, ?5: this one.
	 */
	[Q_COLLECTIONS] =
		"SELECT " COLLECTION_COLUMNS
		", (SELECT count(*) FROM document d WHERE d.collection_id = c.id "
		"AND d.deleted_ms IS NULL AND (?4 OR EXISTS (SELECT 1 FROM acl_entry e "
		"WHERE e.object_id = CASE d.own_acl WHEN 1 THEN d.id ELSE c.id END "
		"AND e.principal IN (SELECT value FROM json_each(?2))))) "
		"FROM collection c WHERE c.workspace_id = ?1 AND " SHOWN " "
		"AND (?5 IS NULL OR c.id = ?5) "
		"AND (?3 OR EXISTS (SELECT 1 FROM acl_entry e WHERE e.object_id = c.id "
		"AND e.principal IN (SELECT value FROM json_each(?2)))) ORDER BY c.name, c.id",
	[Q_COLLECTION_RENAME] = "UPDATE collection AS c SET name = ?3 "
				"WHERE workspace_id = ?1 AND id = ?2 AND " SHOWN,
	[Q_COLLECTION_DELETE] = "UPDATE collection SET deleted_ms = ?3 "
				"WHERE workspace_id = ?1 AND id = ?2 AND deleted_ms IS NULL",
	/* The others came inside of these, and go with them. */
	[Q_COLLECTION_DOCUMENTS] = "SELECT id FROM document WHERE collection_id = ?1 "
				   "AND deleted_ms IS NULL AND parent_id IS NULL",
	[Q_COLLECTION_COUNT] = "SELECT count(*) FROM document "
			       "WHERE collection_id = ?1 AND deleted_ms IS NULL",
	[Q_ATTACH] = "INSERT INTO collection (id, workspace_id, name, created_by, created_ms, "
		     "conversation_id) VALUES (?1, ?2, '', ?3, ?4, ?5)",
	[Q_ATTACHED] =
		"SELECT id FROM collection WHERE conversation_id = ?1 AND deleted_ms IS NULL",
	[Q_IS_ATTACHMENT] = "SELECT 1 FROM document d JOIN collection c ON c.id = d.collection_id "
			    "WHERE d.id = ?1 AND c.conversation_id IS NOT NULL",
	[Q_AUDIT_ADD] = "INSERT INTO audit (workspace_id, at_ms, actor, action, object, detail) "
			"VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[Q_AUDIT] = "SELECT n, at_ms, actor, action, object, detail FROM audit "
		    "WHERE workspace_id = ?1 AND n < ?2 ORDER BY n DESC LIMIT ?3",
};
SQL_TABLE(table, "index/catalog", sql);

/* ── workspaces ── */

static void read_workspace(struct stmt *q, struct arena *a, void *row)
{
	struct workspace *w = row;

	w->id = col_id(q, 0);
	w->n = col_int(q, 1);
	w->name = arena_str(a, col_text(q, 2));
	w->created_ms = col_int(q, 3);
}

int workspace_create(struct db *db, const char *name, struct id *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_WORKSPACE_ADD);
	int rc;

	*out = id_create("ws");
	stmt_id(q, 1, out);
	stmt_text(q, 2, name);
	stmt_int(q, 3, clock_wall_ms());
	rc = stmt_run(q, e);
	if (rc == ERR_CONFLICT) {
		return err_replace(
			e, rc, "name_taken", "there is a workspace '%.200s' already", name);
	}
	return rc == 0 ? fts_create(db, db_last_rowid(db), e) : rc;
}

int workspace_lookup(
	struct db *db, struct arena *a, const struct id *id, struct workspace *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_WORKSPACE);

	stmt_id(q, 1, id);
	return row_one(q, a, read_workspace, out, e);
}

int workspace_by_name(
	struct db *db, struct arena *a, const char *name, struct workspace *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_WORKSPACE_NAME);

	stmt_text(q, 1, name);
	return row_one(q, a, read_workspace, out, e);
}

int workspace_list(struct db *db, struct arena *a, struct workspace **out, int *n, struct err *e)
{
	struct rows rows = {.arena = a, .size = sizeof(struct workspace), .read = read_workspace};
	int rc = rows_all(db_stmt(db, &table, Q_WORKSPACES), &rows, e);

	*out = rows.items;
	*n = rows.n;
	return rc;
}

/* ── collections ── */

static void read_collection(struct stmt *q, struct arena *a, void *row)
{
	struct collection *c = row;

	c->id = col_id(q, 0);
	c->workspace = col_id(q, 1);
	c->name = arena_str(a, col_text(q, 2));
	c->created_by = arena_str(a, col_text(q, 3));
	c->created_ms = col_int(q, 4);
	c->n_documents = col_int(q, 5);
}

int collection_create(struct db *db, const struct id *workspace, const char *name,
	const char *created_by, struct id *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_COLLECTION_ADD);
	struct acl_entry owner = {.right = RIGHT_OWN};
	int rc;

	*out = id_create("col");
	stmt_id(q, 1, out);
	stmt_id(q, 2, workspace);
	stmt_text(q, 3, name);
	stmt_text(q, 4, created_by);
	stmt_int(q, 5, clock_wall_ms());
	rc = stmt_run(q, e);
	if (rc != 0 || strncmp(created_by, "usr_", 4) != 0) {
		return rc;
	}
	strncpy(owner.principal, created_by, ID_SIZE - 1);
	return acl_replace(db, workspace, out, &owner, 1, e);
}

int collection_lookup(struct db *db, struct arena *a, const struct id *workspace,
	const struct id *id, struct collection *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_COLLECTION);

	stmt_id(q, 1, workspace);
	stmt_id(q, 2, id);
	return row_one(q, a, read_collection, out, e);
}

static bool sees_every_name(const struct asker *who)
{
	return who->reads_all || who->role != ROLE_MEMBER;
}

static struct stmt *named(
	struct db *db, const struct asker *who, const char *name, const struct id *but)
{
	struct stmt *q = db_stmt(db, &table, Q_COLLECTION_NAME);

	stmt_id(q, 1, &who->workspace);
	stmt_text(q, 2, name);
	stmt_text(q, 3, who->principals_json);
	stmt_int(q, 4, sees_every_name(who));
	stmt_text(q, 5, but ? but->s : NULL);
	return q;
}

int collection_by_name(struct db *db, struct arena *a, const struct asker *who, const char *name,
	struct collection *out, struct err *e)
{
	return row_one(named(db, who, name, NULL), a, read_collection, out, e);
}

int collection_name_free(struct db *db, const struct asker *who, const char *name,
	const struct id *id, struct err *e)
{
	struct stmt *q = named(db, who, name, id);
	int rc = stmt_step(q, e);

	stmt_reset(q);
	return rc == 1 ? err_set(e, ERR_CONFLICT, "name_taken",
				 "there is a collection '%.200s' already", name)
		       : rc;
}

static struct stmt *seen_by(struct db *db, const struct asker *who)
{
	struct stmt *q = db_stmt(db, &table, Q_COLLECTIONS);

	stmt_id(q, 1, &who->workspace);
	stmt_text(q, 2, who->principals_json);
	stmt_int(q, 3, sees_every_name(who));
	stmt_int(q, 4, who->reads_all);
	return q;
}

int collection_list(struct db *db, struct arena *a, const struct asker *who,
	struct collection **out, int *n, struct err *e)
{
	struct rows rows = {.arena = a, .size = sizeof(struct collection), .read = read_collection};
	int rc = rows_all(seen_by(db, who), &rows, e);

	*out = rows.items;
	*n = rows.n;
	return rc;
}

int collection_show(struct db *db, struct arena *a, const struct asker *who, const struct id *id,
	struct collection *out, struct err *e)
{
	struct stmt *q = seen_by(db, who);

	stmt_text(q, 5, id->s);
	return row_one(q, a, read_collection, out, e);
}

int collection_rename(struct db *db, const struct id *workspace, const struct id *id,
	const char *name, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_COLLECTION_RENAME);

	stmt_id(q, 1, workspace);
	stmt_id(q, 2, id);
	stmt_text(q, 3, name);
	return row_change(db, q, e);
}

int collection_delete(struct db *db, const struct id *workspace, const struct id *id,
	const char *actor, int64_t *n_documents, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_COLLECTION_DELETE);
	struct rows rows = {.size = sizeof(struct id), .read = row_id};
	struct arena a;
	int rc;

	*n_documents = 0;
	stmt_id(q, 1, workspace);
	stmt_id(q, 2, id);
	stmt_int(q, 3, clock_wall_ms());
	rc = row_change(db, q, e);
	if (rc != 0) {
		return rc;
	}
	q = db_stmt(db, &table, Q_COLLECTION_COUNT);
	stmt_id(q, 1, id);
	rc = stmt_step(q, e);
	*n_documents = rc == 1 ? col_int(q, 0) : 0;
	stmt_reset(q);
	if (rc < 0) {
		return rc;
	}
	arena_init(&a);
	rows.arena = &a;
	q = db_stmt(db, &table, Q_COLLECTION_DOCUMENTS);
	stmt_id(q, 1, id);
	rc = rows_all(q, &rows, e);
	for (int i = 0; rc == 0 && i < rows.n; i++) {
		rc = document_delete(db, &((struct id *)rows.items)[i], e);
	}
	arena_finish(&a);
	return rc ? rc : audit_add(db, workspace, actor, "collection.delete", id->s, "{}", e);
}

int collection_attached(struct db *db, const struct id *conversation, struct id *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_ATTACHED);
	int rc;

	stmt_id(q, 1, conversation);
	rc = stmt_step(q, e);
	*out = rc == 1 ? col_id(q, 0) : (struct id){""};
	stmt_reset(q);
	return rc < 0 ? rc : 0;
}

int document_is_attachment(struct db *db, const struct id *document, bool *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_IS_ATTACHMENT);
	int rc;

	stmt_id(q, 1, document);
	rc = stmt_step(q, e);
	stmt_reset(q);
	*out = rc != 0;
	return rc < 0 ? rc : 0;
}

int collection_attach(struct db *db, const struct id *workspace, const struct id *conversation,
	const struct id *owner, struct id *out, struct err *e)
{
	struct acl_entry entry = {.right = RIGHT_OWN};
	struct stmt *q;
	int rc = collection_attached(db, conversation, out, e);

	if (rc != 0 || !id_empty(out)) {
		return rc;
	}
	*out = id_create("col");
	q = db_stmt(db, &table, Q_ATTACH);
	stmt_id(q, 1, out);
	stmt_id(q, 2, workspace);
	stmt_id(q, 3, owner);
	stmt_int(q, 4, clock_wall_ms());
	stmt_id(q, 5, conversation);
	rc = stmt_run(q, e);
	memcpy(entry.principal, owner->s, ID_SIZE);
	return rc == 0 ? acl_replace(db, workspace, out, &entry, 1, e) : rc;
}

/* ── audit ── */

int audit_add(struct db *db, const struct id *workspace, const char *actor, const char *action,
	const char *object, const char *detail, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_AUDIT_ADD);

	stmt_text(q, 1, workspace && !id_empty(workspace) ? workspace->s : NULL);
	stmt_int(q, 2, clock_wall_ms());
	stmt_text(q, 3, actor);
	stmt_text(q, 4, action);
	stmt_text(q, 5, object);
	stmt_text(q, 6, detail);
	return stmt_run(q, e);
}

static void read_audit(struct stmt *q, struct arena *a, void *row)
{
	struct audit *u = row;

	u->n = col_int(q, 0);
	u->at_ms = col_int(q, 1);
	u->actor = arena_str(a, col_text(q, 2));
	u->action = arena_str(a, col_text(q, 3));
	u->object = arena_str(a, col_text(q, 4));
	u->detail = arena_str(a, col_text(q, 5));
}

int audit_list(struct db *db, struct arena *a, const struct id *workspace, int64_t before,
	int limit, struct audit **out, int *n, struct err *e)
{
	struct rows rows = {.arena = a, .size = sizeof(struct audit), .read = read_audit};
	struct stmt *q = db_stmt(db, &table, Q_AUDIT);
	int rc;

	stmt_id(q, 1, workspace);
	stmt_int(q, 2, before);
	stmt_int(q, 3, limit);
	rc = rows_all(q, &rows, e);
	*out = rows.items;
	*n = rows.n;
	return rc;
}
