/*
 * What an extractor writes a document to, in the child: it cleans text, keeps the offsets and sends
 * frames. The document's end is the process's end: draft_fault does not return, and neither does
 * anything that meets a limit or a parent that has gone. Thread: the child's only one.
 *
 *   draft_type(d, "text/html", false);
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
	struct buf out;			       /* frames that were not written yet */
	struct buf text, blocks, lines, pages; /* payloads of the frames to come */
	uint32_t n_text, n_pages, n_blocks, n_lines, n_image;
	bool has_title;
	struct page page;   /* open: byte_end is not known yet */
	struct block block; /* likewise; byte_start == byte_end: it has no line yet */
};

void draft_init(struct draft *d, int fd, size_t text_max, int pages_max);
_Noreturn void draft_fault(
	struct draft *d, enum frame_fault fault, uint32_t number, const char *detail);

void draft_type(struct draft *d, const char *media_type, bool paged);
/* Ignored where it is blank or one was given already. */
void draft_title(struct draft *d, const char *s, size_t n_bytes);
void draft_progress(struct draft *d, int done, int n);

/* Ends the page before. Points; 0: a format without pages. */
void draft_page(struct draft *d, double width, double height);
/* The lines that follow belong to a block of this kind, until the next call. */
void draft_block(struct draft *d, enum block_kind kind, int level);
/* One line of the open block, cleaned (draft_clean); a blank one is left out, in code it is kept
 * between others. box: its place on the page (offsets are filled in here), or NULL. */
void draft_line(struct draft *d, const char *s, size_t n_bytes, const struct box *box);
void draft_image(struct draft *d, const void *p, size_t n_bytes);
/* Ends page and document and sends all that is left. */
void draft_end(struct draft *d);

/* Appends s without control, formatting and invalid characters; ligatures are spelt out; runs of
 * white space become one space unless keep_space (code: a tab becomes four). Leading and trailing
 * space is the caller's. */
void draft_clean(struct buf *out, const char *s, size_t n_bytes, bool keep_space);

#endif
