/* Archives made on the spot, for the tests of formats that are ZIPs of parts; flat ODF; mutants. */
#ifndef TESTS_UNIT_INGEST_ZIPPING_H
#define TESTS_UNIT_INGEST_ZIPPING_H

#include "tests/unit/ingest/reading.h"

#include <zip.h>

/* (name, content) pairs that end with NULL, appended to out. */
static inline void zip_parts(struct buf *out, const char *const *parts)
{
	zip_error_t error;
	zip_source_t *to, *keep;
	zip_t *z;
	zip_stat_t st;
	char *bytes;

	zip_error_init(&error);
	to = zip_source_buffer_create(NULL, 0, 0, &error);
	assert_non_null(to);
	zip_source_keep(to);
	keep = to;
	z = zip_open_from_source(to, ZIP_TRUNCATE, &error);
	assert_non_null(z);
	for (; *parts; parts += 2) {
		zip_source_t *s = zip_source_buffer(z, parts[1], strlen(parts[1]), 0);

		assert_true(zip_file_add(z, parts[0], s, ZIP_FL_ENC_UTF_8) >= 0);
	}
	assert_int_equal(zip_close(z), 0);
	assert_int_equal(zip_source_open(keep), 0);
	assert_int_equal(zip_source_stat(keep, &st), 0);
	bytes = malloc(st.size);
	assert_int_equal(zip_source_read(keep, bytes, st.size), st.size);
	buf_add(out, bytes, st.size);
	free(bytes);
	zip_source_close(keep);
	zip_source_free(keep);
}

/* Reads the archive of these parts. */
static inline int read_parts(struct zygote *z, const char *const *parts, const char *name,
	struct arena *a, struct extracted *out, struct err *e)
{
	struct buf bytes = BUF_INIT;
	int rc;

	zip_parts(&bytes, parts);
	rc = read_bytes(z, bytes.data, bytes.len, name, a, out, e);
	buf_finish(&bytes);
	return rc;
}

#define ODF_NAMESPACES                                                                             \
	" xmlns:office='urn:oasis:names:tc:opendocument:xmlns:office:1.0'"                         \
	" xmlns:style='urn:oasis:names:tc:opendocument:xmlns:style:1.0'"                           \
	" xmlns:text='urn:oasis:names:tc:opendocument:xmlns:text:1.0'"                             \
	" xmlns:table='urn:oasis:names:tc:opendocument:xmlns:table:1.0'"                           \
	" xmlns:draw='urn:oasis:names:tc:opendocument:xmlns:drawing:1.0'"                          \
	" xmlns:svg='urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0'"                    \
	" xmlns:fo='urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0'"                  \
	" xmlns:presentation='urn:oasis:names:tc:opendocument:xmlns:presentation:1.0'"             \
	" xmlns:meta='urn:oasis:names:tc:opendocument:xmlns:meta:1.0'"                             \
	" xmlns:xlink='http://www.w3.org/1999/xlink'"                                              \
	" xmlns:math='http://www.w3.org/1998/Math/MathML'"                                         \
	" xmlns:dc='http://purl.org/dc/elements/1.1/'"

/* One flat document; kind: "text" … */
static inline char *flat_odf(const char *kind, const char *styles, const char *body)
{
	struct buf b = BUF_INIT;

	buf_printf(&b,
		"<?xml version='1.0' encoding='UTF-8'?>\n<office:document" ODF_NAMESPACES
		" office:version='1.3' office:mimetype='application/vnd.oasis.opendocument.%s'>"
		"%s<office:body><office:%s>%s</office:%s></office:body></office:document>",
		kind, styles, kind, body, kind);
	return buf_take(&b);
}

static inline void assert_lines(
	const struct extracted *x, const char *const *expected, size_t n_expected)
{
	print_blocks(x);
	for (size_t i = 0; i < n_expected; i++) {
		assert_string_equal(block_line(x, (int)i), expected[i]);
	}
	assert_int_equal(x->n_blocks, n_expected);
}
#define ASSERT_LINES(x, lines) assert_lines(x, lines, sizeof(lines) / sizeof((lines)[0]))

/* The annotation of this kind whose text is this, or a failure. */
static inline const struct annotation *annotation_of(
	const struct extracted *x, uint8_t kind, const char *text)
{
	for (int i = 0; i < x->n_annotations; i++) {
		if (x->annotations[i].kind == kind && strcmp(x->annotations[i].text, text) == 0) {
			return &x->annotations[i];
		}
	}
	for (int i = 0; i < x->n_annotations; i++) {
		print_error("%s: \"%s\"\n", annotation_name(x->annotations[i].kind),
			x->annotations[i].text);
	}
	fail_msg("no %s \"%s\"", annotation_name(kind), text);
	return NULL;
}

/* The words that the annotation is about. */
static inline const char *place_words(const struct extracted *x, const struct annotation *n)
{
	static char words[400];

	snprintf(
		words, sizeof(words), "%.*s", n->byte_end - n->byte_start, x->text + n->byte_start);
	return words;
}

/* n documents, each with some bytes changed, cut or doubled: all end in a named state. */
static inline void read_mutants(
	struct zygote *z, const char *p, size_t n_bytes, const char *name, int n, uint32_t seed)
{
	print_message("mutants of %s: seed %u\n", name, seed);
	for (int i = 0; i < n; i++) {
		struct buf b = BUF_INIT;
		struct arena a;
		struct extracted x;
		struct err e = ERR_INIT;
		int n_changes;

		buf_add(&b, p, n_bytes);
		seed = seed * 1664525u + 1013904223u;
		n_changes = 1 + (int)(seed >> 28);
		for (int k = 0; k < n_changes; k++) {
			seed = seed * 1664525u + 1013904223u;
			b.data[(seed >> 8) % b.len] = "\0\xff{}\\<>'-9 "[seed % 11];
		}
		b.len -= (seed >> 4) % 7 == 0 ? (seed >> 8) % b.len : 0;
		arena_init(&a);
		if (read_bytes(z, b.data, b.len, name, &a, &x, &e) == 0) {
			assert_int_equal(extracted_check(&x, NULL), 0);
		} else if (strcmp(e.reason, "crashed") == 0 || strcmp(e.reason, "stalled") == 0 ||
			   strcmp(e.reason, "out_of_cpu") == 0) {
			fail_msg("mutant %d of %s: %s", i, name, e.message);
		}
		arena_finish(&a);
		buf_finish(&b);
	}
}

#endif
