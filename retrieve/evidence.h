/*
 * How well passages answer a question, without a model: the idf-weighted share of the question's
 * content words that one passage (or the best two together) holds. A word that the asker's
 * documents do not know weighs most, which is what makes questions about absent subjects weak.
 * Thread: any. Pure but for the document frequencies.
 */
#ifndef RETRIEVE_EVIDENCE_H
#define RETRIEVE_EVIDENCE_H

#include "index/base/arena.h"
#include "index/fts.h"
#include "index/store.h"

/* The question's content words, once a question. */
struct question {
	const char *language;
	const char **terms; /* distinct stems, stopwords out */
	double *idf;	    /* of each */
	int n_terms;
	double mass; /* sum of idf */
};
MUST_CHECK int question_open(struct db *db, struct arena *a, int64_t workspace_n,
	const struct allowed *allowed, const char *text, struct question *out, struct err *e);

/* Below this an answer is refused: the share of the mass that the best passage must hold, and what
 * the best sentence must meet, by chat/extractive.h. Where they come from stands in evidence.c. */
double evidence_needed(const struct question *q);
double evidence_needed_of_sentence(const struct question *q);

/* Marks in seen [n_terms] those of its terms that a text has (its headings' may be among them). */
void question_see(const struct question *q, const struct terms *text, char *seen);
/* Share of the mass that is marked: 0 to 1. */
double question_share(const struct question *q, const char *seen);

#endif
