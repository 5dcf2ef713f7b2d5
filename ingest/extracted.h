/*
 * What was read out of a document: one UTF-8 text, the lines and blocks that it consists of and
 * where each stands on its page. Extractors make it (in the sandboxed child, sent as frames),
 * the chunker and the text view read it; it is kept as a blob (document_version.text_hash).
 *
 *   text    "Travel policy\nEveryone books …\n…"   lines end in '\n', pages follow each other
 *   pages   [0, 1811) 595 × 842 pt, [1811, 3590) …
 *   blocks  heading level 1 [0, 13) page 1, paragraph [14, 310) page 1, …
 *   lines   [14, 97) page 1 box (72, 120, 520, 132), …
 *
 * Offsets are bytes in text; ranges do not overlap and ascend; blocks cover whole lines.
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

enum block_kind {
	BLOCK_PARAGRAPH,
	BLOCK_HEADING, /* level 1 to 6 */
	BLOCK_LIST_ITEM,
	BLOCK_TABLE_ROW, /* cells joined by " | "; further lines go on with a wrapped cell */
	BLOCK_CODE,
	N_BLOCK_KINDS
};

struct page {
	int32_t number; /* 1-based */
	int32_t byte_start, byte_end;
	float width, height; /* PDF points; 0: a format without pages */
};

struct block {
	uint8_t kind;  /* enum block_kind */
	uint8_t level; /* of a heading */
	int32_t page;
	int32_t byte_start, byte_end; /* without the last '\n' */
};

struct extracted {
	char *text; /* NUL-terminated */
	int32_t n_bytes;
	char *title; /* the document's own, or NULL */
	char media_type[64];
	bool paged; /* false: one page of no size */
	struct page *pages;
	int n_pages;
	struct block *blocks;
	int n_blocks;
	struct box *lines; /* one a line that has a place; none for formats without pages */
	int n_lines;
};

/* Our file format: magic "CRLX", version, counts, arrays, text; little-endian. */
void extracted_pack(const struct extracted *x, struct buf *out);
/* In the arena; every count, offset and the UTF-8 are checked: ERR_CORRUPT. */
MUST_CHECK int extracted_unpack(
	const void *p, size_t n_bytes, struct arena *a, struct extracted *out, struct err *e);
/* The rules above, every one of them: ERR_CORRUPT. Both ways into the process go through it. */
MUST_CHECK int extracted_check(const struct extracted *x, struct err *e);
/* The boxes of lines that overlap [byte_start, byte_end), borrowed: *first and their number. */
int extracted_lines_in(
	const struct extracted *x, int32_t byte_start, int32_t byte_end, const struct box **first);

#endif
