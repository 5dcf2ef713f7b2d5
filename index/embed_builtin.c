/* The builtin embedder: L2-normalised sum over terms of (1 + ln tf) · idf · T[term]. */
#include <stdio.h>
#include <string.h>

#include "index/base/arena.h"
#include "index/embed_kind.h"
#include "index/embed_table.h"
#include "index/vector_kernel.h"

#define MODEL "carrel-terms-1"
#define BATCH 64

static int identify(const struct settings *set, struct embed_identity *out, struct err *e)
{
	(void)set;
	(void)e;
	snprintf(out->model, sizeof(out->model), "%s", MODEL);
	out->dimension = TABLE_DIMENSION;
	return 0;
}

static int open_builtin(struct embedder *em, const void *model_data, size_t n_bytes, struct err *e)
{
	struct embed_table *t = NULL;
	int rc;

	if (em->identity.dimension != TABLE_DIMENSION || strcmp(em->identity.model, MODEL) != 0) {
		return err_set(e, ERR_CORRUPT, "model_data",
			"this program has no builtin embedder \"%.64s\" of dimension %d",
			em->identity.model, em->identity.dimension);
	}
	if (n_bytes) {
		rc = table_open(model_data, n_bytes, &t, e);
		if (rc) {
			return rc;
		}
	}
	em->state = t; /* NULL: untrained */
	return 0;
}

static void close_builtin(struct embedder *em)
{
	table_close(em->state);
}

static const struct embed_table *table_of(const struct embedder *em)
{
	return em->state ? em->state : table_untrained();
}

static void append_terms(struct arena *a, const char *text, const char *language, struct terms *to)
{
	struct terms more = {NULL, 0};
	struct term *both;

	if (!text || !*text) {
		return;
	}
	analyse(a, text, strlen(text), language, &more);
	if (more.n == 0) {
		return;
	}
	both = arena_array(a, struct term, (size_t)(to->n + more.n));
	if (to->n) {
		memcpy(both, to->items, (size_t)to->n * sizeof(*both));
	}
	memcpy(both + to->n, more.items, (size_t)more.n * sizeof(*both));
	to->items = both;
	to->n += more.n;
}

static int embed_builtin(struct embedder *em, const struct embed_job *job, struct err *e)
{
	const struct embed_table *t = table_of(em);

	for (int i = 0; i < job->n; i++) {
		const struct embed_text *text = &job->texts[i];
		const char *language = text->language ? text->language : "";
		float *out = job->out + (size_t)i * TABLE_DIMENSION;
		struct terms terms = {NULL, 0};
		struct arena a;

		if (embed_cancelled(job->cancel)) {
			return err_set(e, ERR_CANCELLED, "cancelled", "embedding was cancelled");
		}
		arena_init(&a);
		append_terms(&a, text->title, language, &terms);
		append_terms(&a, text->heading, language, &terms);
		append_terms(&a, text->body, language, &terms);
		table_add_terms(t, &terms, out);
		(void)vector_normalise(out, TABLE_DIMENSION);
		arena_finish(&a);
		if (job->progress && ((i + 1) % BATCH == 0 || i + 1 == job->n)) {
			job->progress(job->arg, i + 1, job->n);
		}
	}
	return 0;
}

/* Hashed grams without a trained table resemble each other by spelling alone. */
#define WEIGHT_UNTRAINED_MAX .1

static double weight(const struct embedder *em, const struct settings *set, const char *language)
{
	static const char *const cjk[] = {"zh", "ja", "ko"};
	double w = (double)set->fusion_weight_builtin / 100;

	for (size_t i = 0; i < sizeof(cjk) / sizeof(cjk[0]); i++) {
		if (strcmp(language, cjk[i]) == 0) {
			w = (double)set->fusion_weight_builtin_cjk / 100;
		}
	}
	return em->state || w < WEIGHT_UNTRAINED_MAX ? w : WEIGHT_UNTRAINED_MAX;
}

const struct embedder_kind embedder_builtin = {
	"builtin", identify, open_builtin, close_builtin, embed_builtin, weight};
