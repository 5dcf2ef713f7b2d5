/* A slide as text: the title first, then the shapes as they lie on each other, each with its box.
 */
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
	struct aside *a, enum annotation_kind kind, const struct pptx_shape *shape)
{
	for (int i = 0; i < shape->n_paragraphs; i++) {
		const struct buf *text = &shape->paragraphs[i].text.text;

		if (text->len) {
			aside_add(a, kind, text->data, text->len);
			aside_add(a, kind, "\n", 1);
		}
	}
	for (int i = 0; i < shape->n_rows; i++) {
		for (int k = 0; k < shape->rows[i].n; k++) {
			const struct buf *text = &shape->rows[i].cells[k].text.text;

			if (text->len) {
				aside_add(a, kind, text->data, text->len);
				aside_add(a, kind, " | ", 3);
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
	struct aside a = {.draft = p->o.draft};
	size_t n_label = strlen(label);

	aside_add(&a, ANNOTATION_HIDDEN_PART, label, n_label);
	for (int i = 0; i < s->n; i++) {
		tell_paragraphs(&a, ANNOTATION_HIDDEN_PART, &s->shapes[i]);
		tell_unseen(p, &s->shapes[i]);
	}
	if (a.text.len > n_label || strncmp(a.text.data, label, n_label) != 0) {
		aside_flush(&a);
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

/* The cells of a row; one that goes on from above says the same again, so that the row says all by
 * itself; one that spans columns does so only where it names them. */
static int cells_of(const struct pptx_row *row, bool header, struct passage **above, int n_above,
	struct passage **cells)
{
	for (int i = 0; i < row->n; i++) {
		struct pptx_cell *c = &row->cells[i];

		cells[i] = &c->text;
		if (c->from_left) {
			cells[i] = header && i > 0 ? cells[i - 1] : NULL;
		} else if (c->from_above) {
			cells[i] = i < n_above && above[i] && above[i]->text.len <= REPEAT_MAX
					   ? above[i]
					   : NULL;
		}
	}
	return row->n;
}

static void write_table(struct pptx *p, const struct pptx_shape *shape, const struct pptx_box *b)
{
	struct passage *lines[2][1000];
	struct box box = points(b);
	double y = b->y, sum = 0, scale;
	int n_above = 0;

	for (int i = 0; i < shape->n_rows; i++) {
		sum += shape->rows[i].height;
	}
	scale = sum > 0 && b->h > 0 ? b->h / sum : 0;
	for (int i = 0; i < shape->n_rows; i++) {
		const struct pptx_row *row = &shape->rows[i];
		bool header = i == 0 && shape->header_row && shape->n_rows > 1;
		int n = cells_of(row, header, lines[(i + 1) % 2], n_above, lines[i % 2]);

		if (scale > 0) {
			box.y0 = (float)(y / PPTX_EMU);
			y += row->height * scale;
			box.y1 = (float)(y / PPTX_EMU);
		}
		passage_write_row(lines[i % 2], n, p->o.draft,
			header	 ? ROW_HEADER
			: i == 0 ? ROW_FIRST
				 : ROW_NEXT,
			b->known ? &box : NULL);
		n_above = n;
	}
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
	struct passage all = {0};

	for (int i = 0; i < shape->n_paragraphs; i++) {
		if (all.text.len) {
			buf_char(&all.text, ' ');
		}
		passage_append(&all, &shape->paragraphs[i].text);
	}
	for (size_t i = 0; i < all.text.len; i++) {
		all.text.data[i] = all.text.data[i] == '\n' || all.text.data[i] == '\v'
					   ? ' '
					   : all.text.data[i];
	}
	if (all.text.len) {
		draft_page_label(p->o.draft, all.text.data, all.text.len);
		draft_title(p->o.draft, all.text.data, all.text.len);
		passage_write(&all, p->o.draft, BLOCK_HEADING, 1, box);
	}
	passage_finish(&all);
}

static void write_paragraphs(struct pptx *p, const struct pptx_slide *s,
	const struct pptx_shape *shape, const struct box *box)
{
	int counts[PPTX_LEVELS] = {0};

	for (int i = 0; i < shape->n_paragraphs; i++) {
		const struct pptx_paragraph *text = &shape->paragraphs[i];
		enum pptx_bullet bullet = bullet_of(s, shape, text);
		struct passage item = {0};

		for (int k = text->level + 1; k < PPTX_LEVELS; k++) {
			counts[k] = 0;
		}
		if (passage_blank(&text->text)) {
			continue;
		}
		if (bullet == BULLET_NUMBER) {
			buf_printf(&item.text, "%d. ", text->start + counts[text->level]++);
		} else {
			counts[text->level] = 0;
			buf_str(&item.text, bullet == BULLET_SIGN ? "- " : "");
		}
		passage_append(&item, &text->text);
		passage_write(&item, p->o.draft,
			bullet == BULLET_NUMBER || bullet == BULLET_SIGN ? BLOCK_LIST_ITEM
									 : BLOCK_PARAGRAPH,
			0, box);
		passage_finish(&item);
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
		struct aside a = {.draft = p->o.draft};

		tell_paragraphs(&a, (enum annotation_kind)hidden, shape);
		aside_flush(&a);
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
static void add_note(const struct pptx_shape *shape, struct passage *to)
{
	for (int k = 0; k < shape->n_paragraphs; k++) {
		if (!passage_blank(&shape->paragraphs[k].text)) {
			passage_append(to, &shape->paragraphs[k].text);
			buf_char(&to->text, '\n');
		}
	}
	for (int i = 0; i < shape->n_rows; i++) {
		for (int k = 0; k < shape->rows[i].n; k++) {
			buf_str(&to->text, k ? " | " : "");
			passage_append(to, &shape->rows[i].cells[k].text);
		}
		buf_char(&to->text, '\n');
	}
}

void pptx_write_notes(struct pptx *p, struct pptx_slide *notes)
{
	struct passage all = {0};

	buf_str(&all.text, "Speaker notes: ");
	for (int i = 0; i < notes->n; i++) {
		const struct pptx_shape *shape = &notes->shapes[i];

		if (!shape->is_placeholder || strcmp(shape->type, "body") == 0) {
			tell_unseen(p, shape);
			add_note(shape, &all);
		}
	}
	if (all.text.len > strlen("Speaker notes: ")) {
		passage_write(&all, p->o.draft, BLOCK_NOTE, 0, NULL);
	}
	passage_finish(&all);
}
