#include "chat/job_watch.h"

#include <stdlib.h>
#include <string.h>

#include "chat/documents.h"
#include "index/base/log.h"
#include "ingest/pipeline.h"
#include "ingest/worker.h"

#define POLL_MS 200

/* One follower. */
struct follower {
	struct stream s;
	struct job_watch *watch;
	struct follower *prev, *next;
	struct id job;
	bool listed;	    /* start was called */
	bool awaited;	    /* the connection can take an event */
	bool over;	    /* the event that waits is the last */
	char *shown;	    /* the last job sent or waiting, as JSON */
	struct buf waiting; /* events not sent yet: the latest only */
	bool fresh;	    /* there is one */
};

struct job_watch {
	struct app *app;
	uv_timer_t timer;
	struct follower *followers;
	bool polling, stopped;
};

/* How one job stands, found on a worker. */
struct standing {
	struct id job;
	char *text; /* JSON, malloced; NULL: it could not be looked up */
	bool over, gone;
};

struct poll_item {
	struct pool_item item;
	struct job_watch *watch;
	int n;
	struct standing standings[];
};

/* ── the job ── */

static bool is_over(const struct job *j)
{
	return strcmp(j->state, "queued") != 0 && strcmp(j->state, "running") != 0;
}

/* What became of the document, for the end of an ingestion. */
static void add_document(struct db *db, struct arena *a, const struct job *j, json_t *out)
{
	struct document d;
	struct version v;
	struct part_counts n;

	if (!id_empty(&j->document) && document_lookup(db, a, &j->document, &d, NULL) == 0) {
		json_object_set_new(out, "documentName", json_string(d.name));
		if (document_count_parts(db, &d.id, &n, NULL) == 0) {
			json_object_set_new(out, "parts",
				json_pack("{s:I,s:I,s:I}", "all", (json_int_t)n.n, "open",
					(json_int_t)n.n_open, "failed", (json_int_t)n.n_failed));
		}
	}
	if (!id_empty(&j->version) && version_lookup(db, a, &j->version, &v, NULL) == 0) {
		json_object_set_new(out, "versionState", json_string(v.state));
		json_object_set_new(out, "pages", json_integer((json_int_t)v.n_pages));
	}
}

/* Fresher than the table where it runs. */
static struct job_progress progress_of(struct app *app, const struct job *j)
{
	struct job_progress p = {.step = j->step, .done = j->done_units, .total = j->total_units};

	if (strcmp(j->state, "running") == 0) {
		/* true or not: what it does not fill stays as the table says */
		(void)worker_progress(app->worker, &j->id, &p);
	}
	return p;
}

static const char *stage_of(const struct job *j, const struct job_progress *p)
{
	return is_over(j) ? "" : pipeline_stage(j->kind, p->step);
}

json_t *job_brief(struct app *app, const struct job *j)
{
	struct job_progress p = progress_of(app, j);

	return json_pack("{s:s,s:s,s:s,s:I,s:I,s:s?,s:s?}", "id", j->id.s, "state", j->state,
		"stage", stage_of(j, &p), "done", (json_int_t)p.done, "total", (json_int_t)p.total,
		"reason", j->reason, "message", j->message);
}

json_t *job_json(struct app *app, struct db *db, struct arena *a, const struct job *j)
{
	struct job_progress p = progress_of(app, j);
	bool running = strcmp(j->state, "running") == 0;
	json_t *out;

	out = json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:i,s:o,s:o,s:s?,s:s?,s:b,s:s,s:o,s:o,s:o}", "id",
		j->id.s, "kind", j->kind, "state", j->state, "stage", stage_of(j, &p), "done",
		(json_int_t)p.done, "total", (json_int_t)p.total, "tries", j->tries, "documentId",
		json_id(&j->document), "versionId", json_id(&j->version), "reason", j->reason,
		"message", j->message, "cancelling", running && j->cancel_ms != 0, "createdBy",
		j->created_by, "createdMs", json_ms(j->created_ms), "startedMs",
		json_ms(j->started_ms), "finishedMs", json_ms(j->finished_ms));
	ASSERT(out != NULL);
	add_document(db, a, j, out);
	return out;
}

/* ── events ── */

static void send_waiting(struct follower *f)
{
	if (f->awaited && f->fresh) {
		f->awaited = false;
		f->fresh = false;
		stream_send(&f->s, f->waiting.data, f->waiting.len, f->over);
	}
}

/* Takes text over. A reader that lags is told the latest only. */
static void show(struct follower *f, char *text, bool over)
{
	if (f->shown && strcmp(f->shown, text) == 0 && over == f->over) {
		free(text);
		return;
	}
	free(f->shown);
	f->shown = text;
	f->over = over;
	f->fresh = true;
	buf_clear(&f->waiting);
	sse_event(&f->waiting, 0, over ? "done" : "progress", text);
	send_waiting(f);
}

/* ── polling ── */

