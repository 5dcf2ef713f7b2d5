#include "retrieve/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "index/base/clock.h"

static const uint64_t no_terms[1];

/* A ranked chunk of document d, sequence number seq. */
static struct ranked item(int d, int seq, int n_tokens, double score)
{
	struct ranked r = {.terms = no_terms, .score = score};

	snprintf(r.chunk.id.s, ID_SIZE, "chk_%d_%d", d, seq);
	snprintf(r.chunk.document.s, ID_SIZE, "doc_%d", d);
	snprintf(r.chunk.version.s, ID_SIZE, "ver_%d", d);
	r.chunk.slot = d * 1000 + seq;
	r.chunk.seq = seq;
	r.chunk.text = seq % 2 ? "odd text" : "even text";
	r.chunk.title = r.chunk.heading = r.chunk.language = "";
	r.chunk.document_name = "name";
	r.chunk.n_tokens = n_tokens;
	r.chunk.byte_start = seq * 100;
	r.chunk.byte_end = seq * 100 + 99;
	return r;
}

static void test_neighbours_merge_in_text_order(void **state)
{
	struct ranked items[] = {
		item(1, 5, 50, 1), item(2, 0, 50, .9), item(1, 4, 50, .8), item(1, 6, 50, .7)};
	const struct pack_limits limits = {10, 0, .5, 700};
	struct passage *p;
	struct arena a;
	int n;

	(void)state;
	arena_init(&a);
	p = pack_run(&a, items, 4, &limits, &n);
	assert_int_equal(n, 2);
	assert_int_equal(p[0].n_chunks, 3);
	assert_string_equal(p[0].chunks[0].s, "chk_1_4");
	assert_string_equal(p[0].chunk.s, "chk_1_5");
	assert_string_equal(p[0].text, "even text\nodd text\neven text");
	assert_int_equal(p[0].parts[1].text_start, 10);
	assert_int_equal(p[0].parts[1].text_end, 18);
	assert_int_equal(p[0].byte_start, 400);
	assert_int_equal(p[0].byte_end, 699);
	assert_int_equal(items[2].fate, FATE_MERGED);
	arena_finish(&a);
}

/* The cells of all that was merged; the label of the page that the best part begins on. */
static void test_places_of_what_was_merged(void **state)
{
	struct ranked sheet[] = {item(1, 4, 50, 1), item(1, 5, 50, .9), item(1, 6, 50, .8)};
	struct ranked pages[] = {item(2, 1, 50, .5), item(2, 2, 50, 1)};
	const struct pack_limits limits = {10, 0, .5, 700};
	struct box rows[] = {
		{2, 0, 1, 3, 4, 0, 9}, {2, 0, 4, 6, 9, 9, 20}, {3, 0, 0, 2, 1, 20, 30}};
	struct passage *p;
	struct arena a;
	int n;

	(void)state;
	arena_init(&a);
	for (int i = 0; i < 3; i++) {
		sheet[i].chunk.unit = "sheet";
		sheet[i].chunk.page_first = sheet[i].chunk.page_last = rows[i].page;
		sheet[i].chunk.boxes = &rows[i];
		sheet[i].chunk.n_boxes = 1;
	}
	sheet[0].chunk.place = "Prices!A2:C4";
	sheet[1].chunk.place = "Prices!A5:F9";
	sheet[2].chunk.place = "Notes!A1:B1";
	p = pack_run(&a, sheet, 3, &limits, &n);
	assert_int_equal(n, 1);
	assert_string_equal(p[0].place, "Prices!A2:F9");
	assert_string_equal(p[0].unit, "sheet");
	assert_string_equal(p[0].parts[2].place, "Notes!A1:B1");
	pages[0].chunk.unit = pages[1].chunk.unit = "page";
	pages[0].chunk.place = "iii\niv";
	pages[0].chunk.page_first = 3;
	pages[0].chunk.page_last = pages[1].chunk.page_first = pages[1].chunk.page_last = 4;
	pages[1].chunk.place = "iv";
	p = pack_run(&a, pages, 2, &limits, &n);
	assert_int_equal(p[0].page, 4);
	assert_string_equal(p[0].place, "iv");
	arena_finish(&a);
}

