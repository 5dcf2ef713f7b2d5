#include "index/vector_memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "index/base/err.h"

/*
 * Slabs. A search touches vectors all over half a gigabyte; in pages of 4 KB most of its time goes
 * into finding the page, so the blocks of a large space are cut from slabs that the kernel may map
 * with pages of 2 MB. A slab of a small space is as large as one block.
 */
#define LARGE_SPACE_BLOCKS 64
#define HUGE_PAGE ((size_t)2 << 20)
#define SLAB_BYTES (4 * HUGE_PAGE)

struct vector_slab {
	atomic_int refs;
	size_t size, used;
	char *bytes;
};

static struct vector_slab *slab_create(size_t size)
{
	struct vector_slab *s = calloc(1, sizeof(*s));

	ASSERT(s != NULL);
	atomic_init(&s->refs, 1);
	s->size = size;
	if (size >= HUGE_PAGE) {
		ASSERT(posix_memalign((void **)&s->bytes, HUGE_PAGE, size) == 0);
		(void)madvise(s->bytes, size, MADV_HUGEPAGE); /* it goes without, slower */
	} else {
		s->bytes = malloc(size);
		ASSERT(s->bytes != NULL);
	}
	return s;
}

static void slab_drop(struct vector_slab *s)
{
	if (s && atomic_fetch_sub(&s->refs, 1) == 1) {
		free(s->bytes);
		free(s);
	}
}

/* Locked. */
static struct vector_block *block_create(struct memory *m)
{
	struct vector_block *b = calloc(1, sizeof(*b));
	size_t n_bytes = BLOCK_SLOTS * (size_t)m->dimension * sizeof(uint16_t);

	ASSERT(b != NULL);
	if (!m->slab || m->slab->size - m->slab->used < n_bytes) {
		bool large = m->now->n_blocks >= LARGE_SPACE_BLOCKS && n_bytes <= SLAB_BYTES;

		slab_drop(m->slab);
		m->slab = slab_create(large ? SLAB_BYTES : n_bytes);
	}
	atomic_init(&b->refs, 1);
	b->slab = m->slab;
	atomic_fetch_add(&b->slab->refs, 1);
	b->halves = (uint16_t *)(void *)(b->slab->bytes + b->slab->used);
	b->slab->used += n_bytes;
	return b;
}

static void block_drop(struct vector_block *b)
{
	if (b && atomic_fetch_sub(&b->refs, 1) == 1) {
		slab_drop(b->slab);
		free(b);
	}
}

/* A copy that shares blocks and segments, with room for n_blocks. */
static struct snapshot *snapshot_copy(const struct snapshot *from, size_t n_blocks, int n_segments)
{
	struct snapshot *s = calloc(1, sizeof(*s));

	ASSERT(s != NULL);
	atomic_init(&s->refs, 1);
	s->n_blocks = n_blocks;
	s->blocks = calloc(n_blocks ? n_blocks : 1, sizeof(struct vector_block *));
	s->segments = calloc(n_segments ? (size_t)n_segments : 1, sizeof(struct segment *));
	ASSERT(s->blocks != NULL && s->segments != NULL);
	for (size_t i = 0; from && i < from->n_blocks; i++) {
		s->blocks[i] = from->blocks[i];
		if (s->blocks[i]) {
			atomic_fetch_add(&s->blocks[i]->refs, 1);
		}
	}
	for (int i = 0; from && i < from->n_segments; i++) {
		s->segments[i] = segment_keep(from->segments[i]);
	}
	s->n_segments = from ? from->n_segments : 0;
	return s;
}

void snapshot_drop(struct snapshot *s)
{
	if (!s || atomic_fetch_sub(&s->refs, 1) != 1) {
		return;
	}
	for (size_t i = 0; i < s->n_blocks; i++) {
		block_drop(s->blocks[i]);
	}
	for (int i = 0; i < s->n_segments; i++) {
		segment_drop(s->segments[i]);
	}
	free(s->blocks);
	free(s->segments);
	free(s);
}

void memory_init(struct memory *m, int dimension)
{
	memset(m, 0, sizeof(*m));
	m->dimension = dimension;
	ASSERT(pthread_mutex_init(&m->lock, NULL) == 0);
	m->now = snapshot_copy(NULL, 0, 0);
	atomic_init(&m->n_present, 0);
	bitmap_init(&m->gone);
	m->loading = true;
}

