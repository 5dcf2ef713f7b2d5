#include <ctype.h>
#include <math.h>
#include <poppler.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
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

/* A character's, its corners in order. */
struct place {
	float x0, y0, x1, y1;
};

struct reading {
	struct pdf_page *page;
	int words_cap, segs_cap;
	int line;
	bool in_word;
	bool after_number; /* the last character was a digit or ')' */
	bool new_seg;	   /* the next word begins one */
	struct place last; /* of the character before */
	int n_bold;	   /* characters of the open segment */
	float size_sum;
};

static float least(float a, float b)
{
	return a < b ? a : b;
}

static float most(float a, float b)
{
	return a > b ? a : b;
}

/* false: at no place that a page has, or at none at all (NaN). */
static bool find_place(const PopplerRectangle *r, struct place *out)
{
	*out = (struct place){(float)pdf_least(r->x1, r->x2), (float)pdf_least(r->y1, r->y2),
		(float)pdf_most(r->x1, r->x2), (float)pdf_most(r->y1, r->y2)};
	return fabs(r->x1) < 1e6 && fabs(r->x2) < 1e6 && fabs(r->y1) < 1e6 && fabs(r->y2) < 1e6;
}

/* What is known once all of the last segment's words are there. */
static void end_seg(struct reading *rd)
{
	struct pdf_page *p = rd->page;
	struct pdf_seg *g = p->n_segs ? &p->segs[p->n_segs - 1] : NULL;

	for (int i = 0; g && i < g->n_words; i++) {
		const struct pdf_word *w = &p->words[g->first + i];

		g->x0 = least(g->x0, w->x0);
		g->y0 = least(g->y0, w->y0);
		g->x1 = most(g->x1, w->x1);
		g->y1 = most(g->y1, w->y1);
	}
	if (g) {
		g->bold = rd->n_bold * 10 >= g->n_chars * 9;
		g->size = rd->size_sum / (float)g->n_chars;
		g->turned = g->n_chars > 2 && g->y1 - g->y0 > 2.5f * g->size &&
			    g->x1 - g->x0 < 0.7f * (g->y1 - g->y0);
	}
}

