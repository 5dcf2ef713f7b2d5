/*
 * Rows of a sheet as tables. An empty row ends a table; the first row of the next one is held back
 * until the second shows whether it names the columns: it is text over what is not all text, or in
 * bold, or stays when the others are scrolled, or is what a filter or a table of Excel begins with.
 * Rows of a single cell before that are titles.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "ingest/xlsx.h"

#define HEADER_COLUMNS ((int)(sizeof(((struct xlsx_rows *)0)->header) / sizeof(struct buf)))
#define MERGED_ROWS_MAX 8 /* of cells that name columns */
#define NAME_MAX_BYTES 200
#define WIDE 64 /* columns; beyond them mostly empty rows are drawn together */

void xlsx_rows_begin(struct xlsx_rows *r, struct xlsx *x, const struct xlsx_facts *facts)
{
	memset(r, 0, sizeof(*r));
	r->x = x;
	r->facts = facts;
}

struct xlsx_row *xlsx_row_begin(struct xlsx_rows *r, int y)
{
	struct xlsx_row *row = &r->rows[r->reading];

	row->y = y;
	row->n = 0;
	buf_clear(&row->text);
	return row;
}

void xlsx_row_add(struct xlsx_row *row, int x, const char *s, size_t n, bool is_text, bool bold)
{
	if (row->n >= XLSX_COLUMNS) {
		return;
	}
	row->cells = array_grow(row->cells, row->n, &row->cap, sizeof(*row->cells));
	row->cells[row->n++] = (struct xlsx_cell){x, row->text.len, n, is_text, bold};
	buf_add(&row->text, s, n);
}

/* ── what names columns ── */

static bool is_year(const struct xlsx_row *row, const struct xlsx_cell *c)
{
	const char *s = row->text.data + c->start;

	return c->n == 4 && strspn(s, "0123456789") >= 4 &&
	       (strncmp(s, "19", 2) == 0 || strncmp(s, "20", 2) == 0);
}

static bool all_text(const struct xlsx_row *row, bool or_years)
{
	int n_text = 0;

	for (int i = 0; i < row->n; i++) {
		const struct xlsx_cell *c = &row->cells[i];

		if ((!c->is_text && !(or_years && is_year(row, c))) || c->n > NAME_MAX_BYTES) {
			return false;
		}
		n_text += c->is_text;
	}
	return n_text > 0;
}

static bool all_bold(const struct xlsx_row *row)
{
	for (int i = 0; i < row->n; i++) {
		if (!row->cells[i].bold) {
			return false;
		}
	}
	return row->n > 0;
}

static bool begins(const struct xlsx_ranges *ranges, int y)
{
	for (int i = 0; i < ranges->n; i++) {
		if (ranges->items[i].y0 == y) {
			return true;
		}
	}
	return false;
}

/* row names the columns of the rows from `next` (NULL: there is none) on. */
static bool is_header(
	const struct xlsx_rows *r, const struct xlsx_row *row, const struct xlsx_row *next)
{
	const struct xlsx_facts *f = r->facts;

	if (begins(&f->tables, row->y)) {
		return true;
	}
	if (!next || row->n < 2 || begins(&f->plain_tables, row->y) || !all_text(row, true)) {
		return false;
	}
	return begins(&f->filters, row->y) || row->y < f->n_frozen ||
	       (all_bold(row) && !all_bold(next)) ||
	       (all_text(row, false) && !all_text(next, false));
}

