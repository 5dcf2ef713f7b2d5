/* PDFs that the test draws itself: what stands where is known. */
#include <sys/wait.h>

#include "tests/unit/ingest/one_zygote.h"

/* Three pages with running header and footer; page 1 has the title, a list and a table. */
static void draw_report(struct pdf_pen *p)
{
	static const char *const ROWS[][3] = {{"Item", "Unit", "Price"}, {"Lamp", "piece", "1,200"},
		{"Cable", "metre", "3"}, {"Holder", "piece", "48"}};

	pdf_begin(p);
	for (int page = 1; page <= 3; page++) {
		char footer[40];

		pdf_say(p, 60, 40, 8, false, "Otter Instruments - internal");
		snprintf(footer, sizeof(footer), "Page %d of 3", page);
		pdf_say(p, 270, 820, 8, false, footer);
		if (page == 1) {
			pdf_say(p, 60, 100, 22, true, "Travel and price report");
			pdf_say(p, 60, 140, 14, true, "Booking");
			pdf_say(p, 60, 165, 10, false,
				"Everyone books early and keeps each receipt for informa-");
			pdf_say(p, 60, 178, 10, false,
				"tion of the accounts department. Nobody books first class");
			pdf_say(p, 60, 191, 10, false, "without asking.");
			pdf_say(p, 60, 220, 10, false,
				"A second paragraph stands apart from the first.");
			pdf_say(p, 70, 250, 10, false, "• trains before planes");
			pdf_say(p, 70, 265, 10, false, "• planes before cars");
			pdf_say(p, 60, 300, 14, true, "Prices");
			for (int r = 0; r < 4; r++) {
				for (int c = 0; c < 3; c++) {
					pdf_say(p, 60 + 150 * c, 325 + 15 * r, 10, false,
						ROWS[r][c]);
				}
			}
		} else {
			pdf_say(p, 60, 100, 14, true, page == 2 ? "Second matter" : "Third matter");
			pdf_say(p, 60, 130, 10, false,
				"Here stand sentences that only this page has.");
		}
		cairo_show_page(p->cr);
	}
	pdf_end(p);
}

static struct extracted read_report(struct arena *a)
{
	struct pdf_pen p;
	struct extracted x;
	struct err e = ERR_INIT;

	draw_report(&p);
	assert_int_equal(read_bytes(z, p.out.data, p.out.len, "r.pdf", a, &x, &e), 0);
	buf_finish(&p.out);
	return x;
}

static void structure_is_found(void **state)
{
	static const char *const EXPECTED[] = {"H1 Travel and price report", "H2 Booking",
		("P Everyone books early and keeps each receipt for information\n"
		 "of the accounts department. Nobody books first class\nwithout asking."),
		"P A second paragraph stands apart from the first.", "L • trains before planes",
		"L • planes before cars", "H2 Prices", "T2 Item | Unit | Price",
		"T Lamp | piece | 1,200", "T Cable | metre | 3", "T Holder | piece | 48",
		"H2 Second matter", "P Here stand sentences that only this page has.",
		"H2 Third matter", "P Here stand sentences that only this page has."};
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	x = read_report(&a);
	print_blocks(&x);
	assert_int_equal(x.n_blocks, sizeof(EXPECTED) / sizeof(EXPECTED[0]));
	for (int i = 0; i < x.n_blocks; i++) {
		assert_string_equal(block_line(&x, i), EXPECTED[i]);
	}
	assert_string_equal(x.title, "Travel and price report");
	assert_string_equal(x.media_type, "application/pdf");
	assert_int_equal(x.paging, PAGING_PAGES);
	assert_int_equal(x.n_pages, 3);
	assert_int_equal(x.blocks[11].page, 2);
	assert_true(x.pages[0].width == 595.0f && x.pages[0].height == 842.0f);
	arena_finish(&a);
}

