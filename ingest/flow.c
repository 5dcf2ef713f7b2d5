#include "ingest/flow.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "index/base/array.h"
#include "index/base/utf8.h"

static struct flow_mark *marks_of(const struct buf *b, size_t *n)
{
	*n = b->len / sizeof(struct flow_mark);
	return (struct flow_mark *)(void *)b->data;
}

static void drop_marks(struct buf *b)
{
	size_t n;
	struct flow_mark *m = marks_of(b, &n);

	for (size_t i = 0; i < n; i++) {
		free(m[i].text);
	}
	buf_clear(b);
}

void flow_clear(struct flow *f)
{
	drop_marks(&f->marks);
	buf_clear(&f->text);
	buf_clear(&f->unseen);
	f->link_start = 0;
}

void flow_finish(struct flow *f)
{
	drop_marks(&f->marks);
	buf_finish(&f->marks);
	buf_finish(&f->text);
	buf_finish(&f->unseen);
	free(f->link);
	f->link = NULL;
}

static void add_mark(struct flow *f, enum annotation_kind kind, size_t start, size_t end,
	const char *s, size_t n_bytes)
{
	struct flow_mark m = {.kind = kind, .start = start, .end = end};

	if (draft_blank(s, n_bytes) || f->marks.len / sizeof(m) >= ANNOTATIONS_MAX) {
		return;
	}
	if (n_bytes > ANNOTATION_TEXT_MAX) {
		n_bytes = utf8_floor(s, n_bytes, ANNOTATION_TEXT_MAX);
	}
	m.text = strndup(s, n_bytes);
	ASSERT(m.text != NULL);
	buf_add(&f->marks, &m, sizeof(m));
}

/* Text too small or in the colour of its ground takes its place on
 * the page, and blanks around hidden text are seen. */
void flow_seal(struct flow *f)
{
	struct buf *u = &f->unseen;

	if (u->len) {
		add_mark(f, f->unseen_kind, f->text.len, f->text.len, u->data, u->len);
		if (f->unseen_kind == ANNOTATION_HIDDEN_COLOR ||
			f->unseen_kind == ANNOTATION_HIDDEN_SIZE ||
			draft_blank(u->data + u->len - 1, 1)) {
			flow_blank(f);
		}
		buf_clear(u);
	}
}

static void check_room(const struct buf *b, struct draft *d, size_t n_bytes)
{
	if (n_bytes > d->text_max || b->len > d->text_max - n_bytes) {
		draft_fault(d, FAULT_TEXT, 0, NULL);
	}
}

void flow_add_unseen(
	struct flow *f, struct draft *d, enum annotation_kind kind, const char *s, size_t n_bytes)
{
	if (f->unseen.len && f->unseen_kind != kind) {
		flow_seal(f);
	}
	f->unseen_kind = kind;
	check_room(&f->unseen, d, n_bytes);
	buf_add(&f->unseen, s, n_bytes);
}

void flow_add(struct flow *f, struct draft *d, const char *s, size_t n_bytes)
{
	struct buf *to = &f->text;

	if (f->unseen.len && draft_blank(s, n_bytes)) {
		to = &f->unseen;
	} else {
		flow_seal(f);
	}
	check_room(to, d, n_bytes);
	buf_add(to, s, n_bytes);
}

void flow_blank(struct flow *f)
{
	char last = f->text.len ? f->text.data[f->text.len - 1] : ' ';

	if (last != ' ' && last != '\n') {
		buf_char(&f->text, ' ');
	}
}

bool flow_ends_blank(const struct flow *f)
{
	const struct buf *b = f->unseen.len ? &f->unseen : &f->text;

	return !b->len || draft_blank(b->data + b->len - 1, 1);
}

#define NEAR 16 /* of 255, in each of red, green and blue */

bool flow_same_color(long a, long b)
{
	for (int shift = 0; shift < 24; shift += 8) {
		if (labs(((a >> shift) & 255) - ((b >> shift) & 255)) > NEAR) {
			return false;
		}
	}
	return a >= 0 && b >= 0;
}

bool flow_is_blank(const struct flow *f)
{
	return draft_blank(f->text.data, f->text.len);
}

void flow_mark(
	struct flow *f, enum annotation_kind kind, size_t start, const char *s, size_t n_bytes)
{
	flow_seal(f);
	add_mark(f, kind, start, f->text.len, s, n_bytes);
}

void flow_lead(struct flow *f, const char *s)
{
	struct buf whole = BUF_INIT;
	size_t n, n_lead = strlen(s);
	struct flow_mark *m = marks_of(&f->marks, &n);

	buf_str(&whole, s);
	buf_add(&whole, f->text.data ? f->text.data : "", f->text.len);
	buf_finish(&f->text);
	f->text = whole;
	for (size_t i = 0; i < n; i++) {
		m[i].start += n_lead;
		m[i].end += n_lead;
	}
	f->link_start += f->link ? n_lead : 0;
}

