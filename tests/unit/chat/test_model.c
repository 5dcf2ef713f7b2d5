/* The model client against a scripted server on the same loop: one script a connection. Alone: what
 * is measured is short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/chat/scripted_model.h"

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
	struct script s = {.answer = OK_HEAD D("\"Hello\"")
				   D("\" you\"") "data: "
						 "{\"choices\":[],\"usage\":{\"prompt_tokens\":7,"
						 "\"completion_tokens\":2}}\n\n" DONE};
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
	struct script busy[] = {
		{.answer = "HTTP/1.1 429 Too Many\r\nRetry-After: 0\r\nContent-Length: 0\r\n"
			   "Connection: close\r\n\r\n"},
		{.answer = OK_HEAD D("\"ok\"") DONE}};
	struct script lost[] = {{.answer = NULL}, {.answer = OK_HEAD ": starting\n\n"},
		{.answer = OK_HEAD D("\"ok\"") DONE}};
	struct script broken = {
		.answer = "HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"};
	struct script patient = {
		.answer = "HTTP/1.1 429 No\r\nRetry-After: 3600\r\nContent-Length: 0\r\n"
			  "Connection: close\r\n\r\n"};

	(void)state;
	expect(busy, 2, "ok", "", 2);
	expect(lost, 1, "", "model_unreachable", 3);
	expect(&broken, 1, "", "model_status", 3);
	expect(&patient, 1, "", "model_status", 1);
}

static void test_no_retry_after_text(void **state)
{
	struct script dropped = {.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
					   "44\r\n" D("\"half\"") "\r\n"};
	struct script closed = {.answer = OK_HEAD D("\"half\"")};

	(void)state;
	expect(&dropped, 1, "half", "model_dropped", 1);
	expect(&closed, 1, "half", "model_dropped", 1);
}

static void test_time_limits(void **state)
{
	struct script mute = {.answer = OK_HEAD, .keeps_open = true};
	struct script pings = {.answer = OK_HEAD ": a\n\n: b\n\n", .keeps_open = true};
	struct script stalls = {.answer = OK_HEAD D("\"half\""), .keeps_open = true};
	struct script lingers = {.answer = OK_HEAD D("\"all\"") DONE, .keeps_open = true};

	(void)state;
	expect(&mute, 1, "", "model_timeout", 1);
	expect(&pings, 1, "", "model_timeout", 1);
	expect(&stalls, 1, "half", "model_stalled", 1);
	expect(&lingers, 1, "all", "", 1);
}

static void test_bad_answers(void **state)
{
	struct script error = {.answer = OK_HEAD "data: {\"error\":{\"message\":\"no\"}}\n\n"};
	struct script plain = {
		.answer = "HTTP/1.1 200 OK\r\nContent-Length: 34\r\nConnection: close\r\n\r\n"
			  "{\"error\":{\"message\":\"overloaded\"}}"};
	struct script html = {
		.answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<html>hello</html>\n"};
	struct script whole = {.answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
					 "{\"choices\":[{\"message\":{\"content\":\"whole\"},"
					 "\"finish_reason\":\"stop\"}]}"};
	struct script moved = {.answer = "HTTP/1.1 302 Found\r\nLocation: "
					 "http://127.0.0.1:1/\r\nContent-Length: 0\r\n"
					 "Connection: close\r\n\r\n"};
	struct script picky[] = {
		{.answer = "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
		{.answer = OK_HEAD D("\"ok\"") DONE}};

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
	struct script s = {.answer = NULL, .keeps_open = true};
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
	struct script s = {.answer = OK_HEAD D("\"one\""), .keeps_open = true};
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
	struct script s = {.answer = OK_HEAD D("\"one\"") D("\" two\"") DONE};
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
