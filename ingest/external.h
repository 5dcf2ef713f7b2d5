/*
 * Reading through a stranger: what Carrel's own readers do not read (doc, xls, ppt, …), or cannot
 * draw, is turned into a document that they do by a command (external-command; LibreOffice's
 * soffice where it is installed and nothing is set) or a service (external-url).
 *
 *   a command   runs in a process of its own that the zygote forks (ingest/external_child.c): it
 *               reads and executes /usr, /bin, /lib*, /etc, /opt and itself, writes its
 *               folder only, has no network and nothing of our environment; its whole process
 *               group ends with it, with its time or with a cancellation. No shell: the setting
 *               is split into words ('…' and "…" hold blanks) and {file}, {dir} and {to} in
 *               them are replaced.
 *   a service   is sent the bytes by POST (ingest/external_url.c), with Content-Type and
 *               X-File-Name; the body of its answer is the document.
 *
 * What comes back is as untrusted as what went in: it is read in the sandbox like any file.
 * Thread: any worker; blocks.
 */
#ifndef INGEST_EXTERNAL_H
#define INGEST_EXTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "index/base/err.h"
#include "index/base/settings.h"
#include "ingest/zygote.h"

/* Whether something is set (or installed) that external_convert could ask. */
bool external_available(const struct settings *set);
/* Whether external-types names the file's extension, or its media type (may be NULL). */
bool external_takes(const struct settings *set, const char *name, const char *media_type);

/* The media type of files with this extension among those, whatever the case; NULL: not known. */
const char *external_type_named(const char *extension);

struct external_request {
	int memfd;	    /* the bytes (index/blob.h); borrowed */
	const char *name;   /* the file's name: its extension is all that a command is told */
	const char *to;	    /* "pdf", "xlsx": the kind of document asked for */
	const char *folder; /* to work in, DATA/stage/<job>/external: made here, removed here */
	const atomic_bool *cancel; /* NULL: nobody will */
};

/* *out: a sealed memfd with the document that came of it, the caller's to close. Errors, each with
 * a sentence that says what to do:
 *   ERR_UNPROCESSABLE "external_unavailable"  nothing is set and LibreOffice is not installed, or
 *                                             what is set is not there
 *   ERR_UNPROCESSABLE "external_failed"       it gave nothing, too much, or an error
 *   ERR_UNPROCESSABLE "external_timeout"      external-timeout-s has passed
 *   ERR_UPSTREAM      "external_unavailable", "external_failed"  the service cannot be reached or
 *                                             has an error of its own (worth another try)
 *   ERR_CANCELLED; ERR_UNAVAILABLE "sandbox_unavailable" */
MUST_CHECK int external_convert(struct zygote *z, const struct settings *set,
	const struct external_request *r, int *out, struct err *e);

/* zygote_extract, and where that does not know the kind of file but external-types does, what the
 * external extractor makes of it; the media type told is the file's own. folder: as above. */
MUST_CHECK int external_read(struct zygote *z, const struct settings *set,
	const struct extract_request *q, const char *folder, struct arena *a, struct extracted *out,
	struct err *e);

#endif
