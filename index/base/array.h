/* Arrays that grow, for owners that keep items, number and capacity. Thread: one owner. */
#ifndef INDEX_BASE_ARRAY_H
#define INDEX_BASE_ARRAY_H

#include <stddef.h>

/* Room for one more item of `size` bytes after the n that are there: returns where the array is
 * now. The new item is zeroed. Dies when memory is short. */
void *array_grow(void *items, int n, int *cap, size_t size);

#endif
