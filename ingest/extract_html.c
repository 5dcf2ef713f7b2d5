/*
 * HTML by gumbo's HTML5 parser: what a reader of the page would see as its content, in blocks.
 * Pictures' alternative texts stay out: nobody sees them beside the picture, so they are a way for
 * hidden orders; captions are in.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ingest/effort.h"
#include "ingest/html.h"

struct page_writer {
	struct draft *d;
	struct html_page page;
	struct html_walk walk;
	struct html_table table;
	struct flow line;  /* the text since the last block's edge */
	struct flow *cell; /* of the open row; NULL: none is open */
	size_t n_term;	   /* bytes of the line that are a term whose definition is to come */
	char marker[24];   /* of the list item that begins; "": none does */
	int heading;	   /* level of the open one; 0: none */
	int pre, row, headings_only; /* open elements of these kinds */
};

/* Where text goes: outside of cells a row has none. */
static struct flow *open_text(struct page_writer *w)
{
	return w->row ? w->cell : &w->line;
}

/* The text since the last block's edge becomes a block; a term waits for its definition. */
static void flush(struct page_writer *w)
{
	enum block_kind kind = BLOCK_PARAGRAPH;

	if (w->n_term && w->line.text.len <= w->n_term) {
		return;
	}
	w->n_term = 0;
	if (flow_is_blank(&w->line) || (w->headings_only && !w->heading)) {
		flow_clear(&w->line);
		return;
	}
	if (w->heading) {
		kind = BLOCK_HEADING;
		if (w->heading == 1) {
			draft_title(w->d, w->line.text.data, w->line.text.len);
		}
	} else if (w->pre) {
		kind = BLOCK_CODE;
	} else if (w->marker[0]) {
		kind = BLOCK_LIST_ITEM;
		flow_lead(&w->line, w->marker);
		w->marker[0] = '\0';
	}
	flow_write(&w->line, w->d, kind, w->heading, NULL);
}

static void flush_term(struct page_writer *w)
{
	if (w->n_term >= 2 && w->line.text.len == w->n_term) {
		w->line.text.len -= 2; /* its definition never came */
	}
	w->n_term = 0;
	flush(w);
}

static void block_edge(struct page_writer *w)
{
	if (!w->row) {
		flush(w);
	} else if (w->cell) {
		buf_char(&w->cell->text, ' ');
	}
}

static void begin_item(struct page_writer *w)
{
	struct html_step *list = NULL;

	block_edge(w);
	for (size_t i = w->walk.n; i > 0 && !list; i--) {
		GumboTag tag = html_tag(w->walk.steps[i - 1].node);

		list = tag == GUMBO_TAG_OL || tag == GUMBO_TAG_UL ? &w->walk.steps[i - 1] : NULL;
		if (w->walk.n - i > 8) {
			break;
		}
	}
	if (w->row) {
		buf_str(w->cell ? &w->cell->text : &w->line.text, "- ");
	} else if (list && html_tag(list->node) == GUMBO_TAG_OL) {
		const char *start = html_attribute(list->node, "start");

		if (!list->ordinal && start) {
			list->ordinal = (int)strtol(start, NULL, 10) - 1;
		}
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
		const struct html_step *up = &w->walk.steps[i - 1];

		if (html_tag(up->node) == GUMBO_TAG_TABLE) {
			return !up->layout;
		}
	}
	return false;
}

static void begin_row(struct page_writer *w, const GumboNode *row)
{
	flush_term(w);
	w->row = 1;
	w->cell = NULL;
	w->table.in_head = row->parent && html_tag(row->parent) == GUMBO_TAG_THEAD;
}

static void begin_link(struct page_writer *w, const GumboNode *a, struct html_step *step)
{
	const char *address = html_attribute(a, "href");
	struct flow *text = open_text(w);

	if (text && flow_link_wanted(address) && (w->row || !w->headings_only || w->heading)) {
		flow_begin_link(text, address, strlen(address));
		step->link = true;
	}
}

