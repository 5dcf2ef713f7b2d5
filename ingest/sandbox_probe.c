/* The sandbox is believed only after it was tried: each forbidden thing is attempted for real. */
#include "ingest/sandbox.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

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

const struct sandbox_probe SANDBOX_PROBES[] = {
	{"network", probe_socket_inet},
	{"local sockets", probe_socket_unix},
	{"exec", probe_exec},
	{"fork", probe_fork},
	{"creating a file", probe_open_write},
	{"opening for writing", probe_open_devnull},
	{"reading other files", probe_read_passwd},
	{"reading /proc", probe_read_proc},
	{"ptrace", probe_ptrace},
	{"reading the parent's memory", probe_read_parent},
	{"kill of the parent", probe_kill_parent},
	{"tgkill of the parent", probe_tgkill_parent},
	{"io_uring", probe_io_uring},
	{"userfaultfd", probe_userfaultfd},
	{"executable memory", probe_executable_memory},
	{"chmod", probe_chmod},
	{"making a folder", probe_mkdir},
	{"memfd_create", probe_memfd},
};
const int N_SANDBOX_PROBES = (int)(sizeof(SANDBOX_PROBES) / sizeof(SANDBOX_PROBES[0]));

enum { PROBE_REFUSED = 0, PROBE_WORKED = 42, PROBE_NO_SANDBOX = 43 };

/* The exit status, or 128 + signal. */
static int run_confined(const struct sandbox *s, enum sandbox_profile profile,
	const struct sandbox_limits *limits, bool (*tried)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (sandbox_enter(s, profile, limits, NULL) < 0) {
			_exit(PROBE_NO_SANDBOX);
		}
		_exit(tried() ? PROBE_WORKED : PROBE_REFUSED);
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

int sandbox_probe_all(const struct sandbox *s, const struct sandbox_limits *limits, struct err *e)
{
	for (int profile = 0; profile < N_SANDBOX_PROFILES; profile++) {
		for (int i = 0; i < N_SANDBOX_PROBES; i++) {
			int rc = run_confined(
				s, (enum sandbox_profile)profile, limits, SANDBOX_PROBES[i].tried);

			if (rc != PROBE_REFUSED && rc != 128 + SIGSYS) {
				return err_set(e, ERR_UNAVAILABLE, "sandbox_unavailable",
					"the sandbox for document readers does not hold (%s: %s)",
					SANDBOX_PROBES[i].name,
					rc == PROBE_NO_SANDBOX ? "cannot be applied" : "possible");
			}
		}
		if (run_confined(s, (enum sandbox_profile)profile, limits, read_poppler_data) !=
			PROBE_WORKED) {
			return err_set(e, ERR_UNAVAILABLE, "sandbox_unavailable",
				"document readers cannot read /usr/share/poppler: "
				"install poppler-data");
		}
	}
	return 0;
}