static void test_limit_and_gone(void **state)
{
	struct ranked items[] = {item(1, 0, 50, 1), item(2, 0, 50, .9), item(3, 0, 50, .8)};
	const struct pack_limits limits = {1, 0, .5, 700};
	struct arena a;
	int n;

	(void)state;
	items[0].chunk.slot = -1;
	arena_init(&a);
	pack_run(&a, items, 3, &limits, &n);
	assert_int_equal(n, 1);
	assert_int_equal(items[0].fate, FATE_GONE);
	assert_int_equal(items[1].fate, FATE_KEPT);
	assert_int_equal(items[2].fate, FATE_RANK);
	arena_finish(&a);
}

static void test_budget_and_share(void **state)
{
	/* Document 1 could fill the budget alone; 2 gets in first, then 1 the rest. */
	struct ranked items[] = {
		item(1, 0, 40, 1), item(1, 10, 40, .9), item(2, 0, 40, .8), item(3, 0, 400, .7)};
	const struct pack_limits limits = {10, 120, .5, 700};
	struct arena a;
	int n;

	(void)state;
	arena_init(&a);
	pack_run(&a, items, 4, &limits, &n);
	assert_int_equal(n, 3);
	assert_int_equal(items[1].fate, FATE_KEPT);
	assert_int_equal(items[2].fate, FATE_KEPT);
	assert_int_equal(items[3].fate, FATE_BUDGET);
	arena_finish(&a);
}

static void test_near_duplicates_go(void **state)
{
	uint64_t words[40], other[40];
	struct ranked items[] = {item(1, 0, 40, 1), item(2, 0, 40, .9), item(3, 0, 40, .8)};
	const struct pack_limits limits = {10, 0, .5, 700};
	struct arena a;
	int i, n;

	(void)state;
	for (i = 0; i < 40; i++) {
		words[i] = (uint64_t)i;
		other[i] = (uint64_t)i + 20;
	}
	items[0].terms = items[1].terms = words;
	items[0].n_terms = 40;
	items[1].n_terms = 39;
	items[2].terms = other;
	items[2].n_terms = 40;
	arena_init(&a);
	pack_run(&a, items, 3, &limits, &n);
	assert_int_equal(n, 2);
	assert_int_equal(items[1].fate, FATE_DUPLICATE);
	assert_int_equal(items[2].fate, FATE_KEPT);
	arena_finish(&a);
}

/* Whatever comes in: the budget holds, and nothing is given twice. */
static void test_random_budgets_hold(void **state)
{
	unsigned seed = (unsigned)clock_wall_ms();
	int round;

	(void)state;
	printf("seed %u\n", seed);
	for (round = 0; round < 300; round++) {
		struct ranked items[60];
		struct pack_limits limits = {
			1 + rand_r(&seed) % 20, 1 + rand_r(&seed) % 2000, .5, 300};
		struct passage *p;
		struct arena a;
		int i, k, n, sum = 0, chunks = 0, kept = 0;

		for (i = 0; i < 60; i++) {
			items[i] = item(i % 7, i / 7, 1 + rand_r(&seed) % 200, 1.0 - i / 60.0);
		}
		arena_init(&a);
		p = pack_run(&a, items, 60, &limits, &n);
		assert_true(n <= limits.passages);
		for (i = 0; i < n; i++) {
			sum += p[i].n_tokens;
			chunks += p[i].n_chunks;
			for (k = 1; k < p[i].n_chunks; k++) {
				assert_true(
					p[i].parts[k].byte_start > p[i].parts[k - 1].byte_start);
			}
		}
		for (i = 0; i < 60; i++) {
			kept += items[i].fate == FATE_KEPT || items[i].fate == FATE_MERGED;
		}
		assert_true(sum <= limits.tokens);
		assert_int_equal(kept, chunks);
		arena_finish(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_neighbours_merge_in_text_order),
		cmocka_unit_test(test_places_of_what_was_merged),
		cmocka_unit_test(test_limit_and_gone),
		cmocka_unit_test(test_budget_and_share),
		cmocka_unit_test(test_near_duplicates_go),
		cmocka_unit_test(test_random_budgets_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
