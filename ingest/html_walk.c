#include <stdlib.h>
#include <string.h>

#include "ingest/html.h"

void html_push(struct html_walk *w, const GumboNode *node)
{
	if (w->n == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 256;
		w->steps = realloc(w->steps, w->cap * sizeof(*w->steps));
		ASSERT(w->steps != NULL);
	}
	w->steps[w->n++] = (struct html_step){.node = node};
}

void html_walk_finish(struct html_walk *w)
{
	free(w->steps);
	*w = (struct html_walk){0};
}

const GumboVector *html_children(const GumboNode *node)
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

GumboTag html_tag(const GumboNode *node)
{
	return node->type == GUMBO_NODE_ELEMENT ? node->v.element.tag : GUMBO_TAG_LAST;
}

const char *html_attribute(const GumboNode *node, const char *name)
{
	const GumboAttribute *a =
		node->type == GUMBO_NODE_ELEMENT || node->type == GUMBO_NODE_TEMPLATE
			? gumbo_get_attribute(&node->v.element.attributes, name)
			: NULL;

	return a ? a->value : NULL;
}

bool html_is_text(const GumboNode *node)
{
	return node->type == GUMBO_NODE_TEXT || node->type == GUMBO_NODE_WHITESPACE ||
	       node->type == GUMBO_NODE_CDATA;
}

const GumboNode *html_child(struct html_walk *w)
{
	struct html_step *top = &w->steps[w->n - 1];
	const GumboVector *v = html_children(top->node);

	return v && top->next < v->length ? v->data[top->next++] : NULL;
}

void html_text(const GumboNode *node, size_t max, struct buf *out)
{
	struct html_walk w = {0};

	html_push(&w, node);
	while (w.n && out->len < max) {
		const GumboNode *child = html_child(&w);
		GumboTag tag;

		if (!child) {
			w.n--;
			continue;
		}
		tag = html_tag(child);
		if (html_is_text(child)) {
			buf_str(out, child->v.text.text);
		} else if (tag != GUMBO_TAG_SCRIPT && tag != GUMBO_TAG_STYLE &&
			   child->type != GUMBO_NODE_COMMENT) {
			buf_str(out, out->len ? " " : "");
			html_push(&w, child);
		}
	}
	html_walk_finish(&w);
}
