/*
 * Styles of OpenDocument (part 3, chapters 16 and 20): as much as tells whether text is seen and
 * what its paragraphs are. They all come before the body, so what a style inherits is found when it
 * is first asked for, and kept.
 */
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/odf.h"

#define ANCESTORS_MAX 32
#define POINTS_MAX 1e5

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct odf_style *)a)->key, ((const struct odf_style *)b)->key);
}

static char *key_of(const char *family, const char *name)
{
	char *key = NULL;
	int n = asprintf(&key, "%s\n%s", family, name);

	ASSERT(n >= 0);
	return key;
}

static char *copy(const char *s)
{
	char *c = s ? strdup(s) : NULL;

	ASSERT(!s || c);
	return c;
}

/* A new style, or a later one of the same name in the place of the earlier. */
static struct odf_style *put(struct odf *o, const char *family, const char *name)
{
	static const struct odf_style BLANK = {.color = ODF_UNSET,
		.text_ground = ODF_UNSET,
		.block_ground = ODF_UNSET,
		.fill = ODF_UNSET,
		.hidden = -1,
		.outline = -1};
	struct odf_style *s = malloc(sizeof(*s));
	struct odf_style **at;

	ASSERT(s != NULL);
	*s = BLANK;
	s->key = key_of(family, name);
	at = tsearch(s, &o->styles, by_key);
	ASSERT(at != NULL);
	if (*at != s) {
		char *key = (*at)->key;

		free(s->key);
		free((*at)->parent);
		free((*at)->list);
		free((*at)->layout);
		**at = BLANK;
		(*at)->key = key;
		free(s);
		s = *at;
	}
	return s;
}

static struct odf_style *lookup(struct odf *o, const char *family, const char *name)
{
	struct odf_style wanted = {.key = key_of(family, name)};
	struct odf_style **at = tfind(&wanted, &o->styles, by_key);

	free(wanted.key);
	return at ? *at : NULL;
}

/* ── values ── */

double odf_points(const char *s)
{
	static const struct {
		const char *unit;
		double points;
	} UNITS[] = {
		{"cm", 72 / 2.54},
		{"mm", 72 / 25.4},
		{"inch", 72},
		{"in", 72},
		{"pt", 1},
		{"pc", 12},
		{"px", 0.75},
	};
	char *end;
	double v = s ? strtod(s, &end) : 0;

	for (size_t i = 0; s && i < sizeof(UNITS) / sizeof(UNITS[0]); i++) {
		if (strncmp(end, UNITS[i].unit, strlen(UNITS[i].unit)) == 0) {
			v *= UNITS[i].points;
			return v > -POINTS_MAX && v < POINTS_MAX ? v : 0;
		}
	}
	return 0;
}

static int32_t color_of(const char *s)
{
	char *end;
	unsigned long v;

	if (!s || *s != '#') {
		return ODF_NONE; /* "transparent" */
	}
	v = strtoul(s + 1, &end, 16);
	return end == s + 7 ? (int32_t)v : ODF_NONE;
}

static void take_ground(const struct xml_element *el, int32_t *to)
{
	const char *s = xml_attr_in(el, "xsl-fo", "background-color");

	if (s) {
		*to = color_of(s);
	}
}

static void take_text_properties(const struct xml_element *el, struct odf_style *s)
{
	const char *color = xml_attr_in(el, "xsl-fo", "color");
	const char *size = xml_attr_in(el, "xsl-fo", "font-size");
	const char *display = xml_attr_in(el, "xmlns:text", "display");
	const char *automatic = xml_attr(el, "use-window-font-color");

	take_ground(el, &s->text_ground);
	if (color) {
		s->color = color_of(color);
	}
	if (automatic && strcmp(automatic, "true") == 0) {
		s->color = ODF_NONE;
	}
	if (size && strchr(size, '%')) {
		double percent = strtod(size, NULL);

		s->percent = percent > 0 && percent < 10000 ? (float)percent : 0;
	} else if (size) {
		s->size = (float)odf_points(size);
	}
	if (display) {
		s->hidden = strcmp(display, "none") == 0;
	}
}

