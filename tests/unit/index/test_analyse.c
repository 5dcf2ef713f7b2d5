#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <time.h>

#include <cmocka.h>

#include "index/base/buf.h"
#include "index/base/utf8.h"
#include "index/fts.h"

/* The terms of a text as one line: "iso iso27001 27001", stopwords in brackets. */
static char *line(struct arena *a, const char *text, const char *language)
{
	struct terms t;
	struct buf b = BUF_INIT;
	char *out;

	analyse(a, text, strlen(text), language, &t);
	buf_str(&b, "");
	for (int i = 0; i < t.n; i++) {
		buf_printf(&b, "%s%s%s%s", i ? " " : "", t.items[i].stopword ? "[" : "",
			t.items[i].text, t.items[i].stopword ? "]" : "");
	}
	out = arena_strn(a, b.data ? b.data : "", b.len);
	buf_finish(&b);
	return out;
}

static void check(const char *text, const char *language, const char *expected)
{
	struct arena a;

	arena_init(&a);
	assert_string_equal(line(&a, text, language), expected);
	arena_finish(&a);
}

static void test_words_are_stemmed_by_language(void **state)
{
	(void)state;
	check("Employees were travelling", "en", "employe [were] travel");
	check("Employees were travelling", "", "employees [were] travelling");
	check("Die Häuser der Mitarbeiterinnen", "de", "[die] haus [der] mitarbeiterinn");
	check("Les congés payés de l'entreprise", "fr", "[le] cong pai [de] [l] entrepris");
	check("dell'ordine", "it", "[dell] ordin");
	check("сотрудники в отпуске", "ru", "сотрудник [в] отпуск");
	check("Müller MÜLLER mu\xcc\x88ller", "", "muller muller muller");
	check("Straße Łódź Øresund", "", "strasse lodz oresund");
	check("Mueller Müller fuer Steuer neue Quelle", "de", "mull mull [fur] steu neu quell");
	check("Straßenbahn STRASSENBAHN", "de", "strassenbahn strassenbahn");
	check("الكتب كتابٌ مكتبـــة", "ar", "كتب كتاب مكتب");
	check("medarbejderne ferien", "da", "medarbejd feri");
	check("", "en", "");
	check("  \n\t .,;:!?-- \xe2\x80\x94 ", "en", "");
}

static void test_apostrophes(void **state)
{
	(void)state;
	check("the company's plan", "en", "[the] compani plan");
	check("the company\xe2\x80\x99s plan", "en", "[the] compani plan");
	check("we don't O'Brien 'quoted'", "en", "[we] [dont] obrien quot");
}

static void test_numbers(void **state)
{
	(void)state;
	check("4.5", "en", "4.5");
	check("1,200", "en", "1200");
	check("1,234,567.89", "en", "1234567.89");
	check("1.200", "de", "1200");
	check("1.200", "en", "1.200");
	check("1.234.567,89", "de", "1234567.89");
	check("4,5 %", "de", "4.5");
	check("pages 4,5 and 1,2,3", "en", "page 4 5 [and] 1 2 3");
	check("14.02.2026", "de", "14.02.2026 14 02 2026");
	check("2026-02-14", "en", "2026 2026-02-14 02 14");
	check("192.168.0.1", "en", "192.168.0.1 192 168 0 1");
	check("10:30 24/7", "en", "10 10:30 30 24 24/7 7");
	check("1'000", "de", "1000");
	check("10kg $20 5%", "en", "10 10kg kg 20 5");
	check("\xef\xbc\x91\xef\xbc\x92\xef\xbc\x93", "", "123");
}

static void test_identifiers_whole_and_in_parts(void **state)
{
	(void)state;
	check("ISO-27001", "en", "iso iso27001 27001");
	check("ISO27001", "en", "iso iso27001 27001");
	check("ISO 27001", "en", "iso 27001");
	check("CreateUserToken", "en", "creat createusertoken user token");
	check("HTTPServer PDFs iPhone", "en", "http httpserver server pdfs [i] iphon phone");
	check("max_retry_count", "en", "max maxretrycount retri count");
	check("e-mail email", "en", "e email mail email");
	check("a.name@example.com", "", "[a] anameexamplecom name example [com]");
	check("C++ and C# or F#", "en", "c++ [and] c# [or] f#");
	check("and/or", "en", "[and] [or]");
	check("v1.2.3", "en", "v v1.2.3 1.2.3 1 2 3");
	check("\xc2\xa7 12(3)", "en",
		"12 \xc2\xa7"
		"12 12(3) 3");
	check("\xc2\xa7\xc2\xa7 12, 14(a)", "en",
		"12 \xc2\xa7"
		"12 14 14(a) [a]");
	check("\xc2\xa7"
	      "7",
		"de",
		"7 \xc2\xa7"
		"7");
	check("\xc2\xa7 (", "de", "");
	check("12(", "de", "12");
	check("report_2024-final.pdf", "en", "report report2024finalpdf 2024 final pdf");
	check("https://example.com/a-b.html", "en",
		"https exampl examplecom com [a] abhtml b html");
}

