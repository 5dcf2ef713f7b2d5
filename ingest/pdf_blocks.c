#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* ── blocks ── */

static int by_float(const void *pa, const void *pb)
{
	float a = *(const float *)pa, b = *(const float *)pb;

	return a < b ? -1 : a > b;
}

/* The usual gap between lines that follow each other down the page. */
static float usual_gap(const struct pdf_lines *ls)
{
	float *gaps = calloc((size_t)ls->n + 1, sizeof(float));
	float usual = 0;
	int n = 0;

	ASSERT(gaps != NULL);
	for (int i = 1; i < ls->n; i++) {
		const struct pdf_line *a = &ls->all[i - 1], *b = &ls->all[i];
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

static int heading_level(const struct pdf_styles *st, const struct pdf_line *l)
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

static bool begins_block(const struct pdf_lines *ls, int i, float gap)
{
	const struct pdf_line *a = &ls->all[i - 1], *b = &ls->all[i];
	float between = b->box.y0 - a->box.y1;
	float width = a->box.x1 - a->box.x0;

	if (a->outline != b->outline || b->outline) {
		return a->outline != b->outline || b->begins;
	}
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

/* What the outline says counts; where it says nothing, its level for type of this kind. */
static int block_level(const struct pdf_lines *ls, int i, int end, struct pdf_writing *w)
{
	const struct pdf_line *l = &ls->all[i];
	int level = 0;

	/* Three lines at most make one heading; a longer run is text in bold. */
	if (l->outline || end - i <= 3) {
		level = heading_level(&w->styles, l);
		for (int k = i + 1; k < end && level; k++) {
			level = heading_level(&w->styles, &ls->all[k]) ? level : 0;
		}
	}
	if (l->outline) {
		w->outline.level_of[level > 0 && level < 10 ? level : 0] = l->outline;
		return l->outline;
	}
	return level > 0 && level < 10 && w->outline.level_of[level] ? w->outline.level_of[level]
								     : level;
}

static void mark_headings(struct pdf_lines *ls, struct pdf_writing *w)
{
	for (int i = 0; i < ls->n;) {
		int end = i + 1;

		while (end < ls->n && !ls->all[end].begins) {
			end++;
		}
		if (ls->all[i].kind == BLOCK_PARAGRAPH || ls->all[i].kind == BLOCK_LIST_ITEM) {
			int level = block_level(ls, i, end, w);

			for (int k = i; k < end && level; k++) {
				ls->all[k].kind = BLOCK_HEADING;
				ls->all[k].level = level;
			}
		}
		i = end;
	}
}

/* ── footnotes ── */

#define NOTE_SIZE 0.93f /* of the body's; smaller type */

/* The mark at the start of a footnote: "1 ", "(12) ", "[3]", "* ", "†". Bytes; 0: none. *n_mark: of
 * the mark without what is around it. */
static size_t note_mark(const struct buf *t, size_t *start, size_t *n_mark)
{
	static const char *const SIGNS[] = {"*", "†", "‡", "§", "¶", "#"};
	size_t i = 0;

	i += t->len && (t->data[0] == '[' || t->data[0] == '(');
	*start = i;
	while (i < t->len && isdigit((unsigned char)t->data[i])) {
		i++;
	}
	for (size_t k = 0; k < sizeof(SIGNS) / sizeof(SIGNS[0]) && i == *start;) {
		size_t m = strlen(SIGNS[k]);

		while (i + m <= t->len && memcmp(t->data + i, SIGNS[k], m) == 0) {
			i += m;
		}
		k++;
	}
	*n_mark = i - *start;
	if (*n_mark == 0 || *n_mark > 9 ||
		(isdigit((unsigned char)t->data[*start]) && *n_mark > 3)) {
		return 0;
	}
	/* "12. " is an item of a list, "12,054" a number. */
	while (i < t->len && strchr("]) ", t->data[i])) {
		i++;
	}
	return i < t->len && (isalpha((unsigned char)t->data[i]) ||
				     (unsigned char)t->data[i] >= 0xc3)
		       ? i
		       : 0;
}

/* Nothing but small type stands below line i in its column, which is the page's foot. */
static bool at_foot(const struct pdf_lines *ls, int i, float body, float height)
{
	const struct box *b = &ls->all[i].box;

	if (b->y0 < 0.5f * height) {
		return false;
	}
	for (int k = 0; k < ls->n; k++) {
		const struct pdf_line *l = &ls->all[k];

		if (l->box.y0 > b->y1 - 1 && l->box.x0 < b->x1 && l->box.x1 > b->x0 &&
			l->size > NOTE_SIZE * body) {
			return false;
		}
	}
	return true;
}

static void name_note(struct pdf_line *l, size_t n_head, size_t start, size_t n_mark)
{
	struct buf text = BUF_INIT;

	buf_str(&text, "Note ");
	buf_add(&text, l->text.data + start, n_mark);
	buf_str(&text, ": ");
	buf_add(&text, l->text.data + n_head, l->text.len - n_head);
	buf_finish(&l->text);
	l->text = text;
}

/* Small type at the foot, from a mark on: "Note 1: …". */
static void mark_notes(struct pdf_lines *ls, float body, float height)
{
	bool in_note = false;

	for (int i = 0; i < ls->n; i++) {
		struct pdf_line *l = &ls->all[i];
		size_t start, n_mark, n_head;
		bool small = l->size < NOTE_SIZE * body && l->kind != BLOCK_TABLE_ROW;

		n_head = small && !l->outline ? note_mark(&l->text, &start, &n_mark) : 0;
		if (n_head && (l->begins || in_note) && at_foot(ls, i, body, height)) {
			name_note(l, n_head, start, n_mark);
			l->kind = BLOCK_NOTE;
			l->begins = in_note = true;
		} else if (in_note && small && l->box.y0 > ls->all[i - 1].box.y0) {
			l->kind = BLOCK_NOTE;
			l->begins = false;
		} else {
			l->begins = l->begins || in_note;
			in_note = false;
		}
	}
}

static void mark_blocks(struct pdf_lines *ls, struct pdf_writing *w, float height)
{
	float gap = usual_gap(ls);

	for (int i = 0; i < ls->n; i++) {
		struct pdf_line *l = &ls->all[i];
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
	mark_notes(ls, w->styles.body, height);
	mark_headings(ls, w);
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
static void join_word(struct pdf_line *a, struct pdf_line *b, const struct pdf_vocabulary *v)
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

/* A large heading at the start is the title of a document without one. */
static void offer_title(const struct pdf_lines *ls, int i, struct draft *d)
{
	struct buf title = BUF_INIT;

	for (int k = i; k < ls->n && (k == i || !ls->all[k].begins); k++) {
		buf_add(&title, ls->all[k].text.data, ls->all[k].text.len);
		buf_char(&title, ' ');
	}
	draft_title(d, title.data, title.len);
	buf_finish(&title);
}

static void write_line(const struct pdf_page *p, const struct pdf_line *l,
	struct pdf_placed *placed, struct draft *d)
{
	struct box place = pdf_place(p, &l->box);
	uint32_t start = draft_at(d);
	struct box *b;

	draft_line(d, l->text.data ? l->text.data : "", l->text.len, &place);
	if (draft_at(d) == start) {
		return;
	}
	if (placed->n == placed->cap) {
		placed->cap = placed->cap ? placed->cap * 2 : 256;
		placed->lines = realloc(placed->lines, (size_t)placed->cap * sizeof(*b));
		ASSERT(placed->lines != NULL);
	}
	b = &placed->lines[placed->n++];
	*b = place;
	b->byte_start = (int32_t)start;
	b->byte_end = (int32_t)draft_at(d) - 1;
}

void pdf_write_page(const struct pdf_page *p, struct pdf_writing *w, struct draft *d)
{
	struct pdf_lines ls = {0};

	w->placed.n = 0;
	pdf_collect_lines(p, &ls);
	pdf_mark_outline(&ls, &w->outline, d->page.number);
	mark_blocks(&ls, w, p->height);
	pdf_mark_columns(&ls, &w->table);
	for (int i = 0; i < ls.n; i++) {
		shorten_leaders(&ls.all[i].text);
	}
	for (int i = 0; i < ls.n; i++) {
		struct pdf_line *l = &ls.all[i];

		if (i + 1 < ls.n && !ls.all[i + 1].begins && trailing_hyphen(&l->text) &&
			begins_lowercase(&ls.all[i + 1].text)) {
			join_word(l, &ls.all[i + 1], &w->vocabulary);
		}
		if (l->begins) {
			draft_block(d, l->kind, l->level);
		}
		if (l->kind == BLOCK_HEADING && l->begins && l->level == 1 && d->n_pages <= 2) {
			offer_title(&ls, i, d);
		}
		write_line(p, l, &w->placed, d);
	}
	for (int i = 0; i < ls.n; i++) {
		buf_finish(&ls.all[i].text);
	}
	free(ls.all);
}
