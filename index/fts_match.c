/* Which rows hold a phrase (index/fts.h's fts_rows). */
#include <sqlite3.h>
#include <string.h>

#include "index/fts_private.h"
#include "index/sql_functions.h"
#include "index/store_private.h"

#define PHRASE_TOKENS 128 /* of a longer one the rest is not asked for */

/* The first term of each position: of a compound its parts and not the whole, which no row that
 * writes it in two words has. */
static void write_phrase(struct buf *out, const struct terms *terms)
{
	int n = 0, last = -1;

	for (int i = 0; i < terms->n && n < PHRASE_TOKENS; i++) {
		const struct term *t = &terms->items[i];
		struct query_term q = {.text = t->text};

		if (t->position != last) {
			q.prefix = i + 1 == terms->n && fts_lone_character(t);
			buf_str(out, n++ ? " + " : "");
			fts_write_term(out, &q);
			last = t->position;
		}
	}
}

/* "(a + b) OR (c + d)": as each language of the workspace has it. */
static int write_forms(
	struct db *db, struct arena *a, const struct fts_phrase *p, struct buf *out, struct err *e)
{
	const char *languages[FTS_LANGUAGES_MAX];
	struct buf forms[FTS_LANGUAGES_MAX];
	int n = 0, n_forms = 0;
	int rc = fts_languages(db, p->workspace_n, p->language, languages, &n, e);

	for (int i = 0; rc == 0 && i < n; i++) {
		struct buf form = BUF_INIT;
		struct terms terms;
		bool seen;

		analyse(a, p->text, strlen(p->text), languages[i], &terms);
		write_phrase(&form, &terms);
		seen = form.len == 0;
		for (int k = 0; k < n_forms && !seen; k++) {
			seen = forms[k].len == form.len &&
			       memcmp(forms[k].data, form.data, form.len) == 0;
		}
		if (seen) {
			buf_finish(&form);
			continue;
		}
		buf_str(out, n_forms ? " OR " : p->title ? "{title} : (" : "(");
		buf_add(out, form.data, form.len);
		forms[n_forms++] = form;
	}
	buf_str(out, n_forms ? ")" : "");
	for (int k = 0; k < n_forms; k++) {
		buf_finish(&forms[k]);
	}
	return rc;
}

static int collect(struct db *db, const struct fts_phrase *p, const struct buf *match,
	struct bitmap *out, struct err *e)
{
	struct err own = ERR_INIT;
	struct stmt *q = fts_statement(db, p->workspace_n, FTS_ROWS, e ? e : &own);
	int rc;

	if (!q) {
		return fts_unprepared(e ? e : &own);
	}
	stmt_textn(q, 1, match->data, match->len);
	sqlite3_bind_pointer(q->q, 2, (void *)&p->allowed->slots, BITMAP_POINTER, NULL);
	while ((rc = stmt_step(q, e)) == 1) {
		bitmap_set(out, (uint64_t)col_int(q, 0));
	}
	stmt_reset(q);
	stmt_null(q, 2);
	return rc;
}

int fts_rows(struct db *db, const struct fts_phrase *p, struct bitmap *out, struct err *e)
{
	struct buf match = BUF_INIT;
	struct arena a;
	int rc;

	arena_init(&a);
	rc = write_forms(db, &a, p, &match, e);
	if (rc == 0 && match.len > 0) {
		rc = collect(db, p, &match, out, e);
	}
	buf_finish(&match);
	arena_finish(&a);
	return rc;
}
