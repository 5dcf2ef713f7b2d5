#include "index/acl.h"

#include <stdlib.h>
#include <string.h>

#include "index/base/buf.h"
#include "index/base/hash.h"

enum {
	Q_USER,
	Q_GROUPS_OF,
	Q_WORKSPACE,
	Q_COLLECTION,
	Q_DOCUMENT,
	Q_VERSION_DOCUMENT,
	Q_CHUNK_DOCUMENT,
	Q_ENTRIES,
	Q_USER_THERE,
	Q_GROUP_THERE,
	Q_ENTRIES_DELETE,
	Q_ENTRY_ADD,
	Q_OWN_ACL,
	Q_EPOCH,
	Q_INHERITING,
	Q_HOLDS_ATTACHMENTS,
	Q_SETTLED_ATTACHMENT,
	Q_IS_PART,
};

static const char *const sql[] = {
	[Q_USER] = "SELECT u.workspace_id, w.n, u.role FROM user u "
		   "JOIN workspace w ON w.id = u.workspace_id "
		   "WHERE u.id = ?1 AND u.disabled_ms IS NULL",
	[Q_GROUPS_OF] = "SELECT group_id FROM membership WHERE user_id = ?1 AND workspace_id = ?2",
	[Q_WORKSPACE] = "SELECT n FROM workspace WHERE id = ?1",
	/* Where an object's rights stand: the id whose entries count. */
	[Q_COLLECTION] = "SELECT id FROM collection "
			 "WHERE id = ?1 AND workspace_id = ?2 AND deleted_ms IS NULL",
	[Q_DOCUMENT] = "SELECT CASE d.own_acl WHEN 1 THEN d.id ELSE d.collection_id END "
		       "FROM document d JOIN collection c ON c.id = d.collection_id "
		       "WHERE d.id = ?1 AND d.workspace_id = ?2 AND d.deleted_ms IS NULL "
		       "AND c.workspace_id = ?2 AND c.deleted_ms IS NULL",
	[Q_VERSION_DOCUMENT] = "SELECT document_id FROM document_version "
			       "WHERE id = ?1 AND workspace_id = ?2",
	[Q_CHUNK_DOCUMENT] = "SELECT document_id FROM chunk WHERE id = ?1 AND workspace_id = ?2",
	[Q_ENTRIES] =
		"SELECT principal, right FROM acl_entry WHERE object_id = ?1 ORDER BY principal",
	[Q_USER_THERE] = "SELECT 1 FROM user WHERE id = ?1 AND workspace_id = ?2",
	[Q_GROUP_THERE] = "SELECT 1 FROM \"group\" WHERE id = ?1 AND workspace_id = ?2",
	[Q_ENTRIES_DELETE] = "DELETE FROM acl_entry WHERE object_id = ?1",
	[Q_ENTRY_ADD] = "INSERT INTO acl_entry (object_id, principal, workspace_id, right) "
			"VALUES (?1, ?2, ?3, ?4)",
	[Q_OWN_ACL] = "UPDATE document SET own_acl = ?2 WHERE id = ?1",
	[Q_EPOCH] = "UPDATE workspace SET acl_epoch = acl_epoch + 1 WHERE id = ?1",
	[Q_INHERITING] = "SELECT id FROM document "
			 "WHERE collection_id = ?1 AND own_acl = 0 AND deleted_ms IS NULL",
	[Q_HOLDS_ATTACHMENTS] =
		"SELECT 1 FROM collection WHERE id = ?1 AND conversation_id IS NOT NULL",
	/* An attachment, or the collection of some whose entries stand already. */
	[Q_SETTLED_ATTACHMENT] =
		"SELECT 1 FROM collection c WHERE c.conversation_id IS NOT NULL AND "
		"((c.id = ?1 AND EXISTS (SELECT 1 FROM acl_entry WHERE object_id = ?1)) "
		"OR c.id = (SELECT collection_id FROM document WHERE id = ?1))",
	[Q_IS_PART] = "SELECT 1 FROM document WHERE id = ?1 AND parent_id IS NOT NULL",
};
SQL_TABLE(table, "index/acl", sql);

/* ── names ── */

static const char *const right_names[] = {"none", "read", "write", "own"};
static const char *const role_names[] = {"member", "admin", "operator"};

const char *right_name(enum right r)
{
	return right_names[r];
}

int right_parse(const char *name)
{
	for (int r = RIGHT_READ; name && r <= RIGHT_OWN; r++) {
		if (strcmp(name, right_names[r]) == 0) {
			return r;
		}
	}
	return -1;
}

