/* Lists: every vector in one, nearly always the nearest; few vectors; a file proved right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/fs.h"
#include "index/embed_table.h"
#include "index/vector_kernel.h"
#include "index/vector_lists.h"
#include "index/vector_segment.h"

#define D 64
#define SEED UINT64_C(20260517)

static struct err e;

static void ok(int rc)
{
	if (rc) {
		fail_msg("%s: %s", err_name(rc), e.message);
	}
}

struct made {
	uint16_t *halves;
	const uint16_t **vectors;
	int64_t *slots;
	int64_t n;
};

/* About 50 topics. */
static struct made make(int64_t n)
{
	struct made m = {calloc((size_t)n * D, sizeof(uint16_t)),
		calloc((size_t)n, sizeof(uint16_t *)), calloc((size_t)n, sizeof(int64_t)), n};
	uint64_t random = SEED;

	assert_true(m.halves && m.vectors && m.slots);
	for (int64_t i = 0; i < n; i++) {
		uint64_t topic = next_random(&random) % 50;
		float x[D];

		for (int k = 0; k < D; k++) {
			float own = (float)(next_random(&random) >> 40) * 0x1p-24f - .5f;
			float shared = (float)(next_random(&topic) >> 40) * 0x1p-24f - .5f;

			x[k] = own + shared;
		}
		vector_normalise(x, D);
		vector_to_half(x, m.halves + i * D, D);
		m.vectors[i] = m.halves + i * D;
		m.slots[i] = i;
	}
	return m;
}

static void drop(struct made *m)
{
	free(m->halves);
	free(m->vectors);
	free(m->slots);
}

static uint32_t nearest(const uint16_t *centroids, int64_t n_lists, const uint16_t *vector)
{
	float x[D], best = -2;
	uint32_t at = 0;

	vector_from_half(vector, x, D);
	for (int64_t i = 0; i < n_lists; i++) {
		float c = vector_kernel()->dot_half(x, centroids + i * D, D);

		if (c > best) {
			best = c;
			at = (uint32_t)i;
		}
	}
	return at;
}

static void test_assignment(void **state)
{
	struct made m = make(20000);
	uint32_t *list_of = calloc((size_t)m.n, sizeof(*list_of));
	uint16_t *centroids;
	int64_t n_lists, n_nearest = 0;

	(void)state;
	print_message("seed %llu\n", (unsigned long long)SEED);
	ok(lists_find(m.vectors, m.n, D, &centroids, &n_lists, list_of, &e));
	assert_in_range(n_lists, 450, 600); /* 20,000 / 40, and a group's rounding */
	for (int64_t i = 0; i < m.n; i++) {
		assert_true(list_of[i] < n_lists);
		n_nearest += list_of[i] == nearest(centroids, n_lists, m.vectors[i]);
	}
	print_message("%lld of %lld in their nearest list\n", (long long)n_nearest, (long long)m.n);
	assert_true(n_nearest > m.n * 95 / 100);
	free(centroids);
	free(list_of);
	drop(&m);
}

static void test_few(void **state)
{
	static const int sizes[] = {1, 2, 39, 80, 200};

	(void)state;
	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		struct made m = make(sizes[k]);
		uint32_t list_of[200];
		uint16_t *centroids;
		int64_t n_lists;

		ok(lists_find(m.vectors, m.n, D, &centroids, &n_lists, list_of, &e));
		assert_in_range(n_lists, 1, 10);
		for (int64_t i = 0; i < m.n; i++) {
			assert_true(list_of[i] < n_lists);
		}
		free(centroids);
		drop(&m);
	}
}

/* A file with the right hash that is no segment of these facts is refused as well. */
static void test_file(void **state)
{
	char folder[] = "/tmp/carrel-lists-XXXXXX", path[300];
	struct made m = make(1000);
	struct segment *seg, *again;
	struct segment_plan plan = {.space_n = 1,
		.slot_to = 1024,
		.dimension = D,
		.slots = m.slots,
		.vectors = m.vectors,
		.n = m.n};
	struct segment want;
	struct buf bytes = BUF_INIT;

	(void)state;
	assert_non_null(mkdtemp(folder));
	plan.folder = folder;
	ok(segment_build(&plan, &seg, &e));
	want = *seg;
	ok(segment_load(folder, &want, &again, &e));
	assert_int_equal(again->n_covered, 1000);
	assert_int_equal(again->n_lists, seg->n_lists);
	assert_memory_equal(again->slots, seg->slots, 1000 * sizeof(uint32_t));
	segment_drop(again);
	want.dimension = D / 2;
	assert_int_equal(segment_load(folder, &want, &again, &e), ERR_CORRUPT);
	want = *seg;
	want.slot_to = 512;
	assert_int_equal(segment_load(folder, &want, &again, &e), ERR_CORRUPT);

	/* a slot twice, under a hash that fits */
	want = *seg;
	snprintf(path, sizeof(path), "%s/%s", folder, seg->file);
	ok(fs_read(path, 1 << 20, &bytes, &e));
	memcpy(bytes.data + bytes.len - 4, bytes.data + bytes.len - 8, 4);
	ok(fs_replace(path, bytes.data, bytes.len, &e));
	hash_sha256_hex(bytes.data, bytes.len, want.sha256);
	assert_int_equal(segment_load(folder, &want, &again, &e), ERR_CORRUPT);
	/* cut short */
	ok(fs_replace(path, bytes.data, bytes.len / 2, &e));
	hash_sha256_hex(bytes.data, bytes.len / 2, want.sha256);
	assert_int_equal(segment_load(folder, &want, &again, &e), ERR_CORRUPT);
	segment_drop(seg);
	buf_finish(&bytes);
	fs_remove_tree(folder);
	drop(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_assignment),
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
