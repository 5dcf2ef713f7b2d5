/* The control words that say something about text; all others are passed over. */
#include <stdlib.h>
#include <string.h>

#include "ingest/rtf.h"

struct word {
	const char *word;
	void (*run)(struct rtf *r, const struct rtf_token *t, const struct word *w);
	int arg;
	const char *text;
};

static int bounded(int v, int max)
{
	return v < 0 ? 0 : v > max ? max : v;
}

static bool on(const struct rtf_token *t)
{
	return !t->has_number || t->number != 0;
}

/* ── destinations ── */

static void on_destination(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	(void)t;
	r->g->to = (enum rtf_destination)w->arg;
}

/* Known, so that \* does not hide it, and nothing by itself. */
static void on_frame(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	(void)r;
	(void)t;
	(void)w;
}

static void on_styles(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	on_destination(r, t, w);
	r->entry = 0;
	buf_clear(&r->name);
}

static void on_story(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	(void)t;
	rtf_begin_story(r, (enum rtf_story_kind)w->arg);
}

static void on_field(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	(void)t;
	(void)w;
	rtf_begin_field(r);
}

static void on_instruction(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	(void)t;
	(void)w;
	r->g->to = r->n_fields ? RTF_TO_INSTRUCTION : RTF_TO_NOTHING;
}

static void on_marker(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	(void)t;
	(void)w;
	if (r->g->to == RTF_TO_TEXT) {
		r->g->to = RTF_TO_MARKER;
		buf_clear(&r->stories[r->n_stories - 1].marker);
	}
}

/* Title and the like mean something in \info only, a comment's author anywhere. */
static void on_property(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	(void)t;
	if (r->g->to != RTF_TO_INFO && *w->text) {
		return;
	}
	r->g->to = RTF_TO_PROPERTY;
	r->g->property = true;
	r->property = w->text;
	r->year = 0;
	buf_clear(&r->name);
}

static void on_date(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	int *part = w->arg == 'y' ? &r->year : w->arg == 'm' ? &r->month : &r->day;

	*part = bounded(t->number, 9999);
}

/* {\upr{for old readers}{\*\ud{in Unicode}}}: the second is read. */
static void on_upr(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	(void)t;
	(void)w;
	r->g->around = r->g->to;
	r->g->in_upr = true;
	r->g->to = RTF_TO_NOTHING;
}

static void on_ud(struct rtf *r)
{
	if (r->g->in_upr) {
		r->g->to = r->g->around;
		r->g->in_upr = false;
	}
}

/* ── the document, its fonts, colours and styles ── */

static void on_page(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	r->page = w->arg ? w->arg : bounded(t->number, 65535);
}

static void on_font(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	int n = bounded(t->number, RTF_INDEX_MAX - 1);

	if (w->arg) { /* \deff */
		r->font = n;
	}
	if (r->g->to == RTF_TO_FONTS) {
		r->entry = n;
	} else {
		r->g->font = n;
	}
}

static void on_charset(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	if (r->g->to == RTF_TO_FONTS && r->entry >= 0) {
		int page = w->arg ? bounded(t->number, 65535) : rtf_page_of_charset(t->number);

		if (page) {
			r->font_pages[r->entry] = (uint16_t)page;
		}
	}
}

static void on_color_part(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	int *part = w->arg == 'r' ? &r->red : w->arg == 'g' ? &r->green : &r->blue;

	if (r->g->to == RTF_TO_COLORS) {
		*part = bounded(t->number, 255);
		r->has_color = true;
	}
}

static void on_style(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	int n = bounded(t->number, RTF_INDEX_MAX - 1);

	if (r->g->to == RTF_TO_STYLES) {
		r->entry = w->arg ? -1 : n; /* styles of characters, sections, tables */
	} else if (!w->arg) {
		r->g->style = n;
	}
}

static void on_outline(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	(void)w;
	if (r->g->to != RTF_TO_STYLES) {
		r->g->outline = t->number >= 0 && t->number < 9 ? t->number : -1;
	} else if (r->entry >= 0 && t->number >= 0 && t->number < 9) {
		r->levels[r->entry] = (int8_t)(t->number + 1);
	}
}

/* ── how text looks ── */

static void on_plain(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	(void)t;
	(void)w;
	r->g->hidden = r->g->deleted = false;
	r->g->color = r->g->ground = 0;
	r->g->size = 24;
	r->g->font = r->font;
}

static void on_look(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	struct rtf_group *g = r->g;

	switch (w->arg) {
	case 'v':
		g->hidden = on(t);
		break;
	case 'd':
		g->deleted = on(t);
		break;
	case 's':
		g->size = t->has_number ? bounded(t->number, 10000) : 24;
		break;
	case 'c':
		g->color = bounded(t->number, RTF_COLORS_MAX);
		break;
	default:
		g->ground = bounded(t->number, RTF_COLORS_MAX);
		break;
	}
}

