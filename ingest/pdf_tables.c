/* Which rows are a table's: several segments side by side, over each other, and no columns of
 * prose. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/pdf.h"

#define ROWS_BETWEEN 3 /* rows of one segment that may stand between rows of several */

static bool row_dropped(const struct pdf_page *p, const struct pdf_row *r)
{
	return pdf_row_seg(p, r, 0)->dropped;
}

/* A line of running text, as a column of prose has them. n_chars does not count spaces. */
static bool seg_is_prose(const struct pdf_page *p, const struct pdf_seg *s)
{
	bool wide = s->x1 - s->x0 > 0.22f * p->width;

	return s->n_chars >= 34 || (wide && s->n_chars >= 20 && s->n_words >= 4) ||
	       (wide && s->n_chars >= 14 && s->n_chars > 12 * s->n_words); /* CJK */
}

static bool row_is_prose(const struct pdf_page *p, const struct pdf_row *r)
{
	int n_long = 0;

	for (int i = 0; i < r->n; i++) {
		n_long += seg_is_prose(p, pdf_row_seg(p, r, i));
	}
	return n_long >= 2 && n_long * 2 >= r->n;
}

/* A bullet or number with its text: one thing in two segments. */
static bool row_is_item(const struct pdf_page *p, const struct pdf_row *r)
{
	struct buf text = BUF_INIT;
	const struct pdf_seg *s = pdf_row_seg(p, r, 0);
	bool marker = false;

	if (r->n == 2 && s->n_chars <= 8) {
		pdf_seg_text(p, s, &text);
		buf_char(&text, ' ');
		marker = pdf_list_marker(text.data, text.len) == text.len ||
			 strspn(text.data, "0123456789. ") == text.len;
		buf_finish(&text);
		/* "1   $ 400" is a row, "1   Introduction to the matter" a numbered heading */
		marker = marker && pdf_row_seg(p, r, 1)->n_chars > 12;
	}
	return marker;
}

/* Text printed over text has no columns. */
static bool row_overlaps(const struct pdf_page *p, const struct pdf_row *r)
{
	for (int i = 1; i < r->n; i++) {
		if (pdf_row_seg(p, r, i)->x0 < pdf_row_seg(p, r, i - 1)->x1 - 2) {
			return true;
		}
	}
	return false;
}

/* One of the two segments of row i is a line of prose that goes on in the next row. Returns which,
 * or -1. */
static int flowing_side(const struct pdf_page *p, int i)
{
	const struct pdf_row *r = &p->rows[i], *below = r + 1;

	if (i + 1 >= p->n_rows || r->n != 2 || below->n != 2) {
		return -1;
	}
	for (int side = 0; side < 2; side++) {
		const struct pdf_seg *s = pdf_row_seg(p, r, side), *t = pdf_row_seg(p, below, side);

		if (seg_is_prose(p, s) && fabsf(s->x0 - t->x0) < PDF_ALIGNED &&
			islower((unsigned char)p->text.data[p->words[t->first].at])) {
			return side;
		}
	}
	return -1;
}

/* A column of prose beside a narrow one, as sidebars are: three rows or more. */
static void unmark_sidebars(struct pdf_page *p)
{
	for (int i = 0; i < p->n_rows; i++) {
		int side = flowing_side(p, i), end = i;

		while (side >= 0 && flowing_side(p, end) == side) {
			end++;
		}
		for (int k = i; k <= end && end - i >= 2; k++) {
			p->rows[k].tabular = false;
		}
		i = end > i ? end - 1 : i;
	}
}

static void mark_tabular(struct pdf_page *p)
{
	int last_prose = -1000;

	for (int i = 0; i < p->n_rows; i++) {
		struct pdf_row *r = &p->rows[i];

		r->tabular = r->n >= 2 && !row_dropped(p, r) && !row_is_prose(p, r) &&
			     !row_is_item(p, r) && !row_overlaps(p, r);
	}
	unmark_sidebars(p);
	/* Near prose in columns, a short line beside a long one is a paragraph's end. */
	for (int pass = 0; pass < 2; pass++) {
		last_prose = -1000;
		for (int k = 0; k < p->n_rows; k++) {
			int i = pass ? p->n_rows - 1 - k : k;
			struct pdf_row *r = &p->rows[i];

			if (r->n >= 2 && row_is_prose(p, r)) {
				last_prose = k;
			} else if (r->tabular && r->n < 4 && k - last_prose <= 4) {
				r->tabular = false;
			}
		}
	}
}

