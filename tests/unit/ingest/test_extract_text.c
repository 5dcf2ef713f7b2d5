#include <unicode/ucnv.h>

#include "tests/unit/ingest/arena_each.h"

static void blank_lines_part_paragraphs(void **state)
{
	struct extracted x;

	(void)state;
	x = read_string(z, "one\r\ntwo\r\n\r\n\r\n  three\tand  more \n \nfour", "a.txt", &a);
	assert_int_equal(x.n_blocks, 3);
	assert_string_equal(block_line(&x, 0), "P one\ntwo");
	assert_string_equal(block_line(&x, 1), "P three and more");
	assert_string_equal(block_line(&x, 2), "P four");
	assert_int_equal(x.n_pages, 1);
	assert_true(x.pages[0].width == 0.0f);
	assert_null(x.title);
}

static void encodings(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *text;
	} CASES[] = {
		{"Gr\xfc\xdf"
		 "e aus M\xfcnchen, die H\xf6he betr\xe4gt f\xfcnf Meter",
			46, "Grüße aus München, die Höhe beträgt fünf Meter\n"},
		{"\xff\xfeh\0\xe9\0\n\0", 8, "hé\n"},
		{"\xfe\xff\0h\0\xe9", 6, "hé\n"},
		{"h\0e\0l\0l\0o\0 \0w\0o\0r\0l\0d\0", 22, "hello world\n"},
		{"\xef\xbb\xbfmarked", 9, "marked\n"},
		{"\xce\xb1\xce\xb2", 4, "αβ\n"},
		{"price \x80 5", 9, "price € 5\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct extracted x;
		struct err e = ERR_INIT;

		if (read_bytes(z, CASES[i].bytes, CASES[i].n, "a.txt", &a, &x, &e) != 0) {
			fail_msg("%zu: %s", i, e.message);
		}
		assert_string_equal(x.text, CASES[i].text);
	}
}

static void controls_are_dropped(void **state)
{
	static const char BYTES[] =
		"a\0b\x07 tab\tx soft\xc2\xadhyphen \xe2\x80\xaeoverride zero\xe2\x80\x8b"
		"width \xef\xac\x81ne and a lot more of ordinary text after that, enough to "
		"make the controls few among the characters of this very document here, as "
		"they would be in a text file that some program wrote with a stray byte, and "
		"not in a file that consists of binary data through and through, as it were";
	struct extracted x;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(read_bytes(z, BYTES, sizeof(BYTES) - 1, "a.txt", &a, &x, &e), 0);
	assert_int_equal(strncmp(x.text, "ab tab x softhyphen override zerowidth fine and", 47), 0);
}

static void binary_is_no_text(void **state)
{
	char bytes[4096];
	struct extracted x;
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (char)(i * 7919 >> 3);
	}
	assert_int_equal(
		read_bytes(z, bytes, sizeof(bytes), "a.txt", &a, &x, &e), ERR_UNPROCESSABLE);
	assert_string_equal(e.reason, "unsupported_type");
}

static void the_text_limit_is_kept(void **state)
{
	struct zygote *little = zygote_with("ingest-text-mb", "1", NULL);
	struct buf text = BUF_INIT;
	struct extracted x;
	struct err e = ERR_INIT;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		buf_str(&text, "a word\n");
	}
	assert_int_equal(
		read_bytes(little, text.data, text.len, "a.txt", &a, &x, &e), ERR_UNPROCESSABLE);
	assert_string_equal(e.reason, "too_much_text");
	text.len = 1000000;
	assert_int_equal(read_bytes(little, text.data, text.len, "a.txt", &a, &x, NULL), 0);
	zygote_stop(little);
	buf_finish(&text);
}

/* Long enough for a detector to know what it is. */
static void other_scripts(void **state)
{
	static const struct {
		const char *charset, *text;
	} CASES[] = {
		{"Shift_JIS", "港のクレーンは四十トンまで持ち上げることができます。予約は前日までに"
			      "お願いします。"},
		{"EUC-JP", "港のクレーンは四十トンまで持ち上げることができます。予約は前日までにお"
			   "願いします。"},
		{"ISO-2022-JP", "港のクレーンは四十トンまで持ち上げることができます。"},
		{"GB18030", "港口的起重机最多可以吊起四十吨的货物，请提前一天预约。费用按天计算。"},
		{"Big5", "港口的起重機最多可以吊起四十噸的貨物，請提前一天預約。費用按天計算。"},
		{"EUC-KR", "항구의 크레인은 최대 사십 톤까지 들어 올릴 수 있습니다. 하루 전에 "
			   "예약해 주세요."},
		{"KOI8-R",
			"Портовый кран поднимает до сорока тонн груза. Заказывайте его за день."},
		{"windows-1251",
			"Портовый кран поднимает до сорока тонн груза. Заказывайте его за день."},
		{"windows-1253",
			"Ο γερανός του λιμανιού σηκώνει μέχρι σαράντα τόνους φορτίου κάθε μέρα."},
		{"UTF-16", "港のクレーン and Grüße"},
		{"UTF-16LE", "The crane lifts forty tons. Grüße"},
		{"UTF-16BE", "The crane lifts forty tons. Grüße"},
		{"UTF-16LE", "港の クレーンは\n四十 トンまで\n持ち上げる ことが できます\n"},
		{"UTF-32", "The crane 港 lifts"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		UErrorCode status = U_ZERO_ERROR;
		char bytes[1000];
		int32_t n = ucnv_convert(CASES[i].charset, "UTF-8", bytes, sizeof(bytes),
			CASES[i].text, -1, &status);
		struct extracted x;
		struct err e = ERR_INIT;

		assert_true(U_SUCCESS(status));
		assert_int_equal(read_bytes(z, bytes, (size_t)n, "a.txt", &a, &x, &e), 0);
		if (strncmp(x.text, CASES[i].text, strlen(CASES[i].text)) != 0) {
			fail_msg("%s: %s", CASES[i].charset, x.text);
		}
	}
}

static void form_feeds_and_long_lines(void **state)
{
	struct buf text = BUF_INIT;
	struct extracted x;

	(void)state;
	x = read_string(z, "one\ftwo\n\f\nthree\n", "a.txt", &a);
	assert_int_equal(x.n_blocks, 3);
	assert_string_equal(block_line(&x, 1), "P two");
	for (int i = 0; i < 400000; i++) {
		buf_str(&text, "word ");
	}
	x = read_string(z, text.data, "a.txt", &a);
	assert_int_equal(x.n_blocks, 1);
	assert_int_equal(x.n_bytes, 2000000);
	buf_finish(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(blank_lines_part_paragraphs),
		TEST(encodings),
		TEST(other_scripts),
		TEST(form_feeds_and_long_lines),
		TEST(controls_are_dropped),
		TEST(binary_is_no_text),
		TEST(the_text_limit_is_kept),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
