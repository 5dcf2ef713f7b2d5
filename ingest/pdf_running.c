/* Running headers and footers: rows in the margins that return from page to page. */
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/hash.h"
#include "ingest/pdf.h"

#define MARGIN 0.12f /* of the page's height */
#define MARGIN_ROWS 3

struct running {
	uint64_t key;
	int page;  /* the last */
	int first; /* page */
	int n;	   /* pages with this key */
};

static bool is_roman(const char *s, size_t n)
{
	return n > 0 && n <= 7 && strspn(s, "ivxl") >= n;
}

/* "iv " at an end of the row's text becomes "# ". */
static void mask_roman(struct buf *t)
{
	size_t head = strcspn(t->data, " "), tail = t->len ? t->len - 1 : 0;

	while (tail > 0 && t->data[tail - 1] != ' ') {
		tail--;
	}
	if (t->len && is_roman(t->data + tail, t->len - 1 - tail)) {
		t->len = tail;
		buf_str(t, "# ");
	} else if (is_roman(t->data, head)) {
		buf_remove_front(t, head - 1);
		t->data[0] = '#';
	}
}

/* The row's text with numbers as '#', so that "Page 3" is "Page 4". */
static void row_key_text(const struct pdf_page *p, const struct pdf_row *r, struct buf *out)
{
	buf_clear(out);
	for (int i = 0; i < r->n; i++) {
		pdf_seg_text(p, &p->segs[p->by_row[r->first + i]], out);
		buf_char(out, ' ');
	}
	for (size_t i = 0; i < out->len; i++) {
		char c = out->data[i];

		out->data[i] = isdigit((unsigned char)c) ? '#' : (char)tolower((unsigned char)c);
	}
	/* "9" and "10": a run of digits is one mark */
	size_t n = 0;

	for (size_t i = 0; i < out->len; i++) {
		if (out->data[i] != '#' || n == 0 || out->data[n - 1] != '#') {
			out->data[n++] = out->data[i];
		}
	}
	out->len = n;
	if (out->data) {
		out->data[n] = '\0';
		mask_roman(out);
	}
}

static bool in_margin(const struct pdf_page *p, const struct pdf_row *r)
{
	return r->y1 < MARGIN * p->height || r->y0 > (1 - MARGIN) * p->height;
}

/* "7", "- 7 -", "Page 7 of 9", "7/9", "iv", all with '#': nothing but the page's number. */
static bool is_page_number(const char *s)
{
	static const char *const FORMS[] = {"# ", "- # - ", "page # ", "page # of # ", "# of # ",
		"# / # ", "#/# ", "p. # ", "seite # ", "seite # von # ", "– # – ", "page # / # ",
		"第 # 页 ", "第#页 ", "第 # 頁 ", "page | # ", "-#- ", "[#] "};

	for (size_t i = 0; i < sizeof(FORMS) / sizeof(FORMS[0]); i++) {
		if (strcmp(s, FORMS[i]) == 0) {
			return true;
		}
	}
	return false;
}

/* The rows of a page that may be running: the first and the last, and a few next to them in the
 * margins. Pages made from web pages end anywhere, hence the first and last wherever they stand. */
static int margin_rows(const struct pdf_page *p, int out[2 * MARGIN_ROWS])
{
	int n = 0;

	for (int i = 0; i < MARGIN_ROWS && i < p->n_rows; i++) {
		if (i == 0 || in_margin(p, &p->rows[i])) {
			out[n++] = i;
		}
	}
	for (int i = p->n_rows - 1; i >= p->n_rows - MARGIN_ROWS && i >= MARGIN_ROWS; i--) {
		if (i == p->n_rows - 1 || in_margin(p, &p->rows[i])) {
			out[n++] = i;
		}
	}
	return n;
}

static uint64_t row_key(const struct pdf_page *p, int row, struct buf *text)
{
	bool top = row < MARGIN_ROWS;

	row_key_text(p, &p->rows[row], text);
	return hash64(text->data, text->len) ^ (top ? 1 : 0);
}

static int by_key(const void *pa, const void *pb)
{
	const struct running *a = pa, *b = pb;

	if (a->key != b->key) {
		return a->key < b->key ? -1 : 1;
	}
	return a->page - b->page;
}

/* Sorted keys with the number of pages each stands on. */
static int count_running(struct running *all, int n)
{
	int n_keys = 0;

	qsort(all, (size_t)n, sizeof(*all), by_key);
	for (int i = 0; i < n; i++) {
		if (n_keys && all[n_keys - 1].key == all[i].key) {
			all[n_keys - 1].n += all[n_keys - 1].page != all[i].page;
			all[n_keys - 1].page = all[i].page;
		} else {
			all[n_keys] = all[i];
			all[n_keys].first = all[i].page;
			all[n_keys++].n = 1;
		}
	}
	return n_keys;
}

static int row_chars(const struct pdf_page *p, int row)
{
	int n = 0;

	for (int i = 0; i < p->rows[row].n; i++) {
		n += p->segs[p->by_row[p->rows[row].first + i]].n_chars;
	}
	return n;
}

