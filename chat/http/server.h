/*
 * The HTTP/1.1 server: a thin layer of ours on libuv and llhttp (strict). It accepts, parses (RFC
 * 9112), limits and times connections on the loop thread, hands whole requests to worker threads,
 * and sends what comes back. TLS and HTTP/2: a reverse proxy in front.
 *
 *   loop:    accept -> parse -> route lookup -> body: none | JSON, buffered | stream, queued
 *   worker:  identify the asker (chat/auth.h) -> check access -> route->work(call)
 *   loop:    send response | start a stream (pull: proceed/stop)
 *
 * Keep-alive and pipelining (answers in order, one request of a connection at a time). Refused with
 * 400 and close: two Content-Lengths, length and chunked, obs-fold, bare CR or LF tricks, NUL, a
 * missing or doubled Host. `Expect: 100-continue` is answered once the route and the announced
 * length are fine; a length over the route's limit is 413 before the body. Headers over 16 KiB:
 * 431. Slow headers or a stalled body: 408 and close. Every response carries
 * X-Content-Type-Options: nosniff, Cache-Control: no-store unless the route said otherwise, and a
 * request id that is also in the log line.
 */
#ifndef CHAT_HTTP_SERVER_H
#define CHAT_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "chat/app.h"
#include "index/acl.h"
#include "index/base/arena.h"
#include "index/base/buf.h"
#include "index/base/err.h"

/* ── routes: one table (chat/routes.c), one row each; the permission matrix and openapi.json are
 * held against it ── */

enum access {
	ACCESS_PUBLIC,	 /* anybody */
	ACCESS_USER,	 /* a signed-in, active user, or the operator on the socket */
	ACCESS_ADMIN,	 /* an admin of the workspace */
	ACCESS_OPERATOR, /* an operator of the installation */
	ACCESS_MACHINE,	 /* the same, on the machine's socket: what touches its files */
};

enum body_kind {
	BODY_NONE, /* a body is refused (400) unless empty */
	/* application/json object, at most http_body_kb; call->body. Over 16 KiB it is read once
	   the bodies of all connections leave room for it (64 MiB, of which those of one address
	   leave a quarter to others), 503 after http_idle_ms */
	BODY_JSON,
	BODY_STREAM, /* runs on app->uploads; read with body_read; at most upload_max_mb + 1 MiB */
};

struct call;
struct route {
	const char *method;
	const char *
		pattern; /* "/v1/documents/{id}/pages/{page}.png"; {…} matches one segment's part */
	enum access access;
	enum body_kind body;
	/* On a worker; 0, or an error that is answered. Of "health", where the request names
	 * nobody: on the loop, without call->db. */
	int (*work)(struct call *c, struct err *e);
	/* What the path's {id} names and the right that is needed, for the matrix:
	 * "document:read", "collection:own", "conversation:owner", "self", "none", …; "password":
	 * runs on app->sign_ins */
	const char *needs;
};
extern const struct route routes[];
extern const int n_routes;

/* ── a request on a worker thread ── */

enum carrier { /* how the credential came */
	CARRIER_NONE,
	CARRIER_COOKIE,	   /* unsafe methods need X-CSRF-Token as well */
	CARRIER_ACCESS,	   /* Authorization: Bearer, a session's access token */
	CARRIER_API_TOKEN, /* Authorization: Bearer, an API token */
	CARRIER_SOCKET,	   /* the Unix socket's peer uid is the server's own; X-Carrel-As,
			      X-Carrel-Workspace */
};

/* A credential, kept with a stream so that it can be checked again. */
struct credential {
	enum carrier carrier;
	struct id user;	   /* empty: the operator on the socket */
	struct id session; /* or empty */
	struct id token;   /* or empty */
};

struct body_stream;
struct stream;

struct call {
	struct app *app;
	const struct route *route;
	struct arena arena; /* freed when the response is out */
	char request_id[ID_SIZE];
	const char *method;
	const char *path;      /* decoded, without the query */
	const char *params[3]; /* {…} of the pattern in order, percent-decoded */
	json_t *body;	       /* BODY_JSON: an object; owned by the call until `work` is over */
	struct body_stream *stream_in; /* BODY_STREAM */
	char peer[64];		       /* address, or "unix" */
	bool peer_is_operator;	       /* Unix socket and the server's own uid, or root */
	struct credential credential;
	struct asker who;
	/* A reader: a snapshot taken for this call; dropped by the server. A route that works long
	 * without it lets it go (call_let_go) and takes another with call_renew. */
	struct db *db;
	/* the answer */
	int status;
	struct buf out;
	const char *content_type;  /* NULL: application/json */
	int retry_after_s;	   /* with 429 and 503; 0: soon */
	struct buf headers;	   /* further "Name: value\r\n" lines (call_header) */
	struct stream *stream_out; /* set: a streamed answer instead of `out` */
};

/* Borrowed from the call's arena; NULL if absent. Header names in any case. */
const char *call_header_in(struct call *c, const char *name);
const char *call_query(struct call *c, const char *name); /* ?name=, percent-decoded */
const char *call_cookie(struct call *c, const char *name);
/* A whole-number query parameter within [min, max], or def if absent; else ERR_INVALID. */
MUST_CHECK int call_query_int(struct call *c, const char *name, int64_t min, int64_t max,
	int64_t def, int64_t *out, struct err *e);