const char *role_name(enum role r)
{
	return role_names[r];
}

int role_parse(const char *name)
{
	for (int r = ROLE_MEMBER; name && r <= ROLE_OPERATOR; r++) {
		if (strcmp(name, role_names[r]) == 0) {
			return r;
		}
	}
	return -1;
}

/* ── who asks ── */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Ids hold nothing that JSON escapes. */
static void describe(struct arena *a, struct asker *who)
{
	struct buf b = BUF_INIT;

	buf_char(&b, '[');
	for (int i = 0; i < who->n_principals; i++) {
		buf_printf(&b, "%s\"%s\"", i ? "," : "", who->principals[i]);
	}
	buf_char(&b, ']');
	who->principals_json = arena_strn(a, b.data, b.len);
	buf_printf(&b, "%s%s", who->workspace.s, who->reads_all ? " all" : "");
	hash_blake2b_hex(b.data, b.len, who->key);
	buf_finish(&b);
}

/* The user's groups, the user and everybody, sorted. */
static int list_principals(struct db *db, struct arena *a, struct asker *who, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_GROUPS_OF);
	const char **list = arena_array(a, const char *, 8);
	int n = 0, capacity = 8, rc;

	stmt_id(q, 1, &who->user);
	stmt_id(q, 2, &who->workspace);
	list[n++] = arena_str(a, who->user.s);
	list[n++] = "workspace";
	while ((rc = stmt_step(q, e)) == 1) {
		if (n == capacity) {
			const char **more = arena_array(a, const char *, (size_t)capacity * 2);

			memcpy(more, list, (size_t)n * sizeof(*list));
			list = more;
			capacity *= 2;
		}
		list[n++] = arena_str(a, col_text(q, 0));
	}
	qsort(list, (size_t)n, sizeof(*list), by_text);
	who->principals = list;
	who->n_principals = n;
	return rc;
}

int acl_asker(
	struct db *db, struct arena *a, const struct id *user, struct asker *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_USER);
	int rc;

	memset(out, 0, sizeof(*out));
	stmt_id(q, 1, user);
	rc = stmt_step(q, e);
	if (rc <= 0) {
		return rc < 0 ? rc : err_set(e, ERR_AUTH, "unauthenticated", "sign in first");
	}
	out->user = *user;
	out->workspace = col_id(q, 0);
	out->workspace_n = col_int(q, 1);
	out->role = (enum role)col_int(q, 2);
	stmt_reset(q);
	rc = list_principals(db, a, out, e);
	if (rc != 0) {
		return rc;
	}
	describe(a, out);
	return 0;
}

int acl_operator(struct db *db, struct arena *a, const struct id *workspace, struct asker *out,
	struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_WORKSPACE);
	int rc;

	memset(out, 0, sizeof(*out));
	stmt_id(q, 1, workspace);
	rc = stmt_step(q, e);
	if (rc <= 0) {
		return rc < 0 ? rc : err_absent(e);
	}
	out->workspace = *workspace;
	out->workspace_n = col_int(q, 0);
	out->role = ROLE_OPERATOR;
	out->reads_all = true;
	stmt_reset(q);
	describe(a, out);
	return 0;
}

/* ── may ── */

static bool is_principal(const struct asker *who, const char *principal)
{
	return who->n_principals > 0 &&
	       bsearch(&principal, who->principals, (size_t)who->n_principals,
		       sizeof(*who->principals), by_text);
}

/* The first column of a row of statement n for (id, workspace); an empty id where there is none. */
static int resolve(struct db *db, int n, const struct id *id, const struct id *workspace,
	struct id *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, n);
	int rc;

	*out = (struct id){""};
	stmt_id(q, 1, id);
	stmt_id(q, 2, workspace);
	rc = stmt_step(q, e);
	if (rc == 1) {
		*out = col_id(q, 0);
		stmt_reset(q);
	}
	return rc < 0 ? rc : 0;
}

/* The collection or document whose entries say who may do what to the object. */
static int find_holder(struct db *db, const struct asker *who, const struct id *object,
	struct id *holder, struct err *e)
{
	struct id document = *object;
	int rc = 0;

