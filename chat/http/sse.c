#include <inttypes.h>
#include <string.h>

#include "chat/http/server.h"

void sse_event(struct buf *out, int64_t id, const char *event, const char *data)
{
	if (id > 0) {
		buf_printf(out, "id: %" PRId64 "\n", id);
	}
	if (event) {
		buf_printf(out, "event: %s\n", event);
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
