#include <cairo.h>
#include <leptonica/allheaders.h>
#include <math.h>
#include <poppler.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/utf8.h"
#include "ingest/image.h"
#include "ingest/ocr.h"
#include "ingest/pdf.h"

#define TEXT_FEW 60	 /* bytes; a stamp, a page number, not a page of text */
#define DPI 300		 /* what tesseract is at its best with */
#define DPI_GLANCE 36	 /* enough to see whether anything is there */
#define DPI_LEAST 70	 /* tesseract believes no less */
#define DRAWN_MAX 40e6	 /* pixels: A2 */
#define SIDE_MAX 32000.0 /* cairo's and tesseract's pictures are smaller than 32,768 */
#define WHITE 224	 /* paper, with its shade */
#define SEG_GAP 1.5f	 /* em; as in pdf_words.c */
#define SAME_SIZE 0.2f	 /* heights of lines vary by so much with the letters in them */

/* ── drawing ── */

/* What stands in fields is read from the file itself (pdf_write_fields). */
static void blank_fields(PopplerPage *page, const struct pdf_page *p, cairo_t *cr)
{
	GList *fields = poppler_page_get_form_field_mapping(page);

	cairo_set_source_rgb(cr, 1, 1, 1);
	for (GList *at = fields; at; at = at->next) {
		const PopplerFormFieldMapping *m = at->data;
		PopplerFormFieldType type = poppler_form_field_get_field_type(m->field);

		if (type == POPPLER_FORM_FIELD_TEXT || type == POPPLER_FORM_FIELD_CHOICE) {
			cairo_rectangle(cr, m->area.x1, p->height - m->area.y2,
				m->area.x2 - m->area.x1, m->area.y2 - m->area.y1);
		}
	}
	cairo_fill(cr);
	poppler_page_free_form_field_mapping(fields);
}

/* With fields, without notes. */
static void render(PopplerPage *page, cairo_t *cr)
{
#if POPPLER_CHECK_VERSION(25, 2, 0)
	poppler_page_render_full(page, cr, TRUE, POPPLER_RENDER_ANNOTS_PRINT_DOCUMENT);
#else
	poppler_page_render_for_printing_with_options(page, cr, POPPLER_PRINT_DOCUMENT);
#endif
}

/* Grey, on white; without notes, which are read from the file too. NULL: too large, or nothing that
 * could be drawn. */
static struct Pix *draw(PopplerPage *page, const struct pdf_page *p, double dpi)
{
	int width = (int)fmax(1, round(p->width * dpi / 72));
	int height = (int)fmax(1, round(p->height * dpi / 72));
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
	cairo_t *cr = cairo_create(surface);
	struct Pix *pix = pixCreateNoInit(width, height, 8);

	cairo_set_source_rgb(cr, 1, 1, 1);
	cairo_paint(cr);
	cairo_scale(cr, dpi / 72, dpi / 72);
	cairo_save(cr);
	render(page, cr);
	cairo_restore(cr);
	blank_fields(page, p, cr);
	cairo_destroy(cr);
	cairo_surface_flush(surface);
	if (!pix || cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS) {
		pixDestroy(&pix);
	}
	for (int y = 0; y < height && pix; y++) {
		const uint32_t *from = (const uint32_t *)(const void
				*)(cairo_image_surface_get_data(surface) +
				   (size_t)y * (size_t)cairo_image_surface_get_stride(surface));
		l_uint32 *to = pixGetData(pix) + (size_t)y * (size_t)pixGetWpl(pix);

		for (int x = 0; x < width; x++) {
			uint32_t c = from[x];
			/* ITU-R BT.601, as tesseract's own */
			uint32_t grey = (((c >> 16) & 255) * 77 + ((c >> 8) & 255) * 150 +
						(c & 255) * 29) >>
					8;

			SET_DATA_BYTE(to, x, grey);
		}
	}
	cairo_surface_destroy(surface);
	return pix;
}