	*holder = (struct id){""};
	if (strncmp(object->s, "col_", 4) == 0) {
		return resolve(db, Q_COLLECTION, object, &who->workspace, holder, e);
	}
	if (strncmp(object->s, "ver_", 4) == 0) {
		rc = resolve(db, Q_VERSION_DOCUMENT, object, &who->workspace, &document, e);
	} else if (strncmp(object->s, "chk_", 4) == 0) {
		rc = resolve(db, Q_CHUNK_DOCUMENT, object, &who->workspace, &document, e);
	} else if (strncmp(object->s, "doc_", 4) != 0) {
		return 0;
	}
	if (rc != 0 || id_empty(&document)) {
		return rc;
	}
	return resolve(db, Q_DOCUMENT, &document, &who->workspace, holder, e);
}

/* Whether statement n has a row for the id. */
static int has_row(struct db *db, int n, const struct id *id, bool *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, n);
	int rc;

	stmt_id(q, 1, id);
	rc = stmt_step(q, e);
	stmt_reset(q);
	*out = rc == 1;
	return rc < 0 ? rc : 0;
}

int acl_holder_right(struct db *db, const struct asker *who, const struct id *holder,
	enum right *out, struct err *e)
{
	struct stmt *q;
	bool attachments;
	int rc;

	*out = RIGHT_NONE;
	if (who->reads_all) {
		rc = has_row(db, Q_HOLDS_ATTACHMENTS, holder, &attachments, e);
		*out = rc == 0 && !attachments ? RIGHT_OWN : RIGHT_NONE;
		return rc;
	}
	q = db_stmt(db, &table, Q_ENTRIES);
	stmt_id(q, 1, holder);
	while ((rc = stmt_step(q, e)) == 1) {
		enum right r = (enum right)col_int(q, 1);

		if (r > *out && is_principal(who, col_text(q, 0))) {
			*out = r;
		}
	}
	return rc;
}

static int find_right(struct db *db, const struct asker *who, const struct id *object,
	enum right *out, struct err *e)
{
	struct id holder;
	int rc = find_holder(db, who, object, &holder, e);

	*out = RIGHT_NONE;
	if (rc != 0 || id_empty(&holder)) {
		return rc;
	}
	return acl_holder_right(db, who, &holder, out, e);
}

enum right acl_right(struct db *db, const struct asker *who, const struct id *object)
{
	enum right r;

	return find_right(db, who, object, &r, NULL) == 0 ? r : RIGHT_NONE;
}

int acl_may(struct db *db, const struct asker *who, const struct id *object, enum right right,
	struct err *e)
{
	enum right has;
	int rc = find_right(db, who, object, &has, e);

	ASSERT(right > RIGHT_NONE);
	if (rc != 0) {
		return rc;
	}
	return has >= right ? 0 : err_absent(e);
}

/* ── entries ── */

int acl_list(struct db *db, struct arena *a, const struct id *object, struct acl_entry **out,
	int *n, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_ENTRIES);
	int capacity = 8, rc;

	*n = 0;
	*out = arena_array(a, struct acl_entry, (size_t)capacity);
	stmt_id(q, 1, object);
	while ((rc = stmt_step(q, e)) == 1) {
		if (*n == capacity) {
			struct acl_entry *more =
				arena_array(a, struct acl_entry, (size_t)capacity * 2);

			memcpy(more, *out, (size_t)*n * sizeof(**out));
			*out = more;
			capacity *= 2;
		}
		strncpy((*out)[*n].principal, col_text(q, 0), ID_SIZE - 1);
		(*out)[(*n)++].right = (enum right)col_int(q, 1);
	}
	return rc;
}

/* A user or group of the workspace, or the workspace. */
static int check_principal(
	struct db *db, const struct id *workspace, const char *principal, struct err *e)
{
	struct id id = id_parse(NULL, principal);
	int n = strncmp(principal, "grp_", 4) == 0 ? Q_GROUP_THERE : Q_USER_THERE;
	struct stmt *q;
	int rc;

	if (strcmp(principal, "workspace") == 0) {
		return 0;
	}
	q = db_stmt(db, &table, n);
	stmt_id(q, 1, &id);
	stmt_id(q, 2, workspace);
	rc = stmt_step(q, e);
	stmt_reset(q);
	if (rc < 0) {
		return rc;
	}
	return rc == 1 ? 0
		       : err_set(e, ERR_INVALID, "unknown_principal",
				 "'%.31s' is no user or group of this workspace", principal);
}

