/*
 * Whatever is derived may be damaged: flipped, cut, extended, swapped, an older one put back,
 * removed, made unreadable, a folder in its place. It is found, made again from what is sacred, and
 * the same questions find the same. SEED chooses the places, and what is damaged; all of it is,
 * with DAMAGES=1, in `make fault`.
 */
#include "tests/unit/ingest/house.h"

#include <sqlite3.h>
#include <time.h>

#include "index/embed.h"
#include "index/vector_space.h"

/* A dictionary is trained at 200 chunks and anew at four times as many, a table at 300 and at half
 * as many more; a block of the vectors' file is written when its 512 slots are full. So after the
 * third the dictionary is trained anew, the fourth is compressed with it, and the table is trained
 * on all four. */
#define FIRST 330
#define SECOND 700
#define THIRD 600
#define FOURTH 60

/* The tail is sealed twice, so that there are two segments. */
static const struct vector_tuning tuning = {
	.exact_allowed = 10, .exact_corpus = 20, .tail = 100, .segment_max = 500, .n_probe = 200};

static const char *const questions[] = {"harbour crane", "what does the pilot of a vessel do",
	"salary and pension", "overtime", "lithium battery voltage", "fuse", "grape harvest",
	"cellar of the vineyard", "glacier rope", "avalanche on the ridge", "theatre rehearsal",
	"note 17", "costume of the actor and cargo", "zzyzx"};
#define N_QUESTIONS ((int)(sizeof(questions) / sizeof(questions[0])))
#define HITS 20

static struct house *base;
static char *older;   /* the folder as it was before the last documents came in */
static char *answers; /* of the whole folder */
static unsigned seed;

static size_t below(size_t n)
{
	return n ? (size_t)rand_r(&seed) % n : 0;
}

/* ── the folder ── */

static const char *const topics[6][8] = {
	{"harbour", "vessel", "anchor", "pilot", "cargo", "tide", "quay", "crane"},
	{"payroll", "salary", "bonus", "pension", "wage", "overtime", "grade", "deduction"},
	{"battery", "voltage", "charger", "electrode", "lithium", "current", "cell", "fuse"},
	{"vineyard", "grape", "cask", "harvest", "cellar", "vintage", "cork", "tannin"},
	{"glacier", "moraine", "crevasse", "snow", "summit", "ridge", "avalanche", "rope"},
	{"theatre", "actor", "curtain", "script", "stage", "rehearsal", "audience", "costume"},
};

/* n sections, each of which is a chunk. */
static void write_notes(struct buf *out, int from, int n)
{
	for (int i = from; i < from + n; i++) {
		uint64_t s = (uint64_t)i * 2654435761u;

		buf_printf(out, "# Note %d\n\nThe committee notes of", i);
		for (int w = 0; w < 14; w++) {
			s = s * UINT64_C(6364136223846793005) + 1442695040888963407u;
			buf_printf(out, " %s", topics[i % 6][s >> 60 & 7]);
		}
		buf_str(out, ".\n\n");
	}
}

static void publish_notes(struct house *h, const char *name, int from, int n)
{
	struct buf text = BUF_INIT;

	write_notes(&text, from, n);
	put(h, name, text.data);
	buf_finish(&text);
	run_all(h);
}

static void keep_house(struct house *h)
{
	struct db *db = reader(h);
	bool wants = vectors_wants_training(h->ix->vectors, db, h->who.workspace_n);
	struct id job;

	store_reader_drop(db);
	fine(chunks_train_dictionary(h->ix->store, h->who.workspace_n, &house_err));
	if (wants) {
		fine(ingest_reembed(
			h->ix, &h->who.workspace, "builtin", "operator", &job, &house_err));
		run_all(h);
	}
	vectors_tune(h->ix->vectors, &tuning);
	fine(vectors_maintain(h->ix->vectors, &house_err));
}

/* ── answers ── */

struct answer {
	double score;
	char *line;
};

