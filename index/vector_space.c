#include "index/vector_space.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/clock.h"
#include "index/base/log.h"

/* None that stands behind model_data in the row: to reach it SQLite walks through all of that. */
#define SPACE_COLUMNS "n, workspace_n, embedder, model, dimension, state"
#define PURGE_ROWS 2000

static const char *const statements[] = {
	[Q_SPACE] = "SELECT " SPACE_COLUMNS " FROM vector_space WHERE n = ?1",
	[Q_SPACE_SERVING] = "SELECT " SPACE_COLUMNS
			    " FROM vector_space WHERE workspace_n = ?1 AND state = 'serving'",
	[Q_SPACES_BY_STATE] =
		"SELECT " SPACE_COLUMNS " FROM vector_space WHERE state = ?1 ORDER BY n",
	[Q_SPACE_TRAINED] = "SELECT n_trained FROM vector_space WHERE n = ?1",
	[Q_SPACE_DATA] = "SELECT model_data, query_prefix, document_prefix, answers_as"
			 " FROM vector_space WHERE n = ?1",
	[Q_SPACE_TEXTS] = "SELECT 1 FROM vector_space WHERE n = ?1"
			  " AND substr(model_data, 1, 8) = CAST('CRLEMBT1' AS BLOB)",
	[Q_SPACE_ADD] =
		"INSERT INTO vector_space(workspace_n, embedder, model, dimension, state,"
		" model_data, n_trained, created_ms, query_prefix, document_prefix, answers_as, n)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
		" max(?12, (SELECT coalesce(max(n), 0) FROM vector_space) + 1))",
	[Q_SPACE_STATE] = "UPDATE vector_space SET state = ?2 WHERE n = ?1",
	[Q_SPACE_SET_ASIDE] = "UPDATE vector_space SET state = 'filling', aside = ?2 WHERE n = ?1",
	[Q_SPACE_ASIDE] = "SELECT aside FROM vector_space WHERE n = ?1 AND state = 'filling'",
	[Q_SPACE_STANDING_ASIDE] = "SELECT n FROM vector_space WHERE workspace_n = ?1"
				   " AND state = 'filling' AND aside = ?2 AND n <> ?3 ORDER BY n",
	[Q_SPACES_OF] = "SELECT n, embedder, model, dimension, CASE WHEN state = 'retired'"
			" THEN 'leaving' WHEN aside = '' THEN state ELSE aside END, created_ms,"
			" coalesce(length(model_data), 0) FROM vector_space WHERE workspace_n = ?1"
			" ORDER BY n",
	[Q_COUNT_VECTORS] = "SELECT count(*) FROM chunk_vector WHERE space_n = ?1",
	[Q_COUNT_MISSING] = "SELECT count(*) FROM chunk c WHERE c.workspace_n = ?2 AND c.live = 1"
			    " AND NOT EXISTS (SELECT 1 FROM chunk_vector v WHERE v.space_n = ?1"
			    " AND v.slot = c.slot)",
	[Q_SPACE_DELETE] = "DELETE FROM vector_space WHERE n = ?1",
	[Q_SPACE_FILLING] = "SELECT n, embedder = ?2 AND model = ?3 AND dimension = ?4"
			    " AND (model_data IS NULL) = ?5 AND query_prefix = ?6"
			    " AND document_prefix = ?7 AND answers_as = ?8"
			    " FROM vector_space WHERE workspace_n = ?1 AND state = 'filling'"
			    " AND aside = '' ORDER BY n",
	[Q_VECTOR_PUT] = "INSERT INTO chunk_vector(space_n, slot, vector) VALUES (?1, ?2, ?3)"
			 " ON CONFLICT(space_n, slot) DO UPDATE SET vector = excluded.vector",
	[Q_VECTOR_REMOVE] = "DELETE FROM chunk_vector WHERE slot = ?2 AND space_n IN"
			    " (SELECT n FROM vector_space WHERE workspace_n = ?1)",
	[Q_VECTOR_DELETE] = "DELETE FROM chunk_vector WHERE space_n = ?1 AND slot = ?2",
	[Q_VECTORS_FROM] = "SELECT slot, vector FROM chunk_vector WHERE space_n = ?1"
			   " AND slot >= ?2 ORDER BY slot",
	[Q_VECTORS_BETWEEN] = "SELECT slot, vector FROM chunk_vector WHERE space_n = ?1"
			      " AND slot >= ?2 AND slot < ?3 ORDER BY slot",
	[Q_VECTORS_PURGE] = "DELETE FROM chunk_vector WHERE space_n = ?1 AND slot IN"
			    " (SELECT slot FROM chunk_vector WHERE space_n = ?1 LIMIT ?2)",
	[Q_MISSING] = "SELECT c.slot FROM chunk c WHERE c.workspace_n = ?2 AND c.live = 1"
		      " AND c.slot >= ?3 AND NOT EXISTS"
		      " (SELECT 1 FROM chunk_vector v WHERE v.space_n = ?1 AND v.slot = c.slot)"
		      " ORDER BY c.slot LIMIT ?4",
	[Q_STRAY] = "SELECT v.slot FROM chunk_vector v WHERE v.space_n = ?1 AND v.slot >= ?3"
		    " AND NOT EXISTS (SELECT 1 FROM chunk c WHERE c.workspace_n = ?2"
		    " AND c.slot = v.slot AND c.live = 1) ORDER BY v.slot LIMIT ?4",
	[Q_IS_LIVE] = "SELECT 1 FROM chunk c JOIN vector_space s ON s.workspace_n = c.workspace_n"
		      " WHERE s.n = ?1 AND c.slot = ?2 AND c.live = 1",
	[Q_SEGMENT_ADD] = "INSERT INTO vector_segment(space_n, slot_from, slot_to, kind, metric,"
			  " dimension, model, file, sha256)"
			  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[Q_SEGMENTS] = "SELECT n, slot_from, slot_to, kind, metric, dimension, model, file, sha256"
		       " FROM vector_segment WHERE space_n = ?1 ORDER BY slot_from",
	[Q_SEGMENT_DELETE] = "DELETE FROM vector_segment WHERE n = ?1",
	[Q_SEGMENTS_OVERLAPPED] = "DELETE FROM vector_segment WHERE space_n = ?1"
				  " AND slot_from < ?3 AND slot_to > ?2",
	[Q_SEGMENTS_PURGE] = "DELETE FROM vector_segment WHERE space_n = ?1",
	[Q_SEGMENT_FILE] = "SELECT 1 FROM vector_segment WHERE file = ?1",
	[Q_SEGMENTS_LEFT_OUT] = "DELETE FROM vector_segment",
	[Q_BLOCKS] = "SELECT block_n, digest FROM vector_block WHERE space_n = ?1"
		     " AND digest IS NOT NULL ORDER BY block_n",
	[Q_BLOCK_MARK] = "INSERT INTO vector_block(space_n, block_n, digest)"
			 " SELECT ?1, ?2, NULL FROM vector_space WHERE n = ?1 AND state = 'serving'"
			 " ON CONFLICT(space_n, block_n) DO UPDATE SET digest = NULL",
	[Q_BLOCK_RIGHT] = "UPDATE vector_block SET digest = ?3"
			  " WHERE space_n = ?1 AND block_n = ?2 AND digest IS NULL",
	[Q_BLOCK_FORGET] = "DELETE FROM vector_block WHERE space_n = ?1 AND block_n = ?2",
	[Q_BLOCKS_PURGE] = "DELETE FROM vector_block WHERE space_n = ?1",
	[Q_BLOCKS_LEFT_OUT] = "DELETE FROM vector_block",
	[Q_IS_SERVING] = "SELECT 1 FROM vector_space WHERE n = ?1 AND state = 'serving'",
	[Q_WITHOUT_SPACE] = "SELECT w.n FROM workspace w WHERE EXISTS (SELECT 1 FROM chunk c"
			    " WHERE c.workspace_n = w.n AND c.live = 1) AND NOT EXISTS"
			    " (SELECT 1 FROM vector_space s WHERE s.workspace_n = w.n"
			    " AND s.state = 'serving')",
};
const struct sql_table vector_sql = {
	"index/vector", statements, (int)(sizeof(statements) / sizeof(statements[0]))};

