#include "index/vector.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/clock.h"
#include "index/base/fs.h"
#include "index/base/log.h"
#include "index/vector_kernel.h"
#include "index/vector_file.h"
#include "index/vector_space.h"

const struct vector_tuning vector_default_tuning = {
	.exact_allowed = 25000,
	.exact_corpus = 100000, /* 6 ms: a half float costs half of what a float does */
	.tail = 25000,
	.segment_max = 1000000,
	.n_probe = 256,
	.retired_ms = 60000,
};

/* ── life ── */

/* A space whose embedder cannot be opened is loaded all the same: vectors_serving tries again and
 * tells why. */
static int open_space(struct vectors *v, const struct space_row *row, struct err *e)
{
	struct loaded_space *s = loaded_add(v, row);
	struct err why = ERR_INIT;
	struct db *db;
	int rc = file_load(v, s, e);

	if (rc == 0) {
		db = store_reader(v->store, e);
		if (db) {
			if (space_embedder(v, db, row, &s->embedder, &why)) {
				log_error("vectors.embedder", LN("space", s->n),
					LT("error", why.message));
			}
			store_reader_drop(db);
		}
	}
	loaded_drop(s);
	return rc;
}

static int list_serving(
	struct vectors *v, struct arena *a, struct space_row **rows, int *n, struct err *e)
{
	struct db *db = store_reader(v->store, e);
	struct stmt *q;
	int rc, cap = 0;

	*n = 0;
	*rows = NULL;
	if (!db) {
		return err_code(e);
	}
	q = db_stmt(db, &vector_sql, Q_SPACES_BY_STATE);
	stmt_text(q, 1, "serving");
	while ((rc = stmt_step(q, e)) > 0) {
		if (*n == cap) {
			struct space_row *more;

			cap = cap ? 2 * cap : 16;
			more = arena_array(a, struct space_row, (size_t)cap);
			if (*n) {
				memcpy(more, *rows, (size_t)*n * sizeof(*more));
			}
			*rows = more;
		}
		rc = space_row(q, *rows + *n, e);
		if (rc) {
			stmt_reset(q);
			break;
		}
		(*n)++;
	}
	store_reader_drop(db);
	return rc;
}

int vectors_open(struct store *s, const char *data_dir, const struct settings *set,
	struct vectors **out, struct err *e)
{
	struct vectors *v = calloc(1, sizeof(*v));
	struct space_row *rows;
	struct arena a;
	int rc, n;

	ASSERT(v != NULL);
	*out = NULL;
	v->store = s;
	v->settings = set;
	v->tuning = vector_default_tuning;
	ASSERT(asprintf(&v->folder, "%s/vectors", data_dir) > 0);
	ASSERT(pthread_mutex_init(&v->lock, NULL) == 0);
	ASSERT(pthread_mutex_init(&v->upkeep, NULL) == 0);
	arena_init(&a);
	rc = fs_mkdirs(v->folder, e);
	if (rc == 0) {
		rc = list_serving(v, &a, &rows, &n, e);
	}
	for (int i = 0; rc == 0 && i < n; i++) {
		rc = open_space(v, &rows[i], e);
	}
	arena_finish(&a);
	if (rc) {
		vectors_close(v);
		return rc;
	}
	store_attach(s, PART_VECTORS, v);
	*out = v;
	return 0;
}

void vectors_close(struct vectors *v)
{
	if (!v) {
		return;
	}
	while (v->spaces) {
		loaded_forget(v, v->spaces);
	}
	pthread_mutex_destroy(&v->upkeep);
	pthread_mutex_destroy(&v->lock);
	free(v->folder);
	free(v);
}

void vectors_tune(struct vectors *v, const struct vector_tuning *t)
{
	v->tuning = *t;
}

/* ── the serving space ── */

struct serve {
	struct vectors *v;
	int64_t workspace_n;
	struct embed_identity identity;
	struct space_row row;
	struct loaded_space *loaded;
};

