#include "ingest/child.h"
void extract_xlsx(struct document *doc, struct draft *d){(void)doc;(void)d;}
