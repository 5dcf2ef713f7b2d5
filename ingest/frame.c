#include "ingest/frame.h"

#include <math.h>
#include <string.h>

#include "index/base/utf8.h"

/* ── writing ── */

void frame_put(struct buf *out, enum frame_type type, const void *payload, uint32_t n_bytes)
{
	ASSERT(n_bytes <= FRAME_MAX);
	buf_u8(out, (uint8_t)type);
	buf_bytes(out, payload, n_bytes);
}

void frame_put_fault(struct buf *out, enum frame_fault fault, uint32_t number, const char *detail)
{
	struct buf payload = BUF_INIT;
	size_t n = detail ? strlen(detail) : 0;

	buf_u8(&payload, (uint8_t)fault);
	buf_u32(&payload, number);
	buf_add(&payload, detail ? detail : "",
		utf8_floor(detail ? detail : "", n, n < FRAME_DETAIL_MAX ? n : FRAME_DETAIL_MAX));
	frame_put(out, FRAME_FAULT, payload.data, (uint32_t)payload.len);
	buf_finish(&payload);
}

void frame_put_page(struct buf *payload, const struct page *p)
{
	buf_u32(payload, (uint32_t)p->byte_start);
	buf_u32(payload, (uint32_t)p->byte_end);
	buf_f32(payload, p->width);
	buf_f32(payload, p->height);
	buf_u8(payload, (uint8_t)p->confidence);
	buf_bytes(payload, p->label ? p->label : "", p->label ? (uint32_t)strlen(p->label) : 0);
}

void frame_put_annotation(struct buf *payload, const struct annotation *n)
{
	buf_u8(payload, n->kind);
	buf_u32(payload, (uint32_t)n->page);
	buf_u32(payload, (uint32_t)n->byte_start);
	buf_u32(payload, (uint32_t)n->byte_end);
	buf_bytes(payload, n->text, (uint32_t)strlen(n->text));
}

void frame_put_block(struct buf *payload, const struct block *b)
{
	buf_u8(payload, b->kind);
	buf_u8(payload, b->level);
	buf_u32(payload, (uint32_t)b->page);
	buf_u32(payload, (uint32_t)b->byte_start);
	buf_u32(payload, (uint32_t)b->byte_end);
}

void frame_put_line(struct buf *payload, const struct box *l)
{
	buf_u32(payload, (uint32_t)l->page);
	buf_f32(payload, l->x0);
	buf_f32(payload, l->y0);
	buf_f32(payload, l->x1);
	buf_f32(payload, l->y1);
	buf_u32(payload, (uint32_t)l->byte_start);
	buf_u32(payload, (uint32_t)l->byte_end);
}

/* ── reading ── */

void frame_reader_init(struct frame_reader *r, size_t text_max, size_t image_max, int pages_max)
{
	memset(r, 0, sizeof(*r));
	r->text_max = text_max;
	r->image_max = image_max;
	r->pages_max = pages_max;
	arena_init(&r->strings);
}

void frame_reader_finish(struct frame_reader *r)
{
	buf_finish(&r->in);
	buf_finish(&r->text);
	buf_finish(&r->image);
	buf_finish(&r->pages);
	buf_finish(&r->blocks);
	buf_finish(&r->lines);
	buf_finish(&r->annotations);
	arena_finish(&r->strings);
}

static int n_items(const struct buf *b, size_t size)
{
	return (int)(b->len / size);
}

/* Each returns NULL, or the rule that was broken. */

static const char *read_type(struct frame_reader *r, struct cursor *c)
{
	uint8_t paging = cursor_u8(c);
	size_t n = (size_t)(c->end - c->p);

	if (r->typed || paging >= N_PAGINGS || n == 0 || n >= sizeof(r->media_type)) {
		return "type";
	}
	for (size_t i = 0; i < n; i++) {
		if (c->p[i] <= ' ' || c->p[i] > '~') {
			return "media type";
		}
	}
	memcpy(r->media_type, c->p, n);
	r->media_type[n] = '\0';
	r->typed = true;
	r->paging = paging;
	c->p = c->end;
	return NULL;
}

