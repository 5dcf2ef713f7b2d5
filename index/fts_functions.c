/*
 * The tokenizer "carrel" of FTS5 and its score (https://www.sqlite.org/fts5.html, section 7), and
 * the filter. A document's column carries its language before it, so that what is deleted is cut as
 * what was inserted; a query's string is one finished term and is not cut at all.
 */
#include <sqlite3.h>
#include <string.h>

#include "index/base/arena.h"
#include "index/base/bitmap.h"
#include "index/fold.h"
#include "index/fts.h"
#include "index/sql_functions.h"

static int on_create(void *context, const char **args, int n_args, Fts5Tokenizer **out)
{
	(void)args;	/* the version that fts_outdated reads */
	*out = context; /* there is no state */
	return n_args <= 1 ? SQLITE_OK : SQLITE_ERROR;
}

static void on_delete(Fts5Tokenizer *t)
{
	(void)t;
}

typedef int (*token_fn)(
	void *context, int flags, const char *token, int n_token, int start, int end);

/* "en\x1f…": copies the language, gives where the text begins. */
static int split_language(const char *text, int n_bytes, char language[8])
{
	const char *mark = memchr(text, LANGUAGE_MARK, (size_t)(n_bytes < 8 ? n_bytes : 8));
	int n = mark ? (int)(mark - text) : 0;

	memcpy(language, text, (size_t)n);
	language[n] = '\0';
	return mark ? n + 1 : 0;
}

static int tokenize_document(void *context, const char *text, int n_bytes, token_fn token)
{
	char language[8], mark[9] = {LANGUAGE_TERM};
	int skip = split_language(text, n_bytes, language);
	int last = -1, rc = SQLITE_OK;
	struct terms terms;
	struct arena a;

	arena_init(&a);
	analyse(&a, text + skip, (size_t)(n_bytes - skip), language, &terms);
	for (int i = 0; i < terms.n && rc == SQLITE_OK; i++) {
		const struct term *t = &terms.items[i];

		rc = token(context, t->position == last ? FTS5_TOKEN_COLOCATED : 0, t->text,
			(int)strlen(t->text), skip + t->byte_start, skip + t->byte_end);
		last = t->position;
		if (rc == SQLITE_OK && i == 0 && language[0]) {
			memcpy(mark + 1, language, strlen(language) + 1);
			rc = token(context, FTS5_TOKEN_COLOCATED, mark, (int)strlen(mark),
				skip + t->byte_start, skip + t->byte_end);
		}
	}
	arena_finish(&a);
	return rc;
}

static int on_tokenize(
	Fts5Tokenizer *t, void *context, int flags, const char *text, int n_bytes, token_fn token)
{
	(void)t;
	if (n_bytes <= 0) {
		return SQLITE_OK;
	}
	return flags & FTS5_TOKENIZE_QUERY ? token(context, 0, text, n_bytes, 0, n_bytes)
					   : tokenize_document(context, text, n_bytes, token);
}

static void on_allowed(sqlite3_context *x, int n_args, sqlite3_value **args)
{
	const struct bitmap *slots = sqlite3_value_pointer(args[1], BITMAP_POINTER);
	sqlite3_int64 slot = sqlite3_value_int64(args[0]);

	(void)n_args;
	sqlite3_result_int(x, slots && slot >= 0 && bitmap_has(slots, (uint64_t)slot));
}

/* ── the score ── */

const double fts_column_weight[] = {2, 2, 1};
#define N_COLUMNS ((int)(sizeof(fts_column_weight) / sizeof(fts_column_weight[0])))

/* How often the phrase stands in the row, by column weight. */
static int weighted_count(const Fts5ExtensionApi *api, Fts5Context *row, int phrase, double *out)
{
	Fts5PhraseIter it;
	int column, offset;
	int rc = api->xPhraseFirst(row, phrase, &it, &column, &offset);

	for (*out = 0; rc == SQLITE_OK && column >= 0 && column < N_COLUMNS;) {
		*out += fts_column_weight[column];
		api->xPhraseNext(row, &it, &column, &offset);
	}
	return rc;
}

