/* FAISS's plain index, every vector as it is, behind a few C functions, for the comparison in
 * tests/scale/bench_hybrid.c. Errors are printed and end the process. Thread: one. */
#ifndef TESTS_SCALE_FLAT_H
#define TESTS_SCALE_FLAT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct flat;

/* Of vectors [n × dimension], slot i at i times the dimension; compared by their products. */
struct flat *flat_create(const float *vectors, int64_t n, int dimension);
void flat_destroy(struct flat *f);

/* The nearest k of the slots whose bit is set, through an IDSelectorBitmap over n_bytes. How many
 * there are. */
int flat_search(struct flat *f, const float *query, const uint8_t *bits, size_t n_bytes, int k,
	int64_t *slots, float *cosines);

#ifdef __cplusplus
}
#endif
#endif
