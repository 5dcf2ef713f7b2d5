/* Bodies: 100-continue, back pressure, clients that stop in the middle. */
#include "tests/unit/chat/http/serving.h"

static void test_expect(void **state)
{
	struct buf out = BUF_INIT;
	int fd = dial();

	(void)state;
	say(fd, "POST /upload HTTP/1.1\r\n" HOST
		"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
	assert_true(hear(fd, &out, "\r\n\r\n"));
	assert_string_equal(out.data, "HTTP/1.1 100 Continue\r\n\r\n");
	say(fd, "hello");
	assert_true(hear(fd, &out, "{\"bytes\":5}"));
	/* the connection goes on; what is refused is never asked for */
	buf_clear(&out);
	say(fd, "POST /refuse HTTP/1.1\r\n" HOST
		"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
	hear(fd, &out, NULL);
	assert_non_null(strstr(out.data, "HTTP/1.1 401 "));
	assert_non_null(strstr(out.data, "WWW-Authenticate: Bearer\r\n"));
	assert_null(strstr(out.data, "100 Continue"));
	close(fd);
	buf_clear(&out);
	fd = dial();
	say(fd, "POST /upload HTTP/1.1\r\n" HOST
		"Content-Length: 70000000000\r\nExpect: 100-continue\r\n\r\n");
	hear(fd, &out, NULL);
	assert_int_equal(strncmp(out.data, "HTTP/1.1 413 ", 13), 0);
	close(fd);
	buf_finish(&out);
}

static void test_upload_backpressure(void **state)
{
	static char bytes[65536];
	struct buf out = BUF_INIT;
	int fd = dial();
	size_t n_sent = 0;
	struct pollfd p;

	(void)state;
	atomic_store(&hold_upload, true);
	say(fd, "POST /upload HTTP/1.1\r\n" HOST
		"Content-Length: 50000000\r\nConnection: close\r\n\r\n");
	/* Nobody reads: what is taken is the queue and the kernel's buffers, not all. */
	for (;;) {
		ssize_t n;

		p = (struct pollfd){.fd = fd, .events = POLLOUT};
		if (poll(&p, 1, 300) == 0) {
			break;
		}
		n = send(fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
		assert_true(n > 0);
		n_sent += (size_t)n;
		assert_true(n_sent < 30000000);
	}
	atomic_store(&hold_upload, false);
	while (n_sent < 50000000) {
		size_t n = 50000000 - n_sent > sizeof(bytes) ? sizeof(bytes) : 50000000 - n_sent;

		say_n(fd, bytes, n);
		n_sent += n;
	}
	hear(fd, &out, NULL);
	assert_non_null(strstr(out.data, "{\"bytes\":50000000}"));
	close(fd);
	buf_finish(&out);
}

static void test_truncated_upload(void **state)
{
	struct buf out = BUF_INIT;
	int fd = dial();

	(void)state;
	say(fd, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 50\r\n\r\nabc");
	shutdown(fd, SHUT_WR);
	hear(fd, &out, NULL);
	assert_non_null(strstr(out.data, "HTTP/1.1 400 "));
	assert_non_null(strstr(out.data, "truncated_body"));
	close(fd);
	buf_finish(&out);
	/* gone altogether: the worker is told, nobody crashes */
	for (int i = 0; i < 20; i++) {
		fd = dial();
		say(fd, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 50\r\n\r\nabc");
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_expect),
		T(test_upload_backpressure),
		T(test_truncated_upload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
