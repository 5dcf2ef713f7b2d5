/* Chunks: published, retired, purged, in step with both indexes. */
#include <ctype.h>
#include <zdict.h>

#include "index/fts_postings.h"
#include "tests/unit/index/world.h"

#include <dirent.h>

#include "index/base/settings.h"
#include "index/chunk_dictionary.h"
#include "index/vector.h"

/* ── places ── */

static void test_boxes_come_back(void **state)
{
	struct box in[3] = {
		{1, 1.5f, 2, 30, 4, 0, 10}, {2, 0, 0, 0, 0, 10, 10}, {900, 1, 1, 2, 2, 10, 99}};
	struct box *out;
	struct buf b = BUF_INIT;
	struct arena a;
	int n;

	(void)state;
	arena_init(&a);
	boxes_pack(in, 3, &b);
	assert_int_equal(boxes_unpack(b.data, b.len, &a, &out, &n, NULL), 0);
	assert_int_equal(n, 3);
	assert_memory_equal(in, out, sizeof(in));
	for (size_t cut = 0; cut < b.len; cut++) {
		assert_int_equal(boxes_unpack(b.data, cut, &a, &out, &n, NULL), ERR_CORRUPT);
	}
	buf_char(&b, 0);
	assert_int_equal(boxes_unpack(b.data, b.len, &a, &out, &n, NULL), ERR_CORRUPT);
	b.data[0] = 9;
	assert_int_equal(boxes_unpack(b.data, b.len - 1, &a, &out, &n, NULL), ERR_CORRUPT);
	buf_clear(&b);
	boxes_pack(&(struct box){0, 1, 1, 2, 2, 0, 1}, 1, &b);
	assert_int_equal(boxes_unpack(b.data, b.len, &a, &out, &n, NULL), ERR_CORRUPT);
	buf_clear(&b);
	boxes_pack(NULL, 0, &b);
	assert_int_equal(boxes_unpack(b.data, b.len, &a, &out, &n, NULL), 0);
	assert_int_equal(n, 0);
	buf_finish(&b);
	arena_finish(&a);
}

/* ── publishing ── */

static int load_one(struct world *w, int64_t slot, bool with_text, struct chunk *out)
{
	struct db *db = reader(w);
	struct asker who = operator_of(w, db);

	fine(chunks_load(db, &w->arena, &who, &slot, 1, with_text, out, &world_err));
	store_reader_drop(db);
	return out->slot >= 0;
}

static int open_one(struct world *w, const struct id *id, struct chunk *out)
{
	struct db *db = reader(w);
	struct asker who = operator_of(w, db);
	int rc = chunk_open(db, &w->arena, &who, id, out, NULL);

	store_reader_drop(db);
	return rc;
}

static void test_a_chunk_comes_back_as_it_went_in(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "c", "operator");
	struct arrived in = add_document(w, &c, "folder/d.pdf", "de", "Die Häuser\nder Stadt");
	struct chunk got, again;

	assert_true(load_one(w, 0, true, &got));
	assert_string_equal(got.text, "Die Häuser\nder Stadt");
	assert_string_equal(got.language, "de");
	assert_string_equal(got.document_name, "folder/d.pdf");
	assert_true(id_equal(&got.document, &in.document));
	assert_true(id_equal(&got.version, &in.version));
	assert_true(id_equal(&got.collection, &c));
	assert_int_equal(got.page_first, 1);
	assert_int_equal(got.byte_end, 99);
	assert_int_equal(got.n_boxes, 1);
	assert_true(got.boxes[0].x1 == 300);
	assert_int_equal(got.generation, 1);
	assert_true(got.live);
	assert_int_equal(open_one(w, &got.id, &again), 0);
	assert_string_equal(again.text, got.text);
	assert_true(load_one(w, 0, false, &got));
	assert_string_equal(got.text, "");
	assert_false(load_one(w, 1, true, &got));
	assert_false(load_one(w, -5, true, &got));
	assert_int_equal(open_one(w, &in.document, &got), ERR_NOT_FOUND);
}

