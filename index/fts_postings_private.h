/*
 * What the three sources of index/fts_postings.h share: fts_postings.c walks lists, fts_structure.c
 * reads the records that tell of the whole index, fts_positions.c where and how often a row has a
 * term.
 */
#ifndef INDEX_FTS_POSTINGS_PRIVATE_H
#define INDEX_FTS_POSTINGS_PRIVATE_H

#include "index/fts_postings.h"

#define N_COLUMNS 3
#define PAGE_PAD 32 /* zeros after a page: numbers that run over its end stop there */

struct segment {
	int64_t id;
	int64_t first, last; /* leaf pages */
};

struct postings_cursor {
	const struct segment *segment;
	uint8_t *page;
	int page_size; /* of the memory */
	int n_bytes;   /* of the page */
	int n_leaf;    /* of it, before the footer */
	int64_t page_no;
	int64_t list_last; /* page on which it ends; 0: not known yet */
	int64_t done;	   /* skip_pages: page whose rows are all behind */
	int off;	   /* of the current row's positions */
	int end;	   /* of the list on this page */
	int n_positions;   /* bytes, maybe on following pages */
	int64_t row;	   /* INT64_MAX: past the end */
};

static inline int damaged(struct err *e)
{
	return err_set(e, ERR_CORRUPT, "fts_damaged", "the full-text index is damaged");
}

/* At this page of its segment, with PAGE_PAD zeros after it; sets no row. */
MUST_CHECK int postings_load_page(
	struct postings_index *x, struct postings_cursor *c, int64_t page_no, struct err *e);

/* ── numbers ── */

/* SQLite's varint: seven bits a byte, big end first, the ninth byte whole. */
static inline int long_varint(const uint8_t *p, uint64_t *v)
{
	uint64_t x = 0;

	for (int i = 0; i < 8; i++) {
		x = x << 7 | (p[i] & 0x7f);
		if (!(p[i] & 0x80)) {
			*v = x;
			return i + 1;
		}
	}
	*v = x << 8 | p[8];
	return 9;
}

static inline int varint(const uint8_t *p, uint64_t *v)
{
	if (!(p[0] & 0x80)) {
		*v = p[0];
		return 1;
	}
	if (!(p[1] & 0x80)) {
		*v = (uint64_t)(p[0] & 0x7f) << 7 | p[1];
		return 2;
	}
	return long_varint(p, v);
}

static inline int u16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

/* A run of varints: what is past its end reads as 0 and sets bad. */
struct varints {
	const uint8_t *p, *end;
	bool bad;
};

uint64_t next_varint(struct varints *in);

#endif
