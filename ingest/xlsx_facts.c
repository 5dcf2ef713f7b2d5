/*
 * What stands in a sheet beside its rows: merged cells, links, tables, comments, what is hidden.
 * Most of it follows the rows in the file, so that a sheet is read twice.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "ingest/xlsx.h"

#define RANGES_MAX 100000
#define NOTES_MAX 20000

/* ── cells ── */

/* "$AB$12" at *s; moves behind it. */
static bool take_cell(const char **s, int *x, int *y)
{
	const char *p = *s;
	long column = 0, row = 0;

	p += *p == '$';
	for (; isalpha((unsigned char)*p) && column <= XLSX_COLUMNS; p++) {
		column = column * 26 + toupper((unsigned char)*p) - 'A' + 1;
	}
	p += *p == '$';
	for (; isdigit((unsigned char)*p) && row <= XLSX_ROWS; p++) {
		row = row * 10 + *p - '0';
	}
	*s = p;
	*x = (int)column - 1;
	*y = (int)row - 1;
	return column > 0 && column <= XLSX_COLUMNS && row > 0 && row <= XLSX_ROWS;
}

bool xlsx_range_of(const char *ref, struct xlsx_range *out)
{
	int x, y;

	if (!ref || !take_cell(&ref, &x, &y)) {
		return false;
	}
	*out = (struct xlsx_range){x, y, x + 1, y + 1};
	if (*ref == ':') {
		ref++;
		if (!take_cell(&ref, &x, &y)) {
			return false;
		}
		out->x1 = x + 1;
		out->y1 = y + 1;
	}
	return out->x0 < out->x1 && out->y0 < out->y1;
}

void xlsx_cell_name(int x, int y, struct buf *out)
{
	char letters[8];
	int n = 0;

	for (int c = x + 1; c > 0 && n < 8; c = (c - 1) / 26) {
		letters[n++] = (char)('A' + (c - 1) % 26);
	}
	while (n-- > 0) {
		buf_char(out, letters[n]);
	}
	buf_printf(out, "%d", y + 1);
}

bool xlsx_inside(const struct xlsx_ranges *r, int x, int y)
{
	for (int i = 0; i < r->n; i++) {
		const struct xlsx_range *c = &r->items[i];

		if (x >= c->x0 && x < c->x1 && y >= c->y0 && y < c->y1) {
			return true;
		}
	}
	return false;
}

static void add_range(struct xlsx_ranges *r, struct xlsx_range range, int max)
{
	if (r->n < max) {
		r->items = array_grow(r->items, r->n, &r->cap, sizeof(*r->items));
		r->items[r->n++] = range;
	}
}

static void add_note(struct xlsx *x, struct xlsx_notes *notes, int col, int row, const char *words)
{
	if (notes->n < NOTES_MAX) {
		notes->items =
			array_grow(notes->items, notes->n, &notes->cap, sizeof(*notes->items));
		notes->items[notes->n++] =
			(struct xlsx_note){col, row, arena_str(&x->o.arena, words)};
	}
}

/* ── the sheet ── */

struct facts_reader {
	struct xlsx *x;
	struct xlsx_facts *f;
	bool in_rows;
};

#define FEW 1000 /* ranges that every cell is looked up in */

static void take_columns(struct xlsx_facts *f, const struct xml_element *el)
{
	const char *hidden = xml_attr(el, "hidden"), *width = xml_attr(el, "width");
	long first = ooxml_number(xml_attr(el, "min"), 0);
	long last = ooxml_number(xml_attr(el, "max"), 0);
	bool none = width && strtod(width, NULL) == 0;

	if (((hidden && ooxml_on(hidden)) || none) && first > 0 && first <= last) {
		last = last > XLSX_COLUMNS ? XLSX_COLUMNS : last;
		add_range(&f->hidden_columns,
			(struct xlsx_range){(int)first - 1, 0, (int)last, XLSX_ROWS}, FEW);
	}
}