static int by_score(const void *a, const void *b)
{
	const struct answer *x = a, *y = b;

	return x->score > y->score ? -1 : x->score < y->score ? 1 : strcmp(x->line, y->line);
}

/* Chunks are named by what does not change when they are made again, and those of one score put in
 * the order of their names; of those that share the last score it is not said which are in. */
static int name_hits(
	struct house *h, struct buf *out, const int64_t *slots, const double *scores, int n)
{
	struct answer list[HITS];
	struct db *db = reader(h);
	int n_told = 0;
	struct chunk c;

	while (n_told < n && (n < HITS || scores[n_told] - scores[n - 1] > 1e-6)) {
		fine(chunks_load(db, &h->arena, &h->who, &slots[n_told], 1, true, &c, &house_err));
		list[n_told].score = (double)(int64_t)(scores[n_told] * 1e5);
		list[n_told].line = arena_printf(&h->arena, "  %.5f %s %d %s\n", scores[n_told],
			c.document.s, c.seq, c.text);
		n_told++;
	}
	store_reader_drop(db);
	qsort(list, (size_t)n_told, sizeof(list[0]), by_score);
	for (int i = 0; i < n_told; i++) {
		buf_str(out, list[i].line);
	}
	return n_told;
}

static int ask_words(struct house *h, struct buf *out, const char *text, struct allowed *allowed)
{
	struct db *db = reader(h);
	struct fts_query q = {.workspace_n = h->who.workspace_n,
		.text = text,
		.language = "en",
		.allowed = allowed,
		.limit = HITS,
		.words_alone = true}; /* what stands together is weighed among the best alone */
	struct fts_hit *hits;
	int64_t slots[HITS];
	double scores[HITS];
	int n;

	fine(fts_search(db, &h->arena, &q, &hits, &n, &house_err));
	store_reader_drop(db);
	for (int i = 0; i < n; i++) {
		slots[i] = hits[i].slot;
		scores[i] = hits[i].score;
	}
	return name_hits(h, out, slots, scores, n);
}

static int ask_vectors(struct house *h, struct buf *out, const char *text, struct allowed *allowed)
{
	struct embed_text t = {.body = text, .language = "en"};
	struct vector_hit hits[HITS];
	int64_t slots[HITS];
	double scores[HITS];
	struct space space;
	float *query;
	int n;

	fine(vectors_serving(h->ix->vectors, h->who.workspace_n, &space, &house_err));
	query = arena_array(&h->arena, float, (size_t)space.dimension);
	fine(embed(space.embedder, EMBED_QUERY, &t, 1, query, NULL, NULL, NULL, &house_err));
	fine(vectors_search(h->ix->vectors, &space, query, allowed, HITS, hits, &n, &house_err));
	embedder_drop(space.embedder);
	for (int i = 0; i < n; i++) {
		slots[i] = hits[i].slot;
		scores[i] = (double)hits[i].cosine;
	}
	return name_hits(h, out, slots, scores, n);
}

static char *ask_all(struct house *h, struct arena *a)
{
	struct allowed *allowed = acl_allowed(h->ix->acl, &h->who, NULL, 0, NULL);
	struct buf out = BUF_INIT;
	char *copy;
	int n = 0;

	for (int i = 0; i < N_QUESTIONS; i++) {
		buf_printf(&out, "%s\n", questions[i]);
		n += ask_words(h, &out, questions[i], allowed);
		n += ask_vectors(h, &out, questions[i], allowed);
	}
	acl_allowed_drop(allowed);
	assert_true(n > 2 * N_QUESTIONS);
	copy = arena_strn(a, out.data, out.len);
	buf_finish(&out);
	return copy;
}

/* ── the folder that all begin with ── */

