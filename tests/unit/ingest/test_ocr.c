/* Scans of text drawn on the spot: words and places, languages, sides, limits. What tesseract makes
 * of a letter may change with its versions: only plain words in clear print are asked for. Long:
 * OCR. */
#include "tests/unit/ingest/scanning.h"

#include "tests/unit/ingest/one_zygote.h"

static const char *const STORY[] = {"The lighthouse keeper counted the boats every morning.",
	"On Thursday there were seventeen boats in the harbour,",
	"and one of them carried oranges from Sicily.",
	"Nobody had seen such a thing since the winter of 1908."};

static cairo_surface_t *story(void)
{
	cairo_surface_t *s = scan_begin(500, 300);

	for (int i = 0; i < 4; i++) {
		scan_say(s, SCAN_FONT, 50, 80 + 20 * i, 12, STORY[i]);
	}
	return s;
}

static struct extracted read_buf(struct zygote *with, struct buf *b, struct arena *a)
{
	struct extracted x;
	struct err e = ERR_INIT;
	int rc = read_bytes(with, b->data, b->len, "scan", a, &x, &e);

	if (rc) {
		print_error("%s: %s\n", e.reason, e.message);
	}
	assert_int_equal(rc, 0);
	assert_int_equal(extracted_check(&x, NULL), 0);
	buf_finish(b);
	return x;
}

static struct extracted read_picture(struct zygote *with, cairo_surface_t *s, struct arena *a)
{
	struct buf b = BUF_INIT;

	scan_encode(scan_pix(s), IFF_PNG, &b);
	return read_buf(with, &b, a);
}

static void a_scanned_page_is_read(void **state)
{
	struct pdf_pen p;
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	pdf_begin(&p);
	scan_to_pdf(&p, story());
	pdf_end(&p);
	x = read_buf(z, &p.out, &a);
	assert_int_equal(x.n_pages, 1);
	assert_true(x.pages[0].confidence > 80);
	assert_true(x.pages[0].width > 499 && x.pages[0].width < 501);
	for (int i = 0; i < 4; i++) {
		assert_non_null(strstr(x.text, STORY[i]));
	}
	assert_place(&x, STORY[0], 50, 71, 392, 83);
	assert_null(annotation_of(&x, ANNOTATION_POOR_SCAN));
	arena_finish(&a);
}

/* Page by page: text stays text, a stamp on a scan stays too, and what OCR wrote long ago is not
 * read again. */
static void only_pages_without_text_are_read(void **state)
{
	struct pdf_pen p;
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	pdf_begin(&p);
	pdf_say(&p, 60, 100, 12, false,
		"This page is text and needs no reading by anybody at all,");
	pdf_say(&p, 60, 120, 12, false, "since a program wrote it.");
	cairo_show_page(p.cr);
	scan_to_pdf(&p, story());
	pdf_say(&p, 50, 280, 8, false, "ACME 000123");
	cairo_show_page(p.cr);
	scan_to_pdf(&p, story());
	pdf_say(&p, 50, 200, 12, false,
		"A lighthouse keeper once counted every boat in the morning,");
	pdf_say(&p, 50, 220, 12, false, "as an older program understood it.");
	pdf_end(&p);
	x = read_buf(z, &p.out, &a);
	assert_int_equal(x.n_pages, 3);
	assert_int_equal(x.pages[0].confidence, -1);
	assert_true(x.pages[1].confidence > 80);
	assert_int_equal(x.pages[2].confidence, -1);
	assert_non_null(strstr(x.text, "ACME 000123"));
	assert_non_null(strstr(x.text, STORY[3]));
	assert_non_null(strstr(x.text, "older program"));
	assert_null(strstr(strstr(x.text, STORY[3]) + 1, STORY[3]));
	arena_finish(&a);
}

