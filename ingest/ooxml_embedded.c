/*
 * Files inside of office files. What Office embeds is a package (a docx in an xlsx) or a compound
 * file (MS-CFB) with an OLE object in it: an office file of either kind, or any file that was
 * dropped on the page (MS-OLEDS 2.3.6).
 */
#include <gsf/gsf-infile-msole.h>
#include <gsf/gsf-infile.h>
#include <gsf/gsf-input-memory.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/ooxml.h"

#define CHARTS_MAX 10000

/* ── OLE objects ── */

/* The stream of an object, whole; false: there is none or it is larger than max. */
static bool load_stream(GsfInfile *ole, const char *name, size_t max, struct buf *out)
{
	GsfInput *in = gsf_infile_child_by_name(ole, name);
	gsf_off_t n = in ? gsf_input_size(in) : 0;
	const guint8 *p = n > 0 && (size_t)n <= max ? gsf_input_read(in, (size_t)n, NULL) : NULL;

	if (p) {
		buf_add(out, p, (size_t)n);
	}
	if (in) {
		g_object_unref(in);
	}
	return p != NULL;
}

/* A NUL-terminated string at *at; moves behind it. */
static const char *take_string(const struct buf *b, size_t *at)
{
	const char *s = b->data + *at;
	const char *end = *at < b->len ? memchr(s, '\0', b->len - *at) : NULL;

	*at = end ? (size_t)(end - b->data) + 1 : b->len;
	return end ? s : "";
}

static size_t take_u32(const struct buf *b, size_t *at)
{
	struct cursor c;

	if (*at + 4 > b->len) {
		*at = b->len;
		return 0;
	}
	c = cursor_over(b->data + *at, 4);
	*at += 4;
	return cursor_u32(&c);
}

/* size u32, 2 bytes, name, path, 4 bytes, n u32 and another path of n bytes, size u32, the file */
static bool hand_on_native(struct ooxml *o, const struct buf *b)
{
	size_t at = 6, n;
	const char *name;

	if (b->len < 16) {
		return false;
	}
	name = take_string(b, &at);
	take_string(b, &at);
	at = at + 4 < b->len ? at + 4 : b->len;
	n = take_u32(b, &at);
	at = n < b->len - at ? at + n : b->len;
	n = take_u32(b, &at);
	if (!n || n > b->len - at) {
		return false;
	}
	draft_child(o->draft, name, b->data + at, n);
	return true;
}

/* What such a document's name ends with, by the streams that it has. NULL: it is none, but an
 * equation, a control, a sound. */
static const char *document_kind(GsfInfile *ole)
{
	static const struct {
		const char *stream, *ending;
	} KINDS[] = {{"WordDocument", "doc"}, {"Workbook", "xls"}, {"Book", "xls"},
		{"PowerPoint Document", "ppt"}, {"VisioDocument", "vsd"},
		{"__properties_version1.0", "msg"}};

	for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
		GsfInput *in = gsf_infile_child_by_name(ole, KINDS[i].stream);

		if (in) {
			g_object_unref(in);
			return KINDS[i].ending;
		}
	}
	return NULL;
}

static void tell_object(struct ooxml *o, const char *name, size_t n_bytes)
{
	const char *slash = strrchr(name, '/');
	struct buf note = BUF_INIT;

	buf_printf(
		&note, "%s (%zu bytes), an object without text", slash ? slash + 1 : name, n_bytes);
	draft_annotate(o->draft, ANNOTATION_EMBEDDED, draft_at(o->draft), draft_at(o->draft),
		note.data, note.len);
	buf_finish(&note);
}

/* What an OLE object has inside (ooxml_embedded.c): a package, a file of any kind, or itself. */
static void ole_child(struct ooxml *o, const char *name, const char *p, size_t n_bytes)
{
	GsfInput *in = gsf_input_memory_new((const guint8 *)p, (gsf_off_t)n_bytes, FALSE);
	GsfInfile *ole = in ? gsf_infile_msole_new(in, NULL) : NULL;
	size_t max = o->draft->children_bytes_max;
	struct buf stream = BUF_INIT;
	const char *kind;
	bool done = false;

	if (ole && load_stream(ole, "\1Ole10Native", max, &stream)) {
		done = hand_on_native(o, &stream);
	} else if (ole && (load_stream(ole, "Package", max, &stream) ||
				  load_stream(ole, "CONTENTS", max, &stream))) {
		draft_child(o->draft, name, stream.data, stream.len);
		done = true;
	}
	kind = ole ? document_kind(ole) : "bin";
	if (!done && kind) {
		const char *dot = strrchr(name, '.');
		int n_stem = dot ? (int)(dot - name) : (int)strlen(name);

		name = arena_printf(&o->arena, "%.*s.%s", n_stem, name, kind);
		draft_child(o->draft, name, p, n_bytes);
	} else if (!done) {
		tell_object(o, name, n_bytes);
	}
	buf_finish(&stream);
	if (ole) {
		g_object_unref(ole);
	}
	if (in) {
		g_object_unref(in);
	}
}

/* ── all of them ── */

struct chart_data {
	const char **names; /* of parts that only hold what charts were drawn from */
	int n;
};

static void find_chart_data(struct ooxml *o, struct chart_data *data)
{
	int n_parts = archive_count(o->archive);

	data->names = arena_array(&o->arena, const char *, CHARTS_MAX);
	for (int i = 0; i < n_parts && data->n < CHARTS_MAX; i++) {
		const char *name = archive_name(o->archive, i);
		const char *chart = name ? strstr(name, "/charts/chart") : NULL;
		struct ooxml_relations relations;
		const char *part;

		if (!chart || strstr(chart, ".rels")) {
			continue;
		}
		ooxml_relations_load(o, name, &relations);
		part = ooxml_part_of_type(&relations, "package");
		if (part) {
			data->names[data->n++] = part;
		}
	}
}

static bool is_chart_data(const struct chart_data *data, const char *name)
{
	for (int i = 0; i < data->n; i++) {
		if (strcmp(data->names[i], name) == 0) {
			return true;
		}
	}
	return false;
}

static void hand_on(struct ooxml *o, const char *name)
{
	static const char MAGIC[] = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
	struct archive_part *part = archive_open(o->archive, name);
	struct buf bytes = BUF_INIT;
	size_t n, n_all = 0, max = o->draft->children_bytes_max;
	char piece[16384];

	if (!part) {
		return;
	}
	while ((n = archive_read(part, piece, sizeof(piece))) > 0) {
		n_all += n;
		if (n_all <= max) {
			buf_add(&bytes, piece, n);
		}
	}
	archive_close(part);
	if (n_all <= max && n_all > 8 && memcmp(bytes.data, MAGIC, 8) == 0) {
		ole_child(o, name, bytes.data, bytes.len);
	} else {
		draft_child(o->draft, name, bytes.data, n_all);
	}
	buf_finish(&bytes);
}

void ooxml_children(struct ooxml *o, const char *folder)
{
	struct chart_data data = {0};
	int n_parts = archive_count(o->archive);

	for (int i = 0; i < n_parts; i++) {
		const char *name = archive_name(o->archive, i);

		if (!name || strncmp(name, folder, strlen(folder)) != 0 || !name[strlen(folder)]) {
			continue;
		}
		if (!data.names) {
			find_chart_data(o, &data);
		}
		if (!is_chart_data(&data, name)) {
			hand_on(o, name);
		}
	}
}
