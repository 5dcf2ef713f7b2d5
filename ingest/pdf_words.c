#include <ctype.h>
#include <math.h>
#include <poppler.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/hash.h"
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
	float last_y0, last_y1;
	int n_bold; /* characters of the open segment */
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
	g->turned = g->n_chars > 2 && g->y1 - g->y0 > 2.5f * g->size &&
		    g->x1 - g->x0 < 0.7f * (g->y1 - g->y0);
	rd->after_number = (s[0] >= '0' && s[0] <= '9') || s[0] == ')';
	rd->last_x0 = (float)fmin(r->x1, r->x2);
	rd->last_x1 = (float)fmax(r->x1, r->x2);
	rd->last_y0 = (float)fmin(r->y1, r->y2);
	rd->last_y1 = (float)fmax(r->y1, r->y2);
}

/* Poppler ends a line without saying so where a column's next row follows ("40,488 $", then "1,491"
 * below). Text that runs up or down the page stands in one column. */
static bool on_other_line(const struct reading *rd, const PopplerRectangle *r)
{
	float x0 = (float)fmin(r->x1, r->x2), x1 = (float)fmax(r->x1, r->x2);
	float y0 = (float)fmin(r->y1, r->y2), y1 = (float)fmax(r->y1, r->y2);
	float beside = fminf(x1, rd->last_x1) - fmaxf(x0, rd->last_x0);
	float apart = fmaxf(y0 - rd->last_y1, rd->last_y0 - y1);
	bool below = beside > 0.5f * fminf(x1 - x0, rd->last_x1 - rd->last_x0);

	return apart > 0 && !(below && apart < 0.5f * (y1 - y0));
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
	if (!rd->new_seg && on_other_line(rd, r)) {
		rd->line++;
		rd->in_word = false;
		rd->new_seg = true;
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

/* ── characters ── */

static bool is_mark(uint32_t c)
{
	return (c >= 0x202a && c <= 0x202e) || c == 0x200e || c == 0x200f;
}

bool pdf_char_next(const struct pdf_chars *chars, struct pdf_char *c)
{
	bool first = c->s == NULL;

	do {
		if (c->next >= chars->n_bytes) {
			return false;
		}
		c->s = chars->text + c->next;
		c->code = utf8_decode(c->s, chars->n_bytes - c->next, &c->n_bytes);
		c->next += (size_t)c->n_bytes;
	} while (chars->marks && is_mark(c->code));
	c->i = first ? 0 : c->i + 1;
	return c->i < chars->n;
}

/* Around text that runs right to left poppler's text has marks, its layout has not. */
static bool has_marks(const struct pdf_chars *chars)
{
	int n = 0, n_marks = 0, used;

	for (size_t at = 0; at < chars->n_bytes; at += (size_t)used) {
		n_marks += is_mark(utf8_decode(chars->text + at, chars->n_bytes - at, &used));
		n++;
	}
	return n != chars->n && n - n_marks <= chars->n;
}

static void load_chars(PopplerPage *page, struct pdf_chars *out)
{
	guint n_rects = 0;

	memset(out, 0, sizeof(*out));
	out->text = poppler_page_get_text(page);
	out->n_bytes = out->text ? strlen(out->text) : 0;
	if (poppler_page_get_text_layout(page, &out->rects, &n_rects)) {
		out->n = (int)n_rects;
	}
	out->attributes = poppler_page_get_text_attributes(page);
	out->marks = has_marks(out);
	out->hidden = calloc((size_t)out->n + 1, 1);
	ASSERT(out->hidden != NULL);
}

static void drop_chars(struct pdf_chars *chars)
{
	free(chars->hidden);
	g_free(chars->rects);
	g_free(chars->text);
	poppler_page_free_text_attributes(chars->attributes);
}

void pdf_read_page(PopplerPage *page, struct pdf_suspicion *suspicion, struct pdf_page *out)
{
	double width = 0, height = 0;
	struct pdf_chars chars;
	struct pdf_char c = {0};
	struct attributes a;
	struct reading rd = {.page = out, .new_seg = true};
	int last_hidden = -2;

	load_chars(page, &chars);
	a = (struct attributes){.at = chars.attributes, .first = 0, .last = -1, .size = 10};
	memset(out, 0, sizeof(*out));
	poppler_page_get_size(page, &width, &height);
	out->width = isfinite(width) && width > 0 && width < 1e6 ? (float)width : 612;
	out->height = isfinite(height) && height > 0 && height < 1e6 ? (float)height : 792;
	pdf_find_hidden(page, suspicion, &chars);
	while (pdf_char_next(&chars, &c)) {
		uint8_t kind = chars.hidden[c.i];

		attributes_seek(&a, c.i);
		if (kind) {
			struct buf *to = &out->hidden[kind - ANNOTATION_HIDDEN_COLOR];

			if (to->len && c.i != last_hidden + 1) {
				buf_char(to, ' ');
			}
			buf_add(to, c.s, (size_t)c.n_bytes);
			last_hidden = c.i;
			rd.in_word = false;
		} else {
			take_character(&rd, c.code, c.s, c.n_bytes, &chars.rects[c.i], &a);
		}
	}
	drop_chars(&chars);
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

/* ── what lies outside of the page ── */

static int by_hash(const void *pa, const void *pb)
{
	uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;

	return a < b ? -1 : a > b;
}

/* Hashes of the words of s, sorted; the caller's to free. */
static uint64_t *word_hashes(const char *s, size_t *n)
{
	uint64_t *all = calloc(strlen(s) / 2 + 1, sizeof(*all));

	ASSERT(all != NULL);
	for (*n = 0; *(s += strspn(s, " \n\f"));) {
		size_t len = strcspn(s, " \n\f");

		all[(*n)++] = hash64(s, len);
		s += len;
	}
	qsort(all, *n, sizeof(*all), by_hash);
	return all;
}

static bool is_larger(PopplerPage *page, PopplerPage *uncropped)
{
	PopplerRectangle a, b;

	poppler_page_get_crop_box(page, &a);
	poppler_page_get_crop_box(uncropped, &b);
	return b.x1 < a.x1 - 1 || b.y1 < a.y1 - 1 || b.x2 > a.x2 + 1 || b.y2 > a.y2 + 1;
}

void pdf_read_outside(PopplerPage *page, const struct pdf_suspicion *suspicion, struct buf *out)
{
	PopplerPage *uncropped = suspicion->uncropped
					 ? poppler_document_get_page(suspicion->uncropped,
						   poppler_page_get_index(page))
					 : NULL;

	if (uncropped && is_larger(page, uncropped)) {
		char *shown = poppler_page_get_text(page), *all = poppler_page_get_text(uncropped);
		const char *s = all ? all : "";
		size_t n;
		uint64_t *hashes = word_hashes(shown ? shown : "", &n);

		while (*(s += strspn(s, " \n\f"))) {
			size_t len = strcspn(s, " \n\f");
			uint64_t hash = hash64(s, len);

			if (!bsearch(&hash, hashes, n, sizeof(*hashes), by_hash)) {
				buf_str(out, out->len ? " " : "");
				buf_add(out, s, len);
			}
			s += len;
		}
		free(hashes);
		g_free(shown);
		g_free(all);
	}
	if (uncropped) {
		g_object_unref(uncropped);
	}
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
