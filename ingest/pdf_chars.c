/* What poppler tells of a page: its characters, in the order of reading, and their places. */
#include <math.h>
#include <poppler.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/hash.h"
#include "index/base/utf8.h"
#include "ingest/pdf.h"

static bool is_mark(uint32_t c)
{
	return (c >= 0x202a && c <= 0x202e) || c == 0x200e || c == 0x200f;
}

bool pdf_char_next(const struct pdf_chars *chars, struct pdf_char *c)
{
	bool first = c->s == NULL, mark;

	c->marked = false;
	do {
		if (c->next >= chars->n_bytes) {
			return false;
		}
		c->s = chars->text + c->next;
		c->code = (unsigned char)*c->s;
		c->n_bytes = 1;
		if (c->code >= 0x80) { /* few are, and the others need no call */
			c->code = utf8_decode(c->s, chars->n_bytes - c->next, &c->n_bytes);
		}
		c->next += (size_t)c->n_bytes;
		mark = chars->marks && is_mark(c->code);
		c->marked = c->marked || mark;
	} while (mark);
	c->i = first ? 0 : c->i + 1;
	return c->i < chars->n;
}

/* Around text that runs right to left poppler's text has marks, its layout has not. */
static bool has_marks(const struct pdf_chars *chars)
{
	int n = 0, n_marks = 0, used;

	for (size_t at = 0; at < chars->n_bytes; at += (size_t)used) {
		used = 1;
		n_marks += (unsigned char)chars->text[at] >= 0x80 &&
			   is_mark(utf8_decode(chars->text + at, chars->n_bytes - at, &used));
		n++;
	}
	return n != chars->n && n - n_marks <= chars->n;
}

static bool runs_left(uint32_t c)
{
	return (c >= 0x590 && c < 0x900) || (c >= 0xfb1d && c < 0xfe00) ||
	       (c >= 0xfe70 && c < 0xff00);
}

/* Turns round the places [first, end), word by word: a word's ascend. */
static void turn_run(PopplerRectangle *rects, int first, int end)
{
	while (first < end) {
		int stop = first + 1;

		while (stop < end && rects[stop].x1 > rects[stop - 1].x1) {
			stop++;
		}
		for (int i = first, k = stop - 1; i < k; i++, k--) {
			PopplerRectangle r = rects[i];

			rects[i] = rects[k];
			rects[k] = r;
		}
		first = stop;
	}
}

/* Of a word that runs right to left poppler tells the letters as they are read, their places as
 * they are seen. */
static void turn_places(struct pdf_chars *chars)
{
	struct pdf_char c = {0};
	int first = -1;

	while (pdf_char_next(chars, &c)) {
		if (runs_left(c.code)) {
			first = first < 0 ? c.i : first;
		} else if (first >= 0) {
			turn_run(chars->rects, first, c.i);
			first = -1;
		}
	}
	if (first >= 0) {
		turn_run(chars->rects, first, chars->n);
	}
}

void pdf_drop_chars(struct pdf_chars *chars)
{
	free(chars->hidden);
	g_free(chars->rects);
	g_free(chars->text);
	poppler_page_free_text_attributes(chars->attributes);
}

static void load_area(PopplerPage *page, PopplerRectangle *area, struct pdf_chars *out)
{
	guint n_rects = 0;

	memset(out, 0, sizeof(*out));
	out->text = poppler_page_get_text_for_area(page, area);
	out->n_bytes = out->text ? strlen(out->text) : 0;
	if (poppler_page_get_text_layout_for_area(page, area, &out->rects, &n_rects)) {
		out->n = (int)n_rects;
	}
}

static bool has_letters_to_left(const struct pdf_chars *chars)
{
	int used;

	for (size_t at = 0; at < chars->n_bytes; at += (size_t)used) {
		used = 1;
		if ((unsigned char)chars->text[at] >= 0x80 &&
			runs_left(utf8_decode(chars->text + at, chars->n_bytes - at, &used))) {
			return true;
		}
	}
	return false;
}

void pdf_load_chars(PopplerPage *page, struct pdf_chars *out)
{
	double width = 0, height = 0;
	PopplerRectangle area = {0, 0, 0, 0};
	bool to_left;

	poppler_page_get_size(page, &width, &height);
	area.x2 = width;
	area.y2 = height;
	load_area(page, &area, out);
	to_left = has_letters_to_left(out);
	/* To poppler all of a page is a selection from one corner to the other; where the text runs
	 * right to left that leaves out lines unless it is from the right. */
	if (to_left) {
		PopplerRectangle mirrored = {width, 0, 0, height};
		struct pdf_chars other;

		load_area(page, &mirrored, &other);
		if (other.n > out->n) {
			struct pdf_chars less = *out;

			*out = other;
			other = less;
			area = mirrored;
		}
		pdf_drop_chars(&other);
	}
	out->attributes = poppler_page_get_text_attributes_for_area(page, &area);
	out->marks = has_marks(out);
	if (to_left) {
		turn_places(out);
	}
	out->hidden = calloc((size_t)out->n + 1, 1);
	ASSERT(out->hidden != NULL);
}

/* ── what lies outside of the page ── */

static int by_hash(const void *pa, const void *pb)
{
	uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;

	return a < b ? -1 : a > b;
}

/* Hashes of the words of s, sorted; the caller's to free. */
static uint64_t *word_hashes(const char *s, size_t *n)
{
	uint64_t *all = calloc(strlen(s) / 2 + 1, sizeof(*all));

	ASSERT(all != NULL);
	for (*n = 0; *(s += strspn(s, " \n\f"));) {
		size_t len = strcspn(s, " \n\f");

		all[(*n)++] = hash64(s, len);
		s += len;
	}
	qsort(all, *n, sizeof(*all), by_hash);
	return all;
}

/* Takes one of the equal hashes; false: there is none left. taken[i]: how many of those that are
 * equal to the first, i, were taken. */
static bool take_hash(const uint64_t *hashes, size_t *taken, size_t n, uint64_t hash)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (hashes[mid] < hash) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	if (low + taken[low] >= n || hashes[low + taken[low]] != hash) {
		return false;
	}
	taken[low]++;
	return true;
}

static bool is_larger(PopplerPage *page, PopplerPage *uncropped)
{
	PopplerRectangle a, b;

	poppler_page_get_crop_box(page, &a);
	poppler_page_get_crop_box(uncropped, &b);
	return b.x1 < a.x1 - 1 || b.y1 < a.y1 - 1 || b.x2 > a.x2 + 1 || b.y2 > a.y2 + 1;
}

void pdf_read_outside(PopplerPage *page, const struct pdf_suspicion *suspicion, struct buf *out)
{
	PopplerPage *uncropped = suspicion->uncropped
					 ? poppler_document_get_page(suspicion->uncropped,
						   poppler_page_get_index(page))
					 : NULL;

	if (uncropped && is_larger(page, uncropped)) {
		char *shown = poppler_page_get_text(page), *all = poppler_page_get_text(uncropped);
		const char *s = all ? all : "";
		size_t n;
		uint64_t *hashes = word_hashes(shown ? shown : "", &n);
		size_t *taken = calloc(n + 1, sizeof(*taken));

		ASSERT(taken != NULL);

		while (*(s += strspn(s, " \n\f"))) {
			size_t len = strcspn(s, " \n\f");

			if (!take_hash(hashes, taken, n, hash64(s, len))) {
				buf_str(out, out->len ? " " : "");
				buf_add(out, s, len);
			}
			s += len;
		}
		free(taken);
		free(hashes);
		g_free(shown);
		g_free(all);
	}
	if (uncropped) {
		g_object_unref(uncropped);
	}
}
