/* Changing chunks: publish, retire, purge, sweep (index/chunks.h's first half). */
#include "index/chunks.h"
#include "index/chunks_facts.h"

#include <stdlib.h>
#include <string.h>

#include "index/base/log.h"
#include "index/catalog.h"
#include "index/chunk_dictionary.h"
#include "index/fts.h"
#include "index/vector.h"

enum {
	Q_TARGET,
	Q_SPACE,
	Q_ADD,
	Q_HOME,
	Q_LIVE_SLOTS,
	Q_ROW,
	Q_READABLE,
	Q_RETIRE,
	Q_DELETED,
	Q_REMOVE,
	Q_SWEEP,
	Q_BLANK_UNREADABLE,
	Q_REMOVE_FOREIGN,
};

static const char *const sql[] = {
	[Q_TARGET] = "SELECT d.workspace_id, w.n, d.acl_set_n, v.seq, coalesce((SELECT seq FROM "
		     "document_version WHERE id = d.current_version_id), 0) FROM document d "
		     "JOIN workspace w ON w.id = d.workspace_id "
		     "JOIN collection c ON c.id = d.collection_id AND c.deleted_ms IS NULL "
		     "JOIN document_version v ON v.id = ?2 AND v.document_id = d.id "
		     "WHERE d.id = ?1 AND d.deleted_ms IS NULL",
	[Q_SPACE] = "SELECT dimension FROM vector_space "
		    "WHERE n = ?1 AND workspace_n = ?2 AND state = 'serving'",
	[Q_ADD] =
		"INSERT INTO chunk (id, workspace_n, slot, workspace_id, document_id, version_id, "
		"generation, seq, live, language, title, heading, page_first, page_last, "
		"byte_start, "
		"byte_end, n_tokens, dictionary_n, text, boxes, place) VALUES (?1, ?2, ?3, ?4, ?5, "
		"?6, "
		"?7, ?8, "
		"1, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, carrel_zip(?17, ?18), ?19, ?20)",
	[Q_HOME] =
		"SELECT w.n, d.acl_set_n FROM document d JOIN workspace w ON w.id = d.workspace_id "
		"WHERE d.id = ?1",
	[Q_LIVE_SLOTS] = "SELECT slot FROM chunk WHERE document_id = ?1 AND live = 1 ORDER BY slot",
	[Q_ROW] = "SELECT language, title, heading, carrel_text(dictionary_n, text) FROM chunk "
		  "WHERE workspace_n = ?1 AND slot = ?2",
	[Q_READABLE] = "SELECT carrel_readable(dictionary_n, text) FROM chunk "
		       "WHERE workspace_n = ?1 AND slot = ?2",
	[Q_RETIRE] = "UPDATE chunk SET live = 0 WHERE document_id = ?1 AND live = 1",
	[Q_DELETED] = "SELECT 1 FROM document WHERE id = ?1 AND deleted_ms IS NOT NULL",
	[Q_REMOVE] = "DELETE FROM chunk WHERE document_id = ?1",
	/* An answer that is being written may cite what is in its prompt. */
	[Q_SWEEP] =
		"DELETE FROM chunk WHERE version_id = ?1 AND live = 0 AND generation < "
		"(SELECT generation FROM document_version WHERE id = ?1) "
		"AND id NOT IN (SELECT chunk_id FROM citation WHERE document_id = "
		"chunk.document_id) "
		"AND id NOT IN (SELECT j.value FROM run r JOIN run_source s ON s.run_id = r.id, "
		"json_each(s.chunk_ids) j WHERE r.state IN ('queued', 'streaming'))",
	[Q_BLANK_UNREADABLE] = "UPDATE chunk SET dictionary_n = NULL, text = carrel_zip(NULL, '') "
			       "WHERE document_id = ?1 AND NOT carrel_readable(dictionary_n, text)",
	[Q_REMOVE_FOREIGN] = "DELETE FROM chunk AS c WHERE document_id = ?1 AND " CHUNK_IS_FOREIGN,
};
SQL_TABLE(table, "index/chunks", sql);

