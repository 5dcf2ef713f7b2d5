#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/buf.h"
#include "index/base/utf8.h"
#include "index/tokens.h"
#include "ingest/chunker.h"

/* ── a document drawn line by line ── */

struct drawing {
	struct buf text;
	struct page pages[64];
	struct block blocks[4096];
	struct box lines[16384];
	int n_pages, n_blocks, n_lines;
	int page_lines;
	enum paging paging;
};

static void drawing_init(struct drawing *d)
{
	memset(d, 0, sizeof(*d));
	buf_init(&d->text);
	d->n_pages = 1;
	d->paging = PAGING_PAGES;
	d->pages[0] = (struct page){.number = 1, .width = 595, .height = 842};
}

static void draw_line(struct drawing *d, const char *s)
{
	int32_t start = (int32_t)d->text.len;

	buf_str(&d->text, s);
	d->lines[d->n_lines++] = (struct box){.page = d->n_pages,
		.x0 = 72,
		.x1 = 520,
		.y0 = 72 + 14 * (float)d->page_lines,
		.y1 = 84 + 14 * (float)d->page_lines,
		.byte_start = start,
		.byte_end = (int32_t)d->text.len};
	buf_char(&d->text, '\n');
	d->page_lines++;
}

static void draw_page_end(struct drawing *d)
{
	d->pages[d->n_pages - 1].byte_end = (int32_t)d->text.len;
	d->pages[d->n_pages] = (struct page){.number = d->n_pages + 1,
		.width = 595,
		.height = 842,
		.byte_start = (int32_t)d->text.len};
	d->n_pages++;
	d->page_lines = 0;
}

/* The text's '\n' end its lines. */
static void draw_block(struct drawing *d, enum block_kind kind, int level, const char *text)
{
	struct block *b = &d->blocks[d->n_blocks++];
	char *copy = strdup(text), *save = NULL;

	if (d->page_lines > 40 && d->n_pages < 60) {
		draw_page_end(d);
	}
	*b = (struct block){.kind = (uint8_t)kind,
		.level = (uint8_t)level,
		.page = d->n_pages,
		.byte_start = (int32_t)d->text.len};
	for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		draw_line(d, l);
	}
	b->byte_end = (int32_t)d->text.len - 1;
	free(copy);
}

static struct extracted drawn(struct drawing *d)
{
	buf_add(&d->text, "", 0);
	d->pages[d->n_pages - 1].byte_end = (int32_t)d->text.len;
	return (struct extracted){.text = d->text.data ? d->text.data : "",
		.n_bytes = (int32_t)d->text.len,
		.paging = (uint8_t)d->paging,
		.pages = d->pages,
		.n_pages = d->n_pages,
		.blocks = d->blocks,
		.n_blocks = d->n_blocks,
		.lines = d->lines,
		.n_lines = d->n_lines,
		.media_type = "application/pdf"};
}

struct fixture {
	struct arena arena;
	struct drawing *d;
	struct chunk *chunks;
	int n;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->d = malloc(sizeof(*f->d));
	drawing_init(f->d);
	arena_init(&f->arena);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	buf_finish(&f->d->text);
	arena_finish(&f->arena);
	free(f->d);
	free(f);
	return 0;
}

static void run(struct fixture *f, int target)
{
	struct chunker_config config = {.target_tokens = target, .name = "hr/Travel policy.pdf"};
	struct extracted x = drawn(f->d);

	chunker_run(&x, &config, &f->arena, &f->chunks, &f->n);
}

static const char *words(struct fixture *f, int n, const char *word)
{
	struct buf b = BUF_INIT;
	char *s;

	for (int i = 0; i < n; i++) {
		buf_printf(
			&b, "%s%s%s", i ? (i % 12 ? " " : "\n") : "", word, i % 9 == 8 ? "." : "");
	}
	buf_char(&b, '.');
	s = arena_str(&f->arena, b.data);
	buf_finish(&b);
	return s;
}

