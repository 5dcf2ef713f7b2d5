#include <gsf/gsf.h>

#include "tests/unit/ingest/arena_each.h"

/* ── a message made on the spot ── */

static void put(GsfOutfile *dir, const char *name, const void *p, size_t n)
{
	GsfOutput *out = gsf_outfile_new_child(dir, name, FALSE);

	assert_true(gsf_output_write(out, n, p));
	gsf_output_close(out);
	g_object_unref(out);
}

static void put_text(GsfOutfile *dir, const char *id, const char *s)
{
	char name[40];
	glong n;
	gunichar2 *wide = g_utf8_to_utf16(s, -1, NULL, &n, NULL);

	snprintf(name, sizeof(name), "__substg1.0_%s001F", id);
	put(dir, name, wide, (size_t)n * 2);
	g_free(wide);
}

static void put_bytes(GsfOutfile *dir, const char *id, const void *p, size_t n)
{
	char name[40];

	snprintf(name, sizeof(name), "__substg1.0_%s0102", id);
	put(dir, name, p, n);
}

/* The stream of short values: a head, then (tag, value) pairs. */
static void put_values(GsfOutfile *dir, size_t head, const uint64_t (*values)[2], size_t n)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < head; i++) {
		buf_u8(&b, 0);
	}
	for (size_t i = 0; i < n; i++) {
		buf_u32(&b, (uint32_t)values[i][0]);
		buf_u32(&b, 6);
		buf_u64(&b, values[i][1]);
	}
	put(dir, "__properties_version1.0", b.data, b.len);
	buf_finish(&b);
}

static GsfOutfile *storage(GsfOutfile *dir, const char *name)
{
	return GSF_OUTFILE(gsf_outfile_new_child(dir, name, TRUE));
}

static void close_storage(GsfOutfile *dir)
{
	gsf_output_close(GSF_OUTPUT(dir));
	g_object_unref(dir);
}

struct msg {
	GsfOutput *memory;
	GsfOutfile *root;
};

static struct msg msg_begin(void)
{
	struct msg m = {.memory = gsf_output_memory_new()};

	m.root = gsf_outfile_msole_new(m.memory);
	return m;
}

static struct extracted msg_read(struct msg *m, struct err *e, int *rc)
{
	struct extracted x = {0};

	gsf_output_close(GSF_OUTPUT(m->root));
	*rc = read_bytes(z, gsf_output_memory_get_bytes(GSF_OUTPUT_MEMORY(m->memory)),
		(size_t)gsf_output_size(m->memory), "a.bin", &a, &x, e);
	g_object_unref(m->root);
	g_object_unref(m->memory);
	return x;
}

/* 2026-05-04T09:30:00Z */
#define SUBMITTED (((uint64_t)1777887000 + 11644473600u) * 10000000u)

static void put_head(struct msg *m)
{
	static const uint64_t VALUES[][2] = {{0x00390040, SUBMITTED}, {0x3fde0003, 65001}};
	static const uint64_t CC[][2] = {{0x0c150003, 2}};
	GsfOutfile *dir;

	put_values(m->root, 32, VALUES, 2);
	put_text(m->root, "001A", "IPM.Note");
	put_text(m->root, "0037", "Berth plan 漢");
	put_text(m->root, "0C1A", "Ada Lind");
	put_text(m->root, "0C1F", "/O=HARBOUR/CN=ADA");
	put_text(m->root, "5D01", "ada@harbour.example");
	put_text(m->root, "1035", "<m1@harbour.example>");
	dir = storage(m->root, "__recip_version1.0_#00000000");
	put_values(dir, 8, NULL, 0);
	put_text(dir, "3001", "Ben");
	put_text(dir, "39FE", "ben@harbour.example");
	close_storage(dir);
	dir = storage(m->root, "__recip_version1.0_#00000002");
	put_values(dir, 8, CC, 1);
	put_text(dir, "3001", "Cleo");
	close_storage(dir);
}

static bool annotated(const struct extracted *x, const char *words)
{
	for (int i = 0; i < x->n_annotations; i++) {
		if (strstr(x->annotations[i].text, words)) {
			return true;
		}
	}
	return false;
}

