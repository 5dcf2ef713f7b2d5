/* `carrel check`: whether each space embeds as its vectors were made. */
#include "index/vector_check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/log.h"
#include "index/chunks.h"
#include "index/vector_kernel.h"

#define PAGE 256

/* Chunks embedded again, to be compared with their vectors: another table differs in all of them.
 * Half floats and the order of summing cost less than ALIKE leaves. */
#define SAMPLE 32
#define ALIKE .999f

/* ── vectors made again ── */

static int read_texts(struct vectors *v, int64_t workspace_n, const int64_t *slots, int n,
	struct made_vectors *out, struct embed_text *texts, struct err *e)
{
	struct db *db = store_reader(v->store, e);
	int rc = 0;

	if (!db) {
		return err_code(e);
	}
	for (int i = 0; rc == 0 && i < n; i++) {
		struct chunk chunk = {0};
		int found = 0;

		rc = chunks_scan(db, &out->arena, workspace_n, slots[i], 1, &chunk, &found, e);
		if (rc == 0 && found == 1 && chunk.slot == slots[i]) {
			out->slots[out->n] = chunk.slot;
			texts[out->n++] = (struct embed_text){
				chunk.title, chunk.heading, chunk.text, chunk.language};
		}
	}
	store_reader_drop(db);
	return rc;
}

int vectors_make(struct vectors *v, const struct loaded_space *s, const int64_t *slots, int n,
	struct made_vectors *out, struct err *e)
{
	struct embed_text texts[MADE_MAX];
	struct space space;
	int rc = vectors_space_open(v, s->n, &space, e);

	ASSERT(n <= MADE_MAX);
	out->n = 0;
	if (rc) {
		return rc;
	}
	rc = read_texts(v, s->workspace_n, slots, n, out, texts, e);
	out->vectors =
		arena_array(&out->arena, float, (size_t)(n + 1) * (size_t)s->identity.dimension);
	if (rc == 0) {
		rc = embed(space.embedder, EMBED_DOCUMENT, texts, out->n, out->vectors, NULL, NULL,
			NULL, e);
	}
	embedder_drop(space.embedder);
	return rc;
}

/* ── the builtin's trained table ── */

/* 1: the stored vector is another one; 0: it is alike, or there is none, which is found elsewhere.
 */
static int differs(
	struct db *db, const struct loaded_space *s, int64_t slot, const float *made, struct err *e)
{
	size_t n_bytes = 0, dimension = (size_t)s->identity.dimension;
	struct stmt *q = db_stmt(db, &vector_sql, Q_VECTORS_BETWEEN);
	uint16_t halves[EMBED_DIMENSION_MAX];
	float stored[EMBED_DIMENSION_MAX];
	const void *p;
	float cosine = 0;
	int rc;

	stmt_int(q, 1, s->n);
	stmt_int(q, 2, slot);
	stmt_int(q, 3, slot + 1);
	rc = stmt_step(q, e);
	if (rc <= 0) {
		return rc;
	}
	p = col_blob(q, 1, &n_bytes);
	if (n_bytes != dimension * sizeof(*halves)) {
		stmt_reset(q);
		return 0;
	}
	memcpy(halves, p, n_bytes);
	stmt_reset(q);
	vector_from_half(halves, stored, dimension);
	for (size_t i = 0; i < dimension; i++) {
		cosine += stored[i] * made[i];
	}
	return !(cosine >= ALIKE);
}

/* Whether most of a sample would be embedded otherwise now: 1. */
static int made_otherwise(struct vectors *v, const struct loaded_space *s, struct err *e)
{
	int64_t slots[SAMPLE];
	struct made_vectors made;
	struct db *db = store_reader(v->store, e);
	int n = 0, n_differ = 0, rc;

	if (!db) {
		return err_code(e);
	}
	arena_init(&made.arena);
	rc = chunks_sample(db, s->workspace_n, SAMPLE, slots, &n, e);
	store_reader_drop(db);
	if (rc == 0) {
		rc = vectors_make(v, s, slots, n, &made, e);
	}
	db = rc == 0 ? store_reader(v->store, e) : NULL;
	for (int i = 0; db && rc >= 0 && i < made.n; i++) {
		rc = differs(db, s, made.slots[i],
			made.vectors + (size_t)i * (size_t)s->identity.dimension, e);
		n_differ += rc > 0;
	}
	store_reader_drop(db);
	arena_finish(&made.arena);
	return rc < 0 ? rc : 2 * n_differ > n;
}

/* 1: it does not open, or is another one. */
static int table_wrong(struct vectors *v, const struct loaded_space *s, struct err *e)
{
	struct err why = ERR_INIT;
	int rc;

	if (strcmp(s->identity.embedder, "builtin") != 0) {
		return 0; /* a server's would be asked, and paid */
	}
	rc = made_otherwise(v, s, &why);
	if (rc == ERR_CORRUPT && strcmp(why.reason, "model_data") == 0) {
		rc = 1;
	}
	return rc < 0 ? err_set(e, rc, why.reason, "%s", why.message) : rc;
}

/* Training gives the same table of the same chunks, so the same vectors come out. */
static int learn_again(struct vectors *v, const struct loaded_space *s, struct err *e)
{
	struct loaded_space filling = {.workspace_n = s->workspace_n, .identity = s->identity};
	int64_t n_chunks;
	size_t n_bytes;
	void *data;
	int rc = embed_train(v->store, s->workspace_n, NULL, &data, &n_bytes, &n_chunks, e);

	if (rc) {
		return rc;
	}
	rc = vectors_space_fill(
		v, s->workspace_n, &s->identity, data, n_bytes, n_chunks, &filling.n, e);
	free(data);
	if (rc == 0) {
		rc = vectors_embed_missing(v, &filling, e);
	}
	return rc ? rc : vectors_space_swap(v, filling.n, e);
}

static int check_tables(struct vectors *v, bool repair, int64_t *n_wrong, struct err *e)
{
	struct loaded_space **spaces;
	int n, rc = 0;

	spaces = loaded_list(v, &n);
	for (int i = 0; i < n; i++) {
		rc = rc < 0 ? rc : table_wrong(v, spaces[i], e);
		if (rc == 1) {
			log_warn("vectors.table_wrong", LN("space", spaces[i]->n));
			rc = repair ? learn_again(v, spaces[i], e) : 0;
			*n_wrong += !repair;
		}
		loaded_drop(spaces[i]);
	}
	free(spaces);
	return rc;
}

/* ── workspaces without a space ── */

int vectors_check_spaces(struct vectors *v, bool repair, int64_t *n_wrong, struct err *e)
{
	int64_t workspaces[PAGE];
	struct db *db = store_reader(v->store, e);
	struct stmt *q;
	int n = 0, rc = 0;

	if (!db) {
		return err_code(e);
	}
	q = db_stmt(db, &vector_sql, Q_WITHOUT_SPACE);
	while (n < PAGE && (rc = stmt_step(q, e)) > 0) {
		workspaces[n++] = col_int(q, 0);
	}
	stmt_reset(q);
	store_reader_drop(db);
	for (int i = 0; rc >= 0 && i < n; i++) {
		struct space space = {0};

		rc = repair ? vectors_serving(v, workspaces[i], &space, e) : 0;
		embedder_drop(space.embedder);
		*n_wrong += !repair;
	}
	return rc < 0 ? rc : check_tables(v, repair, n_wrong, e);
}
