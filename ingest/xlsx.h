/*
 * Inside of the reader of Excel workbooks (ECMA-376 part 1, 18): extract_xlsx.c goes through the
 * sheets, xlsx_strings.c and xlsx_styles.c keep what cells refer to, xlsx_facts.c what a sheet says
 * of itself outside of its rows, xlsx_rows.c makes tables of rows. Cells are counted from 0. In the
 * child only.
 */
#ifndef INGEST_XLSX_H
#define INGEST_XLSX_H

#include "ingest/number_format.h"
#include "ingest/ooxml.h"
#include "ingest/flow.h"

#define XLSX_COLUMNS 16384
#define XLSX_ROWS 1048576

struct xlsx_style {
	int format; /* place in formats */
	int hidden; /* enum annotation_kind; -1: its text is seen */
	bool bold;
};

struct xlsx {
	struct ooxml o;
	bool since_1904;
	struct buf strings; /* all of them, one after the other */
	uint32_t *string_ends;
	int n_strings, cap_strings;
	struct xlsx_style *styles;
	struct number_format *formats;
	int n_styles, n_formats;
	struct flow_aside aside;
};

void xlsx_strings_load(struct xlsx *x);
/* Of no bytes where there is no such one. */
const char *xlsx_string(const struct xlsx *x, long i, size_t *n_bytes);

void xlsx_styles_load(struct xlsx *x);
/* Never NULL. */
const struct xlsx_style *xlsx_style(const struct xlsx *x, long i);

/* ── what a sheet says of itself ── */

struct xlsx_range {
	int x0, y0, x1, y1; /* [x0, x1) × [y0, y1) */
};

struct xlsx_ranges {
	struct xlsx_range *items;
	int n, cap;
};

struct xlsx_note { /* a comment on a cell, or a link from it */
	int x, y;
	const char *words;
};

struct xlsx_notes {
	struct xlsx_note *items; /* by row, then column */
	int n, cap;
};

struct xlsx_facts {
	struct xlsx_ranges merged;	 /* by first row */
	struct xlsx_ranges tables;	 /* whose first row is a header */
	struct xlsx_ranges plain_tables; /* whose first row is not */
	struct xlsx_ranges filters;
	struct xlsx_ranges conditional;	   /* their looks depend on their values */
	struct xlsx_ranges hidden_columns; /* rows do not count */
	struct xlsx_notes links, comments;
	struct ooxml_relations relations;
	const char *drawing; /* a part, or NULL */
	int n_frozen;	     /* rows that stay when the others are scrolled */
	bool rows_hidden;    /* unless they say otherwise */
};

void xlsx_facts_load(struct xlsx *x, const char *part, struct xlsx_facts *out);
void xlsx_facts_finish(struct xlsx_facts *f);
/* "B7" or "$B$7:D9"; false: it is neither. */
bool xlsx_range_of(const char *ref, struct xlsx_range *out);
bool xlsx_inside(const struct xlsx_ranges *r, int x, int y);
/* Appends "B7". */
void xlsx_cell_name(int x, int y, struct buf *out);

/* ── rows ── */

struct xlsx_cell {
	int x;
	size_t start, n; /* in the row's text */
	bool is_text, bold;
};

struct xlsx_row {
	int y;
	struct xlsx_cell *cells; /* by column */
	int n, cap;
	struct buf text;
};

struct xlsx_rows {
	struct xlsx *x;
	const struct xlsx_facts *facts;
	struct xlsx_row rows[2]; /* the one that is read, and the one before it */
	int reading;		 /* which of the two */
	bool is_held;
	int n_in_region;       /* rows of it that were written */
	int left;	       /* its first column */
	bool header_goes_on;   /* the last one written has columns below each of its names */
	struct buf header[64]; /* the names over the first columns */
	int next_link;
	int n_rows;
};

void xlsx_rows_begin(struct xlsx_rows *r, struct xlsx *x, const struct xlsx_facts *facts);
/* The row to be filled, empty. */
struct xlsx_row *xlsx_row_begin(struct xlsx_rows *r, int y);
void xlsx_row_add(struct xlsx_row *row, int x, const char *s, size_t n, bool is_text, bool bold);
void xlsx_row_end(struct xlsx_rows *r);
void xlsx_rows_end(struct xlsx_rows *r);

/* Texts and charts that lie on a sheet. */
void xlsx_drawing(struct xlsx *x, const char *part);

#endif
