/* Tables of text documents and slides (part 3, chapter 9). Those inside of a cell are text of it; a
 * table of one column arranges the page, its paragraphs are blocks. */
#include <stdlib.h>
#include <string.h>

#include "ingest/odf.h"

#define REPEAT_MAX 64

static bool makes_rows(const struct odf_frame *f)
{
	return !f->container && f->columns != 1;
}

static void begin_row(struct odf *o, const struct xml_element *el, struct odf_frame *f)
{
	const char *visibility = xml_attr(el, "visibility");

	if (visibility && strcmp(visibility, "visible") != 0) {
		odf_aside(o, f, ANNOTATION_HIDDEN_PART);
	}
	odf_dress(o, f, "table-row", xml_attr(el, "style-name"));
	f->row = makes_rows(f);
	if (f->row) {
		o->held = true;
		o->heading_cells = o->first_row;
	}
}

static void end_row(struct odf *o)
{
	bool header = o->header_rows || (o->first_row && o->heading_cells);

	o->in_code = false;
	flow_row_write(&o->row, o->d,
		header	       ? ROW_HEADER
		: o->first_row ? ROW_FIRST
			       : ROW_NEXT,
		o->has_box ? &o->box : NULL);
	o->first_row = false;
}

void odf_table_start(
	struct odf *o, enum odf_tag tag, const struct xml_element *el, struct odf_frame *f)
{
	struct odf_frame *up = f - 1;

	switch (tag) {
	case ODF_TABLE_TABLE:
		odf_dress(o, f, "table", xml_attr(el, "style-name"));
		f->look.hidden = false;
		f->columns = 0;
		if (!f->container) {
			o->first_row = true;
		}
		break;
	case ODF_TABLE_TABLE_COLUMN:
		/* Also inside of table:table-columns and the like: their frames pass it on. */
		for (; up > o->frames && up->tag != ODF_TABLE_TABLE; up--) {
			up->columns += odf_count(el, "number-columns-repeated", REPEAT_MAX);
		}
		up->columns += odf_count(el, "number-columns-repeated", REPEAT_MAX);
		break;
	case ODF_TABLE_TABLE_HEADER_ROWS:
		o->header_rows = !f->container;
		break;
	case ODF_TABLE_TABLE_ROW:
		begin_row(o, el, f);
		break;
	case ODF_TABLE_TABLE_CELL:
	case ODF_TABLE_COVERED_TABLE_CELL:
		odf_dress(o, f, "table-cell", xml_attr(el, "style-name"));
		f->look.hidden = false;
		if (up->row && up->tag == ODF_TABLE_TABLE_ROW) {
			f->cell = true;
			f->container = &o->cell;
			f->columns = odf_count(el, "number-columns-repeated", REPEAT_MAX);
			if (tag == ODF_TABLE_COVERED_TABLE_CELL) {
				odf_aside(o, f, ANNOTATION_HIDDEN_PART);
			}
		}
		break;
	default:
		break;
	}
}

void odf_table_end(struct odf *o, struct odf_frame *f)
{
	if (f->cell) {
		struct buf text = BUF_INIT;

		buf_add(&text, o->cell.text.data ? o->cell.text.data : "", o->cell.text.len);
		flow_row_add(&o->row, &o->cell, o->d);
		for (int i = 1; i < f->columns; i++) {
			flow_row_add_text(&o->row, o->d, &text);
		}
		buf_finish(&text);
	} else if (f->row) {
		end_row(o);
	} else if (f->tag == ODF_TABLE_TABLE_HEADER_ROWS) {
		o->header_rows = false;
	} else if (f->tag == ODF_TABLE_TABLE && !f->container) {
		/* Notes wait until here: the rows of a table stand together. */
		o->held = false;
		odf_write_later(o);
	}
}
