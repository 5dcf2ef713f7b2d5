/*
 * The ZIP container of office formats (APPNOTE.TXT 6.3; ECMA-376 part 2; ODF 1.3 part 2; EPUB OCF
 * 3.3), read in the child by libzip from memory. Bytes are counted as they are inflated: an archive
 * with too many parts, a part that unpacks to too many times its size, or parts that together
 * unpack to more than ingest-inflated-mb, ends the process with FAULT_LIMIT; a part that is
 * encrypted with FAULT_PASSWORD; one that is damaged with FAULT_BROKEN. Sizes that the archive
 * claims are not believed. Thread: the child's only one.
 */
#ifndef INGEST_ARCHIVE_H
#define INGEST_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "index/base/buf.h"

struct archive;
struct archive_part;
struct document;

/* The document as an archive, opened once and borrowed; NULL: it is none, or its directory is
 * damaged. */
struct archive *archive_of(struct document *doc);
/* "docx", "xlsx", "pptx" by the type of the main part, else what the part `mimetype` says
 * ("application/vnd.oasis.opendocument.text"); "": neither. */
const char *archive_type(struct archive *a);

int archive_count(struct archive *a);
const char *archive_name(struct archive *a, int i); /* NULL: damaged */
bool archive_has(struct archive *a, const char *name);

/* A leading '/' of the name does not count. NULL: there is no such part. */
struct archive_part *archive_open(struct archive *a, const char *name);
/* 0: the end. */
size_t archive_read(struct archive_part *p, void *to, size_t n_bytes);
void archive_close(struct archive_part *p); /* NULL is fine */
/* Appends the whole part. false: there is none; FAULT_LIMIT beyond max bytes. */
bool archive_load(struct archive *a, const char *name, size_t max, struct buf *out);

#endif
