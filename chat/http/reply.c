/* What goes out: answers, streams, and when the reader is too slow. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "chat/http/conn.h"
#include "index/base/clock.h"
#include "index/base/log.h"

/* Sends in one turn of the loop; then the next write is told a turn later, so that a fast reader of
 * a long stream does not hold up everybody else. */
#define ROUNDS_MAX 32
/* An open stream keeps no larger buffers: most of the time it has next to nothing to send. */
#define KEPT_BYTES 2048

static void pump(struct conn *c);

static int64_t now_ms(const struct conn *c)
{
	return (int64_t)uv_now(c->server->app->loop);
}

/* ── ends ── */

static void log_access(struct exchange *ex, const char *end)
{
	struct call *c = &ex->call;
	struct log_field fields[] = {LT("request", c->request_id), LT("method", c->method),
		LT("path", c->path), LN("status", c->status), LN("bytes", ex->n_sent),
		LN("ms", (clock_mono_us() - ex->started_us) / 1000), LT("peer", c->peer),
		LT("user", c->credential.user.s), LT("end", end)};
	bool health = c->route && strcmp(c->route->needs, "health") == 0;
	/* This machine's commands ask after their jobs many times a second. */
	bool poll =
		strcmp(c->peer, "unix") == 0 && strcmp(c->method, "GET") == 0 && c->status < 400;
	enum log_level level = health || poll ? LOG_DEBUG : LOG_INFO;

	log_fields(level, "http.request", fields, (int)(sizeof(fields) / sizeof(fields[0])));
}

static void on_stream_over(void *arg)
{
	struct exchange *ex = arg;
	struct stream *s = ex->stream_out;

	ex->stream_out = NULL;
	s->stop(s);
	exchange_free(ex);
}

/* Parts the stream from its connection; its owner is told in a turn of its own, never from inside
 * one of its calls. */
static void end_stream(struct exchange *ex)
{
	ex->server->n_streams--;
	ex->stream_out->private_conn = NULL;
	ex->conn = NULL;
	ex->done = (struct post){.fn = on_stream_over, .arg = ex};
	server_post(ex->server, &ex->done);
}

void reply_lost(struct exchange *ex)
{
	log_access(ex, "lost");
	if (ex->stream_out) {
		end_stream(ex);
		return;
	}
	if (ex->call.stream_out) {
		/* It came back too late to be begun. */
		ex->call.stream_out->private_conn = NULL;
		ex->call.stream_out->stop(ex->call.stream_out);
		ex->call.stream_out = NULL;
	}
	exchange_free(ex);
}

static void on_shut(uv_shutdown_t *req, int status)
{
	(void)req;
	(void)status;
}

static void linger(struct conn *c)
{
	if (c->eof || c->server->stopping ||
		uv_shutdown(&c->shutdown, &c->h.stream, on_shut) != 0) {
		conn_close(c);
		return;
	}
	c->state = CONN_LINGER;
	c->since_ms = now_ms(c);
	buf_finish(&c->in);
}

/* The answer is out. */
static void finish(struct conn *c)
{
	struct exchange *ex = c->exchange;
	bool more = ex->keep_alive && !c->close_after && !c->eof && !c->server->stopping;

	log_access(ex, "");
	c->exchange = NULL;
	ex->conn = NULL;
	if (ex->stream_out) {
		end_stream(ex);
	} else {
		exchange_free(ex);
	}
	buf_finish(&c->out);
	buf_finish(&c->flying);
	if (more) {
		c->state = CONN_HEAD;
		c->since_ms = now_ms(c);
		c->head_begun = false;
		conn_resume(c);
	} else {
		linger(c);
		conn_resume(c);
	}
}

/* ── writing ── */

static void empty(struct buf *b)
{
	if (b->cap > KEPT_BYTES) {
		buf_finish(b);
	} else {
		buf_clear(b);
	}
}

static void on_drained(struct conn *c)
{
	if (c->state == CONN_REPLY) {
		finish(c);
	} else if (c->state == CONN_STREAM) {
		pump(c);
	}
}

static void on_written(uv_write_t *req, int status)
{
	struct conn *c = container_of(req, struct conn, write);

	c->in_flight = false;
	c->n_rounds = 0;
	if (c->state == CONN_CLOSED) {
		return;
	}
	if (status < 0) {
		conn_close(c);
		return;
	}
	c->since_ms = now_ms(c);
	empty(&c->flying);
	reply_flush(c);
}

