/* The full-text index over a real store. */
#include "tests/unit/index/world.h"

#include <math.h>

#include "index/base/clock.h"

static void test_words_find_their_documents(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "all", "operator");
	struct db *db;
	struct asker who;
	struct fts_hit *hits;

	add_document(w, &c, "leave", "en", "Employees receive annual leave of 25 working days.");
	add_document(w, &c, "travel", "en", "Travel by train is preferred; policies apply.");
	add_document(
		w, &c, "urlaub", "de", "Die Häuser der Mitarbeiterinnen und der Jahresurlaub.");
	add_document(w, &c, "年假", "zh", "员工每年享有二十五天年假，数据库管理员除外。");
	add_document(w, &c, "iso", "en",
		"Certified under ISO-27001 since 2019, calling CreateUserToken.");
	assert_int_equal(finds(w, "annual leave", "en"), 1);
	assert_int_equal(finds(w, "policy", "en"), 1);
	assert_int_equal(finds(w, "employee", ""), 1);
	assert_int_equal(finds(w, "Haus", "de"), 1);
	assert_int_equal(finds(w, "haus mitarbeiterin", ""), 1);
	assert_int_equal(finds(w, "数据库", "zh"), 1);
	assert_int_equal(finds(w, "年假", ""), 1);
	assert_int_equal(finds(w, "库", "zh"), 1);
	assert_int_equal(finds(w, "iso 27001", "en"), 1);
	assert_int_equal(finds(w, "ISO27001", "en"), 1);
	assert_int_equal(finds(w, "user token", "en"), 1);
	assert_int_equal(finds(w, "nonsense", "en"), 0);
	db = reader(w);
	who = operator_of(w, db);
	assert_int_equal(search(w, db, &who, "annual leave of employees by train", "en", &hits), 2);
	assert_int_equal(hits[0].slot, 0);
	assert_true(hits[0].score > hits[1].score && hits[1].score > 0);
	store_reader_drop(db);
}

static void test_stopwords_count_only_alone(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "all", "operator");

	add_document(w, &c, "a", "en", "The meaning of being.");
	add_document(w, &c, "b", "en", "A train of the north.");
	assert_int_equal(finds(w, "what is the train", "en"), 1);
	assert_int_equal(finds(w, "the of", "en"), 2);
}

static void test_syntax_is_only_text(void **state)
{
	static const char *const nasty[] = {"NEAR(train, 2)", "\"", "\"\"\"", "train*", "-train",
		"title:train", "train AND", "OR", "NOT", "{title}:x", "^train", "(", ")",
		"train' --", "*", "+", "train + north",
		"\x01"
		"en",
		"a\x1f"
		"b",
		"%s%n", ""};
	struct world *w = *state;
	struct id c = add_collection(w, "all", "operator");

	add_document(w, &c, "b", "en", "A train of the north, near or not.");
	for (size_t i = 0; i < sizeof(nasty) / sizeof(nasty[0]); i++) {
		int n = finds(w, nasty[i], "en");

		assert_int_equal(n, strstr(nasty[i], "train") || strcmp(nasty[i], "OR") == 0 ||
						    strcmp(nasty[i], "NOT") == 0
					    ? 1
					    : 0);
	}
}

static void test_titles_weigh_more(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "all", "operator");
	struct chunk chunk = {.language = "en",
		.title = "Parking",
		.heading = "",
		.text = "Ask the desk.",
		.page_first = 1,
		.page_last = 1};
	struct arrived in;
	struct publication p;
	struct fts_hit *hits;
	struct asker who;
	struct db *db;

	add_document(w, &c, "body", "en", "Parking desk, ask.");
	in = arrive(w, &c, "titled", "x");
	p = (struct publication){
		.document = in.document, .version = in.version, .chunks = &chunk, .n_chunks = 1};
	fine(work(w, (struct work){.which = W_PUBLISH, .a = &p}));
	for (int i = 0; i < 20; i++) {
		char name[24];

		snprintf(name, sizeof(name), "other %d", i);
		add_document(w, &c, name, "en", name);
	}
	db = reader(w);
	who = operator_of(w, db);
	assert_int_equal(search(w, db, &who, "parking", "en", &hits), 2);
	assert_int_equal(hits[0].slot, 1);
	store_reader_drop(db);
}

