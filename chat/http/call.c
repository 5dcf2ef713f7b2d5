/* A request on a worker: run, what it may read, what it may answer. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "chat/auth.h"
#include "chat/http/conn.h"
#include "chat/http/path.h"
#include "index/base/clock.h"
#include "index/base/log.h"

/* ── life ── */

struct exchange *exchange_create(struct server *s)
{
	struct exchange *ex = calloc(1, sizeof(*ex));

	ASSERT(ex != NULL);
	ex->server = s;
	ex->call.app = s->app;
	arena_init(&ex->call.arena);
	buf_init(&ex->call.out);
	buf_init(&ex->call.headers);
	buf_init(&ex->body);
	memcpy(ex->call.request_id, id_create("req").s, ID_SIZE);
	ex->call.method = "";
	ex->call.path = "";
	ex->started_us = clock_mono_us();
	s->n_exchanges++;
	return ex;
}

void exchange_free(struct exchange *ex)
{
	struct server *s = ex->server;

	ASSERT(!ex->with_worker && !ex->stream_out);
	if (ex->call.stream_in) {
		body_finish(&ex->stream_in);
	}
	json_decref(ex->call.body);
	buf_finish(&ex->body);
	room_give_back(ex);
	buf_finish(&ex->call.headers);
	buf_finish(&ex->call.out);
	arena_finish(&ex->call.arena);
	free(ex);
	s->n_exchanges--;
	server_check_closed(s);
}

/* ── on the worker ── */

static int read_json(struct exchange *ex, struct err *e)
{
	const char *type = exchange_header(ex, "content-type");
	size_t n = type ? strcspn(type, "; \t") : 0;
	json_error_t why;

	if (n != 16 || strncasecmp(type, "application/json", n) != 0) {
		return err_set(e, ERR_UNSUPPORTED, "not_json",
			"The request's body must be JSON, with Content-Type: application/json.");
	}
	ex->call.body = json_loadb(
		ex->body.data ? ex->body.data : "", ex->body.len, JSON_REJECT_DUPLICATES, &why);
	buf_finish(&ex->body);
	if (!ex->call.body) {
		return err_set(e, ERR_INVALID, "bad_json",
			"The body is not valid JSON (line %d): %s.", why.line, why.text);
	}
	if (!json_is_object(ex->call.body)) {
		return err_set(e, ERR_INVALID, "bad_json", "The body must be a JSON object.");
	}
	return 0;
}

static int run_route(struct exchange *ex, struct err *e)
{
	struct call *c = &ex->call;
	int rc = auth_identify(c, e);

	/* A parameter that cannot be read is not passed over: it may be a filter. */
	if (rc == 0 && ex->query && !path_query_valid(&c->arena, ex->query)) {
		rc = err_set(e, ERR_INVALID, "bad_parameter",
			"The query of the address is not percent-encoded UTF-8.");
	}
	if (rc == 0 && c->route->body == BODY_JSON) {
		rc = read_json(ex, e);
	}
	if (rc == 0) {
		rc = c->route->work(c, e);
	}
	/* The stream is the owner's until the loop takes it over; with an error there is none. */
	ASSERT(rc == 0 || !c->stream_out);
	return rc;
}

static void on_work(struct pool_item *item)
{
	struct exchange *ex = container_of(item, struct exchange, item);
	struct call *c = &ex->call;
	struct err e = ERR_INIT;
	int rc;

	c->db = store_reader(c->app->index->store, &e);
	rc = c->db ? run_route(ex, &e) : e.code;
	if (rc != 0) {
		enum body_end end = c->stream_in ? body_ended(c->stream_in) : BODY_OPEN;

		call_error(c, end == BODY_STALLED ? 408 : 0, rc, &e);
	} else if (c->status == 0) {
		c->status = 204;
	}
	call_let_go(c);
	/* However long the answer takes to be read. */
	json_decref(c->body);
	c->body = NULL;
	buf_finish(&ex->body);
	server_post(ex->server, &ex->done);
}

static void on_done(void *arg)
{
	struct exchange *ex = arg;

	ex->with_worker = false;
	room_give_back(ex);
	if (ex->conn) {
		reply_exchange(ex->conn);
	} else {
		reply_lost(ex);
	}
}