static void test_a_new_version_replaces_and_keeps(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "c", "operator");
	struct chunk old, got;
	struct arrived v1, v2;
	struct version row;
	struct db *db;

	v1 = add_document(w, &c, "d", "en", "the copper price");
	assert_true(load_one(w, 0, true, &old));
	v2 = add_document(w, &c, "d", "en", "the silver price");
	assert_int_equal(v2.arrival, ARRIVAL_VERSION);
	assert_true(id_equal(&v1.document, &v2.document));
	assert_int_equal(finds(w, "copper", "en"), 0);
	assert_int_equal(finds(w, "silver", "en"), 1);
	assert_false(load_one(w, 0, true, &got));
	assert_true(load_one(w, 1, true, &got));
	/* The citation still opens what it quoted. */
	assert_int_equal(open_one(w, &old.id, &got), 0);
	assert_string_equal(got.text, "the copper price");
	assert_false(got.live);
	db = reader(w);
	fine(version_lookup(db, &w->arena, &v1.version, &row, &world_err));
	assert_string_equal(row.state, "superseded");
	fine(version_lookup(db, &w->arena, &v2.version, &row, &world_err));
	assert_string_equal(row.state, "indexed");
	assert_int_equal(chunks_live_count(db, w->workspace_n), 1);
	store_reader_drop(db);
	/* A late older version does not come back. */
	assert_int_equal(publish(w, &v1, "en", (const char *[]){"again copper"}, 1), ERR_CANCELLED);
	assert_int_equal(finds(w, "copper", "en"), 0);
	fine(work(w, (struct work){.which = W_CHECK, .n = w->workspace_n}));
}

static void test_reindexing_sweeps_what_no_citation_names(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "c", "operator"),
		  user = add_user(w, &w->workspace, ROLE_MEMBER);
	struct arrived in = arrive(w, &c, "d", "bytes");
	const char *texts[] = {"first part", "second part", "third part"};
	struct chunk old[3], got;

	fine(publish(w, &in, "en", texts, 3));
	for (int i = 0; i < 3; i++) {
		assert_true(load_one(w, i, true, &old[i]));
	}
	exec_sql(w, "INSERT INTO conversation VALUES ('conv_1', '%s', '%s', 't', 1, 1, NULL)",
		w->workspace.s, user.s);
	exec_sql(w,
		"INSERT INTO run (id, workspace_id, conversation_id, turn_seq, user_id, state, "
		"created_ms) VALUES ('run_1', '%s', 'conv_1', 1, '%s', 'completed', 1), "
		"('run_2', '%s', 'conv_1', 2, '%s', 'streaming', 1)",
		w->workspace.s, user.s, w->workspace.s, user.s);
	exec_sql(w,
		"INSERT INTO citation VALUES ('run_1', 1, '%s', 1, '%s', '%s', '%s', 1, NULL, 'q', "
		"0, 1, 'verified', 'iv')",
		w->workspace.s, in.document.s, in.version.s, old[1].id.s);
	exec_sql(w,
		"INSERT INTO run_source VALUES ('run_2', 1, '%s', '%s', '%s', '%s', '[\"%s\"]')",
		w->workspace.s, in.document.s, in.version.s, old[2].id.s, old[2].id.s);
	fine(publish(w, &in, "en", texts, 3));
	fine(work(w, (struct work){.which = W_SWEEP, .a = &in.version}));
	assert_int_equal(open_one(w, &old[0].id, &got), ERR_NOT_FOUND);
	assert_int_equal(open_one(w, &old[1].id, &got), 0);
	assert_int_equal(open_one(w, &old[2].id, &got), 0);
	assert_true(load_one(w, 3, true, &got));
	assert_int_equal(got.generation, 2);
	assert_int_equal(finds(w, "part", "en"), 3);
}

static void test_odd_languages_and_text(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "c", "operator");
	struct arrived in;
	struct chunk got;

	add_document(w, &c, "a", "zh-Hant-TW", "copper");
	assert_true(load_one(w, 0, true, &got));
	assert_string_equal(got.language, "");
	add_document(w, &c, "b", "de-CH", "Die H\xc3\xa4user \xff\xfe kaputt \x1f zinc");
	assert_int_equal(finds(w, "Haus", "de"), 1);
	assert_int_equal(finds(w, "zinc", "en"), 1);
	in = add_document(w, &c, "c", "en", "");
	fine(work(w, (struct work){.which = W_CHECK, .n = w->workspace_n}));
	fine(work(w, (struct work){.which = W_DELETE, .a = &in.document}));
	add_document(w, &c, "a", "en", "silver");
	add_document(w, &c, "b", "en", "silver");
	assert_int_equal(finds(w, "copper zinc haus kaputt", "de"), 0);
	fine(work(w, (struct work){.which = W_CHECK, .n = w->workspace_n}));
}

