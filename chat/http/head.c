/*
 * The head of a request. llhttp parses it, but first every byte is looked at here: what servers and
 * proxies are known to disagree on (bare CR or LF, NUL, folded lines, more than one blank in the
 * request line) never reaches it, whatever the leniency of the llhttp at hand.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "chat/http/conn.h"
#include "chat/http/path.h"
#include "index/base/alloc.h"
#include "index/base/log.h"
#include "index/base/utf8.h"

/* ── framing ── */

int head_scan(const char *p, size_t n, size_t *scanned)
{
	size_t i;

	for (i = *scanned; i < n && i < HEAD_MAX; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c == '\r') {
			if (i + 1 == n) {
				break;
			}
			if (p[i + 1] != '\n') {
				return -400;
			}
		} else if (c == '\n') {
			if (i == 0 || p[i - 1] != '\r') {
				return -400;
			}
			if (i >= 3 && p[i - 2] == '\n') {
				return (int)i + 1;
			}
		} else if ((c < 0x20 && c != '\t') || c == 0x7f) {
			return -400;
		} else if ((c == ' ' || c == '\t' || c == ':') && (i == 0 || p[i - 1] == '\n')) {
			return -400; /* a folded line, or a header without a name */
		}
	}
	*scanned = i;
	if (i >= HEAD_MAX) {
		return memchr(p, '\n', HEAD_MAX) ? -431 : -414;
	}
	return 0;
}

/* "METHOD target HTTP/1.x" with exactly one blank between them. 0, 400 or 505. */
static int check_line(const char *p, size_t n)
{
	size_t n_line = (size_t)((const char *)memchr(p, '\r', n) - p);
	const char *first = memchr(p, ' ', n_line);
	const char *second =
		first ? memchr(first + 1, ' ', n_line - (size_t)(first + 1 - p)) : NULL;
	size_t n_version;

	if (!second || second == first + 1) {
		return 400;
	}
	n_version = n_line - (size_t)(second + 1 - p);
	if (n_version != 8 || memcmp(second + 1, "HTTP/", 5) != 0) {
		return 400;
	}
	return memcmp(second + 6, "1.1", 3) == 0 || memcmp(second + 6, "1.0", 3) == 0 ? 0 : 505;
}

/* ── llhttp ── */

struct head {
	struct exchange *ex;
	struct buf target;
	struct buf name;
	struct buf value;
	bool too_many;
};

static bool is_power(int n)
{
	return (n & (n - 1)) == 0;
}

static void push_header(struct head *h)
{
	struct exchange *ex = h->ex;
	struct arena *a = &ex->call.arena;

	if (h->name.len == 0) {
		return;
	}
	if (ex->n_headers == HEADERS_MAX) {
		h->too_many = true;
		return;
	}
	if (ex->n_headers == 0 || (ex->n_headers >= HEADERS_ROOM && is_power(ex->n_headers))) {
		int n_room = ex->n_headers ? ex->n_headers * 2 : HEADERS_ROOM;
		struct header *more = arena_array(a, struct header, (size_t)n_room);

		for (int i = 0; i < ex->n_headers; i++) {
			more[i] = ex->headers[i];
		}
		ex->headers = more;
	}
	while (h->value.len > 0 && strchr(" \t", h->value.data[h->value.len - 1])) {
		h->value.len--;
	}
	for (size_t i = 0; i < h->name.len; i++) {
		h->name.data[i] = (char)tolower((unsigned char)h->name.data[i]);
	}
	ex->headers[ex->n_headers].name = arena_strn(a, h->name.data, h->name.len);
	ex->headers[ex->n_headers++].value =
		h->value.len > 0 ? arena_strn(a, h->value.data, h->value.len) : "";
	buf_clear(&h->name);
	buf_clear(&h->value);
}

static int on_url(llhttp_t *parser, const char *p, size_t n)
{
	struct conn *c = parser->data;

	buf_add(&((struct head *)c->head)->target, p, n);
	return 0;
}

static int on_field(llhttp_t *parser, const char *p, size_t n)
{
	struct conn *c = parser->data;
	struct head *h = c->head;

	buf_add(&h->name, p, n);
	return 0;
}

static int on_value(llhttp_t *parser, const char *p, size_t n)
{
	struct conn *c = parser->data;

	buf_add(&((struct head *)c->head)->value, p, n);
	return 0;
}

static int on_value_end(llhttp_t *parser)
{
	struct conn *c = parser->data;

	push_header(c->head);
	return 0;
}

