/* Vectors over real chunks: publish, retrain, swap, and what `carrel check` finds and mends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "index/base/fs.h"
#include "index/base/log.h"
#include "index/catalog.h"
#include "index/chunks.h"
#include "index/embed.h"
#include "index/embed_table.h"
#include "index/index.h"
#include "index/vector_space.h"
#include "tests/unit/index/topics.h"

#define N_CHUNKS 330

struct fixture {
	char dir[256];
	struct settings set;
	struct index *ix;
	struct workspace ws;
	struct id document;
	struct arena a;
};

static struct err e;

static void ok(int rc)
{
	if (rc) {
		fail_msg("%s: %s", err_name(rc), e.message);
	}
}

static char *write_chunk(struct arena *a, uint64_t i)
{
	char *text = arena_printf(a, "Note %llu.", (unsigned long long)i);
	uint64_t s = i * 2654435761u;

	for (int w = 0; w < 14; w++) {
		s = s * UINT64_C(6364136223846793005) + 1442695040888963407u;
		text = arena_printf(a, "%s %s", text, topics[i % N_TOPICS][s >> 60 & 7]);
	}
	return text;
}

struct publish {
	struct fixture *f;
	struct publication p;
};

static int tx_publish(struct db *db, void *arg, struct err *err)
{
	struct publish *t = arg;
	struct blob_info blob = {"00", "00", 4};
	struct id collection;
	enum arrival arrival;
	int rc = collection_create(db, &t->f->ws.id, "notes", "operator", &collection, err);

	if (rc == 0) {
		rc = document_arrive(db, NULL, &t->f->ws.id, &collection, "notes.txt", &blob,
			"operator", &arrival, &t->p.document, &t->p.version, err);
	}
	t->f->document = t->p.document;
	return rc ? rc : chunks_publish(db, &t->p, err);
}

static void publish_notes(struct fixture *f)
{
	struct chunk *chunks = arena_array(&f->a, struct chunk, N_CHUNKS);
	struct embed_text texts[N_CHUNKS];
	struct publish t = {f, {.chunks = chunks, .n_chunks = N_CHUNKS}};
	struct space space;
	float *v;

	for (int i = 0; i < N_CHUNKS; i++) {
		chunks[i] = (struct chunk){.seq = i,
			.language = "en",
			.title = "",
			.heading = "",
			.text = write_chunk(&f->a, (uint64_t)i),
			.page_first = 1,
			.page_last = 1};
		texts[i] = (struct embed_text){.body = chunks[i].text, .language = "en"};
	}
	ok(vectors_serving(f->ix->vectors, f->ws.n, &space, &e));
	v = arena_array(&f->a, float, N_CHUNKS *(size_t)space.dimension);
	ok(embed(space.embedder, EMBED_DOCUMENT, texts, N_CHUNKS, v, NULL, NULL, NULL, &e));
	t.p.space_n = space.n;
	t.p.vectors = v;
	embedder_drop(space.embedder);
	ok(store_write(f->ix->store, tx_publish, &t, &e));
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");
	struct db *db;

	err_clear(&e);
	log_level_set(LOG_ERROR + 1);
	arena_init(&f->a);
	snprintf(f->dir, sizeof(f->dir), "%s/carrel-check-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	settings_init(&f->set);
	ok(settings_set(&f->set, "data", f->dir, "test", &e));
	ok(index_open(&f->set, &f->ix, &e));
	db = store_reader(f->ix->store, &e);
	assert_non_null(db);
	ok(workspace_by_name(db, &f->a, "default", &f->ws, &e));
	store_reader_drop(db);
	publish_notes(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	index_close(f->ix);
	settings_finish(&f->set);
	fs_remove_tree(f->dir);
	arena_finish(&f->a);
	free(f);
	return 0;
}

static int64_t wrong(struct fixture *f, bool repair)
{
	int64_t n = -1;

	ok(vectors_check(f->ix->vectors, repair, &n, &e));
	return n;
}

/* How many of the ten nearest notes to a word are of its topic. */
static int of_topic(struct fixture *f, int topic, const char *body)
{
	struct vectors *v = f->ix->vectors;
	struct allowed all = {.n_allowed = N_CHUNKS, .n_live = N_CHUNKS};
	struct embed_text text = {.body = body, .language = "en"};
	struct vector_hit hits[10];
	struct space space;
	float *query;
	int n, good = 0;

	bitmap_init(&all.slots);
	for (uint64_t i = 0; i < 1000; i++) {
		bitmap_set(&all.slots, i);
	}
	ok(vectors_serving(v, f->ws.n, &space, &e));
	query = arena_array(&f->a, float, (size_t)space.dimension);
	ok(embed(space.embedder, EMBED_QUERY, &text, 1, query, NULL, NULL, NULL, &e));
	ok(vectors_search(v, &space, query, &all, 10, hits, &n, &e));
	assert_int_equal(n, 10);
	for (int i = 0; i < n; i++) {
		good += hits[i].slot % N_TOPICS == topic;
	}
	embedder_drop(space.embedder);
	bitmap_finish(&all.slots);
	return good;
}

