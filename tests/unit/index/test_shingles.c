/* Which runs of three words a text shares with others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "index/shingles.h"

static void meet(struct shingles *s, const char *text, uint64_t source)
{
	shingles_meet(s, text, strlen(text), source);
}

static void test_unmet_until_each_is_met(void **state)
{
	static const char text[] = "The head of department signs.";
	struct shingles *s = shingles_create(text, strlen(text));

	(void)state;
	assert_int_equal(shingles_unmet(s), 3);
	meet(s, "the head of department", 1); /* 'the' is not 'The' */
	assert_int_equal(shingles_unmet(s), 2);
	meet(s, "the head of department", 2);
	assert_int_equal(shingles_unmet(s), 2);
	meet(s, "The head\n  of nobody; of department, signs", 1);
	assert_int_equal(shingles_unmet(s), 0);
	shingles_destroy(s);
}

static void test_short_texts_have_none(void **state)
{
	static const char *const texts[] = {"", "one", "one two", " ,;. ", "\xe0", "\xc3"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct shingles *s = shingles_create(texts[i], strlen(texts[i]));

		meet(s, texts[i], 1);
		assert_int_equal(shingles_unmet(s), 0);
		shingles_destroy(s);
	}
}

/* What is kept of a text: as NUL ends a run there, '|' does here. */
static void expect_shared(const char *text, const char *a, const char *b, const char *expected)
{
	size_t n = strlen(text);
	struct shingles *s = shingles_create(text, n);
	struct buf out = BUF_INIT;

	meet(s, a, 7);
	meet(s, a, 7); /* again is not another */
	meet(s, b, 8);
	shingles_shared(s, text, n, &out);
	for (size_t i = 0; i < out.len; i++) {
		out.data[i] = out.data[i] ? out.data[i] : '|';
	}
	buf_char(&out, '\0');
	assert_string_equal(out.data, expected);
	buf_finish(&out);
	shingles_destroy(s);
}

static void test_only_what_two_have_is_shared(void **state)
{
	(void)state;
	expect_shared("a b c d e f", "a b c d e f", "x", "");
	expect_shared("a b c d e f", "a b c d e f", "a b c d e f", "a b c d e f|");
	expect_shared("a b c d e f", "a b c d e f", "x b c d y", "b c d|");
	/* B C D is in none of the two, so it is in no run. */
	expect_shared("a b c d e f", "a b c, c d e f", "a b c, c d e f", "a b c|c d e f|");
	expect_shared("secret a b c, d (e) hidden x y z", "a b c d e, x y z", "a b c d e! x y z",
		"a b c, d (e|x y z|");
	/* Characters of three bytes are words; those of two bytes letters. */
	expect_shared("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x81\xae",
		"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
		"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e|");
	expect_shared("f\xc3\xbcr alle da", "f\xc3\xbcr alle da", "f r alle da", "");
}

static void test_none_goes_over_nul(void **state)
{
	static const char text[] = "a b c\0d e f";
	struct shingles *s = shingles_create(text, sizeof(text) - 1);
	struct buf out = BUF_INIT;

	(void)state;
	assert_int_equal(shingles_unmet(s), 2);
	meet(s, "a b c d e f", 1);
	meet(s, "a b c d e f", 2);
	shingles_shared(s, text, sizeof(text) - 1, &out);
	assert_int_equal(out.len, sizeof(text));
	assert_memory_equal(out.data, text, sizeof(text));
	buf_finish(&out);
	shingles_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unmet_until_each_is_met),
		cmocka_unit_test(test_short_texts_have_none),
		cmocka_unit_test(test_only_what_two_have_is_shared),
		cmocka_unit_test(test_none_goes_over_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