static void lines_have_their_places(void **state)
{
	struct arena a;
	struct extracted x;
	const struct box *l;
	int i;

	(void)state;
	arena_init(&a);
	x = read_report(&a);
	i = block_with(&x, "Everyone");
	assert_int_equal(
		extracted_lines_in(&x, x.blocks[i].byte_start, x.blocks[i].byte_end, &l), 3);
	for (int k = 0; k < 3; k++) {
		float baseline = 165 + 13 * (float)k;

		assert_int_equal(l[k].page, 1);
		assert_true(l[k].x0 > 58 && l[k].x0 < 62 && l[k].x1 > l[k].x0 + 50);
		/* the box stands around the baseline, and is one line high */
		assert_true(
			l[k].y0 < baseline - 5 && l[k].y1 > baseline - 1 && l[k].y1 < baseline + 6);
		assert_true(l[k].y1 - l[k].y0 < 20);
	}
	i = block_with(&x, "Cable | metre");
	assert_int_equal(
		extracted_lines_in(&x, x.blocks[i].byte_start, x.blocks[i].byte_end, &l), 1);
	assert_true(l->x0 < 62 && l->x1 > 360); /* the whole row */
	arena_finish(&a);
}

static void chinese_is_read(void **state)
{
	static const char *const WORDS = "差旅费用报销制度";
	struct pdf_pen p;
	struct arena a;
	struct extracted x;
	struct err e = ERR_INIT;

	(void)state;
	if (system("fc-list :lang=zh | grep -q .") != 0) {
		skip();
	}
	arena_init(&a);
	pdf_begin(&p);
	cairo_select_font_face(
		p.cr, "Noto Sans CJK SC", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(p.cr, 12);
	cairo_move_to(p.cr, 60, 100);
	cairo_show_text(p.cr, WORDS);
	pdf_end(&p);
	assert_int_equal(read_bytes(z, p.out.data, p.out.len, "", &a, &x, &e), 0);
	assert_non_null(strstr(x.text, WORDS));
	buf_finish(&p.out);
	arena_finish(&a);
}

/* A font that is not in the file, with a predefined CMap: needs /usr/share/poppler in the sandbox.
 */
static void chinese_without_embedded_font_is_read(void **state)
{
	static const char PDF[] =
		"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
		"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
		"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R"
		"/Resources<</Font<</F 5 0 R>>>>>>endobj\n"
		"4 0 obj<</Length 60>>stream\nBT /F 20 Tf 20 200 Td <5DEE65C58D397528> Tj "
		"ET\nendstream "
		"endobj\n"
		"5 0 obj<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H"
		"/DescendantFonts[6 0 R]>>endobj\n"
		"6 0 obj<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light/CIDSystemInfo"
		"<</Registry(Adobe)/Ordering(GB1)/Supplement 2>>/FontDescriptor 7 0 R>>endobj\n"
		"7 0 obj<</Type/FontDescriptor/FontName/STSong-Light/Flags 4/FontBBox[0 0 1000 "
		"1000]"
		"/ItalicAngle 0/Ascent 800/Descent -200/StemV 80>>endobj\n"
		"trailer<</Root 1 0 R/Size 8>>\n%%EOF\n";
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	x = read_string(z, PDF, "", &a);
	assert_non_null(strstr(x.text, "差旅费用"));
	arena_finish(&a);
}

/* Both are UTF-16 in the file: without its converter in the sandbox they vanish without a word. */
static void titles_and_fields_are_read(void **state)
{
	static const char FORM[] =
		"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[5 0 R]/DA(/Helv 0 "
		"Tf)>>>>"
		"endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
		"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Annots[5 0 R]>>endobj\n"
		"5 0 obj<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/F 4/Rect[20 200 200 220]/P 3 0 R"
		"/V<FEFF004D00FC006C006C00650072>>>endobj\n"
		"trailer<</Root 1 0 R/Size 6>>\n%%EOF\n";
	struct pdf_pen p;
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	pdf_begin(&p);
	cairo_pdf_surface_set_metadata(
		p.surface, CAIRO_PDF_METADATA_TITLE, "Reisekosten – Übersicht");
	pdf_say(&p, 60, 100, 12, false, "words");
	pdf_end(&p);
	assert_int_equal(read_bytes(z, p.out.data, p.out.len, "", &a, &x, NULL), 0);
	assert_string_equal(x.title, "Reisekosten – Übersicht");
	buf_finish(&p.out);
	x = read_string(z, FORM, "", &a);
	assert_int_equal(x.n_lines, 1);
	assert_string_equal(x.text, "name: Müller\n");
	assert_true(x.lines[0].y0 >= 79 && x.lines[0].y1 <= 101);
	arena_finish(&a);
}

static void expect_refusal(const void *p, size_t n, const char *name, const char *reason)
{
	struct arena a;
	struct extracted x;
	struct err e = ERR_INIT;

	arena_init(&a);
	assert_int_equal(read_bytes(z, p, n, name, &a, &x, &e), ERR_UNPROCESSABLE);
	assert_string_equal(e.reason, reason);
	assert_true(strlen(e.message) > 20);
	arena_finish(&a);
}

static void bad_files_are_named(void **state)
{
	struct pdf_pen p;

	(void)state;
	draw_report(&p);
	expect_refusal("", 0, "a.pdf", "empty_file");
	expect_refusal(p.out.data, 400, "a.pdf", "broken_file");
	expect_refusal("%PDF-1.7\n", 9, "a.pdf", "broken_file");
	expect_refusal("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0", 29, "a.pdf",
		"broken_file");
	expect_refusal("\x7f"
		       "ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\x3e\0\1\0\0\0",
		24, "a.pdf", "unsupported_type");
	expect_refusal("PK\3\4\24\0\6\0\x08\0\0\0!\0", 14, "a.docx", "broken_file");
	buf_finish(&p.out);
}

static void a_cut_file_says_something(void **state)
{
	struct pdf_pen p;

	(void)state;
	draw_report(&p);
	for (size_t n = p.out.len; n > 0; n = n * 3 / 4) {
		struct arena a;
		struct extracted x;
		struct err e = ERR_INIT;
		int rc;

		arena_init(&a);
		rc = read_bytes(z, p.out.data, n, "", &a, &x, &e);
		assert_true(rc == 0 || (rc == ERR_UNPROCESSABLE && e.reason[0]));
		arena_finish(&a);
	}
	buf_finish(&p.out);
}

static void a_page_without_text_is_a_success(void **state)
{
	struct pdf_pen p;
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	pdf_begin(&p);
	cairo_rectangle(p.cr, 10, 10, 100, 100);
	cairo_fill(p.cr);
	pdf_end(&p);
	assert_int_equal(read_bytes(z, p.out.data, p.out.len, "", &a, &x, NULL), 0);
	assert_int_equal(x.n_bytes, 0);
	assert_int_equal(x.n_pages, 1);
	buf_finish(&p.out);
	arena_finish(&a);
}

static void html_that_lies_is_html(void **state)
{
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	x = read_string(z, "<!doctype html><title>Not found</title><p>Sorry.", "report.pdf", &a);
	assert_string_equal(x.media_type, "text/html");
	assert_string_equal(x.title, "Not found");
	arena_finish(&a);
}

/* Encrypts with qpdf; false: it is not installed. */
static bool encrypted(const struct buf *pdf, const char *user, struct buf *out)
{
	char dir[] = "/tmp/carrel-test-XXXXXX", command[300];
	int fd;
	ssize_t n;
	char chunk[65536];
	bool ok;

	if (system("command -v qpdf >/dev/null") != 0) {
		return false;
	}
	assert_non_null(mkdtemp(dir));
	snprintf(command, sizeof(command), "%s/in.pdf", dir);
	fd = open(command, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, pdf->data, pdf->len), (ssize_t)pdf->len);
	close(fd);
	snprintf(command, sizeof(command),
		"cd %s && qpdf --encrypt '%s' owner 256 -- in.pdf out.pdf", dir, user);
	ok = system(command) == 0;
	snprintf(command, sizeof(command), "%s/out.pdf", dir);
	fd = open(command, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (n = read(fd, chunk, sizeof(chunk))) > 0) {
		buf_add(out, chunk, (size_t)n);
	}
	close(fd);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
	assert_true(ok);
	return true;
}

