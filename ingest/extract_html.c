/*
 * HTML by gumbo's HTML5 parser. What a reader of the page would see as its content: navigation,
 * menus, hidden elements, scripts and forms are left out. The walk keeps its own stack on the heap,
 * since documents nest as deeply as they like.
 */
#include <ctype.h>
#include <gumbo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ingest/child.h"

/* ── a walk over a tree of any depth ── */

struct step {
	const GumboNode *node;
	unsigned int next; /* child */
	int ordinal;	   /* of the last list item */
	bool layout;	   /* a table that arranges the page */
};

struct walk {
	struct step *steps;
	size_t n, cap;
};

static void walk_push(struct walk *w, const GumboNode *node)
{
	if (w->n == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 256;
		w->steps = realloc(w->steps, w->cap * sizeof(*w->steps));
		ASSERT(w->steps != NULL);
	}
	w->steps[w->n++] = (struct step){.node = node};
}

static const GumboVector *children(const GumboNode *node)
{
	switch (node->type) {
	case GUMBO_NODE_ELEMENT:
	case GUMBO_NODE_TEMPLATE:
		return &node->v.element.children;
	case GUMBO_NODE_DOCUMENT:
		return &node->v.document.children;
	default:
		return NULL;
	}
}

static GumboTag tag_of(const GumboNode *node)
{
	return node->type == GUMBO_NODE_ELEMENT ? node->v.element.tag : GUMBO_TAG_LAST;
}

/* The next child of the topmost step, or NULL when it has no more. */
static const GumboNode *walk_child(struct walk *w)
{
	struct step *top = &w->steps[w->n - 1];
	const GumboVector *v = children(top->node);

	return v && top->next < v->length ? v->data[top->next++] : NULL;
}

/* ── what counts ── */

static const char *attribute(const GumboNode *node, const char *name)
{
	const GumboAttribute *a = gumbo_get_attribute(&node->v.element.attributes, name);

	return a ? a->value : NULL;
}

/* `what` in a style attribute, blanks aside. */
static bool style_says(const char *style, const char *what)
{
	char packed[256];
	size_t n = 0;

	for (; style && *style && n < sizeof(packed) - 1; style++) {
		if (!isspace((unsigned char)*style)) {
			packed[n++] = (char)tolower((unsigned char)*style);
		}
	}
	packed[n] = '\0';
	return strstr(packed, what) != NULL;
}

static bool hidden(const GumboNode *node)
{
	const char *aria = attribute(node, "aria-hidden");
	const char *style = attribute(node, "style");

	return attribute(node, "hidden") || (aria && strcasecmp(aria, "true") == 0) ||
	       style_says(style, "display:none") || style_says(style, "visibility:hidden");
}

static bool role_is_chrome(const GumboNode *node)
{
	static const char *const ROLES[] = {"navigation", "menu", "menubar", "search", "banner",
		"contentinfo", "toolbar", "dialog"};
	const char *role = attribute(node, "role");

	for (size_t i = 0; role && i < sizeof(ROLES) / sizeof(ROLES[0]); i++) {
		if (strcasecmp(role, ROLES[i]) == 0) {
			return true;
		}
	}
	return false;
}

/* An aside that is mostly links is a menu. */
static bool is_menu(const GumboNode *node)
{
	struct walk w = {0};
	size_t n_all = 0, n_linked = 0, links = 0;
	bool nav = false;

	walk_push(&w, node);
	while (w.n && !nav) {
		const GumboNode *child = walk_child(&w);

		if (!child) {
			links -= tag_of(w.steps[--w.n].node) == GUMBO_TAG_A;
		} else if (child->type == GUMBO_NODE_TEXT) {
			size_t len = strlen(child->v.text.text);

			n_all += len;
			n_linked += links ? len : 0;
		} else {
			nav = tag_of(child) == GUMBO_TAG_NAV;
			links += tag_of(child) == GUMBO_TAG_A;
			walk_push(&w, child);
		}
	}
	free(w.steps);
	return nav || n_linked * 2 > n_all;
}

/* A header or footer of the page, not of an article in it. */
static bool is_of_page(const GumboNode *node)
{
	const GumboNode *up = node->parent;

	for (int i = 0; up && i < 64; i++, up = up->parent) {
		switch (tag_of(up)) {
		case GUMBO_TAG_ARTICLE:
		case GUMBO_TAG_MAIN:
		case GUMBO_TAG_SECTION:
		case GUMBO_TAG_BLOCKQUOTE:
			return false;
		default:
			break;
		}
	}
	return true;
}

