/*
 * The terms a question searches for: its words as each language of the workspace would have stemmed
 * them, without stopwords, the most informative if there are many. Private to index/fts.
 */
#ifndef INDEX_FTS_TERMS_H
#define INDEX_FTS_TERMS_H

#include <stdbool.h>
#include <stdint.h>

#include "index/fts.h"

#define FTS_TERMS_MAX 64

struct query_term {
	const char *text;
	bool prefix;	/* a lone CJK character stands for every bigram that begins with it */
	int64_t df;	/* asked only when there are too many */
	double weight;	/* of its idf */
	int start, end; /* bytes in the question; of a term that is not of it, its own */
};

/* Two words that follow each other in the question, stopwords between them left out. */
struct query_pair {
	const char *first, *second;
};
#define FTS_PAIRS_MAX 64

struct query_terms {
	struct query_term *items; /* [FTS_TERMS_MAX] at most */
	int n;
	struct query_pair *pairs; /* of terms that need not be among the items; none of CJK */
	int n_pairs;
};

#define FTS_LANGUAGES_MAX 32
/* In whose words a text is looked for: as the question's own language has them, as English, as
 * none, and as those that the workspace has text of. */
MUST_CHECK int fts_languages(struct db *db, int64_t workspace_n, const char *own,
	const char *out[FTS_LANGUAGES_MAX], int *n, struct err *e);
/* A CJK character by itself: it is the beginning of bigrams. */
bool fts_lone_character(const struct term *t);

MUST_CHECK int fts_terms(struct db *db, struct arena *a, const struct fts_query *q,
	struct query_terms *out, struct err *e);

/* Whether any row has the term; how many have it. */
MUST_CHECK int fts_has(
	struct db *db, int64_t workspace_n, const char *term, bool *has, struct err *e);
MUST_CHECK int fts_df(
	struct db *db, int64_t workspace_n, const char *term, int64_t *df, struct err *e);

#endif
