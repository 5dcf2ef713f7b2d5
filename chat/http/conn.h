/*
 * Inside the server: its own structures, shared by the files of chat/http/ and nobody else.
 * Everything here belongs to the loop thread, but for an exchange while a worker has it.
 *
 *   HEAD -> BODY -> WORK -> REPLY -> HEAD …        a buffered answer
 *                      \--> STREAM -> HEAD …       a streamed one
 *   any  -> REPLY (an error) -> LINGER -> CLOSED
 *
 * LINGER reads and drops the rest of the input for a while, since closing with unread input would
 * reset the answer away. A streamed request body is read while the worker runs: the exchange is
 * `submitted` in BODY already.
 *
 * Lifetimes (libuv's rules): the handle is embedded in its conn and the conn is freed in its close
 * callback only; at most one write is in flight, from `flying`; a worker's exchange outlives its
 * conn (exchange.conn is NULL then) and is freed on the loop when it comes back.
 */
#ifndef CHAT_HTTP_CONN_H
#define CHAT_HTTP_CONN_H

#include <llhttp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "chat/http/body.h"
#include "chat/http/server.h"
#include "index/base/pool.h"

#define HEAD_MAX ((size_t)16 * 1024)
#define HEADERS_MAX 100
#define HEADERS_ROOM 8
#define TARGET_MAX ((size_t)8 * 1024)
#define INPUT_MAX ((size_t)64 * 1024) /* of pipelined input kept while an answer is made */
#define OVERHEAD_MAX                                                                               \
	((size_t)16 * 1024) /* bytes of chunk framing since the last byte of a body                \
			     */
#define TICK_MS 250
#define LINGER_MS 2000
#define HEARTBEAT_MS 15000
#define BODY_RATE_MIN 256 /* bytes a second, on average, after http_idle_ms */
/* While others wait for a thread that takes uploads, one that is slower than a line of 64 kbit/s is
 * in their way. */
#define BODY_BUSY_MS 5000
#define BODY_BUSY_RATE 8000
/* Of a JSON body so much is taken at once, as much as a head may have; for more there has to be
 * room among all such bodies together, which is what the largest http-body-kb may be. */
#define BODY_SMALL ((size_t)16 * 1024)
#define BODIES_MAX ((int64_t)64 << 20)

#define container_of(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))

struct post {
	void (*fn)(void *arg);
	void *arg;
	struct post *next;
	bool owned; /* malloced by server_on_loop */
};

struct header {
	const char *name; /* in small letters */
	const char *value;
};

struct conn;

/* One request and its answer. */
struct exchange {
	struct call call;
	struct pool_item item;
	struct server *server;
	struct conn *conn; /* NULL once the connection is lost */
	struct post done;
	struct header *headers; /* [n_headers], room for a power of two from HEADERS_ROOM on */
	int n_headers;
	const char *query; /* raw, without '?'; or NULL */
	struct buf body;   /* BODY_JSON */
	struct body_stream stream_in;
	struct stream *stream_out; /* taken over from the call on the loop, while it is open */
	bool with_worker;	   /* from submit until it comes back */
	bool head_only, http_1_0, keep_alive, expects;
	bool has_length;
	uint64_t length; /* announced */
	int64_t body_max;
	int64_t room; /* of BODIES_MAX, bytes; 0: none was needed so far */
	int64_t n_body;
	int64_t started_us;
	int64_t n_sent;
};

enum conn_state {
	CONN_HEAD,
	CONN_BODY,
	CONN_WORK,
	CONN_REPLY,
	CONN_STREAM,
	CONN_LINGER,
	CONN_CLOSED,
};

union any_handle {
	uv_handle_t handle;
	uv_stream_t stream;
	uv_tcp_t tcp;
	uv_pipe_t pipe;
};

