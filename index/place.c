#include "index/place.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static bool is_sheet(const char *unit)
{
	return unit && strcmp(unit, "sheet") == 0;
}

/* ── cells (ECMA-376 part 1, 18.18.62 ST_Ref) ── */

/* 0 is "A", 26 "AA". */
static const char *column_name(int column, char out[8])
{
	char *p = out + 7;

	*p = '\0';
	for (int n = column + 1; n > 0 && p > out; n = (n - 1) / 26) {
		*--p = (char)('A' + (n - 1) % 26);
	}
	return p;
}

const char *place_cells(const struct box *boxes, int n, int page, struct arena *a)
{
	int x0 = INT32_MAX, y0 = INT32_MAX, x1 = 0, y1 = 0;
	char first[8], last[8];
	const char *from, *to;

	for (int i = 0; i < n; i++) {
		const struct box *b = &boxes[i];

		if (b->page == page) {
			x0 = (int)b->x0 < x0 ? (int)b->x0 : x0;
			y0 = (int)b->y0 < y0 ? (int)b->y0 : y0;
			x1 = (int)b->x1 > x1 ? (int)b->x1 : x1;
			y1 = (int)b->y1 > y1 ? (int)b->y1 : y1;
		}
	}
	if (x1 <= x0 || y1 <= y0 || x0 < 0 || y0 < 0) {
		return "";
	}
	from = column_name(x0, first);
	to = column_name(x1 - 1, last);
	return x1 - x0 == 1 && y1 - y0 == 1 ? arena_printf(a, "%s%d", from, y0 + 1)
					    : arena_printf(a, "%s%d:%s%d", from, y0 + 1, to, y1);
}

const char *place_on_sheet(const char *label, const char *cells, struct arena *a)
{
	label = label ? label : "";
	cells = cells ? cells : "";
	return arena_printf(a, "%s%s%s", label, *label && *cells ? "!" : "", cells);
}

/* Bytes of a cell's name at s: "F9"; 0: none. */
static size_t cell_name(const char *s)
{
	size_t letters = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	size_t digits = strspn(s + letters, "0123456789");

	return letters && digits ? letters + digits : 0;
}

static bool is_cells(const char *s)
{
	size_t n = cell_name(s);
	size_t more = n && s[n] == ':' ? cell_name(s + n + 1) : 0;

	return n && s[more ? n + 1 + more : n] == '\0';
}

/* A sheet's place without its cells. */
static const char *sheet_label(const char *place, struct arena *a)
{
	const char *cells = strrchr(place, '!');

	if (cells && is_cells(cells + 1)) {
		return arena_strn(a, place, (size_t)(cells - place));
	}
	return is_cells(place) ? "" : place;
}

/* ── a part of a place ── */

const char *place_at(const struct place_part *p, struct arena *a)
{
	const char *label = p->whole ? p->whole : "";
	size_t n;

	for (int i = p->first; i < p->page && label; i++) {
		label = strchr(label, '\n');
		label += label ? 1 : 0;
	}
	if (!label || p->page < p->first) {
		return "";
	}
	n = strcspn(label, "\n");
	label = arena_strn(a, label, n);
	if (is_sheet(p->unit)) {
		const char *cells = place_cells(p->boxes, p->n_boxes, p->page, a);

		return *cells ? place_on_sheet(sheet_label(label, a), cells, a) : label;
	}
	return label;
}

const char *chunk_place(const struct chunk *c, struct arena *a)
{
	const struct place_part whole = {.whole = c->place,
		.unit = c->unit,
		.first = c->page_first,
		.page = c->page_first,
		.boxes = c->boxes,
		.n_boxes = c->n_boxes};

	return place_at(&whole, a);
}

void place_words(struct buf *out, const char *unit, int page, const char *place)
{
	bool has_place = place && *place;
	char number[16];

	if (!unit || strcmp(unit, "none") == 0) {
		return;
	}
	snprintf(number, sizeof(number), "%d", page);
	if (is_sheet(unit) && has_place) {
		buf_str(out, place);
	} else if (strcmp(unit, "page") == 0 && has_place && strcmp(place, number) != 0) {
		buf_printf(out, "page %s (%d)", place, page);
	} else if (strcmp(unit, "chapter") == 0 && has_place) {
		buf_printf(out, "chapter %s", place);
	} else {
		buf_printf(out, "%s %d", unit, page);
	}
}
