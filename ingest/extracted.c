/*
 * The file: "CRLX" | version u32 | paging u8 | media type, title (length-prefixed; an empty title
 * is none) | n_bytes, n_pages, n_blocks, n_lines, n_annotations, n_children u32 | pages | blocks |
 * lines | annotations | text. Of a page: byte_start, byte_end u32, width, height f32, confidence
 * u8, label (length-prefixed). Of an annotation: kind u8, page, byte_start, byte_end u32, text
 * (length-prefixed). Version 1, which is still read, had no annotations, children, confidences and
 * labels.
 */
#include "ingest/extracted.h"

#include <math.h>
#include <string.h>

#include "index/base/utf8.h"
#include "index/place.h"

#define MAGIC 0x584c5243u /* "CRLX" */
#define VERSION 2
#define PAGE_SIZE_1 16 /* in version 1 */
#define PAGE_SIZE 21   /* at least */
#define BLOCK_SIZE 14
#define LINE_SIZE 28
#define ANNOTATION_SIZE 17 /* at least */

/* ── names ── */

const char *paging_name(uint8_t paging)
{
	static const char *const NAMES[] = {
#define X(enumerator, name) name,
		PAGING_MAP(X)
#undef X
	};

	ASSERT(paging < N_PAGINGS);
	return NAMES[paging];
}

static const struct {
	const char *name, *words;
	bool hidden;
} ANNOTATIONS[] = {
#define X(enumerator, name, hidden, words) {name, words, hidden},
	ANNOTATION_MAP(X)
#undef X
};

const char *annotation_name(uint8_t kind)
{
	ASSERT(kind < N_ANNOTATION_KINDS);
	return ANNOTATIONS[kind].name;
}

const char *annotation_words(uint8_t kind)
{
	ASSERT(kind < N_ANNOTATION_KINDS);
	return ANNOTATIONS[kind].words;
}

bool annotation_hidden(uint8_t kind)
{
	return kind < N_ANNOTATION_KINDS && ANNOTATIONS[kind].hidden;
}

int extracted_hidden_count(const struct extracted *x)
{
	int n = 0;

	for (int i = 0; i < x->n_annotations; i++) {
		n += annotation_hidden(x->annotations[i].kind);
	}
	return n;
}

/* ── places ── */

const char *extracted_place(const struct extracted *x, int first_page, int last_page,
	const struct box *boxes, int n_boxes, struct arena *a)
{
	struct buf labels = BUF_INIT;
	bool any = false;
	const char *out;

	if (first_page < 1 || last_page > x->n_pages) {
		return "";
	}
	if (x->paging == PAGING_SHEETS && first_page == last_page) {
		return place_on_sheet(x->pages[first_page - 1].label,
			place_cells(boxes, n_boxes, first_page, a), a);
	}
	for (int i = first_page; i <= last_page && i - first_page < PLACE_LABELS_MAX; i++) {
		const char *label = x->pages[i - 1].label;

		buf_str(&labels, i > first_page ? "\n" : "");
		buf_str(&labels, label ? label : "");
		any = any || label;
	}
	out = any ? arena_strn(a, labels.data, labels.len) : "";
	buf_finish(&labels);
	return out;
}

/* ── the file ── */

static void pack_text(struct buf *out, const char *s)
{
	buf_bytes(out, s ? s : "", s ? (uint32_t)strlen(s) : 0);
}

