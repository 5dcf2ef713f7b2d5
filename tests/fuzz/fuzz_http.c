/*
 * What a client may send: all of the parser's policy (chat/http/head.c, conn.c), over a socket
 * pair. However the bytes are cut, the same requests are taken and the same answers given; what was
 * taken could not be read in another way by a proxy before us.
 *
 * The first byte says how the second run is cut.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "index/base/log.h"
#include "index/base/utf8.h"
#include "tests/fuzz/http_alone.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

const struct route routes[] = {
	{"GET", "/v1/me", ACCESS_USER, BODY_NONE, NULL, "none"},
	{"GET", "/v1/documents/{id}/pages/{page}.png", ACCESS_USER, BODY_NONE, NULL, "none"},
	{"POST", "/v1/search", ACCESS_USER, BODY_JSON, NULL, "none"},
	{"POST", "/v1/documents", ACCESS_USER, BODY_STREAM, NULL, "none"},
	{"DELETE", "/v1/documents/{id}", ACCESS_USER, BODY_NONE, NULL, "none"},
};
const int n_routes = (int)(sizeof(routes) / sizeof(routes[0]));

static struct settings settings;
static uv_loop_t loop;
static struct app app;
static struct server server;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_level_set(LOG_ERROR + 1);
	settings_init(&settings);
	settings.http_body_kb = 1; /* so that the limits are met */
	app.settings = &settings;
	app.loop = &loop;
	server.app = &app;
	if (uv_loop_init(&loop) != 0) {
		abort();
	}
	return 0;
}

static void must(bool true_here)
{
	if (!true_here) {
		abort();
	}
}

/* ── one connection ── */

struct talk {
	int peer;
	struct buf said; /* the answers */
	struct buf took; /* the requests, a line each, and their bodies */
};

static void hear(struct talk *t)
{
	char part[65536];
	ssize_t n;

	while ((n = recv(t->peer, part, sizeof(part), MSG_DONTWAIT)) > 0) {
		buf_add(&t->said, part, (size_t)n);
	}
}

static int count(const struct exchange *ex, const char *name)
{
	int n = 0;

	for (int i = 0; i < ex->n_headers; i++) {
		n += strcmp(ex->headers[i].name, name) == 0;
	}
	return n;
}

/* What smuggles a request past a proxy has not come this far. */
static void check_request(const struct exchange *ex)
{
	must(count(ex, "host") == 1 || (ex->http_1_0 && count(ex, "host") == 0));
	must(count(ex, "content-length") + count(ex, "transfer-encoding") <= 1);
	must(!ex->http_1_0 || count(ex, "transfer-encoding") == 0);
	must(utf8_valid(ex->call.path, strlen(ex->call.path)));
	must(ex->n_body <= ex->body_max);
	for (int i = 0; i < ex->n_headers; i++) {
		must(*ex->headers[i].name && !strpbrk(ex->headers[i].name, " \t\r\n:"));
		must(!strpbrk(ex->headers[i].value, "\r\n"));
	}
}

static void take_body(struct talk *t, struct exchange *ex)
{
	struct err e = ERR_INIT;
	char part[512];
	int64_t n_all = 0;
	int n;

	if (!ex->call.stream_in) {
		must(ex->n_body == (int64_t)ex->body.len);
		buf_add(&t->took, ex->body.data ? ex->body.data : "", ex->body.len);
		must(!ex->has_length || (uint64_t)ex->n_body == ex->length);
		return;
	}
	while ((n = body_read(ex->call.stream_in, part, sizeof(part), &e)) > 0) {
		buf_add(&t->took, part, (size_t)n);
		n_all += n;
	}
	must(n < 0 || (n_all == ex->n_body && (!ex->has_length || (uint64_t)n_all == ex->length)));
	buf_printf(&t->took, " %s", n < 0 ? e.reason : "whole");
}

/* Answers what is complete. */
static void answer(struct talk *t)
{
	struct exchange *ex = http_submitted;

	if (!ex || (ex->call.stream_in && body_ended(ex->call.stream_in) == BODY_OPEN)) {
		return;
	}
	http_submitted = NULL;
	check_request(ex);
	buf_printf(&t->took, "%s %s %s %d: ", ex->call.method, ex->call.path,
		ex->query ? ex->query : "-", ex->n_headers);
	take_body(t, ex);
	buf_char(&t->took, '\n');
	ex->with_worker = false;
	ex->call.status = 204;
	if (ex->conn) {
		reply_exchange(ex->conn);
	} else {
		reply_lost(ex);
	}
}

/* Until nothing moves any more. */
static void go_on(struct talk *t)
{
	do {
		uv_run(&loop, UV_RUN_NOWAIT);
		hear(t);
		answer(t);
	} while (
		http_submitted && (!http_submitted->call.stream_in ||
					  body_ended(http_submitted->call.stream_in) != BODY_OPEN));
	uv_run(&loop, UV_RUN_NOWAIT);
	hear(t);
}

static void dial(struct talk *t)
{
	struct conn *c = calloc(1, sizeof(*c));
	int ends[2];

	must(c && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	t->peer = ends[1];
	c->server = &server;
	c->is_unix = true;
	must(uv_pipe_init(&loop, &c->h.pipe, 0) == 0 && uv_pipe_open(&c->h.pipe, ends[0]) == 0);
	c->h.handle.data = c;
	server.conns = c;
	server.n_conns = 1;
	conn_resume(c);
}

static void hang_up(struct talk *t)
{
	(void)shutdown(t->peer, SHUT_WR);
	go_on(t);
	if (server.conns) {
		conn_close(server.conns);
	}
	while (uv_run(&loop, UV_RUN_NOWAIT)) {
	}
	answer(t);
	close(t->peer);
	must(!server.conns && !http_submitted && server.n_exchanges == 0);
}

static void talk(struct talk *t, const char *p, size_t n, size_t cut)
{
	dial(t);
	for (size_t at = 0; at < n;) {
		size_t take = n - at < cut ? n - at : cut;

		if (send(t->peer, p + at, take, MSG_NOSIGNAL) != (ssize_t)take) {
			break;
		}
		at += take;
		go_on(t);
	}
	hang_up(t);
}

static bool same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct talk whole = {0}, cut = {0};

	if (n < 2) {
		return -1;
	}
	talk(&whole, (const char *)data + 1, n - 1, n);
	talk(&cut, (const char *)data + 1, n - 1, 1 + data[0] % 64);
	must(same(&whole.took, &cut.took) && same(&whole.said, &cut.said));
	buf_finish(&whole.said);
	buf_finish(&whole.took);
	buf_finish(&cut.said);
	buf_finish(&cut.took);
	return 0;
}