struct conn {
	union any_handle h;
	struct server *server;
	struct conn *prev, *next;
	uint64_t serial;
	enum conn_state state;
	struct exchange *exchange; /* from a complete head to the end of its answer */
	llhttp_t parser;
	void *head;	 /* head.c's, while a head is parsed */
	bool complete;	 /* llhttp has seen the whole message */
	bool last_chunk; /* the body's chunks are over: CR LF must follow */
	bool head_begun; /* its first byte came at since_ms */
	bool feeding, reading, eof, body_paused;
	bool close_after; /* this answer is the last; further input is dropped */
	bool is_unix, peer_is_operator;
	char peer[64];
	struct buf in;	/* input that waits */
	size_t scanned; /* of in: the head's bytes that were looked at */
	size_t n_overhead;
	int64_t since_ms; /* the present phase began, or made progress */
	int64_t body_ms;  /* time the body was waited for */
	/* while it waits for room; body_paused then */
	bool waits_for_room;
	struct conn *room_prev, *room_next;
	/* output */
	struct buf out;	   /* waits for `flying` */
	struct buf flying; /* being written by `write` */
	bool in_flight;
	uv_write_t write;
	uv_shutdown_t shutdown;
	size_t last_queue; /* bytes unsent at the last tick */
	/* a stream */
	bool awaiting;	 /* proceed was called, stream_send has not answered */
	bool proceeding; /* inside proceed */
	bool pumping;
	int n_rounds; /* sends since the loop last had its turn */
	bool ended;   /* the final stream_send was made */
	bool chunked;
	int64_t sent_ms;
};

struct server {
	struct app *app;
	uv_tcp_t tcp;
	uv_pipe_t pipe;
	uv_timer_t tick;
	uv_async_t wake;
	bool has_tcp, has_pipe;
	int n_handles; /* open ones of the four above */
	char address[80];
	char socket_path[512];
	struct conn *conns;
	atomic_int n_conns; /* written by the loop, as all counts; server_count reads them */
	atomic_int n_streams;
	atomic_llong n_requests, n_refused;
	bool short_of_memory; /* requests are being refused for it */
	int64_t n_exchanges;  /* with a worker, or waiting for their stop */
	uint64_t serial;
	int64_t room_given;		     /* bytes, of BODIES_MAX */
	void *room_holders;		     /* tsearch: addresses that have some of it */
	struct conn *room_first, *room_last; /* those who wait for room */
	struct conn *room_turn;		     /* of these: the next, if there were room */
	bool room_told;
	bool stopping, told;
	void (*on_closed)(void *arg);
	void *on_closed_arg;
	pthread_mutex_t lock;
	struct post *posts, **posts_tail; /* under lock */
	int64_t checked_ms;
	bool checking;
	char date[40];
	int64_t date_s;
	char read_buf[64 * 1024]; /* libuv reads and tells at once, so that one serves all */
};

/* server.c */
void server_post(struct server *s, struct post *p); /* any thread; p is free again when fn runs */
void server_check_closed(struct server *s);
const char *server_date(struct server *s);

/* conn.c */
void conn_open(struct server *s, uv_stream_t *listener);
void conn_close(struct conn *c);
void conn_resume(struct conn *c); /* goes on with waiting input and reading */
void conn_tick(struct conn *c, int64_t now_ms);

/* room.c: memory for JSON bodies. The whole of a body's is taken before more than BODY_SMALL of it
 * is, so that whoever has room can end, and those who wait hold next to nothing. Those of one
 * address leave a quarter to others: behind a proxy all are of one. */
bool room_take(struct conn *c);	 /* false: it waits, and is resumed with room */
void room_leave(struct conn *c); /* waits no more, if it does */
void room_give_back(struct exchange *ex);

/* head.c */
/* The end of the head in p[0, n): its length with the blank line; 0: more is needed; negative: the
 * status to refuse it with. *scanned: where to go on. */
int head_scan(const char *p, size_t n, size_t *scanned);
/* Parses a complete head into c->exchange and finds its route. 0, or the error to answer; *status:
 * its status where the error's own will not do. */
MUST_CHECK int head_parse(struct conn *c, const char *p, size_t n, int *status, struct err *e);
/* llhttp's callbacks for bodies; of conn.c */
int conn_on_body(llhttp_t *parser, const char *p, size_t n);

/* reply.c */
void reply_error(struct conn *c, int status, const struct err *e);
void reply_exchange(struct conn *c); /* the exchange came back from its worker */
void reply_raw(struct conn *c, const char *text);
void reply_flush(struct conn *c);
void reply_tick(struct conn *c, int64_t now_ms);
void reply_lost(struct exchange *ex); /* its connection is gone: ends its stream, logs, frees */

/* call.c */
struct exchange *exchange_create(struct server *s);
void exchange_free(struct exchange *ex);
bool exchange_submit(struct exchange *ex); /* false: the pool is full */
/* Answers without a worker, so that it is told while all of them are busy; false: not of that kind.
 */
bool exchange_answer(struct exchange *ex);
/* Makes the one error shape the answer; status 0: the code's. */
void call_error(struct call *c, int status, int code, const struct err *e);
const char *exchange_header(const struct exchange *ex, const char *lower_name);

#endif
