#include "ingest/ole.h"

#include <gsf/gsf.h>
#include <string.h>

static const char MAGIC[] = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

static bool is_compound(const struct document *doc)
{
	return doc->n_bytes > 512 && memcmp(doc->bytes, MAGIC, sizeof(MAGIC) - 1) == 0;
}

/* ── how large its directory is, before libgsf reads it ──
 *
 * libgsf follows the tree of siblings by recursion, so a directory of a hundred thousand entries in
 * one chain ends its stack. The chain of the directory's sectors is counted first (MS-CFB 2.2 to
 * 2.5): the header names 109 sectors of the FAT, a chain of DIFAT sectors the others. */

#define HEADER 512
#define IN_HEADER 109
#define ENTRY 128
#define ENTRIES_PER_PART 2 /* of what counts as a part elsewhere: a message has many small ones */
#define ENTRIES_MAX ((size_t)25000) /* whatever the setting: 215 bytes of stack each */
#define SECTOR_MAX 0xfffffffaU

struct sectors {
	const struct document *doc;
	size_t size;
};

static uint32_t u32_at(const struct document *doc, size_t at)
{
	const unsigned char *p = (const unsigned char *)doc->bytes + at;

	return at + 4 <= doc->n_bytes
		       ? p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24
		       : UINT32_MAX;
}

static uint32_t u32_in(const struct sectors *s, uint32_t sector, size_t index)
{
	return sector < SECTOR_MAX ? u32_at(s->doc, (sector + (size_t)1) * s->size + index * 4)
				   : UINT32_MAX;
}

/* The next sector of a chain; *difat: the DIFAT sector read last, and which it is, since chains
 * go on near where they were. */
static uint32_t next_sector(const struct sectors *s, uint32_t sector, uint32_t *difat, size_t *nth)
{
	size_t per_sector = s->size / 4, fat = sector / per_sector;
	uint32_t of_fat;

	if (fat < IN_HEADER) {
		of_fat = u32_at(s->doc, HEADER - IN_HEADER * 4 + fat * 4);
	} else {
		size_t wanted = (fat - IN_HEADER) / (per_sector - 1);

		if (*nth > wanted) {
			*difat = u32_at(s->doc, 68);
			*nth = 0;
		}
		for (; *nth < wanted && *difat < SECTOR_MAX; ++*nth) {
			*difat = u32_in(s, *difat, per_sector - 1);
		}
		of_fat = u32_in(s, *difat, (fat - IN_HEADER) % (per_sector - 1));
	}
	return u32_in(s, of_fat, sector % per_sector);
}

static bool directory_is_small(const struct document *doc)
{
	int shift = (unsigned char)doc->bytes[30];
	struct sectors s = {doc, (size_t)1 << (shift >= 7 && shift <= 12 ? shift : 9)};
	size_t entries = (size_t)doc->limits->zip_entries_max * ENTRIES_PER_PART;
	size_t max = (entries < ENTRIES_MAX ? entries : ENTRIES_MAX) * ENTRY / s.size;
	uint32_t sector = u32_at(doc, 48), difat = u32_at(doc, 68);
	size_t n = 0, nth = 0;

	while (sector < SECTOR_MAX && n <= max) {
		sector = next_sector(&s, sector, &difat, &nth);
		n++;
	}
	return n <= max;
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
	if (!directory_is_small(doc)) {
		draft_fault(doc->draft, FAULT_LIMIT, 0, "its number of parts; ingest-zip-entries");
	}
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