static int tx_break(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return db_exec(db,
		"UPDATE chunk_vector SET vector = x'0000' WHERE slot = 3;"
		"UPDATE chunk_vector SET vector = zeroblob(512) WHERE slot = 4;"
		"INSERT INTO chunk_vector SELECT space_n, 5000, vector FROM chunk_vector"
		" WHERE slot = 1;"
		"DELETE FROM chunk_vector WHERE slot BETWEEN 10 AND 19;"
		"INSERT INTO vector_segment(space_n, slot_from, slot_to, kind, metric, dimension,"
		" model, file, sha256) SELECT n, 0, 64, 'ivf', 'ip', 256, model, '../passwd', ''"
		" FROM vector_space",
		err);
}

static void test_check_and_repair(void **state)
{
	struct fixture *f = *state;
	char path[400];

	assert_int_equal(wrong(f, false), 0);
	ok(store_write(f->ix->store, tx_break, NULL, &e));
	snprintf(path, sizeof(path), "%s/vectors/stray.faiss.tmp", f->dir);
	ok(fs_replace(path, "x", 1, &e));
	assert_int_equal(wrong(f, false), 15);
	assert_int_equal(wrong(f, true), 0);
	assert_int_equal(wrong(f, false), 0);
	assert_false(fs_exists(path));
	assert_int_equal(of_topic(f, 1, "payroll salary bonus wage"), 10);
}

static void test_segment_damage_is_found(void **state)
{
	struct vector_tuning low = {.exact_allowed = 10,
		.exact_corpus = 20,
		.tail = 20,
		.segment_max = 100000,
		.n_probe = 8};
	struct fixture *f = *state;
	struct segment_rows rows;
	struct loaded_space *s;
	struct buf file = BUF_INIT;
	char path[400];

	vectors_tune(f->ix->vectors, &low);
	ok(vectors_maintain(f->ix->vectors, &e));
	assert_int_equal(wrong(f, false), 0);
	s = loaded_serving(f->ix->vectors, f->ws.n);
	ok(space_segments(f->ix->vectors, s, &f->a, &rows, &e));
	assert_int_equal(rows.n, 1);
	snprintf(path, sizeof(path), "%s/vectors/%s", f->dir, rows.items[0].file);
	ok(fs_read(path, 1 << 24, &file, &e));
	file.data[file.len / 2] ^= 1;
	ok(fs_replace(path, file.data, file.len, &e));
	assert_int_equal(wrong(f, false), 1);
	assert_int_equal(wrong(f, true), 0);
	ok(space_segments(f->ix->vectors, s, &f->a, &rows, &e));
	assert_int_equal(rows.n, 1);
	assert_false(fs_exists(path));
	assert_true(of_topic(f, 2, "battery voltage charger") == 10);
	buf_finish(&file);
	loaded_drop(s);
}

static const struct vector_tuning segments_soon = {
	.exact_allowed = 10, .exact_corpus = 20, .tail = 20, .segment_max = 100000, .n_probe = 8};

static void segment_path(struct fixture *f, char *path, size_t n)
{
	struct loaded_space *s = loaded_serving(f->ix->vectors, f->ws.n);
	struct segment_rows rows;

	ok(space_segments(f->ix->vectors, s, &f->a, &rows, &e));
	assert_int_equal(rows.n, 1);
	snprintf(path, n, "%s/vectors/%s", f->dir, rows.items[0].file);
	loaded_drop(s);
}

static void start_again(struct fixture *f)
{
	index_close(f->ix);
	ok(index_open(&f->set, &f->ix, &e));
	vectors_tune(f->ix->vectors, &segments_soon);
}

