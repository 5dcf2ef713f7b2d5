/* Administration: users, groups, workspaces, the audit log. Admins act in their own workspace. */
#include "chat/routes.h"

#include <string.h>

#include "chat/accounts.h"
#include "chat/auth.h"
#include "chat/http/server.h"
#include "chat/principals.h"
#include "index/catalog.h"

#define PAGE_MAX 200

static json_t *group_json(const struct group *g)
{
	return json_pack("{s:s, s:s, s:I, s:I}", "id", g->id.s, "name", g->name, "members",
		(json_int_t)g->n_members, "createdMs", (json_int_t)g->created_ms);
}

/* ── users ── */

struct user_order {
	struct id workspace;
	const char *actor;
	enum role actor_role;
	struct user_new add; /* or: */
	struct id id;
	struct user_change change;
};

static int tx_user_create(struct db *db, void *arg, struct err *e)
{
	struct user_order *o = arg;
	int rc = user_create(db, &o->add, &o->id, e);

	return rc ? rc : audit_add(db, &o->workspace, o->actor, "user.create", o->id.s, "{}", e);
}

/* A role above one's own cannot be given or taken. */
static int role_allowed(enum role actor, int role, struct err *e)
{
	if (role > (int)actor) {
		return err_set(e, ERR_FORBIDDEN, "role_above",
			"Only an operator makes, changes or disables operators.");
	}
	return 0;
}

static int role_field(struct call *c, int def, int *role, struct err *e)
{
	const char *name = NULL;
	int rc = call_text(c, "role", false, 20, &name, e);

	*role = name ? role_parse(name) : def;
	if (!rc && name && *role < 0) {
		rc = err_set(e, ERR_INVALID, "bad_role", "role is member, admin or operator.");
	}
	return rc ? rc : role_allowed(c->who.role, *role, e);
}

int users_create(struct call *c, struct err *e)
{
	static const char *const fields[] = {"name", "displayName", "password", "role"};
	struct user_order o = {
		.workspace = c->who.workspace, .actor = call_actor(c), .actor_role = c->who.role};
	const char *password = NULL;
	char hash[PASSWORD_HASH_SIZE];
	struct user u;
	int role;
	int rc = call_fields(c, fields, 4, e);

	if (rc || (rc = call_text(c, "name", true, 64, &o.add.name, e)) ||
		(rc = call_text(c, "displayName", false, 200, &o.add.display_name, e)) ||
		(rc = call_text(c, "password", false, PASSWORD_MAX + 1, &password, e)) ||
		(rc = role_field(c, ROLE_MEMBER, &role, e)) ||
		(password && (rc = password_hash(password, hash, e)))) {
		return rc;
	}
	o.add.workspace = c->who.workspace;
	o.add.password_hash = password ? hash : NULL;
	o.add.role = (enum role)role;
	if ((rc = store_write(c->app->index->store, tx_user_create, &o, e)) ||
		(rc = call_renew(c, e)) ||
		(rc = user_lookup(c->db, &c->arena, &o.workspace, &o.id, &u, e))) {
		return rc;
	}
	return call_json(c, 201, user_json(&u));
}

int users_list(struct call *c, struct err *e)
{
	const char *after = call_query(c, "after");
	struct id from = id_parse("usr", after ? after : "");
	int64_t limit;
	struct user *rows;
	json_t *list;
	int n, i;
	int rc = call_query_int(c, "limit", 1, PAGE_MAX, 100, &limit, e);

	if (!rc && after && id_empty(&from)) {
		rc = err_set(e, ERR_INVALID, "bad_parameter", "after must be a user's id.");
	}
	if (rc || (rc = user_list(c->db, &c->arena, &c->who.workspace, &from, (int)limit + 1, &rows,
			   &n, e))) {
		return rc;
	}
	list = json_array();
	for (i = 0; i < n && i < limit; i++) {
		json_array_append_new(list, user_json(&rows[i]));
	}
	return call_json(c, 200,
		json_pack("{s:o, s:o}", "users", list, "next",
			n > limit ? json_string(rows[limit - 1].id.s) : json_null()));
}