static bool clean(const char *s, size_t n)
{
	if (!utf8_valid(s, n)) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f) {
			return false;
		}
	}
	return true;
}

static const char *read_title(struct frame_reader *r, struct cursor *c)
{
	size_t n = (size_t)(c->end - c->p);

	if (r->title[0] || n == 0 || n > FRAME_TITLE_MAX || !clean((const char *)c->p, n)) {
		return "title";
	}
	memcpy(r->title, c->p, n);
	r->title[n] = '\0';
	c->p = c->end;
	return NULL;
}

static const char *read_progress(struct frame_reader *r, struct cursor *c)
{
	uint32_t done = cursor_u32(c);
	uint32_t n = cursor_u32(c);

	if (done > INT32_MAX || n > INT32_MAX || (n && done > n)) {
		return "progress";
	}
	r->done = (int)done;
	r->n_units = (int)n;
	r->progressed = true;
	return NULL;
}

static int32_t read_i32(struct cursor *c)
{
	uint32_t v = cursor_u32(c);

	if (v > INT32_MAX) {
		c->bad = true;
		return 0;
	}
	return (int32_t)v;
}

/* A short text without controls: NULL if it is empty, or if it breaks the rules (c->bad). */
static const char *read_string(struct frame_reader *r, struct cursor *c, size_t max)
{
	uint32_t n;
	const char *s = cursor_bytes(c, &n);

	if (c->bad || n > max || !clean(s, n)) {
		c->bad = true;
		return NULL;
	}
	return n ? arena_strn(&r->strings, s, n) : NULL;
}

static const char *read_pages(struct frame_reader *r, struct cursor *c)
{
	while (c->p < c->end && !c->bad) {
		struct page p = {.number = n_items(&r->pages, sizeof(struct page)) + 1};

		p.byte_start = read_i32(c);
		p.byte_end = read_i32(c);
		p.width = cursor_f32(c);
		p.height = cursor_f32(c);
		p.confidence = (int8_t)cursor_u8(c);
		p.label = read_string(r, c, PAGE_LABEL_MAX);
		if (p.number > r->pages_max || !isfinite(p.width) || !isfinite(p.height)) {
			return "page";
		}
		buf_add(&r->pages, &p, sizeof(p));
	}
	return NULL;
}

static const char *read_blocks(struct frame_reader *r, struct cursor *c)
{
	while (c->p < c->end && !c->bad) {
		struct block b = {0};

		b.kind = cursor_u8(c);
		b.level = cursor_u8(c);
		b.page = read_i32(c);
		b.byte_start = read_i32(c);
		b.byte_end = read_i32(c);
		if (b.kind >= N_BLOCK_KINDS || n_items(&r->blocks, sizeof(b)) >= FRAME_ITEMS_MAX) {
			return "block";
		}
		buf_add(&r->blocks, &b, sizeof(b));
	}
	return NULL;
}

static const char *read_lines(struct frame_reader *r, struct cursor *c)
{
	while (c->p < c->end && !c->bad) {
		struct box l = {0};

		l.page = read_i32(c);
		l.x0 = cursor_f32(c);
		l.y0 = cursor_f32(c);
		l.x1 = cursor_f32(c);
		l.y1 = cursor_f32(c);
		l.byte_start = read_i32(c);
		l.byte_end = read_i32(c);
		if (n_items(&r->lines, sizeof(l)) >= FRAME_ITEMS_MAX) {
			return "line";
		}
		buf_add(&r->lines, &l, sizeof(l));
	}
	return NULL;
}

