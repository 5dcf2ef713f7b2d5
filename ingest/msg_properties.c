#include "ingest/msg.h"

#include <gsf/gsf.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define VALUES_STREAM "__properties_version1.0"
#define VALUES_MAX ((size_t)1 << 20)
#define ENTRY 16 /* tag u32, flags u32, value 8 bytes */

enum value_type {
	TYPE_I2 = 0x0002,
	TYPE_I4 = 0x0003,
	TYPE_BOOL = 0x000b,
	TYPE_TIME = 0x0040,
	TYPE_STRING8 = 0x001e,
	TYPE_UNICODE = 0x001f,
	TYPE_BINARY = 0x0102,
};

static uint64_t little_endian(const char *p, int n)
{
	uint64_t v = 0;

	while (n > 0) {
		v = v << 8 | (unsigned char)p[--n];
	}
	return v;
}

/* The value of a short property, whatever its type is; NULL: none. */
static const char *value_of(const struct msg_properties *m, enum msg_property id)
{
	for (size_t at = m->holder; at + ENTRY <= m->values.len; at += ENTRY) {
		if (little_endian(m->values.data + at, 4) >> 16 == (uint64_t)id) {
			return m->values.data + at + 8;
		}
	}
	return NULL;
}

uint32_t msg_number(const struct msg_properties *m, enum msg_property id, uint32_t otherwise)
{
	const char *p = value_of(m, id);

	return p ? (uint32_t)little_endian(p, 4) : otherwise;
}

void msg_charset(uint32_t codepage, char out[32])
{
	static const struct {
		uint32_t codepage;
		const char *charset;
	} KNOWN[] = {
		{65001, "UTF-8"},
		{1200, "UTF-16LE"},
		{932, "Shift_JIS"},
		{936, "GBK"},
		{949, "windows-949"},
		{950, "Big5"},
		{20127, "windows-1252"},
		{20866, "KOI8-R"},
		{21866, "KOI8-U"},
		{20932, "EUC-JP"},
		{50220, "ISO-2022-JP"},
		{50221, "ISO-2022-JP"},
		{50225, "ISO-2022-KR"},
		{51932, "EUC-JP"},
		{51949, "EUC-KR"},
		{52936, "HZ"},
		{54936, "GB18030"},
	};

	for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++) {
		if (KNOWN[i].codepage == codepage) {
			snprintf(out, 32, "%s", KNOWN[i].charset);
			return;
		}
	}
	if (codepage > 28590 && codepage < 28606) {
		snprintf(out, 32, "ISO-8859-%u", codepage - 28590);
	} else {
		snprintf(out, 32, "windows-%u", codepage ? codepage : 1252);
	}
}

void msg_open(struct msg_properties *m, GsfInfile *dir, enum msg_holder holder, const char *charset,
	size_t max)
{
	memset(m, 0, sizeof(*m));
	m->dir = dir;
	m->holder = holder;
	m->max = max;
	(void)ole_load(dir, VALUES_STREAM, VALUES_MAX, &m->values);
	if (charset) {
		snprintf(m->charset, sizeof(m->charset), "%s", charset);
	} else {
		msg_charset(msg_number(m, MSG_CODEPAGE, msg_number(m, MSG_INTERNET_CODEPAGE, 1252)),
			m->charset);
	}
}

void msg_finish(struct msg_properties *m)
{
	buf_finish(&m->values);
}

static bool load_typed(
	const struct msg_properties *m, enum msg_property id, enum value_type type, struct buf *out)
{
	char name[32];

	snprintf(name, sizeof(name), "__substg1.0_%04X%04X", (unsigned int)id, (unsigned int)type);
	return ole_load(m->dir, name, m->max, out);
}

