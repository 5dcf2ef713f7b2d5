/*
 * The connections of chat/http/ without a server around them: what server.c does for them, on the
 * one loop of a fuzz target. A request that is complete waits in http_submitted until the target
 * answers it; no thread has a part in it, so that the same input walks the same way.
 */
#ifndef TESTS_FUZZ_HTTP_ALONE_H
#define TESTS_FUZZ_HTTP_ALONE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat/http/conn.h"

static struct exchange *http_submitted;
static struct post *http_posted;

void server_post(struct server *s, struct post *p)
{
	(void)s;
	p->next = http_posted;
	http_posted = p;
}

void server_on_loop(struct server *s, void (*fn)(void *arg), void *arg)
{
	(void)s;
	fn(arg);
}

void server_check_closed(struct server *s)
{
	(void)s;
}

const char *server_date(struct server *s)
{
	(void)s;
	return "Thu, 01 Jan 1970 00:00:00 GMT";
}

int auth_identify(struct call *c, struct err *e);
int auth_identify(struct call *c, struct err *e)
{
	(void)c;
	(void)e;
	return 0;
}

/* Linked in place of call.c's, which gives the request to a thread of the pool. */
bool __wrap_exchange_submit(struct exchange *ex);
bool __wrap_exchange_submit(struct exchange *ex)
{
	ex->with_worker = true;
	http_submitted = ex;
	return true;
}

/* Linked in place of index/base/id.c's, which is random. */
struct id __wrap_id_create(const char *prefix);
struct id __wrap_id_create(const char *prefix)
{
	struct id id = {0};

	snprintf(id.s, sizeof(id.s), "%s_00000000000000000000000000", prefix);
	return id;
}

#endif
