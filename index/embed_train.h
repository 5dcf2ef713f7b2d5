/*
 * Training of the builtin's table without labels (design, section 11), in two parts: a corpus of
 * term sequences, and the optimiser over it. Private to index/embed*.c and its tests; embed_train()
 * of index/embed.h reads the corpus from the live chunks. Thread: one at a time per corpus. The
 * same corpus gives the same table, on every machine.
 */
#ifndef INDEX_EMBED_TRAIN_H
#define INDEX_EMBED_TRAIN_H

#include <stdatomic.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "index/base/err.h"
#include "index/fts.h"

struct corpus_doc {
	int64_t from; /* in ids: first title and heading, then the body */
	int32_t n_head, n_body;
	uint64_t head_hash; /* chunks under one heading are not told apart by it */
};

struct corpus {
	int32_t *ids; /* of terms, stopwords left out, in the order of the text */
	int64_t n_ids, ids_cap;
	struct corpus_doc *docs;
	int n_docs, docs_cap;
	char **texts; /* [n_terms] by id */
	int32_t *df;  /* [n_terms] documents that hold it */
	int32_t *last_doc;
	int32_t n_terms, terms_cap;
	int32_t *slots; /* hash table of ids + 1 */
	uint32_t n_slots;
};

void corpus_init(struct corpus *c);
void corpus_finish(struct corpus *c);
void corpus_add(struct corpus *c, const struct terms *head, const struct terms *body);

/* Appends the trained table, packed. ERR_CANCELLED. */
MUST_CHECK int corpus_train(
	const struct corpus *c, const atomic_bool *cancel, struct buf *out, struct err *e);

/* The same with a kernel of choice, for tests: all give the same bytes. */
struct embed_kernel;
MUST_CHECK int corpus_train_with(const struct corpus *c, const struct embed_kernel *k,
	const atomic_bool *cancel, struct buf *out, struct err *e);

#endif
