/*
 * Inside of the reader of PowerPoint presentations (ECMA-376 part 1, 19): extract_pptx.c goes
 * through the slides, pptx_slide.c reads the shapes of one (or of a layout, a master, a page of
 * notes), pptx_write.c says them in order. Lengths are EMU (12,700 a point). In the child only.
 */
#ifndef INGEST_PPTX_H
#define INGEST_PPTX_H

#include "ingest/ooxml.h"
#include "ingest/flow.h"

#define PPTX_LEVELS 9
#define PPTX_CELLS_MAX 1000 /* of one row */
#define PPTX_EMU 12700.0

#define COLOR_UNSAID (-1)
#define COLOR_UNKNOWN (-2) /* a picture, a gradient, a colour made of another one */

enum pptx_bullet { BULLET_UNSAID, BULLET_NONE, BULLET_SIGN, BULLET_NUMBER };

struct pptx_box {
	double x, y, w, h;
	bool known;
};

struct pptx_paragraph {
	struct flow text;
	int level; /* 0 to 8 */
	enum pptx_bullet bullet;
	int start; /* of numbers */
};

struct pptx_cell {
	struct flow text;
	int span;	/* columns */
	bool from_left; /* a part of the cell before it, of the cell above it */
	bool from_above;
};

struct pptx_row {
	struct pptx_cell *cells;
	int n, cap;
	double height;
};

struct pptx_shape {
	bool is_placeholder;
	const char *type; /* "title", "body"; "obj" where it does not say */
	long idx;
	struct pptx_box box;
	bool hidden;
	long fill; /* 0xRRGGBB or COLOR_… */
	bool picture;
	enum pptx_bullet bullets[PPTX_LEVELS]; /* of its list styles */
	struct pptx_paragraph *paragraphs;
	int n_paragraphs, cap_paragraphs;
	struct pptx_row *rows;
	int n_rows, cap_rows;
	bool header_row;
	const char *chart, *diagram;	       /* parts */
	struct buf unseen[N_ANNOTATION_KINDS]; /* text that nobody sees */
};

struct pptx_slide {
	const char *part;
	struct ooxml_relations relations;
	const struct pptx_slide *below; /* a slide's layout, a layout's master */
	bool hidden;
	long background;
	long light, dark; /* of a master's theme: colours bg1 and tx1; else COLOR_UNKNOWN */
	enum pptx_bullet bullets[PPTX_LEVELS]; /* a master's, of body text */
	struct pptx_shape *shapes;
	int n, cap;
};

struct pptx {
	struct ooxml o;
	double width, height;
	struct pptx_slide **models; /* layouts and masters that were read */
	int n_models, cap_models;
};

/* Reads a part into s, whose `part`, `relations` and `below` are set. FAULT_BROKEN. */
void pptx_slide_read(struct pptx *p, struct pptx_slide *s);
void pptx_slide_finish(struct pptx_slide *s);
/* The placeholder that a shape inherits from; NULL: none. */
const struct pptx_shape *pptx_inherited(const struct pptx_slide *s, const struct pptx_shape *shape);
/* Where the shape is, if need be as its placeholder says. */
struct pptx_box pptx_box_of(const struct pptx_slide *s, const struct pptx_shape *shape);
/* One of the first n shapes of s, but for the placeholders of a model, is painted where b is. */
bool pptx_painted(const struct pptx_slide *s, int n, bool model, const struct pptx_box *b);
/* The colour that a:schemeClr names, COLOR_UNKNOWN but for background and text. */
long pptx_named_color(const struct pptx_slide *s, const char *name);
bool pptx_is_fill(const struct xml_element *el);
bool pptx_is_title(const struct pptx_shape *shape);

/* Says what is on the slide, on the open page. */
void pptx_write_slide(struct pptx *p, struct pptx_slide *s);
/* Of a hidden slide: all of it, aside. */
void pptx_tell_slide(struct pptx *p, struct pptx_slide *s, const char *label);
void pptx_write_notes(struct pptx *p, struct pptx_slide *notes);

#endif
