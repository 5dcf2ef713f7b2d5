/* A workspace's second space: filled, swapped, kept, taken up again. */
#include "tests/unit/index/vector_recall.h"

static int tx_chunks(struct db *db, void *arg, struct err *err)
{
	char sql[600];
	int rc = db_exec(db,
		"INSERT INTO workspace(n, id, name, created_ms) VALUES (1, 'ws_1', 'w', 1);"
		"INSERT INTO collection(id, workspace_id, name, created_by, created_ms, "
		"deleted_ms) VALUES ('col_1', 'ws_1', 'c', 'operator', 1, NULL);"
		"INSERT INTO document(id, workspace_id, collection_id, name, created_by, "
		"created_ms)"
		" VALUES ('doc_1', 'ws_1', 'col_1', 'd', 'operator', 1);"
		"INSERT INTO document_version(id, workspace_id, document_id, seq, sha256, n_bytes,"
		" state, created_by, created_ms)"
		" VALUES ('ver_1', 'ws_1', 'doc_1', 1, '', 0, 'indexed', 'operator', 1);",
		err);

	snprintf(sql, sizeof(sql),
		"WITH RECURSIVE s(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i < %d)"
		"INSERT INTO chunk(id, workspace_n, slot, workspace_id, document_id, version_id,"
		" generation, seq, live, language, title, heading, page_first, page_last, "
		"byte_start,"
		" byte_end, n_tokens, text) SELECT 'chk_' || i, 1, i, 'ws_1', 'doc_1', 'ver_1', 1, "
		"i,"
		" i %% 10 > 0, 'en', '', '', 1, 1, 0, 0, 0, x'00' FROM s",
		*(const int *)arg - 1);
	return rc ? rc : db_exec(db, sql, err);
}

static int missing(struct fixture *f, int64_t space_n, int64_t from, int64_t *slots, int max)
{
	struct db *db = store_reader(f->store, &e);
	int n;

	assert_non_null(db);
	ok(vectors_missing(db, space_n, from, slots, max, &n, &e));
	store_reader_drop(db);
	return n;
}

static bool wants_training(struct fixture *f)
{
	struct db *db = store_reader(f->store, &e);
	bool wants;

	assert_non_null(db);
	wants = vectors_wants_training(f->v, db, WS);
	store_reader_drop(db);
	return wants;
}

static void test_swap(void **state)
{
	struct fixture *f = *state;
	struct embed_identity id = {
		.embedder = "builtin", .model = "carrel-terms-1", .dimension = TABLE_DIMENSION};
	struct vector_hit hits[5];
	struct allowed all = allow(400, every, 1);
	float *v = topical(&f->random, 400, TABLE_DIMENSION, 4);
	float zero[TABLE_DIMENSION] = {0};
	int64_t slots[400], filling, again;
	struct space old, fresh;
	struct db *db;
	int n = 400;

	ok(store_write(f->store, tx_chunks, &n, &e));
	ok(vectors_serving(f->v, WS, &old, &e));
	embedder_drop(old.embedder);
	ok(put(f, &old, 1, v, 1));
	assert_int_equal(missing(f, old.n, 0, slots, 400), 359); /* 360 live, one there */
	assert_int_equal(slots[0], 2);
	assert_int_equal(missing(f, old.n, 390, slots, 5), 5);
	assert_int_equal(slots[0], 391);
	assert_true(wants_training(f));

	ok(vectors_space_fill(f->v, WS, &id, NULL, 0, 0, &again, &e));
	ok(vectors_space_fill(f->v, WS, &id, "not a table", 11, 360, &filling, &e));
	assert_int_not_equal(again, filling);
	ok(vectors_space_fill(f->v, WS, &id, "not this either", 15, 400, &again, &e));
	assert_int_equal(again, filling);
	assert_int_equal(vectors_space_open(f->v, filling, &fresh, &e), ERR_CORRUPT);
	err_clear(&e);
	ok(vectors_space_fill(f->v, WS, &id, NULL, 0, 360, &filling, &e));
	assert_int_not_equal(again, filling);
	ok(vectors_space_open(f->v, filling, &fresh, &e));
	embedder_drop(fresh.embedder);
	assert_int_equal(vectors_space_swap(f->v, filling, &e), ERR_CONFLICT);
	assert_string_equal(e.reason, "vectors_missing");
	err_clear(&e);

	/* a zero vector counts as done */
	for (int i = 1; i < 400; i++) {
		ok(put_late(f, &fresh, i, i == 77 ? zero : v + (size_t)i * TABLE_DIMENSION,
			i % 10 ? 1 : 0));
	}
	assert_int_equal(missing(f, filling, 0, slots, 400), 0);
	ok(vectors_space_swap(f->v, filling, &e));
	ok(vectors_serving(f->v, WS, &fresh, &e));
	embedder_drop(fresh.embedder);
	assert_int_equal(fresh.n, filling);
	ok(vectors_search(f->v, &fresh, v + 399 * TABLE_DIMENSION, &all, 5, hits, &n, &e));
	assert_int_equal(n, 5);
	assert_int_equal(hits[0].slot, 399);
	/* one that was embedded in the old space still gets an answer there */
	ok(vectors_search(f->v, &old, v, &all, 5, hits, &n, &e));
	assert_int_equal(n, 1);
	assert_int_equal(put(f, &old, 2, v, 1), ERR_CONFLICT);
	err_clear(&e);
	db = store_reader(f->store, &e);
	assert_non_null(db);
	assert_int_equal(vectors_missing(db, old.n, 0, slots, 1, &n, &e), ERR_CONFLICT);
	store_reader_drop(db);
	err_clear(&e);
	assert_false(wants_training(f)); /* 360 were seen */
	reopen_low(f);
	ok(vectors_search(f->v, &fresh, v + 399 * TABLE_DIMENSION, &all, 5, hits, &n, &e));
	assert_int_equal(hits[0].slot, 399);
	bitmap_finish(&all.slots);
	free(v);
}

