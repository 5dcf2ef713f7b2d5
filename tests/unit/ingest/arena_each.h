/* One zygote for all the tests of a file, and an arena for each: TEST(name). Include it last. */
#ifndef TESTS_UNIT_INGEST_ARENA_EACH_H
#define TESTS_UNIT_INGEST_ARENA_EACH_H

#include "tests/unit/ingest/one_zygote.h"

static struct arena a;

static int before(void **state)
{
	(void)state;
	arena_init(&a);
	return 0;
}

static int after(void **state)
{
	(void)state;
	arena_finish(&a);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, before, after)

#endif
