/* Documents and versions of index/catalog.h. */
#include <string.h>

#include "index/base/buf.h"
#include "index/base/clock.h"
#include "index/catalog.h"
#include "index/catalog_rows.h"
#include "index/chunks.h"

enum {
	Q_COLLECTION_THERE,
	Q_SAME_NAME,
	Q_SAME_BYTES,
	Q_REQUEUE,
	Q_DOCUMENT_ADD,
	Q_VERSION_ADD,
	Q_DOCUMENT,
	Q_DOCUMENT_NAME,
	Q_NAME_TAKEN,
	Q_RENAME,
	Q_IMPACT,
	Q_DELETE,
	Q_VERSION,
	Q_VERSIONS,
	Q_STATE,
	Q_EXTRACTED,
	Q_CHUNKED,
	Q_VIEWED,
	Q_SUPERSEDE,
	Q_PUBLISH,
	Q_CURRENT,
	Q_GENERATION,
	Q_TAKE_SLOTS,
	Q_PASS_SLOTS,
	Q_LOST_HASHES,
	Q_BLANK_DOCUMENT,
	Q_BLANK_VERSIONS,
	Q_BLANK_ANSWERS,
	Q_BLANK_DELTAS,
	Q_BLANK_EVENTS,
	Q_BLANK_RETRIEVALS,
	Q_BLANK_CITATIONS,
};

/* Runs that were shown some of the document; those of them whose answer may hold its words, as
 * chat/run_view.c says. */
#define RUNS_THAT_READ                                                                             \
	"(SELECT run_id FROM citation WHERE document_id = ?1 "                                     \
	"UNION SELECT run_id FROM run_source WHERE document_id = ?1 AND handle > 0)"
#define RUNS_THAT_HOLD(documents)                                                                  \
	"(SELECT run_id FROM citation WHERE document_id IN " documents                             \
	" UNION SELECT s.run_id FROM run_source s JOIN run r ON r.id = s.run_id "                  \
	"WHERE s.document_id IN " documents " AND coalesce(r.mode, 'model') = 'model')"

