/*
 * Accounts: users, groups, memberships, sign-ins and API tokens. Passwords are Argon2id (libsodium,
 * interactive limits), at most 4 hashed at once; secrets are 256 random bits, kept only as BLAKE2b
 * hashes. Wrong passwords are counted by name in memory, whether or not the name exists, so neither
 * time nor answer tells; past settings.login_tries in 15 minutes further tries wait (ERR_LIMITED),
 * live sessions go on. The first operator comes from a one-time bootstrap token that `carrel serve`
 * prints.
 *
 * Alone writes instance, user, group, membership, session, access_token, api_token. Checks no
 * permission: routes do. Thread: any worker; functions marked tx in a write transaction; hashing
 * blocks (0.1 s, 64 MiB).
 */
#ifndef CHAT_ACCOUNTS_H
#define CHAT_ACCOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "index/acl.h"
#include "index/base/arena.h"
#include "index/base/err.h"
#include "index/base/id.h"
#include "index/store.h"

#define SECRET_SIZE 64	       /* "cs_" and 43 characters, with the NUL */
#define PASSWORD_HASH_SIZE 128 /* crypto_pwhash_STRBYTES */
#define PASSWORD_MIN 10	       /* bytes */
#define PASSWORD_MAX 1024

/* ── the first operator ── */

/* When nobody can sign in yet: makes a fresh one-time token, invalidating the last, and gives it in
 * `token`; else token is "". Blocks (store_write). */
MUST_CHECK int accounts_bootstrap(struct store *s, char token[SECRET_SIZE], struct err *e);
/* Whether accounts_claim would take the token at this moment: asked before a password is hashed. */
MUST_CHECK int accounts_claimable(struct db *db, const char *token, struct err *e);
/* tx. Uses the token up: ERR_AUTH if it is not the one, or there is an active operator. */
MUST_CHECK int accounts_claim(struct db *db, const char *token, struct err *e);

/* A name for people's eyes (of a person, group, collection, workspace, token): not empty, at most
 * 200 bytes, no control characters, slashes or outer spaces; else ERR_INVALID "bad_name". */
MUST_CHECK int accounts_name_check(const char *name, struct err *e);

/* ── users ── */

struct user {
	struct id id;
	struct id workspace;
	char *name;
	char *display_name;
	enum role role;
	int64_t disabled_ms; /* 0: active */
	int64_t created_ms;
};

struct user_new {
	struct id workspace;
	const char *name;	   /* 1 to 64 of letters, digits and . _ - @ + */
	const char *display_name;  /* NULL: the name */
	const char *password_hash; /* of password_hash(); NULL: cannot sign in */
	enum role role;
};
MUST_CHECK int user_create(struct db *db, const struct user_new *u, struct id *out,
	struct err *e); /* tx. ERR_CONFLICT: name taken */
MUST_CHECK int user_lookup(struct db *db, struct arena *a, const struct id *workspace,
	const struct id *id, struct user *out, struct err *e);
/* workspace empty: in any. */
MUST_CHECK int user_by_name(struct db *db, struct arena *a, const struct id *workspace,
	const char *name, struct user *out, struct err *e);
MUST_CHECK int user_list(struct db *db, struct arena *a, const struct id *workspace,
	const struct id *after, int limit, struct user **out, int *n, struct err *e);
/* tx. Fields that are NULL or negative stay. Disabling revokes sessions; a new password revokes all
 * but `keep_session` (may be NULL). The last active operator cannot be disabled or demoted
 * (ERR_CONFLICT). */
struct user_change {
	const char *display_name;
	const char *password_hash;
	int role;
	int disabled; /* 1, 0, -1: stays */
	const struct id *keep_session;
};
MUST_CHECK int user_change(
	struct db *db, const struct id *id, const struct user_change *c, struct err *e);

/* ERR_INVALID: too short or long. ERR_LIMITED: too many at once after a wait of 5 s.
 * ERR_UNAVAILABLE "out_of_memory": the 64 MiB are not to be had. */
MUST_CHECK int password_hash(const char *password, char out[PASSWORD_HASH_SIZE], struct err *e);
/* The user of that name and password: ERR_AUTH (one text for all reasons), or what password_hash
 * has: then it was not looked at, and does not count as a guess. ERR_LIMITED "too_many_tries". */
MUST_CHECK int user_verify(struct db *db, struct arena *a, const char *name, const char *password,
	int tries_max, struct user *out, struct err *e);
/* Seconds until another password is looked at for that name; 0: at once. */
int user_verify_wait_s(const char *name, int tries_max);

/* ── groups ── */