static void every_side_up_is_read(void **state)
{
	/* of the first line, for each quarter turn */
	static const double PLACES[4][4] = {
		{50, 71, 392, 83}, {217, 50, 229, 392}, {108, 217, 450, 229}, {71, 108, 83, 450}};

	(void)state;
	for (int quarters = 1; quarters < 4; quarters++) {
		struct buf b = BUF_INIT;
		struct arena a;
		struct extracted x;

		arena_init(&a);
		scan_encode(scan_turned(scan_pix(story()), quarters), IFF_PNG, &b);
		x = read_buf(z, &b, &a);
		assert_place(&x, STORY[0], PLACES[quarters][0], PLACES[quarters][1],
			PLACES[quarters][2], PLACES[quarters][3]);
		assert_non_null(strstr(x.text, STORY[3]));
		assert_int_equal((int)x.pages[0].width, quarters == 2 ? 499 : 299);
		arena_finish(&a);
	}
}

/* By 0.02: over 400 points the lines fall by 8, more than half a line's height. */
static void sloping_lines_are_one_row(void **state)
{
	static const char *const NAMES[] = {"Sandwick", "Eel Point", "Tarnwick", "Skerry"};
	cairo_surface_t *s = scan_begin(500, 400);
	struct buf b = BUF_INIT;
	struct arena a;
	struct extracted x;
	PIX *level, *sloping;

	(void)state;
	arena_init(&a);
	for (int i = 0; i < 12; i++) {
		char number[2][16];

		snprintf(number[0], sizeof(number[0]), "%d", 17 + i);
		snprintf(number[1], sizeof(number[1]), "%d,210", 2 + i);
		scan_say(s, SCAN_FONT, 40, 80 + 18 * i, 12, NAMES[i % 4]);
		scan_say(s, SCAN_FONT, 220, 80 + 18 * i, 12, i ? number[0] : "Boats");
		scan_say(s, SCAN_FONT, 400, 80 + 18 * i, 12, i ? number[1] : "Tonnage");
	}
	level = scan_pix(s);
	sloping = pixRotate(level, 0.02f, L_ROTATE_AREA_MAP, L_BRING_IN_WHITE, 0, 0);
	pixDestroy(&level);
	scan_encode(sloping, IFF_PNG, &b);
	x = read_buf(z, &b, &a);
	assert_true(block_with(&x, "Sandwick | Boats | Tonnage") >= 0);
	assert_true(block_with(&x, "Eel Point | 18 | 3,210") >= 0);
	assert_true(block_with(&x, "Skerry | 28 | 13,210") >= 0);
	/* (40, 89) to (434, 98), turned about (250, 200): 4 up at the left, 4 down at the right */
	assert_place(&x, "Eel Point | 18", 43, 85, 437, 103);
	arena_finish(&a);
}

static void the_next_group_reads_another_script(void **state)
{
	cairo_surface_t *s = scan_begin(500, 300);
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	scan_say(s, "Noto Sans CJK SC", 50, 80, 14, "每位正式员工每年享有十五个工作日的带薪年假");
	scan_say(s, "Noto Sans CJK SC", 50, 105, 14, "休假申请应当提前两周向部门主管提交");
	scan_say(s, "Noto Sans CJK SC", 50, 130, 14, "病假需要提供医院开具的诊断证明");
	x = read_picture(z, s, &a);
	assert_non_null(strstr(x.text, "带薪年假"));
	assert_non_null(strstr(x.text, "休假申请应当提前两周"));
	arena_finish(&a);
}

static void a_poor_page_says_so(void **state)
{
	struct buf b = BUF_INIT;
	struct arena a;
	struct extracted x;
	const char *note;
	PIX *pix = pixRead("fixtures/scans/poor.jpg");

	(void)state;
	arena_init(&a);
	assert_non_null(pix);
	scan_encode(pix, IFF_PNG, &b);
	x = read_buf(z, &b, &a);
	note = annotation_of(&x, ANNOTATION_POOR_SCAN);
	assert_non_null(note);
	assert_non_null(strstr(note, "page 1 was hard to read (OCR confidence "));
	assert_true(x.pages[0].confidence < 70);
	arena_finish(&a);
}

static void nothing_to_read_is_no_text(void **state)
{
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	x = read_picture(z, scan_begin(300, 300), &a);
	assert_int_equal(x.n_bytes, 0);
	assert_int_equal(x.n_pages, 1);
	assert_int_equal(x.pages[0].confidence, -1);
	assert_int_equal(x.n_annotations, 0);
	arena_finish(&a);
}

