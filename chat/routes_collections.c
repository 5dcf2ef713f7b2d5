/* Collections and who may read, write and own them. */
#include "chat/routes.h"

#include <string.h>

#include "chat/accounts.h"
#include "chat/auth.h"
#include "chat/documents.h"
#include "chat/http/server.h"
#include "chat/principals.h"
#include "index/catalog.h"
#include "ingest/upload.h"

/* An array of them, each with who may read it and what the asker may do. */
static int collections_json(
	struct call *c, const struct collection *rows, int n, json_t **out, struct err *e)
{
	struct id *ids = arena_array(&c->arena, struct id, (size_t)n + 1);
	struct acl_summary *access;
	int rc;

	for (int i = 0; i < n; i++) {
		ids[i] = rows[i].id;
	}
	rc = acl_summaries(c->db, &c->arena, &c->who, ids, n, &access, e);
	if (rc != 0) {
		return rc;
	}
	*out = json_array();
	for (int i = 0; i < n; i++) {
		json_array_append_new(*out,
			json_pack("{s:s, s:s, s:I, s:I, s:s, s:o}", "id", rows[i].id.s, "name",
				rows[i].name, "documents", (json_int_t)rows[i].n_documents,
				"createdMs", (json_int_t)rows[i].created_ms, "right",
				right_name(access[i].right), "access", access_json(&access[i])));
	}
	return 0;
}

struct collection_order {
	struct id workspace, id;
	const struct asker *who;
	const char *actor;
	const char *name;
	struct acl_entry *entries;
	int n_entries; /* negative: none given */
};

static struct collection_order order(struct call *c)
{
	return (struct collection_order){.workspace = c->who.workspace,
		.who = &c->who,
		.id = id_parse("col", c->params[0] ? c->params[0] : ""),
		.actor = call_actor(c),
		.n_entries = -1};
}

static int acl_field(
	struct call *c, const char *field, bool required, struct collection_order *o, struct err *e)
{
	json_t *array = NULL;
	int rc = call_array(c, field, required, 1000, &array, e);

	if (rc || !array) {
		return rc;
	}
	return principals_read(
		c->db, &c->arena, &c->who.workspace, array, &o->entries, &o->n_entries, e);
}

int collections_list(struct call *c, struct err *e)
{
	struct collection *rows;
	json_t *list;
	int n;
	int rc = collection_list(c->db, &c->arena, &c->who, &rows, &n, e);

	if (rc || (rc = collections_json(c, rows, n, &list, e))) {
		return rc;
	}
	return call_json(c, 200, json_pack("{s:o, s:n}", "collections", list, "next"));
}

/* The creator owns it besides whatever was asked for. */
static int entries_with_owner(struct db *db, struct collection_order *o, struct err *e)
{
	struct acl_entry *all;
	struct arena a;
	int n = 0, i, rc;

	arena_init(&a);
	all = arena_array(&a, struct acl_entry, (size_t)o->n_entries + 1);
	for (i = 0; i < o->n_entries; i++) {
		if (strcmp(o->entries[i].principal, o->actor) != 0) {
			all[n++] = o->entries[i];
		}
	}
	if (strcmp(o->actor, "operator") != 0) {
		memcpy(all[n].principal, o->actor, strlen(o->actor) + 1);
		all[n++].right = RIGHT_OWN;
	}
	rc = acl_replace(db, &o->workspace, &o->id, all, n, e);
	arena_finish(&a);
	return rc;
}

static int tx_create(struct db *db, void *arg, struct err *e)
{
	struct collection_order *o = arg;
	int rc = collection_name_free(db, o->who, o->name, NULL, e);

	if (!rc) {
		rc = collection_create(db, &o->workspace, o->name, o->actor, &o->id, e);
	}
	if (!rc && o->n_entries >= 0) {
		rc = entries_with_owner(db, o, e);
	}
	return rc ? rc
		  : audit_add(db, &o->workspace, o->actor, "collection.create", o->id.s, "{}", e);
}

static int answer(struct call *c, const struct id *id, int status, struct err *e)
{
	struct collection k;
	json_t *list, *out;
	int rc = call_renew(c, e);

	if (rc || (rc = collection_show(c->db, &c->arena, &c->who, id, &k, e)) ||
		(rc = collections_json(c, &k, 1, &list, e))) {
		return rc;
	}
	out = json_incref(json_array_get(list, 0));
	json_decref(list);
	return call_json(c, status, out);
}

int collections_create(struct call *c, struct err *e)
{
	static const char *const fields[] = {"name", "acl"};
	struct collection_order o = order(c);
	int rc = call_fields(c, fields, 2, e);

	if (rc || (rc = call_text(c, "name", true, 200, &o.name, e)) ||
		(rc = accounts_name_check(o.name, e)) || (rc = acl_field(c, "acl", false, &o, e)) ||
		(rc = store_write(c->app->index->store, tx_create, &o, e))) {
		return rc;
	}
	return answer(c, &o.id, 201, e);
}

