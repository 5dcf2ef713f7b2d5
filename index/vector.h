/*
 * Vectors: nearest neighbours among the slots an asker may read (design, section 9).
 *
 * A vector space is one workspace's vectors under one embedding model; one serves, another may be
 * filling. The truth is chunk_vector (fp16); segments of inverted lists (DATA/vectors, immutable,
 * sealed, 64-aligned slot ranges) and a small unsealed tail in memory are derived, swapped by a
 * counted pointer: a search works on the set of segments it began with. A file is loaded only if
 * its SHA-256 and every fact of its row match, otherwise it is rebuilt while exact search over the
 * stored vectors serves. So is the file that all vectors are read from at start
 * (index/vector_file.h), block by block.
 *
 * The plan is by popcount of the allowed bitmap: exact with our own kernel up to 25,000 allowed or
 * in a space of up to 100,000; else two bits a number tell which vectors are compared
 * (index/vector_codes.h), of all allowed ones or, where that costs less, of those in the nearest
 * inverted lists. No HNSW. (Limits at dimension 384.)
 *
 * Alone writes vector_space, chunk_vector, vector_block, vector_segment, DATA/vectors.
 * Thread: vectors_search and _score from any worker; _put/_remove in a write transaction.
 */
#ifndef INDEX_VECTOR_H
#define INDEX_VECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "index/acl.h"
#include "index/base/arena.h"
#include "index/base/err.h"
#include "index/base/settings.h"
#include "index/embed.h"
#include "index/store.h"

struct vectors;

MUST_CHECK int vectors_open(struct store *s, const char *data_dir, const struct settings *set,
	struct vectors **out, struct err *e);
void vectors_close(struct vectors *v);

/* The serving space of a workspace; made (by the settings' embedder) if there is none. Keeps the
 * embedder for the caller: embedder_drop it. Blocks. */
struct space {
	int64_t n;
	int64_t workspace_n;
	int dimension;
	struct embedder *embedder;
};
MUST_CHECK int vectors_serving(
	struct vectors *v, int64_t workspace_n, struct space *out, struct err *e);

/* tx. Into the serving space. Normalised here. A zero vector leaves only a mark that its chunk was
 * embedded. After the commit the slot is searchable. ERR_CONFLICT: the space was replaced;
 * ERR_INVALID: NaN, or a wrong dimension. */
MUST_CHECK int vectors_put(struct db *db, int64_t space_n, int64_t slot, const float *vector,
	int dimension, struct err *e);
/* tx. The same for a chunk that was read before this transaction, into a space that is being filled
 * as well: nothing if it is no longer live. */
MUST_CHECK int vectors_put_late(struct db *db, int64_t space_n, int64_t slot, const float *vector,
	int dimension, struct err *e);
/* tx. From all spaces of the workspace. (Search hides it by the bitmap at once; this frees it.) */
MUST_CHECK int vectors_remove(struct db *db, int64_t workspace_n, int64_t slot, struct err *e);

/* After removals that are committed: no vector of theirs is in a file of DATA/vectors when this
 * returns 0. Blocks. */
MUST_CHECK int vectors_forget(struct vectors *v, int64_t workspace_n, struct err *e);

struct vector_hit {
	int64_t slot;
	float cosine;
};

/* The k nearest allowed slots, best first; *n of them. ERR_CONFLICT: the space was replaced over a
 * minute ago. */
MUST_CHECK int vectors_search(struct vectors *v, const struct space *space, const float *query,
	const struct allowed *allowed, int k, struct vector_hit *out, int *n, struct err *e);
/* The cosine of given slots; NAN where there is no vector. */
MUST_CHECK int vectors_score(struct vectors *v, const struct space *space, const float *query,
	const int64_t *slots, int n, float *out, struct err *e);

/* out [dimension]: the query at length 1, and weights[i] times the vector of slots[i] for each that
 * has one (Rocchio 1971). */
MUST_CHECK int vectors_toward(struct vectors *v, const struct space *space, const float *query,
	const int64_t *slots, const double *weights, int n, float *out, struct err *e);

/* ── a second space, for another embedder or a newly trained table ── */

/* tx via store_write inside. A filling space of that identity that already exists is given again
 * (work resumes); other filling ones of the workspace are dropped. */