static int user_param(struct call *c, struct user *out, struct err *e)
{
	struct id id = id_parse("usr", c->params[0]);

	return user_lookup(c->db, &c->arena, &c->who.workspace, &id, out, e);
}

int users_show(struct call *c, struct err *e)
{
	struct user u;
	struct group *groups;
	json_t *out, *list;
	int n, i;
	int rc = user_param(c, &u, e);

	if (rc || (rc = groups_of(c->db, &c->arena, &u.id, &groups, &n, e))) {
		return rc;
	}
	list = json_array();
	for (i = 0; i < n; i++) {
		json_array_append_new(list, group_json(&groups[i]));
	}
	out = user_json(&u);
	json_object_set_new(out, "groups", list);
	return call_json(c, 200, out);
}

static int tx_user_change(struct db *db, void *arg, struct err *e)
{
	struct user_order *o = arg;
	struct arena a;
	struct user u;
	int rc;

	/* Asked again where it counts: it may have become an operator meanwhile. */
	arena_init(&a);
	rc = user_lookup(db, &a, &o->workspace, &o->id, &u, e);
	if (!rc) {
		rc = role_allowed(o->actor_role, (int)u.role, e);
	}
	if (!rc) {
		rc = user_change(db, &o->id, &o->change, e);
	}
	arena_finish(&a);
	return rc ? rc
		  : audit_add(db, &o->workspace, o->actor,
			    o->change.disabled == 1 ? "user.disable" : "user.change", o->id.s, "{}",
			    e);
}

int users_change(struct call *c, struct err *e)
{
	static const char *const fields[] = {"displayName", "password", "role", "disabled"};
	struct user_order o = {
		.workspace = c->who.workspace, .actor = call_actor(c), .actor_role = c->who.role};
	const char *password = NULL;
	char hash[PASSWORD_HASH_SIZE];
	bool disabled = false;
	struct user u;
	int role;
	int rc = user_param(c, &u, e);

	if (rc || (rc = call_fields(c, fields, 4, e)) ||
		(rc = role_allowed(c->who.role, (int)u.role, e)) ||
		(rc = call_text(c, "displayName", false, 200, &o.change.display_name, e)) ||
		(rc = call_text(c, "password", false, PASSWORD_MAX + 1, &password, e)) ||
		(rc = call_bool(c, "disabled", &disabled, e)) ||
		(rc = role_field(c, -1, &role, e)) ||
		(password && (rc = password_hash(password, hash, e)))) {
		return rc;
	}
	o.id = u.id;
	o.change.password_hash = password ? hash : NULL;
	o.change.role = role;
	o.change.disabled = json_object_get(c->body, "disabled") ? disabled : -1;
	if ((rc = store_write(c->app->index->store, tx_user_change, &o, e)) ||
		(rc = call_renew(c, e)) || (rc = user_param(c, &u, e))) {
		return rc;
	}
	return call_json(c, 200, user_json(&u));
}

/* ── groups ── */

struct group_order {
	struct id workspace;
	const char *actor;
	struct id group, user;
	const char *name;
	const char *action;
	int (*run)(struct db *db, struct group_order *o, struct err *e);
};

static int run_group_create(struct db *db, struct group_order *o, struct err *e)
{
	return group_create(db, &o->workspace, o->name, &o->group, e);
}

static int run_group_rename(struct db *db, struct group_order *o, struct err *e)
{
	return group_rename(db, &o->workspace, &o->group, o->name, e);
}

static int run_group_delete(struct db *db, struct group_order *o, struct err *e)
{
	return group_delete(db, &o->workspace, &o->group, e);
}

static int run_group_join(struct db *db, struct group_order *o, struct err *e)
{
	return group_join(db, &o->workspace, &o->group, &o->user, e);
}

static int run_group_leave(struct db *db, struct group_order *o, struct err *e)
{
	return group_leave(db, &o->workspace, &o->group, &o->user, e);
}

