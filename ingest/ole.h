/*
 * Compound files (MS-CFB), the container of Outlook's messages and of Office before 2007, by
 * libgsf from memory. Thread: the child's only one.
 */
#ifndef INGEST_OLE_H
#define INGEST_OLE_H

#include <stdbool.h>
#include <stddef.h>

#include "index/base/buf.h"
#include "ingest/child.h"

/* The document as a compound file, opened once and borrowed; NULL: it is none, or damaged. A
 * directory with too many entries for libgsf ends the process with FAULT_LIMIT. */
typedef struct _GsfInfile GsfInfile;
GsfInfile *ole_of(const struct document *doc);
/* A stream or storage at its root. */
bool ole_has_stream(const struct document *doc, const char *name);
/* What made it: "an old Word document (.doc)"; NULL: it is no compound file. */
const char *ole_described(const struct document *doc);

/* Appends a whole stream; false: there is none, or it claims more than max bytes. */
bool ole_load(GsfInfile *dir, const char *name, size_t max, struct buf *out);
/* The caller's to drop (ole_drop); NULL: there is none, or it is a stream. */
GsfInfile *ole_storage(GsfInfile *dir, const char *name);
void ole_drop(GsfInfile *dir); /* NULL is fine */

#endif
