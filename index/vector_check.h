/*
 * What the files of vectors_check share: index/vector_check.c (rows, segments, files) and
 * index/vector_check_table.c (spaces and what they embed with). Private to them.
 */
#ifndef INDEX_VECTOR_CHECK_H
#define INDEX_VECTOR_CHECK_H

#include "index/base/arena.h"
#include "index/vector_space.h"

#define MADE_MAX 256

struct made_vectors {
	struct arena arena; /* the caller's */
	int64_t slots[MADE_MAX];
	int n;		/* of those that are live */
	float *vectors; /* [n × dimension] */
};

/* Embeds the texts of n slots with what the space embeds with. */
MUST_CHECK int vectors_make(struct vectors *v, const struct loaded_space *s, const int64_t *slots,
	int n, struct made_vectors *out, struct err *e);
MUST_CHECK int vectors_embed_missing(struct vectors *v, struct loaded_space *s, struct err *e);
/* Workspaces without a space that serves; a trained table that is damaged, or is not the one that
 * the vectors were made with. Not under vectors.upkeep. */
MUST_CHECK int vectors_check_spaces(
	struct vectors *v, bool repair, int64_t *n_wrong, struct err *e);

#endif
