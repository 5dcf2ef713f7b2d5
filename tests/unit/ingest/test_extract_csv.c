#include "tests/unit/ingest/arena_each.h"

static void quotes_newlines_and_ragged_rows(void **state)
{
	struct extracted x = read_string(z,
		"\xef\xbb\xbfName,City,Note\r\n"
		"\"Lind, Ada\",Bonn,\"says \"\"hi\"\"\r\nand goes\"\r\n\r\n"
		"Ben,Ulm\r\nCleo,,\r\nDan,Kiel,a,b\r\n",
		"people.csv", &a);

	(void)state;
	print_blocks(&x);
	assert_string_equal(x.media_type, "text/csv");
	assert_int_equal(x.paging, PAGING_SHEETS);
	assert_int_equal(x.n_pages, 1);
	assert_string_equal(block_line(&x, 0), "T2 Name | City | Note");
	assert_string_equal(block_line(&x, 1), "T Lind, Ada | Bonn | says \"hi\" and goes");
	assert_string_equal(block_line(&x, 2), "T Ben | Ulm");
	assert_string_equal(block_line(&x, 3), "T Cleo");
	assert_string_equal(block_line(&x, 4), "T Dan | Kiel | a | b");
	assert_int_equal(x.n_lines, 5);
	assert_true(x.lines[1].x0 == 0 && x.lines[1].x1 == 3 && x.lines[1].y0 == 1 &&
		    x.lines[1].y1 == 2);
	assert_true(x.lines[2].y0 == 3);
}

static void delimiters_are_found(void **state)
{
	static const struct {
		const char *text, *name, *media_type, *first;
	} CASES[] = {
		{"Ort;Preis\nBonn;1,50\nUlm;2,50\n", "a.csv", "text/csv", "T2 Ort | Preis"},
		{"a\tb c\td\n1\t2, 3\t4\n5\t6\t7\n", "", "text/tab-separated-values",
			"T2 a | b c | d"},
		{"port|ships|tons\nBonn|2|30\nUlm|4|50\n", "", "text/csv",
			"T2 port | ships | tons"},
		{"1,2,3\n4,5,6\n7,8,9\n", "", "text/csv", "T1 1 | 2 | 3"},
		{"sep=;\r\nOrt;Preis\r\nBonn;1\r\n", "a.csv", "text/csv", "T2 Ort | Preis"},
		{"\xff\xfe"
		 "a\0;\0b\0\n\0"
		 "1\0;\0"
		 "2\0\n\0",
			"a.csv", "text/csv", "T2 a | b"},
		{"name\nAda\nBen\n", "a.csv", "text/csv", "T2 name"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		size_t n = CASES[i].text[0] == '\xff' ? 18 : strlen(CASES[i].text);
		struct extracted x;
		struct err e = ERR_INIT;

		assert_int_equal(read_bytes(z, CASES[i].text, n, CASES[i].name, &a, &x, &e), 0);
		assert_string_equal(x.media_type, CASES[i].media_type);
		assert_string_equal(block_line(&x, 0), CASES[i].first);
	}
}

static void prose_is_no_table(void **state)
{
	static const char *const TEXTS[] = {
		"The harbour, which is old, has a crane.\nIt lifts, on good days, forty tons.\n"
		"On others, it does not, and waits.\n",
		"Dear Ada,\nthank you for the plan.\n\nYours,\nBen\n",
		"One sentence only, with a comma, or two.\n",
		"First, we measure, then we cut, and then we are glad of it.\n"
		"Second, we write, then we read, and then we are glad of it.\n"
		"Third, we eat, then we rest, and then we are glad of it all.\n",
	};
	static const char *const NAMES[] = {"a.csv", "a.txt", ""};
	struct extracted x;

	(void)state;
	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
		for (size_t k = 0; k < 3; k++) {
			x = read_string(z, TEXTS[i], NAMES[k], &a);
			assert_string_equal(x.media_type, "text/plain");
		}
	}
}

static void a_quote_that_never_ends_is_survived(void **state)
{
	struct buf text = BUF_INIT;
	struct extracted x;

	(void)state;
	buf_str(&text, "a,b,c\n");
	for (int i = 0; i < 5000; i++) {
		buf_printf(&text, "%d,%d,%d\n", i, i + 1, i + 2);
	}
	buf_str(&text, "\"open,1,2\n3,4,5\n");
	x = read_string(z, text.data, "a.csv", &a);
	assert_int_equal(x.n_blocks, 5002);
	assert_string_equal(block_line(&x, 5001), "T open,1,2 3,4,5");
	buf_finish(&text);
}

static void many_columns_end_in_the_last(void **state)
{
	struct buf text = BUF_INIT;
	struct extracted x;

	(void)state;
	for (int row = 0; row < 3; row++) {
		for (int i = 0; i < 5000; i++) {
			buf_printf(&text, "%s%d", i ? "," : "", i);
		}
		buf_char(&text, '\n');
	}
	x = read_string(z, text.data, "a.csv", &a);
	assert_string_equal(x.media_type, "text/csv");
	assert_int_equal(x.n_blocks, 3);
	assert_non_null(strstr(x.text, " | 4094 | 4095 4096 4097"));
	buf_finish(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(quotes_newlines_and_ragged_rows),
		TEST(delimiters_are_found),
		TEST(prose_is_no_table),
		TEST(a_quote_that_never_ends_is_survived),
		TEST(many_columns_end_in_the_last),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
