/* The migration runner, with steps of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/base/fs.h"
#include "index/store_private.h"

static const char schema_1[] = "CREATE TABLE a(n INTEGER PRIMARY KEY);"
			       "CREATE TABLE b(n INTEGER REFERENCES a(n));";
static const char schema_3[] = "CREATE TABLE a(n INTEGER PRIMARY KEY, x TEXT, y TEXT);"
			       "CREATE TABLE b(n INTEGER REFERENCES a(n));";
static const struct migration steps[] = {
	{2, "0002_x", "ALTER TABLE a ADD COLUMN x TEXT; UPDATE a SET x = 'x' || n;"},
	{3, "0003_y", "ALTER TABLE a ADD COLUMN y TEXT; UPDATE a SET y = x || 'y';"},
};

struct fixture {
	char dir[256];
	char path[300];
	sqlite3 *c;
};

static void reopen(struct fixture *f)
{
	sqlite3_close(f->c);
	assert_int_equal(sqlite3_open(f->path, &f->c), SQLITE_OK);
	sqlite3_extended_result_codes(f->c, 1);
	assert_int_equal(
		sqlite3_exec(f->c, "PRAGMA foreign_keys = ON", NULL, NULL, NULL), SQLITE_OK);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");

	snprintf(f->dir, sizeof(f->dir), "%s/carrel-migrate-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/carrel.db", f->dir);
	reopen(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	sqlite3_close(f->c);
	fs_remove_tree(f->dir);
	free(f);
	return 0;
}

static char *ask(struct fixture *f, const char *sql)
{
	static char text[200];
	sqlite3_stmt *q;

	assert_int_equal(sqlite3_prepare_v2(f->c, sql, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	snprintf(text, sizeof(text), "%s", (const char *)sqlite3_column_text(q, 0));
	sqlite3_finalize(q);
	return text;
}

static void fill(struct fixture *f)
{
	assert_int_equal(store_migrate_with(f->c, f->path, schema_1, NULL, 0, NULL), 0);
	assert_int_equal(sqlite3_exec(f->c, "INSERT INTO a VALUES(7); INSERT INTO b VALUES(7)",
				 NULL, NULL, NULL),
		SQLITE_OK);
}

static void test_fresh_gets_the_schema_and_no_steps(void **state)
{
	struct fixture *f = *state;

	/* The steps would fail on it: their columns are there. */
	assert_int_equal(store_migrate_with(f->c, f->path, schema_3, steps, 2, NULL), 0);
	assert_string_equal(ask(f, "PRAGMA user_version"), "3");
	assert_string_equal(ask(f, "SELECT count(*) FROM pragma_table_info('a')"), "3");
	assert_string_equal(ask(f, "PRAGMA foreign_keys"), "1");
	assert_int_equal(store_migrate_with(f->c, f->path, schema_3, steps, 2, NULL), 0);
}

static void test_steps_run_in_order_once(void **state)
{
	struct fixture *f = *state;

	fill(f);
	assert_string_equal(ask(f, "PRAGMA user_version"), "1");
	reopen(f);
	assert_int_equal(store_migrate_with(f->c, f->path, schema_3, steps, 2, NULL), 0);
	assert_string_equal(ask(f, "PRAGMA user_version"), "3");
	assert_string_equal(ask(f, "SELECT y FROM a"), "x7y");
	assert_string_equal(ask(f, "PRAGMA foreign_keys"), "1");
	reopen(f);
	assert_int_equal(store_migrate_with(f->c, f->path, schema_3, steps, 2, NULL), 0);
}

static void test_one_step_behind(void **state)
{
	struct fixture *f = *state;

	fill(f);
	assert_int_equal(store_migrate_with(f->c, f->path, schema_3, steps, 1, NULL), 0);
	assert_string_equal(ask(f, "PRAGMA user_version"), "2");
	assert_int_equal(store_migrate_with(f->c, f->path, schema_3, steps, 2, NULL), 0);
	assert_string_equal(ask(f, "SELECT y FROM a"), "x7y");
}

static void test_failed_step_changes_nothing(void **state)
{
	struct fixture *f = *state;
	const struct migration bad[] = {steps[0],
		{3, "0003_bad", "UPDATE a SET x = 'lost'; ALTER TABLE nowhere ADD COLUMN y;"}};
	struct err e = ERR_INIT;

	fill(f);
	assert_true(store_migrate_with(f->c, f->path, schema_3, bad, 2, &e) < 0);
	assert_non_null(strstr(e.message, "0003_bad"));
	assert_non_null(strstr(e.message, "nowhere"));
	assert_string_equal(ask(f, "PRAGMA user_version"), "2"); /* the good step stays */
	assert_string_equal(ask(f, "SELECT x FROM a"), "x7");
	/* The next program has it right. */
	assert_int_equal(store_migrate_with(f->c, f->path, schema_3, steps, 2, NULL), 0);
	assert_string_equal(ask(f, "SELECT y FROM a"), "x7y");
}

