/* What extractors write, read back through the frames. */
#include "tests/unit/ingest/drafting.h"

#include <math.h>
#include <string.h>

static const struct child_sink *sink; /* NULL: what run() hands on is counted only */

static void run(void (*write_it)(struct draft *d), struct frame_reader *r, size_t text_max)
{
	frame_reader_init(r, 1000000, 0, 10);
	r->children_max = 2;
	r->children_bytes_max = 100;
	r->sink = sink;
	read_draft(write_it, text_max, r);
	assert_true(r->ended);
}

static void write_page(struct draft *d)
{
	struct box place = {0, 1, 2, 3, 4, 0, 0}, flat = {0, 1, 2, 3, 2, 0, 0};

	draft_type(d, "application/pdf", PAGING_PAGES);
	draft_title(d, "  \n", 3);
	draft_title(d, "  The\ttitle \x01", 13);
	draft_title(d, "another", 7);
	draft_page(d, 100, 200);
	draft_block(d, BLOCK_HEADING, 9);
	draft_line(d, "One", 3, &place);
	draft_block(d, BLOCK_PARAGRAPH, 3);
	draft_line(d, "   ", 3, &place); /* blank: no line, no block */
	draft_block(d, BLOCK_CODE, 0);
	draft_line(d, "", 0, NULL);
	draft_line(d, "  a\tb", 5, &flat);
	draft_line(d, "", 0, NULL);
	draft_line(d, "c", 1, NULL);
	draft_line(d, "", 0, NULL);
	draft_page(d, 100, 200);
	draft_line(d, "two", 3, &place);
}

static void pages_blocks_and_lines(void **state)
{
	struct frame_reader r;
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	run(write_page, &r, 1000);
	assert_int_equal(frame_reader_take(&r, &a, &x, NULL), 0);
	assert_string_equal(x.title, "The title");
	assert_string_equal(x.text, "One\n  a    b\n\nc\n\ntwo\n");
	assert_int_equal(x.n_pages, 2);
	assert_int_equal(x.pages[0].byte_end, x.pages[1].byte_start);
	assert_int_equal(x.n_blocks, 3);
	assert_int_equal(x.blocks[0].level, 6);
	assert_int_equal(x.blocks[1].kind, BLOCK_CODE);
	assert_int_equal(x.blocks[2].page, 2);
	assert_int_equal(x.n_lines, 2); /* a flat box is no place */
	assert_int_equal(x.lines[1].page, 2);
	frame_reader_finish(&r);
	arena_finish(&a);
}

static void write_much(struct draft *d)
{
	draft_type(d, "text/plain", PAGING_NONE);
	draft_page(d, 0, 0);
	for (int i = 0; i < 30000; i++) {
		draft_block(d, BLOCK_PARAGRAPH, 0);
		draft_line(d, "gr\xc3\xbc\xc3\x9f dich", 11, NULL);
	}
}

static void batches_split_between_characters(void **state)
{
	struct frame_reader r;
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	run(write_much, &r, 1000000);
	assert_int_equal(frame_reader_take(&r, &a, &x, NULL), 0);
	assert_int_equal(x.n_blocks, 30000);
	assert_int_equal(x.n_bytes, 12 * 30000);
	frame_reader_finish(&r);
	arena_finish(&a);
}

static void too_much_text_is_a_fault(void **state)
{
	struct frame_reader r;

	(void)state;
	run(write_much, &r, 5000);
	assert_int_equal(r.fault, FAULT_TEXT);
	frame_reader_finish(&r);
}

static struct buf cell(const char *s)
{
	struct buf b = BUF_INIT;

	buf_str(&b, s);
	return b;
}

static void write_sheet(struct draft *d)
{
	struct buf head[] = {cell("Article"), cell("Price\nin euros"), cell("")};
	struct buf row[] = {cell(""), cell(" 3.50 "), cell("each")};
	struct buf blank[] = {cell(" "), cell("\t")};
	struct box cells = {0, 0, 4, 3, 5, 0, 0};

	draft_type(d, "text/csv", PAGING_SHEETS);
	draft_page(d, 0, 0);
	draft_page_label(d, " Prices\n2031 ", 13);
	draft_row(d, ROW_HEADER, head, 3, &cells);
	draft_row(d, ROW_NEXT, blank, 2, &cells);
	draft_row(d, ROW_NEXT, row, 3, &cells);
	draft_lines(d, BLOCK_NOTE, 0, "Note 1: first\n\nsecond", 21);
	draft_page(d, 0, 0);
	draft_page_confidence(d, 140);
}