/* Found by the check, not served after a start, built anew, the same answers all the while. */
static void meets(struct fixture *f, const void *bytes, size_t n, const char *what)
{
	char path[400];

	segment_path(f, path, sizeof(path));
	ok(fs_replace(path, bytes, n, &e));
	if (wrong(f, false) != 1) {
		fail_msg("%s is not found", what);
	}
	start_again(f);
	assert_int_equal(of_topic(f, 2, "battery voltage charger"), 10);
	assert_int_equal(wrong(f, true), 0);
	ok(vectors_maintain(f->ix->vectors, &e));
	assert_int_equal(wrong(f, false), 0);
	assert_int_equal(of_topic(f, 2, "battery voltage charger"), 10);
}

static void test_a_segment_flipped_cut_or_old(void **state)
{
	struct fixture *f = *state;
	unsigned seed =
		getenv("SEED") ? (unsigned)strtoul(getenv("SEED"), NULL, 10) : (unsigned)time(NULL);
	struct buf file = BUF_INIT, old = BUF_INIT;
	char path[400];

	print_message("SEED=%u\n", seed);
	vectors_tune(f->ix->vectors, &segments_soon);
	ok(vectors_maintain(f->ix->vectors, &e));
	segment_path(f, path, sizeof(path));
	ok(fs_read(path, 1 << 24, &old, &e));
	old.data[old.len - 1] ^= 1; /* a good file once, but not the one that is named now */
	for (int i = 0; i < 6; i++) {
		size_t at;

		segment_path(f, path, sizeof(path));
		buf_clear(&file);
		ok(fs_read(path, 1 << 24, &file, &e));
		at = (size_t)rand_r(&seed) % file.len;
		file.data[at] = (char)(file.data[at] ^ (1 << (rand_r(&seed) % 8)));
		meets(f, file.data, file.len, "a flipped bit");
	}
	meets(f, file.data, 0, "an empty file");
	meets(f, file.data, 1 + (size_t)rand_r(&seed) % (file.len - 1), "a cut file");
	buf_char(&file, 'x');
	meets(f, file.data, file.len, "a file too long");
	meets(f, old.data, old.len, "another file");
	buf_finish(&file);
	buf_finish(&old);
}

static int tx_put_all(struct db *db, void *arg, struct err *err)
{
	const struct publication *p = arg;
	int rc = 0;

	for (int i = 0; rc == 0 && i < p->n_chunks; i++) {
		rc = vectors_put_late(db, p->space_n, p->chunks[i].slot,
			p->vectors + (size_t)i * TABLE_DIMENSION, TABLE_DIMENSION, err);
	}
	return rc;
}

/* What the re-embedding job does. */
static void fill(struct fixture *f, int64_t space_n)
{
	struct chunk chunks[64];
	struct embed_text texts[64];
	float v[64 * TABLE_DIMENSION];
	int64_t slot = 0;
	struct space space;
	int n;

	ok(vectors_space_open(f->ix->vectors, space_n, &space, &e));
	do {
		struct db *db = store_reader(f->ix->store, &e);
		struct publication p = {.chunks = chunks, .space_n = space_n, .vectors = v};

		assert_non_null(db);
		ok(chunks_scan(db, &f->a, f->ws.n, slot, 64, chunks, &n, &e));
		store_reader_drop(db);
		for (int i = 0; i < n; i++) {
			texts[i] = (struct embed_text){chunks[i].title, chunks[i].heading,
				chunks[i].text, chunks[i].language};
			slot = chunks[i].slot + 1;
		}
		ok(embed(space.embedder, EMBED_DOCUMENT, texts, n, v, NULL, NULL, NULL, &e));
		p.n_chunks = n;
		ok(store_write(f->ix->store, tx_put_all, &p, &e));
	} while (n == 64);
	embedder_drop(space.embedder);
}

/* A vector that no purge reached. */
static int tx_stray(struct db *db, void *arg, struct err *err)
{
	uint16_t halves[TABLE_DIMENSION] = {[0] = 0x3c00};
	struct stmt *q = db_stmt(db, &vector_sql, Q_VECTOR_PUT);

	stmt_int(q, 1, *(int64_t *)arg);
	stmt_int(q, 2, 900000);
	stmt_blob(q, 3, halves, sizeof(halves));
	return stmt_run(q, err);
}

