#include "chat/backups.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "index/backup.h"
#include "index/base/clock.h"
#include "index/base/log.h"
#include "index/base/thread.h"
#include "ingest/purges.h"

#define NICE 10
#define TELL_MS 100

struct backup {
	struct stream s;
	struct backups *of;
	char *folder;
	/* the loop's */
	bool started;	    /* its thread was */
	bool awaited;	    /* the connection can take an event */
	bool fresh;	    /* there is one */
	bool over;	    /* it is the last */
	bool gone;	    /* stop was called */
	bool finished;	    /* the thread has told its end */
	struct buf waiting; /* the latest event only */
	/* the thread's, read on the loop after it has ended */
	int64_t told_ms, began_ms;
	int rc;
	struct err err;
	struct backup_facts facts;
	/* under of->lock */
	bool posted;
	const char *stage;
	int64_t done, total;
	atomic_bool cancel;
};

struct backups {
	struct app *app;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	struct backup *present; /* one at a time */
	bool runs;		/* its thread */
	bool stopped;
};

static void let_go(struct backup *b)
{
	if (b->gone && (b->finished || !b->started)) {
		pthread_mutex_lock(&b->of->lock);
		b->of->present = NULL;
		pthread_mutex_unlock(&b->of->lock);
		buf_finish(&b->waiting);
		free(b->folder);
		free(b);
	}
}

/* ── events, on the loop ── */

static void send_waiting(struct backup *b)
{
	if (b->awaited && b->fresh && !b->gone) {
		b->awaited = false;
		b->fresh = false;
		stream_send(&b->s, b->waiting.data, b->waiting.len, b->over);
	}
}

/* Steals json. */
static void show(struct backup *b, const char *event, json_t *json, bool over)
{
	char *text = json_dumps(json, JSON_COMPACT);

	ASSERT(text != NULL);
	buf_clear(&b->waiting);
	sse_event(&b->waiting, 0, event, text);
	free(text);
	json_decref(json);
	b->fresh = true;
	b->over = over;
	send_waiting(b);
}

static void on_progress(void *arg)
{
	struct backup *b = arg;
	json_t *json;

	pthread_mutex_lock(&b->of->lock);
	b->posted = false;
	json = json_pack("{s:s,s:I,s:I}", "stage", b->stage, "done", (json_int_t)b->done, "total",
		(json_int_t)b->total);
	pthread_mutex_unlock(&b->of->lock);
	show(b, "progress", json, false);
}

static void on_finished(void *arg)
{
	struct backup *b = arg;
	/* 503 would say that it might be otherwise in a moment */
	const int code = b->rc == ERR_IO ? ERR_INTERNAL : b->rc;

	b->finished = true;
	if (b->rc == 0) {
		show(b, "done",
			json_pack("{s:s,s:I,s:I,s:I,s:I}", "folder", b->folder, "files",
				(json_int_t)b->facts.n_files, "bytes", (json_int_t)b->facts.n_bytes,
				"missing", (json_int_t)b->facts.n_missing, "ms",
				(json_int_t)(clock_mono_ms() - b->began_ms)),
			true);
	} else {
		show(b, "failed",
			json_pack("{s:{s:s,s:s,s:s},s:i}", "error", "type", err_type(code), "code",
				b->err.reason[0] ? b->err.reason : err_type(code), "message",
				b->err.message, "status", err_http(code)),
			true);
	}
	let_go(b);
}

/* ── its thread ── */

static int is_wanted(const struct backup *b, struct err *e)
{
	return b->cancel ? err_set(e, ERR_CANCELLED, "cancelled", "the backup was given up") : 0;
}

static int on_step(void *arg, const char *stage, int64_t done, int64_t total, struct err *e)
{
	struct backup *b = arg;
	int64_t now_ms = clock_mono_ms();
	bool post = false;

	if (now_ms - b->told_ms >= TELL_MS) {
		b->told_ms = now_ms;
		pthread_mutex_lock(&b->of->lock);
		post = !b->posted;
		b->posted = true;
		b->stage = stage;
		b->done = done;
		b->total = total;
		pthread_mutex_unlock(&b->of->lock);
	}
	if (post) {
		server_on_loop(b->of->app->server, on_progress, b);
	}
	return is_wanted(b, e);
}

static int on_ask(void *arg, struct err *e)
{
	struct backup *b = arg;

	return on_step(b, "purge", b->done, b->total, e);
}

static int on_purge(void *arg, struct err *e)
{
	struct backup *b = arg;
	int rc = purges_finish(b->of->app->index, on_ask, b, e);

	worker_wake(b->of->app->worker);
	return rc;
}

