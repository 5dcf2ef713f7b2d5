#include "chat/run_private.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/log.h"

/* A disk that refuses the end of a run is asked again, later each time: 2 s in all. */
#define REFUSED_MAX 3
#define REFUSED_MS 250

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Events on their way to the table; owned by itself, since the run may wait for it. */
struct batch {
	struct tx tx;
	struct run *run;
	struct id id;
	struct run_event *events; /* borrowed from the run's buffer, which keeps them until then */
	int n;
	bool begin;
	struct run_outcome *outcome; /* of the last batch */
	struct id conversation;
};

static void flush(struct run *run);
static void start_next(struct runs *r);

/* ── life of a run ── */

static const char *copy_text(struct arena *a, const char *s)
{
	return s ? arena_str(a, s) : NULL;
}

struct run *run_create(struct runs *r, const struct run_order *o)
{
	struct run *run = calloc(1, sizeof(*run));
	struct prompt_turn *history;

	ASSERT(run != NULL);
	arena_init(&run->arena);
	run->runs = r;
	run->app = r->app;
	run->ephemeral = id_empty(&o->run);
	run->order = *o;
	run->order.question = arena_str(&run->arena, o->question);
	run->order.collections =
		arena_copy(&run->arena, o->collections ? (const void *)o->collections : "",
			(size_t)o->n_collections * sizeof(struct id));
	history = arena_array(&run->arena, struct prompt_turn, (size_t)o->n_history + 1);
	for (int i = 0; i < o->n_history; i++) {
		history[i] = (struct prompt_turn){copy_text(&run->arena, o->history[i].question),
			copy_text(&run->arena, o->history[i].answer)};
	}
	run->order.history = history;
	run->buffer = calloc(1, sizeof(*run->buffer));
	ASSERT(run->buffer != NULL);
	run->buffer->first_seq = 1;
	return run;
}

void run_destroy(struct run *run)
{
	for (int i = 0; i < run->buffer->n; i++) {
		free(run->buffer->events[i].data);
	}
	turn_finish(run->turn);
	free(run->buffer->events);
	free(run->buffer);
	arena_finish(&run->arena);
	free(run);
}

static void on_flush_closed(uv_handle_t *h)
{
	struct run *run = h->data;
	struct runs *r = run->runs;

	run_destroy(run);
	runs_check_stopped(r);
}

void run_leave(struct run *run)
{
	struct runs *r = run->runs;
	struct run **at = &r->first;

	while (*at != run) {
		at = &(*at)->next;
	}
	*at = run->next;
	r->n_started -= run->started ? 1 : 0;
	listeners_leave(run);
	uv_close((uv_handle_t *)&run->buffer->flush, on_flush_closed);
	start_next(r);
}

static void on_flush(uv_timer_t *t)
{
	flush(t->data);
}

void runs_take(struct runs *r, struct run *run)
{
	struct run **at = &r->first;

	uv_timer_init(r->app->loop, &run->buffer->flush);
	run->buffer->flush.data = run;
	while (*at) {
		at = &(*at)->next;
	}
	*at = run;
	start_next(r);
}

static void start_next(struct runs *r)
{
	struct run *run = r->first;

	while (run) {
		struct run *next = run->next;

		if (!run->started &&
			(r->stopping || r->n_started < r->app->settings->runs_at_once)) {
			run->started = true;
			r->n_started++;
			turn_start(run);
			if (r->stopping) {
				turn_stop(run->turn, TURN_INTERRUPT);
			}
		}
		run = next;
	}
}

struct run *runs_lookup(struct runs *r, const struct id *id)
{
	for (struct run *run = r->first; run; run = run->next) {
		if (!run->ephemeral && id_equal(&run->order.run, id)) {
			return run;
		}
	}
	return NULL;
}

/* ── events ── */

/* Of an event: the text, the struct, and what malloc adds. */
static size_t size_of(const char *data)
{
	return strlen(data) + sizeof(struct run_event) + 24;
}

