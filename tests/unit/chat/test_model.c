/* The model client against a scripted server on the same loop: one script a connection. Alone: what
 * is measured is short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "chat/model.h"
#include "index/base/clock.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
#define D(content) "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":" content "}}]}\n\n"
#define DONE "data: [DONE]\n\n"

struct script {
	const char *answer; /* NULL: closes at once */
	bool keeps_open;
};

struct fixture {
	uv_loop_t loop;
	uv_tcp_t server;
	struct settings set;
	struct models *models;
	const struct script *scripts;
	int n_scripts, n_connections;
	struct buf requests;
	/* what came */
	struct buf text;
	struct model_result result;
	int n_ends, n_texts;
	bool cancel_at_text, pause_at_text;
	struct model_call *call;
	uv_timer_t later;
};

struct peer {
	uv_tcp_t tcp;
	uv_write_t write;
	struct fixture *f;
	const struct script *script;
	char in[65536];
	bool answered;
};

static void on_peer_closed(uv_handle_t *h)
{
	free(h);
}

static void on_written(uv_write_t *w, int status)
{
	struct peer *p = w->data;

	(void)status;
	if (!p->script->keeps_open && !uv_is_closing((uv_handle_t *)&p->tcp)) {
		uv_close((uv_handle_t *)&p->tcp, on_peer_closed);
	}
}

static void on_alloc(uv_handle_t *h, size_t n, uv_buf_t *b)
{
	struct peer *p = (struct peer *)h;

	(void)n;
	*b = uv_buf_init(p->in, sizeof(p->in));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct peer *p = (struct peer *)s;
	uv_buf_t out;

	if (n < 0) {
		if (!uv_is_closing((uv_handle_t *)s)) {
			uv_close((uv_handle_t *)s, on_peer_closed);
		}
		return;
	}
	buf_add(&p->f->requests, b->base, (size_t)n);
	if (p->answered || !strstr(p->f->requests.data, "\"stream\":true")) {
		return;
	}
	p->answered = true;
	if (!p->script->answer) {
		uv_close((uv_handle_t *)s, on_peer_closed);
		return;
	}
	out = uv_buf_init((char *)p->script->answer, (unsigned)strlen(p->script->answer));
	p->write.data = p;
	uv_write(&p->write, s, &out, 1, on_written);
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
	uv_tcp_init(&f->loop, &p->tcp);
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
	char url[64];

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
	set(f, "model-first-ms", "300");
	set(f, "model-stall-ms", "150");
	assert_int_equal(models_create(&f->set, &f->loop, &f->models, NULL), 0);
	uv_timer_init(&f->loop, &f->later);
	f->later.data = f;
}

