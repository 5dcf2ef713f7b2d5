/* A second space beside the serving one: filled in the background, then swapped in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/clock.h"
#include "index/base/log.h"
#include "index/chunks.h"
#include "index/vector_file.h"

#define TRAINING_LEAST 300

struct filling {
	int64_t workspace_n;
	const struct embed_identity *id;
	const void *model_data;
	size_t n_bytes;
	int64_t n_trained;
	int64_t space_n; /* found or made */
};

int space_retire(struct db *db, int64_t space_n, struct err *e)
{
	struct stmt *q = db_stmt(db, &vector_sql, Q_SPACE_STATE);

	stmt_int(q, 1, space_n);
	stmt_text(q, 2, "retired");
	return stmt_run(q, e);
}

/* The filling space of that identity, 0 if none; another one is retired. One at a time, since the
 * statement that lists them must not be changed under its feet. */
static int settle_filling(struct db *db, struct filling *f, struct err *e)
{
	int64_t other;
	int rc;

	do {
		struct stmt *q = db_stmt(db, &vector_sql, Q_SPACE_FILLING);

		other = 0;
		stmt_int(q, 1, f->workspace_n);
		stmt_text(q, 2, f->id->embedder);
		stmt_text(q, 3, f->id->model);
		stmt_int(q, 4, f->id->dimension);
		stmt_int(q, 5, f->n_bytes == 0);
		stmt_text(q, 6, f->id->query_prefix);
		stmt_text(q, 7, f->id->document_prefix);
		stmt_text(q, 8, f->id->answers_as);
		f->space_n = 0;
		while ((rc = stmt_step(q, e)) > 0) {
			if (col_int(q, 1) && f->space_n == 0) {
				f->space_n = col_int(q, 0);
			} else {
				other = col_int(q, 0);
			}
		}
		if (rc == 0 && other) {
			rc = space_retire(db, other, e);
		}
	} while (rc == 0 && other);
	return rc;
}

static int tx_fill(struct db *db, void *arg, struct err *e)
{
	struct filling *f = arg;
	int rc = settle_filling(db, f, e);

	if (rc || f->space_n) {
		return rc;
	}
	return space_add(db,
		&(struct space_new){.workspace_n = f->workspace_n,
			.id = f->id,
			.state = "filling",
			.model_data = f->model_data,
			.n_bytes = f->n_bytes,
			.n_trained = f->n_trained},
		&f->space_n, e);
}

int vectors_space_fill(struct vectors *v, int64_t workspace_n, const struct embed_identity *id,
	const void *model_data, size_t n_bytes, int64_t n_trained, int64_t *space_n, struct err *e)
{
	struct filling f = {workspace_n, id, model_data, n_bytes, n_trained, 0};
	int rc = store_write(v->store, tx_fill, &f, e);

	*space_n = f.space_n;
	return rc;
}

int vectors_missing(struct db *db, int64_t space_n, int64_t from, int64_t *slots, int max, int *n,
	struct err *e)
{
	struct space_row row;
	struct stmt *q;
	int rc = space_lookup(db, space_n, &row, e);

	*n = 0;
	if (rc || max <= 0) {
		return rc;
	}
	q = db_stmt(db, &vector_sql, Q_MISSING);
	stmt_int(q, 1, space_n);
	stmt_int(q, 2, row.workspace_n);
	stmt_int(q, 3, from);
	stmt_int(q, 4, max);
	while (*n < max && (rc = stmt_step(q, e)) > 0) {
		slots[(*n)++] = col_int(q, 0);
	}
	stmt_reset(q);
	return rc < 0 ? rc : 0;
}

/* A loaded one has its embedder open. */
static struct embedder *loaded_embedder(struct vectors *v, int64_t space_n)
{
	struct loaded_space *s = loaded_lookup(v, space_n);
	struct embedder *em = NULL;

	if (s) {
		pthread_mutex_lock(&v->lock);
		em = s->embedder ? embedder_keep(s->embedder) : NULL;
		pthread_mutex_unlock(&v->lock);
	}
	loaded_drop(s);
	return em;
}

