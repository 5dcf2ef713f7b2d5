/* Text documents of OpenDocument: one flow of blocks. */
#include "ingest/odf.h"

void extract_odt(struct document *doc, struct draft *d)
{
	static const struct odf_kind TEXT = {
		.root = ODF_OFFICE_TEXT, .on_start = odf_table_start, .on_end = odf_table_end};

	odf_read(doc, d, &TEXT, NULL);
}
