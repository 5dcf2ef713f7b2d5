/* A document of many chunks, of which a dictionary and the embedder's table were learnt, is purged:
 * nothing of it is in any file. */
#include "tests/unit/ingest/house.h"

#include "index/vector.h"

#define N_OTHERS 220
#define N_SECRETS 200 /* a dictionary wants 200 chunks, a table 300 */

static const char *const secrets[] = {"zirconquuxite", "Evangelineova", "Brontosaurus"};
#define N_WORDS (sizeof(secrets) / sizeof(secrets[0]))

static void publish(struct house *h, const char *name, bool secret, int n, struct upload_receipt *r)
{
	struct buf text = BUF_INIT;

	for (int i = 0; i < n; i++) {
		buf_printf(&text,
			"# Section %d\n\nEvery purchase above %d euro needs the approval"
			" of %s and of the team that keeps %s for %d years%s.\n\n",
			i, i * 13, secret ? "Evangelineova" : "the head of department",
			secret ? "the zirconquuxite" : "the offers", i % 9,
			i % 2 && secret ? " as Brontosaurus Holdings wants it" : "");
	}
	*r = put(h, name, text.data);
	buf_finish(&text);
	run_all(h);
}

static int64_t count(struct house *h, const char *sql)
{
	struct db *db = reader(h);
	struct stmt *q = db_stmt_named(db, sql + 7, sql, &house_err);
	int64_t n;

	assert_non_null(q);
	assert_int_equal(stmt_step(q, &house_err), 1);
	n = col_int(q, 0);
	stmt_reset(q);
	store_reader_drop(db);
	return n;
}

static void nothing_of_what_was_learnt_from_is_left(void **state)
{
	struct house *h = *state;
	struct upload_receipt others, secret;
	struct id job;

	fine(settings_set(&h->set, "chunk-tokens", "32", "test", &house_err));
	publish(h, "others.md", false, N_OTHERS, &others);
	publish(h, "secret.md", true, N_SECRETS, &secret);
	fine(chunks_train_dictionary(h->ix->store, h->who.workspace_n, &house_err));
	fine(ingest_reembed(h->ix, &h->who.workspace, "builtin", "operator", &job, &house_err));
	run_all(h);
	/* Read in anew, so that its texts are compressed with what was learnt from them. */
	fine(ingest_order_again(h->ix, "reindex", &secret.document, &secret.version, &house_err));
	run_all(h);
	assert_int_equal(count(h, "SELECT count(*) FROM text_dictionary"), 1);
	assert_true(count(h, "SELECT count(*) FROM chunk WHERE dictionary_n NOT NULL") > 100);
	assert_int_equal(
		count(h, "SELECT count(*) FROM vector_space WHERE model_data NOT NULL"), 1);
	fine(store_checkpoint(h->ix->store, &house_err));
	for (size_t i = 0; i < N_WORDS; i++) {
		assert_true(tree_has(h->dir, secrets[i])); /* else nothing is tried */
	}
	fine(ingest_delete(h->ix, &secret.document, "operator", &job, &house_err));
	run_all(h);
	for (size_t i = 0; i < N_WORDS; i++) {
		assert_false(tree_has(h->dir, secrets[i]));
		/* Full text has them in small letters, a prefix once for several words. */
		assert_false(tree_has(
			h->dir, arena_strn(&h->arena, secrets[i] + 3, strlen(secrets[i]) - 5)));
	}
	assert_true(finds(h, "department", NULL) > 0);
	assert_int_equal(check(h, false, NULL), 0);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, house_setup, house_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_of_what_was_learnt_from_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