static void languages_that_are_missing(void **state)
{
	struct zygote *some = zygote_with("ocr-languages", "xyz+eng", NULL);
	struct zygote *none = zygote_with("ocr-languages", "xyz,abc_def", NULL);
	struct zygote *off = zygote_with("ocr-languages", "", NULL);
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	x = read_picture(some, story(), &a);
	assert_non_null(strstr(x.text, STORY[1]));
	x = read_picture(none, story(), &a);
	assert_int_equal(x.n_bytes, 0);
	assert_non_null(annotation_of(&x, ANNOTATION_POOR_SCAN));
	assert_non_null(strstr(annotation_of(&x, ANNOTATION_POOR_SCAN),
		"install tesseract-ocr-xyz or tesseract-ocr-abc-def"));
	x = read_picture(off, story(), &a);
	assert_int_equal(x.n_bytes, 0);
	assert_int_equal(x.n_annotations, 0);
	zygote_stop(some);
	zygote_stop(none);
	zygote_stop(off);
	arena_finish(&a);
}

static cairo_surface_t *full_page(void)
{
	cairo_surface_t *s = scan_begin(595, 842);

	for (int i = 0; i < 60; i++) {
		scan_say(s, SCAN_FONT, 40, 60 + 12.5 * i, 10, STORY[i % 4]);
		scan_say(s, SCAN_FONT, 330, 60 + 12.5 * i, 7, STORY[(i + 1) % 4]);
	}
	return s;
}

static int n_told;

static void on_progress(void *arg, int done, int n)
{
	(void)arg;
	(void)done;
	(void)n;
	n_told++;
}

static void a_long_page_shows_progress(void **state)
{
	struct buf b = BUF_INIT;
	struct arena a;
	struct extracted x;
	struct extract_request r = {.name = "scan", .progress = on_progress};

	(void)state;
	arena_init(&a);
	scan_encode(scan_pix(full_page()), IFF_PNG, &b);
	r.memfd = memfd_of(b.data, b.len);
	n_told = 0;
	assert_int_equal(zygote_extract(z, &r, &a, &x, NULL), 0);
	/* its begin, twice, and its end; what is more came in between */
	assert_true(n_told >= 4);
	close(r.memfd);
	buf_finish(&b);
	arena_finish(&a);
}

/* Each page may take as long as a whole document; one that takes longer is left out, by name. */
static void what_pages_may_take(void **state)
{
	struct zygote *hurried = zygote_with("ingest-cpu-s", "1", NULL);
	struct zygote *spent = zygote_with("ingest-ocr-s", "0", NULL);
	struct pdf_pen p;
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	pdf_begin(&p);
	for (int i = 0; i < 8; i++) {
		scan_to_pdf(&p, i == 3 ? full_page() : story());
		cairo_show_page(p.cr);
	}
	pdf_end(&p);
	x = read_buf(hurried, &p.out, &a);
	assert_int_equal(x.n_pages, 8);
	assert_non_null(annotation_of(&x, ANNOTATION_POOR_SCAN));
	assert_non_null(strstr(annotation_of(&x, ANNOTATION_POOR_SCAN),
		"page 4 is a picture and was not read: that took more than ingest-cpu-s"));
	assert_int_equal(x.pages[3].byte_start, x.pages[3].byte_end);
	assert_true(x.pages[7].byte_end - x.pages[7].byte_start > 200);
	x = read_picture(spent, story(), &a);
	assert_int_equal(x.n_bytes, 0);
	assert_non_null(strstr(annotation_of(&x, ANNOTATION_POOR_SCAN), "ingest-ocr-s"));
	zygote_stop(hurried);
	zygote_stop(spent);
	arena_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scanned_page_is_read),
		cmocka_unit_test(only_pages_without_text_are_read),
		cmocka_unit_test(every_side_up_is_read),
		cmocka_unit_test(sloping_lines_are_one_row),
		cmocka_unit_test(the_next_group_reads_another_script),
		cmocka_unit_test(a_poor_page_says_so),
		cmocka_unit_test(nothing_to_read_is_no_text),
		cmocka_unit_test(languages_that_are_missing),
		cmocka_unit_test(a_long_page_shows_progress),
		cmocka_unit_test(what_pages_may_take),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
