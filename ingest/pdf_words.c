#include <ctype.h>
#include <math.h>
#include <poppler.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/utf8.h"
#include "ingest/pdf.h"

#define WORD_GAP                                                                                   \
	0.6f /* em; a jump inside one of poppler's words: two cells printed without a space */
#define SEG_GAP 1.5f /* em; more is a gap between cells or columns, not between words */

struct attributes {
	GList *at;
	int first, last; /* characters that `at` is about */
	float size;
	bool bold;
};

static bool font_is_bold(const char *name)
{
	static const char *const WEIGHTS[] = {"bold", "black", "heavy", "demi"};
	char lower[128];
	size_t n = 0;

	for (; name && name[n] && n < sizeof(lower) - 1; n++) {
		lower[n] = (char)tolower((unsigned char)name[n]);
	}
	lower[n] = '\0';
	for (size_t i = 0; i < sizeof(WEIGHTS) / sizeof(WEIGHTS[0]); i++) {
		if (strstr(lower, WEIGHTS[i])) {
			return true;
		}
	}
	return false;
}

static void attributes_seek(struct attributes *a, int character)
{
	while (a->at && character > a->last) {
		const PopplerTextAttributes *t = a->at->data;

		a->first = t->start_index;
		a->last = t->end_index;
		a->size = (float)t->font_size;
		a->bold = font_is_bold(t->font_name);
		if (character > a->last) {
			a->at = a->at->next;
		}
	}
}

struct reading {
	struct pdf_page *page;
	int words_cap, segs_cap;
	int line;
	bool in_word;
	bool after_number;	/* the last character was a digit or ')' */
	bool new_seg;		/* the next word begins one */
	float last_x0, last_x1; /* of the character before */
	int n_bold;		/* characters of the open segment */
	float size_sum;
};

static bool rect_ok(const PopplerRectangle *r)
{
	return isfinite(r->x1) && isfinite(r->x2) && isfinite(r->y1) && isfinite(r->y2) &&
	       fabs(r->x1) < 1e6 && fabs(r->x2) < 1e6 && fabs(r->y1) < 1e6 && fabs(r->y2) < 1e6;
}

static void *grown(void *p, int n, int *cap, size_t size)
{
	if (n < *cap) {
		return p;
	}
	*cap = *cap ? *cap * 2 : 64;
	p = realloc(p, (size_t)*cap * size);
	ASSERT(p != NULL);
	return p;
}

static void widen(float *x0, float *y0, float *x1, float *y1, const PopplerRectangle *r)
{
	*x0 = fminf(*x0, (float)fmin(r->x1, r->x2));
	*x1 = fmaxf(*x1, (float)fmax(r->x1, r->x2));
	*y0 = fminf(*y0, (float)fmin(r->y1, r->y2));
	*y1 = fmaxf(*y1, (float)fmax(r->y1, r->y2));
}

static void begin_word(struct reading *rd, const PopplerRectangle *r, bool glued)
{
	struct pdf_page *p = rd->page;

	if (rd->new_seg) {
		p->segs = grown(p->segs, p->n_segs, &rd->segs_cap, sizeof(*p->segs));
		p->segs[p->n_segs++] = (struct pdf_seg){.x0 = 1e9f,
			.y0 = 1e9f,
			.x1 = -1e9f,
			.y1 = -1e9f,
			.first = p->n_words,
			.line = rd->line};
		rd->new_seg = false;
		rd->n_bold = 0;
		rd->size_sum = 0;
		glued = false;
	}
	p->words = grown(p->words, p->n_words, &rd->words_cap, sizeof(*p->words));
	p->words[p->n_words++] = (struct pdf_word){.x0 = 1e9f,
		.y0 = 1e9f,
		.x1 = -1e9f,
		.y1 = -1e9f,
		.at = (uint32_t)p->text.len,
		.glued = glued};
	p->segs[p->n_segs - 1].n_words++;
	rd->in_word = true;
	rd->last_x0 = (float)r->x1;
	rd->last_x1 = (float)r->x2;
}

