/* Which rows hold a phrase (index/fts.h's fts_rows). Read from the posting lists: the rarest
 * word's rows, of those the allowed ones, are looked up in the others' lists. FTS5 walks the lists
 * of all words through its virtual machine (80 ms for "of the" at a million rows); it is asked only
 * where the lists cannot be read. */
#include <sqlite3.h>
#include <string.h>

#include "index/fts_private.h"
#include "index/sql_functions.h"
#include "index/store_private.h"

#define PHRASE_TOKENS 128  /* of a longer one the rest is not asked for */
#define POSITIONS_MAX 4096 /* of a word in a row; of more the rest is not looked at */

/* A phrase as one language has it. */
struct form {
	const char *terms[PHRASE_TOKENS];
	int n;
	bool prefix; /* the last one is a lone CJK character */
};

/* ── forms ── */

/* The first term of each position: of a compound its parts and not the whole, which no row that
 * writes it in two words has. */
static void read_form(const struct terms *terms, struct form *out)
{
	int last = -1;

	*out = (struct form){.n = 0};
	for (int i = 0; i < terms->n && out->n < PHRASE_TOKENS; i++) {
		const struct term *t = &terms->items[i];

		if (t->position != last) {
			out->prefix = i + 1 == terms->n && fts_lone_character(t);
			out->terms[out->n++] = t->text;
			last = t->position;
		}
	}
}

static bool same_form(const struct form *x, const struct form *y)
{
	bool same = x->n == y->n && x->prefix == y->prefix;

	for (int i = 0; same && i < x->n; i++) {
		same = strcmp(x->terms[i], y->terms[i]) == 0;
	}
	return same;
}

/* As each language of the workspace has it: out [FTS_LANGUAGES_MAX], distinct. */
static int read_forms(struct db *db, struct arena *a, const struct fts_phrase *p, struct form *out,
	int *n, struct err *e)
{
	const char *languages[FTS_LANGUAGES_MAX];
	int n_languages = 0;
	int rc = fts_languages(db, p->workspace_n, p->language, languages, &n_languages, e);

	*n = 0;
	for (int i = 0; rc == 0 && i < n_languages; i++) {
		struct terms terms;
		bool seen;

		analyse(a, p->text, strlen(p->text), languages[i], &terms);
		read_form(&terms, &out[*n]);
		seen = out[*n].n == 0;
		for (int k = 0; k < *n && !seen; k++) {
			seen = same_form(&out[k], &out[*n]);
		}
		*n += !seen;
	}
	return rc;
}

/* ── from the posting lists ── */

struct word {
	struct postings list;
	int32_t *positions; /* [POSITIONS_MAX] in the present row */
	int n;
};

struct matching {
	const struct fts_phrase *phrase;
	struct word *words; /* [n_words] as they follow each other */
	int n_words;
};

static int open_words(struct postings_index *x, struct arena *a, const struct form *f,
	struct matching *m, struct err *e)
{
	int rc = 0;

	m->n_words = f->n;
	m->words = arena_array(a, struct word, (size_t)f->n);
	for (int i = 0; rc == 0 && i < f->n; i++) {
		m->words[i].positions = arena_array(a, int32_t, POSITIONS_MAX);
		rc = postings_find(x, f->terms[i], &m->words[i].list, e);
	}
	return rc;
}

/* The first row from `row` on that is allowed and has all words; INT64_MAX: there is none. Each
 * list in turn goes to where the others are, so that the rarest word leads (Veldhuizen, Leapfrog
 * Triejoin, 2014). */
static int next_common(struct matching *m, int64_t row, int64_t *out, struct err *e)
{
	*out = INT64_MAX;
	for (int i = 0, n_agree = 0; n_agree < m->n_words; i = (i + 1) % m->n_words) {
		struct postings *list = &m->words[i].list;
		uint64_t allowed = bitmap_next(&m->phrase->allowed->slots, (uint64_t)row);
		int rc;

		if (allowed >= INT64_MAX) {
			return 0;
		}
		n_agree = (int64_t)allowed == row ? n_agree : 0;
		rc = postings_seek(list, (int64_t)allowed, e);
		if (rc != 0 || list->row == INT64_MAX) {
			return rc;
		}
		n_agree = list->row == (int64_t)allowed ? n_agree + 1 : 0;
		row = list->row;
	}
	*out = row;
	return 0;
}

