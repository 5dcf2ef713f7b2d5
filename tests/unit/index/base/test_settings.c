/* Settings from all four sources: which wins, and what each says when it is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/base/fs.h"
#include "index/base/log.h"
#include "index/base/settings.h"

extern char **environ;

static char dir[256];
static struct settings s;
static struct err e;

static int set_up(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(dir, sizeof(dir), "%s/carrel-settings-XXXXXX", tmp ? tmp : "/tmp");
	for (char **var = environ; *var;) {
		char name[128];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(*var, "="), *var);
		strncmp(name, "CARREL_", 7) == 0 ? (void)unsetenv(name) : (void)var++;
	}
	settings_init(&s);
	err_clear(&e);
	return mkdtemp(dir) ? setenv("CARREL_DATA", dir, 1) : -1;
}

static int tear_down(void **state)
{
	(void)state;
	settings_finish(&s);
	fs_remove_tree(dir);
	return 0;
}

static void write_ini(const char *text)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/carrel.ini", dir);
	assert_int_equal(fs_replace(path, text, strlen(text), NULL), 0);
}

static void expect_bad_ini(const char *text, const char *says)
{
	err_clear(&e);
	write_ini(text);
	assert_int_equal(settings_load(&s, &e), ERR_INVALID);
	if (!strstr(e.message, says) || !strstr(e.message, "carrel.ini")) {
		fail_msg("\"%s\" does not say \"%s\"", e.message, says);
	}
}

static void test_defaults(void **state)
{
	(void)state;
	assert_string_equal(s.data, "data");
	assert_int_equal(s.http_workers, 4);
	assert_string_equal(s.model_url, "");
	assert_string_equal(s.embedder, "builtin");
	assert_int_equal(settings_load(&s, &e), 0); /* without an ini */
	assert_string_equal(s.data, dir);
	assert_true(settings_known("model-url"));
	assert_false(settings_known("model_url"));
	assert_false(settings_known(""));
}

static void test_the_later_source_wins(void **state)
{
	(void)state;
	write_ini(
		"# ours\nhttp-workers = 5\n  http-idle-ms=2000 ; two seconds\nmodel-name = ini\r\n"
		"model-key = from ini\n");
	setenv("CARREL_HTTP_WORKERS", "6", 1);
	setenv("CARREL_MODEL_NAME", "environment", 1);
	assert_int_equal(settings_load(&s, &e), 0);
	assert_int_equal(s.http_workers, 6);
	assert_int_equal(s.http_idle_ms, 2000);
	assert_string_equal(s.model_name, "environment");
	assert_string_equal(s.model_key, "from ini");
	assert_int_equal(settings_set(&s, "http-workers", "9", "--http-workers", &e), 0);
	assert_int_equal(s.http_workers, 9);
}

static void test_flags_first_say_where_the_ini_is(void **state)
{
	(void)state;
	write_ini("http-workers = 5\nmodel-name = ini\n");
	setenv("CARREL_DATA", "/nowhere", 1);
	setenv("CARREL_HTTP_WORKERS", "6", 1);
	assert_int_equal(settings_set(&s, "data", dir, "--data", &e), 0);
	assert_int_equal(settings_set(&s, "http-workers", "9", "--http-workers", &e), 0);
	assert_int_equal(settings_load(&s, &e), 0);
	assert_string_equal(s.data, dir);
	assert_string_equal(s.model_name, "ini");
	assert_int_equal(s.http_workers, 9);
}

static void test_text_is_utf8(void **state)
{
	char path[] = "/tmp/caf\xe9";

	(void)state;
	expect_bad_ini("model-name = caf\xe9\n", "model-name must be UTF-8 text");
	err_clear(&e);
	assert_int_equal(settings_set(&s, "model-key", "\xff", "test", &e), ERR_INVALID);
	assert_null(strstr(e.message, "\xff"));
	assert_int_equal(settings_set(&s, "model-name", "caf\xc3\xa9", "test", NULL), 0);
	assert_int_equal(settings_set(&s, "data", path, "test", NULL), 0);
}

static void test_bad_flags(void **state)
{
	(void)state;
	assert_int_equal(settings_set(&s, "http-workers", "65", "--http-workers", &e), ERR_INVALID);
	assert_string_equal(e.message, "http-workers must be a whole number from 1 to 64, not "
				       "\"65\" (from --http-workers)");
	err_clear(&e);
	assert_int_equal(
		settings_set(&s, "http-workers", "four", "--http-workers", &e), ERR_INVALID);
	assert_int_equal(s.http_workers, 4);
}

static void test_bad_environment(void **state)
{
	(void)state;
	setenv("CARREL_UPLOAD_MAX_MB", "0", 1);
	assert_int_equal(settings_load(&s, &e), ERR_INVALID);
	assert_non_null(strstr(e.message, "upload-max-mb"));
	assert_non_null(strstr(e.message, "1 to 1048576"));
	assert_non_null(strstr(e.message, "CARREL_UPLOAD_MAX_MB"));
}

