/* `carrel check` finds each of a list of planted inconsistencies, mends what is derived, orders the
 * jobs that mend the rest, says what a person must do otherwise, and is content the second time. */
#include "tests/unit/ingest/house.h"

#include <sqlite3.h>

#define DOC(name) "(SELECT id FROM document WHERE name = '" name "')"
#define VERSION(name) "(SELECT current_version_id FROM document WHERE name = '" name "')"
#define DELETED "(SELECT id FROM document WHERE deleted_ms IS NOT NULL)"
#define WORKSPACE "(SELECT id FROM workspace)"
#define RUN                                                                                        \
	"INSERT INTO user (id, workspace_id, name, display_name, role, created_ms)"                \
	" VALUES ('usr_1', " WORKSPACE ", 'ann', 'Ann', 0, 1);"                                    \
	"INSERT INTO conversation VALUES ('conv_1', " WORKSPACE ", 'usr_1', 't', 1, 1, NULL);"     \
	"INSERT INTO turn VALUES ('conv_1', 1, " WORKSPACE ", NULL, 'q', NULL, '', 'run_1', 1);"   \
	"INSERT INTO run (id, workspace_id, conversation_id, turn_seq, user_id, state, "           \
	"created_ms)"                                                                              \
	" VALUES ('run_1', " WORKSPACE ", 'conv_1', 1, 'usr_1', 'completed', 1);"
#define CITES(chunk)                                                                               \
	RUN "INSERT INTO citation SELECT 'run_1', 1, workspace_id, 1, document_id, "               \
	    "version_id, " chunk                                                                   \
	    ", 1, NULL, 'q', 0, 1, 'verified', NULL FROM chunk WHERE live = 1 LIMIT 1"

enum how {
	OPEN,  /* SQL through the store, whose functions and full-text tables it needs */
	RAW,   /* SQL on the closed database, past its foreign keys */
	WRITE, /* the file named by sql gets a byte too many */
	FLIP,  /* the blob that sql gives is changed */
	UNLINK /* … or removed */
};

struct plant {
	const char *what;
	enum how how;
	const char *sql;
	const char *says;
	int left; /* after the repair; 0: the second check is content, and the jobs end well */
};

