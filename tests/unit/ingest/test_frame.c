/* Frames from a child that cannot be trusted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ingest/frame.h"

#define TEXT "Travel policy\nEveryone books early.\n"

static void put_type(struct buf *out, int paging, const char *type)
{
	struct buf p = BUF_INIT;

	buf_u8(&p, (uint8_t)paging);
	buf_str(&p, type);
	frame_put(out, FRAME_TYPE, p.data, (uint32_t)p.len);
	buf_finish(&p);
}

static void put_end(struct buf *out, uint32_t text, uint32_t pages, uint32_t blocks, uint32_t lines,
	uint32_t image)
{
	struct buf p = BUF_INIT;

	buf_u32(&p, text);
	buf_u32(&p, pages);
	buf_u32(&p, blocks);
	buf_u32(&p, lines);
	buf_u32(&p, 0); /* annotations */
	buf_u32(&p, 0); /* children */
	buf_u32(&p, image);
	frame_put(out, FRAME_END, p.data, (uint32_t)p.len);
	buf_finish(&p);
}

static void put_end_with(struct buf *out, uint32_t text, uint32_t pages, uint32_t annotations)
{
	struct buf p = BUF_INIT;

	buf_u32(&p, text);
	buf_u32(&p, pages);
	buf_u32(&p, 0);
	buf_u32(&p, 0);
	buf_u32(&p, annotations);
	buf_u32(&p, 0);
	buf_u32(&p, 0);
	frame_put(out, FRAME_END, p.data, (uint32_t)p.len);
	buf_finish(&p);
}

static void put_note(struct buf *out, int kind, int page, int start, int end, const char *text)
{
	struct buf p = BUF_INIT;

	frame_put_annotation(&p, &(struct annotation){(uint8_t)kind, page, start, end, text});
	frame_put(out, FRAME_ANNOTATIONS, p.data, (uint32_t)p.len);
	buf_finish(&p);
}

static void put_page(struct buf *out, int start, int end, float w, float h)
{
	struct buf p = BUF_INIT;

	frame_put_page(&p, &(struct page){0, start, end, w, h, -1, NULL});
	frame_put(out, FRAME_PAGES, p.data, (uint32_t)p.len);
	buf_finish(&p);
}

static void put_block(struct buf *out, int kind, int level, int page, int start, int end)
{
	struct buf p = BUF_INIT;

	frame_put_block(&p, &(struct block){(uint8_t)kind, (uint8_t)level, page, start, end});
	frame_put(out, FRAME_BLOCKS, p.data, (uint32_t)p.len);
	buf_finish(&p);
}

static void put_line(struct buf *out, struct box l)
{
	struct buf p = BUF_INIT;

	frame_put_line(&p, &l);
	frame_put(out, FRAME_LINES, p.data, (uint32_t)p.len);
	buf_finish(&p);
}

static void put_good(struct buf *out)
{
	put_type(out, true, "application/pdf");
	frame_put(out, FRAME_TITLE, "Travel", 6);
	frame_put(out, FRAME_PROGRESS, "\1\0\0\0\2\0\0\0", 8);
	put_page(out, 0, (int)strlen(TEXT), 595, 842);
	put_block(out, BLOCK_HEADING, 1, 1, 0, 13);
	put_block(out, BLOCK_PARAGRAPH, 0, 1, 14, 35);
	put_line(out, (struct box){1, 72, 100, 200, 112, 0, 13});
	put_line(out, (struct box){1, 72, 120, 300, 132, 14, 35});
	frame_put(out, FRAME_TEXT, TEXT, (uint32_t)strlen(TEXT));
	put_end(out, (uint32_t)strlen(TEXT), 1, 2, 2, 0);
}

/* 0: a document; 1: refused while feeding; 2: refused as a whole. */
static int judge(const struct buf *frames, size_t step, struct arena *a, struct extracted *x)
{
	struct frame_reader r;
	int rc = 0;

	frame_reader_init(&r, 1000, 0, 10);
	for (size_t at = 0; at < frames->len && rc == 0; at += step) {
		size_t n = frames->len - at < step ? frames->len - at : step;

		rc = frame_reader_feed(&r, frames->data + at, n) < 0;
	}
	assert_true(!rc == !r.bad);
	if (rc == 0 && frame_reader_take(&r, a, x, NULL) < 0) {
		rc = 2;
	}
	frame_reader_finish(&r);
	return rc;
}

