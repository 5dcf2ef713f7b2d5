/* Codes of two bits: the levels and products by hand, how near they come to the cosine; the
 * shortlist. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/embed_table.h"
#include "index/vector_codes.h"
#include "index/vector_kernel.h"
#include "index/vector_shortlist.h"

#define SEED UINT64_C(20260611)
#define N 3000
#define FIRST_SLOT 640

static int level_at(const uint8_t *code, int number)
{
	int in = number % CODE_GROUP;

	return code[number / CODE_GROUP * CODE_BYTES + in % CODE_BYTES] >> in / CODE_BYTES * 2 & 3;
}

static float uniform(uint64_t *random)
{
	return (float)(next_random(random) >> 40) * 0x1p-24f - .5f;
}

static void test_levels_and_products(void **state)
{
	const struct vector_kernel *k = vector_kernel();
	enum { GROUPS = 3, NUMBERS = GROUPS * CODE_GROUP };
	static float x[NUMBERS], mean[NUMBERS], step[NUMBERS], back[NUMBERS];
	static int16_t weights[NUMBERS];
	static uint16_t halves[NUMBERS];
	uint8_t code[2][GROUPS * CODE_BYTES];
	const uint8_t *codes[3] = {code[0], code[1], code[0]};
	int32_t products[3];
	uint64_t random = SEED;

	(void)state;
	for (int c = 0; c < 2; c++) {
		int32_t expected = 0;

		memset(code[c], 0xff, sizeof(code[c])); /* nothing of it may stay */
		for (int i = 0; i < NUMBERS; i++) {
			x[i] = uniform(&random);
			mean[i] = uniform(&random) / 4;
			step[i] = c ? .2f : uniform(&random) / 8 + .1f;
			weights[i] = (int16_t)(next_random(&random) % 1800 - 900);
		}
		vector_to_half(x, halves, NUMBERS);
		vector_from_half(halves, back, NUMBERS);
		k->to_code(halves, mean, step, GROUPS, code[c]);
		for (int i = 0; i < NUMBERS; i++) {
			float from_mean = back[i] - mean[i];
			int level = from_mean > step[i]	   ? 3
				    : from_mean > 0	   ? 2
				    : from_mean > -step[i] ? 1
							   : 0;

			assert_int_equal(level_at(code[c], i), level);
			expected += level * weights[i];
		}
		k->dot_codes(weights, GROUPS, codes, 3, products);
		assert_int_equal(products[c], expected);
		assert_int_equal(products[0], products[2]);
	}
}

/* The largest sums that codes_query_init lets through. */
static void test_sums_hold(void **state)
{
	enum { GROUPS = 64, NUMBERS = GROUPS * CODE_GROUP };
	static int16_t weights[NUMBERS];
	static uint8_t code[GROUPS * CODE_BYTES];
	const uint8_t *codes[1] = {code};
	int most = INT16_MAX / (12 * GROUPS);
	int32_t product;

	(void)state;
	memset(code, 0xff, sizeof(code));
	for (int sign = -1; sign <= 1; sign += 2) {
		for (int i = 0; i < NUMBERS; i++) {
			weights[i] = (int16_t)(sign * most);
		}
		vector_kernel()->dot_codes(weights, GROUPS, codes, 1, &product);
		assert_int_equal(product, sign * most * 3 * NUMBERS);
	}
}

/* Vectors about a common mean, one number of them of no variance, in no multiple of a group. */
static void about_cosine(int dimension)
{
	size_t d = (size_t)dimension;
	uint16_t *halves = calloc(N * d, sizeof(*halves));
	const uint16_t **vectors = calloc(N, sizeof(*vectors));
	int64_t *slots = calloc(N, sizeof(*slots));
	float *x = calloc(d, sizeof(*x)), *unit = calloc(d, sizeof(*unit));
	struct codes_plan plan = {FIRST_SLOT, FIRST_SLOT + 2 * N, dimension, slots, vectors, N};
	struct coded_query q;
	struct codes *c;
	uint64_t random = SEED;
	double off = 0, spread = 0;

	assert_true(halves && vectors && slots && x && unit);
	for (int i = 0; i < N; i++) {
		for (int k = 0; k < dimension; k++) {
			x[k] = uniform(&random) + (k % 5 ? .1f : .3f);
		}
		x[1] = 0;
		vector_normalise(x, d);
		vector_to_half(x, halves + (size_t)i * d, d);
		vectors[i] = halves + (size_t)i * d;
		slots[i] = FIRST_SLOT + 2 * i;
	}
	for (int k = 0; k < dimension; k++) {
		unit[k] = uniform(&random);
	}
	vector_normalise(unit, d);
	c = codes_create(&plan);
	codes_query_init(c, unit, &q);
	for (int i = 0; i < N; i++) {
		const uint8_t *code = code_at(&q, slots[i]);
		float cosine = vector_kernel()->dot_half(unit, vectors[i], d);
		int32_t product;

		vector_kernel()->dot_codes(q.weights, q.n_groups, &code, 1, &product);
		off += pow((double)(q.base + q.scale * (float)product - cosine), 2) / N;
		spread += pow((double)cosine, 2) / N;
	}
	/* Max 1960: four levels leave .1188 of the variance; a flat one is cut worse. */
	assert_true(off < .2 * spread);
	memset(unit, 0, d * sizeof(*unit));
	codes_query_finish(&q);
	codes_query_init(c, unit, &q);
	assert_true(q.base == 0 && q.scale == 0);
	codes_query_finish(&q);
	codes_destroy(c);
	codes_destroy(NULL);
	free(halves);
	free(vectors);
	free(slots);
	free(x);
	free(unit);
}

static void test_near_the_cosine(void **state)
{
	(void)state;
	about_cosine(256);
	about_cosine(100);
	about_cosine(1000);
}

static int falling(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x < y) - (x > y);
}

static void test_shortlist(void **state)
{
	static float all[20000];
	uint64_t random = SEED;

	(void)state;
	for (int equal = 1; equal <= 1000; equal *= 10) { /* few values, so that many are alike */
		for (int n = 0; n <= 20000; n += n < 300 ? 37 : 4999) {
			struct shortlist s;
			float sum = 0, best = 0;

			shortlist_init(&s, 100);
			for (int i = 0; i < n; i++) {
				all[i] = (float)(next_random(&random) % (uint64_t)equal) - 3;
				shortlist_add(&s, i, all[i]);
			}
			shortlist_cut(&s);
			assert_int_equal(s.n, n < 100 ? n : 100);
			for (int i = 0; i < s.n; i++) {
				assert_true(s.worth[i] == all[s.slots[i]]);
				sum += s.worth[i];
				all[s.slots[i]] += 10000; /* none stands there twice */
			}
			for (int i = 0; i < s.n; i++) {
				assert_true(all[s.slots[i]] < 15000);
				all[s.slots[i]] -= 10000;
			}
			qsort(all, (size_t)n, sizeof(*all), falling);
			for (int i = 0; i < s.n; i++) {
				best += all[i];
			}
			assert_true(sum == best);
			shortlist_finish(&s);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels_and_products),
		cmocka_unit_test(test_sums_hold),
		cmocka_unit_test(test_near_the_cosine),
		cmocka_unit_test(test_shortlist),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
