/*
 * Server-sent events (WHATWG HTML, 9.2) from bytes in any cut: id, event and data, for a client of
 * our own server. Pure. An event over EVENTS_MAX bytes is ERR_UPSTREAM.
 */
#ifndef CHAT_CLI_EVENTS_H
#define CHAT_CLI_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "index/base/err.h"

#define EVENTS_MAX (8 * 1024 * 1024)

struct events {
	/* Returns true to end the reading. */
	bool (*on_event)(void *arg, int64_t id, const char *name, const char *data, size_t n_bytes);
	void *arg;
	int64_t last_id; /* 0: none yet */
	bool ended;	 /* on_event returned true: the rest is dropped */
	/* private: */
	struct buf line, data;
	char name[64];
	bool has_data, after_cr;
};

void events_init(struct events *ev,
	bool (*on_event)(void *arg, int64_t id, const char *name, const char *data, size_t n_bytes),
	void *arg);
void events_finish(struct events *ev);
MUST_CHECK int events_feed(struct events *ev, const char *bytes, size_t n, struct err *e);
void events_restart(struct events *ev); /* a new connection: what was incomplete is dropped */

#endif