static int on_head(llhttp_t *parser)
{
	struct conn *c = parser->data;
	struct exchange *ex = c->exchange;

	ex->keep_alive = llhttp_should_keep_alive(parser) != 0;
	ex->has_length = (parser->flags & F_CONTENT_LENGTH) != 0;
	ex->length = ex->has_length ? parser->content_length : 0;
	parser->upgrade = 0; /* we speak nothing else: an upgrade is an offer, and not taken */
	return 0;
}

static int on_chunk(llhttp_t *parser)
{
	struct conn *c = parser->data;

	/* What follows the last chunk is read by conn.c: trailers are refused. */
	c->last_chunk = parser->content_length == 0;
	return c->last_chunk ? HPE_PAUSED : 0;
}

static int on_message(llhttp_t *parser)
{
	struct conn *c = parser->data;

	c->complete = true;
	return HPE_PAUSED;
}

static const llhttp_settings_t *parser_settings(void)
{
	static llhttp_settings_t all;
	static bool made;

	if (!made) {
		llhttp_settings_init(&all);
		all.on_url = on_url;
		all.on_header_field = on_field;
		all.on_header_value = on_value;
		all.on_header_value_complete = on_value_end;
		all.on_headers_complete = on_head;
		all.on_chunk_header = on_chunk;
		all.on_body = conn_on_body;
		all.on_message_complete = on_message;
		made = true;
	}
	return &all;
}

/* ── what is refused ── */

static int bad(struct err *e, const char *message)
{
	return err_set(e, ERR_INVALID, "bad_request", "%s", message);
}

/* Headers that mean one thing: a second one is an attempt to be read in two ways. */
static const char *const single[] = {"host", "content-length", "transfer-encoding", "content-type",
	"authorization", "cookie", "expect", "x-csrf-token", "x-carrel-as", "x-carrel-workspace",
	"idempotency-key", "last-event-id", "range"};

static int check_headers(struct exchange *ex, int *status, struct err *e)
{
	const char *host = exchange_header(ex, "host");
	const char *coding = exchange_header(ex, "transfer-encoding");
	const char *expect = exchange_header(ex, "expect");

	for (size_t k = 0; k < sizeof(single) / sizeof(single[0]); k++) {
		int n = 0;

		for (int i = 0; i < ex->n_headers; i++) {
			n += strcmp(ex->headers[i].name, single[k]) == 0;
		}
		if (n > 1) {
			return err_set(e, ERR_INVALID, "bad_request",
				"There is more than one %s header.", single[k]);
		}
	}
	if ((!host && !ex->http_1_0) || (host && strpbrk(host, " \t/@\\"))) {
		return bad(e, "The request needs one valid Host header.");
	}
	if (coding && (ex->http_1_0 || ex->has_length || strcasecmp(coding, "chunked") != 0)) {
		*status = ex->http_1_0 || ex->has_length ? 400 : 501;
		return bad(e, "The only Transfer-Encoding that is understood is chunked.");
	}
	if (expect && strcasecmp(expect, "100-continue") != 0) {
		*status = 417;
		return bad(e, "The only expectation that can be met is 100-continue.");
	}
	ex->expects = expect && !ex->http_1_0;
	return 0;
}

/* Origin form, or absolute form, whose authority has no meaning here (RFC 9112, 3.2.2). */
static const char *path_of(char *target)
{
	size_t n_scheme = strncasecmp(target, "http://", 7) == 0    ? 7
			  : strncasecmp(target, "https://", 8) == 0 ? 8
								    : 0;

	if (n_scheme > 0) {
		size_t n = strcspn(target + n_scheme, "/?");

		if (target[n_scheme + n] == '\0') {
			return n > 0 ? "/" : NULL;
		}
		if (n == 0) {
			return NULL;
		}
		if (target[n_scheme + n] == '?') {
			n--; /* the missing slash takes the place of the authority's last byte */
			target[n_scheme + n] = '/';
		}
		return target + n_scheme + n;
	}
	return target[0] == '/' || strcmp(target, "*") == 0 ? target : NULL;
}

static int read_target(
	struct exchange *ex, const struct buf *target, char **raw, int *status, struct err *e)
{
	char *copy = arena_strn(&ex->call.arena, target->data ? target->data : "", target->len);
	const char *path = path_of(copy);
	size_t n;

	if (target->len > TARGET_MAX) {
		*status = 414;
		return bad(e, "The address is too long.");
	}
	if (!path || strchr(copy, '#')) {
		return bad(e, "The request's target is not a path.");
	}
	n = strcspn(path, "?");
	ex->query = path[n] == '?' ? path + n + 1 : NULL;
	*raw = arena_strn(&ex->call.arena, path, n);
	ex->call.path = path_decode(&ex->call.arena, *raw, n, false);
	if (!ex->call.path) {
		ex->call.path = "";
		return bad(e, "The address is not valid percent-encoded UTF-8.");
	}
	return 0;
}

