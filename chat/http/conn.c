/* A connection: what comes in, when it is too slow, and how it ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chat/http/conn.h"
#include "index/base/log.h"

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static int64_t now_ms(const struct conn *c)
{
	return (int64_t)uv_now(c->server->app->loop);
}

/* ── life ── */

static void on_handle_closed(uv_handle_t *handle)
{
	struct conn *c = handle->data;
	struct server *s = c->server;

	if (c->prev) {
		c->prev->next = c->next;
	} else {
		s->conns = c->next;
	}
	if (c->next) {
		c->next->prev = c->prev;
	}
	s->n_conns--;
	buf_finish(&c->in);
	buf_finish(&c->out);
	buf_finish(&c->flying);
	free(c);
	server_check_closed(s);
}

void conn_close(struct conn *c)
{
	struct exchange *ex = c->exchange;

	if (c->state == CONN_CLOSED) {
		return;
	}
	c->state = CONN_CLOSED;
	c->exchange = NULL;
	room_leave(c);
	if (ex) {
		ex->conn = NULL;
		if (ex->with_worker && ex->call.stream_in) {
			body_close(ex->call.stream_in, BODY_GONE);
		} else if (!ex->with_worker) {
			reply_lost(ex);
		}
	}
	uv_close(&c->h.handle, on_handle_closed);
}

/* What is read while it is not known whether it may be taken has to be kept: no more than that. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct conn *c = handle->data;
	struct exchange *ex = c->state == CONN_BODY ? c->exchange : NULL;
	bool taken = ex && (ex->call.stream_in || ex->room > 0);

	(void)suggested;
	*buf = uv_buf_init(
		c->server->read_buf, taken ? sizeof(c->server->read_buf) : (unsigned)BODY_SMALL);
}

/* Reads while somebody wants what comes; always, but for back-pressure, so that a vanished client
 * shows. */
static void update_reading(struct conn *c)
{
	bool want = !c->eof;

	if (c->state == CONN_CLOSED) {
		return;
	}
	if (c->state == CONN_BODY && c->body_paused && !c->close_after) {
		want = false;
	} else if (c->in.len >= INPUT_MAX) {
		want = false;
	}
	if (want && !c->reading) {
		c->reading = uv_read_start(&c->h.stream, on_alloc, on_read) == 0;
	} else if (!want && c->reading) {
		uv_read_stop(&c->h.stream);
		c->reading = false;
	}
}

static void describe_peer(struct conn *c)
{
	struct sockaddr_storage addr;
	int n = sizeof(addr);

	if (c->is_unix) {
		struct ucred peer;
		socklen_t n_peer = sizeof(peer);
		uv_os_fd_t fd;

		snprintf(c->peer, sizeof(c->peer), "unix");
		c->peer_is_operator =
			uv_fileno(&c->h.handle, &fd) == 0 &&
			getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n_peer) == 0 &&
			(peer.uid == geteuid() || peer.uid == 0);
		return;
	}
	if (uv_tcp_getpeername(&c->h.tcp, (struct sockaddr *)&addr, &n) == 0) {
		uv_ip_name((struct sockaddr *)&addr, c->peer, sizeof(c->peer));
	}
}

void conn_open(struct server *s, uv_stream_t *listener)
{
	struct conn *c = calloc(1, sizeof(*c));

	ASSERT(c != NULL);
	c->server = s;
	c->is_unix = listener == (uv_stream_t *)&s->pipe;
	if (c->is_unix) {
		ASSERT(uv_pipe_init(s->app->loop, &c->h.pipe, 0) == 0);
	} else {
		ASSERT(uv_tcp_init(s->app->loop, &c->h.tcp) == 0);
	}
	c->h.handle.data = c;
	c->serial = ++s->serial;
	c->next = s->conns;
	if (c->next) {
		c->next->prev = c;
	}
	s->conns = c;
	s->n_conns++;
	c->since_ms = now_ms(c);
	if (uv_accept(listener, &c->h.stream) != 0) {
		conn_close(c);
		return;
	}
	if (!c->is_unix) {
		uv_tcp_nodelay(&c->h.tcp, 1);
	}
	describe_peer(c);
	if (s->n_conns > s->app->settings->http_connections) {
		static const char busy[] =
			"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
			"Retry-After: 2\r\nContent-Length: 0\r\n\r\n";
		uv_buf_t buf = uv_buf_init((char *)busy, sizeof(busy) - 1);

		s->n_refused++;
		(void)uv_try_write(&c->h.stream, &buf, 1);
		conn_close(c);
		return;
	}
	update_reading(c);
}

