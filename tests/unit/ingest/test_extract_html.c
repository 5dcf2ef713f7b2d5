#include "tests/unit/ingest/reading.h"

static struct zygote *z;
static struct arena a;

static int set_up(void **state)
{
	(void)state;
	z = zygote_with(NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	zygote_stop(z);
	return 0;
}

static void structure_is_kept(void **state)
{
	static const char PAGE[] =
		"<!doctype html><html><head><title>Travel &amp; "
		"cost</title><style>p{}</style></head>"
		"<body><h1>Travel <em>policy</em></h1><p>Book\n  early.<br>Really.</p>"
		"<ol><li>one<li><p>two</p><p>more of two</p></ol><ul><li>dot</ul>"
		"<table><tr><th>K<th>V<tr><td>a<td><p>1</p><p>2</p></table>"
		"<pre>x\n  y</pre><a href='http://elsewhere'>a link</a></body></html>";
	static const char *const EXPECTED[] = {"H1 Travel policy", "P Book early.\nReally.",
		"L 1. one", "L 2. two", "P more of two", "L - dot", "T2 K | V", "T a | 1 2",
		"C x\n  y", "P a link"};
	struct extracted x;

	(void)state;
	arena_init(&a);
	x = read_string(z, PAGE, "a.html", &a);
	print_blocks(&x);
	assert_string_equal(x.title, "Travel & cost");
	assert_string_equal(x.media_type, "text/html");
	assert_int_equal(x.n_blocks, sizeof(EXPECTED) / sizeof(EXPECTED[0]));
	for (int i = 0; i < x.n_blocks; i++) {
		assert_string_equal(block_line(&x, i), EXPECTED[i]);
	}
	assert_int_equal(x.paging, PAGING_NONE);
	assert_int_equal(x.n_lines, 0);
	assert_int_equal(x.n_pages, 1);
	assert_int_equal(x.pages[0].byte_end, x.n_bytes);
	arena_finish(&a);
}

static void what_is_no_content_is_left_out(void **state)
{
	static const char PAGE[] =
		"<html><body><header><a href=/>HOMELINK</a><h1>Kept title</h1></header>"
		"<nav>NAVIGATION</nav><script>SCRIPT()</script><noscript>NOSCRIPT</noscript>"
		"<p hidden>HIDDEN</p><p style='display: NONE'>STYLED</p>"
		"<div aria-hidden=true>ARIA</div><div role=navigation>ROLE</div>"
		"<aside><a href=x>ASIDEMENU</a> <a>ASIDEMENU</a></aside><aside>kept aside "
		"note</aside>"
		"<!-- COMMENT --><article><header>kept by line</header>kept text</article>"
		"<select><option>OPTION</select><template><p>TEMPLATE</p></template>"
		"<footer>FOOTER</footer></body></html>";
	struct extracted x;

	(void)state;
	arena_init(&a);
	x = read_string(z, PAGE, "a.html", &a);
	print_blocks(&x);
	for (int i = 0; i < x.n_bytes - 3; i++) {
		/* all that must go is in capitals */
		assert_false(x.text[i] >= 'A' && x.text[i] <= 'Z' && x.text[i + 1] >= 'A' &&
			     x.text[i + 1] <= 'Z');
	}
	assert_true(block_with(&x, "H1 Kept title") >= 0);
	assert_true(block_with(&x, "kept aside note") >= 0);
	assert_true(block_with(&x, "kept by line") >= 0);
	assert_true(block_with(&x, "kept text") >= 0);
	arena_finish(&a);
}

static void deep_nesting_is_survived(void **state)
{
	static const char *const TAGS[] = {
		"<div>", "<b>", "<table><tr><td>", "<blockquote>", "<ul><li>", "<aside>"};

	(void)state;
	for (size_t t = 0; t < sizeof(TAGS) / sizeof(TAGS[0]); t++) {
		struct buf page = BUF_INIT;
		struct extracted x;
		struct err e = ERR_INIT;

		arena_init(&a);
		buf_str(&page, "<html><body>");
		for (int i = 0; i < 20000; i++) {
			buf_str(&page, TAGS[t]);
		}
		buf_str(&page, "at the bottom");
		assert_int_equal(read_bytes(z, page.data, page.len, "a.html", &a, &x, &e), 0);
		assert_true(block_with(&x, "at the bottom") >= 0);
		buf_finish(&page);
		arena_finish(&a);
	}
}

static void declared_encodings_are_used(void **state)
{
	struct extracted x;

	(void)state;
	arena_init(&a);
	x = read_string(z,
		"<html><head><meta charset='iso-8859-7'><title>x</title></head><p>\xe1\xe2\xe3</p>",
		"", &a);
	assert_string_equal(block_line(&x, 0), "P αβγ");
	x = read_string(z,
		"<html><meta http-equiv=content-type content='text/html; charset=windows-1251'>"
		"<p>\xcf\xf0\xe8\xe2\xe5\xf2</p>",
		"", &a);
	assert_string_equal(block_line(&x, 0), "P Привет");
	arena_finish(&a);
}

static void layout_tables_are_no_data(void **state)
{
	struct extracted x;

	(void)state;
	arena_init(&a);
	x = read_string(z,
		"<html><table><tr><td><h2>Left</h2><p>one</p><td>"
		"<table><tr><td>k<td>v</table></table>",
		"", &a);
	print_blocks(&x);
	assert_true(block_with(&x, "H2 Left") >= 0);
	assert_true(block_with(&x, "T1 k | v") >= 0);
	arena_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(structure_is_kept),
		cmocka_unit_test(what_is_no_content_is_left_out),
		cmocka_unit_test(deep_nesting_is_survived),
		cmocka_unit_test(declared_encodings_are_used),
		cmocka_unit_test(layout_tables_are_no_data),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
