/* Rows of data tables: a cell that spans rows is repeated in each, since each row is found for
 * itself; a header that spans columns names each of them. */
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
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
		flow_finish(&t->cells[i].text);
	}
	t->n_spans = 0;
	t->n_cells = 0;
	t->begun = false;
}

void html_table_finish(struct html_table *t)
{
	html_table_begin(t);
	flow_row_finish(&t->row);
	free(t->spans);
	free(t->cells);
}

struct flow *html_table_cell(struct html_table *t, const GumboNode *node)
{
	if (t->n_cells == COLUMNS_MAX) {
		return &t->cells[COLUMNS_MAX - 1].text;
	}
	t->cells = array_grow(t->cells, t->n_cells, &t->cap_cells, sizeof(*t->cells));
	t->cells[t->n_cells] = (struct html_cell){.is_header = html_tag(node) == GUMBO_TAG_TH,
		.columns = span_of(node, "colspan", COLUMNS_MAX),
		.rows = span_of(node, "rowspan", ROWS_MAX)};
	return &t->cells[t->n_cells++].text;
}

static bool is_header(const struct html_table *t)
{
	bool any = false;

	for (int i = 0; i < t->n_cells; i++) {
		if (!t->cells[i].is_header && !flow_is_blank(&t->cells[i].text)) {
			return t->in_head;
		}
		any |= !flow_is_blank(&t->cells[i].text);
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
	const struct buf *text = &cell->text.text;

	if (column >= t->n_spans) {
		t->spans = realloc(t->spans, (size_t)(column + 1) * sizeof(*t->spans));
		ASSERT(t->spans != NULL);
		memset(t->spans + t->n_spans, 0,
			(size_t)(column + 1 - t->n_spans) * sizeof(*t->spans));
		t->n_spans = column + 1;
	}
	buf_clear(&t->spans[column].text);
	if (text->len && text->len <= REPEATED_MAX) {
		buf_add(&t->spans[column].text, text->data, text->len);
	}
	t->spans[column].rows = cell->rows - 1;
}

/* What hangs down into the columns from the next on. */
static void take_spans(struct html_table *t, struct draft *d)
{
	struct html_span *s;

	while (t->row.n < COLUMNS_MAX && (s = span_at(t, t->row.n))) {
		flow_row_add_text(&t->row, d, &s->text);
		s->rows--;
	}
}

static void lay_out_cell(struct html_table *t, struct html_cell *cell, bool header, struct draft *d)
{
	bool repeated = header && cell->text.text.len <= REPEATED_MAX;
	int first, end;

	take_spans(t, d);
	first = t->row.n;
	end = first + cell->columns < COLUMNS_MAX ? first + cell->columns : COLUMNS_MAX;
	for (int column = first; column < end && cell->rows > 1; column++) {
		remember(t, column, cell);
	}
	if (first < end) {
		flow_row_add(&t->row, &cell->text, d);
	}
	while (t->row.n < end) {
		flow_row_add_text(&t->row, d, repeated ? &t->row.cells[first] : NULL);
	}
}

static void lay_out(struct html_table *t, bool header, struct draft *d)
{
	for (int i = 0; i < t->n_cells; i++) {
		lay_out_cell(t, &t->cells[i], header, d);
	}
	for (int column = t->row.n; column < t->n_spans; column++) {
		if (span_at(t, column)) {
			while (t->row.n < column) {
				flow_row_add_text(&t->row, d, NULL);
			}
			take_spans(t, d);
			column = t->row.n - 1;
		}
	}
}

void html_table_row(struct html_table *t, struct draft *d)
{
	bool header = is_header(t);
	uint32_t at = draft_at(d);

	lay_out(t, header, d);
	flow_row_write(&t->row, d, header ? ROW_HEADER : t->begun ? ROW_NEXT : ROW_FIRST, NULL);
	t->begun = t->begun || draft_at(d) > at;
	for (int i = 0; i < t->n_cells; i++) {
		flow_finish(&t->cells[i].text);
	}
	t->n_cells = 0;
}
