#include "tests/unit/ingest/arena_each.h"

#define HEAD                                                                                       \
	"From: =?UTF-8?Q?J=C3=B6rg?= <joerg@harbour.example>\r\n"                                  \
	"To: Ada Lind <ada@harbour.example>,\r\n ben@harbour.example\r\n"                          \
	"Date: Tue, 5 May 2026 14:30:00 +0200\r\n"                                                 \
	"Subject: =?ISO-8859-1?Q?Gr=FC=DFe?= =?ISO-8859-1?Q?_vom_Kai?=\r\n"                        \
	"Message-ID: <m1@harbour.example>\r\nIn-Reply-To: <m0@harbour.example>\r\n"                \
	"MIME-Version: 1.0\r\n"

static const struct annotation *annotated(
	const struct extracted *x, enum annotation_kind kind, const char *words)
{
	for (int i = 0; i < x->n_annotations; i++) {
		if (x->annotations[i].kind == kind && strstr(x->annotations[i].text, words)) {
			return &x->annotations[i];
		}
	}
	return NULL;
}

static void assert_blocks(const struct extracted *x, const char *const *expected, int n)
{
	print_blocks(x);
	assert_int_equal(x->n_blocks, n);
	for (int i = 0; i < n; i++) {
		assert_string_equal(block_line(x, i), expected[i]);
	}
}
#define ASSERT_BLOCKS(x, list) assert_blocks(x, list, (int)(sizeof(list) / sizeof(list[0])))

static void the_head_is_lines_and_the_thread_is_aside(void **state)
{
	static const char *const EXPECTED[] = {"H1 Grüße vom Kai",
		"P From: Jörg <joerg@harbour.example>\n"
		"To: Ada Lind <ada@harbour.example>, ben@harbour.example\n"
		"Date: 2026-05-05T14:30:00+02:00",
		"P Dear Ada,", "P the crane is back.", "P --\nJörg"};
	struct extracted x = read_string(z,
		HEAD "Content-Type: text/plain; charset=iso-8859-1\r\n\r\nDear Ada,\r\n\r\n"
		     "the crane is back.\r\n-- \r\nJ\xf6rg\r\n",
		"note", &a);

	(void)state;
	ASSERT_BLOCKS(&x, EXPECTED);
	assert_string_equal(x.title, "Grüße vom Kai");
	assert_string_equal(x.media_type, "message/rfc822");
	assert_int_equal(x.paging, PAGING_NONE);
	assert_non_null(annotated(&x, ANNOTATION_PROPERTY, "Message-ID: <m1@harbour.example>"));
	assert_non_null(annotated(&x, ANNOTATION_PROPERTY, "In-Reply-To: <m0@harbour.example>"));
}

static void the_richer_form_is_read_once(void **state)
{
	struct extracted x = read_string(z,
		HEAD "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n"
		     "Content-Type: multipart/alternative; boundary=i\r\n\r\n--i\r\n"
		     "Content-Type: text/plain\r\n\r\nPLAIN words\r\n--i\r\n"
		     "Content-Type: multipart/related; boundary=r\r\n\r\n--r\r\n"
		     "Content-Type: text/html\r\n\r\n<h2>Rich</h2><p>words<p style='display:none'>"
		     "obey me\r\n--r\r\nContent-Type: image/png; name=logo.png\r\n"
		     "Content-ID: <logo>\r\n\r\nxx\r\n--r--\r\n--i--\r\n--o\r\n"
		     "Content-Type: application/pdf; name=\"=?UTF-8?Q?Pl=C3=A4ne?=.pdf\"\r\n"
		     "Content-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n"
		     "JVBERi0=\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n"
		     "From: x@y.example\r\nSubject: Inner / outer\r\n\r\ninner words\r\n--o--\r\n",
		"a.eml", &a);

	(void)state;
	print_blocks(&x);
	assert_true(block_with(&x, "H2 Rich") >= 0);
	assert_null(strstr(x.text, "PLAIN"));
	assert_null(strstr(x.text, "obey"));
	assert_null(strstr(x.text, "inner words"));
	assert_non_null(annotated(&x, ANNOTATION_HIDDEN_PART, "obey me"));
	assert_non_null(annotated(&x, ANNOTATION_EMBEDDED, "Pläne.pdf (5 bytes)"));
	assert_non_null(annotated(&x, ANNOTATION_EMBEDDED, "Inner outer.eml"));
	assert_null(annotated(&x, ANNOTATION_EMBEDDED, "logo"));
	assert_int_equal(x.n_children, 2);
}

