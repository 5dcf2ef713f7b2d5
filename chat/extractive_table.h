/*
 * A row of a source's table as a person reads it: its label, the cells with the names of their
 * columns, the line above that groups it, the lead-in and the unit. A passage has lines only, so
 * this is read off their shapes:
 *
 *   Net sales by product were as follows (in millions):       lead-in, unit
 *   Three Months Ended                                        over the first half of the columns
 *   June 25, | June 26, | June 25, | June 26,                 header rows, joined downwards
 *   2031 | 2030 | 2031 | 2030
 *   Europe:                                                   group
 *   Lanterns (1) | $40,665 | $39,570 | $162,863 | $153,105    label and values
 *   Nine Months Ended                                         over the second half
 *
 * A form has names and values in turn ("Make: | Beech | Age: | 38"). Pure. Thread: any.
 */
#ifndef CHAT_EXTRACTIVE_TABLE_H
#define CHAT_EXTRACTIVE_TABLE_H

#include "chat/cite.h"
#include "chat/extractive_period.h"

#define TABLE_CELLS_MAX 24

struct table_cell {
	const char *text; /* in the arena */
	const char *name; /* of its column, or of the form's field; "" unknown */
	struct period period;
	int group;  /* columns of one name: which of them, from 0 */
	bool value; /* an amount, a share, a dash */
};

struct table_row {
	const char *label;	/* "" none: the row begins with a value, or is of a form */
	const char *label_name; /* what the header calls the labels; "" */
	const char *group;	/* "Europe", "" none */
	const char *above;	/* the line directly above, if it is short: a group perhaps; "" */
	const char *lead;	/* "" none */
	const char *unit;	/* "in millions"; "" unknown */
	bool form;
	bool header; /* it names columns itself */
	struct table_cell *cells;
	int n_cells;
	int n_groups; /* in how many groups the columns' names repeat; 1: they do not */
};

/* Row `i` of the source's sentences. All in the arena. */
void table_read(struct arena *a, const struct source *s, int i, struct table_row *out);

#endif
