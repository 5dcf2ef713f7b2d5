/* Runs whose end the disk did not take: shown as failed, their rows still open (chat/run.h). */
#include <stddef.h>
#include <stdlib.h>

#include "chat/run_private.h"
#include "index/base/log.h"

#define AGAIN_MS 1000

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

struct unstored {
	struct runs *runs;
	struct id run;
	int64_t last_seq;
	uv_timer_t timer;
	struct tx tx;
	bool in_flight, stopped;
	struct unstored *next;
};

static void on_timer_closed(uv_handle_t *h)
{
	struct unstored *u = container_of((uv_timer_t *)h, struct unstored, timer);
	struct runs *r = u->runs;
	struct unstored **at = &r->unstored;

	while (*at != u) {
		at = &(*at)->next;
	}
	*at = u->next;
	free(u);
	runs_check_stopped(r);
}

static void on_again(uv_timer_t *t);

static void on_tried(void *arg)
{
	struct unstored *u = arg;

	u->in_flight = false;
	if (u->tx.rc == 0) {
		log_info("run.given_up", LT("run", u->run.s));
	}
	if (u->tx.rc == 0 || u->stopped) {
		uv_close((uv_handle_t *)&u->timer, on_timer_closed);
	} else {
		uv_timer_start(&u->timer, on_again, AGAIN_MS, 0);
	}
}

static int on_give_up(struct db *db, void *arg, struct err *e)
{
	struct unstored *u = arg;

	return run_give_up(db, &u->run, u->last_seq, e);
}

static void on_done(struct tx *tx)
{
	struct unstored *u = container_of(tx, struct unstored, tx);

	server_on_loop(u->runs->app->server, on_tried, u);
}

static void on_again(uv_timer_t *t)
{
	struct unstored *u = container_of(t, struct unstored, timer);

	u->in_flight = true;
	u->tx = (struct tx){.fn = on_give_up, .arg = u, .on_done = on_done};
	store_submit(u->runs->app->index->store, &u->tx);
}

void run_unstored(struct runs *r, const struct id *run, int64_t last_seq)
{
	struct unstored *u = calloc(1, sizeof(*u));

	ASSERT(u != NULL);
	u->runs = r;
	u->run = *run;
	u->last_seq = last_seq;
	u->stopped = r->stopping;
	u->next = r->unstored;
	r->unstored = u;
	uv_timer_init(r->app->loop, &u->timer);
	uv_timer_start(&u->timer, on_again, AGAIN_MS, 0);
}

void runs_unstored_stop(struct runs *r)
{
	for (struct unstored *u = r->unstored; u; u = u->next) {
		if (!u->stopped && !u->in_flight) {
			uv_close((uv_handle_t *)&u->timer, on_timer_closed);
		}
		u->stopped = true;
	}
}