static const char *read_annotations(struct frame_reader *r, struct cursor *c)
{
	while (c->p < c->end && !c->bad) {
		struct annotation n = {.kind = cursor_u8(c)};

		n.page = read_i32(c);
		n.byte_start = read_i32(c);
		n.byte_end = read_i32(c);
		n.text = read_string(r, c, ANNOTATION_TEXT_MAX);
		n.text = n.text ? n.text : "";
		r->annotation_bytes += strlen(n.text);
		if (n.kind >= N_ANNOTATION_KINDS ||
			n_items(&r->annotations, sizeof(n)) >= ANNOTATIONS_MAX ||
			r->annotation_bytes > ANNOTATIONS_BYTES_MAX) {
			return "annotation";
		}
		buf_add(&r->annotations, &n, sizeof(n));
	}
	return NULL;
}

static const char *read_text(struct frame_reader *r, struct cursor *c)
{
	size_t n = (size_t)(c->end - c->p);

	if (n > r->text_max - r->text.len || !utf8_valid((const char *)c->p, n)) {
		return "text";
	}
	buf_add(&r->text, c->p, n);
	c->p = c->end;
	return NULL;
}

static const char *read_image(struct frame_reader *r, struct cursor *c)
{
	size_t n = (size_t)(c->end - c->p);

	if (n > r->image_max - r->image.len) {
		return "image";
	}
	buf_add(&r->image, c->p, n);
	c->p = c->end;
	return NULL;
}

static const char *read_child(struct frame_reader *r, struct cursor *c)
{
	size_t n = (size_t)(c->end - c->p);
	char name[FRAME_CHILD_NAME_MAX + 1];

	if (n == 0 || n > FRAME_CHILD_NAME_MAX || !clean((const char *)c->p, n) ||
		r->n_children >= r->children_max) {
		return "child";
	}
	memcpy(name, c->p, n);
	name[n] = '\0';
	c->p = c->end;
	r->n_children++;
	return r->sink && r->sink->begin(r->sink->arg, name, &r->sink_err) < 0 ? "child" : NULL;
}

static const char *read_bytes(struct frame_reader *r, struct cursor *c)
{
	size_t n = (size_t)(c->end - c->p);
	const void *p = c->p;

	if (!r->n_children || n > r->children_bytes_max - r->children_bytes) {
		return "bytes of a child";
	}
	r->children_bytes += n;
	c->p = c->end;
	return r->sink && r->sink->write(r->sink->arg, p, n, &r->sink_err) < 0 ? "bytes of a child"
									       : NULL;
}

static const char *read_fault(struct frame_reader *r, struct cursor *c)
{
	uint8_t fault = cursor_u8(c);
	uint32_t number = cursor_u32(c);
	size_t n = (size_t)(c->end - c->p);

	if (fault == FAULT_NONE || fault >= N_FAULTS || n > FRAME_DETAIL_MAX ||
		!clean((const char *)c->p, n)) {
		return "fault";
	}
	r->fault = (enum frame_fault)fault;
	r->fault_number = number;
	memcpy(r->fault_detail, c->p, n);
	r->fault_detail[n] = '\0';
	c->p = c->end;
	r->ended = true;
	return NULL;
}

static const char *read_end(struct frame_reader *r, struct cursor *c)
{
	if (cursor_u32(c) != r->text.len || cursor_u32(c) != r->pages.len / sizeof(struct page) ||
		cursor_u32(c) != r->blocks.len / sizeof(struct block) ||
		cursor_u32(c) != r->lines.len / sizeof(struct box) ||
		cursor_u32(c) != r->annotations.len / sizeof(struct annotation) ||
		cursor_u32(c) != (uint32_t)r->n_children || cursor_u32(c) != r->image.len) {
		return "counts";
	}
	r->ended = true;
	return NULL;
}

static const struct {
	const char *(*read)(struct frame_reader *r, struct cursor *c);
	bool needs_type;
} FRAMES[] = {
	[FRAME_TYPE] = {read_type, false},
	[FRAME_TITLE] = {read_title, true},
	[FRAME_PROGRESS] = {read_progress, false},
	[FRAME_PAGES] = {read_pages, true},
	[FRAME_BLOCKS] = {read_blocks, true},
	[FRAME_LINES] = {read_lines, true},
	[FRAME_TEXT] = {read_text, true},
	[FRAME_IMAGE] = {read_image, true},
	[FRAME_FAULT] = {read_fault, false},
	[FRAME_END] = {read_end, true},
	[FRAME_ANNOTATIONS] = {read_annotations, true},
	[FRAME_CHILD] = {read_child, true},
	[FRAME_BYTES] = {read_bytes, true},
};