static void head_body_and_files(void **state)
{
	static const uint64_t EMBEDDED[][2] = {{0x37050003, 5}};
	struct msg m = msg_begin();
	struct err e = ERR_INIT;
	struct extracted x;
	GsfOutfile *dir, *inner;
	int rc;

	(void)state;
	put_head(&m);
	put_text(m.root, "1000", "PLAIN");
	put_bytes(m.root, "1013", "<p>The <b>berth</b> is free.<img src='cid:pic1'>", 48);
	dir = storage(m.root, "__attach_version1.0_#00000000");
	put_values(dir, 8, NULL, 0);
	put_text(dir, "3707", "plan.pdf");
	put_bytes(dir, "3701", "%PDF-", 5);
	close_storage(dir);
	dir = storage(m.root, "__attach_version1.0_#00000001");
	put_values(dir, 8, NULL, 0);
	put_text(dir, "3707", "pic.png");
	put_text(dir, "3712", "pic1");
	put_bytes(dir, "3701", "x", 1);
	close_storage(dir);
	dir = storage(m.root, "__attach_version1.0_#00000002");
	put_values(dir, 8, EMBEDDED, 1);
	inner = storage(dir, "__substg1.0_3701000D");
	put_values(inner, 24, NULL, 0);
	put_text(inner, "0037", "Older");
	put_text(inner, "1000", "older words");
	close_storage(inner);
	close_storage(dir);
	x = msg_read(&m, &e, &rc);
	assert_int_equal(rc, 0);
	print_blocks(&x);
	assert_string_equal(x.media_type, "application/vnd.ms-outlook");
	assert_string_equal(x.title, "Berth plan 漢");
	assert_string_equal(block_line(&x, 0), "H1 Berth plan 漢");
	assert_string_equal(block_line(&x, 1),
		"P From: Ada Lind <ada@harbour.example>\nTo: Ben <ben@harbour.example>\nCc: Cleo\n"
		"Date: 2026-05-04T09:30:00Z");
	assert_string_equal(block_line(&x, 2), "P The berth is free.");
	assert_int_equal(x.n_blocks, 3);
	assert_true(annotated(&x, "Message-ID: <m1@harbour.example>"));
	assert_true(annotated(&x, "plan.pdf (5 bytes)"));
	assert_true(annotated(&x, "Older.msg"));
	assert_int_equal(x.n_children, 2);
}

/* "{\rtf1 …}" stored, not compressed */
static void put_rtf(struct msg *m, const char *rtf)
{
	struct buf b = BUF_INIT;

	buf_u32(&b, (uint32_t)strlen(rtf) + 12);
	buf_u32(&b, (uint32_t)strlen(rtf));
	buf_str(&b, "MELA");
	buf_u32(&b, 0);
	buf_str(&b, rtf);
	put_bytes(m->root, "1009", b.data, b.len);
	buf_finish(&b);
}

static void rtf_bodies(void **state)
{
	/* The example of MS-OXRTFCP 3.1.1: "{\rtf1\ansi\ansicpg1252\pard hello world}\r\n" */
	static const unsigned char PACKED[] = {0x2d, 0, 0, 0, 0x2b, 0, 0, 0, 0x4c, 0x5a, 0x46, 0x75,
		0xf1, 0xc5, 0xc7, 0xa7, 0x03, 0x00, 0x0a, 0x00, 0x72, 0x63, 0x70, 0x67, 0x31, 0x32,
		0x35, 0x42, 0x32, 0x0a, 0xf3, 0x20, 0x68, 0x65, 0x6c, 0x09, 0x00, 0x20, 0x62, 0x77,
		0x05, 0xb0, 0x6c, 0x64, 0x7d, 0x0a, 0x80, 0x0f, 0xa0};
	struct msg m = msg_begin();
	struct err e = ERR_INIT;
	struct extracted x;
	int rc;

	(void)state;
	put_head(&m);
	put_bytes(m.root, "1009", PACKED, sizeof(PACKED));
	x = msg_read(&m, &e, &rc);
	assert_int_equal(rc, 0);
	assert_string_equal(block_line(&x, 2), "P hello world");

	m = msg_begin();
	put_head(&m);
	put_text(m.root, "1000", "PLAIN");
	put_rtf(&m, "{\\rtf1\\ansi\\ansicpg1251\\fromhtml1 {\\fonttbl{\\f0 Arial;}}"
		    "{\\*\\htmltag64 <h2>}\\htmlrtf {\\b \\htmlrtf0 \\'cf\\'f0\\u1080?"
		    "\\htmlrtf }NOT\\htmlrtf0 {\\*\\htmltag72 </h2>}"
		    "{\\*\\mhtmltag NOT}{\\*\\htmltag64 <p>}50 \\{euro\\}}");
	x = msg_read(&m, &e, &rc);
	assert_int_equal(rc, 0);
	print_blocks(&x);
	assert_string_equal(block_line(&x, 2), "H2 При");
	assert_string_equal(block_line(&x, 3), "P 50 {euro}");
	assert_int_equal(x.n_blocks, 4);
}

