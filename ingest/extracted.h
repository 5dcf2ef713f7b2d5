/*
 * What was read out of a document: one UTF-8 text, the lines and blocks that it consists of and
 * where each stands on its page. Extractors make it (in the sandboxed child, sent as frames),
 * the chunker and the text view read it; it is kept as a blob (document_version.text_hash).
 *
 *   text         "Travel policy\nEveryone books …\n…"  lines end in '\n', pages follow each other
 *   pages        [0, 1811) 595 × 842 pt "iv", [1811, 3590) …
 *   blocks       heading level 1 [0, 13) page 1, paragraph [14, 310) page 1, …
 *   lines        [14, 97) page 1 box (72, 120, 520, 132), …
 *   annotations  link [20, 31) page 1 "https://…", hidden text "ignore all …" page 2, …
 *
 * What the document's makers count in is its paging: pages of paper, slides, sheets, chapters,
 * messages; "page" stands for each of them here. Boxes are points on paper and slides, cells on
 * sheets.
 *
 * Offsets are bytes in text; ranges of blocks and lines do not overlap and ascend; blocks cover
 * whole lines. Hidden text stands in annotations only, never in text.
 * Thread: immutable once made.
 */
#ifndef INGEST_EXTRACTED_H
#define INGEST_EXTRACTED_H

#include <stdbool.h>
#include <stdint.h>

#include "index/base/arena.h"
#include "index/base/buf.h"
#include "index/base/err.h"
#include "index/chunks.h"

/* X(enumerator, name in JSON and in the database) */
#define PAGING_MAP(X)                                                                              \
	X(PAGING_NONE, "none") /* one page of no size */                                           \
	X(PAGING_PAGES, "page")                                                                    \
	X(PAGING_SLIDES, "slide")                                                                  \
	X(PAGING_SHEETS,                                                                           \
		"sheet") /* of cells: a box is columns [x0, x1) and rows [y0, y1), from 0 */       \
	X(PAGING_CHAPTERS, "chapter")                                                              \
	X(PAGING_MESSAGES, "message")

enum paging {
#define X(enumerator, name) enumerator,
	PAGING_MAP(X)
#undef X
		N_PAGINGS
};
const char *paging_name(uint8_t paging);

enum block_kind {
	BLOCK_PARAGRAPH,
	BLOCK_HEADING, /* level 1 to 6 */
	BLOCK_LIST_ITEM,
	BLOCK_TABLE_ROW, /* cells joined by " | "; further lines go on with a wrapped cell; level is
			    an enum row_role */
	BLOCK_CODE,
	BLOCK_NOTE, /* beside the main text: a footnote, a speaker's notes; says what it is */
	N_BLOCK_KINDS
};

/* Consecutive rows are one table until one of ROW_FIRST or the first ROW_HEADER after others. */
enum row_role {
	ROW_NEXT,
	ROW_FIRST,  /* begins a table without a header */
	ROW_HEADER, /* names the columns; a table may begin with several */
	N_ROW_ROLES
};

#define PAGE_LABEL_MAX 200
#define COORDINATE_MAX 2e6f /* PDF allows 14,400 units, times UserUnit */
#define MEDIA_TYPE_MAX 127  /* RFC 6838, 4.2 */
#define PLACE_LABELS_MAX 40 /* pages whose labels a passage's place tells */

struct page {
	int32_t number; /* 1-based */
	int32_t byte_start, byte_end;
	float width, height; /* PDF points; 0: of no size */
	int8_t confidence;   /* of its OCR, 0 to 100; -1: it was not read by OCR */
	const char
		*label; /* "iv", a sheet's name, a chapter's title; NULL: its number says it all */
};

struct block {
	uint8_t kind;  /* enum block_kind */
	uint8_t level; /* of a heading; role of a table row */
	int32_t page;
	int32_t byte_start, byte_end; /* without the last '\n' */
};

/* What is known of the document beside its text. X(enumerator, name, hidden, words for people):
 * hidden text travels in documents to give orders to language models; its owner is warned of it. */
