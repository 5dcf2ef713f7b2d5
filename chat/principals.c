#include "chat/principals.h"

#include <string.h>

#include "chat/accounts.h"

#define ENTRIES_MAX 1000

static int resolve_user(struct db *db, struct arena *a, const struct id *workspace,
	const char *name, const struct id *id, struct id *out, struct err *e)
{
	struct user u = {.id = {""}};
	int rc = name ? user_by_name(db, a, workspace, name, &u, e)
		      : user_lookup(db, a, workspace, id, &u, e);

	*out = u.id;
	return rc;
}

static int resolve_group(struct db *db, struct arena *a, const struct id *workspace,
	const char *name, const struct id *id, struct id *out, struct err *e)
{
	struct group g = {.id = {""}};
	int rc = name ? group_by_name(db, a, workspace, name, &g, e)
		      : group_lookup(db, a, workspace, id, &g, e);

	*out = g.id;
	return rc;
}

/* "user:ann", "group:hr", an id or "workspace" to the stored form. */
static int resolve(struct db *db, struct arena *a, const struct id *workspace, const char *text,
	char out[ID_SIZE], struct err *e)
{
	struct id usr = id_parse("usr", text);
	struct id grp = id_parse("grp", text);
	struct id found = {""};
	struct err why = ERR_INIT;
	int rc;

	if (strcmp(text, "workspace") == 0) {
		memcpy(out, "workspace", sizeof("workspace"));
		return 0;
	}
	if (strncmp(text, "user:", 5) == 0) {
		rc = resolve_user(db, a, workspace, text + 5, NULL, &found, &why);
	} else if (strncmp(text, "group:", 6) == 0) {
		rc = resolve_group(db, a, workspace, text + 6, NULL, &found, &why);
	} else if (!id_empty(&usr)) {
		rc = resolve_user(db, a, workspace, NULL, &usr, &found, &why);
	} else if (!id_empty(&grp)) {
		rc = resolve_group(db, a, workspace, NULL, &grp, &found, &why);
	} else {
		rc = ERR_NOT_FOUND;
	}
	if (rc == ERR_NOT_FOUND) {
		return err_set(e, ERR_INVALID, "unknown_principal",
			"\"%.80s\" is nobody here: write workspace, user:NAME, group:NAME or an "
			"id.",
			text);
	}
	if (rc) {
		return err_set(e, rc, why.reason, "%s", why.message);
	}
	memcpy(out, found.s, ID_SIZE);
	return 0;
}

int principals_read(struct db *db, struct arena *a, const struct id *workspace, const json_t *array,
	struct acl_entry **out, int *n, struct err *e)
{
	size_t n_items = json_array_size(array);
	size_t i;

	if (!json_is_array(array) || n_items > ENTRIES_MAX) {
		return err_set(e, ERR_INVALID, "bad_acl",
			"Permissions are a list of at most %d {\"principal\", \"right\"}.",
			ENTRIES_MAX);
	}
	*out = arena_array(a, struct acl_entry, n_items + 1);
	*n = (int)n_items;
	for (i = 0; i < n_items; i++) {
		const json_t *item = json_array_get(array, i);
		const char *principal = json_string_value(json_object_get(item, "principal"));
		const char *right = json_string_value(json_object_get(item, "right"));
		int r = right ? right_parse(right) : -1;
		int rc;

		if (!principal || r < RIGHT_READ) {
			return err_set(e, ERR_INVALID, "bad_acl",
				"Permission %zu needs \"principal\" and \"right\": read, write or "
				"own.",
				i + 1);
		}
		(*out)[i].right = (enum right)r;
		rc = resolve(db, a, workspace, principal, (*out)[i].principal, e);
		if (rc) {
			return rc;
		}
	}
	return 0;
}

json_t *principals_json(
	struct db *db, const struct id *workspace, const struct acl_entry *entries, int n)
{
	json_t *list = json_array();
	struct arena a;
	int i;

	arena_init(&a);
	for (i = 0; i < n; i++) {
		const char *p = entries[i].principal;
		struct id usr = id_parse("usr", p);
		struct id grp = id_parse("grp", p);
		const char *kind = "workspace";
		const char *name = "everyone in the workspace";
		struct user u;
		struct group g;

		if (!id_empty(&usr)) {
			kind = "user";
			name = user_lookup(db, &a, workspace, &usr, &u, NULL) ? "" : u.name;
		} else if (!id_empty(&grp)) {
			kind = "group";
			name = group_lookup(db, &a, workspace, &grp, &g, NULL) ? "" : g.name;
		}
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s}", "principal", p, "kind", kind,
				      "name", name, "right", right_name(entries[i].right)));
	}
	arena_finish(&a);
	return list;
}

json_t *user_json(const struct user *u)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:I}", "id", u->id.s, "name", u->name,
		"displayName", u->display_name, "role", role_name(u->role), "disabled",
		u->disabled_ms > 0, "createdMs", (json_int_t)u->created_ms);
}
