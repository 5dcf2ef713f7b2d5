#include "chat/accounts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/clock.h"
#include "index/base/hash.h"
#include "index/base/utf8.h"

#define NAME_MAX_BYTES 64
#define DISPLAY_MAX_BYTES 200

enum {
	Q_SIGN_IN_POSSIBLE,
	Q_BOOTSTRAP_SET,
	Q_BOOTSTRAP,
	Q_BOOTSTRAP_TAKE,
	Q_USER_ADD,
	Q_USER,
	Q_USER_NAME,
	Q_USERS,
	Q_USER_CHANGE,
	Q_OPERATORS,
	Q_SESSIONS_END,
	Q_GROUP_ADD,
	Q_GROUP,
	Q_GROUP_NAME,
	Q_GROUPS,
	Q_GROUP_RENAME,
	Q_GROUP_USED,
	Q_GROUP_DELETE,
	Q_MEMBERS,
	Q_JOIN,
	Q_LEAVE,
	Q_GROUPS_OF,
};

#define USER_COLUMNS                                                                               \
	"u.id, u.workspace_id, u.name, u.display_name, u.role, u.disabled_ms, u.created_ms"
#define GROUP_COLUMNS                                                                              \
	"g.id, g.name, g.created_ms, (SELECT count(*) FROM membership m WHERE m.group_id = g.id)"

static const char *const sql[] = {
	[Q_SIGN_IN_POSSIBLE] = "SELECT 1 FROM user WHERE role = 2 AND disabled_ms IS NULL LIMIT 1",
	[Q_BOOTSTRAP_SET] = "INSERT INTO instance (key, value) VALUES ('bootstrap_hash', ?1) "
			    "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
	[Q_BOOTSTRAP] = "SELECT 1 FROM instance WHERE key = 'bootstrap_hash' AND value = ?1",
	[Q_BOOTSTRAP_TAKE] = "DELETE FROM instance WHERE key = 'bootstrap_hash' AND value = ?1",
	[Q_USER_ADD] =
		"INSERT INTO user (id, workspace_id, name, display_name, password_hash, role, "
		"created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[Q_USER] = "SELECT " USER_COLUMNS " FROM user u WHERE u.id = ?1 AND u.workspace_id = ?2",
	[Q_USER_NAME] = "SELECT " USER_COLUMNS " FROM user u WHERE u.name = ?1 "
			"AND (?2 IS NULL OR u.workspace_id = ?2)",
	[Q_USERS] = "SELECT " USER_COLUMNS " FROM user u WHERE u.workspace_id = ?1 AND u.id > ?2 "
		    "ORDER BY u.id LIMIT ?3",
	[Q_USER_CHANGE] =
		"UPDATE user SET display_name = coalesce(?2, display_name), "
		"password_hash = coalesce(?3, password_hash), role = coalesce(?4, role), "
		"disabled_ms = CASE ?5 WHEN 1 THEN coalesce(disabled_ms, ?6) WHEN 0 THEN NULL "
		"ELSE disabled_ms END WHERE id = ?1",
	[Q_OPERATORS] = "SELECT count(*), coalesce(max(id = ?1), 0) FROM user "
			"WHERE role = 2 AND disabled_ms IS NULL",
	[Q_SESSIONS_END] = "UPDATE session SET revoked_ms = ?3 WHERE user_id = ?1 "
			   "AND revoked_ms IS NULL AND (?2 IS NULL OR id <> ?2)",
	[Q_GROUP_ADD] = "INSERT INTO \"group\" (id, workspace_id, name, created_ms) "
			"VALUES (?1, ?2, ?3, ?4)",
	[Q_GROUP] =
		"SELECT " GROUP_COLUMNS " FROM \"group\" g WHERE g.workspace_id = ?1 AND g.id = ?2",
	[Q_GROUP_NAME] = "SELECT " GROUP_COLUMNS
			 " FROM \"group\" g WHERE g.workspace_id = ?1 AND g.name = ?2",
	[Q_GROUPS] = "SELECT " GROUP_COLUMNS
		     " FROM \"group\" g WHERE g.workspace_id = ?1 ORDER BY g.name",
	[Q_GROUP_RENAME] = "UPDATE \"group\" SET name = ?3 WHERE workspace_id = ?1 AND id = ?2",
	[Q_GROUP_USED] =
		"SELECT count(*) FROM acl_entry WHERE workspace_id = ?1 AND principal = ?2",
	[Q_GROUP_DELETE] = "DELETE FROM \"group\" WHERE workspace_id = ?1 AND id = ?2",
	[Q_MEMBERS] = "SELECT " USER_COLUMNS " FROM membership m JOIN user u ON u.id = m.user_id "
		      "WHERE m.group_id = ?1 ORDER BY u.name",
	[Q_JOIN] = "INSERT INTO membership (group_id, user_id, workspace_id) SELECT g.id, u.id, ?1 "
		   "FROM \"group\" g, user u WHERE g.id = ?2 AND g.workspace_id = ?1 AND u.id = ?3 "
		   "AND u.workspace_id = ?1 ON CONFLICT DO NOTHING",
	[Q_LEAVE] =
		"DELETE FROM membership WHERE workspace_id = ?1 AND group_id = ?2 AND user_id = ?3",
	[Q_GROUPS_OF] =
		"SELECT " GROUP_COLUMNS " FROM \"group\" g JOIN membership m ON m.group_id = g.id "
		"WHERE m.user_id = ?1 ORDER BY g.name",
};
SQL_TABLE(table, "chat/accounts", sql);

