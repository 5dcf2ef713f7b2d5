/*
 * The shapes of a slide as a machine over the events of its XML. Groups nest, each with coordinates
 * of its own; a shape holds paragraphs or a table.
 */
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "ingest/pptx.h"

#define GROUPS_MAX 32
#define SHAPES_MAX 20000
#define TINY 200   /* hundredths of a point */
#define CROWD 2000 /* shapes; what is behind which is not looked into beyond */

struct group {
	double x, y, scale_x, scale_y; /* at = offset + inner × scale */
	struct pptx_box outer, inner;
	bool hidden;
};

struct slide_reader {
	struct pptx *p;
	struct pptx_slide *s;
	struct group groups[GROUPS_MAX];
	int n_groups, n_lost; /* lost: open ones beyond the limit */
	struct pptx_shape *shape;
	int shape_depth;
	struct pptx_cell *cell;
	struct pptx_paragraph *paragraph;
	struct flow *into; /* of the open paragraph */
	int skip;	   /* depth, 0: none */
	bool *taken;	   /* a Choice of the AlternateContent at this depth was */
	bool in_text, in_group_properties, in_shape_properties, in_background;
	bool in_run_properties, in_list_style, in_paragraph_properties, in_body_style;
	int list_level;
	long color;	   /* of the open run */
	long *takes_color; /* where the next colour goes; NULL: nowhere */
	int color_depth;
	bool tiny;
	int unseen; /* ANNOTATION_…: why the open run is; -1: it is seen; -2: not known yet */
};

/* ── shapes, groups ── */

static void begin_shape(struct slide_reader *r, const struct xml_element *el)
{
	struct pptx_slide *s = r->s;

	if (s->n >= SHAPES_MAX) {
		r->skip = el->depth;
		return;
	}
	s->shapes = array_grow(s->shapes, s->n, &s->cap, sizeof(*s->shapes));
	r->shape = &s->shapes[s->n++];
	r->shape->fill = COLOR_UNSAID;
	r->shape->picture = xml_is(el, "pic");
	r->shape->type = "";
	r->shape->hidden = r->n_groups && r->groups[r->n_groups - 1].hidden;
	r->shape_depth = el->depth;
}

static void begin_group(struct slide_reader *r)
{
	struct group *outer = r->n_groups ? &r->groups[r->n_groups - 1] : NULL;

	if (r->n_groups == GROUPS_MAX) {
		r->n_lost++;
		return;
	}
	r->groups[r->n_groups++] = (struct group){.x = outer ? outer->x : 0,
		.y = outer ? outer->y : 0,
		.scale_x = outer ? outer->scale_x : 1,
		.scale_y = outer ? outer->scale_y : 1,
		.hidden = outer && outer->hidden};
}

static void end_group(struct slide_reader *r)
{
	if (r->n_lost) {
		r->n_lost--;
	} else if (r->n_groups) {
		r->n_groups--;
	}
}

/* Once the group's own places are known: those of what is in it count from them. */
static void set_group(struct slide_reader *r)
{
	struct group *g = r->n_groups ? &r->groups[r->n_groups - 1] : NULL;
	double scale_x, scale_y;

	if (!g || r->n_lost || !g->outer.known || g->inner.w <= 0 || g->inner.h <= 0) {
		return;
	}
	scale_x = g->outer.w / g->inner.w;
	scale_y = g->outer.h / g->inner.h;
	g->x += g->scale_x * (g->outer.x - g->inner.x * scale_x);
	g->y += g->scale_y * (g->outer.y - g->inner.y * scale_y);
	g->scale_x *= scale_x;
	g->scale_y *= scale_y;
}

static double emu(const struct xml_element *el, const char *name)
{
	return (double)ooxml_number(xml_attr(el, name), 0);
}

