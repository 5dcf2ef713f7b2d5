/*
 * One arena per unit of work (request, turn, document): allocate freely, free once.
 * Allocations are 16-aligned and zeroed; the unused tail is poisoned under AddressSanitizer.
 * An allocation that cannot be had (index/base/alloc.h) ends the process (sizes of our own), except
 * arena_try.
 * Thread: one at a time.
 */
#ifndef INDEX_BASE_ARENA_H
#define INDEX_BASE_ARENA_H

#include <stddef.h>

struct arena_block;
struct arena {
	struct arena_block *head;
	size_t n_bytes; /* handed out in all */
};

void arena_init(struct arena *a);
void arena_finish(struct arena *a); /* frees all; the arena may be used again */
/* For what is kept long, and whose size is known: one block of it. arena_room: what an allocation
 * takes of it. */
void arena_reserve(struct arena *a, size_t n_bytes);
size_t arena_room(size_t n_bytes);

void *arena_alloc(struct arena *a, size_t n_bytes);
void *arena_try(struct arena *a, size_t n_bytes); /* NULL when memory is short: for peers' sizes */
#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_calloc((a), (n), sizeof(type)))
void *arena_calloc(struct arena *a, size_t n, size_t size); /* overflow-checked */
void *arena_copy(struct arena *a, const void *p, size_t n_bytes);
char *arena_str(struct arena *a, const char *s);		  /* NULL gives NULL */
char *arena_strn(struct arena *a, const char *s, size_t n_bytes); /* NUL is added */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
