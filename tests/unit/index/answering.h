/* A server of a few lines on loopback: a thread a connection, one request each; what it answers is
 * the test's to say. */
#ifndef TESTS_ANSWERING_H
#define TESTS_ANSWERING_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "index/base/buf.h"

#define ANSWERING_MAX 4096 /* connections in all */

struct answering {
	int fd, port;
	pthread_t thread;
	/* Writes the whole HTTP answer; nothing: the connection ends; "stall": none until the
	 * client leaves. Called on the connection's thread. */
	void (*answer)(void *arg, int nth, const char *head, const char *body, struct buf *out);
	void *arg;
	int packet; /* bytes a send; 0: all at once */
	atomic_int n_requests, n_open, most_open;
	pthread_t threads[ANSWERING_MAX];
	int n_threads;
};

struct answering_connection {
	struct answering *of;
	int fd;
};

static inline void answering_send(const struct answering *s, int fd, const char *p, size_t n)
{
	while (n > 0) {
		size_t part = s->packet && (size_t)s->packet < n ? (size_t)s->packet : n;

		if (send(fd, p, part, MSG_NOSIGNAL) < 0) {
			return;
		}
		p += part;
		n -= part;
	}
}

/* Reads one request; its body is in `in` from *at on. */
static inline bool answering_read(int fd, struct buf *in, size_t *at)
{
	char *end = NULL, *length;
	size_t want = 0;

	while (!end || in->len < want) {
		char part[4096];
		ssize_t got = recv(fd, part, sizeof(part), 0);

		if (got <= 0) {
			return false;
		}
		buf_add(in, part, (size_t)got);
		end = strstr(in->data, "\r\n\r\n");
		length = strcasestr(in->data, "Content-Length:");
		if (end && length) {
			*at = (size_t)(end - in->data) + 4;
			want = *at + strtoul(length + 15, NULL, 10);
		}
	}
	return true;
}

static inline void *answering_one(void *arg)
{
	struct answering_connection *c = arg;
	struct answering *s = c->of;
	struct buf in = BUF_INIT, out = BUF_INIT;
	size_t at = 0;
	int open = atomic_fetch_add(&s->n_open, 1) + 1, most = atomic_load(&s->most_open);

	while (open > most && !atomic_compare_exchange_weak(&s->most_open, &most, open)) {
	}
	if (answering_read(c->fd, &in, &at)) {
		char ch;

		in.data[at - 1] = 0; /* the head ends here */
		s->answer(s->arg, atomic_fetch_add(&s->n_requests, 1), in.data, in.data + at, &out);
		if (out.len && strcmp(out.data, "stall") == 0) {
			while (recv(c->fd, &ch, 1, 0) > 0) {
			}
		} else if (out.len) {
			answering_send(s, c->fd, out.data, out.len);
		}
	}
	atomic_fetch_sub(&s->n_open, 1);
	shutdown(c->fd, SHUT_RDWR);
	close(c->fd);
	buf_finish(&in);
	buf_finish(&out);
	free(c);
	return NULL;
}

static inline void *answering_serve(void *arg)
{
	struct answering *s = arg;
	int fd;

	while (s->n_threads < ANSWERING_MAX && (fd = accept(s->fd, NULL, NULL)) >= 0) {
		struct answering_connection *c = malloc(sizeof(*c));

		*c = (struct answering_connection){s, fd};
		if (pthread_create(&s->threads[s->n_threads++], NULL, answering_one, c) != 0) {
			abort();
		}
	}
	return NULL;
}

static inline void answering_start(struct answering *s)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t size = sizeof(a);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(s->fd, (struct sockaddr *)&a, sizeof(a)) || listen(s->fd, 64) ||
		getsockname(s->fd, (struct sockaddr *)&a, &size) ||
		pthread_create(&s->thread, NULL, answering_serve, s)) {
		abort();
	}
	s->port = ntohs(a.sin_port);
}

static inline void answering_end(struct answering *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	for (int i = 0; i < s->n_threads; i++) {
		pthread_join(s->threads[i], NULL);
	}
	close(s->fd);
}

/* An answer of a JSON text. */
static inline void answering_json(struct buf *out, const char *status, const char *json)
{
	buf_printf(out,
		"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		status, strlen(json), json);
}

#endif