static void test_lost_parent_is_rolled_back(void **state)
{
	struct fixture *f = *state;
	const struct migration orphan[] = {{2, "0002_orphan", "DELETE FROM a"}};
	const struct migration rebuild[] = {{2, "0002_rebuild",
		"CREATE TABLE a2(n INTEGER PRIMARY KEY, x TEXT); INSERT INTO a2(n) SELECT n FROM a;"
		"DROP TABLE a; ALTER TABLE a2 RENAME TO a;"}};
	struct err e = ERR_INIT;

	fill(f);
	assert_int_equal(store_migrate_with(f->c, f->path, schema_3, orphan, 1, &e), ERR_CORRUPT);
	assert_non_null(strstr(e.message, "0002_orphan"));
	assert_string_equal(ask(f, "SELECT count(*) FROM a"), "1");
	assert_int_equal(store_migrate_with(f->c, f->path, schema_3, rebuild, 1, NULL), 0);
	assert_string_equal(ask(f, "SELECT count(*) FROM b JOIN a USING(n)"), "1");
}

static void test_newer_and_foreign(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;

	assert_int_equal(store_migrate_with(f->c, f->path, schema_3, steps, 2, NULL), 0);
	assert_int_equal(store_migrate_with(f->c, f->path, schema_1, steps, 1, &e), ERR_CONFIG);
	assert_string_equal(e.reason, "database_newer");
	unlink(f->path);
	reopen(f);
	assert_int_equal(sqlite3_exec(f->c, "CREATE TABLE theirs(x)", NULL, NULL, NULL), SQLITE_OK);
	err_clear(&e);
	assert_int_equal(store_migrate_with(f->c, f->path, schema_1, steps, 1, &e), ERR_CONFIG);
	assert_string_equal(e.reason, "not_carrel");
}

/* What shipped first, for the steps that ship now. */
static void first_schema(struct fixture *f)
{
	static char schema[64 * 1024];
	FILE *in = fopen("tests/unit/index/schema_1.sql", "r");
	size_t n;

	assert_non_null(in);
	n = fread(schema, 1, sizeof(schema) - 1, in);
	fclose(in);
	assert_true(n > 0 && n < sizeof(schema) - 1);
	schema[n] = '\0';
	assert_int_equal(store_migrate_with(f->c, f->path, schema, NULL, 0, NULL), 0);
}

/* Every column, index, trigger and foreign key, in one text. */
static const char shape[] =
	"SELECT group_concat(x, char(10)) FROM (SELECT t.name || '.' || c.name || ' ' || c.type || "
	"' ' || c.\"notnull\" || ' ' || c.pk || ' ' || coalesce(c.dflt_value, '-') AS x "
	"FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table' UNION ALL "
	"SELECT type || ' ' || tbl_name || ' ' || name || ' ' || coalesce(sql, '-') "
	"FROM sqlite_schema WHERE type IN ('index', 'trigger') UNION ALL SELECT 'key ' || t.name "
	"|| ' ' || "
	"k.\"from\" || ' ' || k.\"table\" || ' ' || k.on_delete FROM sqlite_schema t, "
	"pragma_foreign_key_list(t.name) k WHERE t.type = 'table' ORDER BY 1)";

