/*
 * Everything of a running Carrel, made in serve.c and passed down: no global state.
 * The loop thread owns it; the parts say themselves who may call them.
 */
#ifndef CHAT_APP_H
#define CHAT_APP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

#include "chat/accounts.h"

#include "index/base/pool.h"
#include "index/base/settings.h"
#include "index/index.h"
#include "ingest/worker.h"
#include "ingest/zygote.h"

#define CARREL_VERSION "0.1"

struct server;
struct runs;	  /* chat/run.h: the answers being written */
struct views;	  /* ingest/view.h */
struct live;	  /* chat/live.h: settings that change */
struct job_watch; /* chat/job_watch.h: who follows jobs */
struct backups;	  /* chat/backups.h */

struct app {
	/* In force now. Take it once where two values have to fit each other: chat/live.h. */
	const struct settings *_Atomic settings;
	struct live *live;
	uv_loop_t *loop;
	struct index *index;
	struct zygote *zygote;
	struct worker *worker;
	struct views *views; /* pages of office documents */
	struct pool *pool;   /* API requests: settings.http_workers threads */
	struct pool
		*sign_ins; /* passwords: a hash takes a tenth of a second, others are not to wait */
	struct pool *uploads; /* streamed bodies: settings.uploads_at_once threads */
	struct server *server;
	struct runs *runs;
	struct job_watch *job_watch;
	struct backups *backups;
	atomic_bool stopping; /* readyz says so; new runs and uploads are refused */
	/* The one-time token of a server in which nobody can sign in yet; "" otherwise. */
	char bootstrap[SECRET_SIZE];
};

/* Opens the index, starts worker, pools, runs and server, runs the loop until SIGINT, SIGTERM or
 * app_stop; then stops gracefully: no new requests, open ones finish (10 s), runs end as partial,
 * jobs are let go. `only_socket`: listens on DATA/carrel.sock alone (a command without a server).
 * on_ready (may be NULL) is called on the loop thread once it listens. The zygote is the
 * caller's to stop, after it. */
struct serve_order {
	const struct settings *settings;
	struct zygote *zygote;
	bool only_socket;
	bool handle_signals;
	void (*on_ready)(struct app *app, void *arg);
	void *arg;
};
MUST_CHECK int app_serve(const struct serve_order *o, struct err *e);
void app_stop(struct app *app); /* any thread, from on_ready on */
/* For on_ready of a server that people start: "carrel ready on http://…" and, the first time, the
 * bootstrap token, on stdout. */
void app_announce(const struct app *app);

#endif
