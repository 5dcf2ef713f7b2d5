/* The server's life: listeners, the queue to the loop, the coarse clock, and the check of open
 * streams. */
#include "chat/http/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "chat/auth.h"
#include "chat/http/conn.h"
#include "index/base/clock.h"
#include "index/base/log.h"

#define BACKLOG 512
#define CHECK_MS 750 /* so that a refused stream ends within a second */

/* ── the queue to the loop ── */

void server_post(struct server *s, struct post *p)
{
	pthread_mutex_lock(&s->lock);
	p->next = NULL;
	*s->posts_tail = p;
	s->posts_tail = &p->next;
	pthread_mutex_unlock(&s->lock);
	uv_async_send(&s->wake);
}

void server_on_loop(struct server *s, void (*fn)(void *arg), void *arg)
{
	struct post *p = calloc(1, sizeof(*p));

	ASSERT(p != NULL);
	*p = (struct post){.fn = fn, .arg = arg, .owned = true};
	server_post(s, p);
}

static void run_posts(struct server *s)
{
	struct post *p;

	pthread_mutex_lock(&s->lock);
	p = s->posts;
	s->posts = NULL;
	s->posts_tail = &s->posts;
	pthread_mutex_unlock(&s->lock);
	while (p) {
		struct post one = *p;

		if (one.owned) {
			free(p);
		}
		one.fn(one.arg);
		p = one.next;
	}
}

static void on_wake(uv_async_t *wake)
{
	run_posts(wake->data);
}

/* ── open streams are checked ── */

struct check {
	struct credential credential;
	struct id *objects; /* [n_objects] */
	int n_objects;
	bool refused;
};

struct check_item {
	struct pool_item item;
	struct server *server;
	struct check *checks; /* [n_checks] distinct ones */
	int n_checks;
	struct watched {
		uint64_t serial;
		const char *
			request_id; /* of the stream's request: the connection may be at its next */
		char id[ID_SIZE];
		int check;
	} * watched; /* [n_watched] */
	int n_watched;
};

static void check_init(struct check *k, const struct stream *s)
{
	*k = (struct check){.credential = s->credential, .n_objects = 1 + s->n_shows};
	k->objects = calloc((size_t)k->n_objects, sizeof(*k->objects));
	ASSERT(k->objects != NULL);
	k->objects[0] = s->object;
	for (int i = 0; i < s->n_shows; i++) {
		k->objects[1 + i] = s->shows[i];
	}
}

static void check_item_destroy(struct check_item *item)
{
	for (int i = 0; i < item->n_checks; i++) {
		free(item->checks[i].objects);
	}
	free(item->watched);
	free(item->checks);
	free(item);
}

static bool same_check(const struct check *a, const struct stream *s)
{
	const struct credential *cred = &s->credential;

	return a->n_objects == 1 && s->n_shows == 0 && a->credential.carrier == cred->carrier &&
	       id_equal(&a->credential.user, &cred->user) &&
	       id_equal(&a->credential.session, &cred->session) &&
	       id_equal(&a->credential.token, &cred->token) && id_equal(&a->objects[0], &s->object);
}

static void on_checked(void *arg)
{
	struct check_item *item = arg;
	struct server *s = item->server;
	int i = 0;

	/* both in the order of the list, whose serials fall */
	for (struct conn *c = s->conns; c && i < item->n_watched; c = c->next) {
		const struct watched *w;

		while (i < item->n_watched && item->watched[i].serial > c->serial) {
			i++;
		}
		w = &item->watched[i];
		if (i < item->n_watched && w->serial == c->serial && c->state == CONN_STREAM &&
			strcmp(w->id, c->exchange->call.request_id) == 0 &&
			item->checks[w->check].refused) {
			log_info("http.stream_revoked", LT("request", w->id));
			conn_close(c);
		}
	}
	s->checking = false;
	check_item_destroy(item);
}

static void on_check_work(struct pool_item *pool_item)
{
	struct check_item *item = container_of(pool_item, struct check_item, item);
	struct err e = ERR_INIT;
	struct db *db = store_reader(item->server->app->index->store, &e);

	for (int i = 0; db && i < item->n_checks; i++) {
		struct check *k = &item->checks[i];

		k->refused = !auth_still(db, &k->credential, k->objects, k->n_objects);
	}
	store_reader_drop(db);
	server_on_loop(item->server, on_checked, item);
}