void msg_text(const struct msg_properties *m, enum msg_property id, struct buf *out)
{
	struct buf raw = BUF_INIT;
	buf_clear(out);
	if (load_typed(m, id, TYPE_UNICODE, &raw)) {
		(void)text_convert(raw.data, raw.len, "UTF-16LE", out);
	} else if (load_typed(m, id, TYPE_STRING8, &raw)) {
		while (raw.len && raw.data[raw.len - 1] == '\0') {
			raw.len--;
		}
		if (!text_decode(raw.data, raw.len, m->charset, out)) {
			buf_clear(out);
		}
	}
	while (out->len && out->data[out->len - 1] == '\0') {
		out->len--;
	}
	buf_finish(&raw);
}

bool msg_bytes(const struct msg_properties *m, enum msg_property id, struct buf *out)
{
	buf_clear(out);
	return load_typed(m, id, TYPE_BINARY, out);
}

/* FILETIME: 100 ns since 1601. */
void msg_date(const struct msg_properties *m, enum msg_property id, struct buf *out)
{
	const char *p = value_of(m, id);
	uint64_t ticks = p ? little_endian(p, 8) : 0;
	time_t t = (time_t)(ticks / 10000000) - (time_t)11644473600;
	struct tm tm;
	char s[40];

	buf_clear(out);
	if (ticks && gmtime_r(&t, &tm) && strftime(s, sizeof(s), "%Y-%m-%dT%H:%M:%SZ", &tm)) {
		buf_str(out, s);
	}
}

/* ── an embedded message as a file ── */

struct copy {
	size_t n, max;
	int depth_max;
};

static bool copy_stream(struct copy *c, GsfInput *in, GsfOutput *out, bool is_top_values)
{
	static const guint8 ZEROS[8];
	gsf_off_t n = gsf_input_size(in);
	const guint8 *p;
	size_t head = MSG_HOLDER_EMBEDDED;

	if (n < 0 || (guint64)n > c->max - c->n) {
		return false;
	}
	c->n += (size_t)n;
	p = n ? gsf_input_read(in, (size_t)n, NULL) : ZEROS;
	if (!p) {
		return false;
	}
	/* the head of a message that stands alone is longer (MS-OXMSG 2.4.1) */
	if (is_top_values && (size_t)n >= head) {
		return gsf_output_write(out, head, p) && gsf_output_write(out, 8, ZEROS) &&
		       gsf_output_write(out, (size_t)n - head, p + head);
	}
	return n == 0 || gsf_output_write(out, (size_t)n, p);
}

/* Recursion no deeper than depth_max. */
static bool copy_storage(struct copy *c, GsfInfile *from, GsfOutfile *to, int depth)
{
	int n = gsf_infile_num_children(from);
	bool ok = depth <= c->depth_max;

	for (int i = 0; i < n && ok; i++) {
		const char *name = gsf_infile_name_by_index(from, i);
		GsfInput *in = gsf_infile_child_by_index(from, i);
		bool is_dir =
			in && GSF_IS_INFILE(in) && gsf_infile_num_children(GSF_INFILE(in)) >= 0;
		GsfOutput *out = in && name ? gsf_outfile_new_child(to, name, is_dir) : NULL;

		c->n += 128; /* its entry in the directory: many empty ones end too */
		ok = out && c->n <= c->max &&
		     (is_dir ? copy_storage(c, GSF_INFILE(in), GSF_OUTFILE(out), depth + 1)
			     : copy_stream(
				       c, in, out, depth == 0 && strcmp(name, VALUES_STREAM) == 0));
		if (out) {
			gsf_output_close(out);
			g_object_unref(out);
		}
		if (in) {
			g_object_unref(in);
		}
	}
	return ok;
}

bool msg_rebuild(GsfInfile *dir, int depth_max, size_t max, struct buf *out)
{
	struct copy c = {.max = max, .depth_max = depth_max};
	GsfOutput *memory = gsf_output_memory_new();
	GsfOutfile *file = gsf_outfile_msole_new(memory);
	bool ok = copy_storage(&c, dir, file, 0);

	gsf_output_close(GSF_OUTPUT(file));
	if (ok) {
		buf_add(out, gsf_output_memory_get_bytes(GSF_OUTPUT_MEMORY(memory)),
			(size_t)gsf_output_size(memory));
	}
	g_object_unref(file);
	g_object_unref(memory);
	return ok && out->len;
}
