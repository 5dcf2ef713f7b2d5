/*
 * The builtin embedder's term-vector table (design, section 11): a row for every trained term, and
 * 20,000 rows for hashed 3- and 4-character grams of which an unknown term is composed. Rows are
 * int8 with a scale each. Without training there are only the grams, filled from a fixed seed.
 *
 * No term stands in a table as text, so that no word of a purged document does: a row is found by
 * the term's SipHash-2-4 under the table's own key, which is made from the corpus (the same corpus
 * gives the same bytes; two workspaces' tables cannot be compared). Who holds the file can still
 * ask it for a word that they guess; training anew forgets that too.
 *
 * As model_data (little-endian):
 *   "CRLEMBT2" | u32 dimension | u32 n_terms | u32 n_grams | f32 idf of an unknown term
 *   | u8[16] key | n_terms × (u64 hash | f32 idf | f32 scale | int8[dimension]), ascending by hash
 *   | n_grams × (f32 scale | int8[dimension]) | BLAKE2b-256 of all before it
 *
 * "CRLEMBT1" had the terms as text; it is opened still, and vectors_wants_training() replaces it.
 *
 * Private to index/embed*.c. Thread: immutable once made.
 */
#ifndef INDEX_EMBED_TABLE_H
#define INDEX_EMBED_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "index/base/arena.h"
#include "index/base/buf.h"
#include "index/base/err.h"
#include "index/fts.h"

#define TABLE_DIMENSION 256
#define TABLE_GRAMS 20000
#define TABLE_TERMS_MAX 400000
#define TERM_GRAMS_MAX 64
#define TABLE_KEY_BYTES 16

struct table_term {
	uint64_t hash;
	float idf, scale;
	uint32_t row; /* never that of a gram, of which the 0th is the first */
};

/* Row r is v = rows[r] of TABLE_DIMENSION numbers, of 1 / scale; grams come first. Rows lie on
 * cache lines, and a term's slot holds all else that is known of it: a text of rare words is as
 * many strides through memory as it has words. */
struct embed_table {
	uint8_t key[TABLE_KEY_BYTES];
	float idf_unknown;
	uint32_t n_terms;
	struct table_term *terms; /* while it is packed and unpacked */
	struct table_term *slots; /* hash table, [mask + 1]; row 0: free */
	uint32_t mask;
	float *gram_scales;		 /* [TABLE_GRAMS] */
	int8_t (*rows)[TABLE_DIMENSION]; /* [TABLE_GRAMS + n_terms] */
};

/* The one without training; shared, never freed. */
const struct embed_table *table_untrained(void);
MUST_CHECK int table_open(
	const void *model_data, size_t n_bytes, struct embed_table **out, struct err *e);
void table_close(struct embed_table *t);

/* Room for the rows of a table to be filled and packed; table_finish frees it. */
void table_init(struct embed_table *t, uint32_t n_terms);
void table_finish(struct embed_table *t);
/* Rounds a float row to int8 and gives its scale. */
MUST_CHECK float table_row_set(struct embed_table *t, uint32_t row, const float *v);
/* Sorts the terms and appends it; slots are not needed. */
void table_pack(struct embed_table *t, struct buf *out);

uint64_t table_hash(const struct embed_table *t, const char *text, size_t n_bytes);
/* NULL: unknown. */
const struct table_term *table_lookup(const struct embed_table *t, const char *text);
/* Gram rows of a term, with repeats; at most TERM_GRAMS_MAX. */
int table_grams(const char *text, uint32_t *out);

/* into += (1 + ln tf) · idf · row, for each distinct term that is no stopword, in the order of
 * their first appearance. */
void table_add_terms(
	const struct embed_table *t, struct arena *a, const struct terms *terms, float *into);

/* A sequence of numbers from a seed (splitmix64), the same on every machine. */
static inline uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

#endif
