/*
 * The zstd dictionaries of chunk text. Private to index/chunks. A dictionary holds pieces of the
 * texts it was trained on, of three words and more, each of which two of them have
 * (index/shingles.h). After a purge the live texts are sampled again (chunks_forget): a dictionary
 * with a piece that none of them has leaves. No chunk is given it any more, those that have it are
 * compressed anew, a few in a transaction, then it is removed.
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

/* tx. What a chunk of the document is compressed with, and cannot be read with, leaves. */
MUST_CHECK int dictionary_distrust(struct db *db, const struct id *document, struct err *e);

#endif
