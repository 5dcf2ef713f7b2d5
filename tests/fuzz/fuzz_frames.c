/* What a child in an attacker's hands may send its parent. */
#include "ingest/chunker.h"
#include "ingest/frame.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct chunker_config config = {.target_tokens = 40, .name = "fuzz"};
	struct frame_reader r;
	struct extracted x;
	struct chunk *chunks;
	struct arena a;
	int n_chunks;

	arena_init(&a);
	frame_reader_init(&r, 1 << 20, 1 << 20, 100);
	if (frame_reader_feed(&r, data, n) >= 0 && frame_reader_take(&r, &a, &x, NULL) == 0) {
		struct buf packed = BUF_INIT;
		struct extracted again;

		/* What was accepted can be cut, stored and read back. */
		chunker_run(&x, &config, &a, &chunks, &n_chunks);
		extracted_pack(&x, &packed);
		if (extracted_unpack(packed.data, packed.len, &a, &again, NULL) != 0) {
			abort();
		}
		buf_finish(&packed);
	}
	frame_reader_finish(&r);
	arena_finish(&a);
	return 0;
}
