/*
 * The one table of what Carrel reads: a row a format. The README's list, `carrel extract --formats`
 * and the message about unknown files are made of it; the child goes by it.
 * Thread: any; `is` and `extract` in the child only.
 */
#ifndef INGEST_FORMATS_H
#define INGEST_FORMATS_H

#include <stdbool.h>

#include "index/base/buf.h"
#include "ingest/extracted.h"

struct document;
struct draft;

struct format {
	const char *media_type;
	const char *name;	/* for people: "Word document" */
	const char *extensions; /* "docx docm", the usual one first */
	enum paging paging;
	bool (*is)(struct document *doc); /* by the content */
	void (*extract)(struct document *doc, struct draft *d);
};

extern const struct format FORMATS[];
extern const int N_FORMATS;

/* The media type of files with this extension, whatever the case; NULL: not known. */
const char *format_type_named(const char *extension);
/* Whether its pages can be drawn (zygote_render). */
bool format_is_drawn(const char *media_type);
/* Appends "pdf, docx, … or txt". */
void formats_sentence(struct buf *out);

#endif
