/*
 * Separated values (RFC 4180 and what programs write in practice):
 *
 *   file   := record (newline record)* newline?
 *   record := field (delimiter field)*
 *   field  := '"' (any | '""')* '"' | anything without delimiter and newline
 *
 * Which character is the delimiter, whether the first record names the columns, and whether text
 * is a table at all is judged by a sample. Thread: any.
 */
#ifndef INGEST_CSV_H
#define INGEST_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "index/base/buf.h"

#define CSV_COLUMNS_MAX 4096 /* what is beyond stands in the last one */

struct csv_reader {
	const char *p, *end;
	char delimiter;
	struct buf *fields; /* [CSV_COLUMNS_MAX], of the record read last */
	int n_fields;
	int n_quote_faults; /* quotes that do not end a field, or never end */
	bool cut; /* the record read last goes to the end of the text, without a newline */
};

void csv_open(struct csv_reader *r, const char *p, size_t n_bytes, char delimiter);
void csv_close(struct csv_reader *r);
/* false: the end. A record of one blank field is a blank line. */
bool csv_next(struct csv_reader *r);

struct csv_shape {
	char delimiter;
	int n_columns; /* of most records */
	bool header;   /* the first record names the columns */
};

/* named: the file is called .csv or .tsv, so less evidence will do. false: text, not a table. */
bool csv_judge(const char *p, size_t n_bytes, bool named, struct csv_shape *out);

#endif