/* Writes what the socket takes at once; false: the rest is in flight, or the connection is lost. */
static bool write_flying(struct conn *c)
{
	uv_buf_t buf = uv_buf_init(c->flying.data, (unsigned int)c->flying.len);
	int n = UV_EAGAIN;

	if (c->n_rounds++ < ROUNDS_MAX) {
		n = uv_try_write(&c->h.stream, &buf, 1);
	}
	if (n < 0 && n != UV_EAGAIN) {
		conn_close(c);
		return false;
	}
	n = n < 0 ? 0 : n;
	if ((size_t)n == c->flying.len) {
		empty(&c->flying);
		return true;
	}
	buf = uv_buf_init(c->flying.data + n, (unsigned int)(c->flying.len - (size_t)n));
	if (uv_write(&c->write, &c->h.stream, &buf, 1, on_written) != 0) {
		conn_close(c);
		return false;
	}
	c->in_flight = true;
	c->since_ms = now_ms(c);
	c->last_queue = buf.len;
	return false;
}

void reply_flush(struct conn *c)
{
	if (c->in_flight || c->state == CONN_CLOSED) {
		return;
	}
	while (c->out.len > 0) {
		struct buf unused = c->flying;

		c->flying = c->out;
		c->out = unused;
		buf_clear(&c->out);
		if (c->exchange) {
			c->exchange->n_sent += (int64_t)c->flying.len;
		}
		if (!write_flying(c)) {
			return;
		}
	}
	on_drained(c);
}

void reply_raw(struct conn *c, const char *text)
{
	buf_str(&c->out, text);
	reply_flush(c);
}

/* ── heads ── */

/* llhttp's names: "NOT_FOUND" reads "Not Found". */
static void add_reason(struct buf *out, int status)
{
	static const struct {
		int status;
		const char *text;
	} rows[] = {
#define X(num, name, string) {num, #string},
		HTTP_STATUS_MAP(X)
#undef X
	};
	const char *text = "Unknown";

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		text = rows[i].status == status ? rows[i].text : text;
	}
	if (status == 200) {
		buf_str(out, "OK");
		return;
	}
	for (const char *p = text; *p; p++) {
		bool begins = p == text || p[-1] == '_' || p[-1] == ' ';

		buf_char(out, *p == '_' ? ' ' : begins ? *p : (char)tolower((unsigned char)*p));
	}
}

/* A line of that name among call->headers. */
static bool has_header(const struct call *call, const char *name)
{
	const char *p = call->headers.data;
	size_t n = strlen(name);

	while (p && *p) {
		if (strncasecmp(p, name, n) == 0 && p[n] == ':') {
			return true;
		}
		p = strchr(p, '\n');
		p = p ? p + 1 : NULL;
	}
	return false;
}

enum { LENGTH_CHUNKED = -1, LENGTH_CLOSE = -2 };

static void add_head(struct conn *c, int64_t n_bytes)
{
	struct exchange *ex = c->exchange;
	struct call *call = &ex->call;
	struct buf *out = &c->out;

	if (!ex->keep_alive || c->eof || c->server->stopping) {
		c->close_after = true;
	}
	buf_printf(out, "HTTP/1.1 %d ", call->status);
	add_reason(out, call->status);
	buf_printf(out, "\r\nDate: %s\r\nX-Request-Id: %s\r\n", server_date(c->server),
		call->request_id);
	buf_str(out, "X-Content-Type-Options: nosniff\r\n");
	if (!has_header(call, "Cache-Control")) {
		buf_str(out, "Cache-Control: no-store\r\n");
	}
	if (n_bytes != 0) {
		buf_printf(out, "Content-Type: %s\r\n",
			call->content_type ? call->content_type : "application/json");
	}
	if (call->headers.len > 0) {
		buf_add(out, call->headers.data, call->headers.len);
	}
	if (n_bytes >= 0 && call->status != 204 && call->status != 304) {
		buf_printf(out, "Content-Length: %" PRId64 "\r\n", n_bytes);
	} else if (n_bytes == LENGTH_CHUNKED) {
		buf_str(out, "Transfer-Encoding: chunked\r\n");
	}
	if (c->close_after) {
		buf_str(out, "Connection: close\r\n");
	} else if (ex->http_1_0) {
		buf_str(out, "Connection: keep-alive\r\n");
	}
	buf_str(out, "\r\n");
}

/* ── answers ── */

static void send_buffered(struct conn *c)
{
	struct exchange *ex = c->exchange;

	c->state = CONN_REPLY;
	c->since_ms = now_ms(c);
	c->n_rounds = 0;
	add_head(c, (int64_t)ex->call.out.len);
	if (!ex->head_only) {
		buf_add(&c->out, ex->call.out.data ? ex->call.out.data : "", ex->call.out.len);
	}
	reply_flush(c);
}

