#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/utf8.h"
#include "ingest/pdf.h"

/* ── list markers ── */

static size_t bullet(const char *s, size_t n)
{
	static const char *const BULLETS[] = {"•", "◦", "▪", "‣", "·", "–", "—", "-", "*", "o", "●",
		"○", "■", "□", "➢", "✓", "►", "\uf0b7", "\uf0a7"};

	for (size_t i = 0; i < sizeof(BULLETS) / sizeof(BULLETS[0]); i++) {
		size_t m = strlen(BULLETS[i]);

		if (m && n > m && memcmp(s, BULLETS[i], m) == 0 && s[m] == ' ') {
			return m + 1;
		}
	}
	return 0;
}

size_t pdf_list_marker(const char *s, size_t n_bytes)
{
	size_t i = bullet(s, n_bytes), digits = 0;

	if (i) {
		return i;
	}
	/* "12." "12)" "(12)" "a." "a)" "(a)" "iv." "(iv)" */
	i = n_bytes && s[0] == '(';
	while (i + digits < n_bytes && isdigit((unsigned char)s[i + digits]) && digits < 4) {
		digits++;
	}
	if (!digits) {
		while (i + digits < n_bytes && strchr("ivx", s[i + digits]) && digits < 5) {
			digits++;
		}
		if (!digits && i < n_bytes && isalpha((unsigned char)s[i])) {
			digits = 1;
		}
	}
	i += digits;
	if (!digits || digits > 3 || i + 1 >= n_bytes) {
		return 0;
	}
	return (s[i] == ')' || (s[i] == '.' && s[0] != '(')) && s[i + 1] == ' ' ? i + 2 : 0;
}

/* ── lines ── */

struct line {
	struct buf text;
	struct box box;
	float size;
	bool bold;
	enum block_kind kind;
	int level;
	bool begins;   /* a block */
	float text_x;  /* of a list item: where its text stands */
	float block_x; /* where its block's first line begins */
};

struct lines {
	struct line *all;
	int n, cap;
};

static struct line *line_add(struct lines *ls)
{
	struct line *l;

	if (ls->n == ls->cap) {
		ls->cap = ls->cap ? ls->cap * 2 : 64;
		ls->all = realloc(ls->all, (size_t)ls->cap * sizeof(*ls->all));
		ASSERT(ls->all != NULL);
	}
	l = &ls->all[ls->n++];
	memset(l, 0, sizeof(*l));
	l->box = (struct box){0, 1e9f, 1e9f, -1e9f, -1e9f, 0, 0};
	return l;
}

static void line_widen(struct line *l, const struct pdf_seg *s)
{
	l->box.x0 = fminf(l->box.x0, s->x0);
	l->box.y0 = fminf(l->box.y0, s->y0);
	l->box.x1 = fmaxf(l->box.x1, s->x1);
	l->box.y1 = fmaxf(l->box.y1, s->y1);
	l->bold = (l->size == 0 || l->bold) && s->bold;
	l->size = fmaxf(l->size, s->size);
}

static void line_take(
	struct line *l, const struct pdf_page *p, const struct pdf_seg *s, const char *joint)
{
	if (l->text.len) {
		buf_str(&l->text, joint);
	}
	pdf_seg_text(p, s, &l->text);
	line_widen(l, s);
}

/* Currency signs stand in a column of their own but belong to the number after them. */
static bool is_sign(const struct pdf_page *p, const struct pdf_seg *s)
{
	const char *t = p->text.data + p->words[s->first].at;

	return s->n_chars == 1 &&
	       (t[0] == '$' || strncmp(t, "€", 3) == 0 || strncmp(t, "£", 2) == 0);
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
			bool edge = has_edge(c->left, c->n_left, w->x0) ||
				    has_edge(c->right, c->n_right, w[-1].x1);

			buf_str(out, edge && gap > 0.45f * s->size ? " | " : w->glued ? "" : " ");
		}
		buf_add(out, p->text.data + w->at, w->n_bytes);
	}
}

