/*
 * Runs: the answers that are being written. A run belongs to nobody's connection: it goes on
 * whether or not anybody listens. Its numbered events go to its own bounded buffer on the loop and,
 * in batches (every half second or 16 KB), to run_event; listeners are streams that read from the
 * buffer or, where they lag behind it or the run is over, from the table, at their own pace, from
 * any Last-Event-ID.
 *
 *   worker:  runs_submit (stored) | run_ephemeral (a stream of its own)
 *   loop:    queued -> turn_start … run_emit … run_finish -> stored in one transaction
 *            -> the final event shows
 *
 * The final event is visible only once answer, citations and events are durable. What a dead
 * process left open is ended by runs_create. An ephemeral run is stored nowhere and tied to its
 * connection: a slow reader pauses the model, a vanished one cancels it. At most
 * settings.runs_at_once are written at the same time; further ones wait in order.
 *
 * Thread: the loop's, unless marked otherwise.
 */
#ifndef CHAT_RUN_H
#define CHAT_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "chat/app.h"
#include "chat/http/server.h"
#include "chat/model.h"
#include "chat/prompt.h"
#include "chat/run_store.h"
#include "index/base/arena.h"

/* ── all of them ── */

/* Before the loop runs (blocks: ends the runs of a dead process). */
MUST_CHECK int runs_create(struct app *app, struct runs **out, struct err *e);
/* Open ones, and those that may still come, end as partial or failed. Called again with on_stopped
 * when no request can bring another one: told once all are over and the models' connections are
 * closed. */
void runs_stop(struct runs *r, void (*on_stopped)(void *arg), void *arg);
void runs_destroy(struct runs *r); /* after on_stopped; NULL is fine */
struct models *runs_models(struct runs *r);

/* ── one ── */

enum response_mode { RESPONSE_AUTO, RESPONSE_MODEL, RESPONSE_EXTRACTIVE };

struct run_order {
	struct id run, conversation; /* empty: ephemeral */
	int64_t turn_seq;
	struct id workspace, user; /* user empty: the machine's operator */
	const char *question;
	const struct prompt_turn *history; /* ephemeral: what the client sent, oldest first */
	int n_history;
	const struct id *collections; /* only in these; 0: all */
	int n_collections;
	enum response_mode mode;
};

/* Takes a run on that is stored as 'queued'. Thread: a worker. The order is copied. */
void runs_submit(struct runs *r, const struct run_order *o);
/* Stops it if it is being written. Thread: a worker. */
void runs_cancel(struct runs *r, const struct id *run);

/* A listener of a stored run, for call->stream_out: events past after. The view is the asker's at
 * this moment. Thread: a worker. */
struct stream *run_listen(struct runs *r, const struct id *run, const struct asker *who,
	int64_t after, const struct run_view *view);
/* A run that is stored nowhere, as the stream that shows it. Thread: a worker. */
struct stream *run_ephemeral(struct runs *r, const struct run_order *o);

/* ── what chat/turn.c does to its run ── */

struct turn;
struct run {
	struct runs *runs;
	struct app *app;
	struct run_order order; /* in the arena */
	struct arena arena;	/* of the turn: everything until the run is over */
	struct turn *turn;
	bool ephemeral;
	/* private to run.c and run_listen.c: */
	struct run *next;
	struct run_buffer *buffer;
	bool started, ending;
};

/* Adds an event; type is a literal, data is stolen. */
void run_emit(struct run *run, const char *type, json_t *data);
/* Adds an assistant.delta: {"text": …} of valid UTF-8, n > 0. */
void run_emit_text(struct run *run, const char *text, size_t n);
/* Ephemeral: the documents whose words the answer may hold from now on; the stream ends when one of
 * them may not be read any more. A stored run's stand in run_source. */
void run_shows(struct run *run, const struct passage *passages, int n);
/* The end, once: o lives in the run's arena; its run, ids and events are filled in here. The final
 * event is of that type. The run is not the turn's any more: it is gone soon. */
void run_finish(struct run *run, struct run_outcome *o, const char *type, json_t *data);

#endif
