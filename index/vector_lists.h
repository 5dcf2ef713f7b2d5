/*
 * Which list each vector belongs to: k-means in two levels, by FAISS (index/faiss_c.h). Private to
 * index/vector*.c. Thread: any; blocks for seconds.
 */
#ifndef INDEX_VECTOR_LISTS_H
#define INDEX_VECTOR_LISTS_H

#include <stdint.h>

#include "index/base/err.h"

/* n vectors of half floats, at length 1. About 4 √n lists, fewer where n is small: their centroids
 * [n_lists × dimension], malloced, and list_of[n]. */
MUST_CHECK int lists_find(const uint16_t *const *vectors, int64_t n, int dimension,
	uint16_t **centroids, int64_t *n_lists, uint32_t *list_of, struct err *e);

#endif