#define ANNOTATION_MAP(X)                                                                          \
	X(ANNOTATION_LINK, "link", false, "a link's address")                                      \
	X(ANNOTATION_PROPERTY, "property", false, "a property: \"Author: …\"")                     \
	X(ANNOTATION_EMBEDDED, "embedded", false, "a file inside, and what became of it")          \
	X(ANNOTATION_POOR_SCAN, "poor_scan", false, "a page that OCR could hardly read")           \
	X(ANNOTATION_COMMENT, "comment", true, "a comment")                                        \
	X(ANNOTATION_DELETED, "deleted", true, "a tracked deletion")                               \
	X(ANNOTATION_HIDDEN_PART, "hidden_part", true,                                             \
		"a hidden sheet, slide, row, column, paragraph or element")                        \
	X(ANNOTATION_HIDDEN_COLOR, "hidden_color", true, "text in the colour of its background")   \
	X(ANNOTATION_HIDDEN_SIZE, "hidden_size", true, "text too small to be read")                \
	X(ANNOTATION_HIDDEN_PLACE, "hidden_place", true, "text outside of the page")               \
	X(ANNOTATION_HIDDEN_RENDER, "hidden_render", true, "text that is not drawn")               \
	X(ANNOTATION_HIDDEN_CHARACTERS, "hidden_characters", true,                                 \
		"characters that nobody sees (zero-width, tags)")

enum annotation_kind {
#define X(enumerator, name, hidden, words) enumerator,
	ANNOTATION_MAP(X)
#undef X
		N_ANNOTATION_KINDS
};
const char *annotation_name(uint8_t kind);
const char *annotation_words(uint8_t kind);
bool annotation_hidden(uint8_t kind);

#define ANNOTATION_TEXT_MAX 4000	 /* bytes of one */
#define ANNOTATIONS_MAX 20000		 /* of one document … */
#define ANNOTATIONS_BYTES_MAX (2u << 20) /* … and their bytes; what is beyond is not kept */

struct annotation {
	uint8_t kind;		      /* enum annotation_kind */
	int32_t page;		      /* 0: of the document as a whole */
	int32_t byte_start, byte_end; /* where in text; equal: at no place in it */
	const char *text;
};

struct extracted {
	char *text; /* NUL-terminated */
	int32_t n_bytes;
	char *title; /* the document's own, or NULL */
	char media_type[MEDIA_TYPE_MAX + 1];
	uint8_t paging; /* enum paging */
	struct page *pages;
	int n_pages;
	struct block *blocks;
	int n_blocks;
	struct box *lines; /* one a line that has a place; none for formats without pages */
	int n_lines;
	struct annotation *annotations;
	int n_annotations;
	int n_children; /* files inside that were handed on (ingest/zygote.h) */
};

/* Our file format: magic "CRLX", version, counts, arrays, text; little-endian. */
void extracted_pack(const struct extracted *x, struct buf *out);
/* In the arena; every count, offset and the UTF-8 are checked: ERR_CORRUPT. */
MUST_CHECK int extracted_unpack(
	const void *p, size_t n_bytes, struct arena *a, struct extracted *out, struct err *e);
/* chunk.place (index/place.h) of what stands on the pages [first, last]: "Prices!B2:D9" of boxes on
 * one sheet, else the label of each page, a line each; "": none. In the arena. */
const char *extracted_place(const struct extracted *x, int first_page, int last_page,
	const struct box *boxes, int n_boxes, struct arena *a);
int extracted_hidden_count(const struct extracted *x);
/* The rules above, every one of them: ERR_CORRUPT. Both ways into the process go through it. */
MUST_CHECK int extracted_check(const struct extracted *x, struct err *e);
/* The boxes of lines that overlap [byte_start, byte_end), borrowed: *first and their number. */
int extracted_lines_in(
	const struct extracted *x, int32_t byte_start, int32_t byte_end, const struct box **first);

#endif
