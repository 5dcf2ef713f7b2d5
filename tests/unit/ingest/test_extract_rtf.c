#include "tests/unit/ingest/zipping.h"

#include "tests/unit/ingest/arena_each.h"

static void structure_is_kept(void **state)
{
	static const char RTF[] =
		"{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0\\froman Times;}"
		"{\\f1\\fcharset2 Symbol;}}"
		"{\\stylesheet{\\ql Normal;}{\\s1\\outlinelevel0 heading 1;}{\\s2 Heading 2;}"
		"{\\s5 Title;}{\\*\\cs10 Default;}}"
		"{\\info{\\title Leave & rest}{\\author Ada Quill}{\\creatim\\yr2031\\mo5\\dy4}"
		"{\\doccomm COMMENTED}}{\\header HEADER\\par}\n"
		"{\\*\\unknown HIDDEN {nested}}{\\pict\\wmetafile8 0102}\n"
		"\\pard\\s1 Leave \\b policy\\b0\\par\n"
		"\\pard\\s2 {\\listtext 1.2\\tab}Half\r\n days\\par\n"
		"\\pard\\outlinelevel2 By level\\par\n"
		"\\pard\\plain One\\line two\\~three\\_four opt\\-ional \\{x\\}\\par\n"
		"\\pard\\ls1{\\listtext\\f1\\'b7\\tab}dot\\par{\\listtext 2.\\tab}two\\par"
		"{\\pntext b)\\tab}letter\\par\n"
		"\\pard See {\\field{\\*\\fldinst{HYPERLINK \\\\o \"tip\" "
		"\"https://example.org/l\"}}"
		"{\\fldrslt{the form}}} now\\emdash {\\field{\\*\\fldinst PAGE}{\\fldrslt "
		"7}}.\\par\n"
		"\\pard Body{\\super\\chftn{\\footnote\\pard\\plain{\\super\\chftn} First\\par "
		"second}} goes on.\\par\n"
		"Last words";
	static const char *const EXPECTED[] = {"H1 Leave policy", "H2 1.2 Half days", "H3 By level",
		"P One\ntwo three-four optional {x}", "L - dot", "L 2. two", "L b) letter",
		"P See the form now—7.", "P Body goes on.", "N Note 1: First\nsecond",
		"P Last words"};
	struct extracted x;

	(void)state;
	x = read_string(z, RTF, "a.rtf", &a);
	ASSERT_LINES(&x, EXPECTED);
	assert_string_equal(x.title, "Leave & rest");
	assert_string_equal(x.media_type, "application/rtf");
	annotation_of(&x, ANNOTATION_PROPERTY, "Author: Ada Quill");
	annotation_of(&x, ANNOTATION_PROPERTY, "Created: 2031-05-04");
	assert_string_equal(
		place_words(&x, annotation_of(&x, ANNOTATION_LINK, "https://example.org/l")),
		"the form");
}

static void links_go_on_across_paragraphs(void **state)
{
	static const char RTF[] =
		"{\\rtf1 A long way to {\\field{\\*\\fldinst HYPERLINK \"https://example.org/l\"}"
		"{\\fldrslt the form\\par and its many pages}} of today.}";
	static const char *const WORDS[] = {"the form", "and its many pages"};
	struct extracted x = read_string(z, RTF, "a.rtf", &a);

	(void)state;
	assert_int_equal(x.n_annotations, 2);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(x.annotations[i].text, "https://example.org/l");
		assert_string_equal(place_words(&x, &x.annotations[i]), WORDS[i]);
	}
}

static void tables(void **state)
{
	static const char RTF[] =
		"{\\rtf1 Before\\par\\trowd\\trhdr\\cellx10\\cellx20\\pard\\intbl Day\\cell Hours"
		"\\cell\\row\\trowd\\cellx10\\cellx20\\pard\\intbl Mon\\par and Tue\\cell"
		"{\\footnote Not in May.}8\\cell\\row\\pard After\\par"
		"{\\trowd\\cellx10\\pard\\intbl k\\cell v\\nestcell{\\*\\nesttableprops\\nestrow}"
		"{\\nonesttables\\par}w\\cell\\row}\\pard\\par unfinished\\cell";
	static const char *const EXPECTED[] = {"P Before", "T2 Day | Hours", "T Mon and Tue | 8",
		"N Note 1: Not in May.", "P After", "T1 k | v w", "T unfinished"};
	struct extracted x;

	(void)state;
	x = read_string(z, RTF, "a.rtf", &a);
	ASSERT_LINES(&x, EXPECTED);
}

