/* Pictures of every kind that is read: their words, sizes and sides; and what must not be decoded.
 * Long: OCR. */
#include "tests/unit/ingest/scanning.h"

#include "tests/unit/ingest/one_zygote.h"

#define WORDS "The ferry to Eel Point leaves at noon."

static PIX *sign(void)
{
	cairo_surface_t *s = scan_begin(360, 144);

	scan_say(s, SCAN_FONT, 36, 72, 14, WORDS);
	return scan_pix(s);
}

static int read_it(struct zygote *with, const struct buf *b, struct arena *a, struct extracted *x,
	struct err *e)
{
	int rc = read_bytes(with, b->data, b->len, "picture", a, x, e);

	if (rc == 0) {
		assert_int_equal(extracted_check(x, NULL), 0);
	}
	return rc;
}

static void every_kind_is_read(void **state)
{
	static const struct {
		int format, depth;
		const char *type;
	} KINDS[] = {{IFF_PNG, 8, "image/png"}, {IFF_PNG, 1, "image/png"},
		{IFF_PNG, 32, "image/png"}, {IFF_JFIF_JPEG, 8, "image/jpeg"},
		{IFF_TIFF_G4, 1, "image/tiff"}, {IFF_TIFF_LZW, 8, "image/tiff"},
		{IFF_WEBP, 32, "image/webp"}, {IFF_GIF, 8, "image/gif"}, {IFF_BMP, 8, "image/bmp"},
		{IFF_PNM, 8, "image/x-portable-anymap"}};

	(void)state;
	for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
		PIX *grey = sign();
		PIX *pix = KINDS[i].depth == 1	  ? pixThresholdToBinary(grey, 128)
			   : KINDS[i].depth == 32 ? pixConvertTo32(grey)
						  : pixClone(grey);
		struct buf b = BUF_INIT;
		struct arena a;
		struct extracted x;
		struct err e = ERR_INIT;

		arena_init(&a);
		scan_encode(pix, KINDS[i].format, &b);
		if (read_it(z, &b, &a, &x, &e) != 0 || strcmp(x.media_type, KINDS[i].type) != 0 ||
			!strstr(x.text, WORDS)) {
			fail_msg("%s, %d bits: %s %s", KINDS[i].type, KINDS[i].depth, e.message,
				e.code ? "" : x.text);
		}
		assert_int_equal(x.paging, PAGING_PAGES);
		assert_int_equal(x.n_pages, 1);
		pixDestroy(&grey);
		buf_finish(&b);
		arena_finish(&a);
	}
}

/* A transparent background is paper. */
static void transparency_is_white(void **state)
{
	PIX *grey = sign(), *colour = pixConvertTo32(grey);
	struct buf b = BUF_INIT;
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	for (int y = 0; y < pixGetHeight(colour); y++) {
		for (int x0 = 0; x0 < pixGetWidth(colour); x0++) {
			l_uint32 v;

			pixGetPixel(grey, x0, y, &v);
			pixSetPixel(colour, x0, y, 255 - v); /* black, its alpha the ink */
		}
	}
	pixSetSpp(colour, 4);
	scan_encode(colour, IFF_PNG, &b);
	assert_int_equal(read_it(z, &b, &a, &x, NULL), 0);
	assert_non_null(strstr(x.text, WORDS));
	pixDestroy(&grey);
	buf_finish(&b);
	arena_finish(&a);
}

/* The size of a page on paper: by its dots per inch, if they can be. */
static void pages_have_sensible_sizes(void **state)
{
	static const struct {
		int dpi;
		double width, height;
	} SIZES[] = {
		{200, 360, 144}, {0, 750, 300}, {100, 720, 288}, {7, 750, 300}, {72, 1000, 400}};

	(void)state;
	for (size_t i = 0; i < sizeof(SIZES) / sizeof(SIZES[0]); i++) {
		PIX *pix = sign();
		struct buf b = BUF_INIT;
		struct arena a;
		struct extracted x;

		arena_init(&a);
		pixSetXRes(pix, SIZES[i].dpi);
		pixSetYRes(pix, SIZES[i].dpi);
		scan_encode(pix, IFF_PNG, &b);
		assert_int_equal(read_it(z, &b, &a, &x, NULL), 0);
		if (fabs((double)x.pages[0].width - SIZES[i].width) > 2 ||
			fabs((double)x.pages[0].height - SIZES[i].height) > 2) {
			fail_msg("%d dpi: %.0f × %.0f", SIZES[i].dpi, (double)x.pages[0].width,
				(double)x.pages[0].height);
		}
		assert_place(&x, WORDS, SIZES[i].width / 10, 0.43 * SIZES[i].height, x.lines[0].x1,
			x.lines[0].y1);
		buf_finish(&b);
		arena_finish(&a);
	}
}

