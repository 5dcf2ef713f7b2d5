/* A store in a temporary folder with full text, bitmaps and vectors, and short ways to fill it. */
#ifndef TESTS_UNIT_INDEX_WORLD_H
#define TESTS_UNIT_INDEX_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "index/acl.h"
#include "index/base/buf.h"
#include "index/base/fs.h"
#include "index/base/hash.h"
#include "index/base/log.h"
#include "index/catalog.h"
#include "index/chunks.h"
#include "index/fts.h"
#include "index/store.h"

#define UNUSED __attribute__((unused))

struct world {
	char dir[256];
	struct store *store;
	struct acl_index *acl;
	struct id workspace;
	int64_t workspace_n;
	struct arena arena; /* of the test */
};

static struct err world_err;

static void fine(int rc)
{
	if (rc != 0) {
		fail_msg("%d: %s: %s", rc, world_err.reason, world_err.message);
	}
}

/* ── transactions ── */

struct work {
	struct world *w;
	int which;
	const void *a, *b, *c;
	void *out;
	int64_t n;
};

enum {
	W_EXEC,
	W_WORKSPACE,
	W_COLLECTION,
	W_ARRIVE,
	W_PUBLISH,
	W_ACL,
	W_DELETE,
	W_PURGE,
	W_ATTACH,
	W_SWEEP,
	W_COLLECTION_DELETE,
	W_CHECK,
	W_REBUILD
};

struct arrived {
	struct id document, version;
	enum arrival arrival;
};

static int tx_work(struct db *db, void *arg, struct err *e)
{
	struct work *k = arg;
	struct arrived *in = k->out;
	int64_t n;

	switch (k->which) {
	case W_EXEC:
		return db_exec(db, k->a, e);
	case W_WORKSPACE:
		return workspace_create(db, k->a, k->out, e);
	case W_COLLECTION:
		return collection_create(db, k->a, k->b, k->c, k->out, e);
	case W_ARRIVE: {
		struct blob_info blob = {.n_bytes = 5};

		hash_blake2b_hex(k->c, strlen(k->c), blob.hash);
		hash_sha256_hex(k->c, strlen(k->c), blob.sha256);
		return document_arrive(db, NULL, &k->w->workspace, k->a, k->b, &blob, "operator",
			&in->arrival, &in->document, &in->version, e);
	}
	case W_PUBLISH:
		return chunks_publish(db, k->a, e);
	case W_ACL:
		return acl_replace(db, &k->w->workspace, k->a, k->b, (int)k->n, e);
	case W_DELETE:
		return document_delete(db, k->a, e);
	case W_PURGE:
		return chunks_purge_document(db, k->a, e);
	case W_ATTACH:
		return collection_attach(db, &k->w->workspace, k->a, k->b, k->out, e);
	case W_SWEEP:
		return chunks_sweep(db, k->a, e);
	case W_COLLECTION_DELETE:
		return collection_delete(db, &k->w->workspace, k->a, "operator", &n, e);
	case W_CHECK:
		return fts_check(db, k->n, e);
	case W_REBUILD:
		return fts_rebuild(db, k->n, e);
	}
	return ERR_INTERNAL;
}

static UNUSED int work(struct world *w, struct work k)
{
	k.w = w;
	err_clear(&world_err);
	return store_write(w->store, tx_work, &k, &world_err);
}

static UNUSED void exec_sql(struct world *w, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fine(work(w, (struct work){.which = W_EXEC, .a = text}));
}

/* ── life ── */

static UNUSED struct db *reader(struct world *w)
{
	struct db *db = store_reader(w->store, &world_err);

	assert_non_null(db);
	return db;
}

static UNUSED int64_t workspace_number(struct world *w, const struct id *id)
{
	struct workspace row;
	struct db *db = reader(w);

	fine(workspace_lookup(db, &w->arena, id, &row, &world_err));
	store_reader_drop(db);
	return row.n;
}

static UNUSED void world_close(struct world *w)
{
	store_close(w->store);
	acl_index_close(w->acl);
	w->store = NULL;
	w->acl = NULL;
}

static UNUSED void world_reopen(struct world *w)
{
	if (w->store) {
		world_close(w);
	}
	err_clear(&world_err);
	fine(store_open(w->dir, &w->store, &world_err));
	fine(acl_index_open(w->store, &w->acl, &world_err));
}

static UNUSED int world_setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	const char *tmp = getenv("TMPDIR");

	assert_non_null(w);
	log_level_set(LOG_ERROR);
	fts_register();
	arena_init(&w->arena);
	snprintf(w->dir, sizeof(w->dir), "%s/carrel-world-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(w->dir));
	world_reopen(w);
	fine(work(w, (struct work){.which = W_WORKSPACE, .a = "default", .out = &w->workspace}));
	w->workspace_n = workspace_number(w, &w->workspace);
	*state = w;
	return 0;
}

static UNUSED int world_teardown(void **state)
{
	struct world *w = *state;

	world_close(w);
	arena_finish(&w->arena);
	fs_remove_tree(w->dir);
	free(w);
	return 0;
}

