/* A model client and a scripted server on one loop: one script a connection, the last for all
 * further ones. Its bytes go out in two pieces where `cut` says, the second once the client has had
 * the first. */
#ifndef TESTS_UNIT_CHAT_SCRIPTED_MODEL_H
#define TESTS_UNIT_CHAT_SCRIPTED_MODEL_H

#include <stdlib.h>
#include <string.h>

#include "chat/model.h"
#include "index/base/clock.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
#define D(content) "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":" content "}}]}\n\n"
#define DONE "data: [DONE]\n\n"

#ifdef __SANITIZE_THREAD__ /* much slower: a flood is not to look like silence */
#define FIRST_MS 3000
#define STALL_MS 1500
#else
#define FIRST_MS 300
#define STALL_MS 150
#endif

struct script {
	const char *answer; /* NULL: closes at once */
	bool keeps_open;
	size_t n;     /* bytes of the answer; 0: it is a string */
	bool resets;  /* ends with a TCP reset */
	bool repeats; /* from the answer's `loop` on, without end */
	size_t loop;
	bool dribbles; /* what repeats comes every 20 ms, not at once */
};

struct fixture {
	uv_loop_t loop;
	uv_tcp_t server;
	struct settings set;
	struct models *models;
	const struct script *scripts;
	int n_scripts, n_connections;
	size_t cut; /* of the first connection's answer; 0: in one piece */
	struct buf requests;
	/* what came */
	struct buf text;
	struct model_result result;
	int n_ends, n_texts;
	int64_t gone_ms; /* when the client's end was seen */
	bool cancel_at_text, pause_at_text;
	struct model_call *call;
	uv_timer_t later;
	const char *question; /* NULL: "hello" */
	int asks;	      /* one after the other; 0: one */
	int n_usage_asked;
	uint64_t cancel_after_ms; /* 0: not */
	int64_t cancelled_ms;
};

struct peer {
	uv_tcp_t tcp;
	uv_write_t write;
	struct fixture *f;
	const struct script *script;
	uv_timer_t timer;
	uv_idle_t turns;
	int n_turns;
	size_t sent;
	char in[65536];
	bool answered, closed;
	int n_handles;
};

static void on_peer_closed(uv_handle_t *h)
{
	struct peer *p = h->data;

	if (--p->n_handles == 0) {
		free(p);
	}
}

static void close_peer(struct peer *p, bool reset)
{
	if (p->closed) {
		return;
	}
	p->closed = true;
	uv_close((uv_handle_t *)&p->timer, on_peer_closed);
	uv_close((uv_handle_t *)&p->turns, on_peer_closed);
	if (!reset || uv_tcp_close_reset(&p->tcp, on_peer_closed) != 0) {
		uv_close((uv_handle_t *)&p->tcp, on_peer_closed);
	}
}

static void send_more(struct peer *p);

static void on_timer(uv_timer_t *t)
{
	send_more(t->data);
}

/* After some turns of the loop the client has read what there was. */
static void on_turn(uv_idle_t *idle)
{
	struct peer *p = idle->data;

	if (++p->n_turns == 4) {
		uv_idle_stop(idle);
		send_more(p);
	}
}

static void on_written(uv_write_t *w, int status)
{
	struct peer *p = w->data;

	if (p->closed) {
		return;
	}
	if (status < 0) {
		close_peer(p, false);
	} else if (p->script->dribbles && p->script->repeats) {
		uv_timer_start(&p->timer, on_timer, 20, 0);
	} else {
		p->n_turns = 0;
		uv_idle_start(&p->turns, on_turn);
	}
}

static void send_more(struct peer *p)
{
	const struct script *s = p->script;
	size_t n = s->n ? s->n : strlen(s->answer);
	size_t cut = p->f->n_connections == 1 && p->f->cut < n ? p->f->cut : 0;
	size_t to = p->sent < cut ? cut : n;
	uv_buf_t out;

	if (p->sent == n && s->repeats) {
		p->sent = s->loop;
	}
	if (p->sent == n) {
		if (!s->keeps_open) {
			close_peer(p, s->resets);
		}
		return;
	}
	out = uv_buf_init((char *)s->answer + p->sent, (unsigned)(to - p->sent));
	p->sent = to;
	p->write.data = p;
	uv_write(&p->write, (uv_stream_t *)&p->tcp, &out, 1, on_written);
}

static void on_alloc(uv_handle_t *h, size_t n, uv_buf_t *b)
{
	struct peer *p = h->data;

	(void)n;
	*b = uv_buf_init(p->in, sizeof(p->in));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct peer *p = s->data;

	if (n < 0) {
		p->f->gone_ms = clock_mono_ms();
		close_peer(p, false);
		return;
	}
	buf_add(&p->f->requests, b->base, (size_t)n);
	if (p->answered || !strstr(p->f->requests.data, "\"stream\":true")) {
		return;
	}
	p->answered = true;
	p->f->n_usage_asked += strstr(p->f->requests.data, "include_usage") ? 1 : 0;
	if (!p->script->answer) {
		close_peer(p, p->script->resets);
		return;
	}
	send_more(p);
}