/* ── a head ── */

static struct exchange *begin(struct conn *c)
{
	struct exchange *ex = exchange_create(c->server);

	ex->conn = c;
	c->exchange = ex;
	c->close_after = false;
	c->body_paused = false;
	c->n_overhead = 0;
	c->body_ms = 0;
	snprintf(ex->call.peer, sizeof(ex->call.peer), "%s", c->peer);
	ex->call.peer_is_operator = c->peer_is_operator;
	c->server->n_requests++;
	return ex;
}

/* An answer of the loop's own, made before any worker had the request. */
static void refuse(struct conn *c, int status, struct err *e)
{
	c->server->n_refused++;
	if (!c->complete) {
		c->close_after = true; /* where the next request begins is not known */
	}
	reply_error(c, status, e);
}

static void submit(struct conn *c)
{
	struct err e = ERR_INIT;

	if (!exchange_submit(c->exchange)) {
		err_set(&e, ERR_UNAVAILABLE, "busy", "The server is busy. Try again in a moment.");
		refuse(c, 0, &e);
	}
}

static void on_body_wanted_here(void *arg)
{
	struct exchange *ex = arg;

	if (ex->conn && ex->conn->state == CONN_BODY) {
		reply_raw(ex->conn, "HTTP/1.1 100 Continue\r\n\r\n");
	}
}

static void on_body_wanted(void *arg)
{
	struct exchange *ex = arg;

	if (ex->expects) {
		server_on_loop(ex->server, on_body_wanted_here, ex);
	}
}

static void on_body_low_here(void *arg)
{
	struct exchange *ex = arg;

	if (ex->conn && ex->conn->state == CONN_BODY) {
		ex->conn->body_paused = false;
		ex->conn->since_ms = now_ms(ex->conn);
		conn_resume(ex->conn);
	}
}

static void on_body_low(void *arg)
{
	struct exchange *ex = arg;

	server_on_loop(ex->server, on_body_low_here, ex);
}

/* The head is good: on to the body, or to a worker. */
static void accept_head(struct conn *c)
{
	struct exchange *ex = c->exchange;

	c->since_ms = now_ms(c);
	if (ex->call.route->body == BODY_STREAM) {
		body_init(&ex->stream_in);
		ex->stream_in.on_wanted = on_body_wanted;
		ex->stream_in.on_low = on_body_low;
		ex->stream_in.arg = ex;
		ex->call.stream_in = &ex->stream_in;
		if (c->complete) {
			body_close(&ex->stream_in, BODY_COMPLETE);
		}
	}
	c->state = c->complete ? CONN_WORK : CONN_BODY;
	if (c->complete && exchange_answer(ex)) {
		reply_exchange(c);
	} else if (c->complete || ex->call.stream_in) {
		submit(c);
	} else if (ex->expects) {
		reply_raw(c, "HTTP/1.1 100 Continue\r\n\r\n");
	}
}

static size_t input_head(struct conn *c, const char *p, size_t n)
{
	struct err e = ERR_INIT;
	int status = 0;
	int n_head;

	/* One empty line before a request is a known habit (RFC 9112, 2.2). */
	if (c->scanned == 0 && n >= 2 && p[0] == '\r' && p[1] == '\n') {
		return 2;
	}
	if (!c->head_begun) {
		c->head_begun = true;
		c->since_ms = now_ms(c);
	}
	n_head = head_scan(p, n, &c->scanned);
	if (n_head == 0) {
		return 0;
	}
	c->scanned = 0;
	c->head_begun = false;
	begin(c);
	if (n_head < 0) {
		c->complete = false;
		err_set(&e, ERR_INVALID, n_head == -400 ? "bad_request" : "headers_too_large", "%s",
			n_head == -400 ? "The request is not valid HTTP."
				       : "The request's headers are too large.");
		refuse(c, -n_head, &e);
		return n;
	}
	c->complete = false;
	if (head_parse(c, p, (size_t)n_head, &status, &e) != 0) {
		/* A peer whose requests are malformed is not trusted to mark the next one's
		 * beginning. */
		c->close_after = e.code != ERR_NOT_FOUND && e.code != ERR_METHOD;
		refuse(c, status, &e);
	} else {
		accept_head(c);
	}
	return (size_t)n_head;
}

/* ── a body ── */

