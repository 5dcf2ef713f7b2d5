#include "chat/accounts.h"

#include <string.h>

#include "index/base/clock.h"
#include "index/base/hash.h"

#define TOKENS_SHOWN 1000
/* Each tab of a browser refreshes for itself; past so many, the oldest ends. */
#define ACCESS_TOKENS_MAX 20

enum {
	Q_SESSION_ADD,
	Q_SESSION_USE,
	Q_ACCESS_ADD,
	Q_ACCESS_PRUNE,
	Q_ACCESS_EXPIRED,
	Q_ACCESS_END,
	Q_BY_COOKIE,
	Q_BY_ACCESS,
	Q_SESSION_LIVE,
	Q_SESSIONS,
	Q_REVOKE,
	Q_TOKEN_ADD,
	Q_TOKEN,
	Q_TOKEN_LIVE,
	Q_TOKENS,
	Q_TOKEN_REVOKE,
};

#define SESSION_COLUMNS                                                                            \
	"s.id, s.workspace_id, s.user_id, s.csrf, s.created_ms, s.used_ms, s.expires_ms"
#define TOKEN_COLUMNS "t.id, t.workspace_id, t.user_id, t.name, t.created_ms, t.expires_ms"
/* ?1 is the present time in both. */
#define SESSION_LIVE_FROM                                                                          \
	" FROM session s JOIN user u ON u.id = s.user_id AND u.disabled_ms IS NULL "               \
	"WHERE s.revoked_ms IS NULL AND s.expires_ms > ?1 "
#define TOKEN_LIVE_FROM                                                                            \
	" FROM api_token t JOIN user u ON u.id = t.user_id AND u.disabled_ms IS NULL "             \
	"WHERE t.revoked_ms IS NULL AND (t.expires_ms IS NULL OR t.expires_ms > ?1) "

static const char *const sql[] = {
	[Q_SESSION_ADD] = "INSERT INTO session (id, workspace_id, user_id, cookie_hash, csrf, "
			  "created_ms, used_ms, expires_ms) "
			  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)",
	[Q_SESSION_USE] = "UPDATE session SET used_ms = ?2 WHERE id = ?1 AND revoked_ms IS NULL "
			  "RETURNING csrf, expires_ms",
	[Q_ACCESS_ADD] =
		"INSERT INTO access_token (hash, session_id, expires_ms) VALUES (?1, ?2, ?3)",
	[Q_ACCESS_PRUNE] = "DELETE FROM access_token WHERE session_id = ?1 AND hash NOT IN ("
			   "SELECT hash FROM access_token WHERE session_id = ?1 "
			   "ORDER BY expires_ms DESC LIMIT ?2)",
	[Q_ACCESS_EXPIRED] = "DELETE FROM access_token WHERE expires_ms <= ?1",
	/* Whoever ends sessions ends their tokens, also where the session's row says it already. */
	[Q_ACCESS_END] = "DELETE FROM access_token WHERE session_id IN (SELECT id FROM session "
			 "WHERE user_id = ?1 AND revoked_ms IS NOT NULL)",
	[Q_BY_COOKIE] = "SELECT " SESSION_COLUMNS SESSION_LIVE_FROM "AND s.cookie_hash = ?2",
	[Q_BY_ACCESS] = "SELECT " SESSION_COLUMNS SESSION_LIVE_FROM
			"AND s.id = (SELECT a.session_id FROM access_token a WHERE a.hash = ?2 "
			"AND a.expires_ms > ?1)",
	[Q_SESSION_LIVE] = "SELECT 1" SESSION_LIVE_FROM "AND s.id = ?2",
	[Q_SESSIONS] = "SELECT " SESSION_COLUMNS SESSION_LIVE_FROM
		       "AND s.user_id = ?2 ORDER BY s.id DESC LIMIT ?3",
	[Q_REVOKE] = "UPDATE session SET revoked_ms = ?3 WHERE user_id = ?1 AND revoked_ms IS NULL "
		     "AND (?2 IS NULL OR id = ?2)",
	[Q_TOKEN_ADD] = "INSERT INTO api_token (id, workspace_id, user_id, name, hash, created_ms, "
			"expires_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[Q_TOKEN] = "SELECT " TOKEN_COLUMNS TOKEN_LIVE_FROM "AND t.hash = ?2",
	[Q_TOKEN_LIVE] = "SELECT 1" TOKEN_LIVE_FROM "AND t.id = ?2",
	[Q_TOKENS] = "SELECT " TOKEN_COLUMNS TOKEN_LIVE_FROM
		     "AND t.user_id = ?2 ORDER BY t.id DESC LIMIT ?3",
	[Q_TOKEN_REVOKE] = "UPDATE api_token SET revoked_ms = ?3 WHERE user_id = ?1 AND id = ?2 "
			   "AND revoked_ms IS NULL",
};
SQL_TABLE(table, "chat/sessions", sql);

