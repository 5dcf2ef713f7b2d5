/* Plain text: a blank line ends a paragraph, and so does a form feed. */
#include <string.h>

#include "ingest/child.h"

static bool blank(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] != ' ' && s[i] != '\t' && s[i] != '\r' && s[i] != '\f' && s[i] != '\v') {
			return false;
		}
	}
	return true;
}

void extract_text(struct document *doc, struct draft *d)
{
	struct buf text = BUF_INIT;
	const char *p, *end;

	draft_page(d, 0, 0);
	if (!text_decode(doc->bytes, doc->n_bytes, NULL, &text)) {
		draft_fault(d, FAULT_BROKEN, 0, NULL);
	}
	p = text.data ? text.data : "";
	end = p + text.len;
	while (p < end) {
		const char *stop = p;

		while (stop < end && *stop != '\n' && *stop != '\r' && *stop != '\f') {
			stop++;
		}
		if (!blank(p, (size_t)(stop - p))) {
			draft_line(d, p, (size_t)(stop - p), NULL);
		}
		if (blank(p, (size_t)(stop - p)) || (stop < end && *stop == '\f')) {
			draft_block(d, BLOCK_PARAGRAPH, 0);
		}
		p = stop + (end - stop >= 2 && stop[0] == '\r' && stop[1] == '\n' ? 2 : 1);
	}
	buf_finish(&text);
}
