/* The server over real sockets: framing, limits, bodies, streams, vanished clients; with routes of
 * the test's own. */
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
#include <sys/un.h>
#include <unistd.h>

#include "chat/auth.h"
#include "chat/http/server.h"
#include "index/base/clock.h"
#include "index/base/fs.h"
#include "index/base/log.h"

/* ── routes of the test ── */

static atomic_int n_stops, n_starts;
static atomic_llong n_uploaded;
static atomic_bool hold_upload, revoked, hold_workers;
static atomic_int n_held, n_health_with_db;

static int on_hello(struct call *c, struct err *e)
{
	(void)e;
	return call_json(c, 200, json_pack("{s:s}", "hello", c->params[0] ? c->params[0] : ""));
}

static int on_held(struct call *c, struct err *e)
{
	(void)e;
	atomic_fetch_add(&n_held, 1);
	while (atomic_load(&hold_workers)) {
		poll(NULL, 0, 5);
	}
	return call_json(c, 200, json_pack("{s:b}", "held", 1));
}

static int on_health(struct call *c, struct err *e)
{
	(void)e;
	atomic_fetch_add(&n_health_with_db, c->db ? 1 : 0);
	return call_json(c, 200, json_pack("{s:s}", "status", "ok"));
}

static int on_echo(struct call *c, struct err *e)
{
	const char *text = NULL;
	int rc = call_text(c, "text", true, 1000, &text, e);

	return rc ? rc : call_json(c, 200, json_pack("{s:s}", "text", text));
}

static int on_fail(struct call *c, struct err *e)
{
	(void)c;
	return err_set(e, ERR_IO, "system", "cannot write /secret/path");
}

static int on_upload(struct call *c, struct err *e)
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

static int on_refuse(struct call *c, struct err *e)
{
	(void)c;
	return err_set(e, ERR_AUTH, "unauthenticated", "no");
}

struct count_stream {
	struct stream s;
	int64_t n_left;
	bool idle;
};

static void on_start(struct stream *s)
{
	(void)s;
	atomic_fetch_add(&n_starts, 1);
}

static void on_proceed(struct stream *s)
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

static void on_stop(struct stream *s)
{
	atomic_fetch_add(&n_stops, 1);
	free(s);
}

static int on_stream(struct call *c, struct err *e)
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

static void on_closed(void *arg)
{
	(void)arg;
	uv_stop(&f.loop);
}

static void on_stop_order(void *arg)
{
	(void)arg;
	server_stop(f.app.server, on_closed, NULL);
	server_abort(f.app.server);
}

static void *run_loop(void *arg)
{
	(void)arg;
	uv_run(&f.loop, UV_RUN_DEFAULT);
	return NULL;
}