static const struct space_view *view_of(struct arena *a, struct fixture *f, int64_t space_n)
{
	struct db *db = store_reader(f->store, &e);
	struct space_view *views;
	int n;

	assert_non_null(db);
	ok(vectors_spaces(db, a, WS, &views, &n, &e));
	store_reader_drop(db);
	for (int i = 0; i < n; i++) {
		if (views[i].n == space_n) {
			return &views[i];
		}
	}
	return NULL;
}

static int tx_take_up(struct db *db, void *arg, struct err *err)
{
	return vectors_space_take_up(db, WS, ASIDE_KEPT, arg, err);
}

static int tx_take_up_waiting(struct db *db, void *arg, struct err *err)
{
	return vectors_space_take_up(db, WS, ASIDE_WAITING, arg, err);
}

static void fill_space(struct fixture *f, const char *model, const float *v, struct space *out)
{
	struct embed_identity id = {
		.embedder = "builtin", .model = "carrel-terms-1", .dimension = TABLE_DIMENSION};
	int64_t n;

	snprintf(id.answers_as, sizeof(id.answers_as), "%s", model);
	ok(vectors_space_fill(f->v, WS, &id, NULL, 0, 360, &n, &e));
	ok(vectors_space_open(f->v, n, out, &e));
	embedder_drop(out->embedder);
	for (int i = 1; i < 400; i++) {
		ok(put_late(f, out, i, v + (size_t)i * TABLE_DIMENSION, i % 10 ? 1 : 0));
	}
}

