/* Names of character sets, and iconv on ICU as libraries meet it. */
#include "tests/unit/ingest/one_zygote.h"

#include <errno.h>
#include <glib.h>
#include <iconv.h>

#include "ingest/charset.h"

static iconv_t open_to(const char *to, const char *from)
{
	iconv_t cd = iconv_open(to, from);

	if (cd == (iconv_t)-1) {
		fail_msg("%s to %s", from, to);
	}
	return cd;
}

/* Names that glibc has and ICU has not, those of mail and of code pages, with a letter in each. */
static void names_of_both(void **state)
{
	static const struct {
		const char *name, *bytes, *text;
	} CASES[] = {{"UHC", "\xb0\xa1", "가"}, {"MSCP949", "\xb0\xa1", "가"},
		{"EUC-KR", "\xb0\xa1", "가"}, {"ks_c_5601-1987", "\xb0\xa1", "가"},
		{"CN-GB", "\xd6\xd0", "中"}, {"gb2312", "\xd6\xd0", "中"},
		{"GBK", "\xd6\xd0", "中"}, {"gb18030", "\xd6\xd0", "中"}, {"hz", "~{VP~}", "中"},
		{"BIGFIVE", "\xa4\xa4", "中"}, {"CN-BIG5", "\xa4\xa4", "中"},
		{"Big5", "\xa4\xa4", "中"}, {"EUCJP-MS", "\xc6\xfc", "日"},
		{"EUC-JP", "\xc6\xfc", "日"}, {"SJIS-WIN", "\x93\xfa", "日"},
		{"Shift_JIS", "\x93\xfa", "日"}, {"CP932", "\x93\xfa", "日"},
		{"ISO-2022-JP", "\x1b$BF|\x1b(B", "日"}, {"MS-EE", "\xb9", "ą"},
		{"CP1250", "\xb9", "ą"}, {"windows-1250", "\xb9", "ą"}, {"MS-CYRL", "\xc6", "Ж"},
		{"windows-1251", "\xc6", "Ж"}, {"cp866", "\x86", "Ж"}, {"MS-ANSI", "\x80", "€"},
		{"WINDOWS-1252", "\x80", "€"}, {"MS-GREEK", "\xc1", "Α"}, {"MS-TURK", "\xdd", "İ"},
		{"MS-HEBR", "\xe0", "א"}, {"MS-ARAB", "\xc7", "ا"}, {"WINBALTRIM", "\xe0", "ą"},
		{"windows-1258", "\xf5", "ơ"}, {"windows-874", "\xa1", "ก"},
		{"TIS-620", "\xa1", "ก"}, {"KOI8-R", "\xf6", "Ж"}, {"koi8-u", "\xa4", "є"},
		{"ISO-8859-2", "\xb1", "ą"}, {"ISO_8859-5", "\xb6", "Ж"}, {"latin1", "\xfc", "ü"},
		{"ISO-8859-15", "\xa4", "€"}, {"MACINTOSH", "\x8a", "ä"},
		{"MAC-CYRILLIC", "\x86", "Ж"}, {"utf-7", "+BBY-", "Ж"}, {"US-ASCII", "a", "a"},
		{"ANSI_X3.4-1968", "a", "a"}, {"utf8", "\xc3\xbc", "ü"}};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		iconv_t cd = open_to("UTF-8", CASES[i].name);
		char out[32], *in = (char *)CASES[i].bytes, *to = out;
		size_t n_in = strlen(in), n_out = sizeof(out) - 1;

		if (iconv(cd, &in, &n_in, &to, &n_out) != 0 || n_in ||
			(*to = '\0', strcmp(out, CASES[i].text) != 0)) {
			fail_msg("%s: %s, %zu left", CASES[i].name, strerror(errno), n_in);
		}
		iconv_close(cd);
	}
}

