/* Room for the bodies that are kept whole until they are complete (BODY_JSON): conn.h. */
#include "chat/http/conn.h"

#include <string.h>

#define SHARE_MAX (BODIES_MAX / 4 * 3) /* of one address */

static int64_t needed(const struct exchange *ex)
{
	return ex->has_length ? (int64_t)ex->length : ex->body_max;
}

static bool give(struct exchange *ex)
{
	struct server *s = ex->server;

	if (s->room_given + needed(ex) > BODIES_MAX) {
		return false;
	}
	ex->room = needed(ex);
	s->room_given += ex->room;
	if (ex->has_length) {
		buf_reserve(&ex->body, (size_t)ex->room - ex->body.len);
	}
	return true;
}

/* Whether it leaves others their quarter; who has nothing may have all, as the largest body does.
 */
static bool in_its_share(const struct conn *c)
{
	int64_t held = 0;

	for (const struct conn *o = c->server->conns; o; o = o->next) {
		if (o->exchange && o->exchange->room > 0 && strcmp(o->peer, c->peer) == 0) {
			held += o->exchange->room;
		}
	}
	return held == 0 || held + needed(c->exchange) <= SHARE_MAX;
}

/* In the order in which they came, but for those of an address that has its share: a large one is
 * not passed by those that would fit. */
static struct conn *next_in_turn(const struct server *s)
{
	const char *sated = "";

	for (struct conn *c = s->room_first; c; c = c->room_next) {
		if (strcmp(c->peer, sated) != 0) {
			if (in_its_share(c)) {
				return c;
			}
			sated = c->peer;
		}
	}
	return NULL;
}

bool room_take(struct conn *c)
{
	struct server *s = c->server;

	c->waits_for_room = true;
	c->room_prev = s->room_last;
	c->room_next = NULL;
	*(s->room_last ? &s->room_last->room_next : &s->room_first) = c;
	s->room_last = c;
	if (next_in_turn(s) != c || !give(c->exchange)) {
		return false;
	}
	room_leave(c);
	return true;
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
}

static void on_room(void *arg)
{
	struct server *s = arg;
	struct conn *c;

	s->room_told = false;
	while ((c = next_in_turn(s)) && give(c->exchange)) {
		room_leave(c);
		c->body_paused = false;
		c->since_ms = (int64_t)uv_now(s->app->loop);
		conn_resume(c);
	}
}

/* Those who wait are looked at in a turn of their own, not from inside the end of another's
 * request.
 */
void room_give_back(struct exchange *ex)
{
	struct server *s = ex->server;

	if (ex->room == 0) {
		return;
	}
	s->room_given -= ex->room;
	ex->room = 0;
	if (s->room_first && !s->room_told) {
		s->room_told = true;
		server_on_loop(s, on_room, s);
	}
}
