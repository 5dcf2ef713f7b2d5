/*
 * Questions asked of a made workspace by one thread, one after the other, and what each took.
 */
#ifndef TESTS_SCALE_SEARCHING_H
#define TESTS_SCALE_SEARCHING_H

#include "retrieve/search.h"
#include "tests/scale/workspace.h"

#define N_SEARCHES 400

struct searches {
	int n, n_found, n_expected;
	int n_corrected, n_unmatched; /* questions of which a word was corrected; of conditions */
	double wall_ms[N_SEARCHES], cpu_ms[N_SEARCHES]; /* [n], sorted */
	double step_ms[SEARCH_N_STEPS];			/* mean */
};

/* Which are asked, and how. */
struct asking {
	enum made_readers who;
	int first, n;
	bool readable; /* only those whose document they may read */
	/* Writes what is asked in place of q's text; NULL: that. */
	void (*write)(struct scale *s, const struct made_question *q, char *out, size_t size);
};

/* Each search with a snapshot of its own. */
void search_many(struct scale *s, const struct asking *a, struct searches *out);
void searches_row(const char *name, const struct searches *r);
/* The section "conditions": questions with conditions, phrases and slips. */
void search_with_conditions(struct scale *s);

/* ── numbers ── */

double cpu_us(void); /* of this thread */
int by_number(const void *a, const void *b);
double part_of(const double *sorted, int n, double part);
/* The number in the line of /proc/PID/<file> that begins so; 0: there is none. */
double proc_number(long pid, const char *file, const char *line);
double memory_mb(long pid, const char *line); /* of /proc/PID/status */
void load_told(void);

#endif