static void test_no_text_is_a_state(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "c", "operator");
	struct arrived in = arrive(w, &c, "scan.pdf", "x");
	struct version row;
	struct db *db;

	fine(publish(w, &in, "", NULL, 0));
	db = reader(w);
	fine(version_lookup(db, &w->arena, &in.version, &row, &world_err));
	assert_string_equal(row.state, "no_text");
	store_reader_drop(db);
}

static void test_a_deleted_document_is_cancelled(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "c", "operator");
	struct arrived in = arrive(w, &c, "d", "x");
	const char *text = "late";

	fine(work(w, (struct work){.which = W_DELETE, .a = &in.document}));
	assert_int_equal(publish(w, &in, "en", &text, 1), ERR_CANCELLED);
	in = arrive(w, &c, "e", "y");
	fine(work(w, (struct work){.which = W_COLLECTION_DELETE, .a = &c}));
	assert_int_equal(publish(w, &in, "en", &text, 1), ERR_CANCELLED);
	assert_int_equal(finds(w, "late", "en"), 0);
}

static void test_neighbours_and_scan(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "c", "operator");
	struct arrived in = arrive(w, &c, "d", "x");
	const char *texts[] = {"one", "two", "three", "four", "five"};
	int64_t slots[8];
	struct chunk got, all[8];
	struct db *db;
	int n;

	add_document(w, &c, "before", "en", "zero");
	fine(publish(w, &in, "en", texts, 5));
	assert_true(load_one(w, 3, false, &got));
	assert_int_equal(got.seq, 2);
	db = reader(w);
	fine(chunks_neighbours(db, &got, 1, 1, slots, 8, &n, &world_err));
	assert_int_equal(n, 3);
	assert_int_equal(slots[0], 2);
	assert_int_equal(slots[2], 4);
	fine(chunks_neighbours(db, &got, 9, 9, slots, 8, &n, &world_err));
	assert_int_equal(n, 5);
	fine(chunks_neighbours(db, &got, 9, 9, slots, 2, &n, &world_err));
	assert_int_equal(n, 2);
	fine(chunks_scan(db, &w->arena, w->workspace_n, 2, 3, all, &n, &world_err));
	assert_int_equal(n, 3);
	assert_int_equal(all[0].slot, 2);
	assert_string_equal(all[2].text, "four");
	fine(chunks_scan(db, &w->arena, w->workspace_n, 6, 3, all, &n, &world_err));
	assert_int_equal(n, 0);
	store_reader_drop(db);
}

/* ── vectors ── */

static void test_vectors_go_with_their_chunks(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "c", "operator");
	struct arrived in = arrive(w, &c, "d", "x");
	struct settings set;
	struct vectors *vectors;
	struct space space;
	struct chunk chunk = {.language = "en", .text = "copper", .page_first = 1, .page_last = 1};
	struct vector_hit hits[4];
	struct publication p;
	struct asker who;
	struct allowed *allowed;
	struct db *db;
	float *v, score;
	int n;

	settings_init(&set);
	fine(vectors_open(w->store, w->dir, &set, &vectors, &world_err));
	fine(vectors_serving(vectors, w->workspace_n, &space, &world_err));
	v = calloc((size_t)space.dimension, sizeof(*v));
	assert_non_null(v);
	v[3] = 1;
	p = (struct publication){.document = in.document,
		.version = in.version,
		.chunks = &chunk,
		.n_chunks = 1,
		.space_n = space.n,
		.vectors = v};
	fine(work(w, (struct work){.which = W_PUBLISH, .a = &p}));
	db = reader(w);
	who = operator_of(w, db);
	allowed = acl_allowed(w->acl, &who, NULL, 0, NULL);
	fine(vectors_search(vectors, &space, v, allowed, 4, hits, &n, &world_err));
	assert_int_equal(n, 1);
	assert_true(hits[0].cosine > .99f);
	acl_allowed_drop(allowed);
	store_reader_drop(db);
	p.space_n += 1000;
	assert_int_equal(work(w, (struct work){.which = W_PUBLISH, .a = &p}), ERR_CONFLICT);
	assert_int_equal(finds(w, "copper", "en"), 1); /* nothing was changed by it */
	fine(work(w, (struct work){.which = W_DELETE, .a = &in.document}));
	db = reader(w);
	allowed = acl_allowed(w->acl, &who, NULL, 0, NULL);
	assert_int_equal(allowed->n_allowed, 0);
	acl_allowed_drop(allowed);
	fine(vectors_score(vectors, &space, v, (int64_t[]){0}, 1, &score, &world_err));
	assert_true(score != score); /* NAN: it is gone */
	store_reader_drop(db);
	free(v);
	embedder_drop(space.embedder);
	world_close(w);
	vectors_close(vectors);
	settings_finish(&set);
	world_reopen(w);
}

