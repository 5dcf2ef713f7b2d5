#include "retrieve/correct.h"

#include <string.h>

#include "index/base/buf.h"
#include "index/chunks.h"

/* How a text writes the term; NULL: it does not hold it by itself. */
static char *written_in(struct arena *a, const char *text, const char *language, const char *term)
{
	struct terms terms;

	analyse(a, text, strlen(text), language, &terms);
	for (int i = 0; i < terms.n; i++) {
		const struct term *t = &terms.items[i];

		if (strcmp(t->text, term) == 0) {
			return arena_strn(
				a, text + t->byte_start, (size_t)(t->byte_end - t->byte_start));
		}
	}
	return NULL;
}

/* In small letters if the slip is, as far as that is sure. */
static void as_typed(char *to, const char *from, size_t n_from)
{
	for (size_t i = 0; i < n_from; i++) {
		if (from[i] >= 'A' && from[i] <= 'Z') {
			return;
		}
	}
	for (; *to; to++) {
		*to = (char)(*to >= 'A' && *to <= 'Z' ? *to | 0x20 : *to);
	}
}

static int find_spelling(struct db *db, struct arena *a, const struct corrected *c,
	const struct fts_unknown *u, char **out, struct err *e)
{
	struct chunk chunk;
	int rc = chunks_load(db, a, c->who, &u->near_slot, 1, true, &chunk, e);

	*out = NULL;
	if (rc != 0 || chunk.slot < 0) {
		return rc;
	}
	*out = written_in(a, chunk.text, chunk.language, u->near);
	if (!*out) {
		*out = written_in(a, chunk.heading, chunk.language, u->near);
	}
	if (!*out) {
		*out = written_in(a, chunk.title, chunk.language, u->near);
	}
	return 0;
}

static void keep_similar(struct corrected *c, const struct fts_unknown *u)
{
	for (int i = 0; i < u->n_similar; i++) {
		c->extra[c->n_extra++] = u->similar[i];
	}
}

/* u [n] stand in the order of the text. */
static int put_right(struct db *db, struct arena *a, struct corrected *c,
	const struct fts_unknown *u, int n, struct err *e)
{
	struct buf text = BUF_INIT;
	int at = 0, rc = 0;

	for (int i = 0; rc == 0 && i < n; i++) {
		char *to = NULL;

		if (u[i].near) {
			rc = find_spelling(db, a, c, &u[i], &to, e);
		}
		keep_similar(c, &u[i]);
		if (rc == 0 && to && u[i].byte_start >= at) {
			const char *from = c->text + u[i].byte_start;
			size_t n_from = (size_t)(u[i].byte_end - u[i].byte_start);

			as_typed(to, from, n_from);
			buf_add(&text, c->text + at, (size_t)(u[i].byte_start - at));
			buf_str(&text, to);
			at = u[i].byte_end;
			c->corrections[c->n_corrections++] =
				(struct correction){arena_strn(a, from, n_from), to};
		}
	}
	if (rc == 0 && c->n_corrections > 0) {
		buf_str(&text, c->text + at);
		c->text = arena_strn(a, text.data, text.len);
	}
	buf_finish(&text);
	return rc;
}

int correct(struct db *db, struct arena *a, struct corrected *c, struct err *e)
{
	const struct fts_query q = {.workspace_n = c->who->workspace_n,
		.text = c->text,
		.language = c->language,
		.allowed = c->allowed};
	struct fts_unknown *unknown;
	int n, n_similar = 0;
	int rc = fts_unknown(db, a, &q, &unknown, &n, e);

	if (rc != 0 || n == 0) {
		return rc;
	}
	for (int i = 0; i < n; i++) {
		n_similar += unknown[i].n_similar;
	}
	c->corrections = arena_array(a, struct correction, (size_t)n);
	c->extra = arena_array(a, struct fts_extra, (size_t)n_similar + 1);
	return put_right(db, a, c, unknown, n, e);
}