/* ── the list of loaded spaces ── */

struct loaded_space *loaded_keep(struct loaded_space *s)
{
	atomic_fetch_add(&s->refs, 1);
	return s;
}

void loaded_drop(struct loaded_space *s)
{
	if (s && atomic_fetch_sub(&s->refs, 1) == 1) {
		memory_finish(&s->memory);
		embedder_drop(s->embedder);
		pthread_mutex_destroy(&s->filing);
		free(s);
	}
}

struct loaded_space *loaded_lookup(struct vectors *v, int64_t space_n)
{
	struct loaded_space *s;

	pthread_mutex_lock(&v->lock);
	for (s = v->spaces; s && s->n != space_n; s = s->next) {
	}
	if (s) {
		loaded_keep(s);
	}
	pthread_mutex_unlock(&v->lock);
	return s;
}

struct loaded_space *loaded_serving(struct vectors *v, int64_t workspace_n)
{
	struct loaded_space *s;

	pthread_mutex_lock(&v->lock);
	for (s = v->spaces; s; s = s->next) {
		if (s->workspace_n == workspace_n && s->state == SPACE_SERVING) {
			loaded_keep(s);
			break;
		}
	}
	pthread_mutex_unlock(&v->lock);
	return s;
}

void loaded_forget(struct vectors *v, struct loaded_space *s)
{
	bool found = false;

	pthread_mutex_lock(&v->lock);
	for (struct loaded_space **p = &v->spaces; *p; p = &(*p)->next) {
		if (*p == s) {
			*p = s->next;
			found = true;
			break;
		}
	}
	pthread_mutex_unlock(&v->lock);
	if (found) {
		loaded_drop(s);
	}
}

