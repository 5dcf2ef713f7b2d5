/*
 * Periods as tables and questions name them: "Three Months Ended June 25, 2031", "Q3 2031", "fiscal
 * 2031", "31.12.2031", "2031年第三季度"; and how well a column's fits the one that was asked for.
 * English, German and Chinese words. Pure. Thread: any.
 */
#ifndef CHAT_EXTRACTIVE_PERIOD_H
#define CHAT_EXTRACTIVE_PERIOD_H

#include <stdbool.h>
#include <stddef.h>

struct period {
	int years[3];
	int n_years;
	int month, day; /* the last named; 0: none */
	int months;	/* how long: 3, 6, 9, 12; 0: not told, or a day */
	int quarter;	/* 1 to 4; 0: none */
	bool fiscal;	/* "fiscal year 2031" may end in 2030 */
};

void period_read(const char *text, size_t n_bytes, struct period *out);
bool period_empty(const struct period *p);
/* A text that says nothing but a period, such as a line above a table's columns. */
bool period_alone(const char *text, size_t n_bytes);

/* A word that may be of a period: a count, a month, "quarter", "ended". */
bool period_word(const char *text, size_t n_bytes);

/* 0 where one of them is silent; above 0 as they agree; below 0 as they contradict each other. */
double period_fit(const struct period *asked, const struct period *column);

#endif
