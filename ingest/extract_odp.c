/* Presentations of OpenDocument: a page a slide that is shown, blocks with the place of their
 * shape, the speaker's notes after the slide. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/odf.h"

#define PAINTED_MAX 256 /* shapes of one slide that text may stand on */
#define STEPS_MAX 16	/* of a transformation */

struct deck {
	double width, height; /* of the open slide */
	int n_slides;
	struct flow title;
	struct box painted[PAINTED_MAX];
	int n_painted;
};

/* ── where a shape is ── */

struct point {
	double x, y;
};

/* draw:transform="rotate (-0.5) translate (2cm 3cm)", in this order (part 3, 19.228). */
static void transform(const char *s, struct point *p, int n)
{
	for (int step = 0; step < STEPS_MAX && *s; step++) {
		const char *open = strchr(s, '('), *second;
		double angle;

		s += strspn(s, " ,)");
		if (!open || !*s) {
			return;
		}
		second = open + 1 + strspn(open + 1, " ");
		second += strcspn(second, " ,)");
		second += strspn(second, " ,");
		if (strncmp(s, "rotate", 6) == 0) {
			angle = strtod(open + 1, NULL);
			for (int i = 0; i < n; i++) {
				struct point was = p[i];

				p[i].x = was.x * cos(angle) + was.y * sin(angle);
				p[i].y = was.y * cos(angle) - was.x * sin(angle);
			}
		} else if (strncmp(s, "translate", 9) == 0) {
			for (int i = 0; i < n; i++) {
				p[i].x += odf_points(open + 1 + strspn(open + 1, " "));
				p[i].y += odf_points(second);
			}
		}
		s = strchr(open, ')');
		s = s ? s + 1 : "";
	}
}

/* false: it says nothing of its place. */
static bool place_of(const struct xml_element *el, struct box *box)
{
	const char *moved = xml_attr(el, "transform");
	double x = odf_points(xml_attr(el, "x")), y = odf_points(xml_attr(el, "y"));
	double x1 = x + odf_points(xml_attr(el, "width"));
	double y1 = y + odf_points(xml_attr(el, "height"));
	struct point p[4] = {{x, y}, {x1, y}, {x, y1}, {x1, y1}};

	if (xml_attr(el, "x1")) {
		p[0] = p[2] = (struct point){
			odf_points(xml_attr(el, "x1")), odf_points(xml_attr(el, "y1"))};
		p[1] = p[3] = (struct point){
			odf_points(xml_attr(el, "x2")), odf_points(xml_attr(el, "y2"))};
	}
	if (moved) {
		transform(moved, p, 4);
	}
	*box = (struct box){
		.x0 = (float)p[0].x, .y0 = (float)p[0].y, .x1 = (float)p[0].x, .y1 = (float)p[0].y};
	for (int i = 1; i < 4; i++) {
		box->x0 = fminf(box->x0, (float)p[i].x);
		box->y0 = fminf(box->y0, (float)p[i].y);
		box->x1 = fmaxf(box->x1, (float)p[i].x);
		box->y1 = fmaxf(box->y1, (float)p[i].y);
	}
	return box->x0 < box->x1 && box->y0 < box->y1;
}

static bool overlap(const struct box *a, const struct box *b)
{
	return a->x0 < b->x1 && b->x0 < a->x1 && a->y0 < b->y1 && b->y0 < a->y1;
}

/* ── slides ── */

static void begin_page(struct odf *o, const struct xml_element *el, struct odf_frame *f)
{
	struct deck *deck = o->arg;
	const struct odf_style *s = odf_style(o, "drawing-page", xml_attr(el, "style-name"));
	const struct odf_style *master =
		odf_style(o, "master-page", xml_attr(el, "master-page-name"));
	const struct odf_style *layout =
		master ? odf_style(o, "page-layout", master->layout) : NULL;
	const char *name = xml_attr(el, "name");

	draft_progress(o->d, ++deck->n_slides, 0);
	if (s && s->hidden > 0) {
		odf_aside(o, f, ANNOTATION_HIDDEN_PART);
		return;
	}
	deck->width = layout ? layout->width : 0;
	deck->height = layout ? layout->height : 0;
	deck->n_painted = 0;
	draft_page(o->d, deck->width, deck->height);
	/* "page3" is what the program called it. */
	if (name && !(strncmp(name, "page", 4) == 0 &&
			    strspn(name + 4, "0123456789") == strlen(name + 4))) {
		draft_page_label(o->d, name, strlen(name));
	}
	f->page = true;
	f->look.ground = master && master->painted			    ? ODF_UNKNOWN
			 : s && s->fill != ODF_UNSET && s->fill != ODF_NONE ? s->fill
			 : master && master->fill != ODF_UNSET && master->fill != ODF_NONE
				 ? master->fill
				 : 0xffffff;
}

