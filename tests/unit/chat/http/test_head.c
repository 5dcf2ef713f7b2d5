/* Requests as they come: what is read, what is refused, in pieces, many at once. */
#include "tests/unit/chat/http/serving.h"

static void test_refuses_ambiguity(void **state)
{
	static const struct {
		int status;
		const char *bytes;
	} rows[] = {
		{400, POST_ECHO "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"},
		{400, POST_ECHO "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"},
		{400, POST_ECHO "Content-Length: 2, 2\r\n\r\n{}"},
		{400, POST_ECHO "Content-Length: +2\r\n\r\n{}"},
		{400, POST_ECHO "Content-Length: -2\r\n\r\n{}"},
		{400, POST_ECHO "Content-Length: 0x2\r\n\r\n{}"},
		{400, POST_ECHO "Content-Length: 2 2\r\n\r\n{}"},
		{400, POST_ECHO "Content-Length:\r\n\r\n{}"},
		{400, POST_ECHO "Content-Length: 99999999999999999999999999\r\n\r\n{}"},
		{400, POST_ECHO "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{400, POST_ECHO "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n"},
		{400, POST_ECHO "Transfer-Encoding: chunked\r\nTransfer-Encoding: "
				"chunked\r\n\r\n0\r\n\r\n"},
		{400, POST_ECHO "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"},
		{501, POST_ECHO "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
		{400, POST_ECHO "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
		{400, POST_ECHO "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"},
		{400, POST_ECHO "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"},
		{400, POST_ECHO "X: a\r\n folded\r\nContent-Length: 2\r\n\r\n{}"},
		{400, POST_ECHO "X: a\rb\r\nContent-Length: 2\r\n\r\n{}"},
		{400, POST_ECHO "X: a\nContent-Length: 2\r\n\r\n{}"},
		{400, "GET /hello HTTP/1.1\n" HOST "\r\n"},
		{400, "GET /hello HTTP/1.1\r\nHost: a\n\n"},
		{400, "GET /hello HTTP/1.1\r\nHost: a\r\n\rX: y\r\n\r\n"},
		{400, "GET /hello HTTP/1.1\r\n" HOST "X\x01: y\r\n\r\n"},
		{400, "GET /hello HTTP/1.1\r\n" HOST "X: \x7f\r\n\r\n"},
		{400, "GET /hello HTTP/1.1\r\n" HOST "no colon\r\n\r\n"},
		{400, "GET /hello HTTP/1.1\r\n" HOST ": empty\r\n\r\n"},
		{400, "GET /hello HTTP/1.1\r\n Host: a\r\n\r\n"},
		{400, "GET /hello HTTP/1.1\r\n\r\n"},
		{400, "GET /hello HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
		{400, "GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n"},
		{400, "GET  /hello HTTP/1.1\r\n" HOST "\r\n"},
		{400, "GET /hello  HTTP/1.1\r\n" HOST "\r\n"},
		{400, "GET /hello HTTP/1.1 \r\n" HOST "\r\n"},
		{400, "GET\t/hello HTTP/1.1\r\n" HOST "\r\n"},
		{400, "GET /hello\r\n" HOST "\r\n"},
		{400, " GET /hello HTTP/1.1\r\n" HOST "\r\n"},
		{505, "GET /hello HTTP/1.2\r\n" HOST "\r\n"},
		{505, "GET /hello HTTP/2.0\r\n" HOST "\r\n"},
		{400, "GET /hello HTTX/1.1\r\n" HOST "\r\n"},
		{400, "get /hello HTTP/1.1\r\n" HOST "\r\n"},
		{400, "GET hello HTTP/1.1\r\n" HOST "\r\n"},
		{400, "GET /hello#x HTTP/1.1\r\n" HOST "\r\n"},
		{400, "GET /hel%zz HTTP/1.1\r\n" HOST LAST},
		{400, "GET /hello/%00.txt HTTP/1.1\r\n" HOST LAST},
		{400, "GET /hello/%ff.txt HTTP/1.1\r\n" HOST LAST},
		{400, "CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n"},
		{404, "OPTIONS * HTTP/1.1\r\n" HOST LAST},
		{417, "GET /hello HTTP/1.1\r\n" HOST "Expect: much\r\n" LAST},
		{400, "POST /echo HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{400, "GET /hello HTTP/1.1\r\n" HOST "Cookie: a=b\r\nCookie: a=c\r\n" LAST},
#define CHUNKED POST_ECHO "Transfer-Encoding: chunked\r\n\r\n"
		{400, CHUNKED "2\n{}\r\n0\r\n\r\n"},
		{400, CHUNKED "2\r\n{}\n0\r\n\r\n"},
		{400, CHUNKED "2\r\n{}\r\n0\n\r\n"},
		{400, CHUNKED "2\r\n{}\r\n0\r\n\n"},
		{400, CHUNKED "2\r\n{}\r\n0\r\n\rx"},
		{400, CHUNKED "2 \r\n{}\r\n0\r\n\r\n"},
		{400, CHUNKED "0x2\r\n{}\r\n0\r\n\r\n"},
		{400, CHUNKED "-2\r\n{}\r\n0\r\n\r\n"},
		{400, CHUNKED "\r\n{}\r\n0\r\n\r\n"},
		{400, CHUNKED "fffffffffffffffff\r\n{}\r\n0\r\n\r\n"},
		{400, CHUNKED "2\r\n{}x\r\n0\r\n\r\n"},
		{400, CHUNKED "2\r\n{}\r\n0\r\nX: trailer\r\n\r\n"},
		{400, CHUNKED "2;a\x01=b\r\n{}\r\n0\r\n\r\n"},
		{413, POST_ECHO "Content-Length: 16385\r\n\r\n"},
		{413, CHUNKED "ffffff\r\n"},
		{400, "GET /hello HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx"},
		{400, "GET /hello HTTP/1.1\r\n" HOST
		      "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char body[70000];
		size_t n = strlen(rows[i].bytes);

		memcpy(body, rows[i].bytes, n + 1);
		if (strstr(rows[i].bytes, "ffffff\r\n") && rows[i].status == 413) {
			memset(body + n, 'x', 20000);
			n += 20000;
		}
		expect_status(body, n, rows[i].status);
	}
	expect_status("GET /hello HTTP/1.1\r\nHost: a\0b\r\n\r\n",
		sizeof("GET /hello HTTP/1.1\r\nHost: a\0b\r\n\r\n") - 1, 400);
	expect_status("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11, 400);
}

/* The refusal is out while the head's first part still waits in the connection's memory. */
static void test_refuses_in_pieces(void **state)
{
	static const char other[] = "GET /none HTTP/1.1\r\n" HOST LAST;
	static const char *const rows[] = {
		"GET /hello HTTP/1.1\r\n" HOST "Expect: much\r\n\r\n",
		"GET /hello HTTP/1.1\r\n" HOST "X: a\rb",
		"GET /hello HTTP/1.1\r\n" HOST HOST "\r\nGET /hello HTTP/1.1\r\n" HOST LAST,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t n = 1; n < strlen(rows[i]); n++) {
			struct buf out = BUF_INIT;
			int fd = dial();

			say_n(fd, rows[i], n);
			/* So that it has read the first part: another connection's round trip. */
			expect_status(other, sizeof(other) - 1, 404);
			say(fd, rows[i] + n);
			hear(fd, &out, NULL);
			assert_int_equal(count(&out, "HTTP/1.1 4"), 1);
			close(fd);
			buf_finish(&out);
		}
	}
}

static void test_plain_requests(void **state)
{
	static const struct {
		const char *bytes;
		const char *want;
	} rows[] = {
		{"GET /hello HTTP/1.1\r\n" HOST LAST, "{\"hello\":\"\"}"},
		{"\r\nGET /hello HTTP/1.1\r\n" HOST LAST, "{\"hello\":\"\"}"},
		{"GET /hello/a%2Fb.txt?x=y HTTP/1.1\r\n" HOST LAST, "{\"hello\":\"a/b\"}"},
		{"GET /hello/caf%C3%A9.txt HTTP/1.1\r\n" HOST LAST, "{\"hello\":\"café\"}"},
		{"GET http://other/hello HTTP/1.1\r\n" HOST LAST, "{\"hello\":\"\"}"},
		{"GET /hello HTTP/1.0\r\n\r\n", "{\"hello\":\"\"}"},
		{"GET /hello HTTP/1.1\r\n" HOST
		 "Connection: upgrade, close\r\nUpgrade: h2c\r\n\r\n",
			"{\"hello\":\"\"}"},
		{POST_ECHO "Transfer-Encoding: Chunked\r\nConnection: close\r\n\r\n"
			   "3;ext=\"v\"\r\n{\"t\r\n00c\r\next\":\"hello\"\r\n1\r\n}\r\n0\r\n\r\n",
			"{\"text\":\"hello\"}"},
		{"GET /nothing HTTP/1.1\r\n" HOST LAST,
			"{\"error\":{\"type\":\"not_found\",\"code\":\"not_found\",\"message\":"},
		{"POST /hello HTTP/1.1\r\n" HOST LAST, "Allow: GET, HEAD\r\n"},
		{"GET /fail HTTP/1.1\r\n" HOST LAST, "\"code\":\"storage\""},
		{"GET /hello/.txt HTTP/1.1\r\n" HOST LAST, "HTTP/1.1 404 Not Found\r\n"},
		{POST_ECHO "Content-Length: 2\r\nConnection: close\r\n\r\n[]",
			"\"code\":\"bad_json\""},
		{POST_ECHO "Content-Length: 2\r\nConnection: close\r\n\r\n{}",
			"\"code\":\"missing_field\""},
		{POST_ECHO "Content-Length: 21\r\nConnection: "
			   "close\r\n\r\n{\"text\":1,\"text\":\"a\"}",
			"\"code\":\"bad_json\""},
		{"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\nConnection: close\r\n\r\n{}",
			"HTTP/1.1 415 "},
		{"HEAD /hello HTTP/1.1\r\n" HOST LAST, "Content-Length: 12\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf out = BUF_INIT;

		exchange_n(rows[i].bytes, strlen(rows[i].bytes), &out);
		if (!out.data || !strstr(out.data, rows[i].want)) {
			fail_msg("wanted %s for:\n%s\ngot:\n%s", rows[i].want, rows[i].bytes,
				out.data ? out.data : "");
		}
		assert_non_null(strstr(out.data, "X-Request-Id: req_"));
		assert_non_null(strstr(out.data, "X-Content-Type-Options: nosniff\r\n"));
		assert_non_null(strstr(out.data, "Cache-Control: no-store\r\n"));
		assert_null(strstr(out.data, "/secret/path"));
		if (strncmp(rows[i].bytes, "HEAD", 4) == 0) {
			assert_string_equal(strstr(out.data, "\r\n\r\n"), "\r\n\r\n");
		}
		buf_finish(&out);
	}
}

static void test_every_split(void **state)
{
	static const char bytes[] = CHUNKED "3;e=f\r\n{\"t\r\n0d\r\next\":\"hel lo\"\r\n1\r\n}\r\n"
					    "0\r\n\r\nGET /hello HTTP/1.1\r\n" HOST LAST;

	(void)state;
	for (size_t cut = 1; cut < sizeof(bytes) - 1; cut++) {
		struct buf out = BUF_INIT;
		int fd = dial();

		say_n(fd, bytes, cut);
		poll(NULL, 0, 1);
		say(fd, bytes + cut);
		hear(fd, &out, NULL);
		assert_int_equal(count(&out, "HTTP/1.1 200 OK"), 2);
		assert_non_null(strstr(out.data, "{\"text\":\"hel lo\"}"));
		buf_finish(&out);
		close(fd);
	}
}

static void test_pipelining(void **state)
{
	struct buf in = BUF_INIT;
	struct buf out = BUF_INIT;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		buf_printf(&in, "GET /hello/%d.txt HTTP/1.1\r\n" HOST "%s", i,
			i == 2999 ? LAST : "\r\n");
	}
	exchange_n(in.data, in.len, &out);
	assert_int_equal(count(&out, "HTTP/1.1 200 OK"), 3000);
	for (const char *p = out.data, *q; (q = strstr(p, "{\"hello\"")) != NULL; p = q + 1) {
		static int n;
		char want[40];

		snprintf(want, sizeof(want), "{\"hello\":\"%d\"}", n++);
		assert_memory_equal(q, want, strlen(want));
	}
	buf_finish(&in);
	buf_finish(&out);
}

static void test_large_heads(void **state)
{
	struct buf in = BUF_INIT;

	(void)state;
	buf_str(&in, "GET /hello HTTP/1.1\r\n" HOST "X: ");
	while (in.len < 20000) {
		buf_char(&in, 'x');
	}
	expect_status(in.data, in.len, 431);
	buf_clear(&in);
	buf_str(&in, "GET /");
	while (in.len < 20000) {
		buf_char(&in, 'x');
	}
	expect_status(in.data, in.len, 414);
	buf_clear(&in);
	buf_str(&in, "GET /hello HTTP/1.1\r\n" HOST);
	for (int i = 0; i < 200; i++) {
		buf_printf(&in, "X-%d: y\r\n", i);
	}
	buf_str(&in, "\r\n");
	expect_status(in.data, in.len, 431);
	buf_finish(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_plain_requests),
		T(test_refuses_ambiguity),
		T(test_refuses_in_pieces),
		T(test_every_split),
		T(test_pipelining),
		T(test_large_heads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