static void take_table(struct lines *ls, const struct pdf_page *p, int table)
{
	struct columns columns;

	learn_columns(p, table, &columns);
	for (int i = 0; i < p->n_rows; i++) {
		const struct pdf_row *r = &p->rows[i];
		struct line *l;
		bool sign = false;

		if (r->table != table) {
			continue;
		}
		l = line_add(ls);
		l->kind = BLOCK_TABLE_ROW;
		l->begins = !r->continues;
		for (int k = 0; k < r->n; k++) {
			const struct pdf_seg *s = &p->segs[p->by_row[r->first + k]];

			if (l->text.len && !sign && !is_closing(p, s)) {
				buf_str(&l->text, r->continues ? " " : " | ");
			}
			cell_text(p, s, &columns, &l->text);
			line_widen(l, s);
			sign = is_sign(p, s);
		}
	}
}

/* Lines in poppler's reading order; a table as a whole where its first segment stands. A marker and
 * its text, which poppler may keep apart, become one line. */
static void collect_lines(struct lines *ls, const struct pdf_page *p)
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
		struct line *l = ls->n ? &ls->all[ls->n - 1] : NULL;

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
		} else if (last_line >= 0 && last_row == s->row && l->text.len <= 8 &&
			   s->x0 > l->box.x1) {
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

/* ── blocks ── */

static int by_float(const void *pa, const void *pb)
{
	float a = *(const float *)pa, b = *(const float *)pb;

	return a < b ? -1 : a > b;
}

/* The usual gap between lines that follow each other down the page. */
static float usual_gap(const struct lines *ls)
{
	float *gaps = calloc((size_t)ls->n + 1, sizeof(float));
	float usual = 0;
	int n = 0;

	ASSERT(gaps != NULL);
	for (int i = 1; i < ls->n; i++) {
		const struct line *a = &ls->all[i - 1], *b = &ls->all[i];
		float gap = b->box.y0 - a->box.y1;

		if (a->kind == BLOCK_PARAGRAPH && b->kind == BLOCK_PARAGRAPH &&
			gap > -0.7f * b->size && gap < 2 * b->size) {
			gaps[n++] = gap;
		}
	}
	if (n) {
		qsort(gaps, (size_t)n, sizeof(float), by_float);
		/* Not the median: where paragraphs are short most gaps are theirs. */
		usual = gaps[n / 3];
	}
	free(gaps);
	return usual;
}

static bool ends_sentence(const struct buf *t)
{
	static const char *const ENDS[] = {
		".", ":", "?", "!", ";", ".)", ".\"", ".”", "。", "！", "？", "："};

	for (size_t i = 0; i < sizeof(ENDS) / sizeof(ENDS[0]); i++) {
		size_t m = strlen(ENDS[i]);

		if (t->len >= m && memcmp(t->data + t->len - m, ENDS[i], m) == 0) {
			return true;
		}
	}
	return false;
}

static bool has_letter(const struct buf *t)
{
	for (size_t i = 0; i < t->len; i++) {
		if (isalpha((unsigned char)t->data[i]) || (unsigned char)t->data[i] >= 0xc3) {
			return true;
		}
	}
	return false;
}

/* "2.3.1 Scope": 3; 0: no number. */
static int number_depth(const struct buf *t)
{
	int depth = 0;
	size_t i = 0;

	while (i < t->len && isdigit((unsigned char)t->data[i])) {
		while (i < t->len && isdigit((unsigned char)t->data[i])) {
			i++;
		}
		depth++;
		if (i < t->len && t->data[i] == '.') {
			i++;
		}
	}
	return depth && i < t->len && t->data[i] == ' ' ? depth : 0;
}

static int heading_level(const struct pdf_styles *st, const struct line *l)
{
	int level = pdf_heading_level(st, l->size, l->bold);
	bool big = l->size > st->body * 1.12f;
	int depth;

	if (!level || !has_letter(&l->text) || l->text.len > 220 || l->text.len < 2 ||
		bullet(l->text.data, l->text.len)) {
		return 0;
	}
	if (!big && (l->text.len > 130 || l->text.data[l->text.len - 1] == ',' ||
			    l->text.data[l->text.len - 1] == ';')) {
		return 0;
	}
	/* A bold sentence is emphasis; a larger one may be a slogan or a title. */
	if (!big && l->text.data[l->text.len - 1] == '.' && !number_depth(&l->text)) {
		return 0;
	}
	depth = number_depth(&l->text);
	return !big && depth > 1 ? level + depth - 1 : level;
}

static bool begins_block(const struct lines *ls, int i, float gap)
{
	const struct line *a = &ls->all[i - 1], *b = &ls->all[i];
	float between = b->box.y0 - a->box.y1;
	float width = a->box.x1 - a->box.x0;

	if (a->kind == BLOCK_TABLE_ROW || fabsf(a->size - b->size) > 0.1f * a->size) {
		return true;
	}
	/* The bold words that a list item begins with are part of it. */
	if (a->bold != b->bold && !bullet(a->text.data, a->text.len)) {
		return true;
	}
	if (pdf_list_marker(b->text.data, b->text.len)) {
		return true;
	}
	if (a->kind == BLOCK_LIST_ITEM && between > -0.7f * b->size && b->box.x0 < a->block_x - 2) {
		return true; /* out of the list */
	}
	if (between < -0.7f * b->size) { /* up: the next column; the sentence may go on */
		return ends_sentence(&a->text) || !islower((unsigned char)b->text.data[0]);
	}
	if (between > gap + 0.4f * b->size) {
		return true;
	}
	if (b->box.x0 > a->box.x1 || b->box.x1 < a->box.x0) {
		return true; /* beside, not below */
	}
	if (ends_sentence(&a->text)) {
		if (b->box.x0 - a->box.x0 > 0.8f * b->size && !a->text_x) {
			return true; /* indented first line */
		}
		return width < 0.7f * (b->box.x1 - b->box.x0); /* short last line */
	}
	return false;
}

/* Three lines at most make one heading; a longer run is text in bold. */
static void mark_headings(struct lines *ls, const struct pdf_styles *st)
{
	for (int i = 0; i < ls->n;) {
		int end = i + 1;

		while (end < ls->n && !ls->all[end].begins) {
			end++;
		}
		if (ls->all[i].kind == BLOCK_PARAGRAPH || ls->all[i].kind == BLOCK_LIST_ITEM) {
			int level = end - i <= 3 ? heading_level(st, &ls->all[i]) : 0;

			for (int k = i; k < end && level; k++) {
				level = heading_level(st, &ls->all[k]) ? level : 0;
			}
			for (int k = i; k < end && level; k++) {
				ls->all[k].kind = BLOCK_HEADING;
				ls->all[k].level = level;
			}
		}
		i = end;
	}
}

static void mark_blocks(struct lines *ls, const struct pdf_styles *st)
{
	float gap = usual_gap(ls);

	for (int i = 0; i < ls->n; i++) {
		struct line *l = &ls->all[i];
		size_t marker;

		if (l->kind == BLOCK_TABLE_ROW) {
			continue;
		}
		l->begins = i == 0 || begins_block(ls, i, gap);
		marker = pdf_list_marker(l->text.data, l->text.len);
		if (l->begins) {
			l->kind = marker ? BLOCK_LIST_ITEM : BLOCK_PARAGRAPH;
			l->text_x = marker && !l->text_x ? l->box.x0 + 1 : l->text_x;
			l->block_x = l->box.x0;
		} else {
			l->kind = ls->all[i - 1].kind;
			l->text_x = ls->all[i - 1].text_x;
			l->block_x = ls->all[i - 1].block_x;
		}
	}
	mark_headings(ls, st);
}

/* ── hyphens at line ends ── */

/* Bytes of a hyphen at the end after a letter; 0: none. */
static size_t trailing_hyphen(const struct buf *t)
{
	static const char *const HYPHENS[] = {"-", "\u00ad", "\u2010"};

	for (size_t i = 0; i < sizeof(HYPHENS) / sizeof(HYPHENS[0]); i++) {
		size_t m = strlen(HYPHENS[i]);

		if (t->len > m && memcmp(t->data + t->len - m, HYPHENS[i], m) == 0) {
			unsigned char before = (unsigned char)t->data[t->len - m - 1];

			return isalpha(before) || before >= 0x80 ? m : 0;
		}
	}
	return 0;
}

static bool begins_lowercase(const struct buf *t)
{
	unsigned char c = t->len ? (unsigned char)t->data[0] : 0;

	/* U+00DF to U+00FF: the lowercase letters of Latin-1 */
	return islower(c) || (c == 0xc3 && t->len > 1 && (unsigned char)t->data[1] >= 0x9f);
}

/* The first word of b moves to the end of a, so that the word is whole in a's line. */
static void join_word(struct line *a, struct line *b, const struct pdf_vocabulary *v)
{
	size_t hyphen = trailing_hyphen(&a->text), start = a->text.len, head = 0;
	struct buf whole = BUF_INIT, dashed = BUF_INIT;

	while (start > 0 && a->text.data[start - 1] != ' ') {
		start--;
	}
	while (head < b->text.len && b->text.data[head] != ' ') {
		head++;
	}
	buf_add(&dashed, a->text.data + start, a->text.len - start);
	buf_add(&whole, a->text.data + start, a->text.len - start - hyphen);
	buf_add(&dashed, b->text.data, head);
	buf_add(&whole, b->text.data, head);
	/* The document itself shows how it spells the word elsewhere. */
	if (pdf_vocabulary_has(v, whole.data, whole.len) ||
		!pdf_vocabulary_has(v, dashed.data, dashed.len)) {
		a->text.len -= hyphen;
	}
	buf_add(&a->text, b->text.data, head);
	buf_remove_front(&b->text, head < b->text.len ? head + 1 : head);
	buf_finish(&whole);
	buf_finish(&dashed);
}

/* "Scope ........ 12": the leader says nothing. */
static void shorten_leaders(struct buf *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->len;) {
		size_t run = strspn(t->data + i, ". "), dots = 0;

		for (size_t k = 0; k < run; k++) {
			dots += t->data[i + k] == '.';
		}
		if (dots >= 5) {
			memcpy(t->data + n, " … ", 5);
			n += 5;
			i += run;
		} else {
			t->data[n++] = t->data[i++];
		}
	}
	t->len = n;
	if (t->data) {
		t->data[n] = '\0';
	}
}