static bool has_ink(struct Pix *pix)
{
	int64_t least = (int64_t)pixGetWidth(pix) * pixGetHeight(pix) / 10000, n = 0;

	for (int y = 0; y < pixGetHeight(pix) && n <= least; y++) {
		const l_uint32 *line = pixGetData(pix) + (size_t)y * (size_t)pixGetWpl(pix);

		for (int x = 0; x < pixGetWidth(pix); x++) {
			n += GET_DATA_BYTE(line, x) < WHITE;
		}
	}
	return n > least;
}

static bool has_image(PopplerPage *page)
{
	GList *images = poppler_page_get_image_mapping(page);
	bool any = images != NULL;

	poppler_page_free_image_mapping(images);
	return any;
}

static double drawn_dpi(const struct pdf_page *p, const struct document *doc)
{
	double most = fmin(DRAWN_MAX, (double)doc->limits->pixels_max);
	double dpi = fmin(DPI, 72 * sqrt(most / ((double)p->width * p->height)));

	return fmin(dpi, 72 * SIDE_MAX / fmax(p->width, p->height));
}

/* ── OCR's words as the page's ── */

static bool is_wide(uint32_t c)
{
	bool hangul = (c >= 0x1100 && c < 0x1200) || (c >= 0xac00 && c < 0xd7b0);

	return (utf8_is_cjk(c) && !hangul) || (c >= 0x3000 && c < 0x3040) ||
	       (c >= 0xff00 && c < 0xfff0);
}

/* Chinese and Japanese are written without spaces, wherever OCR sees its words end. */
static bool is_glued(const struct buf *text, const struct pdf_word *before, const char *s, size_t n)
{
	size_t last = before->n_bytes;
	int used;

	do {
		last--;
	} while (last && ((unsigned char)text->data[before->at + last] & 0xc0) == 0x80);
	return is_wide(utf8_decode(
		       text->data + before->at + last, before->n_bytes - last, &used)) &&
	       is_wide(utf8_decode(s, n, &used));
}

/* Lines made level: turned about the page's middle. */
static struct pdf_word level(const struct pdf_page *p, const struct ocr_word *w, float points)
{
	float x = (w->x0 + w->x1) / 2 * points - p->width / 2;
	float y = (w->y0 + w->y1) / 2 * points - p->height / 2;
	float half_w = (w->x1 - w->x0) / 2 * points, half_h = (w->y1 - w->y0) / 2 * points;
	float slope = p->scan->skew;
	float cx = p->width / 2 + x + y * slope, cy = p->height / 2 + y - x * slope;

	/* The box of a sloping word is taller than the word. */
	half_h = fmaxf(half_h - half_w * fabsf(slope), half_h / 2);
	return (struct pdf_word){
		.x0 = cx - half_w, .y0 = cy - half_h, .x1 = cx + half_w, .y1 = cy + half_h};
}

struct box pdf_place(const struct pdf_page *p, const struct box *b)
{
	const struct pdf_scan *s = p->scan;
	struct box out = *b;
	float x, y, half_w, half_h, slope;

	if (!s) {
		return out;
	}
	slope = fabsf(s->skew);
	x = (b->x0 + b->x1) / 2 - p->width / 2;
	y = (b->y0 + b->y1) / 2 - p->height / 2;
	half_w = (b->x1 - b->x0) / 2;
	half_h = (b->y1 - b->y0) / 2 + half_w * slope;
	out.x0 = p->width / 2 + x - y * s->skew - half_w;
	out.x1 = out.x0 + 2 * half_w;
	out.y0 = p->height / 2 + y + x * s->skew - half_h;
	out.y1 = out.y0 + 2 * half_h;
	switch (s->quarters) {
	case 1:
		return (struct box){b->page, out.y0, s->height - out.x1, out.y1, s->height - out.x0,
			b->byte_start, b->byte_end};
	case 2:
		return (struct box){b->page, s->width - out.x1, s->height - out.y1,
			s->width - out.x0, s->height - out.y0, b->byte_start, b->byte_end};
	case 3:
		return (struct box){b->page, s->width - out.y1, out.x0, s->width - out.y0, out.x1,
			b->byte_start, b->byte_end};
	default:
		return out;
	}
}

