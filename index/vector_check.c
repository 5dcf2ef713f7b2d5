/* `carrel check`: stored vectors against live chunks, files against their rows. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/log.h"
#include "index/chunks.h"
#include "index/vector_check.h"
#include "index/vector_file.h"
#include "index/vector_kernel.h"

#define PAGE MADE_MAX
#define LENGTH_ERROR .01f

struct checking {
	struct vectors *v;
	struct loaded_space *s;
	bool repair;
	int64_t n_wrong; /* found, and not mended */
};

/* ── rows that must not be ── */

struct slots {
	int64_t space_n;
	int64_t items[PAGE];
	int n;
};

static int tx_delete(struct db *db, void *arg, struct err *e)
{
	const struct slots *list = arg;
	int rc = 0;

	for (int i = 0; rc == 0 && i < list->n; i++) {
		struct stmt *q = db_stmt(db, &vector_sql, Q_VECTOR_DELETE);

		stmt_int(q, 1, list->space_n);
		stmt_int(q, 2, list->items[i]);
		rc = stmt_run(q, e);
	}
	return rc;
}

static int delete_rows(struct checking *c, struct slots *list, struct err *e)
{
	int rc;

	list->space_n = c->s->n;
	if (!c->repair || list->n == 0) {
		c->n_wrong += list->n;
		return 0;
	}
	rc = store_write(c->v->store, tx_delete, list, e);
	for (int i = 0; rc == 0 && i < list->n; i++) {
		memory_remove(&c->s->memory, list->items[i]);
	}
	return rc;
}

static bool sound(const uint16_t *halves, int dimension, float *work)
{
	float length;

	for (int i = 0; i < dimension; i++) {
		if ((halves[i] & 0x7c00) == 0x7c00) {
			return false; /* infinity or NaN */
		}
	}
	vector_from_half(halves, work, (size_t)dimension);
	length = vector_normalise(work, (size_t)dimension);
	return fabsf(length - 1) < LENGTH_ERROR;
}

/* One page of unsound rows; false when there are no more. */
static int find_unsound(struct checking *c, int64_t *from, struct slots *out, struct err *e)
{
	int dimension = c->s->identity.dimension;
	float *work = malloc((size_t)dimension * sizeof(*work));
	uint16_t *halves = malloc((size_t)dimension * sizeof(*halves));
	struct db *db = store_reader(c->v->store, e);
	struct stmt *q;
	size_t n_bytes;
	int rc = 0;

	ASSERT(work != NULL && halves != NULL);
	out->n = 0;
	if (db) {
		q = db_stmt(db, &vector_sql, Q_VECTORS_FROM);
		stmt_int(q, 1, c->s->n);
		stmt_int(q, 2, *from);
		while (out->n < PAGE && (rc = stmt_step(q, e)) > 0) {
			const void *p = col_blob(q, 1, &n_bytes);
			bool good = n_bytes == 0;

			if (n_bytes == (size_t)dimension * sizeof(*halves)) {
				memcpy(halves, p, n_bytes);
				good = sound(halves, dimension, work);
			}
			if (!good) {
				out->items[out->n++] = col_int(q, 0);
				*from = col_int(q, 0) + 1;
			}
		}
		stmt_reset(q);
		store_reader_drop(db);
	}
	free(halves);
	free(work);
	return !db ? err_code(e) : rc < 0 ? rc : 0;
}

/* Slots of one page of Q_MISSING or Q_STRAY. */
static int find_slots(
	struct checking *c, enum vector_query which, int64_t from, struct slots *out, struct err *e)
{
	struct db *db = store_reader(c->v->store, e);
	struct stmt *q;
	int rc = 0;

	out->n = 0;
	if (!db) {
		return err_code(e);
	}
	q = db_stmt(db, &vector_sql, (int)which);
	stmt_int(q, 1, c->s->n);
	stmt_int(q, 2, c->s->workspace_n);
	stmt_int(q, 3, from);
	stmt_int(q, 4, PAGE);
	while (out->n < PAGE && (rc = stmt_step(q, e)) > 0) {
		out->items[out->n++] = col_int(q, 0);
	}
	stmt_reset(q);
	store_reader_drop(db);
	return rc < 0 ? rc : 0;
}

static int check_rows(struct checking *c, struct err *e)
{
	struct slots page;
	int64_t from = 0;
	int rc;

	do {
		rc = find_unsound(c, &from, &page, e);
		if (rc == 0) {
			rc = delete_rows(c, &page, e);
		}
	} while (rc == 0 && page.n == PAGE);
	from = 0;
	do {
		if (rc == 0) {
			rc = find_slots(c, Q_STRAY, from, &page, e);
		}
		if (rc == 0) {
			from = page.n ? page.items[page.n - 1] + 1 : from;
			rc = delete_rows(c, &page, e);
		}
	} while (rc == 0 && page.n == PAGE);
	return rc;
}

/* ── chunks without a vector ── */

struct fresh {
	int64_t space_n;
	int dimension;
	const struct made_vectors *made;
};

static int tx_put_fresh(struct db *db, void *arg, struct err *e)
{
	const struct fresh *f = arg;
	int rc = 0;

	for (int i = 0; rc == 0 && i < f->made->n; i++) {
		rc = vectors_put_late(db, f->space_n, f->made->slots[i],
			f->made->vectors + (size_t)i * (size_t)f->dimension, f->dimension, e);
	}
	return rc;
}

