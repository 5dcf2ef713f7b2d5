/* What a PDF says beside its text: properties, page labels, links, comments, files inside. */
#include <math.h>
#include <poppler.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/pdf.h"

/* ── of the document ── */

static void add_property(struct draft *d, const char *name, char *value)
{
	struct buf line = BUF_INIT;

	if (value && *value) {
		buf_printf(&line, "%s: %s", name, value);
		draft_annotate(d, ANNOTATION_PROPERTY, 0, 0, line.data, line.len);
	}
	buf_finish(&line);
	g_free(value);
}

static char *day(GDateTime *t)
{
	char *s = t ? g_date_time_format(t, "%Y-%m-%d") : NULL;

	if (t) {
		g_date_time_unref(t);
	}
	return s;
}

void pdf_write_properties(PopplerDocument *pdf, struct draft *d)
{
	add_property(d, "Author", poppler_document_get_author(pdf));
	add_property(d, "Subject", poppler_document_get_subject(pdf));
	add_property(d, "Keywords", poppler_document_get_keywords(pdf));
	add_property(d, "Created", day(poppler_document_get_creation_date_time(pdf)));
	add_property(d, "Modified", day(poppler_document_get_modification_date_time(pdf)));
	if (poppler_document_has_javascript(pdf)) {
		add_property(d, "Scripts", g_strdup("JavaScript, which was not run"));
	}
}

/* ── files inside ── */

static gboolean on_bytes(const gchar *p, gsize n, gpointer arg, GError **error)
{
	struct buf *out = arg;

	(void)error;
	buf_add(out, p, n);
	return !out->over;
}

static void take_attachment(PopplerAttachment *a, const char *name, struct draft *d)
{
	/* One byte more than may be taken: draft_child sees that it is too much. */
	struct buf bytes = {.limit = d->children_bytes_max + 1};

	if (!name || !*name) {
		name = poppler_attachment_get_name(a);
	}
	(void)poppler_attachment_save_to_callback(a, on_bytes, &bytes, NULL);
	draft_child(d, name ? name : "", bytes.data ? bytes.data : "",
		bytes.over ? d->children_bytes_max + 1 : bytes.len);
	buf_finish(&bytes);
}

void pdf_write_attachments(PopplerDocument *pdf, struct draft *d)
{
	GList *all = poppler_document_has_attachments(pdf) ? poppler_document_get_attachments(pdf)
							   : NULL;

	for (GList *at = all; at; at = at->next) {
		take_attachment(at->data, NULL, d);
		g_object_unref(at->data);
	}
	g_list_free(all);
}

/* ── of a page ── */

/* The bytes of the lines that an area covers: none where it covers none. */
static void covered(const struct pdf_placed *placed, const PopplerRectangle *r, float height,
	const struct draft *d, uint32_t *start, uint32_t *end)
{
	float x0 = (float)fmin(r->x1, r->x2), x1 = (float)fmax(r->x1, r->x2);
	float y0 = height - (float)fmax(r->y1, r->y2), y1 = height - (float)fmin(r->y1, r->y2);

	*start = *end = draft_at(d);
	for (int i = 0; i < placed->n; i++) {
		const struct box *l = &placed->lines[i];
		float middle = (l->y0 + l->y1) / 2;

		if (middle > y0 && middle < y1 && l->x0 < x1 && l->x1 > x0) {
			*start = *start == *end ? (uint32_t)l->byte_start : *start;
			*end = (uint32_t)l->byte_end;
		}
	}
}

static void write_links(PopplerPage *page, const struct pdf_page *p,
	const struct pdf_placed *placed, struct draft *d)
{
	GList *links = poppler_page_get_link_mapping(page);

	for (GList *at = g_list_last(links); at; at = at->prev) {
		const PopplerLinkMapping *m = at->data;
		uint32_t start, end;

		if (m->action && m->action->type == POPPLER_ACTION_URI && m->action->uri.uri) {
			covered(placed, &m->area, p->height, d, &start, &end);
			draft_annotate(d, ANNOTATION_LINK, start, end, m->action->uri.uri,
				strlen(m->action->uri.uri));
		}
	}
	poppler_page_free_link_mapping(links);
}

/* Its text is its own affair, or no comment. */
static bool no_comment(PopplerAnnot *a)
{
	switch (poppler_annot_get_annot_type(a)) {
	case POPPLER_ANNOT_LINK:
	case POPPLER_ANNOT_WIDGET:
	case POPPLER_ANNOT_POPUP: /* its parent has the words */
	case POPPLER_ANNOT_FILE_ATTACHMENT:
		return true;
	case POPPLER_ANNOT_FREE_TEXT:
		return !(poppler_annot_get_flags(a) & POPPLER_ANNOT_FLAG_HIDDEN);
	default:
		return false;
	}
}

static void write_comment(const PopplerAnnotMapping *m, const struct pdf_page *p,
	const struct pdf_placed *placed, struct draft *d)
{
	char *text = poppler_annot_get_contents(m->annot), *author = NULL;
	struct buf line = BUF_INIT;
	uint32_t start, end;

	if (text && *text) {
		if (POPPLER_IS_ANNOT_MARKUP(m->annot)) {
			author = poppler_annot_markup_get_label(POPPLER_ANNOT_MARKUP(m->annot));
		}
		covered(placed, &m->area, p->height, d, &start, &end);
		buf_printf(
			&line, "%s%s%s", author ? author : "", author && *author ? ": " : "", text);
		draft_annotate(d, ANNOTATION_COMMENT, start, end, line.data, line.len);
	}
	buf_finish(&line);
	g_free(author);
	g_free(text);
}

static void write_annotations(PopplerPage *page, const struct pdf_page *p,
	const struct pdf_placed *placed, struct draft *d)
{
	GList *all = poppler_page_get_annot_mapping(page);

	for (GList *at = all; at; at = at->next) {
		const PopplerAnnotMapping *m = at->data;

		if (poppler_annot_get_annot_type(m->annot) == POPPLER_ANNOT_FILE_ATTACHMENT) {
			PopplerAnnotFileAttachment *file = POPPLER_ANNOT_FILE_ATTACHMENT(m->annot);
			PopplerAttachment *a = poppler_annot_file_attachment_get_attachment(file);

			if (a) {
				take_attachment(a, NULL, d);
				g_object_unref(a);
			}
		}
		if (!no_comment(m->annot)) {
			write_comment(m, p, placed, d);
		}
	}
	poppler_page_free_annot_mapping(all);
}

static void write_label(PopplerPage *page, struct draft *d)
{
	char *label = poppler_page_get_label(page);
	char number[16];

	snprintf(number, sizeof(number), "%d", poppler_page_get_index(page) + 1);
	if (label && strcmp(label, number) != 0) {
		draft_page_label(d, label, strlen(label));
	}
	g_free(label);
}

void pdf_write_beside(PopplerPage *page, const struct pdf_page *p, const struct pdf_placed *placed,
	struct draft *d)
{
	write_label(page, d);
	write_links(page, p, placed, d);
	write_annotations(page, p, placed, d);
	for (int i = 0; i < PDF_N_HIDDEN; i++) {
		const struct buf *text = &p->hidden[i];

		if (text->len) {
			draft_annotate(d, (enum annotation_kind)(ANNOTATION_HIDDEN_COLOR + i),
				draft_at(d), draft_at(d), text->data, text->len);
		}
	}
}
