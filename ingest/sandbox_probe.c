/* The sandbox is believed only after it was tried: each forbidden thing is attempted for real. */
#include "ingest/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static const char SCRIPT[] = "#!/bin/sh\nexit 42\n"; /* 42: it worked */

static bool probe_socket_inet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool probe_socket_unix(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

/* If exec works nobody is left to say so, except the shell by the status that means "worked". */
static bool probe_exec(void)
{
	char *argv[] = {(char *)"sh", (char *)"-c", (char *)"exit 42", NULL};
	char *envp[] = {NULL};

	execve("/bin/sh", argv, envp);
	return false;
}

static bool probe_fork(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		_exit(0);
	}
	return pid > 0;
}

static bool probe_open_write(void)
{
	return open("/tmp/carrel-sandbox-probe", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0;
}

static bool probe_open_devnull(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC) >= 0;
}

static bool probe_read_passwd(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool probe_read_proc(void)
{
	return open("/proc/self/environ", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool probe_ptrace(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0;
}

static bool probe_read_parent(void)
{
	char byte;
	struct iovec mine = {&byte, 1};
	struct iovec theirs = {&byte, 1};

	return process_vm_readv(getppid(), &mine, 1, &theirs, 1, 0) == 1;
}

static bool probe_kill_parent(void)
{
	return kill(getppid(), 0) == 0;
}

static bool probe_tgkill_parent(void)
{
	return syscall(SYS_tgkill, getppid(), getppid(), 0) == 0;
}

static bool probe_io_uring(void)
{
	char params[256];

	memset(params, 0, sizeof(params));
	return syscall(SYS_io_uring_setup, 4, params) >= 0;
}

static bool probe_userfaultfd(void)
{
	return syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */) >= 0;
}

static bool probe_executable_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0) != MAP_FAILED;
}

static bool probe_chmod(void)
{
	return chmod("/tmp", 01777) == 0;
}

static bool probe_mkdir(void)
{
	return mkdir("/tmp/carrel-sandbox-probe.d", 0700) == 0;
}

static bool probe_memfd(void)
{
	return memfd_create("probe", 0) >= 0;
}

/* ── the document's file, descriptor 0: sealed in life, not here ── */

static bool probe_write_document(void)
{
	return pwrite(0, "x", 1, 0) == 1 || write(0, "x", 1) == 1;
}

static bool probe_ftruncate(void)
{
	return ftruncate(0, 1) == 0;
}

static bool probe_truncate(void)
{
	return truncate("/proc/self/fd/0", 1) == 0;
}

static bool probe_open_truncate(void)
{
	return open("/proc/self/fd/0", O_RDONLY | O_TRUNC | O_CLOEXEC) >= 0;
}

/* As probe_exec; the file is a script. */
static bool probe_exec_document(void)
{
	char *argv[] = {(char *)"document", NULL};
	char *envp[] = {NULL};

	syscall(SYS_execveat, 0, "", argv, envp, AT_EMPTY_PATH);
	return false;
}

static bool probe_exec_memfd(void)
{
	int fd = memfd_create("probe", 0);

	if (fd >= 0 && write(fd, SCRIPT, sizeof(SCRIPT) - 1) > 0) {
		dup2(fd, 0);
	}
	return probe_exec_document();
}

/* The file is no terminal: what matters is that the kernel was not even asked. */
static bool probe_tiocsti(void)
{
	return ioctl(0, TIOCSTI, "x") == 0 || errno != EPERM;
}

/* ── limits ── */

static bool probe_raise_cpu(void)
{
	struct rlimit more = {RLIM_INFINITY, RLIM_INFINITY};

	return setrlimit(RLIMIT_CPU, &more) == 0;
}

static bool probe_other_limits(void)
{
	struct rlimit same;

	return getrlimit(RLIMIT_NOFILE, &same) == 0 && setrlimit(RLIMIT_NOFILE, &same) == 0;
}

static bool probe_limits_of_parent(void)
{
	struct rlimit same;

	return getrlimit(RLIMIT_CPU, &same) == 0 &&
	       prlimit(getppid(), RLIMIT_CPU, NULL, &same) == 0 &&
	       prlimit(getppid(), RLIMIT_CPU, &same, NULL) == 0;
}

