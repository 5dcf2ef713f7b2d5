/* chat/cli/args: every way an option can be given, or given wrongly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "chat/cli/args.h"

static const struct option own[] = {{"collection", "NAME", ""}, {"deep", NULL, ""},
	{"embedder", "NAME", ""}, {NULL, NULL, NULL}};
static const struct option everybodys[] = {
	{"json", NULL, ""}, {"as", "USER", ""}, {NULL, NULL, NULL}};

struct fixture {
	struct arena arena;
	struct settings settings;
	struct args args;
	struct err e;
};

static int parse(struct fixture *f, int argc, const char *const *argv)
{
	memset(f, 0, sizeof(*f));
	arena_init(&f->arena);
	settings_init(&f->settings);
	f->args.lists[0] = own;
	f->args.lists[1] = everybodys;
	return args_parse(&f->args, &f->settings, &f->arena, argc, argv, &f->e);
}

static void finish(struct fixture *f)
{
	settings_finish(&f->settings);
	arena_finish(&f->arena);
}

#define PARSE(f, ...)                                                                              \
	parse((f), (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)),                  \
		(const char *[]){__VA_ARGS__})

static void options_stand_anywhere(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(
		PARSE(&f, "--json", "one", "--collection", "hr", "two", "--as=ada", "--deep"), 0);
	assert_int_equal(f.args.n_words, 2);
	assert_string_equal(f.args.words[0], "one");
	assert_string_equal(f.args.words[1], "two");
	assert_string_equal(args_value(&f.args, "collection"), "hr");
	assert_string_equal(args_value(&f.args, "as"), "ada");
	assert_true(args_has(&f.args, "json"));
	assert_true(args_has(&f.args, "deep"));
	finish(&f);
}

static void two_dashes_end_them(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(PARSE(&f, "-", "--", "--json", "-x"), 0);
	assert_int_equal(f.args.n_words, 3);
	assert_string_equal(f.args.words[0], "-");
	assert_string_equal(f.args.words[1], "--json");
	assert_false(args_has(&f.args, "json"));
	finish(&f);
}

static void an_empty_value_is_a_value(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(PARSE(&f, "--collection="), 0);
	assert_string_equal(args_value(&f.args, "collection"), "");
	assert_null(args_value(&f.args, "as"));
	finish(&f);
}

static void settings_are_set(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(PARSE(&f, "--data", "/x", "--http-workers=7", "word"), 0);
	assert_string_equal(f.settings.data, "/x");
	assert_int_equal(f.settings.http_workers, 7);
	assert_int_equal(f.args.n_words, 1);
	finish(&f);
}

static void an_own_option_hides_the_setting_of_its_name(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(PARSE(&f, "--embedder", "openai"), 0);
	assert_string_equal(args_value(&f.args, "embedder"), "openai");
	assert_string_equal(f.settings.embedder, "builtin");
	finish(&f);
}

static void wrong_ones_say_what_was_meant(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(PARSE(&f, "--colection", "x"), ERR_INVALID);
	assert_non_null(strstr(f.e.message, "--collection"));
	finish(&f);
	assert_int_equal(PARSE(&f, "--lisetn=x"), ERR_INVALID);
	assert_non_null(strstr(f.e.message, "--listen"));
	finish(&f);
	assert_int_equal(PARSE(&f, "--zzzzzzzzzz"), ERR_INVALID);
	assert_null(strstr(f.e.message, "is it"));
	finish(&f);
	assert_int_equal(PARSE(&f, "-x"), ERR_INVALID);
	finish(&f);
	assert_int_equal(PARSE(&f, "--collection"), ERR_INVALID);
	finish(&f);
	assert_int_equal(PARSE(&f, "--json=yes"), ERR_INVALID);
	finish(&f);
	assert_int_equal(PARSE(&f, "--http-workers", "0"), ERR_INVALID);
	assert_non_null(strstr(f.e.message, "1 to 64"));
	finish(&f);
}

static void numbers_have_a_range(void **state)
{
	static const char *const bad[] = {"", "x", "9x", "11", "-1", "99999999999999999999"};
	struct fixture f;
	int64_t n;

	(void)state;
	assert_int_equal(PARSE(&f, "--collection", "10"), 0);
	assert_int_equal(args_number(&f.args, "collection", 0, 10, 5, &n, &f.e), 0);
	assert_int_equal(n, 10);
	assert_int_equal(args_number(&f.args, "as", 0, 10, 5, &n, &f.e), 0);
	assert_int_equal(n, 5);
	finish(&f);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(PARSE(&f, "--collection", bad[i]), 0);
		assert_int_equal(
			args_number(&f.args, "collection", 0, 10, 5, &n, &f.e), ERR_INVALID);
		finish(&f);
	}
}

static void the_nearest_name_is_near(void **state)
{
	static const char *const names[] = {"search", "serve", "ask", "ingest"};

	(void)state;
	assert_string_equal(nearest_name("serch", names, 4), "search");
	assert_string_equal(nearest_name("sevre", names, 4), "serve");
	assert_string_equal(nearest_name("igest", names, 4), "ingest");
	assert_null(nearest_name("zebra", names, 4));
	assert_null(nearest_name("", names, 4));
	assert_null(
		nearest_name("a very long word that is longer than every name can be", names, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_stand_anywhere),
		cmocka_unit_test(two_dashes_end_them),
		cmocka_unit_test(an_empty_value_is_a_value),
		cmocka_unit_test(settings_are_set),
		cmocka_unit_test(an_own_option_hides_the_setting_of_its_name),
		cmocka_unit_test(wrong_ones_say_what_was_meant),
		cmocka_unit_test(numbers_have_a_range),
		cmocka_unit_test(the_nearest_name_is_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
