/* Xapian behind a few C functions, for the comparison in tests/scale/lexical.c. Errors are printed
 * and give NULL or -1. Thread: one. */
#ifndef TESTS_SCALE_XAPIAN_H
#define TESTS_SCALE_XAPIAN_H

#ifdef __cplusplus
extern "C" {
#endif

struct xapian;

struct xapian *xapian_create(const char *path);
struct xapian *xapian_open(const char *path);
void xapian_close(struct xapian *x); /* commits; NULL is fine */

/* Collects the terms of one row, then stores it. No positions: a ranked search reads none. */
void xapian_term(struct xapian *x, const char *term, unsigned weight);
int xapian_add(struct xapian *x, unsigned row);

/* BM25 (k1 1.2, b .75, no least length) of the OR; rows best first: how many, at most limit. */
int xapian_search(struct xapian *x, const char *const *terms, int n, int limit, unsigned *rows,
	double *scores);

#ifdef __cplusplus
}
#endif
#endif
