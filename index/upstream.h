/*
 * Requests to a configured server of ours (embeddings, rerank): JSON bodies by POST, made on the
 * calling thread, several in flight, tried again where that can help. What a body means is the
 * caller's. http and https only, no redirect is followed; neither key nor address goes into an
 * error, and what a server says is not quoted where it repeats the key or the texts it was sent.
 *
 *   upstream_open -> (upstream_begin -> upstream_post* -> upstream_wait* -> upstream_end)* -> close
 *
 * Tried again: 408, 429, 5xx, a time-out, a connection refused or lost; after Retry-After (RFC
 * 9110, 10.2.3) if the server says so, else after BACKOFF_MS, doubled each time. A 429 or 503 makes
 * all requests of this upstream wait and halves how many are in flight.
 *
 * Thread: any, one at a time; connections are kept between uses. Blocks; a cancel ends it within
 * 50 ms.
 */
#ifndef INDEX_UPSTREAM_H
#define INDEX_UPSTREAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/err.h"

#define UPSTREAM_AT_ONCE_MAX 32
#define UPSTREAM_QUOTE_MAX 200 /* bytes of what a server says */

struct upstream;

struct upstream_config {
	const char *what;    /* "embedding server": for messages */
	const char *prefix;  /* "embed": errors are embed_timeout, embed_connection, embed_limited,
			      * embed_key, embed_refused, embed_answer (no end) */
	const char *setting; /* "embed-url": for messages */
	const char *url, *path, *key;
	const char *model;  /* may be repeated in an error */
	int64_t timeout_ms; /* of one try */
	/* A refusal that the caller deals with: it is not tried again. NULL: none. */
	bool (*is_final)(long status, const char *body, size_t n_bytes);
};

struct upstream_limits {
	int tries;	  /* of one request, at least 1 */
	int at_once;	  /* requests in flight, 1 to UPSTREAM_AT_ONCE_MAX */
	int64_t total_ms; /* a try that could not begin within it is not made; 0: no limit */
	const atomic_bool *cancel; /* NULL: none */
};

/* One request's end. */
struct upstream_reply {
	void *tag;
	long status;	  /* 0: there was no answer */
	const char *body; /* "" without one; valid until the next call */
	size_t n_bytes;
	struct err why; /* what is wrong, unless status is 200 */
};

/* ERR_CONFIG: no address, or one that cannot be asked. Copies what config names. */
MUST_CHECK int upstream_open(
	const struct upstream_config *config, struct upstream **out, struct err *e);
void upstream_close(struct upstream *u); /* NULL is fine */

void upstream_begin(struct upstream *u, const struct upstream_limits *limits);
bool upstream_has_room(const struct upstream *u);
/* Takes the malloced body. Only when there is room. */
void upstream_post(struct upstream *u, char *body, size_t n_bytes, void *tag);
/* Waits until one of them ends. 1: it is in *out; 0: none is in flight; ERR_CANCELLED. */
MUST_CHECK int upstream_wait(struct upstream *u, struct upstream_reply *out, struct err *e);
void upstream_end(struct upstream *u); /* gives up what is in flight */

/* Whether what a server says holds a run of the body that it was sent (but for the model's name):
 * that may be of a document which who reads the error may not read, now or one day. */
bool upstream_repeats(const char *body, size_t n_bytes, const char *model, const char *said);

#endif