/* Of shapes and slides: draw:fill says which of draw:fill-… holds. */
static void take_fill(const struct xml_element *el, struct odf_style *s)
{
	const char *fill = xml_attr_in(el, "xmlns:drawing", "fill");
	const char *color = xml_attr_in(el, "xmlns:drawing", "fill-color");
	const char *visibility = xml_attr_in(el, "presentation", "visibility");

	take_ground(el, &s->block_ground);
	if (fill && strcmp(fill, "none") == 0) {
		s->fill = ODF_NONE;
	} else if (fill && strcmp(fill, "solid") != 0) {
		s->fill = ODF_UNKNOWN;
	} else if (color) {
		s->fill = color_of(color);
	} else if (fill) {
		s->fill = ODF_UNKNOWN; /* solid in the colour of a parent */
	}
	if (visibility) {
		s->hidden = strcmp(visibility, "hidden") == 0;
	}
}

static enum odf_role role_of(const char *name)
{
	static const struct {
		const char *name;
		enum odf_role role;
	} ROLES[] = {
		{"Preformatted_20_Text", ODF_ROLE_CODE},
		{"Source_20_Code", ODF_ROLE_CODE},
		{"Title", ODF_ROLE_TITLE},
		{"Table_20_Heading", ODF_ROLE_TABLE_HEADING},
	};

	for (size_t i = 0; i < sizeof(ROLES) / sizeof(ROLES[0]); i++) {
		if (strcmp(name, ROLES[i].name) == 0) {
			return ROLES[i].role;
		}
	}
	return ODF_ROLE_NONE;
}

/* ── learning ── */

static void begin_style(struct odf *o, const struct xml_element *el)
{
	const char *family = xml_attr(el, "family");
	const char *name = xml_attr(el, "name");
	const char *outline = xml_attr(el, "default-outline-level");
	struct odf_style *s;

	s = put(o, family ? family : "", name ? name : "");
	s->parent = copy(xml_attr(el, "parent-style-name"));
	s->list = copy(xml_attr(el, "list-style-name"));
	s->role = role_of(name ? name : "");
	if (outline) {
		s->outline = (int8_t)strtol(outline, NULL, 10);
	} else if (name && strncmp(name, "Heading_20_", 11) == 0) {
		s->outline = (int8_t)strtol(name + 11, NULL, 10);
	}
	o->style = s;
}

static void take_level(struct odf *o, enum odf_tag tag, const struct xml_element *el)
{
	int level = odf_count(el, "level", ODF_LEVELS) - 1;
	const char *format = xml_attr(el, "num-format");
	const char *bullet = xml_attr(el, "bullet-char");
	struct odf_style *s = o->list_style;

	s->starts[level] = odf_count(el, "start-value", INT32_MAX / 2);
	if (tag == ODF_TEXT_LIST_LEVEL_STYLE_NUMBER) {
		s->markers[level] = format && *format ? ODF_MARKER_NUMBER : ODF_MARKER_NONE;
	} else if (bullet && !*bullet) {
		s->markers[level] = ODF_MARKER_NONE;
	}
}

static void begin_master(struct odf *o, const struct xml_element *el)
{
	const char *name = xml_attr(el, "name");
	struct odf_style *ground = odf_style(o, "drawing-page", xml_attr(el, "style-name"));

	o->master = put(o, "master-page", name ? name : "");
	o->master->layout = copy(xml_attr(el, "page-layout-name"));
	/* At once: the content's automatic styles may take the same names. */
	o->master->fill = ground ? ground->fill : ODF_NONE;
}

static void take_layout(struct odf *o, const struct xml_element *el)
{
	double width = odf_points(xml_attr(el, "page-width"));
	double height = odf_points(xml_attr(el, "page-height"));

	if (o->layout && width > 0 && height > 0) {
		o->layout->width = width;
		o->layout->height = height;
	}
}

