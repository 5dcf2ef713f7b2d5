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

void draft_type(struct draft *d, const char *media_type, enum paging paging)
{
	struct buf payload = BUF_INIT;

	buf_u8(&payload, (uint8_t)paging);
	buf_str(&payload, media_type);
	frame_put(&d->out, FRAME_TYPE, payload.data, (uint32_t)payload.len);
	buf_finish(&payload);
}

/* s cleaned, without blanks at its ends, cut to max bytes; out is the caller's to finish. */
static void clean_short(struct buf *out, const char *s, size_t n_bytes, size_t max)
{
	size_t start = 0, n;

	draft_clean(out, s, n_bytes, false);
	while (start < out->len && out->data[start] == ' ') {
		start++;
	}
	buf_remove_front(out, start);
	n = out->len > max ? utf8_floor(out->data, out->len, max) : out->len;
	while (n && out->data[n - 1] == ' ') {
		n--;
	}
	out->len = n;
	if (out->data) {
		out->data[n] = '\0';
	}
}

void draft_title(struct draft *d, const char *s, size_t n_bytes)
{
	struct buf clean = BUF_INIT;

	if (d->has_title) {
		return;
	}
	clean_short(&clean, s, n_bytes, FRAME_TITLE_MAX);
	if (clean.len) {
		frame_put(&d->out, FRAME_TITLE, clean.data, (uint32_t)clean.len);
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
		d->page.label = d->label.len ? d->label.data : NULL;
		frame_put_page(&d->pages, &d->page);
		if (d->pages.len >= BATCH) {
			send_batch(d, FRAME_PAGES, &d->pages);
		}
	}
}

void draft_page(struct draft *d, double width, double height)
{
	end_page(d);
	if (d->n_pages >= (uint32_t)d->pages_max) {
		draft_fault(d, FAULT_PAGES, d->n_pages + 1, NULL);
	}
	d->n_pages++;
	buf_clear(&d->label);
	d->page = (struct page){
		.number = (int32_t)d->n_pages, .byte_start = (int32_t)d->n_text, .confidence = -1};
	d->page.width = width >= 0 && width <= (double)COORDINATE_MAX ? (float)width : 0;
	d->page.height = height >= 0 && height <= (double)COORDINATE_MAX ? (float)height : 0;
	draft_block(d, BLOCK_PARAGRAPH, 0);
}

void draft_page_label(struct draft *d, const char *s, size_t n_bytes)
{
	buf_clear(&d->label);
	clean_short(&d->label, s, n_bytes, PAGE_LABEL_MAX);
}

void draft_page_confidence(struct draft *d, int percent)
{
	d->page.confidence = (int8_t)(percent < 0 ? 0 : percent > 100 ? 100 : percent);
}