/* The step of the node is on the walk's stack already. */
static void on_enter(struct page_writer *w, const GumboNode *node)
{
	GumboTag tag = html_tag(node);

	if (tag >= GUMBO_TAG_H1 && tag <= GUMBO_TAG_H6 && !w->row) {
		flush_term(w);
		w->heading = (int)(tag - GUMBO_TAG_H1) + 1;
	} else if (tag == GUMBO_TAG_LI) {
		begin_item(w);
	} else if (tag == GUMBO_TAG_PRE) {
		block_edge(w);
		w->pre++;
	} else if (tag == GUMBO_TAG_TABLE) {
		block_edge(w);
		html_table_begin(&w->table);
	} else if (tag == GUMBO_TAG_TR && !w->row && in_data_table(w)) {
		begin_row(w, node);
	} else if (w->row && (tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH)) {
		w->cell = html_table_cell(&w->table, node);
	} else if (tag == GUMBO_TAG_BR && open_text(w)) {
		buf_char(&open_text(w)->text, '\n');
	} else if (tag == GUMBO_TAG_A) {
		begin_link(w, node, &w->walk.steps[w->walk.n - 1]);
	} else if (tag == GUMBO_TAG_DT && !w->row) {
		flush_term(w);
	} else if (tag == GUMBO_TAG_HEADER && html_is_of_page(node)) {
		flush(w);
		w->headings_only++;
	} else if (is_block(tag)) {
		block_edge(w);
	}
}

static void end_term(struct page_writer *w)
{
	struct buf *line = &w->line.text;

	if (!flow_is_blank(&w->line)) {
		while (isspace((unsigned char)line->data[line->len - 1])) {
			line->len--;
		}
		buf_str(line, line->data[line->len - 1] == ':' ? " " : ": ");
		w->n_term = line->len;
	}
}

static void on_leave(struct page_writer *w, const struct html_step *step)
{
	GumboTag tag = html_tag(step->node);

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
		html_table_row(&w->table, w->d);
		w->row = 0;
		w->cell = NULL;
	} else if (w->row && (tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH)) {
		w->cell = NULL;
	} else if (step->link) {
		flow_end_link(open_text(w) ? open_text(w) : &w->line);
	} else if (tag == GUMBO_TAG_DT && !w->row) {
		end_term(w);
	} else if (tag == GUMBO_TAG_DL && !w->row) {
		flush_term(w);
	} else if (tag == GUMBO_TAG_HEADER && html_is_of_page(step->node)) {
		flush(w);
		w->headings_only--;
	} else if (is_block(tag)) {
		block_edge(w);
	}
}

/* White space in text is one space, except in pre. */
static void add_text(struct page_writer *w, const char *s)
{
	struct buf *out = open_text(w) ? &open_text(w)->text : NULL;

	if (!out) {
		return;
	}
	if (w->pre && !w->row) {
		buf_str(out, s);
		return;
	}
	for (; *s; s++) {
		if (!isspace((unsigned char)*s)) {
			buf_char(out, *s);
		} else if (out->len && !isspace((unsigned char)out->data[out->len - 1])) {
			buf_char(out, ' ');
		}
	}
}

/* ── what is known of the page ── */

static void take_title(const GumboNode *title, struct draft *d)
{
	const GumboVector *v = html_children(title);

	for (unsigned int i = 0; v && i < v->length; i++) {
		const GumboNode *text = v->data[i];

		if (text->type == GUMBO_NODE_TEXT) {
			draft_title(d, text->v.text.text, strlen(text->v.text.text));
		}
	}
}

static void take_meta(const GumboNode *meta, struct draft *d)
{
	static const struct {
		const char *name, *words;
	} KNOWN[] = {{"author", "Author"}, {"description", "Description"}, {"date", "Date"},
		{"article:published_time", "Date"}, {"dc.creator", "Author"}, {"dc.date", "Date"}};
	const char *name = html_attribute(meta, "name");
	const char *content = html_attribute(meta, "content");
	struct buf fact = BUF_INIT;

	name = name ? name : html_attribute(meta, "property");
	for (size_t i = 0; name && content && i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++) {
		if (strcasecmp(name, KNOWN[i].name) == 0 && content[strspn(content, " \t\r\n")]) {
			buf_printf(&fact, "%s: %s", KNOWN[i].words, content);
			draft_annotate(d, ANNOTATION_PROPERTY, draft_at(d), draft_at(d), fact.data,
				fact.len);
			break;
		}
	}
	buf_finish(&fact);
}

static void take_hidden(struct page_writer *w, const GumboNode *node, enum annotation_kind kind)
{
	struct buf text = BUF_INIT;

	html_text(node, ANNOTATION_TEXT_MAX, &text);
	draft_annotate(
		w->d, kind, draft_at(w->d), draft_at(w->d), text.data ? text.data : "", text.len);
	buf_finish(&text);
}

