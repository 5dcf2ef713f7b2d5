/*
 * What a collection holds already, so that a file whose bytes are there is not sent again: its
 * documents by hash, and a file is only hashed when one of its size is there. Thread: main.
 */
#ifndef CHAT_CLI_KNOWN_H
#define CHAT_CLI_KNOWN_H

#include "chat/cli/cli.h"

struct known {
	json_t *rows;	 /* the API's list of documents */
	json_t *by_hash; /* sha256 -> row */
	json_t *sizes;	 /* "1234" -> true */
};

MUST_CHECK int known_load(
	struct cli *cli, const char *collection, struct known *out, struct err *e);
void known_finish(struct known *k);
/* The document whose latest version has the file's bytes, borrowed; NULL: none. ERR_INVALID:
 * unreadable. */
MUST_CHECK int known_lookup(const struct known *k, const char *path, int64_t n_bytes,
	const json_t **row, struct err *e);

#endif
