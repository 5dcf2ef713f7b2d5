/*
 * Excel workbooks (xlsx, xlsm and their templates; ECMA-376 part 1, 18): a page a sheet that can be
 * seen, in the order of the workbook; values as they are shown, of formulas the last ones that were
 * calculated. Sheets are streamed: memory holds two rows and the shared strings.
 */
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "ingest/xlsx.h"

#define SHEETS_MAX 10000
#define HIDDEN_MAX (64 << 10) /* bytes told of a hidden sheet */
#define CELL_MAX (1 << 20)    /* bytes; Excel: 32,767 characters */

struct sheet {
	const char *name, *part;
	bool hidden;
};

struct workbook_reader {
	struct xlsx *x;
	struct sheet *sheets;
	int n, cap;
};

/* ── the workbook ── */

static void on_workbook(void *arg, const struct xml_element *el)
{
	struct workbook_reader *r = arg;
	const char *state, *name, *part;

	if (xml_is(el, "workbookPr")) {
		const char *date1904 = xml_attr(el, "date1904");

		r->x->since_1904 = date1904 && ooxml_on(date1904);
	}
	if (!xml_is(el, "sheet") || r->n >= SHEETS_MAX) {
		return;
	}
	part = ooxml_part(&r->x->o.relations, xml_attr_in(el, "elationships", "id"));
	if (!part) {
		return;
	}
	r->sheets = array_grow(r->sheets, r->n, &r->cap, sizeof(*r->sheets));
	name = xml_attr(el, "name");
	state = xml_attr(el, "state");
	r->sheets[r->n++] = (struct sheet){.part = part,
		.name = arena_str(&r->x->o.arena, name ? name : ""),
		.hidden = state &&
			  (strcmp(state, "hidden") == 0 || strcmp(state, "veryHidden") == 0)};
}

/* ── rows and cells ── */

struct sheet_reader {
	struct xlsx *x;
	const struct xlsx_facts *facts; /* NULL: the sheet is hidden */
	struct xlsx_rows rows;
	struct xlsx_row *row; /* the open one */
	bool in_rows, row_hidden, row_told;
	int x_at, y_at; /* of the open cell and row; then of the ones before */
	char type;	/* of the open cell: n number, s shared string, t text, b, e, d; 0: none */
	long style;
	enum { IN_NOTHING, IN_VALUE, IN_TEXT } in;
	int phonetic; /* depth, 0: none */
	struct buf value;
	size_t n_hidden; /* bytes told of the hidden sheet */
};

static char type_of(const char *t)
{
	static const struct {
		const char *name;
		char type;
	} TYPES[] = {
		{"s", 's'}, {"str", 't'}, {"inlineStr", 't'}, {"b", 'b'}, {"e", 'e'}, {"d", 'd'}};

	for (size_t i = 0; t && i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
		if (strcmp(t, TYPES[i].name) == 0) {
			return TYPES[i].type;
		}
	}
	return 'n';
}

static void begin_row(struct sheet_reader *r, const struct xml_element *el)
{
	const char *hidden = xml_attr(el, "hidden");
	long y = ooxml_number(xml_attr(el, "r"), r->y_at + 2) - 1;

	r->y_at = y < 0 || y >= XLSX_ROWS ? XLSX_ROWS - 1 : (int)y;
	r->x_at = -1;
	r->row_hidden = hidden ? ooxml_on(hidden) : r->facts && r->facts->rows_hidden;
	r->row_told = false;
	r->row = r->facts ? xlsx_row_begin(&r->rows, r->y_at) : NULL;
}

static void begin_cell(struct sheet_reader *r, const struct xml_element *el)
{
	struct xlsx_range at;

	if (xlsx_range_of(xml_attr(el, "r"), &at)) {
		r->x_at = at.x0;
	} else {
		r->x_at += r->x_at < XLSX_COLUMNS - 1;
	}
	r->type = type_of(xml_attr(el, "t"));
	r->style = ooxml_number(xml_attr(el, "s"), 0);
	buf_clear(&r->value);
}