/* data is malloced, and handed over. */
static void append(struct run *run, const char *type, char *data)
{
	struct run_buffer *b = run->buffer;
	size_t n_bytes = size_of(data);

	if (b->n == b->cap) {
		b->cap = b->cap ? b->cap * 2 : 32;
		b->events = realloc(b->events, (size_t)b->cap * sizeof(*b->events));
		ASSERT(b->events != NULL);
	}
	b->events[b->n++] = (struct run_event){++b->last_seq, type, data};
	b->n_bytes += n_bytes;
	b->n_unstored += n_bytes;
}

static char *dump(json_t *data)
{
	char *text = data ? json_dumps(data, JSON_COMPACT) : strdup("{}");

	ASSERT(text != NULL);
	json_decref(data);
	return text;
}

/* {"text": "…"} (RFC 8259, 7), without the tree: there is one for each token. */
static char *dump_text(const char *text, size_t n)
{
	struct buf out = BUF_INIT;
	size_t from = 0;
	char *exact;

	buf_reserve(&out, n + sizeof("{\"text\":\"\"}"));
	buf_str(&out, "{\"text\":\"");
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x20 && c != '"' && c != '\\') {
			continue;
		}
		buf_add(&out, text + from, i - from);
		from = i + 1;
		if (c == '\n') {
			buf_str(&out, "\\n");
		} else if (c < 0x20) {
			buf_printf(&out, "\\u%04x", c);
		} else {
			buf_char(&out, '\\');
			buf_char(&out, (char)c);
		}
	}
	buf_add(&out, text + from, n - from);
	buf_str(&out, "\"}");
	n = out.len + 1;
	exact = realloc(buf_take(&out), n); /* it may be kept for a while, with hundreds like it */
	ASSERT(exact != NULL);
	return exact;
}

static void drop_front(struct run_buffer *b, int n)
{
	for (int i = 0; i < n; i++) {
		b->n_bytes -= size_of(b->events[i].data);
		free(b->events[i].data);
	}
	if (n > 0) {
		b->first_seq = b->events[n - 1].seq + 1;
		memmove(b->events, b->events + n, (size_t)(b->n - n) * sizeof(*b->events));
		b->n -= n;
	}
}

/* Stored events go once the buffer is full; who lags behind reads them from the table. */
static void trim(struct run_buffer *b)
{
	size_t over = b->n_bytes > BUFFER_MAX ? b->n_bytes - BUFFER_MAX : 0;
	int n = 0;

	while (n < b->n && over > 0 && b->events[n].seq <= b->stored_seq) {
		size_t n_bytes = size_of(b->events[n].data);

		over -= n_bytes < over ? n_bytes : over;
		n++;
	}
	drop_front(b, n);
}

void run_drop_sent(struct run *run, int64_t seq)
{
	int n = 0;

	while (n < run->buffer->n && run->buffer->events[n].seq <= seq) {
		n++;
	}
	drop_front(run->buffer, n);
	if (run->turn && run->buffer->n_bytes < EPHEMERAL_HIGH / 2 && !run->ending) {
		turn_flow(run->turn, false);
	}
}

static void emit(struct run *run, const char *type, char *data)
{
	struct run_buffer *b = run->buffer;

	ASSERT(!run->ending);
	append(run, type, data);
	b->visible_seq = b->last_seq;
	if (run->ephemeral) {
		if (b->n_bytes > EPHEMERAL_HIGH) {
			turn_flow(run->turn, true);
		}
	} else if (b->n_unstored >= FLUSH_BYTES) {
		flush(run);
	} else if (!uv_is_active((uv_handle_t *)&b->flush)) {
		uv_timer_start(&b->flush, on_flush, FLUSH_MS, 0);
	}
	listeners_wake(run);
}

void run_emit(struct run *run, const char *type, json_t *data)
{
	emit(run, type, dump(data));
}

