/* Sign-in, sign-out, the first operator, and what people do about themselves. */
#include "chat/routes.h"

#include <string.h>

#include "chat/accounts.h"
#include "chat/auth.h"
#include "chat/http/server.h"
#include "chat/principals.h"
#include "index/base/clock.h"
#include "index/catalog.h"

#define HOUR_MS (3600LL * 1000)
#define MINUTE_MS (60LL * 1000)
#define PASSWORD_FIELD_MAX (PASSWORD_MAX + 1)
#define TOKEN_NAME_MAX 100

static void cookie_set(struct call *c, const char *secret, int64_t max_age_s)
{
	bool secure = strncmp(c->app->settings->public_url, "https://", 8) == 0;

	call_header(c, "Set-Cookie",
		arena_printf(&c->arena,
			"carrel_session=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s",
			secret, (long long)max_age_s, secure ? "; Secure" : ""));
}

static json_t *secrets_json(const struct session_secrets *s)
{
	return json_pack("{s:s, s:s, s:I, s:I}", "accessToken", s->access, "csrfToken", s->csrf,
		"accessExpiresMs", (json_int_t)s->access_expires_ms, "expiresMs",
		(json_int_t)s->expires_ms);
}

/* ── signing in and out ── */

struct sign_in {
	const struct settings *set;
	struct user user;
	struct id session;
	struct session_secrets secrets;
};

static int tx_sign_in(struct db *db, void *arg, struct err *e)
{
	struct sign_in *in = arg;
	int rc = session_create(db, &in->user, in->set->session_hours * HOUR_MS,
		in->set->access_minutes * MINUTE_MS, &in->session, &in->secrets, e);

	return rc ? rc
		  : audit_add(db, &in->user.workspace, in->user.id.s, "session.create",
			    in->session.s, "{}", e);
}

static int signed_in(struct call *c, struct sign_in *in, int status, struct err *e)
{
	json_t *out;
	int rc = store_write_freeing(c->app->index->store, tx_sign_in, in, e);

	if (rc) {
		return rc;
	}
	cookie_set(c, in->secrets.cookie, c->app->settings->session_hours * 3600);
	out = secrets_json(&in->secrets);
	json_object_set_new(out, "user", user_json(&in->user));
	return call_json(c, status, out);
}

/* The user of that name and password; after too many wrong ones the answer says when to go on. */
static int verify(
	struct call *c, const char *name, const char *password, struct user *out, struct err *e)
{
	int tries = (int)c->app->settings->login_tries;
	int rc = user_verify(c->db, &c->arena, name, password, tries, out, e);

	if (rc == ERR_LIMITED) {
		c->retry_after_s = user_verify_wait_s(name, tries);
	}
	return rc;
}

int sessions_login(struct call *c, struct err *e)
{
	static const char *const fields[] = {"name", "password"};
	struct sign_in in = {.set = c->app->settings};
	const char *name, *password;
	int rc = call_fields(c, fields, 2, e);

	if (rc || (rc = call_text(c, "name", true, 256, &name, e)) ||
		(rc = call_text(c, "password", true, PASSWORD_FIELD_MAX, &password, e)) ||
		(rc = verify(c, name, password, &in.user, e))) {
		return rc;
	}
	return signed_in(c, &in, 200, e);
}

struct claim {
	const char *token;
	struct user_new user;
	struct id id;
};

static int tx_claim(struct db *db, void *arg, struct err *e)
{
	struct claim *cl = arg;
	int rc = accounts_claim(db, cl->token, e);

	if (!rc) {
		rc = user_create(db, &cl->user, &cl->id, e);
	}
	return rc ? rc : audit_add(db, NULL, cl->id.s, "instance.claim", cl->id.s, "{}", e);
}

