#include <string.h>

#include "chat/http/server.h"

/* Without printf: there is an event for each token. */
static void add_number(struct buf *out, int64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	buf_add(out, digits + at, sizeof(digits) - at);
}

void sse_event(struct buf *out, int64_t id, const char *event, const char *data)
{
	/* what a token's event has, at once */
	buf_reserve(out, strlen(data) + 96);
	if (id > 0) {
		buf_str(out, "id: ");
		add_number(out, id);
		buf_char(out, '\n');
	}
	if (event) {
		buf_str(out, "event: ");
		buf_str(out, event);
		buf_char(out, '\n');
	}
	/* CR, LF and CRLF each end a line of the stream: a line of data for each of theirs. */
	for (;;) {
		size_t n = strcspn(data, "\r\n");

		buf_str(out, "data: ");
		buf_add(out, data, n);
		buf_char(out, '\n');
		data += n;
		if (!*data) {
			break;
		}
		data += data[0] == '\r' && data[1] == '\n' ? 2 : 1;
	}
	buf_char(out, '\n');
}
