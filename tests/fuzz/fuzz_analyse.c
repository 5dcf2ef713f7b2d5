/* Any bytes as text of any language. */
#include "index/fts.h"
#include "index/tokens.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const languages[] = {"", "en", "de", "fr", "ru", "zh", "xx"};
	struct terms terms;
	struct arena a;
	int i;

	if (n == 0) {
		return 0;
	}
	arena_init(&a);
	analyse(&a, (const char *)data + 1, n - 1, languages[data[0] % 7], &terms);
	for (i = 0; i < terms.n; i++) {
		if (terms.items[i].byte_start > terms.items[i].byte_end ||
			terms.items[i].byte_end > (int)n - 1 || !terms.items[i].text[0]) {
			abort();
		}
	}
	(void)language_detect((const char *)data + 1, n - 1);
	(void)tokens_estimate((const char *)data + 1, n - 1);
	arena_finish(&a);
	return 0;
}