int sessions_bootstrap(struct call *c, struct err *e)
{
	static const char *const fields[] = {"token", "name", "password", "displayName"};
	struct sign_in in = {.set = c->app->settings};
	struct claim cl = {.user = {.role = ROLE_OPERATOR}};
	char hash[PASSWORD_HASH_SIZE];
	struct workspace ws;
	const char *password;
	int rc = call_fields(c, fields, 4, e);

	if (rc || (rc = call_text(c, "token", true, SECRET_SIZE, &cl.token, e)) ||
		(rc = call_text(c, "name", true, 64, &cl.user.name, e)) ||
		(rc = call_text(c, "displayName", false, 200, &cl.user.display_name, e)) ||
		(rc = call_text(c, "password", true, PASSWORD_FIELD_MAX, &password, e)) ||
		(rc = workspace_by_name(c->db, &c->arena, "default", &ws, e)) ||
		(rc = accounts_claimable(c->db, cl.token, e)) ||
		(rc = password_hash(password, hash, e))) {
		return rc;
	}
	cl.user.workspace = ws.id;
	cl.user.password_hash = hash;
	if ((rc = store_write(c->app->index->store, tx_claim, &cl, e)) || (rc = call_renew(c, e)) ||
		(rc = user_lookup(c->db, &c->arena, &ws.id, &cl.id, &in.user, e))) {
		return rc;
	}
	return signed_in(c, &in, 201, e);
}

struct refresh {
	const struct settings *set;
	struct id session;
	struct session_secrets secrets;
};

static int tx_refresh(struct db *db, void *arg, struct err *e)
{
	struct refresh *r = arg;

	return session_refresh(db, &r->session, r->set->access_minutes * MINUTE_MS, &r->secrets, e);
}

/* A page that was loaded anew has the cookie but neither access nor CSRF token: this gives both.
 * SameSite=Strict keeps other sites from sending it, and they could not read the answer. */
int sessions_refresh(struct call *c, struct err *e)
{
	struct refresh r = {.set = c->app->settings};
	struct user u;
	json_t *out;
	int rc;

	if (c->credential.carrier != CARRIER_COOKIE) {
		return auth_refused(e);
	}
	r.session = c->credential.session;
	if ((rc = store_write_freeing(c->app->index->store, tx_refresh, &r, e)) ||
		(rc = user_lookup(c->db, &c->arena, &c->who.workspace, &c->who.user, &u, e))) {
		return rc;
	}
	out = secrets_json(&r.secrets);
	json_object_set_new(out, "user", user_json(&u));
	return call_json(c, 200, out);
}

struct sign_out {
	struct id workspace, user;
	struct id session; /* empty: all */
};

static int tx_sign_out(struct db *db, void *arg, struct err *e)
{
	struct sign_out *o = arg;
	int rc = session_revoke(db, &o->user, &o->session, e);

	return rc ? rc
		  : audit_add(db, &o->workspace, o->user.s, "session.revoke",
			    id_empty(&o->session) ? o->user.s : o->session.s, "{}", e);
}

int sessions_logout(struct call *c, struct err *e)
{
	static const char *const fields[] = {"everywhere"};
	struct sign_out o = {.workspace = c->who.workspace,
		.user = c->credential.user,
		.session = c->credential.session};
	bool everywhere = false;
	int rc = call_fields(c, fields, 1, e);

	if (rc || (rc = call_bool(c, "everywhere", &everywhere, e))) {
		return rc;
	}
	if (everywhere) {
		o.session = (struct id){""};
	}
	if (id_empty(&o.user) || (!everywhere && id_empty(&o.session))) {
		return err_set(e, ERR_INVALID, "no_session",
			"This credential is no sign-in; revoke the API token instead.");
	}
	rc = store_write_freeing(c->app->index->store, tx_sign_out, &o, e);
	if (rc) {
		return rc;
	}
	cookie_set(c, "", 0);
	return call_empty(c, 204);
}

/* ── oneself ── */

static int need_person(const struct call *c, struct err *e)
{
	if (id_empty(&c->who.user)) {
		return err_set(e, ERR_INVALID, "no_person",
			"You are the machine's operator here; say as whom (--as NAME).");
	}
	return 0;
}

