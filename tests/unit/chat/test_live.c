/* Settings that are swapped under readers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chat/live.h"
#include "index/base/fs.h"

struct fixture {
	char dir[64];
	struct settings started;
	struct app app;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/carrel-live-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	settings_init(&f->started);
	assert_int_equal(settings_set(&f->started, "data", f->dir, "--data", NULL), 0);
	f->app.settings = &f->started;
	f->app.live = live_create(&f->app);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	live_destroy(f->app.live);
	settings_finish(&f->started);
	fs_remove_tree(f->dir);
	free(f);
	return 0;
}

static int change(struct fixture *f, const char *name, const char *value)
{
	return live_change(f->app.live, &name, &value, 1, NULL);
}

static void test_live_ones_are_in_force(void **state)
{
	struct fixture *f = *state;
	const struct settings *former = f->app.settings;

	assert_int_equal(change(f, "model-name", "m"), 0);
	assert_int_equal(change(f, "http-workers", "9"), 0);
	assert_string_equal(f->app.settings->model_name, "m");
	assert_int_equal(f->app.settings->http_workers, 4);
	assert_int_equal(live_configured(f->app.live)->http_workers, 9);
	assert_string_equal(former->model_name, "default"); /* who holds it goes on with it */
}

static void test_a_failed_change_is_none(void **state)
{
	struct fixture *f = *state;
	const char *const names[] = {"model-name", "answer-tokens"};
	const char *const values[] = {"m", "1"};
	const struct settings *former = f->app.settings;
	char path[100];

	assert_int_equal(live_change(f->app.live, names, values, 2, NULL), ERR_INVALID);
	assert_ptr_equal(f->app.settings, former);
	snprintf(path, sizeof(path), "%s/carrel.ini", f->dir);
	assert_false(fs_exists(path));
	/* nor where the file cannot be written */
	fs_remove_tree(f->dir);
	assert_true(change(f, "model-name", "m") < 0);
	assert_ptr_equal(f->app.settings, former);
	assert_string_equal(live_configured(f->app.live)->model_name, "default");
}

static void *changer(void *arg)
{
	for (int i = 0; i < 20; i++) {
		assert_int_equal(change(arg, "model-name", i % 2 ? "one" : "two"), 0);
	}
	return NULL;
}

static void test_readers_need_no_lock(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[2];

	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, changer, f), 0);
	}
	for (int i = 0; i < 20000; i++) {
		const struct settings *s = f->app.settings;

		assert_true(strlen(s->model_name) == 3 || s == &f->started ||
			    strcmp(s->model_name, "default") == 0);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_live_ones_are_in_force),
		T(test_a_failed_change_is_none),
		T(test_readers_need_no_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
