/* What stands where once flows are written. */
#include "tests/unit/ingest/drafting.h"

#include <string.h>

#include "ingest/flow.h"

static struct arena a;

static void (*write_text)(struct draft *d);

static void write_document(struct draft *d)
{
	draft_type(d, "text/x", PAGING_NONE);
	draft_page(d, 0, 0);
	write_text(d);
}

/* The document that the frames make. */
static struct extracted run(void (*write_it)(struct draft *d))
{
	struct frame_reader r;
	struct extracted x = {0};

	write_text = write_it;
	frame_reader_init(&r, 1000000, 0, 10);
	read_draft(write_document, 1000, &r);
	if (r.fault == FAULT_NONE) {
		assert_true(r.ended);
		assert_int_equal(frame_reader_take(&r, &a, &x, NULL), 0);
	} else {
		assert_int_equal(r.fault, FAULT_TEXT);
	}
	frame_reader_finish(&r);
	return x;
}

static void add(struct flow *f, struct draft *d, const char *s)
{
	flow_add(f, d, s, strlen(s));
}

static void write_marks(struct draft *d)
{
	struct flow f = {0};

	add(&f, d, "  first   line\n\n ");
	add(&f, d, "see");
	flow_add_unseen(&f, d, ANNOTATION_HIDDEN_COLOR, "white", 5);
	add(&f, d, "  ");
	flow_add_unseen(&f, d, ANNOTATION_HIDDEN_PART, "off", 3);
	add(&f, d, "the \xef\xac\x81le"); /* the ligature is spelt out */
	flow_mark(&f, ANNOTATION_LINK, f.text.len - 5, "address", 7);
	add(&f, d, " now");
	flow_lead(&f, "- ");
	flow_write(&f, d, BLOCK_LIST_ITEM, 0, NULL);
	flow_mark(&f, ANNOTATION_COMMENT, 0, "alone", 5);
	flow_write(&f, d, BLOCK_PARAGRAPH, 0, NULL);
	flow_finish(&f);
}

static void assert_mark(const struct extracted *x, int i, uint8_t kind, const char *text,
	const char *before, const char *words)
{
	const struct annotation *n = &x->annotations[i];

	assert_true(i < x->n_annotations);
	assert_int_equal(n->kind, kind);
	assert_string_equal(n->text, text);
	assert_int_equal(n->byte_start, strlen(before));
	assert_memory_equal(x->text, before, strlen(before));
	assert_int_equal(n->byte_end - n->byte_start, strlen(words));
	assert_memory_equal(x->text + n->byte_start, words, strlen(words));
}

static void marks_stand_where_they_were(void **state)
{
	struct extracted x;

	(void)state;
	arena_init(&a);
	x = run(write_marks);
	assert_string_equal(x.text, "- first line\nsee the file now\n");
	assert_int_equal(x.n_blocks, 1);
	assert_int_equal(x.n_annotations, 4);
	assert_mark(&x, 0, ANNOTATION_HIDDEN_COLOR, "white", "- first line\nsee", "");
	assert_mark(&x, 1, ANNOTATION_HIDDEN_PART, "off", "- first line\nsee ", "");
	assert_mark(&x, 2, ANNOTATION_LINK, "address", "- first line\nsee the ", "file");
	assert_mark(&x, 3, ANNOTATION_COMMENT, "alone", "- first line\nsee the file now\n", "");
	arena_finish(&a);
}

static void write_rows(struct draft *d)
{
	struct flow f = {0};
	struct flow_row row = {0};
	struct flow_queue later = {0};

	for (int i = 0; i < 3; i++) {
		add(&f, d, i == 1 ? "" : "x");
		flow_mark(&f, i == 1 ? ANNOTATION_COMMENT : ANNOTATION_LINK, 0, "m", 1);
		flow_row_add(&row, &f, d);
		add(&f, d, "later");
		flow_later(&later, &f, BLOCK_NOTE, 0, NULL);
	}
	flow_row_write(&row, d, ROW_FIRST, NULL);
	flow_write_queue(&later, d, 2);
	add(&f, d, "between");
	flow_write(&f, d, BLOCK_HEADING, 2, NULL);
	flow_write_queue(&later, d, 9);
	for (int i = 0; i < FLOW_CELLS_MAX + 5; i++) {
		flow_row_add(&row, &f, d);
	}
	flow_row_write(&row, d, ROW_NEXT, NULL);
	flow_row_finish(&row);
	flow_finish(&f);
}

