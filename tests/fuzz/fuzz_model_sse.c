/* What a model server may send, cut where the first byte says; as one chunk it says what its tree
 * does.
 */
#include "chat/model_sse.h"

#include <stdlib.h>

#include "tests/unit/chat/chunk_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct model_sse p;
	struct err e = ERR_INIT;
	size_t cut = n > 0 ? 1 + data[0] % 40 : 1;
	size_t at = 1;
	int rc = 0;

	model_sse_init(&p);
	while (at < n && !rc) {
		size_t take = n - at < cut ? n - at : cut;

		rc = model_sse_feed(&p, (const char *)data + at, take, &e);
		at += take;
	}
	if (!rc) {
		rc = model_sse_end(&p, &e);
	}
	model_sse_finish(&p);
	if (chunk_against_tree((const char *)data, n) < 0) {
		abort();
	}
	return 0;
}