static void on_uc(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	(void)w;
	r->g->uc = bounded(t->number, 64);
}

static void on_u(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	(void)w;
	rtf_put_character(r, (uint32_t)(t->number < 0 ? t->number + 65536 : t->number));
	r->skip = r->g->uc;
}

static void on_text(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	(void)t;
	rtf_put(r, w->text, strlen(w->text));
}

/* ── paragraphs and tables ── */

static void on_pard(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	(void)t;
	(void)w;
	r->g->style = r->g->list = r->g->block_ground = 0;
	r->g->outline = -1;
	r->g->in_table = false;
}

static void on_paragraph(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	switch (w->arg) {
	case 't':
		r->g->in_table = on(t);
		break;
	case 'l':
		r->g->list = t->number;
		break;
	default:
		r->g->block_ground = bounded(t->number, RTF_COLORS_MAX);
		break;
	}
}

static void on_par(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	(void)t;
	(void)w;
	if (r->g->to == RTF_TO_TEXT) {
		rtf_end_paragraph(r);
	}
}

static void on_cell(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	(void)t;
	if (r->g->to != RTF_TO_TEXT) {
		return;
	}
	if (w->arg == 'c') {
		rtf_end_cell(r);
	} else {
		rtf_end_row(r);
	}
}

static void on_row_part(struct rtf *r, const struct rtf_token *t, const struct word *w)
{
	struct rtf_story *s = &r->stories[r->n_stories - 1];
	int most = (int)(sizeof(s->grounds) / sizeof(s->grounds[0]));

	switch (w->arg) {
	case 'd':
		s->row_header = false;
		s->n_cells = s->cell_ground = 0;
		break;
	case 'h':
		s->row_header = true;
		break;
	case 'g':
		s->cell_ground = bounded(t->number, RTF_COLORS_MAX);
		break;
	default:
		if (s->n_cells < most) {
			s->grounds[s->n_cells++] = s->cell_ground;
		}
		s->cell_ground = 0;
		break;
	}
}

