#include "chat/cli/inside.h"

#include <pthread.h>
#include <stdlib.h>

#include "chat/app.h"
#include "index/base/thread.h"

enum state { STARTING, READY, ENDED };

struct inside {
	const struct settings *settings;
	struct zygote *zygote;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum state state;
	struct app *app; /* from READY to ENDED */
	int rc;
	struct err err;
};

static void set_state(struct inside *in, enum state state, struct app *app)
{
	pthread_mutex_lock(&in->lock);
	in->state = state;
	in->app = app;
	pthread_cond_broadcast(&in->changed);
	pthread_mutex_unlock(&in->lock);
}

static void on_ready(struct app *app, void *arg)
{
	set_state(arg, READY, app);
}

static void *serve(void *arg)
{
	struct inside *in = arg;
	struct serve_order order = {
		.settings = in->settings,
		.zygote = in->zygote,
		.only_socket = true,
		.handle_signals = false,
		.on_ready = on_ready,
		.arg = in,
	};

	in->rc = app_serve(&order, &in->err);
	set_state(in, ENDED, NULL);
	return NULL;
}

static int start_thread(struct inside *in, struct err *e)
{
	int rc = thread_start(&in->thread, serve, in);

	return rc == 0 ? 0 : err_sys(e, ERR_INTERNAL, rc, "no thread for the server");
}

static void finish(struct inside *in)
{
	zygote_stop(in->zygote);
	pthread_cond_destroy(&in->changed);
	pthread_mutex_destroy(&in->lock);
	free(in);
}

int inside_start(const struct settings *set, struct inside **out, struct err *e)
{
	struct inside *in = calloc(1, sizeof(*in));
	int rc;

	ASSERT(in != NULL);
	in->settings = set;
	pthread_mutex_init(&in->lock, NULL);
	pthread_cond_init(&in->changed, NULL);
	rc = zygote_start(set, &in->zygote, e);
	if (rc == 0) {
		rc = start_thread(in, e);
	}
	if (rc != 0) {
		finish(in);
		return rc;
	}
	pthread_mutex_lock(&in->lock);
	while (in->state == STARTING) {
		pthread_cond_wait(&in->changed, &in->lock);
	}
	pthread_mutex_unlock(&in->lock);
	if (in->state == ENDED) {
		pthread_join(in->thread, NULL);
		rc = err_set(
			e, in->rc ? in->rc : ERR_INTERNAL, in->err.reason, "%s", in->err.message);
		finish(in);
		return rc;
	}
	*out = in;
	return 0;
}

void inside_stop(struct inside *in)
{
	if (!in) {
		return;
	}
	pthread_mutex_lock(&in->lock);
	if (in->app) {
		app_stop(in->app);
	}
	pthread_mutex_unlock(&in->lock);
	pthread_join(in->thread, NULL);
	finish(in);
}
