/*
 * The vocabulary (index/vocabulary.h) of each workspace's full text, made when a word is first
 * looked for and again when the index has changed: of a small index by whoever asks, of a
 * larger one by a thread while nobody waits and nothing is suggested. In memory alone, so that
 * no purged word outlives its document on disk; of what was purged since, no row is found any more.
 *
 * The terms are read from the leaf pages of FTS5's segments (fts_<n>_data; the format stands at
 * the top of SQLite's ext/fts5/fts5_index.c): fts5vocab would read every posting besides. A page
 * that is not as expected ends the reading; what is missing is a suggestion.
 * Thread: any.
 */
#ifndef INDEX_FTS_VOCABULARY_H
#define INDEX_FTS_VOCABULARY_H

#include "index/store.h"
#include "index/vocabulary.h"

struct vocabularies;

/* Attached to the store; closed after it. */
struct vocabularies *vocabularies_open(struct store *s);
void vocabularies_stop(struct vocabularies *v);	 /* before the store closes: ends the thread */
void vocabularies_close(struct vocabularies *v); /* NULL is fine */

/* Counted: hand it back by fts_vocabulary_drop. *out NULL: there is none (yet). */
struct kept_vocabulary;
MUST_CHECK int fts_vocabulary_keep(
	struct db *db, int64_t workspace_n, struct kept_vocabulary **out, struct err *e);
const struct vocabulary *kept_vocabulary(const struct kept_vocabulary *k);
void fts_vocabulary_drop(struct kept_vocabulary *k); /* NULL is fine */

#endif