bool exchange_submit(struct exchange *ex)
{
	struct app *app = ex->server->app;
	const struct route *route = ex->call.route;
	struct pool *pool = route->body == BODY_STREAM		    ? app->uploads
			    : strcmp(route->needs, "password") == 0 ? app->sign_ins
								    : app->pool;

	ex->item.work = on_work;
	ex->done = (struct post){.fn = on_done, .arg = ex};
	ex->with_worker = true;
	if (!pool_submit(pool, &ex->item)) {
		ex->with_worker = false;
	}
	return ex->with_worker;
}

/* ── on the loop ── */

/* Whoever asks after the server's health without saying who he is is told what is in memory. */
static bool is_told_at_once(const struct exchange *ex)
{
	static const char *const named[] = {
		"authorization", "cookie", "x-carrel-as", "x-carrel-workspace"};

	if (strcmp(ex->call.route->needs, "health") != 0 || ex->call.peer_is_operator ||
		ex->query) {
		return false;
	}
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		if (exchange_header(ex, named[i])) {
			return false;
		}
	}
	return true;
}

bool exchange_answer(struct exchange *ex)
{
	struct err e = ERR_INIT;
	int rc;

	if (!is_told_at_once(ex)) {
		return false;
	}
	rc = ex->call.route->work(&ex->call, &e);
	if (rc != 0) {
		call_error(&ex->call, 0, rc, &e);
	}
	return true;
}

/* ── reading ── */

const char *exchange_header(const struct exchange *ex, const char *lower_name)
{
	for (int i = 0; i < ex->n_headers; i++) {
		if (strcasecmp(ex->headers[i].name, lower_name) == 0) {
			return ex->headers[i].value;
		}
	}
	return NULL;
}

const char *call_header_in(struct call *c, const char *name)
{
	return exchange_header(container_of(c, struct exchange, call), name);
}

const char *call_query(struct call *c, const char *name)
{
	struct exchange *ex = container_of(c, struct exchange, call);

	return ex->query ? path_query(&c->arena, ex->query, name) : NULL;
}

const char *call_cookie(struct call *c, const char *name)
{
	const char *p = call_header_in(c, "cookie");
	size_t n_name = strlen(name);

	while (p && *p) {
		size_t n;

		p += strspn(p, " ;\t");
		n = strcspn(p, ";");
		if (n > n_name && strncmp(p, name, n_name) == 0 && p[n_name] == '=') {
			return arena_strn(&c->arena, p + n_name + 1, n - n_name - 1);
		}
		p += n;
	}
	return NULL;
}

int call_query_int(struct call *c, const char *name, int64_t min, int64_t max, int64_t def,
	int64_t *out, struct err *e)
{
	const char *text = call_query(c, name);
	char *end;
	long long v;

	*out = def;
	if (!text) {
		return 0;
	}
	errno = 0;
	v = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end || strchr(" \t+", *text) || v < min || v > max) {
		return err_set(e, ERR_INVALID, "bad_parameter",
			"%s must be a whole number from %" PRId64 " to %" PRId64 ".", name, min,
			max);
	}
	*out = v;
	return 0;
}

/* A field that is there and not null; absence is an error if it is required. */
static int field(struct call *c, const char *name, bool required, json_t **out, struct err *e)
{
	*out = json_object_get(c->body, name);
	if (json_is_null(*out)) {
		*out = NULL;
	}
	if (!*out && required) {
		return err_set(e, ERR_INVALID, "missing_field", "The field %s is missing.", name);
	}
	return 0;
}

static int bad_field(struct err *e, const char *name, const char *what)
{
	return err_set(e, ERR_INVALID, "bad_field", "The field %s must be %s.", name, what);
}

int call_text(struct call *c, const char *name, bool required, size_t max_bytes, const char **out,
	struct err *e)
{
	json_t *v;
	int rc = field(c, name, required, &v, e);

	if (rc != 0 || !v) {
		return rc;
	}
	if (!json_is_string(v)) {
		return bad_field(e, name, "a text");
	}
	if (json_string_length(v) > max_bytes) {
		return err_set(e, ERR_INVALID, "bad_field",
			"The field %s must not be longer than %zu bytes.", name, max_bytes);
	}
	*out = json_string_value(v);
	return 0;
}

