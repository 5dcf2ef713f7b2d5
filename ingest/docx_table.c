/*
 * Tables of Word documents, a row at a time: the first is held back until the second shows whether
 * it names the columns. A cell that goes on from the row above repeats what stands there, so that
 * each row says all by itself.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/docx.h"

#define COLUMNS_MAX 1000
#define REPEAT_MAX 300	    /* bytes of a cell that is worth repeating in each row it spans */
#define HEADER_CELL_MAX 120 /* bytes; longer ones do not name columns */

struct cell {
	struct flow text;
	long column, span, fill;
	bool restart, goes_on;
};

struct row {
	struct cell cells[COLUMNS_MAX];
	int n;
	long skipped;
	bool header;
};

struct docx_table {
	struct row *row, *held; /* open, and the one before it that is not written yet */
	bool row_open, is_held;
	int n_rows; /* written */
	bool header_ended;
	bool shaded;
	long fill;
	struct buf above[COLUMNS_MAX]; /* what a cell that goes on repeats */
	struct flow lost;
	struct flow_row written;
};

struct docx_table *docx_table_create(void)
{
	struct docx_table *t = calloc(1, sizeof(*t));

	ASSERT(t != NULL);
	t->row = calloc(1, sizeof(*t->row));
	t->held = calloc(1, sizeof(*t->held));
	ASSERT(t->row != NULL && t->held != NULL);
	t->fill = LOOK_UNSET;
	return t;
}

static void clear_row(struct row *row)
{
	for (int i = 0; i < row->n; i++) {
		flow_clear(&row->cells[i].text);
	}
	row->n = 0;
	row->skipped = 0;
	row->header = false;
}

static void destroy_row(struct row *row)
{
	for (int i = 0; i < COLUMNS_MAX; i++) {
		flow_finish(&row->cells[i].text);
	}
	free(row);
}

void docx_table_destroy(struct docx_table *t)
{
	for (int i = 0; i < COLUMNS_MAX; i++) {
		buf_finish(&t->above[i]);
	}
	destroy_row(t->row);
	destroy_row(t->held);
	flow_finish(&t->lost);
	flow_row_finish(&t->written);
	free(t);
}

void docx_table_style(struct docx_table *t, bool shaded)
{
	t->shaded = shaded;
}

void docx_table_fill(struct docx_table *t, long fill)
{
	t->fill = fill;
}

void docx_row_begin(struct docx_table *t)
{
	clear_row(t->row);
	t->row_open = true;
}

void docx_row_header(struct docx_table *t)
{
	t->row->header = true;
}

static long bounded(long n, long max)
{
	return n < 0 ? 0 : n > max ? max : n;
}

void docx_row_skip(struct docx_table *t, long n_columns)
{
	t->row->skipped = bounded(n_columns, COLUMNS_MAX);
}

static struct cell *open_cell(const struct docx_table *t)
{
	return t->row_open && t->row->n ? &t->row->cells[t->row->n - 1] : NULL;
}

void docx_cell_begin(struct docx_table *t)
{
	struct cell *before = open_cell(t), *c;
	long column = before ? before->column + before->span : t->row->skipped;

	if (!t->row_open || t->row->n == COLUMNS_MAX || column >= COLUMNS_MAX) {
		return; /* what is beyond goes on in the last one */
	}
	c = &t->row->cells[t->row->n++];
	flow_clear(&c->text);
	c->column = column;
	c->span = 1;
	c->fill = LOOK_UNSET;
	c->restart = c->goes_on = false;
}

void docx_cell_span(struct docx_table *t, long n_columns)
{
	struct cell *c = open_cell(t);

	if (c && n_columns > 1) {
		c->span = bounded(n_columns, COLUMNS_MAX - c->column);
	}
}

void docx_cell_merge(struct docx_table *t, bool restart)
{
	struct cell *c = open_cell(t);

	if (c) {
		c->restart = restart;
		c->goes_on = !restart;
	}
}

void docx_cell_fill(struct docx_table *t, long fill)
{
	struct cell *c = open_cell(t);

	if (c) {
		c->fill = fill;
	}
}

struct flow *docx_cell(struct docx_table *t)
{
	struct cell *c = open_cell(t);

	flow_clear(&t->lost);
	return c ? &c->text : &t->lost;
}

long docx_table_behind(const struct docx_table *t)
{
	const struct cell *c = open_cell(t);

	if (c && c->fill != LOOK_UNSET && c->fill != LOOK_AUTO) {
		return c->fill;
	}
	if (t->fill != LOOK_UNSET && t->fill != LOOK_AUTO) {
		return t->fill;
	}
	return t->shaded ? LOOK_UNKNOWN : LOOK_UNSET;
}