static void begin_notes(struct odf *o, struct odf_frame *f)
{
	if (!f->container) {
		f->container = &o->note;
		f->look = (struct odf_look){ODF_NONE, ODF_UNKNOWN, f->look.size, false};
		f->speech = true;
	}
}

static void end_notes(struct odf *o)
{
	if (!flow_is_blank(&o->note)) {
		flow_lead(&o->note, "Speaker notes: ");
	}
	flow_write(&o->note, o->d, BLOCK_NOTE, 0, NULL);
}

/* ── shapes ── */

/* What is under text without a ground of its own: the slide, or it cannot be told. */
static void judge_ground(struct odf *o, struct odf_frame *f)
{
	struct deck *deck = o->arg;
	bool transparent = f->look.ground == f[-1].look.ground && f->tag != ODF_DRAW_IMAGE;

	for (int i = 0; transparent && i < deck->n_painted; i++) {
		if (overlap(&deck->painted[i], &o->box)) {
			f->look.ground = ODF_UNKNOWN;
			return;
		}
	}
	if (!transparent && deck->n_painted < PAINTED_MAX) {
		deck->painted[deck->n_painted++] = o->box;
	}
	if (deck->n_painted == PAINTED_MAX) {
		f->look.ground = ODF_UNKNOWN;
	}
}

static bool is_furniture(const char *class)
{
	static const char *const NAMES[] = {"footer", "header", "date-time", "page-number", "page"};

	for (size_t i = 0; class && i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		if (strcmp(class, NAMES[i]) == 0) {
			return true;
		}
	}
	return false;
}

static void begin_shape(struct odf *o, const struct xml_element *el, struct odf_frame *f)
{
	struct deck *deck = o->arg;
	const char *class = xml_attr_in(el, "presentation", "class");
	const char *placeholder = xml_attr(el, "placeholder");

	if (is_furniture(class) || (placeholder && strcmp(placeholder, "true") == 0)) {
		f->skipped = true;
		return;
	}
	if (f->container == &o->note) {
		return;
	}
	if (!o->has_box && place_of(el, &o->box)) {
		o->has_box = true;
		f->box = true;
		if (deck->width > 0 &&
			(o->box.x1 <= 0 || o->box.y1 <= 0 || o->box.x0 >= deck->width ||
				o->box.y0 >= deck->height)) {
			odf_aside(o, f, ANNOTATION_HIDDEN_PLACE);
		}
	}
	if (o->has_box && (f->box || f->tag == ODF_DRAW_IMAGE)) {
		judge_ground(o, f);
	}
	if (class && strcmp(class, "title") == 0 && !f->container) {
		f->container = &deck->title;
		f->title = true;
	}
}

static void end_title(struct odf *o)
{
	struct deck *deck = o->arg;
	struct flow *title = &deck->title;

	if (!flow_is_blank(title)) {
		draft_page_label(o->d, title->text.data, title->text.len);
		draft_title(o->d, title->text.data, title->text.len);
	}
	flow_write(title, o->d, BLOCK_HEADING, 1, o->has_box ? &o->box : NULL);
}

static void on_start(
	struct odf *o, enum odf_tag tag, const struct xml_element *el, struct odf_frame *f)
{
	if (tag == ODF_DRAW_PAGE && f[-1].tag == ODF_OFFICE_PRESENTATION) {
		begin_page(o, el, f);
	} else if (tag == ODF_PRESENTATION_NOTES) {
		begin_notes(o, f);
	} else if (odf_in(el, "draw")) {
		begin_shape(o, el, f);
	} else {
		odf_table_start(o, tag, el, f);
	}
}

static void on_end(struct odf *o, struct odf_frame *f)
{
	if (f->title) {
		end_title(o);
	}
	if (f->box) {
		o->has_box = false;
	}
	if (f->speech) {
		end_notes(o);
	}
	odf_table_end(o, f);
}

void extract_odp(struct document *doc, struct draft *d)
{
	static const struct odf_kind PRESENTATION = {.root = ODF_OFFICE_PRESENTATION,
		.child = ODF_DRAW_PAGE,
		.on_start = on_start,
		.on_end = on_end};
	struct deck deck = {0};

	odf_read(doc, d, &PRESENTATION, &deck);
}
