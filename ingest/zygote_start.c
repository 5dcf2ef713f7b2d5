/*
 * Where the zygote comes from and how it ends. It is this same program, run anew: a process that
 * has threads must not fork, and one that was never given the settings and the environment holds no
 * secrets of them.
 *
 * A thread of the server, the keeper, runs it and waits for its end, and runs another one unless
 * the server asked for that end. Both ends of the socket stay open here: what is ordered while
 * there is no zygote waits in it for the next one.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "index/base/clock.h"
#include "index/base/log.h"
#include "index/base/thread.h"
#include "ingest/child.h"
#include "ingest/zygote.h"
#include "ingest/zygote_private.h"

#define NAME "carrel-zygote" /* its only argument: by that the program knows what it is */
#define HELLO_MS 20000
#define STOP_MS 2000
#define IMAGE_MAX (64u << 20)
/* Descriptors of the zygote, beside /dev/null and stderr. */
enum { SOCKET = 3, LIMITS, N_ZYGOTE_FDS };
/* Of zygotes that end so soon one after the other the next begins after a second: it takes about
 * 100 ms to begin one, and nobody needs so many of them. */
#define SHORT_MS 1000
#define N_SHORT_MAX 20

/* ── the zygote's side ── */

/* Before main, whichever program's: the server's, a command's, a test's. */
__attribute__((constructor)) static void on_run(int argc, char **argv)
{
	static struct child_limits limits;
	sigset_t none;

	if (argc != 1 || strcmp(argv[0], NAME) != 0) {
		return;
	}
	prctl(PR_SET_NAME, NAME, 0, 0, 0);
	zygote_ignore_signals();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	clearenv();
	setlocale(LC_CTYPE, "C.UTF-8"); /* as in cli_main, to which it does not come */
	/* The keeper's end is the server's; if that came first the socket is at its end. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
		pread(LIMITS, &limits, sizeof(limits), 0) != (ssize_t)sizeof(limits)) {
		_exit(1);
	}
	syscall(SYS_close_range, (unsigned int)LIMITS, ~0U, 0U);
	fcntl(SOCKET, F_SETFD, FD_CLOEXEC);
	zygote_loop(SOCKET, &limits);
}

/* ── the keeper's ── */

/* Where the libraries are that this process was run with, and what a sanitizer was told; no other
 * word of the environment goes there. LD_BIND_NOW: what is bound in the zygote needs no look-up in
 * each child. */
static void fill_environment(char *out[], int n_max)
{
	static const char *const KEPT[] = {"LD_LIBRARY_PATH=", "ASAN_OPTIONS=", "LSAN_OPTIONS=",
		"TSAN_OPTIONS=", "UBSAN_OPTIONS="};
	int n = 0;

	out[n++] = "LD_BIND_NOW=1";
	for (char **word = environ; word && *word; word++) {
		for (size_t i = 0; i < sizeof(KEPT) / sizeof(KEPT[0]) && n < n_max - 1; i++) {
			if (strncmp(*word, KEPT[i], strlen(KEPT[i])) == 0) {
				out[n++] = *word;
			}
		}
	}
	out[n] = NULL;
}

/* 0 or an errno. */
static int run(const struct zygote *z, pid_t *pid)
{
	char *words[] = {NAME, NULL}, *environment[8];
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t all;
	int rc;

	/* Signals wait until it ignores them. */
	sigfillset(&all);
	fill_environment(environment, 8);
	posix_spawnattr_init(&how);
	posix_spawn_file_actions_init(&files);
	rc = posix_spawnattr_setsigmask(&how, &all);
	rc = rc ? rc : posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK);
	rc = rc ? rc : posix_spawn_file_actions_adddup2(&files, z->its_socket, SOCKET);
	rc = rc ? rc : posix_spawn_file_actions_adddup2(&files, z->its_limits, LIMITS);
	/* stdin is not its business; stdout may be a pipe whose reader waits for its end. */
	rc = rc ? rc : posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDWR, 0);
	rc = rc ? rc : posix_spawn_file_actions_adddup2(&files, 0, 1);
	rc = rc ? rc : posix_spawn(pid, "/proc/self/exe", &files, &how, words, environment);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&how);
	return rc;
}