static void take_place(struct slide_reader *r, const struct xml_element *el)
{
	struct group *g = r->n_groups ? &r->groups[r->n_groups - 1] : NULL;
	bool inner = xml_is(el, "chOff") || xml_is(el, "chExt");
	struct pptx_box *b = r->in_group_properties && g ? (inner ? &g->inner : &g->outer)
			     : r->shape && !r->cell && !r->in_group_properties ? &r->shape->box
									       : NULL;

	if (!b) {
		return;
	}
	if (xml_is(el, "off") || xml_is(el, "chOff")) {
		b->x = emu(el, "x");
		b->y = emu(el, "y");
	} else {
		b->w = emu(el, "cx");
		b->h = emu(el, "cy");
		b->known = true;
	}
}

/* From the coordinates of the group to those of the slide. */
static void place_shape(struct slide_reader *r)
{
	const struct group *g = r->n_groups ? &r->groups[r->n_groups - 1] : NULL;
	struct pptx_box *b = &r->shape->box;

	if (g && b->known) {
		b->x = g->x + b->x * g->scale_x;
		b->y = g->y + b->y * g->scale_y;
		b->w *= g->scale_x;
		b->h *= g->scale_y;
	}
}

/* ── colours ── */

/* A colour, or a change to the one that is open. */
static void take_color(struct slide_reader *r, const struct xml_element *el)
{
	const char *value = xml_attr(el, "val"), *last = xml_attr(el, "lastClr");
	long color = COLOR_UNKNOWN;

	if (!r->takes_color) {
		return;
	}
	if (r->color_depth && el->depth > r->color_depth) {
		*r->takes_color = COLOR_UNKNOWN;
		return;
	}
	if (xml_is(el, "srgbClr")) {
		color = ooxml_color(value);
	} else if (xml_is(el, "sysClr")) {
		color = ooxml_color(last);
	} else if (xml_is(el, "schemeClr")) {
		color = pptx_named_color(r->s, value);
	}
	*r->takes_color = color >= 0 ? color : COLOR_UNKNOWN;
	r->color_depth = el->depth;
}

static void begin_fill(struct slide_reader *r, const struct xml_element *el)
{
	bool plain = xml_is(el, "solidFill"), none = xml_is(el, "noFill");
	long *to = r->in_run_properties			? &r->color
		   : r->in_background			? &r->s->background
		   : r->in_shape_properties && r->shape ? &r->shape->fill
							: NULL;

	if (to && !r->takes_color) {
		*to = none ? COLOR_UNSAID : COLOR_UNKNOWN;
		r->takes_color = plain ? to : NULL;
		r->color_depth = 0;
	}
}

/* The colour behind the open shape, COLOR_UNKNOWN where it is more than one. */
static long color_behind(struct slide_reader *r)
{
	const struct pptx_slide *s = r->s;
	struct pptx_box box = r->shape->box;
	const struct pptx_shape *model = pptx_inherited(s, r->shape);
	long background = COLOR_UNSAID;

	place_shape(r);
	if (!r->shape->box.known) {
		r->shape->box = pptx_box_of(s, r->shape);
	}
	if (r->shape->fill != COLOR_UNSAID) {
		background = r->shape->fill;
	} else if (r->cell || s->n > CROWD || (model && model->fill != COLOR_UNSAID) ||
		   !r->shape->box.known || pptx_painted(s, s->n - 1, false, &r->shape->box)) {
		background = COLOR_UNKNOWN;
	}
	for (const struct pptx_slide *m = s->below; m && background == COLOR_UNSAID; m = m->below) {
		background =
			pptx_painted(m, m->n, true, &r->shape->box) ? COLOR_UNKNOWN : background;
	}
	for (; s && background == COLOR_UNSAID; s = s->below) {
		background = s->background;
	}
	r->shape->box = box;
	return background;
}

/* ── text ── */

static int unseen_of(struct slide_reader *r)
{
	if (r->tiny) {
		return ANNOTATION_HIDDEN_SIZE;
	}
	if (r->color < 0) {
		return -1;
	}
	return flow_same_color(r->color, color_behind(r)) ? ANNOTATION_HIDDEN_COLOR : -1;
}

