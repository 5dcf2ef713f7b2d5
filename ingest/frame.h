/*
 * What a sandboxed child tells its parent: binary frames on a pipe.
 *
 *   frame    := type u8, length u32 (at most FRAME_MAX), payload; little-endian
 *   TYPE     := paged u8, media type                 once, before PAGES, BLOCKS, LINES, TEXT
 *   TITLE    := text                                 at most once
 *   PROGRESS := done u32, n u32
 *   PAGES    := (byte_start, byte_end u32, width, height f32)*
 *   BLOCKS   := (kind u8, level u8, page, byte_start, byte_end u32)*
 *   LINES    := (page u32, x0, y0, x1, y1 f32, byte_start, byte_end u32)*
 *   TEXT     := whole UTF-8 characters
 *   IMAGE    := bytes of a PNG
 *   FAULT    := fault u8, number u32, detail         then nothing more
 *   END      := bytes of text, pages, blocks, lines, bytes of image, all u32; then nothing more
 *
 * The child may be in the hands of whoever wrote the document: the reader believes nothing. Each
 * field is checked as it comes and the whole by extracted_check. Thread: any; a reader or writer
 * has one owner.
 */
#ifndef INGEST_FRAME_H
#define INGEST_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/arena.h"
#include "index/base/buf.h"
#include "index/base/err.h"
#include "ingest/extracted.h"

#define FRAME_MAX (256 * 1024)
#define FRAME_HEAD 5
#define FRAME_TITLE_MAX 1000
#define FRAME_DETAIL_MAX 120
#define FRAME_ITEMS_MAX 4000000 /* blocks, and lines, of one document */

enum frame_type {
	FRAME_TYPE = 1,
	FRAME_TITLE,
	FRAME_PROGRESS,
	FRAME_PAGES,
	FRAME_BLOCKS,
	FRAME_LINES,
	FRAME_TEXT,
	FRAME_IMAGE,
	FRAME_FAULT,
	FRAME_END
};

/* Why a document was not read, as the child saw it. */
enum frame_fault {
	FAULT_NONE,
	FAULT_EMPTY,
	FAULT_UNSUPPORTED, /* detail: what it seems to be */
	FAULT_BROKEN,
	FAULT_PASSWORD,
	FAULT_PAGES, /* number: its pages */
	FAULT_TEXT,
	FAULT_MEMORY,
	FAULT_NO_PAGE, /* number: its pages */
	FAULT_SANDBOX, /* detail: which part */
	N_FAULTS
};

/* Appends one frame. */
void frame_put(struct buf *out, enum frame_type type, const void *payload, uint32_t n_bytes);
void frame_put_fault(struct buf *out, enum frame_fault fault, uint32_t number, const char *detail);
void frame_put_page(struct buf *payload, const struct page *p);
void frame_put_block(struct buf *payload, const struct block *b);
void frame_put_line(struct buf *payload, const struct box *l);

struct frame_reader {
	size_t text_max, image_max;
	int pages_max;
	struct buf in; /* bytes of a frame that is not whole yet */
	bool typed, ended;
	bool paged;
	char media_type[64];
	char title[FRAME_TITLE_MAX + 1];
	struct buf text, image;
	struct buf pages, blocks, lines; /* arrays of struct page, block, box */
	bool progressed;		 /* set by each PROGRESS; the owner clears it */
	int done, n_units;
	enum frame_fault fault;
	uint32_t fault_number;
	char fault_detail[FRAME_DETAIL_MAX + 1];
	const char *bad; /* which rule the child broke; the reader takes no more */
};

void frame_reader_init(struct frame_reader *r, size_t text_max, size_t image_max, int pages_max);
void frame_reader_finish(struct frame_reader *r);
/* Takes bytes as they come. Whole frames seen, or -1: malformed (r->bad says what). */
int frame_reader_feed(struct frame_reader *r, const void *p, size_t n_bytes);
/* After END: the document, copied into the arena and checked as a whole. ERR_CORRUPT. */
MUST_CHECK int frame_reader_take(
	struct frame_reader *r, struct arena *a, struct extracted *out, struct err *e);

#endif
