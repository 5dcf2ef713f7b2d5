/* What follows from the shapes of a slide, its layout and its master. */
#include <stdlib.h>
#include <string.h>

#include "ingest/pptx.h"

static bool overlap(const struct pptx_box *a, const struct pptx_box *b)
{
	return a->x < b->x + b->w && b->x < a->x + a->w && a->y < b->y + b->h && b->y < a->y + a->h;
}

bool pptx_painted(const struct pptx_slide *s, int n, bool model, const struct pptx_box *b)
{
	for (int i = 0; i < n; i++) {
		const struct pptx_shape *o = &s->shapes[i];
		bool paints = o->picture || o->fill != COLOR_UNSAID || o->chart || o->n_rows;

		if (paints && !(model && o->is_placeholder) &&
			(!o->box.known || overlap(&o->box, b))) {
			return true;
		}
	}
	return false;
}

static const struct pptx_slide *master_of(const struct pptx_slide *s)
{
	while (s->below) {
		s = s->below;
	}
	return s;
}

long pptx_named_color(const struct pptx_slide *s, const char *name)
{
	const struct pptx_slide *master = master_of(s);

	if (name && (strcmp(name, "bg1") == 0 || strcmp(name, "lt1") == 0)) {
		return master->light;
	}
	return name && (strcmp(name, "tx1") == 0 || strcmp(name, "dk1") == 0) ? master->dark
									      : COLOR_UNKNOWN;
}

bool pptx_is_fill(const struct xml_element *el)
{
	static const char *const FILLS[] = {
		"solidFill", "noFill", "gradFill", "blipFill", "pattFill", "grpFill"};

	for (size_t i = 0; i < sizeof(FILLS) / sizeof(FILLS[0]); i++) {
		if (xml_is(el, FILLS[i])) {
			return true;
		}
	}
	return false;
}

bool pptx_is_title(const struct pptx_shape *shape)
{
	return shape->is_placeholder &&
	       (strcmp(shape->type, "title") == 0 || strcmp(shape->type, "ctrTitle") == 0);
}

/* Types that stand for each other on slides, layouts and masters. */
static bool same_type(const struct pptx_shape *a, const struct pptx_shape *b, bool on_master)
{
	if (strcmp(a->type, b->type) == 0 || (pptx_is_title(a) && pptx_is_title(b))) {
		return true;
	}
	return on_master && !pptx_is_title(a) && strcmp(b->type, "body") == 0 &&
	       (strcmp(a->type, "obj") == 0 || strcmp(a->type, "subTitle") == 0);
}

static const struct pptx_shape *find(
	const struct pptx_slide *model, const struct pptx_shape *shape, bool on_master)
{
	const struct pptx_shape *found = NULL;

	for (int i = 0; i < model->n; i++) {
		const struct pptx_shape *o = &model->shapes[i];

		if (!o->is_placeholder) {
			continue;
		}
		if (!on_master && shape->idx >= 0 && o->idx == shape->idx) {
			return o;
		}
		if (!found && same_type(shape, o, on_master)) {
			found = o;
		}
	}
	return found;
}

const struct pptx_shape *pptx_inherited(const struct pptx_slide *s, const struct pptx_shape *shape)
{
	const struct pptx_shape *found = NULL;

	for (s = s->below; shape->is_placeholder && s && !found; s = s->below) {
		found = find(s, shape, s->below == NULL);
	}
	return found;
}

struct pptx_box pptx_box_of(const struct pptx_slide *s, const struct pptx_shape *shape)
{
	struct pptx_box box = shape->box;

	while (!box.known && (shape = pptx_inherited(s, shape)) != NULL) {
		box = shape->box;
		s = s->below;
	}
	return box;
}

static void finish_shape(struct pptx_shape *shape)
{
	for (int i = 0; i < shape->n_paragraphs; i++) {
		flow_finish(&shape->paragraphs[i].text);
	}
	for (int i = 0; i < shape->n_rows; i++) {
		for (int k = 0; k < shape->rows[i].n; k++) {
			flow_finish(&shape->rows[i].cells[k].text);
		}
		free(shape->rows[i].cells);
	}
	for (int i = 0; i < N_ANNOTATION_KINDS; i++) {
		buf_finish(&shape->unseen[i]);
	}
	free(shape->paragraphs);
	free(shape->rows);
}

void pptx_slide_finish(struct pptx_slide *s)
{
	for (int i = 0; i < s->n; i++) {
		finish_shape(&s->shapes[i]);
	}
	free(s->shapes);
	s->shapes = NULL;
	s->n = s->cap = 0;
}
