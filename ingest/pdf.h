/*
 * Inside the PDF extractor: what poppler finds on a page, and how lines, tables and headings are
 * made of it. Runs in the child only; memory is never freed, the process ends.
 *
 *   extract_pdf.c   the document: pages, title, limits
 *   pdf_suspect.c   the file's bytes: is there a reason to look for text that nobody sees?
 *   pdf_colours.c   colour transforms, made once
 *   pdf_chars.c     poppler's characters and their places
 *   pdf_hidden.c    which of them nobody sees
 *   pdf_words.c     the others -> words -> segments (words of a line without a wide gap)
 *   pdf_scan.c      pages that are pictures: OCR's words -> segments
 *   pdf_rows.c      segments -> visual rows
 *   pdf_running.c   running headers and footers
 *   pdf_tables.c    rows -> tables
 *   pdf_styles.c    the document's words, and which sizes are headings
 *   pdf_outline.c   the document's own list of its headings
 *   pdf_lines.c     segments in reading order -> lines; rows of tables
 *   pdf_columns.c   which rows name the columns; tables that go on over pages
 *   pdf_blocks.c    lines -> headings, list items, notes, paragraphs -> the draft
 *   pdf_beside.c    what is known beside the text: properties, links, comments, files inside
 *   pdf_fields.c    what was filled into forms
 *
 * Coordinates are points, origin at the page's top left.
 */
#ifndef INGEST_PDF_H
#define INGEST_PDF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "ingest/draft.h"

typedef struct _PopplerPage PopplerPage;
struct document;
struct image_page;
typedef struct _PopplerDocument PopplerDocument;
typedef struct _PopplerRectangle PopplerRectangle;
typedef struct _GList GList;

struct pdf_word {
	float x0, y0, x1, y1;
	uint32_t at; /* in the page's text */
	uint16_t n_bytes;
	bool glued; /* no space before it (CJK) */
};

struct pdf_seg {
	float x0, y0, x1, y1;
	float size; /* of the font; of most of its characters */
	bool bold;
	bool dropped; /* a running header or footer */
	int first, n_words;
	int n_chars;
	int line;    /* of poppler's reading order */
	int row;     /* -1: turned */
	int table;   /* 0: none; else 1-based within the page */
	bool turned; /* runs up or down the page */
};

/* Segments that stand side by side: by_row[first .. first + n) of the page. */
struct pdf_row {
	float y0, y1;
	int first, n;
	bool tabular;
	bool continues; /* a cell of the row above */
	int table;
};

/* What became of a page that is a picture. If it was read, the page's coordinates are of the
 * picture turned upright and its lines made level. */
struct pdf_scan {
	uint8_t result;	     /* enum ocr_result */
	int8_t confidence;   /* 0 to 100; -1: no word was found */
	uint8_t quarters;    /* the page was turned clockwise by so many */
	float skew;	     /* slope of its lines, down to the right */
	float width, height; /* of the page as it is, points */
};
#define PDF_N_HIDDEN (ANNOTATION_HIDDEN_RENDER - ANNOTATION_HIDDEN_COLOR + 1)

struct pdf_page {
	float width, height;
	struct pdf_scan *scan; /* NULL: its text is text */
	struct buf text;
	struct pdf_word *words;
	int n_words;
	struct pdf_seg *segs;
	int n_segs;
	struct pdf_row *rows;
	int n_rows;
	int *by_row; /* indexes of segs, row by row, left to right */
	struct buf
		hidden[PDF_N_HIDDEN]; /* what nobody sees, by kind from ANNOTATION_HIDDEN_COLOR */
};

/* Words that the document contains, to tell "long-\nterm" from "informa-\ntion". */
struct pdf_vocabulary {
	uint64_t *slots;
	size_t n_slots, n;
};

struct pdf_styles {
	float body;	 /* font size of most text */
	bool bold_means; /* body text is not bold as a whole */
	float sizes[5];	 /* of headings, descending */
	int n_sizes;
};

/* Reads a page that has something drawn on it and next to no text; the text that it has stays. Page
 * done of n, for progress. */
void pdf_read_scan(struct document *doc, PopplerPage *page, int done, int n, struct pdf_page *out);
/* A picture that is a page; consumes it. */
void pdf_read_picture(
	struct document *doc, struct image_page *image, int done, int n, struct pdf_page *out);
/* draft_page, and what is to be said of its OCR. */
void pdf_begin_page(const struct pdf_page *p, const struct document *doc, struct draft *d);
/* Where on the page as it is. */
struct box pdf_place(const struct pdf_page *p, const struct box *b);
/* ── reading ── */

/* From now on poppler makes each colour transform once, not once a page. */
void pdf_keep_colours(void);
/* How many transforms, curves and pixels are remembered. */
int pdf_colours_kept(void);
int pdf_curves_kept(void);
int pdf_pixels_kept(void);

/* What poppler tells of a page, character by character. */
struct pdf_chars {
	char *text;
	size_t n_bytes;
	PopplerRectangle *rects; /* [n] */
	int n;
	bool marks;	   /* direction marks in text have no rectangle */
	GList *attributes; /* of PopplerTextAttributes; their ranges are of the n */
	uint8_t *hidden;   /* [n] enum annotation_kind; 0: seen */
};

struct pdf_char {
	uint32_t code;
	const char *s;
	int n_bytes;
	int i;	     /* of n */
	bool marked; /* a direction mark stands before it */
	size_t next;
};
void pdf_load_chars(PopplerPage *page, struct pdf_chars *out);
void pdf_drop_chars(struct pdf_chars *chars);
/* The first for a *c of zeros, then the next; false: no more. */
bool pdf_char_next(const struct pdf_chars *chars, struct pdf_char *c);