static void add_character(struct reading *rd, const char *s, int n, const PopplerRectangle *r,
	const struct attributes *a)
{
	struct pdf_page *p = rd->page;
	struct pdf_word *w = &p->words[p->n_words - 1];
	struct pdf_seg *g = &p->segs[p->n_segs - 1];

	buf_add(&p->text, s, (size_t)n);
	w->n_bytes = (uint16_t)(w->n_bytes + n);
	widen(&w->x0, &w->y0, &w->x1, &w->y1, r);
	widen(&g->x0, &g->y0, &g->x1, &g->y1, r);
	g->n_chars++;
	rd->n_bold += a->bold;
	rd->size_sum += a->size;
	g->bold = rd->n_bold * 10 >= g->n_chars * 9;
	g->size = rd->size_sum / (float)g->n_chars;
	rd->after_number = (s[0] >= '0' && s[0] <= '9') || s[0] == ')';
	rd->last_x0 = (float)fmin(r->x1, r->x2);
	rd->last_x1 = (float)fmax(r->x1, r->x2);
}

/* The space between the last character and this one, whichever way the script runs. */
static float gap_to(const struct reading *rd, const PopplerRectangle *r)
{
	float x0 = (float)fmin(r->x1, r->x2), x1 = (float)fmax(r->x1, r->x2);

	return fmaxf(x0 - rd->last_x1, rd->last_x0 - x1);
}

static void take_character(struct reading *rd, uint32_t c, const char *s, int n,
	const PopplerRectangle *r, const struct attributes *a)
{
	float size = a->size > 1 ? a->size : 1;

	if (c == '\n' || c == '\f') {
		rd->line++;
		rd->in_word = false;
		rd->new_seg = true;
		return;
	}
	if (c <= ' ' || c == 0xa0 || c == 0x3000) {
		rd->in_word = false;
		return;
	}
	if (!rect_ok(r)) {
		return;
	}
	if (!rd->new_seg) {
		float gap = gap_to(rd, r);
		/* "16,639 $ 22,088": the sign belongs to the next cell */
		bool wide = gap > SEG_GAP * size || (c == '$' && !rd->in_word && rd->after_number);

		if (rd->in_word &&
			(gap > WORD_GAP * size ||
				rd->page->words[rd->page->n_words - 1].n_bytes > 60000)) {
			rd->in_word = false;
		}
		rd->new_seg = wide;
		if (!rd->in_word || wide) {
			bool cjk = utf8_is_cjk(c) && gap < 0.15f * size;

			begin_word(rd, r, cjk);
		}
	} else {
		begin_word(rd, r, false);
	}
	add_character(rd, s, n, r, a);
}

/* ── what stands in form fields and text boxes: no part of the page's text in poppler ── */

/* Lines of s share the area's height; their characters its width. */
static void add_boxed_text(struct reading *rd, const char *s, const PopplerRectangle *area)
{
	size_t n = strlen(s), n_lines = 1;
	double top = rd->page->height - fmax(area->y1, area->y2);
	double height = fabs(area->y2 - area->y1), x = fmin(area->x1, area->x2);
	struct attributes plain = {.bold = false};
	double line_height, advance;
	size_t line = 0, column = 0;

	for (size_t i = 0; i < n; i++) {
		n_lines += s[i] == '\n';
	}
	line_height = height / (double)n_lines;
	plain.size = (float)fmin(fmax(line_height * 0.7, 4), 10);
	advance = fmin(plain.size * 0.5, fabs(area->x2 - area->x1) / (double)(n / n_lines + 1));
	rd->line++;
	rd->new_seg = true;
	for (size_t at = 0; at < n;) {
		int used;
		uint32_t c = utf8_decode(s + at, n - at, &used);
		PopplerRectangle r = {x + advance * (double)column,
			top + line_height * (double)line, x + advance * (double)(column + 1),
			top + line_height * (double)(line + 1)};

		take_character(rd, c == '\r' ? '\n' : c, s + at, used, &r, &plain);
		line += c == '\n';
		column = c == '\n' ? 0 : column + 1;
		at += (size_t)used;
	}
}

