#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ingest/child.h"

#define CHILDREN_MAX 128

struct kid {
	pid_t pid;   /* 0: the place is free */
	int channel; /* -1: nobody waits for it any more */
	bool killed;
	bool keeper; /* of a command: it is told to end, and takes what it keeps along */
};

struct loop {
	int socket, signals;
	const struct child_limits *limits;
	struct sandbox *sandbox;
	struct kid kids[CHILDREN_MAX];
};

/* ── a child ── */

_Noreturn static void on_forked(
	struct loop *l, const struct order *o, const int fds[ORDER_N_FDS], pid_t zygote)
{
	static const char *const names[] = {[ORDER_EXTRACT] = "carrel-extract",
		[ORDER_RENDER] = "carrel-render",
		[ORDER_CONVERT] = "carrel-convert"};
	int copies[3];
	sigset_t none;

	/* Out of the way of 0, 1 and 2 first: a received fd may have one of these numbers. */
	for (int i = 0; i < 3; i++) {
		copies[i] = fcntl(fds[i], F_DUPFD, 10);
	}
	for (int i = 0; i < 3; i++) {
		if (copies[i] < 0 || dup2(copies[i], i) < 0) {
			_exit(1);
		}
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_NAME, names[o->kind], 0, 0, 0);
	if (prctl(PR_SET_PDEATHSIG, o->kind == ORDER_CONVERT ? KEEPER_STOP : SIGKILL, 0, 0, 0) <
			0 ||
		getppid() != zygote) {
		_exit(1);
	}
	if (o->kind == ORDER_CONVERT) {
		syscall(SYS_close_range, 3U, ~0U, 0U); /* the others' sandbox does that */
		external_child(o);
	}
	if (o->kind == ORDER_EXTRACT) {
		setpriority(PRIO_PROCESS, 0, 10);
	}
	child_run(l->sandbox, l->limits, o);
}

/* ── the loop ── */

static void send_obituary(struct kid *k, int status, const struct rusage *usage)
{
	struct obituary o;

	memset(&o, 0, sizeof(o));
	o.status = status;
	if (usage) {
		o.usage = *usage;
	}
	if (k->channel >= 0) {
		/* A parent that does not listen any more is not told. */
		(void)!send(k->channel, &o, sizeof(o), MSG_NOSIGNAL | MSG_DONTWAIT);
		close(k->channel);
	}
	k->channel = -1;
	k->pid = 0;
}

static void start_child(struct loop *l, const struct order *o, int fds[ORDER_N_FDS])
{
	struct kid *k = NULL;
	pid_t zygote = getpid();

	for (int i = 0; i < CHILDREN_MAX && !k; i++) {
		k = l->kids[i].pid == 0 ? &l->kids[i] : NULL;
	}
	if (k) {
		k->killed = false;
		k->keeper = o->kind == ORDER_CONVERT;
		k->channel = fds[3];
		k->pid = fork();
		if (k->pid == 0) {
			on_forked(l, o, fds, zygote);
		}
		if (k->pid < 0) {
			send_obituary(k, -1, NULL);
		}
	} else {
		struct kid none = {.channel = fds[3]};

		send_obituary(&none, -1, NULL);
	}
	for (int i = 0; i < 3; i++) {
		close(fds[i]);
	}
}

static bool order_ok(const struct order *o, size_t n)
{
	return n >= offsetof(struct order, boxes) && o->kind <= ORDER_CONVERT &&
	       o->n_boxes <= ORDER_BOXES_MAX && o->n_words <= sizeof(o->words) &&
	       n == order_size(o) && memchr(o->name, '\0', sizeof(o->name)) &&
	       (o->kind != ORDER_CONVERT || (o->n_words && !o->words[o->n_words - 1]));
}

/* false: the server has gone. */
static bool take_order(struct loop *l)
{
	static struct order o;
	int fds[ORDER_N_FDS];
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(fds))];
	} control;
	struct iovec part = {&o, sizeof(o)};
	struct msghdr msg = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(l->socket, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	if (n < 0) {
		return errno == EINTR || errno == EAGAIN;
	}
	if (n == 0) {
		return false;
	}
	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(fds)) ||
		!order_ok(&o, (size_t)n)) {
		return false;
	}
	memcpy(fds, CMSG_DATA(c), sizeof(fds));
	start_child(l, &o, fds);
	return true;
}