int vectors_space_open(struct vectors *v, int64_t space_n, struct space *out, struct err *e)
{
	struct db *db = store_reader(v->store, e);
	struct space_row row;
	int rc;

	memset(out, 0, sizeof(*out));
	if (!db) {
		return err_code(e);
	}
	rc = space_lookup(db, space_n, &row, e);
	if (rc == 0 && row.state == SPACE_RETIRED) {
		rc = err_set(e, ERR_CONFLICT, "vector_space_gone",
			"the vector space was replaced meanwhile");
	}
	out->embedder = rc == 0 ? loaded_embedder(v, space_n) : NULL;
	if (rc == 0 && !out->embedder) {
		rc = space_embedder(v, db, &row, &out->embedder, e);
	}
	store_reader_drop(db);
	out->n = space_n;
	out->workspace_n = rc ? 0 : row.workspace_n;
	out->dimension = rc ? 0 : row.identity.dimension;
	return rc;
}

/* ── the swap ── */

struct swap {
	struct vectors *v;
	struct loaded_space *fresh;
	bool keep;
};

static void on_swapped(void *arg)
{
	struct swap *t = arg;
	int64_t now = clock_mono_ms();

	pthread_mutex_lock(&t->v->lock);
	for (struct loaded_space *s = t->v->spaces; s; s = s->next) {
		if (s->workspace_n == t->fresh->workspace_n && s->state == SPACE_SERVING) {
			s->state = SPACE_RETIRED;
			s->retired_ms = now;
		}
	}
	t->fresh->state = SPACE_SERVING;
	pthread_mutex_unlock(&t->v->lock);
}

static int require_complete(struct db *db, const struct loaded_space *s, struct err *e)
{
	int64_t slot;
	int n, rc = vectors_missing(db, s->n, 0, &slot, 1, &n, e);

	if (rc == 0 && n) {
		rc = err_set(e, ERR_CONFLICT, "vectors_missing",
			"the new vector space lacks chunks still, from slot %lld on",
			(long long)slot);
	}
	return rc;
}

/* A table of before terms were hashed: words of documents that are gone stand in it. */
static bool has_texts(struct db *db, int64_t space_n)
{
	struct stmt *q = db_stmt(db, &vector_sql, Q_SPACE_TEXTS);
	struct err e = ERR_INIT;
	bool yes;

	stmt_int(q, 1, space_n);
	yes = stmt_step(q, &e) > 0;
	stmt_reset(q);
	return yes;
}

/* Its segment files would hold vectors of what is deleted while it is kept: they are made anew
 * should it serve again. */
static int keep_former(struct db *db, const struct space_row *former, struct err *e)
{
	struct stmt *q = db_stmt(db, &vector_sql, Q_SEGMENTS_PURGE);
	int rc;

	stmt_int(q, 1, former->n);
	rc = stmt_run(q, e);
	return rc ? rc : space_put_aside(db, former, ASIDE_KEPT, e);
}

static int set_word(
	struct db *db, enum vector_query which, int64_t space_n, const char *word, struct err *e)
{
	struct stmt *q = db_stmt(db, &vector_sql, (int)which);

	stmt_int(q, 1, space_n);
	stmt_text(q, 2, word);
	return stmt_run(q, e);
}

static int tx_swap(struct db *db, void *arg, struct err *e)
{
	struct swap *t = arg;
	struct space_row row, former = {.n = 0};
	struct stmt *q;
	int rc = space_lookup(db, t->fresh->n, &row, e);

	if (rc == 0 && row.state != SPACE_FILLING) {
		rc = err_set(
			e, ERR_CONFLICT, "vector_space_gone", "that space is not being filled");
	}
	if (rc == 0) {
		rc = require_complete(db, t->fresh, e);
	}
	if (rc) {
		return rc;
	}
	q = db_stmt(db, &vector_sql, Q_SPACE_SERVING);
	stmt_int(q, 1, row.workspace_n);
	rc = stmt_step(q, e);
	if (rc > 0) {
		rc = space_row(q, &former, e);
		stmt_reset(q);
	}
	/* If it was taken up from aside, the former takes its place there. */
	rc = rc < 0 ? rc : set_word(db, Q_SPACE_SET_ASIDE, row.n, "", e);
	if (rc == 0 && former.n) {
		rc = t->keep && !has_texts(db, former.n) ? keep_former(db, &former, e)
							 : space_retire(db, former.n, e);
	}
	rc = rc ? rc : set_word(db, Q_SPACE_STATE, row.n, "serving", e);
	if (rc == 0) {
		db_after_commit(db, on_swapped, t, NULL);
	}
	return rc;
}

