/*
 * A paragraph, a cell or a note while it is being read: its text as the document has it ('\n'
 * begins a line), and what is to be annotated of it. Formats in which blocks stand inside of blocks
 * (a footnote in a paragraph, a text box in a cell) collect each in a flow of its own and write it
 * in its turn. Offsets are bytes of the flow; those of the draft are found when it is written.
 * Thread: the child's only one.
 */
#ifndef INGEST_FLOW_H
#define INGEST_FLOW_H

#include <stdbool.h>
#include <stddef.h>

#include "ingest/draft.h"

struct flow {
	struct buf text;
	struct buf marks;  /* of struct flow_mark */
	struct buf unseen; /* text that nobody sees, at the end of the text so far */
	enum annotation_kind unseen_kind;
};

struct flow_mark {
	enum annotation_kind kind;
	size_t start, end; /* equal: at a place */
	char *text;
};

void flow_finish(struct flow *f);
void flow_clear(struct flow *f);
/* FAULT_TEXT beyond the draft's text_max. */
void flow_add(struct flow *f, struct draft *d, const char *s, size_t n_bytes);
/* Kept out of the text: an annotation of this kind at its place. Blanks that follow are part of it.
 */
void flow_add_unseen(
	struct flow *f, struct draft *d, enum annotation_kind kind, const char *s, size_t n_bytes);
/* What was added unseen becomes a mark; the functions that write a flow see to it. */
void flow_seal(struct flow *f);
/* A blank, unless it would stand first or after another. */
void flow_blank(struct flow *f);
bool flow_ends_blank(const struct flow *f); /* or is empty */
/* Text of this colour (0xRRGGBB) cannot be read before that one. */
bool flow_same_color(int32_t a, int32_t b);
/* Of [start, end of the text so far). Nothing where s is blank or there are too many. */
void flow_mark(
	struct flow *f, enum annotation_kind kind, size_t start, const char *s, size_t n_bytes);
/* Put before all the text. */
void flow_lead(struct flow *f, const char *s);
bool flow_is_blank(const struct flow *f);
/* A block with its annotations; f is empty after. box: of each line, or NULL. */
void flow_write(
	struct flow *f, struct draft *d, enum block_kind kind, int level, const struct box *box);
/* The same, going on with the open block. */
void flow_write_lines(struct flow *f, struct draft *d, const struct box *box);

/* ── blocks that wait until the one that they were found in has been written ── */

struct flow_item {
	enum block_kind kind;
	int level;
	struct flow flow;
	struct box box;
	bool has_box;
};

struct flow_queue {
	struct flow_item *items;
	size_t n, cap;
};

/* f is empty after. */
void flow_later(struct flow_queue *q, struct flow *f, enum block_kind kind, int level,
	const struct box *box);
/* The first n of them, or all. */
void flow_write_queue(struct flow_queue *q, struct draft *d, size_t n);

/* ── rows of tables ── */

struct flow_row {
	struct buf *cells;
	int n, cap;
	struct buf
		marks; /* of struct flow_mark: those of the cells, of the whole row when written */
};

#define FLOW_CELLS_MAX 4096 /* of one row; what is beyond goes into the last */

/* f is empty after. */
void flow_row_add(struct flow_row *r, struct flow *f, struct draft *d);
/* The row is empty after. */
void flow_row_write(struct flow_row *r, struct draft *d, enum row_role role, const struct box *box);
void flow_row_finish(struct flow_row *r);

#endif
