/* The server over real sockets, with routes of the test's own, and a client of a few lines. One of
 * it in a program: it defines the table of routes. */
#ifndef TESTS_UNIT_CHAT_HTTP_SERVING_H
#define TESTS_UNIT_CHAT_HTTP_SERVING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chat/auth.h"
#include "chat/http/server.h"
#include "index/base/clock.h"
#include "index/base/fs.h"
#include "index/base/log.h"

#define UNUSED __attribute__((unused))

/* ── routes of the test ── */

static atomic_int n_stops, n_starts;
static atomic_llong n_uploaded;
static atomic_bool hold_upload, revoked, hold_workers;
static atomic_int n_held, n_health_with_db;

static UNUSED int on_hello(struct call *c, struct err *e)
{
	(void)e;
	return call_json(c, 200, json_pack("{s:s}", "hello", c->params[0] ? c->params[0] : ""));
}

static UNUSED int on_held(struct call *c, struct err *e)
{
	(void)e;
	atomic_fetch_add(&n_held, 1);
	while (atomic_load(&hold_workers)) {
		poll(NULL, 0, 5);
	}
	return call_json(c, 200, json_pack("{s:b}", "held", 1));
}

static UNUSED int on_health(struct call *c, struct err *e)
{
	(void)e;
	atomic_fetch_add(&n_health_with_db, c->db ? 1 : 0);
	return call_json(c, 200, json_pack("{s:s}", "status", "ok"));
}

static UNUSED int on_echo(struct call *c, struct err *e)
{
	const char *text = NULL;
	int rc = call_text(c, "text", true, 1000, &text, e);

	return rc ? rc : call_json(c, 200, json_pack("{s:s}", "text", text));
}

static UNUSED int on_fail(struct call *c, struct err *e)
{
	(void)c;
	return err_set(e, ERR_IO, "system", "cannot write /secret/path");
}

static UNUSED int on_upload(struct call *c, struct err *e)
{
	char part[7000];
	int64_t n_all = 0;
	int n;

	while (atomic_load(&hold_upload)) {
		poll(NULL, 0, 5);
	}
	while ((n = body_read(c->stream_in, part, sizeof(part), e)) > 0) {
		n_all += n;
		atomic_store(&n_uploaded, n_all);
	}
	return n < 0 ? n : call_json(c, 200, json_pack("{s:I}", "bytes", (json_int_t)n_all));
}

static UNUSED int on_refuse(struct call *c, struct err *e)
{
	(void)c;
	return err_set(e, ERR_AUTH, "unauthenticated", "no");
}

struct count_stream {
	struct stream s;
	int64_t n_left;
	bool idle;
};

static UNUSED void on_start(struct stream *s)
{
	(void)s;
	atomic_fetch_add(&n_starts, 1);
}

static UNUSED void on_proceed(struct stream *s)
{
	struct count_stream *x = (struct count_stream *)s;
	static char bytes[60000];
	size_t n = x->n_left > (int64_t)sizeof(bytes) ? sizeof(bytes) : (size_t)x->n_left;

	if (x->idle) {
		return;
	}
	memset(bytes, 'x', sizeof(bytes));
	x->n_left -= (int64_t)n;
	stream_send(s, bytes, n, x->n_left == 0);
}

static UNUSED void on_stop(struct stream *s)
{
	atomic_fetch_add(&n_stops, 1);
	free(s);
}

static UNUSED int on_stream(struct call *c, struct err *e)
{
	struct count_stream *x = calloc(1, sizeof(*x));
	int64_t n;
	int rc = call_query_int(c, "n", 0, 1000000000, 0, &n, e);

	if (rc) {
		free(x);
		return rc;
	}
	x->s = (struct stream){.start = on_start, .proceed = on_proceed, .stop = on_stop};
	x->n_left = n;
	x->idle = n == 0;
	x->s.heartbeat = x->idle;
	x->s.n_bytes = call_query(c, "known") ? n : 0;
	c->stream_out = &x->s;
	c->status = 200;
	c->content_type = x->idle ? "text/event-stream" : "application/octet-stream";
	return 0;
}

const struct route routes[] = {
	{"GET", "/hello", ACCESS_USER, BODY_NONE, on_hello, "none"},
	{"GET", "/hello/{name}.txt", ACCESS_USER, BODY_NONE, on_hello, "none"},
	{"POST", "/echo", ACCESS_USER, BODY_JSON, on_echo, "none"},
	{"GET", "/fail", ACCESS_USER, BODY_NONE, on_fail, "none"},
	{"POST", "/upload", ACCESS_USER, BODY_STREAM, on_upload, "none"},
	{"POST", "/refuse", ACCESS_USER, BODY_STREAM, on_refuse, "none"},
	{"GET", "/stream", ACCESS_USER, BODY_NONE, on_stream, "none"},
	{"GET", "/held", ACCESS_USER, BODY_NONE, on_held, "none"},
	{"GET", "/health", ACCESS_PUBLIC, BODY_NONE, on_health, "health"},
};
const int n_routes = (int)(sizeof(routes) / sizeof(routes[0]));

int auth_identify(struct call *c, struct err *e)
{
	(void)e;
	c->credential.carrier = c->peer_is_operator ? CARRIER_SOCKET : CARRIER_ACCESS;
	return 0;
}

bool auth_still(struct db *db, const struct credential *cred, const struct id *objects, int n)
{
	(void)db;
	(void)cred;
	(void)objects;
	(void)n;
	return !atomic_load(&revoked);
}

/* ── the server, on a thread of its own ── */

struct fixture {
	char dir[64];
	struct settings settings;
	struct index index;
	uv_loop_t loop;
	struct app app;
	pthread_t thread;
	int port;
};
static struct fixture f;

