#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "index/base/alloc.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#define N 1000

static void limit(rlim_t n_bytes)
{
	struct rlimit r;

	assert_int_equal(getrlimit(RLIMIT_AS, &r), 0);
	r.rlim_cur = n_bytes;
	assert_int_equal(setrlimit(RLIMIT_AS, &r), 0);
}

static void test_a_failure_is_served_from_the_reserve(void **state)
{
	static unsigned char *p[N];
	int n_short = 0;

	(void)state;
	if (SANITIZED) {
		skip(); /* their memory has no limit */
	}
	alloc_reserve();
	assert_false(alloc_is_short());
	limit(1);
	/* Until the C library has nothing left, and then from the reserve. */
	for (int i = 0; i < N; i++) {
		p[i] = i % 2 ? calloc(1, 100000) : realloc(NULL, 300);
		if (!p[i]) {
			break;
		}
		n_short += alloc_is_short();
		memset(p[i], 1, 300);
		if (n_short == 5) {
			break;
		}
	}
	limit(RLIM_INFINITY);
	assert_int_equal(n_short, 5);
	assert_false(alloc_is_short());
	for (int i = 0; i < N; i++) {
		free(p[i]);
	}
	alloc_release();
}

static void test_without_a_reserve_failures_fail(void **state)
{
	void *p;

	(void)state;
	if (SANITIZED) {
		skip();
	}
	limit(1);
	p = malloc((size_t)1 << 30);
	limit(RLIM_INFINITY);
	assert_null(p);
	assert_false(alloc_is_short());
}

static void test_what_grows_keeps_its_bytes(void **state)
{
	unsigned char *p;

	(void)state;
	if (SANITIZED) {
		skip();
	}
	p = malloc(100);
	assert_non_null(p);
	alloc_reserve();
	memset(p, 7, 100);
	limit(1);
	p = realloc(p, (size_t)1000 * 1000);
	limit(RLIM_INFINITY);
	assert_non_null(p);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(p[i], 7);
	}
	free(p);
	alloc_release();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_a_reserve_failures_fail),
		cmocka_unit_test(test_a_failure_is_served_from_the_reserve),
		cmocka_unit_test(test_what_grows_keeps_its_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
