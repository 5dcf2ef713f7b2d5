/* A slide as text: the title first, then the shapes as they lie on each other, each with its box.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/pptx.h"

#define REPEAT_MAX 300 /* bytes of a cell that is worth repeating in each row it spans */

static struct box points(const struct pptx_box *b)
{
	return (struct box){.x0 = (float)(b->x / PPTX_EMU),
		.y0 = (float)(b->y / PPTX_EMU),
		.x1 = (float)((b->x + b->w) / PPTX_EMU),
		.y1 = (float)((b->y + b->h) / PPTX_EMU)};
}

/* What stands on every slide: the date, its number, a footer. */
static bool is_furniture(const struct pptx_shape *shape)
{
	static const char *const TYPES[] = {"dt", "ftr", "sldNum", "hdr", "sldImg"};

	for (size_t i = 0; shape->is_placeholder && i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
		if (strcmp(shape->type, TYPES[i]) == 0) {
			return true;
		}
	}
	return false;
}

/* ── aside ── */

static void tell_paragraphs(
	struct flow_aside *a, enum annotation_kind kind, const struct pptx_shape *shape)
{
	for (int i = 0; i < shape->n_paragraphs; i++) {
		const struct buf *text = &shape->paragraphs[i].text.text;

		if (text->len) {
			flow_aside_add(a, kind, text->data, text->len);
			flow_aside_add(a, kind, "\n", 1);
		}
	}
	for (int i = 0; i < shape->n_rows; i++) {
		for (int k = 0; k < shape->rows[i].n; k++) {
			const struct buf *text = &shape->rows[i].cells[k].text.text;

			if (text->len) {
				flow_aside_add(a, kind, text->data, text->len);
				flow_aside_add(a, kind, " | ", 3);
			}
		}
	}
}

static void tell_unseen(struct pptx *p, const struct pptx_shape *shape)
{
	struct draft *d = p->o.draft;

	for (int kind = 0; kind < N_ANNOTATION_KINDS; kind++) {
		const struct buf *text = &shape->unseen[kind];

		if (text->len) {
			draft_annotate(d, (enum annotation_kind)kind, draft_at(d), draft_at(d),
				text->data, text->len);
		}
	}
}

void pptx_tell_slide(struct pptx *p, struct pptx_slide *s, const char *label)
{
	struct flow_aside a = {.draft = p->o.draft};
	size_t n_label = strlen(label);

	flow_aside_add(&a, ANNOTATION_HIDDEN_PART, label, n_label);
	for (int i = 0; i < s->n; i++) {
		tell_paragraphs(&a, ANNOTATION_HIDDEN_PART, &s->shapes[i]);
		tell_unseen(p, &s->shapes[i]);
	}
	if (a.text.len > n_label || strncmp(a.text.data, label, n_label) != 0) {
		flow_aside_flush(&a);
	}
	buf_finish(&a.text);
}

/* ANNOTATION_… of why nobody sees the shape; -1: it is seen. */
static int hidden_of(const struct pptx *p, const struct pptx_shape *shape, const struct pptx_box *b)
{
	if (shape->hidden) {
		return ANNOTATION_HIDDEN_PART;
	}
	return b->known && (b->x >= p->width || b->y >= p->height || b->x + b->w <= 0 ||
				   b->y + b->h <= 0)
		       ? ANNOTATION_HIDDEN_PLACE
		       : -1;
}

/* ── tables ── */

/* A cell that goes on from above says the same again, so that the row says all by itself; one that
 * spans columns does so only where it names them. texts: what the row above has, then this one. */
static void add_cells(struct flow_row *out, const struct pptx_row *row, bool header,
	const struct buf **texts, struct draft *d)
{
	struct flow copy = {0};

	for (int i = 0; i < row->n; i++) {
		const struct pptx_cell *c = &row->cells[i];

		if (c->from_left) {
			texts[i] = header && i > 0 ? texts[i - 1] : NULL;
			flow_row_add_text(out, d, texts[i]);
		} else if (c->from_above) {
			texts[i] = texts[i] && texts[i]->len <= REPEAT_MAX ? texts[i] : NULL;
			flow_row_add_text(out, d, texts[i]);
		} else {
			texts[i] = &c->text.text;
			flow_append(&copy, d, &c->text);
			flow_row_add(out, &copy, d);
		}
	}
	for (int i = row->n; i < PPTX_CELLS_MAX; i++) {
		texts[i] = NULL;
	}
	flow_finish(&copy);
}

static void write_table(struct pptx *p, const struct pptx_shape *shape, const struct pptx_box *b)
{
	const struct buf *texts[PPTX_CELLS_MAX] = {NULL};
	struct flow_row line = {0};
	struct box box = points(b);
	double y = b->y, sum = 0, scale;

	for (int i = 0; i < shape->n_rows; i++) {
		sum += shape->rows[i].height;
	}
	scale = sum > 0 && b->h > 0 ? b->h / sum : 0;
	for (int i = 0; i < shape->n_rows; i++) {
		const struct pptx_row *row = &shape->rows[i];
		bool header = i == 0 && shape->header_row && shape->n_rows > 1;

		if (scale > 0) {
			box.y0 = (float)(y / PPTX_EMU);
			y += row->height * scale;
			box.y1 = (float)(y / PPTX_EMU);
		}
		add_cells(&line, row, header, texts, p->o.draft);
		flow_row_write(&line, p->o.draft,
			header	 ? ROW_HEADER
			: i == 0 ? ROW_FIRST
				 : ROW_NEXT,
			b->known ? &box : NULL);
	}
	flow_row_finish(&line);
}

/* ── text ── */