/* ── what a reader expects ── */

static void empty_document(void **state)
{
	struct fixture *f = *state;

	run(f, 200);
	assert_int_equal(f->n, 0);
	draw_block(f->d, BLOCK_PARAGRAPH, 0, "   \n \t ");
	run(f, 200);
	assert_int_equal(f->n, 0);
}

static void headings_become_paths(void **state)
{
	struct fixture *f = *state;

	draw_block(f->d, BLOCK_HEADING, 1, "Travel policy");
	draw_block(f->d, BLOCK_HEADING, 2, "Booking   a\nflight");
	draw_block(f->d, BLOCK_PARAGRAPH, 0, words(f, 60, "the portal"));
	draw_block(f->d, BLOCK_HEADING, 2, "Hotels");
	draw_block(f->d, BLOCK_PARAGRAPH, 0, words(f, 120, "room"));
	run(f, 150);
	assert_int_equal(f->n, 2);
	assert_string_equal(f->chunks[0].heading, "Travel policy > Booking a flight");
	assert_string_equal(f->chunks[1].heading, "Travel policy > Hotels");
	assert_string_equal(f->chunks[0].title, "Travel policy");
	assert_null(strstr(f->chunks[0].text, "Booking"));
	assert_null(strstr(f->chunks[0].text, "room"));
	assert_null(strstr(f->chunks[0].text, "\n"));
	assert_string_equal(f->chunks[0].language, "en");
}

static void tiny_sections_share_a_chunk(void **state)
{
	struct fixture *f = *state;

	draw_block(f->d, BLOCK_HEADING, 1, "Contacts");
	draw_block(f->d, BLOCK_HEADING, 2, "Reception");
	draw_block(f->d, BLOCK_PARAGRAPH, 0, "Call 100.");
	draw_block(f->d, BLOCK_HEADING, 2, "Security");
	draw_block(f->d, BLOCK_PARAGRAPH, 0, "Call 200.");
	run(f, 200);
	assert_int_equal(f->n, 1);
	assert_string_equal(f->chunks[0].heading, "Contacts");
	assert_non_null(strstr(f->chunks[0].text, "Reception"));
	assert_non_null(strstr(f->chunks[0].text, "Security"));
}

static void a_heading_alone_is_kept(void **state)
{
	struct fixture *f = *state;

	draw_block(f->d, BLOCK_HEADING, 1, "Nothing follows");
	run(f, 200);
	assert_int_equal(f->n, 1);
	assert_string_equal(f->chunks[0].text, "Nothing follows");
}

static void chinese_sentences(void **state)
{
	struct fixture *f = *state;
	struct buf b = BUF_INIT;

	for (int i = 0; i < 40; i++) {
		/* 员工出差需要提前申请。 */
		buf_str(&b,
			"\xe5\x91\x98\xe5\xb7\xa5\xe5\x87\xba\xe5\xb7\xae\xe9\x9c\x80\xe8\xa6\x81"
			"\xe6\x8f\x90\xe5\x89\x8d\xe7\x94\xb3\xe8\xaf\xb7\xe3\x80\x82");
	}
	draw_block(f->d, BLOCK_PARAGRAPH, 0, b.data);
	buf_finish(&b);
	run(f, 100);
	assert_true(f->n >= 4);
	for (int i = 0; i < f->n; i++) {
		size_t len = strlen(f->chunks[i].text);

		assert_memory_equal(f->chunks[i].text + len - 3, "\xe3\x80\x82", 3);
		assert_string_equal(f->chunks[i].language, "zh");
	}
}

static void abbreviations_do_not_cut(void **state)
{
	struct fixture *f = *state;
	struct buf b = BUF_INIT;

	for (int i = 0; i < 30; i++) {
		buf_str(&b,
			"The approval is given by Mr. Weber before the trip, never afterwards. ");
	}
	draw_block(f->d, BLOCK_PARAGRAPH, 0, b.data);
	buf_finish(&b);
	run(f, 60);
	assert_true(f->n > 3);
	for (int i = 0; i < f->n; i++) {
		assert_memory_equal(f->chunks[i].text, "The approval", 12);
	}
}