static void rows_and_what_waits(void **state)
{
	struct extracted x;

	(void)state;
	arena_init(&a);
	x = run(write_rows);
	assert_string_equal(x.text, "x | | x\nlater\nlater\nbetween\nlater\n");
	assert_mark(&x, 0, ANNOTATION_LINK, "m", "", "x | | x");
	assert_mark(&x, 1, ANNOTATION_COMMENT, "m", "", "");
	arena_finish(&a);
}

static void write_links(struct draft *d)
{
	struct flow f = {0}, part = {0};
	struct flow_row row = {0};

	add(&f, d, "see ");
	flow_begin_link(&f, "https://a.example/xyz", 19);
	add(&f, d, "both  ");
	flow_lead(&f, "1. ");
	flow_write(&f, d, BLOCK_LIST_ITEM, 0, NULL);
	add(&f, d, " blocks");
	flow_end_link(&f);
	add(&f, d, " ");
	flow_begin_link(&f, "around", 6);
	flow_begin_link(&part, "b", 1);
	add(&part, d, "part");
	flow_end_link(&part);
	flow_append(&f, d, &part);
	flow_write(&f, d, BLOCK_HEADING, 1, NULL);
	flow_end_link(&f);
	flow_row_add(&row, &part, d);
	flow_row_add_text(&row, d, &row.cells[0]);
	flow_row_add_text(&row, d, NULL);
	flow_write(&f, d, BLOCK_PARAGRAPH, 0, NULL);
	flow_row_write(&row, d, ROW_HEADER, NULL);
	flow_row_finish(&row);
	flow_finish(&part);
	flow_finish(&f);
}

static void links_go_on(void **state)
{
	static const char TEXT[] = "1. see both\nblocks part\npart | part\n";
	struct extracted x;

	(void)state;
	arena_init(&a);
	x = run(write_links);
	assert_string_equal(x.text, TEXT);
	assert_int_equal(x.n_annotations, 5);
	assert_mark(&x, 0, ANNOTATION_LINK, "https://a.example/x", "1. see ", "both");
	assert_mark(&x, 1, ANNOTATION_LINK, "https://a.example/x", "1. see both\n", "blocks");
	assert_mark(&x, 2, ANNOTATION_LINK, "b", "1. see both\nblocks ", "part");
	assert_mark(&x, 3, ANNOTATION_LINK, "around", "1. see both\nblocks ", "part");
	assert_mark(&x, 4, ANNOTATION_LINK, "b", "1. see both\nblocks part\n", "part | part");
	arena_finish(&a);
}

static void write_asides(struct draft *d)
{
	struct flow_aside aside = {.draft = d};

	flow_aside_add(&aside, ANNOTATION_DELETED, "a", 1);
	flow_aside_add(&aside, ANNOTATION_DELETED, "b", 1);
	flow_aside_add(&aside, ANNOTATION_HIDDEN_SIZE, "c", 1);
	for (int i = 0; i < ANNOTATION_TEXT_MAX; i++) {
		flow_aside_add(&aside, ANNOTATION_HIDDEN_SIZE, "d", 1);
	}
	flow_aside_flush(&aside);
	flow_aside_flush(&aside);
	buf_finish(&aside.text);
}

static void asides_are_told_by_kind(void **state)
{
	struct extracted x;

	(void)state;
	arena_init(&a);
	x = run(write_asides);
	assert_int_equal(x.n_annotations, 3);
	assert_mark(&x, 0, ANNOTATION_DELETED, "ab", "", "");
	assert_int_equal(strlen(x.annotations[1].text), ANNOTATION_TEXT_MAX);
	assert_mark(&x, 2, ANNOTATION_HIDDEN_SIZE, "d", "", "");
	arena_finish(&a);
}

static void write_too_much(struct draft *d)
{
	struct flow f = {0};

	for (int i = 0; i < 1000; i++) {
		add(&f, d, "0123456789");
	}
}

static void text_is_bounded(void **state)
{
	(void)state;
	arena_init(&a);
	assert_null(run(write_too_much).text);
	arena_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marks_stand_where_they_were),
		cmocka_unit_test(rows_and_what_waits),
		cmocka_unit_test(links_go_on),
		cmocka_unit_test(asides_are_told_by_kind),
		cmocka_unit_test(text_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
