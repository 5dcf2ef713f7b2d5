/* `carrel check`: a table of stages, each of which compares something derived with what is sacred.
 */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/fs.h"
#include "index/catalog.h"
#include "index/chunks.h"
#include "index/fts.h"
#include "index/index.h"

struct check {
	struct index *ix;
	bool repair, deep;
	void (*say)(void *arg, const char *stage, const char *text);
	void *arg;
	const char *stage;
	int64_t n_wrong; /* left after repairs */
	struct arena arena;
};

enum {
	Q_STRAY_CHUNKS,
	Q_WITHOUT_CHUNKS,
	Q_LOST_CURRENT,
	Q_UNDER_WAY,
	Q_ORIGINALS,
	Q_TEXTS,
	Q_VIEWS,
	Q_OPEN_JOB,
	Q_STRAY_PARTS,
};

static const char *const statements[] = {
	[Q_STRAY_CHUNKS] =
		"SELECT DISTINCT c.document_id, d.deleted_ms IS NOT NULL FROM chunk c"
		" JOIN document d ON d.id = c.document_id WHERE c.live = 1"
		" AND (d.deleted_ms IS NOT NULL OR d.current_version_id IS NOT c.version_id)",
	[Q_WITHOUT_CHUNKS] = "SELECT d.id FROM document d JOIN document_version v"
			     " ON v.id = d.current_version_id WHERE d.deleted_ms IS NULL"
			     " AND v.state = 'indexed' AND NOT EXISTS"
			     " (SELECT 1 FROM chunk c WHERE c.version_id = v.id AND c.live = 1)",
	[Q_LOST_CURRENT] =
		"SELECT d.id FROM document d WHERE d.current_version_id IS NOT NULL"
		" AND d.deleted_ms IS NULL AND NOT EXISTS (SELECT 1 FROM document_version v"
		" WHERE v.id = d.current_version_id AND v.document_id = d.id)",
	[Q_UNDER_WAY] =
		"SELECT v.id FROM document_version v JOIN document d ON d.id = v.document_id"
		" WHERE v.state IN ('queued', 'ingesting') AND d.deleted_ms IS NULL"
		" AND NOT EXISTS (SELECT 1 FROM job j WHERE j.document_id = d.id"
		" AND j.version_id = v.id AND j.state IN ('queued', 'running'))",
	[Q_ORIGINALS] = "SELECT id, blob_hash FROM document_version WHERE blob_hash IS NOT NULL"
			" AND id > ?1 ORDER BY id LIMIT 1",
	[Q_TEXTS] = "SELECT id, text_hash FROM document_version WHERE text_hash IS NOT NULL"
		    " AND id > ?1 ORDER BY id LIMIT 1",
	[Q_VIEWS] = "SELECT id, view_hash FROM document_version WHERE view_hash IS NOT NULL"
		    " AND id > ?1 ORDER BY id LIMIT 1",
	[Q_OPEN_JOB] = "SELECT 1 FROM job WHERE id = ?1 AND state IN ('queued', 'running')",
	/* What came inside of another document and is not read by whom that one is. */
	[Q_STRAY_PARTS] =
		"SELECT d.id, p.deleted_ms IS NOT NULL OR p.collection_id <> d.collection_id"
		" FROM document d JOIN document p ON p.id = d.parent_id WHERE d.deleted_ms IS NULL"
		" AND (p.deleted_ms IS NOT NULL OR p.collection_id <> d.collection_id"
		" OR p.own_acl <> d.own_acl"
		" OR EXISTS (SELECT principal, right FROM acl_entry WHERE object_id = d.id EXCEPT"
		" SELECT principal, right FROM acl_entry WHERE object_id = p.id)"
		" OR EXISTS (SELECT principal, right FROM acl_entry WHERE object_id = p.id EXCEPT"
		" SELECT principal, right FROM acl_entry WHERE object_id = d.id))",
};
SQL_TABLE(table, "index/check", statements);

__attribute__((format(printf, 3, 4))) static void found(
	struct check *c, bool mended, const char *fmt, ...)
{
	char text[600];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (mended && n >= 0 && (size_t)n < sizeof(text)) {
		snprintf(text + n, sizeof(text) - (size_t)n, ": mended");
	}
	c->say(c->arg, c->stage, text);
	c->n_wrong += !mended;
}