static char *field_text(PopplerFormField *field)
{
	PopplerFormFieldType type = poppler_form_field_get_field_type(field);

	if (type == POPPLER_FORM_FIELD_TEXT && !poppler_form_field_text_is_password(field)) {
		return poppler_form_field_text_get_text(field);
	}
	if (type == POPPLER_FORM_FIELD_CHOICE) {
		char *typed = poppler_form_field_choice_get_text(field);
		int n = poppler_form_field_choice_get_n_items(field);

		for (int i = 0; i < n && !typed; i++) {
			if (poppler_form_field_choice_is_item_selected(field, i)) {
				return poppler_form_field_choice_get_item(field, i);
			}
		}
		return typed;
	}
	return NULL;
}

static void read_fields(struct reading *rd, PopplerPage *page)
{
	GList *fields = poppler_page_get_form_field_mapping(page);
	GList *notes = poppler_page_get_annot_mapping(page);

	for (GList *at = fields; at; at = at->next) {
		PopplerFormFieldMapping *m = at->data;
		char *text = field_text(m->field);

		if (text) {
			add_boxed_text(rd, text, &m->area);
		}
		g_free(text);
	}
	for (GList *at = notes; at; at = at->next) {
		PopplerAnnotMapping *m = at->data;

		if (poppler_annot_get_annot_type(m->annot) == POPPLER_ANNOT_FREE_TEXT &&
			!(poppler_annot_get_flags(m->annot) & POPPLER_ANNOT_FLAG_HIDDEN)) {
			char *text = poppler_annot_get_contents(m->annot);

			if (text) {
				add_boxed_text(rd, text, &m->area);
			}
			g_free(text);
		}
	}
	poppler_page_free_form_field_mapping(fields);
	poppler_page_free_annot_mapping(notes);
}

void pdf_read_page(PopplerPage *page, struct pdf_page *out)
{
	double width = 0, height = 0;
	PopplerRectangle *rects = NULL;
	guint n_rects = 0;
	char *text = poppler_page_get_text(page);
	GList *list = poppler_page_get_text_attributes(page);
	struct attributes a = {.at = list, .first = 0, .last = -1, .size = 10};
	struct reading rd = {.page = out, .new_seg = true};
	size_t n = text ? strlen(text) : 0;
	guint i = 0;

	memset(out, 0, sizeof(*out));
	poppler_page_get_size(page, &width, &height);
	out->width = isfinite(width) && width > 0 && width < 1e6 ? (float)width : 612;
	out->height = isfinite(height) && height > 0 && height < 1e6 ? (float)height : 792;
	if (!poppler_page_get_text_layout(page, &rects, &n_rects)) {
		n_rects = 0;
	}
	for (size_t at = 0; at < n && i < n_rects; i++) {
		int used;
		uint32_t c = utf8_decode(text + at, n - at, &used);

		attributes_seek(&a, (int)i);
		take_character(&rd, c, text + at, used, &rects[i], &a);
		at += (size_t)used;
	}
	read_fields(&rd, page);
	g_free(rects);
	g_free(text);
	poppler_page_free_text_attributes(list);
}

void pdf_seg_text(const struct pdf_page *p, const struct pdf_seg *s, struct buf *out)
{
	for (int i = 0; i < s->n_words; i++) {
		const struct pdf_word *w = &p->words[s->first + i];

		if (i && !w->glued) {
			buf_char(out, ' ');
		}
		buf_add(out, p->text.data + w->at, w->n_bytes);
	}
}
