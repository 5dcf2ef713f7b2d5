/*
 * The best rows of an OR of terms, from the posting lists themselves. Private to index/fts.
 */
#ifndef INDEX_FTS_BEST_H
#define INDEX_FTS_BEST_H

#include "index/fts_cache.h"
#include "index/fts_postings.h"
#include "index/fts_terms.h"

struct fts_best {
	struct postings_index *index;
	struct fts_memory *memory; /* NULL: none */
	const struct allowed *allowed;
	const struct query_terms *terms; /* rarest first, none a prefix */
	const double *idf;		 /* [terms->n] */
	int limit;
};

/* hits [limit], best first, ties by slot. The first FTS_WHOLE_BELOW are exactly those of the whole
 * OR by the score of carrel_score; of the others some may be missing. */
MUST_CHECK int fts_best(const struct fts_best *b, struct fts_hit *hits, int *n, struct err *e);

/* For qsort: the better hit first, of equal ones the lower slot. */
int fts_best_first(const void *a, const void *b);

#endif