void memory_finish(struct memory *m)
{
	snapshot_drop(m->now);
	slab_drop(m->slab);
	bitmap_finish(&m->gone);
	pthread_mutex_destroy(&m->lock);
}

struct snapshot *memory_snapshot(struct memory *m)
{
	struct snapshot *s;

	pthread_mutex_lock(&m->lock);
	s = m->now;
	atomic_fetch_add(&s->refs, 1);
	pthread_mutex_unlock(&m->lock);
	return s;
}

/* The block of a slot, made if it is not there. Locked. */
static struct vector_block *block_for(struct memory *m, int64_t slot)
{
	size_t i = (size_t)(slot / BLOCK_SLOTS);

	if (i >= m->now->n_blocks || !m->now->blocks[i]) {
		size_t n = i >= m->now->n_blocks ? i + 1 : m->now->n_blocks;
		struct snapshot *s = snapshot_copy(m->now, n, m->now->n_segments);

		s->blocks[i] = block_create(m);
		snapshot_drop(m->now);
		m->now = s;
	}
	return m->now->blocks[i];
}

static void put_locked(struct memory *m, int64_t slot, const uint16_t *halves)
{
	size_t n_bytes = (size_t)m->dimension * sizeof(uint16_t);
	size_t in_block = (size_t)(slot % BLOCK_SLOTS);
	struct vector_block *b = block_for(m, slot);
	uint64_t bit = (uint64_t)1 << (in_block % 64);

	if (b->written[in_block / 64] & bit) {
		/* A search may be reading the old vector: it keeps the old block. */
		struct snapshot *s = snapshot_copy(m->now, m->now->n_blocks, m->now->n_segments);
		struct vector_block *copy = block_create(m);
		size_t i = (size_t)(slot / BLOCK_SLOTS);

		memcpy(copy->halves, b->halves, BLOCK_SLOTS * n_bytes);
		for (int w = 0; w < BLOCK_WORDS; w++) {
			atomic_init(&copy->present[w], atomic_load(&b->present[w]));
			copy->written[w] = b->written[w];
		}
		memcpy(copy->halves + in_block * (size_t)m->dimension, halves, n_bytes);
		if (!(atomic_fetch_or(&copy->present[in_block / 64], bit) & bit)) {
			atomic_fetch_add(&m->n_present, 1);
		}
		block_drop(s->blocks[i]);
		s->blocks[i] = copy;
		snapshot_drop(m->now);
		m->now = s;
		return;
	}
	memcpy(b->halves + in_block * (size_t)m->dimension, halves, n_bytes);
	b->written[in_block / 64] |= bit;
	atomic_fetch_or_explicit(&b->present[in_block / 64], bit, memory_order_release);
	atomic_fetch_add(&m->n_present, 1);
}

void memory_put(struct memory *m, int64_t slot, const uint16_t *halves)
{
	pthread_mutex_lock(&m->lock);
	bitmap_clear(&m->gone, (uint64_t)slot);
	put_locked(m, slot, halves);
	pthread_mutex_unlock(&m->lock);
}

void memory_load(struct memory *m, int64_t slot, const uint16_t *halves)
{
	pthread_mutex_lock(&m->lock);
	if (!snapshot_has(m->now, slot) && !bitmap_has(&m->gone, (uint64_t)slot)) {
		put_locked(m, slot, halves);
	}
	pthread_mutex_unlock(&m->lock);
}

struct vector_block *memory_block_begin(struct memory *m)
{
	struct vector_block *b;

	pthread_mutex_lock(&m->lock);
	b = block_create(m);
	pthread_mutex_unlock(&m->lock);
	return b;
}

void memory_block_drop(struct vector_block *b)
{
	block_drop(b);
}

/* Whether nothing is known of block i. Locked. */
static bool block_untouched(const struct memory *m, int64_t i)
{
	if ((size_t)i < m->now->n_blocks && m->now->blocks[i]) {
		return false;
	}
	return bitmap_next(&m->gone, (uint64_t)i * BLOCK_SLOTS) >= ((uint64_t)i + 1) * BLOCK_SLOTS;
}

/* Locked. */
static void place_block(
	struct memory *m, struct vector_block *b, int64_t i, const uint64_t present[BLOCK_WORDS])
{
	size_t n = (size_t)i >= m->now->n_blocks ? (size_t)i + 1 : m->now->n_blocks;
	struct snapshot *s = snapshot_copy(m->now, n, m->now->n_segments);
	int n_present = 0;