static void add_text(struct slide_reader *r, const char *text, size_t n)
{
	struct buf *to;

	if (!r->into) {
		return;
	}
	if (r->unseen == -2) {
		r->unseen = unseen_of(r);
	}
	to = r->unseen >= 0 ? &r->shape->unseen[r->unseen] : &r->into->text;
	buf_add(to, text, n);
	if (to->len > r->p->o.draft->text_max) {
		draft_fault(r->p->o.draft, FAULT_TEXT, 0, NULL);
	}
}

static void begin_paragraph(struct slide_reader *r)
{
	struct pptx_shape *s = r->shape;

	if (r->cell) {
		r->into = &r->cell->text;
		if (r->into->text.len) {
			buf_char(&r->into->text, '\n');
		}
	} else {
		s->paragraphs = array_grow(
			s->paragraphs, s->n_paragraphs, &s->cap_paragraphs, sizeof(*s->paragraphs));
		r->paragraph = &s->paragraphs[s->n_paragraphs++];
		r->paragraph->start = 1;
		r->into = &r->paragraph->text;
	}
}

/* Ends the one before: what it linked to, how it looked. */
static void begin_run(struct slide_reader *r)
{
	if (r->into) {
		flow_end_link(r->into);
	}
	r->color = COLOR_UNSAID;
	r->tiny = false;
	r->unseen = -2;
}

static void begin_link(struct slide_reader *r, const char *id)
{
	const char *address = ooxml_address(&r->s->relations, id);

	if (address && r->into) {
		flow_begin_link(r->into, address, strlen(address));
	}
}

static enum pptx_bullet bullet_of(const struct xml_element *el)
{
	return xml_is(el, "buNone")	 ? BULLET_NONE
	       : xml_is(el, "buAutoNum") ? BULLET_NUMBER
	       : xml_is(el, "buChar")	 ? BULLET_SIGN
	       : xml_is(el, "buBlip")	 ? BULLET_SIGN
					 : BULLET_UNSAID;
}

static void take_bullet(struct slide_reader *r, const struct xml_element *el)
{
	enum pptx_bullet bullet = bullet_of(el);

	if (r->in_paragraph_properties && r->paragraph) {
		r->paragraph->bullet = bullet;
		r->paragraph->start = (int)ooxml_number(xml_attr(el, "startAt"), 1);
	} else if (r->list_level >= 0 && r->in_body_style) {
		r->s->bullets[r->list_level] = bullet;
	} else if (r->list_level >= 0 && r->in_list_style && r->shape) {
		r->shape->bullets[r->list_level] = bullet;
	}
}

/* "lvl2pPr": 1. */
static int level_named(const char *name)
{
	return strncmp(name, "lvl", 3) == 0 && name[3] >= '1' && name[3] <= '9' &&
			       strcmp(name + 4, "pPr") == 0
		       ? name[3] - '1'
		       : -1;
}

/* ── tables ── */

static void begin_row(struct slide_reader *r, const struct xml_element *el)
{
	struct pptx_shape *s = r->shape;

	s->rows = array_grow(s->rows, s->n_rows, &s->cap_rows, sizeof(*s->rows));
	s->rows[s->n_rows++].height = emu(el, "h");
}

static bool flag(const struct xml_element *el, const char *name)
{
	return xml_attr(el, name) && ooxml_on(xml_attr(el, name));
}

static void begin_cell(struct slide_reader *r, const struct xml_element *el)
{
	struct pptx_row *row = r->shape->n_rows ? &r->shape->rows[r->shape->n_rows - 1] : NULL;

	if (row && row->n < PPTX_CELLS_MAX) {
		row->cells = array_grow(row->cells, row->n, &row->cap, sizeof(*row->cells));
		r->cell = &row->cells[row->n++];
		r->cell->from_left = flag(el, "hMerge");
		r->cell->from_above = flag(el, "vMerge");
		r->cell->span = (int)ooxml_number(xml_attr(el, "gridSpan"), 1);
	}
}

/* ── events ── */

static bool is_shape(const struct xml_element *el)
{
	return xml_is(el, "sp") || xml_is(el, "pic") || xml_is(el, "graphicFrame") ||
	       xml_is(el, "cxnSp");
}