void odf_styles_start(struct odf *o, enum odf_tag tag, const struct xml_element *el)
{
	const char *name = xml_attr(el, "name"), *display;

	if (o->master) {
		/* Placeholders of the master stand for shapes of its slides. */
		o->master->painted |= odf_in(el, "draw") &&
				      !xml_attr_in(el, "presentation", "class") &&
				      xml_attr(el, "layer");
		return;
	}
	switch (tag) {
	case ODF_STYLE_STYLE:
	case ODF_STYLE_DEFAULT_STYLE:
		begin_style(o, el);
		break;
	case ODF_TEXT_LIST_STYLE:
		o->list_style = put(o, "list", name ? name : "");
		break;
	case ODF_STYLE_PAGE_LAYOUT:
		o->layout = put(o, "page-layout", name ? name : "");
		break;
	case ODF_STYLE_PAGE_LAYOUT_PROPERTIES:
		take_layout(o, el);
		break;
	case ODF_STYLE_MASTER_PAGE:
		begin_master(o, el);
		break;
	case ODF_TEXT_LIST_LEVEL_STYLE_NUMBER:
	case ODF_TEXT_LIST_LEVEL_STYLE_BULLET:
	case ODF_TEXT_LIST_LEVEL_STYLE_IMAGE:
		if (o->list_style) {
			take_level(o, tag, el);
		}
		break;
	case ODF_STYLE_TEXT_PROPERTIES:
		/* Those of a list's level are of its marker. */
		if (o->style && !o->list_style) {
			take_text_properties(el, o->style);
		}
		break;
	case ODF_STYLE_GRAPHIC_PROPERTIES:
	case ODF_STYLE_DRAWING_PAGE_PROPERTIES:
		if (o->style) {
			take_fill(el, o->style);
		}
		break;
	case ODF_STYLE_PARAGRAPH_PROPERTIES:
	case ODF_STYLE_TABLE_CELL_PROPERTIES:
	case ODF_STYLE_TABLE_ROW_PROPERTIES:
	case ODF_STYLE_SECTION_PROPERTIES:
	case ODF_STYLE_TABLE_PROPERTIES:
		display = xml_attr_in(el, "xmlns:table", "display");
		if (o->style) {
			take_ground(el, &o->style->block_ground);
			o->style->hidden =
				display ? strcmp(display, "false") == 0 : o->style->hidden;
		}
		break;
	default:
		break;
	}
}

void odf_styles_end(struct odf *o, enum odf_tag tag)
{
	if (tag == ODF_STYLE_MASTER_PAGE) {
		o->master = NULL;
	} else if (tag == ODF_STYLE_STYLE || tag == ODF_STYLE_DEFAULT_STYLE) {
		o->style = NULL;
	} else if (tag == ODF_TEXT_LIST_STYLE) {
		o->list_style = NULL;
	} else if (tag == ODF_STYLE_PAGE_LAYOUT) {
		o->layout = NULL;
	}
}

/* ── asking ── */

static void inherit(struct odf_style *s, const struct odf_style *from)
{
	s->color = s->color == ODF_UNSET ? from->color : s->color;
	s->text_ground = s->text_ground == ODF_UNSET ? from->text_ground : s->text_ground;
	s->block_ground = s->block_ground == ODF_UNSET ? from->block_ground : s->block_ground;
	s->fill = s->fill == ODF_UNSET ? from->fill : s->fill;
	s->hidden = s->hidden < 0 ? from->hidden : s->hidden;
	s->outline = s->outline < 0 ? from->outline : s->outline;
	s->role = s->role == ODF_ROLE_NONE ? from->role : s->role;
	if (s->percent > 0 && from->size > 0) {
		s->size = from->size * s->percent / 100;
		s->percent = 0;
	} else if (s->percent <= 0 && s->size <= 0) {
		s->size = from->size;
		s->percent = from->percent;
	}
	if (!s->list && from->list) {
		s->list = copy(from->list);
	}
}

struct odf_style *odf_style(struct odf *o, const char *family, const char *name)
{
	struct odf_style *chain[ANCESTORS_MAX];
	struct odf_style *s = name ? lookup(o, family, name) : NULL;
	struct odf_style *base;
	int n = 0;

	if (!s || s->resolved) {
		return s;
	}
	while (s && !s->resolved && n < ANCESTORS_MAX) {
		s->resolved = true; /* ends a circle */
		chain[n++] = s;
		s = s->parent && *s->parent ? lookup(o, family, s->parent) : NULL;
	}
	/* The defaults of text hold for the whole body, and shapes go before them. */
	base = s || strcmp(family, "text") == 0 || strcmp(family, "paragraph") == 0
		       ? s
		       : lookup(o, family, "");
	while (n > 0) {
		n--;
		if (base && base != chain[n]) {
			inherit(chain[n], base);
		}
		base = chain[n];
	}
	return chain[0];
}
