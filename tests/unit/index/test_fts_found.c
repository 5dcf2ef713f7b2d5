/* Terms looked up in the posting lists, once and again in one snapshot, against FTS5's own counts;
 * the languages that rows are in, snapshot by snapshot. */
#include "tests/unit/index/fts_rows.h"

#include "index/fts_cache.h"
#include "index/fts_found.h"

#define N_WORDS 600 /* more than a snapshot keeps */

/* Words that are the beginnings of each other and differ late. */
static void write_word(int i, char out[32])
{
	snprintf(out, 32, "q%.*s%s%d", i % 7, "zzzzzzz", i % 3 ? "" : "k", i / 7);
}

static int tx_rows(struct db *db, void *arg, struct err *e)
{
	const struct world *w = arg;
	int rc = 0;

	for (int slot = 0; rc == 0 && slot < 300; slot++) {
		struct buf body = BUF_INIT;
		struct fts_row row = {.slot = slot, .language = "xx", .title = "", .heading = ""};

		for (int i = 0; i < 40; i++) {
			char word[32];

			write_word((slot * 17 + i * i * 3) % (N_WORDS - 80) * 2 % N_WORDS, word);
			buf_printf(&body, "%s ", word);
		}
		row.body = body.data;
		rc = fts_insert(db, w->workspace_n, &row, e);
		buf_finish(&body);
	}
	return rc;
}

static int64_t first_row(struct world *w, struct db *db, const char *term)
{
	struct fts_reading r;
	struct postings list;

	fine(fts_reading_open(db, &w->arena, w->workspace_n, &r, &world_err));
	assert_true(r.direct);
	fine(postings_find(&r.index, term, &list, &world_err));
	return list.row;
}

/* The second time they are read to their ends, the third from their first rows again. */
static void test_found_again(void **state)
{
	struct world *w = *state;
	struct db *db;
	int n_there = 0;

	fine(store_write(w->store, tx_rows, w, &world_err));
	db = reader(w);
	for (int pass = 0; pass < 3; pass++) {
		for (int i = 0; i < N_WORDS; i++) {
			char word[32];
			int64_t n, expected;

			write_word(i, word);
			expected = count_by_fts5(w, db, word);
			n_there += expected > 0;
			assert_int_equal(first_row(w, db, word) != INT64_MAX, expected > 0);
			fine(fts_df(db, w->workspace_n, word, &n, &world_err));
			assert_int_equal(n, expected);
		}
	}
	assert_in_range(n_there, 3 * N_WORDS / 4, 3 * N_WORDS - 3 * 80);
	store_reader_drop(db);
}

static void test_room_ends(void **state)
{
	struct world *w = *state;
	struct db *db = reader(w);
	struct fts_found *f = fts_found_keep(db, w->workspace_n);
	int n = 0;

	assert_non_null(f);
	assert_ptr_equal(fts_found_keep(db, w->workspace_n), f);
	while (fts_found_room(f)) {
		struct postings none = {.row = n};
		char word[32];

		snprintf(word, sizeof(word), "w%d", n++);
		assert_null(fts_found_lookup(f, word));
		fts_found_add(f, word, &none);
		assert_int_equal(fts_found_lookup(f, word)->row, n - 1);
	}
	assert_in_range(n, 100, 1000);
	assert_int_equal(fts_found_lookup(f, "w0")->row, 0);
	f = fts_found_keep(db, w->workspace_n + 1); /* another one's takes its place */
	assert_int_equal(f->workspace_n, w->workspace_n + 1);
	assert_null(fts_found_lookup(f, "w0"));
	assert_int_equal(fts_found_keep(db, w->workspace_n)->n, 0);
	store_reader_drop(db);
}

static int tx_as_writer(struct db *db, void *arg, struct err *e)
{
	const struct world *w = arg;
	int64_t n;

	assert_null(fts_found_keep(db, w->workspace_n));
	return fts_df(db, w->workspace_n, "tree", &n, e);
}

static void test_a_writer_keeps_nothing(void **state)
{
	struct world *w = *state;

	fine(store_write(w->store, tx_as_writer, w, &world_err));
}

/* Single letters and digits that touch make the most terms that so many bytes can. */
static void test_room_for_every_term(void **state)
{
	struct world *w = *state;
	struct db *db = reader(w);

	for (int n_pairs = 1; n_pairs <= 31; n_pairs += 6) {
		struct fts_extra extra = {"spare", .5};
		struct fts_query q = {.workspace_n = w->workspace_n,
			.language = "",
			.extra = &extra,
			.n_extra = 1};
		struct query_terms terms;
		char text[100];

		for (int i = 0; i < n_pairs; i++) {
			text[3 * i] = (char)('b' + i % 20);
			text[3 * i + 1] = (char)('0' + i / 20);
			text[3 * i + 2] = ' ';
		}
		text[3 * n_pairs] = '\0';
		q.text = text;
		fine(fts_terms(db, &w->arena, &q, &terms, &world_err));
		for (int i = 0; i < n_pairs; i++) {
			char whole[3] = {text[3 * i], text[3 * i + 1], '\0'};
			bool found = false;

			for (int k = 0; k < terms.n && !found; k++) {
				found = strcmp(terms.items[k].text, whole) == 0;
			}
			assert_true(found || terms.n == FTS_TERMS_MAX);
		}
		assert_string_equal(terms.items[terms.n - 1].text, "spare");
	}
	store_reader_drop(db);
}

static bool searches_in(struct world *w, struct db *db, const char *language)
{
	const char *languages[FTS_LANGUAGES_MAX];
	int n;

	fine(fts_languages(db, w->workspace_n, "", languages, &n, &world_err));
	for (int i = 0; i < n; i++) {
		if (strcmp(languages[i], language) == 0) {
			return true;
		}
	}
	return false;
}

static int tx_language(struct db *db, void *arg, struct err *e)
{
	const struct world *w = arg;
	struct fts_row row = {
		.slot = 900, .language = "de", .title = "", .heading = "", .body = "Wald"};

	return fts_insert(db, w->workspace_n, &row, e);
}

static int tx_language_goes(struct db *db, void *arg, struct err *e)
{
	const struct world *w = arg;
	struct fts_row row = {
		.slot = 900, .language = "de", .title = "", .heading = "", .body = "Wald"};

	return fts_delete(db, w->workspace_n, &row, e);
}

static void test_languages_are_the_snapshots(void **state)
{
	struct world *w = *state;
	struct fts_cache *cache = fts_cache_create();
	struct db *before, *now;

	store_attach(w->store, PART_FULL_TEXT, cache);
	fine(store_write(w->store, tx_rows, w, &world_err));
	before = reader(w);
	assert_false(searches_in(w, before, "de"));
	fine(store_write(w->store, tx_language, w, &world_err));
	now = reader(w);
	assert_true(searches_in(w, now, "de"));
	assert_true(searches_in(w, now, "de"));
	assert_false(searches_in(w, before, "de"));
	assert_true(searches_in(w, now, "de"));
	assert_false(searches_in(w, now, "fr"));
	store_reader_drop(before);
	fine(store_write(w->store, tx_language_goes, w, &world_err));
	fine(store_reader_renew(now, &world_err));
	assert_false(searches_in(w, now, "de"));
	store_reader_drop(now);
	store_attach(w->store, PART_FULL_TEXT, NULL);
	fts_cache_destroy(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_found_again),
		T(test_room_ends),
		T(test_a_writer_keeps_nothing),
		T(test_room_for_every_term),
		T(test_languages_are_the_snapshots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