static void a_long_table_repeats_its_header(void **state)
{
	struct fixture *f = *state;

	draw_block(f->d, BLOCK_HEADING, 1, "Prices");
	draw_block(f->d, BLOCK_TABLE_ROW, 0, "Item | Unit | Price");
	for (int i = 0; i < 60; i++) {
		draw_block(f->d, BLOCK_TABLE_ROW, 0,
			arena_printf(&f->arena, "Part number %d | piece | %d.50 EUR", 1000 + i, i));
	}
	run(f, 120);
	assert_true(f->n >= 4);
	for (int i = 0; i < f->n; i++) {
		const char *text = f->chunks[i].text;
		size_t n_own = (size_t)(f->chunks[i].byte_end - f->chunks[i].byte_start);

		assert_memory_equal(text, "Item | Unit | Price\n", 20);
		assert_int_equal(strlen(text), n_own + (i > 0 ? 20 : 0));
		assert_true(f->chunks[i].n_tokens <= 180);
		assert_memory_equal(text + strlen(text) - 4, " EUR", 4); /* rows are whole */
	}
}

static void draw_rows(struct drawing *d, int n, const char *what)
{
	for (int i = 0; i < n; i++) {
		char row[100];

		snprintf(row, sizeof(row), "%s %d | %d.50 | in stock since spring", what, i, i);
		draw_block(d, BLOCK_TABLE_ROW, ROW_NEXT, row);
	}
}

static void all_header_rows_are_repeated(void **state)
{
	struct fixture *f = *state;

	draw_block(f->d, BLOCK_TABLE_ROW, ROW_HEADER, "Article | Price | Since");
	draw_block(f->d, BLOCK_TABLE_ROW, ROW_HEADER, " | in euros |");
	draw_rows(f->d, 60, "otter");
	run(f, 120);
	assert_true(f->n > 3);
	for (int i = 0; i < f->n; i++) {
		assert_memory_equal(f->chunks[i].text, "Article | Price | Since\n", 24);
		assert_non_null(strstr(f->chunks[i].text, "in euros"));
		assert_non_null(strstr(f->chunks[i].text, "otter"));
	}
}

static void tables_that_touch_keep_their_own_headers(void **state)
{
	struct fixture *f = *state;

	draw_block(f->d, BLOCK_TABLE_ROW, ROW_HEADER, "Animal | Price | Since");
	draw_rows(f->d, 20, "otter");
	draw_block(f->d, BLOCK_TABLE_ROW, ROW_HEADER, "Plant | Price | Since");
	draw_rows(f->d, 20, "reed");
	draw_block(f->d, BLOCK_TABLE_ROW, ROW_FIRST, "stone 100 | 1.50 | no header here");
	draw_rows(f->d, 20, "stone");
	run(f, 120);
	for (int i = 0; i < f->n; i++) {
		const char *text = f->chunks[i].text;
		bool animals = strncmp(text, "Animal", 6) == 0,
		     plants = strncmp(text, "Plant", 5) == 0;

		assert_true(animals || !strstr(text, "otter") || strstr(text, "Plant"));
		assert_true(plants || !strstr(text, "reed") || strstr(text, "Plant |"));
		assert_true(!animals || !strstr(text, "stone"));
		assert_true(strncmp(text, "stone", 5) != 0 || !strstr(text, "stone 100") ||
			    strstr(text, "no header here"));
	}
	assert_memory_equal(f->chunks[f->n - 1].text, "stone", 5);
}

