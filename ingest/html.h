/*
 * Inside the house of extract_html.c: walks over gumbo's trees (html_walk.c), what of a page is
 * content and what is hidden (html_skip.c, html_style.c), rows of tables (html_table.c).
 * Documents nest as deeply as they like: nothing here recurses. Thread: the child's only one.
 */
#ifndef INGEST_HTML_H
#define INGEST_HTML_H

#include <gumbo.h>
#include <stdbool.h>
#include <stddef.h>

#include "index/base/buf.h"
#include "ingest/child.h"
#include "ingest/flow.h"

/* HTML in whatever encoding as UTF-8. charset: what its carrier says, or NULL: then the page itself
 * is asked. false: it is no text. */
bool html_decode(const char *p, size_t n_bytes, const char *charset, struct buf *out);

/* ── a walk over a tree of any depth ── */

struct html_step {
	const GumboNode *node;
	unsigned int next; /* child */
	int ordinal;	   /* of the last list item */
	bool layout;	   /* a table that arranges the page */
	bool link;	   /* an <a> whose address is open */
};

struct html_walk {
	struct html_step *steps;
	size_t n, cap;
};

void html_push(struct html_walk *w, const GumboNode *node);
/* The next child of the topmost step, or NULL when it has no more. */
const GumboNode *html_child(struct html_walk *w);
void html_walk_finish(struct html_walk *w);
const GumboVector *html_children(const GumboNode *node); /* NULL: it cannot have any */
GumboTag html_tag(const GumboNode *node);		 /* GUMBO_TAG_LAST: no element */
const char *html_attribute(const GumboNode *node, const char *name);
bool html_is_text(const GumboNode *node);

/* ── what is seen ── */

#define HTML_RULES_MAX 512

/* What a declaration block hides. */
enum html_hiding {
	HTML_SHOWN,
	HTML_NOT_SHOWN,	 /* display: none, visibility: hidden */
	HTML_NOT_DRAWN,	 /* opacity: 0, clipped to nothing */
	HTML_TOO_SMALL,	 /* a font of less than 2 px */
	HTML_OFF_PAGE,	 /* left: -9999px */
	HTML_SAME_COLOR, /* as its background */
};

struct html_style {
	enum html_hiding hiding;
	int32_t color, background; /* 0xrrggbb; -1: not said */
};

struct html_style html_style_parse(const char *s, size_t n_bytes);
int32_t html_color(const char *s, size_t n_bytes); /* -1: none that we know */

/* A rule of the page's own style sheets that hides a class or an id. */
struct html_rule {
	char name[64]; /* ".x" or "#x" */
	enum html_hiding hiding;
};

struct html_page {
	struct html_rule rules[HTML_RULES_MAX];
	int n_rules;
	bool styled;		  /* by style sheets: what is not said inline is not known */
	const GumboNode *content; /* what is written: the page or its main part */
};

/* Reads the rules and finds the main part. */
void html_survey(struct html_page *page, const GumboNode *root);
void html_rules_add(struct html_page *page, const char *css, size_t n_bytes);

enum html_fate {
	HTML_CONTENT,
	HTML_DROPPED, /* navigation, scripts, forms */
	HTML_HIDDEN,  /* text that no reader sees: goes aside */
};
enum html_fate html_fate(
	const struct html_page *page, const GumboNode *node, enum annotation_kind *kind);
/* A header or footer of the page, not of an article in it. */
bool html_is_of_page(const GumboNode *node);
/* A table that arranges the page rather than data. */
bool html_is_layout(const GumboNode *table);
/* The text under a node, at most max bytes of it, scripts left out. */
void html_text(const GumboNode *node, size_t max, struct buf *out);

/* ── tables ── */

struct html_cell {
	struct flow text;
	int columns, rows; /* that it spans */
	bool is_header;
};

struct html_span {
	struct buf text;
	int rows; /* that are left of it */
};

struct html_table {
	struct html_cell *cells; /* of the open row */
	int n_cells, cap_cells;
	struct html_span *spans; /* from the rows above, by column */
	int n_spans;
	struct flow_row row; /* that is being laid out */
	bool begun;	     /* a row was written */
	bool in_head;	     /* the open row stands in <thead> */
};

void html_table_begin(struct html_table *t); /* another table */
void html_table_finish(struct html_table *t);
struct flow *html_table_cell(struct html_table *t, const GumboNode *node);
void html_table_row(struct html_table *t, struct draft *d); /* ends and writes the open row */

#endif
