/*
 * The built-in answerer: the one to four sentences or table rows of the sources that answer a
 * question best, each with its marker. No model: idf-weighted overlap with the question (a word may
 * also stand in the heading, the table's header row or a neighbour, for less), closeness of the
 * words, what kind of answer the question wants (a number, a date, a person), a number that lies in
 * a range. English, German, Chinese cues; overlap for any language of the analyser. Pure. Thread:
 * any.
 */
#ifndef CHAT_EXTRACTIVE_H
#define CHAT_EXTRACTIVE_H

#include <stdbool.h>

#include "chat/cite.h"
#include "retrieve/evidence.h"

struct extract {
	char *text;   /* Markdown with [n] markers; the refusal if refused */
	bool refused; /* no sentence is good enough */
	double score; /* of the best sentence: the share of the question it answers, 0 to 1 */
};

/* text: the question as asked. In the arena. */
void extractive_answer(struct arena *a, const struct question *q, const char *text,
	const struct source *sources, int n, struct extract *out);

/* "I could not find this in the documents you can read." in the language, else in English. */
const char *extractive_refusal(const char *language);

#endif
