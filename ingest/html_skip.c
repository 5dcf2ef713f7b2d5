/* What of a page is content: navigation, menus, scripts and forms are not, what is hidden goes
 * aside, and where the page says which part is its main one, the rest stays out. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ingest/html.h"

#define UP_MAX 64 /* ancestors that are looked at */

static bool attribute_is(const GumboNode *node, const char *name, const char *value)
{
	const char *s = html_attribute(node, name);

	return s && strcasecmp(s, value) == 0;
}

/* ── what is hidden ── */

static enum html_hiding rule_for(const struct html_page *page, char sign, const char *s, size_t n)
{
	for (int i = 0; n && i < page->n_rules; i++) {
		const struct html_rule *r = &page->rules[i];

		if (r->name[0] == sign && strlen(r->name + 1) == n &&
			strncasecmp(r->name + 1, s, n) == 0) {
			return r->hiding;
		}
	}
	return HTML_SHOWN;
}

static enum html_hiding hidden_by_rules(const struct html_page *page, const GumboNode *node)
{
	const char *id = html_attribute(node, "id");
	const char *class = html_attribute(node, "class");
	enum html_hiding hiding = HTML_SHOWN;

	if (!page->n_rules) {
		return HTML_SHOWN;
	}
	if (id) {
		hiding = rule_for(page, '#', id, strlen(id));
	}
	while (class && *class && hiding == HTML_SHOWN) {
		size_t n = strcspn(class, " \t\r\n");

		hiding = rule_for(page, '.', class, n);
		class += n + strspn(class + n, " \t\r\n");
	}
	return hiding;
}

static struct html_style inline_style(const GumboNode *node)
{
	const char *style = html_attribute(node, "style");

	return html_style_parse(style ? style : "", style ? strlen(style) : 0);
}

/* The background behind a node, as far as it is said inline; -1: not known. */
static int32_t background_behind(const struct html_page *page, const GumboNode *node)
{
	for (int i = 0; node && i < UP_MAX; i++, node = node->parent) {
		const char *old = html_attribute(node, "bgcolor");
		const char *style = html_attribute(node, "style");

		if (style && strcasestr(style, "background")) {
			return inline_style(node).background;
		}
		if (old || html_attribute(node, "background")) {
			return old ? html_color(old, strlen(old)) : -1;
		}
	}
	/* Pages are white where nobody says otherwise. */
	return page->styled || node ? -1 : 0xffffff;
}

static bool in_color_of_background(const struct html_page *page, const GumboNode *node)
{
	const char *style = html_attribute(node, "style");
	const char *old = html_tag(node) == GUMBO_TAG_FONT ? html_attribute(node, "color") : NULL;
	int32_t color = style ? inline_style(node).color : -1;

	if (color < 0 && old) {
		color = html_color(old, strlen(old));
	}
	return color >= 0 && color == background_behind(page, node);
}

static enum html_hiding hiding_of(const struct html_page *page, const GumboNode *node)
{
	enum html_hiding hiding = hidden_by_rules(page, node);

	if (html_attribute(node, "hidden")) {
		return HTML_NOT_SHOWN;
	}
	if (hiding == HTML_SHOWN && html_attribute(node, "style")) {
		hiding = inline_style(node).hiding;
	}
	if (hiding == HTML_SHOWN && in_color_of_background(page, node)) {
		hiding = HTML_SAME_COLOR;
	}
	return hiding;
}

static enum annotation_kind kind_of(enum html_hiding hiding)
{
	switch (hiding) {
	case HTML_NOT_DRAWN:
		return ANNOTATION_HIDDEN_RENDER;
	case HTML_TOO_SMALL:
		return ANNOTATION_HIDDEN_SIZE;
	case HTML_OFF_PAGE:
		return ANNOTATION_HIDDEN_PLACE;
	case HTML_SAME_COLOR:
		return ANNOTATION_HIDDEN_COLOR;
	default:
		return ANNOTATION_HIDDEN_PART;
	}
}

/* ── what is around the content ── */

static bool role_is_chrome(const GumboNode *node)
{
	static const char *const ROLES[] = {"navigation", "menu", "menubar", "search", "banner",
		"contentinfo", "toolbar", "dialog"};

	for (size_t i = 0; i < sizeof(ROLES) / sizeof(ROLES[0]); i++) {
		if (attribute_is(node, "role", ROLES[i])) {
			return true;
		}
	}
	return false;
}

static bool is_cookie_banner(const GumboNode *node)
{
	static const char *const NAMES[] = {"cookie-banner", "cookie-consent", "cookieconsent",
		"cookie-notice", "cookiebanner", "onetrust-banner"};
	const char *of[] = {html_attribute(node, "id"), html_attribute(node, "class")};

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		if ((of[0] && strcasestr(of[0], NAMES[i])) ||
			(of[1] && strcasestr(of[1], NAMES[i]))) {
			return html_tag(node) != GUMBO_TAG_BODY && html_tag(node) != GUMBO_TAG_HTML;
		}
	}
	return false;
}

/* Only the outermost is judged: to judge each of thousands of nested ones would be quadratic. */
static bool is_outermost_aside(const GumboNode *node)
{
	const GumboNode *up = node->parent;

	for (int i = 0; up && i < UP_MAX; i++, up = up->parent) {
		if (html_tag(up) == GUMBO_TAG_ASIDE) {
			return false;
		}
	}
	return true;
}