void pdf_write_page(const struct pdf_page *p, const struct pdf_styles *st,
	const struct pdf_vocabulary *v, struct draft *d)
{
	struct lines ls = {0};

	collect_lines(&ls, p);
	mark_blocks(&ls, st);
	for (int i = 0; i < ls.n; i++) {
		shorten_leaders(&ls.all[i].text);
	}
	for (int i = 0; i < ls.n; i++) {
		struct line *l = &ls.all[i];

		if (i + 1 < ls.n && !ls.all[i + 1].begins && trailing_hyphen(&l->text) &&
			begins_lowercase(&ls.all[i + 1].text)) {
			join_word(l, &ls.all[i + 1], v);
		}
		if (l->begins) {
			draft_block(d, l->kind, l->level);
		}
		if (l->kind == BLOCK_HEADING && l->begins && l->level == 1 && d->n_pages <= 2) {
			struct buf title = BUF_INIT;

			for (int k = i; k < ls.n && (k == i || !ls.all[k].begins); k++) {
				buf_add(&title, ls.all[k].text.data, ls.all[k].text.len);
				buf_char(&title, ' ');
			}
			draft_title(d, title.data, title.len);
			buf_finish(&title);
		}
		struct box place = pdf_place(p, &l->box);

		draft_line(d, l->text.data ? l->text.data : "", l->text.len, &place);
	}
	for (int i = 0; i < ls.n; i++) {
		buf_finish(&ls.all[i].text);
	}
	free(ls.all);
}
