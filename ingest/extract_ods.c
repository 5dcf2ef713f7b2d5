/*
 * Spreadsheets of OpenDocument (part 3, chapter 9): a page a sheet that is shown, a row of cells a
 * block with its box in cells. What is empty or the same in a million cells is one element with a
 * count: counts move the place on, they are not written out beyond what anybody would read.
 *
 *   | Costs 2031 |        a row of a single cell before others is no header
 *   | Item | Euros |      all text, and a number below: names the columns
 *   | Desk | 310   |
 *                         a blank row ends the region
 */
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "ingest/odf.h"

#define COLUMNS_MAX 16384
#define ROWS_MAX 1048576
#define SAME_CELLS_MAX 256 /* equal cells side by side that are written out */
#define SAME_ROWS_MAX 100  /* likewise rows; the last then stands for the rest */
#define GAP_MAX 256	   /* columns from the first with their empty ones */
#define LOOKED_AT 64	   /* rows of a region that are seen before the first is written */
#define HEADER_LOOK 5	   /* rows below a header in which a number tells that it is one */

struct cell {
	int column;
	struct buf text;
	bool is_text;
};

struct row {
	struct cell *cells; /* those with text */
	int n, cap;
	struct buf marks; /* of struct flow_mark */
	int y, n_same;
	bool header;
};

struct columns {
	int first, n;
};

struct sheet {
	int x, y; /* the next cell */
	int n_same, n_same_rows;
	struct columns *hidden; /* ascending */
	size_t n_hidden, cap_hidden;
	struct row rows[LOOKED_AT];
	int n_rows;
	bool begun; /* rows of this region have been written */
	int base;   /* its first column */
	bool header_rows;
	char value[256]; /* of the open cell, where it has no text; a date always */
	bool is_date, is_text;
};

/* ── writing a region ── */

static void finish_row(struct row *r)
{
	for (int i = 0; i < r->n; i++) {
		buf_finish(&r->cells[i].text);
	}
	r->n = 0;
	buf_clear(&r->marks);
}

/* Cells by their columns from the base; far to the right, empty ones are left out. */
static void line_up(struct odf *o, const struct row *r, int base)
{
	int column = base;

	for (int i = 0; i < r->n; i++) {
		const struct cell *c = &r->cells[i];

		for (; column < c->column && column - base < GAP_MAX; column++) {
			flow_row_add_text(&o->row, o->d, NULL);
		}
		flow_row_add_text(&o->row, o->d, &c->text);
		column = c->column + 1;
	}
}

static void write_row(struct odf *o, struct row *r, enum row_role role)
{
	struct sheet *sheet = o->arg;
	int times = r->n_same < SAME_ROWS_MAX ? r->n_same : SAME_ROWS_MAX;

	if (r->n && r->cells[0].column < sheet->base) {
		sheet->base = r->cells[0].column;
		role = role == ROW_NEXT ? ROW_FIRST : role;
	}
	for (int i = 0; i < times; i++) {
		struct box box = {.x0 = (float)sheet->base,
			.y0 = (float)(r->y + i),
			.x1 = (float)(r->n ? r->cells[r->n - 1].column + 1 : sheet->base + 1),
			.y1 = (float)(r->y + (i + 1 < times ? i + 1 : r->n_same))};

		line_up(o, r, sheet->base);
		if (i == 0) {
			buf_add(&o->row.marks, r->marks.data ? r->marks.data : "", r->marks.len);
		}
		flow_row_write(&o->row, o->d, i && role == ROW_FIRST ? ROW_NEXT : role, &box);
	}
	finish_row(r);
}

static bool all_text(const struct row *r)
{
	for (int i = 0; i < r->n; i++) {
		if (!r->cells[i].is_text) {
			return false;
		}
	}
	return true;
}

/* The row that names the columns, or -1. */
static int find_header(const struct sheet *s)
{
	int at = 0;

	while (at + 1 < s->n_rows && s->rows[at].n == 1) {
		at++;
	}
	if (s->rows[at].n < 2 || s->rows[at].n_same > 1 || !all_text(&s->rows[at])) {
		return -1;
	}
	for (int i = at + 1; i < s->n_rows && i <= at + HEADER_LOOK; i++) {
		if (!all_text(&s->rows[i])) {
			return at;
		}
	}
	return -1;
}

static void write_rows(struct odf *o)
{
	struct sheet *s = o->arg;
	int header = -1;

	if (!s->begun && s->n_rows) {
		header = find_header(s);
		s->base = COLUMNS_MAX;
		for (int i = 0; i < s->n_rows; i++) {
			int first = s->rows[i].n ? s->rows[i].cells[0].column : COLUMNS_MAX;

			s->base = first < s->base ? first : s->base;
		}
	}
	for (int i = 0; i < s->n_rows; i++) {
		write_row(o, &s->rows[i],
			s->rows[i].header || i == header ? ROW_HEADER
			: !s->begun			 ? ROW_FIRST
							 : ROW_NEXT);
		s->begun = true;
	}
	s->n_rows = 0;
}

