#include "chat/model.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "chat/model_curl.h"
#include "chat/model_request.h"
#include "index/base/clock.h"
#include "index/base/log.h"

#define BACKOFF_MS 250 /* before the first retry; doubles */
#define BACKOFF_MAX_MS 8000
#define RETRY_AFTER_MAX_MS 30000 /* a server that wants more is taken for down */
#define TEXT_PER_TOKEN 24	 /* bytes of text taken for each token that was asked for */
#define RAW_PER_TOKEN 4096	 /* bytes of stream for the same; logprobs and ids are long */
#define RAW_MIN (1 << 20)
#define PENDING_MAX (64 * 1024) /* text that a paused consumer has not taken */
#define ERROR_BODY_MAX 4096
#define LINGER_MS 50 /* a response that goes on after [DONE] is left */

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

struct models {
	const struct settings *_Atomic settings; /* for the next call */
	uv_loop_t *loop;
	struct model_curl curl;
	uv_timer_t wake;
	struct model_call *calls;
	struct model_call *touched; /* those with something to settle */
	/* with these, the server refused them */
	const struct settings *_Atomic no_stream_options;
	bool closing;
	int n_open; /* timers, and curl */
	void (*on_closed)(void *arg);
	void *arg;
};

struct model_call {
	struct models *models;
	const struct settings *settings;
	struct model_call *next, *next_touched;
	bool touched;
	struct model_order order;
	CURL *easy;
	struct model_request request;
	uv_timer_t timer; /* back-off, or first event and stall */
	struct model_sse sse;
	struct buf error_body;
	struct model_result result;
	int tries; /* begun */
	int64_t retry_after_ms;
	int64_t progress;     /* events of ours */
	uint64_t progress_ms; /* when the last came, on the loop's clock */
	bool expired;	      /* the time is up; what has come meanwhile is looked at first */
	int64_t n_raw;
	size_t n_text;
	bool asked_usage;
	bool refused_usage; /* this call is asked without it */
	bool sse_ended;
	bool paused;	  /* by the consumer */
	bool held;	  /* curl is paused because of it */
	bool stream_over; /* [DONE] or an error of the stream: the rest is not read */
	bool over;    /* the result is set; text that a paused consumer has not taken may be left */
	bool lingers; /* [DONE] came, the response has not ended yet */
	bool cut;     /* more text than was asked for */
	bool ended;
};

static void begin(struct model_call *c);
static void conclude(struct model_call *c);
static void settle(void *of);

/* ── all of them ── */

static void on_one_closed(void *of)
{
	struct models *m = of;

	if (--m->n_open == 0 && m->closing && !m->calls) {
		void (*on_closed)(void *) = m->on_closed;
		void *arg = m->arg;

		model_curl_finish(&m->curl);
		free(m);
		if (on_closed) {
			on_closed(arg);
		}
	}
}

static void on_wake_closed(uv_handle_t *h)
{
	on_one_closed(container_of((uv_timer_t *)h, struct models, wake));
}

static void on_wake(uv_timer_t *t)
{
	settle(container_of(t, struct models, wake));
}

int models_create(const struct settings *set, uv_loop_t *loop, struct models **out, struct err *e)
{
	struct models *m = calloc(1, sizeof(*m));
	int rc;

	ASSERT(m != NULL);
	*out = NULL;
	m->settings = set;
	m->loop = loop;
	rc = model_curl_init(&m->curl, loop, settle, m, e);
	if (rc != 0) {
		free(m);
		return rc;
	}
	uv_timer_init(loop, &m->wake);
	m->n_open = 2;
	*out = m;
	return 0;
}

void models_use(struct models *m, const struct settings *set)
{
	m->settings = set;
}

bool models_configured(const struct models *m)
{
	const struct settings *set = m->settings;

	return set->model_url[0] != '\0';
}

/* ── the end of a call ── */

static void let_go(struct model_call *c)
{
	if (c->easy) {
		curl_multi_remove_handle(c->models->curl.multi, c->easy);
		curl_easy_cleanup(c->easy);
		c->easy = NULL;
	}
}

/* It has something to settle, once curl has done its work. */
static void touch(struct model_call *c)
{
	if (!c->touched) {
		c->touched = true;
		c->next_touched = c->models->touched;
		c->models->touched = c;
	}
}

