/* Rows: segments side by side. */
#include <math.h>
#include <stdlib.h>

#include "ingest/pdf.h"

static const struct pdf_page *sorted; /* qsort has no argument; the child has one thread */

static int by_middle(const void *pa, const void *pb)
{
	const struct pdf_seg *a = &sorted->segs[*(const int *)pa];
	const struct pdf_seg *b = &sorted->segs[*(const int *)pb];
	float ya = a->y0 + a->y1, yb = b->y0 + b->y1;

	if (ya != yb) {
		return ya < yb ? -1 : 1;
	}
	return *(const int *)pa - *(const int *)pb;
}

static int by_left(const void *pa, const void *pb)
{
	const struct pdf_seg *a = &sorted->segs[*(const int *)pa];
	const struct pdf_seg *b = &sorted->segs[*(const int *)pb];

	if (a->x0 != b->x0) {
		return a->x0 < b->x0 ? -1 : 1;
	}
	return *(const int *)pa - *(const int *)pb;
}

/* More than half of the lower of the two is beside the other. */
static bool beside(const struct pdf_row *r, const struct pdf_seg *s)
{
	float shared = fminf(r->y1, s->y1) - fmaxf(r->y0, s->y0);
	float lower = fminf(r->y1 - r->y0, s->y1 - s->y0);

	return shared > 0.5f * lower;
}

void pdf_find_rows(struct pdf_page *p)
{
	struct pdf_row *r = NULL;
	int n = 0;

	p->by_row = calloc((size_t)p->n_segs + 1, sizeof(int));
	p->rows = calloc((size_t)p->n_segs + 1, sizeof(*p->rows));
	ASSERT(p->by_row && p->rows);
	p->n_rows = 0;
	/* What runs up the page stands beside everything: it is of no row. */
	for (int i = 0; i < p->n_segs; i++) {
		p->segs[i].row = -1;
		if (!p->segs[i].turned) {
			p->by_row[n++] = i;
		}
	}
	sorted = p;
	qsort(p->by_row, (size_t)n, sizeof(int), by_middle);
	for (int i = 0; i < n; i++) {
		struct pdf_seg *s = &p->segs[p->by_row[i]];

		if (!r || !beside(r, s)) {
			r = &p->rows[p->n_rows++];
			*r = (struct pdf_row){.y0 = s->y0, .y1 = s->y1, .first = i};
		}
		r->n++;
		s->row = p->n_rows - 1;
	}
	for (int i = 0; i < p->n_rows; i++) {
		qsort(p->by_row + p->rows[i].first, (size_t)p->rows[i].n, sizeof(int), by_left);
	}
}

bool pdf_rows_aligned(const struct pdf_page *p, const struct pdf_row *a, const struct pdf_row *b)
{
	for (int i = 1; i < a->n; i++) {
		const struct pdf_seg *s = pdf_row_seg(p, a, i);

		for (int k = 1; k < b->n; k++) {
			const struct pdf_seg *t = pdf_row_seg(p, b, k);

			if (fabsf(s->x0 - t->x0) < PDF_ALIGNED ||
				fabsf(s->x1 - t->x1) < PDF_ALIGNED ||
				fabsf(s->x0 + s->x1 - t->x0 - t->x1) < 2 * PDF_ALIGNED) {
				return true;
			}
		}
	}
	return false;
}
