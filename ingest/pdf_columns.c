/* Which rows of a table name its columns, and whether a table goes on from the page before. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/hash.h"
#include "ingest/pdf.h"

#define HEADERS_MAX 4
#define SAME_WIDTH 8.0f /* points */

/* A row: its lines [first, end) of the page's; the first has most of its cells. */
struct row {
	int first, end;
	int n_cells, n_numbers;
};

/* "1,200", "$ 48.00", "(3.1)%", but not "2022" and "30 June 2022", which name columns. */
static bool is_number(const char *s, size_t n)
{
	size_t n_digits = 0, n_letters = 0, n_other = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		n_digits += isdigit(c) != 0;
		n_letters += isalpha(c) || c >= 0xc3;
		n_other += ispunct(c) != 0;
	}
	if (n_digits == 4 && n_letters + n_other == 0 && n >= 4) {
		while (*s == ' ') {
			s++;
		}
		if ((s[0] == '1' && s[1] == '9') || (s[0] == '2' && s[1] == '0')) {
			return false;
		}
	}
	return n_digits > 0 && n_letters < 3;
}

static void count_cells(const struct buf *t, struct row *out)
{
	const char *s = t->data ? t->data : "";

	for (bool more = true; more;) {
		const char *bar = strstr(s, " | ");
		size_t n = bar ? (size_t)(bar - s) : strlen(s);

		out->n_cells++;
		out->n_numbers += is_number(s, n);
		more = bar != NULL;
		s += more ? n + 3 : n;
	}
}

/* The rows of the table that begins with line first; n of them. The caller frees. */
static struct row *find_rows(const struct pdf_lines *ls, int first, int *n)
{
	struct row *rows = calloc((size_t)(ls->n - first) + 1, sizeof(*rows));

	ASSERT(rows != NULL);
	*n = 0;
	for (int i = first; i < ls->n && ls->all[i].table == ls->all[first].table; i++) {
		if (ls->all[i].begins || *n == 0) {
			rows[(*n)++] = (struct row){.first = i, .end = i + 1};
			count_cells(&ls->all[i].text, &rows[*n - 1]);
		} else {
			rows[*n - 1].end = i + 1;
		}
	}
	return rows;
}

static int most_cells(const struct row *rows, int n)
{
	int most = 0;

	for (int i = 0; i < n; i++) {
		most = rows[i].n_cells > most ? rows[i].n_cells : most;
	}
	return most;
}

static void table_edges(const struct pdf_lines *ls, int first, int end, float *x0, float *x1)
{
	*x0 = 1e9f;
	*x1 = -1e9f;
	for (int i = first; i < end; i++) {
		*x0 = fminf(*x0, ls->all[i].box.x0);
		*x1 = fmaxf(*x1, ls->all[i].box.x1);
	}
}

/* Rows at the top that are bold over others that are not, or words over numbers. A line alone at
 * the left edge is a label of the rows below it. */
static int count_headers(const struct pdf_lines *ls, const struct row *rows, int n, float left)
{
	int n_words = 0, n_bold = 0, n_below = 0, k;

	while (n_words < n && n_words < HEADERS_MAX && rows[n_words].n_numbers == 0) {
		n_words++;
	}
	while (n_bold < n && n_bold < HEADERS_MAX && ls->all[rows[n_bold].first].bold) {
		n_bold++;
	}
	for (int i = n_words; i < n; i++) {
		n_below += rows[i].n_numbers > 0;
	}
	k = n_words && n_words < n && n_below * 2 >= n - n_words ? n_words : 0;
	/* Where the top is bold, that is what parts it from the rows of words below. */
	k = n_bold && n_bold < n && (k == 0 || n_bold < k) ? n_bold : k;
	while (k > 0 && rows[k - 1].n_cells == 1 &&
		fabsf(ls->all[rows[k - 1].first].box.x0 - left) < PDF_ALIGNED) {
		k--;
	}
	return k;
}

static uint64_t row_hash(const struct pdf_lines *ls, const struct row *r)
{
	uint64_t h = 0;

	for (int i = r->first; i < r->end; i++) {
		h = h * 31 + hash64(ls->all[i].text.data, ls->all[i].text.len);
	}
	return h;
}

/* How many rows repeat the headers of the table before. */
static int count_repeated(
	const struct pdf_lines *ls, const struct row *rows, int n, const struct pdf_table_end *end)
{
	int k = 0;

	while (k < n && k < end->n_headers && row_hash(ls, &rows[k]) == end->headers[k]) {
		k++;
	}
	return k == end->n_headers ? k : 0;
}

static void remove_lines(struct pdf_lines *ls, int first, int end)
{
	for (int i = first; i < end; i++) {
		buf_finish(&ls->all[i].text);
	}
	memmove(ls->all + first, ls->all + end, (size_t)(ls->n - end) * sizeof(*ls->all));
	ls->n -= end - first;
}

static void set_roles(struct pdf_lines *ls, const struct row *rows, int n, int n_headers)
{
	for (int i = 0; i < n; i++) {
		for (int k = rows[i].first; k < rows[i].end; k++) {
			ls->all[k].level = i < n_headers	      ? ROW_HEADER
					   : i == 0 && n_headers == 0 ? ROW_FIRST
								      : ROW_NEXT;
		}
	}
}

/* The table that begins with line first. Returns the line after it. */
static int mark_table(struct pdf_lines *ls, int first, struct pdf_table_end *end)
{
	int n, n_headers, n_cells, after, repeated = 0;
	struct row *rows = find_rows(ls, first, &n);
	float x0, x1;
	bool goes_on;

	after = rows[n - 1].end;
	table_edges(ls, first, after, &x0, &x1);
	n_headers = count_headers(ls, rows, n, x0);
	n_cells = most_cells(rows, n);
	if (end->open && first == 0) {
		repeated = count_repeated(ls, rows, n, end);
	}
	goes_on = end->open && first == 0 &&
		  (repeated || (n_headers == 0 && n_cells == end->n_cells &&
				       fabsf(x1 - x0 - end->width) < SAME_WIDTH));
	if (goes_on) {
		for (int i = first; i < after; i++) {
			ls->all[i].level = ROW_NEXT;
		}
		if (repeated == n) {
			repeated = 0; /* a table of nothing else is no repetition */
		}
		after -= repeated ? rows[repeated - 1].end - first : 0;
		remove_lines(ls, first, repeated ? rows[repeated - 1].end : first);
	} else {
		set_roles(ls, rows, n, n_headers);
		end->n_headers = n_headers;
		for (int i = 0; i < n_headers; i++) {
			end->headers[i] = row_hash(ls, &rows[i]);
		}
	}
	end->n_cells = n_cells;
	end->width = x1 - x0;
	free(rows);
	return after;
}

void pdf_mark_columns(struct pdf_lines *ls, struct pdf_table_end *end)
{
	int last = 0; /* the line after the last table */

	for (int i = 0; i < ls->n;) {
		if (ls->all[i].kind == BLOCK_TABLE_ROW) {
			i = last = mark_table(ls, i, end);
		} else {
			i++;
		}
	}
	/* Notes at a page's foot do not end a table. */
	end->open = last > 0;
	for (int i = last; i < ls->n; i++) {
		end->open = end->open && ls->all[i].kind == BLOCK_NOTE;
	}
}
