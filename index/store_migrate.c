#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/store_private.h"

#include "index_migrate_0002_access_tokens.sql.h"
#include "index_migrate_0003_attachments_and_searches.sql.h"
#include "index_migrate_0004_sources_by_document.sql.h"
#include "index_migrate_0005_places_and_parts.sql.h"
#include "index_migrate_0006_places_of_citations.sql.h"
#include "index_migrate_0007_rewritten_searches.sql.h"
#include "index_migrate_0008_spaces_aside.sql.h"
#include "index_migrate_0009_reranked_searches.sql.h"
#include "index_migrate_0010_read_at_start.sql.h"
#include "index_migrate_0011_names_of_collections.sql.h"
#include "index_migrate_0012_dictionaries_tested.sql.h"
#include "index_schema.sql.h"

/* "CRRL": what `file` and PRAGMA application_id say of a database of ours. */
#define APPLICATION_ID 0x4352524c

/* Version 1 is index/schema.sql as it first was. A change of schema.sql comes with a step here:
 *	{2, "0002_name", (const char *)embed_index_migrate_0002_name_sql},
 * The last row only ends the table. */
static const struct migration steps[] = {
	{2, "0002_access_tokens", (const char *)embed_index_migrate_0002_access_tokens_sql},
	{3, "0003_attachments_and_searches",
		(const char *)embed_index_migrate_0003_attachments_and_searches_sql},
	{4, "0004_sources_by_document",
		(const char *)embed_index_migrate_0004_sources_by_document_sql},
	{5, "0005_places_and_parts", (const char *)embed_index_migrate_0005_places_and_parts_sql},
	{6, "0006_places_of_citations",
		(const char *)embed_index_migrate_0006_places_of_citations_sql},
	{7, "0007_rewritten_searches",
		(const char *)embed_index_migrate_0007_rewritten_searches_sql},
	{8, "0008_spaces_aside", (const char *)embed_index_migrate_0008_spaces_aside_sql},
	{9, "0009_reranked_searches", (const char *)embed_index_migrate_0009_reranked_searches_sql},
	{10, "0010_read_at_start", (const char *)embed_index_migrate_0010_read_at_start_sql},
	{11, "0011_names_of_collections",
		(const char *)embed_index_migrate_0011_names_of_collections_sql},
	{12, "0012_dictionaries_tested",
		(const char *)embed_index_migrate_0012_dictionaries_tested_sql},
	{0, NULL, NULL},
};

#define N_STEPS ((int)(sizeof(steps) / sizeof(steps[0])) - 1)

int store_schema_version(void)
{
	return 1 + N_STEPS;
}

static int read_int(sqlite3 *c, const char *sql, int64_t *out, struct err *e)
{
	sqlite3_stmt *q;
	int rc = sqlite3_prepare_v2(c, sql, -1, &q, NULL);

	if (rc == SQLITE_OK) {
		rc = sqlite3_step(q);
		*out = rc == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
		if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
			rc = SQLITE_OK;
		}
		sqlite3_finalize(q);
	}
	return rc == SQLITE_OK ? 0 : db_error(c, rc, e, "cannot read the database");
}

