#include "tests/unit/ingest/zipping.h"

#include "tests/unit/ingest/arena_each.h"

#define MIME "mimetype", "application/epub+zip"
#define CONTAINER                                                                                  \
	"META-INF/container.xml",                                                                  \
		"<container xmlns='urn:oasis:names:tc:opendocument:xmlns:container'><rootfiles>"   \
		"<rootfile full-path='OPS/book.opf'/></rootfiles></container>"
#define XHTML(head, body)                                                                          \
	"<?xml version='1.0' encoding='utf-8'?><!DOCTYPE html><html "                              \
	"xmlns='http://www.w3.org/1999/xhtml'><head>" head "</head><body>" body "</body></html>"
#define OPF(items, spine)                                                                          \
	"<package xmlns='http://www.idpf.org/2007/opf' version='3.0'><metadata "                   \
	"xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:title>The Quill</dc:title>"               \
	"<dc:creator>Ada Quill</dc:creator><dc:creator>Ben Ode</dc:creator></metadata>"            \
	"<manifest>" items "</manifest><spine>" spine "</spine></package>"
#define ITEM(id, href) "<item id='" id "' href='" href "' media-type='application/xhtml+xml'/>"
#define REF(id) "<itemref idref='" id "'/>"

static struct extracted read_book(const char *const *parts)
{
	struct extracted x = {0};
	struct err e = ERR_INIT;

	if (read_parts(z, parts, "a.epub", &a, &x, &e)) {
		fail_msg("%s: %s", e.reason, e.message);
	}
	return x;
}

static void chapters_in_reading_order(void **state)
{
	static const char *const BOOK[] = {MIME, CONTAINER, "OPS/book.opf",
		OPF("<item id='nav' href='nav.xhtml' media-type='application/xhtml+xml' "
		    "properties='nav'/>" ITEM("b", "text/b%20b.xhtml") ITEM("a", "text/../a.xhtml")
				ITEM("c", "c.xhtml")
					ITEM("d", "d.xhtml") "<item id='i' href='i.png' "
							     "media-type='image/png'/>",
			REF("nav") REF("b") REF("a") "<itemref idref='c' linear='no'/>" REF("d")
				REF("i") REF("missing")),
		"OPS/nav.xhtml",
		XHTML("", "<nav epub:type='toc' xmlns:epub='http://www.idpf.org/2007/ops'><ol>"
			  "<li><a href='text/b%20b.xhtml#x'>First <b>one</b></a></li>"
			  "<li><a href='text/b%20b.xhtml#y'>Later</a></li></ol></nav>"),
		"OPS/text/b b.xhtml",
		XHTML("<title/><script src='x'/>",
			"<h1>One</h1><p>Early<a id='p1'/> text &eacute;.</p><div/><p>End.</p>"),
		"OPS/a.xhtml",
		XHTML("<title>T</title>", "<h2>Second &amp; <i>last</i></h2><p>b</p>"),
		"OPS/c.xhtml", XHTML("", "<p>NOT LINEAR</p>"), "OPS/d.xhtml", XHTML("", "<p>c</p>"),
		NULL};
	static const char *const EXPECTED[] = {
		"H1 One", "P Early text é.", "P End.", "H2 Second & last", "P b", "P c"};
	struct extracted x;

	(void)state;
	x = read_book(BOOK);
	ASSERT_LINES(&x, EXPECTED);
	assert_int_equal(x.paging, PAGING_CHAPTERS);
	assert_int_equal(x.n_pages, 3);
	assert_string_equal(x.title, "The Quill");
	assert_string_equal(x.pages[0].label, "First one");
	assert_string_equal(x.pages[1].label, "Second & last");
	assert_null(x.pages[2].label);
	annotation_of(&x, ANNOTATION_PROPERTY, "Author: Ada Quill");
	annotation_of(&x, ANNOTATION_PROPERTY, "Author: Ben Ode");
}

static void old_books_have_an_ncx(void **state)
{
	static const char *const BOOK[] = {MIME, "x/book.opf",
		OPF("<item id='t' href='toc.ncx' media-type='application/x-dtbncx+xml'/>" ITEM(
			    "a", "a.html"),
			REF("a")),
		"x/toc.ncx",
		"<!DOCTYPE ncx PUBLIC '-//NISO//DTD ncx 2005-1//EN' 'x.dtd'><ncx><navMap><navPoint>"
		"<navLabel><text>Opening</text></navLabel><content "
		"src='a.html'/></navPoint></navMap>"
		"</ncx>",
		"x/a.html",
		"<?xml version='1.0' "
		"encoding='windows-1252'?><html><body><p>na\xefve</p></body></html>",
		NULL};
	struct extracted x;

	(void)state;
	x = read_book(BOOK);
	assert_string_equal(x.text, "naïve\n");
	assert_string_equal(x.pages[0].label, "Opening");
}