struct loaded_space **loaded_list(struct vectors *v, int *n)
{
	struct loaded_space **list;
	int count = 0;

	pthread_mutex_lock(&v->lock);
	for (struct loaded_space *s = v->spaces; s; s = s->next) {
		count++;
	}
	list = calloc((size_t)count + 1, sizeof(struct loaded_space *));
	ASSERT(list != NULL);
	*n = 0;
	for (struct loaded_space *s = v->spaces; s; s = s->next) {
		if (s->state == SPACE_SERVING) {
			list[(*n)++] = loaded_keep(s);
		}
	}
	pthread_mutex_unlock(&v->lock);
	return list;
}

struct loaded_space *loaded_add(struct vectors *v, const struct space_row *row)
{
	struct loaded_space *s = calloc(1, sizeof(*s));

	ASSERT(s != NULL);
	atomic_init(&s->refs, 2); /* the list's and the caller's */
	s->n = row->n;
	s->workspace_n = row->workspace_n;
	s->identity = row->identity;
	s->state = row->state;
	memory_init(&s->memory, row->identity.dimension);
	ASSERT(pthread_mutex_init(&s->filing, NULL) == 0);
	pthread_mutex_lock(&v->lock);
	s->next = v->spaces;
	v->spaces = s;
	v->last_n = row->n > v->last_n ? row->n : v->last_n;
	pthread_mutex_unlock(&v->lock);
	return s;
}

/* ── rows ── */

static void take_text(struct stmt *q, int column, char *out, size_t out_size)
{
	const char *text = col_text(q, column);

	snprintf(out, out_size, "%s", text ? text : "");
}

/* SQLite gives the highest number out again once its row is gone; a space that was swapped out may
 * still be in memory under it. */
static int64_t unused_number(struct vectors *v)
{
	int64_t n = 1;

	if (v) {
		pthread_mutex_lock(&v->lock);
		n = v->last_n + 1;
		pthread_mutex_unlock(&v->lock);
	}
	return n;
}

int space_add(struct db *db, const struct space_new *x, int64_t *space_n, struct err *e)
{
	struct stmt *q = db_stmt(db, &vector_sql, Q_SPACE_ADD);
	int rc;

	stmt_int(q, 1, x->workspace_n);
	stmt_text(q, 2, x->id->embedder);
	stmt_text(q, 3, x->id->model);
	stmt_int(q, 4, x->id->dimension);
	stmt_text(q, 5, x->state);
	if (x->n_bytes) {
		stmt_blob(q, 6, x->model_data, x->n_bytes);
	} else {
		stmt_null(q, 6);
	}
	stmt_int(q, 7, x->n_trained);
	stmt_int(q, 8, clock_wall_ms());
	stmt_text(q, 9, x->id->query_prefix);
	stmt_text(q, 10, x->id->document_prefix);
	stmt_text(q, 11, x->id->answers_as);
	stmt_int(q, 12, unused_number(db_part(db, PART_VECTORS)));
	rc = stmt_run(q, e);
	*space_n = db_last_rowid(db);
	return rc;
}

int space_row(struct stmt *q, struct space_row *out, struct err *e)
{
	const char *embedder = col_text(q, 2), *model = col_text(q, 3), *state = col_text(q, 5);

	memset(out, 0, sizeof(*out));
	out->n = col_int(q, 0);
	out->workspace_n = col_int(q, 1);
	out->identity.dimension = (int)col_int(q, 4);
	if (!embedder || !model || !state || out->identity.dimension < 1 ||
		out->identity.dimension > EMBED_DIMENSION_MAX) {
		return err_set(e, ERR_CORRUPT, "vector_space", "vector space %lld is not sound",
			(long long)out->n);
	}
	snprintf(out->identity.embedder, sizeof(out->identity.embedder), "%s", embedder);
	snprintf(out->identity.model, sizeof(out->identity.model), "%s", model);
	out->state = strcmp(state, "serving") == 0   ? SPACE_SERVING
		     : strcmp(state, "filling") == 0 ? SPACE_FILLING
						     : SPACE_RETIRED;
	return 0;
}

