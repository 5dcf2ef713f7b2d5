/*
 * Inside the house of the RTF reader (Rich Text Format Specification 1.9.1): rtf_tokens.c cuts the
 * bytes into tokens, rtf_charset.c turns the bytes of a code page into text, rtf_words.c knows what
 * the control words mean, extract_rtf.c keeps the groups and makes blocks.
 *
 *   {\rtf1\ansi {\fonttbl …} \pard Text {\b more}\par}
 *
 * A group keeps the state of its text (font, hidden, …) and where it goes (its destination); the
 * state of the group around it returns when it closes. Footnotes, comments and text boxes are
 * stories of their own inside of a paragraph. Thread: the child's only one.
 */
#ifndef INGEST_RTF_H
#define INGEST_RTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ingest/child.h"
#include "ingest/flow.h"

/* ── tokens ── */

enum rtf_kind {
	RTF_END,
	RTF_OPEN,
	RTF_CLOSE,
	RTF_WORD,   /* \word, \word12 */
	RTF_SYMBOL, /* \~: number is the character */
	RTF_HEX,    /* \'hh: number is the byte */
	RTF_BYTES   /* plain text */
};

#define RTF_WORD_MAX 32 /* letters (spec: "Control Word"); longer ones are known to nobody */

struct rtf_token {
	enum rtf_kind kind;
	char word[RTF_WORD_MAX + 1];
	bool has_number;
	int number;
	const char *bytes;
	size_t n_bytes;
};

struct rtf_bytes {
	const char *p, *end;
};

/* The bytes of \binN are passed over. */
void rtf_next(struct rtf_bytes *in, struct rtf_token *t);

/* ── code pages ── */

enum { RTF_SYMBOL_PAGE = 42 }; /* of fonts whose characters are pictures */

/* 0: none of its own. */
int rtf_page_of_charset(int fcharset);
/* Appends bytes of the code page as UTF-8. */
void rtf_decode(int page, const char *p, size_t n_bytes, struct buf *out);

/* ── the document ── */

enum rtf_destination {
	RTF_TO_TEXT,
	RTF_TO_NOTHING,
	RTF_TO_FONTS,
	RTF_TO_COLORS,
	RTF_TO_STYLES,
	RTF_TO_INFO,	   /* text there is of one of its groups */
	RTF_TO_PROPERTY,   /* title, author, … */
	RTF_TO_MARKER,	   /* a list item's */
	RTF_TO_INSTRUCTION /* a field's */
};

enum rtf_story_kind { RTF_MAIN, RTF_NOTE, RTF_COMMENT, RTF_BOX };

enum { RTF_COLOR_AUTO = -1, RTF_COLOR_UNKNOWN = -2 };

struct rtf_group {
	enum rtf_destination to, around;
	int uc;		   /* characters that stand in for \uN */
	int font, size;	   /* half points */
	int color, ground; /* indexes; 0: automatic */
	bool hidden, deleted;
	bool in_upr; /* what follows in \*\ud goes to `around` */
	/* of its paragraphs */
	int style, outline; /* outline: 0 to 8, or -1 */
	int list, block_ground;
	bool in_table;
	/* what it opened */
	bool field, story, property;
};

struct rtf_story {
	enum rtf_story_kind kind;
	struct flow text;
	struct flow_row row;
	struct buf marker;
	bool row_header, in_table;
	size_t n_of_table; /* notes of its rows, at the front of those that wait */
	int grounds[64];   /* of the cells of the row */
	int n_cells, cell_ground;
};

struct rtf_field {
	struct buf instruction;
	size_t mark; /* where its result begins … */
	int story;   /* … in which story */
};

#define RTF_INDEX_MAX 65536 /* fonts, styles */
#define RTF_COLORS_MAX 4096

struct rtf {
	struct document *doc;
	struct draft *d;
	struct rtf_group *groups;
	int n_groups, cap_groups;
	struct rtf_group *g; /* the innermost */
	struct rtf_story *stories;
	int n_stories, cap_stories;
	struct rtf_field *fields;
	int n_fields, cap_fields;
	struct flow_queue later;
	struct buf bytes; /* of one code page, not decoded yet */
	int bytes_page;
	uint32_t high;	/* the first half of a surrogate pair; 0: none */
	int skip;	/* characters that stand in for a \uN */
	bool starred;	/* \* was the token before */
	int page, font; /* of the document */
	int n_notes;
	struct buf author; /* of the comment to come */

	int entry;	 /* the font or style that is being defined; -1: none */
	struct buf name; /* of the style, or text of the property */
	int red, green, blue;
	bool has_color;
	const char *property; /* its name */
	int year, month, day;

	uint16_t font_pages[RTF_INDEX_MAX];
	int8_t levels[RTF_INDEX_MAX]; /* of headings; RTF_LEVEL_TITLE; 0: none */
	int32_t colors[RTF_COLORS_MAX];
	int n_colors;
};

enum { RTF_LEVEL_TITLE = -1 };

/* Does what a control word says; false: it is not known. */
bool rtf_word(struct rtf *r, const struct rtf_token *t);
/* Text for the open destination. */
void rtf_put(struct rtf *r, const char *s, size_t n_bytes);
void rtf_put_character(struct rtf *r, uint32_t c);
void rtf_end_paragraph(struct rtf *r);
void rtf_end_cell(struct rtf *r);
void rtf_end_row(struct rtf *r);
void rtf_begin_story(struct rtf *r, enum rtf_story_kind kind);
void rtf_begin_field(struct rtf *r);

#endif
