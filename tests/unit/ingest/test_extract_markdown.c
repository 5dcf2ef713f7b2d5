#include "tests/unit/ingest/arena_each.h"

static void structure_is_kept(void **state)
{
	static const char PAGE[] =
		"---\nlayout: page\ntitle: \"Travel policy\"\n---\n# Head *one*\n\n"
		"A [link](http://elsewhere.example) and `code`\nsecond line.\n\n- item a\n  - "
		"nested\n"
		"- item b\n\n  more of b\n\n3. three\n4. four\n\n| A | B |\n|---|---|\n| 1 | 2 "
		"**b** |\n\n"
		"```c\nint x;\n\nint y;\n```\n\n![a picture](x.png)\n\n"
		"<div class=\"x\">from <b>HTML</b></div>\n\nSetext\n------\n\n> quoted\n";
	static const char *const EXPECTED[] = {"H1 Head one", "P A link and code second line.",
		"L - item a", "L - nested", "L - item b", "P more of b", "L 3. three", "L 4. four",
		"T2 A | B", "T 1 | 2 b", "C int x;\n\nint y;", "P a picture", "P from HTML",
		"H2 Setext", "P quoted"};
	struct extracted x;

	(void)state;
	x = read_string(z, PAGE, "a.md", &a);
	print_blocks(&x);
	assert_string_equal(x.media_type, "text/markdown");
	assert_string_equal(x.title, "Travel policy");
	assert_int_equal(x.n_blocks, sizeof(EXPECTED) / sizeof(EXPECTED[0]));
	for (int i = 0; i < x.n_blocks; i++) {
		assert_string_equal(block_line(&x, i), EXPECTED[i]);
	}
	assert_null(strstr(x.text, "elsewhere"));
	assert_null(strstr(x.text, "layout"));
}

static void without_front_matter_the_heading_is_the_title(void **state)
{
	struct extracted x;

	(void)state;
	x = read_string(z, "text first\n\n# The *title*\n", "a.md", &a);
	assert_string_equal(x.title, "The title");
	/* a rule at the top that is no front matter */
	x = read_string(z, "---\n\njust text\n", "a.md", &a);
	assert_true(block_with(&x, "just text") >= 0);
}

/* cmark of Debian 12 goes through all cells of a row for each of them: without our limit, the
 * kernel ends it. Debian 13 has one that does not, and reads them. */
static void endless_rows_do_not_take_long(void **state)
{
	struct zygote *strict = zygote_with("ingest-nesting", "8", "ingest-cpu-s", "6", NULL);
	struct buf page = BUF_INIT;
	struct extracted x;
	struct err e = ERR_INIT;

	(void)state;
	for (int i = 0; i < 3; i++) {
		for (int k = 0; k < 60000; k++) {
			buf_str(&page, i == 1 ? "|-" : "|a");
		}
		buf_str(&page, "|\n");
	}
	if (read_bytes(strict, page.data, page.len, "a.md", &a, &x, &e) == 0) {
		assert_int_equal(x.n_blocks, 2);
	} else {
		assert_string_equal(e.reason, "over_limit");
		assert_non_null(strstr(e.message, "ingest-nesting"));
	}
	buf_finish(&page);
	zygote_stop(strict);
}

static void deep_nesting_is_survived(void **state)
{
	struct buf page = BUF_INIT;
	struct extracted x;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		buf_str(&page, ">");
	}
	buf_str(&page, " at the bottom\n\n");
	for (int i = 0; i < 5000; i++) {
		buf_str(&page, "[");
	}
	assert_int_equal(read_bytes(z, page.data, page.len, "a.md", &a, &x, NULL), 0);
	assert_true(block_with(&x, "at the bottom") >= 0);
	buf_finish(&page);
}

static void the_name_decides_only_among_text(void **state)
{
	struct extracted x;
	struct err e = ERR_INIT;

	(void)state;
	x = read_string(z, "# not a heading\n", "a.txt", &a);
	assert_string_equal(x.media_type, "text/plain");
	assert_int_equal(read_bytes(z,
				 "\x7f"
				 "ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0>\0",
				 20, "a.md", &a, &x, &e),
		ERR_UNPROCESSABLE);
	assert_string_equal(e.reason, "unsupported_type");
}

static bool annotated(const struct extracted *x, enum annotation_kind kind, const char *words)
{
	for (int i = 0; i < x->n_annotations; i++) {
		if (x->annotations[i].kind == kind && strstr(x->annotations[i].text, words)) {
			return true;
		}
	}
	return false;
}

static void what_is_aside(void **state)
{
	struct extracted x;

	(void)state;
	x = read_string(z,
		"---\ntitle: T\nAuthor: 'Ada Lind'\ndate: 2026-05-04\nlayout: page\n---\n"
		"See [the *plan*](https://x.example/p)[^b] and [top](#top).<!-- obey one -->\n\n"
		"<!-- obey\ntwo -->\n\n1. a\n   1. b\n   2. c\n2. d\n\n[^b]: From the\n    "
		"archive.\n",
		"a.md", &a);
	print_blocks(&x);
	assert_string_equal(block_line(&x, 0), "P See the plan[1] and top.");
	assert_string_equal(block_line(&x, 2), "L 1. b");
	assert_string_equal(block_line(&x, 4), "L 2. d");
	assert_string_equal(block_line(&x, 5), "N Note 1: From the archive.");
	assert_true(annotated(&x, ANNOTATION_PROPERTY, "Author: Ada Lind"));
	assert_true(annotated(&x, ANNOTATION_PROPERTY, "Date: 2026-05-04"));
	assert_true(annotated(&x, ANNOTATION_COMMENT, "obey one"));
	assert_true(annotated(&x, ANNOTATION_COMMENT, "obey two"));
	assert_true(annotated(&x, ANNOTATION_LINK, "https://x.example/p"));
	assert_false(annotated(&x, ANNOTATION_LINK, "top"));
	assert_null(strstr(x.text, "obey"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(structure_is_kept),
		TEST(without_front_matter_the_heading_is_the_title),
		TEST(deep_nesting_is_survived),
		TEST(endless_rows_do_not_take_long),
		TEST(the_name_decides_only_among_text),
		TEST(what_is_aside),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
