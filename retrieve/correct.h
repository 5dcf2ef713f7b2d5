/*
 * Slips of the pen: a word that nothing the asker may read has, one or two letters from a term that
 * something does have, is searched for as that, by words, by meaning, and when it is judged how
 * well the passages answer. The word put in its place is as a passage writes it that the asker may
 * read now, so that a correction tells no more than reading does.
 */
#ifndef RETRIEVE_CORRECT_H
#define RETRIEVE_CORRECT_H

#include "index/acl.h"
#include "index/fts.h"

struct correction {
	const char *from, *to;
};

struct corrected {
	const struct asker *who; /* in, as the next three */
	const struct allowed *allowed;
	const char *language; /* of the question */
	const char *text;     /* in: the words; out: with the corrections in them */
	struct correction *corrections;
	int n_corrections;
	struct fts_extra *extra; /* for fts_query: terms similar to words that are not there */
	int n_extra;
};

/* All that it adds is in the arena. */
MUST_CHECK int correct(struct db *db, struct arena *a, struct corrected *c, struct err *e);

#endif