void flow_append(struct flow *f, struct draft *d, const struct flow *from)
{
	size_t n, base;
	const struct flow_mark *m = marks_of(&from->marks, &n);

	flow_seal(f);
	base = f->text.len;
	flow_add(f, d, from->text.data ? from->text.data : "", from->text.len);
	for (size_t i = 0; i < n; i++) {
		add_mark(f, m[i].kind, base + m[i].start, base + m[i].end, m[i].text,
			strlen(m[i].text));
	}
}

/* ── links ── */

bool flow_link_wanted(const char *s)
{
	size_t n = 0;

	if (!s) {
		return false;
	}
	while (isspace((unsigned char)*s)) {
		s++;
	}
	while (isalnum((unsigned char)s[n]) || (n && strchr("+-.", s[n]) && s[n])) {
		n++;
	}
	if (s[n] == ':' && n) {
		return (n == 4 && strncasecmp(s, "http", 4) == 0) ||
		       (n == 5 && strncasecmp(s, "https", 5) == 0) ||
		       (n == 6 && strncasecmp(s, "mailto", 6) == 0);
	}
	return *s && *s != '#';
}

/* Of what the open link has of the text so far. */
static void mark_link(struct flow *f)
{
	if (f->link && f->text.len > f->link_start &&
		!draft_blank(f->text.data + f->link_start, f->text.len - f->link_start)) {
		add_mark(f, ANNOTATION_LINK, f->link_start, f->text.len, f->link, strlen(f->link));
	}
}

void flow_begin_link(struct flow *f, const char *address, size_t n_bytes)
{
	flow_end_link(f);
	f->link = strndup(address, n_bytes);
	ASSERT(f->link != NULL);
	f->link_start = f->text.len;
}

void flow_end_link(struct flow *f)
{
	flow_seal(f);
	mark_link(f);
	free(f->link);
	f->link = NULL;
}

/* ── writing: where the ends of marks stand in the cleaned text ── */

struct edge {
	size_t at; /* in the flow; then in the draft */
	size_t mark;
	bool is_end;
};

