/* The picks as Markdown lines, each with its marker. What a document says cannot become a marker or
 * a structure of ours. */
#include "chat/extractive_private.h"

#include <string.h>

#include "index/base/buf.h"

/* On one line; what would read as a marker or as Markdown structure does not. */
static void add_plain(struct buf *out, const char *s, size_t n)
{
	size_t from = out->len;

	while (n > 1 && strchr("-*#>", *s) && s[1] == ' ') {
		s += 2;
		n -= 2;
	}
	while (n > 4 && (memcmp(s, "• ", 4) == 0 || memcmp(s, "▪ ", 4) == 0)) {
		s += 4;
		n -= 4;
	}
	sentence_flat(out, s, n);
	for (char *p = out->data + from; from < out->len; p++, from++) {
		*p = *p == '[' ? '(' : *p == ']' ? ')' : *p;
	}
}

static void add_text(struct buf *out, const char *s)
{
	add_plain(out, s, strlen(s));
}

static void add_cell(struct buf *out, const struct table_cell *cell, const char *unit)
{
	if (cell->name[0]) {
		add_text(out, cell->name);
		buf_str(out, ": ");
	}
	add_text(out, cell->text);
	if (unit[0] && cell->value && !strchr(cell->text, '%')) {
		buf_str(out, " (");
		add_text(out, unit);
		buf_char(out, ')');
	}
}

/* "Europe, Lanterns (1), Three Months Ended June 25, 2031: $40,665 (in millions); …": the cell that
 * answers first, then the others as they stand. */
static void add_row(struct buf *out, const struct table_row *row, int best)
{
	bool any = false;
	int first = best >= 0 ? best : 0;
	size_t from = out->len;

	if (row->group[0]) {
		add_text(out, row->group);
	}
	if (row->label[0]) {
		buf_str(out, out->len > from ? ", " : "");
		if (row->label_name[0]) {
			add_text(out, row->label_name);
			buf_char(out, ' ');
		}
		add_text(out, row->label);
	}
	for (int i = 0; i < row->n_cells; i++) {
		const struct table_cell *cell = &row->cells[i == 0	 ? first
							    : i <= first ? i - 1
									 : i];

		if (!cell->text[0]) {
			continue;
		}
		buf_str(out, any ? "; " : out->len == from ? "" : cell->name[0] ? ", " : ": ");
		add_cell(out, cell, any ? "" : row->unit);
		any = true;
	}
}

void extractive_write(struct arena *a, const struct source *sources, struct extract *x)
{
	struct buf out = BUF_INIT;

	for (int i = 0; i < x->n_quotes; i++) {
		const struct pick *p = &x->picks[i];
		const struct source *s = &sources[p->source];
		const struct sentence *sentence = &s->sentences[p->sentence];

		buf_str(&out, x->n_quotes > 1 ? "- " : "");
		if (p->row) {
			add_row(&out, p->row, p->cell);
		} else {
			add_plain(&out, s->passage->text + sentence->start,
				(size_t)(sentence->end - sentence->start));
		}
		buf_printf(&out, " [%d]%s", s->handle, i + 1 < x->n_quotes ? "\n" : "");
	}
	x->text = arena_strn(a, out.data ? out.data : "", out.len);
	buf_finish(&out);
}