/* Ids of rows that should not be, in the arena; flags: the second column. */
static int list_ids(
	struct check *c, int which, struct id **ids, bool **flags, int *n, struct err *e)
{
	struct db *db = store_reader(c->ix->store, e);
	int rc, cap = 0;

	*n = 0;
	if (!db) {
		return ERR_UNAVAILABLE;
	}
	struct stmt *q = db_stmt(db, &table, which);

	while ((rc = stmt_step(q, e)) == 1) {
		if (*n == cap) {
			struct id *more = arena_array(&c->arena, struct id, (size_t)(cap * 2 + 16));
			bool *more_flags = arena_array(&c->arena, bool, (size_t)(cap * 2 + 16));

			if (cap) {
				memcpy(more, *ids, (size_t)cap * sizeof(*more));
				memcpy(more_flags, *flags, (size_t)cap * sizeof(*more_flags));
			}
			cap = cap * 2 + 16;
			*ids = more;
			*flags = more_flags;
		}
		(*ids)[*n] = col_id(q, 0);
		(*flags)[(*n)++] =
			(which == Q_STRAY_CHUNKS || which == Q_STRAY_PARTS) && col_int(q, 1);
	}
	store_reader_drop(db);
	return rc;
}

/* ── the stages ── */

static int check_database(struct check *c, struct err *e)
{
	struct err broken = ERR_INIT;
	int rc = store_integrity(c->ix->store, &broken);

	if (rc == ERR_CORRUPT) {
		found(c, false, "%s", broken.message);
		return 0;
	}
	return rc < 0 ? err_set(e, rc, broken.reason, "%s", broken.message) : 0;
}

static int check_permissions(struct check *c, struct err *e)
{
	int64_t n = 0;
	int rc = acl_check(c->ix->acl, c->ix->store, c->repair, &n, e);

	if (rc == 0 && n > 0) {
		found(c, c->repair, "%lld differences between entries, sets and bitmaps",
			(long long)n);
	}
	return rc;
}

static int follow(struct db *db, void *arg, struct err *e)
{
	struct document part;
	struct ancestry above;
	struct arena a;
	int rc;

	arena_init(&a);
	rc = document_lookup(db, &a, arg, &part, e);
	if (rc == 0) {
		rc = document_ancestry(db, &part.id, &above, e);
	}
	if (rc == 0) {
		rc = acl_follow(db, &part.id, &above.outermost, e);
	}
	arena_finish(&a);
	return rc;
}

/* What came inside of another document is read by whom that one is, and goes with it. Mended before
 * the sets and bitmaps are compared, since it changes them. */
static int check_parts(struct check *c, struct err *e)
{
	struct id *ids = NULL;
	bool *left = NULL;
	int n = 0;
	int rc = list_ids(c, Q_STRAY_PARTS, &ids, &left, &n, e);

	for (int i = 0; rc == 0 && i < n; i++) {
		if (left[i]) {
			found(c, false, "%s is left of a document that was deleted: delete it too",
				ids[i].s);
			continue;
		}
		if (c->repair) {
			rc = store_write(c->ix->store, follow, &ids[i], e);
		}
		found(c, c->repair && rc == 0, "%s came inside of a document that others may read",
			ids[i].s);
	}
	return rc;
}

static int retire(struct db *db, void *arg, struct err *e)
{
	return chunks_retire_document(db, arg, e);
}

static int check_chunks(struct check *c, struct err *e)
{
	struct id *ids = NULL;
	bool *deleted = NULL;
	int n = 0;
	int rc = list_ids(c, Q_STRAY_CHUNKS, &ids, &deleted, &n, e);

	for (int i = 0; rc == 0 && i < n; i++) {
		if (c->repair) {
			rc = store_write(c->ix->store, retire, &ids[i], e);
		}
		found(c, c->repair && rc == 0, "%s is %s, yet it is in the indexes", ids[i].s,
			deleted[i] ? "deleted" : "searched by an old version");
	}
	if (rc == 0) {
		rc = list_ids(c, Q_WITHOUT_CHUNKS, &ids, &deleted, &n, e);
	}
	for (int i = 0; rc == 0 && i < n; i++) {
		found(c, false, "%s is indexed without a chunk: run `carrel reindex --all`",
			ids[i].s);
	}
	return rc;
}

