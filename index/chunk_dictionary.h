/*
 * The zstd dictionaries of chunk text. Private to index/chunks. A dictionary holds pieces of the
 * texts it was trained on, so one that has words of a purged document leaves: no chunk is given it
 * any more, those that have it are compressed anew without one, a few in a transaction
 * (chunks_forget), then it is removed.
 */
#ifndef INDEX_CHUNK_DICTIONARY_H
#define INDEX_CHUNK_DICTIONARY_H

#include "index/store.h"

/* The one to compress with now; 0: none. */
MUST_CHECK int dictionary_current(struct db *db, int64_t workspace_n, int64_t *n, struct err *e);

/* Training takes its time, and samples may be purged in it: then nothing is added. *out is to be
 * ended whatever begin returns; end frees it. */
struct training;
MUST_CHECK int training_begin(
	struct store *s, int64_t workspace_n, struct training **out, struct err *e);
MUST_CHECK int training_end(struct store *s, struct training *t, struct err *e);

/* A purge, in its transaction: test each text, which is out of the full-text index already, and
 * when its row is gone, end, by which the dictionaries concerned begin to leave. A word that a live
 * chunk still has (by stem) taints nothing. *out is to be destroyed whatever create returns. */
struct forgetting;
MUST_CHECK int forgetting_create(
	struct db *db, int64_t workspace_n, struct forgetting **out, struct err *e);
MUST_CHECK int forgetting_test(
	struct db *db, struct forgetting *f, const char *text, struct err *e);
/* There was a text that could not be read: all dictionaries are concerned. */
void forgetting_all(struct forgetting *f);
MUST_CHECK int forgetting_end(struct db *db, struct forgetting *f, struct err *e);
void forgetting_destroy(struct forgetting *f);

/* tx. What a chunk of the document is compressed with, and cannot be read with, leaves. */
MUST_CHECK int dictionary_distrust(struct db *db, const struct id *document, struct err *e);

#endif