static int check_entries(struct db *db, const struct id *workspace, const struct acl_entry *entries,
	int n, struct err *e)
{
	for (int i = 0; i < n; i++) {
		int rc;

		if (entries[i].right < RIGHT_READ || entries[i].right > RIGHT_OWN) {
			return err_set(
				e, ERR_INVALID, "bad_right", "a right is read, write or own");
		}
		for (int k = 0; k < i; k++) {
			if (strcmp(entries[i].principal, entries[k].principal) == 0) {
				return err_set(e, ERR_INVALID, "repeated_principal",
					"'%s' is named twice", entries[i].principal);
			}
		}
		rc = check_principal(db, workspace, entries[i].principal, e);
		if (rc != 0) {
			return rc;
		}
	}
	return 0;
}

static int write_entries(struct db *db, const struct id *workspace, const struct id *object,
	const struct acl_entry *entries, int n, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_ENTRIES_DELETE);
	int rc;

	stmt_id(q, 1, object);
	rc = stmt_run(q, e);
	for (int i = 0; rc == 0 && i < n; i++) {
		q = db_stmt(db, &table, Q_ENTRY_ADD);
		stmt_id(q, 1, object);
		stmt_text(q, 2, entries[i].principal);
		stmt_id(q, 3, workspace);
		stmt_int(q, 4, entries[i].right);
		rc = stmt_run(q, e);
	}
	return rc;
}

/* All documents of the collection that have its entries. */
static int intern_inheriting(struct db *db, const struct id *collection, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_INHERITING);
	struct arena a;
	struct id *ids;
	int n = 0, capacity = 64, rc;

	arena_init(&a);
	ids = arena_array(&a, struct id, (size_t)capacity);
	stmt_id(q, 1, collection);
	while ((rc = stmt_step(q, e)) == 1) {
		if (n == capacity) {
			struct id *more = arena_array(&a, struct id, (size_t)capacity * 2);

			memcpy(more, ids, (size_t)n * sizeof(*ids));
			ids = more;
			capacity *= 2;
		}
		ids[n++] = col_id(q, 0);
	}
	for (int i = 0; rc == 0 && i < n; i++) {
		rc = acl_intern(db, &ids[i], e);
	}
	arena_finish(&a);
	return rc;
}

/* Whether the object's entries may change at all. */
static int check_own(struct db *db, const struct id *object, struct err *e)
{
	bool settled, part;
	int rc = has_row(db, Q_SETTLED_ATTACHMENT, object, &settled, e);

	if (rc == 0 && settled) {
		return err_set(e, ERR_CONFLICT, "attachment",
			"What is attached to a conversation is its owner's alone: put it into a "
			"collection to share it.");
	}
	if (rc == 0) {
		rc = has_row(db, Q_IS_PART, object, &part, e);
	}
	if (rc == 0 && part) {
		return err_set(e, ERR_CONFLICT, "part_of_document",
			"This came inside of another document, and whoever may read that one may "
			"read this: change who may read that one.");
	}
	return rc;
}

/* The document has (n >= 0) or has not entries of its own; what came inside of it likewise. */
static int settle_document(struct db *db, const struct id *document, int n, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_OWN_ACL);
	int rc;

	stmt_id(q, 1, document);
	stmt_int(q, 2, n >= 0);
	rc = stmt_run(q, e);
	if (rc == 0) {
		rc = acl_intern(db, document, e);
	}
	return rc ? rc : acl_follow_all(db, document, e);
}

int acl_replace(struct db *db, const struct id *workspace, const struct id *object,
	const struct acl_entry *entries, int n, struct err *e)
{
	bool document = strncmp(object->s, "doc_", 4) == 0;
	struct id holder;
	struct stmt *q;
	int rc;

	rc = resolve(db, document ? Q_DOCUMENT : Q_COLLECTION, object, workspace, &holder, e);
	if (rc != 0) {
		return rc;
	}
	if (id_empty(&holder)) {
		return err_absent(e);
	}
	if (n < 0 && !document) {
		return err_set(e, ERR_INVALID, "no_parent", "a collection inherits from nothing");
	}
	rc = check_own(db, object, e);
	if (rc == 0) {
		rc = check_entries(db, workspace, entries, n, e);
	}
	if (rc == 0) {
		rc = write_entries(db, workspace, object, entries, n, e);
	}
	if (rc == 0) {
		rc = document ? settle_document(db, object, n, e)
			      : intern_inheriting(db, object, e);
	}
	if (rc == 0) {
		q = db_stmt(db, &table, Q_EPOCH);
		stmt_id(q, 1, workspace);
		rc = stmt_run(q, e);
	}
	return rc;
}