static UNUSED void on_closed(void *arg)
{
	(void)arg;
	uv_stop(&f.loop);
}

static UNUSED void on_stop_order(void *arg)
{
	(void)arg;
	server_stop(f.app.server, on_closed, NULL);
	server_abort(f.app.server);
}

static UNUSED void *run_loop(void *arg)
{
	(void)arg;
	uv_run(&f.loop, UV_RUN_DEFAULT);
	return NULL;
}

static UNUSED int setup(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	memset(&f, 0, sizeof(f));
	snprintf(f.dir, sizeof(f.dir), "/tmp/carrel-server-XXXXXX");
	assert_non_null(mkdtemp(f.dir));
	settings_init(&f.settings);
	assert_int_equal(settings_set(&f.settings, "data", f.dir, "test", &e), 0);
	assert_int_equal(settings_set(&f.settings, "listen", "127.0.0.1:0", "test", &e), 0);
	assert_int_equal(settings_set(&f.settings, "http-header-ms", "400", "test", &e), 0);
	assert_int_equal(settings_set(&f.settings, "http-idle-ms", "1200", "test", &e), 0);
	assert_int_equal(settings_set(&f.settings, "http-body-kb", "16", "test", &e), 0);
	assert_int_equal(settings_set(&f.settings, "upload-max-mb", "64", "test", &e), 0);
	assert_int_equal(store_open(f.dir, &f.index.store, &e), 0);
	log_level_set(LOG_ERROR + 1);
	assert_int_equal(uv_loop_init(&f.loop), 0);
	f.app.settings = &f.settings;
	f.app.loop = &f.loop;
	f.app.index = &f.index;
	f.app.pool = pool_create("http", 3, 100);
	f.app.uploads = pool_create("uploads", 2, 100);
	assert_int_equal(server_create(&f.app, false, &f.app.server, &e), 0);
	f.port = (int)strtol(strrchr(server_address(f.app.server), ':') + 1, NULL, 10);
	assert_int_equal(pthread_create(&f.thread, NULL, run_loop, NULL), 0);
	atomic_store(&n_stops, 0);
	atomic_store(&n_starts, 0);
	atomic_store(&revoked, false);
	atomic_store(&hold_upload, false);
	atomic_store(&hold_workers, false);
	atomic_store(&n_held, 0);
	atomic_store(&n_health_with_db, 0);
	return 0;
}

static UNUSED int teardown(void **state)
{
	(void)state;
	server_on_loop(f.app.server, on_stop_order, NULL);
	pthread_join(f.thread, NULL);
	pool_destroy(f.app.pool);
	pool_destroy(f.app.uploads);
	server_destroy(f.app.server);
	assert_int_equal(uv_loop_close(&f.loop), 0);
	store_close(f.index.store);
	settings_finish(&f.settings);
	fs_remove_tree(f.dir);
	return 0;
}

/* ── the client ── */

static UNUSED int dial(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)f.port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static UNUSED void say_n(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k < 0 && (errno == EPIPE || errno == ECONNRESET)) {
			return;
		}
		assert_true(k > 0);
		p += k;
		n -= (size_t)k;
	}
}

static UNUSED void say(int fd, const char *text)
{
	say_n(fd, text, strlen(text));
}

/* Hears until the text holds `until` (NULL: until the end); at most 5 s. false: the end came first.
 */
static UNUSED bool hear(int fd, struct buf *out, const char *until)
{
	int64_t end = clock_mono_ms() + 5000;

	while (!until || !out->data || !memmem(out->data, out->len, until, strlen(until))) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		char part[65536];
		ssize_t n;

		if (poll(&p, 1, (int)(end - clock_mono_ms())) <= 0) {
			fail_msg("nothing came within 5 s; until then: %s",
				out->data ? out->data : "");
		}
		n = recv(fd, part, sizeof(part), 0);
		if (n <= 0) {
			return false;
		}
		buf_add(out, part, (size_t)n);
	}
	return true;
}

static UNUSED int count(const struct buf *b, const char *what)
{
	const char *end = b->data + b->len;
	const char *p = b->data;
	size_t n_what = strlen(what);
	int n = 0;

	/* Not strstr or memmem: a sanitizer looks at the whole rest at each call. */
	while (p && (p = memchr(p, what[0], (size_t)(end - p)))) {
		n += (size_t)(end - p) >= n_what && memcmp(p, what, n_what) == 0;
		p++;
	}
	return n;
}

static UNUSED bool wait_for(bool (*done)(void))
{
	for (int i = 0; i < 1000 && !done(); i++) {
		poll(NULL, 0, 5);
	}
	return done();
}

/* Sends bytes (0: up to the NUL) on a fresh connection and gives all that comes until the server
 * closes. */
static UNUSED void exchange_n(const char *bytes, size_t n, struct buf *out)
{
	int fd = dial();

	say_n(fd, bytes, n);
	hear(fd, out, NULL);
	close(fd);
}

static UNUSED void expect_status(const char *bytes, size_t n, int status)
{
	struct buf out = BUF_INIT;
	char want[32];

	exchange_n(bytes, n, &out);
	snprintf(want, sizeof(want), "HTTP/1.1 %d ", status);
	if (out.len == 0 || strncmp(out.data, want, strlen(want)) != 0) {
		fail_msg("wanted %d for:\n%s\ngot:\n%s", status, bytes, out.data ? out.data : "");
	}
	assert_int_equal(count(&out, "HTTP/1.1 "), 1);
	buf_finish(&out);
}

/* ── requests ── */

#define HOST "Host: a\r\n"
#define LAST "Connection: close\r\n\r\n"
#define POST_ECHO "POST /echo HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"

/* A test with a server of its own. */
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
