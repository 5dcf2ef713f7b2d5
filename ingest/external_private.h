/* What the files of ingest/external.h share. Thread: any worker. */
#ifndef INGEST_EXTERNAL_PRIVATE_H
#define INGEST_EXTERNAL_PRIVATE_H

#include "ingest/external.h"

/* Seals a memfd as index/blob.h does. */
MUST_CHECK int external_seal(int fd, struct err *e);
/* "doc"; "": it has none. Borrowed from the name. */
const char *external_extension(const char *name);
/* Whether LibreOffice is asked because nothing else is said. */
bool external_uses_office(const struct settings *set);
/* By the name's extension, since nobody else knows; "application/octet-stream" if it says nothing.
 */
const char *external_media_type(const char *name);
/* Asks external-url (ingest/external_url.c). */
MUST_CHECK int external_post(const struct settings *set, const struct external_request *r,
	int64_t bytes_max, int *out, struct err *e);

#endif