#define PDF_UNSEEN_MAX 32

/* What the file's bytes say about text that nobody sees. */
struct pdf_suspicion {
	bool unseen;	 /* something may make text invisible, on any page */
	bool undrawable; /* an image of so many pixels that no page is drawn to be looked at */
	bool whole;	 /* a document so short that each page is looked at */
	/* ASCII letters and digits of text that is not painted: what it is on some page, unless its
	 * font spells in a way of its own; then it is found on none. */
	char unpainted[PDF_UNSEEN_MAX][24];
	bool found[PDF_UNSEEN_MAX];
	int n_unpainted;
	int n_in_vain; /* pages drawn one after the other on which nothing was hidden */
	PopplerDocument *uncropped; /* NULL, or the same with pages as large as their media */
};

void pdf_suspect(const char *bytes, size_t n_bytes, struct pdf_suspicion *out);
/* Sets chars->hidden. */
void pdf_find_hidden(PopplerPage *page, struct pdf_suspicion *suspicion, struct pdf_chars *chars);
void pdf_read_page(PopplerPage *page, struct pdf_suspicion *suspicion, struct pdf_page *out);
void pdf_forget_page(struct pdf_page *p);
/* The words that are on the medium but outside of the page that is shown. */
void pdf_read_outside(PopplerPage *page, const struct pdf_suspicion *suspicion, struct buf *out);

/* As fmin and fmax, NaN included, but no calls: characters are many. */
static inline double pdf_least(double a, double b)
{
	return a < b || b != b ? a : b;
}
static inline double pdf_most(double a, double b)
{
	return a > b || b != b ? a : b;
}

#define PDF_ALIGNED 4.0f /* points; edges this near are one column's */

void pdf_find_rows(struct pdf_page *p);
static inline const struct pdf_seg *pdf_row_seg(
	const struct pdf_page *p, const struct pdf_row *r, int i)
{
	return &p->segs[p->by_row[r->first + i]];
}
/* Some column but the first is in both. */
bool pdf_rows_aligned(const struct pdf_page *p, const struct pdf_row *a, const struct pdf_row *b);
void pdf_drop_running(struct pdf_page *pages, int n);
void pdf_find_tables(struct pdf_page *p);

void pdf_vocabulary_add(struct pdf_vocabulary *v, const char *s, size_t n_bytes);
bool pdf_vocabulary_has(const struct pdf_vocabulary *v, const char *s, size_t n_bytes);

void pdf_learn_styles(const struct pdf_page *pages, int n, struct pdf_styles *out);
/* 0: not a heading. */
int pdf_heading_level(const struct pdf_styles *st, float size, bool bold);

/* The document's own list of its headings. */
struct pdf_title {
	char *key; /* its letters and digits, lowercase */
	int page;
	int level;
};
struct pdf_outline {
	struct pdf_title *titles; /* by page */
	int n, cap;
	int level_of[10]; /* of headings that it lacks: by their type's level; 0: not known */
};
void pdf_load_outline(PopplerDocument *pdf, struct pdf_outline *out);

/* ── writing ── */

struct pdf_line {
	struct buf text;
	struct box box;
	float size;
	bool bold;
	enum block_kind kind;
	int level;
	int table;     /* 0: none */
	int outline;   /* level that the outline gives it; 0: none */
	bool begins;   /* a block */
	float text_x;  /* of a list item: where its text stands */
	float block_x; /* where its block's first line begins */
};

struct pdf_lines {
	struct pdf_line *all;
	int n, cap;
};

/* A table at the end of a page, which the next page may go on with. */
struct pdf_table_end {
	bool open;
	int n_cells;
	float width;
	uint64_t headers[4];
	int n_headers;
};

/* Where the lines of a page went: byte ranges of text with their boxes. */
struct pdf_placed {
	struct box *lines;
	int n, cap;
};

struct pdf_writing {
	struct pdf_styles styles;
	struct pdf_vocabulary vocabulary;
	struct pdf_outline outline;
	struct pdf_table_end table;
	struct pdf_placed placed; /* of the page written last */
};

/* A currency sign: stands in a column of its own but belongs to the number after it. */
bool pdf_is_sign(const struct pdf_page *p, const struct pdf_seg *s);
/* Lines in poppler's reading order, tables as rows. */
void pdf_collect_lines(const struct pdf_page *p, struct pdf_lines *out);
/* Marks and begins the lines that the outline names on this page. */
void pdf_mark_outline(struct pdf_lines *ls, const struct pdf_outline *o, int page);
/* Gives rows their roles; removes the header that a table repeats on this page. */
void pdf_mark_columns(struct pdf_lines *ls, struct pdf_table_end *end);
void pdf_write_page(const struct pdf_page *p, struct pdf_writing *w, struct draft *d);

/* Of the document, before its first page. */
void pdf_write_properties(PopplerDocument *pdf, struct draft *d);
void pdf_write_attachments(PopplerDocument *pdf, struct draft *d);
/* Of the page that was written last: its label, links, comments, files. */
void pdf_write_beside(PopplerPage *page, const struct pdf_page *p, const struct pdf_placed *placed,
	struct draft *d);
/* Whether there is any of what pdf_write_fields writes. */
bool pdf_has_fields(PopplerPage *page);
/* What was filled in on the page, as "label: value", and what stands in its text boxes. */
void pdf_write_fields(PopplerPage *page, const struct pdf_page *p, struct draft *d);

/* How many bytes at the start of s are a list marker with the space after it; 0: none. */
size_t pdf_list_marker(const char *s, size_t n_bytes);
/* Appends the segment's words. */
void pdf_seg_text(const struct pdf_page *p, const struct pdf_seg *s, struct buf *out);

#endif