#define ENCRYPTED(method, part)                                                                    \
	"META-INF/encryption.xml",                                                                 \
		"<encryption xmlns:e='http://www.w3.org/2001/04/xmlenc#'><e:EncryptedData>"        \
		"<e:EncryptionMethod Algorithm='" method "'/><e:CipherData><e:CipherReference "    \
		"URI='" part "'/></e:CipherData></e:EncryptedData></encryption>"

static void broken_and_locked_ones(void **state)
{
	static const char *const LOCKED[] = {MIME, CONTAINER,
		ENCRYPTED("http://www.w3.org/2001/04/xmlenc#aes128-cbc", "OPS/a.xhtml"),
		"OPS/book.opf", OPF(ITEM("a", "a.xhtml"), REF("a")), "OPS/a.xhtml", "\x01\x02",
		NULL};
	static const char *const FONT[] = {MIME, CONTAINER,
		ENCRYPTED("http://www.idpf.org/2008/embedding", "OPS/f.otf"), "OPS/book.opf",
		OPF(ITEM("a", "a.xhtml"), REF("a")), "OPS/a.xhtml", XHTML("", "<p>x</p>"), NULL};
	static const char *const NO_PACKAGE[] = {MIME, CONTAINER, NULL};
	static const char *const CUT[] = {
		MIME, CONTAINER, "OPS/book.opf", "<package><manifest>", NULL};
	static const char *const EMPTY[] = {MIME, CONTAINER, "OPS/book.opf", OPF("", ""), NULL};
	static const struct {
		const char *const *parts;
		const char *reason;
	} CASES[] = {{LOCKED, "password_required"}, {FONT, ""}, {NO_PACKAGE, "broken_file"},
		{CUT, "broken_file"}, {EMPTY, ""}};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct extracted x;
		struct err e = ERR_INIT;
		int rc;

		rc = read_parts(z, CASES[i].parts, "a.epub", &a, &x, &e);
		assert_string_equal(rc ? e.reason : "", CASES[i].reason);
	}
}

/* The trees of deep chapters do not stay in memory. */
static void many_deep_chapters(void **state)
{
	struct zygote *small = zygote_with("ingest-memory-mb", "64", NULL);
	struct buf spine = BUF_INIT, page = BUF_INIT;
	struct extracted x;
	struct err e = ERR_INIT;

	(void)state;
	buf_str(&spine, "<package xmlns='http://www.idpf.org/2007/opf'><manifest>");
	for (int i = 0; i < 60; i++) {
		buf_printf(&spine, "<item id='i%d' href='a.xhtml' media-type='%s'/>", i,
			"application/xhtml+xml");
	}
	buf_str(&spine, "</manifest><spine>");
	for (int i = 0; i < 60; i++) {
		buf_printf(&spine, "<itemref idref='i%d'/>", i);
	}
	buf_str(&spine, "</spine></package>");
	buf_str(&page, "<html><body>");
	for (int i = 0; i < 5000; i++) {
		buf_printf(&page, "<div>%d", i * 7919 % 5000);
	}
	if (read_parts(small,
		    (const char *const[]){MIME, CONTAINER, "OPS/book.opf", spine.data,
			    "OPS/a.xhtml", page.data, NULL},
		    "a.epub", &a, &x, &e)) {
		fail_msg("%s: %s", e.reason, e.message);
	}
	assert_int_equal(x.n_pages, 60);
	buf_finish(&spine);
	buf_finish(&page);
	zygote_stop(small);
}

static void hostile_ones(void **state)
{
	static const char *const BOOK[] = {MIME, CONTAINER, "OPS/book.opf",
		OPF(ITEM("a", "../../../../etc/passwd") ITEM("b", "%zz%00/..//.")
				ITEM("c", "c.xhtml"),
			REF("a") REF("b") REF("c") REF("c")),
		"OPS/c.xhtml", XHTML("", "<p a='>'/><!-- <x/> --><p b=\"/>\">x</p><"), NULL};
	struct buf bytes = BUF_INIT;
	struct extracted x;

	(void)state;
	x = read_book(BOOK);
	assert_int_equal(x.n_pages, 2);
	zip_parts(&bytes, BOOK);
	read_mutants(z, bytes.data, bytes.len, "a.epub", 300, 9);
	buf_finish(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(chapters_in_reading_order),
		TEST(old_books_have_an_ncx),
		TEST(broken_and_locked_ones),
		TEST(many_deep_chapters),
		TEST(hostile_ones),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