static void old_office_is_named(void **state)
{
	static const struct {
		const char *stream, *words;
	} CASES[] = {{"WordDocument", "an old Word document"},
		{"Workbook", "an old Excel workbook"}, {"PowerPoint Document", "an old PowerPoint"},
		{"Anything", "an old Office document"}};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct msg m = msg_begin();
		struct err e = ERR_INIT;
		int rc;

		put(m.root, CASES[i].stream, "x", 1);
		msg_read(&m, &e, &rc);
		assert_int_equal(rc, ERR_UNPROCESSABLE);
		assert_string_equal(e.reason, "unsupported_type");
		assert_non_null(strstr(e.message, CASES[i].words));
	}
}

/* libgsf follows a directory by recursion. */
static void a_large_directory_is_a_limit(void **state)
{
	struct zygote *little = zygote_with("ingest-zip-entries", "16", NULL);
	struct msg m = msg_begin();
	struct extracted x;
	struct err e = ERR_INIT;

	(void)state;
	put_head(&m);
	for (int i = 0; i < 60; i++) {
		char id[8];

		snprintf(id, sizeof(id), "80%02X", i);
		put_text(m.root, id, "value");
	}
	gsf_output_close(GSF_OUTPUT(m.root));
	assert_int_equal(
		read_bytes(little, gsf_output_memory_get_bytes(GSF_OUTPUT_MEMORY(m.memory)),
			(size_t)gsf_output_size(m.memory), "a.msg", &a, &x, &e),
		ERR_UNPROCESSABLE);
	assert_non_null(strstr(e.message, "ingest-zip-entries"));
	zygote_stop(little);
	g_object_unref(m.root);
	g_object_unref(m.memory);
}

/* Cut at any place and with any byte changed it ends in a named state. */
static void broken_messages_end(void **state)
{
	struct msg m = msg_begin();
	uint32_t seed = 20260504;
	const char *p;
	size_t n;

	(void)state;
	put_head(&m);
	put_text(m.root, "1000", "words");
	gsf_output_close(GSF_OUTPUT(m.root));
	p = (const char *)gsf_output_memory_get_bytes(GSF_OUTPUT_MEMORY(m.memory));
	n = (size_t)gsf_output_size(m.memory);
	for (int i = 0; i < 150; i++) {
		char *copy = malloc(n);
		struct extracted x;
		struct err e = ERR_INIT;
		size_t len = n;
		int rc;

		assert_non_null(copy);
		memcpy(copy, p, n);
		for (int k = 0; k < 8; k++) {
			seed = seed * 1664525 + 1013904223;
			copy[8 + seed / 7 % (n - 8)] = (char)(seed >> 24);
		}
		if (i % 3 == 0) {
			len = seed % n + 1;
		}
		rc = read_bytes(z, copy, len, "a.msg", &a, &x, &e);
		if (rc && (rc != ERR_UNPROCESSABLE || strcmp(e.reason, "crashed") == 0)) {
			fail_msg("%d: %s %s", i, e.reason, e.message);
		}
		free(copy);
	}
	g_object_unref(m.root);
	g_object_unref(m.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(head_body_and_files),
		TEST(rtf_bodies),
		TEST(old_office_is_named),
		TEST(a_large_directory_is_a_limit),
		TEST(broken_messages_end),
	};

	gsf_init();
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
