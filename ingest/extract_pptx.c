/*
 * PowerPoint presentations (pptx, pptm, ppsx, ppsm, potx, potm; ECMA-376 part 1, 19): a page a
 * slide, in the order they are shown; hidden ones keep their page, so that numbers stay those of
 * PowerPoint, but none of their text.
 */
#include <stdlib.h>
#include <string.h>

#include "ingest/pptx.h"

#define SLIDES_MAX 100000
#define MODELS_MAX 1000
#define AUTHORS_MAX 10000

struct author {
	const char *id, *name;
};

struct presentation_reader {
	struct pptx *p;
	const char **slides; /* parts */
	int n, cap;
	struct author *authors;
	int n_authors, cap_authors;
};

static void *grow(void *items, int n, int *cap, size_t size)
{
	if (n == *cap) {
		*cap = *cap ? *cap * 2 : 32;
		items = realloc(items, (size_t)*cap * size);
		ASSERT(items != NULL);
	}
	return items;
}

static void on_presentation(void *arg, const struct xml_element *el)
{
	struct presentation_reader *r = arg;
	const char *part;

	if (xml_is(el, "sldSz")) {
		r->p->width = (double)ooxml_number(xml_attr(el, "cx"), 0);
		r->p->height = (double)ooxml_number(xml_attr(el, "cy"), 0);
	} else if (xml_is(el, "sldId") && r->n < SLIDES_MAX) {
		part = ooxml_part(&r->p->o.relations, xml_attr_in(el, "elationships", "id"));
		if (part && archive_has(r->p->o.archive, part)) {
			r->slides = grow(r->slides, r->n, &r->cap, sizeof(*r->slides));
			r->slides[r->n++] = part;
		}
	}
}

/* ── layouts and masters ── */

struct theme_reader {
	struct pptx_slide *master;
	long *to;
};

static void on_theme(void *arg, const struct xml_element *el)
{
	struct theme_reader *r = arg;

	if (xml_is(el, "lt1")) {
		r->to = &r->master->light;
	} else if (xml_is(el, "dk1")) {
		r->to = &r->master->dark;
	} else if (r->to && (xml_is(el, "srgbClr") || xml_is(el, "sysClr"))) {
		*r->to = ooxml_color(xml_attr(el, xml_is(el, "sysClr") ? "lastClr" : "val"));
		*r->to = *r->to < 0 ? COLOR_UNKNOWN : *r->to;
		r->to = NULL;
	}
}

/* Which of the theme's colours is the background. */
static void on_map(void *arg, const struct xml_element *el)
{
	struct pptx_slide *master = arg;

	if (xml_is(el, "clrMap")) {
		const char *background = xml_attr(el, "bg1");

		if (background && strcmp(background, "lt1") != 0) {
			master->light = master->dark = COLOR_UNKNOWN;
		}
	}
}

static void load_colors(struct pptx *p, struct pptx_slide *master)
{
	static const struct xml_handler THEME = {.on_start = on_theme};
	static const struct xml_handler MAP = {.on_start = on_map};
	struct theme_reader r = {.master = master};
	const char *theme = ooxml_part_of_type(&master->relations, "theme");

	if (theme) {
		ooxml_read(&p->o, theme, &THEME, &r);
	}
	ooxml_read(&p->o, master->part, &MAP, master);
}

/* A layout (with its master) or a master, read once. NULL: there is none. */
static const struct pptx_slide *load_model(struct pptx *p, const char *part, bool layout)
{
	struct pptx_slide *m;

	for (int i = 0; part && i < p->n_models; i++) {
		if (strcmp(p->models[i]->part, part) == 0) {
			return p->models[i];
		}
	}
	if (!part || p->n_models >= MODELS_MAX || !archive_has(p->o.archive, part)) {
		return NULL;
	}
	m = arena_new(&p->o.arena, struct pptx_slide);
	p->models = grow(p->models, p->n_models, &p->cap_models, sizeof(struct pptx_slide *));
	p->models[p->n_models++] = m;
	m->part = part;
	m->light = m->dark = COLOR_UNKNOWN;
	ooxml_relations_load(&p->o, part, &m->relations);
	if (layout) {
		m->below = load_model(p, ooxml_part_of_type(&m->relations, "slideMaster"), false);
	} else {
		load_colors(p, m);
	}
	pptx_slide_read(p, m);
	return m;
}

/* ── comments (19.4; [MS-PPTX] 2.7) ── */

struct comments_reader {
	struct pptx *p;
	const struct presentation_reader *authors;
	const char *author, *first_author; /* of the open one; of the one it answers to */
	bool in_text;
	struct buf text;
};

static void on_author(void *arg, const struct xml_element *el)
{
	struct presentation_reader *r = arg;
	const char *id = xml_attr(el, "id"), *name = xml_attr(el, "name");
	struct arena *a = &r->p->o.arena;

	if ((xml_is(el, "cmAuthor") || xml_is(el, "author")) && id && name &&
		r->n_authors < AUTHORS_MAX) {
		r->authors = grow(r->authors, r->n_authors, &r->cap_authors, sizeof(*r->authors));
		r->authors[r->n_authors++] =
			(struct author){.id = arena_str(a, id), .name = arena_str(a, name)};
	}
}