static char *shape_of(struct fixture *f)
{
	sqlite3_stmt *q;
	char *text;

	assert_int_equal(sqlite3_prepare_v2(f->c, shape, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	text = strdup((const char *)sqlite3_column_text(q, 0));
	sqlite3_finalize(q);
	return text;
}

/* The steps lead from the first version to exactly what schema.sql makes. */
static void test_steps_and_schema_agree(void **state)
{
	struct fixture *f = *state;
	char *fresh, *migrated;

	assert_int_equal(store_migrate(f->c, f->path, NULL), 0);
	fresh = shape_of(f);
	unlink(f->path);
	reopen(f);
	first_schema(f);
	assert_int_equal(store_migrate(f->c, f->path, NULL), 0);
	migrated = shape_of(f);
	assert_string_equal(migrated, fresh);
	free(fresh);
	free(migrated);
}

/* Whoever was signed in stays so; a revoked sign-in's token is gone. */
static void test_access_tokens_move_over(void **state)
{
	struct fixture *f = *state;

	first_schema(f);
	assert_int_equal(
		sqlite3_exec(f->c,
			"INSERT INTO workspace(id, name, created_ms) VALUES('ws_1', 'w', 1);"
			"INSERT INTO user VALUES('usr_1', 'ws_1', 'ann', 'Ann', NULL, 0, NULL, 1);"
			"INSERT INTO session VALUES('ses_1', 'ws_1', 'usr_1', 'k1', 'a1', 77, "
			"'f', 1, 2, 99, NULL), ('ses_2', 'ws_1', 'usr_1', 'k2', 'a2', 77, 'f', 1, "
			"2, 99, 5), ('ses_3', 'ws_1', 'usr_1', 'k3', NULL, NULL, 'f', 1, 2, 99, "
			"NULL)",
			NULL, NULL, NULL),
		SQLITE_OK);
	assert_int_equal(store_migrate(f->c, f->path, NULL), 0);
	assert_string_equal(ask(f, "SELECT group_concat(hash || session_id || expires_ms) "
				   "FROM access_token"),
		"a1ses_177");
	assert_string_equal(ask(f, "SELECT group_concat(id || cookie_hash || csrf || used_ms || "
				   "expires_ms || coalesce(revoked_ms, '-')) FROM session"),
		"ses_1k1f299-,ses_2k2f2995,ses_3k3f299-");
	assert_int_equal(
		sqlite3_exec(f->c, "DELETE FROM session WHERE id = 'ses_1'", NULL, NULL, NULL),
		SQLITE_OK);
	assert_string_equal(ask(f, "SELECT count(*) FROM access_token"), "0");
}

/* What was read before a document's pages had a name: PDFs have pages, the others none. */
static void test_pages_of_old_documents(void **state)
{
	struct fixture *f = *state;

	first_schema(f);
	assert_int_equal(
		sqlite3_exec(f->c,
			"INSERT INTO workspace(id, name, created_ms) VALUES('ws_1', 'w', 1);"
			"INSERT INTO collection(id, workspace_id, name, created_by, created_ms) "
			"VALUES('col_1', 'ws_1', 'c', 'operator', 1);"
			"INSERT INTO document(id, workspace_id, collection_id, name, created_by, "
			"created_ms) VALUES('doc_1', 'ws_1', 'col_1', 'd', 'operator', 1);"
			"INSERT INTO document_version(id, workspace_id, document_id, seq, sha256, "
			"n_bytes, media_type, state, created_by, created_ms) VALUES "
			"('ver_1', 'ws_1', 'doc_1', 1, '', 1, 'application/pdf', 'indexed', "
			"'operator', 1), ('ver_2', 'ws_1', 'doc_1', 2, '', 1, 'text/plain', "
			"'indexed', 'operator', 1), ('ver_3', 'ws_1', 'doc_1', 3, '', 1, NULL, "
			"'queued', 'operator', 1)",
			NULL, NULL, NULL),
		SQLITE_OK);
	assert_int_equal(store_migrate(f->c, f->path, NULL), 0);
	assert_string_equal(ask(f, "SELECT group_concat(coalesce(paging, '-'), ' ') FROM "
				   "(SELECT paging FROM document_version ORDER BY seq)"),
		"page none -");
}

/* What ships: schema.sql makes a whole database of the version that the program says. */
static void test_our_own_schema(void **state)
{
	struct fixture *f = *state;
	char version[16];

	assert_int_equal(store_migrate(f->c, f->path, NULL), 0);
	snprintf(version, sizeof(version), "%d", store_schema_version());
	assert_string_equal(ask(f, "PRAGMA user_version"), version);
	assert_string_equal(ask(f, "PRAGMA integrity_check"), "ok");
	assert_int_equal(store_migrate(f->c, f->path, NULL), 0);
}

/* A purge, a deletion and what they touch do not read whole tables. */
static void test_documents_are_found_by_index(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store_migrate(f->c, f->path, NULL), 0);
	assert_string_equal(
		ask(f, "SELECT coalesce(group_concat(m.name), '') FROM sqlite_schema m JOIN "
		       "pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = "
		       "'document_id' AND NOT EXISTS (SELECT 1 FROM pragma_index_list(m.name) l "
		       "JOIN pragma_index_info(l.name) i WHERE i.seqno = 0 AND i.name = "
		       "'document_id')"),
		"");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_fresh_gets_the_schema_and_no_steps),
		T(test_steps_run_in_order_once),
		T(test_one_step_behind),
		T(test_failed_step_changes_nothing),
		T(test_lost_parent_is_rolled_back),
		T(test_newer_and_foreign),
		T(test_our_own_schema),
		T(test_documents_are_found_by_index),
		T(test_steps_and_schema_agree),
		T(test_access_tokens_move_over),
		T(test_pages_of_old_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
