/*
 * Number formats of spreadsheets (ECMA-376 part 1, 18.8.30 and 18.8.31), as far as they say what a
 * number means: a date, a share, an amount of a currency, a number of kilograms. Dates come out as
 * ISO 8601, thousands without separators. Thread: any.
 *
 *   "yyyy\-mm\-dd"      45000   -> 2023-03-15
 *   "0.0%"              0.125   -> 12.5%
 *   "#,##0.00\ [$€-1]"  1234.5  -> 1234.50 €
 */
#ifndef INGEST_NUMBER_FORMAT_H
#define INGEST_NUMBER_FORMAT_H

#include <stdbool.h>

#include "index/base/buf.h"

#define NUMBER_SECTIONS 4
#define NUMBER_LITERAL_MAX 32

enum number_kind { NUMBER_GENERAL, NUMBER_DECIMAL, NUMBER_SCIENTIFIC, NUMBER_DATE, NUMBER_LITERAL };

struct number_section {
	enum number_kind kind;
	int min_integers, min_decimals, decimals;
	int percents, thousands; /* how often it is multiplied by 100, divided by 1000 */
	bool dash;		 /* a zero is only shown as what stands before it */
	bool year, month, day, hour, minute, second, elapsed;
	char before[NUMBER_LITERAL_MAX], after[NUMBER_LITERAL_MAX];
};

struct number_format {
	struct number_section sections[NUMBER_SECTIONS];
	int n_sections;
	bool hides; /* ";;;": nothing is shown of anything */
};

void number_format_compile(const char *code, struct number_format *out);
/* The code that a number below 164 stands for: "General" where it stands for none. */
const char *number_format_builtin(long id);
/* Appends the number. since_1904: the workbook counts days from 1904 on. */
void number_format_add(
	const struct number_format *f, double value, bool since_1904, struct buf *out);

#endif
