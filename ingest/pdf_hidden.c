/*
 * Text that nobody sees. By what poppler says of it: too small. By drawing the page and looking at
 * what stands where the text should be:
 *
 *   nothing but one colour, or a light text on its like   hidden by colour, or not drawn at all
 *   anything else                                         seen
 *
 * A page is drawn only where there is a reason: light text, something suspicious in the file, a
 * short document. The text over a picture of the whole page is an OCR layer: seen, as the picture
 * is. A font that draws nothing anywhere may be missing here; its text is not called hidden without
 * a further sign.
 */
#include <cairo.h>
#include <ctype.h>
#include <math.h>
#include <poppler.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "index/base/hash.h"
#include "index/base/utf8.h"
#include "ingest/pdf.h"

#define SIZE_LEAST 2.0	  /* points */
#define LIGHT (200 * 257) /* of 65535, the darkest channel of a light colour */
#define SAME 24		  /* of 255; colours this near are hard to tell apart */
#define UNIFORM 14	  /* of 255; an area's channels differ no more where nothing is drawn */
#define FAR_SHARE 0.3	  /* of the pixels behind light text that are another colour */
#define PIXELS_MAX 2000000.0
#define FONTS_MAX 64
#define WORDS_LEAST 3 /* that are covered by something: fewer are an accident */
#define VAIN_PAGES 8  /* on which nothing was hidden: the others of the document are not drawn */
#define STYLES_MAX 64
#define TRUST_PAGES 2 /* a light style that was seen on so many and never hidden is believed */

struct word {
	int first, end; /* of the characters */
	const PopplerTextAttributes *style;
	uint64_t font;
	double x0, y0, x1, y1;
	bool telling; /* has a letter or digit: draws something in the middle of its height */
	uint8_t kind;
};

struct look {
	int n_pixels, n_far; /* from the text's colour */
	uint8_t min[3], max[3];
};

struct drawn {
	cairo_surface_t *surface;
	const unsigned char *data;
	int stride, width, height;
	double scale;
};

/* ── words of one style ── */

static bool is_space(uint32_t c)
{
	return c <= ' ' || c == 0xa0 || c == 0x3000;
}

/* The caller's to free; NULL: none. */
static struct word *find_words(const struct pdf_chars *chars, int *n)
{
	struct word *words = NULL;
	struct pdf_char c = {0};
	GList *styles = chars->attributes;
	const PopplerTextAttributes *named = NULL; /* whose font is: */
	uint64_t font = 0;
	bool open = false;
	int cap = 0;

	*n = 0;
	while (pdf_char_next(chars, &c)) {
		const PopplerRectangle *r = &chars->rects[c.i];
		const PopplerTextAttributes *style = styles ? styles->data : NULL;
		struct word *w;

		while (style && c.i > style->end_index) {
			styles = styles->next;
			style = styles ? styles->data : NULL;
			open = false;
		}
		if (is_space(c.code) || !style) {
			open = false;
			continue;
		}
		if (style != named) {
			const char *name = style->font_name ? style->font_name : "";

			font = hash64(name, strlen(name));
			named = style;
		}
		if (!open) {
			words = array_grow(words, *n, &cap, sizeof(*words));
			words[(*n)++] = (struct word){
				c.i, c.i, style, font, 1e9, 1e9, -1e9, -1e9, false, 0};
			open = true;
		}
		w = &words[*n - 1];
		w->end = c.i + 1;
		w->x0 = pdf_least(w->x0, pdf_least(r->x1, r->x2));
		w->x1 = pdf_most(w->x1, pdf_most(r->x1, r->x2));
		w->y0 = pdf_least(w->y0, pdf_least(r->y1, r->y2));
		w->y1 = pdf_most(w->y1, pdf_most(r->y1, r->y2));
		w->telling = w->telling || c.code >= 0xc0 || isalnum((int)c.code);
	}
	return words;
}

static bool is_tiny(const struct word *w)
{
	return w->style->font_size < SIZE_LEAST &&
	       pdf_least(w->y1 - w->y0, w->x1 - w->x0) < SIZE_LEAST;
}

static bool is_light(const PopplerColor *c)
{
	return c->red > LIGHT && c->green > LIGHT && c->blue > LIGHT;
}

/* Light styles of the document: drawing each page of a report whose table heads are white on blue
 * would cost more than reading it. */
struct style {
	uint64_t key;
	int page; /* the last that it was looked at on */
	int n_pages;
	bool hid; /* once: never trusted */
};
static struct style styles[STYLES_MAX]; /* the child reads one document */
static int n_styles;

static uint64_t style_key(const struct word *w)
{
	const PopplerColor *c = &w->style->color;

	return w->font ^ ((uint64_t)(c->red >> 8) << 32) ^ ((uint64_t)(c->green >> 8) << 24) ^
	       ((uint64_t)(c->blue >> 8) << 16);
}

static struct style *lookup_style(uint64_t key)
{
	for (int i = 0; i < n_styles; i++) {
		if (styles[i].key == key) {
			return &styles[i];
		}
	}
	return NULL;
}