/* The body cannot be taken further: refused here, or by the worker that reads it. */
static void body_fails(struct conn *c, enum body_end end)
{
	static const struct {
		int status, code;
		const char *reason, *message;
	} rows[] = {
		[BODY_TRUNCATED] = {400, ERR_INVALID, "truncated_body",
			"The request ended before its body was complete."},
		[BODY_STALLED] = {408, ERR_TIMEOUT, "stalled_body", "The body came too slowly."},
		[BODY_BROKEN] = {400, ERR_INVALID, "bad_request", "The body is not valid HTTP."},
		[BODY_OVER] = {413, ERR_TOO_LARGE, "too_large",
			"The body is larger than is taken here."},
	};
	struct err e = ERR_INIT;

	c->close_after = true;
	if (c->exchange->call.stream_in) {
		body_close(c->exchange->call.stream_in, end);
		c->state = CONN_WORK;
		return;
	}
	if (c->exchange->call.route->body == BODY_NONE && end == BODY_OVER) {
		err_set(&e, ERR_INVALID, "unexpected_body", "This request takes no body.");
		refuse(c, 400, &e);
		return;
	}
	err_set(&e, rows[end].code, rows[end].reason, "%s", rows[end].message);
	refuse(c, rows[end].status, &e);
}

static void body_completes(struct conn *c)
{
	c->complete = true;
	c->state = CONN_WORK;
	if (c->exchange->call.stream_in) {
		body_close(c->exchange->call.stream_in, BODY_COMPLETE);
	} else {
		submit(c);
	}
}

int conn_on_body(llhttp_t *parser, const char *p, size_t n)
{
	struct conn *c = parser->data;
	struct exchange *ex = c->exchange;

	ex->n_body += (int64_t)n;
	if (ex->n_body > ex->body_max) {
		return HPE_USER;
	}
	c->n_overhead = 0;
	c->since_ms = now_ms(c);
	if (ex->call.stream_in) {
		c->body_paused = !body_add(ex->call.stream_in, p, n) || c->body_paused;
	} else {
		buf_add(&ex->body, p, n);
	}
	return 0;
}

/* After the last chunk exactly an empty line: no trailers. */
static size_t input_last(struct conn *c, const char *p, size_t n)
{
	if (p[0] != '\r' || (n > 1 && p[1] != '\n')) {
		body_fails(c, BODY_BROKEN);
		return n;
	}
	if (n < 2) {
		return 0;
	}
	body_completes(c);
	return 2;
}

static size_t input_body(struct conn *c, const char *p, size_t n)
{
	int64_t n_before = c->exchange->n_body;
	size_t n_used = n;
	llhttp_errno_t rc;

	if (c->last_chunk) {
		return input_last(c, p, n);
	}
	rc = llhttp_execute(&c->parser, p, n);
	if (rc == HPE_PAUSED) {
		n_used = (size_t)(llhttp_get_error_pos(&c->parser) - p);
		llhttp_resume(&c->parser);
		rc = HPE_OK;
	}
	if (c->exchange->n_body > c->exchange->body_max) {
		body_fails(c, BODY_OVER);
		return n;
	}
	if (c->exchange->n_body == n_before) {
		c->n_overhead += n_used;
	}
	if (rc != HPE_OK || c->n_overhead > OVERHEAD_MAX) {
		body_fails(c, BODY_BROKEN);
		return n;
	}
	if (c->complete) {
		body_completes(c);
	}
	return n_used;
}

/* How many of n bytes of a body may be taken now; 0: it waits for room. */
static size_t may_take(struct conn *c, size_t n)
{
	const struct exchange *ex = c->exchange;
	size_t n_had = (size_t)ex->n_body;

	if (c->body_paused) {
		return 0;
	}
	if (ex->call.stream_in || ex->room > 0 || c->last_chunk) {
		return n;
	}
	if (n_had < BODY_SMALL) {
		return n < BODY_SMALL - n_had ? n : BODY_SMALL - n_had;
	}
	c->body_paused = !room_take(c);
	return c->body_paused ? 0 : n;
}

/* ── all input ── */

/* How many bytes of p[0, n) the present state used; 0: it has to wait. */
static size_t step(struct conn *c, const char *p, size_t n)
{
	size_t n_body;

	if (c->state == CONN_CLOSED || c->state == CONN_LINGER || c->close_after) {
		return n;
	}
	switch (c->state) {
	case CONN_HEAD:
		return input_head(c, p, n);
	case CONN_BODY:
		n_body = may_take(c, n);
		return n_body > 0 ? input_body(c, p, n_body) : 0;
	default:
		return 0;
	}
}

