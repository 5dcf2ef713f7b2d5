/* multipart/form-data: every split of the input, every size of read, and forms that are broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "chat/http/conn.h"

/* the route table is not needed here, nor is auth */
const struct route routes[] = {{"GET", "/", ACCESS_PUBLIC, BODY_NONE, NULL, "none"}};
const int n_routes = 1;

static struct exchange ex;
static struct header content_type;
static const char *input;
static size_t n_input, at, n_first, n_then;

/* Gives the input on: first n_first bytes, then n_then at a time, each as one read of the body
 * finds it. */
static void feed(void *arg)
{
	struct exchange *x = arg;
	size_t n = at == 0 ? n_first : n_then;

	n = n < n_input - at ? n : n_input - at;
	body_add(&x->stream_in, input + at, n);
	at += n;
	x->stream_in.paused = true; /* so that the next read asks for more */
	if (at == n_input) {
		body_close(&x->stream_in, BODY_COMPLETE);
	}
}

/* All parts as text: name[filename|type]=content; and how it ended. */
static int read_all(const char *bytes, size_t n, const char *type, size_t n_read, struct buf *out,
	struct err *e)
{
	struct multipart *m;
	struct multipart_part part;
	char chunk[4096];
	int rc;

	memset(&ex, 0, sizeof(ex));
	arena_init(&ex.call.arena);
	body_init(&ex.stream_in);
	ex.stream_in.on_wanted = feed;
	ex.stream_in.on_low = feed;
	ex.stream_in.arg = &ex;
	ex.call.stream_in = &ex.stream_in;
	content_type = (struct header){"content-type", type};
	ex.headers = &content_type;
	ex.n_headers = type ? 1 : 0;
	input = bytes;
	n_input = n;
	at = 0;
	rc = multipart_open(&ex.call, &m, e);
	while (rc == 0 && (rc = multipart_next(m, &part, e)) == 1) {
		buf_printf(out, "%s[%s|%s]=", part.name, part.filename ? part.filename : "",
			part.content_type ? part.content_type : "");
		while ((rc = multipart_read(m, chunk, n_read, e)) > 0) {
			buf_add(out, chunk, (size_t)rc);
		}
		buf_char(out, ';');
	}
	body_finish(&ex.stream_in);
	arena_finish(&ex.call.arena);
	return rc;
}

#define TYPE "multipart/form-data; boundary=XX"
static const char form[] =
	"preamble\r\n--XX\r\n"
	"Content-Disposition: form-data; name=\"a\"\r\n\r\n"
	"1\r\n--X\r\n--XX  \r\n"
	"content-disposition:form-data;name=file; filename=\"caf\303\251 \\\"x\\\".pdf\"\r\n"
	"Content-Type: application/pdf\r\n\r\n"
	"\r\n--\r\n-XX\r\n\r\n--XX\r\n"
	"Content-Disposition: form-data; filename=\"a%22b.txt\"; name=\"empty\"\r\n\r\n"
	"\r\n--XX--\r\nepilogue";
static const char want[] = "a[|]=1\r\n--X;"
			   "file[caf\303\251 \"x\".pdf|application/pdf]=\r\n--\r\n-XX\r\n;"
			   "empty[a\"b.txt|]=;";

static void expect_form(size_t n_read)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(read_all(form, sizeof(form) - 1, TYPE, n_read, &out, &e), 0);
	assert_string_equal(out.data, want);
	buf_finish(&out);
}

static void test_every_split(void **state)
{
	(void)state;
	for (n_first = 1; n_first < sizeof(form); n_first++) {
		n_then = sizeof(form);
		expect_form(100);
		n_then = 1;
		expect_form(1);
	}
	for (n_first = n_then = 1; n_then < sizeof(form); n_first = ++n_then) {
		expect_form(7);
	}
	n_first = n_then = 65536;
}

static void test_every_read(void **state)
{
	(void)state;
	for (size_t n_read = 1; n_read < sizeof(form) + 2; n_read++) {
		expect_form(n_read);
	}
}

static void test_truncated_everywhere(void **state)
{
	size_t n_end = (size_t)(strstr(form, "--XX--") + 6 - form);

	(void)state;
	for (size_t n = 0; n < sizeof(form) - 1; n++) {
		struct buf out = BUF_INIT;
		struct err e = ERR_INIT;
		int rc = read_all(form, n, TYPE, 100, &out, &e);

		if (n < n_end) {
			assert_int_equal(rc, ERR_INVALID);
			assert_string_equal(e.reason, "truncated_body");
		} else {
			assert_int_equal(rc, 0);
			assert_string_equal(out.data, want);
		}
		buf_finish(&out);
	}
}