static const char *const sql[] = {
	[Q_COLLECTION_THERE] = "SELECT id FROM collection "
			       "WHERE workspace_id = ?1 AND id = ?2 AND deleted_ms IS NULL",
	[Q_SAME_NAME] =
		"SELECT d.id, v.id, v.state, v.blob_hash, v.seq, d.parent_id FROM document d "
		"JOIN document_version v ON v.document_id = d.id "
		"WHERE d.collection_id = ?1 AND d.name = ?2 AND d.deleted_ms IS NULL "
		"AND " READABLE "ORDER BY d.own_acl, d.id, v.seq DESC LIMIT 1",
	/* Only where the collection's entries count: who may write into it may know of those. What
	 * came inside of another document goes with that one, so it is no substitute. CROSS JOIN
	 * keeps the order, by the hash: else each document of the collection is looked at. */
	[Q_SAME_BYTES] =
		"SELECT d.id, v.id, v.state FROM document_version v "
		"CROSS JOIN document d ON d.id = v.document_id WHERE v.blob_hash = ?2 "
		"AND d.collection_id = ?1 AND d.own_acl = 0 AND d.deleted_ms IS NULL "
		"AND d.parent_id IS NULL "
		"AND v.seq = (SELECT max(seq) FROM document_version WHERE document_id = d.id) "
		"ORDER BY d.id LIMIT 1",
	[Q_REQUEUE] = "UPDATE document_version SET state = 'queued', reason = NULL, message = NULL "
		      "WHERE id = ?1 AND state IN ('failed', 'cancelled')",
	[Q_DOCUMENT_ADD] =
		"INSERT INTO document (id, workspace_id, collection_id, name, created_by, "
		"created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[Q_VERSION_ADD] =
		"INSERT INTO document_version (id, workspace_id, document_id, seq, blob_hash, "
		"sha256, n_bytes, state, created_by, created_ms) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'queued', ?8, ?9)",
	[Q_DOCUMENT] =
		"SELECT " DOCUMENT_COLUMNS DOCUMENT_FROM "WHERE d.id = ?1 AND d.deleted_ms IS NULL",
	[Q_DOCUMENT_NAME] = "SELECT " DOCUMENT_COLUMNS DOCUMENT_FROM
			    "WHERE d.collection_id = ?1 AND d.name = ?2 AND d.deleted_ms IS NULL "
			    "AND " READABLE "ORDER BY d.own_acl, d.id LIMIT 1",
	[Q_NAME_TAKEN] = "SELECT d.id FROM document d WHERE d.collection_id = "
			 "(SELECT collection_id FROM document WHERE id = ?1) AND d.name = ?2 "
			 "AND d.id <> ?1 AND d.deleted_ms IS NULL AND " READABLE "LIMIT 1",
	[Q_RENAME] = "UPDATE document SET name = ?2 WHERE id = ?1 AND deleted_ms IS NULL",
	[Q_IMPACT] =
		"SELECT count(*), coalesce(sum(n_bytes), 0), (SELECT count(*) FROM chunk "
		"WHERE document_id IN " FAMILY " AND live = 1), (SELECT count(*) FROM citation "
		"WHERE document_id IN " FAMILY "), (SELECT count(*) FROM run WHERE answer <> '' "
		"AND id IN " RUNS_THAT_HOLD(
			FAMILY) "), (SELECT count(*) - 1 FROM " FAMILY ") "
				"FROM document_version WHERE document_id IN " FAMILY,
	[Q_DELETE] = "UPDATE document SET deleted_ms = ?2 WHERE id = ?1 AND deleted_ms IS NULL",
	[Q_VERSION] = "SELECT " VERSION_COLUMNS " FROM document_version v WHERE v.id = ?1",
	[Q_VERSIONS] =
		"SELECT " VERSION_COLUMNS " FROM document_version v WHERE v.document_id = ?1 "
		"ORDER BY v.seq DESC",
	[Q_STATE] =
		"UPDATE document_version SET state = ?2, reason = ?3, message = ?4 WHERE id = ?1",
	[Q_VIEWED] = "UPDATE document_version SET view_hash = ?2 WHERE id = ?1 "
		     "AND state <> 'purged' AND EXISTS (SELECT 1 FROM document d "
		     "WHERE d.id = document_id AND d.deleted_ms IS NULL)",
	[Q_CHUNKED] = "UPDATE document_version SET chunker = ?2 WHERE id = ?1",
	[Q_EXTRACTED] = "UPDATE document_version SET media_type = ?2, title = ?3, language = ?4, "
			"text_hash = ?5, n_pages = ?6, paging = ?7, n_hidden = ?8, n_poor = ?9 "
			"WHERE id = ?1",
	[Q_SUPERSEDE] = "UPDATE document_version SET state = 'superseded' WHERE id <> ?1 AND id = "
			"(SELECT d.current_version_id FROM document d JOIN document_version v "
			"ON v.document_id = d.id WHERE v.id = ?1)",
	[Q_PUBLISH] = "UPDATE document_version SET state = ?2, reason = NULL, message = NULL, "
		      "published_ms = ?3 WHERE id = ?1",
	[Q_CURRENT] =
		"UPDATE document SET current_version_id = ?1 WHERE deleted_ms IS NULL AND id = "
		"(SELECT document_id FROM document_version WHERE id = ?1)",
	[Q_GENERATION] = "UPDATE document_version SET generation = generation + 1 WHERE id = ?1 "
			 "RETURNING generation",
	[Q_TAKE_SLOTS] = "UPDATE workspace SET next_slot = next_slot + ?2 WHERE n = ?1 "
			 "RETURNING next_slot - ?2",
	[Q_PASS_SLOTS] = "UPDATE workspace SET next_slot = max(next_slot, 1 + coalesce((SELECT "
			 "max(slot) FROM chunk WHERE workspace_n = workspace.n), -1)) "
			 "WHERE id = ?1",
	[Q_LOST_HASHES] = "SELECT h FROM (SELECT blob_hash AS h FROM document_version "
			  "WHERE document_id = ?1 UNION SELECT text_hash FROM document_version "
			  "WHERE document_id = ?1 UNION SELECT view_hash FROM document_version "
			  "WHERE document_id = ?1) WHERE h IS NOT NULL "
			  "AND NOT EXISTS (SELECT 1 FROM document_version v WHERE v.blob_hash = h "
			  "AND v.document_id <> ?1) "
			  "AND NOT EXISTS (SELECT 1 FROM document_version v WHERE v.text_hash = h "
			  "AND v.document_id <> ?1) "
			  "AND NOT EXISTS (SELECT 1 FROM document_version v WHERE v.view_hash = h "
			  "AND v.document_id <> ?1)",
	[Q_BLANK_DOCUMENT] =
		"UPDATE document SET name = '' WHERE id = ?1 AND deleted_ms IS NOT NULL",
	[Q_BLANK_VERSIONS] = "UPDATE document_version SET state = 'purged', blob_hash = NULL, "
			     "text_hash = NULL, view_hash = NULL, title = NULL, reason = NULL, "
			     "message = NULL, sha256 = '' "
			     "WHERE document_id = ?1",
	/* Answers that may hold the document's words, which nobody may be shown any more. */
	[Q_BLANK_ANSWERS] = "UPDATE run SET answer = '' WHERE id IN " RUNS_THAT_HOLD("(?1)"),
	[Q_BLANK_DELTAS] =
		"UPDATE run_event SET data = '{\"purged\":true}' WHERE type LIKE 'assistant.%' "
		"AND run_id IN " RUNS_THAT_HOLD("(?1)"),
	[Q_BLANK_EVENTS] = "UPDATE run_event SET data = '{\"purged\":true}' WHERE type IN "
			   "('citation', 'retrieval.completed') AND run_id IN " RUNS_THAT_READ,
	/* A run's candidates that were cut have no source row. */
	[Q_BLANK_RETRIEVALS] =
		"UPDATE run_event SET data = '{\"purged\":true}' WHERE type = "
		"'retrieval.completed' "
		"AND run_id IN (SELECT run_id FROM run_candidate WHERE document_id = ?1)",
	[Q_BLANK_CITATIONS] = "UPDATE citation SET quote = NULL, boxes = NULL, place = NULL, "
			      "answer_start = CASE (SELECT answer FROM run WHERE id = run_id) "
			      "WHEN '' THEN 0 ELSE answer_start END, "
			      "answer_end = CASE (SELECT answer FROM run WHERE id = run_id) "
			      "WHEN '' THEN 0 ELSE answer_end END WHERE document_id = ?1",
};
SQL_TABLE(table, "index/catalog_documents", sql);