/* ── retire ── */

struct home {
	int64_t workspace_n;
	int64_t set_n;
};

static int find_home(struct db *db, const struct id *document, struct home *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_HOME);
	int rc;

	stmt_id(q, 1, document);
	rc = stmt_step(q, e);
	if (rc <= 0) {
		return rc < 0 ? rc : err_absent(e);
	}
	out->workspace_n = col_int(q, 0);
	out->set_n = col_int(q, 1);
	stmt_reset(q);
	return 0;
}

static int live_slots(struct db *db, const struct id *document, struct buf *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_LIVE_SLOTS);
	int rc;

	stmt_id(q, 1, document);
	while ((rc = stmt_step(q, e)) == 1) {
		int64_t slot = col_int(q, 0);

		buf_add(out, &slot, sizeof(slot));
	}
	return rc;
}

/* The full-text row must go with exactly the words it came with. */
static int unindex_text(struct db *db, int64_t workspace_n, int64_t slot, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_ROW);
	struct fts_row row;
	int rc;

	stmt_int(q, 1, workspace_n);
	stmt_int(q, 2, slot);
	rc = stmt_step(q, e);
	if (rc <= 0) {
		return rc < 0 ? rc : err_set(e, ERR_CORRUPT, "lost_chunk", "a chunk has gone");
	}
	row = (struct fts_row){
		slot, col_text(q, 0), col_text(q, 1), col_text(q, 2), col_text(q, 3)};
	rc = fts_delete(db, workspace_n, &row, e);
	stmt_reset(q);
	return rc;
}

static bool unreadable(struct db *db, int64_t workspace_n, int64_t slot)
{
	struct stmt *q = db_stmt(db, &table, Q_READABLE);
	bool is;

	stmt_int(q, 1, workspace_n);
	stmt_int(q, 2, slot);
	is = stmt_step(q, NULL) == 1 && !col_int(q, 0);
	stmt_reset(q);
	return is;
}

/* A text that cannot be read must not keep its document from being deleted or read in anew: its
 * words stay in the full text, of no chunk, until `carrel check --repair` builds that anew. */
static int unindex(struct db *db, int64_t workspace_n, int64_t slot, struct err *e)
{
	struct err why = ERR_INIT;
	int rc = unindex_text(db, workspace_n, slot, &why);

	if (rc == ERR_CORRUPT && unreadable(db, workspace_n, slot)) {
		log_error("chunk.unreadable", LN("workspace", workspace_n), LN("slot", slot),
			LT("message", why.message));
		rc = 0;
	}
	return rc < 0 ? err_set(e, rc, why.reason, "%s", why.message) : 0;
}

int chunks_retire_document(struct db *db, const struct id *document, struct err *e)
{
	struct buf slots = BUF_INIT;
	const int64_t *slot;
	struct stmt *q;
	struct home home = {0, 0};
	int n, rc = find_home(db, document, &home, e);

	if (rc == 0) {
		rc = live_slots(db, document, &slots, e);
	}
	slot = (const int64_t *)(const void *)slots.data;
	n = (int)(slots.len / sizeof(int64_t));
	for (int i = 0; rc == 0 && i < n; i++) {
		rc = unindex(db, home.workspace_n, slot[i], e);
	}
	/* After all of them, as in add_rows. */
	for (int i = 0; rc == 0 && i < n; i++) {
		rc = vectors_remove(db, home.workspace_n, slot[i], e);
	}
	if (rc == 0 && n > 0) {
		q = db_stmt(db, &table, Q_RETIRE);
		stmt_id(q, 1, document);
		rc = stmt_run(q, e);
	}
	if (rc == 0) {
		rc = acl_index_move(
			db, &(struct acl_move){home.workspace_n, home.set_n, 0}, slot, n, e);
	}
	buf_finish(&slots);
	return rc;
}

