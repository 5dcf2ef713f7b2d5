/* What run.c and run_listen.c share. */
#ifndef CHAT_RUN_PRIVATE_H
#define CHAT_RUN_PRIVATE_H

#include <uv.h>

#include "chat/run.h"
#include "chat/turn.h"

/* Bytes of stored events kept for listeners: about what one that came late, or lags, is behind at
 * the pace of a reader; further back it reads from the table. */
#define BUFFER_MAX (4 * 1024)
#define FLUSH_MS 500
#define FLUSH_BYTES (32 * 1024)	   /* with over a thousand tokens a second; else FLUSH_MS counts */
#define SEND_BYTES (16 * 1024)	   /* of one stream_send */
#define EPHEMERAL_HIGH (32 * 1024) /* unsent bytes at which the model is paused */

struct unstored; /* a run whose end could not be stored */
struct runs {
	struct app *app;
	struct unstored *unstored;
	struct models *models;
	struct run *first; /* open ones, by arrival */
	int n_started;
	int n_loading; /* listeners whose events a worker reads */
	bool stopping, models_closed;
	void (*on_stopped)(void *arg);
	void *arg;
};

struct run_buffer {
	struct run_event *events; /* [n] numbered first_seq, first_seq + 1, …; data malloced */
	int n, cap;
	int64_t first_seq; /* those before it are only in the table */
	int64_t last_seq;
	int64_t visible_seq; /* listeners see up to here */
	int64_t stored_seq;
	size_t n_bytes;
	size_t n_unstored; /* bytes */
	bool over;	   /* the final event is visible */
	bool begun;	   /* the row says 'streaming' */
	uv_timer_t flush;
	struct batch *in_flight;
	struct run_outcome *outcome; /* set: the next batch is the last */
	int n_refused;		     /* times that the last one was not stored */
	struct listener *listeners;
};

/* A stream that shows a run. */
struct listener {
	struct stream stream;
	struct runs *runs;
	struct id id; /* of the run */
	struct id workspace, user;
	int64_t after;	    /* the last event sent */
	struct arena arena; /* of the view */
	struct run_view view;
	struct run *run; /* attached to; NULL: reads from the table */
	struct listener *next;
	struct run *ephemeral; /* owned; NULL: a stored run's listener */
	bool begun;	       /* ephemeral: its run was taken on */
	bool wanting, stopped, loading;
	int n_empty; /* loads that brought nothing */
	struct pool_item item;
	struct buf loaded;
	int64_t loaded_to;
	bool loaded_final;
};

struct run *runs_lookup(struct runs *r, const struct id *id);
void runs_take(struct runs *r, struct run *run); /* links it and starts what may start */
struct run *run_create(struct runs *r, const struct run_order *o);
void run_destroy(struct run *run);
/* The run is over: out of the list, and gone once its timer is closed. An ephemeral one waits for
 * its reader. */
void run_leave(struct run *run);
void runs_check_stopped(struct runs *r);
/* run_unstored.c: its row is ended once the disk takes it, however long that takes; at the latest
 * by the next start. last_seq: of its events. */
void run_unstored(struct runs *r, const struct id *run, int64_t last_seq);
void runs_unstored_stop(struct runs *r); /* runs_check_stopped follows when r->unstored is empty */
/* Something new is visible: listeners that wait are served. */
void listeners_wake(struct run *run);
/* The run is over and goes: its listeners read on from the table. */
void listeners_leave(struct run *run);
void run_drop_sent(struct run *run, int64_t seq); /* ephemeral: sent events are forgotten */

#endif
