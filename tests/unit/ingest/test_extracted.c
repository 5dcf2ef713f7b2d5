/* The file of an extracted text: written, read back, and refused when it is damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ingest/extracted.h"

/* "Häppy" [0, 6)  "ab cdef" [7, 14)  "ghi" [15, 18) | page 2 "a | bc" [19, 25) */
#define TEXT "H\xc3\xa4ppy\nab cdef\nghi\na | bc\n"

static struct page pages[] = {{1, 0, 19, 595, 842, -1, NULL}, {2, 19, 26, 595.5f, 842, 87, "iv"}};
static struct block blocks[] = {{BLOCK_HEADING, 2, 1, 0, 6}, {BLOCK_PARAGRAPH, 0, 1, 7, 18},
	{BLOCK_TABLE_ROW, 0, 2, 19, 25}};
static struct box lines[] = {{1, 10, 10, 60, 20, 0, 6}, {1, 10, 30, 60, 40, 7, 14},
	{1, 10, 42, 60, 52, 15, 18}, {2, 1, 1, 2, 2, 19, 25}};

static struct extracted sample(void)
{
	struct extracted x = {.text = (char *)TEXT,
		.n_bytes = 26,
		.title = (char *)"Häppy",
		.media_type = "application/pdf",
		.paging = PAGING_PAGES,
		.pages = pages,
		.n_pages = 2,
		.blocks = blocks,
		.n_blocks = 3,
		.lines = lines,
		.n_lines = 4};

	return x;
}

static void packs_and_unpacks(void **state)
{
	struct extracted x = sample(), y;
	struct buf packed = BUF_INIT, again = BUF_INIT;
	struct arena a;
	struct err e = ERR_INIT;

	(void)state;
	arena_init(&a);
	extracted_pack(&x, &packed);
	assert_int_equal(extracted_unpack(packed.data, packed.len, &a, &y, &e), 0);
	extracted_pack(&y, &again);
	assert_int_equal(packed.len, again.len);
	assert_memory_equal(packed.data, again.data, packed.len);
	assert_string_equal(y.text, TEXT);
	assert_string_equal(y.title, "Häppy");
	assert_true(y.pages[1].width == 595.5f);
	assert_int_equal(y.blocks[2].kind, BLOCK_TABLE_ROW);
	buf_finish(&packed);
	buf_finish(&again);
	arena_finish(&a);
}

static void an_empty_document_packs(void **state)
{
	struct page page = {1, 0, 0, 0, 0, -1, NULL};
	struct extracted x = {.text = (char *)"",
				 .media_type = "text/plain",
				 .pages = &page,
				 .n_pages = 1},
			 y;
	struct buf packed = BUF_INIT;
	struct arena a;

	(void)state;
	arena_init(&a);
	extracted_pack(&x, &packed);
	assert_int_equal(extracted_unpack(packed.data, packed.len, &a, &y, NULL), 0);
	assert_null(y.title);
	assert_string_equal(y.text, "");
	buf_finish(&packed);
	arena_finish(&a);
}

static void a_cut_file_is_corrupt(void **state)
{
	struct extracted x = sample(), y;
	struct buf packed = BUF_INIT;
	struct arena a;

	(void)state;
	arena_init(&a);
	extracted_pack(&x, &packed);
	for (size_t n = 0; n < packed.len; n++) {
		assert_int_equal(extracted_unpack(packed.data, n, &a, &y, NULL), ERR_CORRUPT);
	}
	buf_char(&packed, 'x');
	assert_int_equal(extracted_unpack(packed.data, packed.len, &a, &y, NULL), ERR_CORRUPT);
	buf_finish(&packed);
	arena_finish(&a);
}

static void random_damage_is_told_or_harmless(void **state)
{
	unsigned int seed = (unsigned int)time(NULL);
	struct extracted x = sample();
	struct buf packed = BUF_INIT;
	int n_corrupt = 0;

	(void)state;
	print_message("seed %u\n", seed);
	extracted_pack(&x, &packed);
	for (int i = 0; i < 30000; i++) {
		struct buf copy = BUF_INIT;
		struct extracted y;
		struct arena a;
		int rc;

		arena_init(&a);
		buf_add(&copy, packed.data, packed.len);
		for (int k = rand_r(&seed) % 3; k >= 0; k--) {
			copy.data[(size_t)rand_r(&seed) % copy.len] = (char)rand_r(&seed);
		}
		rc = extracted_unpack(copy.data, copy.len, &a, &y, NULL);
		if (rc == 0) {
			assert_int_equal(extracted_check(&y, NULL), 0);
		} else {
			assert_int_equal(rc, ERR_CORRUPT);
			n_corrupt++;
		}
		arena_finish(&a);
		buf_finish(&copy);
	}
	assert_true(n_corrupt > 3000);
	buf_finish(&packed);
}

static void lines_of_a_range(void **state)
{
	struct extracted x = sample();
	const struct box *first;

	(void)state;
	assert_int_equal(extracted_lines_in(&x, 0, 6, &first), 1);
	assert_ptr_equal(first, &lines[0]);
	assert_int_equal(extracted_lines_in(&x, 7, 18, &first), 2);
	assert_ptr_equal(first, &lines[1]);
	assert_int_equal(extracted_lines_in(&x, 13, 16, &first), 2);
	assert_int_equal(extracted_lines_in(&x, 0, 26, &first), 4);
	assert_int_equal(extracted_lines_in(&x, 6, 7, &first), 0); /* between two lines */
	assert_null(first);
	assert_int_equal(extracted_lines_in(&x, 26, 30, &first), 0);
	x.n_lines = 0;
	assert_int_equal(extracted_lines_in(&x, 0, 26, &first), 0);
}

/* What chunk.place is made of: one sheet's cells, or the label of each page. */
static void tells_places(void **state)
{
	struct extracted x = sample();
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_string_equal(extracted_place(&x, 1, 1, NULL, 0, &a), "");
	assert_string_equal(extracted_place(&x, 2, 2, NULL, 0, &a), "iv");
	assert_string_equal(extracted_place(&x, 1, 2, NULL, 0, &a), "\niv");
	assert_string_equal(extracted_place(&x, 0, 2, NULL, 0, &a), "");
	assert_string_equal(extracted_place(&x, 2, 3, NULL, 0, &a), "");
	x.paging = PAGING_SHEETS;
	assert_string_equal(extracted_place(&x, 2, 2, &lines[3], 1, &a), "iv!B2");
	assert_string_equal(extracted_place(&x, 1, 2, lines, 4, &a), "\niv");
	arena_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packs_and_unpacks),
		cmocka_unit_test(an_empty_document_packs),
		cmocka_unit_test(a_cut_file_is_corrupt),
		cmocka_unit_test(random_damage_is_told_or_harmless),
		cmocka_unit_test(lines_of_a_range),
		cmocka_unit_test(tells_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
