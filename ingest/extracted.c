/*
 * The file: "CRLX" | version u32 | paged u8 | media type, title (length-prefixed; an empty title is
 * none) | n_bytes, n_pages, n_blocks, n_lines u32 | pages | blocks | lines | text.
 */
#include "ingest/extracted.h"

#include <math.h>
#include <string.h>

#include "index/base/utf8.h"

#define MAGIC 0x584c5243u /* "CRLX" */
#define VERSION 1
#define PAGE_SIZE 16
#define BLOCK_SIZE 14
#define LINE_SIZE 28
#define POINTS_MAX 2e6f /* PDF allows 14,400 units, times UserUnit */

void extracted_pack(const struct extracted *x, struct buf *out)
{
	buf_u32(out, MAGIC);
	buf_u32(out, VERSION);
	buf_u8(out, x->paged);
	buf_bytes(out, x->media_type, (uint32_t)strlen(x->media_type));
	buf_bytes(out, x->title ? x->title : "", x->title ? (uint32_t)strlen(x->title) : 0);
	buf_u32(out, (uint32_t)x->n_bytes);
	buf_u32(out, (uint32_t)x->n_pages);
	buf_u32(out, (uint32_t)x->n_blocks);
	buf_u32(out, (uint32_t)x->n_lines);
	for (int i = 0; i < x->n_pages; i++) {
		buf_u32(out, (uint32_t)x->pages[i].byte_start);
		buf_u32(out, (uint32_t)x->pages[i].byte_end);
		buf_f32(out, x->pages[i].width);
		buf_f32(out, x->pages[i].height);
	}
	for (int i = 0; i < x->n_blocks; i++) {
		buf_u8(out, x->blocks[i].kind);
		buf_u8(out, x->blocks[i].level);
		buf_u32(out, (uint32_t)x->blocks[i].page);
		buf_u32(out, (uint32_t)x->blocks[i].byte_start);
		buf_u32(out, (uint32_t)x->blocks[i].byte_end);
	}
	for (int i = 0; i < x->n_lines; i++) {
		buf_u32(out, (uint32_t)x->lines[i].page);
		buf_f32(out, x->lines[i].x0);
		buf_f32(out, x->lines[i].y0);
		buf_f32(out, x->lines[i].x1);
		buf_f32(out, x->lines[i].y1);
		buf_u32(out, (uint32_t)x->lines[i].byte_start);
		buf_u32(out, (uint32_t)x->lines[i].byte_end);
	}
	buf_add(out, x->text, (size_t)x->n_bytes);
}

/* A field above INT32_MAX turns negative here, which extracted_check refuses. */
static int32_t read_i32(struct cursor *c)
{
	return (int32_t)cursor_u32(c);
}

static void read_arrays(struct cursor *c, struct extracted *x)
{
	for (int i = 0; i < x->n_pages; i++) {
		struct page *p = &x->pages[i];

		p->number = i + 1;
		p->byte_start = read_i32(c);
		p->byte_end = read_i32(c);
		p->width = cursor_f32(c);
		p->height = cursor_f32(c);
	}
	for (int i = 0; i < x->n_blocks; i++) {
		struct block *b = &x->blocks[i];

		b->kind = cursor_u8(c);
		b->level = cursor_u8(c);
		b->page = read_i32(c);
		b->byte_start = read_i32(c);
		b->byte_end = read_i32(c);
	}
	for (int i = 0; i < x->n_lines; i++) {
		struct box *l = &x->lines[i];

		l->page = read_i32(c);
		l->x0 = cursor_f32(c);
		l->y0 = cursor_f32(c);
		l->x1 = cursor_f32(c);
		l->y1 = cursor_f32(c);
		l->byte_start = read_i32(c);
		l->byte_end = read_i32(c);
	}
}

static int corrupt(struct err *e, const char *what)
{
	return err_set(e, ERR_CORRUPT, "corrupt_text", "the stored text is damaged: %s", what);
}

int extracted_unpack(
	const void *p, size_t n_bytes, struct arena *a, struct extracted *out, struct err *e)
{
	struct cursor c = cursor_over(p, n_bytes);
	uint32_t n_type, n_title, n_text, n_pages, n_blocks, n_lines;
	const char *type, *title;
	uint8_t paged;

	memset(out, 0, sizeof(*out));
	if (cursor_u32(&c) != MAGIC || cursor_u32(&c) != VERSION) {
		return corrupt(e, "not a file of this version");
	}
	paged = cursor_u8(&c);
	type = cursor_bytes(&c, &n_type);
	title = cursor_bytes(&c, &n_title);
	n_text = cursor_u32(&c);
	n_pages = cursor_u32(&c);
	n_blocks = cursor_u32(&c);
	n_lines = cursor_u32(&c);
	if (c.bad || paged > 1 || n_type >= sizeof(out->media_type) ||
		(uint64_t)n_pages * PAGE_SIZE + (uint64_t)n_blocks * BLOCK_SIZE +
				(uint64_t)n_lines * LINE_SIZE + n_text !=
			(uint64_t)(c.end - c.p) ||
		n_text > INT32_MAX - 1) {
		return corrupt(e, "counts");
	}
	if (!utf8_valid(title, n_title)) {
		return corrupt(e, "title");
	}
	out->paged = paged;
	memcpy(out->media_type, type, n_type);
	out->title = n_title ? arena_strn(a, title, n_title) : NULL;
	out->n_bytes = (int32_t)n_text;
	out->n_pages = (int)n_pages;
	out->n_blocks = (int)n_blocks;
	out->n_lines = (int)n_lines;
	out->pages = arena_array(a, struct page, n_pages + 1);
	out->blocks = arena_array(a, struct block, n_blocks + 1);
	out->lines = arena_array(a, struct box, n_lines + 1);
	read_arrays(&c, out);
	out->text = arena_strn(a, (const char *)c.p, n_text);
	return extracted_check(out, e);
}