static void unlink_call(struct model_call *c)
{
	struct model_call **at = &c->models->calls;

	while (*at != c) {
		at = &(*at)->next;
	}
	*at = c->next;
	for (at = &c->models->touched; *at && *at != c; at = &(*at)->next_touched) {
	}
	*at = *at ? c->next_touched : NULL;
}

static void on_call_closed(uv_handle_t *h)
{
	struct model_call *c = container_of((uv_timer_t *)h, struct model_call, timer);
	struct models *m = c->models;

	unlink_call(c);
	c->order.on_end(c->order.arg, &c->result);
	model_sse_finish(&c->sse);
	buf_finish(&c->error_body);
	model_request_finish(&c->request);
	free(c);
	on_one_closed(m);
}

/* The result is set; what is left goes, and on_end comes from the loop. */
static void end(struct model_call *c)
{
	if (c->ended) {
		return;
	}
	c->ended = true;
	model_request_guard(&c->request, &c->result.err);
	c->result.usage = c->sse.usage;
	memcpy(c->result.finish, c->sse.finish, sizeof(c->result.finish));
	uv_timer_stop(&c->timer);
	let_go(c);
	uv_close((uv_handle_t *)&c->timer, on_call_closed);
}

static void fail(struct model_call *c, int code, const char *reason, const char *text)
{
	if (!c->ended) {
		err_clear(&c->result.err);
		c->result.rc = err_set(&c->result.err, code, reason, "%s", text);
		end(c);
	}
}

void model_cancel(struct model_call *c)
{
	fail(c, ERR_CANCELLED, "cancelled", "the answer was stopped");
}

void models_destroy(struct models *m, void (*on_closed)(void *arg), void *arg)
{
	m->closing = true;
	m->on_closed = on_closed;
	m->arg = arg;
	for (struct model_call *c = m->calls; c; c = c->next) {
		model_cancel(c);
	}
	model_curl_close(&m->curl, on_one_closed);
	uv_close((uv_handle_t *)&m->wake, on_wake_closed);
}

/* ── what the server sends ── */

