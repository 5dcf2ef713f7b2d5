/* Pages as pictures: the size asked for, and the marker where the words are. */
#include "tests/unit/ingest/scanning.h"

#include "tests/unit/ingest/one_zygote.h"

static struct buf png_source;
static size_t png_at;

static cairo_status_t on_png_wanted(void *arg, unsigned char *p, unsigned int n)
{
	(void)arg;
	if (png_source.len - png_at < n) {
		return CAIRO_STATUS_READ_ERROR;
	}
	memcpy(p, png_source.data + png_at, n);
	png_at += n;
	return CAIRO_STATUS_SUCCESS;
}

static bool yellow(cairo_surface_t *s, double x, double y)
{
	const unsigned char *row = cairo_image_surface_get_data(s) +
				   (size_t)y * (size_t)cairo_image_surface_get_stride(s);
	uint32_t pixel;

	memcpy(&pixel, row + (size_t)x * 4, 4);
	return (pixel >> 16 & 255) > 240 && (pixel >> 8 & 255) > 220 && (pixel & 255) < 120;
}

static void the_marker_covers_the_line(void **state)
{
	struct pdf_pen p;
	struct arena a;
	struct extracted x;
	const struct box *line;
	struct render_request r = {.page = 1, .width = 595};
	cairo_surface_t *image;
	struct err e = ERR_INIT;

	(void)state;
	arena_init(&a);
	pdf_begin(&p);
	pdf_say(&p, 60, 100, 12, false, "the first line");
	pdf_say(&p, 60, 300, 12, false, "the marked line");
	pdf_end(&p);
	assert_int_equal(read_bytes(z, p.out.data, p.out.len, "", &a, &x, NULL), 0);
	int i = block_with(&x, "marked");
	r.n_boxes = extracted_lines_in(&x, x.blocks[i].byte_start, x.blocks[i].byte_end, &line);
	assert_int_equal(r.n_boxes, 1);
	r.boxes = line;
	r.memfd = memfd_of(p.out.data, p.out.len);
	buf_init(&png_source);
	assert_int_equal(zygote_render(z, &r, &png_source, &e), 0);
	png_at = 0;
	image = cairo_image_surface_create_from_png_stream(on_png_wanted, NULL);
	assert_int_equal(cairo_surface_status(image), CAIRO_STATUS_SUCCESS);
	assert_int_equal(cairo_image_surface_get_width(image), 595);
	assert_int_equal(cairo_image_surface_get_height(image), 842);
	assert_true(yellow(image, line->x0 - 1, line->y0 + 2));
	assert_true(yellow(image, line->x1 + 1, line->y1 - 2));
	assert_false(yellow(image, line->x0 - 1, 95));
	assert_false(yellow(image, line->x1 + 20, 297));
	cairo_surface_destroy(image);
	close(r.memfd);
	buf_finish(&png_source);
	buf_finish(&p.out);
	arena_finish(&a);
}

/* The second page of a TIFF, on its side: the marker is a column. */
static void pictures_are_drawn_with_their_markers(void **state)
{
	struct buf b = BUF_INIT;
	struct arena a;
	struct extracted x;
	struct err e = ERR_INIT;
	struct render_request r = {.page = 2, .width = 420};
	const struct box *line;
	cairo_surface_t *image;
	FILE *f = fopen("fixtures/scans/tide.tiff", "re");
	char chunk[65536];

	(void)state;
	arena_init(&a);
	assert_non_null(f);
	buf_add(&b, chunk, fread(chunk, 1, sizeof(chunk), f));
	fclose(f);
	assert_int_equal(read_bytes(z, b.data, b.len, "", &a, &x, NULL), 0);
	int i = block_with(&x, "Annex");
	assert_true(i >= 0);
	r.n_boxes = extracted_lines_in(&x, x.blocks[i].byte_start, x.blocks[i].byte_end, &line);
	assert_int_equal(r.n_boxes, 1);
	r.boxes = line;
	r.memfd = memfd_of(b.data, b.len);
	buf_init(&png_source);
	assert_int_equal(zygote_render(z, &r, &png_source, &e), 0);
	png_at = 0;
	image = cairo_image_surface_create_from_png_stream(on_png_wanted, NULL);
	assert_int_equal(cairo_surface_status(image), CAIRO_STATUS_SUCCESS);
	assert_int_equal(cairo_image_surface_get_width(image), 420);
	assert_int_equal(cairo_image_surface_get_height(image), 596);
	assert_true(yellow(image, line->x0 - 0.5, (line->y0 + line->y1) / 2));
	assert_true(yellow(image, line->x1 + 0.5, (line->y0 + line->y1) / 2));
	assert_false(yellow(image, line->x0 - 8, line->y0));
	cairo_surface_destroy(image);
	r.page = 3;
	assert_int_equal(zygote_render(z, &r, &png_source, &e), ERR_NOT_FOUND);
	close(r.memfd);
	buf_finish(&png_source);
	buf_finish(&b);
	arena_finish(&a);
}