static struct stmt *with_id(struct db *db, int n, const struct id *id)
{
	struct stmt *q = db_stmt(db, &table, n);

	stmt_id(q, 1, id);
	return q;
}

static void bind_asker(struct stmt *q, const struct asker *who)
{
	stmt_text(q, 4, who ? who->principals_json : "[]");
	stmt_int(q, 5, !who || who->reads_all);
}

/* ── arriving ── */

struct found {
	struct id document, version;
	char state[16];
	int64_t seq;
	bool same_bytes;
	bool part; /* it came inside of another document */
};

/* The latest version of the document of that name, if the asker may know of it. */
static int find_name(struct db *db, const struct asker *who, const struct id *collection,
	const char *name, const char *blob_hash, struct found *f, struct err *e)
{
	struct stmt *q = with_id(db, Q_SAME_NAME, collection);
	int rc;

	stmt_text(q, 2, name);
	bind_asker(q, who);
	rc = stmt_step(q, e);
	if (rc == 1) {
		const char *hash = col_text(q, 3);

		f->document = col_id(q, 0);
		f->version = col_id(q, 1);
		strncpy(f->state, col_text(q, 2), sizeof(f->state) - 1);
		f->same_bytes = hash && strcmp(hash, blob_hash) == 0;
		f->seq = col_int(q, 4);
		f->part = !col_null(q, 5);
		stmt_reset(q);
	}
	return rc;
}