/* ── publish ── */

struct target {
	struct id workspace;
	int64_t workspace_n;
	int64_t set_n;
	int64_t generation;
	int64_t dictionary_n;
	int64_t first_slot;
	int dimension;
};

static int find_target(
	struct db *db, const struct publication *p, struct target *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_TARGET);
	int64_t seq, current_seq;
	int rc;

	memset(out, 0, sizeof(*out));
	stmt_id(q, 1, &p->document);
	stmt_id(q, 2, &p->version);
	rc = stmt_step(q, e);
	if (rc <= 0) {
		return rc < 0 ? rc
			      : err_set(e, ERR_CANCELLED, "deleted", "the document was deleted");
	}
	out->workspace = col_id(q, 0);
	out->workspace_n = col_int(q, 1);
	out->set_n = col_int(q, 2);
	seq = col_int(q, 3);
	current_seq = col_int(q, 4);
	stmt_reset(q);
	return seq >= current_seq ? 0
				  : err_set(e, ERR_CANCELLED, "superseded",
					    "a newer version of the document was published");
}

static int find_space(struct db *db, const struct publication *p, struct target *t, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_SPACE);
	int rc;

	stmt_int(q, 1, p->space_n);
	stmt_int(q, 2, t->workspace_n);
	rc = stmt_step(q, e);
	if (rc <= 0) {
		return rc < 0 ? rc
			      : err_set(e, ERR_CONFLICT, "space_changed",
					"the vectors belong to an embedding model that is no "
					"longer used");
	}
	t->dimension = (int)col_int(q, 0);
	stmt_reset(q);
	return 0;
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

/* An ISO code, perhaps with a region; what a document calls otherwise is unknown to the stemmers.
 */
static const char *language_of(const struct chunk *c)
{
	return c->language && strlen(c->language) <= 6 ? c->language : "";
}

static int add_row(
	struct db *db, const struct publication *p, const struct target *t, int i, struct err *e)
{
	const struct chunk *c = &p->chunks[i];
	struct stmt *q = db_stmt(db, &table, Q_ADD);
	struct id id = id_create("chk");
	struct buf boxes = BUF_INIT;

	stmt_id(q, 1, &id);
	stmt_int(q, 2, t->workspace_n);
	stmt_int(q, 3, t->first_slot + i);
	stmt_id(q, 4, &t->workspace);
	stmt_id(q, 5, &p->document);
	stmt_id(q, 6, &p->version);
	stmt_int(q, 7, t->generation);
	stmt_int(q, 8, i);
	stmt_text(q, 9, language_of(c));
	stmt_text(q, 10, or_empty(c->title));
	stmt_text(q, 11, or_empty(c->heading));
	stmt_int(q, 12, c->page_first);
	stmt_int(q, 13, c->page_last);
	stmt_int(q, 14, c->byte_start);
	stmt_int(q, 15, c->byte_end);
	stmt_int(q, 16, c->n_tokens);
	if (t->dictionary_n) {
		stmt_int(q, 17, t->dictionary_n);
	} else {
		stmt_null(q, 17);
	}
	stmt_text(q, 18, or_empty(c->text));
	stmt_text(q, 20, or_empty(c->place));
	if (c->n_boxes > 0) {
		boxes_pack(c->boxes, c->n_boxes, &boxes);
		stmt_blob(q, 19, boxes.data, boxes.len);
		buf_finish(&boxes);
	} else {
		stmt_null(q, 19);
	}
	return stmt_run(q, e);
}

static int index_row(
	struct db *db, const struct publication *p, const struct target *t, int i, struct err *e)
{
	const struct chunk *c = &p->chunks[i];
	struct fts_row row = {t->first_slot + i, language_of(c), or_empty(c->title),
		or_empty(c->heading), or_empty(c->text)};

	return fts_insert(db, t->workspace_n, &row, e);
}