static bool is_trusted(const struct word *w)
{
	const struct style *s = lookup_style(style_key(w));

	return s && !s->hid && s->n_pages >= TRUST_PAGES;
}

static void learn_style(const struct word *w, int page)
{
	uint64_t key = style_key(w);
	struct style *s = lookup_style(key);

	if (!s && n_styles < STYLES_MAX) {
		s = &styles[n_styles++];
		*s = (struct style){.key = key, .page = -1};
	}
	if (s) {
		s->hid = s->hid || w->kind;
		s->n_pages += s->page != page;
		s->page = page;
	}
}

/* ── the page as it looks ── */

static bool draw(PopplerPage *page, struct drawn *out)
{
	double width = 0, height = 0;
	cairo_t *cr;

	poppler_page_get_size(page, &width, &height);
	if (!(width >= 1 && width < 20000 && height >= 1 && height < 20000)) {
		return false;
	}
	out->scale = fmin(1, sqrt(PIXELS_MAX / (width * height)));
	out->width = (int)ceil(width * out->scale);
	out->height = (int)ceil(height * out->scale);
	out->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, out->width, out->height);
	if (cairo_surface_status(out->surface) != CAIRO_STATUS_SUCCESS) {
		return false;
	}
	cr = cairo_create(out->surface);
	cairo_set_source_rgb(cr, 1, 1, 1);
	cairo_paint(cr);
	cairo_scale(cr, out->scale, out->scale);
	poppler_page_render(page, cr);
	cairo_destroy(cr);
	cairo_surface_flush(out->surface);
	out->data = cairo_image_surface_get_data(out->surface);
	out->stride = cairo_image_surface_get_stride(out->surface);
	return out->data != NULL;
}

static void look_at_pixel(struct look *l, uint32_t pixel, const int text[3])
{
	bool far = false;

	for (int k = 0; k < 3; k++) {
		uint8_t v = (uint8_t)(pixel >> (16 - 8 * k));

		l->min[k] = v < l->min[k] ? v : l->min[k];
		l->max[k] = v > l->max[k] ? v : l->max[k];
		far = far || abs(v - text[k]) > SAME;
	}
	l->n_far += far;
	l->n_pixels++;
}

/* The word's box without these shares of its height at top and bottom. */
static struct look look_at(
	const struct drawn *d, const struct word *w, double trim_top, double trim_bottom)
{
	const PopplerColor *c = &w->style->color;
	const int text[3] = {c->red / 257, c->green / 257, c->blue / 257};
	double pad_x = fmin(1, (w->x1 - w->x0) * 0.1), high = w->y1 - w->y0;
	int x0 = (int)floor(fmax(0, (w->x0 + pad_x) * d->scale));
	int x1 = (int)ceil(fmin(d->width, (w->x1 - pad_x) * d->scale));
	int y0 = (int)floor(fmax(0, (w->y0 + trim_top * high) * d->scale));
	int y1 = (int)ceil(fmin(d->height, (w->y1 - trim_bottom * high) * d->scale));
	struct look l = {0, 0, {255, 255, 255}, {0, 0, 0}};

	for (int y = y0; y < y1; y++) {
		const unsigned char *row = d->data + (size_t)y * (size_t)d->stride;

		for (int x = x0; x < x1; x++) {
			uint32_t pixel;

			memcpy(&pixel, row + (size_t)x * 4, 4);
			look_at_pixel(&l, pixel, text);
		}
	}
	return l;
}

static bool is_uniform(const struct look *l)
{
	for (int k = 0; k < 3; k++) {
		if (l->max[k] - l->min[k] > UNIFORM) {
			return false;
		}
	}
	return true;
}

static uint8_t judge(const struct word *w, const struct look *l)
{
	bool alike = l->n_far < FAR_SHARE * l->n_pixels;

	if (l->n_pixels < 4) {
		return 0; /* too small to tell */
	}
	if (is_uniform(l)) {
		return alike ? ANNOTATION_HIDDEN_COLOR : ANNOTATION_HIDDEN_RENDER;
	}
	return alike && is_light(&w->style->color) ? ANNOTATION_HIDDEN_COLOR : 0;
}

/* Most of the page is one picture, or strips of one. */
static bool is_picture(PopplerPage *page)
{
	GList *images = poppler_page_get_image_mapping(page);
	double width = 0, height = 0, covered = 0;

	poppler_page_get_size(page, &width, &height);
	for (GList *at = images; at; at = at->next) {
		const PopplerRectangle *r = &((PopplerImageMapping *)at->data)->area;

		covered += fabs(r->x2 - r->x1) * fabs(r->y2 - r->y1);
	}
	poppler_page_free_image_mapping(images);
	return covered > 0.8 * width * height;
}

/* What is not painted over a picture is its OCR layer: no need to look. To know that a page is a
 * picture costs as much as its text, so it is asked for as long as the pages are. */
static bool is_scan(PopplerPage *page)
{
	static bool scanned = true;

	scanned = scanned && is_picture(page);
	return scanned;
}

/* ── the page's words, judged ── */

