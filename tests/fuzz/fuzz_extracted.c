/* A stored extract that rotted: refused, or good enough to be cut into chunks. */
#include "ingest/chunker.h"
#include "ingest/extracted.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct chunker_config config = {.target_tokens = 40, .name = "fuzz"};
	struct extracted x;
	struct chunk *chunks;
	struct arena a;
	int n_chunks;

	arena_init(&a);
	if (extracted_unpack(data, n, &a, &x, NULL) == 0) {
		chunker_run(&x, &config, &a, &chunks, &n_chunks);
	}
	arena_finish(&a);
	return 0;
}