/* Binds, steps to the end and says whether a row changed. */
static int run_changing(struct db *db, struct stmt *q, struct err *e)
{
	int rc = stmt_run(q, e);

	return rc ? rc : db_changes(db) > 0 ? 0 : err_absent(e);
}

/* ── the first operator ── */

/* 1: there is an active operator, 0: there is none; negative: an error. */
static int operator_exists(struct db *db, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_SIGN_IN_POSSIBLE);
	int rc = stmt_step(q, e);

	stmt_reset(q);
	return rc;
}

static int tx_bootstrap(struct db *db, void *arg, struct err *e)
{
	char *token = arg;
	char hex[HASH_HEX_SIZE];
	struct stmt *q;
	int rc = operator_exists(db, e);

	if (rc != 0) {
		token[0] = '\0';
		return rc < 0 ? rc : 0;
	}
	memcpy(token, "cb_", 3);
	secret_create(token + 3, SECRET_SIZE - 3, 32);
	hash_blake2b_hex(token, strlen(token), hex);
	q = db_stmt(db, &table, Q_BOOTSTRAP_SET);
	stmt_text(q, 1, hex);
	return stmt_run(q, e);
}

int accounts_bootstrap(struct store *s, char token[SECRET_SIZE], struct err *e)
{
	return store_write(s, tx_bootstrap, token, e);
}

/* One answer for a wrong token, a used one and one that an operator of the command line was before.
 */
static int wrong_token(struct err *e)
{
	return err_set(e, ERR_AUTH, "wrong_token",
		"That is not the one-time token that the server printed at its last start.");
}

int accounts_claimable(struct db *db, const char *token, struct err *e)
{
	char hex[HASH_HEX_SIZE];
	struct stmt *q;
	int rc = operator_exists(db, e);

	if (rc != 0) {
		return rc < 0 ? rc : wrong_token(e);
	}
	hash_blake2b_hex(token, strlen(token), hex);
	q = db_stmt(db, &table, Q_BOOTSTRAP);
	stmt_text(q, 1, hex);
	rc = stmt_step(q, e);
	stmt_reset(q);
	return rc < 0 ? rc : rc == 0 ? wrong_token(e) : 0;
}