static void good_frames_in_pieces_of_any_size(void **state)
{
	struct buf frames = BUF_INIT;
	struct arena a;

	(void)state;
	arena_init(&a);
	put_good(&frames);
	for (size_t step = 1; step <= frames.len; step++) {
		struct extracted x;

		assert_int_equal(judge(&frames, step, &a, &x), 0);
		assert_string_equal(x.text, TEXT);
		assert_string_equal(x.title, "Travel");
		assert_string_equal(x.media_type, "application/pdf");
		assert_int_equal(x.n_blocks, 2);
		assert_int_equal(x.blocks[0].level, 1);
		assert_int_equal(x.n_lines, 2);
		assert_int_equal(x.lines[1].byte_end, 35);
		assert_true(x.lines[1].x1 == 300.0f);
	}
	arena_finish(&a);
	buf_finish(&frames);
}

static void a_cut_stream_is_no_document(void **state)
{
	struct buf frames = BUF_INIT;
	struct arena a;
	struct extracted x;

	(void)state;
	arena_init(&a);
	put_good(&frames);
	for (size_t len = 0; len < frames.len; len++) {
		struct buf cut = frames;

		cut.len = len;
		assert_int_not_equal(judge(&cut, 4096, &a, &x), 0);
	}
	arena_finish(&a);
	buf_finish(&frames);
}

struct bad_case {
	const char *name;
	void (*put)(struct buf *out);
};

#define BAD(fn, ...)                                                                               \
	static void fn(struct buf *out)                                                            \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define HEAD put_type(out, true, "application/pdf");
#define PAGE put_page(out, 0, 4, 595, 842);
#define ABC frame_put(out, FRAME_TEXT, "abc\n", 4);

BAD(unknown_type, HEAD frame_put(out, (enum frame_type)99, "", 0);)
BAD(type_zero, HEAD frame_put(out, (enum frame_type)0, "", 0);)
BAD(text_before_type, ABC)
BAD(two_types, HEAD HEAD)
BAD(empty_media_type, put_type(out, true, "");)
BAD(media_type_control, put_type(out, true, "text/\nhtml");)
BAD(media_type_long, char s[129]; memset(s, 'a', 128); s[128] = '\0'; put_type(out, true, s);
	PAGE ABC put_end(out, 4, 1, 0, 0, 0);)
BAD(paged_two, frame_put(out, FRAME_TYPE, "\6text/html", 10);)
BAD(two_titles, HEAD frame_put(out, FRAME_TITLE, "a", 1); frame_put(out, FRAME_TITLE, "b", 1);)
BAD(title_control, HEAD frame_put(out, FRAME_TITLE, "a\x1b[1m", 5);)
BAD(title_not_utf8, HEAD frame_put(out, FRAME_TITLE, "\xc3", 1);)
BAD(progress_past_end, frame_put(out, FRAME_PROGRESS, "\3\0\0\0\2\0\0\0", 8);)
BAD(progress_short, frame_put(out, FRAME_PROGRESS, "\3\0\0\0", 4);)
BAD(progress_long, frame_put(out, FRAME_PROGRESS, "\1\0\0\0\2\0\0\0x", 9);)
BAD(page_odd_length, HEAD frame_put(out, FRAME_PAGES, "123456789", 9);)
BAD(page_nan, HEAD put_page(out, 0, 4, NAN, 1);)
BAD(
	too_many_pages, HEAD for (int i = 0; i < 11; i++) { put_page(out, 0, 0, 1, 1); })
BAD(block_kind, HEAD put_block(out, 99, 0, 1, 0, 3);)
BAD(text_not_utf8, HEAD frame_put(out, FRAME_TEXT, "ab\xff", 3);)
BAD(text_nul, HEAD frame_put(out, FRAME_TEXT, "a\0b", 3);)
BAD(text_split_character, HEAD frame_put(out, FRAME_TEXT, "a\xc3", 2);
	frame_put(out, FRAME_TEXT, "\xa9", 1);)