static void test_unknown_variable_is_no_error(void **state)
{
	(void)state;
	log_level_set(LOG_ERROR);
	setenv("CARREL_SOMETHING", "1", 1);
	assert_int_equal(settings_load(&s, &e), 0);
	log_level_set(LOG_INFO);
}

static void test_bad_ini(void **state)
{
	char line[400];

	(void)state;
	expect_bad_ini("http-worker = 5\n", "http-worker is no setting");
	expect_bad_ini("http-workers = 0\n", "from 1 to 64");
	expect_bad_ini("http-workers = \n", "from 1 to 64");
	expect_bad_ini("http-workers = 5x\n", "\"5x\"");
	expect_bad_ini("[http]\nhttp-workers = 5\n", "[http]");
	expect_bad_ini("model-name = x\nnonsense\n", "line 2");
	expect_bad_ini("data = elsewhere\n", "--data");
	expect_bad_ini("log-level = loud\n", "debug, info, warn or error");
	snprintf(line, sizeof(line), "model-name = x\nmodel-key = %0300d\n", 7);
	expect_bad_ini(line, "line 2 is longer");
	snprintf(line, sizeof(line), "# %0300d\nmodel-name = fine\n", 7);
	write_ini(line);
	assert_int_equal(settings_load(&s, NULL), 0);
	assert_string_equal(s.model_name, "fine");
}

static void expect_bad(const char *name, const char *value)
{
	err_clear(&e);
	assert_int_equal(settings_set(&s, name, value, "the test", &e), ERR_INVALID);
	assert_non_null(strstr(e.message, name));
	assert_non_null(strstr(e.message, "the test"));
}

static void test_values(void **state)
{
	(void)state;
	expect_bad("no-such", "1");
	expect_bad("listen", "8360");
	expect_bad("listen", "127.0.0.1:99999");
	expect_bad("listen", ":80");
	expect_bad("data", "");
	expect_bad("embedder", "magic");
	expect_bad("model-url", "ftp://x");
	expect_bad("model-url", "http://");
	expect_bad("http-workers", "99999999999999999999");
	expect_bad("http-workers", " 5");
	expect_bad("http-workers", "+5");
	expect_bad("http-workers", "");
	assert_int_equal(settings_set(&s, "listen", "[::1]:0", "t", NULL), 0);
	assert_int_equal(settings_set(&s, "http-workers", "1", "t", NULL), 0);
	assert_int_equal(settings_set(&s, "http-workers", "64", "t", NULL), 0);
	assert_int_equal(s.http_workers, 64);
	assert_int_equal(settings_set(&s, "model-url", "", "t", NULL), 0);
}

static int n_rows;

static void on_row(
	void *arg, const char *name, const char *value, const char *def, const char *help)
{
	n_rows++;
	assert_true(settings_known(name));
	assert_non_null(def);
	assert_true(strlen(help) > 5);
	assert_null(strstr(value, "geheim"));
	if (strcmp(name, "model-key") == 0) {
		assert_string_equal(value, "set");
	}
	if (strcmp(name, "embed-key") == 0) {
		assert_string_equal(value, "");
	}
	if (strcmp(name, "http-workers") == 0) {
		assert_string_equal(value, "4");
		assert_string_equal(def, "4");
	}
	(void)arg;
}

static void test_shown_without_secrets(void **state)
{
	struct buf help = BUF_INIT;
	int n_lines = 0;

	(void)state;
	assert_int_equal(settings_set(&s, "model-key", "geheim", "t", NULL), 0);
	n_rows = 0;
	settings_each(&s, on_row, NULL);
	settings_help(&help);
	for (const char *c = help.data; *c; c++) {
		n_lines += *c == '\n';
	}
	assert_int_equal(n_lines, n_rows);
	assert_int_equal(n_rows, sizeof(s.strength));
	assert_non_null(strstr(help.data, "--http-workers"));
	assert_non_null(strstr(help.data, "(4; 1 to 64)"));
	buf_finish(&help);
}

static void expect_rewritten(const char *old, const char *name, const char *value, const char *want)
{
	struct buf before = BUF_INIT, after = BUF_INIT;

	buf_str(&before, old);
	err_clear(&e);
	assert_int_equal(settings_rewrite_ini(&before, &name, &value, 1, &after, &e), 0);
	assert_string_equal(after.len ? after.data : "", want);
	buf_finish(&before);
	buf_finish(&after);
}

