/*
 * A language model of fixed behaviour for `make bench`: upstream KIND TOKENS GAP_US FIRST_US GATE.
 * Answers every POST with a stream of TOKENS chat.completion.chunk events, each a chunk and a
 * packet of its own: the first FIRST_US after the request was read (or after the GATE-th request
 * had come), the others every GAP_US on a fixed time-table; 0: as fast as the connection takes
 * them. Says its port on stdout.
 *
 *   KIND words   words of an ordinary text
 *        time    " @NS": when it was sent, CLOCK_MONOTONIC
 *        first   " @SENT-READ": the same, and when the request had been read
 *        tag     " TAG.I": the request's own tag and the token's number. The tag stands in
 *                the question as "(the of the …)", 14 bits, most significant first, "of" is 1:
 *                words that no search looks for
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define CONNS_MAX 4096
#define REQUEST_MAX ((size_t)1 << 20)
#define TAG_BITS 14
#define TURN_MAX 64 /* tokens of one connection before the others have their turn */

struct conn {
	int fd; /* -1: free */
	char *in;
	size_t n_in;
	bool streaming;
	int sent;	  /* tokens; all of them: the end as well */
	int64_t read_ns;  /* when the request had come */
	int64_t begun_ns; /* when its first token is due; INT64_MAX: at the gate */
	char out[1024];	  /* what the connection did not take */
	size_t n_out, n_gone;
	char tag[16];
};

static struct conn conns[CONNS_MAX];
static const char *kind;
static int n_tokens, gate, n_asked;
static int64_t gap_ns, first_ns;
static int poller, timer;
static int n_high; /* conns[n_high …) were never used */

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void watch(struct conn *c, bool writable, int op)
{
	struct epoll_event ev = {.events = EPOLLIN | (writable ? EPOLLOUT : 0), .data.ptr = c};

	if (epoll_ctl(poller, op, c->fd, &ev) != 0) {
		die("epoll_ctl");
	}
}

static void hang_up(struct conn *c)
{
	close(c->fd);
	free(c->in);
	*c = (struct conn){.fd = -1};
}

/* ── what is said ── */

static int token_text(const struct conn *c, char *out, size_t n_out)
{
	static const char *const words[] = {"The", " board", " of", " the", " company", " met",
		" in", " March", " and", " approved", " the", " budget", " for", " travel", " of",
		" all", " departments", ".", " It", " also"};
	int64_t now = now_ns();

	if (strcmp(kind, "time") == 0) {
		return snprintf(out, n_out, " @%" PRId64, now);
	}
	if (strcmp(kind, "first") == 0) {
		return snprintf(out, n_out, " @%" PRId64 "-%" PRId64, now, c->read_ns);
	}
	if (strcmp(kind, "tag") == 0) {
		return snprintf(out, n_out, " %s.%d", c->tag, c->sent);
	}
	return snprintf(out, n_out, "%s", words[c->sent % (int)(sizeof(words) / sizeof(words[0]))]);
}

/* As OpenAI's servers write it: 200 bytes around a token. */
static void next_packet(struct conn *c)
{
	char text[96], event[512];
	int n;

	token_text(c, text, sizeof(text));
	n = snprintf(event, sizeof(event),
		"data: {\"id\":\"chatcmpl-BenchBenchBenchBenchBenchBen\",\"object\":"
		"\"chat.completion.chunk\",\"created\":1780000000,\"model\":\"bench\",\"choices\":"
		"[{\"index\":0,\"delta\":{\"content\":\"%s\"},\"logprobs\":null,"
		"\"finish_reason\":null}]}\n\n",
		text);
	c->n_gone = 0;
	c->n_out = (size_t)snprintf(c->out, sizeof(c->out), "%x\r\n%s\r\n", (unsigned)n, event);
	if (++c->sent == n_tokens) {
		c->n_out += (size_t)snprintf(c->out + c->n_out, sizeof(c->out) - c->n_out,
			"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
	}
}

/* false: the connection takes no more now, or is gone. */
static bool push(struct conn *c)
{
	while (c->n_gone < c->n_out) {
		ssize_t n = send(c->fd, c->out + c->n_gone, c->n_out - c->n_gone, MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			watch(c, true, EPOLL_CTL_MOD);
			return false;
		}
		if (n < 0) {
			hang_up(c);
			return false;
		}
		c->n_gone += (size_t)n;
	}
	return true;
}

/* What is due by now; when the next is, INT64_MAX if nothing is or the connection is full. */
static int64_t speak(struct conn *c, int64_t now)
{
	for (int i = 0; c->streaming; i++) {
		int64_t due = c->begun_ns;

		if (c->n_gone < c->n_out) {
			return INT64_MAX; /* told when it takes more */
		}
		if (c->sent == n_tokens) {
			c->streaming = false;
			return INT64_MAX;
		}
		due += due == INT64_MAX ? 0 : c->sent * gap_ns;
		if (due > now || i == TURN_MAX) {
			return due;
		}
		next_packet(c);
		push(c);
	}
	return INT64_MAX;
}

/* ── what is asked ── */

static void answer(struct conn *c)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n";

	c->read_ns = now_ns();
	c->sent = 0;
	c->streaming = true;
	c->n_in = 0;
	c->begun_ns = ++n_asked > gate ? c->read_ns + first_ns : INT64_MAX;
	if (n_asked == gate) {
		int64_t begin = c->read_ns + first_ns;

		for (int i = 0; i < n_high; i++) {
			if (conns[i].fd >= 0 && conns[i].streaming) {
				conns[i].begun_ns = begin;
				/* not all of them in the same moment */
				begin += gap_ns / (gate > 0 ? gate : 1);
			}
		}
	}
	c->n_out = sizeof(head) - 1;
	c->n_gone = 0;
	memcpy(c->out, head, c->n_out);
	push(c);
}

