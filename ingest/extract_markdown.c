#include "ingest/child.h"
void extract_markdown(const struct document *doc, struct draft *d) { extract_text(doc, d); }
void extract_html(const struct document *doc, struct draft *d) { extract_text(doc, d); }