static void test_the_file_keeps_what_is_not_changed(void **state)
{
	static const char file[] = "# ours\n\n  answer-tokens : 500\nlisten=0.0.0.0:80\n"
				   "; model-url = http://a\nanswer-tokens = 600";

	(void)state;
	expect_rewritten("", "model-url", "http://m/v1", "model-url = http://m/v1\n");
	expect_rewritten("", "model-url", NULL, "");
	expect_rewritten(file, "answer-tokens", "700",
		"# ours\n\nanswer-tokens = 700\nlisten=0.0.0.0:80\n; model-url = http://a\n");
	expect_rewritten(file, "answer-tokens", NULL,
		"# ours\n\nlisten=0.0.0.0:80\n; model-url = http://a\n");
	expect_rewritten("listen=0.0.0.0:80\r\n", "model-name", "x y",
		"listen=0.0.0.0:80\r\nmodel-name = x y\n");
	expect_rewritten("model-key = a\n", "model-key", "", "model-key = \n");
}

static void test_what_the_file_cannot_hold(void **state)
{
	static const char *const bad[] = {"a\nlisten = 1:1", "a\rb", " a", "a ", "a ;b"};
	static const char *const name = "model-key";
	char long_value[400];
	const char *value = long_value;
	struct buf old = BUF_INIT;

	(void)state;
	memset(long_value, 'x', sizeof(long_value) - 1);
	long_value[sizeof(long_value) - 1] = '\0';
	for (size_t i = 0; i <= sizeof(bad) / sizeof(bad[0]); i++) {
		struct buf out = BUF_INIT;

		err_clear(&e);
		value = i < sizeof(bad) / sizeof(bad[0]) ? bad[i] : long_value;
		assert_int_equal(
			settings_rewrite_ini(&old, &name, &value, 1, &out, &e), ERR_INVALID);
		assert_null(strstr(e.message, "xxxx"));
		buf_finish(&out);
	}
}

static void test_put(void **state)
{
	struct settings copy, other;

	(void)state;
	assert_int_equal(settings_set(&s, "listen", "127.0.0.1:1", "--listen", &e), 0);
	settings_copy(&copy, &s);
	assert_int_equal(settings_put(&copy, "model-name", "m", &e), 0);
	assert_int_equal(settings_put(&copy, "model-retries", "5", &e), 0);
	assert_string_equal(s.model_name, "default");
	assert_string_equal(copy.model_name, "m");
	assert_false(settings_same(&s, &copy, "model-name"));
	assert_true(settings_same(&s, &copy, "listen"));
	assert_int_equal(settings_put(&copy, "listen", "127.0.0.1:2", &e), ERR_CONFLICT);
	assert_string_equal(e.reason, "fixed_setting");
	assert_non_null(strstr(e.message, "--listen"));
	assert_string_equal(copy.listen, "127.0.0.1:1");
	assert_int_equal(settings_put(&copy, "data", "/", NULL), ERR_INVALID);
	assert_int_equal(settings_put(&copy, "nonsense", "1", NULL), ERR_INVALID);
	assert_int_equal(settings_put(&copy, "model-retries", "11", NULL), ERR_INVALID);
	assert_int_equal(copy.model_retries, 5);
	/* in force: the live ones alone */
	assert_int_equal(settings_put(&copy, "http-workers", "9", &e), 0);
	settings_copy(&other, &s);
	settings_take_live(&other, &copy);
	assert_int_equal(other.model_retries, 5);
	assert_int_equal(other.http_workers, 4);
	assert_int_equal(settings_put(&copy, "model-retries", NULL, &e), 0);
	assert_int_equal(copy.model_retries, 2);
	settings_finish(&copy);
	settings_finish(&other);
}

static void on_view(void *arg, const struct setting_view *v)
{
	int *n_live = arg;

	*n_live += v->live;
	assert_true(!v->secret || strcmp(v->value, "set") == 0 || v->value[0] == '\0');
	if (strcmp(v->name, "model-key") == 0) {
		assert_true(v->secret && strcmp(v->value, "set") == 0);
		assert_string_equal(v->source, "file");
	} else if (strcmp(v->name, "http-workers") == 0) {
		assert_true(!v->live && v->min == 1 && v->max == 64);
		assert_string_equal(v->type, "number");
	} else if (strcmp(v->name, "embedder") == 0) {
		assert_string_equal(v->type, "choice");
	}
}

static void test_viewed(void **state)
{
	int n_live = 0;

	(void)state;
	assert_int_equal(settings_put(&s, "model-key", "sk-secret", &e), 0);
	settings_view(&s, on_view, &n_live);
	/* each name of the list of live ones is a setting */
	assert_int_equal(n_live, 27);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_defaults),
		T(test_the_later_source_wins),
		T(test_flags_first_say_where_the_ini_is),
		T(test_text_is_utf8),
		T(test_bad_flags),
		T(test_bad_environment),
		T(test_unknown_variable_is_no_error),
		T(test_bad_ini),
		T(test_values),
		T(test_shown_without_secrets),
		T(test_the_file_keeps_what_is_not_changed),
		T(test_what_the_file_cannot_hold),
		T(test_put),
		T(test_viewed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
