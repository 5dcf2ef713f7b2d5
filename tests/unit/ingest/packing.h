/* What the tests of office files share: archives made of strings, and what was read as one text. */
#ifndef TESTS_UNIT_INGEST_PACKING_H
#define TESTS_UNIT_INGEST_PACKING_H

#include "reading.h"

#include <zip.h>

#include "index/base/buf.h"

struct packed {
	const char *name, *content;
};

/* An archive of parts (the last has no name); its bytes are out's. */
static inline void pack(const struct packed *parts, struct buf *out)
{
	zip_error_t error;
	zip_source_t *to;
	zip_t *zip;
	zip_stat_t st;
	void *p;

	zip_error_init(&error);
	to = zip_source_buffer_create(NULL, 0, 0, &error);
	assert_non_null(to);
	zip = zip_open_from_source(to, ZIP_TRUNCATE, &error);
	assert_non_null(zip);
	zip_source_keep(to);
	for (; parts->name; parts++) {
		zip_source_t *s = zip_source_buffer(zip, parts->content, strlen(parts->content), 0);

		assert_true(zip_file_add(zip, parts->name, s, ZIP_FL_ENC_UTF_8) >= 0);
	}
	assert_int_equal(zip_close(zip), 0);
	assert_int_equal(zip_source_stat(to, &st), 0);
	assert_int_equal(zip_source_open(to), 0);
	p = malloc(st.size);
	assert_int_equal(zip_source_read(to, p, st.size), (zip_int64_t)st.size);
	buf_add(out, p, st.size);
	free(p);
	zip_source_close(to);
	zip_source_free(to);
}

static inline int read_packed(struct zygote *z, const struct packed *parts, struct arena *a,
	struct extracted *out, struct err *e)
{
	struct buf bytes = BUF_INIT;
	int rc;

	pack(parts, &bytes);
	rc = read_bytes(z, bytes.data, bytes.len, "a file", a, out, e);
	buf_finish(&bytes);
	return rc;
}

/* All that was read, a block a line: "H1 Travel policy", "T2 Name | Price", then a line an
 * annotation: "@link 10-14 https://…" with the text at its place. In the arena. */
static inline const char *told(const struct extracted *x, struct arena *a)
{
	static const char KINDS[] = "PHLTCN";
	struct buf all = BUF_INIT;
	const char *s;

	for (int i = 0; i < x->n_blocks; i++) {
		const struct block *b = &x->blocks[i];

		buf_char(&all, KINDS[b->kind]);
		if (b->level) {
			buf_printf(&all, "%d", b->level);
		}
		buf_printf(&all, " %.*s\n", b->byte_end - b->byte_start, x->text + b->byte_start);
	}
	for (int i = 0; i < x->n_annotations; i++) {
		const struct annotation *n = &x->annotations[i];

		buf_printf(&all, "@%s [%.*s] %s\n", annotation_name(n->kind),
			n->byte_end - n->byte_start, x->text + n->byte_start, n->text);
	}
	s = arena_str(a, all.data ? all.data : "");
	buf_finish(&all);
	return s;
}

#define RELATION_TYPES "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
#define RELATIONS(items)                                                                           \
	"<Relationships "                                                                          \
	"xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">" items            \
	"</Relationships>"
#define RELATION(id, type, target)                                                                 \
	"<Relationship Id=\"" id "\" Type=\"" RELATION_TYPES type "\" Target=\"" target "\"/>"
#define OUTSIDE(id, type, target)                                                                  \
	"<Relationship Id=\"" id "\" Type=\"" RELATION_TYPES type "\" Target=\"" target            \
	"\" TargetMode=\"External\"/>"
#define CONTENT_TYPES(part, type)                                                                  \
	"<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">"           \
	"<Override PartName=\"" part                                                               \
	"\" ContentType=\"application/vnd.openxmlformats-officedocument." type "\"/></Types>"

#endif
