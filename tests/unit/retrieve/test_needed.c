#include "retrieve/needed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "index/base/clock.h"
#include "index/base/hash.h"
#include "retrieve/pack.h"
#include "retrieve/same.h"

#define N_ITEMS 60
#define N_WORDS 40

struct made {
	unsigned seed;
	struct arena *arena;
	struct ranked items[N_ITEMS];
	struct chunk_digest digests[N_ITEMS];
};

static int below(struct made *m, int n)
{
	return rand_r(&m->seed) % n;
}

/* Words of its own, or those of another with some of them changed. */
static void make_terms(struct made *m, struct ranked *r, const struct ranked *like)
{
	int n = below(m, 8) == 0 ? below(m, 25) : N_WORDS, changed = below(m, N_WORDS / 2);
	uint64_t *terms = arena_array(m->arena, uint64_t, N_WORDS + 1);
	uint64_t space[N_WORDS];

	for (int i = 0; i < n; i++) {
		uint64_t word = (uint64_t)rand_r(&m->seed);

		terms[i] = like && i >= changed && i < like->n_terms ? like->terms[i]
								     : hash64(&word, sizeof(word));
	}
	r->n_terms = same_distinct(terms, n, space);
	r->terms = terms;
	r->chunk.text = like && changed == 0 && n == like->n_terms
				? like->chunk.text
				: arena_printf(m->arena, "text %d", rand_r(&m->seed));
}

static void make_item(struct made *m, int i)
{
	static const uint64_t no_numbers[1];
	struct ranked *r = &m->items[i];
	int d = i % 12, seq = i / 12 + below(m, 2) * 10;

	*r = (struct ranked){.numbers = no_numbers,
		.fused_rank = i + 1,
		.score = 1 - (i / (1 + below(m, 3))) / 100.0,
		.asked = (uint64_t)below(m, 8)};
	r->score = i && r->score > m->items[i - 1].score ? m->items[i - 1].score : r->score;
	snprintf(r->chunk.id.s, ID_SIZE, "chk_%d_%d", d, seq);
	snprintf(r->chunk.document.s, ID_SIZE, "doc_%d", d);
	snprintf(r->chunk.version.s, ID_SIZE, "ver_%d", d);
	r->chunk.document_name = arena_printf(m->arena, "about %d%s.md", d / 3,
		d % 3 == 0   ? " draft"
		: d % 3 == 1 ? " v2"
			     : "");
	r->chunk.slot = i;
	r->chunk.seq = seq;
	r->chunk.title = r->chunk.heading = r->chunk.language = "";
	r->chunk.n_tokens = 20 + below(m, 200);
	make_terms(m, r, i > 0 && below(m, 4) == 0 ? &m->items[below(m, i)] : NULL);
	digest_of(&r->chunk, r->terms, r->n_terms, &m->digests[i]);
}

static void compare(const struct passage *a, const struct passage *b)
{
	assert_string_equal(a->chunk.s, b->chunk.s);
	assert_string_equal(a->text, b->text);
	assert_true(a->score == b->score);
	assert_int_equal(a->n_chunks, b->n_chunks);
	assert_int_equal(a->n_also, b->n_also);
	for (int i = 0; i < a->n_also; i++) {
		assert_string_equal(a->also[i].chunk.s, b->also[i].chunk.s);
	}
}

/* What is left out changes nothing, and much is left out. */
static void test_the_rest_gives_the_same(void **state)
{
	struct made m = {.seed = getenv("SEED") ? (unsigned)strtoul(getenv("SEED"), NULL, 10)
						: (unsigned)clock_wall_ms()};
	int n_left_out = 0, n_same = 0, n_merged = 0;

	(void)state;
	printf("seed %u\n", m.seed);
	for (int round = 0; round < 500; round++) {
		const struct pack_limits limits = {
			.passages = 1 + below(&m, 12), .merged_tokens = 300};
		struct passage *all, *rest;
		struct ranked few[N_ITEMS];
		bool wanted[N_ITEMS], read[N_ITEMS];
		int n_few = 0, n_all, n_rest;
		struct arena a;

		arena_init(&a);
		m.arena = &a;
		for (int i = 0; i < N_ITEMS; i++) {
			make_item(&m, i);
		}
		needed_to_compare(m.digests, N_ITEMS, read);
		for (int i = 0; i < N_ITEMS; i++) {
			few[i] = m.items[i];
			if (!read[i]) {
				few[i].terms = NULL;
				few[i].n_terms = 0;
				needed_from_digest(&m.digests[i], &few[i]);
			}
		}
		needed_to_pack(&a, few, N_ITEMS, &limits, wanted);
		for (int i = 0; i < N_ITEMS; i++) {
			if (wanted[i]) {
				few[n_few++] = m.items[i];
			}
		}
		n_left_out += N_ITEMS - n_few;
		rest = pack_run(&a, few, n_few, &limits, &n_rest);
		all = pack_run(&a, m.items, N_ITEMS, &limits, &n_all);
		assert_int_equal(n_rest, n_all);
		for (int i = 0; i < n_all; i++) {
			compare(&rest[i], &all[i]);
			n_merged += all[i].n_chunks > 1;
		}
		for (int i = 0; i < N_ITEMS; i++) {
			n_same += m.items[i].fate == FATE_DUPLICATE;
		}
		arena_finish(&a);
	}
	assert_true(n_left_out > 500);
	assert_true(n_same > 500);
	assert_true(n_merged > 500);
}

/* Two that hold c of a + b terms in common are never told to be farther apart than they are. */
static void test_digests_hide_and_never_add(void **state)
{
	struct chunk c = {.slot = 1};

	(void)state;
	for (int n = 0; n < 600; n += 7) {
		uint64_t terms[1200];
		struct chunk_digest x, y;

		for (int i = 0; i < 2 * n; i++) {
			terms[i] = hash64(&i, sizeof(i));
		}
		digest_of(&c, terms, n + n / 2, &x);
		digest_of(&c, terms + n / 2, n + n / 2, &y);
		assert_true(digests_apart(&x, &y) <= 2 * (n / 2));
		assert_int_equal(digests_apart(&x, &x), 0);
	}
}

static void test_digests_are_remembered(void **state)
{
	struct chunk_digests *d = digests_create();
	const int64_t slots[] = {7, 8, 7 + (1 << 17)};
	struct chunk_digest x = {.slot = 7, .n_terms = 3}, out[3];

	(void)state;
	digests_keep(d, 1, &x);
	digests_lookup(d, 1, slots, 3, out);
	assert_int_equal(out[0].slot, 7);
	assert_int_equal(out[0].n_terms, 3);
	assert_int_equal(out[1].slot, -1);
	assert_int_equal(out[2].slot, -1);
	digests_lookup(d, 2, slots, 3, out); /* another workspace's slot 7 */
	assert_int_equal(out[0].slot, -1);
	x = (struct chunk_digest){.slot = slots[2], .n_terms = 4};
	digests_keep(d, 1, &x);
	digests_lookup(d, 1, slots, 3, out); /* the later takes the place */
	assert_int_equal(out[0].slot, -1);
	assert_int_equal(out[2].n_terms, 4);
	digests_destroy(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_rest_gives_the_same),
		cmocka_unit_test(test_digests_hide_and_never_add),
		cmocka_unit_test(test_digests_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
