#include "index/base/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/err.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif

#ifdef ARENA_ASAN
void __asan_poison_memory_region(void const volatile *p, size_t n);
void __asan_unpoison_memory_region(void const volatile *p, size_t n);
#define POISON(p, n) __asan_poison_memory_region((p), (n))
#define UNPOISON(p, n) __asan_unpoison_memory_region((p), (n))
/* A gap that stays poisoned between two allocations shows an overrun of the first. */
#define GAP 16
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#define GAP 0
#endif

#define ALIGN 16
#define BLOCK_MIN ((size_t)1024) /* most requests need no more, and an open stream keeps it */
#define BLOCK_MAX ((size_t)256 * 1024)

struct arena_block {
	_Alignas(ALIGN) struct arena_block *next;
	size_t size; /* of data */
	size_t used;
	_Alignas(ALIGN) unsigned char data[];
};

void arena_init(struct arena *a)
{
	a->head = NULL;
	a->n_bytes = 0;
}

void arena_finish(struct arena *a)
{
	struct arena_block *block = a->head;

	while (block) {
		struct arena_block *next = block->next;

		UNPOISON(block->data, block->size);
		free(block);
		block = next;
	}
	arena_init(a);
}

/* Blocks come zeroed from calloc and no byte is handed out twice, so allocations are zero. */
static struct arena_block *block_create(size_t size)
{
	struct arena_block *block;

	if (size > SIZE_MAX / 2) {
		return NULL;
	}
	block = calloc(1, sizeof(*block) + size);
	if (block) {
		block->size = size;
		POISON(block->data, size);
	}
	return block;
}

static struct arena_block *block_for(struct arena *a, size_t n_bytes)
{
	struct arena_block *head = a->head;
	struct arena_block *block;
	size_t size = head ? head->size * 2 : BLOCK_MIN;

	if (head && head->size - head->used >= n_bytes) {
		return head;
	}
	if (size > BLOCK_MAX) {
		size = BLOCK_MAX;
	}
	if (n_bytes > size / 2 && head) {
		/* A large piece gets a block of its own behind the head, whose rest stays in use.
		 */
		block = block_create(n_bytes);
		if (block) {
			block->next = head->next;
			head->next = block;
		}
		return block;
	}
	block = block_create(n_bytes > size ? n_bytes : size);
	if (block) {
		block->next = head;
		a->head = block;
	}
	return block;
}

void arena_reserve(struct arena *a, size_t n_bytes)
{
	struct arena_block *block = block_create(n_bytes);

	ASSERT(block != NULL);
	block->next = a->head;
	a->head = block;
}

size_t arena_room(size_t n_bytes)
{
	return ((n_bytes ? n_bytes : 1) + GAP + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

void *arena_try(struct arena *a, size_t n_bytes)
{
	struct arena_block *block;
	unsigned char *p;
	size_t room;

	if (n_bytes > SIZE_MAX / 2) {
		return NULL;
	}
	room = arena_room(n_bytes);
	block = block_for(a, room);
	if (!block) {
		return NULL;
	}
	p = block->data + block->used;
	block->used += room;
	a->n_bytes += n_bytes;
	UNPOISON(p, n_bytes);
	return p;
}

void *arena_alloc(struct arena *a, size_t n_bytes)
{
	void *p = arena_try(a, n_bytes);

	ASSERT(p != NULL);
	return p;
}

void *arena_calloc(struct arena *a, size_t n, size_t size)
{
	size_t n_bytes;
	bool over = __builtin_mul_overflow(n, size, &n_bytes);

	ASSERT(!over);
	return arena_alloc(a, n_bytes);
}

void *arena_copy(struct arena *a, const void *p, size_t n_bytes)
{
	void *copy = arena_alloc(a, n_bytes);

	if (n_bytes) {
		memcpy(copy, p, n_bytes);
	}
	return copy;
}

char *arena_str(struct arena *a, const char *s)
{
	return s ? arena_strn(a, s, strlen(s)) : NULL;
}

char *arena_strn(struct arena *a, const char *s, size_t n_bytes)
{
	char *copy;

	ASSERT(n_bytes < SIZE_MAX);
	copy = arena_alloc(a, n_bytes + 1);
	if (n_bytes) {
		memcpy(copy, s, n_bytes);
	}
	return copy;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	int n;
	char *s;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	ASSERT(n >= 0);
	s = arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}
