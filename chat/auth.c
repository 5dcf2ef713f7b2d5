#include "chat/auth.h"

#include <string.h>

#include <sodium.h>

#include "chat/accounts.h"
#include "chat/run_store.h"
#include "index/catalog.h"

#define COOKIE_NAME "carrel_session"

int auth_refused(struct err *e)
{
	return err_set(e, ERR_AUTH, "unauthenticated", "Sign in first, or send a valid API token.");
}

static bool is_unsafe(const char *method)
{
	return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
}

/* The Bearer token of the Authorization header, or NULL. */
static int bearer(struct call *c, const char **out, struct err *e)
{
	const char *h = call_header_in(c, "authorization");

	*out = NULL;
	if (!h) {
		return 0;
	}
	if (strncasecmp(h, "Bearer ", 7) != 0) {
		return auth_refused(e);
	}
	*out = h + 7 + strspn(h + 7, " ");
	return 0;
}

static int by_bearer(struct call *c, const char *secret, struct err *e)
{
	struct session s;
	struct api_token t;
	int rc;

	if (strncmp(secret, "ct_", 3) == 0) {
		rc = token_by_secret(c->db, &c->arena, secret, &t, e);
		if (!rc) {
			c->credential = (struct credential){
				.carrier = CARRIER_API_TOKEN, .user = t.user, .token = t.id};
		}
		return rc;
	}
	rc = session_by_access(c->db, &c->arena, secret, &s, e);
	if (!rc) {
		c->credential = (struct credential){
			.carrier = CARRIER_ACCESS, .user = s.user, .session = s.id};
	}
	return rc;
}

static int by_cookie(struct call *c, const char *cookie, struct err *e)
{
	struct session s;
	const char *csrf = call_header_in(c, "x-csrf-token");
	int rc = session_by_cookie(c->db, &c->arena, cookie, &s, e);

	if (rc) {
		return rc;
	}
	if (is_unsafe(c->method) && c->route->access != ACCESS_PUBLIC &&
		(!csrf || strlen(csrf) != strlen(s.csrf) ||
			sodium_memcmp(csrf, s.csrf, strlen(s.csrf)) != 0)) {
		return err_set(e, ERR_FORBIDDEN, "csrf",
			"A change made with the session cookie needs the X-CSRF-Token of the "
			"sign-in.");
	}
	c->credential =
		(struct credential){.carrier = CARRIER_COOKIE, .user = s.user, .session = s.id};
	return 0;
}

/* The machine's operator on the Unix socket, as himself or in somebody's place. */
static int by_socket(struct call *c, struct err *e)
{
	const char *as = call_header_in(c, "x-carrel-as");
	const char *where = call_header_in(c, "x-carrel-workspace");
	const struct id anywhere = {""};
	struct workspace ws;
	struct user u;
	int rc;

	c->credential = (struct credential){.carrier = CARRIER_SOCKET};
	if (as) {
		rc = user_by_name(c->db, &c->arena, &anywhere, as, &u, e);
		if (rc) {
			return rc == ERR_NOT_FOUND ? err_replace(e, ERR_AUTH, "unknown_user",
							     "There is no user \"%.64s\".", as)
						   : rc;
		}
		c->credential.user = u.id;
		return 0;
	}
	rc = workspace_by_name(c->db, &c->arena, where ? where : "default", &ws, e);
	if (rc) {
		return rc == ERR_NOT_FOUND ? err_replace(e, rc, "not_found",
						     "There is no workspace \"%.64s\".", where)
					   : rc;
	}
	return acl_operator(c->db, &c->arena, &ws.id, &c->who, e);
}

/* The socket's headers have no meaning for anybody else; to pass over them would act as somebody
 * other than was said. */
static bool says_as(struct call *c)
{
	return call_header_in(c, "x-carrel-as") || call_header_in(c, "x-carrel-workspace");
}

static int find_credential(struct call *c, struct err *e)
{
	const char *cookie = call_cookie(c, COOKIE_NAME);
	const char *secret;
	int rc = bearer(c, &secret, e);

	if (rc) {
		return rc;
	}
	if (says_as(c) && (secret || cookie || !c->peer_is_operator)) {
		return auth_refused(e);
	}
	/* A page sends its cookie with everything: what was said on purpose counts. */
	if (secret) {
		return by_bearer(c, secret, e);
	}
	if (cookie) {
		return by_cookie(c, cookie, e);
	}
	if (c->peer_is_operator) {
		return by_socket(c, e);
	}
	return auth_refused(e);
}

static int access_check(const struct call *c, struct err *e)
{
	if ((c->route->access == ACCESS_ADMIN && c->who.role < ROLE_ADMIN) ||
		(c->route->access >= ACCESS_OPERATOR && c->who.role < ROLE_OPERATOR) ||
		(c->route->access == ACCESS_MACHINE && c->credential.carrier != CARRIER_SOCKET)) {
		return err_absent(e);
	}
	return 0;
}

int auth_identify(struct call *c, struct err *e)
{
	struct err why = ERR_INIT;
	int rc = find_credential(c, &why);

	if (!rc && !id_empty(&c->credential.user)) {
		rc = acl_asker(c->db, &c->arena, &c->credential.user, &c->who, &why);
		if (rc == ERR_AUTH) {
			err_clear(&why);
			rc = auth_refused(&why);
		}
	}
	if (rc) {
		c->credential = (struct credential){.carrier = CARRIER_NONE};
		memset(&c->who, 0, sizeof(c->who));
		if (c->route->access == ACCESS_PUBLIC) {
			return 0;
		}
		return err_set(e, rc, why.reason, "%s", why.message);
	}
	return access_check(c, e);
}

static bool credential_live(struct db *db, const struct credential *cred)
{
	switch (cred->carrier) {
	case CARRIER_COOKIE:
	case CARRIER_ACCESS:
		return session_live(db, &cred->session);
	case CARRIER_API_TOKEN:
		return token_live(db, &cred->token);
	case CARRIER_SOCKET:
		return true;
	case CARRIER_NONE:
		break;
	}
	return false;
}

/* A run of one's own, as long as no source of the answer that is being written was withdrawn: what
 * its listener was shown was decided when it began. Another stream gives what may still be read of
 * it. */
static bool may_see_run(
	struct db *db, struct arena *a, const struct asker *who, const struct id *id)
{
	struct run_row run;
	struct run_view view;

	return run_lookup(db, a, who, id, &run, NULL) == 0 &&
	       (!run_is_open(&run) ||
		       (run_view_open(db, a, who, id, &view, NULL) == 0 && !view.withheld));
}

static bool may_see(
	struct db *db, struct arena *a, const struct asker *who, const struct id *object)
{
	if (strncmp(object->s, "run_", 4) == 0) {
		return may_see_run(db, a, who, object);
	}
	if (strncmp(object->s, "doc_", 4) == 0 || strncmp(object->s, "col_", 4) == 0) {
		return acl_may(db, who, object, RIGHT_READ, NULL) == 0;
	}
	return true;
}

bool auth_still(struct db *db, const struct credential *cred, const struct id *objects, int n)
{
	struct asker who;
	struct arena a;
	bool ok = credential_live(db, cred);

	if (!ok || id_empty(&cred->user)) {
		return ok;
	}
	arena_init(&a);
	ok = acl_asker(db, &a, &cred->user, &who, NULL) == 0;
	for (int i = 0; ok && i < n; i++) {
		ok = may_see(db, &a, &who, &objects[i]);
	}
	arena_finish(&a);
	return ok;
}

const char *call_actor(const struct call *c)
{
	return id_empty(&c->who.user) ? "operator" : c->who.user.s;
}
