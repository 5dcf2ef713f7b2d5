#include "index/base/array.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/err.h"

void *array_grow(void *items, int n, int *cap, size_t size)
{
	if (n == *cap) {
		ASSERT(*cap <= INT_MAX / 2);
		*cap = *cap ? *cap * 2 : 16;
		items = realloc(items, (size_t)*cap * size);
		ASSERT(items != NULL);
	}
	memset((char *)items + (size_t)n * size, 0, size);
	return items;
}