static int by_size(const void *pa, const void *pb)
{
	float a = ((const struct ocr_word *)pa)->size, b = ((const struct ocr_word *)pb)->size;

	return a < b ? -1 : a > b;
}

/* Of most words, pixels. */
static float usual_size(const struct ocr_text *t)
{
	struct ocr_word *sorted = calloc((size_t)t->n_words + 1, sizeof(*sorted));
	float usual;

	ASSERT(sorted != NULL);
	memcpy(sorted, t->words, (size_t)t->n_words * sizeof(*sorted));
	qsort(sorted, (size_t)t->n_words, sizeof(*sorted), by_size);
	usual = sorted[t->n_words / 2].size;
	free(sorted);
	return usual;
}

static bool covered(const struct pdf_page *p, int n_words, const struct pdf_word *w)
{
	float x = (w->x0 + w->x1) / 2, y = (w->y0 + w->y1) / 2;

	for (int i = 0; i < n_words; i++) {
		const struct pdf_word *t = &p->words[i];

		if (x > t->x0 && x < t->x1 && y > t->y0 && y < t->y1) {
			return true;
		}
	}
	return false;
}

static void add_word(struct pdf_page *p, struct pdf_word *w, float size, bool begins_line,
	const char *s, size_t n)
{
	struct pdf_seg *g = p->n_segs ? &p->segs[p->n_segs - 1] : NULL;

	if (begins_line || w->x0 - p->words[p->n_words - 1].x1 > SEG_GAP * size) {
		int line = g ? g->line + begins_line : 0;

		g = &p->segs[p->n_segs++];
		*g = (struct pdf_seg){w->x0, w->y0, w->x1, w->y1, .size = size, .first = p->n_words,
			.line = line};
	} else {
		w->glued = is_glued(&p->text, &p->words[p->n_words - 1], s, n);
	}
	w->at = (uint32_t)p->text.len;
	w->n_bytes = (uint16_t)n;
	buf_add(&p->text, s, n);
	p->words[p->n_words++] = *w;
	g->x0 = fminf(g->x0, w->x0);
	g->y0 = fminf(g->y0, w->y0);
	g->x1 = fmaxf(g->x1, w->x1);
	g->y1 = fmaxf(g->y1, w->y1);
	g->n_words++;
	for (size_t i = 0; i < n; i++) {
		g->n_chars += ((unsigned char)s[i] & 0xc0) != 0x80;
	}
}

static void *grown(void *p, int n, size_t size)
{
	p = realloc(p, (size_t)n * size);
	ASSERT(p != NULL);
	return p;
}

/* points: of a pixel */
static void take_words(struct pdf_page *p, const struct ocr_text *t, float points)
{
	/* Where letters cannot be told, neither can headings. */
	float usual = usual_size(t);
	int n_before = p->n_words;
	bool begins_line = true, poor = t->confidence < OCR_POOR;

	p->words = grown(p->words, n_before + t->n_words, sizeof(*p->words));
	p->segs = grown(p->segs, p->n_segs + t->n_words, sizeof(*p->segs));
	for (int i = 0; i < t->n_words; i++) {
		const struct ocr_word *w = &t->words[i];
		struct pdf_word word = level(p, w, points);
		float size = poor || fabsf(w->size - usual) < SAME_SIZE * usual ? usual : w->size;

		begins_line |= w->begins_line;
		if (!covered(p, n_before, &word)) {
			add_word(p, &word, size * points, begins_line, t->text.data + w->at,
				w->n_bytes);
			begins_line = false;
		}
	}
}

static void forget_words(struct pdf_page *p)
{
	p->n_words = p->n_segs = 0;
	buf_clear(&p->text);
}

/* Consumes pix. */
static void read_pix(
	struct document *doc, struct Pix *pix, double dpi, int done, int n, struct pdf_page *p)
{
	struct ocr_text text;
	struct pdf_scan *s = calloc(1, sizeof(*s));

