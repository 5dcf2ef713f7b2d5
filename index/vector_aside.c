/* Spaces that do not serve and are not filled: kept as a way back, or waiting for a decision. */
#include <string.h>

#include "index/vector_space.h"

static const char *const names[] = {
	[ASIDE_NOT] = "", [ASIDE_WAITING] = "waiting", [ASIDE_KEPT] = "kept"};

/* The one of that kind besides `but`, or 0. */
static int standing(
	struct db *db, int64_t workspace_n, enum space_aside where, int64_t but, int64_t *n)
{
	struct stmt *q = db_stmt(db, &vector_sql, Q_SPACE_STANDING_ASIDE);
	int rc;

	stmt_int(q, 1, workspace_n);
	stmt_text(q, 2, names[where]);
	stmt_int(q, 3, but);
	rc = stmt_step(q, NULL);
	*n = rc > 0 ? col_int(q, 0) : 0;
	stmt_reset(q);
	return rc < 0 ? rc : 0;
}

/* All of that kind but one. */
static int retire_standing(
	struct db *db, int64_t workspace_n, enum space_aside where, int64_t but, struct err *e)
{
	int64_t other;
	int rc;

	do {
		rc = standing(db, workspace_n, where, but, &other);
		if (rc == 0 && other) {
			rc = space_retire(db, other, e);
		}
	} while (rc == 0 && other);
	return rc;
}

int space_put_aside(
	struct db *db, const struct space_row *row, enum space_aside where, struct err *e)
{
	struct stmt *q;
	int rc = retire_standing(db, row->workspace_n, where, row->n, e);

	if (rc) {
		return rc;
	}
	q = db_stmt(db, &vector_sql, Q_SPACE_SET_ASIDE);
	stmt_int(q, 1, row->n);
	stmt_text(q, 2, names[where]);
	return stmt_run(q, e);
}

struct aside_order {
	int64_t workspace_n, space_n;
	enum space_aside where;
	int n;
};

static int tx_set_aside(struct db *db, void *arg, struct err *e)
{
	const struct aside_order *o = arg;
	struct space_row row;
	int rc = space_lookup(db, o->space_n, &row, e);

	if (rc == 0 && row.state != SPACE_FILLING) {
		rc = err_set(
			e, ERR_CONFLICT, "vector_space_gone", "that space is not being filled");
	}
	return rc ? rc : space_put_aside(db, &row, o->where, e);
}

int vectors_space_set_aside(
	struct vectors *v, int64_t space_n, enum space_aside where, struct err *e)
{
	struct aside_order o = {.space_n = space_n, .where = where};

	return store_write(v->store, tx_set_aside, &o, e);
}

enum space_aside vectors_space_aside(struct db *db, int64_t space_n)
{
	struct stmt *q = db_stmt(db, &vector_sql, Q_SPACE_ASIDE);
	enum space_aside where = ASIDE_NOT;

	stmt_int(q, 1, space_n);
	if (stmt_step(q, NULL) > 0) {
		const char *text = col_text(q, 0);

		for (int i = ASIDE_WAITING; text && i <= ASIDE_KEPT; i++) {
			where = strcmp(text, names[i]) == 0 ? (enum space_aside)i : where;
		}
	}
	stmt_reset(q);
	return where;
}

int vectors_space_take_up(
	struct db *db, int64_t workspace_n, enum space_aside where, int64_t *space_n, struct err *e)
{
	int rc = standing(db, workspace_n, where, 0, space_n);

	if (rc == 0 && !*space_n) {
		rc = err_set(e, ERR_NOT_FOUND, "no_such_space", "%s",
			where == ASIDE_KEPT ? "no former vectors are kept"
					    : "no new vectors wait for a decision");
	}
	return rc ? rc : retire_standing(db, workspace_n, ASIDE_NOT, *space_n, e);
}

static int tx_drop(struct db *db, void *arg, struct err *e)
{
	struct aside_order *o = arg;
	int64_t found;
	int rc;

	do {
		rc = standing(db, o->workspace_n, o->where, 0, &found);
		if (rc == 0 && found) {
			rc = space_retire(db, found, e);
			o->n++;
		}
	} while (rc == 0 && found);
	return rc;
}

int vectors_space_drop(
	struct vectors *v, int64_t workspace_n, enum space_aside where, int *n, struct err *e)
{
	struct aside_order o = {.workspace_n = workspace_n, .where = where};
	int rc = store_write(v->store, tx_drop, &o, e);

	*n = o.n;
	return rc;
}

/* ── shown ── */

static int64_t count_of(
	struct db *db, enum vector_query which, int64_t space_n, int64_t workspace_n)
{
	struct stmt *q = db_stmt(db, &vector_sql, (int)which);
	int64_t n = 0;

	stmt_int(q, 1, space_n);
	if (which == Q_COUNT_MISSING) {
		stmt_int(q, 2, workspace_n);
	}
	if (stmt_step(q, NULL) > 0) {
		n = col_int(q, 0);
	}
	stmt_reset(q);
	return n;
}

int vectors_spaces(struct db *db, struct arena *a, int64_t workspace_n, struct space_view **out,
	int *n, struct err *e)
{
	enum { MAX = 64 }; /* those that leave among them */
	struct stmt *q = db_stmt(db, &vector_sql, Q_SPACES_OF);
	int rc = 0;

	*n = 0;
	*out = arena_array(a, struct space_view, MAX);
	stmt_int(q, 1, workspace_n);
	while (*n < MAX && (rc = stmt_step(q, e)) > 0) {
		(*out)[(*n)++] = (struct space_view){.n = col_int(q, 0),
			.embedder = arena_str(a, col_text(q, 1)),
			.model = arena_str(a, col_text(q, 2)),
			.dimension = (int)col_int(q, 3),
			.state = arena_str(a, col_text(q, 4)),
			.created_ms = col_int(q, 5),
			.n_bytes = col_int(q, 6)};
	}
	stmt_reset(q);
	for (int i = 0; rc >= 0 && i < *n; i++) {
		struct space_view *s = &(*out)[i];

		s->n_vectors = count_of(db, Q_COUNT_VECTORS, s->n, workspace_n);
		s->n_missing = count_of(db, Q_COUNT_MISSING, s->n, workspace_n);
		s->n_bytes += s->n_vectors * s->dimension * (int64_t)sizeof(uint16_t);
	}
	return rc < 0 ? rc : 0;
}