/* The rest of a cell of the row before: nothing in the first column, close below. */
static bool continues_cell(
	const struct pdf_page *p, const struct pdf_row *from, const struct pdf_row *r, float bottom)
{
	return (r->n == 1 || row_is_item(p, r)) && from->n >= 2 &&
	       pdf_row_seg(p, r, 0)->x0 > pdf_row_seg(p, from, 1)->x0 - PDF_ALIGNED &&
	       r->y0 - bottom < 0.8f * (r->y1 - r->y0);
}

/* A line among rows: a label of those below, or the rest of a first cell. Prose runs on under the
 * other columns; a heading is set in another size. */
static bool is_label(const struct pdf_page *p, const struct pdf_row *from, const struct pdf_row *r)
{
	const struct pdf_seg *s = pdf_row_seg(p, r, 0), *first = pdf_row_seg(p, from, 0);
	const struct pdf_word *last = &p->words[s->first + s->n_words - 1];
	/* "Net sales by segment:" may stand under names of columns in smaller type */
	bool colon = p->text.data[last->at + last->n_bytes - 1] == ':';

	if (r->n != 1 || s->n_chars > 90 ||
		fabsf(s->size - first->size) > (colon ? 0.25f : 0.08f) * first->size) {
		return false;
	}
	return s->n_chars <= 40 || s->x1 < pdf_row_seg(p, from, 1)->x0 + PDF_ALIGNED;
}

/* Two cells or more of the shorter row, and all but its first, stand over cells of the other: names
 * of columns are often centred over numbers that are not. */
static bool over_columns(const struct pdf_page *p, const struct pdf_row *a, const struct pdf_row *b)
{
	const struct pdf_row *few = a->n < b->n ? a : b, *many = few == a ? b : a;
	int n = 0;

	for (int i = 0; i < few->n; i++) {
		const struct pdf_seg *s = pdf_row_seg(p, few, i);
		bool over = false;

		if (i == 0 && fabsf(s->x0 - pdf_row_seg(p, many, 0)->x0) < PDF_ALIGNED) {
			continue;
		}
		for (int k = 1; k < many->n && !over; k++) {
			const struct pdf_seg *t = pdf_row_seg(p, many, k);
			float end = t->x1;

			if (pdf_is_sign(p, t) && k + 1 < many->n) {
				end = pdf_row_seg(p, many, k + 1)->x1;
			}
			over = fminf(s->x1, end) - fmaxf(s->x0, t->x0) >
			       0.5f * fminf(s->x1 - s->x0, end - t->x0);
		}
		if (!over) {
			return false;
		}
		n++;
	}
	return n >= 2;
}

/* The next row of the same table after row i, or -1; *last is the last row that belongs to row i.
 */
static int next_tabular(const struct pdf_page *p, int i, int *last)
{
	const struct pdf_row *from = &p->rows[i];
	float bottom = from->y1;
	int n_between = 0;

	*last = i;
	for (int k = i + 1; k < p->n_rows && n_between <= ROWS_BETWEEN; k++) {
		const struct pdf_row *r = &p->rows[k];
		float height = r->y1 - r->y0;

		if (row_dropped(p, r)) {
			continue;
		}
		if (!r->tabular && n_between == 0 && continues_cell(p, from, r, bottom)) {
			*last = k;
			bottom = r->y1;
			continue;
		}
		n_between++;
		if (r->y0 - bottom > 2.2f * height) {
			return -1;
		}
		if (r->tabular) {
			return pdf_rows_aligned(p, from, r) || (r->n >= 3 && from->n >= 3) ||
					       over_columns(p, from, r)
				       ? k
				       : -1;
		}
		if (!is_label(p, from, r)) {
			return -1;
		}
		bottom = r->y1;
	}
	return -1;
}

