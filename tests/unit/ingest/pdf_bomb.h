/* A small PDF that a reader computes with for ever. */
#ifndef TESTS_UNIT_INGEST_PDF_BOMB_H
#define TESTS_UNIT_INGEST_PDF_BOMB_H

#include "index/base/buf.h"

/* A PDF whose page draws form 0, which draws form 1 `fan` times, and so on: fan to the `depth`
 * words. */
static inline void pdf_bomb(struct buf *out, int depth, int fan)
{
	buf_str(out, "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
		     "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
		     "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
		     "/Resources<</XObject<</F 10 0 R>>/Font<</T 5 0 R>>>>>>endobj\n"
		     "4 0 obj<</Length 4>>stream\n/F Do\nendstream endobj\n"
		     "5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n");
	for (int i = 0; i < depth; i++) {
		struct buf content = BUF_INIT;

		for (int k = 0; k < fan; k++) {
			buf_str(&content, i + 1 < depth ? "1 0 0 1 .01 .01 cm /F Do\n"
							: "BT /T 9 Tf 1 2 Td (words) Tj ET\n");
		}
		buf_printf(out,
			"%d 0 obj<</Type/XObject/Subtype/Form/BBox[-9999 -9999 9999 9999]"
			"/Resources<</XObject<</F %d 0 R>>/Font<</T 5 0 R>>>>/Length %zu>>"
			"stream\n%sendstream endobj\n",
			10 + i, 11 + i, content.len, content.data);
		buf_finish(&content);
	}
	buf_str(out, "trailer<</Root 1 0 R/Size 40>>\n%%EOF\n");
}

#endif