static void tell_comment(struct comments_reader *r)
{
	struct draft *d = r->p->o.draft;
	struct buf line = BUF_INIT;

	if (r->text.len) {
		buf_printf(&line, "%s%s%s", r->author ? r->author : "", r->author ? ": " : "",
			r->text.data);
		draft_annotate(
			d, ANNOTATION_COMMENT, draft_at(d), draft_at(d), line.data, line.len);
	}
	buf_clear(&r->text);
	buf_finish(&line);
}

static void on_comment_start(void *arg, const struct xml_element *el)
{
	struct comments_reader *r = arg;
	const char *id = xml_attr(el, "authorId");

	if (xml_is(el, "cm") || xml_is(el, "reply")) {
		tell_comment(r); /* what a reply answers to */
		r->author = NULL;
		for (int i = 0; id && i < r->authors->n_authors; i++) {
			r->author = strcmp(r->authors->authors[i].id, id) == 0
					    ? r->authors->authors[i].name
					    : r->author;
		}
		r->first_author = xml_is(el, "cm") ? r->author : r->first_author;
	}
	r->in_text = xml_is(el, "text") || xml_is(el, "t");
}

static void on_comment_text(void *arg, const char *s, size_t n)
{
	struct comments_reader *r = arg;

	if (r->in_text && r->text.len < ANNOTATION_TEXT_MAX) {
		buf_add(&r->text, s, n);
	}
}

static void on_comment_end(void *arg, const struct xml_element *el)
{
	struct comments_reader *r = arg;

	r->in_text = false;
	if (xml_is(el, "cm") || xml_is(el, "reply")) {
		tell_comment(r);
		r->author = r->first_author; /* its text follows its answers */
	} else if (xml_is(el, "p") && r->text.len) {
		buf_char(&r->text, ' ');
	}
}

static void load_authors(struct presentation_reader *r)
{
	static const struct xml_handler HANDLER = {.on_start = on_author};
	static const char *const TYPES[] = {"commentAuthors", "authors"};

	for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
		const char *part = ooxml_part_of_type(&r->p->o.relations, TYPES[i]);

		if (part) {
			ooxml_read(&r->p->o, part, &HANDLER, r);
		}
	}
}

static void tell_comments(const struct presentation_reader *all, const struct pptx_slide *s)
{
	static const struct xml_handler HANDLER = {
		on_comment_start, on_comment_end, on_comment_text};
	struct comments_reader r = {.p = all->p, .authors = all};

	for (int i = 0; i < s->relations.n; i++) {
		const struct ooxml_relation *rel = &s->relations.items[i];

		if (!rel->external && strcmp(rel->type, "comments") == 0) {
			ooxml_read(&all->p->o, rel->target, &HANDLER, &r);
		}
	}
	buf_finish(&r.text);
}

/* ── slides ── */

static void read_slide(const struct presentation_reader *r, const char *part)
{
	struct pptx *p = r->p;
	struct pptx_slide s = {.part = part, .light = COLOR_UNKNOWN, .dark = COLOR_UNKNOWN};
	struct pptx_slide notes = {.light = COLOR_UNKNOWN, .dark = COLOR_UNKNOWN};

	ooxml_relations_load(&p->o, part, &s.relations);
	s.below = load_model(p, ooxml_part_of_type(&s.relations, "slideLayout"), true);
	draft_page(p->o.draft, p->width / PPTX_EMU, p->height / PPTX_EMU);
	pptx_slide_read(p, &s);
	notes.part = ooxml_part_of_type(&s.relations, "notesSlide");
	if (notes.part && archive_has(p->o.archive, notes.part)) {
		ooxml_relations_load(&p->o, notes.part, &notes.relations);
		pptx_slide_read(p, &notes);
	}
	if (s.hidden) {
		pptx_tell_slide(p, &s, "Hidden slide: ");
		pptx_tell_slide(p, &notes, "Notes of a hidden slide: ");
	} else {
		pptx_write_slide(p, &s);
		pptx_write_notes(p, &notes);
	}
	tell_comments(r, &s);
	pptx_slide_finish(&s);
	pptx_slide_finish(&notes);
}

void extract_pptx(struct document *doc, struct draft *d)
{
	static const struct xml_handler HANDLER = {.on_start = on_presentation};
	struct pptx *p = calloc(1, sizeof(*p));
	struct presentation_reader r = {.p = p};

	ASSERT(p != NULL);
	ooxml_open(&p->o, doc, d, "ppt/presentation.xml");
	ooxml_must_read(&p->o, p->o.main, &HANDLER, &r);
	if (p->width <= 0 || p->height <= 0) {
		p->width = 9144000; /* 4:3, what PowerPoint takes where nothing is said */
		p->height = 6858000;
	}
	load_authors(&r);
	for (int i = 0; i < r.n; i++) {
		draft_progress(d, i, r.n);
		read_slide(&r, r.slides[i]);
	}
	if (!d->n_pages) {
		draft_page(d, 0, 0);
	}
	ooxml_children(&p->o, "ppt/embeddings/");
	free(r.slides);
}
