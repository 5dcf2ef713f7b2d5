/* What the tests of OCR share: pictures of text made on the spot. */
#ifndef TESTS_UNIT_INGEST_SCANNING_H
#define TESTS_UNIT_INGEST_SCANNING_H

#include "tests/unit/ingest/reading.h"

#include <leptonica/allheaders.h>
#include <math.h>

#define SCAN_DPI 200
#define SCAN_FONT "DejaVu Sans"

/* A white picture of width × height points. */
static inline cairo_surface_t *scan_begin(double width, double height)
{
	cairo_surface_t *s = cairo_image_surface_create(
		CAIRO_FORMAT_RGB24, (int)(width * SCAN_DPI / 72), (int)(height * SCAN_DPI / 72));
	cairo_t *cr = cairo_create(s);

	cairo_set_source_rgb(cr, 1, 1, 1);
	cairo_paint(cr);
	cairo_destroy(cr);
	return s;
}

/* Points; y: of the baseline. */
static inline void scan_say(
	cairo_surface_t *s, const char *font, double x, double y, double size, const char *words)
{
	cairo_t *cr = cairo_create(s);

	cairo_scale(cr, SCAN_DPI / 72.0, SCAN_DPI / 72.0);
	cairo_select_font_face(cr, font, CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(cr, size);
	cairo_move_to(cr, x, y);
	cairo_show_text(cr, words);
	cairo_destroy(cr);
}

/* Consumes s. Grey, SCAN_DPI. */
static inline PIX *scan_pix(cairo_surface_t *s)
{
	int width = cairo_image_surface_get_width(s), height = cairo_image_surface_get_height(s);
	PIX *pix = pixCreate(width, height, 8);

	assert_non_null(pix);
	cairo_surface_flush(s);
	for (int y = 0; y < height; y++) {
		const unsigned char *row = cairo_image_surface_get_data(s) +
					   (size_t)y * (size_t)cairo_image_surface_get_stride(s);

		for (int x = 0; x < width; x++) {
			pixSetPixel(pix, x, y, row[4 * x + 1]);
		}
	}
	cairo_surface_destroy(s);
	pixSetResolution(pix, SCAN_DPI, SCAN_DPI);
	return pix;
}

/* Consumes pix. quarters: clockwise. */
static inline PIX *scan_turned(PIX *pix, int quarters)
{
	PIX *turned = pixRotateOrth(pix, quarters);

	pixDestroy(&pix);
	pixSetResolution(turned, SCAN_DPI, SCAN_DPI);
	return turned;
}

/* Appended to out, the caller's to finish. format: IFF_PNG, … Consumes pix. */
static inline void scan_encode(PIX *pix, int format, struct buf *out)
{
	l_uint8 *p = NULL;
	size_t n = 0;

	assert_int_equal(pixWriteMem(&p, &n, pix, format), 0);
	buf_add(out, p, n);
	lept_free(p);
	pixDestroy(&pix);
}

/* The picture fills the page of the PDF. Consumes s. */
static inline void scan_to_pdf(struct pdf_pen *p, cairo_surface_t *s)
{
	double width = cairo_image_surface_get_width(s) * 72.0 / SCAN_DPI;
	double height = cairo_image_surface_get_height(s) * 72.0 / SCAN_DPI;

	cairo_pdf_surface_set_size(p->surface, width, height);
	cairo_save(p->cr);
	cairo_scale(p->cr, 72.0 / SCAN_DPI, 72.0 / SCAN_DPI);
	cairo_set_source_surface(p->cr, s, 0, 0);
	cairo_paint(p->cr);
	cairo_restore(p->cr);
	cairo_set_source_rgb(p->cr, 0, 0, 0);
	cairo_surface_destroy(s);
}

/* The first annotation of a kind, or NULL. */
static inline const char *annotation_of(const struct extracted *x, enum annotation_kind kind)
{
	for (int i = 0; i < x->n_annotations; i++) {
		if (x->annotations[i].kind == kind) {
			return x->annotations[i].text;
		}
	}
	return NULL;
}

/* The box of the line that contains the words is within 3 points of this one. */
static inline void assert_place(
	const struct extracted *x, const char *words, double x0, double y0, double x1, double y1)
{
	const char *at = strstr(x->text, words);
	const struct box *b;

	if (!at) {
		fail_msg("\"%s\" is not in: %s", words, x->text);
		return;
	}
	assert_int_equal(
		extracted_lines_in(x, (int32_t)(at - x->text), (int32_t)(at - x->text) + 1, &b), 1);
	if (b->x0 < x0 - 3 || b->x0 > x0 + 3 || b->y0 < y0 - 3 || b->y0 > y0 + 3 ||
		b->x1 < x1 - 3 || b->x1 > x1 + 3 || b->y1 < y1 - 3 || b->y1 > y1 + 3) {
		fail_msg("\"%s\" is at %.0f %.0f %.0f %.0f", words, (double)b->x0, (double)b->y0,
			(double)b->x1, (double)b->y1);
	}
}

#endif
