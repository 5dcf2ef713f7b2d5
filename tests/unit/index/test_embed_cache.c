/* Questions whose embeddings are kept: no more than there is room for, those in use. */
#include "tests/unit/index/embedding_server.h"

#include "index/embed_cache.h"

static void test_cache_is_bounded(void **state)
{
	struct embed_cache *c = embed_cache_create(2000, DIM);
	float v[DIM] = {1, 2, 3, 4}, out[DIM];
	char text[32];
	int n = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "question %d", i);
		v[0] = (float)i;
		embed_cache_put(c, text, strlen(text), v);
		assert_true(embed_cache_lookup(c, "question 0", 10, out)); /* in use: it stays */
		assert_float_equal(out[0], 0, 0);
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "question %d", i);
		if (embed_cache_lookup(c, text, strlen(text), out)) {
			assert_float_equal(out[0], i, 0);
			n++;
		}
	}
	assert_in_range(n, 10, 40);
	assert_true(embed_cache_lookup(c, "question 999", 12, out));
	assert_false(embed_cache_lookup(c, "question 99", 11, out));
	embed_cache_destroy(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cache_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
