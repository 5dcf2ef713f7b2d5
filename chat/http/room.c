/* Room for the bodies that are kept whole until they are complete (BODY_JSON): conn.h. */
#include "chat/http/conn.h"

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

bool room_take(struct conn *c)
{
	struct server *s = c->server;

	if (!s->room_first && give(c->exchange)) {
		return true;
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
}

/* In the order in which they came: a large one is not passed by those that would fit. */
static void on_room(void *arg)
{
	struct server *s = arg;
	struct conn *c;

	s->room_told = false;
	while ((c = s->room_first) && give(c->exchange)) {
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
