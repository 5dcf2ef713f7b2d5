/* Error values: the table, the first error stands, what the system says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "index/base/err.h"
#include "index/base/utf8.h"

static void test_table(void **state)
{
	(void)state;
	assert_string_equal(err_name(ERR_INVALID), "ERR_INVALID");
	assert_string_equal(err_type(ERR_NOT_FOUND), "not_found");
	assert_int_equal(err_http(ERR_TOO_LARGE), 413);
	assert_int_equal(err_exit(ERR_NOT_FOUND), 9);
	assert_int_equal(err_exit(0), 0);
	assert_string_equal(err_name(-999), "ERR_UNKNOWN");
	assert_string_equal(err_type(-999), "internal");
	assert_int_equal(err_http(1), 500);
	assert_int_equal(err_exit(-999), 8);
}

static void test_codes_differ(void **state)
{
	static const int codes[] = {
#define X(name, value, type, http, exit) value,
		ERR_MAP(X)
#undef X
	};

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		assert_true(codes[i] < 0);
		for (size_t j = 0; j < i; j++) {
			assert_int_not_equal(codes[i], codes[j]);
		}
	}
}

static void test_first_error_stands(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(&e, ERR_INVALID, "first", "number %d", 1), ERR_INVALID);
	assert_int_equal(err_set(&e, ERR_IO, "second", "number %d", 2), ERR_IO);
	assert_int_equal(err_sys(&e, ERR_IO, ENOENT, "third"), ERR_IO);
	assert_int_equal(e.code, ERR_INVALID);
	assert_string_equal(e.reason, "first");
	assert_string_equal(e.message, "number 1");
	assert_int_equal(err_replace(&e, ERR_IO, "outer", "around: %s", e.message), ERR_IO);
	assert_string_equal(e.message, "around: number 1");
	err_clear(&e);
	assert_int_equal(e.code, 0);
	assert_string_equal(e.message, "");
}

/* A message goes into JSON, which takes no half characters. */
static void test_messages_are_text(void **state)
{
	struct err e = ERR_INIT;
	char longer[1024];

	(void)state;
	err_set(&e, ERR_INVALID, "r", "The field %.4s is not known.", "abc\xc3\xa9");
	assert_string_equal(e.message, "The field abc? is not known.");
	err_replace(&e, ERR_INVALID, "r", "%s", "\xff\xfe is no text, \xc3\xa9 is");
	assert_string_equal(e.message, "?? is no text, \xc3\xa9 is");
	for (size_t i = 0; i < 3; i++) { /* cut by the message's own size, at each byte */
		memset(longer, 'x', sizeof(longer));
		longer[sizeof(longer) - 1] = '\0';
		memcpy(longer + sizeof(e.message) - 4 + i, "\xe4\xb8\xad", 3);
		err_replace(&e, ERR_INVALID, "r", "%s", longer);
		assert_true(utf8_valid(e.message, strlen(e.message)));
		assert_int_equal(strlen(e.message), sizeof(e.message) - (i == 0 ? 1 : 4 - i));
	}
}

static void test_nobody_cares(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, ERR_IO, "r", "x"), ERR_IO);
	assert_int_equal(err_replace(NULL, ERR_IO, "r", "x"), ERR_IO);
	assert_int_equal(err_sys(NULL, ERR_IO, ENOSPC, "x"), ERR_NO_SPACE);
	err_clear(NULL);
}

static void test_system_errors(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(err_sys(&e, ERR_IO, ENOENT, "cannot open %s", "x"), ERR_IO);
	assert_string_equal(e.message, "cannot open x: No such file or directory");
	err_clear(&e);
	assert_int_equal(err_sys(&e, ERR_IO, EDQUOT, "cannot write"), ERR_NO_SPACE);
	assert_int_equal(e.code, ERR_NO_SPACE);
	assert_string_equal(e.reason, "no_space");
}

static void test_long_texts_are_cut(void **state)
{
	struct err e = ERR_INIT;
	char text[2000];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&e, ERR_IO, text, "%s", text);
	assert_int_equal(strlen(e.reason), sizeof(e.reason) - 1);
	assert_int_equal(strlen(e.message), sizeof(e.message) - 1);
	err_clear(&e);
	err_sys(&e, ERR_IO, EIO, "%s", text);
	assert_non_null(strstr(e.message, strerror(EIO)));
}

static void test_code_of_what_gave_null(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(err_code(NULL), ERR_INTERNAL);
	assert_int_equal(err_code(&e), ERR_INTERNAL);
	err_set(&e, ERR_CORRUPT, "damaged", "it is damaged");
	assert_int_equal(err_code(&e), ERR_CORRUPT);
}

static void test_assert_ends_the_process(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	ASSERT(1 + 1 == 2);
	pid = fork();
	if (pid == 0) {
		struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		close(STDERR_FILENO);
		ASSERT(1 + 1 == 3);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_codes_differ),
		cmocka_unit_test(test_first_error_stands),
		cmocka_unit_test(test_messages_are_text),
		cmocka_unit_test(test_nobody_cares),
		cmocka_unit_test(test_system_errors),
		cmocka_unit_test(test_long_texts_are_cut),
		cmocka_unit_test(test_code_of_what_gave_null),
		cmocka_unit_test(test_assert_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