/* Where next to nothing else stands, what repeats is the content: forms, slides, test pages. */
static bool rows_are_margin(const struct pdf_page *p, const int *rows, int n)
{
	int n_all = 0, n_running = 0;

	for (int i = 0; i < p->n_rows; i++) {
		n_all += row_chars(p, i);
	}
	for (int i = 0; i < n; i++) {
		n_running += row_chars(p, rows[i]);
	}
	return n_running * 2 < n_all;
}

/* A table's header that is repeated on each page stands on rows of the same columns. */
static bool heads_table(const struct pdf_page *p, int row)
{
	for (int i = row; i < row + 2; i++) {
		const struct pdf_row *r = &p->rows[i], *below = r + 1;

		if (i + 1 >= p->n_rows || r->n < 2 || below->n < 2 ||
			below->y0 - r->y1 > 2 * (r->y1 - r->y0) || !pdf_rows_aligned(p, r, below)) {
			return false;
		}
	}
	return true;
}

static void drop_rows(struct pdf_page *p, const int *rows, int n)
{
	for (int k = 0; k < n; k++) {
		const struct pdf_row *r = &p->rows[rows[k]];

		for (int i = 0; i < r->n; i++) {
			p->segs[p->by_row[r->first + i]].dropped = true;
		}
	}
}

/* On so many pages that it is no accident; in a short document also on a left page and the next
 * one, or a right one. */
static bool key_repeats(const struct running *all, int n_keys, uint64_t key, int n_pages)
{
	int least = n_pages < 3 ? 2 : 3;
	int low = 0, high = n_keys;

	while (low < high) {
		int mid = (low + high) / 2;

		if (all[mid].key < key) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	return low < n_keys && all[low].key == key &&
	       (all[low].n >= least ||
		       (n_pages < 6 && all[low].n == 2 && all[low].page == all[low].first + 2));
}

/* The number that begins or ends a row, or -1. */
static int row_number(const struct pdf_page *p, const struct pdf_row *r, bool last)
{
	const struct pdf_seg *s = &p->segs[p->by_row[r->first + (last ? r->n - 1 : 0)]];
	const struct pdf_word *w = &p->words[s->first + (last ? s->n_words - 1 : 0)];
	const char *t = p->text.data + w->at;
	size_t n = strspn(t, "0123456789");

	return n == w->n_bytes && n < 6 ? (int)strtol(t, NULL, 10) : -1;
}

/* A first or last row whose number grows with the pages is running, whatever else it says
 * ("Financial statements | Balance sheet | 6"). Returns how far that number is ahead of the page's
 * index, or INT_MIN where the pages do not agree. */
static int number_offset(const struct pdf_page *pages, int n, bool bottom, bool last)
{
	int best = INT_MIN, n_best = 0;

	for (int i = 0; i < n && i < 8; i++) {
		const struct pdf_page *p = &pages[n < 8 ? i : i * n / 8];
		int at = (int)(p - pages), votes = 0;
		int v = p->n_rows ? row_number(p, &p->rows[bottom ? p->n_rows - 1 : 0], last) : -1;

		for (int k = 0; k < n && v >= 0; k++) {
			const struct pdf_page *q = &pages[k];

			votes += q->n_rows && row_number(q, &q->rows[bottom ? q->n_rows - 1 : 0],
						      last) == k + v - at;
		}
		if (votes > n_best) {
			n_best = votes;
			best = v - at;
		}
	}
	return n >= 4 && n_best * 2 > n ? best : INT_MIN;
}

static void drop_numbered(struct pdf_page *pages, int n)
{
	for (int side = 0; side < 4; side++) {
		bool bottom = side & 1, last = side & 2;
		int offset = number_offset(pages, n, bottom, last);

		for (int i = 0; i < n && offset != INT_MIN; i++) {
			int row = bottom ? pages[i].n_rows - 1 : 0;

			if (row >= 0 && pages[i].n_rows &&
				row_number(&pages[i], &pages[i].rows[row], last) == i + offset &&
				rows_are_margin(&pages[i], &row, 1)) {
				drop_rows(&pages[i], &row, 1);
			}
		}
	}
}

void pdf_drop_running(struct pdf_page *pages, int n)
{
	struct running *all = calloc((size_t)n * 2 * MARGIN_ROWS + 1, sizeof(*all));
	struct buf text = BUF_INIT;
	int n_all = 0, n_keys;
	int rows[2 * MARGIN_ROWS];

	ASSERT(all != NULL);
	for (int i = 0; i < n; i++) {
		int m = margin_rows(&pages[i], rows);

		for (int k = 0; k < m; k++) {
			all[n_all++] = (struct running){
				.key = row_key(&pages[i], rows[k], &text), .page = i};
		}
	}
	n_keys = count_running(all, n_all);
	for (int i = 0; i < n; i++) {
		int m = margin_rows(&pages[i], rows), n_drop = 0;

		for (int k = 0; k < m; k++) {
			uint64_t key = row_key(&pages[i], rows[k], &text);

			if ((key_repeats(all, n_keys, key, n) &&
				    !heads_table(&pages[i], rows[k])) ||
				(n > 1 && is_page_number(text.data))) {
				rows[n_drop++] = rows[k];
			}
		}
		if (rows_are_margin(&pages[i], rows, n_drop)) {
			drop_rows(&pages[i], rows, n_drop);
		}
	}
	free(all);
	buf_finish(&text);
	drop_numbered(pages, n);
}
