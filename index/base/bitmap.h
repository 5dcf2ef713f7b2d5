/*
 * A dense bitmap of chunk slots: the one filter of both searches. Words are 64 bits, bit s of word
 * s / 64; memory is 64-byte aligned so that a FAISS IDSelectorBitmap may point at any 64-aligned
 * slot of it (little-endian: bit i of a bitmap is bit i % 8 of byte i / 8).
 * Bits past n_words are 0. Thread: immutable bitmaps may be shared, others are their owner's.
 */
#ifndef INDEX_BASE_BITMAP_H
#define INDEX_BASE_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bitmap {
	uint64_t *words;
	size_t n_words;
};

void bitmap_init(struct bitmap *b);
void bitmap_finish(struct bitmap *b);
void bitmap_set(struct bitmap *b, uint64_t slot); /* grows */
void bitmap_clear(struct bitmap *b, uint64_t slot);
static inline bool bitmap_has(const struct bitmap *b, uint64_t slot)
{
	return slot / 64 < b->n_words && (b->words[slot / 64] >> (slot % 64) & 1);
}
void bitmap_reserve(struct bitmap *b, uint64_t n_slots); /* at least that many, zeroed */
void bitmap_or(struct bitmap *into, const struct bitmap *from);
void bitmap_and(struct bitmap *into, const struct bitmap *from);
void bitmap_and_not(struct bitmap *into, const struct bitmap *without);
void bitmap_copy(struct bitmap *into, const struct bitmap *from);
uint64_t bitmap_count(const struct bitmap *b);
/* The first set slot >= from, or UINT64_MAX. */
uint64_t bitmap_next(const struct bitmap *b, uint64_t from);

#endif
