/*
 * Whatever is derived may be damaged: flipped, cut, extended, swapped, an older one put back,
 * removed, made unreadable, a folder in its place. It is found, made again from what is sacred, and
 * the same questions find the same. SEED chooses the places, and what is damaged; all of it is,
 * with DAMAGES=1, in `make fault`.
 */
#include "tests/unit/index/damaged_house.h"

#include <sqlite3.h>
#include <time.h>

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
