#include "ingest/child.h"
void extract_pptx(struct document *doc, struct draft *d)
{
	(void)doc;
	(void)d;
}