int accounts_claim(struct db *db, const char *token, struct err *e)
{
	char hex[HASH_HEX_SIZE];
	struct stmt *q;
	int rc = accounts_claimable(db, token, e);

	if (rc) {
		return rc;
	}
	hash_blake2b_hex(token, strlen(token), hex);
	q = db_stmt(db, &table, Q_BOOTSTRAP_TAKE);
	stmt_text(q, 1, hex);
	return stmt_run(q, e);
}

/* ── users ── */

static void user_row(struct stmt *q, struct arena *a, struct user *out)
{
	*out = (struct user){
		.id = col_id(q, 0),
		.workspace = col_id(q, 1),
		.name = arena_str(a, col_text(q, 2)),
		.display_name = arena_str(a, col_text(q, 3)),
		.role = (enum role)col_int(q, 4),
		.disabled_ms = col_int(q, 5),
		.created_ms = col_int(q, 6),
	};
}

static int user_one(struct stmt *q, struct arena *a, struct user *out, struct err *e)
{
	int rc = stmt_step(q, e);

	if (rc < 0) {
		return rc;
	}
	if (rc == 0) {
		return err_absent(e);
	}
	user_row(q, a, out);
	stmt_reset(q);
	return 0;
}

static int user_rows(struct stmt *q, struct arena *a, struct user **out, int *n, struct err *e)
{
	int cap = 0;
	int rc;

	*n = 0;
	*out = NULL;
	while ((rc = stmt_step(q, e)) == 1) {
		if (*n == cap) {
			struct user *more =
				arena_array(a, struct user, (size_t)(cap ? cap * 2 : 16));

			if (cap) {
				memcpy(more, *out, (size_t)cap * sizeof(**out));
			}
			cap = cap ? cap * 2 : 16;
			*out = more;
		}
		user_row(q, a, &(*out)[(*n)++]);
	}
	return rc;
}

static int name_check(const char *name, struct err *e)
{
	size_t n = strlen(name);
	size_t i;

	for (i = 0; i < n && (isalnum((unsigned char)name[i]) || strchr("._-@+", name[i])); i++) {
	}
	if (n == 0 || n > NAME_MAX_BYTES || i < n) {
		return err_set(e, ERR_INVALID, "bad_name",
			"A sign-in name has 1 to %d letters, digits and . _ - @ +", NAME_MAX_BYTES);
	}
	return 0;
}

int accounts_name_check(const char *name, struct err *e)
{
	size_t n = strlen(name);
	char *clean = utf8_clean_name(name, n, DISPLAY_MAX_BYTES);
	bool same = strcmp(clean, name) == 0;

	free(clean);
	if (n == 0 || !same) {
		return err_set(e, ERR_INVALID, "bad_name",
			"A name has 1 to %d bytes of text without control characters, slashes or "
			"outer "
			"spaces.",
			DISPLAY_MAX_BYTES);
	}
	return 0;
}

int user_create(struct db *db, const struct user_new *u, struct id *out, struct err *e)
{
	const char *display = u->display_name ? u->display_name : u->name;
	struct stmt *q;
	int rc = name_check(u->name, e);

	if (!rc) {
		rc = accounts_name_check(display, e);
	}
	if (rc) {
		return rc;
	}
	*out = id_create("usr");
	q = db_stmt(db, &table, Q_USER_ADD);
	stmt_id(q, 1, out);
	stmt_id(q, 2, &u->workspace);
	stmt_text(q, 3, u->name);
	stmt_text(q, 4, display);
	stmt_text(q, 5, u->password_hash);
	stmt_int(q, 6, u->role);
	stmt_int(q, 7, clock_wall_ms());
	rc = stmt_run(q, e);
	if (rc == ERR_CONFLICT) {
		return err_replace(e, ERR_CONFLICT, "name_taken",
			"Somebody already signs in as \"%s\".", u->name);
	}
	return rc;
}

int user_lookup(struct db *db, struct arena *a, const struct id *workspace, const struct id *id,
	struct user *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_USER);

	stmt_id(q, 1, id);
	stmt_id(q, 2, workspace);
	return user_one(q, a, out, e);
}

