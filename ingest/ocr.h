/*
 * Pictures of text made text, by tesseract. Which languages: the setting ocr-languages, groups that
 * are tried in turn until one reads a page well; the group that did is tried first on the next
 * page. A page that no group reads well as it stands is looked at from all four sides.
 *
 * What it may cost: each page has the computing time of a whole document (ingest-cpu-s), all of
 * them together ingest-ocr-s. While it reads, each second of computing is told as progress, so that
 * a long page is not taken for a stalled one. One thread: libgomp's others could not be started in
 * the sandbox.
 *
 * Runs in the child only; models are loaded by the first page that needs them.
 */
#ifndef INGEST_OCR_H
#define INGEST_OCR_H

#include <stdbool.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "ingest/child.h"

struct Pix; /* leptonica's picture */

struct ocr_word {
	float x0, y0, x1, y1; /* pixels */
	float size;	      /* of its line's letters, from descenders to ascenders, pixels */
	uint32_t at;	      /* in text */
	uint16_t n_bytes;
	bool begins_line;
};

struct ocr_text {
	int quarters;	/* turned clockwise, the picture is upright: what follows is of that */
	float skew;	/* the lines run down to the right at this slope */
	int confidence; /* 0 to 100, of all characters kept */
	struct buf text;
	struct ocr_word *words; /* in reading order */
	int n_words;
};

enum ocr_result {
	OCR_READ,    /* perhaps no word at all */
	OCR_OFF,     /* no languages are set */
	OCR_MISSING, /* none of the languages is installed */
	OCR_SLOW,    /* the page took too long */
	OCR_SPENT,   /* the pages before took what all may take */
};

/* Confidence: a page below it was hard to read, or is of another language, or lies on its side. */
#define OCR_POOR 70

/* Reads a picture of a page: grey or black on white, upright or not. dpi: of the picture, for the
 * sizes of letters. What is told as progress: page done of n. out is empty unless OCR_READ. */
enum ocr_result ocr_read(
	struct document *doc, struct Pix *pix, int dpi, int done, int n, struct ocr_text *out);
void ocr_text_finish(struct ocr_text *t);
/* Appends "tesseract-ocr-eng, tesseract-ocr-deu or tesseract-ocr-chi-sim". */
void ocr_packages(const char *languages, struct buf *out);

#endif