static void on_space_made(void *arg)
{
	struct serve *t = arg;

	t->loaded = loaded_add(t->v, &t->row);
	memory_loaded(&t->loaded->memory);
}

static int tx_serve(struct db *db, void *arg, struct err *e)
{
	struct serve *t = arg;
	struct stmt *q = db_stmt(db, &vector_sql, Q_SPACE_SERVING);
	int64_t space_n;
	int rc;

	stmt_int(q, 1, t->workspace_n);
	rc = stmt_step(q, e);
	if (rc) {
		stmt_reset(q); /* another thread was faster: it is loaded, or will be at once */
		return rc < 0 ? rc : 0;
	}
	rc = space_add(db,
		&(struct space_new){
			.workspace_n = t->workspace_n, .id = &t->identity, .state = "serving"},
		&space_n, e);
	if (rc) {
		return rc;
	}
	t->row = (struct space_row){.n = space_n,
		.workspace_n = t->workspace_n,
		.identity = t->identity,
		.state = SPACE_SERVING};
	db_after_commit(db, on_space_made, t, NULL);
	return 0;
}

static int make_serving(
	struct vectors *v, int64_t workspace_n, struct loaded_space **out, struct err *e)
{
	struct serve t = {.v = v, .workspace_n = workspace_n};
	int rc = embed_identify(v->settings, v->settings->embedder, &t.identity, e);

	if (rc == 0) {
		rc = store_write(v->store, tx_serve, &t, e);
	}
	if (rc) {
		return rc;
	}
	*out = t.loaded ? t.loaded : loaded_serving(v, workspace_n);
	return *out ? 0 : err_set(e, ERR_INTERNAL, "vector_space", "no vector space could be made");
}

static int reopen_embedder(
	struct vectors *v, struct loaded_space *s, struct embedder **out, struct err *e)
{
	struct space_row row = {.n = s->n, .identity = s->identity};
	struct db *db = store_reader(v->store, e);
	int rc;

	if (!db) {
		return err_code(e);
	}
	rc = space_embedder(v, db, &row, out, e);
	store_reader_drop(db);
	if (rc) {
		return rc;
	}
	pthread_mutex_lock(&v->lock);
	if (!s->embedder) {
		s->embedder = embedder_keep(*out);
	}
	pthread_mutex_unlock(&v->lock);
	return 0;
}

int vectors_serving(struct vectors *v, int64_t workspace_n, struct space *out, struct err *e)
{
	struct loaded_space *s = loaded_serving(v, workspace_n);
	int rc = 0;

	memset(out, 0, sizeof(*out));
	if (!s) {
		rc = make_serving(v, workspace_n, &s, e);
		if (rc) {
			return rc;
		}
	}
	out->n = s->n;
	out->workspace_n = s->workspace_n;
	out->dimension = s->identity.dimension;
	pthread_mutex_lock(&v->lock);
	out->embedder = s->embedder ? embedder_keep(s->embedder) : NULL;
	pthread_mutex_unlock(&v->lock);
	if (!out->embedder) {
		rc = reopen_embedder(v, s, &out->embedder, e);
	}
	loaded_drop(s);
	return rc;
}

/* ── put and remove ── */

/* What memory learns after the commit. */
struct change {
	struct vectors *v;
	int64_t space_n; /* 0: every space of the workspace */
	int64_t workspace_n;
	int64_t slot;
	bool put;
	uint16_t halves[];
};

static void on_changed(void *arg)
{
	struct change *c = arg;

	pthread_mutex_lock(&c->v->lock);
	for (struct loaded_space *s = c->v->spaces; s; s = s->next) {
		if (c->space_n ? s->n != c->space_n : s->workspace_n != c->workspace_n) {
			continue;
		}
		if (c->put) {
			memory_put(&s->memory, c->slot, c->halves);
		} else {
			memory_remove(&s->memory, c->slot);
		}
	}
	pthread_mutex_unlock(&c->v->lock);
}

