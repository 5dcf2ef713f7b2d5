/* Pictures, a page a frame: read by OCR, then laid out as a scanned PDF is. */
#include <stdlib.h>

#include "ingest/image.h"
#include "ingest/pdf.h"

void extract_image(struct document *doc, struct draft *d)
{
	int n = image_count(doc, d);
	struct pdf_page *pages = calloc((size_t)n, sizeof(*pages));
	struct pdf_writing w = {.placed = {NULL, 0, 0}};

	ASSERT(pages != NULL);
	for (int i = 0; i < n; i++) {
		struct image_page image;

		draft_progress(d, i, n);
		image_read(doc, d, i, &image);
		pdf_read_picture(doc, &image, i, n, &pages[i]);
		pdf_find_rows(&pages[i]);
		for (int k = 0; k < pages[i].n_words; k++) {
			pdf_vocabulary_add(&w.vocabulary, pages[i].text.data + pages[i].words[k].at,
				pages[i].words[k].n_bytes);
		}
	}
	draft_progress(d, n, n);
	pdf_drop_running(pages, n);
	for (int i = 0; i < n; i++) {
		pdf_find_tables(&pages[i]);
	}
	pdf_learn_styles(pages, n, &w.styles);
	for (int i = 0; i < n; i++) {
		pdf_begin_page(&pages[i], doc, d);
		pdf_write_page(&pages[i], &w, d);
	}
}
