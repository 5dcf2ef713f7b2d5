#include "index/backup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/base/fs.h"
#include "index/base/log.h"
#include "index/base/partial.h"
#include "index/manifest.h"
#include "index/vector.h"

#define PAGE 256 /* names read in one snapshot */
#define INI_BYTES_MAX ((size_t)1 << 20)

enum { Q_NAMES, Q_NAMED };
static const char *const statements[] = {
	[Q_NAMES] = "SELECT blob_hash AS hash FROM document_version WHERE blob_hash > ?1 UNION"
		    " SELECT text_hash FROM document_version WHERE text_hash > ?1 UNION"
		    " SELECT view_hash FROM document_version WHERE view_hash > ?1 ORDER BY hash "
		    "LIMIT ?2",
	[Q_NAMED] = "SELECT 1 FROM document_version WHERE blob_hash = ?1 UNION ALL"
		    " SELECT 1 FROM document_version WHERE text_hash = ?1 UNION ALL"
		    " SELECT 1 FROM document_version WHERE view_hash = ?1 LIMIT 1",
};
SQL_TABLE(table, "index/backup", statements);

struct making {
	struct index *ix;
	const struct backup_order *o;
	const char *stage;
	int64_t done, total; /* bytes */
	struct partial at;
	struct blobs *to;
	int64_t n_copied;
	struct db *copy;
	struct manifest list;
	struct backup_facts facts;
};

static int goes_on(struct making *m, struct err *e)
{
	return m->o->goes_on(m->o->arg, m->stage, m->done, m->total, e);
}

/* ── the names of stored files ── */

struct names {
	char hash[PAGE][HASH_HEX_SIZE];
	int n;
};

/* Those after `after`, ascending. */
static int read_names(struct db *db, const char *after, struct names *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &table, Q_NAMES);
	int rc;

	out->n = 0;
	stmt_text(q, 1, after);
	stmt_int(q, 2, PAGE);
	while ((rc = stmt_step(q, e)) == 1) {
		const char *hash = col_text(q, 0);

		if (strlen(hash) == HASH_HEX_SIZE - 1) {
			memcpy(out->hash[out->n++], hash, HASH_HEX_SIZE);
		}
	}
	return rc;
}

/* In the copy, if it is there, else in the database as it goes on: a snapshot a page. */
static int next_names(struct making *m, const char *after, struct names *out, struct err *e)
{
	struct db *db = m->copy ? m->copy : store_reader(m->ix->store, e);
	int rc = db ? read_names(db, after, out, e) : ERR_UNAVAILABLE;

	if (!m->copy) {
		store_reader_drop(db);
	}
	return rc;
}

static int each_name(struct making *m, int (*fn)(struct making *m, const char *hash, struct err *e),
	struct err *e)
{
	char after[HASH_HEX_SIZE] = "";
	struct names page;
	int rc;

	do {
		rc = next_names(m, after, &page, e);
		for (int i = 0; rc == 0 && i < page.n; i++) {
			rc = goes_on(m, e);
			rc = rc ? rc : fn(m, page.hash[i], e);
			memcpy(after, page.hash[i], HASH_HEX_SIZE);
		}
	} while (rc == 0 && page.n > 0);
	return rc;
}

/* ── room ── */

static int add_size(struct making *m, const char *hash, struct err *e)
{
	int64_t n = blob_stored_bytes(m->ix->blobs, hash);

	(void)e;
	m->total += n > 0 ? n : 0;
	return 0;
}

static int64_t database_bytes(const struct index *ix)
{
	static const char *const names[] = {"carrel.db", "carrel.db-wal"};
	int64_t n = 0;

	for (int i = 0; i < 2; i++) {
		char path[PATH_MAX];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", ix->data_dir, names[i]);
		n += stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
	}
	return n;
}

static int look_for_room(struct making *m, struct err *e)
{
	int rc = each_name(m, add_size, e);

	m->total += database_bytes(m->ix);
	return rc ? rc : partial_room(&m->at, m->total, e);
}

/* ── the files ── */

/* 1: it is not there, or damaged. */
static int copy_one(struct making *m, const char *hash, struct err *e)
{
	struct err why = ERR_INIT;
	int rc = blob_copy(m->ix->blobs, m->to, hash, &why);

	if (rc == 0) {
		m->n_copied++;
		m->done += blob_stored_bytes(m->to, hash);
	} else if (rc == ERR_NOT_FOUND || rc == ERR_CORRUPT) {
		rc = 1;
	} else {
		err_set(e, rc, why.reason, "%s", why.message);
	}
	return rc;
}

/* Purged meanwhile, or lost: the copy of the database tells. */
static int copy_early(struct making *m, const char *hash, struct err *e)
{
	int rc = copy_one(m, hash, e);

	return rc > 0 ? 0 : rc;
}

