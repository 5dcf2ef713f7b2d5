/*
 * The vector spaces that are loaded, and the statements over their tables. Private to
 * index/vector*.c. A loaded space is counted: a search that began before a swap ends on the space
 * it began with.
 */
#ifndef INDEX_VECTOR_SPACE_H
#define INDEX_VECTOR_SPACE_H

#include <pthread.h>
#include <stdatomic.h>

#include "index/vector.h"
#include "index/vector_memory.h"

/* The plan's limits, measured at this dimension (a scan costs in proportion); tests lower them. */
#define TUNED_DIMENSION 384
struct vector_tuning {
	int64_t exact_allowed; /* up to so many allowed slots are scanned exactly */
	int64_t exact_corpus;  /* so is a whole space of that size */
	int64_t tail;	       /* more unsealed vectors than that are sealed */
	int64_t segment_max;   /* segments are not merged beyond */
	int n_probe;
	int64_t retired_ms; /* a space that was swapped out serves late searches for so long */
};

extern const struct vector_tuning vector_default_tuning;

enum space_state { SPACE_FILLING, SPACE_SERVING, SPACE_RETIRED };

struct space_row {
	int64_t n, workspace_n;
	struct embed_identity
		identity; /* without prefixes and answers_as: space_embedder has them */
	enum space_state state;
};

struct space_new {
	int64_t workspace_n;
	const struct embed_identity *id;
	const char *state;
	const void *model_data; /* NULL: none */
	size_t n_bytes;
	int64_t n_trained;
};
MUST_CHECK int space_add(
	struct db *db, const struct space_new *x, int64_t *space_n, struct err *e); /* tx */

struct loaded_space {
	atomic_int refs;
	int64_t n, workspace_n;
	struct embed_identity identity;
	struct memory memory;
	/* under vectors.lock: */
	enum space_state state;
	struct embedder *embedder; /* NULL: could not be opened yet */
	int64_t retired_ms;
	struct loaded_space *next;
	/* of upkeep: */
	bool segments_loaded;
	pthread_mutex_t filing; /* one writes the file at a time (index/vector_file.h) */
};

struct vectors {
	struct store *store;
	const struct settings *settings;
	char *folder; /* DATA/vectors */
	struct vector_tuning tuning;
	pthread_mutex_t lock;
	pthread_mutex_t upkeep; /* one maintain, check or swap at a time */
	struct loaded_space *spaces;
	int64_t last_n; /* the highest number of a space that was loaded; under lock */
};

struct loaded_space *loaded_keep(struct loaded_space *s);
void loaded_drop(struct loaded_space *s); /* NULL is fine */
/* Kept; NULL when it is not loaded. */
struct loaded_space *loaded_lookup(struct vectors *v, int64_t space_n);
struct loaded_space *loaded_serving(struct vectors *v, int64_t workspace_n);
/* Puts an empty one on the list, kept as well: from now on commits reach its memory. */
struct loaded_space *loaded_add(struct vectors *v, const struct space_row *row);
/* Takes it from the list. */
void loaded_forget(struct vectors *v, struct loaded_space *s);
/* The serving ones, each kept, in an array to free. */
struct loaded_space **loaded_list(struct vectors *v, int *n);

/* Whether the present row of a SPACE_COLUMNS query is sound. */
MUST_CHECK int space_row(struct stmt *q, struct space_row *out, struct err *e);
/* tx */
MUST_CHECK int space_retire(struct db *db, int64_t space_n, struct err *e);
/* tx. The filling one steps aside, or takes up its place again: ASIDE_NOT. */
MUST_CHECK int space_put_aside(
	struct db *db, const struct space_row *row, enum space_aside where, struct err *e);
MUST_CHECK int space_lookup(struct db *db, int64_t space_n, struct space_row *out, struct err *e);
/* With the space's model_data. */
MUST_CHECK int space_embedder(struct vectors *v, struct db *db, const struct space_row *row,
	struct embedder **out, struct err *e);
/* Deletes what retired spaces left: rows, segments, files; in short transactions. */
MUST_CHECK int spaces_purge(struct vectors *v, struct err *e);

/* ── upkeep, under vectors.upkeep ── */

/* Rows of vector_segment as far as they say; known[i]: and the row makes sense for the space. */
struct segment_rows {
	struct segment *items;
	bool *known;
	int n;
};
MUST_CHECK int space_segments(struct vectors *v, const struct loaded_space *s, struct arena *a,
	struct segment_rows *out, struct err *e);
MUST_CHECK int space_segment_forget(
	struct vectors *v, struct loaded_space *s, const struct segment *row, struct err *e);
/* Loads, seals, compacts. */
MUST_CHECK int space_maintain(struct vectors *v, struct loaded_space *s, struct err *e);
/* Files that no row names: left by a kill, or replaced. */
MUST_CHECK int vectors_stray_files(
	struct vectors *v, bool remove_them, int64_t *n_stray, struct err *e);

/* For tests. */
void vectors_tune(struct vectors *v, const struct vector_tuning *t);

enum vector_query {
	Q_SPACE,
	Q_SPACE_SERVING,
	Q_SPACES_BY_STATE,
	Q_SPACE_TRAINED,
	Q_SPACE_DATA,
	Q_SPACE_TEXTS,
	Q_SPACE_ADD,
	Q_SPACE_STATE,
	Q_SPACE_DELETE,
	Q_SPACE_SET_ASIDE,
	Q_SPACE_ASIDE,
	Q_SPACE_STANDING_ASIDE,
	Q_SPACES_OF,
	Q_COUNT_VECTORS,
	Q_COUNT_MISSING,
	Q_SPACE_FILLING,
	Q_VECTOR_PUT,
	Q_VECTOR_REMOVE,
	Q_VECTOR_DELETE,
	Q_VECTORS_FROM,
	Q_VECTORS_BETWEEN,
	Q_VECTORS_PURGE,
	Q_MISSING,
	Q_STRAY,
	Q_IS_LIVE,
	Q_SEGMENT_ADD,
	Q_SEGMENTS,
	Q_SEGMENT_DELETE,
	Q_SEGMENTS_OVERLAPPED,
	Q_SEGMENTS_PURGE,
	Q_SEGMENT_FILE,
	Q_SEGMENTS_LEFT_OUT,
	Q_BLOCKS,
	Q_BLOCK_MARK,
	Q_BLOCK_RIGHT,
	Q_BLOCK_FORGET,
	Q_BLOCKS_PURGE,
	Q_BLOCKS_LEFT_OUT,
	Q_IS_SERVING,
	Q_WITHOUT_SPACE,
};
extern const struct sql_table vector_sql;

#endif