static int refused(struct err *e)
{
	return err_set(e, ERR_AUTH, "unauthenticated", "Sign in first, or send a valid API token.");
}

static void secret_make(const char *prefix, char out[SECRET_SIZE])
{
	size_t n = strlen(prefix);

	memcpy(out, prefix, n);
	secret_create(out + n, SECRET_SIZE - n, 32);
}

static void secret_bind(struct stmt *q, int i, const char *secret)
{
	char hex[HASH_HEX_SIZE];

	hash_blake2b_hex(secret, strlen(secret), hex);
	stmt_text(q, i, hex);
}

/* Adds an access token to the session. What has expired, in any session, goes now. */
static int access_add(struct db *db, const struct id *session, int64_t access_ms,
	struct session_secrets *secrets, struct err *e)
{
	int64_t now = clock_wall_ms();
	struct stmt *q = db_stmt(db, &table, Q_ACCESS_EXPIRED);
	int rc;

	stmt_int(q, 1, now);
	if ((rc = stmt_run(q, e))) {
		return rc;
	}
	q = db_stmt(db, &table, Q_ACCESS_PRUNE);
	stmt_id(q, 1, session);
	stmt_int(q, 2, ACCESS_TOKENS_MAX - 1);
	if ((rc = stmt_run(q, e))) {
		return rc;
	}
	secret_make("ca_", secrets->access);
	secrets->access_expires_ms = now + access_ms;
	q = db_stmt(db, &table, Q_ACCESS_ADD);
	secret_bind(q, 1, secrets->access);
	stmt_id(q, 2, session);
	stmt_int(q, 3, secrets->access_expires_ms);
	return stmt_run(q, e);
}

int session_create(struct db *db, const struct user *u, int64_t session_ms, int64_t access_ms,
	struct id *out, struct session_secrets *secrets, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_SESSION_ADD);
	int64_t now = clock_wall_ms();
	int rc;

	*out = id_create("ses");
	secret_make("cs_", secrets->cookie);
	secret_make("cf_", secrets->csrf);
	secrets->expires_ms = now + session_ms;
	stmt_id(q, 1, out);
	stmt_id(q, 2, &u->workspace);
	stmt_id(q, 3, &u->id);
	secret_bind(q, 4, secrets->cookie);
	stmt_text(q, 5, secrets->csrf);
	stmt_int(q, 6, now);
	stmt_int(q, 7, secrets->expires_ms);
	rc = stmt_run(q, e);
	return rc ? rc : access_add(db, out, access_ms, secrets, e);
}

int session_refresh(struct db *db, const struct id *id, int64_t access_ms,
	struct session_secrets *secrets, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_SESSION_USE);
	int rc;

	stmt_id(q, 1, id);
	stmt_int(q, 2, clock_wall_ms());
	rc = stmt_step(q, e);
	if (rc < 0) {
		return rc;
	}
	if (rc == 0) {
		return refused(e);
	}
	strncpy(secrets->csrf, col_text(q, 0), sizeof(secrets->csrf) - 1);
	secrets->csrf[sizeof(secrets->csrf) - 1] = '\0';
	secrets->expires_ms = col_int(q, 1);
	rc = stmt_run(q, e);
	return rc ? rc : access_add(db, id, access_ms, secrets, e);
}

static void session_row(struct stmt *q, struct arena *a, struct session *out)
{
	*out = (struct session){
		.id = col_id(q, 0),
		.workspace = col_id(q, 1),
		.user = col_id(q, 2),
		.csrf = arena_str(a, col_text(q, 3)),
		.created_ms = col_int(q, 4),
		.used_ms = col_int(q, 5),
		.expires_ms = col_int(q, 6),
	};
}

/* A row of the statement for a secret that is good now, or refused. */
static int row_of_secret(struct stmt *q, const char *secret, struct err *e)
{
	int rc;

	stmt_int(q, 1, clock_wall_ms());
	secret_bind(q, 2, secret);
	rc = stmt_step(q, e);
	return rc < 0 ? rc : rc == 0 ? refused(e) : 0;
}

