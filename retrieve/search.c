/*
 * The way of a question:
 *
 *   permit -> understand -> lexical -> vector -> fuse -> load -> rerank -> pack -> judge
 *
 * Each step is a row of the table below and reads what the steps before it left in struct search
 * (search_private.h).
 */
#include "retrieve/search_private.h"

#include <string.h>

#include "index/base/clock.h"

const char *fate_text(enum fate f)
{
	static const char *const texts[] = {
#define X(name, text) text,
		FATE_MAP(X)
#undef X
	};
	return texts[f];
}

bool fate_keeps(enum fate f)
{
	return f == FATE_KEPT || f == FATE_MERGED;
}

const char *search_step_name(enum search_step s)
{
	static const char *const names[] = {
#define X(name, text) text,
		SEARCH_STEP_MAP(X)
#undef X
	};
	return names[s];
}

static int (*const steps[SEARCH_N_STEPS])(struct search *s, struct err *e) = {
	[SEARCH_PERMIT] = search_permit,
	[SEARCH_UNDERSTAND] = search_understand,
	[SEARCH_LEXICAL] = search_lexical,
	[SEARCH_VECTOR] = search_vector,
	[SEARCH_FUSE] = search_fuse,
	[SEARCH_LOAD] = search_load,
	[SEARCH_RERANK] = search_rerank,
	[SEARCH_PACK] = search_pack,
	[SEARCH_JUDGE] = search_judge,
};

int search_run(struct index *ix, struct db *db, const struct search_request *r, struct arena *a,
	struct search_result *out, struct err *e)
{
	struct search s = {.index = ix, .db = db, .request = r, .arena = a, .out = out};
	int64_t start = clock_mono_us(), before = start;
	int i, rc = 0;

	memset(out, 0, sizeof(*out));
	out->embedder = "";
	for (i = 0; i < SEARCH_N_STEPS && !rc; i++) {
		int64_t now;

		rc = steps[i](&s, e);
		now = clock_mono_us();
		out->step_us[i] = now - before;
		before = now;
	}
	acl_allowed_drop(s.allowed);
	embedder_drop(s.space.embedder);
	out->total_us = clock_mono_us() - start;
	return rc;
}