static bool passed_over(struct slide_reader *r, const struct xml_element *el)
{
	static const char *const OUTSIDE[] = {"extLst", "ln", "uFill", "uLn", "highlight"};
	bool choice = xml_is(el, "Choice") || xml_is(el, "Fallback");

	r->taken[el->depth] = false;
	for (size_t i = 0; i < sizeof(OUTSIDE) / sizeof(OUTSIDE[0]); i++) {
		if (xml_is(el, OUTSIDE[i])) {
			return true;
		}
	}
	if (choice && xml_in(el, "markup-compatibility")) {
		/* The first that is offered; the others say the same for older programs. */
		if (r->taken[el->depth - 1]) {
			return true;
		}
		r->taken[el->depth - 1] = true;
	}
	return false;
}

/* What the shape is, beside its text. */
static bool shape_start(struct slide_reader *r, const struct xml_element *el)
{
	if (xml_is(el, "ph")) {
		const char *type = xml_attr(el, "type");

		r->shape->is_placeholder = true;
		r->shape->type = arena_str(&r->p->o.arena, type ? type : "obj");
		r->shape->idx = ooxml_number(xml_attr(el, "idx"), -1);
	} else if (xml_is(el, "spPr")) {
		r->in_shape_properties = true;
	} else if (xml_is(el, "fillRef")) {
		if (ooxml_number(xml_attr(el, "idx"), 0) > 0 && r->shape->fill == COLOR_UNSAID) {
			r->shape->fill = COLOR_UNKNOWN;
		}
	} else if (xml_is(el, "chart") && xml_in(el, "drawingml")) {
		r->shape->chart =
			ooxml_part(&r->s->relations, xml_attr_in(el, "elationships", "id"));
	} else if (xml_is(el, "relIds")) {
		r->shape->diagram =
			ooxml_part(&r->s->relations, xml_attr_in(el, "elationships", "dm"));
	} else if (xml_is(el, "tblPr")) {
		r->shape->header_row = flag(el, "firstRow");
	} else if (xml_is(el, "tr")) {
		begin_row(r, el);
	} else if (xml_is(el, "tc")) {
		begin_cell(r, el);
	} else if (xml_is(el, "lstStyle")) {
		r->in_list_style = true;
	} else {
		return false;
	}
	return true;
}

static bool text_start(struct slide_reader *r, const struct xml_element *el)
{
	if (xml_is(el, "p")) {
		begin_paragraph(r);
	} else if (xml_is(el, "pPr") && r->into) {
		long level = ooxml_number(xml_attr(el, "lvl"), 0);

		r->in_paragraph_properties = true;
		if (r->paragraph) {
			r->paragraph->level = level < 0		     ? 0
					      : level >= PPTX_LEVELS ? PPTX_LEVELS - 1
								     : (int)level;
		}
	} else if (xml_is(el, "r") || xml_is(el, "fld")) {
		begin_run(r);
	} else if (xml_is(el, "rPr") && r->into) {
		long size = ooxml_number(xml_attr(el, "sz"), TINY);

		r->in_run_properties = true;
		r->tiny = size < TINY;
	} else if (xml_is(el, "hlinkClick") && r->in_run_properties) {
		begin_link(r, xml_attr_in(el, "elationships", "id"));
	} else if (xml_is(el, "br")) {
		begin_run(r);
		add_text(r, "\n", 1);
	} else if (xml_is(el, "t")) {
		r->in_text = true;
	} else {
		return false;
	}
	return true;
}

static void slide_start(struct slide_reader *r, const struct xml_element *el)
{
	if (el->depth == 1) {
		r->s->hidden = xml_attr(el, "show") && !ooxml_on(xml_attr(el, "show"));
	} else if (xml_is(el, "bg")) {
		r->in_background = true;
	} else if (xml_is(el, "bgRef")) {
		r->s->background = COLOR_UNKNOWN;
		if (ooxml_number(xml_attr(el, "idx"), 0) == 1001) { /* a plain one */
			r->takes_color = &r->s->background;
			r->color_depth = 0;
		}
	} else if (xml_is(el, "grpSp")) {
		begin_group(r);
	} else if (xml_is(el, "grpSpPr")) {
		r->in_group_properties = true;
	} else if (xml_is(el, "bodyStyle")) {
		r->in_body_style = true;
	} else if (is_shape(el) && !r->shape) {
		begin_shape(r, el);
	}
}