/* A photograph of 12 megapixels that claims 72 dots an inch is no poster. */
static void a_photograph_is_a_sheet(void **state)
{
	PIX *pix = pixCreate(3000, 4000, 8);
	struct buf b = BUF_INIT;
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	pixSetAll(pix);
	pixSetResolution(pix, 72, 72);
	scan_encode(pix, IFF_PNG, &b);
	assert_int_equal(read_it(z, &b, &a, &x, NULL), 0);
	assert_int_equal(x.n_bytes, 0);
	assert_true(x.pages[0].height > 830 && x.pages[0].height < 850);
	buf_finish(&b);
	arena_finish(&a);
}

/* Exif 2.32: the first directory has one entry, Orientation. */
static void add_orientation(struct buf *jpeg, int orientation, bool little)
{
	static const char BIG[] = "\xff\xe1\0\x22"
				  "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0";
	static const char LITTLE[] = "\xff\xe1\0\x22"
				     "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0";
	struct buf out = BUF_INIT;
	size_t at = 2;

	buf_add(&out, jpeg->data, 2);
	if (little) {
		buf_add(&out, LITTLE, sizeof(LITTLE) - 1);
		buf_char(&out, (char)orientation);
		buf_add(&out, "\0\0\0\0\0\0\0", 7);
	} else {
		buf_add(&out, BIG, sizeof(BIG) - 1);
		buf_char(&out, (char)orientation);
		buf_add(&out, "\0\0\0\0\0\0", 6);
	}
	buf_add(&out, jpeg->data + at, jpeg->len - at);
	buf_finish(jpeg);
	*jpeg = out;
}

static void photographs_are_turned_as_their_exif_says(void **state)
{
	static const struct {
		int orientation, stored; /* quarters clockwise of what is stored */
	} SIDES[] = {{1, 0}, {3, 2}, {6, 3}, {8, 1}};

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		struct buf b = BUF_INIT;
		struct arena a;
		struct extracted x;

		arena_init(&a);
		scan_encode(scan_turned(sign(), SIDES[i / 2].stored), IFF_JFIF_JPEG, &b);
		add_orientation(&b, SIDES[i / 2].orientation, i % 2);
		assert_int_equal(read_it(z, &b, &a, &x, NULL), 0);
		assert_int_equal((int)(x.pages[0].width + 0.5f), 360);
		assert_place(&x, WORDS, 36, 61, x.lines[0].x1, 76);
		buf_finish(&b);
		arena_finish(&a);
	}
}

static void read_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "re");
	char chunk[4096];
	size_t n;

	assert_non_null(f);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0) {
		buf_add(out, chunk, n);
	}
	fclose(f);
}

static void frames_of_a_tiff_are_pages(void **state)
{
	struct zygote *few = zygote_with("ingest-pages", "1", NULL);
	struct buf b = BUF_INIT;
	struct arena a;
	struct extracted x;
	struct err e = ERR_INIT;

	(void)state;
	arena_init(&a);
	read_file("fixtures/scans/tide.tiff", &b);
	assert_int_equal(read_it(z, &b, &a, &x, NULL), 0);
	assert_int_equal(x.n_pages, 2);
	assert_non_null(strstr(x.text, "Harbour survey of the Eel Point jetty"));
	assert_true(block_with(&x, "Northern stairs | 9 | 12,750") >= 0);
	/* the second lies on its side */
	assert_place(&x, "Annex", 354, 65, 367, 269);
	assert_int_equal(read_it(few, &b, &a, &x, &e), ERR_UNPROCESSABLE);
	assert_string_equal(e.reason, "too_many_pages");
	zygote_stop(few);
	buf_finish(&b);
	arena_finish(&a);
}

/* 204 dots across, 98 down */
static void a_fax_has_oblong_dots(void **state)
{
	PIX *pix = sign(), *flat = pixScale(pix, 1, 0.49f);
	struct buf b = BUF_INIT;
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	pixSetResolution(flat, 200, 98);
	scan_encode(flat, IFF_TIFF_LZW, &b);
	assert_int_equal(read_it(z, &b, &a, &x, NULL), 0);
	assert_non_null(strstr(x.text, "ferry"));
	assert_true(x.pages[0].height > 140 && x.pages[0].height < 148);
	pixDestroy(&pix);
	buf_finish(&b);
	arena_finish(&a);
}

static void assert_refused(struct zygote *with, const struct buf *b, const char *reason)
{
	struct arena a;
	struct extracted x;
	struct err e = ERR_INIT;

	arena_init(&a);
	assert_int_equal(read_it(with, b, &a, &x, &e), ERR_UNPROCESSABLE);
	if (strcmp(e.reason, reason) != 0) {
		fail_msg("%s: %s", e.reason, e.message);
	}
	arena_finish(&a);
}

