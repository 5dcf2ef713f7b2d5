/* `carrel check`: a table of stages, each of which compares something derived with what is sacred.
 */
#include <stdarg.h>
#include <stdio.h>

#include "index/catalog.h"
#include "index/check_private.h"
#include "index/fts.h"

void check_found(struct check *c, bool mended, const char *fmt, ...)
{
	char text[600];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (mended && n >= 0 && (size_t)n < sizeof(text)) {
		snprintf(text + n, sizeof(text) - (size_t)n, ": mended");
	}
	c->how->say(c->how->arg, c->stage, text);
	c->n_wrong += !mended;
}

void check_note(struct check *c, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->how->say(c->how->arg, c->stage, text);
}

/* ── what whole modules check of themselves ── */

/* What it says of lost parents may be of chunks, which can go. */
static int check_database(struct check *c, struct err *e)
{
	struct err broken = ERR_INIT, still = ERR_INIT;
	int rc = store_integrity(c->ix->store, &broken);

	if (rc != ERR_CORRUPT) {
		return rc < 0 ? err_set(e, rc, broken.reason, "%s", broken.message) : 0;
	}
	if (c->how->repair && check_strays(c, &still) == 0) {
		err_clear(&still);
		rc = store_integrity(c->ix->store, &still);
	}
	check_found(c, rc == 0, "%s", broken.message);
	return 0;
}

static int check_permissions(struct check *c, struct err *e)
{
	int64_t n = 0;
	int rc = acl_check(c->ix->acl, c->ix->store, c->how->repair, &n, e);

	if (rc == 0 && n > 0) {
		check_found(c, c->how->repair, "%lld differences between entries, sets and bitmaps",
			(long long)n);
	}
	return rc;
}

static int rebuild(struct db *db, void *arg, struct err *e)
{
	return fts_rebuild(db, *(int64_t *)arg, e);
}

/* FTS5 checks by a statement that looks like a write. */
static int compare(struct db *db, void *arg, struct err *e)
{
	return fts_check(db, *(int64_t *)arg, e);
}

/* ERR_INTERNAL: a table of it is not there. */
static int check_workspace_text(struct check *c, const struct workspace *w, struct err *e)
{
	struct err broken = ERR_INIT;
	int64_t n = w->n;
	int rc = store_write(c->ix->store, compare, &n, &broken);

	if (rc == ERR_CORRUPT || rc == ERR_INTERNAL) {
		rc = c->how->repair ? store_write(c->ix->store, rebuild, &n, e) : 0;
		check_found(
			c, c->how->repair && rc == 0, "workspace %s: %s", w->name, broken.message);
		return rc;
	}
	return rc < 0 ? err_set(e, rc, broken.reason, "%s", broken.message) : 0;
}

static int check_text(struct check *c, struct err *e)
{
	struct db *db = store_reader(c->ix->store, e);
	struct workspace *rows = NULL;
	int n = 0, rc;

	if (!db) {
		return ERR_UNAVAILABLE;
	}
	rc = workspace_list(db, &c->arena, &rows, &n, e);
	store_reader_drop(db);
	for (int i = 0; rc == 0 && i < n; i++) {
		rc = check_workspace_text(c, &rows[i], e);
	}
	return rc;
}

static int check_vectors(struct check *c, struct err *e)
{
	int64_t n = 0, n_left = 0;
	int rc = vectors_check(c->ix->vectors, false, &n, e);

	if (rc == 0 && c->how->repair) {
		rc = vectors_check(c->ix->vectors, true, &n_left, e);
	}
	if (rc == 0 && n > 0) {
		check_found(c, c->how->repair && n_left == 0,
			"%lld differences between vectors, chunks and files", (long long)n);
	}
	return rc;
}

/* ── the stages ── */

static const struct {
	const char *name;
	int (*run)(struct check *c, struct err *e);
} stages[] = {
	{"database", check_database},
	{"parts", check_parts},
	{"versions", check_versions},
	{"texts", check_texts},
	{"chunks", check_chunks},
	{"permissions", check_permissions},
	{"full text", check_text},
	{"vectors", check_vectors},
	{"answers", check_answers},
	{"blobs", check_blobs},
	{"stage", check_stage},
};

_Static_assert(sizeof(stages) / sizeof(stages[0]) == INDEX_CHECK_STAGES, "as index.h says");

/* A stage that meets damage of the database itself has found something; the next may find more. */
int index_check(struct index *ix, const struct index_checking *how, int64_t *n_wrong, struct err *e)
{
	struct check c = {.ix = ix, .how = how};
	int rc = 0;

	arena_init(&c.arena);
	for (size_t i = 0; rc == 0 && i < sizeof(stages) / sizeof(stages[0]); i++) {
		struct err why = ERR_INIT;

		c.stage = stages[i].name;
		how->say(how->arg, c.stage, "");
		rc = stages[i].run(&c, &why);
		if (rc == ERR_CORRUPT) {
			check_found(&c, false, "%s", why.message);
			rc = 0;
		} else if (rc < 0) {
			rc = err_set(e, rc, why.reason, "%s", why.message);
		}
	}
	arena_finish(&c.arena);
	*n_wrong = c.n_wrong;
	return rc;
}