static void colours_are_kept(void **state)
{
	PIX *pix = pixCreate(200, 100, 32);
	struct buf b = BUF_INIT;
	struct render_request r = {.page = 1, .width = 100};
	cairo_surface_t *image;
	uint32_t pixel;

	(void)state;
	pixSetAllArbitrary(pix, 0xe0401000); /* red, green, blue */
	scan_encode(pix, IFF_PNG, &b);
	r.memfd = memfd_of(b.data, b.len);
	buf_init(&png_source);
	assert_int_equal(zygote_render(z, &r, &png_source, NULL), 0);
	png_at = 0;
	image = cairo_image_surface_create_from_png_stream(on_png_wanted, NULL);
	assert_int_equal(cairo_image_surface_get_width(image), 100);
	assert_int_equal(cairo_image_surface_get_height(image), 50);
	memcpy(&pixel,
		cairo_image_surface_get_data(image) + 20 * cairo_image_surface_get_stride(image) +
			200,
		4);
	assert_int_equal(pixel & 0xffffff, 0xe04010);
	cairo_surface_destroy(image);
	close(r.memfd);
	buf_finish(&png_source);
	buf_finish(&b);
}

static void what_cannot_be_drawn(void **state)
{
	struct pdf_pen p;
	struct buf out = BUF_INIT;
	struct render_request r = {.page = 2, .width = 600};
	struct err e = ERR_INIT;

	(void)state;
	pdf_begin(&p);
	pdf_say(&p, 60, 100, 12, false, "one page");
	pdf_end(&p);
	r.memfd = memfd_of(p.out.data, p.out.len);
	assert_int_equal(zygote_render(z, &r, &out, &e), ERR_NOT_FOUND);
	r.page = 1;
	r.width = 63;
	assert_int_equal(zygote_render(z, &r, &out, NULL), ERR_INVALID);
	r.width = 2401;
	assert_int_equal(zygote_render(z, &r, &out, NULL), ERR_INVALID);
	close(r.memfd);
	r.width = 600;
	r.memfd = memfd_of("just text", 9);
	err_clear(&e);
	assert_int_equal(zygote_render(z, &r, &out, &e), ERR_UNPROCESSABLE);
	assert_string_equal(e.reason, "broken_file");
	close(r.memfd);
	assert_int_equal(out.len, 0);
	buf_finish(&p.out);
}

/* 10 × 14,400 points: as wide as asked it would be 3.4 million rows. */
static void the_number_of_pixels_is_bounded(void **state)
{
	static const char PDF[] =
		"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
		"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
		"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 10 14400]>>endobj\n"
		"trailer<</Root 1 0 R/Size 4>>\n%%EOF\n";
	struct buf out = BUF_INIT;
	struct render_request r = {.page = 1, .width = 2400};
	struct err e = ERR_INIT;

	(void)state;
	r.memfd = memfd_of(PDF, sizeof(PDF) - 1);
	assert_int_equal(zygote_render(z, &r, &out, &e), 0);
	assert_true(out.len > 8 && out.len < 4000000);
	close(r.memfd);
	buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_marker_covers_the_line),
		cmocka_unit_test(pictures_are_drawn_with_their_markers),
		cmocka_unit_test(colours_are_kept),
		cmocka_unit_test(what_cannot_be_drawn),
		cmocka_unit_test(the_number_of_pixels_is_bounded),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
