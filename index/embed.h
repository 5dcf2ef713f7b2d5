/*
 * Embeddings: text to vector. An embedder is a row in a table: `builtin` (pure C, deterministic, no
 * download, learns from the workspace's own chunks; design section 11) and `openai` (any
 * OpenAI-compatible /embeddings, over libcurl).
 * Query and documents must be embedded alike, so it is the vector space (index/vector.h), not the
 * setting, that says which embedder and which trained table is used.
 * Thread: any worker; blocks (openai: up to embed_timeout_ms, interrupted by *cancel).
 */
#ifndef INDEX_EMBED_H
#define INDEX_EMBED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "index/base/err.h"
#include "index/base/settings.h"
#include "index/store.h"

#define EMBED_DIMENSION_MAX 8192
#define EMBED_PREFIX_MAX 256 /* bytes, with the NUL */

struct embedder; /* an embedder bound to one vector space; counted */

struct embed_text {
	const char *title, *heading, *body; /* a query has only a body */
	const char *language;
};

enum embed_kind { EMBED_DOCUMENT, EMBED_QUERY };

/* What a fresh space for the settings' embedder would be: name, model identity, dimension (for
 * openai found by asking the server once). ERR_CONFIG: settings incomplete; ERR_UPSTREAM: no
 * answer. */
struct embed_identity {
	char embedder[32];
	char model[128];
	int dimension;
	/* openai: what stands before each text, and the name that the server answers by; "" not
	 * known. They belong to a space, since all its vectors must be made alike. */
	char query_prefix[EMBED_PREFIX_MAX], document_prefix[EMBED_PREFIX_MAX];
	char answers_as[128];
};
MUST_CHECK int embed_identify(const struct settings *set, const char *embedder,
	struct embed_identity *out, struct err *e);

/* The embedder of a space, with its trained table (model_data) loaded. */
MUST_CHECK int embedder_open(const struct settings *set, const struct embed_identity *id,
	const void *model_data, size_t n_bytes, struct embedder **out, struct err *e);
struct embedder *embedder_keep(struct embedder *em);
void embedder_drop(struct embedder *em);	      /* NULL is fine */
const char *embedder_name(const struct embedder *em); /* "builtin"; lives as long as it does */

/* n texts to out [n × dimension], L2-normalised (a text without any term gives a zero vector).
 * Batches as the server wants them; progress is told after each batch: done of n, which may be out
 * of order. openai: a question's vector is kept for the next who asks the same words of the same
 * space (index/embed_cache.h). */
MUST_CHECK int embed(struct embedder *em, enum embed_kind kind, const struct embed_text *texts,
	int n, float *out, const atomic_bool *cancel, void (*progress)(void *arg, int done, int n),
	void *arg, struct err *e);

/* Weight of the cosine in fusion, 0 to 1, for a question in that language: the settings'
 * fusion-weight-…. What is not trained never weighs more than .1 (design, 11). */
double embedder_weight(const struct embedder *em, const struct settings *set, const char *language);
/* How far a question's vector goes towards the best passages found, as a part of its length; 0: it
 * stays. */
double embedder_feedback(const struct embedder *em);

/* Trains the builtin's table on the workspace's live chunks and gives model_data (malloced) and how
 * many chunks it saw; fewer than 300: 0 and *data NULL. Seconds of CPU; reads in snapshots. */
MUST_CHECK int embed_train(struct store *s, int64_t workspace_n, const atomic_bool *cancel,
	void **data, size_t *n_bytes, int64_t *n_chunks, struct err *e);

#endif
