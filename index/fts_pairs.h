/*
 * Words that follow each other in the question and stand near each other in a row: what that adds
 * to the row's score. Private to index/fts.
 */
#ifndef INDEX_FTS_PAIRS_H
#define INDEX_FTS_PAIRS_H

#include "index/fts_best.h"

/* Adds to each hit, for each pair whose terms are both among b->terms, ADJACENT times the BM25 of
 * the pair standing side by side and NEAR times that of it standing within NEAR_TOKENS, in any
 * column. Only ranks the list anew: what is not in it stays out. */
MUST_CHECK int fts_add_pairs(const struct fts_best *b, struct fts_hit *hits, int n, struct err *e);

#endif