/* What a page has to know of the server: no setting that is an operator's alone. */
static json_t *server_json(const struct call *c)
{
	const struct settings *s = c->app->settings;

	return json_pack("{s:s, s:I, s:o, s:s, s:b}", "version", CARREL_VERSION, "uploadMaxMb",
		(json_int_t)s->upload_max_mb, "model",
		s->model_url[0] ? json_string(s->model_name) : json_null(), "embedder", s->embedder,
		"ocr", s->ocr_languages[0] != '\0');
}

int me_show(struct call *c, struct err *e)
{
	struct workspace ws;
	struct group *groups;
	struct user u;
	json_t *out, *list;
	int n, i;
	int rc = workspace_lookup(c->db, &c->arena, &c->who.workspace, &ws, e);

	if (rc) {
		return rc;
	}
	if (id_empty(&c->who.user)) {
		return call_json(c, 200,
			json_pack("{s:n, s:s, s:{s:s, s:s}, s:o}", "user", "role",
				role_name(c->who.role), "workspace", "id", ws.id.s, "name", ws.name,
				"server", server_json(c)));
	}
	if ((rc = user_lookup(c->db, &c->arena, &ws.id, &c->who.user, &u, e)) ||
		(rc = groups_of(c->db, &c->arena, &u.id, &groups, &n, e))) {
		return rc;
	}
	list = json_array();
	for (i = 0; i < n; i++) {
		json_array_append_new(list,
			json_pack("{s:s, s:s}", "id", groups[i].id.s, "name", groups[i].name));
	}
	out = json_pack("{s:o, s:s, s:{s:s, s:s}, s:o, s:o}", "user", user_json(&u), "role",
		role_name(u.role), "workspace", "id", ws.id.s, "name", ws.name, "groups", list,
		"server", server_json(c));
	return call_json(c, 200, out);
}

struct own_change {
	struct id workspace, user;
	struct user_change change;
};

static int tx_own_change(struct db *db, void *arg, struct err *e)
{
	struct own_change *m = arg;
	int rc = user_change(db, &m->user, &m->change, e);

	return rc ? rc
		  : audit_add(db, &m->workspace, m->user.s,
			    m->change.password_hash ? "user.password" : "user.change", m->user.s,
			    "{}", e);
}

int me_change(struct call *c, struct err *e)
{
	static const char *const fields[] = {"displayName", "password", "currentPassword"};
	struct own_change m = {.workspace = c->who.workspace,
		.user = c->who.user,
		.change = {.role = -1, .disabled = -1, .keep_session = &c->credential.session}};
	const char *password = NULL, *current = NULL;
	char hash[PASSWORD_HASH_SIZE];
	struct user u;
	int rc = call_fields(c, fields, 3, e);

	if (rc || (rc = need_person(c, e)) ||
		(rc = call_text(c, "displayName", false, 200, &m.change.display_name, e)) ||
		(rc = call_text(c, "password", false, PASSWORD_FIELD_MAX, &password, e)) ||
		(rc = call_text(c, "currentPassword", password != NULL, PASSWORD_FIELD_MAX,
			 &current, e)) ||
		(rc = user_lookup(c->db, &c->arena, &c->who.workspace, &c->who.user, &u, e))) {
		return rc;
	}
	if (password) {
		struct user same;

		if ((rc = verify(c, u.name, current, &same, e)) ||
			(rc = password_hash(password, hash, e))) {
			return rc == ERR_AUTH ? err_replace(e, ERR_FORBIDDEN, "wrong_password",
							"The current password is not right.")
					      : rc;
		}
		m.change.password_hash = hash;
	}
	if ((rc = store_write(c->app->index->store, tx_own_change, &m, e)) ||
		(rc = call_renew(c, e)) ||
		(rc = user_lookup(c->db, &c->arena, &c->who.workspace, &c->who.user, &u, e))) {
		return rc;
	}
	return call_json(c, 200, user_json(&u));
}