static int make_base(void **state)
{
	assert_int_equal(house_setup(state), 0);
	base = *state;
	fine(settings_set(&base->set, "chunk-tokens", "32", "test", &house_err));
	publish_notes(base, "first.md", 0, FIRST);
	keep_house(base);
	publish_notes(base, "second.md", FIRST, SECOND);
	keep_house(base);
	house_close(base);
	older = arena_printf(&base->arena, "%s-older", base->dir);
	house_copy(base->dir, older);
	house_open(base);
	publish_notes(base, "third.md", FIRST + SECOND, THIRD);
	fine(chunks_train_dictionary(base->ix->store, base->who.workspace_n, &house_err));
	publish_notes(base, "fourth.md", FIRST + SECOND + THIRD, FOURTH);
	keep_house(base);
	answers = ask_all(base, &base->arena);
	assert_int_equal(check(base, false, NULL), 0);
	house_close(base);
	return 0;
}

static int drop_base(void **state)
{
	fs_remove_tree(older);
	house_open(base);
	return house_teardown(state);
}

static void begin(struct house *h)
{
	*h = *base;
	arena_init(&h->arena);
	snprintf(h->dir, sizeof(h->dir), "%.200s-damaged", base->dir);
	house_copy(base->dir, h->dir);
	settings_copy(&h->set, &base->set);
	fine(settings_set(&h->set, "data", h->dir, "test", &house_err));
}

static void end(struct house *h)
{
	house_close(h);
	settings_finish(&h->set);
	arena_finish(&h->arena);
	fs_remove_tree(h->dir);
}

static void same_answers(struct house *h, const char *what, const char *when)
{
	char *now = ask_all(h, &h->arena);
	size_t i = 0;

	while (now[i] && now[i] == answers[i]) {
		i++;
	}
	if (now[i] || answers[i]) {
		fail_msg("%s, %s: other answers from byte %zu on:\n%.200s\nnot\n%.200s", what, when,
			i, now + i, answers + i);
	}
}

/* ── files ── */

enum damage {
	FLIP,
	CUT_TO_NOTHING,
	CUT,
	CUT_ONE,
	EXTEND,
	SWAP,
	AGE,
	REMOVE,
	SHUT,
	FOLDER,
	N_DAMAGES
};

static const char *const damage_names[] = {"a flipped bit", "cut to nothing", "cut",
	"cut by a byte", "extended", "swapped", "an older one", "removed", "made unreadable",
	"a folder in its place"};

struct file {
	char path[600], other[600],
		old[600]; /* other: of the same kind; old: of the older folder */
};

/* The files of the folder whose names end so, in their order of number; *n of them. */
static int list_files(const char *dir, const char *suffix, char names[8][64])
{
	char folder[600];
	struct dirent **list;
	int n, n_found = 0;

	snprintf(folder, sizeof(folder), "%s/vectors", dir);
	n = scandir(folder, &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		size_t len = strlen(list[i]->d_name), tail = strlen(suffix);

		if (n_found < 8 && len > tail &&
			strcmp(list[i]->d_name + len - tail, suffix) == 0) {
			snprintf(names[n_found++], 64, "%.60s", list[i]->d_name);
		}
		free(list[i]);
	}
	free(list);
	return n_found;
}

static void damage_bytes(struct buf *b, enum damage d)
{
	switch (d) {
	case FLIP:
		b->data[below(b->len)] ^= (char)(1 << below(8));
		break;
	case CUT_TO_NOTHING:
		b->len = 0;
		break;
	case CUT:
		b->len = 1 + below(b->len - 2);
		break;
	case CUT_ONE:
		b->len--;
		break;
	case EXTEND:
		buf_str(b, "more");
		break;
	default:
		fail();
	}
}

static void read_file(const char *path, struct buf *b)
{
	fine(fs_read(path, 1 << 26, b, &house_err));
	assert_true(b->len > 100);
}

