#include "index/embed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/embed_kind.h"

static const struct embedder_kind *const kinds[] = {&embedder_builtin, &embedder_openai};

static const struct embedder_kind *lookup_kind(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i]->name, name) == 0) {
			return kinds[i];
		}
	}
	return NULL;
}

static int unknown_kind(const char *name, struct err *e)
{
	return err_set(e, ERR_CONFIG, "embedder",
		"embedder must be builtin or openai, not \"%.32s\"", name);
}

int embed_identify(
	const struct settings *set, const char *embedder, struct embed_identity *out, struct err *e)
{
	const struct embedder_kind *kind = lookup_kind(embedder);

	memset(out, 0, sizeof(*out));
	if (!kind) {
		return unknown_kind(embedder, e);
	}
	snprintf(out->embedder, sizeof(out->embedder), "%s", kind->name);
	return kind->identify(set, out, e);
}

int embedder_open(const struct settings *set, const struct embed_identity *id,
	const void *model_data, size_t n_bytes, struct embedder **out, struct err *e)
{
	const struct embedder_kind *kind = lookup_kind(id->embedder);
	struct embedder *em;
	int rc;

	*out = NULL;
	if (!kind) {
		return unknown_kind(id->embedder, e);
	}
	em = calloc(1, sizeof(*em));
	ASSERT(em != NULL);
	atomic_init(&em->refs, 1);
	em->kind = kind;
	em->identity = *id;
	em->settings = set;
	rc = kind->open(em, model_data, n_bytes, e);
	if (rc) {
		free(em);
		return rc;
	}
	*out = em;
	return 0;
}

struct embedder *embedder_keep(struct embedder *em)
{
	atomic_fetch_add(&em->refs, 1);
	return em;
}

void embedder_drop(struct embedder *em)
{
	if (em && atomic_fetch_sub(&em->refs, 1) == 1) {
		em->kind->close(em);
		free(em);
	}
}

int embed(struct embedder *em, enum embed_kind kind, const struct embed_text *texts, int n,
	float *out, const atomic_bool *cancel, void (*progress)(void *arg, int done, int n),
	void *arg, struct err *e)
{
	struct embed_job job = {kind, texts, n, out, cancel, progress, arg};

	if (n <= 0) {
		return 0;
	}
	memset(out, 0, (size_t)n * (size_t)em->identity.dimension * sizeof(float));
	if (embed_cancelled(cancel)) {
		return err_set(e, ERR_CANCELLED, "cancelled", "embedding was cancelled");
	}
	return em->kind->embed(em, &job, e);
}

const char *embedder_name(const struct embedder *em)
{
	return em->identity.embedder;
}

double embedder_feedback(const struct embedder *em)
{
	return em->kind->feedback;
}

double embedder_weight(const struct embedder *em, const struct settings *set, const char *language)
{
	return em->kind->weight(em, set, language ? language : "");
}
