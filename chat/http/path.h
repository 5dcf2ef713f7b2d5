/*
 * Request targets (RFC 9112, 3.2; RFC 3986): percent-decoding, queries, and the patterns of the
 * route table. Thread: any.
 */
#ifndef CHAT_HTTP_PATH_H
#define CHAT_HTTP_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "index/base/arena.h"

#define PATH_PARAMS_MAX 3

/* Decodes %XX (and '+' as a blank if plus) into the arena. NULL: a broken escape, %00, or not
 * UTF-8. */
char *path_decode(struct arena *a, const char *s, size_t n_bytes, bool plus);

/* Whether the raw (still encoded) path fits the pattern: "/v1/documents/{id}/pages/{page}.png". A
 * {…} takes a non-empty part of one segment; an encoded slash stays inside its segment. params are
 * filled in order. */
bool path_match(struct arena *a, const char *pattern, const char *path,
	const char *params[PATH_PARAMS_MAX]);

/* The value of a name in a raw query "a=1&b=x%20y", decoded; NULL if absent or broken. The first
 * counts. */
const char *path_query(struct arena *a, const char *query, const char *name);
/* Whether every name and value in it can be decoded. */
bool path_query_valid(struct arena *a, const char *query);

#endif
