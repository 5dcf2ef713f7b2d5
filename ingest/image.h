/*
 * Pictures as documents: PNG, JPEG, TIFF (of several pages), WebP, GIF (its first frame), BMP and
 * PNM, decoded by leptonica from memory. What a picture unpacks to is known from its header before
 * it is decoded: beyond ingest-megapixels the process ends with FAULT_LIMIT, a damaged one with
 * FAULT_BROKEN. Runs in the child only.
 */
#ifndef INGEST_IMAGE_H
#define INGEST_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "ingest/child.h"

struct Pix;

/* By the first bytes: "image/png", …; NULL: none of these. */
const char *image_type(const struct document *doc);

struct image_page {
	struct Pix *pix;      /* upright as its file says, square pixels, any depth; the caller's */
	double width, height; /* points */
	int dpi;	      /* pixels of pix in 72 of these */
};

/* Frames of a TIFF, else 1. */
int image_count(const struct document *doc, struct draft *d);
/* i: from 0. */
void image_read(const struct document *doc, struct draft *d, int i, struct image_page *out);

#endif