/* What the first zygote says is what zygote_start waits for, and holds for good. */
static void tell(struct zygote *z, const char *trouble)
{
	atomic_store(&z->down, trouble[0] != '\0');
	pthread_mutex_lock(&z->lock);
	if (!z->told) {
		snprintf(z->trouble, sizeof(z->trouble), "%s", trouble);
		z->told = true;
		pthread_cond_signal(&z->changed);
	}
	pthread_mutex_unlock(&z->lock);
}

static void read_hello(struct zygote *z)
{
	struct hello hello;

	if (recv(z->socket, &hello, sizeof(hello), MSG_DONTWAIT) == (ssize_t)sizeof(hello)) {
		hello.trouble[sizeof(hello.trouble) - 1] = '\0';
		tell(z, hello.trouble);
	}
}

/* Until it has ended, by itself or since it was to; its status. */
static int wait_for(struct zygote *z, pid_t pid)
{
	int pidfd = pidfd_open(pid, 0), status = 0, ms = -1;
	struct pollfd fds[3] = {{.fd = pidfd, .events = POLLIN}, {.fd = z->stop, .events = POLLIN},
		{.fd = z->socket, .events = POLLIN}};

	while (pidfd >= 0 && !fds[0].revents) {
		int n = poll(fds, 3, ms);

		if (n == 0) {
			kill(pid, SIGKILL);
		}
		if (n > 0 && fds[1].revents) {
			shutdown(z->socket, SHUT_RDWR); /* its order to end */
			fds[1].fd = fds[2].fd = -1;
			fds[1].revents = fds[2].revents = 0;
			ms = STOP_MS;
		}
		if (n > 0 && fds[2].revents) {
			read_hello(z);
		}
	}
	if (pidfd < 0) {
		kill(pid, SIGKILL);
	} else {
		close(pidfd);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
	return status;
}

/* After SHORT_MS, or at once if the zygote is to end. */
static void pause_briefly(const struct zygote *z)
{
	struct pollfd stop = {.fd = z->stop, .events = POLLIN};

	(void)poll(&stop, 1, SHORT_MS);
}

static bool is_to_stop(const struct zygote *z)
{
	struct pollfd stop = {.fd = z->stop, .events = POLLIN};

	return poll(&stop, 1, 0) > 0;
}

static bool is_hopeless(struct zygote *z)
{
	bool yes;

	pthread_mutex_lock(&z->lock);
	yes = z->trouble[0] != '\0';
	pthread_mutex_unlock(&z->lock);
	return yes;
}

/* A sandbox that the first one does not get no other would; one that somebody killed before it had
 * said so is followed as any other. */
static void *keep(void *arg)
{
	static const char NOT_UP[] = "the process that starts document readers did not come up";
	struct zygote *z = arg;
	int n_short = 0;

	while (!is_to_stop(z) && !is_hopeless(z)) {
		int64_t began_ms = clock_mono_ms();
		pid_t pid;
		int rc = run(z, &pid), status = rc ? 0 : wait_for(z, pid);

		if (rc) {
			log_error("zygote.not_started", LT("why", strerror(rc)));
		}
		if (rc || !WIFSIGNALED(status)) {
			tell(z, is_to_stop(z) ? "" : NOT_UP);
		}
		n_short = clock_mono_ms() - began_ms < SHORT_MS ? n_short + 1 : 0;
		if (rc || n_short >= N_SHORT_MAX) {
			pause_briefly(z);
		}
	}
	return NULL;
}

/* ── start and stop ── */

static void await_hello(struct zygote *z)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += HELLO_MS / 1000;
	pthread_mutex_lock(&z->lock);
	while (!z->told && pthread_cond_clockwait(&z->changed, &z->lock, CLOCK_MONOTONIC, &until) !=
				   ETIMEDOUT) {
	}
	if (!z->told) {
		z->told = true;
		snprintf(z->trouble, sizeof(z->trouble), "%s",
			"the process that starts document readers did not come up in time");
	}
	pthread_mutex_unlock(&z->lock);
}

