/*
 * What is in a backup, a line each, in FOLDER/manifest:
 *
 *	carrel-backup 1
 *	schema 11
 *	made 2026-11-27T07:31:02.000Z
 *	blob <BLAKE2b-256> <bytes>         ascending; blobs/<aa>/<hash>: the name says what the file
 *	…                                  unpacks to, bytes how long it is
 *	file <BLAKE2b-256> <bytes> <name>  carrel.db, carrel.ini; the digest is over the file itself
 *	missing 0                          files that rows name and that could not be read
 *	end <BLAKE2b-256> <lines>          over all before it
 *
 * Thread: one. Blocks.
 */
#ifndef INDEX_MANIFEST_H
#define INDEX_MANIFEST_H

#include <stdint.h>
#include <stdio.h>

#include "index/base/err.h"
#include "index/base/hash.h"

#define MANIFEST_NAME "manifest"

struct manifest {
	FILE *file;
	struct hash_stream hash;
	int64_t n_lines;
	char last_blob[HASH_HEX_SIZE];
	int64_t n_missing; /* once the end is read */
};

/* ── writing ── */

MUST_CHECK int manifest_create(struct manifest *m, const char *folder, struct err *e);
void manifest_blob(struct manifest *m, const char *hash, int64_t n_bytes);
void manifest_file(struct manifest *m, const char *name, const char *digest, int64_t n_bytes);
/* Ends and closes it. */
MUST_CHECK int manifest_end(struct manifest *m, int64_t n_missing, struct err *e);

/* ── reading ── */

enum manifest_kind { MANIFEST_END, MANIFEST_BLOB, MANIFEST_FILE };
struct manifest_entry {
	enum manifest_kind kind;
	char digest[HASH_HEX_SIZE];
	int64_t n_bytes;
	char name[32]; /* of a file */
};

/* ERR_NOT_FOUND "no_backup": there is none; ERR_CONFIG: of a newer Carrel. */
MUST_CHECK int manifest_open(struct manifest *m, const char *folder, struct err *e);
/* ERR_CORRUPT "backup_damaged". After MANIFEST_END all that was read is right. */
MUST_CHECK int manifest_next(struct manifest *m, struct manifest_entry *out, struct err *e);

void manifest_close(struct manifest *m); /* fine after either end */

/* BLAKE2b-256 of a file, and its length. */
MUST_CHECK int manifest_digest(
	const char *path, char digest[HASH_HEX_SIZE], int64_t *n_bytes, struct err *e);

#endif
