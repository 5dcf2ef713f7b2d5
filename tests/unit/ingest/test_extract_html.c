#include "tests/unit/ingest/arena_each.h"

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
}

/* gumbo looks through all that is open at each element: without a limit, minutes. */
static void endless_nesting_is_a_limit(void **state)
{
	struct zygote *strict = zygote_with("ingest-nesting", "8", NULL);
	static const char *const TAGS[] = {"<div>x", "<ul><li>x"};

	(void)state;
	for (size_t t = 0; t < sizeof(TAGS) / sizeof(TAGS[0]); t++) {
		struct buf page = BUF_INIT;
		struct extracted x;
		struct err e = ERR_INIT;

		for (int i = 0; i < 150000; i++) {
			buf_str(&page, TAGS[t]);
		}
		assert_int_equal(read_bytes(strict, page.data, page.len, "a.html", &a, &x, &e),
			ERR_UNPROCESSABLE);
		assert_string_equal(e.reason, "over_limit");
		assert_non_null(strstr(e.message, "ingest-nesting"));
		buf_finish(&page);
	}
	zygote_stop(strict);
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

		buf_str(&page, "<html><body>");
		for (int i = 0; i < 20000; i++) {
			buf_str(&page, TAGS[t]);
		}
		buf_str(&page, "at the bottom");
		assert_int_equal(read_bytes(z, page.data, page.len, "a.html", &a, &x, &e), 0);
		assert_true(block_with(&x, "at the bottom") >= 0);
		buf_finish(&page);
	}
}

static void declared_encodings_are_used(void **state)
{
	struct extracted x;

	(void)state;
	x = read_string(z,
		"<html><head><meta charset='iso-8859-7'><title>x</title></head><p>\xe1\xe2\xe3</p>",
		"", &a);
	assert_string_equal(block_line(&x, 0), "P αβγ");
	x = read_string(z,
		"<html><meta http-equiv=content-type content='text/html; charset=windows-1251'>"
		"<p>\xcf\xf0\xe8\xe2\xe5\xf2</p>",
		"", &a);
	assert_string_equal(block_line(&x, 0), "P Привет");
}

static void layout_tables_are_no_data(void **state)
{
	struct extracted x;

	(void)state;
	x = read_string(z,
		"<html><table><tr><td><h2>Left</h2><p>one</p><td>"
		"<table><tr><td>k<td>v</table></table>",
		"", &a);
	print_blocks(&x);
	assert_true(block_with(&x, "H2 Left") >= 0);
	assert_true(block_with(&x, "T1 k | v") >= 0);
}

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

static void hidden_text_goes_aside(void **state)
{
	static const struct {
		const char *html;
		enum annotation_kind kind;
	} CASES[] = {
		{"<p hidden>obey</p>", ANNOTATION_HIDDEN_PART},
		{"<p style='DISPLAY : none !important'>obey</p>", ANNOTATION_HIDDEN_PART},
		{"<span style='visibility:hidden'><b>obey</b></span>", ANNOTATION_HIDDEN_PART},
		{"<style>@media print{.y{display:none}} .x, p.z { color:red; display:none }</style>"
		 "<p class='y x'>obey</p><p class=y>seen</p>",
			ANNOTATION_HIDDEN_PART},
		{"<style>#gone{opacity:0}</style><p id=gone>obey</p>", ANNOTATION_HIDDEN_RENDER},
		{"<p style='opacity:0.0'>obey</p>", ANNOTATION_HIDDEN_RENDER},
		{"<p style='position:absolute;clip:rect(0,0,0,0)'>obey</p>",
			ANNOTATION_HIDDEN_RENDER},
		{"<p style='height:0;overflow:hidden'>obey</p>", ANNOTATION_HIDDEN_RENDER},
		{"<p style='font-size:1px'>obey</p>", ANNOTATION_HIDDEN_SIZE},
		{"<p style='font-size:0.05em'>obey</p>", ANNOTATION_HIDDEN_SIZE},
		{"<p style='position:absolute;left:-9999px'>obey</p>", ANNOTATION_HIDDEN_PLACE},
		{"<p style='text-indent:-9999px'>obey</p>", ANNOTATION_HIDDEN_PLACE},
		{"<p style='color:#fff'>obey</p>", ANNOTATION_HIDDEN_COLOR},
		{"<font color=white>obey</font>", ANNOTATION_HIDDEN_COLOR},
		{"<p style='color:rgb(10, 20, 30);background:#0a141e'>obey</p>",
			ANNOTATION_HIDDEN_COLOR},
		{"<table bgcolor=black><tr><td><p style='color:black'>obey</table>",
			ANNOTATION_HIDDEN_COLOR},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char page[600];
		struct extracted x;

		snprintf(page, sizeof(page), "<html><body><p>seen</p>%s<p>seen</p></body></html>",
			CASES[i].html);
		x = read_string(z, page, "", &a);
		if (strstr(x.text, "obey") || !annotated(&x, CASES[i].kind, "obey")) {
			fail_msg("%s: %s", CASES[i].html, x.text);
		}
		assert_int_equal(extracted_hidden_count(&x), 1);
	}
}

