/* Markdown (CommonMark with GitHub's tables): link texts stay, addresses go. */
#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/child.h"

#define OPTIONS (CMARK_OPT_FOOTNOTES | CMARK_OPT_VALIDATE_UTF8)

struct scribe {
	struct draft *d;
	struct buf line;
	bool item_open; /* the next paragraph is a list item's first */
	char marker[24];
};

static void flush(struct scribe *s, enum block_kind kind, int level)
{
	const char *p = s->line.data ? s->line.data : "";
	const char *end = p + s->line.len;

	draft_block(s->d, kind, level);
	while (p < end) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));

		stop = stop ? stop : end;
		draft_line(s->d, p, (size_t)(stop - p), NULL);
		p = stop + 1;
	}
	buf_clear(&s->line);
}

static void flush_paragraph(struct scribe *s)
{
	struct buf item = BUF_INIT;

	if (!s->item_open) {
		flush(s, BLOCK_PARAGRAPH, 0);
		return;
	}
	buf_str(&item, s->marker);
	buf_add(&item, s->line.data ? s->line.data : "", s->line.len);
	buf_finish(&s->line);
	s->line = item;
	s->item_open = false;
	flush(s, BLOCK_LIST_ITEM, 0);
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

static void on_enter(struct scribe *s, cmark_node *node)
{
	cmark_node_type type = cmark_node_get_type(node);
	const char *literal = cmark_node_get_literal(node);

	if (type == CMARK_NODE_TEXT || type == CMARK_NODE_CODE) {
		buf_str(&s->line, literal ? literal : "");
	} else if (type == CMARK_NODE_SOFTBREAK) {
		buf_char(&s->line, ' ');
	} else if (type == CMARK_NODE_LINEBREAK) {
		buf_char(&s->line, '\n');
	} else if (type == CMARK_NODE_HTML_INLINE) {
		buf_str(&s->line, literal && strncmp(literal, "<br", 3) == 0 ? "\n" : "");
	} else if (type == CMARK_NODE_CODE_BLOCK) {
		buf_str(&s->line, literal ? literal : "");
		flush(s, BLOCK_CODE, 0);
	} else if (type == CMARK_NODE_HTML_BLOCK) {
		html_write(literal ? literal : "", literal ? strlen(literal) : 0, s->d);
	} else if (type == CMARK_NODE_ITEM) {
		begin_item(s, node);
	} else if (strcmp(cmark_node_get_type_string(node), "table_cell") == 0 &&
		   cmark_node_previous(node)) {
		buf_str(&s->line, " | ");
	}
}

static void newlines_to_spaces(struct buf *b)
{
	for (size_t i = 0; i < b->len; i++) {
		b->data[i] = b->data[i] == '\n' ? ' ' : b->data[i];
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

		newlines_to_spaces(&s->line);
		if (level == 1 && s->line.len) {
			draft_title(s->d, s->line.data, s->line.len);
		}
		flush(s, BLOCK_HEADING, level);
	} else if (type == CMARK_NODE_ITEM) {
		s->item_open = false;
	} else if (strcmp(name, "table_row") == 0 || strcmp(name, "table_header") == 0) {
		newlines_to_spaces(&s->line);
		flush(s, BLOCK_TABLE_ROW, 0);
	}
}

/* "title: Travel policy" between the lines of ---. Returns how many bytes the front matter has. */
static size_t front_matter(const char *p, size_t n, struct draft *d)
{
	const char *end = p + n, *at = memchr(p, '\n', n);
	const char *title = NULL;
	size_t n_title = 0;

	if (!at || strncmp(p, "---", 3) != 0 || (at - p > 3 && p[3] != '\r')) {
		return 0;
	}
	for (at++; at < end;) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((stop ? stop : end) - at);

		while (len && (at[len - 1] == '\r' || at[len - 1] == ' ')) {
			len--;
		}
		if (len == 3 && (memcmp(at, "---", 3) == 0 || memcmp(at, "...", 3) == 0)) {
			if (n_title) {
				draft_title(d, title, n_title);
			}
			return (size_t)((stop ? stop + 1 : end) - p);
		}
		if (len > 6 && memcmp(at, "title:", 6) == 0) {
			title = at + 6;
			n_title = len - 6;
			while (n_title && (*title == ' ' || *title == '"' || *title == '\'')) {
				title++;
				n_title--;
			}
			while (n_title && strchr(" \"'", title[n_title - 1])) {
				n_title--;
			}
		}
		if (!stop) {
			break;
		}
		at = stop + 1;
	}
	return 0; /* it never ends: a rule and text */
}

static cmark_node *parse(const char *p, size_t n)
{
	cmark_parser *parser = cmark_parser_new(OPTIONS);
	cmark_syntax_extension *table;

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
	walk = cmark_iter_new(parse(text.data + skip, text.len - skip));
	while ((event = cmark_iter_next(walk)) != CMARK_EVENT_DONE) {
		if (event == CMARK_EVENT_ENTER) {
			on_enter(&s, cmark_iter_get_node(walk));
		} else if (event == CMARK_EVENT_EXIT) {
			on_leave(&s, cmark_iter_get_node(walk));
		}
	}
}