/* Sorted: rtf_word searches it. */
static const struct word WORDS[] = {
	{"aftncn", on_destination, RTF_TO_NOTHING, NULL},
	{"aftnsep", on_destination, RTF_TO_NOTHING, NULL},
	{"aftnsepc", on_destination, RTF_TO_NOTHING, NULL},
	{"annotation", on_story, RTF_COMMENT, NULL},
	{"ansicpg", on_page, 0, NULL},
	{"atnauthor", on_property, 0, ""},
	{"author", on_property, 0, "Author"},
	{"blue", on_color_part, 'b', NULL},
	{"bullet", on_text, 0, "•"},
	{"cb", on_look, 'g', NULL},
	{"cbpat", on_paragraph, 'g', NULL},
	{"cell", on_cell, 'c', NULL},
	{"cellx", on_row_part, 'x', NULL},
	{"cf", on_look, 'c', NULL},
	{"chcbpat", on_look, 'g', NULL},
	{"clcbpat", on_row_part, 'g', NULL},
	{"colortbl", on_destination, RTF_TO_COLORS, NULL},
	{"column", on_text, 0, " "},
	{"cpg", on_charset, 1, NULL},
	{"creatim", on_property, 0, "Created"},
	{"cs", on_style, 1, NULL},
	{"deff", on_font, 1, NULL},
	{"deleted", on_look, 'd', NULL},
	{"do", on_frame, 0, NULL},
	{"dptxbxtext", on_story, RTF_BOX, NULL},
	{"ds", on_style, 1, NULL},
	{"dy", on_date, 'd', NULL},
	{"emdash", on_text, 0, "—"},
	{"emspace", on_text, 0, " "},
	{"endash", on_text, 0, "–"},
	{"enspace", on_text, 0, " "},
	{"f", on_font, 0, NULL},
	{"fcharset", on_charset, 0, NULL},
	{"field", on_field, 0, NULL},
	{"filetbl", on_destination, RTF_TO_NOTHING, NULL},
	{"fldinst", on_instruction, 0, NULL},
	{"fonttbl", on_destination, RTF_TO_FONTS, NULL},
	{"footer", on_destination, RTF_TO_NOTHING, NULL},
	{"footerf", on_destination, RTF_TO_NOTHING, NULL},
	{"footerl", on_destination, RTF_TO_NOTHING, NULL},
	{"footerr", on_destination, RTF_TO_NOTHING, NULL},
	{"footnote", on_story, RTF_NOTE, NULL},
	{"fs", on_look, 's', NULL},
	{"ftncn", on_destination, RTF_TO_NOTHING, NULL},
	{"ftnsep", on_destination, RTF_TO_NOTHING, NULL},
	{"ftnsepc", on_destination, RTF_TO_NOTHING, NULL},
	{"green", on_color_part, 'g', NULL},
	{"header", on_destination, RTF_TO_NOTHING, NULL},
	{"headerf", on_destination, RTF_TO_NOTHING, NULL},
	{"headerl", on_destination, RTF_TO_NOTHING, NULL},
	{"headerr", on_destination, RTF_TO_NOTHING, NULL},
	{"highlight", on_look, 'g', NULL},
	{"info", on_destination, RTF_TO_INFO, NULL},
	{"intbl", on_paragraph, 't', NULL},
	{"keywords", on_property, 0, "Keyword"},
	{"lbr", on_text, 0, "\n"},
	{"ldblquote", on_text, 0, "“"},
	{"line", on_text, 0, "\n"},
	{"listoverridetable", on_destination, RTF_TO_NOTHING, NULL},
	{"listtable", on_destination, RTF_TO_NOTHING, NULL},
	{"listtext", on_marker, 0, NULL},
	{"lquote", on_text, 0, "‘"},
	{"ls", on_paragraph, 'l', NULL},
	{"mac", on_page, 10000, NULL},
	{"mmath", on_frame, 0, NULL},
	{"mo", on_date, 'm', NULL},
	{"moMath", on_frame, 0, NULL},
	{"moMathPara", on_frame, 0, NULL},
	{"nestcell", on_text, 0, " "},
	{"nestrow", on_text, 0, " "},
	{"nonesttables", on_destination, RTF_TO_NOTHING, NULL},
	{"nonshppict", on_destination, RTF_TO_NOTHING, NULL},
	{"operator", on_property, 0, "Last edited by"},
	{"outlinelevel", on_outline, 0, NULL},
	{"page", on_text, 0, "\n"},
	{"par", on_par, 0, NULL},
	{"pard", on_pard, 0, NULL},
	{"pc", on_page, 437, NULL},
	{"pca", on_page, 850, NULL},
	{"pict", on_destination, RTF_TO_NOTHING, NULL},
	{"plain", on_plain, 0, NULL},
	{"pn", on_destination, RTF_TO_NOTHING, NULL},
	{"pntext", on_marker, 0, NULL},
	{"pntxta", on_destination, RTF_TO_NOTHING, NULL},
	{"pntxtb", on_destination, RTF_TO_NOTHING, NULL},
	{"qmspace", on_text, 0, " "},
	{"rdblquote", on_text, 0, "”"},
	{"red", on_color_part, 'r', NULL},
	{"row", on_cell, 'r', NULL},
	{"rquote", on_text, 0, "’"},
	{"rxe", on_destination, RTF_TO_NOTHING, NULL},
	{"s", on_style, 0, NULL},
	{"sect", on_par, 0, NULL},
	{"shp", on_frame, 0, NULL},
	{"shpgrp", on_frame, 0, NULL},
	{"shpinst", on_frame, 0, NULL},
	{"shprslt", on_destination, RTF_TO_NOTHING, NULL},
	{"shptxt", on_story, RTF_BOX, NULL},
	{"sp", on_destination, RTF_TO_NOTHING, NULL},
	{"stylesheet", on_styles, RTF_TO_STYLES, NULL},
	{"subject", on_property, 0, "Subject"},
	{"tab", on_text, 0, "\t"},
	{"tc", on_destination, RTF_TO_NOTHING, NULL},
	{"tcn", on_destination, RTF_TO_NOTHING, NULL},
	{"title", on_property, 0, "Title"},
	{"trhdr", on_row_part, 'h', NULL},
	{"trowd", on_row_part, 'd', NULL},
	{"ts", on_style, 1, NULL},
	{"txe", on_destination, RTF_TO_NOTHING, NULL},
	{"u", on_u, 0, NULL},
	{"uc", on_uc, 0, NULL},
	{"upr", on_upr, 0, NULL},
	{"v", on_look, 'v', NULL},
	{"xe", on_destination, RTF_TO_NOTHING, NULL},
	{"yr", on_date, 'y', NULL},
	{"zwj", on_text, 0, "\xe2\x80\x8d"},
	{"zwnj", on_text, 0, "\xe2\x80\x8c"},
};

static int by_word(const void *key, const void *row)
{
	return strcmp(key, ((const struct word *)row)->word);
}

bool rtf_word(struct rtf *r, const struct rtf_token *t)
{
	const struct word *w;
	size_t n = strlen(t->word);

	if (strcmp(t->word, "ud") == 0) {
		on_ud(r);
		return true;
	}
	if (r->g->to == RTF_TO_NOTHING) {
		return true;
	}
	w = bsearch(t->word, WORDS, sizeof(WORDS) / sizeof(WORDS[0]), sizeof(WORDS[0]), by_word);
	if (w) {
		w->run(r, t, w);
	} else if (n > 3 && t->word[0] == 'm' && strcmp(t->word + n - 2, "Pr") == 0) {
		r->g->to = RTF_TO_NOTHING; /* properties of a formula's parts: \mfPr, \mdPr … */
	}
	return w != NULL;
}