static void damage_file(const struct file *f, enum damage d)
{
	struct buf b = BUF_INIT, other = BUF_INIT;

	read_file(f->path, &b);
	switch (d) {
	case SWAP:
		read_file(f->other, &other);
		fine(fs_replace(f->path, other.data, other.len, &house_err));
		fine(fs_replace(f->other, b.data, b.len, &house_err));
		break;
	case AGE:
		read_file(f->old, &other);
		assert_false(other.len == b.len && memcmp(other.data, b.data, b.len) == 0);
		fine(fs_replace(f->path, other.data, other.len, &house_err));
		break;
	case REMOVE:
		assert_int_equal(unlink(f->path), 0);
		break;
	case SHUT:
		assert_int_equal(chmod(f->path, 0), 0);
		break;
	case FOLDER:
		assert_int_equal(unlink(f->path), 0);
		assert_int_equal(mkdir(f->path, 0700), 0);
		break;
	default:
		damage_bytes(&b, d);
		fine(fs_replace(f->path, b.data, b.len, &house_err));
	}
	buf_finish(&b);
	buf_finish(&other);
}

/* The damaged bytes are in no use any more: what stands there now is what should. */
static void is_made_again(struct house *h, const char *suffix, const char *what)
{
	char good[8][64], now[8][64];
	int n_good = list_files(base->dir, suffix, good), n = list_files(h->dir, suffix, now);

	if (n != n_good) {
		fail_msg("%s: %d files, not %d", what, n, n_good);
	}
	for (int i = 0; i < n; i++) {
		struct buf b = BUF_INIT;
		char path[1200];

		snprintf(path, sizeof(path), "%s/vectors/%.60s", h->dir, now[i]);
		read_file(path, &b);
		buf_finish(&b);
	}
}

static void meet_file(const char *suffix, enum damage d)
{
	char names[8][64], old[8][64];
	char *what = arena_printf(&base->arena, "%s: %s", suffix, damage_names[d]);
	struct buf said = BUF_INIT;
	int64_t n_found;
	struct house h;
	struct file f;
	int n, which;

	begin(&h);
	n = list_files(h.dir, suffix, names);
	assert_true(n > 0);
	which = (int)below((size_t)n);
	snprintf(f.path, sizeof(f.path), "%s/vectors/%.60s", h.dir, names[which]);
	if (d == SWAP && n < 2) {
		end(&h);
		return; /* there is one of its kind */
	}
	snprintf(f.other, sizeof(f.other), "%s/vectors/%.60s", h.dir, names[(which + 1) % n]);
	assert_true(list_files(older, suffix, old) > 0 || d != AGE);
	snprintf(f.old, sizeof(f.old), "%s/vectors/%.60s", older, old[0]);
	damage_file(&f, d);
	house_open(&h);
	vectors_tune(h.ix->vectors, &tuning);
	same_answers(&h, what, "with the damage");
	n_found = check(&h, false, &said);
	if (n_found == 0 && strcmp(suffix, ".lists") == 0 && d != SHUT) {
		fail_msg("%s is not found", what); /* the others' start has put it right */
	}
	if (check(&h, true, &said) != 0) {
		fail_msg("%s is not mended: %s", what, said.data);
	}
	buf_finish(&said);
	fine(vectors_maintain(h.ix->vectors, &house_err));
	assert_int_equal(check(&h, false, NULL), 0);
	same_answers(&h, what, "repaired");
	house_close(&h);
	house_open(&h);
	vectors_tune(h.ix->vectors, &tuning);
	fine(vectors_maintain(h.ix->vectors, &house_err));
	same_answers(&h, what, "after another start");
	is_made_again(&h, suffix, what);
	end(&h);
}

/* ── tables ── */

struct kind {
	const char *table, *column, *key, *where;
	unsigned damages; /* bits of enum damage */
};

#define BYTES (1u << FLIP | 1u << CUT_TO_NOTHING | 1u << CUT | 1u << CUT_ONE | 1u << EXTEND)
#define ALL (BYTES | 1u << SWAP | 1u << AGE | 1u << REMOVE)