static int check_versions(struct check *c, struct err *e)
{
	struct id *ids = NULL;
	bool *flags = NULL;
	int n = 0;
	int rc = list_ids(c, Q_LOST_CURRENT, &ids, &flags, &n, e);

	for (int i = 0; rc == 0 && i < n; i++) {
		found(c, false, "the current version of %s is not there: upload it again",
			ids[i].s);
	}
	if (rc == 0) {
		rc = list_ids(c, Q_UNDER_WAY, &ids, &flags, &n, e);
	}
	for (int i = 0; rc == 0 && i < n; i++) {
		found(c, false, "%s waits for a job that is not there: upload it again", ids[i].s);
	}
	return rc;
}

static int rebuild(struct db *db, void *arg, struct err *e)
{
	return fts_rebuild(db, *(int64_t *)arg, e);
}

/* FTS5 checks by a statement that looks like a write. */
static int compare(struct db *db, void *arg, struct err *e)
{
	return fts_check(db, *(int64_t *)arg, e);
}

static int check_workspace_text(struct check *c, const struct workspace *w, struct err *e)
{
	struct err broken = ERR_INIT;
	int64_t n = w->n;
	int rc = store_write(c->ix->store, compare, &n, &broken);

	if (rc == ERR_CORRUPT) {
		rc = c->repair ? store_write(c->ix->store, rebuild, &n, e) : 0;
		found(c, c->repair && rc == 0, "workspace %s: %s", w->name, broken.message);
		return rc;
	}
	return rc < 0 ? err_set(e, rc, broken.reason, "%s", broken.message) : 0;
}

static int check_text(struct check *c, struct err *e)
{
	struct db *db = store_reader(c->ix->store, e);
	struct workspace *rows = NULL;
	int n = 0, rc;

	if (!db) {
		return ERR_UNAVAILABLE;
	}
	rc = workspace_list(db, &c->arena, &rows, &n, e);
	store_reader_drop(db);
	for (int i = 0; rc == 0 && i < n; i++) {
		rc = check_workspace_text(c, &rows[i], e);
	}
	return rc;
}

static int check_vectors(struct check *c, struct err *e)
{
	int64_t n = 0;
	int rc = vectors_check(c->ix->vectors, c->repair, &n, e);

	if (rc == 0 && n > 0) {
		found(c, false, "%lld differences between vectors, chunks and files", (long long)n);
	}
	return rc;
}

/* 0: it is what its name says. */
static int rehash(struct check *c, const char *hash, struct err *e)
{
	struct blob_reader *r;
	struct hash_stream h;
	char block[65536], blake2b[HASH_HEX_SIZE];
	int n, rc = blob_reader_open(c->ix->blobs, hash, &r, e);

	if (rc < 0) {
		return rc;
	}
	hash_stream_init_blake2b(&h);
	while ((n = blob_reader_next(r, block, sizeof(block), e)) > 0) {
		hash_stream_add(&h, block, (size_t)n);
	}
	blob_reader_close(r);
	hash_stream_finish(&h, blake2b, NULL);
	if (n == 0 && strcmp(blake2b, hash) != 0) {
		return err_set(e, ERR_CORRUPT, "blob_corrupt", "the stored bytes have changed");
	}
	return n;
}