static int find_bytes(struct db *db, const struct id *collection, const char *blob_hash,
	struct found *f, struct err *e)
{
	struct stmt *q = with_id(db, Q_SAME_BYTES, collection);
	int rc;

	stmt_text(q, 2, blob_hash);
	rc = stmt_step(q, e);
	if (rc == 1) {
		f->document = col_id(q, 0);
		f->version = col_id(q, 1);
		f->same_bytes = true;
		stmt_reset(q);
	}
	return rc;
}

static int add_document(struct db *db, const struct id *workspace, const struct id *collection,
	const char *name, const char *created_by, struct id *out, struct err *e)
{
	struct stmt *q;
	int rc;

	*out = id_create("doc");
	q = with_id(db, Q_DOCUMENT_ADD, out);
	stmt_id(q, 2, workspace);
	stmt_id(q, 3, collection);
	stmt_text(q, 4, name);
	stmt_text(q, 5, created_by);
	stmt_int(q, 6, clock_wall_ms());
	rc = stmt_run(q, e);
	return rc == 0 ? acl_intern(db, out, e) : rc;
}

int version_add(struct db *db, const struct id *workspace, const struct id *document, int64_t seq,
	const struct blob_info *blob, const char *created_by, struct id *out, struct err *e)
{
	struct stmt *q;

	*out = id_create("ver");
	q = with_id(db, Q_VERSION_ADD, out);
	stmt_id(q, 2, workspace);
	stmt_id(q, 3, document);
	stmt_int(q, 4, seq);
	stmt_text(q, 5, blob->hash);
	stmt_text(q, 6, blob->sha256);
	stmt_int(q, 7, blob->n_bytes);
	stmt_text(q, 8, created_by);
	stmt_int(q, 9, clock_wall_ms());
	return stmt_run(q, e);
}

int document_arrive(struct db *db, const struct asker *who, const struct id *workspace,
	const struct id *collection, const char *name, const struct blob_info *blob,
	const char *created_by, enum arrival *arrival, struct id *document, struct id *version,
	struct err *e)
{
	struct found f = {.seq = 0};
	struct stmt *q = with_id(db, Q_COLLECTION_THERE, workspace);
	struct arena none;
	struct id there;
	int rc;

	arena_init(&none);
	stmt_id(q, 2, collection);
	rc = row_one(q, &none, row_id, &there, e);
	if (rc != 0) {
		return rc;
	}
	rc = find_name(db, who, collection, name, blob->hash, &f, e);
	if (rc == 1 && f.part && !f.same_bytes) {
		return err_set(e, ERR_CONFLICT, "part_of_document",
			"'%.200s' came inside of another document and changes with that one: "
			"give the file another name.",
			name);
	}
	if (rc == 0) {
		rc = find_bytes(db, collection, blob->hash, &f, e);
	}
	if (rc < 0) {
		return rc;
	}
	*document = f.document;
	*version = f.version;
	if (f.same_bytes) {
		*arrival = ARRIVAL_DUPLICATE;
		return stmt_run(with_id(db, Q_REQUEUE, version), e);
	}
	*arrival = f.seq ? ARRIVAL_VERSION : ARRIVAL_NEW;
	rc = f.seq ? 0 : add_document(db, workspace, collection, name, created_by, document, e);
	return rc ? rc
		  : version_add(db, workspace, document, f.seq + 1, blob, created_by, version, e);
}

/* ── documents ── */

int document_lookup(
	struct db *db, struct arena *a, const struct id *id, struct document *out, struct err *e)
{
	return row_one(with_id(db, Q_DOCUMENT, id), a, row_document, out, e);
}

int document_by_name(struct db *db, struct arena *a, const struct asker *who,
	const struct id *collection, const char *name, struct document *out, struct err *e)
{
	struct stmt *q = with_id(db, Q_DOCUMENT_NAME, collection);

	stmt_text(q, 2, name);
	bind_asker(q, who);
	return row_one(q, a, row_document, out, e);
}

