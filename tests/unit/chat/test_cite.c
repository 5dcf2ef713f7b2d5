#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "chat/cite.h"
#include "index/base/utf8.h"

static struct arena arena;
static struct passage passages[2];
static struct source sources[2];

static int set_up(void **state)
{
	static const char *const texts[] = {"Hotels are booked by the travel desk. A room in Milan "
					    "may cost up to 175 EUR per night.\n"
					    "Breakfast is included.",
		"City | Limit\nParis | 175 EUR\nOslo | 210 EUR"};

	(void)state;
	arena_init(&arena);
	for (int i = 0; i < 2; i++) {
		struct passage *p = &passages[i];

		*p = (struct passage){.document_name = "travel.pdf",
			.title = "Travel",
			.heading = "Hotels",
			.language = "en",
			.text = texts[i],
			.page_first = 2,
			.page_last = 2,
			.byte_start = 100,
			.byte_end = 100 + (int64_t)strlen(texts[i])};
		p->chunk = id_create("chk");
		p->document = id_create("doc");
		source_init(&sources[i], &arena, i + 1, p);
	}
	passages[0].boxes = arena_array(&arena, struct box, 2);
	passages[0].boxes[0] = (struct box){2, 72, 100, 500, 112, 100, 187};
	passages[0].boxes[1] = (struct box){3, 72, 60, 500, 72, 188, 210};
	passages[0].n_boxes = 2;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_finish(&arena);
	return 0;
}

static void feed_in(struct cite *c, const char *text, size_t step)
{
	size_t n = strlen(text);

	cite_init(c, &arena, sources, 2, "en");
	for (size_t at = 0; at < n;) {
		size_t to = at + step;

		to = to >= n ? n : utf8_floor(text, n, to);
		to = to > at ? to : at + 3;
		to = to > n ? n : to;
		cite_feed(c, text + at, to - at);
		at = to;
	}
	cite_end(c);
}

/* The same text and citations however the answer is cut. */
static void expect(const char *in, const char *shown, const char *cited, int n_dropped)
{
	for (size_t step = 1; step < strlen(in) + 2; step++) {
		struct cite c;
		char got[256] = "";

		feed_in(&c, in, step);
		assert_string_equal(c.text.len ? c.text.data : "", shown);
		for (int i = 0; i < c.n_citations; i++) {
			const struct citation *k = &c.citations[i];

			assert_int_equal(k->ordinal, i + 1);
			assert_true(k->answer_start < k->answer_end &&
				    k->answer_end <= (int)c.text.len);
			sprintf(got + strlen(got), "%d:%s ", k->handle, support_name(k->support));
		}
		assert_string_equal(got, cited);
		assert_int_equal(c.n_dropped, n_dropped);
		cite_finish(&c);
	}
}

static void test_markers(void **state)
{
	(void)state;
	expect("A room in Milan may cost 175 EUR per night [1].",
		"A room in Milan may cost 175 EUR per night [1].", "1:verified ", 0);
	expect("A room in Milan may cost 175 EUR per night. [1] Oslo costs 210 EUR.[2]",
		"A room in Milan may cost 175 EUR per night. [1] Oslo costs 210 EUR.[2]",
		"1:verified 2:verified ", 0);
	expect("Rooms cost up to 175 EUR [1, 2].", "Rooms cost up to 175 EUR [1][2].",
		"1:verified 2:partial ", 0);
	expect("Rooms cost up to 175 EUR [1-2].", "Rooms cost up to 175 EUR [1][2].",
		"1:verified 2:partial ", 0);
	expect("Rooms cost up to 175 EUR【1】.", "Rooms cost up to 175 EUR[1].", "1:verified ", 0);
	expect("Rooms cost up to 175 EUR [1][1].", "Rooms cost up to 175 EUR [1][1].",
		"1:verified ", 0);
}

static void test_unknown_markers(void **state)
{
	(void)state;
	expect("A room costs 175 EUR per night [9].", "A room costs 175 EUR per night.", "", 1);
	expect("A room costs 175 EUR per night [0, 1, 77].", "A room costs 175 EUR per night [1].",
		"1:verified ", 2);
	expect("See [12345678] and [x] and [ and [1", "See [12345678] and [x] and [ and [1", "", 0);
	expect("[9]", "", "", 1);
	expect("", "", "", 0);
}

static void test_several_claims(void **state)
{
	(void)state;
	expect("Milan costs 175 EUR per night [1] and Oslo 210 EUR [2].",
		"Milan costs 175 EUR per night [1] and Oslo 210 EUR [2].", "1:verified 2:verified ",
		0);
	expect("Milan costs 999 EUR per night [1].", "Milan costs 999 EUR per night [1].",
		"1:unverified ", 0);
	expect("- Breakfast is included [1]\n- Oslo: 210 EUR [2]\n",
		"- Breakfast is included [1]\n- Oslo: 210 EUR [2]\n", "1:verified 2:verified ", 0);
}

