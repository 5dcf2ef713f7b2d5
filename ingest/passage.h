/*
 * A paragraph while it is put together: its text as the document has it, and marks on parts of it
 * (links, comments) whose places in the extracted text are known only once it is written there,
 * cleaned. And asides: hidden text beside it, which must not enter it. In the child only.
 */
#ifndef INGEST_PASSAGE_H
#define INGEST_PASSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "ingest/draft.h"

#define PASSAGE_MARKS_MAX 2000 /* of one paragraph; what is beyond is not kept */

struct passage_mark {
	enum annotation_kind kind;
	size_t start, end; /* in text */
	char *words;
};

struct passage {
	struct buf text; /* lines end in '\n' */
	struct passage_mark *marks;
	int n_marks, cap;
};

void passage_finish(struct passage *p);
void passage_clear(struct passage *p);
bool passage_blank(const struct passage *p);
/* [start, end) of the text is a link to words, or has a comment of these words. */
void passage_mark(struct passage *p, enum annotation_kind kind, size_t start, size_t end,
	const char *words, size_t n_bytes);
/* Appends text and marks of one to another. */
void passage_append(struct passage *to, const struct passage *from);
/* Writes it as a block, its marks with the places that they have there. box: of every line. */
void passage_write(const struct passage *p, struct draft *d, enum block_kind kind, int level,
	const struct box *box);
/* A row of a table; a mark's place is the row. */
void passage_write_row(struct passage *const *cells, int n_cells, struct draft *d,
	enum row_role role, const struct box *box);

/* Hidden text, told as one annotation until it is of another kind or flushed: at once, with the
 * place where the draft stands. */
struct aside {
	struct draft *draft;
	enum annotation_kind kind;
	struct buf text;
};

void aside_add(struct aside *a, enum annotation_kind kind, const char *s, size_t n_bytes);
void aside_flush(struct aside *a);

#endif
