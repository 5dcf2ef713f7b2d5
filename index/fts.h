/*
 * Full text: one FTS5 table a workspace (external content over the chunk table), columns title,
 * heading, body, with a tokenizer of ours: ICU word boundaries and case folding, diacritics
 * removed, Snowball stems by the chunk's language, CJK as overlapping bigrams. The filter is an SQL
 * function over the asker's bitmap inside the MATCH query, before top-k. Raw bm25 never leaves the
 * server (it depends on hidden documents): callers use ranks and scores normalised by the best of
 * the list.
 *
 * The analyser here is the one tokenizer of Carrel: embeddings, chunk sizes, support checks and the
 * extractive answerer use it as well.
 * Thread: any with a db; analyser functions from any thread.
 */
#ifndef INDEX_FTS_H
#define INDEX_FTS_H

#include <stdbool.h>
#include <stdint.h>

#include "index/acl.h"
#include "index/base/arena.h"
#include "index/base/err.h"
#include "index/store.h"

/* ── the analyser ── */

struct term {
	const char *text;	  /* stemmed, folded; in the arena */
	int byte_start, byte_end; /* in the input */
	int position;		  /* token number */
	bool stopword;
	bool cjk; /* a bigram, or a single CJK character of a run of one */
};

struct terms {
	struct term *items;
	int n;
};

/* language: ISO 639-1 or "" (no stemming, stopwords of all languages). */
void analyse(
	struct arena *a, const char *text, size_t n_bytes, const char *language, struct terms *out);
/* ISO 639-1 of the text by script and frequent words, "" when unsure. A static string. */
const char *language_detect(const char *text, size_t n_bytes);

/* ── the index ── */

/* +1 with every change of what analyse() gives. It stands with each table, as an argument of its
 * tokenizer: rows are taken out only as they were put in, so a table that another version filled is
 * built anew (index/index.c, at start) before anything is written. */
#define ANALYSER_VERSION 2

/* Registers tokenizer and functions on every connection; once, before store_open. */
void fts_register(void);
MUST_CHECK int fts_create(struct db *db, int64_t workspace_n, struct err *e); /* tx */

struct fts_row {
	int64_t slot;
	const char *language, *title, *heading, *body;
};
MUST_CHECK int fts_insert(
	struct db *db, int64_t workspace_n, const struct fts_row *row, struct err *e); /* tx */
/* tx. The row must be exactly as it was inserted. */
MUST_CHECK int fts_delete(
	struct db *db, int64_t workspace_n, const struct fts_row *row, struct err *e);
/* After deletions that are committed: no word of those rows is left in the tables when this returns
 * 0 (nor in a file after a truncating checkpoint). Many small transactions; blocks, not on the loop
 * thread and not in a transaction. One merge serves all who call meanwhile. goes_on is asked
 * between them (NULL: always), what it returns below 0 ends it. */
MUST_CHECK int fts_forget(struct store *s, int64_t workspace_n,
	int (*goes_on)(void *arg, struct err *e), void *arg, struct err *e);

struct fts_hit {
	int64_t slot;
	double score;	/* bm25 with column weights, what pairs of words that stand together add
			 * (index/fts_pairs.h), and less where words are missing; higher is better;
			 * for inside only */
	double covered; /* of the words' idf, what the row has, 0 to 1; 0: not known */
};

struct fts_query {
	int64_t workspace_n;
	const char *text;     /* a person's question; syntax characters have no meaning */
	const char *language; /* of the question, "" unknown */
	const struct allowed *allowed;
	int limit;
	const struct fts_extra *extra; /* terms besides, of words that no row has; NULL: none */
	int n_extra;
	bool words_alone; /* BM25 and nothing for words that stand together */
};

/* A term that counts less than one that was asked for. */
struct fts_extra {
	const char *term;
	double weight; /* 0 to 1, of its idf */
};

/* A word of the query that no allowed row has, in no language's form. Only terms that allowed rows
 * have are told; which those are is asked of the rows, not of what the index has as a whole. */
struct fts_unknown {
	int byte_start, byte_end; /* in the query's text */
	const char *near;	  /* it may be a slip for this term; NULL: for none */
	int64_t near_slot;	  /* of an allowed row that has it */
	struct fts_extra *similar;
	int n_similar;
};
#define FTS_UNKNOWN_MAX 6 /* of more the rest is left alone */
/* out [*n], in the arena; none while the vocabulary of a large index is being read. */
MUST_CHECK int fts_unknown(struct db *db, struct arena *a, const struct fts_query *q,
	struct fts_unknown **out, int *n, struct err *e);

struct fts_phrase {
	int64_t workspace_n;
	const char *text;
	const char *language; /* of the question, "" unknown */
	bool title;	      /* only in titles */
	const struct allowed *allowed;
};
/* Sets the bits of the allowed rows that hold the words one after the other. Text without a word is
 * in none. */
MUST_CHECK int fts_rows(
	struct db *db, const struct fts_phrase *p, struct bitmap *out, struct err *e);

/* A search that finds fewer rows than this (and than its limit) has found every row that holds a
 * word of the query; of a longer list the best so many by words alone are in it. */
#define FTS_WHOLE_BELOW 50

/* Best first, at most limit, only allowed slots. Terms of the query are OR-ed, stopwords dropped
 * unless nothing else is left. out in the arena. */
MUST_CHECK int fts_search(struct db *db, struct arena *a, const struct fts_query *q,
	struct fts_hit **out, int *n, struct err *e);
/* ln((N - df + .5) / (df + .5) + 1) of stems in the workspace, for weighting: idf[i] of terms[i].
 * A stem that no allowed row holds weighs as one that no row holds: nothing tells which of the two
 * it is. allowed NULL: all rows are. */
MUST_CHECK int fts_idf(struct db *db, int64_t workspace_n, const struct allowed *allowed,
	const char *const *terms, int n, double *idf, struct err *e);

/* FTS5's integrity check against the content; ERR_CORRUPT. tx, for FTS5 wants a writing connection.
 */
MUST_CHECK int fts_check(struct db *db, int64_t workspace_n, struct err *e);
/* Whether another version of the analyser filled the table. */
MUST_CHECK int fts_outdated(struct db *db, int64_t workspace_n, bool *old, struct err *e);
/* tx. Throws the table away and fills it again from the live chunks. */
MUST_CHECK int fts_rebuild(struct db *db, int64_t workspace_n, struct err *e);

#endif
