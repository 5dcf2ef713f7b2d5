/*
 * A question that leans on those before it ("And for contractors?", "Wer genehmigt das?",
 * "那北京呢？") made to stand alone, for retrieval only: the model and the reader get the question
 * as it was asked. Whether it leans is told by rule, from its own words: how it begins, pronouns
 * without a noun before them, too few content words. Then either the content words that it lacks
 * are carried over from the question before (which may lean itself), or a model is asked to rewrite
 * it and its line is checked.
 *
 * Only questions go in, never answers, titles or headings: what comes out is stored and shown with
 * the run, and may hold no word of a document. Rules for English, German and Chinese; elsewhere a
 * question leans if it has no content word of its own, or one. Pure. Thread: any.
 */
#ifndef CHAT_FOLLOWUP_H
#define CHAT_FOLLOWUP_H

#include <jansson.h>

#include "index/base/arena.h"

enum leaning {
	STANDS,	     /* understood by itself */
	LEANS_MAYBE, /* few content words and no sure sign: it may be a new subject */
	LEANS,
};

enum leaning followup_leaning(struct arena *a, const char *question);

/* The question with the words that it lacks, in the arena; the question itself if it stands alone
 * or nothing comes before it. before: [n] earlier questions, oldest first. */
const char *followup_carry(struct arena *a, const char *question, const char *const *before, int n);

/* What a model is asked; a new reference. */
#define FOLLOWUP_TOKENS 96 /* of its line, at most */
json_t *followup_messages(const char *question, const char *const *before, int n);
/* The line that it said, in the arena; NULL if it cannot be one question made of these: empty, too
 * long, or mostly of words and numbers that nobody asked for. */
const char *followup_accept(
	struct arena *a, const char *said, const char *question, const char *const *before, int n);

#endif
