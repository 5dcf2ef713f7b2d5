/* What number formats make of numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the four above */
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "ingest/number_format.h"

static void assert_number(const char *code, double value, const char *wanted)
{
	struct number_format f;
	struct buf out = BUF_INIT;

	number_format_compile(code, &f);
	number_format_add(&f, value, false, &out);
	if (strcmp(out.data ? out.data : "", wanted) != 0) {
		print_error("%s of %.17g\n", code, value);
	}
	assert_string_equal(out.data ? out.data : "", wanted);
	buf_finish(&out);
}

static void test_numbers(void **state)
{
	(void)state;
	assert_number("General", 1234.5, "1234.5");
	assert_number("General", 0.1 + 0.2, "0.3");
	assert_number("General", -3, "-3");
	assert_number("", 7, "7");
	assert_number("0", 2.6, "3");
	assert_number("#,##0.00", 1234567.891, "1234567.89");
	assert_number("0.##", 1.5, "1.5");
	assert_number("0.##", 2, "2");
	assert_number("00000", 815, "00815");
	assert_number("0%", 0.125, "13%");
	assert_number("0.0%", 0.125, "12.5%");
	assert_number("#,##0,\"k\"", 12500, "13k");
	assert_number("0.0\\ \"kg\"", 12.34, "12.3 kg");
	assert_number("0.00E+00", 12345, "1.23E+04");
	assert_number("# ?/?", 0.5, "0.5");
	assert_number("000-00-0000", 123456789, "123456789");
}

static void test_currencies(void **state)
{
	(void)state;
	assert_number("[$€-407] #,##0.00", 12.5, "€ 12.50");
	assert_number("#,##0.00\\ [$€-1]", 1234.5, "1234.50 €");
	assert_number("\"$\"#,##0_);[Red](\"$\"#,##0)", -12, "-$12");
	assert_number(
		"_-* #,##0.00\\ _€_-;\\-* #,##0.00\\ _€_-;_-* \"-\"??\\ _€_-", -3.5, "-3.50 ");
	assert_number("_($* #,##0_);_($* (#,##0);_($* \"-\"_);_(@_)", 0, "$-");
}

static void test_dates(void **state)
{
	struct number_format f;
	struct buf out = BUF_INIT;

	(void)state;
	assert_number("yyyy\\-mm\\-dd", 45000, "2023-03-15");
	assert_number("m/d/yy h:mm", 45000.75, "2023-03-15 18:00");
	assert_number("dd/mm/yyyy hh:mm:ss", 45000.999999, "2023-03-16 00:00:00");
	assert_number("h:mm AM/PM", 0.5, "12:00");
	assert_number("mm:ss", 0.000694444444, "00:01:00");
	assert_number("[h]:mm:ss", 1.5, "36:00:00");
	assert_number("mmm-yy", 45000, "2023-03");
	assert_number("yyyy", 45000, "2023");
	assert_number("[$-409]d\\-mmm\\-yyyy;@", 1, "1900-01-01");
	assert_number("d.m.yyyy", 59, "1900-02-28");
	assert_number("d.m.yyyy", 61, "1900-03-01");
	assert_number("yyyy\"年\"m\"月\"d\"日\"", 45000, "2023-03-15");
	assert_number("d.m.yyyy", -5, "-5");
	assert_number("d.m.yyyy", 1e12, "1000000000000");
	number_format_compile("yyyy-mm-dd", &f);
	number_format_add(&f, 43538, true, &out);
	assert_string_equal(out.data, "2023-03-15");
	buf_finish(&out);
}

static void test_odd_codes(void **state)
{
	static const char *const CODES[] = {"\"", "[", "\\", "_", "*", ";", ";;;;;;", "[$", "%%%%",
		"0.000000000000000000000000000000000000000", ",,,,", "E+", "0E+", "\xff\xfe", "@@",
		"[h", "AM/", "General General", "y", "0;;;",
		"?"
		"?/?"
		"?"};
	struct number_format f;

	(void)state;
	for (size_t i = 0; i < sizeof(CODES) / sizeof(CODES[0]); i++) {
		static const double VALUES[] = {0, -1, 1.5, 1e300, -1e300, 1e-300, NAN, INFINITY};

		number_format_compile(CODES[i], &f);
		for (size_t k = 0; k < sizeof(VALUES) / sizeof(VALUES[0]); k++) {
			struct buf out = BUF_INIT;

			number_format_add(&f, VALUES[k], false, &out);
			assert_true(out.len < 500);
			buf_finish(&out);
		}
	}
	number_format_compile(";;;", &f);
	assert_true(f.hides);
	number_format_compile("0;;", &f);
	assert_false(f.hides);
	assert_string_equal(number_format_builtin(14), "yyyy-mm-dd");
	assert_string_equal(number_format_builtin(-1), "General");
	assert_string_equal(number_format_builtin(99999), "General");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_currencies),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_odd_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
