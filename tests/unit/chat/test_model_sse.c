/* The SSE reader against hand-made streams and a real server's bytes, cut at every position. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <glob.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "chat/model_sse.h"
#include "index/base/fs.h"
#include "index/base/utf8.h"

struct outcome {
	int rc;
	char reason[48];
	char *text;
	size_t len;
	int64_t prompt, answer, garbage;
	char finish[24];
};

/* Feeds the body in pieces whose lengths come from cuts (0-terminated; the last takes the rest). */
static struct outcome read_cut(const char *body, size_t n, const size_t *cuts)
{
	struct model_sse p;
	struct err e = ERR_INIT;
	struct outcome o = {0};
	size_t at = 0;

	model_sse_init(&p);
	while (o.rc == 0 && at < n) {
		size_t piece = cuts && *cuts ? *cuts++ : n - at;

		piece = piece > n - at ? n - at : piece;
		o.rc = model_sse_feed(&p, body + at, piece, &e);
		at += piece;
	}
	if (o.rc == 0) {
		o.rc = model_sse_end(&p, &e);
	}
	snprintf(o.reason, sizeof(o.reason), "%s", e.reason);
	snprintf(o.finish, sizeof(o.finish), "%s", p.finish);
	o.prompt = p.usage.prompt_tokens;
	o.answer = p.usage.answer_tokens;
	o.garbage = p.n_garbage;
	o.len = p.text.len;
	o.text = buf_take(&p.text);
	assert_true(o.len == 0 || utf8_valid(o.text, o.len));
	model_sse_finish(&p);
	return o;
}

static void same(struct outcome a, struct outcome b)
{
	assert_int_equal(a.rc, b.rc);
	assert_string_equal(a.reason, b.reason);
	if (a.rc == 0) {
		assert_string_equal(a.text, b.text);
		assert_int_equal(a.prompt, b.prompt);
		assert_int_equal(a.garbage, b.garbage);
		assert_string_equal(a.finish, b.finish);
	}
	free(b.text);
}

static void expect(const char *body, const char *text)
{
	size_t n = strlen(body);
	struct outcome whole = read_cut(body, n, NULL);

	if (whole.rc != 0) {
		fail_msg("%s: %s", whole.reason, body);
	}
	assert_string_equal(whole.text, text);
	for (size_t i = 1; i < n; i++) {
		size_t cuts[] = {i, 0};

		same(whole, read_cut(body, n, cuts));
	}
	free(whole.text);
}

static void expect_error(const char *body, const char *reason)
{
	struct outcome o = read_cut(body, strlen(body), NULL);

	assert_int_equal(o.rc, ERR_UPSTREAM);
	assert_string_equal(o.reason, reason);
	free(o.text);
}

#define D(content) "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":" content "}}]}"

static void test_line_ends(void **state)
{
	(void)state;
	expect(D("\"a\"") "\n\n" D("\"b\"") "\n\ndata: [DONE]\n\n", "ab");
	expect(D("\"a\"") "\r\n\r\n" D("\"b\"") "\r\n\r\ndata: [DONE]\r\n\r\n", "ab");
	expect(D("\"a\"") "\r\r" D("\"b\"") "\r\rdata: [DONE]\r\r", "ab");
	expect("\xef\xbb\xbf" D("\"a\"") "\n\n", "a");
	expect("data:{\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n", "x");
	expect("data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"x\"}}]}\n\n", "x");
}

static void test_odd_events(void **state)
{
	(void)state;
	expect(": ping\n\n: OPENROUTER PROCESSING\n\nevent: x\nid: 7\nretry: 10\n" D(
		       "\"a\"") "\n\n",
		"a");
	expect(D("null") "\n\n" D("\"a\"") "\n\n" D("\"\"") "\n\n" D("5") "\n\n", "a");
	expect("data: {\"choices\":[]}\n\ndata: {\"choices\":[{}]}\n\ndata: "
	       "{\"choices\":[null]}\n\n",
		"");
	expect("data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"second\"}},"
	       "{\"index\":0,\"delta\":{\"content\":\"first\"}}]}\n\n",
		"first");
	expect(D("\"a\"") "\n\ndata: [DONE]\n\n" D("\"after the end\"") "\n\n", "a");
	expect(D("\"no blank line at the end\""), "no blank line at the end");
	expect("data: not json\n\n" D("\"a\"") "\n\ndata: {\"choices\n\n", "a");
	expect(D("\"a\\u0000b\"") "\n\n", "ab");
	expect(D("\"line\\nbreak\\u00e9\\ud83d\\ude00\"") "\n\n", "line\nbreaké😀");
	expect("{\"choices\":[{\"message\":{\"content\":\"whole\"},\"finish_reason\":\"stop\"}]}",
		"whole");
}

static void test_utf8_cut_between_tokens(void **state)
{
	(void)state;
	expect(D("\"\xe6\xb0\"") "\n\n" D("\"\xb4\xe8\"") "\n\n" D("\"\xa1\"") "\n\n" D(
		       "\"\xa8!\"") "\n\n",
		"\xe6\xb0\xb4\xe8\xa1\xa8!");
	expect(D("\"a\xff z\"") "\n\n", "a\xef\xbf\xbd z");
	expect(D("\"cut \xe6\xb0\"") "\n\n", "cut \xef\xbf\xbd");
}

