/*
 * Where a passage stands, in its document's own words. A unit is what the document's makers count
 * in: "page", "slide", "sheet", "chapter", "message"; NULL: nothing (ingest/extracted.h). A page
 * stands for each of them here.
 *
 *   chunk.place     "iv"  one page's label     "iv\nv\n"  three pages' labels, the last has none
 *                   "Prices!A2:F9"  cells of one sheet
 *   place_at        "v"  of one page of those  "Prices!B3:C3"  of some of its boxes
 *   place_words     "page v (5)"               "Prices!B3:C3"          "slide 3"
 *
 * Pure. Thread: any.
 */
#ifndef INDEX_PLACE_H
#define INDEX_PLACE_H

#include <stdbool.h>

#include "index/base/arena.h"
#include "index/base/buf.h"
#include "index/chunks.h"

/* "B2:D9", one cell as "B2", of the boxes (in cells) that are on that sheet; "": none. In the
 * arena.
 */
const char *place_cells(const struct box *boxes, int n, int page, struct arena *a);
/* "Prices!B2:D9"; either may be empty or NULL. */
const char *place_on_sheet(const char *label, const char *cells, struct arena *a);

/* Where a part is that stands on `page`, of something whose place is `whole` and that begins on
 * page `first`; boxes: the part's, which on a sheet say the cells. "": its number says it all. */
struct place_part {
	const char *whole, *unit; /* NULL is fine */
	int first, page;
	const struct box *boxes;
	int n_boxes;
};
const char *place_at(const struct place_part *p, struct arena *a);
/* Where a chunk begins, and on a sheet which cells it takes there. */
const char *chunk_place(const struct chunk *c, struct arena *a);

/* "page 3", "page iv (4)", "slide 3", "Prices!A2:F9", "chapter Introduction", "message 4"; nothing
 * without a unit. place: of that page alone, as above. */
void place_words(struct buf *out, const char *unit, int page, const char *place);

#endif