static void test_capitals_stand_out(void **state)
{
	(void)state;
	check("IT policy of it", "en", "it polici [of] [it]");
	check("IT IS ALL", "en", "[it] [is] [all]");
}

static void test_cjk_bigrams(void **state)
{
	(void)state;
	check("数据库", "zh", "数据 据库");
	check("茶", "zh", "茶");
	check("使用PDF文件2026年", "zh", "使用 pdf 文件 2026 年");
	check("年假\n天数", "zh", "年假 假天 天数");
	check("年假\n\n天数", "zh", "年假 天数");
	check("什么是年假", "zh", "[什么] [么是] 是年 年假");
	check("東京タワー", "ja", "東京 京タ タワ ワー");
	check("한국어", "ko", "한국 국어");
}

static void test_offsets_and_positions(void **state)
{
	static const char text[] =
		"Rule ISO-27001, caf\xc3\xa9 \xe6\x95\xb0\xe6\x8d\xae\xe5\xba\x93.";
	struct arena a;
	struct terms t;

	(void)state;
	arena_init(&a);
	analyse(&a, text, strlen(text), "en", &t);
	assert_int_equal(t.n, 7);
	assert_string_equal(t.items[2].text, "iso27001");
	assert_int_equal(t.items[1].position, 1);
	assert_int_equal(t.items[2].position, 1);
	assert_int_equal(t.items[3].position, 2);
	assert_int_equal(t.items[2].byte_start, 5);
	assert_int_equal(t.items[2].byte_end, 14);
	assert_int_equal(t.items[4].byte_start, 16);
	assert_int_equal(t.items[4].byte_end, 21);
	assert_true(t.items[5].cjk);
	assert_int_equal(t.items[6].byte_start, 25);
	assert_int_equal(t.items[6].byte_end, 31);
	arena_finish(&a);
}

static void test_thai_is_cut_by_dictionary(void **state)
{
	struct arena a;
	struct terms t;
	const char *text = "นโยบายวันหยุด";

	(void)state;
	arena_init(&a);
	analyse(&a, text, strlen(text), "th", &t);
	assert_true(t.n >= 2);
	arena_finish(&a);
}

/* What fields of any bytes give: terms within bounds, ordered, valid UTF-8, the same for ASCII by
 * the direct walk and by ICU (a no-break space makes ICU walk the field and ends no word
 * otherwise). */
static void test_random_bytes(void **state)
{
	static const char *const pieces[] = {"a", "B", "cD", "7", "1,2", ".", ",", "-", "_", "'",
		" ", "\n", "ß", "é", "数", "据", "\xff", "\xe6\x95", "ー", "\xcc\x81", "@", "s",
		"+", "#", "/", ":", "\xe2\x80\x99", "\xc2\xad", "ก", "👍"};
	unsigned seed = (unsigned)time(NULL);

	(void)state;
	print_message("seed %u\n", seed);
	for (int round = 0; round < 5000; round++) {
		struct arena a;
		struct terms t;
		struct buf b = BUF_INIT;
		int n = rand_r(&seed) % 40;

		arena_init(&a);
		buf_str(&b, "");
		for (int i = 0; i < n; i++) {
			buf_str(&b,
				pieces[(size_t)rand_r(&seed) % (sizeof(pieces) / sizeof(*pieces))]);
		}
		analyse(&a, b.data, b.len, round % 3 == 0 ? "en" : round % 3 == 1 ? "fr" : "", &t);
		for (int i = 0; i < t.n; i++) {
			assert_true(t.items[i].byte_start >= 0);
			assert_true(t.items[i].byte_start < t.items[i].byte_end);
			assert_true((size_t)t.items[i].byte_end <= b.len);
			assert_true(t.items[i].text[0] != '\0');
			assert_true(utf8_valid(t.items[i].text, strlen(t.items[i].text)));
			assert_true(i == 0 || t.items[i].position >= t.items[i - 1].position);
			assert_true(i == 0 || t.items[i].position <= t.items[i - 1].position + 1);
		}
		buf_finish(&b);
		arena_finish(&a);
	}
}

static void test_ascii_and_icu_agree(void **state)
{
	static const char letters[] = "abAB129.,-_'@/:&+#";
	unsigned seed = (unsigned)time(NULL) + 1;

	(void)state;
	print_message("seed %u\n", seed);
	for (int round = 0; round < 20000; round++) {
		struct arena a;
		char word[24], other[32];
		int n = 1 + rand_r(&seed) % 12;

		arena_init(&a);
		for (int i = 0; i < n; i++) {
			word[i] = letters[(size_t)rand_r(&seed) % (sizeof(letters) - 1)];
		}
		word[n] = '\0';
		snprintf(other, sizeof(other), "%s\xc2\xa0", word);
		assert_string_equal(line(&a, word, "en"), line(&a, other, "en"));
		arena_finish(&a);
	}
}

