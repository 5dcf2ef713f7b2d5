/* Where the zygote comes from and how it ends. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "index/base/clock.h"
#include "index/base/log.h"
#include "ingest/child.h"
#include "ingest/zygote.h"
#include "ingest/zygote_private.h"

#define HELLO_MS 20000
#define IMAGE_MAX (64u << 20)
#define SOCKET 3 /* of the nursery and the zygote */
/* Of zygotes that are killed so soon one after the other the next begins after a second: it takes
 * about 50 ms to begin one, and nobody needs so many of them. */
#define SHORT_MS 1000
#define N_SHORT_MAX 20

/* The bytes from `first` to `last` of this process's stack, as /proc/self/stat names them. */
static void wipe_range(unsigned long first, unsigned long last)
{
	if (first && last > first) {
		explicit_bzero((void *)first, last - first);
	}
}

/* Flags and environment may hold keys of model endpoints; a process that starts parsers must not.
 */
static void forget_secrets(const struct settings *set)
{
	unsigned long start[4] = {0};
	char line[2048];
	FILE *f = fopen("/proc/self/stat", "re");
	char *p = f ? fgets(line, sizeof(line), f) : NULL;

	/* Fields 48 to 51 are arg_start, arg_end, env_start, env_end; the name may contain spaces.
	 */
	p = p ? strrchr(p, ')') : NULL;
	if (p && sscanf(p + 1,
			 " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
			 "%*d %*u %*u %*d %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d "
			 "%*d %*u %*u %*u %*u %*d %*u %*u %*u %lu %lu %lu %lu",
			 &start[0], &start[1], &start[2], &start[3]) == 4) {
		clearenv();
		wipe_range(start[0], start[1]);
		wipe_range(start[2], start[3]);
	}
	if (f) {
		fclose(f);
	}
#define S(field, name, def, help)
#define P(field, name, def, help) explicit_bzero(set->field, strlen(set->field));
#define N(field, name, def, min, max, help)
	SETTINGS_MAP(S, P, N)
#undef S
#undef P
#undef N
}

/* Forks the zygote, and another one for each that was killed, or that could not begin because its
 * probes were: this process has no threads, so it may. What was being read is lost, and what has
 * been ordered since waits in the socket. A sandbox that the first one does not get no other would.
 */
_Noreturn static void nursery(const struct child_limits *limits)
{
	pid_t self = getpid(), zygote;
	int64_t began_ms;
	int status, n_short = 0;
	bool first = true, again;

	do {
		if (n_short >= N_SHORT_MAX) {
			nanosleep(&(struct timespec){SHORT_MS / 1000, 0}, NULL);
		}
		began_ms = clock_mono_ms();
		zygote = fork();
		if (zygote == 0) {
			prctl(PR_SET_NAME, "carrel-zygote", 0, 0, 0);
			if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != self) {
				_exit(1);
			}
			zygote_loop(SOCKET, limits);
		}
		while (zygote > 0 && waitpid(zygote, &status, 0) < 0 && errno == EINTR) {
		}
		n_short = clock_mono_ms() - began_ms < SHORT_MS ? n_short + 1 : 0;
		again = zygote > 0 && (WIFSIGNALED(status) || (!first && WEXITSTATUS(status)));
		first = false;
	} while (again);
	_exit(0);
}

_Noreturn static void on_forked(
	struct zygote *z, int socket, pid_t server, const struct settings *set)
{
	prctl(PR_SET_NAME, "carrel-nursery", 0, 0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != server) {
		_exit(1);
	}
	forget_secrets(set);
	/* stdin is not its business; stdout may be a pipe whose reader waits for its end. */
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int own = fcntl(socket, F_DUPFD, SOCKET);

	if (null < 0 || own < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
		dup2(own, SOCKET) < 0) {
		_exit(1);
	}
	syscall(SYS_close_range, SOCKET + 1U, ~0U, 0U);
	fcntl(SOCKET, F_SETFD, FD_CLOEXEC);
	zygote_ignore_signals();
	nursery(&z->limits);
}

static void await_hello(struct zygote *z)
{
	struct pollfd fd = {.fd = z->socket, .events = POLLIN};
	struct hello hello;
	int64_t until = clock_mono_ms() + HELLO_MS;
	int rc;

	do {
		int64_t left = until - clock_mono_ms();

		rc = poll(&fd, 1, left > 0 ? (int)left : 0);
	} while (rc < 0 && errno == EINTR);
	if (rc > 0 && recv(z->socket, &hello, sizeof(hello), 0) == (ssize_t)sizeof(hello)) {
		hello.trouble[sizeof(hello.trouble) - 1] = '\0';
		memcpy(z->trouble, hello.trouble, sizeof(z->trouble));
		return;
	}
	snprintf(z->trouble, sizeof(z->trouble), "%s",
		"the process that starts document readers did not come up");
}

int zygote_start(const struct settings *set, struct zygote **out, struct err *e)
{
	struct zygote *z = calloc(1, sizeof(*z));
	pid_t server = getpid();
	int sockets[2];

	ASSERT(z != NULL);
	*out = NULL;
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
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0) {
		free(z);
		return err_sys(e, ERR_INTERNAL, errno, "cannot start the document readers");
	}
	z->socket = sockets[0];
	z->pid = fork();
	if (z->pid == 0) {
		on_forked(z, sockets[1], server, set);
	}
	close(sockets[1]);
	if (z->pid < 0) {
		int errnum = errno;

		close(sockets[0]);
		free(z);
		return err_sys(e, ERR_INTERNAL, errnum, "cannot start the document readers");
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
	close(z->socket);
	for (int waited_ms = 0; waitpid(z->pid, NULL, WNOHANG) == 0; waited_ms += 5) {
		struct timespec pause = {0, 5000000};

		if (waited_ms >= 2000) {
			kill(z->pid, SIGKILL);
		}
		nanosleep(&pause, NULL);
	}
	free(z);
}
