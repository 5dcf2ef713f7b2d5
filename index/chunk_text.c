/*
 * carrel_text and carrel_zip: chunk text under zstd (RFC 8878) and the workspace's dictionaries.
 * Each connection keeps the dictionaries it has met; their rows never change, and their numbers
 * come from their content.
 */
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>

#include <zstd.h>

#include "index/base/err.h"
#include "index/sql_functions.h"

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

/* The dictionary of argument 0; false: named but absent (the result is an error then). */
static bool choose(sqlite3_context *x, sqlite3_value *v, struct dictionary **out)
{
	*out = NULL;
	if (sqlite3_value_type(v) == SQLITE_NULL) {
		return true;
	}
	*out = find_dictionary(sqlite3_user_data(x), sqlite3_value_int64(v));
	if (!*out) {
		sqlite3_result_error(x, "a text dictionary is missing", -1);
		sqlite3_result_error_code(x, SQLITE_CORRUPT);
	}
	return *out != NULL;
}

static void on_text(sqlite3_context *x, int n_args, sqlite3_value **args)
{
	struct codec *k = sqlite3_user_data(x);
	const void *frame = sqlite3_value_blob(args[1]);
	size_t n_frame = (size_t)sqlite3_value_bytes(args[1]);
	unsigned long long n =
		frame ? ZSTD_getFrameContentSize(frame, n_frame) : ZSTD_CONTENTSIZE_ERROR;
	struct dictionary *d;
	char *text;
	size_t got;

	(void)n_args;
	if (!choose(x, args[0], &d)) {
		return;
	}
	if (n > TEXT_MAX) { /* the errors are the largest numbers */
		sqlite3_result_error_code(x, SQLITE_CORRUPT);
		return;
	}
	text = sqlite3_malloc64(n + 1);
	if (!text) {
		sqlite3_result_error_nomem(x);
		return;
	}
	got = d ? ZSTD_decompress_usingDDict(k->unzip, text, n, frame, n_frame, d->unzip)
		: ZSTD_decompressDCtx(k->unzip, text, n, frame, n_frame);
	if (ZSTD_isError(got) || got != n) {
		sqlite3_free(text);
		sqlite3_result_error_code(x, SQLITE_CORRUPT);
		return;
	}
	sqlite3_result_text64(x, text, n, sqlite3_free, SQLITE_UTF8);
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
	if (!choose(x, args[0], &d)) {
		return;
	}
	frame = sqlite3_malloc64(bound);
	if (!frame) {
		sqlite3_result_error_nomem(x);
		return;
	}
	got = d ? ZSTD_compress_usingCDict(k->zip, frame, bound, text, n, d->zip)
		: ZSTD_compressCCtx(k->zip, frame, bound, text, n, LEVEL);
	if (ZSTD_isError(got)) {
		sqlite3_free(frame);
		sqlite3_result_error(x, ZSTD_getErrorName(got), -1);
		return;
	}
	sqlite3_result_blob64(x, frame, got, sqlite3_free);
}

int chunk_text_functions(sqlite3 *c)
{
	struct codec *k = calloc(1, sizeof(*k));
	int rc;

	ASSERT(k);
	k->c = c;
	k->refs = 2; /* one a function */
	k->zip = ZSTD_createCCtx();
	k->unzip = ZSTD_createDCtx();
	ASSERT(k->zip && k->unzip);
	/* SQLite drops its reference when it fails, too. */
	rc = sqlite3_create_function_v2(c, "carrel_text", 2, SQLITE_UTF8 | SQLITE_INNOCUOUS, k,
		on_text, NULL, NULL, codec_drop);
	if (rc != SQLITE_OK) {
		codec_drop(k);
		return rc;
	}
	return sqlite3_create_function_v2(c, "carrel_zip", 2, SQLITE_UTF8 | SQLITE_DIRECTONLY, k,
		on_zip, NULL, NULL, codec_drop);
}
