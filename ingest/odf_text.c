/* Paragraphs, headings, lists, notes, comments and what nobody sees (part 3, chapters 5 to 7). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "ingest/odf.h"

#define SIZE_LEAST 2.0f /* points: smaller is not meant to be read */
#define BLANKS_MAX 1000
#define ASIDE_MAX (2 * ANNOTATION_TEXT_MAX) /* bytes: more is not kept of an annotation */

/* ── what is seen ── */

static bool unseen(const struct odf_look *l, enum annotation_kind *kind)
{
	*kind = l->hidden	       ? ANNOTATION_HIDDEN_PART
		: l->size < SIZE_LEAST ? ANNOTATION_HIDDEN_SIZE
				       : ANNOTATION_HIDDEN_COLOR;
	return *kind != ANNOTATION_HIDDEN_COLOR ||
	       (l->color >= 0 && l->ground >= 0 && flow_same_color(l->color, l->ground));
}

void odf_dress(struct odf *o, struct odf_frame *f, const char *family, const char *name)
{
	const struct odf_style *s = odf_style(o, family, name);

	if (!s) {
		return;
	}
	f->look.color = s->color == ODF_UNSET ? f->look.color : s->color;
	f->look.hidden = s->hidden < 0 ? f->look.hidden : s->hidden;
	if (s->percent > 0) {
		f->look.size *= s->percent / 100;
	} else if (s->size > 0) {
		f->look.size = s->size;
	}
	if (s->text_ground >= 0) {
		f->look.ground = s->text_ground;
	} else if (s->block_ground >= 0) {
		f->look.ground = s->block_ground;
	}
}

/* A word, or blanks. */
static void put(struct odf *o, struct odf_frame *f, const char *s, size_t n_bytes)
{
	enum annotation_kind kind;
	bool blank = n_bytes && (*s == ' ' || *s == '\t' || *s == '\n'); /* then all are */

	if (!f->to || !n_bytes) {
		return;
	}
	if (o->aside_open || f->to == &o->citation) {
		if (f->to->text.len < ASIDE_MAX) {
			flow_add(f->to, o->d, s, n_bytes);
		}
	} else if (!blank && unseen(&f->look, &kind)) {
		flow_add_unseen(f->to, o->d, kind, s, n_bytes);
	} else {
		flow_add(f->to, o->d, s, n_bytes);
	}
}

/* White space of XML is one blank, none at the start (part 3, 6.1.2). */
void odf_text(struct odf *o, const char *s, size_t n_bytes)
{
	struct odf_frame *f = &o->frames[o->n_frames - 1];
	const char *end = s + n_bytes;

	if (f->skipped || !f->to) {
		return;
	}
	while (s < end) {
		const char *stop = s;

		while (stop < end && !(*stop && strchr(" \t\r\n", *stop))) {
			stop++;
		}
		put(o, f, s, (size_t)(stop - s));
		if (stop < end) {
			if (!flow_ends_blank(f->to)) {
				put(o, f, " ", 1);
			}
			stop++;
		}
		s = stop;
	}
}

/* ── asides ── */

void odf_aside(struct odf *o, struct odf_frame *f, enum annotation_kind kind)
{
	if (!o->aside_open) {
		o->aside_open = true;
		o->aside_kind = kind;
		o->aside_host = f->to ? f->to : f->container;
		f->aside = true;
	}
	f->container = &o->aside;
	f->to = NULL;
}

static void end_aside(struct odf *o)
{
	const char *s = o->aside.text.data ? o->aside.text.data : "";

	if (o->aside_host) {
		flow_mark(o->aside_host, o->aside_kind, o->aside_host->text.len, s,
			o->aside.text.len);
	} else {
		draft_annotate(
			o->d, o->aside_kind, draft_at(o->d), draft_at(o->d), s, o->aside.text.len);
	}
	flow_clear(&o->aside);
	o->aside_open = false;
}

/* ── blocks ── */

void odf_write_later(struct odf *o)
{
	if (!o->n_paragraphs && !o->held && o->later.n) {
		flow_write_queue(&o->later, o->d, o->later.n);
		o->in_code = false;
	}
}

