/* Ids: well-formed, unique over threads, in order, nothing else is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/clock.h"
#include "index/base/id.h"

#define ULID "01K3ZJ8Q4V5X6Y7Z8A9B0C1D2E"

static void test_create_and_parse(void **state)
{
	struct id id = id_create("conv");
	struct id back = id_parse("conv", id.s);

	(void)state;
	assert_int_equal(strlen(id.s), 31);
	assert_memory_equal(id.s, "conv_", 5);
	assert_true(id_equal(&id, &back));
	back = id_parse(NULL, id.s);
	assert_true(id_equal(&id, &back));
	back = id_parse("doc", id.s);
	assert_true(id_empty(&back));
	assert_false(id_equal(&id, &back));
}

/* The first ten characters are the time in base 32. */
static void test_time_is_in_front(void **state)
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	int64_t before = clock_wall_ms();
	struct id id = id_create("ws");
	int64_t ms = 0;

	(void)state;
	for (int i = 3; i < 13; i++) {
		ms = ms * 32 + (strchr(digits, id.s[i]) - digits);
	}
	assert_true(ms >= before - 1000 && ms <= clock_wall_ms() + 1000);
}

static void test_nothing_else_is_an_id(void **state)
{
	static const char *const bad[] = {NULL, "", "_", "conv", "conv_", "conv_" ULID "0",
		"conv_01K3ZJ8Q4V5X6Y7Z8A9B0C1D2", "convo_" ULID, "CONV_" ULID, "_" ULID, ULID,
		"conv_81K3ZJ8Q4V5X6Y7Z8A9B0C1D2E", "conv_01K3ZJ8Q4V5X6Y7Z8A9B0C1D2U",
		"conv_01k3zj8q4v5x6y7z8a9b0c1d2e", "conv-" ULID, "conv_" ULID "\n", " conv_" ULID,
		"conv_01K3ZJ8Q4V5X6Y7Z8A9B0C1D2'"};
	struct id good = id_parse("conv", "conv_" ULID);

	(void)state;
	assert_string_equal(good.s, "conv_" ULID);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct id id = id_parse(NULL, bad[i]);

		assert_true(id_empty(&id));
	}
}

#define N_EACH 20000
static struct id made[4][N_EACH];

static void *run_maker(void *arg)
{
	struct id *ids = arg;

	for (int i = 0; i < N_EACH; i++) {
		ids[i] = id_create("chk");
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void test_in_order_and_unique_over_threads(void **state)
{
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		pthread_create(&threads[i], NULL, run_maker, made[i]);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		for (int j = 1; j < N_EACH; j++) {
			assert_true(strcmp(made[i][j - 1].s, made[i][j].s) < 0);
		}
	}
	qsort(made, (size_t)4 * N_EACH, sizeof(struct id), compare);
	for (int i = 1; i < 4 * N_EACH; i++) {
		assert_false(id_equal(&made[0][0] + i - 1, &made[0][0] + i));
	}
}

static void test_secrets(void **state)
{
	char a[64], b[64], longest[87];

	(void)state;
	secret_create(a, sizeof(a), 32);
	secret_create(b, sizeof(b), 32);
	assert_int_equal(strlen(a), 43);
	assert_string_not_equal(a, b);
	assert_int_equal(
		strspn(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 43);
	secret_create(longest, sizeof(longest), 64);
	assert_int_equal(strlen(longest), 86);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create_and_parse),
		cmocka_unit_test(test_time_is_in_front),
		cmocka_unit_test(test_nothing_else_is_an_id),
		cmocka_unit_test(test_in_order_and_unique_over_threads),
		cmocka_unit_test(test_secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