static void what_is_seen_is_no_warning(void **state)
{
	static const char *const CASES[] = {
		"<p style='font-size:12px;color:#000'>seen</p>",
		"<div style='background:#003366'><p style='color:#fff'>seen</p></div>",
		"<style>.dark{background:black}</style><p class=dark style='color:white'>seen</p>",
		"<p style='left:-10px;position:relative'>seen</p>",
		"<p style='opacity:.9'>seen</p>",
		"<p style='font-size:90%'>seen</p>",
		"<table><td bgcolor='#123456'><font color=white>seen</font></table>",
		"<style>.x:hover{display:none} .a .b{display:none} @media print { .b{display:none} "
		"}"
		"</style><p class='x b'>seen</p>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char page[600];
		struct extracted x;

		snprintf(page, sizeof(page), "<html><body>%s</body></html>", CASES[i]);
		x = read_string(z, page, "", &a);
		if (!strstr(x.text, "seen") || extracted_hidden_count(&x)) {
			fail_msg("%s: %s", CASES[i], x.text);
		}
	}
}

static void tables_have_headers_and_spans(void **state)
{
	static const char *const EXPECTED[] = {"P Fees", "T2 Ship | Fee | Fee",
		"T2 Ship | day | week", "T Alva | 10 | 60", "T Alva | 12", "T Bree | 9 | 50",
		"T1 a | b", "T c | d"};
	struct extracted x;

	(void)state;
	x = read_string(z,
		"<html><table><caption>Fees</caption><thead><tr><td rowspan=2>Ship<td colspan=2>Fee"
		"<tr><td>day<td>week</thead><tr><td rowspan=2>Alva<td>10<td><a "
		"href=https://x.example"
		">60</a><tr><td>12<tr><th>Bree<td>9<td>50</table>"
		"<table><tr><td>a<td>b<tr><td>c<td>d</table>",
		"", &a);
	print_blocks(&x);
	assert_int_equal(x.n_blocks, 8);
	for (int i = 0; i < 8; i++) {
		assert_string_equal(block_line(&x, i), EXPECTED[i]);
	}
	assert_non_null(annotated(&x, ANNOTATION_LINK, "https://x.example"));
	x = read_string(z,
		"<html><table><tr><td rowspan=65000 colspan=99999>x<td>y<tr><td>z</table>", "", &a);
	assert_true(x.n_bytes < 5000);
}

static void links_have_their_place(void **state)
{
	struct extracted x;
	const struct annotation *n;

	(void)state;
	x = read_string(z,
		"<html><ul><li>See  the\n <a href='https://x.example/a'>Grüße &amp;  more</a>, "
		"<a href='javascript:alert(1)'>no</a> <a href='#top'>no</a> or<br>"
		"<a href='mailto:ada@x.example'>Ada</a></ul>",
		"", &a);
	print_blocks(&x);
	n = annotated(&x, ANNOTATION_LINK, "https://x.example/a");
	assert_non_null(n);
	assert_int_equal(strncmp(x.text + n->byte_start, "Grüße & more",
				 (size_t)(n->byte_end - n->byte_start)),
		0);
	assert_int_equal(n->byte_end - n->byte_start, (int)strlen("Grüße & more"));
	n = annotated(&x, ANNOTATION_LINK, "mailto:");
	assert_non_null(n);
	assert_int_equal(strncmp(x.text + n->byte_start, "Ada\n", 4), 0);
	assert_int_equal(x.n_annotations, 2);
}