static void a_chunk_stays_on_its_sheet(void **state)
{
	struct fixture *f = *state;

	f->d->pages[0].label = "Prices";
	draw_block(f->d, BLOCK_TABLE_ROW, ROW_HEADER, "Article | Price");
	draw_block(f->d, BLOCK_TABLE_ROW, ROW_NEXT, "otter | 3");
	draw_page_end(f->d);
	f->d->pages[1].label = "Stock";
	draw_block(f->d, BLOCK_TABLE_ROW, ROW_HEADER, "Article | Pieces");
	draw_block(f->d, BLOCK_TABLE_ROW, ROW_NEXT, "otter | 40");
	for (int i = 0; i < f->d->n_lines; i++) { /* in cells */
		struct box *b = &f->d->lines[i];

		b->x0 = 1;
		b->x1 = 3;
		b->y0 = (float)(i % 2 + 4);
		b->y1 = b->y0 + 1;
	}
	f->d->paging = PAGING_SHEETS;
	run(f, 200);
	assert_int_equal(f->n, 2);
	assert_string_equal(f->chunks[0].heading, "Prices");
	assert_string_equal(f->chunks[0].place, "Prices!B5:C6");
	assert_string_equal(f->chunks[1].heading, "Stock");
	assert_int_equal(f->chunks[1].page_first, 2);
}

static void pages_are_called_as_the_document_calls_them(void **state)
{
	struct fixture *f = *state;

	f->d->pages[0].label = "iv";
	draw_block(f->d, BLOCK_PARAGRAPH, 0, "Words of the preface.");
	run(f, 200);
	assert_string_equal(f->chunks[0].place, "iv");
}

static void list_stays_with_its_lead_in(void **state)
{
	struct fixture *f = *state;

	draw_block(f->d, BLOCK_PARAGRAPH, 0, words(f, 95, "approval"));
	draw_block(f->d, BLOCK_PARAGRAPH, 0, "These costs are paid back:");
	for (int i = 0; i < 6; i++) {
		draw_block(f->d, BLOCK_LIST_ITEM, 0,
			"- tickets of trains, trams and buses in the city");
	}
	run(f, 110);
	assert_int_equal(f->n, 2);
	assert_memory_equal(f->chunks[1].text, "These costs are paid back:", 26);
}

static void an_endless_word_is_cut(void **state)
{
	struct fixture *f = *state;
	char *s = malloc(20001);

	memset(s, 'x', 20000);
	s[20000] = '\0';
	draw_block(f->d, BLOCK_PARAGRAPH, 0, s);
	free(s);
	run(f, 50);
	assert_true(f->n > 20);
	for (int i = 0; i < f->n; i++) {
		assert_true(f->chunks[i].n_tokens <= 75);
	}
}

static void a_long_heading_is_a_paragraph(void **state)
{
	struct fixture *f = *state;

	draw_block(f->d, BLOCK_HEADING, 1, words(f, 300, "shouting"));
	run(f, 100);
	assert_true(f->n >= 2);
	assert_string_equal(f->chunks[0].heading, "");
}

static void the_documents_own_title_wins(void **state)
{
	struct fixture *f = *state;
	struct chunker_config config = {.target_tokens = 100, .name = "a.b/.profile"};
	struct extracted x;

	draw_block(f->d, BLOCK_PARAGRAPH, 0, "One.");
	x = drawn(f->d);
	chunker_run(&x, &config, &f->arena, &f->chunks, &f->n);
	assert_string_equal(f->chunks[0].title, ".profile");
	x.title = "Reise";
	chunker_run(&x, &config, &f->arena, &f->chunks, &f->n);
	assert_string_equal(f->chunks[0].title, "Reise");
}

/* ── invariants over random documents ── */