static int find_mean_length(const Fts5ExtensionApi *api, Fts5Context *row, struct scoring *s)
{
	sqlite3_int64 n_rows = 0, n_tokens = 0;
	int rc = api->xRowCount(row, &n_rows);

	if (rc == SQLITE_OK) {
		rc = api->xColumnTotalSize(row, -1, &n_tokens);
	}
	s->mean_length = n_rows > 0 && n_tokens > 0 ? (double)n_tokens / (double)n_rows : 1;
	return rc;
}

/* Robertson and Zaragoza, The Probabilistic Relevance Framework (2009), with weighted columns. */
static void on_score(const Fts5ExtensionApi *api, Fts5Context *row, sqlite3_context *x, int n_args,
	sqlite3_value **args)
{
	struct scoring *s = n_args == 1 ? sqlite3_value_pointer(args[0], SCORING_POINTER) : NULL;
	int rc = s ? SQLITE_OK : SQLITE_MISUSE, length = 0;
	double score = 0, norm;

	if (rc == SQLITE_OK && s->mean_length <= 0) {
		rc = find_mean_length(api, row, s);
	}
	if (rc == SQLITE_OK) {
		rc = api->xColumnSize(row, -1, &length);
	}
	if (rc == SQLITE_OK) {
		norm = BM25_K1 * (1 - BM25_B + BM25_B * length / s->mean_length);
		for (int i = 0; rc == SQLITE_OK && i < s->n; i++) {
			double f;

			rc = weighted_count(api, row, s->n_skip + i, &f);
			score += s->idf[i] * f * (BM25_K1 + 1) / (f + norm);
		}
	}
	if (rc != SQLITE_OK) {
		sqlite3_result_error_code(x, rc);
	} else {
		sqlite3_result_double(x, score);
	}
}

static int find_fts5(sqlite3 *c, fts5_api **out)
{
	sqlite3_stmt *q;
	int rc = sqlite3_prepare_v2(c, "SELECT fts5(?1)", -1, &q, NULL);

	*out = NULL;
	if (rc == SQLITE_OK) {
		rc = sqlite3_bind_pointer(q, 1, out, "fts5_api_ptr", NULL);
		if (rc == SQLITE_OK) {
			sqlite3_step(q);
		}
		rc = sqlite3_finalize(q);
	}
	return rc == SQLITE_OK && !*out ? SQLITE_ERROR : rc;
}

static void on_fold(sqlite3_context *context, int n_args, sqlite3_value **args)
{
	const char *text = (const char *)sqlite3_value_text(args[0]);
	size_t n = (size_t)sqlite3_value_bytes(args[0]);
	size_t size = 8 * n + 32; /* NFKC makes at most 18 characters of one, and most stay one */
	char *cased, *plain;

	(void)n_args;
	if (!text) {
		return;
	}
	cased = sqlite3_malloc64(2 * size);
	if (!cased) {
		sqlite3_result_error_nomem(context);
		return;
	}
	plain = cased + size;
	n = fold_marks(cased, fold_case(text, n, cased, size), plain, size);
	sqlite3_result_text64(context, plain, n, SQLITE_TRANSIENT, SQLITE_UTF8);
	sqlite3_free(cased);
}

int fts_functions(sqlite3 *c)
{
	static fts5_tokenizer tokenizer = {on_create, on_delete, on_tokenize};
	fts5_api *fts5;
	int rc = find_fts5(c, &fts5);

	if (rc == SQLITE_OK) {
		rc = fts5->xCreateTokenizer(fts5, "carrel", &tokenizer, &tokenizer, NULL);
	}
	if (rc == SQLITE_OK) {
		rc = fts5->xCreateFunction(fts5, "carrel_score", NULL, on_score, NULL);
	}
	if (rc == SQLITE_OK) {
		rc = sqlite3_create_function_v2(c, "carrel_fold", 1,
			SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL, on_fold, NULL,
			NULL, NULL);
	}
	if (rc == SQLITE_OK) {
		rc = sqlite3_create_function_v2(c, "carrel_allowed", 2,
			SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL, on_allowed, NULL, NULL, NULL);
	}
	return rc;
}
