/* Styles of Word documents: which are headings, and what makes text invisible. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "index/base/array.h"
#include "ingest/docx.h"

#define STYLES_MAX 20000
#define CHAIN_MAX 32 /* styles based on each other; some files make a ring of them */

const struct docx_look DOCX_LOOK_UNSET = {LOOK_UNSET, LOOK_UNSET, LOOK_UNSET, LOOK_UNSET};

long docx_fill(const struct xml_element *shd)
{
	const char *pattern = xml_attr(shd, "val");
	const char *fill = xml_attr(shd, "fill"), *color = xml_attr(shd, "color");

	if (pattern && strcmp(pattern, "solid") == 0) {
		return color && ooxml_color(color) >= 0 ? ooxml_color(color) : LOOK_UNKNOWN;
	}
	if (pattern && strcmp(pattern, "clear") != 0 && strcmp(pattern, "nil") != 0) {
		return LOOK_UNKNOWN;
	}
	return fill && ooxml_color(fill) >= 0 ? ooxml_color(fill) : LOOK_AUTO;
}

void docx_look_take(struct docx_look *look, const struct xml_element *el)
{
	const char *value = xml_attr(el, "val");

	if (xml_is(el, "vanish")) {
		look->vanish = ooxml_on(value);
	} else if (xml_is(el, "sz")) {
		look->size = ooxml_number(value, LOOK_UNSET);
	} else if (xml_is(el, "color")) {
		look->color = ooxml_color(value) >= 0 ? ooxml_color(value) : LOOK_AUTO;
	} else if (xml_is(el, "shd")) {
		look->fill = docx_fill(el);
	} else if (xml_is(el, "highlight") && value && strcmp(value, "none") != 0) {
		look->fill = strcmp(value, "white") == 0 ? 0xffffff : LOOK_UNKNOWN;
	}
}

void docx_look_add(struct docx_look *look, const struct docx_look *over)
{
	look->vanish = over->vanish != LOOK_UNSET ? over->vanish : look->vanish;
	look->size = over->size != LOOK_UNSET ? over->size : look->size;
	look->color = over->color != LOOK_UNSET ? over->color : look->color;
	look->fill = over->fill != LOOK_UNSET ? over->fill : look->fill;
}

/* ── headings ── */

/* "heading 2", whatever the language of the program that wrote it; 0: none. In Word's own files
 * names are English and ids are not, others translate names. */
static int heading_level(const char *name)
{
	static const char *const WORDS[] = {"heading", "überschrift", "Überschrift", "berschrift",
		"titre", "título", "ttulo", "titolo", "kop", "rubrik", "otsikko", "nagłówek",
		"overskrift", "заголовок", "nadpis", "标题", "標題", "見出し", "제목"};

	for (size_t i = 0; name && i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
		size_t n = strlen(WORDS[i]);
		const char *digit = name + n;

		if (strncasecmp(name, WORDS[i], n) != 0) {
			continue;
		}
		digit += strspn(digit, " ");
		if (*digit >= '1' && *digit <= '9' && !isdigit((unsigned char)digit[1])) {
			return *digit - '0' > 6 ? 6 : *digit - '0';
		}
	}
	return 0;
}

static void classify(struct docx_style *s)
{
	int level = heading_level(s->name ? s->name : s->id);

	s->title = s->name ? strcasecmp(s->name, "title") == 0 : strcmp(s->id, "Title") == 0;
	if (s->title) {
		s->heading = 1;
	} else if (s->outline >= 0) {
		s->heading = s->outline >= 9 ? 0 : s->outline >= 6 ? 6 : s->outline + 1;
	} else {
		s->heading = level;
	}
}

/* ── the part ── */

struct styles_reader {
	struct docx *x;
	int cap;
	struct docx_style *open;
	struct docx_look *look; /* the open w:rPr's */
	int depth;		/* of the style */
	bool conditional;	/* in w:tblStylePr */
};

static struct docx_style *add_style(struct styles_reader *r, const struct xml_element *el)
{
	struct docx_styles *all = &r->x->styles;
	const char *id = xml_attr(el, "styleId"), *type = xml_attr(el, "type");
	const char *is_default = xml_attr(el, "default");
	struct docx_style *s;

	if (!id || all->n >= STYLES_MAX) {
		return NULL;
	}
	all->items = array_grow(all->items, all->n, &r->cap, sizeof(*all->items));
	s = &all->items[all->n++];
	*s = (struct docx_style){.id = arena_str(&r->x->o.arena, id),
		.look = DOCX_LOOK_UNSET,
		.fill = LOOK_UNSET,
		.outline = -1,
		.num_id = -1,
		.ilvl = -1};
	s->is_default =
		is_default && ooxml_on(is_default) && type && strcmp(type, "paragraph") == 0;
	return s;
}