/* A way back: kept, purged with the rest, filled up before it serves again. */
static void test_kept_and_waiting(void **state)
{
	struct fixture *f = *state;
	float *v = topical(&f->random, 400, TABLE_DIMENSION, 4);
	struct allowed all = allow(400, every, 1);
	struct vector_hit hits[5];
	struct space old, fresh, other;
	int64_t kept, slot = 31, slots[400];
	struct arena a;
	int n = 400;

	arena_init(&a);
	ok(store_write(f->store, tx_chunks, &n, &e));
	ok(vectors_serving(f->v, WS, &old, &e));
	embedder_drop(old.embedder);
	for (int i = 1; i < 200; i++) {
		ok(put(f, &old, i, v + (size_t)i * TABLE_DIMENSION, i % 10 ? 1 : 0));
	}
	fill_space(f, "one", v, &fresh);
	/* searched beside the serving one */
	ok(vectors_space_load(f->v, fresh.n, &e));
	ok(vectors_search(f->v, &fresh, v + 399 * TABLE_DIMENSION, &all, 5, hits, &n, &e));
	assert_int_equal(hits[0].slot, 399);
	vectors_space_unload(f->v, fresh.n);
	ok(vectors_space_swap_keeping(f->v, fresh.n, &e));
	assert_string_equal(view_of(&a, f, old.n)->state, "kept");
	assert_string_equal(view_of(&a, f, fresh.n)->state, "serving");
	assert_int_equal(view_of(&a, f, old.n)->n_missing, 180);
	assert_int_equal(view_of(&a, f, old.n)->n_bytes, 180 * TABLE_DIMENSION * 2);
	/* who still embeds for it is told so, and a purge reaches it */
	assert_int_equal(put(f, &old, 2, v, 1), ERR_CONFLICT);
	err_clear(&e);
	ok(store_write(f->store, tx_remove, &slot, &e));
	assert_int_equal(view_of(&a, f, old.n)->n_vectors, 179);
	assert_int_equal(view_of(&a, f, fresh.n)->n_vectors, 359);
	/* another one is filled meanwhile and waits: the kept one is left alone */
	fill_space(f, "two", v, &other);
	ok(vectors_space_set_aside(f->v, other.n, ASIDE_WAITING, &e));
	ok(vectors_maintain(f->v, &e));
	assert_string_equal(view_of(&a, f, other.n)->state, "waiting");
	assert_string_equal(view_of(&a, f, old.n)->state, "kept");
	/* back: not before it is whole */
	ok(store_write(f->store, tx_take_up, &kept, &e));
	assert_int_equal(kept, old.n);
	assert_int_equal(vectors_space_swap_keeping(f->v, old.n, &e), ERR_CONFLICT);
	err_clear(&e);
	assert_int_equal(missing(f, old.n, 0, slots, 400), 181);
	for (int i = 0; i < 181; i++) {
		ok(put_late(f, &old, slots[i], v + (size_t)slots[i] * TABLE_DIMENSION, 1));
	}
	ok(vectors_space_swap_keeping(f->v, old.n, &e));
	assert_string_equal(view_of(&a, f, old.n)->state, "serving");
	assert_string_equal(view_of(&a, f, fresh.n)->state, "kept");
	ok(vectors_search(f->v, &old, v + 399 * TABLE_DIMENSION, &all, 5, hits, &n, &e));
	assert_int_equal(hits[0].slot, 399);
	/* dropped: no vector is left of either */
	ok(vectors_space_drop(f->v, WS, ASIDE_KEPT, &n, &e));
	assert_int_equal(n, 1);
	ok(vectors_space_drop(f->v, WS, ASIDE_WAITING, &n, &e));
	assert_int_equal(n, 1);
	ok(vectors_maintain(f->v, &e));
	assert_null(view_of(&a, f, fresh.n));
	assert_null(view_of(&a, f, other.n));
	assert_int_equal(store_write(f->store, tx_take_up, &kept, &e), ERR_NOT_FOUND);
	err_clear(&e);
	assert_int_equal(store_write(f->store, tx_take_up_waiting, &kept, &e), ERR_NOT_FOUND);
	err_clear(&e);
	reopen_low(f);
	ok(vectors_search(f->v, &old, v + 399 * TABLE_DIMENSION, &all, 5, hits, &n, &e));
	assert_int_equal(hits[0].slot, 399);
	bitmap_finish(&all.slots);
	arena_finish(&a);
	free(v);
}

/* What was swapped out stays in memory for late searches: no other space has its number. */
static void test_numbers_are_given_out_once(void **state)
{
	struct fixture *f = *state;
	struct embed_identity id = {
		.embedder = "builtin", .model = "carrel-terms-1", .dimension = TABLE_DIMENSION};
	int64_t fresh, kept, next;
	struct space old;
	struct arena a;

	arena_init(&a);
	ok(vectors_serving(f->v, WS, &old, &e));
	embedder_drop(old.embedder);
	ok(vectors_space_fill(f->v, WS, &id, NULL, 0, 0, &fresh, &e));
	ok(vectors_space_swap_keeping(f->v, fresh, &e));
	ok(store_write(f->store, tx_take_up, &kept, &e));
	ok(vectors_space_swap(f->v, kept, &e));
	assert_null(view_of(&a, f, fresh));
	ok(vectors_space_fill(f->v, WS, &id, NULL, 0, 0, &next, &e));
	assert_true(next > fresh);
	arena_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_swap),
		T(test_kept_and_waiting),
		T(test_numbers_are_given_out_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
