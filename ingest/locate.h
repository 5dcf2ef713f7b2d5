/*
 * Where a passage stands in another drawing of its document: the pages that an office file was
 * converted to have none of its boxes, but they have its words. The run of as many words that has
 * most of the passage's in common with it is taken; of several alike (a row that stands in two
 * tables) the one that is about as far into the document. Of that run, the lines are told that
 * consist of the passage's words, so that a page's header in between is not.
 *
 *   passage  "Lamp | 40 | 12"      page 3  "Item   Price   Stock"
 *                                          "Lamp   40      12"     <- box (72, 110, 400, 122)
 *
 * Time: linear in the words of both. Pure, the same for the same input. Thread: any.
 */
#ifndef INGEST_LOCATE_H
#define INGEST_LOCATE_H

#include "index/base/arena.h"
#include "ingest/extracted.h"

struct locate_request {
	const char *text;     /* the passage */
	double near;	      /* 0 to 1: how far into the document it is */
	int32_t first, after; /* only there, in bytes of the drawing's text; 0, 0: anywhere */
};
/* The boxes of the lines that hold it, in order, in the arena, and how many; 0: it is not there, or
 * less than half of it. */
int locate_passage(const struct extracted *drawn, const struct locate_request *r, struct arena *a,
	struct box **out);

#endif