	ASSERT(s != NULL);
	s->result = (uint8_t)ocr_read(doc, pix, (int)fmax(DPI_LEAST, round(dpi)), done, n, &text);
	s->width = p->width;
	s->height = p->height;
	s->confidence = text.n_words ? (int8_t)text.confidence : -1;
	pixDestroy(&pix);
	p->scan = s;
	if (text.n_words) {
		s->quarters = (uint8_t)text.quarters;
		s->skew = text.skew;
		if (s->quarters) {
			forget_words(p);
		}
		if (s->quarters % 2) {
			p->width = s->height;
			p->height = s->width;
		}
		take_words(p, &text, (float)(72 / dpi));
	}
	ocr_text_finish(&text);
}

void pdf_read_scan(struct document *doc, PopplerPage *page, int done, int n, struct pdf_page *out)
{
	struct Pix *pix;
	double dpi;

	if (out->text.len > TEXT_FEW || !doc->limits->ocr_languages[0]) {
		return;
	}
	if (!has_image(page)) {
		bool ink;

		/* What a form was filled with is read as such. */
		pix = out->text.len || pdf_has_fields(page) ? NULL : draw(page, out, DPI_GLANCE);
		ink = pix && has_ink(pix);
		pixDestroy(&pix);
		if (!ink) {
			return;
		}
	}
	dpi = drawn_dpi(out, doc);
	pix = draw(page, out, dpi);
	draft_progress(doc->draft, done, n);
	if (pix && has_ink(pix)) {
		read_pix(doc, pix, dpi, done, n, out);
	} else {
		pixDestroy(&pix);
	}
}

void pdf_read_picture(
	struct document *doc, struct image_page *image, int done, int n, struct pdf_page *out)
{
	struct Pix *plain = pixRemoveAlpha(image->pix);
	struct Pix *grey = plain && pixGetDepth(plain) > 1 ? pixConvertTo8(plain, 0)
			   : plain			   ? pixClone(plain)
							   : NULL;

	pixDestroy(&plain);
	pixDestroy(&image->pix);
	memset(out, 0, sizeof(*out));
	out->width = (float)image->width;
	out->height = (float)image->height;
	if (!grey) {
		draft_fault(doc->draft, FAULT_MEMORY, 0, NULL);
	}
	read_pix(doc, grey, image->dpi, done, n, out);
}

/* ── what is said of it ── */

static void say(struct draft *d, const struct buf *words)
{
	draft_annotate(d, ANNOTATION_POOR_SCAN, draft_at(d), draft_at(d), words->data, words->len);
}

void pdf_begin_page(const struct pdf_page *p, const struct document *doc, struct draft *d)
{
	const struct pdf_scan *s = p->scan;
	struct buf words = BUF_INIT;

	draft_page(d, s ? s->width : p->width, s ? s->height : p->height);
	if (!s) {
		return;
	}
	switch ((enum ocr_result)s->result) {
	case OCR_READ:
		if (s->confidence >= 0) {
			draft_page_confidence(d, s->confidence);
		}
		if (s->confidence >= 0 && s->confidence < OCR_POOR) {
			buf_printf(&words, "page %u was hard to read (OCR confidence %d %%)",
				d->n_pages, s->confidence);
		}
		break;
	case OCR_MISSING:
		buf_printf(&words, "page %u is a picture and was not read: install ", d->n_pages);
		ocr_packages(doc->limits->ocr_languages, &words);
		break;
	case OCR_SLOW:
		buf_printf(&words,
			"page %u is a picture and was not read: that took more than ingest-cpu-s",
			d->n_pages);
		break;
	case OCR_SPENT:
		buf_printf(&words,
			"page %u is a picture and was not read: the pages before it took all of "
			"ingest-ocr-s",
			d->n_pages);
		break;
	case OCR_OFF:
		break;
	}
	if (words.len) {
		say(d, &words);
	}
	buf_finish(&words);
}
