/* Streams: framing, stalled readers, vanished clients, rights that are gone. */
#include "tests/unit/chat/http/serving.h"

static bool one_stop(void)
{
	return atomic_load(&n_stops) == 1;
}

static int64_t stream_of(const char *request, struct buf *out)
{
	exchange_n(request, strlen(request), out);
	return count(out, "x");
}

static void test_streams(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	assert_int_equal(
		stream_of("GET /stream?n=1000000&known=1 HTTP/1.1\r\n" HOST LAST, &out), 1000000);
	assert_non_null(strstr(out.data, "Content-Length: 1000000\r\n"));
	buf_clear(&out);
	assert_int_equal(stream_of("GET /stream?n=1000000 HTTP/1.1\r\n" HOST LAST, &out), 1000000);
	assert_non_null(strstr(out.data, "Transfer-Encoding: chunked\r\n"));
	assert_string_equal(out.data + out.len - 7, "\r\n0\r\n\r\n");
	buf_clear(&out);
	assert_int_equal(stream_of("GET /stream?n=100000 HTTP/1.0\r\n\r\n", &out), 100000);
	assert_null(strstr(out.data, "chunked"));
	buf_clear(&out);
	assert_int_equal(atomic_load(&n_starts), 3);
	stream_of("HEAD /stream?n=100000&known=1 HTTP/1.1\r\n" HOST
		  "\r\nGET /hello HTTP/1.1\r\n" HOST LAST,
		&out);
	assert_non_null(strstr(out.data, "Content-Length: 100000\r\n"));
	assert_int_equal(count(&out, "HTTP/1.1 200"), 2);
	assert_int_equal(atomic_load(&n_starts), 3);
	assert_int_equal(atomic_load(&n_stops), 4);
	buf_finish(&out);
}

static void test_stalled_reader_resumes(void **state)
{
	struct buf out = BUF_INIT;
	int fd = dial();

	(void)state;
	say(fd, "GET /stream?n=30000000&known=1 HTTP/1.1\r\n" HOST LAST);
	poll(NULL, 0, 700); /* less than http-idle-ms */
	hear(fd, &out, NULL);
	assert_true(out.len > 30000000);
	close(fd);
	/* and one that never comes back is let go */
	atomic_store(&n_stops, 0);
	fd = dial();
	say(fd, "GET /stream?n=30000000&known=1 HTTP/1.1\r\n" HOST LAST);
	assert_true(wait_for(one_stop));
	close(fd);
	buf_finish(&out);
}

static void test_vanished_from_idle_stream(void **state)
{
	struct buf out = BUF_INIT;
	int fd = dial();

	(void)state;
	say(fd, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
	assert_true(hear(fd, &out, "\r\n\r\n"));
	assert_int_equal(atomic_load(&n_stops), 0);
	close(fd);
	assert_true(wait_for(one_stop));
	buf_finish(&out);
}

static void test_revoked_stream_ends(void **state)
{
	struct buf out = BUF_INIT;
	int fd = dial();
	int64_t since;

	(void)state;
	say(fd, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
	assert_true(hear(fd, &out, "\r\n\r\n"));
	since = clock_mono_ms();
	atomic_store(&revoked, true);
	assert_false(hear(fd, &out, NULL));
	assert_true(clock_mono_ms() - since < 1500);
	assert_true(wait_for(one_stop));
	close(fd);
	buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_streams),
		T(test_stalled_reader_resumes),
		T(test_vanished_from_idle_stream),
		T(test_revoked_stream_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
