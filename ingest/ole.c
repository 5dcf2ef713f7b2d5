#include "ingest/ole.h"

#include <gsf/gsf.h>
#include <string.h>

static const char MAGIC[] = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

static bool is_compound(const struct document *doc)
{
	return doc->n_bytes > 512 && memcmp(doc->bytes, MAGIC, sizeof(MAGIC) - 1) == 0;
}

GsfInfile *ole_of(const struct document *doc)
{
	static const struct document *opened_for; /* a child has one */
	static GsfInfile *opened;
	GsfInput *source;

	if (opened_for == doc || !is_compound(doc)) {
		return opened_for == doc ? opened : NULL;
	}
	opened_for = doc;
	gsf_init();
	source = gsf_input_memory_new((const guint8 *)doc->bytes, (gsf_off_t)doc->n_bytes, FALSE);
	opened = source ? gsf_infile_msole_new(source, NULL) : NULL;
	if (source) {
		g_object_unref(source);
	}
	return opened;
}

static bool has(GsfInfile *dir, const char *name)
{
	GsfInput *in = gsf_infile_child_by_name(dir, name);

	if (in) {
		g_object_unref(in);
	}
	return in != NULL;
}

bool ole_has_stream(const struct document *doc, const char *name)
{
	GsfInfile *root = ole_of(doc);

	return root && has(root, name);
}

const char *ole_described(const struct document *doc)
{
	static const struct {
		const char *stream, *words;
	} KNOWN[] = {
		{"WordDocument", "an old Word document (.doc)"},
		{"Workbook", "an old Excel workbook (.xls)"},
		{"Book", "an old Excel workbook (.xls)"},
		{"PowerPoint Document", "an old PowerPoint presentation (.ppt)"},
		{"PP40", "an old PowerPoint presentation (.ppt)"},
		{"VisioDocument", "an old Visio drawing"},
		{"Quill", "a Publisher document"},
		{"__properties_version1.0", "an Outlook message"},
	};

	if (!is_compound(doc)) {
		return NULL;
	}
	for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++) {
		if (ole_has_stream(doc, KNOWN[i].stream)) {
			return KNOWN[i].words;
		}
	}
	return "an old Office document";
}

bool ole_load(GsfInfile *dir, const char *name, size_t max, struct buf *out)
{
	GsfInput *in = gsf_infile_child_by_name(dir, name);
	gsf_off_t n = in ? gsf_input_size(in) : 0;
	const guint8 *p = NULL;

	if (in && n > 0 && (guint64)n <= max) {
		p = gsf_input_read(in, (size_t)n, NULL);
	}
	if (p) {
		buf_add(out, p, (size_t)n);
	}
	if (in) {
		g_object_unref(in);
	}
	return p != NULL;
}

GsfInfile *ole_storage(GsfInfile *dir, const char *name)
{
	GsfInput *in = gsf_infile_child_by_name(dir, name);

	if (in && GSF_IS_INFILE(in) && gsf_infile_num_children(GSF_INFILE(in)) >= 0) {
		return GSF_INFILE(in);
	}
	if (in) {
		g_object_unref(in);
	}
	return NULL;
}

void ole_drop(GsfInfile *dir)
{
	if (dir) {
		g_object_unref(dir);
	}
}
