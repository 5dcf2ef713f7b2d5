/* The parts opened together, the lock, which blobs are wanted, and what `carrel check` finds. */
#include "tests/unit/ingest/house.h"

#include <pthread.h>

static void one_process_opens_the_folder(void **state)
{
	struct house *h = *state;
	struct index *second;
	struct err e = ERR_INIT;

	assert_int_equal(index_open(&h->set, &second, &e), ERR_CONFLICT);
	assert_null(second);
	house_close(h);
	house_open(h); /* with the same workspace, not a second "default" */
	assert_int_equal(h->who.workspace_n, 1);
}

static void a_folder_that_cannot_be(void **state)
{
	struct house *h = *state;
	struct index *ix;
	struct settings set;
	struct err e = ERR_INIT;
	FILE *f = fopen(path_in(h, "file"), "w");

	assert_non_null(f);
	fclose(f);
	settings_init(&set);
	fine(settings_set(&set, "data", path_in(h, "file/below"), "test", &house_err));
	assert_true(index_open(&set, &ix, &e) < 0);
	assert_true(*e.message);
	settings_finish(&set);
	index_close(NULL);
}

/* ── blobs ── */

static int64_t sweep(struct house *h)
{
	int64_t n;

	fine(index_sweep_blobs(h->ix, &n, &house_err));
	return n;
}

static void named_blobs_stay(void **state)
{
	struct house *h = *state;
	struct upload_receipt r = put(h, "a.txt", "Words of the heron.\n");
	struct blob_info nobodys;
	const char *hashes[2];
	struct version v;

	run_all(h);
	v = version_now(h, &r.version);
	fine(blob_put(h->ix->blobs, "nobody's", 8, &nobodys, &house_err));
	hashes[0] = v.blob_hash;
	hashes[1] = v.text_hash;
	fine(index_remove_unnamed(h->ix, hashes, 2, &house_err));
	assert_int_equal(sweep(h), 1);
	assert_int_equal(sweep(h), 0);
	assert_true(blob_exists(h->ix->blobs, v.blob_hash));
	assert_true(blob_exists(h->ix->blobs, v.text_hash));
	assert_false(blob_exists(h->ix->blobs, nobodys.hash));
}

struct sweeper {
	struct house *h;
	int64_t n;
};

static void *sweep_now(void *arg)
{
	struct sweeper *s = arg;

	s->n = sweep(s->h);
	return NULL;
}

/* Between its storing and its naming a blob is nobody's, yet it is not removed. */
static void a_blob_on_its_way_in_stays(void **state)
{
	struct house *h = *state;
	struct sweeper s = {.h = h};
	struct blob_info blob;
	pthread_t thread;

	index_naming_begin(h->ix);
	fine(blob_put(h->ix->blobs, "coming in", 9, &blob, &house_err));
	assert_int_equal(pthread_create(&thread, NULL, sweep_now, &s), 0);
	for (int i = 0; i < 1000; i++) {
		assert_true(blob_exists(h->ix->blobs, blob.hash));
	}
	index_naming_end(h->ix);
	pthread_join(thread, NULL);
	assert_int_equal(s.n, 1); /* this one was never named */
}

/* ── check ── */

static int on_sql(struct db *db, void *arg, struct err *e)
{
	return db_exec(db, arg, e);
}

static void exec_sql(struct house *h, const char *sql)
{
	fine(store_write(h->ix->store, on_sql, (void *)sql, &house_err));
}

/* How many findings there are, that one of them says `words`, and how many are left after a repair.
 */
static void finds_and_mends(struct house *h, const char *words, int64_t left)
{
	struct buf said = BUF_INIT;
	int64_t n;

	assert_true(check(h, false, &said) > 0);
	if (!strstr(said.data, words)) {
		fail_msg("\"%s\" is not in: %s", words, said.data);
	}
	buf_clear(&said);
	n = check(h, true, &said);
	assert_int_equal(n, left);
	assert_int_equal(check(h, false, &said), left);
	buf_finish(&said);
}

