/*
 * Text while it is put together (a paragraph, a cell, a note): as the document has it ('\n' begins
 * a line), with marks on parts of it (links, comments, hidden text) whose places in the extracted
 * text are known once it is written there, cleaned. Formats in which blocks stand inside of blocks
 * (a footnote in a paragraph, a text box in a cell) collect each in a flow of its own and write it
 * in its turn. Offsets are bytes of the flow; those of the draft are found when it is written.
 * Thread: the child's only one.
 *
 *   flow_add(&f, d, "See ", 4);
 *   flow_begin_link(&f, "https://carrel.example/form", 27);
 *   flow_add(&f, d, "the form", 8);
 *   flow_end_link(&f);
 *   flow_write(&f, d, BLOCK_PARAGRAPH, 0, NULL);
 */
#ifndef INGEST_FLOW_H
#define INGEST_FLOW_H

#include <stdbool.h>
#include <stddef.h>

#include "ingest/draft.h"

struct flow {
	struct buf text;   /* may be added to directly where nothing is unseen */
	struct buf marks;  /* of struct flow_mark */
	struct buf unseen; /* text that nobody sees, at the end of the text so far */
	enum annotation_kind unseen_kind;
	char *link; /* address of the open one; NULL: none is open */
	size_t link_start;
};

struct flow_mark {
	enum annotation_kind kind;
	size_t start, end; /* equal: at a place */
	char *text;
};

void flow_finish(struct flow *f);
/* An open link goes on in what is added next; so it does after writing. */
void flow_clear(struct flow *f);
bool flow_is_blank(const struct flow *f);
bool flow_ends_blank(const struct flow *f); /* or is empty */

/* FAULT_TEXT beyond the draft's text_max. */
void flow_add(struct flow *f, struct draft *d, const char *s, size_t n_bytes);
/* A blank, unless it would stand first or after another. */
void flow_blank(struct flow *f);
/* Put before all the text. */
void flow_lead(struct flow *f, const char *s);
/* Adds text and marks of another, which stays as it is. */
void flow_append(struct flow *f, struct draft *d, const struct flow *from);

/* Kept out of the text: an annotation of this kind at its place. Blanks that follow are part of it.
 */
void flow_add_unseen(
	struct flow *f, struct draft *d, enum annotation_kind kind, const char *s, size_t n_bytes);
/* What was added unseen becomes a mark; the functions that write a flow see to it. */
void flow_seal(struct flow *f);
/* Text of this colour (0xRRGGBB) cannot be read before that one; false where either is negative. */
bool flow_same_color(long a, long b);

/* Of [start, end of the text so far). Nothing where s is blank or there are too many. */
void flow_mark(
	struct flow *f, enum annotation_kind kind, size_t start, const char *s, size_t n_bytes);
/* What is added between them links to the address; a link of no text is none. One that begins ends
 * the one that is open. */
void flow_begin_link(struct flow *f, const char *address, size_t n_bytes);
void flow_end_link(struct flow *f);
/* Addresses that a reader of a page could open: http, https, mailto, or without a scheme; none into
 * the page itself. */
bool flow_link_wanted(const char *address);

/* A block with its annotations; f is empty after. In headings and rows lines become one. box: of
 * each line, or NULL. */
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
	int n, cap;
};

/* f is empty after. */
void flow_later(struct flow_queue *q, struct flow *f, enum block_kind kind, int level,
	const struct box *box);
/* The first n of them, or all where there are fewer. */
void flow_write_queue(struct flow_queue *q, struct draft *d, int n);

/* ── rows of tables ── */

struct flow_row {
	struct buf *cells;
	int n, cap;
	/* of struct flow_mark: those of the cells, of the whole row when written */
	struct buf marks;
};

#define FLOW_CELLS_MAX 4096 /* of one row; what is beyond goes into the last */

/* f is empty after. */
void flow_row_add(struct flow_row *r, struct flow *f, struct draft *d);
/* A cell of text alone: empty, or what repeats another. */
void flow_row_add_text(struct flow_row *r, struct draft *d, const struct buf *text);
/* The row is empty after. */
void flow_row_write(struct flow_row *r, struct draft *d, enum row_role role, const struct box *box);
void flow_row_finish(struct flow_row *r);

/* ── hidden text beside what is written ── */

/* Told as one annotation, where the draft stands, until it is of another kind or flushed. */
struct flow_aside {
	struct draft *draft;
	enum annotation_kind kind;
	struct buf text;
};

void flow_aside_add(struct flow_aside *a, enum annotation_kind kind, const char *s, size_t n_bytes);
void flow_aside_flush(struct flow_aside *a);

#endif