static bool has_bullets(const struct pptx_shape *shape)
{
	return shape->is_placeholder &&
	       (strcmp(shape->type, "obj") == 0 || strcmp(shape->type, "body") == 0);
}

/* As the paragraph says, else its shape, the layout's, the master's. */
static enum pptx_bullet bullet_of(const struct pptx_slide *s, const struct pptx_shape *shape,
	const struct pptx_paragraph *paragraph)
{
	enum pptx_bullet bullet = paragraph->bullet;
	bool body = has_bullets(shape);

	for (; shape && bullet == BULLET_UNSAID; s = s->below) {
		bullet = shape->bullets[paragraph->level];
		if (!s->below) {
			return bullet == BULLET_UNSAID && body ? s->bullets[paragraph->level]
							       : bullet;
		}
		if (bullet == BULLET_UNSAID && !s->below->below && body) {
			const struct pptx_shape *master = pptx_inherited(s, shape);

			bullet = master ? master->bullets[paragraph->level] : BULLET_UNSAID;
			return bullet == BULLET_UNSAID ? s->below->bullets[paragraph->level]
						       : bullet;
		}
		shape = pptx_inherited(s, shape);
	}
	return bullet;
}

static void write_title(struct pptx *p, const struct pptx_shape *shape, const struct box *box)
{
	struct flow all = {0};

	for (int i = 0; i < shape->n_paragraphs; i++) {
		flow_blank(&all);
		flow_append(&all, p->o.draft, &shape->paragraphs[i].text);
	}
	if (all.text.len) {
		draft_page_label(p->o.draft, all.text.data, all.text.len);
		draft_title(p->o.draft, all.text.data, all.text.len);
		flow_write(&all, p->o.draft, BLOCK_HEADING, 1, box);
	}
	flow_finish(&all);
}

static void write_paragraphs(
	struct pptx *p, const struct pptx_slide *s, struct pptx_shape *shape, const struct box *box)
{
	int counts[PPTX_LEVELS] = {0};

	for (int i = 0; i < shape->n_paragraphs; i++) {
		struct pptx_paragraph *item = &shape->paragraphs[i];
		enum pptx_bullet bullet = bullet_of(s, shape, item);
		bool is_item = bullet == BULLET_NUMBER || bullet == BULLET_SIGN;
		char marker[24] = "- ";

		for (int k = item->level + 1; k < PPTX_LEVELS; k++) {
			counts[k] = 0;
		}
		if (flow_is_blank(&item->text)) {
			continue;
		}
		if (bullet == BULLET_NUMBER) {
			snprintf(marker, sizeof(marker), "%d. ",
				item->start + counts[item->level]++);
		} else {
			counts[item->level] = 0;
		}
		flow_lead(&item->text, is_item ? marker : "");
		flow_write(&item->text, p->o.draft, is_item ? BLOCK_LIST_ITEM : BLOCK_PARAGRAPH, 0,
			box);
	}
}

static void write_shape(struct pptx *p, struct pptx_slide *s, struct pptx_shape *shape)
{
	struct pptx_box b = pptx_box_of(s, shape);
	struct box box = points(&b), *place = b.known ? &box : NULL;
	int hidden = hidden_of(p, shape, &b);

	if (is_furniture(shape)) {
		return;
	}
	tell_unseen(p, shape);
	if (hidden >= 0) {
		struct flow_aside a = {.draft = p->o.draft};

		tell_paragraphs(&a, (enum annotation_kind)hidden, shape);
		flow_aside_flush(&a);
		buf_finish(&a.text);
	} else if (pptx_is_title(shape)) {
		write_title(p, shape, place);
	} else {
		write_paragraphs(p, s, shape, place);
		write_table(p, shape, &b);
		if (shape->chart) {
			ooxml_chart(&p->o, shape->chart, place);
		}
		if (shape->diagram) {
			ooxml_diagram(&p->o, shape->diagram, place);
		}
	}
}

void pptx_write_slide(struct pptx *p, struct pptx_slide *s)
{
	for (int i = 0; i < s->n; i++) {
		if (pptx_is_title(&s->shapes[i])) {
			write_shape(p, s, &s->shapes[i]);
		}
	}
	for (int i = 0; i < s->n; i++) {
		if (!pptx_is_title(&s->shapes[i])) {
			write_shape(p, s, &s->shapes[i]);
		}
	}
}

/* The shape's texts as lines. */
static void add_note(const struct pptx_shape *shape, struct draft *d, struct flow *to)
{
	for (int k = 0; k < shape->n_paragraphs; k++) {
		if (!flow_is_blank(&shape->paragraphs[k].text)) {
			flow_append(to, d, &shape->paragraphs[k].text);
			buf_char(&to->text, '\n');
		}
	}
	for (int i = 0; i < shape->n_rows; i++) {
		for (int k = 0; k < shape->rows[i].n; k++) {
			buf_str(&to->text, k ? " | " : "");
			flow_append(to, d, &shape->rows[i].cells[k].text);
		}
		buf_char(&to->text, '\n');
	}
}

void pptx_write_notes(struct pptx *p, struct pptx_slide *notes)
{
	struct flow all = {0};

	buf_str(&all.text, "Speaker notes: ");
	for (int i = 0; i < notes->n; i++) {
		const struct pptx_shape *shape = &notes->shapes[i];

		if (!shape->is_placeholder || strcmp(shape->type, "body") == 0) {
			tell_unseen(p, shape);
			add_note(shape, p->o.draft, &all);
		}
	}
	if (all.text.len > strlen("Speaker notes: ")) {
		flow_write(&all, p->o.draft, BLOCK_NOTE, 0, NULL);
	}
	flow_finish(&all);
}