static int tx_group(struct db *db, void *arg, struct err *e)
{
	struct group_order *o = arg;
	char detail[64];
	int rc = o->run(db, o, e);

	snprintf(detail, sizeof(detail), "{\"user\":\"%s\"}", o->user.s);
	return rc ? rc
		  : audit_add(db, &o->workspace, o->actor, o->action, o->group.s,
			    id_empty(&o->user) ? "{}" : detail, e);
}

static int group_answer(struct call *c, const struct id *id, int status, struct err *e)
{
	struct group g;
	struct user *members;
	json_t *out, *list;
	int n, i;
	int rc = call_renew(c, e);

	if (rc || (rc = group_lookup(c->db, &c->arena, &c->who.workspace, id, &g, e)) ||
		(rc = group_members(c->db, &c->arena, id, &members, &n, e))) {
		return rc;
	}
	list = json_array();
	for (i = 0; i < n; i++) {
		json_array_append_new(list, user_json(&members[i]));
	}
	out = group_json(&g);
	json_object_set_new(out, "users", list);
	return call_json(c, status, out);
}

int groups_list(struct call *c, struct err *e)
{
	struct group *rows;
	json_t *list;
	int n, i;
	int rc = group_list(c->db, &c->arena, &c->who.workspace, &rows, &n, e);

	if (rc) {
		return rc;
	}
	list = json_array();
	for (i = 0; i < n; i++) {
		json_array_append_new(list, group_json(&rows[i]));
	}
	return call_json(c, 200, json_pack("{s:o, s:n}", "groups", list, "next"));
}

static struct group_order group_order(struct call *c, const char *action,
	int (*run)(struct db *, struct group_order *, struct err *))
{
	return (struct group_order){.workspace = c->who.workspace,
		.actor = call_actor(c),
		.group = id_parse("grp", c->params[0] ? c->params[0] : ""),
		.user = id_parse("usr", c->params[1] ? c->params[1] : ""),
		.action = action,
		.run = run};
}

int groups_create(struct call *c, struct err *e)
{
	static const char *const fields[] = {"name"};
	struct group_order o = group_order(c, "group.create", run_group_create);
	int rc = call_fields(c, fields, 1, e);

	if (rc || (rc = call_text(c, "name", true, 200, &o.name, e)) ||
		(rc = store_write(c->app->index->store, tx_group, &o, e))) {
		return rc;
	}
	return group_answer(c, &o.group, 201, e);
}

int groups_show(struct call *c, struct err *e)
{
	struct id id = id_parse("grp", c->params[0]);

	return group_answer(c, &id, 200, e);
}

int groups_rename(struct call *c, struct err *e)
{
	static const char *const fields[] = {"name"};
	struct group_order o = group_order(c, "group.rename", run_group_rename);
	int rc = call_fields(c, fields, 1, e);

	if (rc || (rc = call_text(c, "name", true, 200, &o.name, e)) ||
		(rc = store_write(c->app->index->store, tx_group, &o, e))) {
		return rc;
	}
	return group_answer(c, &o.group, 200, e);
}

int groups_delete(struct call *c, struct err *e)
{
	struct group_order o = group_order(c, "group.delete", run_group_delete);
	int rc = store_write(c->app->index->store, tx_group, &o, e);

	return rc ? rc : call_empty(c, 204);
}

int groups_join(struct call *c, struct err *e)
{
	struct group_order o = group_order(c, "group.join", run_group_join);
	int rc = store_write(c->app->index->store, tx_group, &o, e);

	return rc ? rc : group_answer(c, &o.group, 200, e);
}

int groups_leave(struct call *c, struct err *e)
{
	struct group_order o = group_order(c, "group.leave", run_group_leave);
	int rc = store_write(c->app->index->store, tx_group, &o, e);

	return rc ? rc : group_answer(c, &o.group, 200, e);
}

/* ── workspaces ── */

struct workspace_order {
	const char *name;
	const char *actor;
	struct id id;
};

static int tx_workspace(struct db *db, void *arg, struct err *e)
{
	struct workspace_order *o = arg;
	int rc = workspace_create(db, o->name, &o->id, e);

	return rc ? rc : audit_add(db, &o->id, o->actor, "workspace.create", o->id.s, "{}", e);
}