const struct sandbox_probe SANDBOX_PROBES[] = {
	{"network", probe_socket_inet},
	{"local sockets", probe_socket_unix},
	{"exec", probe_exec},
	{"exec of the document", probe_exec_document},
	{"exec of a memfd", probe_exec_memfd},
	{"fork", probe_fork},
	{"creating a file", probe_open_write},
	{"opening for writing", probe_open_devnull},
	{"writing to the document", probe_write_document},
	{"truncate", probe_truncate},
	{"ftruncate", probe_ftruncate},
	{"opening with O_TRUNC", probe_open_truncate},
	{"reading other files", probe_read_passwd},
	{"reading /proc", probe_read_proc},
	{"ptrace", probe_ptrace},
	{"reading the parent's memory", probe_read_parent},
	{"kill of the parent", probe_kill_parent},
	{"tgkill of the parent", probe_tgkill_parent},
	{"the parent's limits", probe_limits_of_parent},
	{"raising its computing time", probe_raise_cpu},
	{"setting other limits", probe_other_limits},
	{"io_uring", probe_io_uring},
	{"userfaultfd", probe_userfaultfd},
	{"TIOCSTI", probe_tiocsti},
	{"executable memory", probe_executable_memory},
	{"chmod", probe_chmod},
	{"making a folder", probe_mkdir},
	{"memfd_create", probe_memfd},
};
const int N_SANDBOX_PROBES = (int)(sizeof(SANDBOX_PROBES) / sizeof(SANDBOX_PROBES[0]));

/* ── the judge ── */

enum { PROBE_REFUSED = 0, PROBE_WORKED = 42, PROBE_NO_SANDBOX = 43 };

struct trial {
	const struct sandbox *s;
	const struct sandbox_limits *limits;
	int document;
	volatile int *at; /* shared with the child: the probe it is trying */
};

int sandbox_probe_document(void)
{
	int fd = memfd_create("document", MFD_CLOEXEC);

	if (fd >= 0 && write(fd, SCRIPT, sizeof(SCRIPT) - 1) != (ssize_t)sizeof(SCRIPT) - 1) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Tries probes [first, last) in one process, as far as it lives. The exit status, or 128 + signal.
 */
static int try_probes(const struct trial *t, enum sandbox_profile profile,
	const struct sandbox_probe *probes, int first, int last)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		*t->at = first;
		if (dup2(t->document, 0) < 0 ||
			(t->s && sandbox_enter(t->s, profile, t->limits, NULL) < 0)) {
			_exit(PROBE_NO_SANDBOX);
		}
		for (int i = first; i < last; i++) {
			*t->at = i;
			if (probes[i].tried()) {
				_exit(PROBE_WORKED);
			}
		}
		_exit(PROBE_REFUSED);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		return PROBE_NO_SANDBOX;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool read_poppler_data(void)
{
	int fd = open("/usr/share/poppler/cMap", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0;
}

static int probe_profile(const struct trial *t, enum sandbox_profile profile, struct err *e)
{
	static const struct sandbox_probe READING = {"", read_poppler_data};
	int rc;

	/* A refusal that ends the process is one too: go on after it. */
	for (int i = 0; i < N_SANDBOX_PROBES; i = *t->at + 1) {
		rc = try_probes(t, profile, SANDBOX_PROBES, i, N_SANDBOX_PROBES);
		if (rc != PROBE_REFUSED && rc != 128 + SIGSYS && rc != 128 + SIGXFSZ) {
			return err_set(e, ERR_UNAVAILABLE, "sandbox_unavailable",
				"the sandbox for document readers does not hold (%s: %s)",
				SANDBOX_PROBES[*t->at].name,
				rc == PROBE_NO_SANDBOX ? "cannot be applied" : "possible");
		}
	}
	if (try_probes(t, profile, &READING, 0, 1) != PROBE_WORKED) {
		return err_set(e, ERR_UNAVAILABLE, "sandbox_unavailable",
			"document readers cannot read /usr/share/poppler: install poppler-data");
	}
	return 0;
}

int sandbox_probe_all(const struct sandbox *s, const struct sandbox_limits *limits, struct err *e)
{
	struct trial t = {.s = s, .limits = limits, .document = sandbox_probe_document()};
	void *page =
		mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int rc = 0;

	if (t.document < 0 || page == MAP_FAILED) {
		rc = err_sys(e, ERR_UNAVAILABLE, errno, "the sandbox cannot be tried");
	}
	t.at = page;
	for (int profile = 0; profile < N_SANDBOX_PROFILES && rc == 0; profile++) {
		rc = probe_profile(&t, (enum sandbox_profile)profile, e);
	}
	if (page != MAP_FAILED) {
		munmap(page, sizeof(int));
	}
	if (t.document >= 0) {
		close(t.document);
	}
	return rc;
}
