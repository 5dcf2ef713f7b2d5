/*
 * Inside of the reader of Word documents (ECMA-376 part 1, 17): extract_docx.c puts it together,
 * docx_story.c reads running text (of the body, a footnote, a comment), docx_table.c makes rows of
 * tables, docx_styles.c knows styles, docx_numbering.c counts list items. In the child only.
 */
#ifndef INGEST_DOCX_H
#define INGEST_DOCX_H

#include "ingest/ooxml.h"
#include "ingest/flow.h"

/* ── how text looks ── */

#define LOOK_UNSET (-2)	  /* not said here: what is below counts */
#define LOOK_AUTO (-1)	  /* said to be nothing special */
#define LOOK_UNKNOWN (-3) /* of a fill: a pattern, a shape; nothing is known of its contrast */

struct docx_look {
	int vanish;
	long size;	  /* half-points */
	long color, fill; /* 0xRRGGBB */
};

extern const struct docx_look DOCX_LOOK_UNSET;
/* Takes one element of w:rPr in; others are passed over. */
void docx_look_take(struct docx_look *look, const struct xml_element *el);
/* The fill that w:shd says. */
long docx_fill(const struct xml_element *shd);
/* `over` on top of `look`. */
void docx_look_add(struct docx_look *look, const struct docx_look *over);

/* ── styles ── */

struct docx_style {
	const char *id, *name, *based_on;
	struct docx_look look;
	long fill;   /* of the paragraph */
	int heading; /* 1 to 6; 0: none */
	bool title;
	bool shaded; /* a table's: some of its cells are filled */
	bool is_default;
	int outline;   /* 0 to 9; -1: unset */
	long num_id;   /* -1: unset */
	int ilvl;      /* -1: unset */
	bool resolved; /* what it is based on is in it */
};

struct docx_styles {
	struct docx_style *items; /* by id */
	int n;
	struct docx_look defaults;
	const struct docx_style *paragraph; /* the default one, or NULL */
};

struct docx;
void docx_styles_load(struct docx *x);
/* With all that it is based on. NULL: no such one. */
const struct docx_style *docx_style(const struct docx *x, const char *id);

/* ── lists ── */

struct docx_numbering;
void docx_numbering_load(struct docx *x);
/* Counts one more item at a level (-1: the one bound to style) and appends its marker: "- ",
 * "2.1 ", "(a) ". false: there is no such list, or it shows no marker. */
bool docx_number(struct docx *x, long num_id, int ilvl, const char *style, struct buf *marker);

/* ── notes and comments ── */

struct docx_note {
	const char *id;
	struct flow text;
	bool told;
};

struct docx_notes {
	struct docx_note *items; /* by id once all are read */
	int n, cap;
	int n_told;
};

struct docx_note *docx_note(struct docx_notes *notes, const char *id); /* NULL: none */

struct docx {
	struct ooxml o;
	struct docx_styles styles;
	struct docx_numbering *numbering;
	struct docx_notes footnotes, endnotes, comments;
	struct flow_aside aside;
	long background; /* of the pages */
	bool headed;	 /* a heading was written */
	int n_blocks;
};

/* ── running text ── */

struct story;
/* Reads the part as the document's text. FAULT_BROKEN. */
void docx_story_read(struct docx *x, const char *part);
/* A reader of a piece of text whose paragraphs are appended to `into`, a line each. Its events are
 * passed on by the reader of the part. */
struct story *docx_story_begin(
	struct docx *x, const struct ooxml_relations *relations, struct flow *into);
void docx_story_start(struct story *s, const struct xml_element *el);
void docx_story_end(struct story *s, const struct xml_element *el);
void docx_story_text(struct story *s, const char *p, size_t n_bytes);

/* ── tables ── */

struct docx_table;
struct docx_table *docx_table_create(void);
void docx_table_destroy(struct docx_table *t);
void docx_table_style(struct docx_table *t, bool shaded);
void docx_table_fill(struct docx_table *t, long fill); /* of all of it */
void docx_row_begin(struct docx_table *t);
void docx_row_header(struct docx_table *t);
void docx_row_skip(struct docx_table *t, long n_columns); /* empty ones at its beginning */
void docx_cell_begin(struct docx_table *t);
void docx_cell_span(struct docx_table *t, long n_columns);
void docx_cell_merge(struct docx_table *t, bool restart);
void docx_cell_fill(struct docx_table *t, long fill);
/* The open cell's text, to be appended to; before the first cell what is written there is lost. */
struct flow *docx_cell(struct docx_table *t);
/* The fill behind the open cell: LOOK_UNSET where there is none. */
long docx_table_behind(const struct docx_table *t);
/* Ends the row, and writes the one before it. */
void docx_row_end(struct docx_table *t, struct draft *d);
void docx_table_end(struct docx_table *t, struct draft *d);
/* The same for a table inside of something else: its rows are appended as lines. */
void docx_row_flatten(struct docx_table *t, struct draft *d, struct flow *to);

/* What a character of a symbol font (w:sym) looks like, as UTF-8; "": nothing known. */
const char *docx_symbol(const char *font, long code);

#endif