static const struct kind kinds[] = {
	{"text_dictionary", "bytes", "n", "1", ALL},
	/* A text and its row belong together by nothing but their row. */
	{"chunk", "text", "id", "live = 1", BYTES},
	{"vector_space", "model_data", "n", "state = 'serving'", BYTES | 1u << AGE},
	{"vector_block", "digest", "block_n", "1", ALL},
	{"fts_1_data", "block", "id", "id > 10", ALL},
	{"fts_1_data", "block", "id", "id = 10", BYTES | 1u << AGE | 1u << REMOVE},
	{"fts_1_data", "block", "id", "id = 1", BYTES | 1u << AGE | 1u << REMOVE},
	{"fts_1_docsize", "sz", "id", "1", BYTES | 1u << REMOVE},
};

#define N_KINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))

struct row {
	char key[64];
	struct buf bytes;
};

static sqlite3 *raw(const char *dir)
{
	char path[600];
	sqlite3 *c;

	snprintf(path, sizeof(path), "%s/carrel.db", dir);
	assert_int_equal(sqlite3_open(path, &c), SQLITE_OK);
	return c;
}

static sqlite3_stmt *prepare(sqlite3 *c, const char *sql)
{
	sqlite3_stmt *q;

	if (sqlite3_prepare_v2(c, sql, -1, &q, NULL) != SQLITE_OK) {
		fail_msg("%s: %s", sql, sqlite3_errmsg(c));
	}
	return q;
}

/* The i-th row, counted round. False: there is none. */
static bool read_row(sqlite3 *c, const struct kind *k, size_t i, struct row *out)
{
	char sql[400];
	sqlite3_stmt *q;
	bool found;

	snprintf(sql, sizeof(sql),
		"SELECT %s, %s FROM %s WHERE %s ORDER BY %s LIMIT 1 OFFSET %zu %%"
		" max(1, (SELECT count(*) FROM %s WHERE %s))",
		k->key, k->column, k->table, k->where, k->key, i, k->table, k->where);
	q = prepare(c, sql);
	found = sqlite3_step(q) == SQLITE_ROW;
	*out = (struct row){.bytes = BUF_INIT};
	if (found) {
		snprintf(out->key, sizeof(out->key), "%s", (const char *)sqlite3_column_text(q, 0));
		buf_add(&out->bytes, sqlite3_column_blob(q, 1), (size_t)sqlite3_column_bytes(q, 1));
	}
	sqlite3_finalize(q);
	return found;
}

static void write_row(sqlite3 *c, const struct kind *k, const char *key, const struct buf *bytes)
{
	char sql[400];
	sqlite3_stmt *q;

	if (bytes) {
		snprintf(sql, sizeof(sql), "UPDATE %s SET %s = ?1 WHERE %s = ?2", k->table,
			k->column, k->key);
	} else {
		snprintf(sql, sizeof(sql), "DELETE FROM %s WHERE %s = ?2", k->table, k->key);
	}
	q = prepare(c, sql);
	if (bytes) {
		sqlite3_bind_blob(
			q, 1, bytes->data ? bytes->data : "", (int)bytes->len, SQLITE_STATIC);
	}
	sqlite3_bind_text(q, 2, key, -1, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(q), SQLITE_DONE);
	assert_int_equal(sqlite3_changes(c), 1);
	sqlite3_finalize(q);
}

/* Another row's bytes, which differ. False: there are none. */
static bool find_other(sqlite3 *c, const struct kind *k, const struct row *row, struct row *out)
{
	for (size_t i = 0; i < 20; i++) {
		if (read_row(c, k, i, out) &&
			(out->bytes.len != row->bytes.len ||
				memcmp(out->bytes.data, row->bytes.data, row->bytes.len) != 0)) {
			return true;
		}
		buf_finish(&out->bytes);
	}
	return false;
}

