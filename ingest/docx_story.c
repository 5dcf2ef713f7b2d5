/* Running text of Word documents: what is open, and where it is written to. */
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "ingest/docx_story.h"

#define HEADING_MAX 250 /* bytes; what is longer is a paragraph in large letters */

struct story *docx_story_begin(
	struct docx *x, const struct ooxml_relations *relations, struct flow *into)
{
	struct story *s = arena_new(&x->o.arena, struct story);
	size_t n = (size_t)x->o.doc->limits->nesting_max + 2;

	s->x = x;
	s->relations = relations;
	s->into = into;
	s->tokens = arena_alloc(&x->o.arena, n);
	memset(s->tokens, STORY_NO_TOKEN, n);
	s->taken = arena_array(&x->o.arena, bool, n);
	s->run.hidden = -2;
	return s;
}

static struct place *push(struct story *s, int kind)
{
	struct place *p;

	s->places = array_grow(s->places, s->n_places, &s->cap_places, sizeof(*s->places));
	p = &s->places[s->n_places++];
	memset(p, 0, sizeof(*p));
	p->kind = (__typeof__(p->kind))kind;
	return p;
}

static struct place *top(struct story *s)
{
	return s->n_places ? &s->places[s->n_places - 1] : NULL;
}

struct paragraph *story_paragraph(struct story *s)
{
	struct place *p = top(s);

	return p && p->kind == PLACE_PARAGRAPH ? p->paragraph : NULL;
}

struct docx_table *story_table(struct story *s)
{
	struct place *p = top(s);

	return p && p->kind == PLACE_TABLE ? p->table : NULL;
}

/* The innermost table around what is open. */
static struct docx_table *table_around(struct story *s)
{
	for (int i = s->n_places; i-- > 0;) {
		if (s->places[i].kind == PLACE_TABLE) {
			return s->places[i].table;
		}
	}
	return NULL;
}

static bool in_box(struct story *s)
{
	for (int i = s->n_places; i-- > 0;) {
		if (s->places[i].kind == PLACE_BOX) {
			return true;
		}
	}
	return false;
}

/* ── writing ── */

struct after *story_later(struct story *s, int kind)
{
	struct after *a;

	s->after = array_grow(s->after, s->n_after, &s->cap_after, sizeof(*s->after));
	a = &s->after[s->n_after++];
	memset(a, 0, sizeof(*a));
	a->kind = (__typeof__(a->kind))kind;
	return a;
}

static void write_after(struct story *s)
{
	struct ooxml *o = &s->x->o;
	/* Charts and diagrams are read by readers of their own: nothing is added meanwhile. */
	for (int i = 0; i < s->n_after; i++) {
		struct after *a = &s->after[i];

		if (a->kind == AFTER_CHART && !s->into) {
			ooxml_chart(o, a->part, NULL);
		} else if (a->kind == AFTER_DIAGRAM && !s->into) {
			ooxml_diagram(o, a->part, NULL);
		} else if (a->kind == AFTER_TEXT && s->into) {
			flow_append(s->into, o->draft, &a->text);
			buf_char(&s->into->text, '\n');
		} else if (a->kind == AFTER_TEXT || a->kind == AFTER_NOTE) {
			flow_write(&a->text, o->draft, a->block, a->level, NULL);
		}
		flow_finish(&a->text);
	}
	s->n_after = 0;
}

static void progress(struct story *s)
{
	if (!s->into && ++s->x->n_blocks % 500 == 0) {
		draft_progress(s->x->o.draft, s->x->n_blocks, 0);
	}
}

/* Puts the text of a paragraph where it belongs. p is empty or forgotten after. */
static void deliver(struct story *s, enum block_kind kind, int level, struct flow *p)
{
	struct docx_table *table = table_around(s);

	if (table) {
		struct flow *cell = docx_cell(table);

		if (cell->text.len && !flow_is_blank(p)) {
			buf_char(&cell->text, '\n');
		}
		flow_append(cell, s->x->o.draft, p);
	} else if (in_box(s)) {
		struct after *a = story_later(s, AFTER_TEXT);

		a->block = kind;
		a->level = level;
		a->text = *p;
		memset(p, 0, sizeof(*p));
	} else if (s->into) {
		flow_append(s->into, s->x->o.draft, p);
		buf_char(&s->into->text, '\n');
	} else {
		flow_write(p, s->x->o.draft, kind, level, NULL);
		progress(s);
	}
}

/* A new start for what did not end as it should have. */
static void settle(struct story *s)
{
	if (s->n_places == 0) {
		for (int i = 0; i < s->n_fields; i++) {
			s->fields[i].result = true;
		}
		write_after(s);
	}
}

/* ── paragraphs ── */

void story_begin_paragraph(struct story *s)
{
	struct paragraph *p = calloc(1, sizeof(*p));

	ASSERT(p != NULL);
	p->style = s->x->styles.paragraph;
	p->outline = p->ilvl = -1;
	p->num_id = -1;
	p->fill = LOOK_UNSET;
	push(s, PLACE_PARAGRAPH)->paragraph = p;
	s->run = (struct run){.look = DOCX_LOOK_UNSET, .hidden = -2};
}

/* Once its properties are known: its number. */
void story_number(struct story *s, struct paragraph *p)
{
	long num_id = p->num_id >= 0 ? p->num_id : p->style ? p->style->num_id : -1;
	int ilvl = p->ilvl;

	if (ilvl < 0 && p->num_id < 0 && p->style) {
		ilvl = p->style->ilvl;
	}
	if (num_id > 0 && !p->mark_gone && !p->n_marker) {
		p->is_item = docx_number(
			s->x, num_id, ilvl, p->style ? p->style->id : NULL, &p->text.text);
		p->n_marker = p->text.text.len;
	}
}