static int run(sqlite3 *c, const char *sql, const char *what, struct err *e)
{
	int rc = sqlite3_exec(c, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : db_error(c, rc, e, what);
}

static int damaged(struct err *e, const char *path, const char *why)
{
	return err_replace(e, ERR_CORRUPT, "database_damaged",
		"%s is damaged (%s): stop Carrel, copy the data folder aside and restore the last "
		"backup "
		"with `carrel restore`",
		path, why);
}

/* A file that is shorter than its header says was cut. While a WAL has frames they may hold the
 * rest, so only a database that was closed, or checkpointed, is judged.
 * (https://www.sqlite.org/fileformat2.html, section 1.3) */
static int check_length(const char *path, struct err *e)
{
	unsigned char h[100];
	char wal[4096];
	struct stat st;
	int64_t page, n_pages;
	int fd;
	ssize_t n;

	snprintf(wal, sizeof(wal), "%s-wal", path);
	if (stat(wal, &st) == 0 && st.st_size > 0) {
		return 0;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0) {
		int why = errno;

		if (fd >= 0) {
			close(fd);
		}
		return err_sys(e, ERR_IO, why, "cannot open %s", path);
	}
	n = pread(fd, h, sizeof(h), 0);
	close(fd);
	if (st.st_size == 0) {
		return 0;
	}
	if (n < (ssize_t)sizeof(h)) {
		return damaged(e, path, "it ends within its header");
	}
	page = h[16] << 8 | h[17];
	page = page == 1 ? 65536 : page;
	n_pages = (int64_t)h[28] << 24 | h[29] << 16 | h[30] << 8 | h[31];
	/* The count holds only if the version that wrote it is the file's change counter. */
	if (memcmp(h + 24, h + 92, 4) == 0 && memcmp(h, "SQLite format 3", 16) == 0 &&
		st.st_size < page * n_pages) {
		return damaged(e, path, "it was cut short");
	}
	return 0;
}

int store_probe(sqlite3 *c, const char *path, int newest, struct err *e)
{
	struct err inner = ERR_INIT;
	int64_t application = 0, version = 0, n_tables = 0;
	int rc = check_length(path, e);

	if (rc != 0) {
		return rc;
	}
	rc = read_int(c, "SELECT count(*) FROM sqlite_schema", &n_tables, &inner);
	if (rc == 0) {
		rc = read_int(c, "PRAGMA application_id", &application, &inner);
	}
	if (rc == 0) {
		rc = read_int(c, "PRAGMA user_version", &version, &inner);
	}
	if (rc == ERR_CORRUPT) {
		return damaged(e, path, inner.message);
	}
	if (rc != 0) {
		return err_set(e, rc, inner.reason, "%s: %s", path, inner.message);
	}
	if (application == APPLICATION_ID && version > newest) {
		return err_set(e, ERR_CONFIG, "database_newer",
			"%s was written by a newer Carrel (schema %d, this program knows %d): run "
			"that one",
			path, (int)version, newest);
	}
	if (application != APPLICATION_ID && (application != 0 || version != 0 || n_tables != 0)) {
		return err_set(e, ERR_CONFIG, "not_carrel",
			"%s is another program's database: choose another data folder", path);
	}
	return 0;
}

/* A PRAGMA takes no parameters; the number is ours. */
static int set_version(sqlite3 *c, int version, struct err *e)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", version);
	return run(c, sql, "cannot set the schema's version", e);
}

static int set_application(sqlite3 *c, struct err *e)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d", APPLICATION_ID);
	return run(c, sql, "cannot mark the database", e);
}

/* Steps run with foreign keys off, so that a table can be rebuilt; they have to hold at the end. */
static int check_foreign_keys(sqlite3 *c, const char *name, struct err *e)
{
	int64_t n = 0;
	int rc = read_int(c, "SELECT count(*) FROM pragma_foreign_key_check", &n, e);

	if (rc == 0 && n > 0) {
		rc = err_set(e, ERR_CORRUPT, "migration",
			"migration %s leaves %d rows whose foreign key points nowhere", name,
			(int)n);
	}
	return rc;
}

static int apply(sqlite3 *c, const char *name, const char *sql, int version, struct err *e)
{
	char what[128];
	int rc = run(c, "BEGIN IMMEDIATE", "cannot begin a migration", e);

	if (rc != 0) {
		return rc;
	}
	snprintf(what, sizeof(what), "migration %s failed", name);
	rc = set_application(c, e);
	if (rc == 0) {
		rc = run(c, sql, what, e);
	}
	if (rc == 0) {
		rc = check_foreign_keys(c, name, e);
	}
	if (rc == 0) {
		rc = set_version(c, version, e);
	}
	if (rc == 0) {
		rc = run(c, "COMMIT", what, e);
	}
	if (rc != 0 && !sqlite3_get_autocommit(c)) {
		sqlite3_exec(c, "ROLLBACK", NULL, NULL, NULL);
	}
	return rc;
}

int store_migrate_with(sqlite3 *c, const char *path, const char *schema,
	const struct migration *list, int n_steps, struct err *e)
{
	int newest = 1 + n_steps;
	int64_t version = 0;
	int rc = store_probe(c, path, newest, e);

	if (rc == 0) {
		rc = read_int(c, "PRAGMA user_version", &version, e);
	}
	if (rc != 0 || version == newest) {
		return rc;
	}
	rc = run(c, "PRAGMA foreign_keys = OFF", "cannot prepare a migration", e);
	if (rc == 0 && version == 0) {
		rc = apply(c, "schema.sql", schema, newest, e);
	} else {
		for (int i = 0; rc == 0 && i < n_steps; i++) {
			ASSERT(list[i].version == i + 2);
			if (list[i].version > version) {
				rc = apply(c, list[i].name, list[i].sql, list[i].version, e);
			}
		}
	}
	if (sqlite3_exec(c, "PRAGMA foreign_keys = ON", NULL, NULL, NULL) != SQLITE_OK && rc == 0) {
		rc = db_error(c, sqlite3_errcode(c), e, "cannot turn foreign keys on");
	}
	return rc;
}

int store_migrate(sqlite3 *c, const char *path, struct err *e)
{
	return store_migrate_with(c, path, (const char *)embed_index_schema_sql, steps, N_STEPS, e);
}