/* ── the route ── */

static int find_route(struct exchange *ex, const char *raw, struct err *e)
{
	struct call *call = &ex->call;
	struct buf allowed = BUF_INIT;

	for (int i = 0; i < n_routes; i++) {
		const char *params[PATH_PARAMS_MAX] = {NULL, NULL, NULL};

		if (!path_match(&call->arena, routes[i].pattern, raw, params)) {
			continue;
		}
		if (strcmp(routes[i].method, call->method) == 0 ||
			(ex->head_only && strcmp(routes[i].method, "GET") == 0)) {
			call->route = &routes[i];
			memcpy(call->params, params, sizeof(call->params));
			buf_finish(&allowed);
			return 0;
		}
		buf_printf(&allowed, "%s%s%s", allowed.len ? ", " : "", routes[i].method,
			strcmp(routes[i].method, "GET") == 0 ? ", HEAD" : "");
	}
	if (allowed.len > 0) {
		call_header(call, "Allow", allowed.data);
		buf_finish(&allowed);
		return err_set(e, ERR_METHOD, "method_not_allowed",
			"This address does not take that method.");
	}
	return err_absent(e);
}

/* The body's announced length and type against what the route takes. */
static int check_body(struct conn *c, struct err *e)
{
	struct exchange *ex = c->exchange;
	const struct settings *set = ex->server->app->settings;

	ex->body_max = 0;
	if (ex->call.route->body == BODY_JSON) {
		ex->body_max = set->http_body_kb * 1024;
	} else if (ex->call.route->body == BODY_STREAM) {
		ex->body_max = (set->upload_max_mb + 1) * 1024 * 1024;
	} else if (ex->length > 0) {
		return err_set(e, ERR_INVALID, "unexpected_body", "This request takes no body.");
	}
	if (ex->has_length && ex->length > (uint64_t)ex->body_max) {
		return err_set(e, ERR_TOO_LARGE, "too_large",
			"The request's body is larger than %lld bytes, which is the most taken "
			"here.",
			(long long)ex->body_max);
	}
	return 0;
}

/* ── all of it ── */

static int run_parser(struct conn *c, const char *p, size_t n, struct err *e)
{
	struct head *h = c->head;
	llhttp_errno_t rc;

	llhttp_init(&c->parser, HTTP_REQUEST, parser_settings());
	c->parser.data = c;
	c->complete = false;
	c->last_chunk = false;
	rc = llhttp_execute(&c->parser, p, n);
	c->exchange->call.method = llhttp_method_name((llhttp_method_t)c->parser.method);
	c->exchange->http_1_0 = c->parser.http_minor == 0;
	c->exchange->head_only = c->parser.method == HTTP_HEAD;
	if (rc == HPE_PAUSED && c->complete && llhttp_get_error_pos(&c->parser) == p + n) {
		rc = HPE_OK;
	}
	if (rc != HPE_OK) {
		return bad(e, "The request is not valid HTTP.");
	}
	return h->too_many ? err_set(e, ERR_INVALID, "too_many_headers",
				     "There are more than %d headers.", HEADERS_MAX)
			   : 0;
}

/* What is left of the memory is for what has begun. */
static int check_memory(struct server *s, struct err *e)
{
	bool is_short = alloc_is_short();

	if (is_short && !s->short_of_memory) {
		log_warn("http.short_of_memory", LN("exchanges", s->n_exchanges));
	}
	s->short_of_memory = is_short;
	return is_short ? err_set(e, ERR_UNAVAILABLE, "out_of_memory",
				  "The server is short of memory. Try again in a moment.")
			: 0;
}

int head_parse(struct conn *c, const char *p, size_t n, int *status, struct err *e)
{
	struct head h = {.ex = c->exchange};
	char *raw = NULL;
	int rc;

	*status = check_line(p, n);
	if (*status != 0) {
		return bad(e, *status == 505 ? "Only HTTP 1.1 and 1.0 are spoken here."
					     : "The request line is not valid HTTP.");
	}
	c->head = &h;
	rc = run_parser(c, p, n, e);
	c->head = NULL;
	if (rc == 0) {
		rc = check_headers(c->exchange, status, e);
	}
	if (rc == 0) {
		rc = read_target(c->exchange, &h.target, &raw, status, e);
	}
	if (h.too_many) {
		*status = 431;
	}
	if (rc == 0) {
		rc = find_route(c->exchange, raw, e);
	}
	if (rc == 0) {
		rc = check_body(c, e);
	}
	if (rc == 0) {
		rc = check_memory(c->server, e);
	}
	buf_finish(&h.target);
	buf_finish(&h.name);
	buf_finish(&h.value);
	return rc;
}