static const struct plant plants[] = {
	/* ── documents and versions ── */
	{"a deleted document in the indexes", RAW,
		"UPDATE document SET deleted_ms = 1 WHERE name = 'otter.txt'",
		"is deleted, yet it is in the indexes", 0},
	{"a deleted document of which nobody removes the text", RAW,
		"UPDATE document_version SET state = 'indexed' WHERE document_id = " DELETED,
		"no job removes its text", 0},
	{"a purge that was never ordered", RAW,
		"UPDATE document_version SET state = 'indexed' WHERE document_id = " DELETED
		"; DELETE FROM job",
		"no job removes its text", 0},
	{"a current version that is not there", RAW,
		"UPDATE document SET current_version_id = 'ver_1' WHERE name = 'otter.txt'",
		"has lost its current version", 1},
	{"a current version of another document", RAW,
		"UPDATE document SET current_version_id = " VERSION(
			"otter.txt") " WHERE name = 'heron.txt'",
		"has lost its current version", 1},
	{"a version that waits without a job", RAW,
		"UPDATE document_version SET state = 'queued' WHERE id = " VERSION("otter.txt"),
		"waits for a job that is not there", 0},
	{"a version under way without a job", RAW,
		"UPDATE document_version SET state = 'ingesting' WHERE id = " VERSION("otter.txt"),
		"waits for a job that is not there", 0},
	{"slots that would be given out twice", RAW, "UPDATE workspace SET next_slot = 0",
		"give the place of a chunk away", 0},
	{"a part whose document is deleted", RAW,
		"UPDATE document SET parent_id = " DELETED " WHERE name = 'otter.txt'",
		"is left of a document that was deleted", 1},
	{"a part that others may read", RAW,
		"UPDATE document SET parent_id = " DOC("heron.txt") ", own_acl = 1"
								    " WHERE name = 'otter.txt'",
		"others may read", 0},

	/* ── chunks ── */
	{"an unreadable text", RAW,
		"UPDATE chunk SET text = zeroblob(9) WHERE document_id = " DOC("otter.txt"),
		"cannot be read", 0},
	{"a text of which a bit is flipped", RAW,
		"UPDATE chunk SET text = CAST(substr(text, 1, length(text) - 6) ||"
		" CASE substr(text, length(text) - 5, 1) WHEN x'41' THEN x'42' ELSE x'41' END ||"
		" substr(text, length(text) - 4) AS BLOB) WHERE document_id = " DOC("otter.txt"),
		"cannot be read", 0},
	{"a dictionary that is not there", RAW,
		"UPDATE chunk SET dictionary_n = 7 WHERE document_id = " DOC("otter.txt"),
		"cannot be read", 0},
	{"chunks of an older reading", RAW,
		"UPDATE chunk SET generation = generation + 1"
		" WHERE document_id = " DOC("otter.txt"),
		"searched by an old version", 0},
	{"no chunk at all", RAW, "UPDATE chunk SET live = 0 WHERE document_id = " DOC("otter.txt"),
		"is indexed without a chunk", 0},
	{"a chunk of another document's version", RAW,
		"UPDATE chunk SET version_id = " VERSION("heron.txt") " WHERE document_id = " DOC(
			"otter.txt"),
		"of another document", 0},
	{"a chunk of another workspace", RAW,
		"UPDATE chunk SET workspace_n = 2 WHERE document_id = " DOC("otter.txt"),
		"of another document", 0},
	{"a chunk without a document", RAW,
		"DELETE FROM document_version WHERE document_id = " DOC(
			"otter.txt") "; DELETE FROM document WHERE name = 'otter.txt'",
		"database: ", 0},

	/* ── permissions ── */
	{"a run that is one slot too long", RAW,
		"UPDATE acl_run SET slot_to = slot_to + 1 WHERE slot_from ="
		" (SELECT max(slot_from) FROM acl_run)",
		"between entries, sets and bitmaps", 0},
	{"a run that is one slot too short", RAW,
		"UPDATE acl_run SET slot_from = slot_from + 1 WHERE slot_from ="
		" (SELECT max(slot_from) FROM acl_run)",
		"between entries, sets and bitmaps", 0},
	{"no runs", RAW, "DELETE FROM acl_run", "between entries, sets and bitmaps", 0},
	{"a run of another set", RAW,
		"UPDATE acl_run SET set_n = (SELECT max(n) FROM acl_set WHERE n <> set_n)"
		" WHERE slot_from = (SELECT min(slot_from) FROM acl_run)",
		"between entries, sets and bitmaps", 0},
	{"a document of no set", RAW,
		"UPDATE document SET acl_set_n = NULL WHERE name = 'otter.txt'",
		"between entries, sets and bitmaps", 0},
	{"a document of another collection's set", RAW,
		"UPDATE document SET acl_set_n = (SELECT acl_set_n FROM document"
		" WHERE name = 'owl.txt') WHERE name = 'otter.txt'",
		"between entries, sets and bitmaps", 0},
	{"a reader too many", RAW,
		"INSERT INTO acl_set_reader SELECT acl_set_n, 'usr_x' FROM document"
		" WHERE name = 'otter.txt'",
		"between entries, sets and bitmaps", 0},
	{"a reader too few", RAW, "DELETE FROM acl_set_reader", "between entries, sets and bitmaps",
		0},

	/* ── full text ── */
	{"a row that is missing", OPEN,
		"INSERT INTO fts_1 (fts_1, rowid, title, heading, body) SELECT 'delete', slot,"
		" title, heading, body FROM fts_content_1 LIMIT 1",
		"full text: ", 0},
	{"a row of nothing", OPEN,
		"INSERT INTO fts_1 (rowid, title, heading, body) VALUES (900, 'en' || char(31),"
		" 'en' || char(31), 'en' || char(31) || 'nothing')",
		"full text: ", 0},
	{"a row of other words", OPEN,
		"INSERT INTO fts_1 (rowid, title, heading, body) VALUES (1, 'en' || char(31),"
		" 'en' || char(31), 'en' || char(31) || 'more')",
		"full text: ", 0},
	{"totals that are wrong", RAW,
		"UPDATE fts_1_data SET block = x'7f' || substr(block, 2) WHERE id = 1",
		"full text: ", 0},
	{"a length that is missing", RAW, "DELETE FROM fts_1_docsize WHERE id = 1",
		"full text: ", 0},
	{"postings that are gone", RAW, "DELETE FROM fts_1_data WHERE id > 10", "full text: ", 0},
	{"postings that are zeros", RAW,
		"UPDATE fts_1_data SET block = zeroblob(length(block)) WHERE id > 10",
		"full text: ", 0},
	{"postings without their record", RAW, "DELETE FROM fts_1_data WHERE id = 10",
		"full text: ", 0},

	/* ── vectors ── */
	{"a vector that is missing", RAW, "DELETE FROM chunk_vector WHERE slot = 1",
		"vectors: ", 0},
	{"a vector of nothing", RAW,
		"INSERT INTO chunk_vector SELECT space_n, 500, vector FROM chunk_vector LIMIT 1",
		"vectors: ", 0},
	{"a vector cut short", RAW, "UPDATE chunk_vector SET vector = x'003c' WHERE slot = 1",
		"vectors: ", 0},
	{"a vector of no length", RAW,
		"UPDATE chunk_vector SET vector = zeroblob(length(vector)) WHERE slot = 1",
		"vectors: ", 0},
	{"a vector that is no number", RAW,
		"UPDATE chunk_vector SET vector = x'007e' || substr(vector, 3) WHERE slot = 1",
		"vectors: ", 0},
	{"a segment without a file", RAW,
		"INSERT INTO vector_segment (space_n, slot_from, slot_to, kind, metric, dimension,"
		" model, file, sha256) SELECT n, 0, 64, 'lists', 'ip', dimension, model,"
		" 'a.lists', '' FROM vector_space",
		"vectors: ", 0},
	{"a segment's file without a row", WRITE, "vectors/9.lists", "vectors: ", 0},
	{"a file of another space", WRITE, "vectors/9.halves", "vectors: ", 0},
	{"a damaged table of the embedder", RAW, "UPDATE vector_space SET model_data = x'0102'",
		"vectors: ", 0},
	{"no space that serves", RAW, "UPDATE vector_space SET state = 'retired'", "vectors: ", 0},

	/* ── answers ── */
	{"a citation of a chunk that is not there", RAW, CITES("'chk_1'"),
		"cites a chunk that is not there", 1},
	{"a question whose answer is not there", RAW, RUN "UPDATE turn SET run_id = 'run_2'",
		"whose answer is not there", 1},

	/* ── files ── */
	{"an original with a wrong byte", FLIP,
		"SELECT blob_hash FROM document_version WHERE id = " VERSION("otter.txt"),
		"upload the document again", 1},
	{"an original that is missing", UNLINK,
		"SELECT blob_hash FROM document_version WHERE id = " VERSION("otter.txt"),
		"original is not there", 1},
	{"a text with a wrong byte", FLIP,
		"SELECT text_hash FROM document_version WHERE id = " VERSION("otter.txt"),
		"reindex --all", 1},
	{"a text that is missing", UNLINK,
		"SELECT text_hash FROM document_version WHERE id = " VERSION("otter.txt"),
		"text is not there", 1},
	{"pages that are missing", RAW,
		"UPDATE document_version SET view_hash = sha256 WHERE id = " VERSION("otter.txt"),
		"pages are not there", 0},
	{"a left stage folder", WRITE, "stage/job_1/chunks", "left of a job that has ended", 0},
	{"a sacred row without its parent", RAW,
		"INSERT INTO membership VALUES ('grp_1', 'usr_1', " WORKSPACE ")", "database: ", 1},
};

