/* The listeners of runs: streams that read from a run's buffer, or from the table. */
#include "chat/run_private.h"

#include "chat/retrieval.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define EMPTY_MAX 5 /* loads of a run that is open in the table and in nobody's hands */

static void serve(struct listener *l);

/* ── the list of a run ── */

static void attach(struct listener *l, struct run *run)
{
	if (l->run == run) {
		return;
	}
	ASSERT(l->run == NULL);
	l->run = run;
	l->next = run->buffer->listeners;
	run->buffer->listeners = l;
}

static void detach(struct listener *l)
{
	struct listener **at = l->run ? &l->run->buffer->listeners : NULL;

	while (at && *at != l) {
		at = &(*at)->next;
	}
	if (at) {
		*at = l->next;
	}
	l->run = NULL;
}

static void destroy(struct listener *l)
{
	ASSERT(!l->run && !l->loading);
	arena_finish(&l->arena);
	buf_finish(&l->loaded);
	free(l);
}

/* ── from the buffer ── */

/* Events past l->after as SSE; says whether the last one of all is among them. */
static bool collect(struct listener *l, struct buf *out)
{
	struct run_buffer *b = l->run->buffer;
	struct arena scratch;

	arena_init(&scratch);
	while (l->after < b->visible_seq && out->len < SEND_BYTES) {
		const struct run_event *ev = &b->events[l->after + 1 - b->first_seq];
		const char *data;

		data = run_view_event(&l->view, &scratch, ev->type, ev->data);
		l->after = ev->seq;
		if (data) {
			sse_event(out, ev->seq, ev->type, data);
		}
	}
	arena_finish(&scratch);
	return b->over && l->after >= b->last_seq;
}

static void serve_from_buffer(struct listener *l)
{
	struct buf out = BUF_INIT;
	bool final = collect(l, &out);

	if (out.len > 0 || final) {
		l->wanting = false;
		stream_send(&l->stream, out.data ? out.data : "", out.len, final);
	}
	buf_finish(&out);
}

void listeners_wake(struct run *run)
{
	struct listener *next;

	for (struct listener *l = run->buffer->listeners; l; l = next) {
		next = l->next;
		serve(l);
	}
}

void listeners_leave(struct run *run)
{
	while (run->buffer->listeners) {
		struct listener *l = run->buffer->listeners;

		detach(l);
		if (!l->ephemeral) {
			serve(l);
		}
	}
}

/* ── from the table ── */

static void on_loaded(void *arg);

/* As SSE what the asker may see of it now; final: the run is over and all of it was read. a: for
 * the view, which stays. */
static int load_work(struct listener *l, struct db *db, struct arena *a, struct err *e)
{
	struct arena rows;
	struct asker who;
	struct run_row row;
	struct run_event *events;
	int n = 0;
	int rc = acl_asker(db, a, &l->user, &who, e);

	if (rc == 0) {
		rc = run_lookup(db, a, &who, &l->id, &row, e);
	}
	if (rc == 0) {
		rc = run_view_open(db, a, &who, &l->id, &l->view, e);
	}
	if (rc == 0) {
		rc = retrieval_view(db, a, &who, &l->id, &l->view, e);
	}
	arena_init(&rows);
	if (rc == 0) {
		rc = run_events_load(db, &rows, &l->id, l->after, SEND_BYTES, &events, &n, e);
	}
	for (int i = 0; rc == 0 && i < n; i++) {
		const char *data = run_view_event(&l->view, &rows, events[i].type, events[i].data);

		if (data) {
			sse_event(&l->loaded, events[i].seq, events[i].type, data);
		}
		l->loaded_to = events[i].seq;
	}
	arena_finish(&rows);
	/* nothing more to read of a run that is over */
	l->loaded_final = rc != 0 || (n == 0 && !run_is_open(&row));
	return rc;
}

static void on_load_work(struct pool_item *item)
{
	struct listener *l = container_of(item, struct listener, item);
	struct err e = ERR_INIT;
	struct db *db = store_reader(l->runs->app->index->store, &e);

	buf_clear(&l->loaded);
	l->loaded_to = l->after;
	l->loaded_final = true;
	arena_finish(&l->arena);
	if (db) {
		(void)!load_work(l, db, &l->arena, &e);
	}
	store_reader_drop(db);
	server_on_loop(l->runs->app->server, on_loaded, l);
}

static void load(struct listener *l)
{
	l->item = (struct pool_item){.work = on_load_work};
	l->loading = pool_submit(l->runs->app->pool, &l->item);
	if (l->loading) {
		l->runs->n_loading++;
	} else {
		stream_abort(
			&l->stream); /* too busy: the client comes back with its Last-Event-ID */
	}
}