static uint64_t hash_on(uint64_t hash, const struct id *id)
{
	for (const char *p = id->s; *p; p++) {
		hash = (hash ^ (unsigned char)*p) * 0x100000001b3; /* FNV-1a */
	}
	return hash;
}

/* The number of the stream's check, a new one if none is the same. slots: [n_slots], a power of
 * two, of numbers + 1. */
static int find_check(struct check_item *item, const struct stream *s, int *slots, uint64_t n_slots)
{
	uint64_t at = hash_on(hash_on(hash_on(hash_on(0xcbf29ce484222325, &s->credential.user),
					      &s->credential.session),
				      &s->credential.token),
		&s->object);

	for (at &= n_slots - 1; slots[at] > 0; at = (at + 1) & (n_slots - 1)) {
		if (same_check(&item->checks[slots[at] - 1], s)) {
			return slots[at] - 1;
		}
	}
	check_init(&item->checks[item->n_checks], s);
	slots[at] = ++item->n_checks;
	return item->n_checks - 1;
}

static struct check_item *collect_checks(struct server *s)
{
	struct check_item *item = calloc(1, sizeof(*item));
	uint64_t n_slots = 16;
	int *slots;

	ASSERT(item != NULL);
	while (n_slots < 2 * (uint64_t)s->n_streams) {
		n_slots *= 2;
	}
	slots = calloc(n_slots, sizeof(*slots));
	ASSERT(slots != NULL);
	item->server = s;
	item->item.work = on_check_work;
	item->checks = calloc((size_t)s->n_streams, sizeof(*item->checks));
	item->watched = calloc((size_t)s->n_streams, sizeof(*item->watched));
	ASSERT(item->checks && item->watched);
	for (struct conn *c = s->conns; c; c = c->next) {
		struct stream *stream = c->state == CONN_STREAM ? c->exchange->stream_out : NULL;

		if (!stream || stream->credential.carrier == CARRIER_NONE) {
			continue;
		}
		item->watched[item->n_watched].serial = c->serial;
		item->watched[item->n_watched].check = find_check(item, stream, slots, n_slots);
		memcpy(item->watched[item->n_watched++].id, c->exchange->call.request_id, ID_SIZE);
	}
	free(slots);
	return item;
}

static void check_streams(struct server *s, int64_t now)
{
	struct check_item *item;

	if (s->checking || s->n_streams == 0 || now - s->checked_ms < CHECK_MS) {
		return;
	}
	s->checked_ms = now;
	item = collect_checks(s);
	s->checking = item->n_watched > 0 && pool_submit(s->app->pool, &item->item);
	if (!s->checking) {
		check_item_destroy(item);
	}
}

/* ── the clock ── */

