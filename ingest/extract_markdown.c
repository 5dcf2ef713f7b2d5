/* Markdown (CommonMark with GitHub's tables and footnotes): link texts stay, addresses go aside. */
#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ingest/child.h"
#include "ingest/effort.h"
#include "ingest/flow.h"

#define OPTIONS (CMARK_OPT_FOOTNOTES | CMARK_OPT_VALIDATE_UTF8)

struct scribe {
	struct draft *d;
	struct flow line;
	bool item_open; /* the next paragraph is a list item's first */
	char marker[24];
	int n_notes; /* footnotes defined so far */
	bool note_open;
	bool note_begins; /* the next paragraph is a footnote's first */
};

static void flush(struct scribe *s, enum block_kind kind, int level)
{
	flow_write(&s->line, s->d, kind, level, NULL);
}

static void flush_paragraph(struct scribe *s)
{
	char words[32];

	if (s->note_open) {
		if (s->note_begins) {
			snprintf(words, sizeof(words), "Note %d: ", s->n_notes);
			flow_lead(&s->line, words);
		}
		s->note_begins = false;
		flush(s, BLOCK_NOTE, 0);
	} else if (s->item_open) {
		flow_lead(&s->line, s->marker);
		s->item_open = false;
		flush(s, BLOCK_LIST_ITEM, 0);
	} else {
		flush(s, BLOCK_PARAGRAPH, 0);
	}
}

static void begin_item(struct scribe *s, cmark_node *item)
{
	cmark_node *list = cmark_node_parent(item);
	/* Items seen so far are counted on the list: asking for the ones before would be quadratic.
	 */
	intptr_t n_before = (intptr_t)cmark_node_get_user_data(list);

	cmark_node_set_user_data(list, (void *)(n_before + 1));
	snprintf(s->marker, sizeof(s->marker), "- ");
	if (cmark_node_get_list_type(list) == CMARK_ORDERED_LIST) {
		snprintf(s->marker, sizeof(s->marker), "%ld. ",
			(long)(cmark_node_get_list_start(list) + n_before));
	}
	s->item_open = true;
}

/* What stands in <!-- … -->: nobody sees it on the page. */
static void take_comments(struct scribe *s, const char *html)
{
	const char *start = strstr(html, "<!--");

	while (start) {
		const char *stop = strstr(start + 4, "-->");
		size_t n = stop ? (size_t)(stop - start - 4) : strlen(start + 4);

		draft_annotate(
			s->d, ANNOTATION_COMMENT, draft_at(s->d), draft_at(s->d), start + 4, n);
		start = stop ? strstr(stop, "<!--") : NULL;
	}
}

static void on_inline(struct scribe *s, cmark_node *node, const char *literal)
{
	cmark_node_type type = cmark_node_get_type(node);
	const char *address = cmark_node_get_url(node);

	if (type == CMARK_NODE_SOFTBREAK) {
		buf_char(&s->line.text, ' ');
	} else if (type == CMARK_NODE_LINEBREAK) {
		buf_char(&s->line.text, '\n');
	} else if (type == CMARK_NODE_HTML_INLINE) {
		take_comments(s, literal);
		buf_str(&s->line.text, strncasecmp(literal, "<br", 3) == 0 ? "\n" : "");
	} else if (type == CMARK_NODE_FOOTNOTE_REFERENCE) {
		buf_printf(&s->line.text, "[%s]", literal);
	} else if (type == CMARK_NODE_LINK && flow_link_wanted(address)) {
		flow_begin_link(&s->line, address, strlen(address));
	} else if (type == CMARK_NODE_TEXT || type == CMARK_NODE_CODE) {
		buf_str(&s->line.text, literal);
	}
}

static void on_enter(struct scribe *s, cmark_node *node)
{
	cmark_node_type type = cmark_node_get_type(node);
	const char *literal = cmark_node_get_literal(node);

	literal = literal ? literal : "";
	if (type == CMARK_NODE_CODE_BLOCK) {
		buf_str(&s->line.text, literal);
		flush(s, BLOCK_CODE, 0);
	} else if (type == CMARK_NODE_HTML_BLOCK) {
		take_comments(s, literal);
		html_write(literal, strlen(literal), s->d);
	} else if (type == CMARK_NODE_ITEM) {
		begin_item(s, node);
	} else if (type == CMARK_NODE_FOOTNOTE_DEFINITION) {
		s->n_notes++;
		s->note_open = true;
		s->note_begins = true;
	} else if (strcmp(cmark_node_get_type_string(node), "table_cell") == 0) {
		buf_str(&s->line.text, cmark_node_previous(node) ? " | " : "");
	} else {
		on_inline(s, node, literal);
	}
}