static void take_link(struct facts_reader *r, const struct xml_element *el)
{
	const char *address =
		ooxml_address(&r->f->relations, xml_attr_in(el, "elationships", "id"));
	struct xlsx_range range;

	if (address && xlsx_range_of(xml_attr(el, "ref"), &range)) {
		add_note(r->x, &r->f->links, range.x0, range.y0, address);
	}
}

static void take_conditional(struct xlsx_facts *f, const char *ref)
{
	struct xlsx_range range;

	while (ref && *ref) {
		if (xlsx_range_of(ref, &range)) {
			add_range(&f->conditional, range, FEW);
		}
		ref = strchr(ref, ' ');
		ref += ref ? 1 : 0;
	}
}

static void on_fact(void *arg, const struct xml_element *el)
{
	struct facts_reader *r = arg;
	struct xlsx_facts *f = r->f;
	struct xlsx_range range;
	const char *state;

	if (r->in_rows || !xml_in(el, "spreadsheetml/")) {
		return;
	}
	if (xml_is(el, "sheetData")) {
		r->in_rows = true;
	} else if (xml_is(el, "mergeCell")) {
		if (xlsx_range_of(xml_attr(el, "ref"), &range)) {
			add_range(&f->merged, range, RANGES_MAX);
		}
	} else if (xml_is(el, "autoFilter")) {
		if (xlsx_range_of(xml_attr(el, "ref"), &range)) {
			add_range(&f->filters, range, FEW);
		}
	} else if (xml_is(el, "pane")) {
		state = xml_attr(el, "state");
		f->n_frozen = state && strncmp(state, "frozen", 6) == 0
				      ? (int)ooxml_number(xml_attr(el, "ySplit"), 0)
				      : 0;
	} else if (xml_is(el, "sheetFormatPr")) {
		f->rows_hidden = xml_attr(el, "zeroHeight") && ooxml_on(xml_attr(el, "zeroHeight"));
	} else if (xml_is(el, "col")) {
		take_columns(f, el);
	} else if (xml_is(el, "hyperlink")) {
		take_link(r, el);
	} else if (xml_is(el, "conditionalFormatting")) {
		take_conditional(f, xml_attr(el, "sqref"));
	} else if (xml_is(el, "drawing")) {
		f->drawing = ooxml_part(&f->relations, xml_attr_in(el, "elationships", "id"));
	}
}

static void on_fact_end(void *arg, const struct xml_element *el)
{
	struct facts_reader *r = arg;

	if (xml_is(el, "sheetData")) {
		r->in_rows = false;
		draft_progress(r->x->o.draft, 0, 0);
	}
}

/* ── tables (18.5) ── */

static void on_table(void *arg, const struct xml_element *el)
{
	struct facts_reader *r = arg;
	struct xlsx_range range;
	bool header = ooxml_number(xml_attr(el, "headerRowCount"), 1) > 0;

	if (el->depth == 1 && xml_is(el, "table") && xlsx_range_of(xml_attr(el, "ref"), &range)) {
		add_range(header ? &r->f->tables : &r->f->plain_tables, range, FEW);
	}
}

/* ── comments (18.7), and threads of them ([MS-XLSX] 2.6.205) ── */

struct comments_reader {
	struct xlsx *x;
	struct xlsx_facts *f;
	struct buf *authors; /* by number */
	int n_authors, cap_authors;
	struct xlsx_range cell;
	bool is_open, in_author, in_text;
	struct buf text;
};

static void on_comment_start(void *arg, const struct xml_element *el)
{
	struct comments_reader *r = arg;
	long author;

	r->in_text = r->is_open && (xml_is(el, "t") || xml_is(el, "text"));
	r->in_author = xml_is(el, "author") && r->n_authors < NOTES_MAX;
	if (r->in_author) {
		r->authors =
			array_grow(r->authors, r->n_authors, &r->cap_authors, sizeof(*r->authors));
		r->authors[r->n_authors++] = (struct buf)BUF_INIT;
	} else if (xml_is(el, "comment") || xml_is(el, "threadedComment")) {
		r->is_open = xlsx_range_of(xml_attr(el, "ref"), &r->cell);
		author = ooxml_number(xml_attr(el, "authorId"), -1);
		buf_clear(&r->text);
		if (author >= 0 && author < r->n_authors && r->authors[author].len) {
			buf_printf(&r->text, "%s: ", r->authors[author].data);
		}
	}
}