/* Their headers are looked at first: nothing of their size is ever asked for. */
static void bombs_are_not_decoded(void **state)
{
	struct zygote *small =
		zygote_with("ingest-megapixels", "1", "ingest-memory-mb", "200", NULL);
	static const int FORMATS[] = {
		IFF_PNG, IFF_JFIF_JPEG, IFF_TIFF_ZIP, IFF_WEBP, IFF_GIF, IFF_BMP, IFF_PNM};

	(void)state;
	for (size_t i = 0; i < sizeof(FORMATS) / sizeof(FORMATS[0]); i++) {
		PIX *pix = pixCreate(1001, 1000, FORMATS[i] == IFF_WEBP ? 32 : 8);
		struct buf b = BUF_INIT;

		pixSetAll(pix);
		scan_encode(pix, FORMATS[i], &b);
		assert_refused(small, &b, "over_limit");
		buf_finish(&b);
	}
	/* IHDR of a PNG, 60,000 × 60,000 */
	struct buf b = BUF_INIT;

	scan_encode(sign(), IFF_PNG, &b);
	memcpy(b.data + 16, "\0\0\xea\x60\0\0\xea\x60", 8);
	assert_refused(z, &b, "over_limit");
	buf_finish(&b);
	zygote_stop(small);
}

static void what_is_damaged(void **state)
{
	static const char *const HEADS[] = {"\x89PNG\r\n\x1a\n and then words",
		"\xff\xd8\xff\xe0 and then words", "GIF89a and then words",
		"II*\1 is no TIFF, and neither is it text\1\2\3"};
	struct arena a;
	struct extracted x;
	struct err e = ERR_INIT;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(HEADS) / sizeof(HEADS[0]); i++) {
		struct buf b = BUF_INIT;

		buf_str(&b, HEADS[i]);
		err_clear(&e);
		assert_int_equal(read_it(z, &b, &a, &x, &e), ERR_UNPROCESSABLE);
		buf_finish(&b);
	}
	arena_finish(&a);
}

/* Text that begins as a picture might. */
static void text_is_no_picture(void **state)
{
	static const char *const TEXTS[] = {"P4 is the name of the plot by the river.",
		"BM stands for bench mark; every surveyor knows that it is cut into stone.",
		"II* is how the second edition is marked in the catalogue."};
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
		struct extracted x = read_string(z, TEXTS[i], "note.txt", &a);

		assert_string_equal(x.media_type, "text/plain");
	}
	arena_finish(&a);
}

/* Numerical Recipes' generator */
static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static void mutants_end_in_a_named_state(void **state)
{
	static const int FORMATS[] = {IFF_PNG, IFF_JFIF_JPEG, IFF_TIFF_G4, IFF_TIFF_LZW, IFF_WEBP,
		IFF_GIF, IFF_BMP, IFF_PNM};
	struct zygote *hurried = zygote_with("ingest-cpu-s", "20", "ocr-languages", "", NULL);
	uint32_t seed = 4;
	int n_read = 0;

	(void)state;
	for (size_t i = 0; i < 8 * 12; i++) {
		int format = FORMATS[i % 8];
		PIX *grey = sign();
		PIX *pix = format == IFF_TIFF_G4 ? pixThresholdToBinary(grey, 128)
			   : format == IFF_WEBP	 ? pixConvertTo32(grey)
						 : pixClone(grey);
		struct buf b = BUF_INIT;
		struct arena a;
		struct extracted x;
		struct err e = ERR_INIT;

		pixDestroy(&grey);
		arena_init(&a);
		scan_encode(pix, format, &b);
		for (int k = 0; k < 6; k++) {
			/* the first kilobyte has what lengths and sizes there are */
			size_t room = k < 4 && b.len > 1024 ? 1024 : b.len;

			b.data[8 + next_random(&seed) % (room - 8)] = (char)next_random(&seed);
		}
		if (read_it(hurried, &b, &a, &x, &e) == 0) {
			n_read++;
		} else if (e.code != ERR_UNPROCESSABLE || !e.reason[0] ||
			   strcmp(e.reason, "crashed") == 0) {
			fail_msg("mutant %zu: %s: %s", i, e.reason, e.message);
		}
		buf_finish(&b);
		arena_finish(&a);
	}
	assert_true(n_read > 0);
	assert_null(zygote_state(hurried));
	zygote_stop(hurried);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_is_read),
		cmocka_unit_test(transparency_is_white),
		cmocka_unit_test(pages_have_sensible_sizes),
		cmocka_unit_test(a_photograph_is_a_sheet),
		cmocka_unit_test(photographs_are_turned_as_their_exif_says),
		cmocka_unit_test(frames_of_a_tiff_are_pages),
		cmocka_unit_test(a_fax_has_oblong_dots),
		cmocka_unit_test(bombs_are_not_decoded),
		cmocka_unit_test(what_is_damaged),
		cmocka_unit_test(text_is_no_picture),
		cmocka_unit_test(mutants_end_in_a_named_state),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