static int n_segments(struct world *w)
{
	struct db *db = reader(w);
	struct postings_index x;

	fine(postings_segments(db, &w->arena, w->workspace_n, &x, &world_err));
	store_reader_drop(db);
	return x.n_segments;
}

/* What is published together is one segment of the full-text index, not one a chunk. */
static void test_a_document_is_one_segment(void **state)
{
	enum { N = 8 };
	struct world *w = *state;
	struct id c = add_collection(w, "c", "operator");
	struct arrived in = arrive(w, &c, "d", "x");
	struct chunk chunks[N];
	struct settings set;
	struct vectors *vectors;
	struct space space;
	struct publication p = {
		.document = in.document, .version = in.version, .chunks = chunks, .n_chunks = N};
	float *v;

	for (int i = 0; i < N; i++) {
		chunks[i] = (struct chunk){.seq = i,
			.language = "en",
			.text = i % 2 ? "copper and tin" : "tin",
			.page_first = 1,
			.page_last = 1};
	}
	settings_init(&set);
	fine(vectors_open(w->store, w->dir, &set, &vectors, &world_err));
	fine(vectors_serving(vectors, w->workspace_n, &space, &world_err));
	v = calloc((size_t)space.dimension * N, sizeof(*v));
	assert_non_null(v);
	p.space_n = space.n;
	p.vectors = v;
	fine(work(w, (struct work){.which = W_PUBLISH, .a = &p}));
	assert_int_equal(n_segments(w), 1);
	assert_int_equal(finds(w, "copper", "en"), N / 2);
	/* Once more: the former chunks leave, the new ones come. */
	fine(work(w, (struct work){.which = W_PUBLISH, .a = &p}));
	assert_in_range(n_segments(w), 1, 3);
	assert_int_equal(finds(w, "copper", "en"), N / 2);
	free(v);
	embedder_drop(space.embedder);
	world_close(w);
	vectors_close(vectors);
	settings_finish(&set);
	world_reopen(w);
}

/* ── dictionary and purge ── */

static int count_of(struct world *w, const char *sql_text)
{
	int n = 0;
	struct db *db = reader(w);
	char key[32];
	struct stmt *q;

	snprintf(key, sizeof(key), "%zx", (size_t)hash64(sql_text, strlen(sql_text)));
	q = db_stmt_named(db, key, sql_text, &world_err);

	assert_non_null(q);
	assert_int_equal(stmt_step(q, &world_err), 1);
	n = (int)col_int(q, 0);
	stmt_reset(q);
	store_reader_drop(db);
	return n;
}

/* How many files of the data folder have the word in them. */
static int files_with(struct world *w, const char *word)
{
	DIR *dir = opendir(w->dir);
	struct dirent *entry;
	int found = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		struct buf b = BUF_INIT;
		char path[600];

		snprintf(path, sizeof(path), "%s/%s", w->dir, entry->d_name);
		if (strncmp(entry->d_name, "carrel.db", 9) == 0 &&
			strcmp(entry->d_name, "carrel.db-shm") != 0) {
			fine(fs_read(path, 1 << 30, &b, &world_err));
			found += b.len && memmem(b.data, b.len, word, strlen(word)) != NULL;
		}
		buf_finish(&b);
	}
	closedir(dir);
	return found;
}

