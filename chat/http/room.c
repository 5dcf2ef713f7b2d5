/* Room for the bodies that are kept whole until they are complete (BODY_JSON): conn.h. */
#include "chat/http/conn.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/err.h"

#define SHARE_MAX (BODIES_MAX / 4 * 3) /* of one address */

static int64_t needed(const struct exchange *ex)
{
	return ex->has_length ? (int64_t)ex->length : ex->body_max;
}

/* ── what each address has of it ── */

/* In server->room_holders (tsearch), while it has any. */
struct holder {
	char peer[sizeof(((struct conn *)0)->peer)];
	int64_t held; /* bytes */
};

static int by_peer(const void *a, const void *b)
{
	return strcmp(((const struct holder *)a)->peer, ((const struct holder *)b)->peer);
}

static struct holder *holder_of(const struct exchange *ex)
{
	struct holder key;
	struct holder **at;

	snprintf(key.peer, sizeof(key.peer), "%s", ex->call.peer);
	at = tfind(&key, &ex->server->room_holders, by_peer);
	return at ? *at : NULL;
}

static void hold(struct exchange *ex)
{
	struct holder *h = holder_of(ex);

	if (!h) {
		h = calloc(1, sizeof(*h));
		ASSERT(h != NULL);
		snprintf(h->peer, sizeof(h->peer), "%s", ex->call.peer);
		ASSERT(tsearch(h, &ex->server->room_holders, by_peer) != NULL);
	}
	h->held += ex->room;
	ex->server->room_given += ex->room;
}

static void let_go(struct exchange *ex)
{
	struct holder *h = holder_of(ex);

	ex->server->room_given -= ex->room;
	h->held -= ex->room;
	if (h->held == 0) {
		tdelete(h, &ex->server->room_holders, by_peer);
		free(h);
	}
	ex->room = 0;
}

/* Whether it leaves others their quarter; who has nothing may have all, as the largest body does.
 */
static bool in_its_share(const struct exchange *ex)
{
	const struct holder *h = holder_of(ex);

	return !h || h->held + needed(ex) <= SHARE_MAX;
}

static bool give(struct exchange *ex)
{
	if (ex->server->room_given + needed(ex) > BODIES_MAX) {
		return false;
	}
	ex->room = needed(ex);
	hold(ex);
	if (ex->has_length) {
		buf_reserve(&ex->body, (size_t)ex->room - ex->body.len);
	}
	return true;
}

/* ── those who wait ──
 * They get room in the order in which they came, but for those of an address that has its share: a
 * large one is not passed by those that would fit. room_turn is the first that is in its share, for
 * which there is no room yet; without one, all that wait are of addresses that have theirs. */

static void on_room(void *arg)
{
	struct server *s = arg;
	struct conn *next;

	s->room_told = false;
	s->room_turn = NULL;
	for (struct conn *c = s->room_first; c && !s->room_turn; c = next) {
		next = c->room_next;
		if (!in_its_share(c->exchange)) {
			continue;
		}
		if (!give(c->exchange)) {
			s->room_turn = c;
			continue;
		}
		room_leave(c);
		c->body_paused = false;
		c->since_ms = (int64_t)uv_now(s->app->loop);
		conn_resume(c);
	}
}

/* Those who wait are looked at in a turn of their own, not from inside the end of another's
 * request. */
static void tell(struct server *s)
{
	if (s->room_first && !s->room_told) {
		s->room_told = true;
		server_on_loop(s, on_room, s);
	}
}

bool room_take(struct conn *c)
{
	struct server *s = c->server;

	if (!s->room_turn && !s->room_told && in_its_share(c->exchange)) {
		if (give(c->exchange)) {
			return true;
		}
		s->room_turn = c;
	}
	c->waits_for_room = true;
	c->room_prev = s->room_last;
	c->room_next = NULL;
	*(s->room_last ? &s->room_last->room_next : &s->room_first) = c;
	s->room_last = c;
	return false;
}

void room_leave(struct conn *c)
{
	struct server *s = c->server;

	if (!c->waits_for_room) {
		return;
	}
	c->waits_for_room = false;
	*(c->room_prev ? &c->room_prev->room_next : &s->room_first) = c->room_next;
	*(c->room_next ? &c->room_next->room_prev : &s->room_last) = c->room_prev;
	if (s->room_turn == c) {
		s->room_turn = NULL;
		tell(s);
	}
}

void room_give_back(struct exchange *ex)
{
	if (ex->room > 0) {
		let_go(ex);
		tell(ex->server);
	}
}