static void *make_work(void *arg)
{
	struct backup *b = arg;
	struct backups *of = b->of;
	struct backup_order o = {
		.folder = b->folder, .goes_on = on_step, .purge = on_purge, .arg = b};

	setpriority(PRIO_PROCESS, (id_t)gettid(), NICE); /* Linux: of this thread only */
	b->rc = backup_make(of->app->index, &o, &b->facts, &b->err);
	if (b->rc == 0) {
		log_info("backup.done", LT("folder", b->folder), LN("files", b->facts.n_files),
			LN("bytes", b->facts.n_bytes), LN("ms", clock_mono_ms() - b->began_ms));
	} else {
		log_warn("backup.failed", LT("folder", b->folder), LT("message", b->err.message));
	}
	server_on_loop(of->app->server, on_finished, b);
	pthread_mutex_lock(&of->lock);
	of->runs = false;
	pthread_cond_broadcast(&of->ended);
	pthread_mutex_unlock(&of->lock);
	return NULL;
}

/* ── the stream ── */

static void on_start(struct stream *s)
{
	struct backup *b = (struct backup *)s;
	struct backups *of = b->of;
	pthread_t thread;

	pthread_mutex_lock(&of->lock);
	b->began_ms = clock_mono_ms();
	b->started = !of->stopped && thread_start(&thread, make_work, b) == 0;
	if (b->started) {
		pthread_detach(thread);
	}
	of->runs = b->started;
	pthread_mutex_unlock(&of->lock);
	if (!b->started) {
		stream_abort(s);
	}
}

static void on_proceed(struct stream *s)
{
	struct backup *b = (struct backup *)s;

	b->awaited = true;
	send_waiting(b);
}

static void on_stop(struct stream *s)
{
	struct backup *b = (struct backup *)s;

	b->cancel = true;
	b->gone = true;
	let_go(b);
}

static int good_folder(const struct app *app, const char *folder, struct err *e)
{
	char *data = realpath(app->index->data_dir, NULL);
	size_t n = data ? strlen(data) : 0;
	int rc = 0;

	if (folder[0] != '/') {
		rc = err_set(e, ERR_INVALID, "bad_folder",
			"The folder must be an absolute path on the server's machine.");
	} else if (data && strncmp(folder, data, n) == 0 && (!folder[n] || folder[n] == '/')) {
		rc = err_set(e, ERR_INVALID, "bad_folder",
			"A backup does not belong into the data folder: name another one.");
	}
	free(data);
	return rc;
}

int backups_stream(struct call *c, const char *folder, struct err *e)
{
	struct backups *of = c->app->backups;
	struct backup *b;
	bool taken;
	int rc = good_folder(c->app, folder, e);

	if (rc != 0) {
		return rc;
	}
	b = calloc(1, sizeof(*b));
	ASSERT(b != NULL);
	b->s = (struct stream){
		.start = on_start, .proceed = on_proceed, .stop = on_stop, .heartbeat = true};
	b->of = of;
	b->stage = "";
	b->folder = strdup(folder);
	ASSERT(b->folder != NULL);
	pthread_mutex_lock(&of->lock);
	taken = of->present != NULL;
	of->present = taken ? of->present : b;
	pthread_mutex_unlock(&of->lock);
	if (taken) {
		free(b->folder);
		free(b);
		return err_set(e, ERR_CONFLICT, "backup_runs", "Another backup is being made.");
	}
	c->stream_out = &b->s;
	c->status = 200;
	c->content_type = "text/event-stream";
	return 0;
}

/* ── life ── */

struct backups *backups_create(struct app *app)
{
	struct backups *b = calloc(1, sizeof(*b));

	ASSERT(b != NULL);
	b->app = app;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->ended, NULL);
	return b;
}

void backups_stop(struct backups *b)
{
	if (b) {
		pthread_mutex_lock(&b->lock);
		b->stopped = true;
		if (b->present) {
			b->present->cancel = true;
		}
		pthread_mutex_unlock(&b->lock);
	}
}

void backups_wait(struct backups *b)
{
	backups_stop(b);
	if (b) {
		pthread_mutex_lock(&b->lock);
		while (b->runs) {
			pthread_cond_wait(&b->ended, &b->lock);
		}
		pthread_mutex_unlock(&b->lock);
	}
}

void backups_destroy(struct backups *b)
{
	if (b) {
		ASSERT(!b->present);
		pthread_cond_destroy(&b->ended);
		pthread_mutex_destroy(&b->lock);
		free(b);
	}
}
