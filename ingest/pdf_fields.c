/* What was filled into a form, and text boxes laid over a page: no part of its text in poppler. */
#include <ctype.h>
#include <math.h>
#include <poppler.h>
#include <string.h>

#include "ingest/pdf.h"

#define LABEL_MAX 80	  /* bytes; more is a text, not a label */
#define LABEL_LEFT 200.0f /* points from a field to the label before it */
#define LABEL_ABOVE 14.0f
#define LABEL_RIGHT 30.0f /* from a box that is ticked */

static char *choice_text(PopplerFormField *field)
{
	struct buf all = BUF_INIT;
	char *typed = poppler_form_field_choice_get_text(field);
	int n = poppler_form_field_choice_get_n_items(field);

	if (typed && *typed) {
		return typed;
	}
	g_free(typed);
	for (int i = 0; i < n; i++) {
		if (poppler_form_field_choice_is_item_selected(field, i)) {
			char *item = poppler_form_field_choice_get_item(field, i);

			buf_str(&all, all.len ? ", " : "");
			buf_str(&all, item ? item : "");
			g_free(item);
		}
	}
	typed = g_strdup(all.data ? all.data : "");
	buf_finish(&all);
	return typed;
}

static bool is_ticked(PopplerFormField *field)
{
	return poppler_form_field_get_field_type(field) == POPPLER_FORM_FIELD_BUTTON &&
	       poppler_form_field_button_get_button_type(field) != POPPLER_FORM_BUTTON_PUSH &&
	       poppler_form_field_button_get_state(field);
}

/* NULL or "": empty, or nothing that is said. g_free it. */
static char *field_value(PopplerFormField *field)
{
	PopplerFormFieldType type = poppler_form_field_get_field_type(field);

	if (type == POPPLER_FORM_FIELD_TEXT && !poppler_form_field_text_is_password(field)) {
		return poppler_form_field_text_get_text(field);
	}
	if (type == POPPLER_FORM_FIELD_CHOICE) {
		return choice_text(field);
	}
	return is_ticked(field) ? g_strdup("checked") : NULL;
}

/* An area of poppler's, whose origin is at the bottom, as a box on the page. */
static struct box box_of(const PopplerRectangle *r, const struct pdf_page *p)
{
	return (struct box){.x0 = (float)fmin(r->x1, r->x2),
		.y0 = p->height - (float)fmax(r->y1, r->y2),
		.x1 = (float)fmax(r->x1, r->x2),
		.y1 = p->height - (float)fmin(r->y1, r->y2)};
}

/* How far the segment is from the field as its label; -1: it is none. */
static float label_distance(const struct pdf_seg *s, const struct box *b, bool ticked)
{
	bool beside = fminf(s->y1, b->y1) - fmaxf(s->y0, b->y0) >
		      0.5f * fminf(s->y1 - s->y0, b->y1 - b->y0);
	float left = b->x0 - s->x1, right = s->x0 - b->x1, above = b->y0 - s->y1;

	if (beside && ticked && right > -2 && right < LABEL_RIGHT) {
		return fmaxf(right, 0);
	}
	if (beside && left > -2 && left < LABEL_LEFT) {
		return LABEL_RIGHT + fmaxf(left, 0);
	}
	if (above > -3 && above < LABEL_ABOVE && s->x0 < b->x1 && s->x1 > b->x0) {
		return LABEL_RIGHT + LABEL_LEFT + fmaxf(above, 0);
	}
	return -1;
}

/* The words on the page that name the field. */
static void add_label(const struct pdf_page *p, const struct box *b, bool ticked, struct buf *out)
{
	const struct pdf_seg *best = NULL;
	float nearest = 1e9f;

	for (int i = 0; i < p->n_segs; i++) {
		float d = label_distance(&p->segs[i], b, ticked);

		if (d >= 0 && d < nearest) {
			nearest = d;
			best = &p->segs[i];
		}
	}
	if (best) {
		pdf_seg_text(p, best, out);
	}
	while (out->len && strchr(" :._*", out->data[out->len - 1])) {
		out->data[--out->len] = '\0';
	}
	if (out->len > LABEL_MAX) {
		buf_clear(out);
	}
}

