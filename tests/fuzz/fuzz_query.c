/* Any bytes as a query: what is taken for a condition was written, and what is none stays. */
#include "index/base/utf8.h"
#include "retrieve/query.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *type_of(const char *name)
{
	return strlen(name) == 3 ? "application/pdf" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct query q;
	struct arena a;
	char *text;
	int i;

	arena_init(&a);
	text = arena_strn(&a, (const char *)data, n);
	query_parse(&a, text, type_of, &q);
	if (q.n_conditions < 0 || q.n_conditions > QUERY_CONDITIONS_MAX || !q.plain ||
		strlen(q.plain) > strlen(text) * 2 + 1 ||
		(q.n_conditions == 0 && strcmp(q.plain, text) != 0) ||
		(utf8_valid(text, strlen(text)) && !utf8_valid(q.plain, strlen(q.plain)))) {
		abort();
	}
	for (i = 0; i < q.n_conditions; i++) {
		const struct query_condition *c = &q.conditions[i];

		if (!strstr(text, c->written) || !c->text || strlen(c->text) == 0 ||
			(c->kind == QUERY_DATE && c->from_ms >= c->to_ms)) {
			abort();
		}
	}
	arena_finish(&a);
	return 0;
}