int sessions_list(struct call *c, struct err *e)
{
	struct session *rows;
	json_t *list = json_array();
	int n = 0, i;
	int rc = session_list(c->db, &c->arena, &c->who.user, &rows, &n, e);

	for (i = 0; i < n; i++) {
		json_array_append_new(
			list, json_pack("{s:s, s:I, s:I, s:I, s:b}", "id", rows[i].id.s,
				      "createdMs", (json_int_t)rows[i].created_ms, "usedMs",
				      (json_int_t)rows[i].used_ms, "expiresMs",
				      (json_int_t)rows[i].expires_ms, "current",
				      id_equal(&rows[i].id, &c->credential.session)));
	}
	if (rc) {
		json_decref(list);
		return rc;
	}
	return call_json(c, 200, json_pack("{s:o, s:n}", "sessions", list, "next"));
}

int sessions_revoke(struct call *c, struct err *e)
{
	struct sign_out o = {.workspace = c->who.workspace,
		.user = c->who.user,
		.session = id_parse("ses", c->params[0])};
	int rc;

	if (id_empty(&o.session)) {
		return err_absent(e);
	}
	rc = store_write_freeing(c->app->index->store, tx_sign_out, &o, e);
	return rc ? rc : call_empty(c, 204);
}

/* ── API tokens ── */

struct token_new {
	struct user user;
	const char *name;
	int64_t expires_ms;
	struct id id;
	char secret[SECRET_SIZE];
};

static int tx_token(struct db *db, void *arg, struct err *e)
{
	struct token_new *t = arg;
	int rc = token_create(db, &t->user, t->name, t->expires_ms, &t->id, t->secret, e);

	return rc ? rc
		  : audit_add(
			    db, &t->user.workspace, t->user.id.s, "token.create", t->id.s, "{}", e);
}

int tokens_create(struct call *c, struct err *e)
{
	static const char *const fields[] = {"name", "days"};
	struct token_new t = {.expires_ms = 0};
	int64_t days = 0;
	int rc = call_fields(c, fields, 2, e);

	if (rc || (rc = need_person(c, e)) ||
		(rc = call_text(c, "name", true, TOKEN_NAME_MAX, &t.name, e)) ||
		(rc = accounts_name_check(t.name, e)) ||
		(rc = call_int(c, "days", false, 1, 36500, &days, e)) ||
		(rc = user_lookup(c->db, &c->arena, &c->who.workspace, &c->who.user, &t.user, e))) {
		return rc;
	}
	t.expires_ms = days ? clock_wall_ms() + days * 24 * HOUR_MS : 0;
	rc = store_write(c->app->index->store, tx_token, &t, e);
	if (rc) {
		return rc;
	}
	return call_json(c, 201,
		json_pack("{s:s, s:s, s:s, s:I}", "id", t.id.s, "name", t.name, "token", t.secret,
			"expiresMs", (json_int_t)t.expires_ms));
}

int tokens_list(struct call *c, struct err *e)
{
	struct api_token *rows;
	json_t *list = json_array();
	int n = 0, i;
	int rc = token_list(c->db, &c->arena, &c->who.user, &rows, &n, e);

	for (i = 0; i < n; i++) {
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:I, s:I}", "id", rows[i].id.s, "name",
				      rows[i].name, "createdMs", (json_int_t)rows[i].created_ms,
				      "expiresMs", (json_int_t)rows[i].expires_ms));
	}
	if (rc) {
		json_decref(list);
		return rc;
	}
	return call_json(c, 200, json_pack("{s:o, s:n}", "tokens", list, "next"));
}

struct token_end {
	struct id workspace, user, token;
};

static int tx_token_end(struct db *db, void *arg, struct err *e)
{
	struct token_end *t = arg;
	int rc = token_revoke(db, &t->user, &t->token, e);

	return rc ? rc
		  : audit_add(db, &t->workspace, t->user.s, "token.revoke", t->token.s, "{}", e);
}

int tokens_revoke(struct call *c, struct err *e)
{
	struct token_end t = {c->who.workspace, c->who.user, id_parse("tok", c->params[0])};
	int rc;

	if (id_empty(&t.token)) {
		return err_absent(e);
	}
	rc = store_write(c->app->index->store, tx_token_end, &t, e);
	return rc ? rc : call_empty(c, 204);
}