const char *server_date(struct server *s)
{
	time_t now = time(NULL);

	if (now != s->date_s) {
		struct tm tm;

		s->date_s = now;
		gmtime_r(&now, &tm);
		strftime(s->date, sizeof(s->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	}
	return s->date;
}

static void on_tick(uv_timer_t *timer)
{
	struct server *s = timer->data;
	int64_t now = (int64_t)uv_now(timer->loop);
	struct conn *next;

	for (struct conn *c = s->conns; c; c = next) {
		next = c->next;
		conn_tick(c, now);
	}
	check_streams(s, now);
}

/* ── listening ── */

static void on_connection(uv_stream_t *listener, int status)
{
	struct server *s = listener->data;

	if (status < 0) {
		log_warn("http.accept_failed", LT("error", uv_strerror(status)));
		return;
	}
	conn_open(s, listener);
}

/* "127.0.0.1:8360", "[::1]:8360" or "0.0.0.0:80" */
static int parse_listen(const char *listen, struct sockaddr_storage *out, struct err *e)
{
	const char *colon = strrchr(listen, ':');
	char host[64];
	char *end;
	long port;
	size_t n;

	if (!colon || (size_t)(colon - listen) >= sizeof(host)) {
		return err_set(
			e, ERR_CONFIG, "bad_listen", "listen must be ADDRESS:PORT, not %s", listen);
	}
	n = (size_t)(colon - listen);
	memcpy(host, listen, n);
	host[n] = '\0';
	port = strtol(colon + 1, &end, 10);
	if (end == colon + 1 || *end || port < 0 || port > 65535) {
		return err_set(
			e, ERR_CONFIG, "bad_listen", "the port of listen %s is not one", listen);
	}
	if (host[0] == '[' && n > 2 && host[n - 1] == ']') {
		host[n - 1] = '\0';
		if (uv_ip6_addr(host + 1, (int)port, (struct sockaddr_in6 *)out) == 0) {
			return 0;
		}
	} else if (uv_ip4_addr(strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, (int)port,
			   (struct sockaddr_in *)out) == 0) {
		return 0;
	}
	return err_set(e, ERR_CONFIG, "bad_listen", "the address of listen %s is not a numeric one",
		listen);
}

static void describe_address(struct server *s)
{
	struct sockaddr_storage addr;
	int n = sizeof(addr);
	char ip[64] = "";
	int port;

	ASSERT(uv_tcp_getsockname(&s->tcp, (struct sockaddr *)&addr, &n) == 0);
	uv_ip_name((struct sockaddr *)&addr, ip, sizeof(ip));
	/* the port stands at the same place in both families */
	port = ntohs(((struct sockaddr_in *)&addr)->sin_port);
	snprintf(s->address, sizeof(s->address), addr.ss_family == AF_INET6 ? "[%s]:%d" : "%s:%d",
		ip, port);
}

static int listen_tcp(struct server *s, struct err *e)
{
	const char *listen = s->app->settings->listen;
	struct sockaddr_storage addr;
	int rc = parse_listen(listen, &addr, e);

	if (rc != 0) {
		return rc;
	}
	ASSERT(uv_tcp_init(s->app->loop, &s->tcp) == 0);
	s->tcp.data = s;
	s->has_tcp = true;
	s->n_handles++;
	rc = uv_tcp_bind(&s->tcp, (struct sockaddr *)&addr, 0);
	if (rc == 0) {
		rc = uv_listen((uv_stream_t *)&s->tcp, BACKLOG, on_connection);
	}
	if (rc != 0) {
		return err_set(e, ERR_CONFIG, "cannot_listen",
			"cannot listen on %s: %s; name another address or port with --listen",
			listen, uv_strerror(rc));
	}
	describe_address(s);
	return 0;
}

/* A socket address has 108 bytes: a longer folder is reached through its open descriptor. */
static int socket_address(
	const struct server *s, struct sockaddr_un *out, int *dir_fd, struct err *e)
{
	const char *data = s->app->settings->data;

	memset(out, 0, sizeof(*out));
	out->sun_family = AF_UNIX;
	*dir_fd = -1;
	if (strlen(s->socket_path) < sizeof(out->sun_path)) {
		memcpy(out->sun_path, s->socket_path, strlen(s->socket_path) + 1);
		return 0;
	}
	*dir_fd = open(data, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*dir_fd < 0) {
		return err_sys(e, ERR_IO, errno, "cannot open folder %s", data);
	}
	snprintf(out->sun_path, sizeof(out->sun_path), "/proc/self/fd/%d/carrel.sock", *dir_fd);
	return 0;
}

/* The data folder's lock is ours, so a socket that is there was left by a dead process. */
static int bind_socket(struct server *s, int *fd, struct err *e)
{
	struct sockaddr_un addr;
	int dir_fd;
	int rc = socket_address(s, &addr, &dir_fd, e);
	mode_t before;

	if (rc != 0) {
		return rc;
	}
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	unlink(s->socket_path);
	before = umask(0177);
	if (*fd < 0 || bind(*fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
		rc = err_sys(e, ERR_IO, errno, "cannot make the socket %s", s->socket_path);
	}
	umask(before);
	if (dir_fd >= 0) {
		close(dir_fd);
	}
	return rc;
}

static int listen_unix(struct server *s, struct err *e)
{
	int fd = -1;
	int rc;

	snprintf(s->socket_path, sizeof(s->socket_path), "%s/carrel.sock", s->app->settings->data);
	rc = bind_socket(s, &fd, e);
	if (rc != 0) {
		s->socket_path[0] = '\0';
		if (fd >= 0) {
			close(fd);
		}
		return rc;
	}
	ASSERT(uv_pipe_init(s->app->loop, &s->pipe, 0) == 0);
	s->pipe.data = s;
	s->has_pipe = true;
	s->n_handles++;
	rc = uv_pipe_open(&s->pipe, fd);
	if (rc == 0) {
		rc = uv_listen((uv_stream_t *)&s->pipe, BACKLOG, on_connection);
	}
	if (rc != 0) {
		return err_set(e, ERR_IO, "cannot_listen", "cannot listen on %s: %s",
			s->socket_path, uv_strerror(rc));
	}
	return 0;
}

/* ── life ── */

static void on_handle_closed(uv_handle_t *handle)
{
	struct server *s = handle->data;

	s->n_handles--;
	server_check_closed(s);
}

static void close_listeners(struct server *s)
{
	if (s->has_tcp) {
		s->has_tcp = false;
		uv_close((uv_handle_t *)&s->tcp, on_handle_closed);
	}
	if (s->has_pipe) {
		s->has_pipe = false;
		uv_close((uv_handle_t *)&s->pipe, on_handle_closed);
	}
	if (s->socket_path[0]) {
		unlink(s->socket_path);
		s->socket_path[0] = '\0';
	}
}

int server_create(struct app *app, bool only_socket, struct server **out, struct err *e)
{
	struct server *s = calloc(1, sizeof(*s));
	int rc;

	ASSERT(s != NULL);
	s->app = app;
	s->posts_tail = &s->posts;
	pthread_mutex_init(&s->lock, NULL);
	ASSERT(uv_async_init(app->loop, &s->wake, on_wake) == 0);
	ASSERT(uv_timer_init(app->loop, &s->tick) == 0);
	s->wake.data = s;
	s->tick.data = s;
	s->n_handles = 2;
	ASSERT(uv_timer_start(&s->tick, on_tick, TICK_MS, TICK_MS) == 0);
	rc = listen_unix(s, e);
	if (rc == 0 && !only_socket) {
		rc = listen_tcp(s, e);
	}
	if (rc != 0) {
		server_destroy(s);
		return rc;
	}
	*out = s;
	return 0;
}

const char *server_address(const struct server *s)
{
	return s->address;
}

void server_check_closed(struct server *s)
{
	/* wake and tick stay until server_destroy */
	if (s->stopping && !s->told && s->n_conns == 0 && s->n_exchanges == 0 &&
		s->n_handles <= 2) {
		s->told = true;
		if (s->on_closed) {
			s->on_closed(s->on_closed_arg);
		}
	}
}

void server_stop(struct server *s, void (*on_closed)(void *arg), void *arg)
{
	s->stopping = true;
	s->on_closed = on_closed;
	s->on_closed_arg = arg;
	close_listeners(s);
	for (struct conn *c = s->conns; c; c = c->next) {
		if ((c->state == CONN_HEAD && !c->head_begun) || c->state == CONN_LINGER) {
			conn_close(c);
		}
	}
	server_check_closed(s);
}

void server_abort(struct server *s)
{
	for (struct conn *c = s->conns; c; c = c->next) {
		conn_close(c);
	}
}

void server_destroy(struct server *s)
{
	if (!s) {
		return;
	}
	s->told = true;
	s->stopping = true;
	close_listeners(s);
	server_abort(s);
	while (s->n_conns > 0 || s->n_handles > 2) {
		uv_run(s->app->loop, UV_RUN_ONCE);
	}
	while (s->posts) {
		run_posts(s);
	}
	uv_close((uv_handle_t *)&s->tick, on_handle_closed);
	uv_close((uv_handle_t *)&s->wake, on_handle_closed);
	while (s->n_handles > 0) {
		uv_run(s->app->loop, UV_RUN_ONCE);
	}
	ASSERT(s->n_exchanges == 0 && s->n_streams == 0);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

struct server_counts server_count(const struct server *s)
{
	return (struct server_counts){
		.requests = atomic_load(&s->n_requests),
		.connections = atomic_load(&s->n_conns),
		.streams = atomic_load(&s->n_streams),
		.refused = atomic_load(&s->n_refused),
	};
}