static bool skipped(const GumboNode *node)
{
	switch (tag_of(node)) {
	case GUMBO_TAG_SCRIPT:
	case GUMBO_TAG_STYLE:
	case GUMBO_TAG_NOSCRIPT:
	case GUMBO_TAG_TEMPLATE:
	case GUMBO_TAG_NAV:
	case GUMBO_TAG_IFRAME:
	case GUMBO_TAG_SVG:
	case GUMBO_TAG_OBJECT:
	case GUMBO_TAG_BUTTON:
	case GUMBO_TAG_SELECT:
	case GUMBO_TAG_TEXTAREA:
	case GUMBO_TAG_TITLE:
	case GUMBO_TAG_AUDIO:
	case GUMBO_TAG_VIDEO:
	case GUMBO_TAG_CANVAS:
		return true;
	case GUMBO_TAG_FOOTER:
		return is_of_page(node) || hidden(node);
	case GUMBO_TAG_ASIDE:
		return hidden(node) || role_is_chrome(node) || is_menu(node);
	default:
		return hidden(node) || role_is_chrome(node);
	}
}

/* A table that arranges the page rather than data. */
static bool is_layout(const GumboNode *table)
{
	struct walk w = {0};
	const char *role = attribute(table, "role");
	bool layout =
		role && (strcasecmp(role, "presentation") == 0 || strcasecmp(role, "none") == 0);

	walk_push(&w, table);
	while (w.n && !layout) {
		const GumboNode *child = walk_child(&w);
		GumboTag tag;

		if (!child) {
			w.n--;
			continue;
		}
		tag = tag_of(child);
		layout = tag == GUMBO_TAG_TABLE || (tag >= GUMBO_TAG_H1 && tag <= GUMBO_TAG_H6) ||
			 tag == GUMBO_TAG_ARTICLE || tag == GUMBO_TAG_PRE;
		walk_push(&w, child);
	}
	free(w.steps);
	return layout;
}

/* ── writing ── */

struct page_writer {
	struct draft *d;
	struct walk walk;
	struct buf line;
	char marker[24];	     /* of the list item that begins; "": none does */
	int heading;		     /* level of the open one; 0: none */
	int pre, row, headings_only; /* open elements of these kinds */
	bool cell_before;
};

static bool blank(const struct buf *b)
{
	for (size_t i = 0; i < b->len; i++) {
		if (!isspace((unsigned char)b->data[i])) {
			return false;
		}
	}
	return true;
}

static void newlines_to_spaces(struct buf *b)
{
	for (size_t i = 0; i < b->len; i++) {
		b->data[i] = b->data[i] == '\n' ? ' ' : b->data[i];
	}
}

static void write_lines(struct page_writer *w)
{
	const char *p = w->line.data;
	const char *end = p + w->line.len;

	while (p < end) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));

		stop = stop ? stop : end;
		draft_line(w->d, p, (size_t)(stop - p), NULL);
		p = stop + 1;
	}
}

/* The text since the last block's edge becomes a block. */
static void flush(struct page_writer *w)
{
	enum block_kind kind = BLOCK_PARAGRAPH;

	if (blank(&w->line) || (w->headings_only && !w->heading)) {
		buf_clear(&w->line);
		return;
	}
	if (w->heading) {
		kind = BLOCK_HEADING;
		newlines_to_spaces(&w->line);
		if (w->heading == 1) {
			draft_title(w->d, w->line.data, w->line.len);
		}
	} else if (w->pre) {
		kind = BLOCK_CODE;
	} else if (w->marker[0]) {
		struct buf item = BUF_INIT;

		kind = BLOCK_LIST_ITEM;
		buf_str(&item, w->marker);
		buf_add(&item, w->line.data, w->line.len);
		buf_finish(&w->line);
		w->line = item;
		w->marker[0] = '\0';
	}
	draft_block(w->d, kind, w->heading);
	write_lines(w);
	buf_clear(&w->line);
}

static void flush_row(struct page_writer *w)
{
	newlines_to_spaces(&w->line);
	/* Cells without any text make no row. */
	if (!blank(&w->line) && strspn(w->line.data, " |\t") < w->line.len) {
		draft_block(w->d, BLOCK_TABLE_ROW, 0);
		draft_line(w->d, w->line.data, w->line.len, NULL);
	}
	buf_clear(&w->line);
}

