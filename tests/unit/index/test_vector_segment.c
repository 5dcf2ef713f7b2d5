/* Segments: IVF search against brute force, damaged files, compaction. */
#include "tests/unit/index/vector_recall.h"

#include <dirent.h>
#include <unistd.h>

/* Of segments. */
static int n_files(struct fixture *f, char *one)
{
	char path[512];
	struct dirent *entry;
	DIR *dir;
	int n = 0;

	snprintf(path, sizeof(path), "%s/vectors", f->dir);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		if (strstr(entry->d_name, SEGMENT_SUFFIX)) {
			n++;
			snprintf(one, 800, "%s/%.200s", path, entry->d_name);
		}
	}
	closedir(dir);
	return n;
}

static int n_segments(struct fixture *f, const struct space *s)
{
	struct loaded_space *loaded = loaded_lookup(f->v, s->n);
	struct snapshot *shot = memory_snapshot(&loaded->memory);
	int n = shot->n_segments;

	snapshot_drop(shot);
	loaded_drop(loaded);
	return n;
}

#define N_MANY 60000

static void test_ivf(void **state)
{
	struct fixture *f = *state;
	struct space s = serve(f, 32);
	float *v = topical(&f->random, N_MANY, 32, 60);
	struct truth t = {v, N_MANY, 32};
	struct allowed parts[] = {allow(N_MANY, run_of, 2), allow(N_MANY, every, 1),
		allow(N_MANY, run_of, 10), allow(N_MANY, every, 10), allow(N_MANY, run_of, 100)};
	char file[800];
	double found;

	print_message("seed %llu\n", (unsigned long long)SEED);
	vectors_tune(f->v, &low);
	ok(put(f, &s, 0, v, N_MANY - 3000));
	ok(vectors_maintain(f->v, &e));
	assert_int_equal(n_segments(f, &s), 1);
	assert_int_equal(n_files(f, file), 1);
	ok(put(f, &s, N_MANY - 3000, v + (size_t)(N_MANY - 3000) * 32, 3000));
	for (int i = 0; i < 5; i++) {
		found = recall(f, &s, &t, &parts[i], 30);
		print_message("%llu of %d allowed: recall %.3f\n",
			(unsigned long long)parts[i].n_allowed, N_MANY, found);
		assert_true(found >= .98);
	}

	/* after a start the file serves again, the tail too */
	reopen_low(f);
	ok(vectors_maintain(f->v, &e));
	assert_int_equal(n_segments(f, &s), 1);
	assert_true(recall(f, &s, &t, &parts[0], 20) >= .97);
	for (int i = 0; i < 5; i++) {
		bitmap_finish(&parts[i].slots);
	}
	free(v);
}

static void damage(const char *path, long at)
{
	FILE *file = fopen(path, "r+b");
	int c;

	assert_non_null(file);
	fseek(file, at, at < 0 ? SEEK_END : SEEK_SET);
	c = fgetc(file);
	fseek(file, -1, SEEK_CUR);
	fputc(c ^ 0x10, file);
	fclose(file);
}

static void test_damaged_file(void **state)
{
	struct fixture *f = *state;
	struct space s = serve(f, 32);
	float *v = topical(&f->random, 12000, 32, 20);
	struct truth t = {v, 12000, 32};
	struct allowed half = allow(12000, run_of, 2);
	char file[800], again[800];

	vectors_tune(f->v, &low);
	ok(put(f, &s, 0, v, 12000));
	ok(vectors_maintain(f->v, &e));
	assert_int_equal(n_files(f, file), 1);
	damage(file, -3000);

	reopen_low(f);
	assert_int_equal(n_segments(f, &s), 0);
	assert_true(recall(f, &s, &t, &half, 5) == 1); /* exact until rebuilt */
	ok(vectors_maintain(f->v, &e));
	assert_int_equal(n_segments(f, &s), 1);
	assert_int_equal(n_files(f, again), 1);
	assert_string_not_equal(file, again);
	assert_true(recall(f, &s, &t, &half, 20) >= .97);

	/* a file that is gone */
	assert_int_equal(unlink(again), 0);
	reopen_low(f);
	ok(vectors_maintain(f->v, &e));
	assert_int_equal(n_segments(f, &s), 1);
	assert_int_equal(n_files(f, file), 1);
	bitmap_finish(&half.slots);
	free(v);
}

static int tx_remove_many(struct db *db, void *arg, struct err *err)
{
	int rc = 0;

	(void)arg;
	for (int64_t i = 0; rc == 0 && i < 4000; i++) {
		rc = vectors_remove(db, WS, i * 2, err);
	}
	return rc;
}

static void test_compaction_and_growth(void **state)
{
	struct fixture *f = *state;
	struct space s = serve(f, 32);
	float *v = topical(&f->random, 30000, 32, 20);
	struct truth t = {v, 30000, 32};
	struct allowed all = allow(30000, every, 1);
	char file[800], after[800];

	vectors_tune(f->v, &low);
	ok(put(f, &s, 0, v, 12000));
	ok(vectors_maintain(f->v, &e));
	assert_int_equal(n_files(f, file), 1);
	ok(store_write(f->store, tx_remove_many, NULL, &e));
	for (uint64_t i = 0; i < 4000; i++) {
		bitmap_clear(&all.slots, i * 2);
	}
	ok(vectors_maintain(f->v, &e));
	assert_int_equal(n_segments(f, &s), 1);
	assert_int_equal(n_files(f, after), 1);
	assert_string_not_equal(file, after);

	/* growth in steps leaves few segments */
	for (int from = 12000; from < 30000; from += 6000) {
		ok(put(f, &s, from, v + (size_t)from * 32, 6000));
		ok(vectors_maintain(f->v, &e));
	}
	assert_in_range(n_segments(f, &s), 1, 3);
	assert_int_equal(n_files(f, after), n_segments(f, &s));
	all.n_allowed = bitmap_count(&all.slots);
	assert_true(recall(f, &s, &t, &all, 20) >= .97);
	bitmap_finish(&all.slots);
	free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_ivf),
		T(test_damaged_file),
		T(test_compaction_and_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
