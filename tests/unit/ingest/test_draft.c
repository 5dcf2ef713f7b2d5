/* What extractors write, read back through the frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ingest/draft.h"

/* Runs `write_it` in a process of its own, since a draft's fault ends it, and reads what it sent.
 */
static void run(void (*write_it)(struct draft *d), struct frame_reader *r, size_t text_max)
{
	int ends[2], status;
	char chunk[4096];
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		struct draft d;

		close(ends[0]);
		draft_init(&d, ends[1], text_max, 10);
		write_it(&d);
		draft_end(&d);
		_exit(0);
	}
	close(ends[1]);
	frame_reader_init(r, 1000000, 0, 10);
	while ((n = read(ends[0], chunk, sizeof(chunk))) > 0) {
		assert_true(frame_reader_feed(r, chunk, (size_t)n) >= 0);
	}
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
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
		cmocka_unit_test(cleaning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