/* The first of the merged cells that may reach into row y. */
static int first_merged(const struct xlsx_ranges *merged, int y)
{
	int low = 0, high = merged->n;

	while (low < high) {
		int middle = (low + high) / 2;

		if (merged->items[middle].y0 <= y - MERGED_ROWS_MAX) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

static bool has_wide_cell(const struct xlsx_rows *r, int y)
{
	const struct xlsx_ranges *m = &r->facts->merged;

	for (int i = first_merged(m, y); i < m->n && m->items[i].y0 <= y; i++) {
		if (m->items[i].y0 == y && m->items[i].y1 == y + 1 &&
			m->items[i].x1 - m->items[i].x0 > 1) {
			return true;
		}
	}
	return false;
}

/* ── writing ── */

/* Cells of the row as draft_row wants them, lent; those of merged cells that name columns are
 * repeated over all they span. */
static void repeat_merged(struct xlsx_rows *r, const struct xlsx_row *row, int left,
	struct buf *cells, int *n_cells, int max)
{
	const struct xlsx_ranges *m = &r->facts->merged;

	for (int i = first_merged(m, row->y); i < m->n && m->items[i].y0 <= row->y; i++) {
		const struct xlsx_range *c = &m->items[i];
		int from = c->x0 - left;
		struct buf value = from >= 0 && from < max ? cells[from] : (struct buf)BUF_INIT;

		if (row->y >= c->y1) {
			continue;
		}
		if (c->y0 < row->y) { /* it begins in a header row before */
			value = from >= 0 && from < HEADER_COLUMNS ? r->header[from]
								   : (struct buf)BUF_INIT;
		}
		for (int k = from; value.len && k < c->x1 - left && k < max; k++) {
			if (k >= 0 && !cells[k].len) {
				cells[k] = value;
				*n_cells = k >= *n_cells ? k + 1 : *n_cells;
			}
		}
	}
}

/* Cells may be lent from the names that were kept before. */
static void keep_header(struct xlsx_rows *r, const struct buf *cells, int n_cells)
{
	struct buf before[HEADER_COLUMNS];

	memcpy(before, r->header, sizeof(before));
	memset(r->header, 0, sizeof(r->header));
	for (int i = 0; i < HEADER_COLUMNS; i++) {
		if (i < n_cells && cells[i].len) {
			buf_add(&r->header[i], cells[i].data, cells[i].len);
		}
	}
	for (int i = 0; i < HEADER_COLUMNS; i++) {
		buf_finish(&before[i]);
	}
}

/* A row that is mostly empty: of empty cells between others one is left. Returns how many. */
static int draw_together(const struct xlsx_row *row, struct buf *cells)
{
	int n = 0;

	for (int i = 0; i < row->n; i++) {
		const struct xlsx_cell *c = &row->cells[i];

		n += i > 0 && c->x > row->cells[i - 1].x + 1;
		cells[n++] = (struct buf){.data = row->text.data + c->start, .len = c->n};
	}
	return n;
}

static void annotate_links(struct xlsx_rows *r, int y, uint32_t start)
{
	const struct xlsx_notes *links = &r->facts->links;
	struct draft *d = r->x->o.draft;
	uint32_t end = draft_at(d) > start ? draft_at(d) - 1 : start;

	while (r->next_link < links->n && links->items[r->next_link].y <= y) {
		const struct xlsx_note *link = &links->items[r->next_link++];
		bool here = link->y == y;

		draft_annotate(d, ANNOTATION_LINK, here ? start : draft_at(d),
			here ? end : draft_at(d), link->words, strlen(link->words));
	}
}

static void write_row(struct xlsx_rows *r, const struct xlsx_row *row, enum row_role role)
{
	int first = row->cells[0].x, last = row->cells[row->n - 1].x;
	int left = first < r->left ? first : r->left, n_cells = last - left + 1;
	bool sparse = n_cells > WIDE && row->n * 4 < n_cells;
	int max = (sparse ? 2 * row->n : n_cells) + (role == ROW_HEADER ? WIDE : 0);
	struct buf *cells = calloc((size_t)max, sizeof(*cells));
	struct box box = {.x0 = (float)first,
		.y0 = (float)row->y,
		.x1 = (float)last + 1,
		.y1 = (float)row->y + 1};

	ASSERT(cells != NULL);
	if (sparse) {
		n_cells = draw_together(row, cells);
	}
	for (int i = 0; i < row->n && !sparse; i++) {
		const struct xlsx_cell *c = &row->cells[i];

		cells[c->x - left] = (struct buf){.data = row->text.data + c->start, .len = c->n};
	}
	if (role == ROW_HEADER && !sparse) {
		repeat_merged(r, row, left, cells, &n_cells, max);
		box.x0 = (float)left;
		box.x1 = (float)(left + n_cells);
	}
	draft_row(r->x->o.draft, role, cells, n_cells, &box);
	if (role == ROW_HEADER && !sparse) {
		keep_header(r, cells, n_cells);
	}
	free(cells);
}

static void write_title(struct xlsx_rows *r, const struct xlsx_row *row)
{
	const struct xlsx_cell *c = &row->cells[0];
	struct box box = {.x0 = (float)c->x,
		.y0 = (float)row->y,
		.x1 = (float)c->x + 1,
		.y1 = (float)row->y + 1};
	const char *s = row->text.data + c->start, *end = s + c->n;

	draft_block(r->x->o.draft, BLOCK_PARAGRAPH, 0);
	while (s < end) {
		const char *stop = memchr(s, '\n', (size_t)(end - s));

		stop = stop ? stop : end;
		draft_line(r->x->o.draft, s, (size_t)(stop - s), &box);
		s = stop + 1;
	}
}

/* Writes the row that is held. next: the one that follows it in its region, or NULL. */
static void write_held(struct xlsx_rows *r, const struct xlsx_row *next)
{
	const struct xlsx_row *held = &r->rows[!r->reading];
	uint32_t start = draft_at(r->x->o.draft);
	bool first = r->n_in_region == 0;

	if (begins(&r->facts->tables, held->y)) {
		first = true; /* another table, right below */
		r->header_goes_on = false;
	}
	if (first) {
		r->left = held->cells[0].x;
		if (next && next->cells[0].x < r->left) {
			r->left = next->cells[0].x;
		}
	}
	if (first && held->n == 1 && !begins(&r->facts->tables, held->y)) {
		write_title(r, held);
	} else if (first) {
		bool header = is_header(r, held, next);

		header = header ||
			 (next && held->n > 1 && all_text(held, true) && has_wide_cell(r, held->y));
		write_row(r, held, header ? ROW_HEADER : ROW_FIRST);
		r->header_goes_on = header && has_wide_cell(r, held->y);
		r->n_in_region = 1;
	} else {
		bool header = r->header_goes_on && next && held->n > 1 && all_text(held, true);

		write_row(r, held, header ? ROW_HEADER : ROW_NEXT);
		r->header_goes_on = header && has_wide_cell(r, held->y);
		r->n_in_region++;
	}
	annotate_links(r, held->y, start);
	r->is_held = false;
}

static int by_column(const void *a, const void *b)
{
	const struct xlsx_cell *x = a, *y = b;

	return x->x < y->x ? -1 : x->x > y->x;
}

void xlsx_row_end(struct xlsx_rows *r)
{
	struct xlsx_row *row = &r->rows[r->reading];
	const struct xlsx_row *held = &r->rows[!r->reading];
	bool goes_on = r->is_held && row->y == held->y + 1;

	if (!row->n) {
		return;
	}
	for (int i = 1; i < row->n; i++) {
		if (row->cells[i].x < row->cells[i - 1].x) {
			qsort(row->cells, (size_t)row->n, sizeof(*row->cells), by_column);
			break;
		}
	}
	if (r->is_held) {
		write_held(r, goes_on ? row : NULL);
	}
	if (!goes_on) {
		r->n_in_region = 0;
		r->header_goes_on = false;
	}
	r->is_held = true;
	r->reading = !r->reading;
	if (++r->n_rows % 2000 == 0) {
		draft_progress(r->x->o.draft, 0, 0);
	}
}

void xlsx_rows_end(struct xlsx_rows *r)
{
	if (r->is_held) {
		write_held(r, NULL);
	}
	annotate_links(r, XLSX_ROWS, draft_at(r->x->o.draft));
	for (int i = 0; i < HEADER_COLUMNS; i++) {
		buf_finish(&r->header[i]);
	}
	for (int i = 0; i < 2; i++) {
		free(r->rows[i].cells);
		buf_finish(&r->rows[i].text);
	}
}