/* Title and facts, wherever the content is: they stand in the head. */
static void take_facts(const GumboNode *root, struct draft *d)
{
	struct html_walk w = {0};

	html_push(&w, root);
	while (w.n) {
		const GumboNode *child = html_child(&w);

		if (!child) {
			w.n--;
		} else if (html_tag(child) == GUMBO_TAG_TITLE) {
			take_title(child, d);
		} else if (html_tag(child) == GUMBO_TAG_META) {
			take_meta(child, d);
		} else if (child->type == GUMBO_NODE_ELEMENT && html_tag(child) != GUMBO_TAG_SVG) {
			html_push(&w, child);
		}
	}
	html_walk_finish(&w);
}

static void write_tree(struct page_writer *w)
{
	html_push(&w->walk, w->page.content);
	while (w->walk.n) {
		const GumboNode *child = html_child(&w->walk);
		enum annotation_kind kind;
		enum html_fate fate;

		if (!child) {
			on_leave(w, &w->walk.steps[w->walk.n - 1]);
			w->walk.n--;
		} else if (html_is_text(child)) {
			add_text(w, child->v.text.text);
		} else if (child->type == GUMBO_NODE_ELEMENT) {
			fate = html_fate(&w->page, child, &kind);
			if (fate == HTML_HIDDEN) {
				take_hidden(w, child, kind);
			} else if (fate == HTML_CONTENT) {
				html_push(&w->walk, child);
				w->walk.steps[w->walk.n - 1].layout =
					html_tag(child) == GUMBO_TAG_TABLE && html_is_layout(child);
				on_enter(w, child);
			}
		}
	}
	flush_term(w);
}

/* gumbo 0.10 frees a tree recursively, however deep it is: what it takes is kept in a list, and
 * freed by that. */
struct lump {
	struct lump *next, *before;
	_Alignas(16) char bytes[];
};

struct memory {
	struct effort effort;
	struct lump *first;
};

static void *allocate(void *memory, size_t n_bytes)
{
	struct memory *m = memory;
	struct lump *b = malloc(sizeof(*b) + n_bytes);

	if (!b) {
		draft_fault(m->effort.d, FAULT_MEMORY, 0, NULL);
	}
	effort_ask(&m->effort);
	*b = (struct lump){.next = m->first};
	if (m->first) {
		m->first->before = b;
	}
	m->first = b;
	return b->bytes;
}

static void deallocate(void *memory, void *p)
{
	struct memory *m = memory;
	struct lump *b = p ? (void *)((char *)p - offsetof(struct lump, bytes)) : NULL;

	if (!b) {
		return;
	}
	if (b->next) {
		b->next->before = b->before;
	}
	if (b->before) {
		b->before->next = b->next;
	} else {
		m->first = b->next;
	}
	free(b);
}

void html_write(const char *p, size_t n_bytes, struct draft *d)
{
	GumboOptions options = kGumboDefaultOptions;
	struct memory memory = {.first = NULL};
	struct page_writer *w = calloc(1, sizeof(*w));
	GumboOutput *tree;

	ASSERT(w != NULL);
	effort_begin(&memory.effort, d, n_bytes);
	options.max_errors = 0;
	options.allocator = allocate;
	options.deallocator = deallocate;
	options.userdata = &memory;
	tree = gumbo_parse_with_options(&options, p, n_bytes);
	if (!tree) {
		draft_fault(d, FAULT_BROKEN, 0, NULL);
	}
	w->d = d;
	draft_block(d, BLOCK_PARAGRAPH, 0);
	take_facts(tree->document, d);
	html_survey(&w->page, tree->document);
	write_tree(w);
	flow_finish(&w->line);
	html_table_finish(&w->table);
	html_walk_finish(&w->walk);
	free(w);
	while (memory.first) {
		deallocate(&memory, memory.first->bytes);
	}
}

/* ── encodings ── */

/* <meta charset="…"> or its older spelling, within the first 1024 bytes (HTML5, 4.2.5.4). */
static const char *declared_charset(const char *p, size_t n_bytes, char out[40])
{
	const char *end = p + (n_bytes < 1024 ? n_bytes : 1024);
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

bool html_decode(const char *p, size_t n_bytes, const char *charset, struct buf *out)
{
	char declared[40];

	return text_decode(
		p, n_bytes, charset ? charset : declared_charset(p, n_bytes, declared), out);
}

void extract_html(struct document *doc, struct draft *d)
{
	struct buf text = BUF_INIT;

	draft_page(d, 0, 0);
	if (!html_decode(doc->bytes, doc->n_bytes, NULL, &text)) {
		draft_fault(d, FAULT_BROKEN, 0, NULL);
	}
	html_write(text.data ? text.data : "", text.len, d);
}
