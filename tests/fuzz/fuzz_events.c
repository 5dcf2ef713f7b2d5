/*
 * Server-sent events as the command line reads them (chat/cli/events.c): the same events however
 * the stream is cut; and what the server writes of any text (chat/http/sse.c) is read back.
 */
#include "chat/cli/events.h"
#include "chat/http/server.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool on_event(void *arg, int64_t id, const char *name, const char *data, size_t n_bytes)
{
	struct buf *out = arg;

	buf_printf(out, "%lld %s ", (long long)id, name);
	buf_add(out, data, n_bytes);
	buf_char(out, '\n');
	return false;
}

static void read_stream(const char *p, size_t n, size_t cut, struct buf *out)
{
	struct err e = ERR_INIT;
	struct events ev;

	events_init(&ev, on_event, out);
	for (size_t at = 0; at < n; at += cut) {
		if (events_feed(&ev, p + at, n - at < cut ? n - at : cut, &e) != 0) {
			abort(); /* it is far from the limit */
		}
	}
	events_finish(&ev);
}

static bool same(const struct buf *a, const char *p, size_t n)
{
	return a->len == n && (n == 0 || memcmp(a->data, p, n) == 0);
}

/* CR, CRLF and LF are one and the same in a stream. */
static void write_and_read(const char *text)
{
	struct buf stream = BUF_INIT, got = BUF_INIT, want = BUF_INIT;

	buf_str(&want, "7 delta ");
	for (const char *p = text; *p; p++) {
		if (*p == '\r') {
			buf_char(&want, '\n');
			p += p[1] == '\n';
		} else {
			buf_char(&want, *p);
		}
	}
	buf_char(&want, '\n');
	sse_event(&stream, 7, "delta", text);
	read_stream(stream.data, stream.len, stream.len, &got);
	if (!same(&got, want.data, want.len)) {
		abort();
	}
	buf_finish(&stream);
	buf_finish(&got);
	buf_finish(&want);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf whole = BUF_INIT, cut = BUF_INIT, text = BUF_INIT;

	if (n < 2) {
		return -1;
	}
	read_stream((const char *)data + 1, n - 1, n, &whole);
	read_stream((const char *)data + 1, n - 1, 1 + data[0] % 40, &cut);
	if (!same(&whole, cut.data, cut.len)) {
		abort();
	}
	buf_add(&text, data + 1, n - 1);
	buf_char(&text, '\0');
	write_and_read(text.data);
	buf_finish(&whole);
	buf_finish(&cut);
	buf_finish(&text);
	return 0;
}
