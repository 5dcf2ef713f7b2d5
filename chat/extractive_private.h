/*
 * What the parts of the built-in answerer share. The way of an answer:
 *
 *   read   what the question wants (extractive_question.c)
 *   weigh  every sentence and row of the sources (extractive_score.c, extractive_table.c)
 *   pick   the best, those that belong to it, lists and steps whole (extractive_pick.c)
 *   write  one line each, with its marker (extractive_write.c)
 */
#ifndef CHAT_EXTRACTIVE_PRIVATE_H
#define CHAT_EXTRACTIVE_PRIVATE_H

#include "chat/cite.h"
#include "chat/extractive.h"
#include "chat/extractive_order.h"
#include "chat/extractive_period.h"
#include "chat/extractive_table.h"

enum wanted {
	WANT_ANY,
	WANT_NUMBER,
	WANT_DATE,
	WANT_PERSON,
	WANT_PLACE,
	WANT_REASON,
	WANT_DEFINITION,
	WANT_STEPS,
	WANT_LIST,
	WANT_YES_NO,
	WANT_COMPARISON
};

/* The question, read once. */
struct asked {
	const struct question *q;
	enum wanted wanted;
	bool share;	    /* a percentage is wanted */
	bool change;	    /* "by how much": what two cells differ by */
	struct facts facts; /* of its text */
	struct period period;
	const char *field;	/* "|"-separated names of a form's field that it asks for, or "" */
	const char *counted[3]; /* terms behind "how many": what is counted is among them */
	int n_counted;
	double *weight;	       /* [q->n_terms] of each term: idf */
	double *demand;	       /* [q->n_terms] the same, more for names and numbers */
	const char **plain;    /* [q->n_terms] the word as asked, "" unknown */
	bool *of_period;       /* [q->n_terms] "third", "quarter", "2031" */
	double mass, demanded; /* their sums */
};

void asked_read(struct arena *a, const struct question *q, const char *text, struct asked *out);
/* Index of the term in q->terms, -1: a stopword, or not asked. */
int asked_term(const struct asked *k, const char *term);
bool is_number_word(const char *s);

struct pick {
	int source, sentence;
	double share;	       /* of the question's mass that is met, 0 to 1 */
	double met;	       /* of what is demanded */
	bool kind;	       /* it has what is wanted: a number, a date, a reason */
	double score;	       /* with everything */
	int cell;	       /* of a row: the one that answers; -1: all alike */
	bool order;	       /* to whoever answers, or only the question again */
	bool label;	       /* of a row: it is the one that was asked for by name */
	struct table_row *row; /* NULL: prose */
};

struct seeker {
	struct arena *arena;
	struct asked asked;
	const struct source *sources;
	int n;
	const char *text;    /* the question as asked */
	enum order **orders; /* [n][n_sentences] to whoever answers */
	double *around;	     /* [n × q->n_terms] presence of a term in a source as a whole */
	double least;	     /* that a further sentence must meet */
};

/* Fills k->orders, k->around. */
void extractive_look_around(struct seeker *k);
/* Presence of a term in a source as a whole, 0 to 1; IN_IDENTITY: its document is of that. */
#define IN_IDENTITY 0.8
double extractive_around(const struct seeker *k, int source, int term);
/* A word at the beginning of one: "Amazon" in "AMAZON.COM, INC.". */
bool extractive_begins_word(const char *text, const char *word);
/* Reads the row (p->row, cell, label, share); what speaks for and against it besides. */
double extractive_weigh_row(const struct seeker *k, struct pick *p, bool ranged);
/* The sums of what is there to shares of the question; left: the part of them that counts. */
void extractive_settle(const struct seeker *k, struct pick *p, double left);
struct pick extractive_weigh(const struct seeker *k, int source, int sentence);
/* At most PICKS_MAX, in the order they are to be read. all: sorted, best first. */
#define PICKS_MAX 12
int extractive_pick(const struct seeker *k, struct pick *all, int n_all, struct pick *picks);

#endif