static void write_block(struct odf *o, struct flow *flow, enum block_kind kind, int level)
{
	const struct box *box = o->has_box ? &o->box : NULL;

	if (o->n_paragraphs || o->held) {
		flow_later(&o->later, flow, kind, level, box);
		return;
	}
	if (kind == BLOCK_CODE && o->in_code && !flow->text.len) {
		draft_line(o->d, "", 0, NULL);
	} else if (kind == BLOCK_CODE && o->in_code) {
		flow_write_lines(flow, o->d, box);
	} else {
		flow_write(flow, o->d, kind, level, box);
	}
	o->in_code = kind == BLOCK_CODE;
	odf_write_later(o);
}

static void begin_paragraph(struct odf *o, const struct xml_element *el, struct odf_frame *f)
{
	const char *name = xml_attr(el, "style-name");
	const struct odf_style *s = odf_style(o, "paragraph", name);
	struct odf_paragraph *p;

	odf_dress(o, f, "paragraph", name);
	o->heading_cells &= s && s->role == ODF_ROLE_TABLE_HEADING;
	if (f->container) {
		if (f->container == &o->note && o->note.text.len) {
			flow_add(&o->note, o->d, "\n", 1);
		} else {
			flow_blank(f->container);
		}
		f->to = f->container;
		return;
	}
	o->paragraphs = array_grow(
		o->paragraphs, o->n_paragraphs, &o->cap_paragraphs, sizeof(*o->paragraphs));
	p = &o->paragraphs[o->n_paragraphs++];
	*p = (struct odf_paragraph){.flow = calloc(1, sizeof(*p->flow))};
	ASSERT(p->flow != NULL);
	if (f->tag == ODF_TEXT_H) {
		p->kind = BLOCK_HEADING;
		p->level = odf_count(el, "outline-level", 6);
	} else if (s && (s->outline > 0 || s->role == ODF_ROLE_TITLE)) {
		p->kind = BLOCK_HEADING;
		p->level = s->outline > 0 ? s->outline : 1;
	} else if (s && s->role == ODF_ROLE_CODE) {
		p->kind = BLOCK_CODE;
	}
	f->to = p->flow;
	f->paragraph = true;
	/* A list that names no style has that of its paragraphs. */
	if (o->n_lists && !o->lists[o->n_lists - 1].style && s) {
		o->lists[o->n_lists - 1].style = odf_style(o, "list", s->list);
	}
}

/* "- " or "3. " of the item that begins with this paragraph. */
static void take_marker(struct odf *o, struct odf_paragraph *p)
{
	const struct odf_list *l = &o->lists[o->n_lists - 1];
	int level = o->n_lists < ODF_LEVELS ? o->n_lists - 1 : ODF_LEVELS - 1;
	uint8_t marker = l->style ? l->style->markers[level] : ODF_MARKER_BULLET;
	char words[16] = "- ";

	o->item_pending = false;
	if (p->kind == BLOCK_HEADING || marker == ODF_MARKER_NONE) {
		return;
	}
	if (marker == ODF_MARKER_NUMBER) {
		snprintf(words, sizeof(words), "%d. ", l->number);
	}
	flow_lead(p->flow, words);
	p->kind = BLOCK_LIST_ITEM;
}

static void end_paragraph(struct odf *o)
{
	struct odf_paragraph p = o->paragraphs[--o->n_paragraphs];
	const char *text = p.flow->text.data ? p.flow->text.data : "";

	if (p.hidden) {
		flow_mark(p.flow, ANNOTATION_HIDDEN_PART, p.flow->text.len, text, p.flow->text.len);
		buf_clear(&p.flow->text);
	} else if (p.kind == BLOCK_HEADING && p.level == 1) {
		draft_title(o->d, text, p.flow->text.len);
	}
	if (o->n_lists && o->item_pending && !flow_is_blank(p.flow)) {
		take_marker(o, &p);
	}
	write_block(o, p.flow, p.kind, p.level);
	flow_finish(p.flow);
	free(p.flow);
}

