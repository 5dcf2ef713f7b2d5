/* Rows of data tables: a cell that spans rows is repeated in each, since each row is found for
 * itself; a header that spans columns names each of them. */
#include <stdlib.h>
#include <string.h>

#include "ingest/html.h"

#define COLUMNS_MAX 1000 /* as browsers have it for colspan (HTML, 4.9.11) */
#define ROWS_MAX 65534
#define REPEATED_MAX                                                                               \
	1000 /* bytes: longer cells are not repeated, or a small page becomes a huge text */

static int span_of(const GumboNode *node, const char *name, int max)
{
	const char *s = html_attribute(node, name);
	long n = s ? strtol(s, NULL, 10) : 1;

	return n < 1 ? 1 : n > max ? max : (int)n;
}

void html_table_begin(struct html_table *t)
{
	for (int i = 0; i < t->n_spans; i++) {
		buf_finish(&t->spans[i].text);
	}
	for (int i = 0; i < t->n_cells; i++) {
		buf_finish(&t->cells[i].text);
	}
	t->n_spans = 0;
	t->n_cells = 0;
	t->begun = false;
	buf_clear(&t->links);
}

void html_table_finish(struct html_table *t)
{
	html_table_begin(t);
	for (int i = 0; t->row && i < COLUMNS_MAX; i++) {
		buf_finish(&t->row[i]);
	}
	free(t->row);
	free(t->spans);
	free(t->cells);
	buf_finish(&t->links);
}

struct buf *html_table_cell(struct html_table *t, const GumboNode *node)
{
	if (t->n_cells == COLUMNS_MAX) {
		return &t->cells[COLUMNS_MAX - 1].text;
	}
	if (t->n_cells == t->cap_cells) {
		t->cap_cells = t->cap_cells ? t->cap_cells * 2 : 16;
		t->cells = realloc(t->cells, (size_t)t->cap_cells * sizeof(*t->cells));
		ASSERT(t->cells != NULL);
	}
	t->cells[t->n_cells] = (struct html_cell){.is_header = html_tag(node) == GUMBO_TAG_TH,
		.columns = span_of(node, "colspan", COLUMNS_MAX),
		.rows = span_of(node, "rowspan", ROWS_MAX)};
	return &t->cells[t->n_cells++].text;
}

static bool blank(const struct buf *b)
{
	return !b->len || strspn(b->data, " \t\r\n\f") >= b->len;
}

static bool is_header(const struct html_table *t)
{
	bool any = false;

	for (int i = 0; i < t->n_cells; i++) {
		if (!t->cells[i].is_header && !blank(&t->cells[i].text)) {
			return t->in_head;
		}
		any |= !blank(&t->cells[i].text);
	}
	return any || t->in_head;
}

/* What the rows above have left for this column, or NULL. */
static struct html_span *span_at(struct html_table *t, int column)
{
	struct html_span *s = column < t->n_spans ? &t->spans[column] : NULL;

	return s && s->rows ? s : NULL;
}

static void remember(struct html_table *t, int column, const struct html_cell *cell)
{
	if (column >= t->n_spans) {
		t->spans = realloc(t->spans, (size_t)(column + 1) * sizeof(*t->spans));
		ASSERT(t->spans != NULL);
		memset(t->spans + t->n_spans, 0,
			(size_t)(column + 1 - t->n_spans) * sizeof(*t->spans));
		t->n_spans = column + 1;
	}
	buf_clear(&t->spans[column].text);
	if (cell->text.len <= REPEATED_MAX) {
		buf_add(&t->spans[column].text, cell->text.data ? cell->text.data : "",
			cell->text.len);
	}
	t->spans[column].rows = cell->rows - 1;
}

/* Appends what hangs down into the columns from here on. */
static int take_spans(struct html_table *t, int n)
{
	struct html_span *s;

	while (n < COLUMNS_MAX && (s = span_at(t, n))) {
		buf_add(&t->row[n], s->text.data ? s->text.data : "", s->text.len);
		s->rows--;
		n++;
	}
	return n;
}

static int lay_out(struct html_table *t, bool header)
{
	int n = 0;

	for (int i = 0; i < t->n_cells; i++) {
		const struct html_cell *cell = &t->cells[i];

		n = take_spans(t, n);
		for (int k = 0; k < cell->columns && n < COLUMNS_MAX; k++, n++) {
			if (k == 0 || (header && cell->text.len <= REPEATED_MAX)) {
				buf_add(&t->row[n], cell->text.data ? cell->text.data : "",
					cell->text.len);
			}
			if (cell->rows > 1) {
				remember(t, n, cell);
			}
		}
	}
	for (int column = n; column < t->n_spans; column++) {
		if (span_at(t, column)) {
			n = take_spans(t, column);
			column = n - 1;
		}
	}
	return n;
}

void html_table_row(struct html_table *t, struct draft *d)
{
	bool header = is_header(t);
	uint32_t at = draft_at(d);
	int n;

	if (!t->row) {
		t->row = calloc(COLUMNS_MAX, sizeof(*t->row));
		ASSERT(t->row != NULL);
	}
	n = lay_out(t, header);
	draft_row(d, header ? ROW_HEADER : t->begun ? ROW_NEXT : ROW_FIRST, t->row, n, NULL);
	for (int i = 0; i < n; i++) {
		buf_clear(&t->row[i]);
	}
	if (draft_at(d) > at) {
		t->begun = true;
		for (size_t i = 0; i < t->links.len; i += strlen(t->links.data + i) + 1) {
			draft_annotate(d, ANNOTATION_LINK, at, draft_at(d) - 1, t->links.data + i,
				strlen(t->links.data + i));
		}
	}
	for (int i = 0; i < t->n_cells; i++) {
		buf_finish(&t->cells[i].text);
	}
	t->n_cells = 0;
	buf_clear(&t->links);
}