/* Row k is the rest of the nearest row of several cells above it. */
static bool continues_row(const struct pdf_page *p, int k)
{
	int up = k - 1;

	if (p->rows[k].tabular) {
		return false;
	}
	while (up >= 0 && (p->rows[up].continues || row_dropped(p, &p->rows[up]))) {
		up--;
	}
	return up >= 0 && p->rows[up].tabular &&
	       continues_cell(p, &p->rows[up], &p->rows[k], p->rows[k - 1].y1);
}

/* ── cells that stand so close that they look like one segment ── */

/* The word of s at which the second cell of row r would begin, or 0. */
static int tight_cell(const struct pdf_page *p, const struct pdf_seg *s, int row)
{
	const struct pdf_row *r = row >= 0 && row < p->n_rows ? &p->rows[row] : NULL;

	if (!r || r->n < 2 || seg_is_prose(p, pdf_row_seg(p, r, 0)) || row_dropped(p, r)) {
		return 0;
	}
	for (int i = 1; i < s->n_words; i++) {
		const struct pdf_word *w = &p->words[s->first + i];

		if (fabsf(w->x0 - pdf_row_seg(p, r, 1)->x0) < 1.5f &&
			w->x0 - w[-1].x1 > 0.45f * s->size) {
			return i;
		}
	}
	return 0;
}

/* The segment keeps its first n words; the rest become the next one. */
static void part_seg(struct pdf_page *p, int seg, int n)
{
	struct pdf_seg *s = &p->segs[seg], *rest = s + 1;

	memmove(rest, s, (size_t)(p->n_segs - seg) * sizeof(*s));
	p->n_segs++;
	rest->first += n;
	rest->n_words -= n;
	s->n_words = n;
	s->x1 = p->words[s->first + n - 1].x1;
	rest->x0 = p->words[rest->first].x0;
	s->n_chars = 0;
	for (int i = 0; i < n; i++) {
		const struct pdf_word *w = &p->words[s->first + i];

		for (int k = 0; k < w->n_bytes; k++) {
			s->n_chars +=
				((unsigned char)p->text.data[w->at + (uint32_t)k] & 0xc0) != 0x80;
		}
	}
	rest->n_chars -= s->n_chars;
}

static void part_tight_cells(struct pdf_page *p)
{
	int n_before = p->n_segs;
	struct pdf_seg *room = realloc(p->segs, ((size_t)p->n_segs * 2 + 1) * sizeof(*room));
	int *at = calloc((size_t)n_before + 1, sizeof(int));

	ASSERT(room && at);
	p->segs = room;
	for (int i = 0; i < n_before; i++) {
		const struct pdf_seg *s = &p->segs[i];

		if (s->row >= 0 && p->rows[s->row].n == 1 && !s->dropped) {
			for (int away = 1; away <= 3 && !at[i]; away++) {
				at[i] = tight_cell(p, s, s->row - away);
				at[i] = at[i] ? at[i] : tight_cell(p, s, s->row + away);
			}
		}
	}
	for (int i = n_before - 1; i >= 0; i--) {
		if (at[i]) {
			part_seg(p, i, at[i]);
		}
	}
	free(at);
	if (p->n_segs > n_before) {
		free(p->rows);
		free(p->by_row);
		pdf_find_rows(p);
	}
}

void pdf_find_tables(struct pdf_page *p)
{
	int n_tables = 0;

	part_tight_cells(p);
	mark_tabular(p);
	for (int i = 0; i < p->n_rows; i++) {
		int next, last = i;

		if (!p->rows[i].tabular) {
			continue;
		}
		next = next_tabular(p, i, &last);
		if (next < 0 && p->rows[i].n < 3) {
			continue; /* two things beside each other make no table */
		}
		n_tables++;
		while (next >= 0) {
			next = next_tabular(p, next, &last);
		}
		for (int k = i; k <= last; k++) {
			const struct pdf_row *r = &p->rows[k];

			if (row_dropped(p, r)) {
				continue;
			}
			p->rows[k].table = n_tables;
			p->rows[k].continues = k > i && continues_row(p, k);
			for (int s = 0; s < r->n; s++) {
				p->segs[p->by_row[r->first + s]].table = n_tables;
			}
		}
		i = last;
	}
}
