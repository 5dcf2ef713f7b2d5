/*
 * The vectors of one space in memory: half floats in blocks of slots, sealed ranges in segments.
 * Private to index/vector*.c.
 *
 * A search keeps a snapshot: counted pointers to blocks and segments that stay as long as it works.
 * A slot's vector is written once into its block, then its bit is set (release), so that a reader
 * who sees the bit sees the vector; a vector that replaces another goes into a copy of the block.
 * Thread: memory_put, _remove and _segments from one at a time per space (they lock), the rest from
 * any.
 */
#ifndef INDEX_VECTOR_MEMORY_H
#define INDEX_VECTOR_MEMORY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "index/base/bitmap.h"
#include "index/vector_segment.h"

#define BLOCK_SLOTS 512
#define BLOCK_WORDS (BLOCK_SLOTS / 64)

struct vector_block {
	atomic_int refs;
	_Atomic uint64_t present[BLOCK_WORDS];
	uint64_t written[BLOCK_WORDS]; /* ever; the writer's own */
	struct vector_slab *slab;      /* what halves lies in */
	uint16_t *halves;	       /* [BLOCK_SLOTS × dimension] */
};

struct snapshot {
	atomic_int refs;
	size_t n_blocks;
	struct vector_block **blocks; /* NULL: none of its slots has a vector */
	int n_segments;
	struct segment **segments; /* ascending, disjoint slot ranges */
};

struct memory {
	int dimension;
	pthread_mutex_t lock;
	struct snapshot *now;
	struct vector_slab *slab; /* that new blocks are cut from; kept */
	atomic_llong n_present;
	/* While the stored vectors are being read: slots removed since that snapshot began. */
	bool loading;
	struct bitmap gone;
};

void memory_init(struct memory *m, int dimension);
void memory_finish(struct memory *m);

/* Commits of the writer: the newest vector wins. */
void memory_put(struct memory *m, int64_t slot, const uint16_t *halves);
void memory_remove(struct memory *m, int64_t slot);
/* A stored vector read at start: kept only if no commit was faster. */
void memory_load(struct memory *m, int64_t slot, const uint16_t *halves);
/* A block of nobody's, for vectors to be read into, and to hand to one of the two that follow. */
struct vector_block *memory_block_begin(struct memory *m);
/* It is block i, `present` are there: each kept only if no commit was faster. */
void memory_block_end(
	struct memory *m, struct vector_block *b, int64_t i, const uint64_t present[BLOCK_WORDS]);
void memory_block_drop(struct vector_block *b); /* NULL is fine */
void memory_loaded(struct memory *m);
/* Replaces the segments that overlap [seg->from, seg->to) by seg (kept); seg NULL: drops all of
 * them. */
void memory_segment(struct memory *m, struct segment *seg);
/* Takes one segment out. */
void memory_segment_remove(struct memory *m, int64_t n);

struct snapshot *memory_snapshot(struct memory *m);
void snapshot_drop(struct snapshot *s); /* NULL is fine */

/* The bits of slots [64 word, 64 word + 64) that have a vector. */
static inline uint64_t snapshot_word(const struct snapshot *s, size_t word)
{
	size_t block = word / BLOCK_WORDS;

	if (block >= s->n_blocks || !s->blocks[block]) {
		return 0;
	}
	return atomic_load_explicit(
		&s->blocks[block]->present[word % BLOCK_WORDS], memory_order_acquire);
}
static inline const uint16_t *snapshot_halves(const struct snapshot *s, int64_t slot, int dimension)
{
	return s->blocks[slot / BLOCK_SLOTS]->halves +
	       (size_t)(slot % BLOCK_SLOTS) * (size_t)dimension;
}
static inline bool snapshot_has(const struct snapshot *s, int64_t slot)
{
	return slot >= 0 && (snapshot_word(s, (size_t)slot / 64) >> (slot % 64) & 1);
}

#endif
