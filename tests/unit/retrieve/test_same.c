#include "retrieve/same.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "index/base/hash.h"

#define N_WORDS 40
static uint64_t words[N_WORDS], edited[N_WORDS], others[N_WORDS];
static const uint64_t in_2030[] = {2030}, in_2031[] = {2031};
static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	for (int i = 0; i < N_WORDS; i++) {
		words[i] = (uint64_t)i;
		edited[i] = (uint64_t)(i < 32 ? i : i + 1000); /* four fifths are the same */
		others[i] = (uint64_t)i + 20;
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_finish(&arena);
	return 0;
}

/* A passage of the document that came d-th, found in that rank. */
static struct ranked passage(int d, int rank, const char *name, const uint64_t *terms)
{
	struct ranked r = {.terms = terms,
		.n_terms = N_WORDS,
		.numbers = in_2030,
		.fused_rank = rank,
		.score = 1.0 / rank};

	snprintf(r.chunk.id.s, ID_SIZE, "chk_%d", rank);
	snprintf(r.chunk.document.s, ID_SIZE, "doc_%d", d);
	snprintf(r.chunk.version.s, ID_SIZE, "ver_%d", d);
	r.chunk.document_name = arena_str(&arena, name);
	r.chunk.text = arena_printf(&arena, "text %d", rank);
	r.chunk.title = r.chunk.heading = r.chunk.language = "";
	r.chunk.slot = rank;
	return r;
}

static void test_copies_are_one(void **state)
{
	struct ranked items[] = {passage(1, 1, "rules.md", words), passage(2, 2, "house.md", words),
		passage(3, 3, "other.md", others)};

	(void)state;
	items[0].n_terms = 39;
	same_find(&arena, items, 3);
	/* the newer one stands in the place of the best */
	assert_string_equal(items[0].chunk.id.s, "chk_2");
	assert_int_equal(items[0].fate, FATE_KEPT);
	assert_true(items[0].score == 1);
	assert_int_equal(items[1].fate, FATE_DUPLICATE);
	assert_int_equal(items[1].same_as, 2);
	assert_int_equal(items[2].fate, FATE_KEPT);
}

/* A template filled in twice says two things; two versions of one document do not. */
static void test_numbers_tell_apart(void **state)
{
	struct ranked two[] = {passage(1, 1, "acme.md", words), passage(2, 2, "globex.md", words)};
	struct ranked versions[] = {
		passage(1, 1, "prices 2030.md", words), passage(2, 2, "Prices-2031.pdf", words)};

	(void)state;
	two[0].n_numbers = two[1].n_numbers = versions[0].n_numbers = versions[1].n_numbers = 1;
	two[1].numbers = versions[1].numbers = in_2031;
	same_find(&arena, two, 2);
	assert_int_equal(two[1].fate, FATE_KEPT);
	same_find(&arena, versions, 2);
	assert_string_equal(versions[0].chunk.document.s, "doc_2");
	assert_int_equal(versions[1].fate, FATE_DUPLICATE);
}

static void test_drafts_stand_behind(void **state)
{
	struct ranked items[] = {passage(9, 1, "hr/leave policy (draft).docx", edited),
		passage(1, 2, "hr/leave-policy final.pdf", words)};
	struct ranked apart[] = {passage(9, 1, "leave policy.docx", edited),
		passage(1, 2, "travel policy.pdf", words)};

	(void)state;
	same_find(&arena, items, 2);
	assert_string_equal(items[0].chunk.document.s, "doc_1");
	assert_int_equal(items[1].fate, FATE_DUPLICATE);
	same_find(&arena, apart, 2);
	assert_int_equal(apart[1].fate, FATE_KEPT);
}

/* "… in 2030?": the list of 2031 does not stand for that of 2030, though it is the newer one. */
static void test_words_of_the_question_are_kept(void **state)
{
	struct ranked items[] = {
		passage(1, 1, "prices 2030.md", words), passage(2, 2, "prices 2031.md", words)};
	struct ranked both[] = {
		passage(1, 1, "prices 2030.md", words), passage(2, 2, "prices 2031.md", words)};

	(void)state;
	items[0].asked = 3;
	items[1].asked = 1;
	same_find(&arena, items, 2);
	assert_string_equal(items[0].chunk.document.s, "doc_1");
	assert_int_equal(items[1].same_as, 1);
	both[0].asked = 1;
	both[1].asked = 2;
	same_find(&arena, both, 2);
	assert_int_equal(both[0].fate, FATE_KEPT);
	assert_int_equal(both[1].fate, FATE_KEPT);
}