void run_emit_text(struct run *run, const char *text, size_t n)
{
	emit(run, "assistant.delta", dump_text(text, n));
}

/* ── to the table ── */

static int on_batch(struct db *db, void *arg, struct err *e)
{
	struct batch *batch = arg;
	int rc = batch->begin ? run_begin(db, &batch->id, e) : 0;

	if (rc == 0 && batch->outcome) {
		return run_commit(db, batch->outcome, e);
	}
	return rc == 0 ? run_events_add(db, &batch->id, batch->events, batch->n, e) : rc;
}

/* The final event shows; the run is over. */
static void conclude(struct run *run)
{
	struct run_buffer *b = run->buffer;

	b->visible_seq = b->last_seq;
	b->over = true;
	listeners_wake(run);
	if (!run->ephemeral || !b->listeners) {
		run_leave(run);
	}
}

static bool is_gone(const struct err *e)
{
	return e->code == ERR_CANCELLED || e->code == ERR_CONFLICT;
}

/* What could not be stored is not shown as if it were. */
static void fail_stored(struct run *run, const struct err *e)
{
	struct run_buffer *b = run->buffer;
	struct run_event *last = &b->events[b->n - 1];
	bool gone = is_gone(e);
	json_t *o = json_pack("{s:s, s:s}", "code", gone ? "gone" : "not_stored", "message",
		gone ? "The conversation was deleted." : "The answer could not be stored.");

	if (!gone) {
		log_error("run.not_stored", LT("run", run->order.run.s), LT("error", e->message));
		run_unstored(run->runs, &run->order.run, run->buffer->last_seq);
	}
	free(last->data);
	last->type = "run.failed";
	last->data = dump(o);
	conclude(run);
}

static void end_refused(struct run *run, const struct err *e)
{
	struct run_buffer *b = run->buffer;

	if (is_gone(e) || b->n_refused >= REFUSED_MAX || run->runs->stopping) {
		fail_stored(run, e);
		return;
	}
	uv_timer_start(&b->flush, on_flush, (uint64_t)REFUSED_MS << b->n_refused++, 0);
}

static void on_batch_here(void *arg)
{
	struct batch *batch = arg;
	struct run *run = batch->run;
	struct run_buffer *b = run->buffer;
	struct err e = batch->tx.err;
	int rc = batch->tx.rc;
	bool last = batch->outcome != NULL;

	b->in_flight = NULL;
	if (rc == 0 && batch->n > 0) {
		b->stored_seq = batch->events[batch->n - 1].seq;
		b->begun = true;
	} else if (rc != 0) {
		log_warn("run.events_not_stored", LT("run", run->order.run.s),
			LT("error", e.message));
	}
	free(batch->events);
	free(batch);
	if (last && rc != 0) {
		end_refused(run, &e);
	} else if (last) {
		conclude(run);
	} else {
		trim(b);
		if (b->outcome || b->n_unstored >= FLUSH_BYTES) {
			flush(run);
		}
	}
}

static void on_batch_done(struct tx *tx)
{
	struct batch *batch = container_of(tx, struct batch, tx);

	server_on_loop(batch->run->app->server, on_batch_here, batch);
}

static void flush(struct run *run)
{
	struct run_buffer *b = run->buffer;
	struct batch *batch;

	if (b->in_flight || run->ephemeral || (b->last_seq == b->stored_seq && !b->outcome)) {
		return;
	}
	batch = calloc(1, sizeof(*batch));
	ASSERT(batch != NULL);
	batch->run = run;
	batch->id = run->order.run;
	batch->begin = !b->begun;
	batch->events = calloc((size_t)b->n + 1, sizeof(*batch->events));
	ASSERT(batch->events != NULL);
	for (int i = 0; i < b->n; i++) {
		if (b->events[i].seq > b->stored_seq) {
			batch->events[batch->n++] = b->events[i];
		}
	}
	batch->outcome = b->outcome;
	if (batch->outcome) {
		batch->outcome->events = batch->events;
		batch->outcome->n_events = batch->n;
	}
	b->n_unstored = 0;
	b->in_flight = batch;
	batch->tx = (struct tx){.fn = on_batch, .arg = batch, .on_done = on_batch_done};
	store_submit(run->app->index->store, &batch->tx);
}

