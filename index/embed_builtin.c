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

static int analyse_part(
	struct arena *a, const char *text, const char *language, struct terms *terms)
{
	*terms = (struct terms){NULL, 0};
	if (text && *text) {
		analyse(a, text, strlen(text), language, terms);
	}
	return terms->n;
}

/* The terms of title, heading and body, one after the other. */
static void analyse_text(struct arena *a, const struct embed_text *text, struct terms *all)
{
	const char *language = text->language ? text->language : "";
	const char *const texts[] = {text->title, text->heading, text->body};
	struct terms parts[3];
	int n = 0;

	for (int i = 0; i < 3; i++) {
		n += analyse_part(a, texts[i], language, &parts[i]);
	}
	*all = parts[2];
	if (n == parts[2].n) {
		return;
	}
	all->items = arena_array(a, struct term, (size_t)n);
	all->n = 0;
	for (int i = 0; i < 3; i++) {
		if (parts[i].n) {
			memcpy(all->items + all->n, parts[i].items,
				(size_t)parts[i].n * sizeof(*all->items));
			all->n += parts[i].n;
		}
	}
}

static int embed_builtin(struct embedder *em, const struct embed_job *job, struct err *e)
{
	const struct embed_table *t = table_of(em);

	for (int i = 0; i < job->n; i++) {
		float *out = job->out + (size_t)i * TABLE_DIMENSION;
		struct terms terms;
		struct arena a;

		if (embed_cancelled(job->cancel)) {
			return err_set(e, ERR_CANCELLED, "cancelled", "embedding was cancelled");
		}
		arena_init(&a);
		analyse_text(&a, &job->texts[i], &terms);
		table_add_terms(t, &a, &terms, out);
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

/* Sought with COVERING (index/fts_search.c, where the figures stand); .3 to .6 differ by less than
 * seeds do. Vectors of a model were not measured with it, so openai has none. */
#define FEEDBACK .4

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
	"builtin", identify, open_builtin, close_builtin, embed_builtin, weight, FEEDBACK};
