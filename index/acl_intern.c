/*
 * The readers of documents, interned as sets: index/acl.h. Documents of a collection with the same
 * readers have one set, found by a digest of its readers.
 */
#include <string.h>

#include "index/acl.h"
#include "index/base/buf.h"
#include "index/base/hash.h"

enum {
	Q_DOCUMENT_SET,
	Q_READERS,
	Q_SET,
	Q_SET_ADD,
	Q_SET_READER_ADD,
	Q_SET_USE,
	Q_SLOTS,
};

static const char *const sql[] = {
	[Q_DOCUMENT_SET] = "SELECT d.workspace_id, w.n, d.collection_id, d.acl_set_n, "
			   "CASE d.own_acl WHEN 1 THEN d.id ELSE d.collection_id END "
			   "FROM document d JOIN workspace w ON w.id = d.workspace_id "
			   "WHERE d.id = ?1 AND d.deleted_ms IS NULL",
	[Q_READERS] = "SELECT principal FROM acl_entry WHERE object_id = ?1 AND right >= 1 "
		      "ORDER BY principal",
	[Q_SET] = "SELECT n FROM acl_set "
		  "WHERE workspace_id = ?1 AND collection_id = ?2 AND digest = ?3",
	[Q_SET_ADD] =
		"INSERT INTO acl_set (workspace_id, collection_id, digest) VALUES (?1, ?2, ?3)",
	[Q_SET_READER_ADD] = "INSERT INTO acl_set_reader (set_n, principal) VALUES (?1, ?2)",
	[Q_SET_USE] = "UPDATE document SET acl_set_n = ?2 WHERE id = ?1",
	[Q_SLOTS] = "SELECT slot FROM chunk WHERE document_id = ?1 AND live = 1",
};
SQL_TABLE(table, "index/acl_intern", sql);

/* The readers by the holder's entries as lines; they are sorted, so equal sets are equal bytes. */
static int readers_of(struct db *db, const struct id *holder, struct buf *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_READERS);
	int rc;

	stmt_id(q, 1, holder);
	while ((rc = stmt_step(q, e)) == 1) {
		buf_printf(out, "%s\n", col_text(q, 0));
	}
	return rc;
}

static int add_set(struct db *db, const struct id *workspace, const struct id *collection,
	const char *digest, const struct buf *readers, int64_t *set_n, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_SET_ADD);
	int rc;

	stmt_id(q, 1, workspace);
	stmt_id(q, 2, collection);
	stmt_text(q, 3, digest);
	rc = stmt_run(q, e);
	*set_n = db_last_rowid(db);
	for (size_t at = 0; rc == 0 && at < readers->len;) {
		size_t n = strcspn(readers->data + at, "\n");

		q = db_stmt(db, &table, Q_SET_READER_ADD);
		stmt_int(q, 1, *set_n);
		stmt_textn(q, 2, readers->data + at, n);
		rc = stmt_run(q, e);
		at += n + 1;
	}
	return rc;
}

static int intern_set(struct db *db, const struct id *workspace, const struct id *collection,
	const struct id *holder, int64_t *set_n, struct err *e)
{
	char digest[HASH_HEX_SIZE];
	struct buf readers = BUF_INIT;
	struct stmt *q;
	int rc = readers_of(db, holder, &readers, e);

	if (rc == 0) {
		hash_blake2b_hex(readers.data ? readers.data : "", readers.len, digest);
		q = db_stmt(db, &table, Q_SET);
		stmt_id(q, 1, workspace);
		stmt_id(q, 2, collection);
		stmt_text(q, 3, digest);
		rc = stmt_step(q, e);
		if (rc == 1) {
			*set_n = col_int(q, 0);
			stmt_reset(q);
			rc = 0;
		} else if (rc == 0) {
			rc = add_set(db, workspace, collection, digest, &readers, set_n, e);
		}
	}
	buf_finish(&readers);
	return rc;
}

static int move_bits(struct db *db, const struct id *document, int64_t workspace_n, int64_t from,
	int64_t to, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_SLOTS);
	struct buf slots = BUF_INIT;
	int rc;

	stmt_id(q, 1, document);
	while ((rc = stmt_step(q, e)) == 1) {
		int64_t slot = col_int(q, 0);

		buf_add(&slots, &slot, sizeof(slot));
	}
	if (rc == 0 && slots.len) {
		rc = acl_index_move(db, &(struct acl_move){workspace_n, from, to},
			(const int64_t *)(const void *)slots.data,
			(int)(slots.len / sizeof(int64_t)), e);
	}
	buf_finish(&slots);
	return rc;
}

int acl_intern(struct db *db, const struct id *document, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_DOCUMENT_SET);
	struct id workspace, collection, holder;
	int64_t workspace_n, from, to;
	int rc;

	stmt_id(q, 1, document);
	rc = stmt_step(q, e);
	if (rc <= 0) {
		return rc < 0 ? rc : err_absent(e);
	}
	workspace = col_id(q, 0);
	workspace_n = col_int(q, 1);
	collection = col_id(q, 2);
	from = col_int(q, 3);
	holder = col_id(q, 4);
	stmt_reset(q);
	rc = intern_set(db, &workspace, &collection, &holder, &to, e);
	if (rc != 0 || from == to) {
		return rc;
	}
	q = db_stmt(db, &table, Q_SET_USE);
	stmt_id(q, 1, document);
	stmt_int(q, 2, to);
	rc = stmt_run(q, e);
	return rc == 0 ? move_bits(db, document, workspace_n, from, to, e) : rc;
}
