#include "ingest/csv.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/err.h"

#define SAMPLE_RECORDS 200
#define NAME_MAX_BYTES 60 /* of a column … */
#define WORD_MAX_BYTES 32 /* … that is one word: longer ones are paths, keys, classes */
#define NAME_WORDS_MAX 6
#define LINE_MAX_BYTES 80   /* of a table of one column */
#define FIELD_MEAN_MAX 60   /* bytes: prose has longer pieces between its commas … */
#define FIELD_NAMED_MAX 400 /* … and even a file that is called a table has them not so long */

void csv_open(struct csv_reader *r, const char *p, size_t n_bytes, char delimiter)
{
	*r = (struct csv_reader){.p = p, .end = p + n_bytes, .delimiter = delimiter};
	r->fields = calloc(CSV_COLUMNS_MAX, sizeof(*r->fields));
	ASSERT(r->fields != NULL);
}

void csv_close(struct csv_reader *r)
{
	for (int i = 0; i < CSV_COLUMNS_MAX; i++) {
		buf_finish(&r->fields[i]);
	}
	free(r->fields);
}

static bool at_newline(const struct csv_reader *r)
{
	return r->p < r->end && (*r->p == '\n' || *r->p == '\r');
}

/* Behind the opening quote. What follows the closing one is taken as it stands: programs that do
 * not double their quotes write such. */
static void read_quoted(struct csv_reader *r, struct buf *out)
{
	while (r->p < r->end) {
		const char *quote = memchr(r->p, '"', (size_t)(r->end - r->p));

		if (!quote) {
			break;
		}
		buf_add(out, r->p, (size_t)(quote - r->p));
		r->p = quote + 1;
		if (r->p == r->end || *r->p == r->delimiter || at_newline(r)) {
			return;
		}
		buf_char(out, '"');
		if (*r->p == '"') {
			r->p++;
		} else {
			r->n_quote_faults++;
		}
	}
	r->n_quote_faults++;
	buf_add(out, r->p, (size_t)(r->end - r->p));
	r->p = r->end;
}

static void read_field(struct csv_reader *r, struct buf *out)
{
	if (r->p < r->end && *r->p == '"') {
		r->p++;
		read_quoted(r, out);
		return;
	}
	while (r->p < r->end && *r->p != r->delimiter && !at_newline(r)) {
		buf_char(out, *r->p++);
	}
}

bool csv_next(struct csv_reader *r)
{
	struct buf *field;

	if (r->p >= r->end) {
		return false;
	}
	r->n_fields = 0;
	for (;;) {
		if (r->n_fields < CSV_COLUMNS_MAX) {
			field = &r->fields[r->n_fields++];
			buf_clear(field);
		} else {
			field = &r->fields[CSV_COLUMNS_MAX - 1];
			buf_char(field, ' ');
		}
		read_field(r, field);
		if (r->p == r->end || *r->p != r->delimiter) {
			break;
		}
		r->p++;
	}
	r->cut = r->p == r->end;
	if (!r->cut) {
		r->p += r->end - r->p > 1 && r->p[0] == '\r' && r->p[1] == '\n' ? 2 : 1;
	}
	return true;
}

/* ── is it a table, and which ── */

/* What a sample looks like, read with one delimiter. */
struct evidence {
	int n_records, n_blank;
	int n_columns;		  /* the most frequent number */
	int n_regular;		  /* records that have it */
	size_t n_fields, n_bytes; /* of all fields */
	int n_prosaic;	 /* fields that begin with a blank, as after a comma in a sentence */
	int n_sentences; /* records that end with a full stop */
	int n_quote_faults;
	bool header;
	int n_first; /* fields of the first record, without empty ones at its end */
};

static bool is_number(const struct buf *b)
{
	bool digit = false;

	for (size_t i = 0; i < b->len; i++) {
		if (isdigit((unsigned char)b->data[i])) {
			digit = true;
		} else if (!strchr("+-.,:/% eETZ$()", b->data[i]) &&
			   (unsigned char)b->data[i] < 0x80) {
			return false;
		}
	}
	return digit;
}

static bool same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static int words_in(const struct buf *b)
{
	int n = 1;

	for (size_t i = 1; i < b->len; i++) {
		n += b->data[i] == ' ' && b->data[i - 1] != ' ';
	}
	return n;
}

/* Names of columns are all there, short, mostly different, and no numbers. */
static bool names_columns(const struct buf *fields, int n)
{
	int n_repeated = 0;

	while (n && !fields[n - 1].len) {
		n--;
	}
	for (int i = 0; i < n; i++) {
		bool repeated = false;

		if (!fields[i].len || fields[i].len > NAME_MAX_BYTES || is_number(&fields[i]) ||
			words_in(&fields[i]) > NAME_WORDS_MAX ||
			fields[i].len > WORD_MAX_BYTES * (size_t)words_in(&fields[i])) {
			return false;
		}
		for (int k = n > 64 ? i : 0; k < i && !repeated; k++) {
			repeated = same(&fields[i], &fields[k]);
		}
		n_repeated += repeated;
	}
	return n > 0 && n_repeated * 3 <= n;
}