static void test_statistics_stay_in_the_workspace(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "all", "operator"), other, mine = w->workspace;
	int64_t mine_n = w->workspace_n;
	struct fts_hit *hits;
	struct asker who;
	double before, after, idf_before, idf_after;
	const char *term = "copper";
	struct db *db;

	add_document(w, &c, "a", "en", "copper and zinc");
	add_document(w, &c, "b", "en", "zinc alone");
	db = reader(w);
	who = operator_of(w, db);
	assert_int_equal(search(w, db, &who, "copper", "en", &hits), 1);
	before = hits[0].score;
	fine(fts_idf(db, mine_n, NULL, &term, 1, &idf_before, &world_err));
	store_reader_drop(db);
	assert_true(fabs(idf_before - log((2 - 1 + .5) / (1 + .5) + 1)) < 1e-9);

	fine(work(w, (struct work){.which = W_WORKSPACE, .a = "other", .out = &other}));
	w->workspace = other;
	w->workspace_n = workspace_number(w, &other);
	c = add_collection(w, "all", "operator");
	for (int i = 0; i < 30; i++) {
		char name[32];

		snprintf(name, sizeof(name), "copper %d", i);
		add_document(w, &c, name, "en", name);
	}
	w->workspace = mine;
	w->workspace_n = mine_n;
	db = reader(w);
	who = operator_of(w, db);
	assert_int_equal(search(w, db, &who, "copper", "en", &hits), 1);
	after = hits[0].score;
	fine(fts_idf(db, mine_n, NULL, &term, 1, &idf_after, &world_err));
	store_reader_drop(db);
	assert_true(before == after);
	assert_true(idf_before == idf_after);
}

static void test_long_question_is_bounded(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "all", "operator");
	struct buf b = BUF_INIT;
	int64_t began;

	add_document(w, &c, "a", "en", "The zebra crossing is closed.");
	for (int i = 0; i < 10000; i++) {
		buf_printf(&b, "word%d ", i * 7919 % 10007);
		if (i == 1500) {
			buf_str(&b, "zebra ");
		}
	}
	began = clock_mono_ms();
	assert_int_equal(finds(w, b.data, "en"), 1);
	assert_true(clock_mono_ms() - began < 5000);
	buf_finish(&b);
}

static void test_check_and_rebuild(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "all", "operator");

	add_document(w, &c, "a", "de", "Größere Häuser kosten 1.200 Euro");
	add_document(w, &c, "b", "en", "copper");
	fine(work(w, (struct work){.which = W_CHECK, .n = w->workspace_n}));
	/* The index loses a row's words: the check must tell, the rebuild mend. */
	exec_sql(w,
		"INSERT INTO fts_%lld (fts_%lld, rowid, title, heading, body) VALUES "
		"('delete', 1, 'en' || char(31), 'en' || char(31), 'en' || char(31) || 'copper')",
		(long long)w->workspace_n, (long long)w->workspace_n);
	assert_int_equal(finds(w, "copper", "en"), 0);
	assert_int_equal(
		work(w, (struct work){.which = W_CHECK, .n = w->workspace_n}), ERR_CORRUPT);
	fine(work(w, (struct work){.which = W_REBUILD, .n = w->workspace_n}));
	assert_int_equal(finds(w, "copper", "en"), 1);
	assert_int_equal(finds(w, "haus", "de"), 1);
	fine(work(w, (struct work){.which = W_CHECK, .n = w->workspace_n}));
}

static void test_nothing_allowed_finds_nothing(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "all", "operator");
	struct id user = add_user(w, &w->workspace, ROLE_ADMIN);
	struct fts_hit *hits;
	struct db *db;
	struct asker who;
	struct fts_query q = {
		.workspace_n = w->workspace_n, .text = "copper", .language = "", .limit = 10};
	int n;

	add_document(w, &c, "b", "en", "copper");
	db = reader(w);
	who = asker_of(w, db, &user);
	assert_int_equal(search(w, db, &who, "copper", "en", &hits), 0);
	fine(fts_search(db, &w->arena, &q, &hits, &n, &world_err));
	assert_int_equal(n, 0);
	store_reader_drop(db);
}