static void test_errors(void **state)
{
	(void)state;
	expect_error(
		"data: {\"error\":{\"message\":\"overloaded\",\"code\":529}}\n\n", "model_error");
	expect_error(D("\"a\"") "\n\ndata: {\"error\":\"gone\"}\n\n", "model_error");
	expect_error("{\"error\":{\"code\":500,\"message\":\"loading\"}}", "model_error");
	expect_error("<html>502</html>", "model_garbage");
	expect_error("", "model_garbage");
	expect_error("{\"choices\":", "model_garbage");
	expect_error("data: {\"type\":\"message_start\"}\n\n", "model_garbage");
}

static void test_usage(void **state)
{
	const char *body = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":46,"
			   "\"completion_tokens\":12}}\n\n";
	struct outcome o = read_cut(body, strlen(body), NULL);

	(void)state;
	assert_int_equal(o.prompt, 46);
	assert_int_equal(o.answer, 12);
	free(o.text);
}

static void test_bounded(void **state)
{
	struct model_sse p;
	struct err e = ERR_INIT;
	char block[4096];
	int rc = 0;

	(void)state;
	memset(block, 'x', sizeof(block));
	model_sse_init(&p);
	for (int i = 0; rc == 0 && i < 2 * MODEL_SSE_EVENT_MAX / 4096; i++) {
		rc = model_sse_feed(&p, block, sizeof(block), &e);
	}
	assert_int_equal(rc, ERR_UPSTREAM);
	assert_string_equal(e.reason, "model_too_large");
	assert_true(p.line.len <= MODEL_SSE_EVENT_MAX);
	model_sse_finish(&p);
}

/* ── recorded answers ── */

static void dechunk(const char *s, const char *end, struct buf *out)
{
	while (s < end) {
		char *after;
		unsigned long n = strtoul(s, &after, 16);

		s = strstr(after, "\n");
		if (!s || n == 0) {
			return;
		}
		s++;
		n = n > (unsigned long)(end - s) ? (unsigned long)(end - s) : n;
		buf_add(out, s, n);
		s += n;
		s += strspn(s, "\r\n");
	}
}

static void body_of(const char *path, struct buf *out)
{
	struct buf raw = BUF_INIT;
	const char *head, *body;

	assert_int_equal(fs_read(path, 1 << 24, &raw, NULL), 0);
	head = raw.data;
	if (strncmp(head, "HTTP/1.1 100", 12) == 0) {
		head = strstr(head + 5, "HTTP/1.1");
	}
	body = strstr(head, "\r\n\r\n") ? strstr(head, "\r\n\r\n") + 4 : strstr(head, "\n\n") + 2;
	if (memmem(head, (size_t)(body - head), "chunked", 7)) {
		dechunk(body, raw.data + raw.len, out);
	} else {
		buf_str(out, body);
	}
	buf_finish(&raw);
}

static void cut_everywhere(const struct buf *body, unsigned seed)
{
	struct outcome whole = read_cut(body->data, body->len, NULL);
	size_t step = body->len > 4000 ? body->len / 60 : 1;

	for (size_t i = 1; i < body->len; i += step) {
		size_t cuts[] = {i, 0};

		same(whole, read_cut(body->data, body->len, cuts));
	}
	for (int round = 0; round < 5; round++) {
		size_t *cuts = calloc(body->len + 1, sizeof(size_t));

		for (size_t i = 0; i < body->len; i++) {
			cuts[i] = (size_t)(rand_r(&seed) % (round ? 40 : 1)) + 1;
		}
		same(whole, read_cut(body->data, body->len, cuts));
		free(cuts);
	}
	free(whole.text);
}

static void test_recorded(void **state)
{
	glob_t g;
	unsigned seed = (unsigned)time(NULL);

	(void)state;
	if (glob("../shared/wire/*stream*.http", 0, NULL, &g) != 0) {
		print_message("skipped: no ../shared/wire here\n");
		skip();
	}
	print_message("seed %u, %zu recorded answers\n", seed, g.gl_pathc);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct buf body = BUF_INIT;

		body_of(g.gl_pathv[i], &body);
		cut_everywhere(&body, seed);
		buf_finish(&body);
	}
	globfree(&g);
}

static struct outcome recorded(const char *name)
{
	char path[128];
	struct buf body = BUF_INIT;
	struct outcome o;

	snprintf(path, sizeof(path), "../shared/wire/%s", name);
	if (access(path, R_OK) != 0) {
		print_message("skipped: no %s here\n", path);
		skip();
	}
	body_of(path, &body);
	o = read_cut(body.data, body.len, NULL);
	buf_finish(&body);
	return o;
}

static void test_recorded_contents(void **state)
{
	struct outcome o = recorded("03_chat_stream_usage.http");

	(void)state;
	assert_int_equal(o.rc, 0);
	assert_int_equal(o.prompt, 46);
	assert_int_equal(o.answer, 12);
	assert_string_equal(o.finish, "length");
	free(o.text);
	o = recorded("87_script_stream_expect100.http");
	assert_int_equal(o.rc, 0);
	assert_memory_equal(o.text, "The giant panda is a", 20);
	free(o.text);
	o = recorded("11_err_ctx_too_long_stream.http");
	assert_string_equal(o.reason, "model_error");
	free(o.text);
	o = recorded("91_killed_midstream.http");
	assert_int_equal(o.rc, 0);
	assert_true(o.len > 100);
	assert_string_equal(o.finish, "");
	free(o.text);
	o = recorded("26_messages_stream.http");
	assert_string_equal(o.reason, "model_garbage");
	free(o.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_odd_events),
		cmocka_unit_test(test_utf8_cut_between_tokens),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_recorded),
		cmocka_unit_test(test_recorded_contents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