static void on_sheet_start(void *arg, const struct xml_element *el)
{
	struct sheet_reader *r = arg;

	if (!r->in_rows) {
		r->in_rows = xml_is(el, "sheetData");
	} else if (xml_is(el, "row")) {
		begin_row(r, el);
	} else if (xml_is(el, "c")) {
		begin_cell(r, el);
	} else if (xml_is(el, "rPh") && !r->phonetic) {
		r->phonetic = el->depth;
	} else {
		r->in = r->phonetic	  ? IN_NOTHING
			: xml_is(el, "v") ? IN_VALUE
			: xml_is(el, "t") ? IN_TEXT
					  : IN_NOTHING;
	}
}

static void on_sheet_text(void *arg, const char *s, size_t n)
{
	struct sheet_reader *r = arg;

	if (r->in != IN_NOTHING && r->type && r->value.len + n <= CELL_MAX) {
		buf_add(&r->value, s, n);
	}
}

/* The cell's text as it is shown, in r->value where it is not a shared one. */
static const char *shown(struct sheet_reader *r, const struct xlsx_style *style, size_t *n)
{
	struct buf number = BUF_INIT;
	const char *s = r->value.data ? r->value.data : "";
	char *end;
	double value;

	*n = r->value.len;
	if (r->type == 's') {
		return xlsx_string(r->x, ooxml_number(s, -1), n);
	}
	if (r->type == 'b' && *n) {
		s = *s == '0' || *s == 'f' ? "FALSE" : "TRUE";
		*n = strlen(s);
		return s;
	}
	value = r->type == 'n' && *n ? strtod(s, &end) : 0;
	if (r->type == 'n' && *n && end != s && !*end) {
		number_format_add(&r->x->formats[style->format], value, r->x->since_1904, &number);
		buf_clear(&r->value);
		buf_add(&r->value, number.data ? number.data : "", number.len);
		buf_finish(&number);
		*n = r->value.len;
		return r->value.data ? r->value.data : "";
	}
	return s;
}

/* ANNOTATION_… of why nobody sees the open cell; -1: it is seen. */
static int hidden_of(const struct sheet_reader *r, const struct xlsx_style *style)
{
	if (!r->facts || r->row_hidden ||
		(r->facts->hidden_columns.n &&
			xlsx_inside(&r->facts->hidden_columns, r->x_at, r->y_at))) {
		return ANNOTATION_HIDDEN_PART;
	}
	if (style->hidden == ANNOTATION_HIDDEN_COLOR &&
		(xlsx_inside(&r->facts->tables, r->x_at, r->y_at) ||
			xlsx_inside(&r->facts->plain_tables, r->x_at, r->y_at) ||
			xlsx_inside(&r->facts->conditional, r->x_at, r->y_at))) {
		return -1; /* what is behind it is not in its style */
	}
	return style->hidden;
}

static void tell_hidden(struct sheet_reader *r, enum annotation_kind kind, const char *s, size_t n)
{
	struct flow_aside *a = &r->x->aside;
	struct buf name = BUF_INIT;
	const char *between = a->text.len && a->kind == kind && r->n_hidden ? "; " : "";

	if (!r->facts && r->n_hidden > HIDDEN_MAX) {
		return;
	}
	if (!r->row_told && (r->row_hidden || !r->facts)) {
		buf_printf(&name, "%srow %d: ", between, r->y_at + 1);
	} else if (r->row_hidden || !r->facts) {
		buf_str(&name, " | ");
	} else {
		buf_str(&name, between);
		xlsx_cell_name(r->x_at, r->y_at, &name);
		buf_str(&name, ": ");
	}
	r->row_told = true;
	flow_aside_add(a, kind, name.data, name.len);
	flow_aside_add(a, kind, s, n);
	r->n_hidden += name.len + n;
	buf_finish(&name);
}