static const char *read_frame(struct frame_reader *r, uint8_t type, const void *p, uint32_t n)
{
	struct cursor c = cursor_over(p, n);
	const char *bad;

	if (type == 0 || type >= sizeof(FRAMES) / sizeof(FRAMES[0])) {
		return "frame type";
	}
	if (r->ended) {
		return "a frame after the end";
	}
	if (FRAMES[type].needs_type && !r->typed) {
		return "order";
	}
	bad = FRAMES[type].read(r, &c);
	if (!bad && (c.bad || c.p != c.end)) {
		bad = "frame length";
	}
	return bad;
}

int frame_reader_feed(struct frame_reader *r, const void *p, size_t n_bytes)
{
	size_t at = 0;
	int n = 0;

	if (r->bad) {
		return -1;
	}
	buf_add(&r->in, p, n_bytes);
	while (r->in.len - at >= FRAME_HEAD) {
		struct cursor c = cursor_over(r->in.data + at, FRAME_HEAD);
		uint8_t type = cursor_u8(&c);
		uint32_t len = cursor_u32(&c);

		if (len > FRAME_MAX) {
			r->bad = "frame size";
			return -1;
		}
		if (r->in.len - at - FRAME_HEAD < len) {
			break;
		}
		r->bad = read_frame(r, type, r->in.data + at + FRAME_HEAD, len);
		if (r->bad) {
			return -1;
		}
		at += FRAME_HEAD + len;
		n++;
	}
	buf_remove_front(&r->in, at);
	return n;
}

/* NULL when there is none or memory is short; sizes are the child's, bounded by the reader. */
static const char *keep_string(struct arena *a, const char *s)
{
	return s ? arena_str(a, s) : NULL;
}

static void *copy(struct arena *a, const struct buf *b)
{
	char *p = arena_try(a, b->len + 1);

	if (p) {
		if (b->len) {
			memcpy(p, b->data, b->len);
		}
		p[b->len] = '\0';
	}
	return p;
}

int frame_reader_take(struct frame_reader *r, struct arena *a, struct extracted *out, struct err *e)
{
	memset(out, 0, sizeof(*out));
	if (r->bad || !r->ended || r->fault || r->in.len) {
		return err_set(e, ERR_CORRUPT, "bad_frames", "the reading process broke off: %s",
			r->bad ? r->bad : "no end");
	}
	out->text = copy(a, &r->text);
	out->n_bytes = (int32_t)r->text.len;
	out->title = r->title[0] ? arena_str(a, r->title) : NULL;
	memcpy(out->media_type, r->media_type, sizeof(out->media_type));
	out->paging = r->paging;
	out->pages = copy(a, &r->pages);
	out->n_pages = n_items(&r->pages, sizeof(struct page));
	out->blocks = copy(a, &r->blocks);
	out->n_blocks = n_items(&r->blocks, sizeof(struct block));
	out->lines = copy(a, &r->lines);
	out->n_lines = n_items(&r->lines, sizeof(struct box));
	out->annotations = copy(a, &r->annotations);
	out->n_annotations = n_items(&r->annotations, sizeof(struct annotation));
	out->n_children = r->n_children;
	if (!out->text || !out->pages || !out->blocks || !out->lines || !out->annotations) {
		return err_set(
			e, ERR_INTERNAL, "out_of_memory", "no memory for the document's text");
	}
	for (int i = 0; i < out->n_pages; i++) {
		out->pages[i].label = keep_string(a, out->pages[i].label);
	}
	for (int i = 0; i < out->n_annotations; i++) {
		out->annotations[i].text = keep_string(a, out->annotations[i].text);
	}
	return extracted_check(out, e);
}
