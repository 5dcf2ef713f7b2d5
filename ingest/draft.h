/*
 * What an extractor writes a document to, in the child: it cleans text, keeps the offsets and sends
 * frames. The document's end is the process's end: draft_fault does not return, and neither does
 * anything that meets a limit or a parent that has gone. Thread: the child's only one.
 *
 *   draft_type(d, "text/html", PAGING_NONE);
 *   draft_page(d, 0, 0);
 *   draft_block(d, BLOCK_HEADING, 1);
 *   draft_line(d, "Travel policy", 13, NULL);
 *   draft_end(d);
 */
#ifndef INGEST_DRAFT_H
#define INGEST_DRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "ingest/extracted.h"
#include "ingest/frame.h"

struct draft {
	int fd;
	size_t text_max;
	int pages_max;
	struct buf out;					    /* frames that were not written yet */
	struct buf text, blocks, lines, pages, annotations; /* payloads of the frames to come */
	uint32_t n_text, n_pages, n_blocks, n_lines, n_annotations, n_children, n_image;
	uint32_t annotation_bytes;
	int children_max;	   /* 0: no file inside is handed on */
	size_t children_bytes_max; /* of all of them */
	int nesting_max;	   /* elements inside of each other: what ingest/effort.h goes by */
	bool has_title;
	struct page page;   /* open: byte_end is not known yet; its label is in label */
	struct block block; /* likewise; byte_start == byte_end: it has no line yet */
	struct buf label;
};

void draft_init(struct draft *d, int fd, size_t text_max, int pages_max);
_Noreturn void draft_fault(
	struct draft *d, enum frame_fault fault, uint32_t number, const char *detail);

void draft_type(struct draft *d, const char *media_type, enum paging paging);
/* Ignored where it is blank or one was given already. */
void draft_title(struct draft *d, const char *s, size_t n_bytes);
void draft_progress(struct draft *d, int done, int n);

/* Ends the page before. Points; 0: of no size. FAULT_PAGES beyond pages_max. */
void draft_page(struct draft *d, double width, double height);
/* Of the open page: "iv", a sheet's name; what OCR thinks of itself, 0 to 100. */
void draft_page_label(struct draft *d, const char *s, size_t n_bytes);
void draft_page_confidence(struct draft *d, int percent);

/* The lines that follow belong to a block of this kind, until the next call. level: of a heading 1
 * to 6; of a row an enum row_role; else 0. */
void draft_block(struct draft *d, enum block_kind kind, int level);
/* One line of the open block, cleaned (draft_clean); a blank one is left out, in code it is kept
 * between others. box: its place on the page (offsets are filled in here), or NULL. */
void draft_line(struct draft *d, const char *s, size_t n_bytes, const struct box *box);
/* A block of all the lines of s ('\n' between them), without places. */
void draft_lines(struct draft *d, enum block_kind kind, int level, const char *s, size_t n_bytes);
/* One row of a table, a block of one line: cells joined by " | ", white space inside a cell made
 * blanks, empty cells at the end left out. Nothing where all are blank. */
void draft_row(struct draft *d, enum row_role role, const struct buf *cells, int n_cells,
	const struct box *box);

/* Where the next line will begin, in bytes of text: for annotations of what was written. */
uint32_t draft_at(const struct draft *d);
/* Something known of [byte_start, byte_end) of the text, or (equal) of no place in it, on the open
 * page (of the document before the first). s is cleaned, what no reader could see is spelt out.
 * What is beyond the limits of extracted.h is dropped, and hidden text of marks alone. */
void draft_annotate(struct draft *d, enum annotation_kind kind, uint32_t byte_start,
	uint32_t byte_end, const char *s, size_t n_bytes);
/* A file inside of the document: handed on to be ingested as a child where the limits allow, and
 * annotated as embedded either way. name: its last part is taken, "attachment" where it has none.
 */
void draft_child(struct draft *d, const char *name, const void *p, size_t n_bytes);

void draft_image(struct draft *d, const void *p, size_t n_bytes);
/* Ends page and document and sends all that is left. A document needs a page. */
void draft_end(struct draft *d);

/* Appends s without control, formatting and invalid characters; ligatures are spelt out; runs of
 * white space become one space unless keep_space (code: a tab becomes four). Leading and trailing
 * space is the caller's. */
void draft_clean(struct buf *out, const char *s, size_t n_bytes, bool keep_space);
/* Nothing but blanks and controls: a line of it is left out. */
bool draft_blank(const char *s, size_t n_bytes);

#endif