static void on_slide_start(void *arg, const struct xml_element *el)
{
	struct slide_reader *r = arg;

	r->in_text = false;
	if (r->skip) {
		return;
	}
	if (passed_over(r, el)) {
		r->skip = el->depth;
	} else if (xml_is(el, "off") || xml_is(el, "ext") || xml_is(el, "chOff") ||
		   xml_is(el, "chExt")) {
		take_place(r, el);
	} else if (r->takes_color) {
		take_color(r, el);
	} else if (pptx_is_fill(el)) {
		begin_fill(r, el);
	} else if (level_named(el->name) >= 0) {
		r->list_level = level_named(el->name);
	} else if (bullet_of(el) != BULLET_UNSAID) {
		take_bullet(r, el);
	} else if (xml_is(el, "cNvPr")) {
		bool hidden = flag(el, "hidden");

		if (r->shape) {
			r->shape->hidden = r->shape->hidden || hidden;
		} else if (r->n_groups && hidden) {
			r->groups[r->n_groups - 1].hidden = true;
		}
	} else if (!r->shape || !(shape_start(r, el) || text_start(r, el))) {
		slide_start(r, el);
	}
}

static void on_slide_text(void *arg, const char *s, size_t n)
{
	struct slide_reader *r = arg;

	if (r->in_text && !r->skip) {
		add_text(r, s, n);
	}
}

static void end_text(struct slide_reader *r, const struct xml_element *el)
{
	if (xml_is(el, "p")) {
		r->into = NULL;
		r->paragraph = NULL;
	} else if (xml_is(el, "pPr")) {
		r->in_paragraph_properties = false;
	} else if (xml_is(el, "r") || xml_is(el, "fld")) {
		begin_run(r);
	} else if (xml_is(el, "rPr")) {
		r->in_run_properties = false;
	} else if (xml_is(el, "tc")) {
		r->cell = NULL;
	} else if (xml_is(el, "spPr")) {
		r->in_shape_properties = false;
	} else if (xml_is(el, "lstStyle")) {
		r->in_list_style = false;
	}
}

static void on_slide_end(void *arg, const struct xml_element *el)
{
	struct slide_reader *r = arg;

	r->in_text = false;
	if (r->skip) {
		r->skip = r->skip == el->depth ? 0 : r->skip;
		return;
	}
	if (pptx_is_fill(el) || xml_is(el, "bgRef")) {
		r->takes_color = NULL;
	} else if (level_named(el->name) >= 0) {
		r->list_level = -1;
	} else if (xml_is(el, "grpSp")) {
		end_group(r);
	} else if (xml_is(el, "grpSpPr")) {
		r->in_group_properties = false;
		set_group(r);
	} else if (xml_is(el, "bg")) {
		r->in_background = false;
	} else if (xml_is(el, "bodyStyle")) {
		r->in_body_style = false;
	} else if (r->shape && el->depth == r->shape_depth) {
		place_shape(r);
		r->shape = NULL;
		r->cell = NULL;
	} else if (r->shape) {
		end_text(r, el);
	}
}

void pptx_slide_read(struct pptx *p, struct pptx_slide *s)
{
	static const struct xml_handler HANDLER = {on_slide_start, on_slide_end, on_slide_text};
	struct slide_reader r = {.p = p, .s = s, .list_level = -1};

	s->background = COLOR_UNSAID;
	r.taken = calloc((size_t)p->o.doc->limits->nesting_max + 2, sizeof(*r.taken));
	ASSERT(r.taken != NULL);
	ooxml_must_read(&p->o, s->part, &HANDLER, &r);
	free(r.taken);
}