#define N_PLANTS ((int)(sizeof(plants) / sizeof(plants[0])))

/* ── the folder that all begin with ── */

static struct house *base;

static int readers(struct db *db, void *arg, struct err *e)
{
	struct house *h = arg;
	struct acl_entry all = {.principal = "workspace", .right = RIGHT_READ};

	return acl_replace(db, &h->who.workspace, &h->collection, &all, 1, e);
}

static int second_collection(struct db *db, void *arg, struct err *e)
{
	struct house *h = arg;

	return collection_create(db, &h->who.workspace, "more", "operator", &h->collection, e);
}

static int make_base(void **state)
{
	struct upload_receipt stork;
	struct id job, papers;

	assert_int_equal(house_setup(state), 0);
	base = *state;
	fine(store_write(base->ix->store, readers, base, &house_err));
	put(base, "heron.txt", "Words of the heron.\n");
	put(base, "otter.txt", "The otter swims and eats fish all day long.\n");
	stork = put(base, "stork.txt", "The stork stands on one leg.\n");
	run_all(base);
	put(base, "heron.txt", "Newer words of the heron.\n");
	papers = base->collection;
	fine(store_write(base->ix->store, second_collection, base, &house_err));
	put(base, "owl.txt", "The owl hoots.\n");
	base->collection = papers;
	run_all(base);
	fine(ingest_delete(base->ix, &stork.document, "operator", &job, &house_err));
	run_all(base);
	fine(vectors_maintain(base->ix->vectors, &house_err));
	assert_int_equal(check(base, false, NULL), 0);
	house_close(base);
	return 0;
}