static void begin_word(struct reading *rd, bool glued)
{
	struct pdf_page *p = rd->page;

	if (rd->new_seg) {
		end_seg(rd);
		p->segs = array_grow(p->segs, p->n_segs, &rd->segs_cap, sizeof(*p->segs));
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
	p->words = array_grow(p->words, p->n_words, &rd->words_cap, sizeof(*p->words));
	p->words[p->n_words++] = (struct pdf_word){.x0 = 1e9f,
		.y0 = 1e9f,
		.x1 = -1e9f,
		.y1 = -1e9f,
		.at = (uint32_t)p->text.len,
		.glued = glued};
	p->segs[p->n_segs - 1].n_words++;
	rd->in_word = true;
}

static void add_character(struct reading *rd, const char *s, int n, const struct place *at,
	const struct attributes *a)
{
	struct pdf_page *p = rd->page;
	struct pdf_word *w = &p->words[p->n_words - 1];

	buf_add(&p->text, s, (size_t)n);
	w->n_bytes = (uint16_t)(w->n_bytes + n);
	w->x0 = least(w->x0, at->x0);
	w->y0 = least(w->y0, at->y0);
	w->x1 = most(w->x1, at->x1);
	w->y1 = most(w->y1, at->y1);
	p->segs[p->n_segs - 1].n_chars++;
	rd->n_bold += a->bold;
	rd->size_sum += a->size;
	rd->after_number = (s[0] >= '0' && s[0] <= '9') || s[0] == ')';
	rd->last = *at;
}

/* Poppler ends a line without saying so where a column's next row follows ("40,488 $", then "1,491"
 * below). Text that runs up or down the page stands in one column. */
static bool on_other_line(const struct place *last, const struct place *at, float size)
{
	float beside = least(at->x1, last->x1) - most(at->x0, last->x0);
	float apart = most(at->y0 - last->y1, last->y0 - at->y1);
	bool below = beside > 0.5f * least(at->x1 - at->x0, last->x1 - last->x0);

	return apart > 0 && !(below && apart < size);
}

/* The space between the last character and this one, whichever way the script runs. */
static float gap_to(const struct place *last, const struct place *at)
{
	return (float)pdf_most(at->x0 - last->x1, last->x0 - at->x1);
}

static void take_character(struct reading *rd, const struct pdf_char *c, const struct place *at,
	const struct attributes *a)
{
	float size = a->size > 1 ? a->size : 1;

	if (!rd->new_seg && on_other_line(&rd->last, at, size)) {
		rd->line++;
		rd->in_word = false;
		rd->new_seg = true;
	}
	if (!rd->new_seg) {
		float gap = gap_to(&rd->last, at);
		/* "16,639 $ 22,088": the sign belongs to the next cell */
		bool wide = gap > SEG_GAP * size ||
			    (c->code == '$' && !rd->in_word && rd->after_number);

		if (rd->in_word &&
			(gap > WORD_GAP * size ||
				rd->page->words[rd->page->n_words - 1].n_bytes > 60000)) {
			rd->in_word = false;
		}
		rd->new_seg = wide;
		if (!rd->in_word || wide) {
			begin_word(rd, utf8_is_cjk(c->code) && gap < 0.15f * size);
		}
	} else {
		begin_word(rd, false);
	}
	add_character(rd, c->s, c->n_bytes, at, a);
}

/* Whether the character is drawn; what stands between words and lines is not. */
static bool ends_word(struct reading *rd, uint32_t c)
{
	if (c == '\n' || c == '\f') {
		rd->line++;
		rd->new_seg = true;
	}
	if (c <= ' ' || c == 0xa0 || c == 0x3000) {
		rd->in_word = false;
		return true;
	}
	return false;
}

static void take_hidden(struct reading *rd, const struct pdf_char *c, uint8_t kind, bool goes_on)
{
	struct buf *to = &rd->page->hidden[kind - ANNOTATION_HIDDEN_COLOR];

	if (to->len && !goes_on) {
		buf_char(to, ' ');
	}
	buf_add(to, c->s, (size_t)c->n_bytes);
	rd->in_word = false;
}

void pdf_read_page(PopplerPage *page, struct pdf_suspicion *suspicion, struct pdf_page *out)
{
	double width = 0, height = 0;
	struct pdf_chars chars;
	struct pdf_char c = {0};
	struct attributes a;
	struct reading rd = {.page = out, .new_seg = true};
	struct place at;
	bool drawn;
	int last_hidden = -2;

	pdf_load_chars(page, &chars);
	a = (struct attributes){.at = chars.attributes, .first = 0, .last = -1, .size = 10};
	memset(out, 0, sizeof(*out));
	poppler_page_get_size(page, &width, &height);
	out->width = isfinite(width) && width > 0 && width < 1e6 ? (float)width : 612;
	out->height = isfinite(height) && height > 0 && height < 1e6 ? (float)height : 792;
	pdf_find_hidden(page, suspicion, &chars);
	while (pdf_char_next(&chars, &c)) {
		attributes_seek(&a, c.i);
		if (chars.hidden[c.i]) {
			take_hidden(&rd, &c, chars.hidden[c.i], c.i == last_hidden + 1);
			last_hidden = c.i;
			continue;
		}
		drawn = find_place(&chars.rects[c.i], &at);
		/* At the start of a line poppler forgets the space between such words. */
		if (c.marked && rd.in_word && gap_to(&rd.last, &at) > 0.1f * a.size) {
			rd.in_word = false;
		}
		if (!ends_word(&rd, c.code) && drawn) {
			take_character(&rd, &c, &at, &a);
		}
	}
	end_seg(&rd);
	pdf_drop_chars(&chars);
}

void pdf_forget_page(struct pdf_page *p)
{
	for (int i = 0; i < PDF_N_HIDDEN; i++) {
		buf_finish(&p->hidden[i]);
	}
	buf_finish(&p->text);
	free(p->words);
	free(p->segs);
	free(p->rows);
	free(p->by_row);
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