void extracted_pack(const struct extracted *x, struct buf *out)
{
	buf_u32(out, MAGIC);
	buf_u32(out, VERSION);
	buf_u8(out, x->paging);
	buf_bytes(out, x->media_type, (uint32_t)strlen(x->media_type));
	pack_text(out, x->title);
	buf_u32(out, (uint32_t)x->n_bytes);
	buf_u32(out, (uint32_t)x->n_pages);
	buf_u32(out, (uint32_t)x->n_blocks);
	buf_u32(out, (uint32_t)x->n_lines);
	buf_u32(out, (uint32_t)x->n_annotations);
	buf_u32(out, (uint32_t)x->n_children);
	for (int i = 0; i < x->n_pages; i++) {
		buf_u32(out, (uint32_t)x->pages[i].byte_start);
		buf_u32(out, (uint32_t)x->pages[i].byte_end);
		buf_f32(out, x->pages[i].width);
		buf_f32(out, x->pages[i].height);
		buf_u8(out, (uint8_t)x->pages[i].confidence);
		pack_text(out, x->pages[i].label);
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
	for (int i = 0; i < x->n_annotations; i++) {
		const struct annotation *n = &x->annotations[i];

		buf_u8(out, n->kind);
		buf_u32(out, (uint32_t)n->page);
		buf_u32(out, (uint32_t)n->byte_start);
		buf_u32(out, (uint32_t)n->byte_end);
		pack_text(out, n->text);
	}
	buf_add(out, x->text, (size_t)x->n_bytes);
}

/* A field above INT32_MAX turns negative here, which extracted_check refuses. */
static int32_t read_i32(struct cursor *c)
{
	return (int32_t)cursor_u32(c);
}

/* NULL where it is empty; a NUL inside ends it. */
static const char *read_text(struct cursor *c, struct arena *a)
{
	uint32_t n;
	const char *s = cursor_bytes(c, &n);

	return c->bad || !n ? NULL : arena_strn(a, s, n);
}

static void read_annotations(struct cursor *c, struct arena *a, struct extracted *x)
{
	for (int i = 0; i < x->n_annotations && !c->bad; i++) {
		struct annotation *n = &x->annotations[i];

		n->kind = cursor_u8(c);
		n->page = read_i32(c);
		n->byte_start = read_i32(c);
		n->byte_end = read_i32(c);
		n->text = read_text(c, a);
		n->text = n->text ? n->text : "";
	}
}

static void read_arrays(struct cursor *c, uint32_t version, struct arena *a, struct extracted *x)
{
	for (int i = 0; i < x->n_pages; i++) {
		struct page *p = &x->pages[i];

		p->number = i + 1;
		p->byte_start = read_i32(c);
		p->byte_end = read_i32(c);
		p->width = cursor_f32(c);
		p->height = cursor_f32(c);
		p->confidence = version == 1 ? -1 : (int8_t)cursor_u8(c);
		p->label = version == 1 ? NULL : read_text(c, a);
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
	uint32_t version, n_type, n_text, n_pages, n_blocks, n_lines, n_notes = 0, n_children = 0;
	const char *type, *title;

	memset(out, 0, sizeof(*out));
	if (cursor_u32(&c) != MAGIC) {
		return corrupt(e, "not a file of this kind");
	}
	version = cursor_u32(&c);
	if (version < 1 || version > VERSION) {
		return corrupt(e, "not a file of this version");
	}
	out->paging = cursor_u8(&c);
	type = cursor_bytes(&c, &n_type);
	title = read_text(&c, a);
	n_text = cursor_u32(&c);
	n_pages = cursor_u32(&c);
	n_blocks = cursor_u32(&c);
	n_lines = cursor_u32(&c);
	if (version > 1) {
		n_notes = cursor_u32(&c);
		n_children = cursor_u32(&c);
	}
	/* The counts are believed only as far as the file is long. */
	if (c.bad || n_type >= sizeof(out->media_type) || n_text > INT32_MAX - 1 ||
		n_children > INT32_MAX ||
		(uint64_t)n_pages * (version == 1 ? PAGE_SIZE_1 : PAGE_SIZE) +
				(uint64_t)n_blocks * BLOCK_SIZE + (uint64_t)n_lines * LINE_SIZE +
				(uint64_t)n_notes * ANNOTATION_SIZE + n_text >
			(uint64_t)(c.end - c.p)) {
		return corrupt(e, "counts");
	}
	if (title && !utf8_valid(title, strlen(title))) {
		return corrupt(e, "title");
	}
	memcpy(out->media_type, type, n_type);
	out->title = (char *)title;
	out->n_bytes = (int32_t)n_text;
	out->n_pages = (int)n_pages;
	out->n_blocks = (int)n_blocks;
	out->n_lines = (int)n_lines;
	out->n_annotations = (int)n_notes;
	out->n_children = (int)n_children;
	out->pages = arena_array(a, struct page, n_pages + 1);
	out->blocks = arena_array(a, struct block, n_blocks + 1);
	out->lines = arena_array(a, struct box, n_lines + 1);
	out->annotations = arena_array(a, struct annotation, n_notes + 1);
	read_arrays(&c, version, a, out);
	read_annotations(&c, a, out);
	if (c.bad || (size_t)(c.end - c.p) != n_text) {
		return corrupt(e, "counts");
	}
	out->text = arena_strn(a, (const char *)c.p, n_text);
	return extracted_check(out, e);
}

/* Between two characters. */
static bool at_edge(const struct extracted *x, int32_t at)
{
	return at == x->n_bytes || ((unsigned char)x->text[at] & 0xc0) != 0x80;
}

static bool short_text(const char *s, size_t max)
{
	size_t n = strlen(s);

	return n <= max && utf8_valid(s, n);
}

static const char *check_pages(const struct extracted *x)
{
	int32_t last = 0;

	if (x->paging >= N_PAGINGS || x->n_pages < 1 ||
		(x->paging == PAGING_NONE && (x->n_pages != 1 || x->n_lines))) {
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
		if (!(p->width >= 0 && p->width <= COORDINATE_MAX && p->height >= 0 &&
			    p->height <= COORDINATE_MAX) ||
			(x->paging == PAGING_NONE && (p->width != 0 || p->height != 0))) {
			return "a page's size";
		}
		if (p->confidence < -1 || p->confidence > 100 ||
			(p->label && !short_text(p->label, PAGE_LABEL_MAX))) {
			return "a page's label";
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
		int least = b->kind == BLOCK_HEADING ? 1 : 0;
		int most = b->kind == BLOCK_HEADING	? 6
			   : b->kind == BLOCK_TABLE_ROW ? N_ROW_ROLES - 1
							: 0;

		if (b->kind >= N_BLOCK_KINDS || b->level < least || b->level > most) {
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
	return v >= -COORDINATE_MAX && v <= COORDINATE_MAX; /* false for NaN */
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

static const char *check_annotations(const struct extracted *x)
{
	for (int i = 0; i < x->n_annotations; i++) {
		const struct annotation *n = &x->annotations[i];

		if (n->kind >= N_ANNOTATION_KINDS || n->page < 0 || n->page > x->n_pages) {
			return "an annotation's kind";
		}
		if (n->byte_start < 0 || n->byte_end < n->byte_start || n->byte_end > x->n_bytes ||
			!at_edge(x, n->byte_start) || !at_edge(x, n->byte_end)) {
			return "an annotation's range";
		}
		if (!short_text(n->text, ANNOTATION_TEXT_MAX)) {
			return "an annotation's text";
		}
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
	bad = bad ? bad : check_annotations(x);
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