/* ── lists ── */

static void begin_list(struct odf *o, const struct xml_element *el, struct odf_frame *f)
{
	const char *name = xml_attr(el, "style-name");
	const char *goes_on = xml_attr(el, "continue-numbering");
	const struct odf_list *up = o->n_lists ? &o->lists[o->n_lists - 1] : NULL;
	struct odf_list next = {.style = name ? odf_style(o, "list", name) : up ? up->style : NULL};
	int level = o->n_lists < ODF_LEVELS ? o->n_lists : ODF_LEVELS - 1;

	if (next.style) {
		int32_t start = next.style->starts[level];
		bool continued = !up && ((goes_on && strcmp(goes_on, "true") == 0) ||
						xml_attr(el, "continue-list"));

		next.number = continued ? next.style->last : start > 0 ? start - 1 : 0;
	}
	o->lists = array_grow(o->lists, o->n_lists, &o->cap_lists, sizeof(*o->lists));
	o->lists[o->n_lists++] = next;
	f->list = true;
}

static void begin_item(struct odf *o, const struct xml_element *el)
{
	struct odf_list *l;

	if (!o->n_lists) {
		return;
	}
	l = &o->lists[o->n_lists - 1];
	if (xml_attr(el, "start-value")) {
		l->number = odf_count(el, "start-value", INT32_MAX / 2);
	} else if (l->number < INT32_MAX / 2) {
		l->number++;
	}
	if (o->n_lists == 1 && l->style) {
		l->style->last = l->number;
	}
	o->item_pending = true;
}

/* ── notes ── */

static void begin_note(struct odf *o, struct odf_frame *f)
{
	f->to = NULL;
	if (!o->aside_open && f->container != &o->note) {
		o->n_notes++;
		flow_clear(&o->citation);
		f->note = true;
	}
}

static void end_note(struct odf *o)
{
	char number[16], lead[80];

	if (!flow_is_blank(&o->note)) {
		snprintf(number, sizeof(number), "%d", o->n_notes);
		snprintf(lead, sizeof(lead), "Note %.40s: ",
			flow_is_blank(&o->citation) ? number : o->citation.text.data);
		flow_lead(&o->note, lead);
	}
	flow_later(&o->later, &o->note, BLOCK_NOTE, 0, o->has_box ? &o->box : NULL);
	odf_write_later(o);
}

/* ── fields and shapes ── */

static bool says(const struct xml_element *el, const char *name, const char *value)
{
	const char *s = xml_attr(el, name);

	return s && strcmp(s, value) == 0;
}

static void begin_hidden_text(struct odf *o, const struct xml_element *el, struct odf_frame *f)
{
	const char *value = xml_attr(el, "string-value");

	if (says(el, "is-hidden", "false")) {
		return;
	}
	odf_aside(o, f, ANNOTATION_HIDDEN_PART);
	if (value && *value) {
		flow_add(&o->aside, o->d, value, strlen(value));
	} else {
		f->to = &o->aside;
	}
}

/* A file inside, where the part is one as it stands: not OpenDocument's own objects, which are
 * folders, and not OLE's storages. */
static void take_object(struct odf *o, const struct xml_element *el)
{
	struct archive *a = archive_of(o->doc);
	const char *name = xml_attr(el, "href");
	size_t n, max = o->d->children_bytes_max;
	struct archive_part *part;
	struct buf bytes = BUF_INIT;
	char piece[16384];

	name = name && strncmp(name, "./", 2) == 0 ? name + 2 : name;
	part = a && name && *name ? archive_open(a, name) : NULL;
	while (part && bytes.len <= max && (n = archive_read(part, piece, sizeof(piece))) > 0) {
		buf_add(&bytes, piece, n);
	}
	archive_close(part);
	if (bytes.len > 5 &&
		(memcmp(bytes.data, "PK\3\4", 4) == 0 || memcmp(bytes.data, "%PDF-", 5) == 0)) {
		draft_child(o->d, name, bytes.data, bytes.len);
	}
	buf_finish(&bytes);
}