struct fonts {
	uint64_t drawn[FONTS_MAX]; /* that some word was seen in */
	int n;
};

static bool has_font(const struct fonts *f, uint64_t font)
{
	for (int i = 0; i < f->n; i++) {
		if (f->drawn[i] == font) {
			return true;
		}
	}
	return false;
}

/* Its font may be missing here, or says that its letters stand lower or higher than they do. */
static bool is_doubtful(const struct drawn *d, const struct word *w, const struct fonts *fonts)
{
	struct look around = look_at(d, w, -0.3, -0.3);

	return !has_font(fonts, w->font) || !is_uniform(&around);
}

/* Without a further sign a word or two that are not drawn are an accident, not a message. Returns
 * how many words were shown. */
static int show_single(struct word *words, int n)
{
	int n_shown = 0;

	for (int i = 0; i < n;) {
		int end = i, n_telling = 0;

		while (end < n && (words[end].kind == ANNOTATION_HIDDEN_RENDER ||
					  (end > i && !words[end].telling))) {
			n_telling += words[end].telling;
			end++;
		}
		for (int k = i; k < end && n_telling < WORDS_LEAST; k++) {
			n_shown += words[k].kind != 0;
			words[k].kind = 0;
		}
		i = end > i ? end : i + 1;
	}
	return n_shown;
}

/* Whether any is hidden. */
static bool judge_words(PopplerPage *page, struct word *words, int n, bool suspicious)
{
	struct drawn d = {0};
	struct fonts fonts = {.n = 0};
	int n_telling = 0, n_hidden = 0, n_shown = 0;
	bool picture;

	if (!draw(page, &d)) {
		if (d.surface) {
			cairo_surface_destroy(d.surface);
		}
		return false;
	}
	for (int i = 0; i < n; i++) {
		struct word *w = &words[i];
		struct look l;

		if (w->kind || !w->telling) {
			continue;
		}
		/* Its middle: at its edges stand rules and the lines above and below. */
		l = look_at(&d, w, 0.2, 0.15);
		w->kind = judge(w, &l);
		n_telling++;
		n_hidden += w->kind != 0;
		if (is_light(&w->style->color)) {
			learn_style(w, poppler_page_get_index(page));
		}
		if (!w->kind && fonts.n < FONTS_MAX && !has_font(&fonts, w->font)) {
			fonts.drawn[fonts.n++] = w->font;
		}
	}
	picture = n_hidden && is_picture(page);
	for (int i = 0; i < n; i++) {
		struct word *w = &words[i];

		if ((w->kind == ANNOTATION_HIDDEN_RENDER &&
			    (picture || (!suspicious && is_doubtful(&d, w, &fonts)))) ||
			(w->kind == ANNOTATION_HIDDEN_COLOR && picture &&
				n_hidden * 10 >= n_telling * 9)) {
			w->kind = 0;
			n_shown++;
		}
	}
	n_shown += suspicious ? 0 : show_single(words, n);
	cairo_surface_destroy(d.surface);
	return n_hidden > n_shown;
}

/* The page has text that the file's bytes say is not painted. */
static bool names_unpainted(const struct pdf_chars *chars, struct pdf_suspicion *suspicion)
{
	struct buf letters = BUF_INIT;
	bool any = false;

	if (!suspicion->n_unpainted) {
		return false;
	}
	for (size_t i = 0; i < chars->n_bytes; i++) {
		if (isalnum((unsigned char)chars->text[i])) {
			buf_char(&letters, chars->text[i]);
		}
	}
	for (int i = 0; i < suspicion->n_unpainted && letters.len; i++) {
		if (strstr(letters.data, suspicion->unpainted[i])) {
			suspicion->found[i] = any = true;
		}
	}
	buf_finish(&letters);
	return any;
}

void pdf_find_hidden(PopplerPage *page, struct pdf_suspicion *suspicion, struct pdf_chars *chars)
{
	bool unpainted = names_unpainted(chars, suspicion) ||
			 (suspicion->unseen && suspicion->n_in_vain < VAIN_PAGES);
	bool light = false;
	int n;
	struct word *words = find_words(chars, &n);

	for (int i = 0; i < n; i++) {
		if (is_tiny(&words[i])) {
			words[i].kind = ANNOTATION_HIDDEN_SIZE;
		} else if (is_light(&words[i].style->color) && !is_trusted(&words[i])) {
			light = true;
		}
	}
	if (n && !suspicion->undrawable &&
		(light || suspicion->whole || (unpainted && !is_scan(page)))) {
		bool any = judge_words(page, words, n, unpainted);

		suspicion->n_in_vain = any ? 0 : suspicion->n_in_vain + 1;
	}
	for (int i = 0; i < n; i++) {
		/* A full stop goes with the word before it. */
		if (!words[i].kind && !words[i].telling && i > 0 &&
			words[i - 1].style == words[i].style) {
			words[i].kind = words[i - 1].kind;
		}
		memset(chars->hidden + words[i].first, words[i].kind,
			(size_t)(words[i].end - words[i].first));
	}
	free(words);
}
