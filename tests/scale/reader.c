/*
 * The clients of `make bench`'s section streams, in C since their own time is a part of what is
 * measured. Everything is on 127.0.0.1; HEADER is a whole line, "" for none.
 *
 *   cost PROGRAM ARG…
 *       runs it, its output thrown away: the CPU it took, us
 *   latency PORT METHOD PATH HEADER
 *       reads a stream of "@NS" tokens: "N P50 P99" of their way, ns
 *   first PORT HEADER
 *       stdin: "CONVERSATION QUESTION" a line. Asks one after the other; a line each: from the
 *       request to the first delta, less what the model took ("@SENT-READ"), us
 *   many PORT HEADER TOKENS
 *       stdin: "PATH TAG" a line. Reads them all at the same time and looks at every token:
 *       "STREAMS COMPLETE TOKENS WRONG"; on stderr "open" when each has had its first token
 *   load PORT PATH HEADER N CONNS
 *       N requests over CONNS connections: "N STATUS BYTES" (of the last)
 */
#include <arpa/inet.h>
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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "reader: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *room(void *p, size_t n)
{
	p = realloc(p, n);
	if (!p) {
		die("memory");
	}
	return p;
}

/* ── connections ── */

static int connect_to(const char *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)strtol(port, NULL, 10))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0) {
		die("connect");
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void ask(int fd, const char *method, const char *path, const char *header, const char *body)
{
	static char out[65536];
	int n = snprintf(out, sizeof(out), "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s%s", method,
		path, header, *header ? "\r\n" : "");

	if (body) {
		n += snprintf(out + n, sizeof(out) - (size_t)n,
			"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			strlen(body), body);
	} else {
		n += snprintf(out + n, sizeof(out) - (size_t)n, "\r\n");
	}
	if ((size_t)n >= sizeof(out) || send(fd, out, (size_t)n, MSG_NOSIGNAL) != n) {
		die("send");
	}
}

/* A stream as its lines; chunk sizes are lines that nobody wants, since events are never cut by
 * them. */
struct stream {
	int fd;
	char *in;
	size_t n, cap;
	char event[32];
	int64_t id;
	const char *tag;
	int next; /* token */
	bool over, wrong;
};

typedef void (*line_fn)(struct stream *s, char *line, void *arg);

/* What has come, as lines; false at the end. */
static bool read_lines(struct stream *s, line_fn on_line, void *arg)
{
	ssize_t n;
	char *from, *end;

	if (s->cap - s->n < 16384) {
		s->cap = s->cap ? s->cap * 2 : 32768;
		s->in = room(s->in, s->cap);
	}
	n = recv(s->fd, s->in + s->n, s->cap - s->n - 1, 0);
	if (n <= 0) {
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	}
	s->n += (size_t)n;
	from = s->in;
	while ((end = memchr(from, '\n', s->n - (size_t)(from - s->in)))) {
		*end = '\0';
		if (end > from && end[-1] == '\r') {
			end[-1] = '\0';
		}
		on_line(s, from, arg);
		from = end + 1;
	}
	s->n -= (size_t)(from - s->in);
	memmove(s->in, from, s->n);
	return !s->over;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* ── cost ── */

static int cost(char **argv)
{
	struct rusage used;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (!freopen("/dev/null", "w", stdout)) {
			_exit(126);
		}
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &used) != pid || status != 0) {
		die("the program failed");
	}
	printf("%lld\n", (long long)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
				 used.ru_utime.tv_usec + used.ru_stime.tv_usec);
	return 0;
}

/* ── latency ── */

struct ways {
	int64_t *ns;
	size_t n, cap;
	int64_t heard_ns;
};

static void on_timed_line(struct stream *s, char *line, void *arg)
{
	struct ways *w = arg;

	if (strncmp(line, "event: ", 7) == 0) {
		/* the whole answer again */
		s->over = strcmp(line + 7, "assistant.completed") == 0;
	} else if (strcmp(line, "data: [DONE]") == 0) {
		s->over = true;
	}
	if (s->over || strncmp(line, "data: ", 6) != 0) {
		return;
	}
	for (char *p = line; (p = strchr(p, '@')); p++) {
		if (w->n == w->cap) {
			w->cap = w->cap ? w->cap * 2 : 4096;
			w->ns = room(w->ns, w->cap * sizeof(*w->ns));
		}
		w->ns[w->n++] = w->heard_ns - strtoll(p + 1, NULL, 10);
	}
}

static int latency(char **argv)
{
	struct stream s = {.fd = connect_to(argv[0])};
	struct ways w = {0};
	bool more = true;

	ask(s.fd, argv[1], argv[2], argv[3], strcmp(argv[1], "POST") == 0 ? "{}" : NULL);
	while (more) {
		char one;

		if (recv(s.fd, &one, 1, MSG_PEEK) <= 0) {
			break;
		}
		w.heard_ns = now_ns();
		more = read_lines(&s, on_timed_line, &w);
	}
	if (w.n == 0) {
		die("no token came");
	}
	qsort(w.ns, w.n, sizeof(*w.ns), by_size);
	printf("%zu %" PRId64 " %" PRId64 "\n", w.n, w.ns[w.n / 2], w.ns[w.n * 99 / 100]);
	return 0;
}

/* ── first ── */

static void on_first_line(struct stream *s, char *line, void *arg)
{
	int64_t *took_ns = arg; /* [0] now, [1] what the model took */
	char *at;

	if (strncmp(line, "event: ", 7) == 0) {
		snprintf(s->event, sizeof(s->event), "%s", line + 7);
	}
	s->over = s->over || strcmp(s->event, "assistant.completed") == 0 ||
		  strcmp(s->event, "run.failed") == 0;
	at = strcmp(s->event, "assistant.delta") == 0 ? strchr(line, '@') : NULL;
	if (at && took_ns[0] == 0) {
		char *dash;
		int64_t sent = strtoll(at + 1, &dash, 10);

		took_ns[0] = now_ns();
		took_ns[1] = sent - strtoll(dash + 1, NULL, 10);
	}
}

/* An answer of known length, whole in out. */
static void hear(int fd, char *out, size_t n_out)
{
	size_t n = 0;

	for (;;) {
		ssize_t got = recv(fd, out + n, n_out - n - 1, 0);
		char *end, *length;

		if (got <= 0) {
			die("an answer broke off");
		}
		n += (size_t)got;
		out[n] = '\0';
		end = strstr(out, "\r\n\r\n");
		length = end ? strcasestr(out, "content-length:") : NULL;
		if (length && n >= (size_t)(end + 4 - out) + strtoul(length + 15, NULL, 10)) {
			return;
		}
	}
}

static int first(char **argv)
{
	char line[4096], path[256], body[4352], answer[16384];
	int fd = connect_to(argv[0]);

	while (fgets(line, sizeof(line), stdin)) {
		char *question = strchr(line, ' '), *url;
		struct stream s = {.fd = connect_to(argv[0])};
		int64_t took_ns[2] = {0, 0}, begun_ns;

		line[strcspn(line, "\n")] = '\0';
		if (!question) {
			die("a line without a question");
		}
		*question++ = '\0';
		snprintf(path, sizeof(path), "/v1/conversations/%.64s/turns", line);
		snprintf(body, sizeof(body), "{\"input\":\"%s\"}", question);
		begun_ns = now_ns();
		ask(fd, "POST", path, argv[1], body);
		hear(fd, answer, sizeof(answer));
		url = strstr(answer, "\"streamUrl\":\"");
		if (!url) {
			die(answer);
		}
		url += strlen("\"streamUrl\":\"");
		url[strcspn(url, "\"")] = '\0';
		ask(s.fd, "GET", url, argv[1], NULL);
		while (read_lines(&s, on_first_line, took_ns)) {
		}
		/* 0: the model was not asked */
		printf("%" PRId64 "\n",
			took_ns[0] ? (took_ns[0] - begun_ns - took_ns[1]) / 1000 : 0);
		close(s.fd);
		free(s.in);
	}
	return 0;
}

/* ── many ── */

struct crowd {
	int n, n_begun, n_over, n_complete;
	int64_t n_tokens, n_wrong;
	int tokens; /* of each */
};

/* Each piece of the text has to be this stream's next token. */
static void check_tokens(struct stream *s, char *text, struct crowd *all)
{
	char *rest;

	text[strcspn(text, "\"")] = '\0';
	all->n_begun += s->next == 0 ? 1 : 0;
	for (char *p = strtok_r(text, " ", &rest); p; p = strtok_r(NULL, " ", &rest)) {
		char wanted[32];

		snprintf(wanted, sizeof(wanted), "%s.%d", s->tag, s->next++);
		all->n_tokens++;
		all->n_wrong += strcmp(p, wanted) != 0 ? 1 : 0;
	}
}

static void on_tagged_line(struct stream *s, char *line, void *arg)
{
	static const char delta[] = "data: {\"text\":\"";
	struct crowd *all = arg;

	if (strncmp(line, "id: ", 4) == 0) {
		int64_t id = strtoll(line + 4, NULL, 10);

		all->n_wrong += id <= s->id ? 1 : 0;
		s->id = id;
	} else if (strncmp(line, "event: ", 7) == 0) {
		snprintf(s->event, sizeof(s->event), "%s", line + 7);
	} else if (strcmp(s->event, "assistant.delta") == 0 && strncmp(line, "data: ", 6) == 0) {
		if (strncmp(line, delta, sizeof(delta) - 1) == 0) {
			check_tokens(s, line + sizeof(delta) - 1, all);
		} else {
			all->n_wrong++;
		}
	} else if (strcmp(s->event, "assistant.completed") == 0 &&
		   strncmp(line, "data: ", 6) == 0) {
		all->n_complete += s->next == all->tokens ? 1 : 0;
		s->over = true;
	}
}

static int many(char **argv)
{
	struct crowd all = {.tokens = (int)strtol(argv[2], NULL, 10)};
	struct rlimit files = {8192, 8192};
	struct epoll_event events[256];
	int poller = epoll_create1(EPOLL_CLOEXEC);
	char path[256], tag[32];
	bool told = false;

	setrlimit(RLIMIT_NOFILE, &files);
	while (scanf("%255s %31s", path, tag) == 2) {
		struct stream *s = room(NULL, sizeof(*s));
		struct epoll_event ev = {.events = EPOLLIN, .data.ptr = s};

		*s = (struct stream){.fd = connect_to(argv[0]), .tag = strdup(tag)};
		ask(s->fd, "GET", path, argv[1], NULL);
		epoll_ctl(poller, EPOLL_CTL_ADD, s->fd, &ev);
		all.n++;
	}
	while (all.n_over < all.n) {
		int n = epoll_wait(poller, events, 256, -1);

		for (int i = 0; i < n; i++) {
			struct stream *s = events[i].data.ptr;

			if (!read_lines(s, on_tagged_line, &all)) {
				all.n_over++;
				close(s->fd);
			}
		}
		if (!told && all.n_begun == all.n) {
			told = true;
			fprintf(stderr, "open\n");
		}
	}
	printf("%d %d %" PRId64 " %" PRId64 "\n", all.n, all.n_complete, all.n_tokens, all.n_wrong);
	return 0;
}

/* ── load ── */

struct asker {
	int fd;
	char in[16384];
	size_t n;
};

/* Of a whole answer in a->in: its length, 0 if it is not whole. */
static size_t whole(struct asker *a)
{
	char *end, *length;
	size_t n;

	a->in[a->n] = '\0';
	end = strstr(a->in, "\r\n\r\n");
	length = end ? strcasestr(a->in, "content-length:") : NULL;
	if (!length) {
		return 0;
	}
	n = (size_t)(end + 4 - a->in) + strtoul(length + 15, NULL, 10);
	return a->n >= n ? n : 0;
}

static int load(char **argv)
{
	int64_t n_left = strtoll(argv[3], NULL, 10), n_over = 0, n_all = n_left;
	int n_conns = (int)strtol(argv[4], NULL, 10), status = 0;
	struct epoll_event events[64];
	int poller = epoll_create1(EPOLL_CLOEXEC);
	size_t n_bytes = 0;

	for (int i = 0; i < n_conns; i++) {
		struct asker *a = room(NULL, sizeof(*a));
		struct epoll_event ev = {.events = EPOLLIN, .data.ptr = a};

		a->fd = connect_to(argv[0]);
		a->n = 0;
		epoll_ctl(poller, EPOLL_CTL_ADD, a->fd, &ev);
		ask(a->fd, "GET", argv[1], argv[2], NULL);
		n_left--;
	}
	while (n_over < n_all) {
		int n = epoll_wait(poller, events, 64, -1);

		for (int i = 0; i < n; i++) {
			struct asker *a = events[i].data.ptr;
			ssize_t got = recv(a->fd, a->in + a->n, sizeof(a->in) - a->n - 1, 0);

			if (got <= 0) {
				die("a connection broke");
			}
			a->n += (size_t)got;
			if (whole(a) > 0) {
				n_bytes = whole(a);
				status = (int)strtol(a->in + 9, NULL, 10);
				a->n = 0;
				n_over++;
				if (n_left-- > 0) {
					ask(a->fd, "GET", argv[1], argv[2], NULL);
				}
			}
		}
	}
	printf("%" PRId64 " %d %zu\n", n_over, status, n_bytes);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int n_args; /* at least */
		int (*run)(char **argv);
	} commands[] = {{"cost", 1, cost}, {"latency", 4, latency}, {"first", 2, first},
		{"many", 3, many}, {"load", 5, load}};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (argc >= 2 + commands[i].n_args && strcmp(argv[1], commands[i].name) == 0) {
			return commands[i].run(argv + 2);
		}
	}
	fprintf(stderr, "reader cost|latency|first|many|load …\n");
	return 2;
}