/* A card: all of it is the link. Around a picture alone there is nothing to tell it of. */
static void links_go_on_across_blocks(void **state)
{
	struct extracted x = read_string(z,
		"<html><a href='/card'><h2>Berths</h2><p>All of them</p></a>"
		"<p>Here <a href='/picture'><img src='x'></a></p><table><tr><th>Ship<th>Port"
		"<tr><td rowspan=2><a href='/alva'>Alva</a><td>Bonn<tr><td>Ulm</table>",
		"", &a);

	(void)state;
	print_blocks(&x);
	assert_int_equal(x.n_annotations, 3);
	for (int i = 0; i < 3; i++) {
		static const int BLOCKS[] = {0, 1, 4};
		const struct annotation *n = &x.annotations[i];

		assert_string_equal(n->text, i < 2 ? "/card" : "/alva");
		assert_int_equal(n->byte_start, x.blocks[BLOCKS[i]].byte_start);
		assert_int_equal(n->byte_end, x.blocks[BLOCKS[i]].byte_end);
	}
	assert_string_equal(block_line(&x, 4), "T Alva | Bonn");
	assert_string_equal(block_line(&x, 5), "T Alva | Ulm");
}

static void terms_captions_and_facts(void **state)
{
	static const char *const EXPECTED[] = {"P Berth: a place for a ship", "P Quay: a wall",
		"P of stone", "P Alone", "P A crane"};
	struct extracted x;

	(void)state;
	x = read_string(z,
		"<html><head><meta name=author content='Ada Lind'><meta name=description "
		"content='All about it'></head><dl><dt>Berth<dd>a place for a ship<dt>Quay:"
		"<dd><p>a wall</p><p>of stone</p><dt>Alone</dl>"
		"<figure><img src=x alt='obey me now'><figcaption>A crane</figcaption></figure>",
		"", &a);
	print_blocks(&x);
	assert_int_equal(x.n_blocks, 5);
	for (int i = 0; i < 5; i++) {
		assert_string_equal(block_line(&x, i), EXPECTED[i]);
	}
	assert_non_null(annotated(&x, ANNOTATION_PROPERTY, "Author: Ada Lind"));
	assert_non_null(annotated(&x, ANNOTATION_PROPERTY, "Description: All about it"));
}

static void the_main_part_is_taken(void **state)
{
	struct extracted x;

	(void)state;
	x = read_string(z,
		"<html><title>T</title><div>Breadcrumb</div><main><h1>Fees</h1>"
		"<p>A berth costs twenty a day, and a hundred a week.</p></main>"
		"<div>Copyright</div>",
		"", &a);
	assert_null(strstr(x.text, "Breadcrumb"));
	assert_null(strstr(x.text, "Copyright"));
	assert_string_equal(x.title, "T");
	/* an empty place that scripts would fill, and a teaser among others */
	x = read_string(z, "<html><main></main><div>All the words are here.</div>", "", &a);
	assert_string_equal(block_line(&x, 0), "P All the words are here.");
	x = read_string(z,
		"<html><article>teaser</article><div>All the words are here.</div>"
		"<div class='cookie-banner x'>We use COOKIES</div>",
		"", &a);
	assert_non_null(strstr(x.text, "All the words"));
	assert_non_null(strstr(x.text, "teaser"));
	assert_null(strstr(x.text, "COOKIES"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(structure_is_kept),
		TEST(what_is_no_content_is_left_out),
		TEST(deep_nesting_is_survived),
		TEST(endless_nesting_is_a_limit),
		TEST(declared_encodings_are_used),
		TEST(layout_tables_are_no_data),
		TEST(hidden_text_goes_aside),
		TEST(what_is_seen_is_no_warning),
		TEST(tables_have_headers_and_spans),
		TEST(links_have_their_place),
		TEST(links_go_on_across_blocks),
		TEST(terms_captions_and_facts),
		TEST(the_main_part_is_taken),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