static void encryption(void **state)
{
	struct pdf_pen p;
	struct buf open_one = BUF_INIT, closed = BUF_INIT;
	struct arena a;
	struct extracted x;

	(void)state;
	draw_report(&p);
	if (!encrypted(&p.out, "", &open_one)) {
		print_message("skipped: qpdf is not installed\n");
		skip();
	}
	arena_init(&a);
	assert_int_equal(read_bytes(z, open_one.data, open_one.len, "", &a, &x, NULL), 0);
	assert_true(block_with(&x, "Everyone books") >= 0);
	assert_true(encrypted(&p.out, "secret", &closed));
	expect_refusal(closed.data, closed.len, "", "password_required");
	buf_finish(&open_one);
	buf_finish(&closed);
	buf_finish(&p.out);
	arena_finish(&a);
}

static void two_columns_are_read_one_after_the_other(void **state)
{
	struct pdf_pen p;
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	pdf_begin(&p);
	for (int i = 0; i < 12; i++) {
		char line[80];

		snprintf(line, sizeof(line), "left words of column number %d and more of", i);
		pdf_say(&p, 50, 100 + 13 * i, 10, false, line);
		snprintf(line, sizeof(line), "right words of column number %d and more", i);
		pdf_say(&p, 320, 100 + 13 * i, 10, false, line);
	}
	pdf_end(&p);
	assert_int_equal(read_bytes(z, p.out.data, p.out.len, "", &a, &x, NULL), 0);
	assert_true(strstr(x.text, "left words of column number 11") <
		    strstr(x.text, "right words of column number 0"));
	assert_null(strstr(x.text, " | "));
	buf_finish(&p.out);
	arena_finish(&a);
}