int user_by_name(struct db *db, struct arena *a, const struct id *workspace, const char *name,
	struct user *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_USER_NAME);

	stmt_text(q, 1, name);
	stmt_id(q, 2, workspace);
	return user_one(q, a, out, e);
}

int user_list(struct db *db, struct arena *a, const struct id *workspace, const struct id *after,
	int limit, struct user **out, int *n, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_USERS);

	stmt_id(q, 1, workspace);
	stmt_text(q, 2, after->s);
	stmt_int(q, 3, limit);
	return user_rows(q, a, out, n, e);
}

/* The last active operator keeps the role: nobody else could give it back. */
static int keeps_an_operator(struct db *db, const struct id *id, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_OPERATORS);
	int64_t n, is_one;
	int rc;

	stmt_id(q, 1, id);
	rc = stmt_step(q, e);
	if (rc < 0) {
		return rc;
	}
	n = col_int(q, 0);
	is_one = col_int(q, 1);
	stmt_reset(q);
	if (is_one && n == 1) {
		return err_set(e, ERR_CONFLICT, "last_operator",
			"This is the last active operator; make another one first.");
	}
	return 0;
}

static int sessions_end(struct db *db, const struct id *user, const struct id *but, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_SESSIONS_END);
	int rc;

	stmt_id(q, 1, user);
	stmt_text(q, 2, but && !id_empty(but) ? but->s : NULL);
	stmt_int(q, 3, clock_wall_ms());
	rc = stmt_run(q, e);
	return rc ? rc : session_end_tokens(db, user, e);
}

int user_change(struct db *db, const struct id *id, const struct user_change *c, struct err *e)
{
	struct stmt *q;
	int rc = 0;

	if (c->display_name) {
		rc = accounts_name_check(c->display_name, e);
	}
	if (!rc && (c->disabled == 1 || (c->role >= 0 && c->role != ROLE_OPERATOR))) {
		rc = keeps_an_operator(db, id, e);
	}
	if (rc) {
		return rc;
	}
	q = db_stmt(db, &table, Q_USER_CHANGE);
	stmt_id(q, 1, id);
	stmt_text(q, 2, c->display_name);
	stmt_text(q, 3, c->password_hash);
	if (c->role >= 0) {
		stmt_int(q, 4, c->role);
	}
	stmt_int(q, 5, c->disabled);
	stmt_int(q, 6, clock_wall_ms());
	rc = run_changing(db, q, e);
	if (!rc && (c->disabled == 1 || c->password_hash)) {
		rc = sessions_end(db, id, c->disabled == 1 ? NULL : c->keep_session, e);
	}
	return rc;
}

/* ── groups ── */

static void group_row(struct stmt *q, struct arena *a, struct group *out)
{
	*out = (struct group){
		.id = col_id(q, 0),
		.name = arena_str(a, col_text(q, 1)),
		.created_ms = col_int(q, 2),
		.n_members = col_int(q, 3),
	};
}

static int group_one(struct stmt *q, struct arena *a, struct group *out, struct err *e)
{
	int rc = stmt_step(q, e);

	if (rc < 0) {
		return rc;
	}
	if (rc == 0) {
		return err_absent(e);
	}
	group_row(q, a, out);
	stmt_reset(q);
	return 0;
}

static int group_rows(struct stmt *q, struct arena *a, struct group **out, int *n, struct err *e)
{
	int cap = 0;
	int rc;

	*n = 0;
	*out = NULL;
	while ((rc = stmt_step(q, e)) == 1) {
		if (*n == cap) {
			struct group *more =
				arena_array(a, struct group, (size_t)(cap ? cap * 2 : 16));

			if (cap) {
				memcpy(more, *out, (size_t)cap * sizeof(**out));
			}
			cap = cap ? cap * 2 : 16;
			*out = more;
		}
		group_row(q, a, &(*out)[(*n)++]);
	}
	return rc;
}

static int group_taken(int rc, const char *name, struct err *e)
{
	if (rc == ERR_CONFLICT) {
		return err_replace(
			e, ERR_CONFLICT, "name_taken", "There is a group \"%s\" already.", name);
	}
	return rc;
}