int workspaces_create(struct call *c, struct err *e)
{
	static const char *const fields[] = {"name"};
	struct workspace_order o = {.actor = call_actor(c)};
	int rc = call_fields(c, fields, 1, e);

	if (rc || (rc = call_text(c, "name", true, 100, &o.name, e)) ||
		(rc = accounts_name_check(o.name, e)) ||
		(rc = store_write(c->app->index->store, tx_workspace, &o, e))) {
		return rc;
	}
	return call_json(c, 201, json_pack("{s:s, s:s}", "id", o.id.s, "name", o.name));
}

int workspaces_list(struct call *c, struct err *e)
{
	struct workspace *rows;
	json_t *list;
	int n, i;
	int rc = workspace_list(c->db, &c->arena, &rows, &n, e);

	if (rc) {
		return rc;
	}
	list = json_array();
	for (i = 0; i < n; i++) {
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:I}", "id", rows[i].id.s, "name", rows[i].name,
				      "createdMs", (json_int_t)rows[i].created_ms));
	}
	return call_json(c, 200, json_pack("{s:o, s:n}", "workspaces", list, "next"));
}

/* ── the audit log ── */

int audit_show(struct call *c, struct err *e)
{
	int64_t before, limit;
	struct audit *rows;
	json_t *list;
	int n, i;
	int rc = call_query_int(c, "after", 1, INT64_MAX, INT64_MAX, &before, e);

	if (rc || (rc = call_query_int(c, "limit", 1, PAGE_MAX, 50, &limit, e)) ||
		(rc = audit_list(
			 c->db, &c->arena, &c->who.workspace, before, (int)limit, &rows, &n, e))) {
		return rc;
	}
	list = json_array();
	for (i = 0; i < n; i++) {
		json_array_append_new(
			list, json_pack("{s:I, s:I, s:s, s:s, s:s, s:s}", "n",
				      (json_int_t)rows[i].n, "atMs", (json_int_t)rows[i].at_ms,
				      "actor", rows[i].actor, "action", rows[i].action, "object",
				      rows[i].object, "detail", rows[i].detail));
	}
	return call_json(c, 200,
		json_pack("{s:o, s:o}", "audit", list, "next",
			n == limit ? json_sprintf("%lld", (long long)rows[n - 1].n) : json_null()));
}

/* ── whom permissions can name ── */

#define PRINCIPALS_MAX 200
#define WORDS_MAX 200 /* bytes of q */

static json_t *principal_json(const struct principal *p)
{
	json_t *out = json_pack(
		"{s:s, s:s, s:s}", "principal", p->principal, "kind", p->kind, "name", p->name);

	if (p->display_name) {
		json_object_set_new(out, "displayName", json_string(p->display_name));
	}
	if (strcmp(p->kind, "group") == 0) {
		json_object_set_new(out, "members", json_integer((json_int_t)p->n_members));
	}
	return out;
}

int principals_list(struct call *c, struct err *e)
{
	const char *q = call_query(c, "q");
	struct principal *rows;
	json_t *list;
	int64_t limit;
	int n;
	int rc = call_query_int(c, "limit", 1, PRINCIPALS_MAX, 50, &limit, e);

	if (rc == 0 && q && strlen(q) > WORDS_MAX) {
		rc = err_set(e, ERR_INVALID, "bad_parameter", "q must not be longer than %d bytes.",
			WORDS_MAX);
	}
	if (rc == 0) {
		rc = principal_list(c->db, &c->arena, &c->who.workspace, q, call_query(c, "after"),
			(int)limit + 1, &rows, &n, e);
	}
	if (rc != 0) {
		return rc;
	}
	list = json_array();
	for (int i = 0; i < n && i < limit; i++) {
		json_array_append_new(list, principal_json(&rows[i]));
	}
	return call_json(c, 200,
		json_pack("{s:o, s:o}", "principals", list, "next",
			n > limit ? json_string(rows[limit - 1].principal) : json_null()));
}