static bool ends_sentence(const struct buf *b)
{
	return b->len > 2 && strchr(".!?", b->data[b->len - 1]) &&
	       isalpha((unsigned char)b->data[b->len - 2]);
}

static void weigh(struct evidence *v, const struct csv_reader *r, int *histogram)
{
	for (int i = 0; i < r->n_fields; i++) {
		v->n_bytes += r->fields[i].len;
		v->n_prosaic += i && r->fields[i].len && r->fields[i].data[0] == ' ';
	}
	v->n_fields += (size_t)r->n_fields;
	v->n_sentences += ends_sentence(&r->fields[r->n_fields - 1]);
	histogram[r->n_fields - 1]++;
	if (!v->n_records) {
		v->header = names_columns(r->fields, r->n_fields);
		v->n_first = r->n_fields;
		while (v->n_first && !r->fields[v->n_first - 1].len) {
			v->n_first--;
		}
	}
	v->n_records++;
}

static struct evidence examine(const char *p, size_t n_bytes, char delimiter)
{
	static int histogram[CSV_COLUMNS_MAX];
	struct evidence v = {0};
	struct csv_reader r;

	memset(histogram, 0, sizeof(histogram));
	csv_open(&r, p, n_bytes, delimiter);
	while (v.n_records < SAMPLE_RECORDS && csv_next(&r)) {
		if (r.n_fields == 1 && !r.fields[0].len) {
			v.n_blank++;
		} else if (!r.cut || v.n_records < 3) { /* the sample may end inside a record */
			weigh(&v, &r, histogram);
		}
	}
	v.n_quote_faults = r.n_quote_faults;
	for (int i = 0; i < CSV_COLUMNS_MAX; i++) {
		if (histogram[i] > v.n_regular) {
			v.n_regular = histogram[i];
			v.n_columns = i + 1;
		}
	}
	v.header = v.header && v.n_first >= v.n_columns && v.n_records > 1;
	csv_close(&r);
	return v;
}

/* How much the sample looks like a table, 0 to 100. */
static int score(const struct evidence *v, char delimiter, bool named)
{
	size_t mean = v->n_fields ? v->n_bytes / v->n_fields : 0;
	int regular = v->n_records ? v->n_regular * 100 / v->n_records : 0;
	int spaced = v->n_fields ? (int)((size_t)v->n_prosaic * 100 / v->n_fields) : 0;

	if (v->n_columns < 2 || v->n_quote_faults * 10 > v->n_records ||
		mean > (named ? FIELD_NAMED_MAX : FIELD_MEAN_MAX)) {
		return 0;
	}
	/* Sentences have blanks after their commas, tables seldom, and then they are regular. */
	if (delimiter != ',' && delimiter != ';') {
		spaced = 0;
	}
	if (spaced > 25 && (v->n_sentences * 2 > v->n_records || regular < 90 || v->n_records < 3 ||
				   mean > 30)) {
		return 0;
	}
	if (named) {
		/* ragged, but all of it short values */
		return regular < 50 && v->n_records > 1 && mean <= 20 && spaced <= 10 ? 50
										      : regular;
	}
	/* Without a name the evidence must be plain. */
	return v->n_records >= 3 && v->n_blank * 20 <= v->n_records && regular >= 95 &&
			       (v->n_columns >= 3 || delimiter == '\t') && spaced <= 25
		       ? regular
		       : 0;
}

/* A table of one column, where the name says that it is a table: short lines without blank ones
 * between them. */
static bool is_single_column(const char *p, size_t n_bytes, struct csv_shape *out)
{
	struct evidence v = examine(p, n_bytes, ',');

	out->delimiter = ',';
	out->n_columns = 1;
	out->header = v.header;
	return v.n_records >= 1 && v.n_columns == 1 && v.n_regular == v.n_records &&
	       v.n_blank <= 1 && v.n_bytes / v.n_fields <= LINE_MAX_BYTES &&
	       !memmem(p, n_bytes, ". ", 2);
}

bool csv_judge(const char *p, size_t n_bytes, bool named, struct csv_shape *out)
{
	static const char DELIMITERS[] = {',', ';', '\t', '|'};
	int best = 0, most = 0;

	for (size_t i = 0; i < sizeof(DELIMITERS); i++) {
		struct evidence v = examine(p, n_bytes, DELIMITERS[i]);
		int s = score(&v, DELIMITERS[i], named);

		/* of two regular readings the one with more columns */
		if (s > best || (s && s == best && v.n_columns > most)) {
			best = s;
			most = v.n_columns;
			*out = (struct csv_shape){.delimiter = DELIMITERS[i],
				.n_columns = v.n_columns,
				.header = v.header};
		}
	}
	return best >= 50 || (named && is_single_column(p, n_bytes, out));
}