static int session_one(struct db *db, int which, struct arena *a, const char *secret,
	struct session *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, which);
	int rc = row_of_secret(q, secret, e);

	if (rc == 0) {
		session_row(q, a, out);
		stmt_reset(q);
	}
	return rc;
}

int session_by_cookie(
	struct db *db, struct arena *a, const char *cookie, struct session *out, struct err *e)
{
	return session_one(db, Q_BY_COOKIE, a, cookie, out, e);
}

int session_by_access(
	struct db *db, struct arena *a, const char *access, struct session *out, struct err *e)
{
	return session_one(db, Q_BY_ACCESS, a, access, out, e);
}

static bool is_live(struct db *db, int which, const struct id *id)
{
	struct stmt *q = db_stmt(db, &table, which);
	bool live;

	stmt_int(q, 1, clock_wall_ms());
	stmt_id(q, 2, id);
	live = stmt_step(q, NULL) == 1;
	stmt_reset(q);
	return live;
}

bool session_live(struct db *db, const struct id *id)
{
	return is_live(db, Q_SESSION_LIVE, id);
}

bool token_live(struct db *db, const struct id *id)
{
	return is_live(db, Q_TOKEN_LIVE, id);
}

int session_list(struct db *db, struct arena *a, const struct id *user, struct session **out,
	int *n, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_SESSIONS);
	int rc;

	*n = 0;
	*out = arena_array(a, struct session, TOKENS_SHOWN);
	stmt_int(q, 1, clock_wall_ms());
	stmt_id(q, 2, user);
	stmt_int(q, 3, TOKENS_SHOWN);
	while ((rc = stmt_step(q, e)) == 1) {
		session_row(q, a, &(*out)[(*n)++]);
	}
	return rc;
}

int session_end_tokens(struct db *db, const struct id *user, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_ACCESS_END);

	stmt_id(q, 1, user);
	return stmt_run(q, e);
}

int session_revoke(struct db *db, const struct id *user, const struct id *id, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_REVOKE);
	int rc;

	stmt_id(q, 1, user);
	stmt_id(q, 2, id);
	stmt_int(q, 3, clock_wall_ms());
	rc = stmt_run(q, e);
	if (!rc && !id_empty(id) && db_changes(db) == 0) {
		return err_absent(e);
	}
	return rc ? rc : session_end_tokens(db, user, e);
}

/* ── API tokens ── */

int token_create(struct db *db, const struct user *u, const char *name, int64_t expires_ms,
	struct id *out, char secret[SECRET_SIZE], struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_TOKEN_ADD);

	*out = id_create("tok");
	secret_make("ct_", secret);
	stmt_id(q, 1, out);
	stmt_id(q, 2, &u->workspace);
	stmt_id(q, 3, &u->id);
	stmt_text(q, 4, name);
	secret_bind(q, 5, secret);
	stmt_int(q, 6, clock_wall_ms());
	if (expires_ms > 0) {
		stmt_int(q, 7, expires_ms);
	}
	return stmt_run(q, e);
}

static void token_row(struct stmt *q, struct arena *a, struct api_token *out)
{
	*out = (struct api_token){
		.id = col_id(q, 0),
		.workspace = col_id(q, 1),
		.user = col_id(q, 2),
		.name = arena_str(a, col_text(q, 3)),
		.created_ms = col_int(q, 4),
		.expires_ms = col_int(q, 5),
	};
}

int token_by_secret(
	struct db *db, struct arena *a, const char *secret, struct api_token *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_TOKEN);
	int rc = row_of_secret(q, secret, e);

	if (rc == 0) {
		token_row(q, a, out);
		stmt_reset(q);
	}
	return rc;
}

int token_list(struct db *db, struct arena *a, const struct id *user, struct api_token **out,
	int *n, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_TOKENS);
	int rc;

	*n = 0;
	*out = arena_array(a, struct api_token, TOKENS_SHOWN);
	stmt_int(q, 1, clock_wall_ms());
	stmt_id(q, 2, user);
	stmt_int(q, 3, TOKENS_SHOWN);
	while ((rc = stmt_step(q, e)) == 1) {
		token_row(q, a, &(*out)[(*n)++]);
	}
	return rc;
}

int token_revoke(struct db *db, const struct id *user, const struct id *id, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_TOKEN_REVOKE);
	int rc;

	stmt_id(q, 1, user);
	stmt_id(q, 2, id);
	stmt_int(q, 3, clock_wall_ms());
	rc = stmt_run(q, e);
	if (!rc && db_changes(db) == 0) {
		return err_absent(e);
	}
	return rc;
}