/* The last of them: a question may be repeated in what is said before it. */
static void find_tag(struct conn *c)
{
	for (const char *p = c->in; (p = strchr(p, '(')); p++) {
		const char *w = p + 1;
		unsigned tag = 0;
		int n = 0;

		while (n < TAG_BITS && (strncmp(w, "the", 3) == 0 || strncmp(w, "of", 2) == 0)) {
			tag = tag * 2 + (*w == 'o');
			w += *w == 'o' ? 2 : 3;
			w += *w == ' ' ? 1 : 0;
			n++;
		}
		if (n == TAG_BITS && *w == ')') {
			snprintf(c->tag, sizeof(c->tag), "tag%05u", tag);
		}
	}
}

static void on_bytes(struct conn *c)
{
	ssize_t n;
	char *end, *length;

	if (!c->in && !(c->in = malloc(REQUEST_MAX + 1))) {
		die("malloc");
	}
	n = recv(c->fd, c->in + c->n_in, REQUEST_MAX - c->n_in, 0);
	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		hang_up(c);
		return;
	}
	c->n_in += n > 0 ? (size_t)n : 0;
	c->in[c->n_in] = '\0';
	end = strstr(c->in, "\r\n\r\n");
	length = strcasestr(c->in, "content-length:");
	if (!end ||
		(length && c->n_in < (size_t)(end + 4 - c->in) + strtoul(length + 15, NULL, 10))) {
		return;
	}
	find_tag(c);
	answer(c);
}

static void on_connection(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int one = 1, i = 0;

	while (i < CONNS_MAX && conns[i].fd >= 0) {
		i++;
	}
	if (fd < 0 || i == CONNS_MAX) {
		die("accept");
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	conns[i] = (struct conn){.fd = fd};
	n_high = i >= n_high ? i + 1 : n_high;
	watch(&conns[i], false, EPOLL_CTL_ADD);
}

static void serve(int listener)
{
	struct epoll_event events[256];

	for (;;) {
		int64_t next = INT64_MAX, now = now_ns();
		int n;

		for (int i = 0; i < n_high; i++) {
			int64_t due = conns[i].fd >= 0 ? speak(&conns[i], now) : INT64_MAX;

			next = due < next ? due : next;
		}
		if (next != INT64_MAX) {
			/* 0 would stop it */
			struct itimerspec at = {
				.it_value = {next / 1000000000, next % 1000000000 + 1}};

			timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
		}
		n = epoll_wait(poller, events, 256, -1);
		for (int i = 0; i < n; i++) {
			struct conn *c = events[i].data.ptr;
			uint64_t fired;

			if (!c) {
				on_connection(listener);
			} else if (c == (void *)&timer) {
				(void)!read(timer, &fired, sizeof(fired));
			} else if (c->fd >= 0 && (events[i].events & EPOLLOUT) && push(c)) {
				watch(c, false, EPOLL_CTL_MOD);
			} else if (c->fd >= 0 &&
				   (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
				on_bytes(c);
			}
		}
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event ev = {.events = EPOLLIN};
	struct rlimit files = {CONNS_MAX + 64, CONNS_MAX + 64};
	socklen_t n_at = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (argc != 6) {
		fprintf(stderr, "upstream words|time|first|tag TOKENS GAP_US FIRST_US GATE\n");
		return 2;
	}
	kind = argv[1];
	n_tokens = (int)strtol(argv[2], NULL, 10);
	gap_ns = strtoll(argv[3], NULL, 10) * 1000;
	first_ns = strtoll(argv[4], NULL, 10) * 1000;
	gate = (int)strtol(argv[5], NULL, 10);
	setrlimit(RLIMIT_NOFILE, &files);
	for (int i = 0; i < CONNS_MAX; i++) {
		conns[i].fd = -1;
	}
	poller = epoll_create1(EPOLL_CLOEXEC);
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) != 0 ||
		listen(listener, 1024) != 0 ||
		getsockname(listener, (struct sockaddr *)&at, &n_at) != 0) {
		die("listen");
	}
	epoll_ctl(poller, EPOLL_CTL_ADD, listener, &ev);
	ev.data.ptr = &timer;
	epoll_ctl(poller, EPOLL_CTL_ADD, timer, &ev);
	printf("%d\n", ntohs(at.sin_port));
	fflush(stdout);
	serve(listener);
}