struct group {
	struct id id;
	char *name;
	int64_t n_members;
	int64_t created_ms;
};
MUST_CHECK int group_create(struct db *db, const struct id *workspace, const char *name,
	struct id *out, struct err *e); /* tx */
MUST_CHECK int group_lookup(struct db *db, struct arena *a, const struct id *workspace,
	const struct id *id, struct group *out, struct err *e);
MUST_CHECK int group_by_name(struct db *db, struct arena *a, const struct id *workspace,
	const char *name, struct group *out, struct err *e);
MUST_CHECK int group_list(struct db *db, struct arena *a, const struct id *workspace,
	struct group **out, int *n, struct err *e);
MUST_CHECK int group_rename(struct db *db, const struct id *workspace, const struct id *id,
	const char *name, struct err *e); /* tx */
/* tx. ERR_CONFLICT while an acl_entry names it: what it may read would silently change. */
MUST_CHECK int group_delete(
	struct db *db, const struct id *workspace, const struct id *id, struct err *e);
MUST_CHECK int group_members(struct db *db, struct arena *a, const struct id *group,
	struct user **out, int *n, struct err *e);
MUST_CHECK int group_join(struct db *db, const struct id *workspace, const struct id *group,
	const struct id *user, struct err *e); /* tx; again is fine */
MUST_CHECK int group_leave(struct db *db, const struct id *workspace, const struct id *group,
	const struct id *user, struct err *e); /* tx */
MUST_CHECK int groups_of(struct db *db, struct arena *a, const struct id *user, struct group **out,
	int *n, struct err *e);

/* Whom permissions can name: the workspace, its groups, its active people, in this order and each
 * by name. q: in a name, whatever the case and accents; NULL: all. after: the last one's
 * `principal`; NULL: from the first. */
struct principal {
	const char *principal; /* "workspace", "group:Finance", "user:ada" */
	const char *kind;
	const char *name;
	const char *display_name; /* of users */
	int64_t n_members;	  /* of groups */
};
MUST_CHECK int principal_list(struct db *db, struct arena *a, const struct id *workspace,
	const char *q, const char *after, int limit, struct principal **out, int *n, struct err *e);

/* ── sign-ins and tokens ── */

struct session {
	struct id id;
	struct id workspace;
	struct id user;
	char *csrf;
	int64_t created_ms, used_ms, expires_ms;
};
struct session_secrets {
	char cookie[SECRET_SIZE]; /* "cs_…" */
	char access[SECRET_SIZE]; /* "ca_…" */
	char csrf[SECRET_SIZE];
	int64_t access_expires_ms;
	int64_t expires_ms;
};
MUST_CHECK int session_create(struct db *db, const struct user *u, int64_t session_ms,
	int64_t access_ms, struct id *out, struct session_secrets *secrets, struct err *e); /* tx */
/* tx. One more access token: each tab refreshes for itself. A session has at most 20; past that the
 * oldest ends. */
MUST_CHECK int session_refresh(struct db *db, const struct id *id, int64_t access_ms,
	struct session_secrets *secrets, struct err *e);
/* Live (not revoked, not expired, user active), by cookie or access token; else ERR_AUTH. */
MUST_CHECK int session_by_cookie(
	struct db *db, struct arena *a, const char *cookie, struct session *out, struct err *e);
MUST_CHECK int session_by_access(
	struct db *db, struct arena *a, const char *access, struct session *out, struct err *e);
bool session_live(struct db *db, const struct id *id);
MUST_CHECK int session_list(struct db *db, struct arena *a, const struct id *user,
	struct session **out, int *n, struct err *e);
/* tx. id empty: all of the user. */
MUST_CHECK int session_revoke(
	struct db *db, const struct id *user, const struct id *id, struct err *e);
/* tx. The access tokens of the user's revoked sessions go; for who revokes sessions himself. */
MUST_CHECK int session_end_tokens(struct db *db, const struct id *user, struct err *e);

struct api_token {
	struct id id;
	struct id workspace;
	struct id user;
	char *name;
	int64_t created_ms, expires_ms; /* 0: never */
};
MUST_CHECK int token_create(struct db *db, const struct user *u, const char *name,
	int64_t expires_ms, struct id *out, char secret[SECRET_SIZE], struct err *e); /* tx */
MUST_CHECK int token_by_secret(struct db *db, struct arena *a, const char *secret,
	struct api_token *out, struct err *e); /* live, or ERR_AUTH */
bool token_live(struct db *db, const struct id *id);
MUST_CHECK int token_list(struct db *db, struct arena *a, const struct id *user,
	struct api_token **out, int *n, struct err *e);
MUST_CHECK int token_revoke(
	struct db *db, const struct id *user, const struct id *id, struct err *e); /* tx */

#endif