static void test_short_ones_only_if_equal(void **state)
{
	struct ranked items[] = {passage(1, 1, "a.md", words), passage(2, 2, "b.md", words),
		passage(3, 3, "c.md", words)};

	(void)state;
	items[0].n_terms = items[1].n_terms = items[2].n_terms = 5;
	items[2].chunk.text = items[1].chunk.text;
	same_find(&arena, items, 3);
	assert_int_equal(items[0].fate, FATE_KEPT);
	assert_int_equal(items[1].fate, FATE_KEPT);
	assert_int_equal(items[2].fate, FATE_DUPLICATE);
}

static void test_share_of_words(void **state)
{
	struct ranked a = passage(1, 1, "a", words), b = passage(2, 2, "b", edited);

	(void)state;
	/* 32 of 48 */
	assert_true(same_words(&a, &b, 32 / 48.0));
	assert_false(same_words(&a, &b, 32 / 48.0 + .01));
	b.n_terms = 0;
	assert_false(same_words(&a, &b, .1));
	b = a;
	assert_true(same_words(&a, &b, 1));
	b.n_terms = 36;
	assert_true(same_words(&a, &b, .9));
	assert_true(same_words(&b, &a, .9));
	b.n_terms = 35;
	assert_false(same_words(&a, &b, .9));
}

static void test_names(void **state)
{
	static const char *const same[][2] = {
		{"Leave policy v2.pdf", "leave_policy_v10 FINAL.docx"},
		{"a/b/report-2030-03.md", "c/Report 2031.md"}, {"Copy of plan.txt", "plan (1).txt"},
		{"Reisekosten_Entwurf.odt", "Reisekosten neu.odt"},
		{"差旅规定草稿.docx", "差旅规定最终版.pdf"}};
	static const char *const apart[][2] = {{"leave policy.pdf", "travel policy.pdf"},
		{"2030.pdf", "2031.pdf"}, {"draft.md", "final.md"},
		{"otter-300.pdf", "otter-500-manual.pdf"}, {"差旅规定.pdf", "保修规定.pdf"}};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		assert_true(same_names(&arena, same[i][0], same[i][1]));
	}
	for (size_t i = 0; i < sizeof(apart) / sizeof(*apart); i++) {
		assert_false(same_names(&arena, apart[i][0], apart[i][1]));
	}
}

static void test_distinct(void **state)
{
	enum { MOST = 3000 };
	static uint64_t h[MOST], before[MOST], space[MOST];
	/* spread, and such as fall into one place or two */
	static const uint64_t below[] = {0, 1, 30, UINT64_C(0x00ffffffffffffff)};

	(void)state;
	for (int n = 0; n <= MOST; n += n < 40 ? 1 : 370) {
		for (size_t kind = 0; kind < sizeof(below) / sizeof(below[0]); kind++) {
			int n_left, at = 0;

			for (int i = 0; i < n; i++) {
				h[i] = hash64(&i, sizeof(i));
				h[i] = below[kind] ? h[i] % below[kind] : h[i];
				h[i] = i % 9 == 8 ? h[i - 3] : i == 11 ? UINT64_MAX : h[i];
			}
			memcpy(before, h, (size_t)n * sizeof(*h));
			qsort(before, (size_t)n, sizeof(*before), same_hash_order);
			n_left = same_distinct(h, n, space);
			for (int i = 0; i < n; i++) {
				if (i == 0 || before[i] != before[i - 1]) {
					assert_true(at < n_left && h[at] == before[i]);
					at++;
				}
			}
			assert_int_equal(at, n_left);
		}
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_copies_are_one),
		TEST(test_numbers_tell_apart),
		TEST(test_drafts_stand_behind),
		TEST(test_words_of_the_question_are_kept),
		TEST(test_short_ones_only_if_equal),
		TEST(test_share_of_words),
		TEST(test_names),
		TEST(test_distinct),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