static void block_edge(struct page_writer *w)
{
	if (w->row) {
		buf_char(&w->line, ' ');
	} else {
		flush(w);
	}
}

static void begin_item(struct page_writer *w)
{
	struct step *list = NULL;

	block_edge(w);
	for (size_t i = w->walk.n; i > 0 && !list; i--) {
		GumboTag tag = tag_of(w->walk.steps[i - 1].node);

		list = tag == GUMBO_TAG_OL || tag == GUMBO_TAG_UL ? &w->walk.steps[i - 1] : NULL;
		if (w->walk.n - i > 8) {
			break;
		}
	}
	if (w->row) {
		buf_str(&w->line, "- ");
	} else if (list && tag_of(list->node) == GUMBO_TAG_OL) {
		snprintf(w->marker, sizeof(w->marker), "%d. ", ++list->ordinal);
	} else {
		snprintf(w->marker, sizeof(w->marker), "- ");
	}
}

/* Elements that text does not flow across. */
static bool is_block(GumboTag tag)
{
	switch (tag) {
	case GUMBO_TAG_P:
	case GUMBO_TAG_DIV:
	case GUMBO_TAG_SECTION:
	case GUMBO_TAG_ARTICLE:
	case GUMBO_TAG_MAIN:
	case GUMBO_TAG_ASIDE:
	case GUMBO_TAG_HEADER:
	case GUMBO_TAG_FOOTER:
	case GUMBO_TAG_BLOCKQUOTE:
	case GUMBO_TAG_UL:
	case GUMBO_TAG_OL:
	case GUMBO_TAG_DL:
	case GUMBO_TAG_DT:
	case GUMBO_TAG_DD:
	case GUMBO_TAG_TABLE:
	case GUMBO_TAG_CAPTION:
	case GUMBO_TAG_FIGURE:
	case GUMBO_TAG_FIGCAPTION:
	case GUMBO_TAG_FORM:
	case GUMBO_TAG_FIELDSET:
	case GUMBO_TAG_DETAILS:
	case GUMBO_TAG_SUMMARY:
	case GUMBO_TAG_ADDRESS:
	case GUMBO_TAG_HR:
	case GUMBO_TAG_BODY:
	case GUMBO_TAG_CENTER:
	case GUMBO_TAG_TD:
	case GUMBO_TAG_TH:
	case GUMBO_TAG_TR:
		return true;
	default:
		return false;
	}
}

/* Rows of data tables only; a table that arranges the page counts as plain blocks. */
static bool in_data_table(const struct page_writer *w)
{
	for (size_t i = w->walk.n; i > 0 && w->walk.n - i < 8; i--) {
		const struct step *up = &w->walk.steps[i - 1];

		if (tag_of(up->node) == GUMBO_TAG_TABLE) {
			return !up->layout;
		}
	}
	return false;
}

static void on_enter(struct page_writer *w, const GumboNode *node)
{
	GumboTag tag = tag_of(node);

	if (tag >= GUMBO_TAG_H1 && tag <= GUMBO_TAG_H6 && !w->row) {
		flush(w);
		w->heading = (int)(tag - GUMBO_TAG_H1) + 1;
	} else if (tag == GUMBO_TAG_LI) {
		begin_item(w);
	} else if (tag == GUMBO_TAG_PRE) {
		block_edge(w);
		w->pre++;
	} else if (tag == GUMBO_TAG_TR && !w->row && in_data_table(w)) {
		flush(w);
		w->row = 1;
		w->cell_before = false;
	} else if (w->row && (tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH)) {
		buf_str(&w->line, w->cell_before ? " | " : "");
		w->cell_before = true;
	} else if (tag == GUMBO_TAG_BR) {
		buf_char(&w->line, '\n');
	} else if (tag == GUMBO_TAG_HEADER && is_of_page(node)) {
		flush(w);
		w->headings_only++;
	} else if (is_block(tag)) {
		block_edge(w);
	}
}

static void on_leave(struct page_writer *w, const GumboNode *node)
{
	GumboTag tag = tag_of(node);

	if (tag >= GUMBO_TAG_H1 && tag <= GUMBO_TAG_H6 && !w->row) {
		flush(w);
		w->heading = 0;
	} else if (tag == GUMBO_TAG_LI) {
		block_edge(w);
		w->marker[0] = '\0';
	} else if (tag == GUMBO_TAG_PRE) {
		block_edge(w);
		w->pre--;
	} else if (tag == GUMBO_TAG_TR && w->row) {
		flush_row(w);
		w->row = 0;
	} else if (w->row && (tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH)) {
		return;
	} else if (tag == GUMBO_TAG_HEADER && is_of_page(node)) {
		flush(w);
		w->headings_only--;
	} else if (is_block(tag)) {
		block_edge(w);
	}
}