static int list_one(struct making *m, const char *hash, struct err *e)
{
	int64_t n_bytes = blob_stored_bytes(m->to, hash);

	if (n_bytes < 0) {
		int rc = copy_one(m, hash, e);

		if (rc > 0) {
			log_warn("backup.missing", LT("blob", hash));
			m->facts.n_missing++;
		}
		if (rc != 0) {
			return rc < 0 ? rc : 0;
		}
		n_bytes = blob_stored_bytes(m->to, hash);
	}
	manifest_blob(&m->list, hash, n_bytes);
	m->facts.n_files++;
	m->facts.n_bytes += n_bytes;
	return 0;
}

struct removal {
	struct making *m;
	int rc;
	struct err err;
};

/* What was purged after it was copied. */
static int remove_unnamed(const char *hash, void *arg)
{
	struct removal *r = arg;
	struct stmt *q = db_stmt(r->m->copy, &table, Q_NAMED);

	stmt_text(q, 1, hash);
	r->rc = stmt_step(q, &r->err);
	stmt_reset(q);
	if (r->rc == 0) {
		r->rc = blob_remove(r->m->to, hash, &r->err);
	}
	return r->rc < 0;
}

static int settle_files(struct making *m, struct err *e)
{
	struct removal r = {.m = m, .err = ERR_INIT};
	int rc = each_name(m, list_one, e);

	if (rc == 0 && m->n_copied > m->facts.n_files) {
		rc = blob_each(m->to, remove_unnamed, &r, e);
		if (rc == 0 && r.rc < 0) {
			rc = err_set(e, r.rc, r.err.reason, "%s", r.err.message);
		}
	}
	return rc;
}

/* ── the database ── */

static int on_copied(void *arg, int64_t n_bytes, struct err *e)
{
	struct making *m = arg;

	return m->o->goes_on(m->o->arg, m->stage, m->done + n_bytes, m->total, e);
}

static int add_file(struct making *m, const char *name, struct err *e)
{
	char path[PATH_MAX], digest[HASH_HEX_SIZE];
	int64_t n_bytes;
	int rc;

	snprintf(path, sizeof(path), "%s/%s", m->at.path, name);
	rc = manifest_digest(path, digest, &n_bytes, e);
	if (rc == 0) {
		manifest_file(&m->list, name, digest, n_bytes);
		m->facts.n_files++;
		m->facts.n_bytes += n_bytes;
	}
	return rc;
}

static int copy_settings(struct making *m, struct err *e)
{
	char from[PATH_MAX], to[PATH_MAX];
	struct buf text = BUF_INIT;
	int rc;

	snprintf(from, sizeof(from), "%s/carrel.ini", m->ix->data_dir);
	snprintf(to, sizeof(to), "%s/carrel.ini", m->at.path);
	if (!fs_exists(from)) {
		return 0;
	}
	rc = fs_read(from, INI_BYTES_MAX, &text, e);
	if (rc == 0) {
		rc = fs_replace(to, text.data, text.len, e);
	}
	buf_finish(&text);
	return rc ? rc : add_file(m, "carrel.ini", e);
}

/* Nobody removes a stored file meanwhile. */
static int copy_database(struct making *m, struct err *e)
{
	char path[PATH_MAX];
	struct store_copy c = {.path = path, .goes_on = on_copied, .arg = m};
	int rc;

	snprintf(path, sizeof(path), "%s/carrel.db", m->at.path);
	m->stage = "database";
	rc = store_copy(m->ix->store, &c, &m->copy, e);
	rc = rc ? rc : vectors_without_files(m->copy, e);
	if (rc == 0) {
		m->stage = "files";
		rc = settle_files(m, e);
	}
	store_copy_close(m->copy);
	m->copy = NULL;
	return rc;
}

/* ── all of it ── */

static int make(struct making *m, struct err *e)
{
	int rc = look_for_room(m, e);

	rc = rc ? rc : blobs_open(m->at.path, &m->to, e);
	rc = rc ? rc : each_name(m, copy_early, e);
	m->stage = "purge";
	rc = rc ? rc : goes_on(m, e);
	rc = rc || !m->o->purge ? rc : m->o->purge(m->o->arg, e);
	rc = rc ? rc : manifest_create(&m->list, m->at.path, e);
	if (rc == 0) {
		index_keep_begin(m->ix);
		rc = copy_database(m, e);
		index_keep_end(m->ix);
	}
	m->stage = "sync";
	rc = rc ? rc : goes_on(m, e);
	rc = rc ? rc : add_file(m, "carrel.db", e);
	rc = rc ? rc : copy_settings(m, e);
	return rc ? rc : manifest_end(&m->list, m->facts.n_missing, e);
}

int backup_make(
	struct index *ix, const struct backup_order *o, struct backup_facts *out, struct err *e)
{
	struct making m = {.ix = ix, .o = o, .stage = "files"};
	char tmp[PATH_MAX];
	int rc = partial_begin(&m.at, o->folder, e);

	if (rc == 0) {
		rc = make(&m, e);
		manifest_close(&m.list);
		blobs_close(m.to);
		snprintf(tmp, sizeof(tmp), "%s/tmp", m.at.path);
		fs_remove_tree(tmp);
	}
	if (rc == 0) {
		rc = partial_finish(&m.at, e);
	}
	partial_abort(&m.at);
	*out = m.facts;
	return rc;
}
