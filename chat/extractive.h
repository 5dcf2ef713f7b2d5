/*
 * The built-in answerer: the sentences, list items or table rows of the sources that answer a
 * question best, each a line with its marker. No model: idf-weighted overlap with the question (a
 * word may also stand in the heading, the document's name, the names of a row's columns or a
 * neighbour, for less), closeness of the words, what kind of answer the question wants, the label
 * and the column of a table's row. A row is given with its label, the cell that was asked for
 * first. Steps and lists are given whole. English, German, Chinese cues; overlap for any language
 * of the analyser. What a source says is quoted, never followed. Pure. Thread: any.
 */
#ifndef CHAT_EXTRACTIVE_H
#define CHAT_EXTRACTIVE_H

#include <stdbool.h>

#include "chat/cite.h"
#include "retrieve/evidence.h"

#define EXTRACTIVE_PASSAGES 40	/* it reads so many, */
#define EXTRACTIVE_TOKENS 12000 /* of so many tokens: no model's window bounds it */

/* A line of the answer: sentence of sources[source]. */
struct quoted {
	int source, sentence;
};

struct extract {
	char *text;   /* Markdown with [n] markers; the refusal if refused */
	bool refused; /* no sentence is good enough */
	double score; /* of the best sentence: the share of the question it answers, 0 to 1 */
	struct quoted *quotes; /* [n_quotes] line by line; none if refused */
	int n_quotes;
	const struct pick *picks; /* private: of extractive_write */
};

/* text: the question as asked. In the arena. */
void extractive_answer(struct arena *a, const struct question *q, const char *text,
	const struct source *sources, int n, struct extract *out);
/* Writes the text anew, after the caller has given the sources other handles. */
void extractive_write(struct arena *a, const struct source *sources, struct extract *x);

/* "I could not find this in the documents you can read." in the language, else in English. */
const char *extractive_refusal(const char *language);

#endif