/* Libraries come here as well: this name is ICU's alone. */
static void libraries_come_here(void **state)
{
	char *text = g_convert("\x8a", 1, "UTF-8", "x-mac-centraleurroman", NULL, NULL, NULL);

	(void)state;
	assert_string_equal(text, "ä");
	g_free(text);
	errno = 0;
	assert_true(iconv_open("UTF-8", "no-such-set") == (iconv_t)-1 && errno == EINVAL);
	assert_true(iconv_open("", "UTF-8") == (iconv_t)-1);
	assert_int_equal(iconv_close(open_to("UTF-8//TRANSLIT", "CP1252//IGNORE")), 0);
}

#define TEXT "日本 a, Ж\tü 😀 und so weiter."

/* In pieces of n_in bytes, with room for n_out at a time: what came and what could not go in stay
 * with the caller, as POSIX has it. */
static void convert_in_pieces(const char *to, const char *from, const char *p, size_t n,
	size_t piece, size_t room, struct buf *out)
{
	iconv_t cd = open_to(to, from);
	size_t done = 0, given = 0, n_end = 64;
	char last[64], *end = last;

	while (done < n) {
		char small[64], *at = small, *in = (char *)p + done;
		size_t n_out = room, n_in, rc;

		given = given > n - done ? n - done : given ? given : piece;
		n_in = given > n - done ? n - done : given;
		given = n_in;
		rc = iconv(cd, &in, &n_in, &at, &n_out);
		buf_add(out, small, room - n_out);
		if (rc == (size_t)-1 && errno == EINVAL) {
			given = n_in + piece; /* what is left, and more */
		} else if (rc == (size_t)-1 && errno == E2BIG) {
			assert_true(n_in > 0 && n_out < 8);
			given = n_in;
		} else {
			assert_int_equal(rc, 0);
			assert_int_equal(n_in, 0);
			given = piece;
		}
		done = (size_t)(in - p);
	}
	assert_int_equal(iconv(cd, NULL, NULL, &end, &n_end), 0);
	buf_add(out, last, sizeof(last) - n_end);
	iconv_close(cd);
}

static void any_pieces_make_the_same(void **state)
{
	static const char *const SETS[] = {
		"UTF-16LE", "UTF-16BE", "UTF-16", "gb18030", "UTF-7", "UTF-8"};

	(void)state;
	for (size_t i = 0; i < sizeof(SETS) / sizeof(SETS[0]); i++) {
		struct buf there = BUF_INIT;

		convert_in_pieces(SETS[i], "UTF-8", TEXT, strlen(TEXT), 1, 16, &there);
		for (size_t piece = 1; piece < 40; piece += piece < 8 ? 1 : 7) {
			for (size_t room = 4; room <= 64; room += room < 12 ? 1 : 13) {
				struct buf back = BUF_INIT;

				convert_in_pieces("UTF-8", SETS[i], there.data, there.len, piece,
					room, &back);
				if (back.len != strlen(TEXT) ||
					memcmp(back.data, TEXT, back.len) != 0) {
					fail_msg("%s, %zu bytes, room for %zu: %.*s", SETS[i],
						piece, room, (int)back.len,
						back.data ? back.data : "");
				}
				buf_finish(&back);
			}
		}
		buf_finish(&there);
	}
}

/* Exactly the room that is needed is enough, and all of a long text goes at once. */
static void room_that_is_enough(void **state)
{
	static char in[100000], out[200000];
	iconv_t cd = open_to("UTF-8", "KOI8-R");
	char *from = in, *to = out;
	size_t n_in = sizeof(in), n_out = sizeof(out);

	(void)state;
	memset(in, 0xf6, sizeof(in));
	assert_int_equal(iconv(cd, &from, &n_in, &to, &n_out), 0);
	assert_int_equal(n_in + n_out, 0);
	assert_memory_equal(out + sizeof(out) - 2, "Ж", 2);
	iconv_close(cd);
}

/* What is no character, and what the target has none like: the input stands at it, all before is
 * out, and one goes on behind. */