	for (int w = 0; w < BLOCK_WORDS; w++) {
		b->written[w] = present[w];
		atomic_init(&b->present[w], present[w]);
		n_present += __builtin_popcountll(present[w]);
	}
	s->blocks[i] = b;
	snapshot_drop(m->now);
	m->now = s;
	atomic_fetch_add(&m->n_present, n_present);
}

void memory_block_end(
	struct memory *m, struct vector_block *b, int64_t i, const uint64_t present[BLOCK_WORDS])
{
	pthread_mutex_lock(&m->lock);
	if (block_untouched(m, i)) {
		place_block(m, b, i, present);
		b = NULL;
	}
	for (int in_block = 0; b && in_block < BLOCK_SLOTS; in_block++) {
		int64_t slot = i * BLOCK_SLOTS + in_block;

		if ((present[in_block / 64] >> (in_block % 64) & 1) &&
			!snapshot_has(m->now, slot) && !bitmap_has(&m->gone, (uint64_t)slot)) {
			put_locked(m, slot, b->halves + (size_t)in_block * (size_t)m->dimension);
		}
	}
	pthread_mutex_unlock(&m->lock);
	block_drop(b);
}

void memory_loaded(struct memory *m)
{
	pthread_mutex_lock(&m->lock);
	m->loading = false;
	bitmap_finish(&m->gone);
	pthread_mutex_unlock(&m->lock);
}

static bool block_empty(const struct vector_block *b)
{
	uint64_t any = 0;

	for (int i = 0; i < BLOCK_WORDS; i++) {
		any |= atomic_load(&b->present[i]);
	}
	return any == 0;
}

void memory_remove(struct memory *m, int64_t slot)
{
	size_t i = (size_t)(slot / BLOCK_SLOTS);
	size_t in_block = (size_t)(slot % BLOCK_SLOTS);
	uint64_t bit = (uint64_t)1 << (in_block % 64);
	struct vector_block *b;
	struct snapshot *s;

	pthread_mutex_lock(&m->lock);
	if (m->loading) {
		bitmap_set(&m->gone, (uint64_t)slot);
	}
	if (snapshot_has(m->now, slot)) {
		b = m->now->blocks[i];
		atomic_fetch_and(&b->present[in_block / 64], ~bit);
		atomic_fetch_sub(&m->n_present, 1);
		if (block_empty(b)) {
			s = snapshot_copy(m->now, m->now->n_blocks, m->now->n_segments);
			block_drop(s->blocks[i]);
			s->blocks[i] = NULL;
			snapshot_drop(m->now);
			m->now = s;
		}
	}
	pthread_mutex_unlock(&m->lock);
}

void memory_segment(struct memory *m, struct segment *seg)
{
	struct snapshot *s;
	int n = 0;

	pthread_mutex_lock(&m->lock);
	s = snapshot_copy(m->now, m->now->n_blocks, m->now->n_segments + 1);
	for (int i = 0; i < s->n_segments; i++) {
		struct segment *old = s->segments[i];

		if (!seg || (old->slot_from < seg->slot_to && seg->slot_from < old->slot_to)) {
			segment_drop(old);
		} else {
			s->segments[n++] = old;
		}
	}
	s->n_segments = n;
	if (seg) {
		while (n > 0 && s->segments[n - 1]->slot_from > seg->slot_from) {
			s->segments[n] = s->segments[n - 1];
			n--;
		}
		s->segments[n] = segment_keep(seg);
		s->n_segments++;
	}
	snapshot_drop(m->now);
	m->now = s;
	pthread_mutex_unlock(&m->lock);
}

void memory_segment_remove(struct memory *m, int64_t row_n)
{
	struct snapshot *s;
	int n = 0;

	pthread_mutex_lock(&m->lock);
	s = snapshot_copy(m->now, m->now->n_blocks, m->now->n_segments);
	for (int i = 0; i < s->n_segments; i++) {
		if (s->segments[i]->n == row_n) {
			segment_drop(s->segments[i]);
		} else {
			s->segments[n++] = s->segments[i];
		}
	}
	s->n_segments = n;
	snapshot_drop(m->now);
	m->now = s;
	pthread_mutex_unlock(&m->lock);
}
