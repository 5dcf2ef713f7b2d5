/* An index in a temporary folder with a zygote: documents go in by the real way. */
#ifndef TESTS_UNIT_INGEST_HOUSE_H
#define TESTS_UNIT_INGEST_HOUSE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cairo-pdf.h>
#include <dirent.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "index/base/fs.h"
#include "index/base/log.h"
#include "index/catalog.h"
#include "index/chunks.h"
#include "index/fts.h"
#include "index/index.h"
#include "ingest/job.h"
#include "ingest/pipeline.h"
#include "ingest/stage.h"
#include "ingest/upload.h"

#define UNUSED __attribute__((unused))

/* Under the leak checker: fontconfig keeps what cairo asked of it. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfontconfig\nleak:libcairo\n";
}

struct house {
	char dir[256];
	struct settings set;
	struct zygote *zygote;
	struct index *ix;
	struct arena arena;
	struct asker who; /* the operator */
	struct id collection;
	/* of pipelines that are run here */
	void (*on_moment)(void *arg, const char *step, const char *moment);
	void *arg;
};

static struct err house_err;

static void fine(int rc)
{
	if (rc < 0) {
		fail_msg("%s: %s: %s", err_name(rc), house_err.reason, house_err.message);
	}
	err_clear(&house_err);
}

/* ── life ── */

static UNUSED struct db *reader(struct house *h)
{
	struct db *db = store_reader(h->ix->store, &house_err);

	assert_non_null(db);
	return db;
}

static UNUSED void house_open(struct house *h)
{
	struct workspace w;
	struct db *db;

	fine(index_open(&h->set, &h->ix, &house_err));
	db = reader(h);
	fine(workspace_by_name(db, &h->arena, "default", &w, &house_err));
	fine(acl_operator(db, &h->arena, &w.id, &h->who, &house_err));
	store_reader_drop(db);
}

static UNUSED void house_close(struct house *h)
{
	index_close(h->ix);
	h->ix = NULL;
}

static int make_collection(struct db *db, void *arg, struct err *e)
{
	struct house *h = arg;

	return collection_create(db, &h->who.workspace, "papers", "operator", &h->collection, e);
}