/* ── rows ── */

/* Numbers, dates and amounts are values, not names of columns. */
static bool is_value(const struct flow *p)
{
	size_t n_digits = 0, n_letters = 0;

	for (size_t i = 0; i < p->text.len; i++) {
		unsigned char c = (unsigned char)p->text.data[i];

		n_digits += isdigit(c) != 0;
		n_letters += isalpha(c) || c >= 0x80;
	}
	return n_digits > 0 && n_letters < 3 && n_digits >= n_letters;
}

static bool names_columns(const struct row *row)
{
	int n_named = 0;

	for (int i = 0; i < row->n; i++) {
		const struct cell *c = &row->cells[i];

		if (is_value(&c->text) || c->text.text.len > HEADER_CELL_MAX ||
			(i > 0 && flow_is_blank(&c->text))) {
			return false;
		}
		n_named += !flow_is_blank(&c->text);
	}
	return n_named >= 2 || (n_named == 1 && row->n == 2);
}

/* The row's cells at their columns; one that spans several stands in each where it names them,
 * else in the first. */
static void write_row(struct docx_table *t, struct row *row, enum row_role role, struct draft *d)
{
	struct flow_row *out = &t->written;

	for (int i = 0; i < row->n; i++) {
		struct cell *c = &row->cells[i];
		int at;

		while (out->n < c->column) {
			flow_row_add_text(out, d, NULL);
		}
		at = out->n;
		flow_row_add(out, &c->text, d);
		for (long k = 1; k < c->span && out->n < COLUMNS_MAX; k++) {
			flow_row_add_text(out, d, role == ROW_HEADER ? &out->cells[at] : NULL);
		}
	}
	flow_row_write(out, d, role, NULL);
	t->n_rows++;
}

/* Writes the row that is held; more: another one follows. */
static void write_held(struct docx_table *t, bool more, struct draft *d)
{
	enum row_role role = ROW_NEXT;

	if (t->held->header && !t->header_ended) {
		role = ROW_HEADER;
	} else if (t->n_rows == 0) {
		role = more && names_columns(t->held) ? ROW_HEADER : ROW_FIRST;
	}
	t->header_ended = t->header_ended || !t->held->header;
	if (role == ROW_FIRST && !more && t->held->n == 1) {
		flow_write(&t->held->cells[0].text, d, BLOCK_PARAGRAPH, 0, NULL); /* a frame */
	} else {
		write_row(t, t->held, role, d);
	}
	t->is_held = false;
}

/* Cells that go on take over what is above them; those that begin such a run are kept for it. */
static void merge_cells(struct docx_table *t)
{
	for (int i = 0; i < t->row->n; i++) {
		struct cell *c = &t->row->cells[i];
		struct buf *above = &t->above[c->column];

		if (c->goes_on) {
			if (above->len && flow_is_blank(&c->text)) {
				buf_clear(&c->text.text);
				buf_add(&c->text.text, above->data, above->len);
			}
			continue;
		}
		buf_clear(above);
		if (c->restart && c->text.text.len && c->text.text.len <= REPEAT_MAX) {
			buf_add(above, c->text.text.data, c->text.text.len);
		}
	}
}

static bool row_blank(const struct row *row)
{
	for (int i = 0; i < row->n; i++) {
		if (!flow_is_blank(&row->cells[i].text) || row->cells[i].text.marks.len) {
			return false;
		}
	}
	return true;
}

void docx_row_end(struct docx_table *t, struct draft *d)
{
	struct row *ended = t->row;

	merge_cells(t);
	t->row_open = false;
	if (row_blank(ended)) {
		return;
	}
	if (t->is_held) {
		write_held(t, true, d);
	}
	t->row = t->held;
	t->held = ended;
	t->is_held = true;
}

void docx_table_end(struct docx_table *t, struct draft *d)
{
	if (t->is_held) {
		write_held(t, false, d);
	}
}

void docx_row_flatten(struct docx_table *t, struct draft *d, struct flow *to)
{
	bool any = false;

	merge_cells(t);
	t->row_open = false;
	for (int i = 0; i < t->row->n; i++) {
		const struct flow *cell = &t->row->cells[i].text;

		if (!flow_is_blank(cell)) {
			flow_add(to, d, any ? " | " : "", any ? 3 : 0);
			flow_append(to, d, cell);
			any = true;
		}
	}
	if (any) {
		buf_char(&to->text, '\n');
	}
}