static int by_place(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static struct edge *edges_of(const struct flow *f, size_t *n_edges)
{
	size_t n;
	const struct flow_mark *m = marks_of(&f->marks, &n);
	struct edge *edges = calloc(2 * n + 1, sizeof(*edges));

	ASSERT(edges != NULL);
	for (size_t i = 0; i < n; i++) {
		size_t start = m[i].start < f->text.len ? m[i].start : f->text.len;
		size_t end = m[i].end < f->text.len ? m[i].end : f->text.len;

		edges[2 * i] = (struct edge){.at = start, .mark = i};
		edges[2 * i + 1] = (struct edge){.at = end, .mark = i, .is_end = true};
	}
	qsort(edges, 2 * n, sizeof(*edges), by_place);
	*n_edges = 2 * n;
	return edges;
}

/* Writes the line f->text[start, stop) and gives the edges in it their places in the draft. */
static void write_line(const struct flow *f, size_t start, size_t stop, struct edge *edges,
	size_t n_edges, struct draft *d, const struct box *box)
{
	bool code = d->block.kind == BLOCK_CODE;
	struct buf clean = BUF_INIT;
	size_t from = start, lead, n_line;
	uint32_t base = draft_at(d);

	for (size_t i = 0; i < n_edges; i++) {
		draft_clean(&clean, f->text.data + from, edges[i].at - from, code);
		from = edges[i].at;
		edges[i].at = clean.len;
	}
	draft_line(d, f->text.data + start, stop - start, box);
	lead = !code && clean.len && clean.data[0] == ' ' ? 1 : 0;
	n_line = draft_at(d) > base ? draft_at(d) - base - 1 : 0;
	for (size_t i = 0; i < n_edges; i++) {
		size_t at = edges[i].at > lead ? edges[i].at - lead : 0;

		edges[i].at = base + (at < n_line ? at : n_line);
	}
	buf_finish(&clean);
}

void flow_write_lines(struct flow *f, struct draft *d, const struct box *box)
{
	size_t n_marks, n_edges, e = 0, start = 0;
	struct flow_mark *m;
	struct edge *edges;

	flow_seal(f);
	mark_link(f);
	m = marks_of(&f->marks, &n_marks);
	edges = edges_of(f, &n_edges);
	buf_reserve(&f->text, 1);
	while (start < f->text.len || e < n_edges) {
		const char *p = f->text.data + start;
		const char *end = memchr(p, '\n', f->text.len - start);
		size_t stop = end ? start + (size_t)(end - p) : f->text.len;
		size_t first = e;

		while (e < n_edges && edges[e].at <= stop) {
			e++;
		}
		write_line(f, start, stop, edges + first, e - first, d, box);
		start = stop < f->text.len ? stop + 1 : stop;
	}
	for (size_t i = 0; i < n_edges; i++) {
		if (edges[i].is_end) {
			m[edges[i].mark].end = edges[i].at;
		} else {
			m[edges[i].mark].start = edges[i].at;
		}
	}
	for (size_t i = 0; i < n_marks; i++) {
		size_t from = m[i].start < m[i].end ? m[i].start : m[i].end;

		draft_annotate(d, m[i].kind, (uint32_t)from, (uint32_t)m[i].end, m[i].text,
			strlen(m[i].text));
	}
	free(edges);
	flow_clear(f);
}

void flow_write(
	struct flow *f, struct draft *d, enum block_kind kind, int level, const struct box *box)
{
	if (kind == BLOCK_HEADING || kind == BLOCK_TABLE_ROW) {
		for (size_t i = 0; i < f->text.len; i++) {
			f->text.data[i] = f->text.data[i] == '\n' ? ' ' : f->text.data[i];
		}
	}
	draft_block(d, kind, level);
	flow_write_lines(f, d, box);
}

/* ── the queue ── */

void flow_later(struct flow_queue *q, struct flow *f, enum block_kind kind, int level,
	const struct box *box)
{
	q->items = array_grow(q->items, q->n, &q->cap, sizeof(*q->items));
	q->items[q->n] = (struct flow_item){
		.kind = kind, .level = level, .flow = *f, .has_box = box != NULL};
	if (box) {
		q->items[q->n].box = *box;
	}
	q->n++;
	memset(f, 0, sizeof(*f));
}

void flow_write_queue(struct flow_queue *q, struct draft *d, int n)
{
	n = n < q->n ? n : q->n;
	for (int i = 0; i < n; i++) {
		struct flow_item *item = &q->items[i];

		flow_write(
			&item->flow, d, item->kind, item->level, item->has_box ? &item->box : NULL);
		flow_finish(&item->flow);
	}
	q->n -= n;
	if (n && q->n) {
		memmove(q->items, q->items + n, (size_t)q->n * sizeof(*q->items));
	}
}

/* ── rows ── */

/* text is empty after. */
static void take_cell(struct flow_row *r, struct buf *text, struct draft *d)
{
	struct buf *last = r->n ? &r->cells[r->n - 1] : NULL;

	if (r->n < FLOW_CELLS_MAX) {
		r->cells = array_grow(r->cells, r->n, &r->cap, sizeof(*r->cells));
		r->cells[r->n++] = *text;
		memset(text, 0, sizeof(*text));
	} else if (text->len) {
		check_room(last, d, text->len);
		buf_char(last, ' ');
		buf_add(last, text->data, text->len);
		buf_clear(text);
	}
}

void flow_row_add(struct flow_row *r, struct flow *f, struct draft *d)
{
	flow_seal(f);
	mark_link(f);
	f->link_start = 0;
	buf_add(&r->marks, f->marks.data ? f->marks.data : "", f->marks.len);
	buf_clear(&f->marks);
	take_cell(r, &f->text, d);
}

void flow_row_add_text(struct flow_row *r, struct draft *d, const struct buf *text)
{
	struct buf cell = BUF_INIT;

	if (text) {
		buf_add(&cell, text->data ? text->data : "", text->len);
	}
	take_cell(r, &cell, d);
	buf_finish(&cell);
}

void flow_row_write(struct flow_row *r, struct draft *d, enum row_role role, const struct box *box)
{
	size_t n_marks;
	struct flow_mark *m = marks_of(&r->marks, &n_marks);
	uint32_t at = draft_at(d), end;

	draft_row(d, role, r->cells, r->n, box);
	end = draft_at(d) > at ? draft_at(d) - 1 : at;
	for (size_t i = 0; i < n_marks; i++) {
		bool placed = m[i].start < m[i].end;

		draft_annotate(d, m[i].kind, at, placed ? end : at, m[i].text, strlen(m[i].text));
	}
	for (int i = 0; i < r->n; i++) {
		buf_finish(&r->cells[i]);
	}
	drop_marks(&r->marks);
	r->n = 0;
}

void flow_row_finish(struct flow_row *r)
{
	for (int i = 0; i < r->n; i++) {
		buf_finish(&r->cells[i]);
	}
	drop_marks(&r->marks);
	buf_finish(&r->marks);
	free(r->cells);
	memset(r, 0, sizeof(*r));
}

/* ── asides ── */

void flow_aside_flush(struct flow_aside *a)
{
	if (a->text.len) {
		uint32_t at = draft_at(a->draft);

		draft_annotate(a->draft, a->kind, at, at, a->text.data, a->text.len);
		buf_clear(&a->text);
	}
}

void flow_aside_add(struct flow_aside *a, enum annotation_kind kind, const char *s, size_t n_bytes)
{
	if (a->text.len && (a->kind != kind || a->text.len >= ANNOTATION_TEXT_MAX)) {
		flow_aside_flush(a);
	}
	a->kind = kind;
	while (n_bytes) {
		size_t room = ANNOTATION_TEXT_MAX - (a->text.len % ANNOTATION_TEXT_MAX);
		size_t part = n_bytes < room ? n_bytes : room;

		buf_add(&a->text, s, part);
		s += part;
		n_bytes -= part;
		if (n_bytes) {
			flow_aside_flush(a);
		}
	}
}
