/*
 * Two bits for each number of a segment's vectors: of many vectors they tell which are worth a
 * comparison, at an eighth of the memory that the half floats take. A number is one of four levels
 * about its dimension's mean (the quantiser of Max 1960 for a normal distribution, its levels a
 * deviation apart), so that what a query is expected to give is a sum of small whole numbers.
 * Measured at 1,000,000 x 256, a tenth allowed: of the best 200 by these the best 10 are .80 and
 * 99.8 % of the best 200 stand among the best 4,000 (one bit: 95 %), by the trained table as by
 * clustered vectors.
 *
 * Derived, made when a segment is made or loaded, immutable. A vector that replaced another since
 * keeps the code of the former one. Private to index/vector*.c. Thread: any.
 */
#ifndef INDEX_VECTOR_CODES_H
#define INDEX_VECTOR_CODES_H

#include <stddef.h>
#include <stdint.h>

/* Numbers of a vector that are coded together, in CODE_BYTES; the last group is filled up. */
#define CODE_GROUP 128
#define CODE_BYTES (CODE_GROUP / 4)

struct codes;

/* Of n vectors [dimension] of half floats at slots, ascending, all in [slot_from, slot_to). */
struct codes_plan {
	int64_t slot_from, slot_to;
	int dimension;
	const int64_t *slots;
	const uint16_t *const *vectors;
	int64_t n;
};
struct codes *codes_create(const struct codes_plan *plan);
void codes_destroy(struct codes *c); /* NULL is fine */

/* A query as its products with these codes take it. */
struct coded_query {
	int16_t *weights; /* [n_groups × CODE_GROUP], malloced */
	int n_groups;
	float base, scale;    /* cosine = base + scale · product, about */
	const uint8_t *codes; /* of slot_from */
	int64_t slot_from;
};
void codes_query_init(const struct codes *c, const float *unit, struct coded_query *out);
void codes_query_finish(struct coded_query *q);

/* The code of a slot in the range: n_groups × CODE_BYTES. */
static inline const uint8_t *code_at(const struct coded_query *q, int64_t slot)
{
	return q->codes + (size_t)(slot - q->slot_from) * (size_t)q->n_groups * CODE_BYTES;
}

#endif
