/*
 * Content-addressed files: DATA/blobs/<aa>/<hash>, hash = BLAKE2b-256 of the plain bytes in hex.
 * Stored zstd-compressed unless the content is already compressed (a blob's first byte says which);
 * written to DATA/tmp, fsynced, renamed, the directory fsynced: after blob_writer_commit returns 0
 * the bytes are durable. A blob is never changed; the same bytes are stored once.
 * This module alone writes DATA/blobs and DATA/tmp. Which blobs are wanted is said by the database:
 * whoever sweeps walks with blob_each and removes the others with blob_remove.
 * Thread: any worker; a writer belongs to one thread. Blocks.
 */
#ifndef INDEX_BLOB_H
#define INDEX_BLOB_H

#include <stdbool.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "index/base/err.h"
#include "index/base/hash.h"

struct blobs;
struct blob_writer;

struct blob_info {
	char hash[HASH_HEX_SIZE];   /* BLAKE2b-256: the blob's name */
	char sha256[HASH_HEX_SIZE]; /* of the same plain bytes, to show */
	int64_t n_bytes;	    /* plain */
};

MUST_CHECK int blobs_open(
	const char *data_dir, struct blobs **out, struct err *e); /* clears DATA/tmp */
/* For a folder that is only read: nothing in it is made or removed. */
MUST_CHECK int blobs_open_to_read(const char *data_dir, struct blobs **out, struct err *e);
void blobs_close(struct blobs *b);

/* Streamed in: constant memory whatever the size. max_bytes: past it blob_write is ERR_TOO_LARGE.
 */
MUST_CHECK int blob_writer_open(
	struct blobs *b, int64_t max_bytes, struct blob_writer **out, struct err *e);
MUST_CHECK int blob_write(struct blob_writer *w, const void *p, size_t n_bytes, struct err *e);
/* Durable on 0. The writer is gone whatever is returned. */
MUST_CHECK int blob_writer_commit(struct blob_writer *w, struct blob_info *out, struct err *e);
void blob_writer_abort(struct blob_writer *w); /* NULL is fine */

MUST_CHECK int blob_put(
	struct blobs *b, const void *p, size_t n_bytes, struct blob_info *out, struct err *e);

/* ── reading (index/blob_read.c) ── */

/* Appends the plain bytes, verified against the hash (ERR_CORRUPT); absent: ERR_NOT_FOUND. */
MUST_CHECK int blob_read(
	struct blobs *b, const char *hash, int64_t max_bytes, struct buf *out, struct err *e);
/* A sealed memfd (F_SEAL_WRITE|GROW|SHRINK) with the plain bytes, offset 0; the caller closes it.
 * This is what a sandboxed child is given. */
MUST_CHECK int blob_memfd(struct blobs *b, const char *hash, int *fd, struct err *e);
/* Reads all of it. ERR_NOT_FOUND, ERR_CORRUPT: it is not what its name says. */
MUST_CHECK int blob_verify(struct blobs *b, const char *hash, struct err *e);

/* A stream of the plain bytes, for downloads. */
struct blob_reader;
MUST_CHECK int blob_reader_open(
	struct blobs *b, const char *hash, struct blob_reader **out, struct err *e);
/* Bytes read (at most n), 0 at the end, negative: an error. */
MUST_CHECK int blob_reader_next(struct blob_reader *r, void *p, size_t n, struct err *e);
void blob_reader_close(struct blob_reader *r);

/* ── upkeep ── */

bool blob_exists(struct blobs *b, const char *hash);
/* Removes the file; absence is fine. Only for blobs that no row names. */
MUST_CHECK int blob_remove(struct blobs *b, const char *hash, struct err *e);
/* Calls fn for each stored hash, in no order; a non-zero return ends the walk. */
MUST_CHECK int blob_each(
	struct blobs *b, int (*fn)(const char *hash, void *arg), void *arg, struct err *e);

/* ── copies (index/blob_copy.c) ── */

#define BLOB_PATH_SIZE 4096
/* Where its file is, or would be; false: that is no hash. */
bool blob_path(const struct blobs *b, const char *hash, char out[BLOB_PATH_SIZE]);
int64_t blob_stored_bytes(const struct blobs *b, const char *hash); /* of the file; -1: absent */
/* Copies the file into another folder's blobs, where it must not be yet, and reads the copy. Not
 * synced. ERR_NOT_FOUND, ERR_CORRUPT: of the original; what goes wrong with the copy is ERR_IO. */
MUST_CHECK int blob_copy(struct blobs *from, struct blobs *to, const char *hash, struct err *e);

#endif
