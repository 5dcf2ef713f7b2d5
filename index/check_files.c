/* `carrel check`: what the versions name of blobs, and what is left on the stage. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "index/base/fs.h"
#include "index/catalog.h"
#include "index/check_private.h"

enum { Q_ORIGINALS, Q_TEXTS, Q_VIEWS, Q_OPEN_JOB };

static const char *const statements[] = {
	[Q_ORIGINALS] = "SELECT id, blob_hash FROM document_version WHERE blob_hash IS NOT NULL"
			" AND id > ?1 ORDER BY id LIMIT 1",
	[Q_TEXTS] = "SELECT id, text_hash FROM document_version WHERE text_hash IS NOT NULL"
		    " AND id > ?1 ORDER BY id LIMIT 1",
	[Q_VIEWS] = "SELECT id, view_hash FROM document_version WHERE view_hash IS NOT NULL"
		    " AND id > ?1 ORDER BY id LIMIT 1",
	[Q_OPEN_JOB] = "SELECT 1 FROM job WHERE id = ?1 AND state IN ('queued', 'running')",
};
SQL_TABLE(table, "index/check_files", statements);

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

	return which == Q_VIEWS && c->how->repair &&
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

		check_found(c, mended, "%s: its %s %s not there%s%s", version, what,
			which == Q_VIEWS ? "are" : "is", mended ? "" : ": ", mended ? "" : advice);
	} else if (c->how->deep && rehash(c, hash, &e) < 0) {
		bool mended = mend_view(c, which, version);

		check_found(c, mended, "%s: %s%s%s", version, e.message, mended ? "" : ": ",
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

int check_blobs(struct check *c, struct err *e)
{
	int64_t n = 0;
	int rc = check_each_blob(c, Q_ORIGINALS, e);

	if (rc == 0) {
		rc = check_each_blob(c, Q_TEXTS, e);
	}
	if (rc == 0) {
		rc = check_each_blob(c, Q_VIEWS, e);
	}
	if (rc == 0) {
		rc = c->how->repair ? index_sweep_blobs(c->ix, &n, e)
				    : index_unnamed_blobs(c->ix, &n, e);
	}
	if (rc == 0 && n > 0 && c->how->repair) {
		check_found(c, true, "%lld blobs that no version names", (long long)n);
	} else if (rc == 0 && n > 0) {
		check_note(
			c, "%lld blobs that no version names go at the next start", (long long)n);
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

int check_stage(struct check *c, struct err *e)
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
			if (c->how->repair) {
				fs_remove_tree(
					arena_printf(&c->arena, "%s/%s", folder, entry->d_name));
			}
			check_found(c, c->how->repair, "stage/%s is left of a job that has ended",
				entry->d_name);
		}
	}
	if (dir) {
		closedir(dir);
	}
	return rc < 0 ? rc : 0;
}
