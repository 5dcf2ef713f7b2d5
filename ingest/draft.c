#include "ingest/draft.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "index/base/utf8.h"

#define BATCH 32768 /* bytes of a payload before it is sent */

void draft_init(struct draft *d, int fd, size_t text_max, int pages_max)
{
	memset(d, 0, sizeof(*d));
	d->fd = fd;
	d->text_max = text_max;
	d->pages_max = pages_max;
}

/* A parent that is gone wants nothing more. */
static void flush(struct draft *d)
{
	size_t at = 0;

	while (at < d->out.len) {
		ssize_t n = write(d->fd, d->out.data + at, d->out.len - at);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			_exit(1);
		}
		at += (size_t)n;
	}
	buf_clear(&d->out);
}

static void send_batch(struct draft *d, enum frame_type type, struct buf *payload)
{
	if (payload->len) {
		frame_put(&d->out, type, payload->data, (uint32_t)payload->len);
		buf_clear(payload);
		if (d->out.len >= BATCH) {
			flush(d);
		}
	}
}

void draft_fault(struct draft *d, enum frame_fault fault, uint32_t number, const char *detail)
{
	struct buf clean = BUF_INIT;

	if (detail) {
		draft_clean(&clean, detail, strlen(detail), false);
	}
	frame_put_fault(&d->out, fault, number, clean.data);
	flush(d);
	_exit(0);
}

void draft_type(struct draft *d, const char *media_type, bool paged)
{
	struct buf payload = BUF_INIT;

	buf_u8(&payload, paged);
	buf_str(&payload, media_type);
	frame_put(&d->out, FRAME_TYPE, payload.data, (uint32_t)payload.len);
	buf_finish(&payload);
}

void draft_title(struct draft *d, const char *s, size_t n_bytes)
{
	struct buf clean = BUF_INIT;
	const char *start;
	size_t n;

	if (d->has_title) {
		return;
	}
	draft_clean(&clean, s, n_bytes, false);
	start = clean.data ? clean.data : "";
	n = clean.len;
	while (n && *start == ' ') {
		start++;
		n--;
	}
	if (n > FRAME_TITLE_MAX) {
		n = utf8_floor(start, n, FRAME_TITLE_MAX);
	}
	while (n && start[n - 1] == ' ') {
		n--;
	}
	if (n) {
		frame_put(&d->out, FRAME_TITLE, start, (uint32_t)n);
		d->has_title = true;
	}
	buf_finish(&clean);
}

void draft_progress(struct draft *d, int done, int n)
{
	struct buf payload = BUF_INIT;

	buf_u32(&payload, (uint32_t)done);
	buf_u32(&payload, (uint32_t)n);
	frame_put(&d->out, FRAME_PROGRESS, payload.data, (uint32_t)payload.len);
	buf_finish(&payload);
	flush(d);
}

static void end_block(struct draft *d)
{
	if (d->block.byte_end > d->block.byte_start) {
		frame_put_block(&d->blocks, &d->block);
		d->n_blocks++;
		if (d->blocks.len >= BATCH) {
			send_batch(d, FRAME_BLOCKS, &d->blocks);
		}
	}
	d->block.byte_start = (int32_t)d->n_text;
	d->block.byte_end = (int32_t)d->n_text;
}

static void end_page(struct draft *d)
{
	end_block(d);
	if (d->n_pages) {
		d->page.byte_end = (int32_t)d->n_text;
		frame_put_page(&d->pages, &d->page);
		if (d->pages.len >= BATCH) {
			send_batch(d, FRAME_PAGES, &d->pages);
		}
	}
}

void draft_page(struct draft *d, double width, double height)
{
	end_page(d);
	d->n_pages++;
	d->page = (struct page){.number = (int32_t)d->n_pages, .byte_start = (int32_t)d->n_text};
	d->page.width = (float)width;
	d->page.height = (float)height;
	draft_block(d, BLOCK_PARAGRAPH, 0);
}

void draft_block(struct draft *d, enum block_kind kind, int level)
{
	end_block(d);
	d->block.kind = (uint8_t)kind;
	d->block.level = 0;
	if (kind == BLOCK_HEADING) {
		d->block.level = (uint8_t)(level < 1 ? 1 : level > 6 ? 6 : level);
	}
	d->block.page = d->page.number;
}

static void send_text(struct draft *d, const char *s, size_t n)
{
	if (n + 1 > d->text_max - d->n_text || d->n_lines >= FRAME_ITEMS_MAX ||
		d->n_blocks >= FRAME_ITEMS_MAX - 1) {
		draft_fault(d, FAULT_TEXT, 0, NULL);
	}
	while (n) {
		size_t part = n > BATCH ? utf8_floor(s, n, BATCH) : n;

		buf_add(&d->text, s, part);
		if (d->text.len >= BATCH) {
			send_batch(d, FRAME_TEXT, &d->text);
		}
		d->n_text += (uint32_t)part;
		s += part;
		n -= part;
	}
	buf_char(&d->text, '\n');
	d->n_text++;
}