static void begin_shape(struct odf *o, const struct xml_element *el, struct odf_frame *f)
{
	const char *name = xml_attr_in(el, "presentation", "style-name");
	const char *family = name ? "presentation" : "graphic";
	const struct odf_style *s;
	struct flow *host = f->to;

	f->to = NULL;
	if (f->tag == ODF_DRAW_OBJECT || f->tag == ODF_DRAW_OBJECT_OLE) {
		take_object(o, el);
		f->skipped = true;
		return;
	}
	if (f->tag == ODF_DRAW_A && xml_attr(el, "href")) {
		const char *address = xml_attr(el, "href");

		if (host && !o->aside_open) {
			flow_mark(host, ANNOTATION_LINK, host->text.len, address, strlen(address));
		} else if (!o->aside_open) {
			draft_annotate(o->d, ANNOTATION_LINK, draft_at(o->d), draft_at(o->d),
				address, strlen(address));
		}
	}
	if (says(el, "display", "none")) {
		odf_aside(o, f, ANNOTATION_HIDDEN_PART);
	}
	if (f->tag == ODF_DRAW_PAGE || f->tag == ODF_DRAW_G) {
		return;
	}
	name = name ? name : xml_attr_in(el, "xmlns:drawing", "style-name");
	s = name ? odf_style(o, family, name) : NULL;
	if (s) {
		odf_dress(o, f, family, name);
		f->look.hidden = false;
		f->look.ground = s->fill == ODF_NONE || s->block_ground >= 0	    ? f->look.ground
				 : s->fill == ODF_UNSET && f->tag == ODF_DRAW_FRAME ? f->look.ground
				 : s->fill >= 0					    ? s->fill
										    : ODF_UNKNOWN;
	}
}

/* ── the elements ── */

static bool left_out(enum odf_tag tag)
{
	switch (tag) {
	case ODF_MATH_MATH:
	case ODF_OFFICE_BINARY_DATA:
	case ODF_OFFICE_CHANGE_INFO:
	case ODF_OFFICE_EVENT_LISTENERS:
	case ODF_OFFICE_FORMS:
	case ODF_OFFICE_SCRIPTS:
	case ODF_SVG_DESC:
	case ODF_SVG_TITLE:
	case ODF_TABLE_CONTENT_VALIDATIONS:
	case ODF_TABLE_DDE_LINKS:
	case ODF_TABLE_NAMED_EXPRESSIONS:
	case ODF_TEXT_ALPHABETICAL_INDEX_SOURCE:
	case ODF_TEXT_BIBLIOGRAPHY_SOURCE:
	case ODF_TEXT_DDE_CONNECTION_DECLS:
	case ODF_TEXT_ILLUSTRATION_INDEX_SOURCE:
	case ODF_TEXT_OBJECT_INDEX_SOURCE:
	case ODF_TEXT_SCRIPT:
	case ODF_TEXT_SEQUENCE_DECLS:
	case ODF_TEXT_TABLE_INDEX_SOURCE:
	case ODF_TEXT_TABLE_OF_CONTENT_SOURCE:
	case ODF_TEXT_USER_FIELD_DECLS:
	case ODF_TEXT_USER_INDEX_SOURCE:
	case ODF_TEXT_VARIABLE_DECLS:
		return true;
	default:
		return false;
	}
}

