/* What trying out says without a server; tests/flow/27 has one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "chat/probe.h"

static void test_same_server(void **state)
{
	(void)state;
	assert_true(probe_same_server("http://a:1/v1", "http://a:1/v2/"));
	assert_true(probe_same_server("http://a", "HTTP://A/v1"));
	assert_false(probe_same_server("http://a:1/v1", "http://a:2/v1"));
	assert_false(probe_same_server("http://a/v1", "https://a/v1"));
	assert_false(probe_same_server("http://a/v1", "http://a.evil/v1"));
	assert_false(probe_same_server("http://a/v1", "http://a@evil/v1"));
	assert_false(probe_same_server("http://a?x", "http://ab"));
	assert_false(probe_same_server("", ""));
	assert_false(probe_same_server("http://a/v1", ""));
}

static void test_without_a_server(void **state)
{
	struct settings s;
	struct probe p;

	(void)state;
	settings_init(&s);
	probe_model(&s, &p);
	assert_false(p.ok);
	assert_non_null(strstr(p.message, "not set"));
	probe_embedder(&s, &p);
	assert_true(p.ok);
	/* port 1 is nobody's; the sentence holds no key */
	assert_int_equal(settings_set(&s, "model-url", "http://127.0.0.1:1/v1", "test", NULL), 0);
	assert_int_equal(settings_set(&s, "model-key", "sk-secret", "test", NULL), 0);
	probe_model(&s, &p);
	assert_false(p.ok);
	assert_non_null(strstr(p.message, "Nothing answers at model-url"));
	assert_null(strstr(p.message, "sk-secret"));
	assert_int_equal(settings_set(&s, "model-url", "http://", "test", NULL), ERR_INVALID);
	settings_finish(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_server),
		cmocka_unit_test(test_without_a_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
