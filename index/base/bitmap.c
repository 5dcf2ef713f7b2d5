#include "index/base/bitmap.h"

#include <stdlib.h>
#include <string.h>

#include "index/base/err.h"

#define LINE_WORDS 8 /* 64 bytes */

void bitmap_init(struct bitmap *b)
{
	b->words = NULL;
	b->n_words = 0;
}

void bitmap_finish(struct bitmap *b)
{
	free(b->words);
	bitmap_init(b);
}

static void grow(struct bitmap *b, size_t n_words)
{
	uint64_t *words;

	ASSERT(n_words <= SIZE_MAX / 16);
	n_words = (n_words + LINE_WORDS - 1) / LINE_WORDS * LINE_WORDS;
	words = aligned_alloc(64, n_words * sizeof(*words));
	ASSERT(words != NULL);
	if (b->n_words) {
		memcpy(words, b->words, b->n_words * sizeof(*words));
	}
	memset(words + b->n_words, 0, (n_words - b->n_words) * sizeof(*words));
	free(b->words);
	b->words = words;
	b->n_words = n_words;
}

void bitmap_set(struct bitmap *b, uint64_t slot)
{
	size_t word = slot / 64;

	if (word >= b->n_words) {
		size_t more = b->n_words + b->n_words / 2;

		grow(b, word + 1 > more ? word + 1 : more);
	}
	b->words[word] |= (uint64_t)1 << (slot % 64);
}

void bitmap_clear(struct bitmap *b, uint64_t slot)
{
	if (slot / 64 < b->n_words) {
		b->words[slot / 64] &= ~((uint64_t)1 << (slot % 64));
	}
}

void bitmap_reserve(struct bitmap *b, uint64_t n_slots)
{
	size_t n_words = n_slots / 64 + (n_slots % 64 != 0);

	if (n_words > b->n_words) {
		grow(b, n_words);
	}
}

void bitmap_or(struct bitmap *into, const struct bitmap *from)
{
	if (from->n_words > into->n_words) {
		grow(into, from->n_words);
	}
	for (size_t i = 0; i < from->n_words; i++) {
		into->words[i] |= from->words[i];
	}
}

void bitmap_and(struct bitmap *into, const struct bitmap *from)
{
	for (size_t i = 0; i < into->n_words; i++) {
		into->words[i] &= i < from->n_words ? from->words[i] : 0;
	}
}

void bitmap_and_not(struct bitmap *into, const struct bitmap *without)
{
	for (size_t i = 0; i < into->n_words && i < without->n_words; i++) {
		into->words[i] &= ~without->words[i];
	}
}

void bitmap_copy(struct bitmap *into, const struct bitmap *from)
{
	if (into == from) {
		return;
	}
	if (into->n_words != from->n_words) {
		bitmap_finish(into);
		if (from->n_words) {
			grow(into, from->n_words);
		}
	}
	if (from->n_words) {
		memcpy(into->words, from->words, from->n_words * sizeof(*from->words));
	}
}

uint64_t bitmap_count(const struct bitmap *b)
{
	uint64_t n = 0;

	for (size_t i = 0; i < b->n_words; i++) {
		n += (uint64_t)__builtin_popcountll(b->words[i]);
	}
	return n;
}

uint64_t bitmap_next(const struct bitmap *b, uint64_t from)
{
	size_t i = from / 64;
	uint64_t word;

	if (i >= b->n_words) {
		return UINT64_MAX;
	}
	word = b->words[i] & (~(uint64_t)0 << (from % 64));
	while (word == 0) {
		if (++i == b->n_words) {
			return UINT64_MAX;
		}
		word = b->words[i];
	}
	return (uint64_t)i * 64 + (uint64_t)__builtin_ctzll(word);
}
