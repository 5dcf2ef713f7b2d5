/* A document of many chunks, of which a dictionary and the embedder's table were learnt, is purged:
 * no word or sentence of it is in any file. */
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

/* Of words that the other document has as well. */
static const char *const passages[] = {"offers needs approval for years", "offers needs approval",
	"needs approval for years", "Head of every department", "team keeps the head"};
#define N_PASSAGES (sizeof(passages) / sizeof(passages[0]))

static void publish_rearranged(struct house *h, const char *name, int n, struct upload_receipt *r)
{
	struct buf text = BUF_INIT;

	for (int i = 0; i < n; i++) {
		buf_printf(&text,
			"# Section %d\n\nThe team keeps the head of every purchase above %d euro,"
			" and the Head of every department that keeps the offers needs approval"
			" for years.\n\n",
			i, i * 13);
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

/* What stands for a passage that cannot be read with the eye: of its compressed text, of its
 * vector, of the blobs of its document, some bytes from the midst. */
#define N_FORMS 100
#define FORM_BYTES 20

struct forms {
	char bytes[N_FORMS][FORM_BYTES];
	int n;
};

static void add_form(struct forms *f, const char *p, size_t n_bytes)
{
	if (n_bytes >= FORM_BYTES && f->n < N_FORMS) {
		memcpy(f->bytes[f->n++], p + (n_bytes - FORM_BYTES) / 2, FORM_BYTES);
	}
}

static void add_blob(struct house *h, struct forms *f, const char *hash)
{
	struct buf b = BUF_INIT;

	fine(fs_read(arena_printf(&h->arena, "%s/blobs/%.2s/%s", h->dir, hash, hash), 1 << 30, &b,
		&house_err));
	add_form(f, b.data, b.len);
	buf_finish(&b);
}

static void note_forms(struct house *h, const struct id *document, struct forms *f)
{
	struct db *db = reader(h);
	struct stmt *q = db_stmt_named(db, "forms",
		"SELECT c.text, v.vector, d.blob_hash, d.text_hash FROM chunk c"
		" JOIN chunk_vector v ON v.slot = c.slot JOIN document_version d ON d.id ="
		" c.version_id WHERE c.document_id = ?1 AND c.slot % 5 = 0",
		&house_err);
	size_t n;

	f->n = 0;
	stmt_id(q, 1, document);
	while (stmt_step(q, &house_err) == 1) {
		const void *p = col_blob(q, 0, &n);

		if (f->n == 0) {
			add_blob(h, f, col_text(q, 2));
			add_blob(h, f, col_text(q, 3));
		}
		add_form(f, p, n);
		p = col_blob(q, 1, &n);
		add_form(f, p, n);
	}
	stmt_reset(q);
	store_reader_drop(db);
	assert_true(f->n > 50);
	for (int i = 0; i < f->n; i++) {
		assert_true(tree_has_bytes(h->dir, f->bytes[i], FORM_BYTES));
	}
}

static int64_t n_with_dictionary(struct house *h)
{
	return count(h, "SELECT count(*) FROM chunk WHERE dictionary_n NOT NULL");
}

static void no_sentence_of_words_that_others_have_is_left(void **state)
{
	struct house *h = *state;
	struct upload_receipt others, secret;
	struct forms forms;
	struct id job;

	fine(settings_set(&h->set, "chunk-tokens", "32", "test", &house_err));
	publish(h, "others.md", false, N_OTHERS, &others);
	publish_rearranged(h, "secret.md", N_SECRETS, &secret);
	fine(chunks_train_dictionary(h->ix->store, h->who.workspace_n, &house_err));
	fine(ingest_reembed(h->ix, &h->who.workspace, "builtin", "operator", &job, &house_err));
	run_all(h);
	fine(ingest_order_again(h->ix, "reindex", &others.document, &others.version, &house_err));
	fine(ingest_order_again(h->ix, "reindex", &secret.document, &secret.version, &house_err));
	run_all(h);
	assert_true(n_with_dictionary(h) > 300);
	fine(store_checkpoint(h->ix->store, &house_err));
	assert_true(tree_has(h->dir, passages[0]));
	note_forms(h, &secret.document, &forms);
	fine(ingest_delete(h->ix, &secret.document, "operator", &job, &house_err));
	run_all(h);
	for (size_t i = 0; i < N_PASSAGES; i++) {
		assert_false(tree_has(h->dir, passages[i]));
	}
	for (int i = 0; i < forms.n; i++) {
		assert_false(tree_has_bytes(h->dir, forms.bytes[i], FORM_BYTES));
	}
	/* What the others share is learnt anew, and they are compressed with it. */
	assert_true(tree_has(h->dir, "the approval of the head of department"));
	assert_int_equal(count(h, "SELECT count(*) FROM text_dictionary"), 1);
	assert_true(n_with_dictionary(h) > 200);
	assert_true(finds(h, "department", NULL) > 0);
	assert_int_equal(check(h, false, NULL), 0);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, house_setup, house_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_of_what_was_learnt_from_is_left),
		T(no_sentence_of_words_that_others_have_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