static void on_connection(uv_stream_t *server, int status)
{
	struct fixture *f = server->data;
	struct peer *p = calloc(1, sizeof(*p));

	assert_int_equal(status, 0);
	p->f = f;
	p->script =
		&f->scripts[f->n_connections < f->n_scripts ? f->n_connections : f->n_scripts - 1];
	f->n_connections++;
	buf_clear(&f->requests);
	uv_timer_init(&f->loop, &p->timer);
	uv_idle_init(&f->loop, &p->turns);
	uv_tcp_init(&f->loop, &p->tcp);
	p->tcp.data = p->timer.data = p->turns.data = p;
	p->n_handles = 3;
	uv_accept(server, (uv_stream_t *)&p->tcp);
	uv_read_start((uv_stream_t *)&p->tcp, on_alloc, on_read);
}

static void set(struct fixture *f, const char *name, const char *value)
{
	assert_int_equal(settings_set(&f->set, name, value, "test", NULL), 0);
}

static void set_up(struct fixture *f, const struct script *scripts, int n)
{
	struct sockaddr_in at;
	struct sockaddr_storage bound;
	int len = sizeof(bound);
	char url[64], ms[16];

	memset(f, 0, sizeof(*f));
	f->scripts = scripts;
	f->n_scripts = n;
	uv_loop_init(&f->loop);
	uv_ip4_addr("127.0.0.1", 0, &at);
	uv_tcp_init(&f->loop, &f->server);
	f->server.data = f;
	uv_tcp_bind(&f->server, (struct sockaddr *)&at, 0);
	uv_listen((uv_stream_t *)&f->server, 16, on_connection);
	uv_tcp_getsockname(&f->server, (struct sockaddr *)&bound, &len);
	settings_init(&f->set);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1/",
		ntohs(((struct sockaddr_in *)&bound)->sin_port));
	set(f, "model-url", url);
	set(f, "model-key", "sk-test");
	snprintf(ms, sizeof(ms), "%d", FIRST_MS);
	set(f, "model-first-ms", ms);
	snprintf(ms, sizeof(ms), "%d", STALL_MS);
	set(f, "model-stall-ms", ms);
	assert_int_equal(models_create(&f->set, &f->loop, &f->models, NULL), 0);
	uv_timer_init(&f->loop, &f->later);
	f->later.data = f;
}

static void on_later(uv_timer_t *t)
{
	struct fixture *f = t->data;

	if (f->call && f->cancel_after_ms > 0) {
		f->cancelled_ms = clock_mono_ms();
		model_cancel(f->call);
	} else if (f->call) {
		model_resume(f->call);
	}
}

static void on_text(void *arg, const char *text, size_t n)
{
	struct fixture *f = arg;

	buf_add(&f->text, text, n);
	f->n_texts++;
	if (f->cancel_at_text) {
		model_cancel(f->call);
	}
	if (f->pause_at_text) {
		f->pause_at_text = false;
		model_pause(f->call);
		uv_timer_start(&f->later, on_later, 200, 0);
	}
}

static void begin_call(struct fixture *f);

static void on_end(void *arg, const struct model_result *r)
{
	struct fixture *f = arg;

	f->result = *r;
	f->n_ends++;
	f->call = NULL;
	if (f->n_ends < f->asks) {
		begin_call(f);
		return;
	}
	models_destroy(f->models, NULL, NULL);
	uv_close((uv_handle_t *)&f->server, NULL);
	uv_close((uv_handle_t *)&f->later, NULL);
}

static void begin_call(struct fixture *f)
{
	json_t *messages = json_pack(
		"[{s:s, s:s}]", "role", "user", "content", f->question ? f->question : "hello");
	struct model_order o = {.messages = messages,
		.answer_tokens = 100,
		.on_text = on_text,
		.on_end = on_end,
		.arg = f};

	f->call = model_start(f->models, &o);
	json_decref(messages);
}

static void ask(struct fixture *f)
{
	begin_call(f);
	assert_int_equal(f->n_ends, 0);
	if (f->cancel_after_ms > 0) {
		uv_timer_start(&f->later, on_later, f->cancel_after_ms, 0);
	}
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(f->n_ends, f->asks > 0 ? f->asks : 1);
}
/* Every handle is closed by then: a leaked one makes uv_loop_close fail. */
static void tear_down(struct fixture *f)
{
	assert_int_equal(uv_loop_close(&f->loop), 0);
	buf_finish(&f->text);
	buf_finish(&f->requests);
	settings_finish(&f->set);
}

#endif