/* An aside that is mostly links is a menu. */
static bool is_menu(const GumboNode *node)
{
	struct html_walk w = {0};
	size_t n_all = 0, n_linked = 0, links = 0;
	bool nav = false;

	html_push(&w, node);
	while (w.n && !nav) {
		const GumboNode *child = html_child(&w);

		if (!child) {
			links -= html_tag(w.steps[--w.n].node) == GUMBO_TAG_A;
		} else if (child->type == GUMBO_NODE_TEXT) {
			size_t len = strlen(child->v.text.text);

			n_all += len;
			n_linked += links ? len : 0;
		} else {
			nav = html_tag(child) == GUMBO_TAG_NAV;
			links += html_tag(child) == GUMBO_TAG_A;
			html_push(&w, child);
		}
	}
	html_walk_finish(&w);
	return nav || n_linked * 2 > n_all;
}

bool html_is_of_page(const GumboNode *node)
{
	const GumboNode *up = node->parent;

	for (int i = 0; up && i < UP_MAX; i++, up = up->parent) {
		switch (html_tag(up)) {
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

static bool is_dropped(const GumboNode *node)
{
	switch (html_tag(node)) {
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
		return html_is_of_page(node);
	default:
		return attribute_is(node, "aria-hidden", "true") || role_is_chrome(node) ||
		       is_cookie_banner(node);
	}
}

enum html_fate html_fate(
	const struct html_page *page, const GumboNode *node, enum annotation_kind *kind)
{
	enum html_hiding hiding;

	if (node->type == GUMBO_NODE_TEMPLATE || is_dropped(node)) {
		return HTML_DROPPED;
	}
	hiding = hiding_of(page, node);
	if (hiding != HTML_SHOWN) {
		*kind = kind_of(hiding);
		return HTML_HIDDEN;
	}
	if (html_tag(node) == GUMBO_TAG_ASIDE && is_outermost_aside(node) && is_menu(node)) {
		return HTML_DROPPED;
	}
	return HTML_CONTENT;
}

bool html_is_layout(const GumboNode *table)
{
	struct html_walk w = {0};
	bool layout =
		attribute_is(table, "role", "presentation") || attribute_is(table, "role", "none");

	html_push(&w, table);
	while (w.n && !layout) {
		const GumboNode *child = html_child(&w);
		GumboTag tag;

		if (!child) {
			w.n--;
			continue;
		}
		tag = html_tag(child);
		layout = tag == GUMBO_TAG_TABLE || (tag >= GUMBO_TAG_H1 && tag <= GUMBO_TAG_H6) ||
			 tag == GUMBO_TAG_ARTICLE || tag == GUMBO_TAG_PRE;
		html_push(&w, child);
	}
	html_walk_finish(&w);
	return layout;
}

/* ── the main part ── */

/* How much text of a node would be written. */
static size_t volume(const struct html_page *page, const GumboNode *node)
{
	struct html_walk w = {0};
	enum annotation_kind kind;
	size_t n = 0;

	html_push(&w, node);
	while (w.n) {
		const GumboNode *child = html_child(&w);

		if (!child) {
			w.n--;
		} else if (child->type == GUMBO_NODE_TEXT) {
			n += strlen(child->v.text.text);
		} else if (child->type == GUMBO_NODE_ELEMENT &&
			   html_fate(page, child, &kind) == HTML_CONTENT) {
			html_push(&w, child);
		}
	}
	html_walk_finish(&w);
	return n;
}

struct candidates {
	const GumboNode *main, *article;
	int n_mains, n_articles;
};

static void note(struct html_page *page, struct candidates *c, const GumboNode *node)
{
	GumboTag tag = html_tag(node);

	if (tag == GUMBO_TAG_STYLE) {
		const GumboVector *v = html_children(node);

		page->styled = true;
		for (unsigned int i = 0; v && i < v->length; i++) {
			const GumboNode *text = v->data[i];

			if (html_is_text(text)) {
				html_rules_add(page, text->v.text.text, strlen(text->v.text.text));
			}
		}
	} else if (tag == GUMBO_TAG_LINK) {
		page->styled |= attribute_is(node, "rel", "stylesheet");
	} else if (tag == GUMBO_TAG_MAIN || attribute_is(node, "role", "main")) {
		c->main = node;
		c->n_mains++;
	} else if (tag == GUMBO_TAG_ARTICLE) {
		c->article = node;
		c->n_articles++;
	}
}

void html_survey(struct html_page *page, const GumboNode *root)
{
	struct html_walk w = {0};
	struct candidates c = {0};
	const GumboNode *part;

	page->content = root;
	html_push(&w, root);
	while (w.n) {
		const GumboNode *child = html_child(&w);

		if (!child) {
			w.n--;
		} else if (child->type == GUMBO_NODE_ELEMENT) {
			note(page, &c, child);
			html_push(&w, child);
		}
	}
	html_walk_finish(&w);
	part = c.n_mains == 1 ? c.main : !c.n_mains && c.n_articles == 1 ? c.article : NULL;
	/* Some pages mark a teaser, or an empty place that scripts would fill. */
	if (part && volume(page, part) * 2 > volume(page, root)) {
		page->content = part;
	}
}
