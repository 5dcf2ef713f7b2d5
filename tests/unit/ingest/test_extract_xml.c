#include "tests/unit/ingest/arena_each.h"

static void fields_prose_and_headings(void **state)
{
	static const char *const EXPECTED[] = {"H1 Harbour book", "H2 Cranes",
		"P The east crane lifts forty tons.",
		"P crane id2: e1\nbuilt: 1987\nmaker: Lind & Sohn", "P crane id2: w1\nbuilt: 2001"};
	struct extracted x = read_string(z,
		"<?xml version='1.0'?>\n<!-- not text -->\n<book xmlns:x='urn:x'>"
		"<title>Harbour book</title>\n<section><title>Cranes</title>"
		"<para>The <emphasis>east</emphasis> crane\n lifts forty tons.</para></section>"
		"<crane id2='e1' id='3' x:y='z'><built>1987</built><maker>Lind &amp; Sohn</maker>"
		"</crane><crane id2='w1'><built>2001</built><maker/></crane></book>",
		"a", &a);

	(void)state;
	print_blocks(&x);
	assert_string_equal(x.media_type, "application/xml");
	assert_string_equal(x.title, "Harbour book");
	assert_int_equal(x.n_blocks, 5);
	for (int i = 0; i < 5; i++) {
		assert_string_equal(block_line(&x, i), EXPECTED[i]);
	}
}

static void encodings_are_the_declarations(void **state)
{
	struct extracted x;

	(void)state;
	x = read_string(z,
		"<?xml version='1.0' encoding='windows-1251'?><a>\xcf\xf0\xe8\xe2\xe5\xf2</a>", "",
		&a);
	assert_string_equal(block_line(&x, 0), "P a: Привет");
	/* what a file that was converted still says */
	x = read_string(z, "<?xml version='1.0' encoding='ISO-8859-1'?><a>Grüße</a>", "", &a);
	assert_string_equal(block_line(&x, 0), "P a: Grüße");
}

static void entities_are_not_followed(void **state)
{
	struct extracted x = read_string(z,
		"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>"
		"<!ENTITY c 'cccc'><!ENTITY d '&c;&c;&c;'>]><a><t>&b;&d;</t><t>kept</t></a>",
		"", &a);

	(void)state;
	print_blocks(&x);
	assert_null(strstr(x.text, "root:"));
	assert_null(strstr(x.text, "cccccc"));
	assert_true(block_with(&x, "kept") >= 0);
}

static void broken_is_read_as_source_and_depth_is_bounded(void **state)
{
	struct buf text = BUF_INIT;
	struct extracted x;
	struct err e = ERR_INIT;

	(void)state;
	x = read_string(z, "<?xml version='1.0'?>\n<a><b>words</a>\n", "", &a);
	assert_string_equal(block_line(&x, 0), "C <?xml version='1.0'?>\n<a><b>words</a>");
	buf_str(&text, "<?xml version='1.0'?>");
	for (int i = 0; i < 50000; i++) {
		buf_str(&text, "<a>");
	}
	assert_int_equal(read_bytes(z, text.data, text.len, "", &a, &x, &e), ERR_UNPROCESSABLE);
	assert_non_null(strstr(e.message, "ingest-nesting"));
	buf_finish(&text);
}

/* ── source code ── */

static void code_is_cut_between_definitions(void **state)
{
	static const char *const EXPECTED[] = {"C import os",
		"C # adds\ndef add(a, b):\n"
		"    return a + b\n\n    # unreached",
		"C def sub(a, b):\n    return a - b"};
	struct extracted x = read_string(z,
		"import os\n\n\n# adds\ndef add(a, b):\n\treturn a + b\n\n\t# unreached\n\n"
		"def sub(a, b):\n\treturn a - b\n",
		"sums.py", &a);

	(void)state;
	print_blocks(&x);
	assert_string_equal(x.media_type, "text/x-source");
	assert_int_equal(x.n_blocks, 3);
	for (int i = 0; i < 3; i++) {
		assert_string_equal(block_line(&x, i), EXPECTED[i]);
	}
}

static void names_and_first_lines_tell_code(void **state)
{
	static const char *const NAMES[] = {
		"a.C", "x/Makefile", "app.log", "b.yaml", "c.toml", "d.tar.sh", "Dockerfile"};
	struct extracted x;
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		x = read_string(z, "key: value, of words\n", NAMES[i], &a);
		assert_string_equal(x.media_type, "text/x-source");
	}
	x = read_string(z, "#!/bin/sh\necho hello, world\n", "run", &a);
	assert_string_equal(x.media_type, "text/x-source");
	x = read_string(z, "key: value, of words\n", "a.docx", &a);
	assert_string_equal(x.media_type, "text/plain");
	assert_int_equal(
		read_bytes(z, "\0\1\2\3\0\1\2\3\0\1", 10, "a.c", &a, &x, &e), ERR_UNPROCESSABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fields_prose_and_headings),
		TEST(encodings_are_the_declarations),
		TEST(entities_are_not_followed),
		TEST(broken_is_read_as_source_and_depth_is_bounded),
		TEST(code_is_cut_between_definitions),
		TEST(names_and_first_lines_tell_code),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