static int forget_view(struct db *db, void *arg, struct err *e)
{
	int rc = version_viewed(db, arg, NULL, e);

	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* Pages are drawn again when somebody looks. */
static bool mend_view(struct check *c, int which, const char *version)
{
	struct id id = id_parse("ver", version);
	struct err e = ERR_INIT;

	return which == Q_VIEWS && c->repair &&
	       store_write(c->ix->store, forget_view, &id, &e) == 0;
}

static void check_blob(struct check *c, int which, const char *version, const char *hash)
{
	const char *what = which == Q_ORIGINALS ? "original" : which == Q_TEXTS ? "text" : "pages";
	const char *advice = which == Q_ORIGINALS ? "upload the document again"
			     : which == Q_TEXTS	  ? "run `carrel reindex --all`"
						  : "run `carrel check --repair`";
	struct err e = ERR_INIT;

	if (!blob_exists(c->ix->blobs, hash)) {
		bool mended = mend_view(c, which, version);

		found(c, mended, "%s: its %s %s not there%s%s", version, what,
			which == Q_VIEWS ? "are" : "is", mended ? "" : ": ", mended ? "" : advice);
	} else if (c->deep && rehash(c, hash, &e) < 0) {
		bool mended = mend_view(c, which, version);

		found(c, mended, "%s: %s%s%s", version, e.message, mended ? "" : ": ",
			mended ? "" : advice);
	}
}

/* One row a snapshot, so that a long check does not hold an old one. */
static int check_each_blob(struct check *c, int which, struct err *e)
{
	char version[ID_SIZE] = "", hash[HASH_HEX_SIZE];
	int rc;

	do {
		struct db *db = store_reader(c->ix->store, e);
		struct stmt *q;

		if (!db) {
			return ERR_UNAVAILABLE;
		}
		q = db_stmt(db, &table, which);
		stmt_text(q, 1, version);
		rc = stmt_step(q, e);
		if (rc == 1) {
			snprintf(version, sizeof(version), "%s", col_text(q, 0));
			snprintf(hash, sizeof(hash), "%s", col_text(q, 1));
			stmt_reset(q);
		}
		store_reader_drop(db);
		if (rc == 1) {
			check_blob(c, which, version, hash);
		}
	} while (rc == 1);
	return rc;
}

static int check_blobs(struct check *c, struct err *e)
{
	int64_t n_swept = 0;
	int rc = check_each_blob(c, Q_ORIGINALS, e);

	if (rc == 0) {
		rc = check_each_blob(c, Q_TEXTS, e);
	}
	if (rc == 0) {
		rc = check_each_blob(c, Q_VIEWS, e);
	}
	if (rc == 0 && c->repair) {
		rc = index_sweep_blobs(c->ix, &n_swept, e);
	}
	if (rc == 0 && n_swept > 0) {
		found(c, true, "%lld blobs that no version names", (long long)n_swept);
	}
	return rc;
}

static int open_job(struct check *c, const char *name, struct err *e)
{
	struct db *db = store_reader(c->ix->store, e);
	struct id id = id_parse("job", name);
	struct stmt *q;
	int rc;

	if (!db) {
		return ERR_UNAVAILABLE;
	}
	q = db_stmt(db, &table, Q_OPEN_JOB);
	stmt_id(q, 1, &id);
	rc = stmt_step(q, e);
	stmt_reset(q);
	store_reader_drop(db);
	return rc;
}

static int check_stage(struct check *c, struct err *e)
{
	char *folder = arena_printf(&c->arena, "%s/stage", c->ix->data_dir);
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int rc = 0;

	while (dir && rc >= 0 && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.') {
			continue;
		}
		rc = open_job(c, entry->d_name, e);
		if (rc == 0) {
			if (c->repair) {
				fs_remove_tree(
					arena_printf(&c->arena, "%s/%s", folder, entry->d_name));
			}
			found(c, c->repair, "stage/%s is left of a job that has ended",
				entry->d_name);
		}
	}
	if (dir) {
		closedir(dir);
	}
	return rc < 0 ? rc : 0;
}

static const struct {
	const char *name;
	int (*run)(struct check *c, struct err *e);
} stages[] = {
	{"database", check_database},
	{"parts", check_parts},
	{"permissions", check_permissions},
	{"versions", check_versions},
	{"chunks", check_chunks},
	{"full text", check_text},
	{"vectors", check_vectors},
	{"blobs", check_blobs},
	{"stage", check_stage},
};

_Static_assert(sizeof(stages) / sizeof(stages[0]) == INDEX_CHECK_STAGES, "as index.h says");

int index_check(struct index *ix, bool repair, bool deep,
	void (*say)(void *arg, const char *stage, const char *text), void *arg, int64_t *n_wrong,
	struct err *e)
{
	struct check c = {.ix = ix, .repair = repair, .deep = deep, .say = say, .arg = arg};
	int rc = 0;

	arena_init(&c.arena);
	for (size_t i = 0; rc == 0 && i < sizeof(stages) / sizeof(stages[0]); i++) {
		c.stage = stages[i].name;
		say(arg, c.stage, "");
		rc = stages[i].run(&c, e);
	}
	arena_finish(&c.arena);
	*n_wrong = c.n_wrong;
	return rc;
}
