/* The server: times, the Unix socket, health while every worker is busy. */
#include "tests/unit/chat/http/serving.h"

#include <sys/un.h>

static void test_slow(void **state)
{
	struct buf out = BUF_INIT;
	int fd = dial();

	(void)state;
	say(fd, "GET /hello HTTP/1.1\r\nHo");
	hear(fd, &out, NULL);
	assert_non_null(strstr(out.data, "HTTP/1.1 408 "));
	close(fd);
	buf_clear(&out);
	fd = dial();
	say(fd, POST_ECHO "Content-Length: 20\r\n\r\n{");
	hear(fd, &out, NULL);
	assert_non_null(strstr(out.data, "HTTP/1.1 408 "));
	close(fd);
	buf_clear(&out);
	fd = dial();
	say(fd, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 20\r\n\r\n{");
	hear(fd, &out, NULL);
	assert_non_null(strstr(out.data, "HTTP/1.1 408 "));
	assert_non_null(strstr(out.data, "stalled_body"));
	close(fd);
	buf_clear(&out);
	fd = dial();
	hear(fd, &out, NULL);
	assert_int_equal(out.len, 0);
	close(fd);
	buf_finish(&out);
}

static void test_unix_socket(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct buf out = BUF_INIT;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/carrel.sock", f.dir);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	say(fd, "GET /hello HTTP/1.1\r\n" HOST LAST);
	hear(fd, &out, NULL);
	assert_non_null(strstr(out.data, "{\"hello\":\"\"}"));
	close(fd);
	buf_finish(&out);
}

static bool three_are_held(void)
{
	return atomic_load(&n_held) == 3;
}

/* Health is told while every worker is busy, and without the database; to somebody who is named it
 * is told as everything else is. */
static void test_health_while_busy(void **state)
{
	struct buf out = BUF_INIT, held = BUF_INIT;
	int busy[3], fd = dial();

	(void)state;
	atomic_store(&hold_workers, true);
	for (int i = 0; i < 3; i++) {
		busy[i] = dial();
		say(busy[i], "GET /held HTTP/1.1\r\n" HOST "\r\n");
	}
	assert_true(wait_for(three_are_held));
	say(fd, "GET /health HTTP/1.1\r\n" HOST "\r\nGET /health HTTP/1.1\r\n" HOST "\r\n");
	hear(fd, &out, "\"ok\"}HTTP/1.1 200");
	hear(fd, &out, "\r\n\r\n{\"status\":\"ok\"}");
	assert_int_equal(atomic_load(&n_health_with_db), 0);
	say(fd, "GET /health HTTP/1.1\r\n" HOST "Authorization: Bearer x\r\n\r\n");
	atomic_store(&hold_workers, false);
	for (int i = 0; i < 3; i++) {
		assert_true(hear(busy[i], &held, "held"));
		buf_clear(&held);
		close(busy[i]);
	}
	buf_clear(&out);
	assert_true(hear(fd, &out, "\"ok\"}"));
	assert_int_equal(atomic_load(&n_health_with_db), 1);
	close(fd);
	buf_finish(&out);
	buf_finish(&held);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_slow),
		T(test_unix_socket),
		T(test_health_while_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