/* Whether another document that the asker may read has that name. */
static int name_taken(struct db *db, const struct asker *who, const struct id *id, const char *name,
	struct err *e)
{
	struct stmt *q = with_id(db, Q_NAME_TAKEN, id);
	int rc;

	stmt_text(q, 2, name);
	bind_asker(q, who);
	rc = stmt_step(q, e);
	stmt_reset(q);
	return rc != 1 ? rc
		       : err_set(e, ERR_CONFLICT, "name_taken",
				 "the collection has a document '%.200s' already", name);
}

static int rename_one(struct db *db, const struct asker *who, const struct id *id, const char *name,
	struct err *e)
{
	struct stmt *q;
	int rc = name_taken(db, who, id, name, e);

	if (rc != 0) {
		return rc;
	}
	q = with_id(db, Q_RENAME, id);
	stmt_text(q, 2, name);
	return row_change(db, q, e);
}

/* A document, whose parts' names begin with its own. */
static int rename_family(struct db *db, struct arena *a, const struct asker *who,
	const struct document *d, const char *name, struct err *e)
{
	size_t n_old = strlen(d->name);
	struct id *family;
	int n;
	int rc = document_family(db, a, &d->id, &family, &n, e);

	for (int i = 0; rc == 0 && i < n; i++) {
		struct document part;

		rc = document_lookup(db, a, &family[i], &part, e);
		if (rc == 0 && strncmp(part.name, d->name, n_old) == 0) {
			rc = rename_one(db, who, &part.id,
				arena_printf(a, "%s%s", name, part.name + n_old), e);
		}
	}
	return rc;
}

int document_rename(struct db *db, const struct asker *who, const struct id *id, const char *name,
	struct err *e)
{
	struct document d;
	struct arena a;
	int rc;

	arena_init(&a);
	rc = document_lookup(db, &a, id, &d, e);
	if (rc == 0 && !id_empty(&d.parent)) {
		rc = err_set(e, ERR_CONFLICT, "part_of_document",
			"This came inside of another document and is called after it: rename that "
			"one.");
	}
	if (rc == 0) {
		rc = rename_family(db, &a, who, &d, name, e);
	}
	arena_finish(&a);
	return rc;
}

int document_impact(struct db *db, const struct id *id, struct document_impact *out, struct err *e)
{
	struct stmt *q = with_id(db, Q_IMPACT, id);
	int rc = stmt_step(q, e);

	if (rc < 0) {
		return rc;
	}
	*out = (struct document_impact){
		.n_versions = col_int(q, 0),
		.n_bytes = col_int(q, 1),
		.n_chunks = col_int(q, 2),
		.n_citations = col_int(q, 3),
		.n_answers = col_int(q, 4),
		.n_parts = col_int(q, 5),
	};
	stmt_reset(q);
	return 0;
}

static int delete_one(struct db *db, const struct id *id, struct err *e)
{
	struct stmt *q;
	int rc = chunks_retire_document(db, id, e);

	if (rc != 0) {
		return rc;
	}
	q = with_id(db, Q_DELETE, id);
	stmt_int(q, 2, clock_wall_ms());
	return row_change(db, q, e);
}

int document_delete(struct db *db, const struct id *id, struct err *e)
{
	struct arena a;
	struct id *family;
	int n, rc;

	arena_init(&a);
	rc = document_family(db, &a, id, &family, &n, e);
	for (int i = 0; rc == 0 && i < n; i++) {
		rc = delete_one(db, &family[i], e);
	}
	arena_finish(&a);
	return rc;
}

static void read_hash(struct stmt *q, struct arena *a, void *row)
{
	*(char **)row = arena_str(a, col_text(q, 0));
}

int document_purge(
	struct db *db, struct arena *a, const struct id *id, char ***hashes, int *n, struct err *e)
{
	static const int steps[] = {Q_BLANK_VERSIONS, Q_BLANK_DELTAS, Q_BLANK_ANSWERS,
		Q_BLANK_EVENTS, Q_BLANK_RETRIEVALS, Q_BLANK_CITATIONS};
	struct rows rows = {.arena = a, .size = sizeof(char *), .read = read_hash};
	int rc = rows_all(with_id(db, Q_LOST_HASHES, id), &rows, e);