void draft_block(struct draft *d, enum block_kind kind, int level)
{
	end_block(d);
	d->block.kind = (uint8_t)kind;
	d->block.level = 0;
	if (kind == BLOCK_HEADING) {
		d->block.level = (uint8_t)(level < 1 ? 1 : level > 6 ? 6 : level);
	} else if (kind == BLOCK_TABLE_ROW) {
		ASSERT(level >= 0 && level < N_ROW_ROLES);
		d->block.level = (uint8_t)level;
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

#define TAG_FIRST 0xe0000
#define TAG_LAST 0xe007f
#define ZERO_WIDTH_RUN 3 /* fewer are spelling or a line-break hint */

static bool is_zero_width(uint32_t c)
{
	return c == 0x200b || (c >= 0x2060 && c <= 0x2064) || c == 0xfeff || c == 0x180e;
}

/* The characters of s that nobody sees but a machine reads: tags (U+E0000 to U+E007F) as the ASCII
 * that they spell, runs of zero-width marks as their number. Appends nothing where there are none.
 * Every line is looked at by draft_line, which annotates what it finds. */
static void write_unseen(struct buf *out, const char *s, size_t n_bytes)
{
	size_t first = 0, run = 0;

	/* All of them are encoded with a first byte above 0xe0: most lines end here. */
	while (first < n_bytes && (unsigned char)s[first] < 0xe1) {
		first++;
	}
	for (size_t i = first; i <= n_bytes;) {
		int used = 1;
		uint32_t c = i < n_bytes ? utf8_decode(s + i, n_bytes - i, &used) : 0;

		i += (size_t)used;
		if (is_zero_width(c)) {
			run++;
			continue;
		}
		if (run >= ZERO_WIDTH_RUN) {
			buf_printf(out, "[%zu zero-width characters]", run);
		}
		run = 0;
		if (c > TAG_FIRST + ' ' - 1 && c < TAG_LAST) {
			buf_char(out, (char)(c - TAG_FIRST));
		}
	}
}

static void annotate_unseen(struct draft *d, const char *s, size_t n_bytes)
{
	struct buf found = BUF_INIT;

	write_unseen(&found, s, n_bytes);
	if (found.len) {
		draft_annotate(d, ANNOTATION_HIDDEN_CHARACTERS, d->n_text, d->n_text, found.data,
			found.len);
	}
	buf_finish(&found);
}

/* Libraries compute places from whatever numbers the file has: infinite ones are none. */
static bool box_ok(const struct box *b)
{
	return b->x0 >= -COORDINATE_MAX && b->y0 >= -COORDINATE_MAX && b->x1 <= COORDINATE_MAX &&
	       b->y1 <= COORDINATE_MAX && b->x0 < b->x1 && b->y0 < b->y1;
}

void draft_line(struct draft *d, const char *s, size_t n_bytes, const struct box *box)
{
	struct buf clean = BUF_INIT;
	bool code = d->block.kind == BLOCK_CODE;
	bool first = d->block.byte_end == d->block.byte_start;
	const char *start;
	size_t n;

	ASSERT(d->n_pages > 0);
	annotate_unseen(d, s, n_bytes);
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
		if (n && box && box_ok(box)) {
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

void draft_lines(struct draft *d, enum block_kind kind, int level, const char *s, size_t n_bytes)
{
	const char *end = s + n_bytes;

	draft_block(d, kind, level);
	while (s < end) {
		const char *stop = memchr(s, '\n', (size_t)(end - s));

		stop = stop ? stop : end;
		draft_line(d, s, (size_t)(stop - s), NULL);
		s = stop + 1;
	}
}

void draft_row(struct draft *d, enum row_role role, const struct buf *cells, int n_cells,
	const struct box *box)
{
	struct buf line = BUF_INIT, cell = BUF_INIT;

	while (n_cells > 0 && draft_blank(cells[n_cells - 1].data, cells[n_cells - 1].len)) {
		n_cells--;
	}
	for (int i = 0; i < n_cells; i++) {
		annotate_unseen(d, cells[i].data ? cells[i].data : "", cells[i].len);
		buf_clear(&cell);
		clean_short(&cell, cells[i].data ? cells[i].data : "", cells[i].len, SIZE_MAX);
		buf_str(&line, i ? " | " : "");
		buf_add(&line, cell.data ? cell.data : "", cell.len);
	}
	if (n_cells) {
		draft_block(d, BLOCK_TABLE_ROW, role);
		draft_line(d, line.data, line.len, box);
	}
	buf_finish(&cell);
	buf_finish(&line);
}

/* ── annotations and children ── */

uint32_t draft_at(const struct draft *d)
{
	return d->n_text;
}

/* A hidden bullet or rule says nothing: some character must be more than a mark. */
static bool says_something(const struct buf *text)
{
	for (size_t i = 0; i < text->len;) {
		int used;
		uint32_t c = utf8_decode(text->data + i, text->len - i, &used);
		bool ascii_mark = c < 0x80 && !(c >= '0' && c <= '9') &&
				  !((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
		bool mark = ascii_mark || (c >= 0xa0 && c < 0xc0) || (c >= 0x2000 && c < 0x2c00) ||
			    (c >= 0x3000 && c < 0x3005);

		if (!mark) {
			return true;
		}
		i += (size_t)used;
	}
	return false;
}

void draft_annotate(struct draft *d, enum annotation_kind kind, uint32_t byte_start,
	uint32_t byte_end, const char *s, size_t n_bytes)
{
	struct annotation n = {.kind = (uint8_t)kind,
		.page = (int32_t)d->n_pages,
		.byte_start = (int32_t)byte_start,
		.byte_end = (int32_t)byte_end};
	struct buf clean = BUF_INIT;

	clean_short(&clean, s, n_bytes, ANNOTATION_TEXT_MAX);
	if (clean.len && (!annotation_hidden((uint8_t)kind) || says_something(&clean)) &&
		d->n_annotations < ANNOTATIONS_MAX &&
		d->annotation_bytes + clean.len <= ANNOTATIONS_BYTES_MAX) {
		n.text = clean.data;
		frame_put_annotation(&d->annotations, &n);
		d->n_annotations++;
		d->annotation_bytes += (uint32_t)clean.len;
		if (d->annotations.len >= BATCH) {
			send_batch(d, FRAME_ANNOTATIONS, &d->annotations);
		}
	}
	buf_finish(&clean);
}

static const char *last_part(const char *path)
{
	const char *last = path;

	for (const char *p = path; *p; p++) {
		last = *p == '/' || *p == '\\' ? p + 1 : last;
	}
	return last;
}

void draft_child(struct draft *d, const char *name, const void *p, size_t n_bytes)
{
	struct buf clean = BUF_INIT, note = BUF_INIT;
	const char *s = p;
	bool taken = n_bytes && d->n_children < (uint32_t)d->children_max &&
		     n_bytes <= d->children_bytes_max;

	clean_short(&clean, last_part(name), strlen(last_part(name)), FRAME_CHILD_NAME_MAX);
	if (!clean.len || strcmp(clean.data, ".") == 0 || strcmp(clean.data, "..") == 0) {
		buf_clear(&clean);
		buf_str(&clean, "attachment");
	}
	buf_printf(&note, "%s (%zu bytes)%s", clean.data, n_bytes,
		taken	  ? ""
		: n_bytes ? ", not taken in: more, larger or deeper files inside than "
			    "ingest-children, ingest-children-mb and ingest-children-depth allow"
			  : ", empty");
	draft_annotate(d, ANNOTATION_EMBEDDED, d->n_text, d->n_text, note.data, note.len);
	if (taken) {
		frame_put(&d->out, FRAME_CHILD, clean.data, (uint32_t)clean.len);
		d->n_children++;
		d->children_bytes_max -= n_bytes;
	}
	while (taken && n_bytes) {
		size_t part = n_bytes < BATCH ? n_bytes : BATCH;

		frame_put(&d->out, FRAME_BYTES, s, (uint32_t)part);
		flush(d);
		s += part;
		n_bytes -= part;
	}
	buf_finish(&clean);
	buf_finish(&note);
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
	send_batch(d, FRAME_ANNOTATIONS, &d->annotations);
	buf_u32(&payload, d->n_text);
	buf_u32(&payload, d->n_pages);
	buf_u32(&payload, d->n_blocks);
	buf_u32(&payload, d->n_lines);
	buf_u32(&payload, d->n_annotations);
	buf_u32(&payload, d->n_children);
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

bool draft_blank(const char *s, size_t n_bytes)
{
	for (size_t i = 0; i < n_bytes; i++) {
		if ((unsigned char)s[i] > ' ') {
			return false;
		}
	}
	return true;
}
