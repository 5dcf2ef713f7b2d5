/* Styles of cells (ECMA-376 part 1, 18.8): number formats, and what makes a cell's text unseen. */
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "ingest/xlsx.h"

#define STYLES_MAX 70000 /* Excel: 65,490 */
#define FORMATS_MAX 2000 /* Excel: 250 */
#define WHITE 0xffffff
#define PATTERNED (-2) /* of a fill: some pattern */

struct font {
	double size; /* points; 0: not said */
	long color;  /* -1: the usual one */
	bool bold;
};

struct styles_reader {
	struct xlsx *x;
	struct {
		long id;
		struct number_format format;
	} * formats;
	struct font *fonts;
	long *fills; /* 0xRRGGBB, -1 none, PATTERNED */
	int n_formats, n_fonts, n_fills;
	int cap_formats, cap_fonts, cap_fills, cap_styles;
	enum { IN_NOTHING, IN_FONTS, IN_FILLS, IN_CELLS } in;
};

static long color_of(const struct xml_element *el)
{
	const char *rgb = xml_attr(el, "rgb"), *theme = xml_attr(el, "theme");
	long indexed = ooxml_number(xml_attr(el, "indexed"), -1);

	if (rgb) {
		return ooxml_color(rgb);
	}
	if (theme && !xml_attr(el, "tint")) {
		return strcmp(theme, "0") == 0 ? WHITE : -1; /* the background's */
	}
	return indexed == 1 || indexed == 9 ? WHITE : -1;
}

static void take_font(struct styles_reader *r, const struct xml_element *el)
{
	const char *value = xml_attr(el, "val");

	if (xml_is(el, "font") && r->n_fonts < STYLES_MAX) {
		r->fonts = array_grow(r->fonts, r->n_fonts, &r->cap_fonts, sizeof(*r->fonts));
		r->fonts[r->n_fonts++] = (struct font){.color = -1};
	} else if (r->n_fonts && xml_is(el, "sz")) {
		r->fonts[r->n_fonts - 1].size = value ? strtod(value, NULL) : 0;
	} else if (r->n_fonts && xml_is(el, "b")) {
		r->fonts[r->n_fonts - 1].bold = ooxml_on(value);
	} else if (r->n_fonts && xml_is(el, "color")) {
		r->fonts[r->n_fonts - 1].color = color_of(el);
	}
}

static void take_fill(struct styles_reader *r, const struct xml_element *el)
{
	const char *pattern = xml_attr(el, "patternType");

	if (xml_is(el, "fill") && r->n_fills < STYLES_MAX) {
		r->fills = array_grow(r->fills, r->n_fills, &r->cap_fills, sizeof(*r->fills));
		r->fills[r->n_fills++] = -1;
	} else if (r->n_fills && xml_is(el, "patternFill")) {
		r->fills[r->n_fills - 1] =
			!pattern || strcmp(pattern, "none") == 0 ? -1 : PATTERNED;
	} else if (r->n_fills && xml_is(el, "gradientFill")) {
		r->fills[r->n_fills - 1] = PATTERNED;
	} else if (r->n_fills && xml_is(el, "fgColor") && r->fills[r->n_fills - 1] == PATTERNED &&
		   color_of(el) == WHITE) {
		r->fills[r->n_fills - 1] = WHITE;
	}
}

/* The format of an id, compiled once. */
static int format_of(struct styles_reader *r, long id)
{
	for (int i = 0; i < r->n_formats; i++) {
		if (r->formats[i].id == id) {
			return i;
		}
	}
	if (r->n_formats >= FORMATS_MAX) {
		return 0;
	}
	r->formats = array_grow(r->formats, r->n_formats, &r->cap_formats, sizeof(*r->formats));
	r->formats[r->n_formats].id = id;
	number_format_compile(number_format_builtin(id), &r->formats[r->n_formats].format);
	return r->n_formats++;
}

static void take_format(struct styles_reader *r, const struct xml_element *el)
{
	const char *code = xml_attr(el, "formatCode");
	long id = ooxml_number(xml_attr(el, "numFmtId"), -1);

	if (code && r->n_formats < FORMATS_MAX) {
		r->formats =
			array_grow(r->formats, r->n_formats, &r->cap_formats, sizeof(*r->formats));
		r->formats[r->n_formats].id = id;
		number_format_compile(code, &r->formats[r->n_formats++].format);
	}
}

static int hidden_of(const struct styles_reader *r, const struct font *f, long fill, int format)
{
	if (r->formats[format].format.hides) {
		return ANNOTATION_HIDDEN_RENDER;
	}
	if (f && f->size > 0 && f->size < 2) {
		return ANNOTATION_HIDDEN_SIZE;
	}
	return f && flow_same_color(f->color, fill < 0 && fill != PATTERNED ? WHITE : fill)
		       ? ANNOTATION_HIDDEN_COLOR
		       : -1;
}

static void take_cell(struct styles_reader *r, const struct xml_element *el)
{
	struct xlsx *x = r->x;
	long font = ooxml_number(xml_attr(el, "fontId"), -1);
	long fill = ooxml_number(xml_attr(el, "fillId"), -1);
	const struct font *f = font >= 0 && font < r->n_fonts ? &r->fonts[font] : NULL;
	struct xlsx_style *s;

	if (!xml_is(el, "xf") || x->n_styles >= STYLES_MAX) {
		return;
	}
	x->styles = array_grow(x->styles, x->n_styles, &r->cap_styles, sizeof(*x->styles));
	s = &x->styles[x->n_styles++];
	s->format = format_of(r, ooxml_number(xml_attr(el, "numFmtId"), 0));
	s->bold = f && f->bold;
	s->hidden =
		hidden_of(r, f, fill >= 0 && fill < r->n_fills ? r->fills[fill] : -1, s->format);
}

static void on_style_start(void *arg, const struct xml_element *el)
{
	struct styles_reader *r = arg;

	if (el->depth == 2) {
		r->in = xml_is(el, "fonts")	? IN_FONTS
			: xml_is(el, "fills")	? IN_FILLS
			: xml_is(el, "cellXfs") ? IN_CELLS
						: IN_NOTHING;
	} else if (xml_is(el, "numFmt") && el->depth == 3) {
		take_format(r, el);
	} else if (r->in == IN_FONTS) {
		take_font(r, el);
	} else if (r->in == IN_FILLS) {
		take_fill(r, el);
	} else if (r->in == IN_CELLS) {
		take_cell(r, el);
	}
}

void xlsx_styles_load(struct xlsx *x)
{
	static const struct xml_handler HANDLER = {.on_start = on_style_start};
	struct styles_reader r = {.x = x};
	const char *part = ooxml_part_of_type(&x->o.relations, "styles");

	format_of(&r, 0); /* General, of what has no style */
	ooxml_read(&x->o, part ? part : "xl/styles.xml", &HANDLER, &r);
	x->n_formats = r.n_formats;
	x->formats = calloc((size_t)r.n_formats, sizeof(*x->formats));
	ASSERT(x->formats != NULL);
	for (int i = 0; i < r.n_formats; i++) {
		x->formats[i] = r.formats[i].format;
	}
	free(r.formats);
	free(r.fonts);
	free(r.fills);
}

const struct xlsx_style *xlsx_style(const struct xlsx *x, long i)
{
	static const struct xlsx_style NONE = {.format = 0, .hidden = -1};

	return i >= 0 && i < x->n_styles ? &x->styles[i] : &NONE;
}