/* False: there is nothing to swap with, or no older one. */
static bool damage_row(const char *dir, const struct kind *k, enum damage d)
{
	sqlite3 *c = raw(dir), *old = raw(older);
	struct row row, other = {.bytes = BUF_INIT};
	bool done = read_row(c, k, below(10000), &row);

	assert_true(done);
	if (d == REMOVE) {
		write_row(c, k, row.key, NULL);
	} else if (d == SWAP) {
		done = find_other(c, k, &row, &other);
		if (done) {
			write_row(c, k, row.key, &other.bytes);
			write_row(c, k, other.key, &row.bytes);
		}
	} else if (d == AGE) {
		done = find_other(old, k, &row, &other);
		if (done) {
			write_row(c, k, row.key, &other.bytes);
		}
	} else {
		done = row.bytes.len > 2;
		if (done) {
			damage_bytes(&row.bytes, d);
			write_row(c, k, row.key, &row.bytes);
		}
	}
	buf_finish(&row.bytes);
	buf_finish(&other.bytes);
	assert_int_equal(sqlite3_close(c), SQLITE_OK);
	assert_int_equal(sqlite3_close(old), SQLITE_OK);
	return done;
}

/* 1: damaged, found and made again; 0: there was nothing to damage, or it changed nothing. */
static int meet_row(const struct kind *k, enum damage d)
{
	char *what = arena_printf(
		&base->arena, "%s.%s (%s): %s", k->table, k->column, k->where, damage_names[d]);
	struct buf said = BUF_INIT;
	struct house h;
	int64_t n_found;

	begin(&h);
	if (!damage_row(h.dir, k, d)) {
		end(&h);
		return 0;
	}
	house_open(&h);
	vectors_tune(h.ix->vectors, &tuning);
	n_found = check(&h, false, &said);
	if (n_found == 0) {
		same_answers(&h, what, "not found");
	}
	buf_clear(&said);
	if (check(&h, true, &said) != 0) {
		fail_msg("%s is not mended: %s", what, said.data);
	}
	run_all(&h);
	vectors_tune(h.ix->vectors, &tuning);
	fine(vectors_maintain(h.ix->vectors, &house_err));
	buf_clear(&said);
	if (check(&h, false, &said) != 0) {
		fail_msg("%s is found again: %s", what, said.data);
	}
	same_answers(&h, what, "repaired");
	buf_finish(&said);
	end(&h);
	return n_found > 0;
}

/* ── tests ── */

/* DAMAGES: how often each kind of damage is done; without it a third of them are, once. */
static int rounds(void)
{
	const char *n = getenv("DAMAGES");

	return n ? (int)strtol(n, NULL, 10) : 0;
}

static bool chosen(void)
{
	return rounds() > 0 || below(3) == 0;
}

static void files(void **state)
{
	static const char *const suffixes[] = {".lists", ".halves"};
	int n = 0;

	(void)state;
	for (int i = 0; i == 0 || i < rounds(); i++) {
		for (int d = 0; d < 2 * N_DAMAGES; d++) {
			if (chosen()) {
				meet_file(suffixes[d % 2], (enum damage)(d / 2));
				n++;
			}
		}
	}
	print_message("%d files damaged\n", n);
	assert_true(n > 0);
}

static void tables(void **state)
{
	int n_found = 0;

	(void)state;
	for (int k = 0; k < N_KINDS; k++) {
		int n = 0, n_met = 0;

		for (int i = 0; i == 0 || i < rounds(); i++) {
			for (int d = 0; d < N_DAMAGES; d++) {
				if (kinds[k].damages & 1u << d && chosen()) {
					n_met += meet_row(&kinds[k], (enum damage)d);
					n++;
				}
			}
		}
		print_message(
			"%s where %s: %d of %d found\n", kinds[k].table, kinds[k].where, n_met, n);
		n_found += n_met;
	}
	assert_true(n_found > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
		cmocka_unit_test(tables),
	};

	seed = getenv("SEED") ? (unsigned)strtoul(getenv("SEED"), NULL, 10) : (unsigned)time(NULL);
	print_message("SEED=%u\n", seed);
	return cmocka_run_group_tests(tests, make_base, drop_base);
}
