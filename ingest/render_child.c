#include <cairo.h>
#include <leptonica/allheaders.h>
#include <math.h>
#include <poppler.h>
#include <unistd.h>

#include "ingest/child.h"
#include "ingest/image.h"

#define PIXELS_MAX 16000000.0
#define ROWS_MAX 30000.0 /* cairo's images have fewer than 32,768 */
#define PAD 1.5		 /* points around a highlighted line */

static cairo_status_t on_png(void *arg, const unsigned char *p, unsigned int n)
{
	draft_image(arg, p, n);
	return CAIRO_STATUS_SUCCESS;
}

/* Multiplied, so that black text stays black under the marker. */
static void draw_highlights(cairo_t *cr, const struct order *o)
{
	cairo_set_operator(cr, CAIRO_OPERATOR_MULTIPLY);
	cairo_set_source_rgb(cr, 1.0, 0.93, 0.35);
	for (uint32_t i = 0; i < o->n_boxes; i++) {
		const struct order_box *b = &o->boxes[i];

		cairo_rectangle(cr, b->x0 - PAD, b->y0 - PAD, b->x1 - b->x0 + 2 * PAD,
			b->y1 - b->y0 + 2 * PAD);
	}
	/* One fill: where two boxes overlap the colour is no darker. */
	cairo_fill(cr);
}

/* The order's width, less where the picture would be too large. */
static double scale_of(const struct order *o, double width, double height)
{
	double scale = o->width / width;
	double n_rows = ceil(height * scale);

	if (n_rows * o->width > PIXELS_MAX) {
		scale *= sqrt(PIXELS_MAX / (n_rows * o->width));
		n_rows = ceil(height * scale);
	}
	return n_rows > ROWS_MAX ? scale * ROWS_MAX / n_rows : scale;
}

/* A white sheet of width × height points; *out draws in points. */
static cairo_surface_t *begin(
	const struct order *o, struct draft *d, double width, double height, cairo_t **out)
{
	double scale = scale_of(o, width, height);
	cairo_surface_t *surface =
		cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)fmax(1, round(width * scale)),
			(int)fmin(ROWS_MAX, fmax(1, ceil(height * scale))));

	if (cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS) {
		draft_fault(d, FAULT_MEMORY, 0, NULL);
	}
	*out = cairo_create(surface);
	cairo_set_source_rgb(*out, 1, 1, 1);
	cairo_paint(*out);
	cairo_scale(*out, scale, scale);
	return surface;
}

static cairo_surface_t *draw_pdf(
	const struct document *doc, const struct order *o, struct draft *d, cairo_t **out)
{
	PopplerDocument *pdf = pdf_open(doc, d);
	int n = poppler_document_get_n_pages(pdf);
	PopplerPage *page;
	cairo_surface_t *surface;
	double width = 0, height = 0;

	if (o->page > (uint32_t)(n > 0 ? n : 0)) {
		draft_fault(d, FAULT_NO_PAGE, (uint32_t)(n > 0 ? n : 0), NULL);
	}
	page = poppler_document_get_page(pdf, (int)o->page - 1);
	if (!page) {
		draft_fault(d, FAULT_BROKEN, 0, NULL);
	}
	poppler_page_get_size(page, &width, &height);
	if (!(width >= 1 && width < 1e6 && height >= 1 && height < 1e6)) {
		draft_fault(d, FAULT_BROKEN, 0, NULL);
	}
	surface = begin(o, d, width, height, out);
	cairo_save(*out);
	poppler_page_render(page, *out);
	cairo_restore(*out);
	return surface;
}

/* Leptonica's pixels, red in the highest byte, as cairo's, blue in the lowest. */
static void copy_pixels(struct Pix *pix, cairo_surface_t *to)
{
	int n_words = cairo_image_surface_get_stride(to) / 4;
	uint32_t *out = (uint32_t *)(void *)cairo_image_surface_get_data(to);

	cairo_surface_flush(to);
	for (int y = 0; y < pixGetHeight(pix); y++) {
		const l_uint32 *line = pixGetData(pix) + (size_t)y * (size_t)pixGetWpl(pix);

		for (int x = 0; x < pixGetWidth(pix); x++) {
			out[(size_t)y * (size_t)n_words + (size_t)x] = line[x] >> 8;
		}
	}
	cairo_surface_mark_dirty(to);
}

/* Scaled by leptonica, which averages: a page of 600 dpi stays legible at a tenth of its size. */
static cairo_surface_t *draw_image(
	const struct document *doc, const struct order *o, struct draft *d, cairo_t **out)
{
	int n = image_count(doc, d);
	struct image_page image;
	struct Pix *plain, *scaled, *colour;
	cairo_surface_t *surface, *picture;

	if (o->page > (uint32_t)n) {
		draft_fault(d, FAULT_NO_PAGE, (uint32_t)n, NULL);
	}
	image_read(doc, d, (int)o->page - 1, &image);
	surface = begin(o, d, image.width, image.height, out);
	plain = pixRemoveAlpha(image.pix);
	pixDestroy(&image.pix);
	scaled = plain ? pixScaleToSize(plain, cairo_image_surface_get_width(surface),
				 cairo_image_surface_get_height(surface))
		       : NULL;
	pixDestroy(&plain);
	colour = scaled ? pixConvertTo32(scaled) : NULL;
	pixDestroy(&scaled);
	picture = colour ? cairo_image_surface_create(
				   CAIRO_FORMAT_RGB24, pixGetWidth(colour), pixGetHeight(colour))
			 : NULL;
	if (!picture || cairo_surface_status(picture) != CAIRO_STATUS_SUCCESS) {
		draft_fault(d, FAULT_MEMORY, 0, NULL);
	}
	copy_pixels(colour, picture);
	cairo_save(*out);
	cairo_identity_matrix(*out);
	cairo_set_source_surface(*out, picture, 0, 0);
	cairo_paint(*out);
	cairo_restore(*out);
	return surface;
}

void render_child(const struct document *doc, const struct order *o, struct draft *d)
{
	cairo_t *cr;
	cairo_surface_t *surface =
		image_type(doc) ? draw_image(doc, o, d, &cr) : draw_pdf(doc, o, d, &cr);

	draw_highlights(cr, o);
	cairo_destroy(cr);
	draft_type(d, "image/png", PAGING_PAGES);
	if (cairo_surface_write_to_png_stream(surface, on_png, d) != CAIRO_STATUS_SUCCESS) {
		draft_fault(d, FAULT_MEMORY, 0, NULL);
	}
	draft_end(d);
	_exit(0);
}