int group_create(
	struct db *db, const struct id *workspace, const char *name, struct id *out, struct err *e)
{
	struct stmt *q;
	int rc = accounts_name_check(name, e);

	if (rc) {
		return rc;
	}
	*out = id_create("grp");
	q = db_stmt(db, &table, Q_GROUP_ADD);
	stmt_id(q, 1, out);
	stmt_id(q, 2, workspace);
	stmt_text(q, 3, name);
	stmt_int(q, 4, clock_wall_ms());
	return group_taken(stmt_run(q, e), name, e);
}

int group_lookup(struct db *db, struct arena *a, const struct id *workspace, const struct id *id,
	struct group *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_GROUP);

	stmt_id(q, 1, workspace);
	stmt_id(q, 2, id);
	return group_one(q, a, out, e);
}

int group_by_name(struct db *db, struct arena *a, const struct id *workspace, const char *name,
	struct group *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_GROUP_NAME);

	stmt_id(q, 1, workspace);
	stmt_text(q, 2, name);
	return group_one(q, a, out, e);
}

int group_list(struct db *db, struct arena *a, const struct id *workspace, struct group **out,
	int *n, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_GROUPS);

	stmt_id(q, 1, workspace);
	return group_rows(q, a, out, n, e);
}

int group_rename(struct db *db, const struct id *workspace, const struct id *id, const char *name,
	struct err *e)
{
	struct stmt *q;
	int rc = accounts_name_check(name, e);

	if (rc) {
		return rc;
	}
	q = db_stmt(db, &table, Q_GROUP_RENAME);
	stmt_id(q, 1, workspace);
	stmt_id(q, 2, id);
	stmt_text(q, 3, name);
	return group_taken(run_changing(db, q, e), name, e);
}

int group_delete(struct db *db, const struct id *workspace, const struct id *id, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_GROUP_USED);
	int64_t n_uses;
	int rc;

	stmt_id(q, 1, workspace);
	stmt_id(q, 2, id);
	rc = stmt_step(q, e);
	if (rc < 0) {
		return rc;
	}
	n_uses = col_int(q, 0);
	stmt_reset(q);
	if (n_uses > 0) {
		return err_set(e, ERR_CONFLICT, "group_in_use",
			"%lld permission entries name this group; take it out of them first.",
			(long long)n_uses);
	}
	q = db_stmt(db, &table, Q_GROUP_DELETE);
	stmt_id(q, 1, workspace);
	stmt_id(q, 2, id);
	return run_changing(db, q, e);
}

int group_members(struct db *db, struct arena *a, const struct id *group, struct user **out, int *n,
	struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_MEMBERS);

	stmt_id(q, 1, group);
	return user_rows(q, a, out, n, e);
}

int group_join(struct db *db, const struct id *workspace, const struct id *group,
	const struct id *user, struct err *e)
{
	struct arena a;
	struct group g;
	struct user u;
	struct stmt *q;
	int rc;

	arena_init(&a);
	rc = group_lookup(db, &a, workspace, group, &g, e);
	if (!rc) {
		rc = user_lookup(db, &a, workspace, user, &u, e);
	}
	arena_finish(&a);
	if (rc) {
		return rc;
	}
	q = db_stmt(db, &table, Q_JOIN);
	stmt_id(q, 1, workspace);
	stmt_id(q, 2, group);
	stmt_id(q, 3, user);
	return stmt_run(q, e);
}

int group_leave(struct db *db, const struct id *workspace, const struct id *group,
	const struct id *user, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_LEAVE);

	stmt_id(q, 1, workspace);
	stmt_id(q, 2, group);
	stmt_id(q, 3, user);
	return run_changing(db, q, e);
}

int groups_of(struct db *db, struct arena *a, const struct id *user, struct group **out, int *n,
	struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_GROUPS_OF);

	stmt_id(q, 1, user);
	return group_rows(q, a, out, n, e);
}
