/* A running Carrel: made here in order, stopped here in the other order. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "chat/app.h"
#include "chat/backups.h"
#include "chat/http/server.h"
#include "chat/run.h"
#include "chat/job_watch.h"
#include "chat/live.h"
#include "chat/replay.h"
#include "index/base/alloc.h"
#include "index/base/log.h"
#include "ingest/view.h"

#define GRACE_MS 10000 /* what is open when a stop is ordered may take that long to finish */
#define QUEUE_MAX 1024 /* requests that wait for a worker */
#define UPLOADS_MAX 256
#define SIGN_INS 3	/* of the hashes at once: one is left for changes of passwords */
#define SIGN_INS_MAX 32 /* that wait: some seconds' worth; more are told to come again */

struct serving {
	struct app app;
	uv_loop_t loop;
	uv_signal_t signals[2];
	uv_timer_t grace;
	int n_handles; /* open ones of the three above */
	struct ingest_compare compare;
};

/* ── stopping ── */

static void on_runs_stopped(void *arg)
{
	struct serving *s = arg;

	uv_stop(&s->loop);
}

/* No request is left that could bring another run. */
static void on_closed(void *arg)
{
	struct serving *s = arg;

	runs_stop(s->app.runs, on_runs_stopped, s);
}

static void on_grace_over(uv_timer_t *timer)
{
	struct serving *s = timer->data;

	log_warn("serve.grace_over", LN("connections", server_count(s->app.server).connections));
	server_abort(s->app.server);
}

static void stop_here(void *arg)
{
	struct serving *s = arg;

	if (atomic_exchange(&s->app.stopping, true)) {
		/* asked twice: somebody is in a hurry */
		server_abort(s->app.server);
		return;
	}
	log_info("serve.stopping", LN("connections", server_count(s->app.server).connections));
	uv_timer_start(&s->grace, on_grace_over, GRACE_MS, 0);
	runs_stop(s->app.runs, NULL, NULL);
	views_stop(s->app.views);
	job_watch_stop(s->app.job_watch);
	backups_stop(s->app.backups);
	server_stop(s->app.server, on_closed, s);
}

static void on_signal(uv_signal_t *handle, int signum)
{
	(void)signum;
	stop_here(handle->data);
}

void app_stop(struct app *app)
{
	struct serving *s = (struct serving *)((char *)app - offsetof(struct serving, app));

	server_on_loop(app->server, stop_here, s);
}

void app_announce(const struct app *app)
{
	if (app->bootstrap[0]) {
		printf("nobody can sign in yet: make the first operator with the one-time token "
		       "%s\n",
			app->bootstrap);
	}
	printf("carrel ready on http://%s\n", server_address(app->server));
	fflush(stdout);
}

/* ── parts ── */

static void on_handle_closed(uv_handle_t *handle)
{
	((struct serving *)handle->data)->n_handles--;
}

static void open_handles(struct serving *s, bool handle_signals)
{
	static const int numbers[2] = {SIGINT, SIGTERM};

	ASSERT(uv_loop_init(&s->loop) == 0);
	ASSERT(uv_timer_init(&s->loop, &s->grace) == 0);
	s->grace.data = s;
	s->n_handles = 1;
	for (int i = 0; handle_signals && i < 2; i++) {
		ASSERT(uv_signal_init(&s->loop, &s->signals[i]) == 0);
		s->signals[i].data = s;
		s->n_handles++;
		ASSERT(uv_signal_start(&s->signals[i], on_signal, numbers[i]) == 0);
	}
}

static void close_handles(struct serving *s)
{
	uv_close((uv_handle_t *)&s->grace, on_handle_closed);
	for (int i = 0; i < 2; i++) {
		if (s->signals[i].data) {
			uv_close((uv_handle_t *)&s->signals[i], on_handle_closed);
		}
	}
	while (s->n_handles > 0) {
		uv_run(&s->loop, UV_RUN_ONCE);
	}
	ASSERT(uv_loop_close(&s->loop) == 0);
}

static int open_parts(struct serving *s, const struct serve_order *o, struct err *e)
{
	struct app *app = &s->app;
	int rc = index_open(o->settings, &app->index, e);

	if (rc == 0) {
		s->compare = (struct ingest_compare){replay_run, app};
		rc = worker_create(app->index, o->zygote, &s->compare, &app->worker, e);
	}
	if (rc == 0) {
		app->views = views_create(app->index, o->zygote);
	}
	if (rc == 0 && !o->only_socket) {
		rc = accounts_bootstrap(app->index->store, app->bootstrap, e);
	}
	if (rc == 0) {
		app->pool = pool_create("http", (int)o->settings->http_workers, QUEUE_MAX);
		app->sign_ins = pool_create("sign-in", SIGN_INS, SIGN_INS_MAX);
		app->uploads =
			pool_create("upload", (int)o->settings->uploads_at_once, UPLOADS_MAX);
		app->job_watch = job_watch_create(app);
		app->backups = backups_create(app);
		rc = server_create(app, o->only_socket, &app->server, e);
	}
	if (rc == 0) {
		rc = runs_create(app, &app->runs, e);
	}
	return rc;
}

/* Workers may still post to the server, and the server's calls may still use the index. */
static void close_parts(struct serving *s)
{
	struct app *app = &s->app;

	pool_destroy(app->uploads);
	pool_destroy(app->sign_ins);
	pool_destroy(app->pool);
	job_watch_stop(app->job_watch);
	backups_wait(app->backups);
	server_destroy(app->server);
	runs_destroy(app->runs);
	worker_destroy(app->worker);
	views_destroy(app->views);
	index_close(app->index);
}

static void on_disk_failed(void *arg)
{
	app_stop(arg);
}

int app_serve(const struct serve_order *o, struct err *e)
{
	struct serving s;
	int rc;

	memset(&s, 0, sizeof(s));
	alloc_reserve();
	signal(SIGPIPE, SIG_IGN); /* a reader that went away is an error of its write */
	s.app.settings = o->settings;
	s.app.live = live_create(&s.app);
	s.app.zygote = o->zygote;
	s.app.loop = &s.loop;
	open_handles(&s, o->handle_signals);
	rc = open_parts(&s, o, e);
	if (rc == 0) {
		log_info("serve.ready", LT("address", server_address(s.app.server)),
			LT("data", o->settings->data));
		store_on_disk_failed(s.app.index->store, on_disk_failed, &s.app);
		if (o->on_ready) {
			o->on_ready(&s.app, o->arg);
		}
		store_mark_loop_thread(true);
		uv_run(&s.loop, UV_RUN_DEFAULT);
		store_mark_loop_thread(false);
		if (store_disk_failed(s.app.index->store)) {
			rc = err_set(e, ERR_IO, "disk_failed",
				"the disk failed: see the log; what was acknowledged is on it");
		}
		log_info("serve.stopped", LT("data", o->settings->data));
	}
	close_parts(&s);
	close_handles(&s);
	job_watch_destroy(s.app.job_watch);
	backups_destroy(s.app.backups);
	live_destroy(s.app.live);
	alloc_release();
	return rc;
}