int collections_show(struct call *c, struct err *e)
{
	struct id id = id_parse("col", c->params[0]);
	int rc = acl_may(c->db, &c->who, &id, RIGHT_READ, e);

	return rc ? rc : answer(c, &id, 200, e);
}

/* Asked again where it counts: inside the transaction. */
static int tx_rename(struct db *db, void *arg, struct err *e)
{
	struct collection_order *o = arg;
	int rc = acl_may(db, o->who, &o->id, RIGHT_OWN, e);

	if (!rc) {
		rc = collection_name_free(db, o->who, o->name, &o->id, e);
	}
	if (!rc) {
		rc = collection_rename(db, &o->workspace, &o->id, o->name, e);
	}
	return rc ? rc
		  : audit_add(db, &o->workspace, o->actor, "collection.rename", o->id.s, "{}", e);
}

int collections_rename(struct call *c, struct err *e)
{
	static const char *const fields[] = {"name"};
	struct collection_order o = order(c);
	struct collection k;
	int rc = acl_may(c->db, &c->who, &o.id, RIGHT_OWN, e);

	if (rc || (rc = collection_show(c->db, &c->arena, &c->who, &o.id, &k, e)) ||
		(rc = call_fields(c, fields, 1, e)) ||
		(rc = call_text(c, "name", true, 200, &o.name, e)) ||
		(rc = accounts_name_check(o.name, e)) ||
		(rc = store_write(c->app->index->store, tx_rename, &o, e))) {
		return rc;
	}
	return answer(c, &o.id, 200, e);
}

int collections_delete(struct call *c, struct err *e)
{
	struct id id = id_parse("col", c->params[0]);
	struct collection k;
	int64_t n_documents;
	int rc = acl_may(c->db, &c->who, &id, RIGHT_OWN, e);

	/* How many go that he may not read is not his to know. */
	if (rc || (rc = collection_show(c->db, &c->arena, &c->who, &id, &k, e)) ||
		(rc = ingest_delete_collection(
			 c->app->index, &c->who.workspace, &id, call_actor(c), &n_documents, e))) {
		return rc;
	}
	worker_wake(c->app->worker);
	return call_json(c, 200, json_pack("{s:I}", "documents", (json_int_t)k.n_documents));
}

/* An owner may, and an admin of the workspace: it is written down, and gives him no right to read.
 */
static int may_administer(
	struct db *db, const struct asker *who, const struct id *id, struct err *e)
{
	struct collection k;
	struct arena a;
	int rc;

	arena_init(&a);
	rc = collection_lookup(db, &a, &who->workspace, id, &k, e);
	arena_finish(&a);
	return rc == 0 && who->role < ROLE_ADMIN ? acl_may(db, who, id, RIGHT_OWN, e) : rc;
}

static int acl_answer(struct call *c, const struct id *id, struct err *e)
{
	struct acl_entry *entries;
	int n;
	int rc = call_renew(c, e);

	if (rc || (rc = acl_list(c->db, &c->arena, id, &entries, &n, e))) {
		return rc;
	}
	return call_json(c, 200,
		json_pack(
			"{s:o}", "entries", principals_json(c->db, &c->who.workspace, entries, n)));
}

int collections_acl(struct call *c, struct err *e)
{
	struct id id = id_parse("col", c->params[0]);
	int rc = may_administer(c->db, &c->who, &id, e);

	return rc ? rc : acl_answer(c, &id, e);
}

static int tx_acl(struct db *db, void *arg, struct err *e)
{
	struct collection_order *o = arg;
	char detail[64];
	int rc = may_administer(db, o->who, &o->id, e);

	if (!rc) {
		rc = acl_replace(db, &o->workspace, &o->id, o->entries, o->n_entries, e);
	}
	snprintf(detail, sizeof(detail), "{\"entries\":%d}", o->n_entries);
	return rc ? rc : audit_add(db, &o->workspace, o->actor, "acl.set", o->id.s, detail, e);
}

int collections_acl_set(struct call *c, struct err *e)
{
	static const char *const fields[] = {"entries"};
	struct collection_order o = order(c);
	int rc = may_administer(c->db, &c->who, &o.id, e);

	if (rc || (rc = call_fields(c, fields, 1, e)) ||
		(rc = acl_field(c, "entries", true, &o, e)) ||
		(rc = store_write(c->app->index->store, tx_acl, &o, e))) {
		return rc;
	}
	return acl_answer(c, &o.id, e);
}
