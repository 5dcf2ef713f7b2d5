/*
 * The files inside of a document that is read (attachments, embedded files) become documents of
 * their own, its parts (index/catalog.h).
 *
 *   the reader's CHILD and BYTES frames -> a spool that has no name -> blobs
 *   -> one transaction with the parent's text: parts that are new, have other bytes, or are gone
 *
 * Doing it again changes nothing. Only the latest version that was read has parts: an older one
 * that is read late leaves them alone. What somebody deleted by itself stays away until the parent
 * has a newer version. Attachments of attachments are taken in to the depth ingest-children-depth,
 * and all of one family to FAMILY_FACTOR × ingest-children, so that no file multiplies without end.
 * Thread: the job's worker; parts_record in a write transaction.
 */
#ifndef INGEST_PARTS_H
#define INGEST_PARTS_H

#include "index/catalog.h"
#include "ingest/frame.h"
#include "ingest/pipeline.h"

#define FAMILY_FACTOR 10

struct parts;

/* Of this document, which is about to be read. */
MUST_CHECK int parts_open(
	struct ingest *in, const struct document *parent, struct parts **out, struct err *e);
/* What takes the files as they come; NULL: the document is too deep inside of others. */
const struct child_sink *parts_sink(struct parts *p);
/* After the reading has succeeded: the blobs are durable. Between index_naming_begin and _end. */
MUST_CHECK int parts_store(struct parts *p, struct err *e);
/* tx. Makes the document's parts what was found in this version of it. */
MUST_CHECK int parts_record(struct db *db, struct parts *p, const struct document *parent,
	const struct version *version, struct err *e);
/* After a failure: removes the blobs that nobody names. */
void parts_forget(struct parts *p);
void parts_close(struct parts *p); /* NULL is fine */

#endif
