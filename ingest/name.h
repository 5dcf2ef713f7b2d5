/*
 * The name that a document gets from what a client called it: a relative path with '/' between
 * folders. Each part is valid UTF-8 in NFC (Unicode TR15) without control, bidi or zero-width
 * characters, trimmed; empty parts, "." and ".." are left out; both slashes part. Thread: any.
 */
#ifndef INGEST_NAME_H
#define INGEST_NAME_H

#include "index/base/arena.h"

#define NAME_BYTES_MAX 1000

/* Never empty ("unnamed"), at most NAME_BYTES_MAX bytes: a longer one is shortened, keeping its
 * extension and a digest of the whole, so that two long names do not become one. Clean names stay
 * as they are. */
const char *name_clean(struct arena *a, const char *name);

#endif
