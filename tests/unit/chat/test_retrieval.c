/* Which candidates are shown, and how; what is kept of them is in tests/flow/40. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "chat/retrieval.h"

#define N 80

static struct id chunk_id(int i)
{
	struct id id;

	snprintf(id.s, sizeof(id.s), "chk_%d", i);
	return id;
}

/* N candidates, of which every 20th is the one chunk of a passage. */
static void make(struct arena *a, struct search_result *found, const char *text)
{
	*found = (struct search_result){.language = "en", .n_candidates = N};
	found->candidates = arena_array(a, struct candidate, N);
	found->passages = arena_array(a, struct passage, N);
	for (int i = 0; i < N; i++) {
		found->candidates[i] = (struct candidate){.chunk = chunk_id(i),
			.document_name = "a.md",
			.heading = "",
			.page = 1,
			.fused_rank = i + 1,
			.n_tokens = 7,
			.text = text,
			.fate = i % 20 == 19 ? FATE_KEPT : FATE_RANK};
		if (found->candidates[i].fate == FATE_KEPT) {
			struct passage *p = &found->passages[found->n_passages++];

			p->chunks = &found->candidates[i].chunk;
			p->n_chunks = 1;
			p->n_tokens = 7;
		}
	}
}

static void test_kept_ones_and_the_best_others(void **state)
{
	struct search_result found;
	struct retrieval r;
	struct arena a;

	(void)state;
	arena_init(&a);
	make(&a, &found, "text");
	found.candidates[0].fate = FATE_GONE;
	retrieval_fill(&r, &a, "q", &found, 4);
	assert_int_equal(r.n, RETRIEVAL_CANDIDATES_MAX);
	assert_int_equal(r.n_hidden, 1);
	assert_int_equal(r.n_tokens, 28);
	assert_int_equal(r.candidates[0].fused_rank, 2);
	assert_int_equal(r.candidates[r.n - 1].fused_rank, 80); /* kept, however low */
	assert_int_equal(r.handles[r.n - 1], 4);
	assert_int_equal(r.handles[0], 0);
	arena_finish(&a);
}

static void test_what_the_prompt_had_no_room_for(void **state)
{
	struct search_result found;
	struct retrieval r;
	struct arena a;

	(void)state;
	arena_init(&a);
	make(&a, &found, "text");
	retrieval_fill(&r, &a, "q", &found, 1);
	assert_int_equal(r.handles[19], 1);
	assert_int_equal(r.handles[r.n - 1], 0);
	assert_int_equal(r.candidates[r.n - 1].fate, FATE_BUDGET);
	assert_int_equal(r.n_tokens, 7);
	/* refused: there is no prompt, and what was nearest is told */
	retrieval_fill(&r, &a, "q", &found, 0);
	assert_int_equal(r.handles[19], 0);
	assert_int_equal(r.candidates[19].fate, FATE_KEPT);
	found.n_candidates = 0;
	retrieval_fill(&r, &a, "q", &found, 0);
	assert_int_equal(r.n, 0);
	arena_finish(&a);
}

/* 402 bytes, of which the 400th is in the middle of a character. */
static void test_text_is_cut_between_characters(void **state)
{
	struct search_result found;
	struct retrieval r;
	struct arena a;
	char text[403];
	json_t *out, *list;
	const char *shown;

	(void)state;
	for (int i = 0; i < 134; i++) {
		memcpy(text + (size_t)i * 3, "\xe4\xbd\x8f", 4);
	}
	arena_init(&a);
	make(&a, &found, text);
	retrieval_fill(&r, &a, "q", &found, 4);
	out = retrieval_json(&r);
	assert_non_null(out);
	list = json_object_get(out, "candidates");
	assert_null(json_object_get(json_array_get(list, 0), "text")); /* it was cut */
	shown = json_string_value(json_object_get(json_array_get(list, 19), "text"));
	assert_int_equal(strlen(shown), 399);
	assert_int_equal(json_object_size(json_object_get(out, "timeUs")), SEARCH_N_STEPS + 1);
	json_decref(out);
	arena_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept_ones_and_the_best_others),
		cmocka_unit_test(test_what_the_prompt_had_no_room_for),
		cmocka_unit_test(test_text_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