/* What stands inside of a paragraph. */
static bool start_inline(struct odf *o, const struct xml_element *el, struct odf_frame *f)
{
	static const char BLANKS[] = "                                ";
	const char *address = xml_attr(el, "href");

	switch (f->tag) {
	case ODF_TEXT_SPAN:
		odf_dress(o, f, "text", xml_attr(el, "style-name"));
		return true;
	case ODF_TEXT_A:
		if (f->to && !o->aside_open && address && *address != '#') {
			flow_begin_link(f->to, address, strlen(address));
			f->link = true;
		}
		return true;
	case ODF_TEXT_S:
		for (int n = odf_count(el, "c", BLANKS_MAX); n > 0; n -= (int)sizeof(BLANKS) - 1) {
			put(o, f, BLANKS,
				n < (int)sizeof(BLANKS) - 1 ? (size_t)n : sizeof(BLANKS) - 1);
		}
		return true;
	case ODF_TEXT_TAB:
		put(o, f, "\t", 1);
		return true;
	case ODF_TEXT_LINE_BREAK:
		put(o, f, "\n", 1);
		return true;
	case ODF_TEXT_RUBY_TEXT:
		put(o, f, "(", 1);
		return true;
	case ODF_TEXT_HIDDEN_TEXT:
		begin_hidden_text(o, el, f);
		return true;
	case ODF_TEXT_HIDDEN_PARAGRAPH:
		if (o->n_paragraphs && !says(el, "is-hidden", "false") &&
			f->to == o->paragraphs[o->n_paragraphs - 1].flow) {
			o->paragraphs[o->n_paragraphs - 1].hidden = true;
		}
		return true;
	case ODF_TEXT_NUMBER:
		f->to = o->n_frames > 1 && o->frames[o->n_frames - 2].tag == ODF_TEXT_H ? f->to
											: NULL;
		return true;
	default:
		return false;
	}
}

bool odf_text_start(
	struct odf *o, enum odf_tag tag, const struct xml_element *el, struct odf_frame *f)
{
	if (left_out(tag)) {
		f->skipped = true;
		return true;
	}
	if (start_inline(o, el, f)) {
		return true;
	}
	switch (tag) {
	case ODF_TEXT_P:
	case ODF_TEXT_H:
		begin_paragraph(o, el, f);
		return true;
	case ODF_TEXT_LIST:
		begin_list(o, el, f);
		return true;
	case ODF_TEXT_LIST_ITEM:
		begin_item(o, el);
		return true;
	case ODF_TEXT_LIST_HEADER:
		o->item_pending = false;
		return true;
	case ODF_TEXT_NOTE:
		begin_note(o, f);
		return true;
	case ODF_TEXT_NOTE_CITATION:
		f->to = f[-1].note ? &o->citation : NULL;
		return true;
	case ODF_TEXT_NOTE_BODY:
		f->container = o->aside_open ? f->container : &o->note;
		f->look = (struct odf_look){ODF_NONE, 0xffffff, f->look.size, false};
		return true;
	case ODF_TEXT_SECTION:
		odf_dress(o, f, "section", xml_attr(el, "style-name"));
		if (says(el, "display", "none") ||
			(says(el, "display", "condition") && says(el, "is-hidden", "true"))) {
			odf_aside(o, f, ANNOTATION_HIDDEN_PART);
		}
		return true;
	case ODF_TEXT_DELETION:
	case ODF_TABLE_TRACKED_CHANGES:
		odf_aside(o, f, ANNOTATION_DELETED);
		return true;
	case ODF_OFFICE_ANNOTATION:
		odf_aside(o, f, ANNOTATION_COMMENT);
		return true;
	case ODF_DC_CREATOR:
		f->to = o->aside_open && o->aside_kind == ANNOTATION_COMMENT ? &o->aside : NULL;
		return true;
	default:
		if (odf_in(el, "draw")) {
			begin_shape(o, el, f);
		}
		return f->skipped || odf_in(el, "text");
	}
}

void odf_text_end(struct odf *o, struct odf_frame *f)
{
	if (f->link) {
		flow_end_link(f->to);
	}
	if (f->tag == ODF_TEXT_RUBY_TEXT) {
		put(o, f, ")", 1);
	} else if (f->tag == ODF_TEXT_NUMBER) {
		put(o, f, " ", 1);
	} else if (f->tag == ODF_DC_CREATOR && f->to) {
		flow_add(f->to, o->d, ": ", 2);
	} else if (f->tag == ODF_TEXT_LIST_ITEM) {
		o->item_pending = false;
	}
	if (f->paragraph) {
		end_paragraph(o);
	}
	if (f->note) {
		end_note(o);
	}
	if (f->list) {
		o->n_lists--;
	}
	if (f->aside) {
		end_aside(o);
	}
}