void draft_line(struct draft *d, const char *s, size_t n_bytes, const struct box *box)
{
	struct buf clean = BUF_INIT;
	bool code = d->block.kind == BLOCK_CODE;
	bool first = d->block.byte_end == d->block.byte_start;
	const char *start;
	size_t n;

	ASSERT(d->n_pages > 0);
	draft_clean(&clean, s, n_bytes, code);
	start = clean.data ? clean.data : "";
	n = clean.len;
	while (n && start[n - 1] == ' ') {
		n--;
	}
	while (n && !code && *start == ' ') {
		start++;
		n--;
	}
	if (n || (code && !first)) {
		uint32_t at = d->n_text;

		send_text(d, start, n);
		if (n) {
			d->block.byte_end = (int32_t)(at + n);
		}
		if (n && box && box->x0 < box->x1 && box->y0 < box->y1) {
			struct box line = *box;

			line.page = d->page.number;
			line.byte_start = (int32_t)at;
			line.byte_end = (int32_t)(at + n);
			frame_put_line(&d->lines, &line);
			d->n_lines++;
			if (d->lines.len >= BATCH) {
				send_batch(d, FRAME_LINES, &d->lines);
			}
		}
	}
	buf_finish(&clean);
}

void draft_image(struct draft *d, const void *p, size_t n_bytes)
{
	const char *s = p;

	while (n_bytes) {
		size_t part = n_bytes < BATCH ? n_bytes : BATCH;

		frame_put(&d->out, FRAME_IMAGE, s, (uint32_t)part);
		flush(d);
		d->n_image += (uint32_t)part;
		s += part;
		n_bytes -= part;
	}
}

void draft_end(struct draft *d)
{
	struct buf payload = BUF_INIT;

	end_page(d);
	send_batch(d, FRAME_PAGES, &d->pages);
	send_batch(d, FRAME_BLOCKS, &d->blocks);
	send_batch(d, FRAME_LINES, &d->lines);
	send_batch(d, FRAME_TEXT, &d->text);
	buf_u32(&payload, d->n_text);
	buf_u32(&payload, d->n_pages);
	buf_u32(&payload, d->n_blocks);
	buf_u32(&payload, d->n_lines);
	buf_u32(&payload, d->n_image);
	frame_put(&d->out, FRAME_END, payload.data, (uint32_t)payload.len);
	buf_finish(&payload);
	flush(d);
}

/* ── cleaning ── */

static const char *const LIGATURES[] = {"ff", "fi", "fl", "ffi", "ffl", "st", "st"}; /* U+FB00 */

static bool is_space(uint32_t c)
{
	return c <= ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
	       c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

/* Controls, invisible marks that break searching, and direction overrides that could make a quote
 * read as something else. The joiners U+200C and U+200D are spelling in some scripts: kept. */
static bool is_dropped(uint32_t c)
{
	return (c < ' ' && !(c >= '\t' && c <= '\r')) || (c >= 0x7f && c < 0xa0 && c != 0x85) ||
	       c == 0xad || c == 0x200b || c == 0x200e || c == 0x200f ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	       (c >= 0xfff0 && c <= 0xfffd) || (c & 0xfffe) == 0xfffe ||
	       (c >= 0xe0000 && c < 0xe0080) || c >= 0xf0000;
}

static void add_character(struct buf *out, uint32_t c)
{
	char utf8[4];

	if (c >= 0xfb00 && c <= 0xfb06) {
		buf_str(out, LIGATURES[c - 0xfb00]);
		return;
	}
	if (c == 0xf0b7 || c == 0xf0a7 || c == 0xf0d8) { /* bullets of Symbol and Wingdings */
		c = 0x2022;
	}
	if (c >= 0xe000 && c < 0xf900) {
		return;
	}
	buf_add(out, utf8, (size_t)utf8_encode(c, utf8));
}

void draft_clean(struct buf *out, const char *s, size_t n_bytes, bool keep_space)
{
	size_t i = 0;

	buf_reserve(out, n_bytes);
	while (i < n_bytes) {
		int used;
		uint32_t c = utf8_decode(s + i, n_bytes - i, &used);

		i += (size_t)used;
		if (is_dropped(c)) {
			continue;
		}
		if (!is_space(c)) {
			add_character(out, c);
		} else if (keep_space) {
			buf_str(out, c == '\t' ? "    " : c == '\r' || c == '\n' ? "" : " ");
		} else if (!out->len || out->data[out->len - 1] != ' ') {
			buf_char(out, ' ');
		}
	}
}