/* A cell of several lines stays in its row, and a footer goes even if only its number is regular.
 */
static void wrapped_cells_and_numbered_footers(void **state)
{
	static const char *const WORDS[] = {"", "An otter swims in the river all day.",
		"Nobody knows where it sleeps.", "Some say that it has a house.",
		"Others have never seen one."};
	static const char *const SECTIONS[] = {
		"Balance", "Income", "Equity", "Notes", "Signatures"};
	struct pdf_pen p;
	struct arena a;
	struct extracted x;
	int i;

	(void)state;
	arena_init(&a);
	pdf_begin(&p);
	for (int page = 0; page < 5; page++) {
		char number[20];

		if (page == 0) {
			pdf_say(&p, 60, 300, 10, false, "Objective:");
			pdf_say(&p, 200, 300, 10, false, "The aim of this study is to see whether");
			pdf_say(&p, 200, 312, 10, false, "a cell of two lines stays together");
			pdf_say(&p, 60, 326, 10, false, "Sample:");
			pdf_say(&p, 200, 326, 10, false, "Sixty grown people");
		} else {
			pdf_say(&p, 60, 300, 10, false, WORDS[page]);
		}
		snprintf(number, sizeof(number), "%d", page + 3);
		pdf_say(&p, 60, 820, 8, false, SECTIONS[page]);
		pdf_say(&p, 500, 820, 8, false, number);
		cairo_show_page(p.cr);
	}
	pdf_end(&p);
	assert_int_equal(read_bytes(z, p.out.data, p.out.len, "", &a, &x, NULL), 0);
	i = block_with(&x, "Objective");
	assert_string_equal(block_line(&x, i),
		"T1 Objective: | The aim of this study is to see whether\n"
		"a cell of two lines stays together");
	assert_string_equal(block_line(&x, i + 1), "T Sample: | Sixty grown people");
	assert_int_equal(x.n_blocks, 6);
	assert_null(strstr(x.text, "Signatures"));
	buf_finish(&p.out);
	arena_finish(&a);
}

/* ── text that nobody sees ── */

/* A page of 300 × 300 points with this content; /F is Helvetica. */
static struct extracted read_content(struct arena *a, const char *content, const char *extra)
{
	struct buf pdf = BUF_INIT;
	struct extracted x;

	buf_printf(&pdf,
		"%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
		"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
		"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R%s"
		"/Resources<</Font<</F 5 0 R>>/ExtGState<</G<</ca 0>>>>/XObject<</I 6 0 R>>>>>>"
		"endobj\n4 0 obj<</Length %zu>>stream\n%s\nendstream endobj\n"
		"5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n"
		"6 0 obj<</Type/XObject/Subtype/Image/Width 2/Height 1/BitsPerComponent 8"
		"/ColorSpace/DeviceGray/Length 2>>stream\n\xf0\xc0\nendstream endobj\n"
		"trailer<</Root 1 0 R/Size 7>>\n%%%%EOF\n",
		extra, strlen(content), content);
	x = read_string(z, pdf.data, "", a);
	buf_finish(&pdf);
	return x;
}

#define SAID "BT /F 12 Tf 20 200 Td (Said to all) Tj ET "