/* ── the best rows, against a score computed by hand ── */

#define N_ROWS 4000
#define N_WORDS 400
#define ROW_WORDS 12

static int by_score(const void *a, const void *b)
{
	const struct fts_hit *x = a, *y = b;

	return x->score != y->score ? (x->score < y->score) - (x->score > y->score)
				    : (x->slot > y->slot) - (x->slot < y->slot);
}

/* Word 0 is in most rows, the last ones in few. */
static int some_word(unsigned *seed)
{
	double u = (rand_r(seed) + 1.0) / (RAND_MAX + 2.0);

	return (int)(u * u * u * u * N_WORDS);
}

static int times(const int row[ROW_WORDS], int word)
{
	int f = 0;

	for (int k = 0; k < ROW_WORDS; k++) {
		f += row[k] == word;
	}
	return f;
}

static void reference(
	const int rows[N_ROWS][ROW_WORDS], const int *query, int n, struct fts_hit *out)
{
	for (int r = 0; r < N_ROWS; r++) {
		out[r] = (struct fts_hit){.slot = r};
	}
	for (int t = 0; t < n; t++) {
		int df = 0;

		for (int r = 0; r < N_ROWS; r++) {
			df += times(rows[r], query[t]) > 0;
		}
		for (int r = 0; r < N_ROWS; r++) {
			int f = times(rows[r], query[t]);

			out[r].score +=
				log((N_ROWS - df + .5) / (df + .5) + 1) * f * 2.2 / (f + 1.2);
		}
	}
	qsort(out, N_ROWS, sizeof(*out), by_score);
}

static void test_the_best_rows_are_the_best(void **state)
{
	static int rows[N_ROWS][ROW_WORDS];
	static const char *texts[N_ROWS];
	static struct fts_hit expected[N_ROWS];
	struct world *w = *state;
	struct id c = add_collection(w, "all", "operator");
	struct arrived in = arrive(w, &c, "d", "x");
	unsigned seed = (unsigned)time(NULL);
	struct fts_query q = {
		.workspace_n = w->workspace_n, .language = "xx", .limit = 100, .words_alone = true};
	struct allowed *allowed;
	struct asker who;
	struct db *db;

	print_message("seed %u\n", seed);
	for (int r = 0; r < N_ROWS; r++) {
		struct buf b = BUF_INIT;

		for (int k = 0; k < ROW_WORDS; k++) {
			rows[r][k] = some_word(&seed);
			buf_printf(&b, "w%cx%ck ", 'a' + rows[r][k] / 26, 'a' + rows[r][k] % 26);
		}
		texts[r] = arena_str(&w->arena, b.data);
		buf_finish(&b);
	}
	fine(publish(w, &in, "xx", texts, N_ROWS));
	db = reader(w);
	who = operator_of(w, db);
	q.allowed = allowed = acl_allowed(w->acl, &who, NULL, 0, NULL);
	for (int round = 0; round < 60; round++) {
		int query[6], n = 0;
		struct buf b = BUF_INIT;
		struct fts_hit *hits;
		int n_hits;

		for (int t = 0; t < 6; t++) {
			int word = some_word(&seed), known = 0;

			for (int k = 0; k < n; k++) {
				known |= query[k] == word;
			}
			if (!known) {
				query[n++] = word;
				buf_printf(&b, "w%cx%ck ", 'a' + word / 26, 'a' + word % 26);
			}
		}
		q.text = b.data;
		fine(fts_search(db, &w->arena, &q, &hits, &n_hits, &world_err));
		reference(rows, query, n, expected);
		for (int i = 0; i < 50 && expected[i].score > 0; i++) {
			assert_true(i < n_hits);
			assert_true(fabs(hits[i].score - expected[i].score) < 1e-6);
		}
		buf_finish(&b);
	}
	acl_allowed_drop(allowed);
	store_reader_drop(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_words_find_their_documents),
		T(test_stopwords_count_only_alone),
		T(test_syntax_is_only_text),
		T(test_titles_weigh_more),
		T(test_statistics_stay_in_the_workspace),
		T(test_long_question_is_bounded),
		T(test_check_and_rebuild),
		T(test_nothing_allowed_finds_nothing),
		T(test_the_best_rows_are_the_best),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