static void fill(struct world *w, const struct id *c, int n)
{
	const char *texts[400];
	struct arrived in = arrive(w, c, "bulk", "bulk bytes");

	assert_true(n <= 400);
	for (int i = 0; i < n; i++) {
		texts[i] = arena_printf(&w->arena,
			"Section %d of the procurement policy. Every purchase above %d EUR needs "
			"the approval "
			"of the head of department and of the purchasing team, who keep the offers "
			"for %d "
			"years. Exceptions are granted in writing only; see article %d of the "
			"handbook.",
			i, i * 13, i % 9, i * 7);
	}
	fine(publish(w, &in, "en", texts, n));
}

static void test_dictionary_is_trained_and_read(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "c", "operator");
	struct chunk got;

	fine(chunks_train_dictionary(w->store, w->workspace_n, &world_err));
	fill(w, &c, 300);
	fine(chunks_train_dictionary(w->store, w->workspace_n, &world_err));
	assert_int_equal(count_of(w, "SELECT count(*) FROM text_dictionary"), 1);
	fine(chunks_train_dictionary(w->store, w->workspace_n, &world_err));
	assert_int_equal(count_of(w, "SELECT count(*) FROM text_dictionary"), 1);
	add_document(w, &c, "d", "en",
		"Every purchase above 40 EUR needs the approval of the head of "
		"department and of the purchasing team.");
	assert_int_equal(
		count_of(w, "SELECT count(*) FROM chunk WHERE dictionary_n IS NOT NULL"), 1);
	assert_true(
		count_of(w, "SELECT length(text) FROM chunk WHERE dictionary_n IS NOT NULL") < 60);
	world_reopen(w);
	assert_true(load_one(w, 300, true, &got));
	assert_non_null(strstr(got.text, "above 40 EUR"));
	assert_true(load_one(w, 7, true, &got));
	fine(work(w, (struct work){.which = W_REBUILD, .n = w->workspace_n}));
	fine(work(w, (struct work){.which = W_CHECK, .n = w->workspace_n}));
	assert_int_equal(finds(w, "purchasing", "en"), 100); /* the limit of the search */
}

static int goes_on_never(void *arg, struct err *e)
{
	(void)arg;
	return err_set(e, ERR_CANCELLED, "cancelled", "stop");
}

static void test_purge_leaves_no_word(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "c", "operator");
	const char *texts[200];
	struct arrived in;
	struct chunk got;

	fill(w, &c, 50);
	/* So much of the secret that the dictionary is bound to hold some of it. */
	in = arrive(w, &c, "d", "x");
	for (int i = 0; i < 200; i++) {
		texts[i] = arena_printf(&w->arena,
			"The zirconquux project is led by Evangelineova %d and "
			"its merger partner is Brontosaurus Holdings of place %d.",
			i, i * 31);
	}
	fine(publish(w, &in, "en", texts, 200));
	fine(chunks_train_dictionary(w->store, w->workspace_n, &world_err));
	add_document(w, &c, "last", "en", "The zinc project is led by nobody.");
	assert_int_equal(count_of(w, "SELECT count(*) FROM text_dictionary "
				     "WHERE instr(bytes, CAST('zirconquux' AS BLOB)) > 0"),
		1);
	fine(store_checkpoint(w->store, &world_err));
	assert_true(files_with(w, "zirconquux") > 0);
	assert_true(files_with(w, "Evangelineova") > 0);

	assert_int_equal(work(w, (struct work){.which = W_PURGE, .a = &in.document}), ERR_CONFLICT);
	fine(work(w, (struct work){.which = W_DELETE, .a = &in.document}));
	assert_int_equal(finds(w, "zirconquux", "en"), 0);
	fine(work(w, (struct work){.which = W_PURGE, .a = &in.document}));
	world_reopen(w); /* a power failure here leaves the rest to chunks_forget all the same */
	/* Stopped, as by a kill, before the dictionary is gone; nothing is given it meanwhile. */
	assert_int_equal(chunks_forget(w->store, w->workspace_n, goes_on_never, NULL, &world_err),
		ERR_CANCELLED);
	err_clear(&world_err);
	assert_int_equal(count_of(w, "SELECT count(*) FROM text_dictionary"), 1);
	add_document(w, &c, "meanwhile", "en", "A note on zinc.");
	assert_int_equal(
		count_of(w, "SELECT count(*) FROM chunk WHERE dictionary_n IS NOT NULL"), 1);
	fine(chunks_forget(w->store, w->workspace_n, NULL, NULL, &world_err));
	fine(fts_forget(w->store, w->workspace_n, NULL, NULL, &world_err));
	fine(store_checkpoint(w->store, &world_err));
	assert_int_equal(files_with(w, "zirconquux"), 0);
	assert_int_equal(files_with(w, "Evangelineova"), 0);
	assert_int_equal(files_with(w, "Brontosaurus"), 0);
	assert_int_equal(files_with(w, "brontosaurus"), 0);
	assert_int_equal(count_of(w, "SELECT count(*) FROM text_dictionary"), 0);
	assert_int_equal(finds(w, "nobody led", "en"), 1);
	assert_true(load_one(w, 250, true, &got));
	assert_string_equal(got.text, "The zinc project is led by nobody.");
	fine(work(w, (struct work){.which = W_CHECK, .n = w->workspace_n}));
}