static void hidden_text_is_set_aside(void **state)
{
	static const struct {
		const char *content, *extra;
		uint8_t kind;
	} CASES[] = {
		{SAID "1 g BT /F 12 Tf 20 150 Td (Orders) Tj ET", "", ANNOTATION_HIDDEN_COLOR},
		{SAID "0 0 1 rg 20 140 100 30 re f BT /F 12 Tf 30 150 Td (Orders) Tj ET", "",
			ANNOTATION_HIDDEN_COLOR},
		{SAID "BT /F 1 Tf 20 150 Td (Orders) Tj ET", "", ANNOTATION_HIDDEN_SIZE},
		{SAID "BT /F 10 Tf .1 0 0 .1 20 150 Tm (Orders) Tj ET", "", ANNOTATION_HIDDEN_SIZE},
		{SAID "BT 3 Tr /F 12 Tf 20 150 Td (Orders) Tj ET", "", ANNOTATION_HIDDEN_RENDER},
		{SAID "/G gs BT /F 12 Tf 20 150 Td (Orders) Tj ET", "", ANNOTATION_HIDDEN_RENDER},
		{SAID "BT /F 12 Tf 220 150 Td (Orders) Tj ET", "/CropBox[0 0 200 300]",
			ANNOTATION_HIDDEN_PLACE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct arena a;
		struct extracted x;

		arena_init(&a);
		x = read_content(&a, CASES[i].content, CASES[i].extra);
		print_message("[%zu] %s", i, x.text);
		assert_string_equal(x.text, "Said to all\n");
		assert_int_equal(x.n_annotations, 1);
		assert_int_equal(x.annotations[0].kind, CASES[i].kind);
		assert_string_equal(x.annotations[0].text, "Orders");
		assert_int_equal(x.annotations[0].page, 1);
		arena_finish(&a);
	}
}

/* Nothing in the file says so: three words or more that something lies over. */
static void covered_text_is_set_aside(void **state)
{
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	x = read_content(&a,
		SAID "BT /F 12 Tf 20 150 Td (Orders to all readers) Tj ET 1 g 10 140 200 30 re f",
		"");
	assert_string_equal(x.text, "Said to all\n");
	assert_int_equal(x.n_annotations, 1);
	assert_int_equal(x.annotations[0].kind, ANNOTATION_HIDDEN_RENDER);
	assert_string_equal(x.annotations[0].text, "Orders to all readers");
	arena_finish(&a);
}

/* White on a banner, grey on white, small but readable, over a picture of the page. */
/* What calls itself the start of a stream, again and again, is looked at once: the square of these
 * took more than half a minute. */
#ifdef __SANITIZE_THREAD__ /* some thirty times as slow: 14 to 17 s where half a second is usual   \
			    */
#define STARTS_CPU_US 60000000
#else
#define STARTS_CPU_US 8000000
#endif

static void starts_of_streams_without_end(void **state)
{
	static const char *const STARTS[] = {"stream ", "/A85 stream "};

	(void)state;
	for (int k = 0; k < 4; k++) {
		struct buf content = BUF_INIT, pdf = BUF_INIT;
		struct extract_cost cost;
		struct extract_request r = {.name = "a.pdf", .cost = &cost};
		struct extracted x;
		struct arena a;

		arena_init(&a);
		buf_str(&content, SAID "\n%");
		for (int i = 0; i < 120000; i++) {
			buf_str(&content, STARTS[k / 2]);
		}
		buf_str(&content,
			k % 2 ? "\n3 Tr BT /F 12 Tf 20 100 Td (Said to nobody) Tj ET" : "\n");
		buf_printf(&pdf,
			"%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
			"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
			"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R"
			"/Resources<</Font<</F 5 0 R>>>>>>endobj\n"
			"4 0 obj<</Length %zu>>stream\n%s\nendstream endobj\n"
			"5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n"
			"trailer<</Root 1 0 R/Size 6>>\n%%%%EOF\n",
			content.len, content.data);
		r.memfd = memfd_of(pdf.data, pdf.len);
		assert_int_equal(zygote_extract(z, &r, &a, &x, NULL), 0);
		assert_string_equal(x.text, "Said to all\n");
		assert_int_equal(extracted_hidden_count(&x), k % 2);
		if (cost.cpu_us > STARTS_CPU_US) {
			fail_msg("%s: %d ms", STARTS[k / 2], (int)(cost.cpu_us / 1000));
		}
		close(r.memfd);
		buf_finish(&content);
		buf_finish(&pdf);
		arena_finish(&a);
	}
}

static void what_is_seen_is_kept(void **state)
{
	static const char *const CONTENTS[] = {
		"0 0 1 rg 0 180 300 50 re f 1 g " SAID,
		".75 g " SAID,
		"BT /F 4 Tf 20 200 Td (Said to all) Tj ET ",
		"q 300 0 0 300 0 0 cm /I Do Q BT 3 Tr /F 12 Tf 20 200 Td (Said to all) Tj ET",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CONTENTS) / sizeof(CONTENTS[0]); i++) {
		struct arena a;
		struct extracted x;

		arena_init(&a);
		x = read_content(&a, CONTENTS[i], "");
		assert_string_equal(x.text, "Said to all\n");
		assert_int_equal(x.n_annotations, 0);
		arena_finish(&a);
	}
}