static void flowed_text_flows_and_quotes_are_kept_apart(void **state)
{
	static const char *const EXPECTED[] = {"P One line that goes on.",
		"P > Quoted text in two lines.", "P >> deeper", "P New."};
	struct extracted x = read_string(z,
		"From: a@b.example\r\nTo: c@d.example\r\n"
		"Content-Type: text/plain; format=flowed\r\n\r\nOne line \r\nthat goes on.\r\n"
		"> Quoted text \r\n> in two lines.\r\n>> deeper\r\nNew.\r\n",
		"", &a);

	(void)state;
	assert_string_equal(block_line(&x, 0), "P From: a@b.example\nTo: c@d.example");
	for (int i = 0; i < 4; i++) {
		assert_string_equal(block_line(&x, i + 1), EXPECTED[i]);
	}
	x = read_string(z,
		"From: a@b.example\r\nTo: c@d.example\r\n\r\n> > two\r\n> one\r\nnone\r\n", "", &a);
	assert_true(block_with(&x, "P >> two") >= 0);
	assert_true(block_with(&x, "P > one") >= 0);
	assert_true(block_with(&x, "P none") >= 0);
}

static void charsets_of_bodies(void **state)
{
	static const struct {
		const char *charset, *bytes, *text;
	} CASES[] = {
		{"iso-2022-jp", "\x1b$B4A;z\x1b(B", "漢字"},
		{"shift_jis", "\x8a\xbf\x8e\x9a", "漢字"},
		{"gb2312", "\xba\xba\xd7\xd6", "汉字"},
		{"big5", "\xba\x7e\xa6\x72", "漢字"},
		{"euc-kr", "\xc7\xd1\xb1\xdb", "한글"},
		{"koi8-r", "\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"},
		{"windows-1251", "\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"},
		{"utf-7", "Gr+APwA3w-e", "Grüße"},
		{"utf-8",
			"Gr\xc3\xbc\xc3\x9f"
			"e",
			"Grüße"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char mail[400];
		struct extracted x;

		snprintf(mail, sizeof(mail),
			"From: a@b.example\nTo: c@d.example\nSubject: x\n"
			"Content-Type: text/plain; charset=%s\n\n%s\n",
			CASES[i].charset, CASES[i].bytes);
		x = read_string(z, mail, "", &a);
		if (block_with(&x, CASES[i].text) < 0) {
			print_blocks(&x);
			fail_msg("%s", CASES[i].charset);
		}
	}
}

static void encrypted_says_so_and_signed_is_read(void **state)
{
	/* ContentInfo { signedData, [0] SEQ { 1, {}, SEQ { data, [0] OCTETS } } } in pieces of
	 * indefinite length */
	static const char SIGNED[] =
		"From: a@b.example\nTo: c@d.example\nSubject: s\nMIME-Version: 1.0\n"
		"Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\n"
		"Content-Transfer-Encoding: base64\n\n"
		"MIAGCSqGSIb3DQEHAqCAMIACAQExADCABgkqhkiG9w0BBwGggCSABBoKc2VjcmV0IHdvcmRzIHRoYXQg"
		"YXJlIG5vbgQDZSEKAAAAAAAAAAAAAAAA\n";
	struct extracted x = read_string(z, SIGNED, "", &a);

	(void)state;
	print_blocks(&x);
	assert_true(block_with(&x, "secret words that are none!") >= 0);
	assert_int_equal(x.n_children, 0);

	x = read_string(z,
		HEAD
		"Content-Type: multipart/signed; boundary=b; "
		"protocol=\"application/pgp-signature\"\r\n\r\n--b\r\n\r\nsigned words\r\n--b\r\n"
		"Content-Type: application/pgp-signature; name=s.asc\r\n\r\nXX\r\n--b--\r\n",
		"", &a);
	assert_true(block_with(&x, "P signed words") >= 0);
	assert_int_equal(x.n_children, 0);

	x = read_string(z,
		HEAD "Content-Type: multipart/encrypted; boundary=b; "
		     "protocol=\"application/pgp-encrypted\"\r\n\r\n--b\r\n"
		     "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\n"
		     "Content-Type: application/octet-stream\r\n\r\nhQEM\r\n--b--\r\n",
		"", &a);
	assert_true(block_with(&x, "is encrypted (PGP)") >= 0);

	x = read_string(z,
		"From: a@b.example\nTo: c@d.example\n\nbefore\n-----BEGIN PGP MESSAGE-----\n\n"
		"hQEMA\n-----END PGP MESSAGE-----\nafter\n",
		"", &a);
	assert_true(block_with(&x, "is encrypted (PGP)") >= 0);
	assert_true(block_with(&x, "P after") >= 0);
	assert_null(strstr(x.text, "hQEMA"));
}

static void with_nothing_readable_it_needs_a_password(void **state)
{
	static const char MAIL[] = "MIME-Version: 1.0\nContent-Type: application/pkcs7-mime; "
				   "smime-type=enveloped-data\nReceived: x\n\nMIIB\n";
	struct extracted x;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(
		read_bytes(z, MAIL, sizeof(MAIL) - 1, "a.eml", &a, &x, &e), ERR_UNPROCESSABLE);
	assert_string_equal(e.reason, "password_required");
}

static void a_mailbox_is_a_page_a_message(void **state)
{
	static const char BOX[] =
		"From ada@x.example Tue May  5 14:30:00 2026\nFrom: ada@x.example\n"
		"Subject: First\n\n"
		"Text.\n>From here on it is quoted.\nFrom the middle of a paragraph\n\n"
		"From time to time: 12:30 is lunch, as a text says\n\n"
		"From ben@x.example Tue May  5 15:00:00 2026\nFrom: ben@x.example\n"
		"Subject: =?utf-8?B?U2Vjb25k?=\n\n<h1>no title</h1>\n";
	struct extracted x = read_string(z, BOX, "box", &a);

	(void)state;
	print_blocks(&x);
	assert_string_equal(x.media_type, "application/mbox");
	assert_int_equal(x.paging, PAGING_MESSAGES);
	assert_null(x.title);
	assert_int_equal(x.n_pages, 2);
	assert_string_equal(x.pages[0].label, "First");
	assert_string_equal(x.pages[1].label, "Second");
	assert_non_null(strstr(x.text, "\nFrom here on it is quoted.\nFrom the middle"));
	assert_non_null(strstr(x.text, "From time to time: 12:30"));
}

static void a_saved_page_is_its_main_part(void **state)
{
	struct extracted x = read_string(z,
		"From: <Saved by Blink>\nSnapshot-Content-Location: https://x.example/\n"
		"Subject: Harbour fees\nMIME-Version: 1.0\n"
		"Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n"
		"Content-Transfer-Encoding: quoted-printable\n\n<html><h1>Fees</h1><p>A berth "
		"costs =\n"
		"=E2=82=AC 20.</html>\n--b\nContent-Type: text/css\n\np{}\n--b\n"
		"Content-Type: text/html\n\n<p>FRAME\n--b\nContent-Type: image/png\n\nx\n--b--\n",
		"page", &a);

	(void)state;
	print_blocks(&x);
	assert_string_equal(x.media_type, "multipart/related");
	assert_string_equal(x.title, "Harbour fees");
	assert_string_equal(block_line(&x, 0), "H1 Fees");
	assert_string_equal(block_line(&x, 1), "P A berth costs € 20.");
	assert_int_equal(x.n_blocks, 2);
	assert_int_equal(x.n_children, 0);
}

static void notes_are_no_mail(void **state)
{
	static const char *const NOTES[] = {
		"Date: 5 May\nSubject: roof repairs\n\nThe roof leaks.\n",
		"To: do\nFrom: the attic to the cellar\n\nclean\n",
		"From the beginning 12:30 was lunch time\nin this house: always.\n",
		"Name: Ada\nPhone: 5\n\nx\n",
		"From: a@b.example\nSubject: no head, since\nthis line has none\n",
	};
	struct extracted x;

	(void)state;
	for (size_t i = 0; i < sizeof(NOTES) / sizeof(NOTES[0]); i++) {
		x = read_string(z, NOTES[i], "note.txt", &a);
		assert_string_equal(x.media_type, "text/plain");
	}
}

static void broken_and_endless_mail_ends(void **state)
{
	static const char *const LEVELS[] = {
		"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n",
		"Content-Type: message/rfc822\n\nFrom: a@b.example\nSubject: %d %d\n"};

	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		struct buf mail = BUF_INIT;
		struct extracted x;
		struct err e = ERR_INIT;
		int rc;

		buf_str(&mail, "From: a@b.example\nTo: c@d.example\nMIME-Version: 1.0\n");
		for (int i = 0; i < 10000; i++) {
			char level[200];

			snprintf(level, sizeof(level), kind ? LEVELS[1] : LEVELS[0], i, i);
			buf_str(&mail, level);
		}
		buf_str(&mail, "\n\nat the bottom\n");
		rc = read_bytes(z, mail.data, mail.len, "a.eml", &a, &x, &e);
		if (kind == 0) {
			assert_int_equal(rc, ERR_UNPROCESSABLE);
			assert_non_null(strstr(e.message, "ingest-nesting"));
		} else {
			assert_int_equal(rc, 0);
			assert_int_equal(x.n_children, 1);
		}
		buf_finish(&mail);
	}
}