void call_header(
	struct call *c, const char *name, const char *value); /* value is checked for CR, LF */
/* Answers with status and JSON; steals `json`. Always returns 0, for `return call_json(…)`. */
int call_json(struct call *c, int status, json_t *json);
int call_empty(struct call *c, int status); /* 204 */
void call_let_go(struct call *c); /* drops the snapshot, call->db is NULL until call_renew */
/* Lets the present snapshot go and takes a new one (after a store_write that must be seen). */
MUST_CHECK int call_renew(struct call *c, struct err *e);

/* Fields of a JSON body, each an ERR_INVALID that names the field: absent or of another type, text
 * over max_bytes, not UTF-8, with NUL, a number out of range. Optional ones keep *out. Unknown
 * fields are refused by call_fields. */
MUST_CHECK int call_text(struct call *c, const char *field, bool required, size_t max_bytes,
	const char **out, struct err *e);
MUST_CHECK int call_int(struct call *c, const char *field, bool required, int64_t min, int64_t max,
	int64_t *out, struct err *e);
MUST_CHECK int call_bool(struct call *c, const char *field, bool *out, struct err *e);
MUST_CHECK int call_array(struct call *c, const char *field, bool required, size_t max_items,
	json_t **out, struct err *e);
MUST_CHECK int call_fields(struct call *c, const char *const *allowed, int n, struct err *e);

/* ── a streamed request body: read on the worker, bounded, with back-pressure to the socket ── */

/* Bytes read (at most n), 0 at the end of the body; negative when the client vanished or stalled.
 * The first call is what answers `Expect: 100-continue`: refuse before it, and the body is never
 * sent. */
MUST_CHECK int body_read(struct body_stream *b, void *p, size_t n, struct err *e);

/* multipart/form-data (RFC 7578), incremental, constant memory. */
struct multipart;
struct multipart_part {
	const char *name;     /* of the field */
	const char *filename; /* NULL: a plain field */
	const char *content_type;
};
MUST_CHECK int multipart_open(struct call *c, struct multipart **out, struct err *e);
/* 1: the next part, 0: no more, negative: an error (truncated: ERR_INVALID "truncated_body"). */
MUST_CHECK int multipart_next(struct multipart *m, struct multipart_part *part, struct err *e);
/* Bytes of the present part, 0 at its end. */
MUST_CHECK int multipart_read(struct multipart *m, void *p, size_t n, struct err *e);

/* ── a streamed answer: a pull contract (h2o's generator). On the loop thread. ── */

/* The route's work makes one and sets call->stream_out, status, content_type, headers. Then, on the
 * loop: start(s) at most once (not for HEAD, nor when the client has gone already); proceed(s)
 * whenever the connection can take more: answer it with exactly one stream_send, at once or later.
 * A slow reader simply gets no proceed. stop(s) exactly once, at the end, whoever ended it, and
 * never from inside a call of the owner: the owner frees s there, or later if work of its own is
 * still under way; after stop it sends no more. */
struct stream {
	void (*start)(struct stream *s); /* may be NULL */
	void (*proceed)(struct stream *s);
	void (*stop)(struct stream *s);
	struct app *app; /* set by the server before start */
	struct credential
		credential; /* set by the server; checked again while the stream is open */
	struct id object; /* what it shows (doc_…, job_…, run_…), checked with it; may be empty */
	const struct id *shows; /* [n_shows] documents, checked as well; the owner's, until stop */
	int n_shows;
	int64_t n_bytes; /* of the whole answer, when known; 0: not known, sent in chunks */
	bool heartbeat;	 /* SSE: ": \n\n" after 15 s of silence; ends when the client's side does */
	void *private_conn; /* the server's */
};
/* Sends bytes (copied); final: the answer ends. Only between a proceed and the next. */
void stream_send(struct stream *s, const void *p, size_t n_bytes, bool final);
/* Ends the stream without waiting for a proceed (a revoked asker, shutdown): stop follows. */
void stream_abort(struct stream *s);

/* One SSE event (WHATWG HTML, 9.2) appended to out: id, event, data; each line of data gets its own
 * "data: ". id 0: none. */
void sse_event(struct buf *out, int64_t id, const char *event, const char *data);

/* ── life ── */

MUST_CHECK int server_create(struct app *app, bool only_socket, struct server **out, struct err *e);
/* The bound address, "127.0.0.1:8360" (listen port 0 picks a free one); "" when only on the socket.
 */
const char *server_address(const struct server *s);
/* No new connections; idle ones close; on_closed once all handles are closed. */
void server_stop(struct server *s, void (*on_closed)(void *arg), void *arg);
void server_abort(
	struct server *s); /* after server_stop: closes what is still open, whatever it does */
/* After on_closed, and once nothing calls server_on_loop any more: runs what is queued, then closes
 * the last handles on the loop. NULL is fine. */
void server_destroy(struct server *s);

/* Runs fn(arg) on the loop thread soon; from any thread. */
void server_on_loop(struct server *s, void (*fn)(void *arg), void *arg);

struct server_counts {
	int64_t requests, connections, streams, refused;
};
struct server_counts server_count(const struct server *s); /* any thread */

#endif