static void characters(void **state)
{
	static const struct {
		const char *rtf, *text;
	} CASES[] = {
		{"{\\rtf1\\ansi\\ansicpg1250 za\\'bf\\'f3\\'b3\\'e6}", "zażółć\n"},
		{"{\\rtf1\\mac \\'8e}", "é\n"},
		{"{\\rtf1\\ansi{\\fonttbl{\\f1\\fcharset128 G;}{\\f2\\fcharset204 "
		 "A;}}\\f1\\'94\\'4e"
		 "\\'94N {\\f2\\'ef}}",
			"年年 п\n"},
		{"{\\rtf1\\uc1 \\u8364?5 \\u-10179?\\u-8703? \\u8364\\'805 "
		 "{\\uc0\\u97}b\\uc2\\u99??d}",
			"€5 😁 €5 abcd\n"},
		{"{\\rtf1\\ansicpg936 \\'c4\\'e3\\'ba\\'c3}", "你好\n"},
		{"{\\rtf1 a\\bin5 }}}}}b}", "ab\n"},
		{"{\\rtf1 a\\bin99999 }}}}}b}", "a\n"},
		{"{\\rtf1{\\upr{old}{\\*\\ud new}} {\\upr{only old}}x}", "new x\n"},
		{"{\\rtf1 \\ldblquote q\\rdblquote\\bullet\\endash{\\mmath{\\*\\moMath{\\mf{\\mfPr "
		 "no}"
		 "{\\mnum{\\mr y}}}}}}",
			"“q”•–y\n"},
		{"{\\rtf1{\\shp{\\*\\shpinst{\\sp{\\sn a}{\\sv b}}{\\shptxt In a box\\par}}"
		 "{\\shprslt FALLBACK}}host\\par}",
			"host\nIn a box\n"},
		{"{\\rtf1\\'", ""},
		{"{\\rtf1\\", ""},
		{"{\\rtf1}}}}text", ""},
		{"{\\rtf", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct extracted x;

		x = read_string(z, CASES[i].rtf, "a.rtf", &a);
		assert_string_equal(x.text, CASES[i].text);
	}
}

static void what_is_not_seen_is_annotated(void **state)
{
	static const char RTF[] =
		"{\\rtf1\\ansi{\\colortbl;\\red255\\green255\\blue255;\\red0\\green0\\blue90;}"
		"a{\\v off}b {\\deleted struck}c {\\fs2 tiny}d {\\cf1 white}e\\par"
		"{\\cf1\\highlight2 on blue}{\\cf2\\chcbpat2 blue}\\par"
		"\\pard\\cbpat2{\\cf1 in a block}\\par\\pard"
		"\\trowd\\clcbpat2\\cellx9\\cellx19\\intbl{\\cf1 dark cell}\\cell{\\cf1 "
		"light}f\\cell"
		"\\row\\pard g{\\*\\atnid BO}{\\*\\atnauthor Ben Ode}\\chatn"
		"{\\*\\annotation{\\*\\atndate 1}why {\\b so}?}h\\v all \\plain i\\par}";
	static const char *const EXPECTED[] = {
		"P ab c d e", "P on blue", "P in a block", "T1 dark cell | f", "P gh i"};
	struct extracted x;

	(void)state;
	x = read_string(z, RTF, "a.rtf", &a);
	ASSERT_LINES(&x, EXPECTED);
	assert_int_equal(annotation_of(&x, ANNOTATION_HIDDEN_PART, "off")->byte_start, 1);
	annotation_of(&x, ANNOTATION_HIDDEN_PART, "all");
	annotation_of(&x, ANNOTATION_DELETED, "struck");
	annotation_of(&x, ANNOTATION_HIDDEN_SIZE, "tiny");
	annotation_of(&x, ANNOTATION_HIDDEN_COLOR, "white");
	annotation_of(&x, ANNOTATION_HIDDEN_COLOR, "blue");
	annotation_of(&x, ANNOTATION_HIDDEN_COLOR, "light");
	annotation_of(&x, ANNOTATION_COMMENT, "Ben Ode: why so?");
}

static void depth_is_bounded(void **state)
{
	struct buf b = BUF_INIT;
	struct extracted x;
	struct err e = ERR_INIT;

	(void)state;
	buf_str(&b, "{\\rtf1 ");
	for (int i = 0; i < 200; i++) {
		buf_str(&b, "{\\footnote{\\field{\\shptxt ");
	}
	assert_int_equal(read_bytes(z, b.data, b.len, "a.rtf", &a, &x, &e), ERR_UNPROCESSABLE);
	assert_string_equal(e.reason, "over_limit");
	buf_clear(&b);
	buf_str(&b, "{\\rtf1 ");
	for (int i = 0; i < 60; i++) {
		buf_str(&b, "{\\footnote{\\field{\\shptxt ");
	}
	buf_str(&b, "deep");
	assert_int_equal(read_bytes(z, b.data, b.len, "a.rtf", &a, &x, &e), 0);
	assert_non_null(strstr(x.text, "deep"));
	buf_finish(&b);
}

static void hostile_ones(void **state)
{
	static const char RTF[] =
		"{\\rtf1\\ansi\\ansicpg99999\\deff-1{\\fonttbl\\f99999999\\fcharset-7 "
		"x;}{\\colortbl;;;}"
		"{\\stylesheet{\\s-3 heading 9;}}\\s99999999\\f99999999\\cf99999999\\fs-4 "
		"a\\u-99999999 ?"
		"\\fs24\\row\\cell\\trowd{\\field{\\fldrslt{\\*\\fldinst HYPERLINK "
		"\\\\l}}}\\nestrow"
		"{\\*\\annotation{\\footnote b}}{\\listtext{\\footnote c}}\\uc9999\\u1 x\\par}";
	struct extracted x;

	(void)state;
	x = read_string(z, RTF, "a.rtf", &a);
	assert_true(x.n_bytes >= 0);
	read_mutants(z, RTF, strlen(RTF), "a.rtf", 500, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(structure_is_kept),
		TEST(links_go_on_across_paragraphs),
		TEST(tables),
		TEST(characters),
		TEST(what_is_not_seen_is_annotated),
		TEST(depth_is_bounded),
		TEST(hostile_ones),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