void reply_error(struct conn *c, int status, const struct err *e)
{
	call_error(&c->exchange->call, status, e->code, e);
	send_buffered(c);
}

static void start_stream(struct conn *c)
{
	struct exchange *ex = c->exchange;
	struct stream *s = ex->call.stream_out;

	ex->stream_out = s;
	ex->call.stream_out = NULL;
	s->app = c->server->app;
	s->credential = ex->call.credential;
	s->private_conn = c;
	c->server->n_streams++;
	c->awaiting = c->proceeding = c->pumping = c->ended = false;
	c->n_rounds = 0;
	c->since_ms = c->sent_ms = now_ms(c);
	c->chunked = s->n_bytes == 0 && !ex->http_1_0;
	if (s->n_bytes == 0 && ex->http_1_0) {
		c->close_after = true;
	}
	add_head(c, s->n_bytes > 0 ? s->n_bytes : c->chunked ? LENGTH_CHUNKED : LENGTH_CLOSE);
	if (ex->head_only) {
		c->state = CONN_REPLY;
		reply_flush(c);
		return;
	}
	c->state = CONN_STREAM;
	if (s->start) {
		s->start(s);
	}
	reply_flush(c);
}

void reply_exchange(struct conn *c)
{
	struct exchange *ex = c->exchange;

	if (c->state == CONN_BODY) {
		/* The answer came before the body was over: what is left of it is dropped. */
		body_close(ex->call.stream_in, BODY_GONE);
		c->close_after = true;
	}
	if (ex->call.stream_out) {
		start_stream(c);
	} else {
		send_buffered(c);
	}
	conn_resume(c);
}

/* ── streams ── */

static void pump(struct conn *c)
{
	if (c->pumping) {
		return;
	}
	c->pumping = true;
	while (c->state == CONN_STREAM && !c->in_flight && c->out.len == 0) {
		struct stream *s = c->exchange->stream_out;

		if (c->ended) {
			c->pumping = false;
			finish(c);
			return;
		}
		if (c->awaiting) {
			break;
		}
		c->awaiting = true;
		c->proceeding = true;
		s->proceed(s);
		c->proceeding = false;
		if (c->state == CONN_STREAM && !c->awaiting) {
			reply_flush(c);
		}
	}
	c->pumping = false;
}

/* Without printf: there is a chunk for each token. */
static void add_hex(struct buf *out, size_t n)
{
	char digits[2 * sizeof(n)];
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[n % 16];
		n /= 16;
	} while (n > 0);
	buf_add(out, digits + at, sizeof(digits) - at);
}

static void add_chunk(struct conn *c, const void *p, size_t n_bytes)
{
	if (c->chunked) {
		add_hex(&c->out, n_bytes);
		buf_str(&c->out, "\r\n");
	}
	buf_add(&c->out, p, n_bytes);
	if (c->chunked) {
		buf_str(&c->out, "\r\n");
	}
}

void stream_send(struct stream *s, const void *p, size_t n_bytes, bool final)
{
	struct conn *c = s->private_conn;

	ASSERT(n_bytes > 0 || final);
	if (!c) {
		return; /* over already; stop is on its way */
	}
	ASSERT(c->awaiting && !c->ended);
	c->awaiting = false;
	c->ended = final;
	c->sent_ms = now_ms(c);
	c->exchange->n_body += (int64_t)n_bytes;
	if (n_bytes > 0) {
		add_chunk(c, p, n_bytes);
	}
	if (final && c->chunked) {
		buf_str(&c->out, "0\r\n\r\n");
	}
	if (!c->proceeding) {
		c->n_rounds = 0;
		reply_flush(c);
	}
}

void stream_abort(struct stream *s)
{
	struct conn *c = s->private_conn;

	if (c) {
		conn_close(c);
	}
}

void reply_tick(struct conn *c, int64_t now)
{
	struct exchange *ex = c->exchange;
	size_t n_queue = uv_stream_get_write_queue_size(&c->h.stream);

	if (c->in_flight) {
		if (n_queue != c->last_queue) {
			c->last_queue = n_queue;
			c->since_ms = now;
		}
		if (now - c->since_ms > c->server->app->settings->http_idle_ms) {
			conn_close(c);
		}
	} else if (c->state == CONN_STREAM && ex->stream_out->heartbeat && !c->ended &&
		   now - c->sent_ms >= HEARTBEAT_MS) {
		static const char beat[] = ": \n\n";

		c->sent_ms = now;
		add_chunk(c, beat, sizeof(beat) - 1);
		reply_flush(c);
	}
}