static void on_comment_text(void *arg, const char *s, size_t n)
{
	struct comments_reader *r = arg;

	if (r->in_author) {
		buf_add(&r->authors[r->n_authors - 1], s, n);
	} else if (r->in_text && r->text.len < ANNOTATION_TEXT_MAX) {
		buf_add(&r->text, s, n);
	}
}

static void on_comment_end(void *arg, const struct xml_element *el)
{
	struct comments_reader *r = arg;

	r->in_author = r->in_text = false;
	if (r->is_open && (xml_is(el, "comment") || xml_is(el, "threadedComment"))) {
		r->is_open = false;
		if (r->text.len) {
			add_note(r->x, &r->f->comments, r->cell.x0, r->cell.y0, r->text.data);
		}
	}
}

static void load_comments(struct xlsx *x, struct xlsx_facts *f)
{
	static const struct xml_handler HANDLER = {
		on_comment_start, on_comment_end, on_comment_text};
	struct comments_reader r = {.x = x, .f = f};
	/* Where there are threads, the older part only says that there are. */
	const char *part = ooxml_part_of_type(&f->relations, "threadedComment");

	part = part ? part : ooxml_part_of_type(&f->relations, "comments");
	if (part) {
		ooxml_read(&x->o, part, &HANDLER, &r);
	}
	for (int i = 0; i < r.n_authors; i++) {
		buf_finish(&r.authors[i]);
	}
	free(r.authors);
	buf_finish(&r.text);
}

/* ── all of it ── */

static int by_first_row(const void *a, const void *b)
{
	const struct xlsx_range *x = a, *y = b;

	return x->y0 < y->y0 ? -1 : x->y0 > y->y0;
}

static int by_cell(const void *a, const void *b)
{
	const struct xlsx_note *x = a, *y = b;

	return x->y != y->y ? (x->y < y->y ? -1 : 1) : x->x < y->x ? -1 : x->x > y->x;
}

static void sort_notes(struct xlsx_notes *notes)
{
	if (notes->n) {
		qsort(notes->items, (size_t)notes->n, sizeof(*notes->items), by_cell);
	}
}

void xlsx_facts_load(struct xlsx *x, const char *part, struct xlsx_facts *out)
{
	static const struct xml_handler SHEET = {.on_start = on_fact, .on_end = on_fact_end};
	static const struct xml_handler TABLE = {.on_start = on_table};
	struct facts_reader r = {.x = x, .f = out};

	memset(out, 0, sizeof(*out));
	ooxml_relations_load(&x->o, part, &out->relations);
	ooxml_must_read(&x->o, part, &SHEET, &r);
	for (int i = 0; i < out->relations.n; i++) {
		const struct ooxml_relation *rel = &out->relations.items[i];

		if (!rel->external && strcmp(rel->type, "table") == 0) {
			ooxml_read(&x->o, rel->target, &TABLE, &r);
		}
	}
	load_comments(x, out);
	if (out->merged.n) {
		qsort(out->merged.items, (size_t)out->merged.n, sizeof(*out->merged.items),
			by_first_row);
	}
	sort_notes(&out->links);
	sort_notes(&out->comments);
}

void xlsx_facts_finish(struct xlsx_facts *f)
{
	free(f->merged.items);
	free(f->tables.items);
	free(f->plain_tables.items);
	free(f->filters.items);
	free(f->conditional.items);
	free(f->hidden_columns.items);
	free(f->links.items);
	free(f->comments.items);
	memset(f, 0, sizeof(*f));
}