static const char *const vocabulary[] = {"the", "approval", "Weber", "of", "expenses", "z.B.",
	"3.14", "\xe5\xb7\xae\xe6\x97\x85\xe3\x80\x82",
	"Gesch\xc3\xa4"
	"ftsf\xc3\xbchrung",
	"\xf0\x9f\x98\x80", "report!", "\xe6\x94\xbf\xe7\xad\x96", "a", "internationalisation",
	"0123456789abcdef0123456789abcdef0123456789abcdef", "why?", "end.", "e\xcc\x81t\xc3\xa9",
	"|", ":"};

static const char *random_text(struct fixture *f, int max_words)
{
	struct buf b = BUF_INIT;
	int n = 1 + rand() % max_words;
	char *s;

	for (int i = 0; i < n; i++) {
		buf_printf(&b, "%s%s", i ? (rand() % 9 ? " " : "\n") : "",
			vocabulary[(size_t)rand() % (sizeof(vocabulary) / sizeof(*vocabulary))]);
	}
	s = arena_str(&f->arena, b.data);
	buf_finish(&b);
	return s;
}

static void draw_random(struct fixture *f)
{
	int n = rand() % 40;

	f->d->paging = rand() % 2 ? PAGING_PAGES : rand() % 2 ? PAGING_SHEETS : PAGING_MESSAGES;
	for (int i = 0; i < n; i++) {
		int what = rand() % 12;

		if (what < 2) {
			draw_block(f->d, BLOCK_HEADING, rand() % 8, random_text(f, 6));
		} else if (what < 4) {
			for (int r = rand() % 30; r >= 0; r--) {
				draw_block(f->d, BLOCK_TABLE_ROW,
					rand() % 4 ? ROW_NEXT : rand() % N_ROW_ROLES,
					random_text(f, rand() % 9 ? 8 : 200));
			}
		} else if (what < 6) {
			draw_block(f->d, BLOCK_LIST_ITEM, 0, random_text(f, 30));
		} else if (what == 6) {
			draw_block(f->d, BLOCK_CODE, 0, random_text(f, 80));
		} else if (what == 7) {
			draw_line(f->d, "page furniture 12 of 40 \xe7\xac\xac"); /* in no block */
		} else {
			draw_block(
				f->d, BLOCK_PARAGRAPH, 0, random_text(f, rand() % 5 ? 120 : 1500));
		}
	}
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t';
}

static bool path_names(const char *path, const char *text, int32_t n)
{
	struct buf b = BUF_INIT;
	bool found;

	for (int32_t i = 0; i < n; i++) {
		if (!is_blank(text[i]) || (b.len > 0 && b.data[b.len - 1] != ' ')) {
			buf_char(&b, is_blank(text[i]) ? ' ' : text[i]);
		}
	}
	found = b.len > 0 && strstr(path, b.data) != NULL;
	buf_finish(&b);
	return found;
}

static void assert_covered(const struct extracted *x, const struct chunk *chunks, int n)
{
	uint8_t *times = calloc((size_t)x->n_bytes + 1, 1);

	for (int i = 0; i < n; i++) {
		for (int64_t at = chunks[i].byte_start; at < chunks[i].byte_end; at++) {
			times[at]++;
		}
	}
	for (int b = 0; b < x->n_blocks; b++) {
		const struct block *block = &x->blocks[b];
		bool named = false;

		for (int i = 0; i < n && block->kind == BLOCK_HEADING && !named; i++) {
			named = path_names(chunks[i].heading, x->text + block->byte_start,
				block->byte_end - block->byte_start);
		}
		for (int32_t at = block->byte_start; at < block->byte_end; at++) {
			if (!is_blank(x->text[at]) && times[at] != 1 &&
				!(named && times[at] == 0)) {
				fail_msg("byte %d of block %d (kind %d) is in %d chunks", at, b,
					block->kind, times[at]);
			}
		}
	}
	free(times);
}