static void end_cell(struct sheet_reader *r)
{
	const struct xlsx_style *style = xlsx_style(r->x, r->style);
	int hidden = hidden_of(r, style);
	size_t n;
	const char *s;

	if (hidden == ANNOTATION_HIDDEN_RENDER) {
		static const struct xlsx_style PLAIN = {.format = 0, .hidden = -1};

		style = &PLAIN;
	}
	s = shown(r, style, &n);
	if (!draft_blank(s, n) && hidden >= 0) {
		tell_hidden(r, (enum annotation_kind)hidden, s, n);
	} else if (!draft_blank(s, n) && r->row) {
		xlsx_row_add(r->row, r->x_at, s, n, r->type == 's' || r->type == 't', style->bold);
	}
	r->type = 0;
}

static void on_sheet_end(void *arg, const struct xml_element *el)
{
	struct sheet_reader *r = arg;

	r->in = IN_NOTHING;
	if (!r->in_rows) {
		return;
	}
	if (xml_is(el, "sheetData")) {
		r->in_rows = false;
	} else if (xml_is(el, "c") && r->type) {
		end_cell(r);
	} else if (xml_is(el, "row") && r->row) {
		xlsx_row_end(&r->rows);
		r->row = NULL;
	} else if (el->depth == r->phonetic) {
		r->phonetic = 0;
	}
}

/* ── sheets ── */

static const struct xml_handler SHEET = {on_sheet_start, on_sheet_end, on_sheet_text};

static void tell_comments(struct xlsx *x, const struct xlsx_facts *f)
{
	struct draft *d = x->o.draft;
	struct buf line = BUF_INIT;

	for (int i = 0; i < f->comments.n; i++) {
		const struct xlsx_note *c = &f->comments.items[i];

		buf_clear(&line);
		xlsx_cell_name(c->x, c->y, &line);
		buf_printf(&line, ", %s", c->words);
		draft_annotate(
			d, ANNOTATION_COMMENT, draft_at(d), draft_at(d), line.data, line.len);
	}
	buf_finish(&line);
}

static void read_sheet(struct xlsx *x, const struct sheet *sheet)
{
	struct sheet_reader r = {.x = x, .y_at = -1};
	struct xlsx_facts facts;

	xlsx_facts_load(x, sheet->part, &facts);
	r.facts = &facts;
	draft_page(x->o.draft, 0, 0);
	draft_page_label(x->o.draft, sheet->name, strlen(sheet->name));
	xlsx_rows_begin(&r.rows, x, &facts);
	ooxml_must_read(&x->o, sheet->part, &SHEET, &r);
	xlsx_rows_end(&r.rows);
	flow_aside_flush(&x->aside);
	tell_comments(x, &facts);
	if (facts.drawing) {
		xlsx_drawing(x, facts.drawing);
	}
	xlsx_facts_finish(&facts);
	buf_finish(&r.value);
}

static void read_hidden_sheet(struct xlsx *x, const struct sheet *sheet)
{
	struct sheet_reader r = {.x = x, .y_at = -1};
	struct buf name = BUF_INIT;

	buf_printf(&name, "Hidden sheet “%s”: ", sheet->name);
	flow_aside_add(&x->aside, ANNOTATION_HIDDEN_PART, name.data, name.len);
	ooxml_read(&x->o, sheet->part, &SHEET, &r);
	flow_aside_flush(&x->aside);
	buf_finish(&name);
	buf_finish(&r.value);
}

void extract_xlsx(struct document *doc, struct draft *d)
{
	static const struct xml_handler WORKBOOK = {.on_start = on_workbook};
	struct xlsx *x = calloc(1, sizeof(*x));
	struct workbook_reader r = {.x = x};

	ASSERT(x != NULL);
	ooxml_open(&x->o, doc, d, "xl/workbook.xml");
	x->aside.draft = d;
	ooxml_must_read(&x->o, x->o.main, &WORKBOOK, &r);
	xlsx_styles_load(x);
	xlsx_strings_load(x);
	for (int i = 0; i < r.n; i++) {
		draft_progress(d, i, r.n);
		if (r.sheets[i].hidden) {
			read_hidden_sheet(x, &r.sheets[i]);
		} else {
			read_sheet(x, &r.sheets[i]);
		}
	}
	if (!d->n_pages) {
		draft_page(d, 0, 0);
	}
	ooxml_children(&x->o, "xl/embeddings/");
	free(r.sheets);
}