/* Between two characters. */
static bool at_edge(const struct extracted *x, int32_t at)
{
	return at == x->n_bytes || ((unsigned char)x->text[at] & 0xc0) != 0x80;
}

static const char *check_pages(const struct extracted *x)
{
	int32_t last = 0;

	if (x->n_pages < 1 || (!x->paged && (x->n_pages != 1 || x->n_lines))) {
		return "pages";
	}
	for (int i = 0; i < x->n_pages; i++) {
		const struct page *p = &x->pages[i];

		if (p->number != i + 1 || p->byte_start < last || p->byte_end < p->byte_start ||
			p->byte_end > x->n_bytes) {
			return "a page's range";
		}
		if (!at_edge(x, p->byte_start) || !at_edge(x, p->byte_end)) {
			return "a page's edge";
		}
		if (!(p->width >= 0 && p->width <= POINTS_MAX && p->height >= 0 &&
			    p->height <= POINTS_MAX) ||
			(!x->paged && (p->width != 0 || p->height != 0))) {
			return "a page's size";
		}
		last = p->byte_end;
	}
	return NULL;
}

/* [start, end) lies on that page, after `last`, and is not empty. */
static bool range_ok(
	const struct extracted *x, int32_t page, int32_t start, int32_t end, int32_t last)
{
	if (page < 1 || page > x->n_pages || start < last || end <= start) {
		return false;
	}
	return start >= x->pages[page - 1].byte_start && end <= x->pages[page - 1].byte_end &&
	       at_edge(x, start) && at_edge(x, end);
}

static const char *check_blocks(const struct extracted *x)
{
	int32_t last = 0;

	for (int i = 0; i < x->n_blocks; i++) {
		const struct block *b = &x->blocks[i];
		bool heading = b->kind == BLOCK_HEADING;

		if (b->kind >= N_BLOCK_KINDS ||
			(heading ? b->level < 1 || b->level > 6 : b->level)) {
			return "a block's kind";
		}
		if (!range_ok(x, b->page, b->byte_start, b->byte_end, last)) {
			return "a block's range";
		}
		if ((b->byte_start && x->text[b->byte_start - 1] != '\n') ||
			(b->byte_end < x->n_bytes && x->text[b->byte_end] != '\n')) {
			return "a block's lines";
		}
		last = b->byte_end;
	}
	return NULL;
}

static bool coordinate_ok(float v)
{
	return v >= -POINTS_MAX && v <= POINTS_MAX; /* false for NaN */
}

static const char *check_lines(const struct extracted *x)
{
	int32_t last = 0;

	for (int i = 0; i < x->n_lines; i++) {
		const struct box *l = &x->lines[i];

		if (!range_ok(x, l->page, l->byte_start, l->byte_end, last)) {
			return "a line's range";
		}
		if (!coordinate_ok(l->x0) || !coordinate_ok(l->y0) || !coordinate_ok(l->x1) ||
			!coordinate_ok(l->y1) || !(l->x0 < l->x1) || !(l->y0 < l->y1)) {
			return "a line's box";
		}
		last = l->byte_end;
	}
	return NULL;
}

int extracted_check(const struct extracted *x, struct err *e)
{
	const char *bad = NULL;

	if (x->n_bytes < 0 || !utf8_valid(x->text, (size_t)x->n_bytes)) {
		return corrupt(e, "its UTF-8");
	}
	if (!x->media_type[0] || !memchr(x->media_type, '\0', sizeof(x->media_type))) {
		return corrupt(e, "its type");
	}
	for (const char *s = x->media_type; *s; s++) {
		if (*s <= ' ' || *s > '~') {
			return corrupt(e, "its type");
		}
	}
	bad = check_pages(x);
	bad = bad ? bad : check_blocks(x);
	bad = bad ? bad : check_lines(x);
	return bad ? corrupt(e, bad) : 0;
}

int extracted_lines_in(
	const struct extracted *x, int32_t byte_start, int32_t byte_end, const struct box **first)
{
	int low = 0, high = x->n_lines, n = 0;

	while (low < high) {
		int mid = low + (high - low) / 2;

		if (x->lines[mid].byte_end <= byte_start) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	while (low + n < x->n_lines && x->lines[low + n].byte_start < byte_end) {
		n++;
	}
	*first = n ? &x->lines[low] : NULL;
	return n;
}