static void end_region(struct odf *o)
{
	struct sheet *s = o->arg;

	write_rows(o);
	s->begun = false;
}

/* ── sheets, columns, rows ── */

static void begin_sheet(struct odf *o, const struct xml_element *el, struct odf_frame *f)
{
	struct sheet *s = o->arg;
	const struct odf_style *style = odf_style(o, "table", xml_attr(el, "style-name"));
	const char *name = xml_attr(el, "name");

	s->x = s->y = 0;
	s->n_hidden = 0;
	if (style && style->hidden > 0) {
		odf_aside(o, f, ANNOTATION_HIDDEN_PART);
		return;
	}
	draft_page(o->d, 0, 0);
	draft_page_label(o->d, name ? name : "", name ? strlen(name) : 0);
	o->held = true;
	f->page = true;
}

static bool is_hidden(const struct xml_element *el)
{
	const char *visibility = xml_attr(el, "visibility");

	return visibility && strcmp(visibility, "visible") != 0;
}

static void take_columns(struct sheet *s, const struct xml_element *el)
{
	int n = odf_count(el, "number-columns-repeated", COLUMNS_MAX);

	if (is_hidden(el) && s->x < COLUMNS_MAX) {
		if (s->n_hidden == s->cap_hidden) {
			s->cap_hidden = s->cap_hidden ? s->cap_hidden * 2 : 16;
			s->hidden = realloc(s->hidden, s->cap_hidden * sizeof(*s->hidden));
			ASSERT(s->hidden != NULL);
		}
		s->hidden[s->n_hidden++] = (struct columns){s->x, n};
	}
	s->x = s->x + n < COLUMNS_MAX ? s->x + n : COLUMNS_MAX;
}

/* All of the columns [first, first + n). */
static bool columns_hidden(const struct sheet *s, int first, int n)
{
	size_t low = 0, high = s->n_hidden;
	int column = first;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->hidden[mid].first + s->hidden[mid].n <= column) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	for (; column < first + n && low < s->n_hidden && s->hidden[low].first <= column; low++) {
		column = s->hidden[low].first + s->hidden[low].n;
	}
	return column >= first + n;
}

static void begin_row(struct odf *o, const struct xml_element *el, struct odf_frame *f)
{
	struct sheet *s = o->arg;

	s->x = 0;
	s->n_same_rows = odf_count(el, "number-rows-repeated", ROWS_MAX);
	if (is_hidden(el)) {
		odf_aside(o, f, ANNOTATION_HIDDEN_PART);
	}
	f->row = !o->aside_open;
	if (f->row) {
		struct row *r = &s->rows[s->n_rows];

		r->n = 0;
		r->y = s->y;
		r->n_same = s->n_same_rows;
		r->header = s->header_rows;
		buf_clear(&r->marks);
	}
}

static void end_row(struct odf *o, const struct odf_frame *f)
{
	struct sheet *s = o->arg;
	struct row *r = &s->rows[s->n_rows];

	s->y = s->y < ROWS_MAX ? s->y + s->n_same_rows : ROWS_MAX;
	if (f->row && r->n) {
		s->n_rows++;
		if (s->begun || s->n_rows == LOOKED_AT) {
			write_rows(o);
		}
	} else if (f->row) {
		end_region(o);
		if (r->marks.len) {
			r->n_same = 1;
			write_row(o, r, ROW_NEXT);
		}
	}
}

/* ── cells ── */

static bool value_is(const char *type, const char *what)
{
	return type && strcmp(type, what) == 0;
}

/* "2031-05-04" of "2031-05-04T00:00:00"; "2031-05-04 09:30" of "…T09:30:00.000". */
static void take_date(struct sheet *s, const char *date)
{
	size_t n = strlen(date) < sizeof(s->value) ? strlen(date) : sizeof(s->value) - 1;

	memcpy(s->value, date, n);
	s->value[n] = '\0';
	s->is_date = n >= 10;
	if (n > 10 && s->value[10] == 'T') {
		s->value[10] = ' ';
		s->value[n > 16 ? 16 : n] = '\0';
		if (strcmp(s->value + 10, " 00:00") == 0) {
			s->value[10] = '\0';
		}
	}
}

static void take_value(struct sheet *s, const struct xml_element *el)
{
	static const char *const NAMES[] = {"string-value", "boolean-value", "time-value", "value"};
	const char *type = xml_attr_in(el, "xmlns:office", "value-type");
	const char *date = xml_attr_in(el, "xmlns:office", "date-value");

	s->value[0] = '\0';
	s->is_date = false;
	s->is_text = !type || value_is(type, "string");
	if (value_is(type, "date") && date) {
		take_date(s, date);
		return;
	}
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]) && !s->value[0]; i++) {
		const char *v = xml_attr_in(el, "xmlns:office", NAMES[i]);
		size_t n = v ? strlen(v) : 0;

		if (v && n < sizeof(s->value)) {
			memcpy(s->value, v, n + 1);
		}
	}
}

