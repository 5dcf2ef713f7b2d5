/*
 * carrel_text, carrel_readable and carrel_zip: chunk text under zstd (RFC 8878) and the workspace's
 * dictionaries. Each connection keeps the dictionaries it has met; their rows never change, and
 * their numbers come from their content. A frame ends with its text's checksum (XXH64, 32 bits of
 * it), which tells a changed frame as well as a changed dictionary; those of before have none.
 */
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>

#include <zstd.h>

#include "index/base/err.h"
#include "index/sql_functions.h"

/* Not SQLITE_CORRUPT itself, after which SQLite lets the transaction write nothing more: it is one
 * row of ours that is damaged, and others' changes share the commit. */
#define DAMAGED SQLITE_CORRUPT_VTAB

#define LEVEL 6
#define TEXT_MAX (64 << 20) /* a frame that claims more is damaged */
#define N_DICTIONARIES 16

struct dictionary {
	sqlite3_int64 n;
	ZSTD_CDict *zip;
	ZSTD_DDict *unzip;
};

struct codec {
	sqlite3 *c;
	int refs;
	ZSTD_CCtx *zip;
	ZSTD_DCtx *unzip;
	struct dictionary dictionaries[N_DICTIONARIES];
	int next; /* the one to give up */
};

static void dictionary_finish(struct dictionary *d)
{
	ZSTD_freeCDict(d->zip);
	ZSTD_freeDDict(d->unzip);
	*d = (struct dictionary){0, NULL, NULL};
}

static void codec_drop(void *arg)
{
	struct codec *k = arg;

	if (--k->refs > 0) {
		return;
	}
	for (int i = 0; i < N_DICTIONARIES; i++) {
		dictionary_finish(&k->dictionaries[i]);
	}
	ZSTD_freeCCtx(k->zip);
	ZSTD_freeDCtx(k->unzip);
	free(k);
}

/* NULL: there is no such dictionary. */
static struct dictionary *find_dictionary(struct codec *k, sqlite3_int64 n)
{
	struct dictionary *d;
	sqlite3_stmt *q;

	for (int i = 0; i < N_DICTIONARIES; i++) {
		if (k->dictionaries[i].unzip && k->dictionaries[i].n == n) {
			return &k->dictionaries[i];
		}
	}
	if (sqlite3_prepare_v2(
		    k->c, "SELECT bytes FROM text_dictionary WHERE n = ?1", -1, &q, NULL)) {
		return NULL;
	}
	d = &k->dictionaries[k->next];
	sqlite3_bind_int64(q, 1, n);
	if (sqlite3_step(q) == SQLITE_ROW) {
		const void *bytes = sqlite3_column_blob(q, 0);
		size_t n_bytes = (size_t)sqlite3_column_bytes(q, 0);

		dictionary_finish(d);
		d->n = n;
		d->zip = ZSTD_createCDict(bytes, n_bytes, LEVEL);
		d->unzip = ZSTD_createDDict(bytes, n_bytes);
		k->next = (k->next + 1) % N_DICTIONARIES;
	} else {
		d = NULL;
	}
	sqlite3_finalize(q);
	return d && d->zip && d->unzip ? d : NULL;
}

/* The dictionary of argument 0; false: named but absent. */
static bool choose(struct codec *k, sqlite3_value *v, struct dictionary **out)
{
	*out = NULL;
	if (sqlite3_value_type(v) == SQLITE_NULL) {
		return true;
	}
	*out = find_dictionary(k, sqlite3_value_int64(v));
	return *out != NULL;
}

/* SQLITE_OK with the text, to be freed by SQLite's allocator; else *why. */
static int unzip(
	struct codec *k, sqlite3_value **args, char **text, size_t *n_text, const char **why)
{
	const void *frame = sqlite3_value_blob(args[1]);
	size_t n_frame = (size_t)sqlite3_value_bytes(args[1]), got;
	unsigned long long n =
		frame ? ZSTD_getFrameContentSize(frame, n_frame) : ZSTD_CONTENTSIZE_ERROR;
	struct dictionary *d;

