/*
 * Inside the PDF extractor: what poppler finds on a page, and how lines, tables and headings are
 * made of it. Runs in the child only; memory is never freed, the process ends.
 *
 *   extract_pdf.c   the document: pages, title, limits
 *   pdf_words.c     poppler's characters -> words -> segments (words of a line without a wide gap)
 *   pdf_scan.c      pages that are pictures: OCR's words -> segments
 *   pdf_rows.c      segments -> visual rows; running headers and footers
 *   pdf_tables.c    rows -> tables
 *   pdf_styles.c    the document's words, and which sizes are headings
 *   pdf_blocks.c    segments in reading order -> lines -> headings, list items, paragraphs
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
	int line; /* of poppler's reading order */
	int row;
	int table; /* 0: none; else 1-based within the page */
};

/* Segments that stand side by side: rows[first .. first + n) of segs_by_row. */
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

void pdf_read_page(PopplerPage *page, struct pdf_page *out);
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
void pdf_write_page(const struct pdf_page *p, const struct pdf_styles *st,
	const struct pdf_vocabulary *v, struct draft *d);

/* How many bytes at the start of s are a list marker with the space after it; 0: none. */
size_t pdf_list_marker(const char *s, size_t n_bytes);
/* Appends the segment's words. */
void pdf_seg_text(const struct pdf_page *p, const struct pdf_seg *s, struct buf *out);

#endif