static void begin_cell(struct odf *o, const struct xml_element *el, struct odf_frame *f)
{
	struct sheet *s = o->arg;

	s->n_same = odf_count(el, "number-columns-repeated", COLUMNS_MAX);
	odf_dress(o, f, "table-cell", xml_attr(el, "style-name"));
	f->look.hidden = false;
	if (o->aside_open || !f[-1].row) {
		return;
	}
	take_value(s, el);
	f->cell = true;
	f->container = &o->cell;
	if (f->tag == ODF_TABLE_COVERED_TABLE_CELL || columns_hidden(s, s->x, s->n_same)) {
		odf_aside(o, f, ANNOTATION_HIDDEN_PART);
		s->value[0] = '\0';
		s->is_date = false;
	}
}

static void add_cell(struct row *r, int column, const struct sheet *s, const struct buf *text)
{
	struct cell *c;

	if (r->n == FLOW_CELLS_MAX) {
		return;
	}
	r->cells = array_grow(r->cells, r->n, &r->cap, sizeof(*r->cells));
	c = &r->cells[r->n++];
	*c = (struct cell){.column = column, .is_text = s->is_text};
	buf_add(&c->text, text->data, text->len);
}

/* Its text is there but not to be seen: neither is its value. */
static bool is_unseen(const struct flow *cell)
{
	const struct flow_mark *m = (const void *)cell->marks.data;

	for (size_t i = 0; i < cell->marks.len / sizeof(*m); i++) {
		if (m[i].kind != ANNOTATION_COMMENT && m[i].kind != ANNOTATION_LINK) {
			return true;
		}
	}
	return false;
}

static void end_cell(struct odf *o)
{
	struct sheet *s = o->arg;
	struct row *r = &s->rows[s->n_rows];
	struct flow *cell = &o->cell;

	flow_seal(cell);
	if (s->value[0] && (s->is_date || flow_is_blank(cell)) && !is_unseen(cell)) {
		buf_clear(&cell->text);
		flow_add(cell, o->d, s->value, strlen(s->value));
	}
	for (int i = 0; i < s->n_same && i < SAME_CELLS_MAX && !flow_is_blank(cell); i++) {
		if (s->x + i < COLUMNS_MAX && !columns_hidden(s, s->x + i, 1)) {
			add_cell(r, s->x + i, s, &cell->text);
		}
	}
	buf_add(&r->marks, cell->marks.data ? cell->marks.data : "", cell->marks.len);
	buf_clear(&cell->marks);
	flow_clear(cell);
}

/* ── the elements ── */

static void on_start(
	struct odf *o, enum odf_tag tag, const struct xml_element *el, struct odf_frame *f)
{
	struct sheet *s = o->arg;

	if (tag == ODF_TABLE_TABLE && f[-1].tag != ODF_OFFICE_SPREADSHEET) {
		f->skipped = true; /* the data of a chart */
		return;
	}
	switch (tag) {
	case ODF_TABLE_TABLE:
		begin_sheet(o, el, f);
		break;
	case ODF_TABLE_TABLE_COLUMN:
		take_columns(s, el);
		break;
	case ODF_TABLE_TABLE_HEADER_ROWS:
		s->header_rows = true;
		break;
	case ODF_TABLE_TABLE_ROW:
		begin_row(o, el, f);
		break;
	case ODF_TABLE_TABLE_CELL:
	case ODF_TABLE_COVERED_TABLE_CELL:
		begin_cell(o, el, f);
		break;
	default:
		/* A shape that is anchored to a cell stands beside its value. */
		if (odf_in(el, "draw") && f->container == &o->cell) {
			f->container = NULL;
		}
		break;
	}
}

static void on_end(struct odf *o, struct odf_frame *f)
{
	struct sheet *s = o->arg;

	if (f->tag == ODF_TABLE_TABLE_CELL || f->tag == ODF_TABLE_COVERED_TABLE_CELL) {
		if (f->cell) {
			end_cell(o);
		}
		s->x = s->x + s->n_same < COLUMNS_MAX ? s->x + s->n_same : COLUMNS_MAX;
	} else if (f->tag == ODF_TABLE_TABLE_ROW) {
		end_row(o, f);
	} else if (f->tag == ODF_TABLE_TABLE_HEADER_ROWS) {
		s->header_rows = false;
	} else if (f->page) {
		end_region(o);
		o->held = false;
		odf_write_later(o);
	}
}

void extract_ods(struct document *doc, struct draft *d)
{
	static const struct odf_kind SPREADSHEET = {.root = ODF_OFFICE_SPREADSHEET,
		.child = ODF_TABLE_TABLE,
		.on_start = on_start,
		.on_end = on_end};
	static struct sheet sheet; /* large */

	memset(&sheet, 0, sizeof(sheet));
	odf_read(doc, d, &SPREADSHEET, &sheet);
}