static void on_loaded(void *arg)
{
	struct listener *l = arg;
	struct runs *r = l->runs;
	struct buf loaded;
	bool final;

	l->loading = false;
	r->n_loading--;
	if (l->stopped) {
		destroy(l);
		runs_check_stopped(r);
		return;
	}
	/* before anything is sent: the next load may begin from within */
	loaded = l->loaded;
	buf_init(&l->loaded);
	l->n_empty = l->loaded_to > l->after ? 0 : l->n_empty + 1;
	l->after = l->loaded_to;
	final = l->loaded_final || l->n_empty > EMPTY_MAX;
	if (loaded.len > 0 || final) {
		l->wanting = false;
		stream_send(&l->stream, loaded.data ? loaded.data : "", loaded.len, final);
	}
	buf_finish(&loaded);
	serve(l);
	runs_check_stopped(r);
}

static void serve(struct listener *l)
{
	struct run *run = l->run;

	if (!l->wanting || l->loading || l->stopped) {
		return;
	}
	if (!run && !l->ephemeral) {
		run = runs_lookup(l->runs, &l->id);
	}
	if (run && l->after + 1 >= run->buffer->first_seq) {
		attach(l, run);
		serve_from_buffer(l);
	} else if (!l->ephemeral) {
		detach(l);
		load(l);
	}
}

/* ── streams ── */

static void on_proceed(struct stream *s)
{
	struct listener *l = container_of(s, struct listener, stream);

	l->wanting = true;
	serve(l);
}

static void on_stop(struct stream *s)
{
	struct listener *l = container_of(s, struct listener, stream);

	l->stopped = true;
	detach(l);
	if (!l->loading) {
		destroy(l);
	}
}

static struct listener *listener_create(struct runs *r)
{
	struct listener *l = calloc(1, sizeof(*l));

	ASSERT(l != NULL);
	arena_init(&l->arena);
	l->runs = r;
	l->stream = (struct stream){.proceed = on_proceed, .stop = on_stop, .heartbeat = true};
	return l;
}

struct stream *run_listen(struct runs *r, const struct id *run, const struct asker *who,
	int64_t after, const struct run_view *view)
{
	struct listener *l = listener_create(r);

	l->id = *run;
	l->workspace = who->workspace;
	l->user = who->user;
	l->after = after;
	l->view = *view;
	l->view.gone = view->n_gone > 0 ? arena_copy(&l->arena, view->gone,
						  (size_t)view->n_gone * sizeof(struct id))
					: NULL;
	l->stream.object = *run;
	return &l->stream;
}

/* ── ephemeral ── */

static void on_ephemeral_start(struct stream *s)
{
	struct listener *l = container_of(s, struct listener, stream);

	l->begun = true;
	attach(l, l->ephemeral);
	runs_take(l->runs, l->ephemeral);
}

static void on_ephemeral_proceed(struct stream *s)
{
	struct listener *l = container_of(s, struct listener, stream);

	l->wanting = true;
	if (l->run) {
		run_drop_sent(l->run, l->after);
	}
	serve(l);
}

/* The connection is gone: so is the run. It frees itself once the turn has ended. */
static void on_ephemeral_stop(struct stream *s)
{
	struct listener *l = container_of(s, struct listener, stream);
	struct run *run = l->run;

	l->stopped = true;
	detach(l);
	if (!l->begun) {
		run_destroy(l->ephemeral);
	} else if (run->buffer->over) {
		run_leave(run);
	} else {
		if (!run->started) {
			run->started = true;
			run->runs->n_started++;
			turn_start(run);
		}
		turn_stop(run->turn, TURN_CANCEL);
	}
	destroy(l);
}

void run_shows(struct run *run, const struct passage *passages, int n)
{
	struct listener *l = run->buffer->listeners;
	struct id *documents;

	if (!run->ephemeral || !l) {
		return;
	}
	documents = arena_array(&l->arena, struct id, (size_t)n + 1);
	for (int i = 0; i < n; i++) {
		documents[i] = passages[i].document;
	}
	l->stream.shows = documents;
	l->stream.n_shows = n;
}

struct stream *run_ephemeral(struct runs *r, const struct run_order *o)
{
	struct listener *l = listener_create(r);

	l->ephemeral = run_create(r, o);
	l->stream.start = on_ephemeral_start;
	l->stream.proceed = on_ephemeral_proceed;
	l->stream.stop = on_ephemeral_stop;
	return &l->stream;
}
