/*
 * Inside of docx_story.c and docx_events.c: what is open while running text is read. It stands on a
 * stack of places: a paragraph, a table, a text box; paragraphs hold text boxes, which hold
 * paragraphs. What a paragraph brings with it (text boxes, notes, charts) is written after it, or
 * after the table that it is in.
 */
#ifndef INGEST_DOCX_STORY_H
#define INGEST_DOCX_STORY_H

#include "ingest/docx.h"

#define FIELDS_MAX 64
#define RANGES_MAX 64
#define STORY_NO_TOKEN 255

struct paragraph {
	struct flow text;
	size_t n_marker; /* bytes of its number or bullet */
	bool is_item;
	const struct docx_style *style;
	char *style_id;
	int outline, ilvl; /* -1: as the style says */
	long num_id;
	long fill;
	bool mark_gone; /* its end is deleted or hidden: no number */
	struct {
		char *id;
		size_t start;
	} ranges[RANGES_MAX]; /* of comments */
	int n_ranges;
};

struct run {
	struct docx_look look;
	const struct docx_style *style;
	int hidden; /* enum annotation_kind; -1: not; -2: not known yet */
};

struct place {
	enum { PLACE_PARAGRAPH, PLACE_TABLE, PLACE_BOX } kind;
	struct paragraph *paragraph;
	struct docx_table *table;
	struct run run; /* around a box */
};

struct field {
	bool result; /* what follows is what it shows */
	struct buf instruction;
	const struct paragraph *paragraph; /* where its result begins */
	size_t start;
};

/* What is written once the paragraph or table that it belongs to is. */
struct after {
	enum { AFTER_TEXT, AFTER_NOTE, AFTER_CHART, AFTER_DIAGRAM } kind;
	enum block_kind block;
	int level;
	struct flow text;
	const char *part;
};

struct story {
	struct docx *x;
	const struct ooxml_relations *relations;
	struct flow *into;     /* NULL: the draft */
	int depth;	       /* of the innermost open element */
	unsigned char *tokens; /* by depth: which elements are open (docx_events.c) */
	bool *taken;	       /* a Choice of the AlternateContent at this depth was */
	int skip;	       /* depth of the element that is passed over; 0: none */
	int n_deleted;	       /* open w:del */
	struct place *places;
	int n_places, cap_places;
	struct run run;
	struct field fields[FIELDS_MAX];
	int n_fields;
	struct after *after;
	int n_after, cap_after;
};

struct paragraph *story_paragraph(
	struct story *s);			 /* the open one; NULL: none, or a table or box */
struct docx_table *story_table(struct story *s); /* likewise */
struct after *story_later(struct story *s, int kind);
/* Appends text to the open paragraph, or, where nobody would see it, tells it as hidden. */
void story_add(struct story *s, const char *text, size_t n_bytes);

void story_begin_paragraph(struct story *s);
void story_number(struct story *s, struct paragraph *p); /* once its properties are known */
void story_end_paragraph(struct story *s);
void story_begin_table(struct story *s);
void story_end_row(struct story *s);
void story_end_table(struct story *s);
void story_begin_box(struct story *s);
void story_end_box(struct story *s);

#endif