	*text = NULL;
	if (!choose(k, args[0], &d)) {
		*why = "a text dictionary is missing: run `carrel check --repair`";
		return DAMAGED;
	}
	*why = "the text of a chunk is damaged: run `carrel check --repair`";
	if (n > TEXT_MAX) { /* the errors are the largest numbers */
		return DAMAGED;
	}
	*text = sqlite3_malloc64(n + 1);
	if (!*text) {
		return SQLITE_NOMEM;
	}
	got = d ? ZSTD_decompress_usingDDict(k->unzip, *text, n, frame, n_frame, d->unzip)
		: ZSTD_decompressDCtx(k->unzip, *text, n, frame, n_frame);
	if (ZSTD_isError(got) || got != n) {
		sqlite3_free(*text);
		*text = NULL;
		return DAMAGED;
	}
	*n_text = n;
	return SQLITE_OK;
}

static void on_text(sqlite3_context *x, int n_args, sqlite3_value **args)
{
	const char *why;
	char *text;
	size_t n;
	int rc = unzip(sqlite3_user_data(x), args, &text, &n, &why);

	(void)n_args;
	if (rc == SQLITE_OK) {
		sqlite3_result_text64(x, text, n, sqlite3_free, SQLITE_UTF8);
		return;
	}
	if (rc == DAMAGED) {
		sqlite3_result_error(x, why, -1);
	}
	sqlite3_result_error_code(x, rc);
}

static void on_readable(sqlite3_context *x, int n_args, sqlite3_value **args)
{
	const char *why;
	char *text;
	size_t n;
	int rc = unzip(sqlite3_user_data(x), args, &text, &n, &why);

	(void)n_args;
	sqlite3_free(text);
	if (rc == SQLITE_NOMEM) {
		sqlite3_result_error_nomem(x);
	} else {
		sqlite3_result_int(x, rc == SQLITE_OK);
	}
}

static void on_zip(sqlite3_context *x, int n_args, sqlite3_value **args)
{
	struct codec *k = sqlite3_user_data(x);
	const char *text = (const char *)sqlite3_value_text(args[1]);
	size_t n = (size_t)sqlite3_value_bytes(args[1]), bound = ZSTD_compressBound(n), got;
	struct dictionary *d;
	void *frame;

	(void)n_args;
	if (!text || n > TEXT_MAX) {
		sqlite3_result_error_toobig(x);
		return;
	}
	if (!choose(k, args[0], &d)) {
		sqlite3_result_error(x, "a text dictionary is missing", -1);
		sqlite3_result_error_code(x, DAMAGED);
		return;
	}
	frame = sqlite3_malloc64(bound);
	if (!frame) {
		sqlite3_result_error_nomem(x);
		return;
	}
	(void)ZSTD_CCtx_refCDict(k->zip, d ? d->zip : NULL);
	got = ZSTD_compress2(k->zip, frame, bound, text, n);
	if (ZSTD_isError(got)) {
		sqlite3_free(frame);
		sqlite3_result_error(x, ZSTD_getErrorName(got), -1);
		return;
	}
	sqlite3_result_blob64(x, frame, got, sqlite3_free);
}

int chunk_text_functions(sqlite3 *c)
{
	static const struct {
		const char *name;
		int flags;
		void (*fn)(sqlite3_context *x, int n_args, sqlite3_value **args);
	} functions[] = {
		{"carrel_text", SQLITE_INNOCUOUS, on_text},
		{"carrel_readable", SQLITE_INNOCUOUS, on_readable},
		{"carrel_zip", SQLITE_DIRECTONLY, on_zip},
	};
	struct codec *k = calloc(1, sizeof(*k));
	int rc = SQLITE_OK;

	ASSERT(k);
	k->c = c;
	k->refs = 1; /* ours, and one a function */
	k->zip = ZSTD_createCCtx();
	k->unzip = ZSTD_createDCtx();
	ASSERT(k->zip && k->unzip);
	ASSERT(!ZSTD_isError(ZSTD_CCtx_setParameter(k->zip, ZSTD_c_compressionLevel, LEVEL)));
	ASSERT(!ZSTD_isError(ZSTD_CCtx_setParameter(k->zip, ZSTD_c_checksumFlag, 1)));
	for (size_t i = 0; rc == SQLITE_OK && i < sizeof(functions) / sizeof(functions[0]); i++) {
		k->refs++; /* SQLite drops it when it fails, too */
		rc = sqlite3_create_function_v2(c, functions[i].name, 2,
			SQLITE_UTF8 | functions[i].flags, k, functions[i].fn, NULL, NULL,
			codec_drop);
	}
	codec_drop(k);
	return rc;
}
