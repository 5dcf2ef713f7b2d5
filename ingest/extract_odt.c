/* Text documents of OpenDocument: one flow of blocks. */
#include "ingest/odf.h"

static void on_start(
	struct odf *o, enum odf_tag tag, const struct xml_element *el, struct odf_frame *f)
{
	odf_table_start(o, tag, el, f);
}

static void on_end(struct odf *o, struct odf_frame *f)
{
	odf_table_end(o, f);
}

void extract_odt(struct document *doc, struct draft *d)
{
	static const struct odf_kind TEXT = {
		.type = "text", .root = ODF_OFFICE_TEXT, .on_start = on_start, .on_end = on_end};

	odf_read(doc, d, &TEXT, NULL);
}
