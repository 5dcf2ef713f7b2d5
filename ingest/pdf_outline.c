/* The outline ("bookmarks") of a PDF: which lines of a page are headings, and of which level. */
#include <ctype.h>
#include <poppler.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "ingest/pdf.h"

#define TITLES_MAX 20000
#define DEPTH_MAX 6
#define LINES_MAX 3   /* that one heading wraps to */
#define PREFIX_MAX 12 /* "Chapter 12", "2.3.1": may stand in one of the two only */
#define KEY_LEAST 5   /* letters that are left then */

/* ── reading ── */

/* Appends letters and digits, lowercase. */
static void add_key(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (isalnum(c) || c >= 0x80) {
			buf_char(out, (char)tolower(c));
		}
	}
}

static int page_of(PopplerDocument *pdf, const PopplerAction *action)
{
	const PopplerDest *dest = action->goto_dest.dest;
	PopplerDest *named = NULL;
	int page;

	if (action->type != POPPLER_ACTION_GOTO_DEST || !dest) {
		return 0;
	}
	if (dest->type == POPPLER_DEST_NAMED) {
		named = dest->named_dest ? poppler_document_find_dest(pdf, dest->named_dest) : NULL;
		dest = named;
	}
	page = dest ? dest->page_num : 0;
	if (named) {
		poppler_dest_free(named);
	}
	return page;
}

static void add_title(
	PopplerDocument *pdf, PopplerIndexIter *iter, int level, struct pdf_outline *out)
{
	PopplerAction *action = poppler_index_iter_get_action(iter);
	struct buf key = BUF_INIT, clean = BUF_INIT;
	int page = action ? page_of(pdf, action) : 0;

	if (page > 0 && action->any.title) {
		draft_clean(&clean, action->any.title, strlen(action->any.title), false);
		add_key(&key, clean.data ? clean.data : "", clean.len);
	}
	if (key.len > 1) {
		out->titles = array_grow(out->titles, out->n, &out->cap, sizeof(*out->titles));
		out->titles[out->n++] = (struct pdf_title){buf_take(&key), page, level};
	}
	buf_finish(&key);
	buf_finish(&clean);
	if (action) {
		poppler_action_free(action);
	}
}

/* Deeper than headings go nothing is read, so the depth of the calls is bounded. */
static void load_level(
	PopplerDocument *pdf, PopplerIndexIter *iter, int level, struct pdf_outline *out)
{
	do {
		PopplerIndexIter *child;

		add_title(pdf, iter, level, out);
		child = level < DEPTH_MAX ? poppler_index_iter_get_child(iter) : NULL;
		if (child) {
			load_level(pdf, child, level + 1, out);
			poppler_index_iter_free(child);
		}
	} while (out->n < TITLES_MAX && poppler_index_iter_next(iter));
}

static int by_page(const void *pa, const void *pb)
{
	const struct pdf_title *a = pa, *b = pb;

	return a->page != b->page ? a->page - b->page : a->level - b->level;
}

void pdf_load_outline(PopplerDocument *pdf, struct pdf_outline *out)
{
	PopplerIndexIter *iter = poppler_index_iter_new(pdf);

	memset(out, 0, sizeof(*out));
	if (iter) {
		load_level(pdf, iter, 1, out);
		poppler_index_iter_free(iter);
	}
	if (out->n) {
		qsort(out->titles, (size_t)out->n, sizeof(*out->titles), by_page);
	}
}

/* ── finding ── */

static bool ends_with(const char *s, size_t n, const char *tail, size_t n_tail)
{
	return n_tail >= KEY_LEAST && n > n_tail && n - n_tail <= PREFIX_MAX && n_tail * 2 >= n &&
	       memcmp(s + n - n_tail, tail, n_tail) == 0;
}

static int level_of(const struct pdf_outline *o, int first, int page, const struct buf *key)
{
	for (int i = first; i < o->n && o->titles[i].page == page; i++) {
		const char *title = o->titles[i].key;
		size_t n = strlen(title);

		if ((n == key->len && memcmp(title, key->data, n) == 0) ||
			ends_with(title, n, key->data, key->len) ||
			ends_with(key->data, key->len, title, n)) {
			return o->titles[i].level;
		}
	}
	return 0;
}

static int first_of_page(const struct pdf_outline *o, int page)
{
	int low = 0, high = o->n;

	while (low < high) {
		int mid = (low + high) / 2;

		if (o->titles[mid].page < page) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	return low;
}

void pdf_mark_outline(struct pdf_lines *ls, const struct pdf_outline *o, int page)
{
	int first = first_of_page(o, page);
	struct buf key = BUF_INIT;

	if (first == o->n || o->titles[first].page != page) {
		return;
	}
	for (int i = 0; i < ls->n; i++) {
		int level = 0, n = 0;

		buf_clear(&key);
		while (!level && n < LINES_MAX && i + n < ls->n && !ls->all[i + n].table) {
			const struct buf *t = &ls->all[i + n].text;

			add_key(&key, t->data ? t->data : "", t->len);
			n++;
			level = key.len > 1 ? level_of(o, first, page, &key) : 0;
		}
		for (int k = 0; k < n && level; k++) {
			ls->all[i + k].outline = level;
			ls->all[i + k].begins = k == 0;
		}
		i += level ? n - 1 : 0;
	}
	buf_finish(&key);
}