static void test_quote_and_place(void **state)
{
	struct cite c;

	(void)state;
	feed_in(&c, "A room in Milan costs 175 EUR [1]. Oslo: 210 EUR [2].", 7);
	assert_int_equal(c.n_citations, 2);
	assert_string_equal(
		c.citations[0].quote, "A room in Milan may cost up to 175 EUR per night.");
	assert_int_equal(c.citations[0].n_boxes, 1);
	assert_int_equal(c.citations[0].page, 2);
	assert_true(id_equal(&c.citations[0].chunk, &passages[0].chunk));
	assert_string_equal(c.citations[1].quote, "Oslo | 210 EUR");
	assert_int_equal(c.citations[1].n_boxes, 0);
	cite_finish(&c);
	feed_in(&c, "Breakfast is included [1].", 100);
	assert_int_equal(c.citations[0].page, 3);
	cite_finish(&c);
}

/* Emitted while the answer still flows: as the sentence ends, not at the end. */
static void test_as_it_flows(void **state)
{
	struct cite c;

	(void)state;
	cite_init(&c, &arena, sources, 2, "en");
	cite_feed(&c, "A room in Milan costs 175 EUR [1]. ", 35);
	assert_int_equal(c.n_citations, 0);
	cite_feed(&c, "And", 3);
	assert_int_equal(c.n_citations, 1);
	cite_finish(&c);
}

/* Whether a dot ends a sentence is told by what follows the line's end. */
static void test_a_dot_at_the_end_of_a_piece(void **state)
{
	static const char text[] = "See room [2],1. \nand the garden.";
	struct cite c;

	(void)state;
	for (size_t piece = 1; piece < sizeof(text); piece++) {
		feed_in(&c, text, piece);
		assert_int_equal(c.n_citations, 1);
		assert_int_equal(c.citations[0].answer_end, 16);
		cite_finish(&c);
	}
}

/* Merged chunks, the second with a repeated header row: places fall into the right chunk and bytes.
 */
static void test_parts(void **state)
{
	struct passage p = passages[1];
	struct passage_part parts[2] = {{id_create("chk"), 0, 28, 0, 28, 1, 1, ""},
		{id_create("chk"), 28, 42, 200, 202, 4, 4, NULL}};
	struct box boxes[2] = {{1, 0, 0, 9, 9, 13, 28}, {4, 0, 0, 9, 9, 200, 202}};
	struct source s;
	struct place place;

	(void)state;
	p.parts = parts;
	p.n_chunks = 2;
	p.boxes = boxes;
	p.n_boxes = 2;
	source_init(&s, &arena, 1, &p);
	source_place(&s, &arena, 13, 28, &place);
	assert_true(id_equal(&place.chunk, &parts[0].chunk));
	assert_int_equal(place.page, 1);
	source_place(&s, &arena, 29, 42, &place);
	assert_true(id_equal(&place.chunk, &parts[1].chunk));
	assert_int_equal(place.page, 4);
	assert_int_equal(place.n_boxes, 1);
}

/* The cells of the quoted row, not of the passage; the label of the page that it is on. */
static void test_places(void **state)
{
	static const char rows[] = "Item | Price\nLamp | 40\nDesk | 310";
	struct passage p = passages[1];
	struct passage_part parts[2] = {{id_create("chk"), 0, 31, 0, 31, 2, 2, "Prices!A1:B3"},
		{.chunk = id_create("chk")}};
	struct box boxes[3] = {
		{2, 0, 0, 2, 1, 0, 12}, {2, 0, 1, 2, 2, 13, 22}, {2, 0, 2, 2, 3, 23, 31}};
	struct citation *c;
	struct source s;
	struct place place;
	struct cite whole;

	(void)state;
	p.text = rows;
	p.parts = parts;
	p.n_chunks = 1;
	p.boxes = boxes;
	p.n_boxes = 3;
	p.unit = "sheet";
	source_init(&s, &arena, 1, &p);
	cite_init(&whole, &arena, &s, 1, "en");
	cite_feed(&whole, "A lamp costs 40 [1].", 20);
	cite_end(&whole);
	assert_int_equal(whole.n_citations, 1);
	c = &whole.citations[0];
	assert_string_equal(c->place, "Prices!A2:B2");
	assert_string_equal(c->unit, "sheet");
	assert_int_equal(c->n_boxes, 1);
	cite_finish(&whole);

	p.unit = "page";
	parts[0].page_last = 3;
	parts[0].place = "ii\niii";
	boxes[2].page = 3;
	source_init(&s, &arena, 1, &p);
	source_place(&s, &arena, 13, 22, &place);
	assert_string_equal(place.words, "ii");
	source_place(&s, &arena, 23, 31, &place);
	assert_int_equal(place.page, 3);
	assert_string_equal(place.words, "iii");
}

