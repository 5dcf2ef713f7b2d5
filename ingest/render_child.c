#include <cairo.h>
#include <math.h>
#include <poppler.h>
#include <unistd.h>

#include "ingest/child.h"

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

void render_child(const struct document *doc, const struct order *o, struct draft *d)
{
	PopplerDocument *pdf = pdf_open(doc, d);
	int n = poppler_document_get_n_pages(pdf);
	PopplerPage *page;
	cairo_surface_t *surface;
	cairo_t *cr;
	double width = 0, height = 0, scale, n_rows;

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
	scale = o->width / width;
	n_rows = ceil(height * scale);
	if (n_rows * o->width > PIXELS_MAX) {
		scale *= sqrt(PIXELS_MAX / (n_rows * o->width));
		n_rows = ceil(height * scale);
	}
	if (n_rows > ROWS_MAX) {
		scale *= ROWS_MAX / n_rows;
		n_rows = ROWS_MAX;
	}
	surface = cairo_image_surface_create(
		CAIRO_FORMAT_RGB24, (int)fmax(1, round(width * scale)), (int)fmax(1, n_rows));
	if (cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS) {
		draft_fault(d, FAULT_MEMORY, 0, NULL);
	}
	cr = cairo_create(surface);
	cairo_set_source_rgb(cr, 1, 1, 1);
	cairo_paint(cr);
	cairo_scale(cr, scale, scale);
	cairo_save(cr);
	poppler_page_render(page, cr);
	cairo_restore(cr);
	draw_highlights(cr, o);
	cairo_destroy(cr);
	draft_type(d, "image/png", PAGING_PAGES);
	if (cairo_surface_write_to_png_stream(surface, on_png, d) != CAIRO_STATUS_SUCCESS) {
		draft_fault(d, FAULT_MEMORY, 0, NULL);
	}
	draft_end(d);
	_exit(0);
}