	*hashes = rows.items;
	*n = rows.n;
	if (rc == 0) {
		rc = row_change(db, with_id(db, Q_BLANK_DOCUMENT, id), e);
	}
	for (size_t i = 0; rc == 0 && i < sizeof(steps) / sizeof(steps[0]); i++) {
		rc = stmt_run(with_id(db, steps[i], id), e);
	}
	return rc;
}

/* ── versions ── */

int version_lookup(
	struct db *db, struct arena *a, const struct id *id, struct version *out, struct err *e)
{
	return row_one(with_id(db, Q_VERSION, id), a, row_version, out, e);
}

int version_list(struct db *db, struct arena *a, const struct id *document, struct version **out,
	int *n, struct err *e)
{
	struct rows rows = {.arena = a, .size = sizeof(struct version), .read = row_version};
	int rc = rows_all(with_id(db, Q_VERSIONS, document), &rows, e);

	*out = rows.items;
	*n = rows.n;
	return rc;
}

int version_state(struct db *db, const struct id *id, const char *state, const char *reason,
	const char *message, struct err *e)
{
	struct stmt *q = with_id(db, Q_STATE, id);

	stmt_text(q, 2, state);
	stmt_text(q, 3, reason);
	stmt_text(q, 4, message);
	return row_change(db, q, e);
}

int version_extracted(
	struct db *db, const struct id *id, const struct version_facts *facts, struct err *e)
{
	struct stmt *q = with_id(db, Q_EXTRACTED, id);

	stmt_text(q, 2, facts->media_type);
	stmt_text(q, 3, facts->title);
	stmt_text(q, 4, facts->language);
	stmt_text(q, 5, facts->text_hash);
	stmt_int(q, 6, facts->n_pages);
	stmt_text(q, 7, facts->paging);
	stmt_int(q, 8, facts->n_hidden);
	stmt_int(q, 9, facts->n_poor);
	return row_change(db, q, e);
}

int version_publish(struct db *db, const struct id *id, bool no_text, struct err *e)
{
	struct stmt *q;
	int rc = stmt_run(with_id(db, Q_SUPERSEDE, id), e);

	if (rc != 0) {
		return rc;
	}
	q = with_id(db, Q_PUBLISH, id);
	stmt_text(q, 2, no_text ? "no_text" : "indexed");
	stmt_int(q, 3, clock_wall_ms());
	rc = row_change(db, q, e);
	return rc ? rc : row_change(db, with_id(db, Q_CURRENT, id), e);
}

int version_viewed(struct db *db, const struct id *id, const char *view_hash, struct err *e)
{
	struct stmt *q = with_id(db, Q_VIEWED, id);

	stmt_text(q, 2, view_hash);
	return row_change(db, q, e);
}

int version_chunked(struct db *db, const struct id *id, int chunker, struct err *e)
{
	struct stmt *q = with_id(db, Q_CHUNKED, id);

	stmt_int(q, 2, chunker);
	return row_change(db, q, e);
}

/* One number from an UPDATE … RETURNING, run to its end. */
static int returned(struct stmt *q, int64_t *out, struct err *e)
{
	int rc = stmt_step(q, e);

	if (rc <= 0) {
		return rc < 0 ? rc : err_absent(e);
	}
	*out = col_int(q, 0);
	return stmt_run(q, e);
}

int version_next_generation(struct db *db, const struct id *id, int64_t *generation, struct err *e)
{
	return returned(with_id(db, Q_GENERATION, id), generation, e);
}

int workspace_take_slots(struct db *db, int64_t workspace_n, int n, int64_t *first, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_TAKE_SLOTS);

	stmt_int(q, 1, workspace_n);
	stmt_int(q, 2, n);
	return returned(q, first, e);
}

int workspace_pass_slots(struct db *db, const struct id *workspace, struct err *e)
{
	return row_change(db, with_id(db, Q_PASS_SLOTS, workspace), e);
}