static void rows_labels_and_notes(void **state)
{
	struct frame_reader r;
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	run(write_sheet, &r, 1000);
	assert_int_equal(frame_reader_take(&r, &a, &x, NULL), 0);
	assert_string_equal(
		x.text, "Article | Price in euros\n| 3.50 | each\nNote 1: first\nsecond\n");
	assert_string_equal(x.pages[0].label, "Prices 2031");
	assert_int_equal(x.pages[0].confidence, -1);
	assert_null(x.pages[1].label);
	assert_int_equal(x.pages[1].confidence, 100);
	assert_int_equal(x.n_blocks, 3);
	assert_int_equal(x.blocks[0].level, ROW_HEADER);
	assert_int_equal(x.blocks[1].level, ROW_NEXT);
	assert_int_equal(x.blocks[2].kind, BLOCK_NOTE);
	assert_int_equal(x.n_lines, 2);
	frame_reader_finish(&r);
	arena_finish(&a);
}

static void write_beside(struct draft *d)
{
	static char far[ANNOTATION_TEXT_MAX + 100];

	memset(far, 'x', sizeof(far) - 1);
	draft_type(d, "text/html", PAGING_NONE);
	draft_annotate(d, ANNOTATION_PROPERTY, 0, 0, "Author: Ida\n Brook", 18);
	draft_page(d, 0, 0);
	/* "see" U+200B three times, then "hi" in tags */
	draft_line(d, "see\xe2\x80\x8b\xe2\x80\x8b\xe2\x80\x8b us\xf3\xa0\x81\xa8\xf3\xa0\x81\xa9",
		23, NULL);
	draft_annotate(d, ANNOTATION_LINK, 0, 3, "https://otter.example/", 22);
	draft_annotate(d, ANNOTATION_HIDDEN_COLOR, 0, 0, "\xe2\x80\xa2 - |", 7); /* a bullet */
	draft_annotate(d, ANNOTATION_HIDDEN_SIZE, 0, 0, " \n ", 3);
	draft_annotate(d, ANNOTATION_COMMENT, 0, 0, far, strlen(far));
	for (int i = 0; i < ANNOTATIONS_MAX + 10; i++) {
		draft_annotate(d, ANNOTATION_LINK, 0, 0, "mailto:a@b.example", 18);
	}
}

static void annotations_are_kept_within_limits(void **state)
{
	struct frame_reader r;
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	run(write_beside, &r, 1000);
	assert_int_equal(frame_reader_take(&r, &a, &x, NULL), 0);
	assert_string_equal(x.text, "see us\n");
	assert_int_equal(x.n_annotations, ANNOTATIONS_MAX);
	assert_string_equal(x.annotations[0].text, "Author: Ida Brook");
	assert_int_equal(x.annotations[0].page, 0);
	assert_int_equal(x.annotations[1].kind, ANNOTATION_HIDDEN_CHARACTERS);
	assert_string_equal(x.annotations[1].text, "[3 zero-width characters]hi");
	assert_string_equal(x.annotations[2].text, "https://otter.example/");
	assert_int_equal(x.annotations[2].byte_end, 3);
	assert_int_equal(x.annotations[3].kind, ANNOTATION_COMMENT);
	assert_int_equal(strlen(x.annotations[3].text), ANNOTATION_TEXT_MAX);
	assert_int_equal(extracted_hidden_count(&x), 2);
	frame_reader_finish(&r);
	arena_finish(&a);
}

static struct buf handed_on;

static int on_begin(void *arg, const char *name, struct err *e)
{
	(void)arg;
	(void)e;
	buf_printf(&handed_on, "<%s>", name);
	return 0;
}

static int on_write(void *arg, const void *p, size_t n_bytes, struct err *e)
{
	(void)arg;
	(void)e;
	buf_add(&handed_on, p, n_bytes);
	return 0;
}

static void write_children(struct draft *d)
{
	static char much[101];

	draft_type(d, "message/rfc822", PAGING_NONE);
	draft_page(d, 0, 0);
	draft_child(d, "../..\\etc/offer.pdf", "%PDF", 4);
	draft_child(d, "empty.txt", "", 0);
	draft_child(d, "much.bin", much, sizeof(much));
	draft_child(d, "a/..", "two", 3);
	draft_child(d, "third.txt", "3", 1);
}