void run_finish(struct run *run, struct run_outcome *o, const char *type, json_t *data)
{
	struct run_buffer *b = run->buffer;

	ASSERT(!run->ending);
	run->ending = true;
	append(run, type, dump(data));
	if (run->ephemeral) {
		conclude(run);
		return;
	}
	o->run = run->order.run;
	o->workspace = run->order.workspace;
	o->user = run->order.user;
	b->outcome = o;
	uv_timer_stop(&b->flush);
	flush(run);
}

/* ── from workers ── */

static void on_submitted(void *arg)
{
	struct run *run = arg;

	runs_take(run->runs, run);
}

void runs_submit(struct runs *r, const struct run_order *o)
{
	server_on_loop(r->app->server, on_submitted, run_create(r, o));
}

struct cancel {
	struct runs *runs;
	struct id id;
};

static void on_cancel(void *arg)
{
	struct cancel *c = arg;
	struct run *run = runs_lookup(c->runs, &c->id);

	if (run && !run->ending) {
		if (!run->started) {
			run->started = true;
			c->runs->n_started++;
			turn_start(run);
		}
		turn_stop(run->turn, TURN_CANCEL);
	}
	free(c);
}

void runs_cancel(struct runs *r, const struct id *run)
{
	struct cancel *c = calloc(1, sizeof(*c));

	ASSERT(c != NULL);
	*c = (struct cancel){r, *run};
	server_on_loop(r->app->server, on_cancel, c);
}

/* ── all of them ── */

static int on_recover(struct db *db, void *arg, struct err *e)
{
	return runs_recover(db, arg, e);
}

int runs_create(struct app *app, struct runs **out, struct err *e)
{
	struct runs *r = calloc(1, sizeof(*r));
	int n = 0, rc;

	ASSERT(r != NULL);
	*out = NULL;
	r->app = app;
	rc = store_write(app->index->store, on_recover, &n, e);
	if (rc == 0) {
		rc = models_create(app->settings, app->loop, &r->models, e);
	}
	if (rc != 0) {
		free(r);
		return rc;
	}
	if (n > 0) {
		log_info("run.recovered", LN("runs", n));
	}
	*out = r;
	return 0;
}

struct models *runs_models(struct runs *r)
{
	return r->models;
}

static void on_models_closed(void *arg)
{
	struct runs *r = arg;

	r->models = NULL;
	r->models_closed = true;
	runs_check_stopped(r);
}

void runs_check_stopped(struct runs *r)
{
	if (!r->on_stopped || r->first || r->n_loading > 0 || r->unstored) {
		return;
	}
	if (r->models) {
		struct models *m = r->models;

		r->models = NULL;
		models_destroy(m, on_models_closed, r);
	} else if (r->models_closed) {
		void (*on_stopped)(void *) = r->on_stopped;

		r->on_stopped = NULL;
		on_stopped(r->arg);
	}
}

void runs_stop(struct runs *r, void (*on_stopped)(void *arg), void *arg)
{
	struct run *next;

	r->stopping = true;
	r->on_stopped = on_stopped;
	r->arg = arg;
	start_next(r);
	for (struct run *run = r->first; run; run = next) {
		next = run->next;
		if (!run->ending) {
			turn_stop(run->turn, TURN_INTERRUPT);
		}
	}
	runs_unstored_stop(r);
	runs_check_stopped(r);
}

void runs_destroy(struct runs *r)
{
	if (r) {
		ASSERT(!r->first && r->n_loading == 0 && !r->unstored);
		free(r);
	}
}
