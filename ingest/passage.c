#include "ingest/passage.h"

#include <stdlib.h>
#include <string.h>

#include "index/base/err.h"

void passage_clear(struct passage *p)
{
	buf_clear(&p->text);
	for (int i = 0; i < p->n_marks; i++) {
		free(p->marks[i].words);
	}
	p->n_marks = 0;
}

void passage_finish(struct passage *p)
{
	passage_clear(p);
	buf_finish(&p->text);
	free(p->marks);
	memset(p, 0, sizeof(*p));
}

bool passage_blank(const struct passage *p)
{
	for (size_t i = 0; i < p->text.len; i++) {
		if ((unsigned char)p->text.data[i] > ' ') {
			return false;
		}
	}
	return true;
}

void passage_mark(struct passage *p, enum annotation_kind kind, size_t start, size_t end,
	const char *words, size_t n_bytes)
{
	if (p->n_marks >= PASSAGE_MARKS_MAX) {
		return;
	}
	if (p->n_marks == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 4;
		p->marks = realloc(p->marks, (size_t)p->cap * sizeof(*p->marks));
		ASSERT(p->marks != NULL);
	}
	n_bytes = n_bytes > ANNOTATION_TEXT_MAX ? ANNOTATION_TEXT_MAX : n_bytes;
	p->marks[p->n_marks++] = (struct passage_mark){
		.kind = kind, .start = start, .end = end, .words = strndup(words, n_bytes)};
}

void passage_append(struct passage *to, const struct passage *from)
{
	size_t base = to->text.len;

	buf_add(&to->text, from->text.data ? from->text.data : "", from->text.len);
	for (int i = 0; i < from->n_marks; i++) {
		const struct passage_mark *m = &from->marks[i];

		passage_mark(
			to, m->kind, base + m->start, base + m->end, m->words, strlen(m->words));
	}
}

/* ── places ── */

/* An end of a mark: where it is in the text, and where in the draft. */
struct edge {
	size_t raw;
	uint32_t at;
	int mark;
	bool end;
};

static int by_raw(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return x->raw < y->raw ? -1 : x->raw > y->raw;
}

static struct edge *edges_of(const struct passage *p)
{
	struct edge *edges = calloc((size_t)p->n_marks * 2 + 1, sizeof(*edges));

	ASSERT(edges != NULL);
	for (int i = 0; i < p->n_marks; i++) {
		edges[2 * i] = (struct edge){.raw = p->marks[i].start, .mark = i};
		edges[2 * i + 1] = (struct edge){.raw = p->marks[i].end, .mark = i, .end = true};
	}
	qsort(edges, (size_t)p->n_marks * 2, sizeof(*edges), by_raw);
	return edges;
}

/* Writes the line [start, stop) of the text; edges from *next on that lie in it get their places,
 * which is where the draft's own cleaning brings them. */
static void write_line(const struct passage *p, struct draft *d, size_t start, size_t stop,
	const struct box *box, struct edge *edges, int *next)
{
	uint32_t at = draft_at(d), end;
	struct buf clean = BUF_INIT;
	size_t done = start;

	draft_line(d, p->text.data + start, stop - start, box);
	end = draft_at(d) > at ? draft_at(d) - 1 : at;
	for (; *next < 2 * p->n_marks && edges[*next].raw <= stop; (*next)++) {
		struct edge *e = &edges[*next];
		uint32_t n;

		if (e->raw > done) {
			draft_clean(&clean, p->text.data + done, e->raw - done, false);
			done = e->raw;
		}
		n = (uint32_t)clean.len - (clean.len && clean.data[0] == ' ');
		e->at = at + n < end ? at + n : end;
	}
	buf_finish(&clean);
}

static void annotate(const struct passage *p, struct draft *d, struct edge *edges)
{
	uint32_t *at = calloc((size_t)p->n_marks * 2 + 1, sizeof(*at));

	ASSERT(at != NULL);
	for (int i = 0; i < 2 * p->n_marks; i++) {
		at[2 * edges[i].mark + edges[i].end] = edges[i].at;
	}
	for (int i = 0; i < p->n_marks; i++) {
		const struct passage_mark *m = &p->marks[i];

		draft_annotate(d, m->kind, at[2 * i], at[2 * i + 1], m->words, strlen(m->words));
	}
	free(at);
}

void passage_write(const struct passage *p, struct draft *d, enum block_kind kind, int level,
	const struct box *box)
{
	struct edge *edges = p->n_marks ? edges_of(p) : NULL;
	size_t start = 0;
	int next = 0;

	draft_block(d, kind, level);
	while (start < p->text.len) {
		const char *stop = memchr(p->text.data + start, '\n', p->text.len - start);
		size_t n = stop ? (size_t)(stop - p->text.data) : p->text.len;

		write_line(p, d, start, n, box, edges, &next);
		start = n + 1;
	}
	for (; next < 2 * p->n_marks; next++) {
		edges[next].at = draft_at(d);
	}
	if (p->n_marks) {
		annotate(p, d, edges);
	}
	free(edges);
}

void passage_write_row(struct passage *const *cells, int n_cells, struct draft *d,
	enum row_role role, const struct box *box)
{
	struct buf *texts = calloc((size_t)n_cells + 1, sizeof(*texts));
	uint32_t at = draft_at(d), end;

	ASSERT(texts != NULL);
	for (int i = 0; i < n_cells; i++) {
		texts[i] = cells[i] ? cells[i]->text : (struct buf)BUF_INIT; /* lent */
	}
	draft_row(d, role, texts, n_cells, box);
	end = draft_at(d) > at ? draft_at(d) - 1 : at;
	for (int i = 0; i < n_cells; i++) {
		for (int k = 0; cells[i] && k < cells[i]->n_marks; k++) {
			const struct passage_mark *m = &cells[i]->marks[k];

			draft_annotate(d, m->kind, at, end, m->words, strlen(m->words));
		}
	}
	free(texts);
}

/* ── asides ── */

void aside_flush(struct aside *a)
{
	if (a->text.len) {
		uint32_t at = draft_at(a->draft);

		draft_annotate(a->draft, a->kind, at, at, a->text.data, a->text.len);
		buf_clear(&a->text);
	}
}

void aside_add(struct aside *a, enum annotation_kind kind, const char *s, size_t n_bytes)
{
	if (a->text.len && (a->kind != kind || a->text.len >= ANNOTATION_TEXT_MAX)) {
		aside_flush(a);
	}
	a->kind = kind;
	while (n_bytes) {
		size_t room = ANNOTATION_TEXT_MAX - (a->text.len % ANNOTATION_TEXT_MAX);
		size_t part = n_bytes < room ? n_bytes : room;

		buf_add(&a->text, s, part);
		s += part;
		n_bytes -= part;
		if (n_bytes) {
			aside_flush(a);
		}
	}
}