static void reap(struct loop *l)
{
	struct signalfd_siginfo info;
	struct rusage usage;
	int status;
	pid_t pid;

	(void)!read(l->signals, &info, sizeof(info));
	while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
		for (int i = 0; i < CHILDREN_MAX; i++) {
			if (l->kids[i].pid == pid) {
				send_obituary(&l->kids[i], status, &usage);
			}
		}
	}
}

/* Any byte on a channel, or its end, is the order to kill. */
static void kill_child(struct kid *k)
{
	char order;
	ssize_t n = recv(k->channel, &order, 1, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	kill(k->pid, k->keeper ? KEEPER_STOP : SIGKILL);
	k->killed = true;
	if (n <= 0) {
		close(k->channel);
		k->channel = -1;
	}
}

static bool turn(struct loop *l)
{
	struct pollfd fds[2 + CHILDREN_MAX];
	struct kid *watched[CHILDREN_MAX];
	nfds_t n = 2;

	fds[0] = (struct pollfd){.fd = l->socket, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = l->signals, .events = POLLIN};
	for (int i = 0; i < CHILDREN_MAX; i++) {
		struct kid *k = &l->kids[i];

		if (k->pid && k->channel >= 0 && !k->killed) {
			watched[n - 2] = k;
			fds[n++] = (struct pollfd){.fd = k->channel, .events = POLLIN};
		}
	}
	if (poll(fds, n, -1) < 0) {
		return errno == EINTR;
	}
	for (nfds_t i = 2; i < n; i++) {
		if (fds[i].revents) {
			kill_child(watched[i - 2]);
		}
	}
	if (fds[1].revents) {
		reap(l);
	}
	return !fds[0].revents || take_order(l);
}

void zygote_ignore_signals(void)
{
	static const int IGNORED[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};

	for (size_t i = 0; i < sizeof(IGNORED) / sizeof(IGNORED[0]); i++) {
		signal(IGNORED[i], SIG_IGN);
	}
}

/* A fork and its end cost 1.6 us for each mapping, and each of some hundred libraries has five:
 * what is only read stands before and behind its code. As one mapping, the way `ld -z
 * noseparate-code` lays libraries out, all of that can be executed, and none of it written. */
static int join_mappings(struct dl_phdr_info *info, size_t n_bytes, void *unused)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
	uintptr_t from = 0, to = 0;

	(void)n_bytes;
	(void)unused;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t at = info->dlpi_addr + p->p_vaddr;

		if (p->p_type == PT_LOAD && (p->p_flags & PF_W)) {
			break;
		}
		if (p->p_type == PT_LOAD) {
			from = from ? from : at & ~page;
			to = (at + p->p_memsz + page) & ~page;
		}
	}
	/* Refused, it costs more and is no worse. */
	(void)mprotect((void *)from, to - from, PROT_READ | PROT_EXEC);
	return 0;
}

void zygote_loop(int socket, const struct child_limits *limits)
{
	struct loop l = {.socket = socket, .limits = limits};
	struct err e = ERR_INIT;
	struct hello hello;
	sigset_t chld;

	memset(&hello, 0, sizeof(hello));
	/* A probe that somebody killed says nothing of the sandbox: once more. */
	if (sandbox_create(&l.sandbox, &e) < 0 ||
		(sandbox_probe_all(l.sandbox, &limits->sandbox, &e) < 0 &&
			sandbox_probe_all(l.sandbox, &limits->sandbox, &e) < 0)) {
		snprintf(hello.trouble, sizeof(hello.trouble), "%s", e.message);
		(void)!send(socket, &hello, sizeof(hello), MSG_NOSIGNAL | MSG_DONTWAIT);
		_exit(1);
	}
	child_preload();
	dl_iterate_phdr(join_mappings, NULL);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	l.signals = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l.signals < 0) {
		_exit(1);
	}
	(void)!send(socket, &hello, sizeof(hello), MSG_NOSIGNAL | MSG_DONTWAIT);
	while (turn(&l)) {
	}
	for (int i = 0; i < CHILDREN_MAX; i++) {
		if (l.kids[i].pid) {
			kill(l.kids[i].pid, l.kids[i].keeper ? KEEPER_STOP : SIGKILL);
		}
	}
	while (waitpid(-1, NULL, 0) > 0) {
	}
	_exit(0);
}