static int heading_of(const struct paragraph *p)
{
	if (p->outline >= 0) {
		return p->outline >= 9 ? 0 : p->outline >= 6 ? 6 : p->outline + 1;
	}
	return p->style ? p->style->heading : 0;
}

static void write_paragraph(struct story *s, struct paragraph *p)
{
	struct buf *text = &p->text.text;
	int level = text->len <= HEADING_MAX ? heading_of(p) : 0;
	bool plain = !s->into && !table_around(s) && !in_box(s);

	if (level && plain) {
		if (p->style &&
			(p->style->title || (level == 1 && !s->x->headed && !p->n_marker))) {
			draft_title(s->x->o.draft, text->data, text->len);
		}
		s->x->headed = true;
		deliver(s, BLOCK_HEADING, level, &p->text);
	} else {
		deliver(s, p->is_item ? BLOCK_LIST_ITEM : BLOCK_PARAGRAPH, 0, &p->text);
	}
}

void story_end_paragraph(struct story *s)
{
	struct paragraph *p = story_paragraph(s);
	bool blank = true;

	if (!p) {
		return;
	}
	flow_aside_flush(&s->x->aside);
	s->n_places--;
	for (size_t i = p->n_marker; i < p->text.text.len; i++) {
		blank = blank && (unsigned char)p->text.text.data[i] <= ' ';
	}
	if (blank) {
		buf_clear(&p->text.text);
	}
	if (!blank || p->text.marks.len) {
		write_paragraph(s, p);
	}
	for (int i = 0; i < p->n_ranges; i++) {
		free(p->ranges[i].id);
	}
	for (int i = 0; i < s->n_fields; i++) {
		s->fields[i].paragraph =
			s->fields[i].paragraph == p ? NULL : s->fields[i].paragraph;
	}
	free(p->style_id);
	flow_finish(&p->text);
	free(p);
	settle(s);
}

/* ── text, if it is to be seen ── */

static long fill_behind(struct story *s)
{
	for (int i = s->n_places; i-- > 0;) {
		const struct place *p = &s->places[i];
		long fill = LOOK_UNSET;

		if (p->kind == PLACE_BOX) {
			return LOOK_UNKNOWN;
		}
		if (p->kind == PLACE_TABLE) {
			fill = docx_table_behind(p->table);
		} else if (p->paragraph->fill != LOOK_UNSET) {
			fill = p->paragraph->fill;
		} else if (p->paragraph->style) {
			fill = p->paragraph->style->fill;
		}
		if (fill != LOOK_UNSET && fill != LOOK_AUTO) {
			return fill;
		}
	}
	return s->x->background;
}

static int hidden_of(struct story *s, const struct paragraph *p)
{
	struct docx_look look = s->x->styles.defaults;

	if (p->style) {
		docx_look_add(&look, &p->style->look);
	}
	if (s->run.style) {
		docx_look_add(&look, &s->run.style->look);
	}
	docx_look_add(&look, &s->run.look);
	if (look.vanish > 0) {
		return ANNOTATION_HIDDEN_PART;
	}
	if (look.size >= 0 && look.size < 4) {
		return ANNOTATION_HIDDEN_SIZE;
	}
	if (look.fill == LOOK_UNSET || look.fill == LOOK_AUTO) {
		look.fill = look.color >= 0 ? fill_behind(s) : look.fill;
	}
	return flow_same_color(look.color, look.fill) ? ANNOTATION_HIDDEN_COLOR : -1;
}

static bool in_instruction(const struct story *s)
{
	for (int i = 0; i < s->n_fields; i++) {
		if (!s->fields[i].result) {
			return true;
		}
	}
	return false;
}

void story_add(struct story *s, const char *text, size_t n)
{
	struct paragraph *p = story_paragraph(s);

	if (!p || !n || in_instruction(s)) {
		return;
	}
	if (s->n_deleted) {
		flow_aside_add(&s->x->aside, ANNOTATION_DELETED, text, n);
		return;
	}
	if (s->run.hidden == -2) {
		s->run.hidden = hidden_of(s, p);
	}
	if (s->run.hidden >= 0) {
		flow_aside_add(&s->x->aside, (enum annotation_kind)s->run.hidden, text, n);
		return;
	}
	flow_aside_flush(&s->x->aside);
	flow_add(&p->text, s->x->o.draft, text, n);
}

/* ── tables and boxes ── */

void story_begin_table(struct story *s)
{
	push(s, PLACE_TABLE)->table = docx_table_create();
}

void story_end_row(struct story *s)
{
	struct docx_table *t = story_table(s);
	struct flow lines = {0};

	if (!t) {
		return;
	}
	flow_aside_flush(&s->x->aside);
	if (s->n_places == 1 && !s->into) {
		docx_row_end(t, s->x->o.draft);
		progress(s);
		return;
	}
	docx_row_flatten(t, s->x->o.draft, &lines);
	s->n_places--; /* it belongs to what is around the table */
	if (lines.text.len) {
		lines.text.len--; /* its line's end is put there by whom it is delivered to */
		lines.text.data[lines.text.len] = '\0';
		deliver(s, BLOCK_PARAGRAPH, 0, &lines);
	}
	s->n_places++;
	flow_finish(&lines);
}

void story_end_table(struct story *s)
{
	struct docx_table *t = story_table(s);

	if (t) {
		docx_table_end(t, s->x->o.draft);
		docx_table_destroy(t);
		s->n_places--;
		settle(s);
	}
}

void story_begin_box(struct story *s)
{
	if (story_paragraph(s)) {
		push(s, PLACE_BOX)->run = s->run;
	}
}

void story_end_box(struct story *s)
{
	struct place *p = top(s);

	if (p && p->kind == PLACE_BOX) {
		s->run = p->run;
		s->n_places--;
	}
}