static void what_cannot_be_converted(void **state)
{
	static const struct {
		const char *to, *from, *bytes;
		size_t n_good, n_bad;
		const char *before, *after;
		int errnum;
	} CASES[] = {{"UTF-8", "UTF-8",
			     "good\xff"
			     "bye",
			     4, 1, "good", "bye", EILSEQ},
		{"UTF-8", "EUC-JP",
			"\xc6\xfc\xff"
			"bye",
			2, 1, "日", "bye", EILSEQ},
		{"ISO-8859-1", "UTF-8", "g\xc3\xbc日bye", 3, 3, "g\xfc", "bye", EILSEQ},
		{"UTF-8", "UTF-8", "good\xe6\x97", 4, 2, "good", "", EINVAL}};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		iconv_t cd = open_to(CASES[i].to, CASES[i].from);
		char out[64] = "", *to = out, *in = (char *)CASES[i].bytes;
		size_t n_in = strlen(in), n_out = sizeof(out) - 1;

		assert_true(iconv(cd, &in, &n_in, &to, &n_out) == (size_t)-1);
		assert_int_equal(errno, CASES[i].errnum);
		assert_int_equal(in - CASES[i].bytes, CASES[i].n_good);
		*to = '\0';
		assert_string_equal(out, CASES[i].before);
		in += CASES[i].n_bad;
		n_in -= CASES[i].n_bad;
		assert_int_equal(iconv(cd, NULL, NULL, NULL, NULL), 0);
		assert_int_equal(iconv(cd, &in, &n_in, &to, &n_out), 0);
		*to = '\0';
		assert_string_equal(out + strlen(CASES[i].before), CASES[i].after);
		iconv_close(cd);
	}
}

struct named {
	char name[256];
};

static int on_begin(void *arg, const char *name, struct err *e)
{
	struct named *named = arg;

	(void)e;
	snprintf(named->name, sizeof(named->name), "%s", name);
	return 0;
}

static int on_bytes(void *arg, const void *p, size_t n, struct err *e)
{
	(void)arg, (void)p, (void)n, (void)e;
	return 0;
}

/* Names of attached files, which GMime gives to iconv inside the sandbox. */
static void names_of_attached_files(void **state)
{
	static const struct {
		const char *parameter, *name;
	} CASES[] = {{"filename*=koi8-u''%a4.bin", "є.bin"},
		{"filename*=uhc''%b0%a1.bin", "가.bin"}, {"filename*=iso-8859-5''%b6.bin", "Ж.bin"},
		{"filename*=windows-1255''%e0.bin", "א.bin"},
		{"filename=\"=?ISO-2022-KR?B?GyQpQw4wIQ8=?=.bin\"", "가.bin"},
		{"filename=\"=?tis-620?Q?=A1?=.bin\"", "ก.bin"},
		{"filename=\"=?gb2312?B?1tA=?=.bin\"", "中.bin"},
		{"filename=\"=?utf-7?Q?+BBY-?=.bin\"", "Ж.bin"}};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct named named = {""};
		const struct child_sink sink = {on_begin, on_bytes, &named};
		struct buf mail = BUF_INIT;
		struct extract_request r = {.name = "a.eml", .children = &sink};
		struct extracted x;
		struct arena a;

		arena_init(&a);
		buf_printf(&mail,
			"From: a@b.example\nTo: c@d.example\nSubject: s\nMIME-Version: 1.0\n"
			"Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n"
			"--b\nContent-Type: application/octet-stream\n"
			"Content-Disposition: attachment; %s\n\nbytes\n--b--\n",
			CASES[i].parameter);
		r.memfd = memfd_of(mail.data, mail.len);
		assert_int_equal(zygote_extract(z, &r, &a, &x, NULL), 0);
		assert_string_equal(named.name, CASES[i].name);
		close(r.memfd);
		buf_finish(&mail);
		arena_finish(&a);
	}
}

/* Of this process, in which the tests above have opened dozens of sets. */
static void no_module_is_loaded(void **state)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		assert_null(strstr(line, "/gconv/"));
	}
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_both),
		cmocka_unit_test(libraries_come_here),
		cmocka_unit_test(any_pieces_make_the_same),
		cmocka_unit_test(room_that_is_enough),
		cmocka_unit_test(what_cannot_be_converted),
		cmocka_unit_test(names_of_attached_files),
		cmocka_unit_test(no_module_is_loaded),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
