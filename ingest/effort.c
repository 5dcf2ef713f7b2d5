#include "ingest/effort.h"

#include <time.h>

#define START_US 2000000
#define BYTE_LEVEL_NS 10 /* for each byte of the text and each level that ingest-nesting allows */
#define BETWEEN_LOOKS 512

static int64_t spent_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void effort_begin(struct effort *f, struct draft *d, size_t n_bytes)
{
	int64_t worth_us = (int64_t)n_bytes * d->nesting_max / (1000 / BYTE_LEVEL_NS);

	*f = (struct effort){.d = d, .until_us = spent_us() + START_US + worth_us};
}

void effort_ask(struct effort *f)
{
	if (++f->n_asked % BETWEEN_LOOKS == 0 && spent_us() > f->until_us) {
		draft_fault(f->d, FAULT_LIMIT, 0, "elements inside of each other; ingest-nesting");
	}
}
