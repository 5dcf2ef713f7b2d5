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
	struct ranked r = {.terms = no_terms, .numbers = no_terms, .score = score};

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
	r.fused_rank = d * 1000 + seq + 1;
	return r;
}

static void test_neighbours_merge_in_text_order(void **state)
{
	struct ranked items[] = {
		item(1, 5, 50, 1), item(2, 0, 50, .9), item(1, 4, 50, .8), item(1, 6, 50, .7)};
	const struct pack_limits limits = {.passages = 10, .merged_tokens = 700};
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
	const struct pack_limits limits = {.passages = 10, .merged_tokens = 700};
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
	const struct pack_limits limits = {.passages = 1, .merged_tokens = 700};
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

/* Document 1 could fill the budget alone; 2 gets in first, then 1 the rest. */
static void test_budget_and_share(void **state)
{
	struct ranked items[] = {
		item(1, 0, 40, 1), item(1, 10, 40, .9), item(2, 0, 40, .8), item(3, 0, 400, .7)};
	const struct pack_limits limits = {
		.passages = 10, .tokens = 120, .document_share = .4, .merged_tokens = 700};
	struct passage *p;
	struct arena a;
	int n;

	(void)state;
	arena_init(&a);
	p = pack_run(&a, items, 4, &limits, &n);
	assert_int_equal(n, 3);
	assert_string_equal(p[0].chunk.s, "chk_1_0");
	assert_string_equal(p[1].chunk.s, "chk_2_0");
	assert_string_equal(p[2].chunk.s, "chk_1_10");
	assert_int_equal(items[3].fate, FATE_BUDGET);
	arena_finish(&a);
}

/* What is worth far less does not keep a document from what it has to say. */
static void test_share_yields_to_its_like_alone(void **state)
{
	struct ranked items[] = {
		item(1, 0, 40, 1), item(1, 10, 40, .9), item(1, 20, 40, .8), item(2, 0, 40, .3)};
	const struct pack_limits limits = {
		.passages = 10, .tokens = 120, .document_share = .4, .merged_tokens = 700};
	struct arena a;
	int n;

	(void)state;
	arena_init(&a);
	pack_run(&a, items, 4, &limits, &n);
	assert_int_equal(items[1].fate, FATE_KEPT);
	assert_int_equal(items[2].fate, FATE_KEPT);
	assert_int_equal(items[3].fate, FATE_BUDGET);
	arena_finish(&a);
}

/* Of two that score about alike, the one with words of the question that nobody has brought yet. */
static void test_new_words_count(void **state)
{
	const double idf[] = {2, 2};
	struct ranked items[] = {item(1, 0, 40, 1), item(2, 0, 40, .8), item(3, 0, 40, .75)};
	const struct pack_limits limits = {.passages = 10,
		.tokens = 80,
		.document_share = .4,
		.merged_tokens = 700,
		.asked_idf = idf,
		.n_asked = 2};
	struct arena a;
	int n;

	(void)state;
	items[0].asked = items[1].asked = 1;
	items[2].asked = 2;
	arena_init(&a);
	pack_run(&a, items, 3, &limits, &n);
	assert_int_equal(items[2].fate, FATE_KEPT);
	assert_int_equal(items[1].fate, FATE_BUDGET);
	arena_finish(&a);
}

static struct ranked random_item(unsigned *seed, struct arena *a, int d, int seq, double score)
{
	struct ranked r = item(d, seq, 1 + rand_r(seed) % 200, score);
	uint64_t *terms = arena_array(a, uint64_t, 60);
	uint64_t t = 0;

	for (int i = 0; i < 30; i++) {
		terms[i] = t += 1 + (uint64_t)(rand_r(seed) % 3);
	}
	r.chunk.text = arena_printf(a, "text of %d, %d", d, seq);
	r.terms = terms;
	r.n_terms = 30;
	r.asked = (uint64_t)rand_r(seed) & 7;
	r.chunk.slot = rand_r(seed) % 30 == 0 ? -1 : r.chunk.slot;
	return r;
}

static int tokens_of(const struct passage *p, int n, const struct id *document)
{
	int sum = 0;

	for (int i = 0; i < n; i++) {
		sum += !document || id_equal(&p[i].document, document) ? p[i].n_tokens : 0;
	}
	return sum;
}

/* Whatever comes in: the budget holds, nothing is given twice, every candidate has one fate, and
 * what did not fit really does not. */
static void check_packing(const struct ranked *items, int n_items, const struct pack_limits *limits,
	const struct passage *p, int n)
{
	int kept = 0, chunks = 0, sum = tokens_of(p, n, NULL);

	assert_true(n <= limits->passages);
	assert_true(limits->tokens == 0 || sum <= limits->tokens);
	for (int i = 0; i < n; i++) {
		chunks += p[i].n_chunks;
		for (int k = 1; k < p[i].n_chunks; k++) {
			assert_true(p[i].parts[k].byte_start > p[i].parts[k - 1].byte_start);
		}
	}
	for (int i = 0; i < n_items; i++) {
		const struct ranked *r = &items[i];

		kept += fate_keeps(r->fate);
		assert_int_equal(r->fate == FATE_GONE, r->chunk.slot < 0);
		assert_int_equal(r->fate == FATE_DUPLICATE, r->same_as > 0);
		assert_true(r->fate != FATE_BUDGET || sum + r->chunk.n_tokens > limits->tokens);
		assert_true(r->fate != FATE_RANK || n == limits->passages);
		assert_true(r->fate != FATE_SHARE || sum + r->chunk.n_tokens > limits->tokens ||
			    n == limits->passages);
	}
	assert_int_equal(kept, chunks);
}

static void test_random_packings_hold(void **state)
{
	unsigned seed = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : (unsigned)clock_wall_ms();
	const double idf[] = {1, 2, 3};

	(void)state;
	printf("seed %u\n", seed);
	for (int round = 0; round < 300; round++) {
		struct ranked items[60], shuffled[60];
		struct pack_limits limits = {.passages = 1 + rand_r(&seed) % 20,
			.tokens = rand_r(&seed) % 4 ? 1 + rand_r(&seed) % 2000 : 0,
			.document_share = .4,
			.merged_tokens = 300,
			.asked_idf = idf,
			.n_asked = 3};
		struct passage *p, *again;
		struct arena a;
		int n, n_again;

		arena_init(&a);
		for (int i = 0; i < 60; i++) {
			/* many are worth the same */
			shuffled[i] = items[i] =
				random_item(&seed, &a, i % 7, i / 7, 1.0 - (i / 10) / 6.0);
		}
		for (int i = 0; i < 59; i++) { /* neighbours of one value change places */
			if (shuffled[i].score == shuffled[i + 1].score && rand_r(&seed) % 2) {
				struct ranked swapped = shuffled[i];

				shuffled[i] = shuffled[i + 1];
				shuffled[i + 1] = swapped;
			}
		}
		p = pack_run(&a, items, 60, &limits, &n);
		check_packing(items, 60, &limits, p, n);
		again = pack_run(&a, shuffled, 60, &limits, &n_again);
		assert_int_equal(n, n_again);
		for (int i = 0; i < n; i++) {
			assert_string_equal(p[i].chunk.s, again[i].chunk.s);
			assert_string_equal(p[i].text, again[i].text);
		}
		arena_finish(&a);
	}
}

/* While others of about the same worth fit, no document takes more than its share. */
static void test_random_shares_hold(void **state)
{
	unsigned seed = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : (unsigned)clock_wall_ms();

	(void)state;
	printf("seed %u\n", seed);
	for (int round = 0; round < 200; round++) {
		struct ranked items[60];
		struct pack_limits limits = {.passages = 60,
			.tokens = 400 + rand_r(&seed) % 600,
			.document_share = .4,
			.merged_tokens = 300};
		struct passage *p;
		struct arena a;
		int n;

		arena_init(&a);
		for (int i = 0; i < 60; i++) {
			items[i] = item(i % 5, i / 5 * 2, 20, 1.0 - .3 * (rand_r(&seed) % 60) / 60);
		}
		p = pack_run(&a, items, 60, &limits, &n);
		for (int i = 0; i < 5; i++) {
			struct id document = items[i].chunk.document;

			assert_true(tokens_of(p, n, &document) <= .4 * limits.tokens);
		}
		assert_true(tokens_of(p, n, NULL) > limits.tokens - 20);
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
		cmocka_unit_test(test_share_yields_to_its_like_alone),
		cmocka_unit_test(test_new_words_count),
		cmocka_unit_test(test_random_packings_hold),
		cmocka_unit_test(test_random_shares_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