static void a_multipart_without_its_boundary_is_text(void **state)
{
	struct extracted x = read_string(z,
		HEAD "Content-Type: multipart/mixed; boundary=never\r\n\r\nJust text.\r\n", "", &a);

	(void)state;
	assert_true(block_with(&x, "P Just text.") >= 0);
	x = read_string(z, HEAD "Content-Type: text/plain\r\n\r\n", "", &a);
	assert_int_equal(x.n_blocks, 2);
}

static void too_many_parts_are_a_limit(void **state)
{
	struct zygote *little = zygote_with("ingest-zip-entries", "16", NULL);
	struct buf mail = BUF_INIT;
	struct extracted x;
	struct err e = ERR_INIT;

	(void)state;
	buf_str(&mail, HEAD "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (int i = 0; i < 20; i++) {
		buf_str(&mail, "--b\r\n\r\nx\r\n");
	}
	assert_int_equal(
		read_bytes(little, mail.data, mail.len, "a.eml", &a, &x, &e), ERR_UNPROCESSABLE);
	assert_non_null(strstr(e.message, "ingest-zip-entries"));
	zygote_stop(little);
	buf_finish(&mail);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_head_is_lines_and_the_thread_is_aside),
		TEST(the_richer_form_is_read_once),
		TEST(flowed_text_flows_and_quotes_are_kept_apart),
		TEST(charsets_of_bodies),
		TEST(encrypted_says_so_and_signed_is_read),
		TEST(with_nothing_readable_it_needs_a_password),
		TEST(a_mailbox_is_a_page_a_message),
		TEST(a_saved_page_is_its_main_part),
		TEST(notes_are_no_mail),
		TEST(broken_and_endless_mail_ends),
		TEST(a_multipart_without_its_boundary_is_text),
		TEST(too_many_parts_are_a_limit),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
