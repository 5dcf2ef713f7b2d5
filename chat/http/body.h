/*
 * A streamed request body between the loop, which fills it, and one worker, which reads it
 * (body_read, server.h). Past BODY_HIGH bytes that are queued the loop stops reading from
 * the socket until the worker takes them over.
 */
#ifndef CHAT_HTTP_BODY_H
#define CHAT_HTTP_BODY_H

#include <pthread.h>
#include <stdbool.h>

#include "index/base/buf.h"

#define BODY_HIGH ((size_t)256 * 1024)

enum body_end {
	BODY_OPEN,
	BODY_COMPLETE,
	BODY_TRUNCATED, /* the client's side ended too early */
	BODY_STALLED,	/* no or hardly any progress for too long */
	BODY_GONE,	/* the connection is lost */
	BODY_BROKEN,	/* its framing is not HTTP */
	BODY_OVER,	/* longer than the route allows */
};

struct body_stream {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct buf queue;   /* under lock */
	enum body_end end;  /* under lock; the first one stands */
	bool paused;	    /* under lock: the loop wants on_low */
	bool asked;	    /* the worker's: it has read once */
	struct buf reading; /* the worker's, from `at` on */
	size_t at;
	/* Called on the worker: the first read, and what was queued when body_add said stop is
	 * taken over. */
	void (*on_wanted)(void *arg);
	void (*on_low)(void *arg);
	void *arg;
};

void body_init(struct body_stream *b);
void body_finish(struct body_stream *b);
/* On the loop. false: enough for now, on_low follows. */
bool body_add(struct body_stream *b, const void *p, size_t n_bytes);
void body_close(struct body_stream *b, enum body_end end);
enum body_end body_ended(struct body_stream *b); /* any thread */

#endif
