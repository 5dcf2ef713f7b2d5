/* Settings: shown, changed, tried out. All of it is the operator's. */
#include <stdlib.h>
#include <string.h>

#include "chat/auth.h"
#include "chat/live.h"
#include "chat/probe.h"
#include "chat/routes.h"
#include "index/catalog.h"

static void add_setting(void *arg, const struct setting_view *v)
{
	json_t *row = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:b,s:b}", "name", v->name, "value",
		v->value, "default", v->def, "help", v->help, "source", v->source, "type", v->type,
		"secret", (int)v->secret, "live", (int)v->live);

	if (strcmp(v->type, "number") == 0) {
		json_object_set_new(row, "min", json_integer((json_int_t)v->min));
		json_object_set_new(row, "max", json_integer((json_int_t)v->max));
	}
	if (v->choices) {
		json_object_set_new(row, "choices", json_string(v->choices));
	}
	json_array_append_new(arg, row);
}

/* Every setting as it is configured, and the names of those that differ from what is in force. */
static json_t *settings_json(struct call *c)
{
	const struct settings *configured = live_configured(c->app->live);
	const struct settings *in_force = c->app->settings;
	json_t *list = json_array(), *restart = json_array(), *row;
	size_t i;

	settings_view(configured, add_setting, list);
	json_array_foreach(list, i, row)
	{
		json_t *name = json_object_get(row, "name");

		if (!settings_same(configured, in_force, json_string_value(name))) {
			json_array_append(restart, name);
		}
	}
	return json_pack("{s:o,s:n,s:o}", "settings", list, "next", "restart", restart);
}

int settings_show(struct call *c, struct err *e)
{
	(void)e;
	return call_json(c, 200, settings_json(c));
}

struct changes {
	const char *names[LIVE_CHANGES_MAX];
	const char *values[LIVE_CHANGES_MAX]; /* NULL: the default */
	int n;
};

/* {"model-url": "http://…", "answer-tokens": 600, "listen": null} */
static int read_changes(struct call *c, bool required, struct changes *out, struct err *e)
{
	json_t *object = json_object_get(c->body, "settings");
	const char *name;
	json_t *value;

	out->n = 0;
	if (!object && !required) {
		return 0;
	}
	if (!json_is_object(object) || json_object_size(object) > LIVE_CHANGES_MAX) {
		return err_set(e, ERR_INVALID, object ? "bad_field" : "missing_field",
			"The field settings must be an object of at most %d names and values.",
			LIVE_CHANGES_MAX);
	}
	json_object_foreach(object, name, value)
	{
		const char *text = json_string_value(value);

		if (json_is_integer(value)) {
			text = arena_printf(
				&c->arena, "%lld", (long long)json_integer_value(value));
		} else if (!text && !json_is_null(value)) {
			return err_set(e, ERR_INVALID, "bad_field",
				"%.64s must be a text, a whole number, or null for the default.",
				name);
		}
		out->names[out->n] = name;
		out->values[out->n++] = text;
	}
	return 0;
}

struct audit_order {
	struct call *call;
	char *detail;
};

static int tx_audit(struct db *db, void *arg, struct err *e)
{
	struct audit_order *o = arg;

	return audit_add(db, &o->call->who.workspace, call_actor(o->call), "settings.change",
		"carrel.ini", o->detail, e);
}

/* Which, not what: a value may be a secret. */
static int write_down(struct call *c, const struct changes *x, struct err *e)
{
	struct audit_order o = {.call = c};
	json_t *names = json_array();
	json_t *detail;
	int rc;

	for (int i = 0; i < x->n; i++) {
		json_array_append_new(names, json_string(x->names[i]));
	}
	detail = json_pack("{s:o}", "names", names);
	o.detail = json_dumps(detail, JSON_COMPACT);
	json_decref(detail);
	rc = store_write(c->app->index->store, tx_audit, &o, e);
	free(o.detail);
	return rc;
}

int settings_change(struct call *c, struct err *e)
{
	static const char *const fields[] = {"settings"};
	struct changes x;
	int rc = call_fields(c, fields, 1, e);

	if (rc == 0) {
		rc = read_changes(c, true, &x, e);
	}
	if (rc == 0) {
		call_let_go(c);
		rc = live_change(c->app->live, x.names, x.values, x.n, e);
	}
	if (rc == 0) {
		rc = write_down(c, &x, e);
	}
	return rc == 0 ? call_json(c, 200, settings_json(c)) : rc;
}

/* ── trying out ── */

/* What can be tried out, with the address that each key belongs to. */
static const struct tryable {
	const char *what, *key, *url;
	void (*probe)(const struct settings *s, struct probe *out);
} tryables[] = {
	{"model", "model-key", "model-url", probe_model},
	{"embedder", "embed-key", "embed-url", probe_embedder},
	{"reranker", "rerank-key", "rerank-url", probe_reranker},
};
#define N_TRYABLES (sizeof(tryables) / sizeof(tryables[0]))

static bool is_named(const struct changes *x, const char *name)
{
	for (int i = 0; i < x->n; i++) {
		if (strcmp(x->names[i], name) == 0) {
			return true;
		}
	}
	return false;
}

/* The present settings with those of the request over them, whoever has set the present ones. A key
 * that is kept secret is not sent to a server that it was not given for. */
static int settings_to_try(
	struct call *c, const struct changes *x, struct settings *out, struct err *e)
{
	const struct settings *now = live_configured(c->app->live);
	int rc = 0;

	settings_copy(out, now);
	for (int i = 0; rc == 0 && i < x->n; i++) {
		rc = settings_set(
			out, x->names[i], x->values[i] ? x->values[i] : "", "the request", e);
	}
	for (size_t i = 0; rc == 0 && i < N_TRYABLES; i++) {
		const struct tryable *t = &tryables[i];

		if (!is_named(x, t->key) && !probe_same_server(settings_text(now, t->url),
						    settings_text(out, t->url))) {
			rc = settings_set(out, t->key, "", "the request", e);
		}
	}
	return rc;
}

int settings_test(struct call *c, struct err *e)
{
	static const char *const fields[] = {"what", "settings"};
	const struct tryable *t = NULL;
	const char *what = NULL;
	struct settings tried;
	struct changes x;
	struct probe p;
	int rc = call_fields(c, fields, 2, e);

	if (rc == 0) {
		rc = call_text(c, "what", true, 16, &what, e);
	}
	for (size_t i = 0; rc == 0 && i < N_TRYABLES && !t; i++) {
		t = strcmp(what, tryables[i].what) == 0 ? &tryables[i] : NULL;
	}
	if (rc == 0 && !t) {
		rc = err_set(e, ERR_INVALID, "bad_field",
			"The field what must be model, embedder or reranker.");
	}
	if (rc == 0) {
		rc = read_changes(c, false, &x, e);
	}
	if (rc != 0) {
		return rc;
	}
	rc = settings_to_try(c, &x, &tried, e);
	if (rc == 0) {
		call_let_go(c);
		t->probe(&tried, &p);
		call_json(c, 200,
			json_pack("{s:b,s:I,s:s}", "ok", (int)p.ok, "ms", (json_int_t)p.ms,
				"message", p.message));
	}
	settings_finish(&tried);
	return rc;
}