static void assert_well_made(const struct extracted *x, const struct chunk *c, int target)
{
	size_t n_text = strlen(c->text), n_own = (size_t)(c->byte_end - c->byte_start);

	assert_true(c->byte_start < c->byte_end && c->byte_end <= x->n_bytes);
	assert_true(n_own <= n_text);
	assert_true(utf8_valid(c->text, n_text));
	assert_int_equal(c->n_tokens, tokens_estimate(c->text, n_text));
	if (c->n_tokens > target * 3 / 2) {
		fail_msg("%d tokens with a target of %d", c->n_tokens, target);
	}
	assert_true(c->page_first >= 1 && c->page_first <= c->page_last);
	assert_true(c->page_last <= x->n_pages);
	for (size_t i = 0; i < n_own; i++) {
		char own = c->text[n_text - n_own + i], there = x->text[c->byte_start + (int64_t)i];

		/* the same byte, or blanked */
		assert_true(own == there || own == ' ');
	}
	assert_true(c->n_boxes > 0);
	for (int i = 0; i < c->n_boxes; i++) {
		const struct box *b = &c->boxes[i];

		assert_true(b->page >= c->page_first && b->page <= c->page_last);
		assert_true(b->x0 >= 0 && b->x0 < b->x1 && b->x1 <= 595 && b->y0 < b->y1);
		assert_true(b->byte_start < c->byte_end && b->byte_end > c->byte_start);
	}
}

static void random_documents(void **state)
{
	struct fixture *f = *state;
	unsigned seed = 20260311;

	print_message("seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 150; round++) {
		int target = 32 + rand() % 300;
		struct extracted x;
		struct chunk *again;
		int n_again;

		buf_finish(&f->d->text);
		drawing_init(f->d);
		draw_random(f);
		run(f, target);
		x = drawn(f->d);
		for (int i = 0; i < f->n; i++) {
			assert_well_made(&x, &f->chunks[i], target);
			assert_int_equal(f->chunks[i].seq, i);
			assert_true(f->d->paging == PAGING_PAGES ||
				    f->chunks[i].page_first == f->chunks[i].page_last);
			assert_true(i == 0 || f->chunks[i].byte_start >= f->chunks[i - 1].byte_end);
		}
		assert_covered(&x, f->chunks, f->n);
		chunker_run(&x, &(struct chunker_config){target, "n", NULL}, &f->arena, &again,
			&n_again);
		assert_int_equal(n_again, f->n);
		for (int i = 0; i < f->n; i++) {
			assert_string_equal(again[i].text, f->chunks[i].text);
		}
		arena_finish(&f->arena);
	}
}

/* A small chunk is only made where it can join no neighbour of its section. */
static void no_crumbs(void **state)
{
	struct fixture *f = *state;
	unsigned seed = 7;

	print_message("seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 60; round++) {
		buf_finish(&f->d->text);
		drawing_init(f->d);
		for (int i = rand() % 20; i >= 0; i--) {
			draw_block(
				f->d, BLOCK_PARAGRAPH, 0, words(f, 1 + rand() % 150, "approval"));
		}
		run(f, 100);
		for (int i = 1; i < f->n; i++) {
			int both = f->chunks[i].n_tokens + f->chunks[i - 1].n_tokens;
			bool crumb = f->chunks[i].n_tokens < 22 || f->chunks[i - 1].n_tokens < 22;

			assert_true(!crumb || both > 130);
		}
		arena_finish(&f->arena);
	}
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(empty_document),
		T(headings_become_paths),
		T(tiny_sections_share_a_chunk),
		T(a_heading_alone_is_kept),
		T(chinese_sentences),
		T(abbreviations_do_not_cut),
		T(a_long_table_repeats_its_header),
		T(all_header_rows_are_repeated),
		T(tables_that_touch_keep_their_own_headers),
		T(a_chunk_stays_on_its_sheet),
		T(pages_are_called_as_the_document_calls_them),
		T(list_stays_with_its_lead_in),
		T(an_endless_word_is_cut),
		T(a_long_heading_is_a_paragraph),
		T(the_documents_own_title_wins),
		T(random_documents),
		T(no_crumbs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
