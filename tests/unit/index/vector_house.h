/* A store and its vectors in a temporary folder, with spaces of any dimension. */
#ifndef TESTS_UNIT_INDEX_VECTOR_HOUSE_H
#define TESTS_UNIT_INDEX_VECTOR_HOUSE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/fs.h"
#include "index/base/log.h"
#include "index/embed_table.h"
#include "index/vector.h"
#include "index/vector_space.h"

#define UNUSED __attribute__((unused))
#define WS 1
#define SEED UINT64_C(20260314)

struct fixture {
	char dir[256];
	struct settings set;
	struct store *store;
	struct vectors *v;
	uint64_t random;
};

static struct err e;

static UNUSED void ok(int rc)
{
	if (rc) {
		fail_msg("%s: %s", err_name(rc), e.message);
	}
}

static UNUSED void open_all(struct fixture *f)
{
	ok(store_open(f->dir, &f->store, &e));
	ok(vectors_open(f->store, f->dir, &f->set, &f->v, &e));
}

static UNUSED void close_all(struct fixture *f)
{
	store_close(f->store);
	vectors_close(f->v);
}

static UNUSED void reopen(struct fixture *f)
{
	close_all(f);
	open_all(f);
}

static UNUSED void house_begin(struct fixture *f, uint64_t seed)
{
	const char *tmp = getenv("TMPDIR");

	err_clear(&e);
	log_level_set(LOG_ERROR + 1);
	f->random = seed;
	snprintf(f->dir, sizeof(f->dir), "%s/carrel-vector-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	settings_init(&f->set);
	open_all(f);
}

static UNUSED int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	house_begin(f, SEED);
	*state = f;
	return 0;
}

static UNUSED int teardown(void **state)
{
	struct fixture *f = *state;

	close_all(f);
	settings_finish(&f->set);
	fs_remove_tree(f->dir);
	free(f);
	return 0;
}

/* ── rows made directly, for any dimension ── */

struct space_made {
	int dimension;
	int64_t n;
	const char *state;
};

static UNUSED int tx_space(struct db *db, void *arg, struct err *err)
{
	struct space_made *s = arg;
	const struct embed_identity id = {
		.embedder = "builtin", .model = "test", .dimension = s->dimension};

	return space_add(db, &(struct space_new){.workspace_n = WS, .id = &id, .state = s->state},
		&s->n, err);
}

/* A serving space of any dimension, by which time the vectors are opened anew. */
static UNUSED struct space serve(struct fixture *f, int dimension)
{
	struct space_made s = {dimension, 0, "serving"};

	ok(store_write(f->store, tx_space, &s, &e));
	reopen(f);
	return (struct space){.n = s.n, .workspace_n = WS, .dimension = dimension};
}

static UNUSED int tx_remove(struct db *db, void *arg, struct err *err)
{
	return vectors_remove(db, WS, *(int64_t *)arg, err);
}

/* A test with a house of its own. */
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