static int drop_base(void **state)
{
	house_open(base);
	return house_teardown(state);
}

/* ── planting ── */

static int on_sql(struct db *db, void *arg, struct err *e)
{
	return db_exec(db, arg, e);
}

static int64_t n_changes(sqlite3 *c, const char *sql)
{
	char *message = NULL;

	if (sqlite3_exec(c, sql, NULL, NULL, &message) != SQLITE_OK) {
		fail_msg("%s: %s", sql, message);
	}
	return sqlite3_total_changes(c);
}

static sqlite3 *raw(const char *dir)
{
	char path[400];
	sqlite3 *c;

	snprintf(path, sizeof(path), "%s/carrel.db", dir);
	assert_int_equal(sqlite3_open(path, &c), SQLITE_OK);
	return c;
}

/* The file of the blob whose hash the statement gives. */
static void path_of_blob(const char *dir, const char *sql, char *path, size_t n)
{
	sqlite3 *c = raw(dir);
	sqlite3_stmt *q;
	const char *hash;

	assert_int_equal(sqlite3_prepare_v2(c, sql, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	hash = (const char *)sqlite3_column_text(q, 0);
	assert_non_null(hash);
	snprintf(path, n, "%s/blobs/%.2s/%s", dir, hash, hash);
	sqlite3_finalize(q);
	sqlite3_close(c);
}

static void change_file(const char *dir, const struct plant *p)
{
	char path[800];
	struct buf b = BUF_INIT;

	if (p->how == WRITE) {
		snprintf(path, sizeof(path), "%s/%s", dir, p->sql);
		*strrchr(path, '/') = '\0';
		fine(fs_mkdirs(path, &house_err));
		snprintf(path, sizeof(path), "%s/%s", dir, p->sql);
		fine(fs_replace(path, "x", 1, &house_err));
		return;
	}
	path_of_blob(dir, p->sql, path, sizeof(path));
	if (p->how == UNLINK) {
		assert_int_equal(unlink(path), 0);
		return;
	}
	fine(fs_read(path, 1 << 20, &b, &house_err));
	b.data[b.len - 1] ^= 1;
	fine(fs_replace(path, b.data, b.len, &house_err));
	buf_finish(&b);
}

static void do_plant(struct house *h, const struct plant *p)
{
	if (p->how == OPEN) {
		house_open(h);
		fine(store_write(h->ix->store, on_sql, (void *)p->sql, &house_err));
		house_close(h);
	} else if (p->how == RAW) {
		sqlite3 *c = raw(h->dir);

		if (n_changes(c, p->sql) == 0) {
			fail_msg("%s: nothing was changed", p->what);
		}
		assert_int_equal(sqlite3_close(c), SQLITE_OK);
	} else {
		change_file(h->dir, p);
	}
}

/* ── checking ── */

/* NULL: all went well. */
static const char *meet(struct house *h, const struct plant *p, struct buf *said)
{
	const char *why = NULL;
	bool lost_heron = p->left && strstr(p->sql, "heron");
	int64_t n;

	house_open(h);
	n = check(h, false, said);
	if (n == 0 || !strstr(said->data, p->says)) {
		why = "it is not found";
	}
	buf_clear(said);
	if (check(h, true, said) != p->left && !why) {
		why = "not as much is left after a repair";
	}
	if (p->left == 0 && !why) {
		run_all(h);
	}
	if (!why) {
		buf_clear(said);
	}
	if (!why && check(h, false, said) != p->left) {
		why = "not as much is found again";
	}
	if (!why && finds(h, "heron", NULL) != !lost_heron) {
		why = "other answers are given";
	}
	house_close(h);
	return why;
}

static void each_is_found_and_mended(void **state)
{
	const char *only = getenv("ONLY");
	struct house h = *base;
	int n = 0, n_failed = 0;

	(void)state;
	for (int i = 0; i < N_PLANTS; i++) {
		struct buf said = BUF_INIT;
		const char *why;

		if (only && !strstr(plants[i].what, only)) {
			continue;
		}
		snprintf(h.dir, sizeof(h.dir), "%.200s-planted", base->dir);
		house_copy(base->dir, h.dir);
		fine(settings_set(&base->set, "data", h.dir, "test", &house_err));
		h.set = base->set;
		arena_init(&h.arena);
		do_plant(&h, &plants[i]);
		why = meet(&h, &plants[i], &said);
		if (why) {
			print_message(
				"%s: %s: %s\n", plants[i].what, why, said.len ? said.data : "");
			n_failed++;
		}
		buf_finish(&said);
		arena_finish(&h.arena);
		fine(settings_set(&base->set, "data", base->dir, "test", &house_err));
		fs_remove_tree(h.dir);
		n++;
	}
	print_message("%d inconsistencies planted\n", n);
	assert_true(n > 0);
	assert_int_equal(n_failed, 0);
}

/* What the next start removes by itself is told, and no finding. */
static void blobs_of_nobody_are_told(void **state)
{
	struct house *h = base;
	struct buf said = BUF_INIT;
	struct blob_info blob;

	(void)state;
	house_open(h);
	fine(blob_put(h->ix->blobs, "nobody's", 8, &blob, &house_err));
	assert_int_equal(check(h, false, &said), 0);
	assert_non_null(strstr(said.data, "1 blobs that no version names"));
	assert_true(blob_exists(h->ix->blobs, blob.hash));
	assert_int_equal(check(h, true, &said), 0);
	assert_false(blob_exists(h->ix->blobs, blob.hash));
	buf_finish(&said);
	house_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_found_and_mended),
		cmocka_unit_test(blobs_of_nobody_are_told),
	};

	return cmocka_run_group_tests(tests, make_base, drop_base);
}
