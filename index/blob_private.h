/*
 * A blob's file: one byte that says how the rest is stored, then the rest.
 *	0x00  the plain bytes
 *	0x01  one zstd frame (RFC 8878)
 * Private to index/blob*.c.
 */
#ifndef INDEX_BLOB_PRIVATE_H
#define INDEX_BLOB_PRIVATE_H

#include "index/blob.h"

#define FORM_PLAIN 0
#define FORM_ZSTD 1
#define IO_BYTES ((size_t)128 * 1024) /* read or written at once */

#endif