/* What a dictionary adds to its entropy tables: pieces of the samples. */
static char *dictionary_content(struct world *w, size_t *n_bytes)
{
	struct db *db = reader(w);
	struct stmt *q = db_stmt_named(
		db, "dictionary bytes", "SELECT bytes FROM text_dictionary", &world_err);
	const char *p;
	char *out;
	size_t n, n_head;

	assert_non_null(q);
	assert_int_equal(stmt_step(q, &world_err), 1);
	p = col_blob(q, 0, &n);
	n_head = ZDICT_getDictHeaderSize(p, n);
	assert_false(ZDICT_isError(n_head));
	*n_bytes = n - n_head;
	out = arena_copy(&w->arena, p + n_head, *n_bytes);
	stmt_reset(q);
	store_reader_drop(db);
	return out;
}

#define N_PHRASES 64
#define PHRASE_WORDS 5

/* Phrases of five words, of which each text has some and a number of its own between each two. */
static char *text_of_phrases(struct world *w, int i, uint64_t *s)
{
	char *text = arena_printf(&w->arena, "Report %d", i);

	for (int k = 0; k < 12; k++) {
		*s = *s * UINT64_C(6364136223846793005) + 1442695040888963407u;
		for (int n = 0; n < PHRASE_WORDS; n++) {
			text = arena_printf(&w->arena, "%s w%c%ccordxyz", text,
				'a' + (int)(*s >> 58) % N_PHRASES % 16, 'a' + n);
		}
		text = arena_printf(&w->arena, "%s %d", text, i * 100 + k);
	}
	return text;
}

static int texts_with(const char *const *texts, int n, const char *passage)
{
	int found = 0;

	for (int i = 0; i < n; i++) {
		found += strstr(texts[i], passage) != NULL;
	}
	return found;
}

/* Of each run, whatever three words follow each other; words are not cut. */
static int shared_windows(struct world *w, const char *run, const char *const *texts, int n)
{
	const char *words[4] = {NULL};
	int n_windows = 0;

	for (const char *p = run; *p;) {
		const char *end = p + strcspn(p, " ");

		memmove(words, words + 1, sizeof(words) - sizeof(words[0]));
		words[3] = p;
		if (words[1]) {
			char *window =
				arena_printf(&w->arena, " %.*s ", (int)(end - words[1]), words[1]);

			assert_true(texts_with(texts, n, window) >= 2);
			n_windows++;
		}
		p = end + strspn(end, " ");
	}
	return n_windows;
}

