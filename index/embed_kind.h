/*
 * What an embedder is made of: one row of the table in index/embed.c. Private to index/embed*.c.
 * A row's embed() fills job->out for texts in order; index/embed.c checks and normalises nothing
 * after it.
 */
#ifndef INDEX_EMBED_KIND_H
#define INDEX_EMBED_KIND_H

#include "index/embed.h"

struct embedder {
	atomic_int refs;
	const struct embedder_kind *kind;
	struct embed_identity identity;
	const struct settings *settings; /* borrowed: outlives every embedder */
	void *state;			 /* the row's own */
};

struct embed_job {
	enum embed_kind kind;
	const struct embed_text *texts;
	int n;
	float *out; /* [n × dimension], zeroed */
	const atomic_bool *cancel;
	void (*progress)(void *arg, int done, int n);
	void *arg;
};

struct embedder_kind {
	const char *name;
	int (*identify)(const struct settings *set, struct embed_identity *out, struct err *e);
	int (*open)(struct embedder *em, const void *model_data, size_t n_bytes, struct err *e);
	void (*close)(struct embedder *em);
	int (*embed)(struct embedder *em, const struct embed_job *job, struct err *e);
	double (*weight)(
		const struct embedder *em, const struct settings *set, const char *language);
	double feedback; /* embedder_feedback() */
};

extern const struct embedder_kind embedder_builtin;
extern const struct embedder_kind embedder_openai;

static inline bool embed_cancelled(const atomic_bool *cancel)
{
	return cancel && atomic_load(cancel);
}

#endif