BAD(too_much_text, HEAD char s[1001]; memset(s, 'a', 1001); frame_put(out, FRAME_TEXT, s, 1001);)
BAD(image_not_asked, HEAD frame_put(out, FRAME_IMAGE, "x", 1);)
BAD(huge_length, HEAD buf_u8(out, FRAME_TEXT); buf_u32(out, 0xffffffffu);)
BAD(fault_none, frame_put(out, FRAME_FAULT, "\0\0\0\0\0", 5);)
BAD(fault_unknown, frame_put(out, FRAME_FAULT, "\x63\0\0\0\0", 5);)
BAD(fault_control, frame_put(out, FRAME_FAULT, "\2\0\0\0\0\n", 6);)
BAD(end_counts, HEAD PAGE ABC put_end(out, 5, 1, 0, 0, 0);)
BAD(end_pages, HEAD PAGE ABC put_end(out, 4, 2, 0, 0, 0);)
BAD(after_end, HEAD PAGE ABC put_end(out, 4, 1, 0, 0, 0); ABC)
BAD(child_not_asked, HEAD frame_put(out, FRAME_CHILD, "a.txt", 5);)
BAD(bytes_of_no_child, HEAD frame_put(out, FRAME_BYTES, "x", 1);)
BAD(annotation_kind, HEAD put_note(out, N_ANNOTATION_KINDS, 1, 0, 0, "x");)
BAD(annotation_control, HEAD put_note(out, ANNOTATION_LINK, 1, 0, 0, "a\x1b[1m");)
BAD(annotation_long, HEAD char s[ANNOTATION_TEXT_MAX + 2]; memset(s, 'a', sizeof(s) - 1);
	s[sizeof(s) - 1] = '\0'; put_note(out, ANNOTATION_LINK, 1, 0, 0, s);)
BAD(annotation_cut, HEAD frame_put(out, FRAME_ANNOTATIONS, "\0\1\0\0\0", 5);)
BAD(label_control, HEAD struct buf p = BUF_INIT;
	frame_put_page(&p, &(struct page){0, 0, 4, 1, 1, -1, "a\nb"});
	frame_put(out, FRAME_PAGES, p.data, (uint32_t)p.len); buf_finish(&p);)
BAD(confidence, HEAD struct buf p = BUF_INIT;
	frame_put_page(&p, &(struct page){0, 0, 4, 1, 1, 101, NULL});
	frame_put(out, FRAME_PAGES, p.data, (uint32_t)p.len); buf_finish(&p);
	ABC put_end(out, 4, 1, 0, 0, 0);)
/* well-formed frames, nonsense as a whole */
BAD(annotation_past_text, HEAD PAGE ABC put_note(out, ANNOTATION_LINK, 1, 2, 9, "x");
	put_end_with(out, 4, 1, 1);)
BAD(annotation_no_page, HEAD PAGE ABC put_note(out, ANNOTATION_LINK, 2, 0, 1, "x");
	put_end_with(out, 4, 1, 1);)
BAD(annotation_count, HEAD PAGE ABC put_note(out, ANNOTATION_LINK, 1, 0, 1, "x");
	put_end_with(out, 4, 1, 2);)
BAD(row_role, HEAD PAGE ABC put_block(out, BLOCK_TABLE_ROW, N_ROW_ROLES, 1, 0, 3);
	put_end(out, 4, 1, 1, 0, 0);)
BAD(no_pages, HEAD ABC put_end(out, 4, 0, 0, 0, 0);)
BAD(page_past_text, HEAD put_page(out, 0, 5, 1, 1); ABC put_end(out, 4, 1, 0, 0, 0);)
BAD(page_size, HEAD put_page(out, 0, 4, -1, 1); ABC put_end(out, 4, 1, 0, 0, 0);)
BAD(block_past_page, HEAD PAGE ABC put_block(out, 0, 0, 1, 0, 9); put_end(out, 4, 1, 1, 0, 0);)
BAD(block_no_page, HEAD PAGE ABC put_block(out, 0, 0, 2, 0, 3); put_end(out, 4, 1, 1, 0, 0);)
BAD(block_half_line, HEAD PAGE ABC put_block(out, 0, 0, 1, 1, 3); put_end(out, 4, 1, 1, 0, 0);)
BAD(block_no_level, HEAD PAGE ABC put_block(out, BLOCK_HEADING, 0, 1, 0, 3);
	put_end(out, 4, 1, 1, 0, 0);)
BAD(block_twice, HEAD PAGE ABC put_block(out, 0, 0, 1, 0, 3); put_block(out, 0, 0, 1, 0, 3);
	put_end(out, 4, 1, 2, 0, 0);)
BAD(line_flat, HEAD PAGE ABC put_line(out, (struct box){1, 5, 5, 9, 5, 0, 3});
	put_end(out, 4, 1, 0, 1, 0);)
BAD(line_infinite, HEAD PAGE ABC put_line(out, (struct box){1, 5, 5, INFINITY, 9, 0, 3});
	put_end(out, 4, 1, 0, 1, 0);)
BAD(line_backwards, HEAD PAGE ABC put_line(out, (struct box){1, 5, 5, 9, 9, 3, 1});
	put_end(out, 4, 1, 0, 1, 0);)
BAD(lines_unpaged, put_type(out, false, "text/plain"); put_page(out, 0, 4, 0, 0);
	ABC put_line(out, (struct box){1, 5, 5, 9, 9, 0, 3}); put_end(out, 4, 1, 0, 1, 0);)
