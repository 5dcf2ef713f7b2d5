/*
 * What index/ adds to each SQLite connection; private to index/ (fts_register installs all of it).
 *
 *   carrel_allowed(slot, bitmap pointer)   1 if the bit is set
 *   carrel_text(dictionary_n, blob)        chunk text from its zstd frame
 *   carrel_readable(dictionary_n, blob)    whether that gives its text, whole and unchanged
 *   carrel_zip(dictionary_n, text)         and back; dictionary_n NULL: without a dictionary
 *   carrel_fold(text)                      without case and accents (index/fold.h)
 *   carrel_score(fts_n, scoring pointer)   FTS5 auxiliary: the BM25 of a row, higher is better
 */
#ifndef INDEX_SQL_FUNCTIONS_H
#define INDEX_SQL_FUNCTIONS_H

#define BITMAP_POINTER "carrel-bitmap"
/* Between the language and the text of an indexed column: "en\x1fAnnual leave". */
#define LANGUAGE_MARK '\x1f'
/* Before the term by which the index knows that it has text of a language: "\x01en". */
#define LANGUAGE_TERM '\x01'

#define SCORING_POINTER "carrel-scoring"

/* Phrases [n_skip, n_skip + n) of the query count, each by its term's idf; those before only
 * choose. */
struct scoring {
	int n_skip, n;
	const double *idf;  /* [n] */
	double mean_length; /* of a row in tokens; 0: carrel_score finds it at its first row */
};
extern const double fts_column_weight[3]; /* title, heading, body */
#define BM25_K1 1.2
#define BM25_B .75

struct sqlite3;

/* SQLite's result codes. */
int chunk_text_functions(struct sqlite3 *c);
int fts_functions(struct sqlite3 *c);

#endif
