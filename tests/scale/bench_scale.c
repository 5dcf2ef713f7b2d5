#include "tests/scale/workspace.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv)
{
	static struct scale s;
	struct corpus_spec spec = {.seed = (uint64_t)strtoull(argv[3], NULL, 10),
		.n_chunks = strtoll(argv[2], NULL, 10),
		.uneven = argc > 4};
	scale_open(&s, &spec, argv[1]);
	printf("publish %.1f s, train %.1f s, seal %.1f s, all %.1f s; %.0f us a chunk first, %.0f "
	       "last\n",
		s.times.publish_s, s.times.train_s, s.times.seal_s, s.times.total_s,
		s.times.first_us, s.times.last_us);
	scale_close(&s);
	return 0;
}
