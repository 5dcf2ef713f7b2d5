/*
 * Citations: the sources of one prompt under their handles [1] … [n], and the reader that takes the
 * answer as it flows, keeps the markers that are in the prompt, drops and counts the others, and at
 * the end of each sentence says what it cites: the best matching sentence of the passage with its
 * page and line boxes, and whether that supports it (chat/support.h).
 *
 *   model text -> cite_feed -> c->text (to show; markers as "[1]")
 *                           -> c->citations (in order of the answer)
 *
 * A marker belongs to the sentence it stands in or directly behind; in a sentence with markers at
 * several places each one stands for what is before it. Accepted: [1], [1][2], [1, 2], [1-3],
 * 【1】. Pure, but for the arena. Thread: one at a time.
 */
#ifndef CHAT_CITE_H
#define CHAT_CITE_H

#include <stdbool.h>
#include <stdint.h>

#include "chat/sentence.h"
#include "chat/support.h"
#include "index/base/buf.h"
#include "retrieve/search.h"

struct source {
	int handle; /* n of [n] */
	const struct passage *passage;
	size_t n_text;			  /* bytes of passage->text */
	const struct passage_part *parts; /* of passage, or one for all of it */
	int n_parts;
	struct sentence *sentences;
	struct facts *sentence_facts; /* [n_sentences] */
	int n_sentences;
	struct facts facts; /* of heading, title and text */
};

/* Sentences and facts of the passage. In the arena, which must outlive the source. */
void source_init(struct source *s, struct arena *a, int handle, const struct passage *passage);
/* Named only, until source_read makes it the same: of an answer that may cite it or not. */
void source_init_unread(struct source *s, int handle, const struct passage *passage);
void source_read(struct source *s, struct arena *a); /* once; again it does nothing */

/* Where a part of a source stands. */
struct place {
	struct id chunk;
	int page;
	const char *words; /* that page, on a sheet these cells; as place of a passage */
	struct box *boxes;
	int n_boxes;
};
void source_place(
	const struct source *s, struct arena *a, int text_start, int text_end, struct place *out);

struct citation {
	int ordinal; /* 1, 2, … */
	int handle;
	struct id document, version, chunk;
	const char *document_name;
	int page;
	const char *place, *unit; /* of the quoted lines; as of a passage */
	const char *quote;
	struct box *boxes;
	int n_boxes;
	enum support support;
	int answer_start, answer_end; /* the sentence that cites, bytes of the whole shown text */
};

#define CITATIONS_MAX 500
#define QUOTE_MAX 600 /* bytes */

struct cite {
	struct buf text; /* shown text, all of it */
	struct citation *citations;
	int n_citations;
	int n_dropped; /* markers that were not in the prompt */
	/* private: */
	const int *quotes;
	int n_quotes;
	int n_room; /* of citations */
	struct arena *arena;
	struct source *sources;
	int n_sources;
	const char *language;
	struct buf held;    /* a marker that is not complete */
	size_t sentence;    /* where the open sentence begins in text */
	size_t looked;	    /* no end of it is before here */
	struct mark *marks; /* of the open sentence */
	int n_marks, n_marks_room;
};

/* language: of the answer ("" unknown: detected by sentence). */
void cite_init(
	struct cite *c, struct arena *a, struct source *sources, int n, const char *language);
void cite_finish(struct cite *c); /* text is gone; citations live in the arena */

/* The first n citations quote these sentences of their sources, in this order: the answer was made
 * of them. Before the first text; borrows. */
void cite_quotes(struct cite *c, const int *sentences, int n);

/* n_text bytes more of the answer, valid UTF-8; c->text grows by what may be shown now. */
void cite_feed(struct cite *c, const char *text, size_t n_text);
/* Nothing more comes: lets go what was held and closes the last sentence. */
void cite_end(struct cite *c);

#endif