static void full_text_is_rebuilt(void **state)
{
	struct house *h = *state;

	put(h, "a.txt", "Words of the heron.\n");
	run_all(h);
	assert_int_equal(check(h, false, NULL), 0);
	exec_sql(h, "DELETE FROM fts_1_data WHERE id > 10");
	finds_and_mends(h, "full text", 0);
	assert_int_equal(finds(h, "heron", NULL), 1);
}

/* Tables of before the version stood with them have a tokenizer without an argument. */
static void full_text_of_an_older_analyser_is_built_anew(void **state)
{
	struct house *h = *state;

	put(h, "a.txt", "Words of the heron.\n");
	run_all(h);
	exec_sql(h, "DROP TABLE fts_words_1");
	exec_sql(h, "DROP TABLE fts_1");
	exec_sql(h, "CREATE VIRTUAL TABLE fts_1 USING fts5(title, heading, body, "
		    "content = 'fts_content_1', content_rowid = 'slot', tokenize = 'carrel')");
	exec_sql(h, "CREATE VIRTUAL TABLE fts_words_1 USING fts5vocab(fts_1, row)");
	assert_int_equal(finds(h, "heron", NULL), 0);
	house_close(h);
	house_open(h);
	assert_int_equal(finds(h, "heron", NULL), 1);
	assert_int_equal(check(h, false, NULL), 0);
}

static void chunks_of_a_deleted_document_leave_the_indexes(void **state)
{
	struct house *h = *state;

	put(h, "a.txt", "Words of the heron.\n");
	run_all(h);
	exec_sql(h, "UPDATE document SET deleted_ms = 1");
	finds_and_mends(h, "deleted, yet", 0);
	assert_int_equal(finds(h, "heron", NULL), 0);
}

static void lost_vectors_are_made_again(void **state)
{
	struct house *h = *state;

	put(h, "a.txt", "Words of the heron.\n");
	run_all(h);
	exec_sql(h, "DELETE FROM chunk_vector");
	finds_and_mends(h, "vectors", 0);
}

static void a_version_that_waits_for_ever(void **state)
{
	struct house *h = *state;

	put(h, "a.txt", "Words of the heron.\n");
	exec_sql(h, "DELETE FROM job");
	finds_and_mends(h, "waits for a job", 0);
	run_all(h);
	assert_int_equal(finds(h, "heron", NULL), 1);
}

static void lost_and_changed_originals(void **state)
{
	struct house *h = *state;
	struct upload_receipt r = put(h, "a.txt", "Words of the heron.\n");
	const char *hash, *path;
	FILE *f;

	run_all(h);
	hash = version_now(h, &r.version).blob_hash;
	path = arena_printf(&h->arena, "%s/blobs/%.2s/%s", h->dir, hash, hash);
	f = fopen(path, "r+");
	assert_non_null(f);
	fseek(f, -1, SEEK_END);
	fputc('~', f);
	fclose(f);
	finds_and_mends(h, r.version.s, 1);
	assert_int_equal(unlink(path), 0);
	finds_and_mends(h, "original is not there", 1);
}

static void left_stage_files(void **state)
{
	struct house *h = *state;
	struct id gone = id_create("job");
	struct buf b = BUF_INIT;

	buf_str(&b, "left");
	fine(stage_write(h->ix, &gone, "chunks", &b, &house_err));
	buf_finish(&b);
	finds_and_mends(h, gone.s, 0);
	assert_int_equal(count_entries(path_in(h, "stage")), 0);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, house_setup, house_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(one_process_opens_the_folder),
		T(a_folder_that_cannot_be),
		T(named_blobs_stay),
		T(a_blob_on_its_way_in_stays),
		T(full_text_is_rebuilt),
		T(full_text_of_an_older_analyser_is_built_anew),
		T(chunks_of_a_deleted_document_leave_the_indexes),
		T(lost_vectors_are_made_again),
		T(a_version_that_waits_for_ever),
		T(lost_and_changed_originals),
		T(left_stage_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