static void files_inside_are_handed_on_within_limits(void **state)
{
	static const struct child_sink SINK = {on_begin, on_write, NULL};
	struct frame_reader r;
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	sink = &SINK;
	run(write_children, &r, 1000);
	sink = NULL;
	assert_int_equal(frame_reader_take(&r, &a, &x, NULL), 0);
	assert_string_equal(handed_on.data, "<offer.pdf>%PDF<attachment>two");
	assert_int_equal(x.n_children, 2);
	assert_int_equal(x.n_annotations, 5);
	assert_string_equal(x.annotations[0].text, "offer.pdf (4 bytes)");
	assert_non_null(strstr(x.annotations[1].text, "empty"));
	assert_non_null(strstr(x.annotations[2].text, "ingest-children-mb"));
	assert_non_null(strstr(x.annotations[4].text, "not taken in"));
	frame_reader_finish(&r);
	buf_finish(&handed_on);
	arena_finish(&a);
}

static void write_far(struct draft *d)
{
	static const struct box FAR[] = {{0, 1, 1, INFINITY, 2, 0, 0}, {0, -3e6f, 1, 2, 2, 0, 0},
		{0, 1, NAN, 2, 2, 0, 0}, {0, 1, 1, 2, 3e6f, 0, 0}, {0, 1, 1, 2, 2, 0, 0}};

	draft_type(d, "application/pdf", PAGING_PAGES);
	draft_page(d, NAN, 1e30);
	for (size_t i = 0; i < sizeof(FAR) / sizeof(FAR[0]); i++) {
		draft_line(d, "far", 3, &FAR[i]);
	}
}

static void places_beyond_any_page_are_none(void **state)
{
	struct frame_reader r;
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	run(write_far, &r, 1000);
	assert_int_equal(frame_reader_take(&r, &a, &x, NULL), 0);
	assert_int_equal(x.n_lines, 1);
	assert_true(x.pages[0].width == 0 && x.pages[0].height == 0);
	frame_reader_finish(&r);
	arena_finish(&a);
}

static void write_pages(struct draft *d)
{
	draft_type(d, "application/pdf", PAGING_PAGES);
	for (int i = 0; i < 11; i++) {
		draft_page(d, 10, 10);
	}
}

static void too_many_pages_are_a_fault(void **state)
{
	struct frame_reader r;

	(void)state;
	run(write_pages, &r, 1000);
	assert_int_equal(r.fault, FAULT_PAGES);
	frame_reader_finish(&r);
}

static void cleaning(void **state)
{
	static const struct {
		const char *in, *out;
	} CASES[] = {
		{"a \t\r\n b", "a b"},
		{"a\xc2\xa0\xe3\x80\x80"
		 "b",
			"a b"},
		{"soft\xc2\xadhyphen", "softhyphen"},
		{"\xef\xac\x81\xef\xac\x83", "fiffi"},
		{"\xef\x82\xb7 x", "\xe2\x80\xa2 x"}, /* Symbol's bullet */
		{"a\xe2\x80\xae"
		 "b\xe2\x81\xa6"
		 "c",
			"abc"}, /* direction overrides */
		{"a\xff\xfe"
		 "b\x1b[0m",
			"ab[0m"},
		{"\xe0\xa4\x95\xe2\x80\x8d\xe0\xa4\xb7", "\xe0\xa4\x95\xe2\x80\x8d\xe0\xa4\xb7"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct buf out = BUF_INIT;

		draft_clean(&out, CASES[i].in, strlen(CASES[i].in), false);
		assert_string_equal(out.data, CASES[i].out);
		buf_finish(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_blocks_and_lines),
		cmocka_unit_test(batches_split_between_characters),
		cmocka_unit_test(too_much_text_is_a_fault),
		cmocka_unit_test(rows_labels_and_notes),
		cmocka_unit_test(annotations_are_kept_within_limits),
		cmocka_unit_test(files_inside_are_handed_on_within_limits),
		cmocka_unit_test(places_beyond_any_page_are_none),
		cmocka_unit_test(too_many_pages_are_a_fault),
		cmocka_unit_test(cleaning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