static void test_large_part(void **state)
{
	struct buf in = BUF_INIT;
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	buf_str(&in, "--XX\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n");
	for (int i = 0; i < 100000; i++) {
		buf_str(&in, "\r\n--X0");
	}
	buf_str(&in, "\r\n--XX--");
	assert_int_equal(read_all(in.data, in.len, TYPE, 4096, &out, &e), 0);
	assert_int_equal(out.len, strlen("f[|]=") + 600000 + 1);
	buf_finish(&in);
	buf_finish(&out);
}

/* The limit is the same whether they come at once or in pieces. */
static void test_large_headers(void **state)
{
	struct buf in = BUF_INIT;

	(void)state;
	buf_str(&in, "--XX\r\nContent-Disposition: form-data; name=\"f\"\r\nX: ");
	for (int i = 0; i < 9000; i++) {
		buf_char(&in, 'x');
	}
	buf_str(&in, "\r\n\r\n\r\n--XX--");
	for (n_first = n_then = in.len; n_then > 100; n_first = n_then /= 2) {
		struct buf out = BUF_INIT;
		struct err e = ERR_INIT;

		assert_int_equal(read_all(in.data, in.len, TYPE, 4096, &out, &e), ERR_INVALID);
		assert_string_equal(e.reason, "bad_multipart");
		buf_finish(&out);
	}
	n_first = n_then = 65536;
	buf_finish(&in);
}

static void test_broken(void **state)
{
	static const struct {
		const char *type, *bytes, *reason;
	} rows[] = {
		{NULL, "", "not_multipart"},
		{"text/plain", "", "not_multipart"},
		{"multipart/form-datax; boundary=a", "", "not_multipart"},
		{"multipart/form-data", "", "bad_multipart"},
		{"multipart/form-data; boundary=\"\"", "", "bad_multipart"},
		{"multipart/form-data; boundary="
		 "12345678901234567890123456789012345678901234567890123456789012345678901",
			"", "bad_multipart"},
		{TYPE, "", "truncated_body"},
		{TYPE, "--XXY\r\n", "bad_multipart"},
		{TYPE, "--XX\r\n\r\nx\r\n--XX--", "bad_multipart"},
		{TYPE, "--XX\r\nContent-Type: a/b\r\n\r\nx\r\n--XX--", "bad_multipart"},
		{TYPE, "--XX\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--XX--",
			"bad_multipart"},
		{TYPE, "--XX\r\nno colon\r\n\r\nx\r\n--XX--", "bad_multipart"},
		{TYPE, "--XX\r\n: x\r\n\r\nx\r\n--XX--", "bad_multipart"},
		{TYPE, "--XX\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\nx\r\n--XX--",
			"bad_multipart"},
		{TYPE,
			"--XX\r\nContent-Disposition: form-data; name=a\r\n"
			"Content-Transfer-Encoding: base64\r\n\r\nx\r\n--XX--",
			"bad_multipart"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf out = BUF_INIT;
		struct err e = ERR_INIT;

		assert_true(read_all(rows[i].bytes, strlen(rows[i].bytes), rows[i].type, 100, &out,
				    &e) < 0);
		assert_string_equal(e.reason, rows[i].reason);
		buf_finish(&out);
	}
}

static void test_limits(void **state)
{
	struct buf in = BUF_INIT;
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	buf_str(&in, "--XX\r\nX: ");
	for (int i = 0; i < 9000; i++) {
		buf_char(&in, 'x');
	}
	assert_int_equal(read_all(in.data, in.len, TYPE, 100, &out, &e), ERR_INVALID);
	assert_string_equal(e.reason, "bad_multipart");
	buf_clear(&in);
	for (int i = 0; i < 1001; i++) {
		buf_str(&in, "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n");
	}
	err_clear(&e);
	assert_int_equal(read_all(in.data, in.len, TYPE, 100, &out, &e), ERR_INVALID);
	assert_string_equal(e.reason, "bad_multipart");
	buf_finish(&in);
	buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_split),
		cmocka_unit_test(test_every_read),
		cmocka_unit_test(test_truncated_everywhere),
		cmocka_unit_test(test_large_part),
		cmocka_unit_test(test_large_headers),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_limits),
	};

	n_first = n_then = 65536;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