static long status_of(const struct model_call *c)
{
	long status = 0;

	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct model_call *c = arg;
	size_t len = size * n;

	touch(c);
	if (c->paused && c->sse.text.len > PENDING_MAX) {
		c->held = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	c->n_raw += (int64_t)len;
	if (status_of(c) != 200) {
		buf_add(&c->error_body, p, len);
		return c->error_body.over && c->n_raw > RAW_MIN ? 0 : len;
	}
	if (c->n_raw > RAW_MIN + (int64_t)c->order.answer_tokens * RAW_PER_TOKEN) {
		err_set(&c->result.err, ERR_UPSTREAM, "model_too_large",
			"the model sent far more than it was asked for");
		c->stream_over = true;
		return 0;
	}
	if (model_sse_feed(&c->sse, p, len, &c->result.err) != 0 || c->sse.done) {
		c->stream_over = true;
		return c->sse.done ? len : 0;
	}
	return len;
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct model_call *c = arg;

	(void)!model_retry_after(p, size * n, &c->retry_after_ms);
	return size * n;
}

/* ── time limits ── */

static void on_call_timer(uv_timer_t *t);

/* What counts against silence; a server that sends what nobody understands is silent. */
static int64_t progress_of(const struct model_call *c)
{
	return c->sse.n_events - c->sse.n_garbage;
}

static uint64_t limit_ms(const struct model_call *c)
{
	return (uint64_t)(c->progress > 0 ? c->settings->model_stall_ms
					  : c->settings->model_first_ms);
}

/* Silence from now on counts. */
static void arm(struct model_call *c)
{
	c->progress = progress_of(c);
	c->progress_ms = uv_now(c->models->loop);
	c->expired = false;
	uv_timer_start(&c->timer, on_call_timer, limit_ms(c), 0);
}

/* The timer is left as it is, and looks at progress_ms when it comes: a stream has many events. The
 * first of them makes another limit. */
static void note_progress(struct model_call *c)
{
	if (c->progress == 0) {
		arm(c);
		return;
	}
	c->progress = progress_of(c);
	c->progress_ms = uv_now(c->models->loop);
	c->expired = false;
}

static void on_silence(struct model_call *c)
{
	uint64_t silent_ms = uv_now(c->models->loop) - c->progress_ms;

	if (c->paused) {
		arm(c);
	} else if (silent_ms < limit_ms(c)) {
		uv_timer_start(&c->timer, on_call_timer, limit_ms(c) - silent_ms, 0);
	} else if (!c->expired) {
		/* a loop that was held up sees its timers before its sockets */
		c->expired = true;
		uv_timer_start(&c->timer, on_call_timer, 1, 0);
	} else if (c->progress > 0) {
		fail(c, ERR_TIMEOUT, "model_stalled",
			"the model fell silent in the middle of the answer");
	} else {
		fail(c, ERR_TIMEOUT, "model_timeout", "the model did not begin to answer in time");
	}
}

static void on_call_timer(uv_timer_t *t)
{
	struct model_call *c = container_of(t, struct model_call, timer);

	if (!c->easy) {
		begin(c);
	} else if (c->lingers) {
		conclude(c);
	} else {
		on_silence(c);
	}
}

/* ── a request ── */

static void set_callbacks(struct model_call *c)
{
	curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
}

static void begin(struct model_call *c)
{
	model_sse_finish(&c->sse);
	model_sse_init(&c->sse);
	buf_clear(&c->error_body);
	err_clear(&c->result.err);
	c->n_raw = 0;
	c->retry_after_ms = 0;
	c->stream_over = c->held = c->lingers = c->sse_ended = false;
	c->tries++;
	c->asked_usage = c->models->no_stream_options != c->settings && !c->refused_usage;
	if (!c->asked_usage) {
		model_request_drop_usage(&c->request);
	}
	c->easy = model_request_easy(&c->request, c->order.total_ms);
	set_callbacks(c);
	arm(c);
	if (curl_multi_add_handle(c->models->curl.multi, c->easy) != CURLM_OK) {
		fail(c, ERR_UPSTREAM, "model_unreachable",
			"the request to the model does not start");
	}
}

struct model_call *model_start(struct models *m, const struct model_order *o)
{
	struct model_call *c = calloc(1, sizeof(*c));

	ASSERT(c != NULL && !m->closing);
	c->models = m;
	c->settings = m->settings;
	c->order = *o;
	model_request_init(&c->request, c->settings, o->messages, o->answer_tokens);
	c->order.messages = NULL;
	c->error_body.limit = ERROR_BODY_MAX;
	c->next = m->calls;
	m->calls = c;
	model_sse_init(&c->sse);
	uv_timer_init(m->loop, &c->timer);
	m->n_open++;
	/* the request itself starts from the loop: nothing is told from inside this function */
	uv_timer_start(&c->timer, on_call_timer, 0, 0);
	return c;
}

void model_pause(struct model_call *c)
{
	c->paused = true;
}

void model_resume(struct model_call *c)
{
	c->paused = false;
	if (c->easy && !c->lingers) {
		arm(c);
	}
	if (c->held && c->easy) {
		c->held = false;
		curl_easy_pause(c->easy, CURLPAUSE_CONT);
	}
	/* what is pending comes with the next turn of the loop */
	if (!c->ended) {
		touch(c);
		uv_timer_start(&c->models->wake, on_wake, 0, 0);
	}
}

/* ── what came of it ── */

/* The stream ended without saying that the answer does: a server that closes in its middle. */
static bool is_truncated(const struct model_call *c)
{
	return !c->sse.done && !c->sse.finish[0] && !c->sse.plain &&
	       (c->sse.any_chunk || c->sse.cut || c->n_raw == 0);
}

static bool is_lost(const struct model_call *c, CURLcode code)
{
	return is_truncated(c) || (code != CURLE_OK && !c->sse.done && !c->sse.finish[0]);
}

static void end_sse(struct model_call *c)
{
	if (!c->sse_ended && c->result.err.code == 0) {
		c->sse_ended = true;
		(void)!model_sse_end(&c->sse, &c->result.err);
	}
}

static bool may_retry(struct model_call *c, CURLcode code, long status)
{
	bool lost = is_lost(c, code) && !c->stream_over && (status == 0 || status == 200);

	if (c->n_text > 0 || c->sse.text.len > 0 || c->order.total_ms > 0 ||
		c->tries > c->settings->model_retries) {
		return false;
	}
	if (c->retry_after_ms > RETRY_AFTER_MAX_MS) {
		return false;
	}
	return lost || status == 429 || (status >= 500 && status != 501 && status != 505);
}

static void retry(struct model_call *c, long status)
{
	int64_t wait = BACKOFF_MS << (c->tries - 1 < 5 ? c->tries - 1 : 5);

	wait = wait > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : wait;
	wait += wait * (int64_t)(uv_hrtime() / 1000 % 32) /
		128; /* so that many do not come at once */
	wait = c->retry_after_ms > wait ? c->retry_after_ms : wait;
	log_info("model.retry", LN("status", status), LN("try", c->tries), LN("wait_ms", wait));
	let_go(c);
	uv_timer_start(&c->timer, on_call_timer, (uint64_t)wait, 0);
}

static void fail_by_status(struct model_call *c, long status)
{
	char text[sizeof(c->result.err.message) + 64];

	model_status_words(status, &c->error_body, text, sizeof(text));
	fail(c, ERR_UPSTREAM, "model_status", text);
}

/* Hands over the text that has come, unless the consumer waits. */
static void give(struct model_call *c)
{
	size_t max = (size_t)c->order.answer_tokens * TEXT_PER_TOKEN + 4096;
	size_t n = c->sse.text.len;

	if (c->paused || n == 0 || c->ended) {
		return;
	}
	if (c->n_text + n > max) {
		n = max > c->n_text ? max - c->n_text : 0;
		while (n > 0 && (c->sse.text.data[n] & 0xc0) == 0x80) {
			n--;
		}
		c->cut = true;
	}
	c->n_text += n;
	c->result.any_text = c->n_text > 0;
	if (n > 0) {
		struct buf text = c->sse.text;

		buf_init(&c->sse.text);
		c->order.on_text(c->order.arg, text.data, n);
		buf_finish(&text);
	}
	if (c->cut) {
		fail(c, ERR_UPSTREAM, "model_too_large",
			"the model wrote far more than it was asked for");
	}
}

/* The response has ended, or is not waited for any more: the result is set, text goes out, then
 * on_end. */
static void conclude(struct model_call *c)
{
	c->over = true;
	end_sse(c);
	c->result.rc = c->result.err.code;
	let_go(c);
	uv_timer_stop(&c->timer);
	give(c);
	if (c->sse.text.len == 0 && !c->ended) {
		end(c);
	}
}

static void finish_stream(struct model_call *c, CURLcode code)
{
	bool begun = c->n_text > 0 || c->sse.text.len > 0;

	if (c->refused_usage) {
		c->models->no_stream_options = c->settings; /* that was what it refused */
	}
	if (!c->stream_over && is_lost(c, code)) {
		err_replace(&c->result.err, ERR_UPSTREAM,
			begun ? "model_dropped" : "model_unreachable", "%s",
			begun ? "the connection to the model broke in the middle of the answer"
			      : "the connection to the model broke before it answered");
	}
	conclude(c);
}

static void on_done(struct model_call *c, CURLcode code)
{
	long status = status_of(c);

	if (status == 200 && !c->stream_over) {
		end_sse(c);
	}
	if (status == 400 && c->asked_usage) {
		c->refused_usage = true;
		c->tries--;
		let_go(c);
		begin(c);
	} else if (may_retry(c, code, status)) {
		retry(c, status);
	} else if (status != 200 && status != 0) {
		fail_by_status(c, status);
	} else if (status == 0) {
		fail(c, ERR_UPSTREAM, "model_unreachable", curl_easy_strerror(code));
	} else {
		finish_stream(c, code);
	}
}

static void settle_one(struct model_call *c)
{
	give(c);
	if (c->over && !c->ended && c->sse.text.len == 0) {
		end(c);
		return;
	}
	if (c->easy && !c->lingers && progress_of(c) != c->progress) {
		note_progress(c);
	}
	if (c->sse.done && !c->lingers && c->easy) {
		c->lingers = true;
		uv_timer_start(&c->timer, on_call_timer, LINGER_MS, 0);
	}
}

/* After curl has worked: text to its consumers, then what has ended. A call may end in its
 * consumer's hands; it leaves the list only in on_call_closed. */
static void settle(void *of)
{
	struct models *m = of;
	CURLMsg *msg;
	int left;

	while (m->touched) {
		struct model_call *c = m->touched;

		m->touched = c->next_touched;
		c->touched = false;
		settle_one(c);
	}
	while ((msg = curl_multi_info_read(m->curl.multi, &left))) {
		struct model_call *c;
		CURLcode code = msg->data.result;

		if (msg->msg == CURLMSG_DONE) {
			curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &c);
			on_done(c, code);
		}
	}
}