BAD(in_a_character, HEAD put_page(out, 0, 3, 1, 1); frame_put(out, FRAME_TEXT, "\xc3\xa9\n", 3);
	put_line(out, (struct box){1, 5, 5, 9, 9, 1, 2}); put_end(out, 3, 1, 0, 1, 0);)

static void malformed_frames_are_refused(void **state)
{
	static const struct bad_case CASES[] = {{"unknown type", unknown_type},
		{"type 0", type_zero}, {"text before type", text_before_type},
		{"two types", two_types}, {"empty media type", empty_media_type},
		{"control in type", media_type_control}, {"long media type", media_type_long},
		{"paging 6", paged_two}, {"two titles", two_titles},
		{"control in title", title_control}, {"title not UTF-8", title_not_utf8},
		{"progress past end", progress_past_end}, {"short progress", progress_short},
		{"long progress", progress_long}, {"odd page", page_odd_length},
		{"NaN page", page_nan}, {"too many pages", too_many_pages},
		{"block kind", block_kind}, {"text not UTF-8", text_not_utf8},
		{"NUL in text", text_nul}, {"split character", text_split_character},
		{"too much text", too_much_text}, {"image", image_not_asked},
		{"huge length", huge_length}, {"fault 0", fault_none},
		{"unknown fault", fault_unknown}, {"control in fault", fault_control},
		{"end counts", end_counts}, {"end pages", end_pages}, {"after the end", after_end},
		{"no pages", no_pages}, {"page past text", page_past_text},
		{"page size", page_size}, {"block past page", block_past_page},
		{"block without page", block_no_page}, {"block in a line", block_half_line},
		{"heading level", block_no_level}, {"block twice", block_twice},
		{"flat line", line_flat}, {"infinite line", line_infinite},
		{"backward line", line_backwards}, {"lines without pages", lines_unpaged},
		{"in a character", in_a_character}, {"a child", child_not_asked},
		{"bytes of none", bytes_of_no_child}, {"annotation kind", annotation_kind},
		{"control in annotation", annotation_control}, {"long annotation", annotation_long},
		{"cut annotation", annotation_cut}, {"control in label", label_control},
		{"confidence", confidence}, {"annotation past text", annotation_past_text},
		{"annotation without page", annotation_no_page},
		{"annotation count", annotation_count}, {"row role", row_role}};
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct buf frames = BUF_INIT;
		struct extracted x;

		CASES[i].put(&frames);
		if (judge(&frames, 7, &a, &x) == 0) {
			fail_msg("%s was accepted", CASES[i].name);
		}
		buf_finish(&frames);
	}
	arena_finish(&a);
}

static void a_fault_ends_the_document(void **state)
{
	struct buf frames = BUF_INIT;
	struct frame_reader r;

	(void)state;
	frame_put_fault(&frames, FAULT_PAGES, 7000, "x");
	frame_reader_init(&r, 10, 0, 1);
	assert_int_equal(frame_reader_feed(&r, frames.data, frames.len), 1);
	assert_int_equal(r.fault, FAULT_PAGES);
	assert_int_equal(r.fault_number, 7000);
	assert_true(r.ended);
	assert_int_equal(frame_reader_feed(&r, frames.data, frames.len), -1);
	frame_reader_finish(&r);
	buf_finish(&frames);
}

/* Whatever a flipped stream says, what is accepted passes extracted_check (ASan watches the rest).
 */
static void random_damage_is_survived(void **state)
{
	unsigned int seed = (unsigned int)time(NULL);
	struct buf good = BUF_INIT;
	int n_accepted = 0;

	(void)state;
	print_message("seed %u\n", seed);
	put_good(&good);
	for (int i = 0; i < 20000; i++) {
		struct buf frames = BUF_INIT;
		struct arena a;
		struct extracted x;

		arena_init(&a);
		buf_add(&frames, good.data, good.len);
		for (int k = rand_r(&seed) % 4; k >= 0; k--) {
			frames.data[(size_t)rand_r(&seed) % frames.len] = (char)rand_r(&seed);
		}
		if (judge(&frames, 64, &a, &x) == 0) {
			n_accepted++;
			assert_int_equal(extracted_check(&x, NULL), 0);
		}
		arena_finish(&a);
		buf_finish(&frames);
	}
	assert_true(n_accepted < 20000);
	buf_finish(&good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_frames_in_pieces_of_any_size),
		cmocka_unit_test(a_cut_stream_is_no_document),
		cmocka_unit_test(malformed_frames_are_refused),
		cmocka_unit_test(a_fault_ends_the_document),
		cmocka_unit_test(random_damage_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
