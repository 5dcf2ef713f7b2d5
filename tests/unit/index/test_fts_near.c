/* What words side by side add, and what a word that is missing takes, by hand. */
#include "tests/unit/index/fts_rows.h"

static double score_of(const struct fts_hit *hits, int n, int64_t slot)
{
	for (int i = 0; i < n; i++) {
		if (hits[i].slot == slot) {
			return hits[i].score;
		}
	}
	fail_msg("slot %lld is not found", (long long)slot);
	return 0;
}

/* Ten tokens each, every row with both words once: what differs is how they stand. */
static void test_pairs_by_hand(void **state)
{
	static const char *const texts[] = {
		"alpha beta c d e f g h i j",	     /* side by side */
		"alpha b beta d e f g h i j",	     /* near */
		"beta alpha c d e f g h i j",	     /* near, the wrong way round */
		"alpha b c d e f g h i beta",	     /* nine apart */
		"c d alpha beta alpha beta e f g h", /* twice side by side */
	};
	const int n_rows = 5;
	double idf = log(.5 / (n_rows + .5) + 1); /* all rows have either word */
	double norm = 1.2 * (1 - .75 + .75);	  /* all rows are of mean length */
	double once = 2.2 / (1 + norm), twice = 2 * 2.2 / (2 + norm);
	struct world *w = *state;
	struct id c = add_collection(w, "all", "operator");
	struct fts_hit *hits;
	struct asker who;
	struct db *db;
	int n;

	for (int i = 0; i < n_rows; i++) {
		char name[16];

		snprintf(name, sizeof(name), "t%d", i);
		add_document(w, &c, name, "xx", texts[i]);
	}
	db = reader(w);
	who = operator_of(w, db);
	n = search(w, db, &who, "alpha beta", "xx", &hits);
	assert_int_equal(n, n_rows);
	assert_true(fabs(score_of(hits, n, 0) - idf * (2 * once + .45 * once)) < 1e-9);
	assert_true(fabs(score_of(hits, n, 1) - idf * (2 * once + .15 * once)) < 1e-9);
	assert_true(fabs(score_of(hits, n, 2) - idf * (2 * once + .15 * once)) < 1e-9);
	assert_true(fabs(score_of(hits, n, 3) - idf * 2 * once) < 1e-9);
	assert_true(fabs(score_of(hits, n, 4) - idf * (2 * twice + .45 * twice)) < 1e-9);
	assert_int_equal(hits[0].slot, 4);
	assert_int_equal(hits[1].slot, 0);
	assert_int_equal(hits[4].slot, 3);
	/* What stands between them in the question are stopwords; one word makes no pair. */
	n = search(w, db, &who, "alpha of the beta", "en", &hits);
	assert_int_equal(hits[1].slot, 0);
	n = search(w, db, &who, "alpha alpha", "xx", &hits);
	assert_true(fabs(score_of(hits, n, 0) - score_of(hits, n, 3)) < 1e-9);
	store_reader_drop(db);
}

/* Rows of one length, one word of the question in each: what the other word would weigh is missing.
 */
static void test_covering_by_hand(void **state)
{
	static const char *const texts[] = {"alpha c d e", "f beta g h", "alpha i j k", "l m n o"};
	double alpha = log(2.5 / 2.5 + 1), beta = log(3.5 / 1.5 + 1); /* of four rows */
	struct world *w = *state;
	struct id c = add_collection(w, "all", "operator");
	struct fts_hit *hits;
	struct asker who;
	struct db *db;
	int n;

	for (int i = 0; i < 4; i++) {
		char name[16];

		snprintf(name, sizeof(name), "t%d", i);
		add_document(w, &c, name, "xx", texts[i]);
	}
	db = reader(w);
	who = operator_of(w, db);
	n = search(w, db, &who, "alpha beta", "xx", &hits);
	assert_int_equal(n, 3);
	assert_true(fabs(score_of(hits, n, 0) - alpha * (1 - .3 * beta / (alpha + beta))) < 1e-9);
	assert_true(fabs(score_of(hits, n, 1) - beta * (1 - .3 * alpha / (alpha + beta))) < 1e-9);
	/* A word that no row has is missing in none. */
	n = search(w, db, &who, "alpha zeta", "xx", &hits);
	assert_int_equal(n, 2);
	assert_true(fabs(score_of(hits, n, 0) - alpha) < 1e-9);
	store_reader_drop(db);
}

static void test_bigrams_make_no_pairs(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "all", "operator");
	struct fts_hit *hits;
	struct asker who;
	struct db *db;
	int n;

	add_document(w, &c, "a", "zh", "年假规定");
	add_document(w, &c, "b", "zh", "规定。年假");
	db = reader(w);
	who = operator_of(w, db);
	n = search(w, db, &who, "年假规定", "zh", &hits);
	assert_int_equal(n, 2);
	n = search(w, db, &who, "年假，规定", "zh", &hits);
	assert_int_equal(n, 2);
	assert_true(fabs(hits[0].score - hits[1].score) < hits[0].score / 2);
	store_reader_drop(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_pairs_by_hand),
		T(test_covering_by_hand),
		T(test_bigrams_make_no_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
