/*
 * What a sandboxed child tells its parent: binary frames on a pipe.
 *
 *   frame    := type u8, length u32 (at most FRAME_MAX), payload; little-endian
 *   PROGRESS := done u32, n u32
 *   TYPE     := paging u8, media type                once; before it only PROGRESS and FAULT
 *   TITLE    := text                                 at most once
 *   PAGES    := (byte_start, byte_end u32, width, height f32, confidence u8, label)*
 *   BLOCKS   := (kind u8, level u8, page, byte_start, byte_end u32)*
 *   LINES    := (page u32, x0, y0, x1, y1 f32, byte_start, byte_end u32)*
 *   ANNOTATIONS := (kind u8, page, byte_start, byte_end u32, text)*
 *   TEXT     := whole UTF-8 characters
 *   IMAGE    := bytes of a PNG
 *   CHILD    := name                                 a file inside begins
 *   BYTES    := bytes                                of that file
 *   FAULT    := fault u8, number u32, detail         then nothing more
 *   END      := u32 each: bytes of text, pages, blocks, lines, annotations, children, bytes of
 *               image; then nothing more
 *
 * label, and text of an annotation, are u32 length and bytes.
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
#define FRAME_CHILD_NAME_MAX 255
#define FRAME_ITEMS_MAX 4000000 /* blocks, and lines, of one document */

enum frame_type {
	FRAME_TYPE = 1,
	FRAME_TITLE,
	FRAME_PROGRESS,
	FRAME_PAGES,
	FRAME_BLOCKS,
	FRAME_LINES,
	FRAME_ANNOTATIONS,
	FRAME_TEXT,
	FRAME_IMAGE,
	FRAME_CHILD,
	FRAME_BYTES,
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
	FAULT_LIMIT,   /* detail: which, and the setting that raises it */
	FAULT_REFUSED, /* detail: what such files never contain */
	N_FAULTS
};

/* Appends one frame. */
void frame_put(struct buf *out, enum frame_type type, const void *payload, uint32_t n_bytes);
void frame_put_fault(struct buf *out, enum frame_fault fault, uint32_t number, const char *detail);
void frame_put_page(struct buf *payload, const struct page *p);
void frame_put_block(struct buf *payload, const struct block *b);
void frame_put_line(struct buf *payload, const struct box *l);
void frame_put_annotation(struct buf *payload, const struct annotation *n);

/* Who takes the files inside of a document as they come. */
struct child_sink {
	/* 0, or an error that ends the reading. */
	int (*begin)(void *arg, const char *name, struct err *e);
	int (*write)(void *arg, const void *p, size_t n_bytes, struct err *e);
	void *arg;
};

struct frame_reader {
	size_t text_max, image_max;
	int pages_max;
	int children_max; /* set after init; 0: none may come */
	size_t children_bytes_max;
	const struct child_sink *sink; /* NULL: children are counted only */
	struct err sink_err;	       /* its error; then the reader takes no more */
	struct arena strings;	       /* labels and annotations */
	struct buf in;		       /* bytes of a frame that is not whole yet */
	bool typed, ended;
	uint8_t paging;
	char media_type[MEDIA_TYPE_MAX + 1];
	char title[FRAME_TITLE_MAX + 1];
	struct buf text, image;
	struct buf pages, blocks, lines; /* arrays of struct page, block, box */
	struct buf annotations;		 /* of struct annotation */
	size_t annotation_bytes, children_bytes;
	int n_children;
	bool progressed; /* set by each PROGRESS; the owner clears it */
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