static void check_kept(struct fixture *f, int64_t kept)
{
	assert_int_equal(wrong(f, false), 0);
	ok(store_write(f->ix->store, tx_stray, &kept, &e));
	assert_int_equal(wrong(f, false), 1);
	assert_int_equal(wrong(f, true), 0);
	assert_int_equal(wrong(f, false), 0);
}

static void test_retrain_and_swap(void **state)
{
	struct fixture *f = *state;
	struct embed_identity id;
	int64_t n_chunks, space_n;
	void *data;
	size_t n_bytes;
	int before = of_topic(f, 4, "glacier"), after;
	struct space former;

	ok(embed_train(f->ix->store, f->ws.n, NULL, &data, &n_bytes, &n_chunks, &e));
	assert_non_null(data);
	assert_int_equal(n_chunks, N_CHUNKS);
	ok(embed_identify(&f->set, "builtin", &id, &e));
	ok(vectors_space_fill(f->ix->vectors, f->ws.n, &id, data, n_bytes, n_chunks, &space_n, &e));
	free(data);
	assert_int_equal(vectors_space_swap(f->ix->vectors, space_n, &e), ERR_CONFLICT);
	err_clear(&e);
	fill(f, space_n);
	ok(vectors_serving(f->ix->vectors, f->ws.n, &former, &e));
	embedder_drop(former.embedder);
	ok(vectors_space_swap_keeping(f->ix->vectors, space_n, &e));
	check_kept(f, former.n);
	after = of_topic(f, 4, "glacier");
	print_message("of its topic: %d before, %d after\n", before, after);
	assert_int_equal(after, 10);
	assert_int_equal(wrong(f, false), 0);

	/* and after a start */
	index_close(f->ix);
	ok(index_open(&f->set, &f->ix, &e));
	assert_int_equal(of_topic(f, 4, "glacier"), 10);
}

static int tx_retire(struct db *db, void *arg, struct err *err)
{
	return chunks_retire_document(db, arg, err);
}

/* Between the reading of a chunk and the writing of its vector its document may go. */
static void test_gone_while_it_was_embedded(void **state)
{
	struct fixture *f = *state;
	struct chunk chunks[4];
	struct publication p = {.chunks = chunks};
	float v[4 * TABLE_DIMENSION] = {[0] = 1,
		[TABLE_DIMENSION] = 1,
		[2 * TABLE_DIMENSION] = 1,
		[3 * TABLE_DIMENSION] = 1};
	struct db *db = store_reader(f->ix->store, &e);
	struct space space;

	assert_non_null(db);
	ok(chunks_scan(db, &f->a, f->ws.n, 0, 4, chunks, &p.n_chunks, &e));
	store_reader_drop(db);
	assert_int_equal(p.n_chunks, 4);
	ok(vectors_serving(f->ix->vectors, f->ws.n, &space, &e));
	embedder_drop(space.embedder);
	p.space_n = space.n;
	p.vectors = v;
	ok(store_write(f->ix->store, tx_put_all, &p, &e));
	assert_int_equal(wrong(f, false), 0);
	ok(store_write(f->ix->store, tx_retire, &f->document, &e));
	ok(store_write(f->ix->store, tx_put_all, &p, &e));
	assert_int_equal(wrong(f, false), 0);
}

static bool wants_training(struct fixture *f)
{
	struct db *db = store_reader(f->ix->store, &e);
	bool wants;

	assert_non_null(db);
	wants = vectors_wants_training(f->ix->vectors, db, f->ws.n);
	store_reader_drop(db);
	return wants;
}

static int tx_old_table(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return db_exec(db,
		"UPDATE vector_space SET n_trained = 330,"
		" model_data = CAST('CRLEMBT1 and words' AS BLOB)",
		err);
}

static int tx_new_table(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return db_exec(db, "UPDATE vector_space SET model_data = CAST('CRLEMBT2' AS BLOB)", err);
}

/* A table that kept words is replaced though nothing has grown, and one that outlived its text. */
static void test_old_tables_are_replaced(void **state)
{
	struct fixture *f = *state;

	ok(store_write(f->ix->store, tx_old_table, NULL, &e));
	assert_true(wants_training(f));
	ok(store_write(f->ix->store, tx_new_table, NULL, &e));
	assert_false(wants_training(f));
	ok(store_write(f->ix->store, tx_retire, &f->document, &e));
	assert_true(wants_training(f));
}