static int add_vector(
	struct db *db, const struct publication *p, const struct target *t, int i, struct err *e)
{
	return vectors_put(db, p->space_n, t->first_slot + i,
		p->vectors + (size_t)i * (size_t)t->dimension, t->dimension, e);
}

/* One kind after the other: a statement that fires triggers begins a savepoint of its own, at which
 * FTS5 writes what it holds as a segment, so vectors in between would make one of each chunk. */
static int add_rows(
	struct db *db, const struct publication *p, const struct target *t, struct err *e)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < p->n_chunks; i++) {
		rc = add_row(db, p, t, i, e);
	}
	for (int i = 0; rc == 0 && i < p->n_chunks; i++) {
		rc = index_row(db, p, t, i, e);
	}
	for (int i = 0; rc == 0 && p->vectors && i < p->n_chunks; i++) {
		rc = add_vector(db, p, t, i, e);
	}
	return rc;
}

static int add_all(struct db *db, const struct publication *p, struct target *t, struct err *e)
{
	int64_t *slots;
	int rc = dictionary_current(db, t->workspace_n, &t->dictionary_n, e);

	if (rc == 0) {
		rc = workspace_take_slots(db, t->workspace_n, p->n_chunks, &t->first_slot, e);
	}
	if (rc == 0) {
		rc = add_rows(db, p, t, e);
	}
	if (rc != 0) {
		return rc;
	}
	slots = malloc((size_t)p->n_chunks * sizeof(*slots));
	ASSERT(slots);
	for (int i = 0; i < p->n_chunks; i++) {
		slots[i] = t->first_slot + i;
	}
	rc = acl_index_move(
		db, &(struct acl_move){t->workspace_n, 0, t->set_n}, slots, p->n_chunks, e);
	free(slots);
	return rc ? rc
		  : chunks_facts_add(
			    db, t->workspace_n, &p->version, t->first_slot, p->n_chunks, e);
}

int chunks_publish(struct db *db, const struct publication *p, struct err *e)
{
	struct target t;
	int rc = find_target(db, p, &t, e);

	if (rc == 0 && p->n_chunks > 0 && p->vectors) {
		rc = find_space(db, p, &t, e);
	}
	if (rc == 0) {
		rc = chunks_retire_document(db, &p->document, e);
	}
	if (rc == 0) {
		rc = version_next_generation(db, &p->version, &t.generation, e);
	}
	if (rc == 0 && p->n_chunks > 0) {
		rc = add_all(db, p, &t, e);
	}
	return rc ? rc : version_publish(db, &p->version, p->n_chunks == 0, e);
}

/* ── purge and sweep ── */

int chunks_purge_document(struct db *db, const struct id *document, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_DELETED);
	int rc;

	stmt_id(q, 1, document);
	rc = stmt_step(q, e);
	if (rc <= 0) {
		return rc < 0 ? rc
			      : err_set(e, ERR_CONFLICT, "not_deleted",
					"only a deleted document is purged");
	}
	stmt_reset(q);
	rc = chunks_retire_document(db, document, e);
	if (rc == 0) {
		q = db_stmt(db, &table, Q_REMOVE);
		stmt_id(q, 1, document);
		rc = stmt_run(q, e);
	}
	return rc;
}

int chunks_drop_unreadable(struct db *db, const struct id *document, struct err *e)
{
	struct stmt *q;
	int rc = chunks_retire_document(db, document, e);

	if (rc == 0) {
		rc = dictionary_distrust(db, document, e);
	}
	if (rc != 0) {
		return rc;
	}
	q = db_stmt(db, &table, Q_BLANK_UNREADABLE);
	stmt_id(q, 1, document);
	return stmt_run(q, e);
}

int chunks_drop_foreign(struct db *db, const struct id *document, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_REMOVE_FOREIGN);

	stmt_id(q, 1, document);
	return stmt_run(q, e);
}

int chunks_sweep(struct db *db, const struct id *version, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_SWEEP);

	stmt_id(q, 1, version);
	return stmt_run(q, e);
}