static UNUSED int house_setup(void **state)
{
	struct house *h = calloc(1, sizeof(*h));
	const char *tmp = getenv("TMPDIR");

	assert_non_null(h);
	log_level_set(LOG_ERROR);
	arena_init(&h->arena);
	snprintf(h->dir, sizeof(h->dir), "%s/carrel-house-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(h->dir));
	settings_init(&h->set);
	fine(settings_set(&h->set, "data", h->dir, "test", &house_err));
	fine(settings_set(&h->set, "ingest-retry-ms", "10", "test", &house_err));
	fine(zygote_start(&h->set, &h->zygote, &house_err)); /* before any thread */
	assert_null(zygote_state(h->zygote));
	house_open(h);
	fine(store_write(h->ix->store, make_collection, h, &house_err));
	*state = h;
	return 0;
}

static UNUSED int house_teardown(void **state)
{
	struct house *h = *state;

	house_close(h);
	zygote_stop(h->zygote);
	settings_finish(&h->set);
	arena_finish(&h->arena);
	fs_remove_tree(h->dir);
	free(h);
	return 0;
}

/* ── documents ── */

static cairo_status_t on_pdf_bytes(void *arg, const unsigned char *p, unsigned int n)
{
	buf_add(arg, p, n);
	return CAIRO_STATUS_SUCCESS;
}

/* One page a string, its lines parted by '\n'. */
static UNUSED void draw_pdf(struct buf *out, const char *const *pages, int n)
{
	cairo_surface_t *s = cairo_pdf_surface_create_for_stream(on_pdf_bytes, out, 595, 842);
	cairo_t *cr = cairo_create(s);

	for (int i = 0; i < n; i++) {
		char *copy = strdup(pages[i]), *save = NULL;
		double y = 90;

		cairo_select_font_face(
			cr, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
		cairo_set_font_size(cr, 11);
		for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
			cairo_move_to(cr, 72, y);
			cairo_show_text(cr, l);
			y += 14;
		}
		free(copy);
		cairo_show_page(cr);
	}
	cairo_destroy(cr);
	cairo_surface_finish(s);
	cairo_surface_destroy(s);
}

static UNUSED int send(
	struct house *h, const char *name, const void *p, size_t n, struct upload_receipt *out)
{
	struct upload_order o = {
		.who = &h->who, .collection = h->collection, .name = name, .n_acl = -1};
	struct upload *u;

	fine(upload_begin(h->ix, &u, &house_err));
	fine(upload_write(u, p, n, &house_err));
	return upload_finish(u, &o, out, &house_err);
}

static UNUSED struct upload_receipt put(struct house *h, const char *name, const char *text)
{
	struct upload_receipt r;

	fine(send(h, name, text, strlen(text), &r));
	return r;
}

/* ── jobs, run here ── */

struct lease {
	struct arena *arena;
	struct job job;
	int64_t next_ms;
	const struct err *why;
	bool final;
};

static int lease_job(struct db *db, void *arg, struct err *e)
{
	struct lease *l = arg;

	return job_lease(db, l->arena, "test", &l->job, &l->next_ms, e);
}

static int end_job(struct db *db, void *arg, struct err *e)
{
	struct lease *l = arg;

	return job_end(db, &l->job.id, "test", l->why, 0, &l->final, e);
}

/* Runs the next ready job to its end: its result, or 1 when none is ready. */
static UNUSED int run_next(struct house *h, struct err *why)
{
	struct lease l = {.arena = &h->arena};
	struct ingest in = {.index = h->ix,
		.zygote = h->zygote,
		.owner = "test",
		.on_moment = h->on_moment,
		.arg = h->arg};
	int rc = store_write(h->ix->store, lease_job, &l, &house_err);

	if (rc == ERR_NOT_FOUND) {
		err_clear(&house_err);
		return 1;
	}
	fine(rc);
	err_clear(why);
	arena_init(&in.arena);
	in.job = &l.job;
	rc = pipeline_run(&in, why);
	arena_finish(&in.arena);
	l.why = rc < 0 ? why : NULL;
	fine(store_write(h->ix->store, end_job, &l, &house_err));
	if (l.final) {
		stage_drop(h->ix, &l.job.id);
	}
	return rc;
}

static UNUSED void run_all(struct house *h)
{
	struct err why = ERR_INIT;
	int rc;

	while ((rc = run_next(h, &why)) == 0) {
	}
	if (rc < 0) {
		fail_msg("%s: %s: %s", err_name(rc), why.reason, why.message);
	}
}

static UNUSED struct job job_now(struct house *h, const struct id *id)
{
	struct db *db = reader(h);
	struct job j;

	fine(job_lookup(db, &h->arena, id, &j, &house_err));
	store_reader_drop(db);
	return j;
}

static UNUSED struct version version_now(struct house *h, const struct id *id)
{
	struct db *db = reader(h);
	struct version v;

	fine(version_lookup(db, &h->arena, id, &v, &house_err));
	store_reader_drop(db);
	return v;
}

/* ── what is found ── */

/* Hits of a question, asked by the operator; the best one's chunk in *best unless that is NULL. */
static UNUSED int finds(struct house *h, const char *text, struct chunk *best)
{
	struct db *db = reader(h);
	struct allowed *allowed = acl_allowed(h->ix->acl, &h->who, NULL, 0, NULL);
	struct fts_query q = {.workspace_n = h->who.workspace_n,
		.text = text,
		.language = "en",
		.allowed = allowed,
		.limit = 50};
	struct fts_hit *hits;
	int n;

	fine(fts_search(db, &h->arena, &q, &hits, &n, &house_err));
	if (n > 0 && best) {
		fine(chunks_load(db, &h->arena, &h->who, &hits[0].slot, 1, true, best, &house_err));
	}
	acl_allowed_drop(allowed);
	store_reader_drop(db);
	return n;
}

static void on_finding(void *arg, const char *stage, const char *text)
{
	if (*text) {
		struct buf *b = arg;

		buf_printf(b, "%s: %s\n", stage, text);
	}
}

/* How many findings `carrel check` has; they are printed if there should be none. */
static UNUSED int64_t check(struct house *h, bool repair, struct buf *said)
{
	struct buf own = BUF_INIT;
	const struct index_checking how = {.repair = repair,
		.deep = true,
		.say = on_finding,
		.arg = said ? said : &own,
		.order = ingest_order_again};
	int64_t n;

	fine(index_check(h->ix, &how, &n, &house_err));
	if (!said && n > 0) {
		print_message("%s", own.data);
	}
	buf_finish(&own);
	return n;
}

/* Whether any file below the folder contains the bytes. */
static UNUSED bool tree_has_bytes(const char *folder, const void *p, size_t n_bytes)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	bool has = false;

	while (d && !has && (entry = readdir(d)) != NULL) {
		char path[4096];
		struct stat st;
		struct buf b = BUF_INIT;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
			continue;
		}
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
			has = tree_has_bytes(path, p, n_bytes);
		} else if (fs_read(path, (size_t)1 << 30, &b, NULL) == 0 && b.len > 0) {
			has = memmem(b.data, b.len, p, n_bytes) != NULL;
		}
		buf_finish(&b);
	}
	if (d) {
		closedir(d);
	}
	return has;
}

static UNUSED bool tree_has(const char *folder, const char *words)
{
	bool has = tree_has_bytes(folder, words, strlen(words));

	if (has) {
		print_message("%s has \"%s\"\n", folder, words);
	}
	return has;
}

static UNUSED int count_entries(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	int n = 0;

	while (d && (entry = readdir(d)) != NULL) {
		n += entry->d_name[0] != '.';
	}
	if (d) {
		closedir(d);
	}
	return n;
}

/* A copy of a closed house's folder, but for the 16 MB that are kept for a full disk: they are one
 * file of both. */
static UNUSED void house_copy(const char *from, const char *to)
{
	char *const args[] = {"cp", "-a", (char *)from, (char *)to, NULL};
	char reserve[600], aside[600], other[600];
	pid_t pid;
	int status;

	snprintf(reserve, sizeof(reserve), "%s/reserve", from);
	snprintf(aside, sizeof(aside), "%s-reserve", from);
	snprintf(other, sizeof(other), "%s/reserve", to);
	assert_int_equal(rename(reserve, aside), 0);
	assert_int_equal(posix_spawnp(&pid, "cp", NULL, NULL, args, environ), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(link(aside, other), 0);
	assert_int_equal(rename(aside, reserve), 0);
}

static UNUSED const char *path_in(struct house *h, const char *name)
{
	return arena_printf(&h->arena, "%s/%s", h->dir, name);
}

#endif
