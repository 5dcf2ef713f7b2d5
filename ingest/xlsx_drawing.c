/* What lies on a sheet (ECMA-376 part 1, 20.5): text boxes and charts, each over a range of cells.
 */
#include <stdlib.h>
#include <string.h>

#include "ingest/xlsx.h"

struct drawing_reader {
	struct xlsx *x;
	struct ooxml_relations relations;
	struct flow text;
	struct buf number;
	struct xlsx_range at;
	const char *chart, *diagram;
	int skip; /* depth, 0: none */
	bool hidden, in_text, in_number, at_end;
};

static void begin_anchor(struct drawing_reader *r)
{
	flow_clear(&r->text);
	r->at = (struct xlsx_range){0};
	r->chart = r->diagram = NULL;
	r->hidden = false;
}

static bool is_anchor(const struct xml_element *el)
{
	return xml_is(el, "twoCellAnchor") || xml_is(el, "oneCellAnchor") ||
	       xml_is(el, "absoluteAnchor");
}

static void on_drawing_start(void *arg, const struct xml_element *el)
{
	struct drawing_reader *r = arg;
	const char *hidden = xml_attr(el, "hidden");

	r->in_text = r->in_number = false;
	if (r->skip) {
		return;
	}
	if (xml_is(el, "Fallback")) {
		r->skip = el->depth; /* what is in it was said before, for newer programs */
	} else if (is_anchor(el)) {
		begin_anchor(r);
	} else if (xml_is(el, "from") || xml_is(el, "to")) {
		r->at_end = xml_is(el, "to");
	} else if (xml_is(el, "col") || xml_is(el, "row")) {
		buf_clear(&r->number);
		r->in_number = true;
	} else if (xml_is(el, "cNvPr") && hidden) {
		r->hidden = r->hidden || ooxml_on(hidden);
	} else if (xml_is(el, "chart") && xml_in(el, "drawingml")) {
		r->chart = ooxml_part(&r->relations, xml_attr_in(el, "elationships", "id"));
	} else if (xml_is(el, "relIds")) {
		r->diagram = ooxml_part(&r->relations, xml_attr_in(el, "elationships", "dm"));
	} else {
		r->in_text = xml_is(el, "t");
	}
}

static void on_drawing_text(void *arg, const char *s, size_t n)
{
	struct drawing_reader *r = arg;

	if (r->in_number && n < 16) {
		buf_add(&r->number, s, n);
	} else if (r->in_text) {
		flow_add(&r->text, r->x->o.draft, s, n);
	}
}

static void take_edge(struct drawing_reader *r, bool column)
{
	int n = (int)ooxml_number(r->number.data, 0);

	n = n < 0 ? 0 : n > XLSX_ROWS ? XLSX_ROWS : n;
	if (column) {
		*(r->at_end ? &r->at.x1 : &r->at.x0) = n + r->at_end;
	} else {
		*(r->at_end ? &r->at.y1 : &r->at.y0) = n + r->at_end;
	}
}

static void end_anchor(struct drawing_reader *r)
{
	struct draft *d = r->x->o.draft;
	struct box box = {.x0 = (float)r->at.x0,
		.y0 = (float)r->at.y0,
		.x1 = (float)(r->at.x1 > r->at.x0 ? r->at.x1 : r->at.x0 + 1),
		.y1 = (float)(r->at.y1 > r->at.y0 ? r->at.y1 : r->at.y0 + 1)};

	if (r->hidden) {
		flow_aside_add(&r->x->aside, ANNOTATION_HIDDEN_PART,
			r->text.text.data ? r->text.text.data : "", r->text.text.len);
		flow_aside_flush(&r->x->aside);
	} else if (!flow_is_blank(&r->text)) {
		flow_write(&r->text, d, BLOCK_PARAGRAPH, 0, &box);
	}
	if (r->chart && !r->hidden) {
		ooxml_chart(&r->x->o, r->chart, &box);
	}
	if (r->diagram && !r->hidden) {
		ooxml_diagram(&r->x->o, r->diagram, &box);
	}
}

static void on_drawing_end(void *arg, const struct xml_element *el)
{
	struct drawing_reader *r = arg;

	r->in_text = r->in_number = false;
	if (r->skip) {
		r->skip = r->skip == el->depth ? 0 : r->skip;
	} else if (xml_is(el, "p") || xml_is(el, "br")) {
		buf_char(&r->text.text, '\n');
	} else if (xml_is(el, "col") || xml_is(el, "row")) {
		take_edge(r, xml_is(el, "col"));
	} else if (is_anchor(el)) {
		end_anchor(r);
	}
}

void xlsx_drawing(struct xlsx *x, const char *part)
{
	static const struct xml_handler HANDLER = {
		on_drawing_start, on_drawing_end, on_drawing_text};
	struct drawing_reader r = {.x = x};

	ooxml_relations_load(&x->o, part, &r.relations);
	ooxml_read(&x->o, part, &HANDLER, &r);
	flow_finish(&r.text);
	buf_finish(&r.number);
}