static void on_leave(struct scribe *s, cmark_node *node)
{
	cmark_node_type type = cmark_node_get_type(node);
	const char *name = cmark_node_get_type_string(node);

	if (type == CMARK_NODE_PARAGRAPH) {
		flush_paragraph(s);
	} else if (type == CMARK_NODE_HEADING) {
		int level = cmark_node_get_heading_level(node);

		if (level == 1 && s->line.text.len) {
			draft_title(s->d, s->line.text.data, s->line.text.len);
		}
		flush(s, BLOCK_HEADING, level);
	} else if (type == CMARK_NODE_ITEM) {
		s->item_open = false;
	} else if (type == CMARK_NODE_LINK) {
		flow_end_link(&s->line);
	} else if (type == CMARK_NODE_FOOTNOTE_DEFINITION) {
		s->note_open = false;
	} else if (strcmp(name, "table_row") == 0 || strcmp(name, "table_header") == 0) {
		flush(s, BLOCK_TABLE_ROW, strcmp(name, "table_row") == 0 ? ROW_NEXT : ROW_HEADER);
	}
}

/* ── front matter: "title: Travel policy" between lines of --- ── */

static void take_fact(struct draft *d, const char *line, size_t n)
{
	static const char *const NAMES[] = {"title", "author", "date", "description"};
	const char *colon = memchr(line, ':', n);
	const char *value = colon ? colon + 1 : NULL;
	size_t n_value = colon ? n - (size_t)(value - line) : 0;
	struct buf fact = BUF_INIT;

	while (n_value && strchr(" \"'", *value)) {
		value++;
		n_value--;
	}
	while (n_value && strchr(" \"'", value[n_value - 1])) {
		n_value--;
	}
	for (size_t i = 0; n_value && i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		if (strlen(NAMES[i]) != (size_t)(colon - line) ||
			strncasecmp(line, NAMES[i], strlen(NAMES[i])) != 0) {
			continue;
		}
		if (i == 0) {
			draft_title(d, value, n_value);
		} else {
			buf_printf(&fact, "%c%s: ", NAMES[i][0] - 'a' + 'A', NAMES[i] + 1);
			buf_add(&fact, value, n_value);
			draft_annotate(d, ANNOTATION_PROPERTY, 0, 0, fact.data, fact.len);
		}
	}
	buf_finish(&fact);
}

/* Without what ends it; *next: the line after it, or end. */
static size_t line_length(const char *p, const char *end, const char **next)
{
	const char *stop = memchr(p, '\n', (size_t)(end - p));
	size_t n = (size_t)((stop ? stop : end) - p);

	*next = stop ? stop + 1 : end;
	while (n && (p[n - 1] == '\r' || p[n - 1] == ' ')) {
		n--;
	}
	return n;
}

static bool is_rule(const char *p, size_t n)
{
	return n == 3 && (memcmp(p, "---", 3) == 0 || memcmp(p, "...", 3) == 0);
}

/* Returns how many bytes the front matter has; one that never ends is a rule and text. */
static size_t front_matter(const char *p, size_t n_bytes, struct draft *d)
{
	const char *end = p + n_bytes, *first, *at, *next;
	size_t n = line_length(p, end, &first);

	if (n != 3 || memcmp(p, "---", 3) != 0) {
		return 0;
	}
	for (at = first; at < end; at = next) {
		n = line_length(at, end, &next);
		if (is_rule(at, n)) {
			break;
		}
	}
	if (at >= end) {
		return 0;
	}
	for (const char *line = first; line < at; line = next) {
		n = line_length(line, end, &next);
		take_fact(d, line, n);
	}
	(void)line_length(at, end, &next);
	return (size_t)(next - p);
}

static struct effort effort; /* of the only document: cmark's allocators are told nothing */

static void *allocate(size_t n, size_t size)
{
	effort_ask(&effort);
	return cmark_get_default_mem_allocator()->calloc(n, size);
}

static void *reallocate(void *p, size_t size)
{
	effort_ask(&effort);
	return cmark_get_default_mem_allocator()->realloc(p, size);
}

static cmark_node *parse(const char *p, size_t n, struct draft *d)
{
	static cmark_mem mem = {allocate, reallocate, free};
	cmark_parser *parser = cmark_parser_new_with_mem(OPTIONS, &mem);
	cmark_syntax_extension *table;

	effort_begin(&effort, d, n);
	cmark_gfm_core_extensions_ensure_registered();
	table = cmark_find_syntax_extension("table");
	if (table) {
		cmark_parser_attach_syntax_extension(parser, table);
	}
	cmark_parser_feed(parser, p, n);
	return cmark_parser_finish(parser);
}

void extract_markdown(struct document *doc, struct draft *d)
{
	struct buf text = BUF_INIT;
	struct scribe s = {.d = d};
	size_t skip;
	cmark_iter *walk;
	cmark_event_type event;

	draft_page(d, 0, 0);
	if (!text_decode(doc->bytes, doc->n_bytes, NULL, &text)) {
		draft_fault(d, FAULT_BROKEN, 0, NULL);
	}
	if (!text.len) {
		return;
	}
	skip = front_matter(text.data, text.len, d);
	walk = cmark_iter_new(parse(text.data + skip, text.len - skip, d));
	while ((event = cmark_iter_next(walk)) != CMARK_EVENT_DONE) {
		if (event == CMARK_EVENT_ENTER) {
			on_enter(&s, cmark_iter_get_node(walk));
		} else if (event == CMARK_EVENT_EXIT) {
			on_leave(&s, cmark_iter_get_node(walk));
		}
	}
}