/* … and is no way back: no purge would reach its words. */
static void test_old_tables_are_not_kept(void **state)
{
	struct fixture *f = *state;
	struct embed_identity id;
	int64_t space_n;
	struct space former;
	int n;

	ok(vectors_serving(f->ix->vectors, f->ws.n, &former, &e));
	embedder_drop(former.embedder);
	ok(store_write(f->ix->store, tx_old_table, NULL, &e));
	ok(embed_identify(&f->set, "builtin", &id, &e));
	ok(vectors_space_fill(f->ix->vectors, f->ws.n, &id, NULL, 0, 0, &space_n, &e));
	fill(f, space_n);
	ok(vectors_space_swap_keeping(f->ix->vectors, space_n, &e));
	ok(vectors_space_drop(f->ix->vectors, f->ws.n, ASIDE_KEPT, &n, &e));
	assert_int_equal(n, 0);
}

static void test_sample_of_chunks(void **state)
{
	struct fixture *f = *state;
	struct db *db = store_reader(f->ix->store, &e);
	int64_t slots[N_CHUNKS];
	int n;

	assert_non_null(db);
	ok(chunks_sample(db, f->ws.n, N_CHUNKS, slots, &n, &e));
	assert_int_equal(n, N_CHUNKS);
	for (int most = 1; most < N_CHUNKS; most += 7) {
		ok(chunks_sample(db, f->ws.n, most, slots, &n, &e));
		assert_int_equal(n, most);
		for (int i = 1; i < n; i++) {
			int64_t gap = slots[i] - slots[i - 1];

			assert_in_range(gap, N_CHUNKS / most, N_CHUNKS / most + 1);
		}
	}
	store_reader_drop(db);
}

static int tx_spoil_table(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return db_exec(db, "UPDATE vector_space SET model_data = x'00112233'", err);
}

static void test_spoilt_table_is_told(void **state)
{
	struct fixture *f = *state;
	struct space space;

	ok(store_write(f->ix->store, tx_spoil_table, NULL, &e));
	index_close(f->ix);
	ok(index_open(&f->set, &f->ix, &e));
	assert_int_equal(vectors_serving(f->ix->vectors, f->ws.n, &space, &e), ERR_CORRUPT);
	err_clear(&e);
}

static int64_t count_spaces(struct fixture *f)
{
	static const char *const sql[] = {"SELECT count(*) FROM vector_space"};
	static const struct sql_table table = {"tests/spaces", sql, 1};
	struct db *db = store_reader(f->ix->store, &e);
	struct stmt *q;
	int64_t n;

	assert_non_null(db);
	q = db_stmt(db, &table, 0);
	assert_int_equal(stmt_step(q, &e), 1);
	n = col_int(q, 0);
	stmt_reset(q);
	store_reader_drop(db);
	return n;
}

static void test_cancelled_training_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	int64_t n_chunks, n_spaces = count_spaces(f);
	atomic_bool cancel = true;
	void *data = f;
	size_t n_bytes;

	assert_int_equal(
		embed_train(f->ix->store, f->ws.n, &cancel, &data, &n_bytes, &n_chunks, &e),
		ERR_CANCELLED);
	err_clear(&e);
	assert_null(data);
	assert_int_equal(n_bytes, 0);
	assert_int_equal(count_spaces(f), n_spaces);
	assert_int_equal(wrong(f, false), 0);
}

static void test_too_few_to_train(void **state)
{
	struct fixture *f = *state;
	int64_t n_chunks;
	size_t n_bytes;
	void *data;

	ok(embed_train(f->ix->store, f->ws.n + 1, NULL, &data, &n_bytes, &n_chunks, &e));
	assert_null(data);
	assert_int_equal(n_chunks, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_check_and_repair),
		TEST(test_segment_damage_is_found),
		TEST(test_a_segment_flipped_cut_or_old),
		TEST(test_retrain_and_swap),
		TEST(test_gone_while_it_was_embedded),
		TEST(test_old_tables_are_replaced),
		TEST(test_old_tables_are_not_kept),
		TEST(test_sample_of_chunks),
		TEST(test_spoilt_table_is_told),
		TEST(test_cancelled_training_leaves_nothing),
		TEST(test_too_few_to_train),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
