/* Segments in reading order -> lines; a table as a whole, row by row. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "ingest/pdf.h"

static struct pdf_line *line_add(struct pdf_lines *ls)
{
	struct pdf_line *l;

	ls->all = array_grow(ls->all, ls->n, &ls->cap, sizeof(*ls->all));
	l = &ls->all[ls->n++];
	memset(l, 0, sizeof(*l));
	l->box = (struct box){0, 1e9f, 1e9f, -1e9f, -1e9f, 0, 0};
	return l;
}

static void line_widen(struct pdf_line *l, const struct pdf_seg *s)
{
	l->box.x0 = fminf(l->box.x0, s->x0);
	l->box.y0 = fminf(l->box.y0, s->y0);
	l->box.x1 = fmaxf(l->box.x1, s->x1);
	l->box.y1 = fmaxf(l->box.y1, s->y1);
	l->bold = (l->size == 0 || l->bold) && s->bold;
	l->size = fmaxf(l->size, s->size);
}

static void line_take(
	struct pdf_line *l, const struct pdf_page *p, const struct pdf_seg *s, const char *joint)
{
	if (l->text.len) {
		buf_str(&l->text, joint);
	}
	pdf_seg_text(p, s, &l->text);
	line_widen(l, s);
}

static bool word_is_sign(const struct pdf_page *p, const struct pdf_word *w)
{
	static const char *const SIGNS[] = {"$", "€", "£"};

	for (size_t i = 0; i < sizeof(SIGNS) / sizeof(SIGNS[0]); i++) {
		if (strlen(SIGNS[i]) == w->n_bytes &&
			memcmp(p->text.data + w->at, SIGNS[i], w->n_bytes) == 0) {
			return true;
		}
	}
	return false;
}

bool pdf_is_sign(const struct pdf_page *p, const struct pdf_seg *s)
{
	return s->n_words == 1 && word_is_sign(p, &p->words[s->first]);
}

static bool is_closing(const struct pdf_page *p, const struct pdf_seg *s)
{
	const char *t = p->text.data + p->words[s->first].at;

	return s->n_chars == 1 && (t[0] == '%' || t[0] == ')');
}

/* Where the columns of a table begin and end, as far as two rows agree. */
struct columns {
	float left[64], right[64];
	int n_left, n_right;
};

#define ALIGNED 2.5f

static bool has_edge(const float *edges, int n, float x)
{
	for (int i = 0; i < n; i++) {
		if (fabsf(edges[i] - x) < ALIGNED) {
			return true;
		}
	}
	return false;
}

static void learn_columns(const struct pdf_page *p, int table, struct columns *c)
{
	float left[64], right[64]; /* seen once */
	int n_left = 0, n_right = 0;

	c->n_left = c->n_right = 0;
	for (int i = 0; i < p->n_segs; i++) {
		const struct pdf_seg *s = &p->segs[i];

		if (s->table != table || p->rows[s->row].n < 2) {
			continue;
		}
		if (has_edge(left, n_left, s->x0) && c->n_left < 64) {
			c->left[c->n_left++] = s->x0;
		} else if (n_left < 64) {
			left[n_left++] = s->x0;
		}
		if (has_edge(right, n_right, s->x1) && c->n_right < 64) {
			c->right[c->n_right++] = s->x1;
		} else if (n_right < 64) {
			right[n_right++] = s->x1;
		}
	}
}

/* A segment of a row; where a column's edge lies in a gap that is wider than a space, two narrow
 * cells are parted. */
static void cell_text(
	const struct pdf_page *p, const struct pdf_seg *s, const struct columns *c, struct buf *out)
{
	for (int i = 0; i < s->n_words; i++) {
		const struct pdf_word *w = &p->words[s->first + i];

		if (i) {
			float gap = w->x0 - w[-1].x1;
			bool edge = !word_is_sign(p, w - 1) &&
				    (has_edge(c->left, c->n_left, w->x0) ||
					    has_edge(c->right, c->n_right, w[-1].x1));

			buf_str(out, edge && gap > 0.45f * s->size ? " | " : w->glued ? "" : " ");
		}
		buf_add(out, p->text.data + w->at, w->n_bytes);
	}
}

/* Most of the table's first letters are Hebrew or Arabic: its first column is the rightmost. */
static bool runs_left(const struct pdf_page *p, int table)
{
	int n = 0;

	for (int i = 0; i < p->n_segs; i++) {
		const struct pdf_seg *s = &p->segs[i];
		unsigned char c = (unsigned char)p->text.data[p->words[s->first].at];

		if (s->table == table) {
			/* the first bytes of U+0590 to U+07FF */
			n += c >= 0xd6 && c <= 0xdf ? 1 : isalpha(c) ? -1 : 0;
		}
	}
	return n > 0;
}

static void take_table(struct pdf_lines *ls, const struct pdf_page *p, int table)
{
	struct columns columns;
	bool right_to_left = runs_left(p, table);

	learn_columns(p, table, &columns);
	for (int i = 0; i < p->n_rows; i++) {
		const struct pdf_row *r = &p->rows[i];
		struct pdf_line *l;
		bool sign = false;

		if (r->table != table) {
			continue;
		}
		l = line_add(ls);
		l->kind = BLOCK_TABLE_ROW;
		l->table = table;
		l->begins = !r->continues;
		for (int k = 0; k < r->n; k++) {
			const struct pdf_seg *s =
				pdf_row_seg(p, r, right_to_left ? r->n - 1 - k : k);

			if (l->text.len && !sign && !is_closing(p, s)) {
				buf_str(&l->text, r->continues ? " " : " | ");
			}
			cell_text(p, s, &columns, &l->text);
			line_widen(l, s);
			sign = word_is_sign(p, &p->words[s->first + s->n_words - 1]);
		}
	}
}

/* Lines in poppler's reading order; a table as a whole where its first segment stands. A marker and
 * its text, which poppler may keep apart, become one line. */
void pdf_collect_lines(const struct pdf_page *p, struct pdf_lines *ls)
{
	int last_line = -1, last_row = -1, n_tables = 0;
	bool *done;

	for (int i = 0; i < p->n_segs; i++) {
		n_tables = p->segs[i].table > n_tables ? p->segs[i].table : n_tables;
	}
	done = calloc((size_t)n_tables + 1, sizeof(bool));
	ASSERT(done != NULL);
	for (int i = 0; i < p->n_segs; i++) {
		const struct pdf_seg *s = &p->segs[i];
		struct pdf_line *l = ls->n ? &ls->all[ls->n - 1] : NULL;

		if (s->dropped) {
			continue;
		}
		if (s->table) {
			if (!done[s->table]) {
				take_table(ls, p, s->table);
			}
			done[s->table] = true;
			last_line = -1;
			continue;
		}
		if (last_line == s->line && last_line >= 0) {
			line_take(l, p, s, " ");
		} else if (last_line >= 0 && s->row >= 0 && last_row == s->row &&
			   l->text.len <= 8 && s->x0 > l->box.x1) {
			buf_char(&l->text, ' ');
			bool marker = pdf_list_marker(l->text.data, l->text.len) == l->text.len ||
				      strspn(l->text.data, "0123456789. ") == l->text.len;

			l->text.data[--l->text.len] = '\0';
			if (!marker) {
				l = line_add(ls);
			} else {
				l->text_x = s->x0;
			}
			line_take(l, p, s, " ");
		} else {
			line_take(line_add(ls), p, s, "");
		}
		last_line = s->line;
		last_row = s->row;
	}
	free(done);
}
