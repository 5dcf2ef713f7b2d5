/*
 * What training changes: a float row for every term of two chunks and more, and the rows of the
 * hashed grams, of which a rarer term is made; with the moments of Adam. Private to index/embed*.c.
 * Thread: one at a time.
 */
#ifndef INDEX_EMBED_ROWS_H
#define INDEX_EMBED_ROWS_H

#include <stdint.h>

#include "index/embed_table.h"
#include "index/embed_train.h"

struct rows {
	const struct corpus *corpus;
	int32_t *of;	  /* [n_terms]: row of a term, or -1 - (where its grams begin in grams) */
	float *idf;	  /* [n_terms] */
	float idf_rare;	  /* of a term of one chunk, and of unknown ones */
	int32_t n_own, n; /* rows of terms; the TABLE_GRAMS rows of grams follow */
	int32_t *grams;	  /* runs of: number, gram row… */
	float *x;	  /* [n × TABLE_DIMENSION] */
	uint16_t *m1;	  /* [n × TABLE_DIMENSION], index/embed_kernel.h */
	float *m2;	  /* [n] */
};

void rows_init(struct rows *r, const struct corpus *c);
void rows_finish(struct rows *r);
/* Appends them as a packed table, and frees the moments first. */
void rows_pack(struct rows *r, struct buf *out);

#endif