static void test_long_words_are_bounded(void **state)
{
	struct arena a;
	struct terms t;
	char *big = malloc(100001);

	(void)state;
	assert_non_null(big);
	arena_init(&a);
	memset(big, 'x', 100000);
	big[100000] = '\0';
	analyse(&a, big, 100000, "en", &t);
	assert_int_equal(t.n, 1);
	assert_true(strlen(t.items[0].text) <= 64);
	for (int i = 0; i < 100000; i++) {
		big[i] = i % 2 ? 'a' : '7';
	}
	analyse(&a, big, 100000, "en", &t);
	assert_int_equal(t.n, 100000);
	memset(big, '1', 100000);
	analyse(&a, big, 100000, "de", &t);
	assert_int_equal(t.n, 1);
	free(big);
	arena_finish(&a);
}

static void *analyse_thread(void *arg)
{
	struct arena a;

	(void)arg;
	arena_init(&a);
	for (int i = 0; i < 200; i++) {
		(void)line(&a, "Größere Häuser kosten 1.200 €", "de");
		(void)line(&a, "numbers and réglements", "fr");
	}
	arena_finish(&a);
	return NULL;
}

static void test_threads_have_tools_of_their_own(void **state)
{
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, analyse_thread, NULL), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
	}
}

static void language(const char *text, const char *expected)
{
	assert_string_equal(language_detect(text, strlen(text)), expected);
}

static void test_language_detect(void **state)
{
	(void)state;
	language("How many days of annual leave do I get?", "en");
	language("What is the notice period?", "en");
	language("Wie viele Urlaubstage habe ich?", "de");
	language("Wer genehmigt eine Dienstreise?", "de");
	language("Combien de jours de congé avons-nous ?", "fr");
	language("¿Cuántos días de vacaciones tengo?", "es");
	language("Quanti giorni di ferie sono previsti?", "it");
	language("Hoeveel vakantiedagen heb ik?", "nl");
	language("Quantos dias de férias eu tenho?", "pt");
	language("Сколько дней отпуска у меня есть?", "ru");
	language("Hur många semesterdagar har jag?", "sv");
	language("年假有多少天？", "zh");
	language("Otter 300 的保修期是多久？", "zh");
	language("有給休暇は何日ですか", "ja");
	language("연차 휴가는 며칠입니까", "ko");
	language("Скільки днів відпустки", "uk");
	language("Medarbejderne har ret til ferie, og de skal aftale, hvornår den holdes.", "da");
	language("Ansatte har rett til fem uker ferie i året, og de må avtale den.", "no");
	language("Työntekijöillä on oikeus lomaan, ja heidän pitää sopia siitä.", "fi");
	language("A munkavállalóknak évente öt hét szabadság jár, és ezt kell egyeztetni, hogy "
		 "mikor.",
		"hu");
	language("Angajații au dreptul la cinci săptămâni de concediu pe an.", "ro");
	language("Çalışanların yılda beş hafta izin hakkı vardır ve bu bir haktır.", "tr");
	language("Els treballadors tenen dret a cinc setmanes de vacances amb el cap.", "ca");
	language("Karyawan berhak atas lima minggu cuti dalam setahun dan harus sepakat.", "id");
	language("Pracownicy mają prawo do pięciu tygodni urlopu w roku.", "pl");
	language("Zaměstnanci mají nárok na pět týdnů dovolené a musí se dohodnout.", "cs");
	language("يحق للموظفين خمسة أسابيع من الإجازة في السنة", "ar");
	language("Οι εργαζόμενοι έχουν πέντε εβδομάδες άδεια", "el");
	language("कर्मचारियों को पाँच सप्ताह की छुट्टी है", "hi");
	language("Отчёт компании 年 за год", "ru");
	language("dog food", "");
	language("parental leave fan", "");
	language("Otter 300", "");
	language("", "");
	language("1234 5678", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_are_stemmed_by_language),
		cmocka_unit_test(test_apostrophes),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_identifiers_whole_and_in_parts),
		cmocka_unit_test(test_capitals_stand_out),
		cmocka_unit_test(test_cjk_bigrams),
		cmocka_unit_test(test_offsets_and_positions),
		cmocka_unit_test(test_thai_is_cut_by_dictionary),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_ascii_and_icu_agree),
		cmocka_unit_test(test_long_words_are_bounded),
		cmocka_unit_test(test_threads_have_tools_of_their_own),
		cmocka_unit_test(test_language_detect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