/* Sources that are read when they are cited are cited as those that were read before. */
static void test_read_when_cited(void **state)
{
	static const char text[] = "A room in Milan may cost 175 EUR [1]. Oslo has 210 EUR [2].";
	struct source unread[2];
	struct cite a, b;

	(void)state;
	feed_in(&a, text, sizeof(text));
	for (int i = 0; i < 2; i++) {
		source_init_unread(&unread[i], i + 1, &passages[i]);
	}
	cite_init(&b, &arena, unread, 2, "en");
	assert_null(unread[0].sentences);
	cite_feed(&b, text, sizeof(text) - 1);
	cite_end(&b);
	assert_int_equal(a.n_citations, 2);
	assert_int_equal(b.n_citations, 2);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(a.citations[i].quote, b.citations[i].quote);
		assert_int_equal(a.citations[i].support, b.citations[i].support);
		assert_int_equal(a.citations[i].page, b.citations[i].page);
	}
	assert_non_null(unread[0].sentences);
	cite_finish(&a);
	cite_finish(&b);
}

/* An answer made of sentences quotes those, whatever else would fit its words better. */
static void test_quotes_given(void **state)
{
	const int sentences[] = {2, 1};
	struct cite c;

	(void)state;
	cite_init(&c, &arena, sources, 2, "en");
	cite_quotes(&c, sentences, 2);
	cite_feed(&c, "- Paris, 175 EUR [2]\n", 21);
	cite_feed(&c, "- Oslo, 210 EUR [2]", 19);
	cite_end(&c);
	assert_int_equal(c.n_citations, 2);
	assert_string_equal(c.citations[0].quote, "Oslo | 210 EUR");
	assert_string_equal(c.citations[1].quote, "Paris | 175 EUR");
	cite_finish(&c);
}

/* More markers than one sentence may have, in many; a sentence longer than one may be. */
static void test_long_at_once(void **state)
{
	static const struct {
		const char *head, *each;
		int n_each;
		const char *tail;
		int n_citations;
	} CASES[] = {{"", "A room costs 175 EUR [1]. ", 100, "Oslo [2].", 101},
		{"Rooms ", "and rooms ", 1000, "[1]. Oslo [2].", 2}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct buf text = BUF_INIT;
		struct cite whole, cut;

		buf_str(&text, CASES[i].head);
		for (int k = 0; k < CASES[i].n_each; k++) {
			buf_str(&text, CASES[i].each);
		}
		buf_str(&text, CASES[i].tail);
		feed_in(&whole, text.data, text.len);
		assert_string_equal(whole.text.data, text.data);
		assert_int_equal(whole.n_citations, CASES[i].n_citations);
		feed_in(&cut, text.data, 7);
		assert_string_equal(cut.text.data, text.data);
		assert_int_equal(cut.n_citations, whole.n_citations);
		for (int k = 0; k < cut.n_citations; k++) {
			assert_int_equal(
				whole.citations[k].answer_start, cut.citations[k].answer_start);
			assert_int_equal(
				whole.citations[k].answer_end, cut.citations[k].answer_end);
		}
		cite_finish(&whole);
		cite_finish(&cut);
		buf_finish(&text);
	}
}

static void test_random(void **state)
{
	static const char alphabet[] = "[[]]123, -. aB\n!";
	unsigned seed = (unsigned)time(NULL);

	(void)state;
	print_message("seed %u\n", seed);
	for (int round = 0; round < 4000; round++) {
		struct cite whole, cut;
		char text[160];
		size_t len = (size_t)(rand_r(&seed) % 159);

		for (size_t i = 0; i < len; i++) {
			text[i] = alphabet[(size_t)rand_r(&seed) % (sizeof(alphabet) - 1)];
		}
		text[len] = '\0';
		feed_in(&whole, text, 1000);
		feed_in(&cut, text, 1 + (size_t)(rand_r(&seed) % 5));
		assert_int_equal(whole.text.len, cut.text.len);
		assert_int_equal(whole.n_citations, cut.n_citations);
		assert_int_equal(whole.n_dropped, cut.n_dropped);
		for (int i = 0; i < cut.n_citations; i++) {
			assert_int_equal(
				whole.citations[i].answer_start, cut.citations[i].answer_start);
			assert_int_equal(
				whole.citations[i].answer_end, cut.citations[i].answer_end);
		}
		cite_finish(&whole);
		cite_finish(&cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_markers),
		cmocka_unit_test(test_unknown_markers),
		cmocka_unit_test(test_several_claims),
		cmocka_unit_test(test_quote_and_place),
		cmocka_unit_test(test_as_it_flows),
		cmocka_unit_test(test_a_dot_at_the_end_of_a_piece),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_read_when_cited),
		cmocka_unit_test(test_quotes_given),
		cmocka_unit_test(test_long_at_once),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
