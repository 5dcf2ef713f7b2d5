/*
 * Rows of JSON objects as a table of a given width. Columns take what their widest cell needs; when
 * that is too much, those that may give way, the widest first, down to 6; ids and numbers never do.
 * Pure.
 */
#ifndef CHAT_CLI_TABLE_H
#define CHAT_CLI_TABLE_H

#include <jansson.h>

#include "index/base/buf.h"

enum cell_format {
	AS_TEXT,
	AS_COUNT, /* right-aligned */
	AS_BYTES, /* "3.4 MB" */
	AS_TIME,  /* RFC 3339 text, or Unix milliseconds: "2026-03-01 09:30", local; 0 and null: ""
		   */
	AS_SCORE, /* "0.87" */
	AS_RANK,  /* 0 and null: "-" */
	AS_LIST,  /* an array of text: "a, b" */
	AS_YES,	  /* true: "yes", else "" */
	AS_PLACE, /* an object's page in words, by its "page", "place" and "unit"; "": has none */
};

enum fit {
	STAYS,	 /* as wide as its widest cell */
	SHRINKS, /* what does not fit is cut: "a long na…" */
	WRAPS,	 /* what does not fit goes on below */
};

struct column {
	const char *title;
	const char *field; /* "name", or "page.first" for an object inside; "": the row itself */
	enum cell_format format;
	enum fit fit;
};

/* width 0: as wide as it wants. Text is cleaned. */
void table_render(struct buf *out, const struct column *columns, int n_columns, const json_t *rows,
	int width, bool bold_titles);
/* One cell's text, cleaned and on one line. */
void table_value(struct buf *out, const json_t *row, const struct column *column);

#endif