/* Whether the words stand one after the other; columns are far apart. */
static bool follow_each_other(const struct matching *m)
{
	const struct word *first = &m->words[0];
	int at[PHRASE_TOKENS] = {0};

	for (int i = 0; i < first->n; i++) {
		int k = 1;

		if (m->phrase->title && first->positions[i] >= POSTINGS_COLUMN) {
			return false;
		}
		for (; k < m->n_words; k++) {
			const struct word *w = &m->words[k];

			while (at[k] < w->n && w->positions[at[k]] < first->positions[i] + k) {
				at[k]++;
			}
			if (at[k] == w->n || w->positions[at[k]] > first->positions[i] + k) {
				break;
			}
		}
		if (k == m->n_words) {
			return true;
		}
	}
	return false;
}

static int read_positions(struct matching *m, struct err *e)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < m->n_words; i++) {
		struct word *w = &m->words[i];

		rc = postings_positions(&w->list, w->positions, POSITIONS_MAX, &w->n, e);
	}
	return rc;
}

static int collect_form(struct matching *m, struct bitmap *out, struct err *e)
{
	bool anywhere = m->n_words == 1 && !m->phrase->title;
	int64_t row = 0;
	int rc;

	while ((rc = next_common(m, row, &row, e)) == 0 && row != INT64_MAX) {
		rc = anywhere ? 0 : read_positions(m, e);
		if (rc != 0) {
			break;
		}
		if (anywhere || follow_each_other(m)) {
			bitmap_set(out, (uint64_t)row);
		}
		row++;
	}
	return rc;
}

static int collect(struct postings_index *x, struct arena *a, const struct fts_phrase *p,
	const struct form *forms, int n, struct bitmap *out, struct err *e)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < n; i++) {
		struct matching m = {.phrase = p};

		rc = open_words(x, a, &forms[i], &m, e);
		rc = rc ? rc : collect_form(&m, out, e);
	}
	return rc;
}

/* ── from FTS5 ── */

/* "(a + b) OR (c + d)" */
static void write_forms(
	const struct fts_phrase *p, const struct form *forms, int n, struct buf *out)
{
	for (int i = 0; i < n; i++) {
		buf_str(out, i ? " OR " : p->title ? "{title} : (" : "(");
		for (int k = 0; k < forms[i].n; k++) {
			struct query_term q = {.text = forms[i].terms[k],
				.prefix = forms[i].prefix && k + 1 == forms[i].n};

			buf_str(out, k ? " + " : "");
			fts_write_term(out, &q);
		}
	}
	buf_str(out, ")");
}

static int collect_by_fts5(struct db *db, const struct fts_phrase *p, const struct form *forms,
	int n, struct bitmap *out, struct err *e)
{
	struct err own = ERR_INIT;
	struct stmt *q = fts_statement(db, p->workspace_n, FTS_ROWS, e ? e : &own);
	struct buf match = BUF_INIT;
	int rc;

	if (!q) {
		return err_code(e ? e : &own);
	}
	write_forms(p, forms, n, &match);
	stmt_textn(q, 1, match.data, match.len);
	buf_finish(&match);
	sqlite3_bind_pointer(q->q, 2, (void *)&p->allowed->slots, BITMAP_POINTER, NULL);
	while ((rc = stmt_step(q, e)) == 1) {
		bitmap_set(out, (uint64_t)col_int(q, 0));
	}
	stmt_reset(q);
	stmt_null(q, 2);
	return rc;
}

/* ── both ── */

static int match(struct db *db, struct arena *a, const struct fts_phrase *p, struct bitmap *out,
	struct err *e)
{
	struct form *forms = arena_array(a, struct form, FTS_LANGUAGES_MAX);
	struct postings_index index;
	bool prefix = false;
	int n, rc = read_forms(db, a, p, forms, &n, e);

	if (rc != 0 || n == 0) {
		return rc;
	}
	for (int i = 0; i < n; i++) {
		prefix |= forms[i].prefix;
	}
	rc = prefix ? 0 : postings_open(db, a, p->workspace_n, &index, e);
	return rc < 0	 ? rc
	       : rc == 1 ? collect(&index, a, p, forms, n, out, e)
			 : collect_by_fts5(db, p, forms, n, out, e);
}

int fts_rows(struct db *db, const struct fts_phrase *p, struct bitmap *out, struct err *e)
{
	struct arena a;
	int rc;

	arena_init(&a);
	rc = match(db, &a, p, out, e);
	arena_finish(&a);
	return rc;
}