static void take(struct styles_reader *r, struct docx_style *s, const struct xml_element *el)
{
	const char *value = xml_attr(el, "val");

	if (xml_is(el, "name") && value) {
		s->name = arena_str(&r->x->o.arena, value);
	} else if (xml_is(el, "basedOn") && value) {
		s->based_on = arena_str(&r->x->o.arena, value);
	} else if (xml_is(el, "outlineLvl")) {
		s->outline = (int)ooxml_number(value, -1);
	} else if (xml_is(el, "numId")) {
		s->num_id = ooxml_number(value, -1);
	} else if (xml_is(el, "ilvl")) {
		s->ilvl = (int)ooxml_number(value, -1);
	} else if (xml_is(el, "shd")) {
		s->fill = docx_fill(el);
		s->shaded = s->shaded || s->fill != LOOK_AUTO;
	}
}

static void on_style_start(void *arg, const struct xml_element *el)
{
	struct styles_reader *r = arg;

	if (!xml_in(el, "wordprocessingml/")) {
		return;
	}
	if (xml_is(el, "style") && el->depth == 2) {
		r->open = add_style(r, el);
		r->depth = el->depth;
	} else if (xml_is(el, "rPrDefault")) {
		r->look = &r->x->styles.defaults;
	} else if (xml_is(el, "tblStylePr")) {
		r->conditional = true;
	} else if (r->open && xml_is(el, "rPr") && el->depth == r->depth + 1) {
		r->look = &r->open->look;
	} else if (r->look) {
		docx_look_take(r->look, el);
	} else if (r->open && r->conditional) {
		r->open->shaded = r->open->shaded || xml_is(el, "shd");
	} else if (r->open) {
		take(r, r->open, el);
	}
}

static void on_style_end(void *arg, const struct xml_element *el)
{
	struct styles_reader *r = arg;

	if (xml_is(el, "rPr") || xml_is(el, "rPrDefault")) {
		r->look = NULL;
	} else if (xml_is(el, "tblStylePr")) {
		r->conditional = false;
	} else if (xml_is(el, "style")) {
		r->open = NULL;
	}
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct docx_style *)a)->id, ((const struct docx_style *)b)->id);
}

static struct docx_style *find(const struct docx_styles *all, const char *id)
{
	struct docx_style key = {.id = id};

	return id && all->n ? bsearch(&key, all->items, (size_t)all->n, sizeof(key), by_id) : NULL;
}

/* Adds to a style what the one below it says and it does not. */
static void inherit(struct docx_style *s, const struct docx_style *below)
{
	struct docx_look look = below->look;

	docx_look_add(&look, &s->look);
	s->look = look;
	if (!s->heading && s->outline < 0) {
		s->heading = below->heading;
	}
	s->fill = s->fill != LOOK_UNSET ? s->fill : below->fill;
	s->outline = s->outline >= 0 ? s->outline : below->outline;
	s->num_id = s->num_id >= 0 ? s->num_id : below->num_id;
	s->ilvl = s->ilvl >= 0 ? s->ilvl : below->ilvl;
	s->shaded = s->shaded || below->shaded;
}

static void resolve(struct docx_styles *all, struct docx_style *s)
{
	struct docx_style *chain[CHAIN_MAX];
	int n = 0;

	for (; s && !s->resolved && n < CHAIN_MAX; s = find(all, s->based_on)) {
		s->resolved = true; /* a ring ends here */
		chain[n++] = s;
	}
	while (n-- > 0) {
		struct docx_style *below = find(all, chain[n]->based_on);

		classify(chain[n]);
		if (below && below != chain[n]) {
			inherit(chain[n], below);
		}
	}
}

void docx_styles_load(struct docx *x)
{
	static const struct xml_handler HANDLER = {on_style_start, on_style_end, NULL};
	struct styles_reader r = {.x = x};
	struct docx_styles *all = &x->styles;
	const char *part = ooxml_part_of_type(&x->o.relations, "styles");

	all->defaults = DOCX_LOOK_UNSET;
	ooxml_read(&x->o, part ? part : "word/styles.xml", &HANDLER, &r);
	if (all->n) {
		qsort(all->items, (size_t)all->n, sizeof(*all->items), by_id);
	}
	for (int i = 0; i < all->n; i++) {
		resolve(all, &all->items[i]);
	}
	for (int i = 0; i < all->n && !all->paragraph; i++) {
		all->paragraph = all->items[i].is_default ? &all->items[i] : NULL;
	}
}

const struct docx_style *docx_style(const struct docx *x, const char *id)
{
	struct docx_style *found = find(&x->styles, id);

	if (!found && id && !x->styles.n) {
		/* No styles at all: ids alone have to say it. */
		static struct docx_style guess;

		guess = (struct docx_style){.id = id,
			.look = DOCX_LOOK_UNSET,
			.fill = LOOK_UNSET,
			.outline = -1,
			.num_id = -1,
			.ilvl = -1};
		classify(&guess);
		return &guess;
	}
	return found;
}
