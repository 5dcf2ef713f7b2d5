/* One zygote, with the default settings, for all the tests of a file. Include it last. */
#ifndef TESTS_UNIT_INGEST_ONE_ZYGOTE_H
#define TESTS_UNIT_INGEST_ONE_ZYGOTE_H

#include "tests/unit/ingest/reading.h"

static struct zygote *z;

static int set_up(void **state)
{
	(void)state;
	z = zygote_with(NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	zygote_stop(z);
	return 0;
}

#endif