MUST_CHECK int vectors_space_fill(struct vectors *v, int64_t workspace_n,
	const struct embed_identity *id, const void *model_data, size_t n_bytes, int64_t n_trained,
	int64_t *space_n, struct err *e);
/* Live slots that have no vector in the space yet, ascending from `from`; at most max. */
MUST_CHECK int vectors_missing(struct db *db, int64_t space_n, int64_t from, int64_t *slots,
	int max, int *n, struct err *e);
/* The filling space with its embedder, to embed with. */
MUST_CHECK int vectors_space_open(
	struct vectors *v, int64_t space_n, struct space *out, struct err *e);
/* Makes the filling space serve, the former retired, in one transaction, after which searches use
 * it; then removes the former in short ones. ERR_CONFLICT "vectors_missing" while live chunks lack
 * one. */
MUST_CHECK int vectors_space_swap(struct vectors *v, int64_t space_n, struct err *e);
/* The same, but the former is kept aside as a way back, in place of one that was kept before. */
MUST_CHECK int vectors_space_swap_keeping(struct vectors *v, int64_t space_n, struct err *e);
/* Makes a filling space searchable beside the serving one, until _unload or the swap; what is
 * published or removed meanwhile counts. Takes the memory of a second space. */
MUST_CHECK int vectors_space_load(struct vectors *v, int64_t space_n, struct err *e);
void vectors_space_unload(struct vectors *v, int64_t space_n);

/* ── spaces set aside: one that waits for a decision, one that is kept as a way back ──
 * New chunks are not put there; who takes one up again fills it first, and it stands aside until it
 * serves: an order that is given up leaves it where it was. What is removed goes from them as from
 * every space. ASIDE_NOT: one that is being filled, or whose order was given up. */

enum space_aside { ASIDE_NOT, ASIDE_WAITING, ASIDE_KEPT };
/* A filling space steps aside; another one that stood there is dropped. ERR_CONFLICT: gone. */
MUST_CHECK int vectors_space_set_aside(
	struct vectors *v, int64_t space_n, enum space_aside where, struct err *e);
enum space_aside vectors_space_aside(struct db *db, int64_t space_n);
/* tx. The one to take up again; others that are being filled are dropped. ERR_NOT_FOUND: there is
 * none. */
MUST_CHECK int vectors_space_take_up(struct db *db, int64_t workspace_n, enum space_aside where,
	int64_t *space_n, struct err *e);
/* Drops it; *n: how many there were. Their rows go in the background. */
MUST_CHECK int vectors_space_drop(
	struct vectors *v, int64_t workspace_n, enum space_aside where, int *n, struct err *e);

struct space_view {
	int64_t n;
	const char *embedder, *model;
	const char *state; /* "serving", "filling", "waiting", "kept", "leaving" */
	int dimension;
	int64_t n_vectors, n_missing; /* live chunks without a vector there */
	int64_t n_bytes;	      /* on the disk: vectors and trained table; no segment files */
	int64_t created_ms;
};
/* Of a workspace, oldest first, in the arena. */
MUST_CHECK int vectors_spaces(struct db *db, struct arena *a, int64_t workspace_n,
	struct space_view **out, int *n, struct err *e);
/* Whether the builtin's table should be (re)trained: grown by half since, and at least 300; shrunk
 * to half; or it is of an old format that kept words. */
bool vectors_wants_training(struct vectors *v, struct db *db, int64_t workspace_n);

/* Loads the segment files (the first time), seals a long tail, compacts segments of which a fifth
 * is dead, brings the files that are read at start up to date, removes what retired spaces left;
 * called by the ingest worker at start and between jobs. Searches are exact where a segment is not
 * there yet. Blocks, minutes for a million vectors. */
MUST_CHECK int vectors_maintain(struct vectors *v, struct err *e);
/* On a copy of the database that lies by itself: the rows go that speak of files in DATA/vectors,
 * which are made anew where there are none. */
MUST_CHECK int vectors_without_files(struct db *copy, struct err *e);
/* Stored vectors against live chunks, files against their rows; *n_wrong: what is wrong (left, if
 * repair). A repair embeds what is missing. */
MUST_CHECK int vectors_check(struct vectors *v, bool repair, int64_t *n_wrong, struct err *e);

#endif