static void change_after_commit(
	struct db *db, const struct change *what, const uint16_t *halves, size_t n_bytes)
{
	struct vectors *v = db_part(db, PART_VECTORS);
	struct change *c;

	if (!v) {
		return;
	}
	c = malloc(sizeof(*c) + n_bytes);
	ASSERT(c != NULL);
	*c = *what;
	c->v = v;
	if (n_bytes) {
		memcpy(c->halves, halves, n_bytes);
	}
	db_after_commit(db, on_changed, c, free);
}

static int put(struct db *db, const struct space_row *row, int64_t slot, const float *vector,
	int dimension, struct err *e)
{
	float unit[EMBED_DIMENSION_MAX];
	uint16_t halves[EMBED_DIMENSION_MAX];
	struct stmt *q;
	size_t n_bytes;
	float length;
	int rc;

	if (dimension != row->identity.dimension || slot < 0) {
		return err_set(e, ERR_INVALID, "dimension",
			"a vector of %d numbers does not fit a space of %d", dimension,
			row->identity.dimension);
	}
	memcpy(unit, vector, (size_t)dimension * sizeof(float));
	length = vector_normalise(unit, (size_t)dimension);
	if (isnan(length)) {
		return err_set(e, ERR_INVALID, "not_finite", "a vector holds NaN or infinity");
	}
	/* A zero vector has no direction: an empty row says that the chunk was embedded. */
	n_bytes = length > 0 ? (size_t)dimension * sizeof(uint16_t) : 0;
	vector_to_half(unit, halves, (size_t)dimension);
	q = db_stmt(db, &vector_sql, Q_VECTOR_PUT);
	stmt_int(q, 1, row->n);
	stmt_int(q, 2, slot);
	stmt_blob(q, 3, halves, n_bytes);
	rc = stmt_run(q, e);
	if (rc == 0) {
		change_after_commit(db,
			&(struct change){.space_n = row->n, .slot = slot, .put = n_bytes > 0},
			halves, n_bytes);
	}
	return rc;
}

static int replaced(struct err *e)
{
	return err_set(e, ERR_CONFLICT, "vector_space_gone",
		"the vector space was replaced meanwhile; try again");
}

int vectors_put(struct db *db, int64_t space_n, int64_t slot, const float *vector, int dimension,
	struct err *e)
{
	struct space_row row;
	int rc = space_lookup(db, space_n, &row, e);

	/* In a former one, kept aside, the vector would be where nobody looks. */
	if (rc == 0 && row.state != SPACE_SERVING) {
		rc = replaced(e);
	}
	return rc ? rc : put(db, &row, slot, vector, dimension, e);
}

int vectors_put_late(struct db *db, int64_t space_n, int64_t slot, const float *vector,
	int dimension, struct err *e)
{
	struct stmt *q = db_stmt(db, &vector_sql, Q_IS_LIVE);
	struct space_row row;
	int rc;

	stmt_int(q, 1, space_n);
	stmt_int(q, 2, slot);
	rc = stmt_step(q, e);
	if (rc <= 0) {
		return rc;
	}
	stmt_reset(q);
	rc = space_lookup(db, space_n, &row, e);
	if (rc == 0 && row.state == SPACE_RETIRED) {
		rc = replaced(e);
	}
	return rc ? rc : put(db, &row, slot, vector, dimension, e);
}

int vectors_remove(struct db *db, int64_t workspace_n, int64_t slot, struct err *e)
{
	struct stmt *q = db_stmt(db, &vector_sql, Q_VECTOR_REMOVE);
	int rc;

	stmt_int(q, 1, workspace_n);
	stmt_int(q, 2, slot);
	rc = stmt_run(q, e);
	if (rc == 0) {
		change_after_commit(
			db, &(struct change){.workspace_n = workspace_n, .slot = slot}, NULL, 0);
	}
	return rc;
}