static void destroy(struct zygote *z)
{
	int fds[] = {z->socket, z->its_socket, z->its_limits, z->stop};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0) {
			close(fds[i]);
		}
	}
	pthread_cond_destroy(&z->changed);
	pthread_mutex_destroy(&z->lock);
	free(z);
}

/* Out of the way of the numbers that the zygote has them under. */
static int moved(int fd)
{
	int out = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, N_ZYGOTE_FDS);
	int errnum = errno;

	if (fd >= 0) {
		close(fd);
	}
	errno = errnum;
	return out;
}

/* 0 or an errno. */
static int open_all(struct zygote *z)
{
	const struct child_limits limits = z->limits;
	int sockets[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0) {
		return errno;
	}
	z->socket = sockets[0];
	z->its_socket = moved(sockets[1]);
	z->its_limits = moved(memfd_create("limits", MFD_CLOEXEC));
	z->stop = eventfd(0, EFD_CLOEXEC);
	if (z->its_socket < 0 || z->its_limits < 0 || z->stop < 0 ||
		write(z->its_limits, &limits, sizeof(limits)) != (ssize_t)sizeof(limits)) {
		return errno;
	}
	return 0;
}

static void set_limits(struct zygote *z, const struct settings *set)
{
	z->limits.sandbox.cpu_s = set->ingest_cpu_s;
	z->limits.sandbox.cpu_more_s = set->ocr_languages[0] ? set->ingest_ocr_s : 0;
	z->limits.sandbox.memory_mb = set->ingest_memory_mb;
	z->limits.text_max = (size_t)set->ingest_text_mb << 20;
	if (z->limits.text_max > INT32_MAX - 1) {
		z->limits.text_max = INT32_MAX - 1; /* offsets are int32 */
	}
	z->limits.image_max = IMAGE_MAX;
	z->limits.pages_max = (int)set->ingest_pages;
	z->limits.pixels_max = set->ingest_megapixels * 1000000;
	z->limits.zip_entries_max = (int)set->ingest_zip_entries;
	z->limits.inflated_max = set->ingest_inflated_mb << 20;
	z->limits.ratio_max = (int)set->ingest_ratio;
	z->limits.nesting_max = (int)set->ingest_nesting;
	z->limits.children_max = (int)set->ingest_children;
	z->limits.children_bytes_max = (size_t)set->ingest_children_mb << 20;
	snprintf(
		z->limits.ocr_languages, sizeof(z->limits.ocr_languages), "%s", set->ocr_languages);
	z->stall_ms = (int)(set->ingest_stall_s * 1000);
}

/* 0 or an errno. Signals are for other threads. */
int zygote_start(const struct settings *set, struct zygote **out, struct err *e)
{
	struct zygote *z = calloc(1, sizeof(*z));
	int rc;

	ASSERT(z != NULL);
	*out = NULL;
	z->socket = z->its_socket = z->its_limits = z->stop = -1;
	pthread_mutex_init(&z->lock, NULL);
	pthread_cond_init(&z->changed, NULL);
	set_limits(z, set);
	rc = open_all(z);
	rc = rc ? rc : thread_start(&z->keeper, keep, z);
	if (rc) {
		destroy(z);
		return err_sys(e, ERR_INTERNAL, rc, "cannot start the document readers");
	}
	await_hello(z);
	if (z->trouble[0]) {
		log_error("zygote.unavailable", LT("why", z->trouble));
	}
	*out = z;
	return 0;
}

void zygote_stop(struct zygote *z)
{
	if (!z) {
		return;
	}
	(void)!write(z->stop, &(uint64_t){1}, sizeof(uint64_t));
	pthread_join(z->keeper, NULL);
	destroy(z);
}