static void test_dictionary_holds_what_two_share(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "c", "operator");
	const char *texts[200];
	struct arrived in = arrive(w, &c, "d", "x");
	char *content;
	size_t n_bytes;
	int n_windows = 0;
	uint64_t s = 7;

	for (int i = 0; i < 200; i++) {
		texts[i] = text_of_phrases(w, i, &s);
	}
	fine(publish(w, &in, "en", texts, 200));
	fine(chunks_train_dictionary(w->store, w->workspace_n, &world_err));
	content = dictionary_content(w, &n_bytes);
	assert_int_equal(content[n_bytes - 1], '\0');
	for (char *run = content; run < content + n_bytes; run += strlen(run) + 1) {
		n_windows += shared_windows(w, run, texts, 200);
	}
	assert_true(n_windows > 30);
}

static void purge(struct world *w, const struct id *document)
{
	fine(work(w, (struct work){.which = W_DELETE, .a = document}));
	fine(work(w, (struct work){.which = W_PURGE, .a = document}));
	fine(chunks_forget(w->store, w->workspace_n, NULL, NULL, &world_err));
}

/* Of a hundred documents, what one has in both of its chunks is kept out, so that the dictionary
 * outlasts it. */
static void test_a_dictionary_outlasts_a_document(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "c", "operator");
	struct arrived in[120];
	char *content;
	size_t n_bytes;

	for (int i = 0; i < 120; i++) {
		const char *texts[2];

		for (int k = 0; k < 2; k++) {
			texts[k] = arena_printf(&w->arena,
				"Clause %d: what was agreed between the parties is kept by both"
				" for ten years. The plan of Zirconquux%dia is not for all.",
				k, i);
		}
		in[i] = arrive(w, &c, arena_printf(&w->arena, "d%d", i),
			arena_printf(&w->arena, "bytes %d", i));
		fine(publish(w, &in[i], "en", texts, 2));
	}
	fine(chunks_train_dictionary(w->store, w->workspace_n, &world_err));
	content = dictionary_content(w, &n_bytes);
	assert_non_null(memmem(content, n_bytes, "parties is kept", 15));
	assert_null(memmem(content, n_bytes, "irconquu", 8));
	for (int i = 0; i < 118; i++) {
		purge(w, &in[i].document);
		assert_int_equal(count_of(w, "SELECT n_retired FROM text_dictionary"), 2 + 2 * i);
	}
	assert_int_equal(count_of(w, "SELECT count(*) FROM text_dictionary"), 1);
	purge(w, &in[118].document);
	purge(w, &in[119].document);
	assert_int_equal(count_of(w, "SELECT count(*) FROM text_dictionary"), 0);
}

static void test_purged_while_a_dictionary_is_trained(void **state)
{
	struct world *w = *state;
	struct id c = add_collection(w, "c", "operator");
	const char *texts[200];
	struct arrived in = arrive(w, &c, "d", "x");
	struct training *t;

	fill(w, &c, 50);
	for (int i = 0; i < 200; i++) {
		texts[i] = arena_printf(&w->arena,
			"The zirconquux project is led by Evangelineova %d, of place %d.", i, i);
	}
	fine(publish(w, &in, "en", texts, 200));
	fine(training_begin(w->store, w->workspace_n, &t, &world_err));
	fine(work(w, (struct work){.which = W_DELETE, .a = &in.document}));
	fine(work(w, (struct work){.which = W_PURGE, .a = &in.document}));
	fine(fts_forget(w->store, w->workspace_n, NULL, NULL, &world_err));
	fine(training_end(w->store, t, &world_err));
	fine(store_checkpoint(w->store, &world_err));
	assert_int_equal(count_of(w, "SELECT count(*) FROM text_dictionary"), 0);
	assert_int_equal(files_with(w, "zirconquux"), 0);
	assert_int_equal(files_with(w, "Evangelineova"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_boxes_come_back),
		T(test_a_chunk_comes_back_as_it_went_in),
		T(test_a_new_version_replaces_and_keeps),
		T(test_reindexing_sweeps_what_no_citation_names),
		T(test_odd_languages_and_text),
		T(test_no_text_is_a_state),
		T(test_a_deleted_document_is_cancelled),
		T(test_neighbours_and_scan),
		T(test_vectors_go_with_their_chunks),
		T(test_a_document_is_one_segment),
		T(test_dictionary_is_trained_and_read),
		T(test_purge_leaves_no_word),
		T(test_dictionary_holds_what_two_share),
		T(test_a_dictionary_outlasts_a_document),
		T(test_purged_while_a_dictionary_is_trained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