static int setup(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	memset(&f, 0, sizeof(f));
	snprintf(f.dir, sizeof(f.dir),
		"/tmp/carrel-server-"
		"XXXXXX");
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

static int teardown(void **state)
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

static int dial(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)f.port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void say_n(int fd, const char *p, size_t n)
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

static void say(int fd, const char *text)
{
	say_n(fd, text, strlen(text));
}

/* Hears until the text holds `until` (NULL: until the end); at most 5 s. false: the end came first.
 */
static bool hear(int fd, struct buf *out, const char *until)
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

static int count(const struct buf *b, const char *what)
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

static bool wait_for(bool (*done)(void))
{
	for (int i = 0; i < 1000 && !done(); i++) {
		poll(NULL, 0, 5);
	}
	return done();
}

/* Sends bytes (0: up to the NUL) on a fresh connection and gives all that comes until the server
 * closes. */
static void exchange_n(const char *bytes, size_t n, struct buf *out)
{
	int fd = dial();

	say_n(fd, bytes, n);
	hear(fd, out, NULL);
	close(fd);
}

static void expect_status(const char *bytes, size_t n, int status)
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

/* ── framing ── */

#define HOST "Host: a\r\n"
#define LAST "Connection: close\r\n\r\n"

static void test_refuses_ambiguity(void **state)
{
	static const struct {
		int status;
		const char *bytes;
	} rows[] = {
#define POST_ECHO "POST /echo HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"
		{400, POST_ECHO "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"},
		{400, POST_ECHO "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"},
		{400, POST_ECHO "Content-Length: 2, 2\r\n\r\n{}"},
		{400, POST_ECHO "Content-Length: +2\r\n\r\n{}"},
		{400, POST_ECHO "Content-Length: -2\r\n\r\n{}"},
		{400, POST_ECHO "Content-Length: 0x2\r\n\r\n{}"},
		{400, POST_ECHO "Content-Length: 2 2\r\n\r\n{}"},
		{400, POST_ECHO "Content-Length:\r\n\r\n{}"},
		{400, POST_ECHO "Content-Length: 99999999999999999999999999\r\n\r\n{}"},
		{400, POST_ECHO "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{400, POST_ECHO "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n"},
		{400, POST_ECHO "Transfer-Encoding: chunked\r\nTransfer-Encoding: "
				"chunked\r\n\r\n0\r\n\r\n"},
		{400, POST_ECHO "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"},
		{501, POST_ECHO "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
		{400, POST_ECHO "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
		{400, POST_ECHO "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"},
		{400, POST_ECHO "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"},
		{400, POST_ECHO "X: a\r\n folded\r\nContent-Length: 2\r\n\r\n{}"},
		{400, POST_ECHO "X: a\rb\r\nContent-Length: 2\r\n\r\n{}"},
		{400, POST_ECHO "X: a\nContent-Length: 2\r\n\r\n{}"},
		{400, "GET /hello HTTP/1.1\n" HOST "\r\n"},
		{400, "GET /hello HTTP/1.1\r\nHost: a\n\n"},
		{400, "GET /hello HTTP/1.1\r\nHost: a\r\n\rX: y\r\n\r\n"},
		{400, "GET /hello HTTP/1.1\r\n" HOST "X\x01: y\r\n\r\n"},
		{400, "GET /hello HTTP/1.1\r\n" HOST "X: \x7f\r\n\r\n"},
		{400, "GET /hello HTTP/1.1\r\n" HOST "no colon\r\n\r\n"},
		{400, "GET /hello HTTP/1.1\r\n" HOST ": empty\r\n\r\n"},
		{400, "GET /hello HTTP/1.1\r\n Host: a\r\n\r\n"},
		{400, "GET /hello HTTP/1.1\r\n\r\n"},
		{400, "GET /hello HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
		{400, "GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n"},
		{400, "GET  /hello HTTP/1.1\r\n" HOST "\r\n"},
		{400, "GET /hello  HTTP/1.1\r\n" HOST "\r\n"},
		{400, "GET /hello HTTP/1.1 \r\n" HOST "\r\n"},
		{400, "GET\t/hello HTTP/1.1\r\n" HOST "\r\n"},
		{400, "GET /hello\r\n" HOST "\r\n"},
		{400, " GET /hello HTTP/1.1\r\n" HOST "\r\n"},
		{505, "GET /hello HTTP/1.2\r\n" HOST "\r\n"},
		{505, "GET /hello HTTP/2.0\r\n" HOST "\r\n"},
		{400, "GET /hello HTTX/1.1\r\n" HOST "\r\n"},
		{400, "get /hello HTTP/1.1\r\n" HOST "\r\n"},
		{400, "GET hello HTTP/1.1\r\n" HOST "\r\n"},
		{400, "GET /hello#x HTTP/1.1\r\n" HOST "\r\n"},
		{400, "GET /hel%zz HTTP/1.1\r\n" HOST LAST},
		{400, "GET /hello/%00.txt HTTP/1.1\r\n" HOST LAST},
		{400, "GET /hello/%ff.txt HTTP/1.1\r\n" HOST LAST},
		{400, "CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n"},
		{404, "OPTIONS * HTTP/1.1\r\n" HOST LAST},
		{417, "GET /hello HTTP/1.1\r\n" HOST "Expect: much\r\n" LAST},
		{400, "POST /echo HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{400, "GET /hello HTTP/1.1\r\n" HOST "Cookie: a=b\r\nCookie: a=c\r\n" LAST},
#define CHUNKED POST_ECHO "Transfer-Encoding: chunked\r\n\r\n"
		{400, CHUNKED "2\n{}\r\n0\r\n\r\n"},
		{400, CHUNKED "2\r\n{}\n0\r\n\r\n"},
		{400, CHUNKED "2\r\n{}\r\n0\n\r\n"},
		{400, CHUNKED "2\r\n{}\r\n0\r\n\n"},
		{400, CHUNKED "2\r\n{}\r\n0\r\n\rx"},
		{400, CHUNKED "2 \r\n{}\r\n0\r\n\r\n"},
		{400, CHUNKED "0x2\r\n{}\r\n0\r\n\r\n"},
		{400, CHUNKED "-2\r\n{}\r\n0\r\n\r\n"},
		{400, CHUNKED "\r\n{}\r\n0\r\n\r\n"},
		{400, CHUNKED "fffffffffffffffff\r\n{}\r\n0\r\n\r\n"},
		{400, CHUNKED "2\r\n{}x\r\n0\r\n\r\n"},
		{400, CHUNKED "2\r\n{}\r\n0\r\nX: trailer\r\n\r\n"},
		{400, CHUNKED "2;a\x01=b\r\n{}\r\n0\r\n\r\n"},
		{413, POST_ECHO "Content-Length: 16385\r\n\r\n"},
		{413, CHUNKED "ffffff\r\n"},
		{400, "GET /hello HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx"},
		{400, "GET /hello HTTP/1.1\r\n" HOST
		      "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char body[70000];
		size_t n = strlen(rows[i].bytes);

		memcpy(body, rows[i].bytes, n + 1);
		if (strstr(rows[i].bytes, "ffffff\r\n") && rows[i].status == 413) {
			memset(body + n, 'x', 20000);
			n += 20000;
		}
		expect_status(body, n, rows[i].status);
	}
	expect_status("GET /hello HTTP/1.1\r\nHost: a\0b\r\n\r\n",
		sizeof("GET /hello HTTP/1.1\r\nHost: a\0b\r\n\r\n") - 1, 400);
	expect_status("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11, 400);
}

/* The refusal is out while the head's first part still waits in the connection's memory. */
static void test_refuses_in_pieces(void **state)
{
	static const char other[] = "GET /none HTTP/1.1\r\n" HOST LAST;
	static const char *const rows[] = {
		"GET /hello HTTP/1.1\r\n" HOST "Expect: much\r\n\r\n",
		"GET /hello HTTP/1.1\r\n" HOST "X: a\rb",
		"GET /hello HTTP/1.1\r\n" HOST HOST "\r\nGET /hello HTTP/1.1\r\n" HOST LAST,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t n = 1; n < strlen(rows[i]); n++) {
			struct buf out = BUF_INIT;
			int fd = dial();

			say_n(fd, rows[i], n);
			/* So that it has read the first part: another connection's round trip. */
			expect_status(other, sizeof(other) - 1, 404);
			say(fd, rows[i] + n);
			hear(fd, &out, NULL);
			assert_int_equal(count(&out, "HTTP/1.1 4"), 1);
			close(fd);
			buf_finish(&out);
		}
	}
}

static void test_plain_requests(void **state)
{
	static const struct {
		const char *bytes;
		const char *want;
	} rows[] = {
		{"GET /hello HTTP/1.1\r\n" HOST LAST, "{\"hello\":\"\"}"},
		{"\r\nGET /hello HTTP/1.1\r\n" HOST LAST, "{\"hello\":\"\"}"},
		{"GET /hello/a%2Fb.txt?x=y HTTP/1.1\r\n" HOST LAST, "{\"hello\":\"a/b\"}"},
		{"GET /hello/caf%C3%A9.txt HTTP/1.1\r\n" HOST LAST, "{\"hello\":\"café\"}"},
		{"GET http://other/hello HTTP/1.1\r\n" HOST LAST, "{\"hello\":\"\"}"},
		{"GET /hello HTTP/1.0\r\n\r\n", "{\"hello\":\"\"}"},
		{"GET /hello HTTP/1.1\r\n" HOST
		 "Connection: upgrade, close\r\nUpgrade: h2c\r\n\r\n",
			"{\"hello\":\"\"}"},
		{POST_ECHO "Transfer-Encoding: Chunked\r\nConnection: close\r\n\r\n"
			   "3;ext=\"v\"\r\n{\"t\r\n00c\r\next\":\"hello\"\r\n1\r\n}\r\n0\r\n\r\n",
			"{\"text\":\"hello\"}"},
		{"GET /nothing HTTP/1.1\r\n" HOST LAST,
			"{\"error\":{\"type\":\"not_found\",\"code\":\"not_found\",\"message\":"},
		{"POST /hello HTTP/1.1\r\n" HOST LAST, "Allow: GET, HEAD\r\n"},
		{"GET /fail HTTP/1.1\r\n" HOST LAST, "\"code\":\"storage\""},
		{"GET /hello/.txt HTTP/1.1\r\n" HOST LAST, "HTTP/1.1 404 Not Found\r\n"},
		{POST_ECHO "Content-Length: 2\r\nConnection: close\r\n\r\n[]",
			"\"code\":\"bad_json\""},
		{POST_ECHO "Content-Length: 2\r\nConnection: close\r\n\r\n{}",
			"\"code\":\"missing_field\""},
		{POST_ECHO "Content-Length: 21\r\nConnection: "
			   "close\r\n\r\n{\"text\":1,\"text\":\"a\"}",
			"\"code\":\"bad_json\""},
		{"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\nConnection: close\r\n\r\n{}",
			"HTTP/1.1 415 "},
		{"HEAD /hello HTTP/1.1\r\n" HOST LAST, "Content-Length: 12\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf out = BUF_INIT;

		exchange_n(rows[i].bytes, strlen(rows[i].bytes), &out);
		if (!out.data || !strstr(out.data, rows[i].want)) {
			fail_msg("wanted %s for:\n%s\ngot:\n%s", rows[i].want, rows[i].bytes,
				out.data ? out.data : "");
		}
		assert_non_null(strstr(out.data, "X-Request-Id: req_"));
		assert_non_null(strstr(out.data, "X-Content-Type-Options: nosniff\r\n"));
		assert_non_null(strstr(out.data, "Cache-Control: no-store\r\n"));
		assert_null(strstr(out.data, "/secret/path"));
		if (strncmp(rows[i].bytes, "HEAD", 4) == 0) {
			assert_string_equal(strstr(out.data, "\r\n\r\n"), "\r\n\r\n");
		}
		buf_finish(&out);
	}
}

static void test_every_split(void **state)
{
	static const char bytes[] = CHUNKED "3;e=f\r\n{\"t\r\n0d\r\next\":\"hel lo\"\r\n1\r\n}\r\n"
					    "0\r\n\r\nGET /hello HTTP/1.1\r\n" HOST LAST;

	(void)state;
	for (size_t cut = 1; cut < sizeof(bytes) - 1; cut++) {
		struct buf out = BUF_INIT;
		int fd = dial();

		say_n(fd, bytes, cut);
		poll(NULL, 0, 1);
		say(fd, bytes + cut);
		hear(fd, &out, NULL);
		assert_int_equal(count(&out, "HTTP/1.1 200 OK"), 2);
		assert_non_null(strstr(out.data, "{\"text\":\"hel lo\"}"));
		buf_finish(&out);
		close(fd);
	}
}

static void test_pipelining(void **state)
{
	struct buf in = BUF_INIT;
	struct buf out = BUF_INIT;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		buf_printf(&in, "GET /hello/%d.txt HTTP/1.1\r\n" HOST "%s", i,
			i == 2999 ? LAST : "\r\n");
	}
	exchange_n(in.data, in.len, &out);
	assert_int_equal(count(&out, "HTTP/1.1 200 OK"), 3000);
	for (const char *p = out.data, *q; (q = strstr(p, "{\"hello\"")) != NULL; p = q + 1) {
		static int n;
		char want[40];

		snprintf(want, sizeof(want), "{\"hello\":\"%d\"}", n++);
		assert_memory_equal(q, want, strlen(want));
	}
	buf_finish(&in);
	buf_finish(&out);
}

static void test_large_heads(void **state)
{
	struct buf in = BUF_INIT;

	(void)state;
	buf_str(&in, "GET /hello HTTP/1.1\r\n" HOST "X: ");
	while (in.len < 20000) {
		buf_char(&in, 'x');
	}
	expect_status(in.data, in.len, 431);
	buf_clear(&in);
	buf_str(&in, "GET /");
	while (in.len < 20000) {
		buf_char(&in, 'x');
	}
	expect_status(in.data, in.len, 414);
	buf_clear(&in);
	buf_str(&in, "GET /hello HTTP/1.1\r\n" HOST);
	for (int i = 0; i < 200; i++) {
		buf_printf(&in, "X-%d: y\r\n", i);
	}
	buf_str(&in, "\r\n");
	expect_status(in.data, in.len, 431);
	buf_finish(&in);
}

/* ── time ── */

static void test_slow(void **state)
{
	struct buf out = BUF_INIT;
	int fd = dial();

	(void)state;
	say(fd, "GET /hello HTTP/1.1\r\nHo");
	hear(fd, &out, NULL);
	assert_non_null(strstr(out.data, "HTTP/1.1 408 "));
	close(fd);
	buf_clear(&out);
	fd = dial();
	say(fd, POST_ECHO "Content-Length: 20\r\n\r\n{");
	hear(fd, &out, NULL);
	assert_non_null(strstr(out.data, "HTTP/1.1 408 "));
	close(fd);
	buf_clear(&out);
	fd = dial();
	say(fd, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 20\r\n\r\n{");
	hear(fd, &out, NULL);
	assert_non_null(strstr(out.data, "HTTP/1.1 408 "));
	assert_non_null(strstr(out.data, "stalled_body"));
	close(fd);
	buf_clear(&out);
	fd = dial();
	hear(fd, &out, NULL);
	assert_int_equal(out.len, 0);
	close(fd);
	buf_finish(&out);
}

/* ── bodies ── */

static void test_expect(void **state)
{
	struct buf out = BUF_INIT;
	int fd = dial();

	(void)state;
	say(fd, "POST /upload HTTP/1.1\r\n" HOST
		"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
	assert_true(hear(fd, &out, "\r\n\r\n"));
	assert_string_equal(out.data, "HTTP/1.1 100 Continue\r\n\r\n");
	say(fd, "hello");
	assert_true(hear(fd, &out, "{\"bytes\":5}"));
	/* the connection goes on; what is refused is never asked for */
	buf_clear(&out);
	say(fd, "POST /refuse HTTP/1.1\r\n" HOST
		"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
	hear(fd, &out, NULL);
	assert_non_null(strstr(out.data, "HTTP/1.1 401 "));
	assert_non_null(strstr(out.data, "WWW-Authenticate: Bearer\r\n"));
	assert_null(strstr(out.data, "100 Continue"));
	close(fd);
	buf_clear(&out);
	fd = dial();
	say(fd, "POST /upload HTTP/1.1\r\n" HOST
		"Content-Length: 70000000000\r\nExpect: 100-continue\r\n\r\n");
	hear(fd, &out, NULL);
	assert_int_equal(strncmp(out.data, "HTTP/1.1 413 ", 13), 0);
	close(fd);
	buf_finish(&out);
}

static void test_upload_backpressure(void **state)
{
	static char bytes[65536];
	struct buf out = BUF_INIT;
	int fd = dial();
	size_t n_sent = 0;
	struct pollfd p;

	(void)state;
	atomic_store(&hold_upload, true);
	say(fd, "POST /upload HTTP/1.1\r\n" HOST
		"Content-Length: 50000000\r\nConnection: close\r\n\r\n");
	/* Nobody reads: what is taken is the queue and the kernel's buffers, not all. */
	for (;;) {
		ssize_t n;

		p = (struct pollfd){.fd = fd, .events = POLLOUT};
		if (poll(&p, 1, 300) == 0) {
			break;
		}
		n = send(fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
		assert_true(n > 0);
		n_sent += (size_t)n;
		assert_true(n_sent < 30000000);
	}
	atomic_store(&hold_upload, false);
	while (n_sent < 50000000) {
		size_t n = 50000000 - n_sent > sizeof(bytes) ? sizeof(bytes) : 50000000 - n_sent;

		say_n(fd, bytes, n);
		n_sent += n;
	}
	hear(fd, &out, NULL);
	assert_non_null(strstr(out.data, "{\"bytes\":50000000}"));
	close(fd);
	buf_finish(&out);
}

static void test_truncated_upload(void **state)
{
	struct buf out = BUF_INIT;
	int fd = dial();

	(void)state;
	say(fd, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 50\r\n\r\nabc");
	shutdown(fd, SHUT_WR);
	hear(fd, &out, NULL);
	assert_non_null(strstr(out.data, "HTTP/1.1 400 "));
	assert_non_null(strstr(out.data, "truncated_body"));
	close(fd);
	buf_finish(&out);
	/* gone altogether: the worker is told, nobody crashes */
	for (int i = 0; i < 20; i++) {
		fd = dial();
		say(fd, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 50\r\n\r\nabc");
		close(fd);
	}
}

/* ── streams ── */

static bool one_stop(void)
{
	return atomic_load(&n_stops) == 1;
}

static int64_t stream_of(const char *request, struct buf *out)
{
	exchange_n(request, strlen(request), out);
	return count(out, "x");
}

static void test_streams(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	assert_int_equal(
		stream_of("GET /stream?n=1000000&known=1 HTTP/1.1\r\n" HOST LAST, &out), 1000000);
	assert_non_null(strstr(out.data, "Content-Length: 1000000\r\n"));
	buf_clear(&out);
	assert_int_equal(stream_of("GET /stream?n=1000000 HTTP/1.1\r\n" HOST LAST, &out), 1000000);
	assert_non_null(strstr(out.data, "Transfer-Encoding: chunked\r\n"));
	assert_string_equal(out.data + out.len - 7, "\r\n0\r\n\r\n");
	buf_clear(&out);
	assert_int_equal(stream_of("GET /stream?n=100000 HTTP/1.0\r\n\r\n", &out), 100000);
	assert_null(strstr(out.data, "chunked"));
	buf_clear(&out);
	assert_int_equal(atomic_load(&n_starts), 3);
	stream_of("HEAD /stream?n=100000&known=1 HTTP/1.1\r\n" HOST
		  "\r\nGET /hello HTTP/1.1\r\n" HOST LAST,
		&out);
	assert_non_null(strstr(out.data, "Content-Length: 100000\r\n"));
	assert_int_equal(count(&out, "HTTP/1.1 200"), 2);
	assert_int_equal(atomic_load(&n_starts), 3);
	assert_int_equal(atomic_load(&n_stops), 4);
	buf_finish(&out);
}

static void test_stalled_reader_resumes(void **state)
{
	struct buf out = BUF_INIT;
	int fd = dial();

	(void)state;
	say(fd, "GET /stream?n=30000000&known=1 HTTP/1.1\r\n" HOST LAST);
	poll(NULL, 0, 700); /* less than http-idle-ms */
	hear(fd, &out, NULL);
	assert_true(out.len > 30000000);
	close(fd);
	/* and one that never comes back is let go */
	atomic_store(&n_stops, 0);
	fd = dial();
	say(fd, "GET /stream?n=30000000&known=1 HTTP/1.1\r\n" HOST LAST);
	assert_true(wait_for(one_stop));
	close(fd);
	buf_finish(&out);
}

static void test_vanished_from_idle_stream(void **state)
{
	struct buf out = BUF_INIT;
	int fd = dial();

	(void)state;
	say(fd, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
	assert_true(hear(fd, &out, "\r\n\r\n"));
	assert_int_equal(atomic_load(&n_stops), 0);
	close(fd);
	assert_true(wait_for(one_stop));
	buf_finish(&out);
}

static void test_revoked_stream_ends(void **state)
{
	struct buf out = BUF_INIT;
	int fd = dial();
	int64_t since;

	(void)state;
	say(fd, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
	assert_true(hear(fd, &out, "\r\n\r\n"));
	since = clock_mono_ms();
	atomic_store(&revoked, true);
	assert_false(hear(fd, &out, NULL));
	assert_true(clock_mono_ms() - since < 1500);
	assert_true(wait_for(one_stop));
	close(fd);
	buf_finish(&out);
}

static void test_unix_socket(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct buf out = BUF_INIT;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/carrel.sock", f.dir);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	say(fd, "GET /hello HTTP/1.1\r\n" HOST LAST);
	hear(fd, &out, NULL);
	assert_non_null(strstr(out.data, "{\"hello\":\"\"}"));
	close(fd);
	buf_finish(&out);
}

static bool three_are_held(void)
{
	return atomic_load(&n_held) == 3;
}

/* Health is told while every worker is busy, and without the database; to somebody who is named it
 * is told as everything else is. */
static void test_health_while_busy(void **state)
{
	struct buf out = BUF_INIT, held = BUF_INIT;
	int busy[3], fd = dial();

	(void)state;
	atomic_store(&hold_workers, true);
	for (int i = 0; i < 3; i++) {
		busy[i] = dial();
		say(busy[i], "GET /held HTTP/1.1\r\n" HOST "\r\n");
	}
	assert_true(wait_for(three_are_held));
	say(fd, "GET /health HTTP/1.1\r\n" HOST "\r\nGET /health HTTP/1.1\r\n" HOST "\r\n");
	hear(fd, &out, "\"ok\"}HTTP/1.1 200");
	hear(fd, &out, "\r\n\r\n{\"status\":\"ok\"}");
	assert_int_equal(atomic_load(&n_health_with_db), 0);
	say(fd, "GET /health HTTP/1.1\r\n" HOST "Authorization: Bearer x\r\n\r\n");
	atomic_store(&hold_workers, false);
	for (int i = 0; i < 3; i++) {
		assert_true(hear(busy[i], &held, "held"));
		buf_clear(&held);
		close(busy[i]);
	}
	buf_clear(&out);
	assert_true(hear(fd, &out, "\"ok\"}"));
	assert_int_equal(atomic_load(&n_health_with_db), 1);
	close(fd);
	buf_finish(&out);
	buf_finish(&held);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_plain_requests),
		T(test_refuses_ambiguity),
		T(test_refuses_in_pieces),
		T(test_every_split),
		T(test_pipelining),
		T(test_large_heads),
		T(test_slow),
		T(test_expect),
		T(test_upload_backpressure),
		T(test_truncated_upload),
		T(test_streams),
		T(test_stalled_reader_resumes),
		T(test_vanished_from_idle_stream),
		T(test_revoked_stream_ends),
		T(test_unix_socket),
		T(test_health_while_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