static void on_polled(void *arg)
{
	struct poll_item *item = arg;
	struct job_watch *w = item->watch;
	struct follower *next;

	for (struct follower *f = w->followers; f; f = next) {
		next = f->next;
		for (int i = 0; i < item->n; i++) {
			struct standing *at = &item->standings[i];

			if (!id_equal(&at->job, &f->job)) {
				continue;
			}
			if (at->gone) {
				stream_abort(&f->s);
			} else if (at->text) {
				show(f, strdup(at->text), at->over);
			}
			break;
		}
	}
	for (int i = 0; i < item->n; i++) {
		free(item->standings[i].text);
	}
	free(item);
	w->polling = false;
}

static void poll_work(struct pool_item *pool_item)
{
	struct poll_item *item =
		(struct poll_item *)((char *)pool_item - offsetof(struct poll_item, item));
	struct app *app = item->watch->app;
	struct err e = ERR_INIT;
	struct db *db = store_reader(app->index->store, &e);
	struct arena a;

	arena_init(&a);
	for (int i = 0; db && i < item->n; i++) {
		struct standing *at = &item->standings[i];
		struct job j;
		json_t *json;
		int rc = job_lookup(db, &a, &at->job, &j, NULL);

		at->gone = rc == ERR_NOT_FOUND;
		if (rc == 0) {
			json = job_json(app, db, &a, &j);
			at->text = json_dumps(json, JSON_COMPACT);
			at->over = is_over(&j);
			json_decref(json);
		}
	}
	arena_finish(&a);
	store_reader_drop(db);
	server_on_loop(app->server, on_polled, item);
}

static void on_poll_timer(uv_timer_t *timer)
{
	struct job_watch *w = timer->data;
	struct poll_item *item;
	int n = 0;

	if (w->polling) {
		return;
	}
	for (struct follower *f = w->followers; f; f = f->next) {
		n++;
	}
	item = calloc(1, sizeof(*item) + (size_t)n * sizeof(item->standings[0]));
	ASSERT(item != NULL);
	item->watch = w;
	item->item.work = poll_work;
	for (struct follower *f = w->followers; f; f = f->next) {
		int i = 0;

		while (i < item->n && !id_equal(&item->standings[i].job, &f->job)) {
			i++;
		}
		if (i == item->n && !f->over) {
			item->standings[item->n++].job = f->job;
		}
	}
	w->polling = item->n > 0 && pool_submit(w->app->pool, &item->item);
	if (!w->polling) {
		free(item);
	}
}

/* ── the stream ── */

static void on_start(struct stream *s)
{
	struct follower *f = (struct follower *)s;
	struct job_watch *w = f->watch;

	if (w->stopped) {
		stream_abort(s);
		return;
	}
	f->listed = true;
	f->next = w->followers;
	if (f->next) {
		f->next->prev = f;
	}
	w->followers = f;
	uv_timer_start(&w->timer, on_poll_timer, POLL_MS, POLL_MS);
}

static void on_proceed(struct stream *s)
{
	struct follower *f = (struct follower *)s;

	f->awaited = true;
	send_waiting(f);
}

static void on_stop(struct stream *s)
{
	struct follower *f = (struct follower *)s;
	struct job_watch *w = f->watch;

	if (f->listed) {
		if (f->prev) {
			f->prev->next = f->next;
		} else {
			w->followers = f->next;
		}
		if (f->next) {
			f->next->prev = f->prev;
		}
		if (!w->followers && !w->stopped) {
			uv_timer_stop(&w->timer);
		}
	}
	buf_finish(&f->waiting);
	free(f->shown);
	free(f);
}

void job_watch_stream(struct call *c, const struct job *j)
{
	struct follower *f = calloc(1, sizeof(*f));
	json_t *json = job_json(c->app, c->db, &c->arena, j);

	ASSERT(f != NULL);
	f->s = (struct stream){.start = on_start,
		.proceed = on_proceed,
		.stop = on_stop,
		.object = strcmp(j->kind, "purge") == 0 ? (struct id){""} : j->document,
		.heartbeat = true};
	f->watch = c->app->job_watch;
	f->job = j->id;
	show(f, json_dumps(json, JSON_COMPACT), is_over(j));
	json_decref(json);
	c->stream_out = &f->s;
	c->status = 200;
	c->content_type = "text/event-stream";
}

/* ── life ── */

struct job_watch *job_watch_create(struct app *app)
{
	struct job_watch *w = calloc(1, sizeof(*w));

	ASSERT(w != NULL);
	w->app = app;
	ASSERT(uv_timer_init(app->loop, &w->timer) == 0);
	w->timer.data = w;
	return w;
}

void job_watch_stop(struct job_watch *w)
{
	if (!w || w->stopped) {
		return;
	}
	w->stopped = true;
	for (struct follower *f = w->followers; f; f = f->next) {
		stream_abort(&f->s);
	}
	uv_close((uv_handle_t *)&w->timer, NULL);
}

void job_watch_destroy(struct job_watch *w)
{
	if (w) {
		ASSERT(w->stopped && !w->followers && !w->polling);
		free(w);
	}
}