/* Its name for people, the label that stands by it, its name for programs: the first there is. */
static void add_name(
	const struct pdf_page *p, PopplerFormField *field, const struct box *b, struct buf *out)
{
	char *name = poppler_form_field_get_alternate_ui_name(field);

	if (!name || !*name) {
		g_free(name);
		name = NULL;
		add_label(p, b, is_ticked(field), out);
	}
	if (!out->len) {
		name = name ? name : poppler_form_field_get_name(field);
		buf_str(out, name ? name : "");
	}
	g_free(name);
}

static void write_field(const PopplerFormFieldMapping *m, const struct pdf_page *p, struct draft *d)
{
	char *value = field_value(m->field);
	struct box box = box_of(&m->area, p);
	struct buf line = BUF_INIT;

	if (value && *value) {
		add_name(p, m->field, &box, &line);
		buf_str(&line, line.len ? ": " : "");
		buf_str(&line, value);
		draft_block(d, BLOCK_PARAGRAPH, 0);
		draft_line(d, line.data, line.len, &box);
	}
	buf_finish(&line);
	g_free(value);
}

/* Its lines share the area's height. */
static void write_text_box(const char *s, const struct box *area, struct draft *d)
{
	float height = area->y1 - area->y0;
	int n = 1, i = 0;

	for (const char *p = s; *p; p++) {
		n += *p == '\n' || *p == '\r';
	}
	draft_block(d, BLOCK_PARAGRAPH, 0);
	for (; *s; i++) {
		size_t len = strcspn(s, "\r\n");
		struct box box = {.x0 = area->x0,
			.y0 = area->y0 + height * (float)i / (float)n,
			.x1 = area->x1,
			.y1 = area->y0 + height * (float)(i + 1) / (float)n};

		draft_line(d, s, len, &box);
		s += len + (s[len] != '\0');
	}
}

static bool is_text_box(PopplerAnnot *a)
{
	return poppler_annot_get_annot_type(a) == POPPLER_ANNOT_FREE_TEXT &&
	       !(poppler_annot_get_flags(a) & POPPLER_ANNOT_FLAG_HIDDEN);
}

bool pdf_has_fields(PopplerPage *page)
{
	GList *fields = poppler_page_get_form_field_mapping(page);
	GList *notes = poppler_page_get_annot_mapping(page);
	bool any = false;

	for (GList *at = fields; at && !any; at = at->next) {
		char *value = field_value(((PopplerFormFieldMapping *)at->data)->field);

		any = value && *value;
		g_free(value);
	}
	for (GList *at = notes; at && !any; at = at->next) {
		any = is_text_box(((PopplerAnnotMapping *)at->data)->annot);
	}
	poppler_page_free_form_field_mapping(fields);
	poppler_page_free_annot_mapping(notes);
	return any;
}

void pdf_write_fields(PopplerPage *page, const struct pdf_page *p, struct draft *d)
{
	GList *fields = poppler_page_get_form_field_mapping(page);
	GList *notes = poppler_page_get_annot_mapping(page);

	/* This list is in the reverse of the document's order. */
	for (GList *at = g_list_last(fields); at; at = at->prev) {
		write_field(at->data, p, d);
	}
	for (GList *at = notes; at; at = at->next) {
		PopplerAnnotMapping *m = at->data;

		if (is_text_box(m->annot)) {
			char *text = poppler_annot_get_contents(m->annot);
			struct box area = box_of(&m->area, p);

			if (text) {
				write_text_box(text, &area, d);
			}
			g_free(text);
		}
	}
	poppler_page_free_form_field_mapping(fields);
	poppler_page_free_annot_mapping(notes);
}