/* Everything that takes long happens before the transaction, in which only what changed meanwhile
 * is left to check. */
static int prepare(struct vectors *v, int64_t space_n, struct loaded_space **out, struct err *e)
{
	struct db *db = store_reader(v->store, e);
	struct embedder *em = NULL;
	struct space_row row;
	int rc;

	if (!db) {
		return err_code(e);
	}
	rc = space_lookup(db, space_n, &row, e);
	if (rc == 0 && row.state != SPACE_FILLING) {
		rc = err_set(
			e, ERR_CONFLICT, "vector_space_gone", "that space is not being filled");
	}
	if (rc == 0) {
		rc = require_complete(db, &(struct loaded_space){.n = space_n}, e);
	}
	if (rc == 0) {
		rc = space_embedder(v, db, &row, &em, e);
	}
	store_reader_drop(db);
	if (rc) {
		return rc;
	}
	*out = loaded_add(v, &row);
	pthread_mutex_lock(&v->lock);
	(*out)->embedder = em;
	pthread_mutex_unlock(&v->lock);
	rc = file_load(v, *out, e);
	if (rc) {
		loaded_forget(v, *out);
		loaded_drop(*out);
	}
	return rc;
}

int vectors_space_load(struct vectors *v, int64_t space_n, struct err *e)
{
	struct loaded_space *s = loaded_lookup(v, space_n);
	int rc = 0;

	if (!s) {
		pthread_mutex_lock(&v->upkeep);
		rc = prepare(v, space_n, &s, e);
		pthread_mutex_unlock(&v->upkeep);
	}
	if (rc == 0) {
		loaded_drop(s);
	}
	return rc;
}

void vectors_space_unload(struct vectors *v, int64_t space_n)
{
	struct loaded_space *s = loaded_lookup(v, space_n);

	if (s && s->state == SPACE_FILLING) {
		loaded_forget(v, s);
	}
	loaded_drop(s);
}

static int swap(struct vectors *v, int64_t space_n, bool keep, struct err *e)
{
	struct swap t = {v, NULL, keep};
	struct err why = ERR_INIT;
	int rc;

	pthread_mutex_lock(&v->upkeep);
	rc = prepare(v, space_n, &t.fresh, e);
	if (rc == 0) {
		rc = store_write(v->store, tx_swap, &t, e);
		if (rc) {
			loaded_forget(v, t.fresh);
		}
		loaded_drop(t.fresh);
	}
	/* What it leaves is taken away by the next upkeep if not now. */
	if (rc == 0 && spaces_purge(v, &why)) {
		log_warn("vectors.purge", LT("error", why.message));
	}
	pthread_mutex_unlock(&v->upkeep);
	return rc;
}

static int64_t trained_on(struct db *db, int64_t space_n)
{
	struct stmt *q = db_stmt(db, &vector_sql, Q_SPACE_TRAINED);
	struct err e = ERR_INIT;
	int64_t n = 0;

	stmt_int(q, 1, space_n);
	if (stmt_step(q, &e) > 0) {
		n = col_int(q, 0);
		stmt_reset(q);
	}
	return n;
}

int vectors_space_swap(struct vectors *v, int64_t space_n, struct err *e)
{
	return swap(v, space_n, false, e);
}

int vectors_space_swap_keeping(struct vectors *v, int64_t space_n, struct err *e)
{
	return swap(v, space_n, true, e);
}

bool vectors_wants_training(struct vectors *v, struct db *db, int64_t workspace_n)
{
	struct stmt *q = db_stmt(db, &vector_sql, Q_SPACE_SERVING);
	struct err e = ERR_INIT;
	struct space_row row;
	int64_t n_live, n_trained;
	bool builtin;

	(void)v;
	stmt_int(q, 1, workspace_n);
	if (stmt_step(q, &e) <= 0) {
		return false;
	}
	builtin = space_row(q, &row, &e) == 0 && strcmp(row.identity.embedder, "builtin") == 0;
	stmt_reset(q);
	if (!builtin) {
		return false;
	}
	n_live = chunks_live_about(db, workspace_n);
	n_trained = trained_on(db, row.n);
	if (n_trained >= TRAINING_LEAST && n_live <= n_trained / 2) {
		return true; /* what it learnt from is gone, mostly */
	}
	return (n_live >= TRAINING_LEAST && n_live >= n_trained + n_trained / 2) ||
	       has_texts(db, row.n);
}