int space_lookup(struct db *db, int64_t space_n, struct space_row *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &vector_sql, Q_SPACE);
	int rc;

	stmt_int(q, 1, space_n);
	rc = stmt_step(q, e);
	if (rc > 0) {
		rc = space_row(q, out, e);
		stmt_reset(q);
		return rc;
	}
	return rc < 0 ? rc
		      : err_set(e, ERR_CONFLICT, "vector_space_gone",
				"the vector space was replaced meanwhile; try again");
}

int space_embedder(struct vectors *v, struct db *db, const struct space_row *row,
	struct embedder **out, struct err *e)
{
	struct stmt *q = db_stmt(db, &vector_sql, Q_SPACE_DATA);
	struct embed_identity id = row->identity;
	size_t n_bytes = 0;
	const void *p;
	int rc;

	*out = NULL;
	stmt_int(q, 1, row->n);
	rc = stmt_step(q, e);
	if (rc <= 0) {
		return rc < 0 ? rc : err_set(e, ERR_CONFLICT, "vector_space_gone", "no such space");
	}
	p = col_blob(q, 0, &n_bytes);
	take_text(q, 1, id.query_prefix, sizeof(id.query_prefix));
	take_text(q, 2, id.document_prefix, sizeof(id.document_prefix));
	take_text(q, 3, id.answers_as, sizeof(id.answers_as));
	rc = embedder_open(v->settings, &id, n_bytes ? p : NULL, n_bytes, out, e);
	stmt_reset(q);
	return rc;
}

/* ── what retired spaces left ── */

struct purge {
	int64_t space_n;
	int64_t n_deleted;
};

static int tx_purge_some(struct db *db, void *arg, struct err *e)
{
	struct purge *p = arg;
	struct stmt *q = db_stmt(db, &vector_sql, Q_VECTORS_PURGE);
	int rc;

	stmt_int(q, 1, p->space_n);
	stmt_int(q, 2, PURGE_ROWS);
	rc = stmt_run(q, e);
	p->n_deleted = db_changes(db);
	return rc;
}

static int tx_purge_space(struct db *db, void *arg, struct err *e)
{
	struct purge *p = arg;
	struct stmt *q = db_stmt(db, &vector_sql, Q_SEGMENTS_PURGE);
	int rc;

	stmt_int(q, 1, p->space_n);
	rc = stmt_run(q, e);
	if (rc == 0) {
		q = db_stmt(db, &vector_sql, Q_BLOCKS_PURGE);
		stmt_int(q, 1, p->space_n);
		rc = stmt_run(q, e);
	}
	if (rc == 0) {
		q = db_stmt(db, &vector_sql, Q_SPACE_DELETE);
		stmt_int(q, 1, p->space_n);
		rc = stmt_run(q, e);
	}
	return rc;
}

/* The first retired space, or 0. */
static int retired(struct vectors *v, int64_t *space_n, struct err *e)
{
	struct db *db = store_reader(v->store, e);
	struct stmt *q;
	int rc;

	*space_n = 0;
	if (!db) {
		return err_code(e);
	}
	q = db_stmt(db, &vector_sql, Q_SPACES_BY_STATE);
	stmt_text(q, 1, "retired");
	rc = stmt_step(q, e);
	if (rc > 0) {
		*space_n = col_int(q, 0);
		stmt_reset(q);
		rc = 0;
	}
	store_reader_drop(db);
	return rc;
}

/* Those in memory that nobody can still be searching. */
static void forget_retired(struct vectors *v)
{
	int64_t now = clock_mono_ms();
	struct loaded_space *s;

	do {
		pthread_mutex_lock(&v->lock);
		for (s = v->spaces; s; s = s->next) {
			if (s->state == SPACE_RETIRED &&
				now - s->retired_ms >= v->tuning.retired_ms) {
				break;
			}
		}
		if (s) {
			loaded_keep(s);
		}
		pthread_mutex_unlock(&v->lock);
		if (s) {
			loaded_forget(v, s);
			loaded_drop(s);
		}
	} while (s);
}

int spaces_purge(struct vectors *v, struct err *e)
{
	struct purge p = {0, 0};
	int rc = 0;

	forget_retired(v);
	while (rc == 0) {
		rc = retired(v, &p.space_n, e);
		if (rc || p.space_n == 0) {
			return rc;
		}
		do {
			rc = store_write(v->store, tx_purge_some, &p, e);
		} while (rc == 0 && p.n_deleted > 0);
		if (rc == 0) {
			rc = store_write(v->store, tx_purge_space, &p, e);
		}
	}
	return rc;
}
