#include "chat/model_curl.h"

#include <stddef.h>
#include <stdlib.h>

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

struct socket {
	uv_poll_t poll;
	curl_socket_t fd;
	struct model_curl *of;
};

static void on_handle_closed(struct model_curl *m)
{
	if (--m->n_handles == 0 && m->closing) {
		m->on_closed(m->arg);
	}
}

static void on_timer_closed(uv_handle_t *h)
{
	on_handle_closed(container_of((uv_timer_t *)h, struct model_curl, timer));
}

/* ── sockets ── */

static void on_socket_closed(uv_handle_t *h)
{
	struct socket *s = container_of((uv_poll_t *)h, struct socket, poll);
	struct model_curl *m = s->of;

	free(s);
	on_handle_closed(m);
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
	struct socket *s = container_of(poll, struct socket, poll);
	struct model_curl *m = s->of;
	int flags = status < 0 ? CURL_CSELECT_ERR : 0;
	int running;

	flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
	flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
	curl_multi_socket_action(m->multi, s->fd, flags, &running);
	m->on_worked(m->arg);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
	struct model_curl *m = arg;
	struct socket *s = of_socket;
	int events =
		(what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (s) {
			curl_multi_assign(m->multi, fd, NULL);
			uv_poll_stop(&s->poll);
			uv_close((uv_handle_t *)&s->poll, on_socket_closed);
		}
		return 0;
	}
	if (!s) {
		s = calloc(1, sizeof(*s));
		ASSERT(s != NULL);
		s->fd = fd;
		s->of = m;
		if (uv_poll_init_socket(m->loop, &s->poll, fd) != 0) {
			free(s);
			return -1;
		}
		m->n_handles++;
		curl_multi_assign(m->multi, fd, s);
	}
	uv_poll_start(&s->poll, events, on_socket);
	return 0;
}

/* ── time ── */

static void on_timer(uv_timer_t *t)
{
	struct model_curl *m = container_of(t, struct model_curl, timer);
	int running;

	curl_multi_socket_action(m->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	m->on_worked(m->arg);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct model_curl *m = arg;

	(void)multi;
	if (timeout_ms < 0) {
		uv_timer_stop(&m->timer);
	} else if (!uv_is_closing((uv_handle_t *)&m->timer)) {
		uv_timer_start(&m->timer, on_timer, (uint64_t)timeout_ms, 0);
	}
	return 0;
}

/* ── life ── */

int model_curl_init(struct model_curl *m, uv_loop_t *loop, void (*on_worked)(void *arg), void *arg,
	struct err *e)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
	*m = (struct model_curl){.loop = loop, .on_worked = on_worked, .arg = arg};
	m->multi = curl_multi_init();
	if (!m->multi) {
		return err_set(e, ERR_INTERNAL, "curl", "libcurl does not start");
	}
	curl_multi_setopt(m->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(m->multi, CURLMOPT_SOCKETDATA, m);
	curl_multi_setopt(m->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(m->multi, CURLMOPT_TIMERDATA, m);
	uv_timer_init(loop, &m->timer);
	m->n_handles = 1;
	return 0;
}

void model_curl_close(struct model_curl *m, void (*on_closed)(void *arg))
{
	m->closing = true;
	m->on_closed = on_closed;
	uv_timer_stop(&m->timer);
	uv_close((uv_handle_t *)&m->timer, on_timer_closed);
}

void model_curl_finish(struct model_curl *m)
{
	curl_multi_cleanup(m->multi);
	m->multi = NULL;
}