static int embed_missing(struct checking *c, const struct slots *missing, struct err *e)
{
	struct made_vectors made;
	struct fresh f = {c->s->n, c->s->identity.dimension, &made};
	int rc;

	arena_init(&made.arena);
	rc = vectors_make(c->v, c->s, missing->items, missing->n, &made, e);
	if (rc == 0 && made.n) {
		rc = store_write(c->v->store, tx_put_fresh, &f, e);
	}
	arena_finish(&made.arena);
	return rc;
}

static int check_missing(struct checking *c, struct err *e)
{
	struct slots page;
	int64_t from = 0;
	int rc;

	do {
		rc = find_slots(c, Q_MISSING, from, &page, e);
		if (rc == 0 && page.n) {
			from = page.items[page.n - 1] + 1;
			if (!c->repair) {
				c->n_wrong += page.n;
			} else {
				rc = embed_missing(c, &page, e);
			}
		}
	} while (rc == 0 && page.n == PAGE);
	return rc;
}

int vectors_embed_missing(struct vectors *v, struct loaded_space *s, struct err *e)
{
	struct checking c = {v, s, true, 0};

	return check_missing(&c, e);
}

/* ── segments ── */

static bool file_matches(const struct vectors *v, const struct segment *row)
{
	char path[1400], sha256[HASH_HEX_SIZE];

	snprintf(path, sizeof(path), "%s/%s", v->folder, row->file);
	return segment_file_hash(path, sha256, NULL) == 0 && strcmp(sha256, row->sha256) == 0;
}

static int check_segments(struct checking *c, struct err *e)
{
	struct segment_rows rows;
	struct arena a;
	int rc;

	arena_init(&a);
	rc = space_segments(c->v, c->s, &a, &rows, e);
	for (int i = 0; rc == 0 && i < rows.n; i++) {
		if (rows.known[i] && file_matches(c->v, &rows.items[i])) {
			continue;
		}
		log_warn("vectors.segment_wrong", LN("segment", rows.items[i].n));
		if (c->repair) {
			rc = space_segment_forget(c->v, c->s, &rows.items[i], e);
		} else {
			c->n_wrong++;
		}
	}
	arena_finish(&a);
	if (rc == 0 && c->repair) {
		rc = space_maintain(c->v, c->s, e);
	}
	return rc;
}

static int check_file(struct checking *c, struct err *e)
{
	int64_t n_wrong = 0;
	int rc = file_check(c->v, c->s, c->repair, &n_wrong, e);

	if (rc == 0 && c->repair) {
		return file_write(c->v, c->s, e);
	}
	c->n_wrong += n_wrong;
	return rc;
}

/* Spaces that stand aside are not loaded and may lack chunks; but what is deleted must be gone. */
static int check_aside(struct vectors *v, bool repair, int64_t *n_wrong, struct err *e)
{
	struct space_row rows[PAGE];
	struct db *db = store_reader(v->store, e);
	struct stmt *q;
	int n = 0, rc = 0;

	if (!db) {
		return err_code(e);
	}
	q = db_stmt(db, &vector_sql, Q_SPACES_BY_STATE);
	stmt_text(q, 1, "filling");
	while (n < PAGE && (rc = stmt_step(q, e)) > 0) {
		rc = space_row(q, &rows[n++], e);
		if (rc) {
			break;
		}
	}
	stmt_reset(q);
	store_reader_drop(db);
	for (int i = 0; rc == 0 && i < n; i++) {
		struct loaded_space s = {.n = rows[i].n,
			.workspace_n = rows[i].workspace_n,
			.identity = rows[i].identity};
		struct checking c = {v, &s, repair, 0};

		memory_init(&s.memory, s.identity.dimension);
		rc = check_rows(&c, e);
		memory_finish(&s.memory);
		*n_wrong += c.n_wrong;
	}
	return rc < 0 ? rc : 0;
}

static int check_locked(struct vectors *v, bool repair, int64_t *n_wrong, struct err *e)
{
	struct loaded_space **spaces;
	int64_t n_stray = 0;
	int n, rc = 0;

	spaces = loaded_list(v, &n);
	for (int i = 0; i < n; i++) {
		struct checking c = {v, spaces[i], repair, 0};

		if (rc == 0) {
			rc = check_rows(&c, e);
		}
		if (rc == 0) {
			rc = check_missing(&c, e);
		}
		if (rc == 0) {
			rc = check_segments(&c, e);
		}
		if (rc == 0) {
			rc = check_file(&c, e);
		}
		*n_wrong += c.n_wrong;
		loaded_drop(spaces[i]);
	}
	free(spaces);
	if (rc == 0) {
		rc = check_aside(v, repair, n_wrong, e);
	}
	if (rc == 0) {
		rc = vectors_stray_files(v, repair, &n_stray, e);
		*n_wrong += repair ? 0 : n_stray;
	}
	return rc;
}

int vectors_check(struct vectors *v, bool repair, int64_t *n_wrong, struct err *e)
{
	int rc;

	*n_wrong = 0;
	rc = vectors_check_spaces(v, repair, n_wrong, e); /* may swap, which is upkeep itself */
	if (rc) {
		return rc;
	}
	pthread_mutex_lock(&v->upkeep);
	rc = check_locked(v, repair, n_wrong, e);
	pthread_mutex_unlock(&v->upkeep);
	return rc;
}