/* ── people and documents ── */

static UNUSED struct id add_user(struct world *w, const struct id *workspace, enum role role)
{
	struct id id = id_create("usr");

	exec_sql(w,
		"INSERT INTO user (id, workspace_id, name, display_name, role, created_ms) "
		"VALUES ('%s', '%s', '%s', 'X', %d, 1)",
		id.s, workspace->s, id.s, role);
	return id;
}

static UNUSED struct id add_group(struct world *w, const struct id *workspace)
{
	struct id id = id_create("grp");

	exec_sql(w, "INSERT INTO \"group\" VALUES ('%s', '%s', '%s', 1)", id.s, workspace->s, id.s);
	return id;
}

static UNUSED void join(struct world *w, const struct id *group, const struct id *user)
{
	exec_sql(w, "INSERT OR IGNORE INTO membership VALUES ('%s', '%s', '%s')", group->s, user->s,
		w->workspace.s);
}

static UNUSED struct id add_collection(struct world *w, const char *name, const char *creator)
{
	struct id id;

	fine(work(w, (struct work){.which = W_COLLECTION,
			     .a = &w->workspace,
			     .b = name,
			     .c = creator,
			     .out = &id}));
	return id;
}

static UNUSED struct arrived arrive(
	struct world *w, const struct id *collection, const char *name, const char *bytes)
{
	struct arrived in;

	fine(work(
		w, (struct work){
			   .which = W_ARRIVE, .a = collection, .b = name, .c = bytes, .out = &in}));
	return in;
}

/* Publishes the texts as the chunks of the version, without vectors. */
static UNUSED int publish(struct world *w, const struct arrived *in, const char *language,
	const char *const *texts, int n)
{
	struct chunk *chunks = calloc((size_t)n + 1, sizeof(*chunks));
	struct box box = {1, 10, 20, 300, 32, 0, 40};
	struct publication p = {
		.document = in->document, .version = in->version, .chunks = chunks, .n_chunks = n};
	int rc;

	assert_non_null(chunks);
	for (int i = 0; i < n; i++) {
		chunks[i] = (struct chunk){.language = language,
			.title = "",
			.heading = "",
			.text = texts[i],
			.page_first = i + 1,
			.page_last = i + 1,
			.byte_start = i * 100,
			.byte_end = i * 100 + 99,
			.n_tokens = 20,
			.boxes = &box,
			.n_boxes = 1};
	}
	rc = work(w, (struct work){.which = W_PUBLISH, .a = &p});
	free(chunks);
	return rc;
}

static UNUSED struct arrived add_document(struct world *w, const struct id *collection,
	const char *name, const char *language, const char *text)
{
	struct arrived in = arrive(w, collection, name, text);

	fine(publish(w, &in, language, &text, 1));
	return in;
}

static UNUSED void grant(
	struct world *w, const struct id *object, const char *principal, enum right right)
{
	struct acl_entry entry = {.right = right};

	snprintf(entry.principal, sizeof(entry.principal), "%s", principal);
	fine(work(w, (struct work){.which = W_ACL, .a = object, .b = &entry, .n = 1}));
}

static UNUSED struct asker asker_of(struct world *w, struct db *db, const struct id *user)
{
	struct asker who;

	fine(acl_asker(db, &w->arena, user, &who, &world_err));
	return who;
}

static UNUSED struct asker operator_of(struct world *w, struct db *db)
{
	struct asker who;

	fine(acl_operator(db, &w->arena, &w->workspace, &who, &world_err));
	return who;
}

/* ── search ── */

/* Number of chunks that the user may read, in the collection or (NULL) in all. */
static UNUSED uint64_t n_allowed(
	struct world *w, const struct id *user, const struct id *collection)
{
	struct db *db = reader(w);
	struct asker who = asker_of(w, db, user);
	struct allowed *a = acl_allowed(w->acl, &who, collection, collection ? 1 : 0, NULL);
	uint64_t n = a->n_allowed;

	assert_true(n == bitmap_count(&a->slots));
	acl_allowed_drop(a);
	store_reader_drop(db);
	return n;
}

/* Number of hits; their slots in out. */
static UNUSED int search(struct world *w, struct db *db, const struct asker *who, const char *text,
	const char *language, struct fts_hit **out)
{
	struct allowed *allowed = acl_allowed(w->acl, who, NULL, 0, NULL);
	struct fts_query q = {.workspace_n = who->workspace_n,
		.text = text,
		.language = language,
		.allowed = allowed,
		.limit = 100};
	int n;

	err_clear(&world_err);
	fine(fts_search(db, &w->arena, &q, out, &n, &world_err));
	acl_allowed_drop(allowed);
	return n;
}

/* As the machine's operator. */
static UNUSED int finds(struct world *w, const char *text, const char *language)
{
	struct db *db = reader(w);
	struct asker who = operator_of(w, db);
	struct fts_hit *hits;
	int n = search(w, db, &who, text, language, &hits);

	store_reader_drop(db);
	return n;
}

/* A test with a world of its own. */
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

#endif