/* White space in text is one space, except in pre. */
static void add_text(struct page_writer *w, const char *s)
{
	if (w->pre && !w->row) {
		buf_str(&w->line, s);
		return;
	}
	for (; *s; s++) {
		if (!isspace((unsigned char)*s)) {
			buf_char(&w->line, *s);
		} else if (w->line.len && !isspace((unsigned char)w->line.data[w->line.len - 1])) {
			buf_char(&w->line, ' ');
		}
	}
}

static void take_title(const GumboNode *title, struct draft *d)
{
	const GumboVector *v = children(title);

	for (unsigned int i = 0; v && i < v->length; i++) {
		const GumboNode *text = v->data[i];

		if (text->type == GUMBO_NODE_TEXT) {
			draft_title(d, text->v.text.text, strlen(text->v.text.text));
		}
	}
}

static void write_tree(const GumboNode *root, struct draft *d)
{
	struct page_writer w = {.d = d};

	walk_push(&w.walk, root);
	while (w.walk.n) {
		const GumboNode *child = walk_child(&w.walk);

		if (!child) {
			on_leave(&w, w.walk.steps[w.walk.n - 1].node);
			w.walk.n--;
		} else if (child->type == GUMBO_NODE_TEXT || child->type == GUMBO_NODE_WHITESPACE ||
			   child->type == GUMBO_NODE_CDATA) {
			add_text(&w, child->v.text.text);
		} else if (tag_of(child) == GUMBO_TAG_TITLE) {
			take_title(child, d);
		} else if (child->type == GUMBO_NODE_ELEMENT && !skipped(child)) {
			on_enter(&w, child);
			walk_push(&w.walk, child);
			w.walk.steps[w.walk.n - 1].layout =
				tag_of(child) == GUMBO_TAG_TABLE && is_layout(child);
		}
	}
	flush(&w);
	buf_finish(&w.line);
	free(w.walk.steps);
}

#define DEPTH_TO_FREE 1000

/* gumbo 0.10 frees recursively: a deep tree stays until the process ends. */
static bool is_shallow(const GumboNode *root)
{
	struct walk w = {0};
	bool shallow = true;

	walk_push(&w, root);
	while (w.n && shallow) {
		const GumboNode *child = walk_child(&w);

		if (child) {
			walk_push(&w, child);
			shallow = w.n < DEPTH_TO_FREE;
		} else {
			w.n--;
		}
	}
	free(w.steps);
	return shallow;
}

void html_write(const char *p, size_t n_bytes, struct draft *d)
{
	GumboOptions options = kGumboDefaultOptions;
	GumboOutput *tree;

	options.max_errors = 0;
	tree = gumbo_parse_with_options(&options, p, n_bytes);
	if (!tree) {
		draft_fault(d, FAULT_BROKEN, 0, NULL);
	}
	write_tree(tree->document, d);
	if (is_shallow(tree->document)) {
		gumbo_destroy_output(&options, tree);
	}
}

/* <meta charset="…"> or its older spelling, within the first 1024 bytes (HTML5, 4.2.5.4). */
static const char *declared_charset(const struct document *doc, char out[40])
{
	const char *p = doc->bytes;
	const char *end = p + (doc->n_bytes < 1024 ? doc->n_bytes : 1024);
	size_t n = 0;

	while (p + 8 < end && strncasecmp(p, "charset=", 8) != 0) {
		p++;
	}
	if (p + 8 >= end) {
		return NULL;
	}
	for (p += 8; p < end && strchr("\"' ", *p) && *p; p++) {
	}
	while (p < end && n < 39 && (isalnum((unsigned char)*p) || (*p && strchr("-_:.", *p)))) {
		out[n++] = *p++;
	}
	out[n] = '\0';
	return n ? out : NULL;
}

void extract_html(struct document *doc, struct draft *d)
{
	struct buf text = BUF_INIT;
	char charset[40];

	draft_page(d, 0, 0);
	if (!text_decode(doc->bytes, doc->n_bytes, declared_charset(doc, charset), &text)) {
		draft_fault(d, FAULT_BROKEN, 0, NULL);
	}
	html_write(text.data ? text.data : "", text.len, d);
}