static void input(struct conn *c, const char *p, size_t n)
{
	bool waiting = c->in.len > 0;
	size_t n_used = 0;
	size_t n_step;

	if (waiting) {
		buf_add(&c->in, p, n);
		p = c->in.data;
		n = c->in.len;
	}
	c->feeding = true;
	while (n_used < n && (n_step = step(c, p + n_used, n - n_used)) > 0) {
		n_used += n_step;
	}
	c->feeding = false;
	if (c->state == CONN_CLOSED) {
		return;
	}
	if (c->state == CONN_LINGER) {
		/* A refusal that was out at once has let go what waited, and wants no more. */
	} else if (waiting) {
		buf_remove_front(&c->in, n_used);
	} else {
		buf_add(&c->in, p + n_used, n - n_used);
	}
	if (c->in.len == 0) {
		buf_finish(&c->in); /* an idle connection holds no memory */
	}
	update_reading(c);
}

void conn_resume(struct conn *c)
{
	if (c->feeding || c->state == CONN_CLOSED) {
		return;
	}
	if (c->in.len > 0) {
		input(c, NULL, 0);
	} else {
		update_reading(c);
	}
}

/* The client's side is over. What it asked before, it may still be waiting for. */
static void on_end(struct conn *c)
{
	c->eof = true;
	switch (c->state) {
	case CONN_BODY:
		body_fails(c, BODY_TRUNCATED);
		break;
	case CONN_WORK:
	case CONN_REPLY:
		c->close_after = true;
		break;
	case CONN_STREAM:
		if (c->exchange->stream_out->heartbeat) {
			conn_close(c);
		} else {
			c->close_after = true;
		}
		break;
	default:
		conn_close(c);
		break;
	}
	update_reading(c);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = stream->data;

	if (n > 0) {
		input(c, buf->base, (size_t)n);
	} else if (n == UV_EOF) {
		on_end(c);
	} else if (n < 0) {
		conn_close(c);
	}
}

/* ── too slow ── */

static bool waits_for_body(const struct conn *c)
{
	return c->state == CONN_BODY && !c->body_paused;
}

static bool is_slower(const struct conn *c, int64_t after_ms, int64_t rate)
{
	return c->body_ms > after_ms && c->exchange->n_body < c->body_ms * rate / 1000;
}

static bool is_in_the_way(const struct conn *c)
{
	const struct exchange *ex = c->exchange;

	if (!is_slower(c, BODY_BUSY_MS, BODY_BUSY_RATE)) {
		return false;
	}
	return ex->call.stream_in ? pool_depth(c->server->app->uploads) > 0
				  : ex->room > 0 && c->server->room_first;
}

static void tick_body(struct conn *c, int64_t now)
{
	int64_t idle_ms = c->server->app->settings->http_idle_ms;

	c->body_ms += TICK_MS;
	if (now - c->since_ms > idle_ms || is_slower(c, idle_ms, BODY_RATE_MIN) ||
		is_in_the_way(c)) {
		body_fails(c, BODY_STALLED);
	}
}

void conn_tick(struct conn *c, int64_t now)
{
	const struct settings *set = c->server->app->settings;
	struct err e = ERR_INIT;

	if (c->state == CONN_HEAD && c->head_begun && now - c->since_ms > set->http_header_ms) {
		begin(c);
		c->complete = false;
		c->head_begun = false;
		c->scanned = 0;
		buf_finish(&c->in);
		err_set(&e, ERR_TIMEOUT, "slow_headers", "The request's headers came too slowly.");
		refuse(c, 408, &e);
	} else if (c->state == CONN_HEAD && !c->head_begun &&
		   (now - c->since_ms > set->http_idle_ms || c->server->stopping)) {
		conn_close(c);
	} else if (c->state == CONN_LINGER && now - c->since_ms > LINGER_MS) {
		conn_close(c);
	} else if (waits_for_body(c)) {
		tick_body(c, now);
	} else if (c->waits_for_room && now - c->since_ms > set->http_idle_ms) {
		room_leave(c);
		err_set(&e, ERR_UNAVAILABLE, "busy", "The server is busy. Try again in a moment.");
		refuse(c, 0, &e);
	} else if (c->state == CONN_REPLY || c->state == CONN_STREAM) {
		reply_tick(c, now);
	}
}