int call_int(struct call *c, const char *name, bool required, int64_t min, int64_t max,
	int64_t *out, struct err *e)
{
	json_t *v;
	int rc = field(c, name, required, &v, e);

	if (rc != 0 || !v) {
		return rc;
	}
	if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max) {
		return err_set(e, ERR_INVALID, "bad_field",
			"The field %s must be a whole number from %" PRId64 " to %" PRId64 ".",
			name, min, max);
	}
	*out = json_integer_value(v);
	return 0;
}

int call_bool(struct call *c, const char *name, bool *out, struct err *e)
{
	json_t *v;
	int rc = field(c, name, false, &v, e);

	if (rc != 0 || !v) {
		return rc;
	}
	if (!json_is_boolean(v)) {
		return bad_field(e, name, "true or false");
	}
	*out = json_is_true(v);
	return 0;
}

int call_array(struct call *c, const char *name, bool required, size_t max_items, json_t **out,
	struct err *e)
{
	json_t *v;
	int rc = field(c, name, required, &v, e);

	if (rc != 0 || !v) {
		return rc;
	}
	if (!json_is_array(v)) {
		return bad_field(e, name, "a list");
	}
	if (json_array_size(v) > max_items) {
		return err_set(e, ERR_INVALID, "bad_field",
			"The field %s must not have more than %zu entries.", name, max_items);
	}
	*out = v;
	return 0;
}

int call_fields(struct call *c, const char *const *allowed, int n, struct err *e)
{
	const char *key;
	json_t *value;

	json_object_foreach(c->body, key, value)
	{
		bool known = false;

		for (int i = 0; i < n && !known; i++) {
			known = strcmp(allowed[i], key) == 0;
		}
		if (!known) {
			return err_set(e, ERR_INVALID, "unknown_field",
				"The field %.64s is not known.", key);
		}
	}
	return 0;
}

/* ── answering ── */

void call_header(struct call *c, const char *name, const char *value)
{
	ASSERT(!strpbrk(name, "\r\n: "));
	buf_printf(&c->headers, "%s: ", name);
	for (; *value; value++) {
		/* what cannot stand in a header is not sent in one */
		buf_char(
			&c->headers, (unsigned char)*value < 0x20 || *value == 0x7f ? ' ' : *value);
	}
	buf_str(&c->headers, "\r\n");
}

int call_json(struct call *c, int status, json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT);

	ASSERT(text != NULL);
	json_decref(json);
	buf_clear(&c->out);
	buf_str(&c->out, text);
	free(text);
	c->status = status;
	c->content_type = "application/json";
	return 0;
}

int call_empty(struct call *c, int status)
{
	buf_clear(&c->out);
	c->status = status;
	return 0;
}

void call_error(struct call *c, int status, int code, const struct err *e)
{
	int http = status ? status : err_http(code);
	const char *reason = e->reason[0] ? e->reason : err_type(code);
	const char *message = e->message;
	char own[160];

	if (http == 401) {
		call_header(c, "WWW-Authenticate", "Bearer");
	} else if (http == 429 || http == 503) {
		int soon_s = http == 429 ? 30 : 2;

		call_header(c, "Retry-After",
			arena_printf(
				&c->arena, "%d", c->retry_after_s ? c->retry_after_s : soon_s));
	}
	/* What broke inside is for the log; it may hold paths. */
	if (strcmp(err_type(code), "internal") == 0 || code == ERR_IO) {
		log_error("http.failed", LT("request", c->request_id), LT("error", err_name(code)),
			LT("message", e->message));
		snprintf(own, sizeof(own),
			"Something went wrong here. The log says more about request %s.",
			c->request_id);
		reason = code == ERR_IO ? "storage" : "internal";
		message = own;
	} else if (code == ERR_NO_SPACE) {
		log_error("http.no_space", LT("request", c->request_id), LT("message", e->message));
		message = "There is no space left on the server's disk.";
	}
	call_json(c, http,
		json_pack("{s:{s:s,s:s,s:s}}", "error", "type", err_type(code), "code", reason,
			"message", message));
}

void call_let_go(struct call *c)
{
	store_reader_drop(c->db);
	c->db = NULL;
}

int call_renew(struct call *c, struct err *e)
{
	if (c->db) {
		return store_reader_renew(c->db, e);
	}
	c->db = store_reader(c->app->index->store, e);
	return c->db ? 0 : e->code;
}