/* ── many pages ── */

/* 1,200 pages: one table with a header on each, under a running header. */
static void long_documents_are_read(void **state)
{
	struct pdf_pen p;
	struct arena a;
	struct extracted x;
	int n_headers = 0, n_rows = 0;

	(void)state;
	arena_init(&a);
	pdf_begin(&p);
	for (int page = 1; page <= 1200; page++) {
		char text[40];

		snprintf(text, sizeof(text), "Ledger, sheet %d", page);
		pdf_say(&p, 60, 40, 8, false, text);
		pdf_say(&p, 60, 100, 10, true, "Item");
		pdf_say(&p, 250, 100, 10, true, "Crowns");
		for (int r = 0; r < 2; r++) {
			snprintf(text, sizeof(text), "barrel %c%d", 'a' + r, page);
			pdf_say(&p, 60, 115 + 15 * r, 10, false, text);
			snprintf(text, sizeof(text), "%d.50", 100 + page * 2 + r);
			pdf_say(&p, 250, 115 + 15 * r, 10, false, text);
		}
		cairo_show_page(p.cr);
	}
	pdf_end(&p);
	assert_int_equal(read_bytes(z, p.out.data, p.out.len, "", &a, &x, NULL), 0);
	assert_int_equal(x.n_pages, 1200);
	for (int i = 0; i < x.n_blocks; i++) {
		n_headers += x.blocks[i].level == ROW_HEADER;
		n_rows += x.blocks[i].level == ROW_NEXT;
		assert_int_equal(x.blocks[i].kind, BLOCK_TABLE_ROW);
	}
	assert_int_equal(n_headers, 1);
	assert_int_equal(n_rows, 2400);
	assert_string_equal(block_line(&x, 2400), "T barrel b1200 | 2501.50");
	assert_int_equal(x.blocks[2400].page, 1200);
	assert_null(strstr(x.text, "Ledger"));
	buf_finish(&p.out);
	arena_finish(&a);
}

static void the_page_limit_is_kept(void **state)
{
	struct zygote *few = zygote_with("ingest-pages", "2", NULL);
	struct pdf_pen p;
	struct arena a;
	struct extracted x;
	struct err e = ERR_INIT;

	(void)state;
	arena_init(&a);
	draw_report(&p);
	assert_int_equal(read_bytes(few, p.out.data, p.out.len, "", &a, &x, &e), ERR_UNPROCESSABLE);
	assert_string_equal(e.reason, "too_many_pages");
	assert_non_null(strstr(e.message, "3 pages"));
	zygote_stop(few);
	buf_finish(&p.out);
	arena_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(structure_is_found),
		cmocka_unit_test(lines_have_their_places),
		cmocka_unit_test(chinese_is_read),
		cmocka_unit_test(chinese_without_embedded_font_is_read),
		cmocka_unit_test(titles_and_fields_are_read),
		cmocka_unit_test(bad_files_are_named),
		cmocka_unit_test(a_cut_file_says_something),
		cmocka_unit_test(a_page_without_text_is_a_success),
		cmocka_unit_test(html_that_lies_is_html),
		cmocka_unit_test(encryption),
		cmocka_unit_test(two_columns_are_read_one_after_the_other),
		cmocka_unit_test(wrapped_cells_and_numbered_footers),
		cmocka_unit_test(hidden_text_is_set_aside),
		cmocka_unit_test(covered_text_is_set_aside),
		cmocka_unit_test(starts_of_streams_without_end),
		cmocka_unit_test(what_is_seen_is_kept),
		cmocka_unit_test(long_documents_are_read),
		cmocka_unit_test(the_page_limit_is_kept),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