static void on_later(uv_timer_t *t)
{
	struct fixture *f = t->data;

	if (f->call) {
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

static void on_end(void *arg, const struct model_result *r)
{
	struct fixture *f = arg;

	f->result = *r;
	f->n_ends++;
	f->call = NULL;
	models_destroy(f->models, NULL, NULL);
	uv_close((uv_handle_t *)&f->server, NULL);
	uv_close((uv_handle_t *)&f->later, NULL);
}

static void ask(struct fixture *f)
{
	json_t *messages = json_pack("[{s:s, s:s}]", "role", "user", "content", "hello");
	struct model_order o = {.messages = messages,
		.answer_tokens = 100,
		.on_text = on_text,
		.on_end = on_end,
		.arg = f};

	f->call = model_start(f->models, &o);
	json_decref(messages);
	assert_int_equal(f->n_ends, 0);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(f->n_ends, 1);
}

/* Every handle is closed by then: a leaked one makes uv_loop_close fail. */
static void tear_down(struct fixture *f)
{
	assert_int_equal(uv_loop_close(&f->loop), 0);
	buf_finish(&f->text);
	buf_finish(&f->requests);
	settings_finish(&f->set);
}

static void expect(const struct script *scripts, int n, const char *text, const char *reason,
	int n_connections)
{
	struct fixture f;

	set_up(&f, scripts, n);
	ask(&f);
	assert_string_equal(f.result.err.reason, reason);
	assert_int_equal(f.result.rc != 0, reason[0] != '\0');
	assert_string_equal(f.text.data ? f.text.data : "", text);
	assert_int_equal(f.n_connections, n_connections);
	tear_down(&f);
}

static void test_answer(void **state)
{
	struct script s = {OK_HEAD D("\"Hello\"")
				   D("\" you\"") "data: "
						 "{\"choices\":[],\"usage\":{\"prompt_tokens\":7,"
						 "\"completion_tokens\":2}}\n\n" DONE,
		false};
	struct fixture f;

	(void)state;
	set_up(&f, &s, 1);
	ask(&f);
	assert_int_equal(f.result.rc, 0);
	assert_string_equal(f.text.data, "Hello you");
	assert_int_equal(f.result.usage.prompt_tokens, 7);
	assert_true(f.result.any_text);
	assert_non_null(strstr(f.requests.data, "POST /v1/chat/completions HTTP/1.1\r\n"));
	assert_non_null(strstr(f.requests.data, "Authorization: Bearer sk-test\r\n"));
	assert_non_null(strstr(f.requests.data, "\"include_usage\":true"));
	assert_non_null(strstr(f.requests.data, "\"max_tokens\":100"));
	tear_down(&f);
}

static void test_retries(void **state)
{
	struct script busy[] = {{"HTTP/1.1 429 Too Many\r\nRetry-After: 0\r\nContent-Length: 0\r\n"
				 "Connection: close\r\n\r\n",
					false},
		{OK_HEAD D("\"ok\"") DONE, false}};
	struct script lost[] = {{NULL, false}, {OK_HEAD ": starting\n\n", false},
		{OK_HEAD D("\"ok\"") DONE, false}};
	struct script broken = {
		"HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", false};
	struct script patient = {"HTTP/1.1 429 No\r\nRetry-After: 3600\r\nContent-Length: 0\r\n"
				 "Connection: close\r\n\r\n",
		false};

	(void)state;
	expect(busy, 2, "ok", "", 2);
	expect(lost, 1, "", "model_unreachable", 3);
	expect(&broken, 1, "", "model_status", 3);
	expect(&patient, 1, "", "model_status", 1);
}

static void test_no_retry_after_text(void **state)
{
	struct script dropped = {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				 "44\r\n" D("\"half\"") "\r\n",
		false};
	struct script closed = {OK_HEAD D("\"half\""), false};

	(void)state;
	expect(&dropped, 1, "half", "model_dropped", 1);
	expect(&closed, 1, "half", "model_dropped", 1);
}

static void test_time_limits(void **state)
{
	struct script mute = {OK_HEAD, true};
	struct script pings = {OK_HEAD ": a\n\n: b\n\n", true};
	struct script stalls = {OK_HEAD D("\"half\""), true};
	struct script lingers = {OK_HEAD D("\"all\"") DONE, true};

	(void)state;
	expect(&mute, 1, "", "model_timeout", 1);
	expect(&pings, 1, "", "model_timeout", 1);
	expect(&stalls, 1, "half", "model_stalled", 1);
	expect(&lingers, 1, "all", "", 1);
}

static void test_bad_answers(void **state)
{
	struct script error = {OK_HEAD "data: {\"error\":{\"message\":\"no\"}}\n\n", false};
	struct script plain = {"HTTP/1.1 200 OK\r\nContent-Length: 34\r\nConnection: close\r\n\r\n"
			       "{\"error\":{\"message\":\"overloaded\"}}",
		false};
	struct script html = {
		"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<html>hello</html>\n", false};
	struct script whole = {
		"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
		"{\"choices\":[{\"message\":{\"content\":\"whole\"},\"finish_reason\":\"stop\"}]}",
		false};
	struct script moved = {
		"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n"
		"Connection: close\r\n\r\n",
		false};
	struct script picky[] = {
		{"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", false},
		{OK_HEAD D("\"ok\"") DONE, false}};

	(void)state;
	expect(&error, 1, "", "model_error", 1);
	expect(&plain, 1, "", "model_error", 1);
	expect(&html, 1, "", "model_garbage", 1);
	expect(&whole, 1, "whole", "", 1);
	expect(&moved, 1, "", "model_status", 1);
	expect(picky, 2, "ok", "", 2);
	expect(picky, 1, "", "model_status", 2);
}

static void test_too_much(void **state)
{
	struct buf all = BUF_INIT;
	struct script s = {NULL, true};
	struct fixture f;

	(void)state;
	buf_str(&all, OK_HEAD);
	for (int i = 0; i < 2000; i++) {
		buf_str(&all, D("\"0123456789 \xe6\xb0\xb4\""));
	}
	s.answer = all.data;
	set_up(&f, &s, 1);
	ask(&f);
	assert_string_equal(f.result.err.reason, "model_too_large");
	assert_true(f.text.len > 6000 && f.text.len <= 100 * 24 + 4096);
	tear_down(&f);
	buf_finish(&all);
}

static void test_cancel(void **state)
{
	struct script s = {OK_HEAD D("\"one\""), true};
	struct fixture f;
	int64_t begun;

	(void)state;
	set_up(&f, &s, 1);
	f.cancel_at_text = true;
	begun = clock_mono_ms();
	ask(&f);
	assert_int_equal(f.result.rc, ERR_CANCELLED);
	assert_int_equal(f.n_texts, 1);
	assert_true(clock_mono_ms() - begun < 100);
	tear_down(&f);
}

static void test_pause(void **state)
{
	struct script s = {OK_HEAD D("\"one\"") D("\" two\"") DONE, false};
	struct fixture f;

	(void)state;
	set_up(&f, &s, 1);
	f.pause_at_text = true;
	ask(&f);
	assert_int_equal(f.result.rc, 0);
	assert_string_equal(f.text.data, "one two");
	tear_down(&f);
}

static void test_nobody_there(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, NULL, 0);
	set(&f, "model-url", "http://127.0.0.1:1/v1");
	set(&f, "model-retries", "0");
	ask(&f);
	assert_string_equal(f.result.err.reason, "model_unreachable");
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_retries),
		cmocka_unit_test(test_no_retry_after_text),
		cmocka_unit_test(test_time_limits),
		cmocka_unit_test(test_bad_answers),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_nobody_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
