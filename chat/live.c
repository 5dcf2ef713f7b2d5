#include "chat/live.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "chat/model.h"
#include "chat/run.h"
#include "index/base/fs.h"
#include "index/base/log.h"

struct version {
	struct settings settings;
	struct version *older;
};

struct live {
	struct app *app;
	pthread_mutex_t lock; /* one change at a time */
	const struct settings *_Atomic configured;
	struct version *versions;
};

/* A copy that lives until the end. */
static struct settings *version_of(struct live *l, const struct settings *from)
{
	struct version *v = malloc(sizeof(*v));

	ASSERT(v != NULL);
	settings_copy(&v->settings, from);
	v->older = l->versions;
	l->versions = v;
	return &v->settings;
}

struct live *live_create(struct app *app)
{
	struct live *l = calloc(1, sizeof(*l));

	ASSERT(l != NULL);
	l->app = app;
	pthread_mutex_init(&l->lock, NULL);
	l->configured = version_of(l, app->settings);
	return l;
}

void live_destroy(struct live *l)
{
	if (!l) {
		return;
	}
	while (l->versions) {
		struct version *v = l->versions;

		l->versions = v->older;
		settings_finish(&v->settings);
		free(v);
	}
	pthread_mutex_destroy(&l->lock);
	free(l);
}

const struct settings *live_configured(const struct live *l)
{
	return l->configured;
}

static int write_file(
	const char *data, const char *const *names, const char *const *values, int n, struct err *e)
{
	char path[PATH_MAX];
	struct buf old = BUF_INIT;
	struct buf text = BUF_INIT;
	int rc = 0;

	snprintf(path, sizeof(path), "%s/carrel.ini", data);
	if (fs_exists(path)) {
		rc = fs_read(path, SETTINGS_INI_BYTES_MAX, &old, e);
	}
	if (rc == 0) {
		rc = settings_rewrite_ini(&old, names, values, n, &text, e);
	}
	if (rc == 0) {
		rc = fs_replace(path, text.len ? text.data : "", text.len, e);
	}
	buf_finish(&text);
	buf_finish(&old);
	return rc;
}

static void enforce(struct live *l, const struct settings *configured)
{
	struct settings *next = version_of(l, l->app->settings);

	settings_take_live(next, configured);
	l->app->settings = next;
	if (l->app->runs) {
		models_use(runs_models(l->app->runs), next);
	}
	log_level_set((enum log_level)log_level_parse(next->log_level));
}

int live_change(
	struct live *l, const char *const *names, const char *const *values, int n, struct err *e)
{
	struct settings next;
	int rc = 0;

	ASSERT(n <= LIVE_CHANGES_MAX);
	pthread_mutex_lock(&l->lock);
	settings_copy(&next, l->configured);
	for (int i = 0; rc == 0 && i < n; i++) {
		rc = settings_put(&next, names[i], values[i], e);
	}
	if (rc == 0) {
		rc = write_file(next.data, names, values, n, e);
	}
	if (rc == 0) {
		l->configured = version_of(l, &next);
		enforce(l, &next);
	}
	pthread_mutex_unlock(&l->lock);
	settings_finish(&next);
	return rc;
}
