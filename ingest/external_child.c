/*
 * Inside the house of the zygote: the process of an external command (ingest/external.h).
 *
 *   zygote -> keeper -> the command -> whatever it starts
 *
 * The keeper is ours and unconfined: it waits for the command, or for its time, or for the word of
 * the zygote (KEEPER_STOP), and then kills the whole process group, in which everything stays since
 * none may leave it; orphans come to it to be reaped. When the zygote dies the kernel gives it the
 * same word.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ingest/child.h"
#include "ingest/landlock.h"

#define WORDS_MAX 128
#define OFFICE_SOCKETS "/tmp" /* its name is in LibreOffice's code */
#define OFFICE_SOCKET "OSL_PIPE_"
#define NICE 10
#define PROCESSES_MAX 2048 /* of the user in all, and not counted for root */
#define FILES_MAX 1024

struct command {
	const char *folder; /* with in, out and home in it */
	char *words[WORDS_MAX + 1];
	int n_words;
};

/* ── what it may do ── */

/* The system's programs and what they are told in /etc: not all of /etc, which holds secrets. */
static const char *const RUN[] = {"/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32"};
static const char *const LOOK[] = {"/etc/alternatives", "/etc/fonts", "/etc/group",
	"/etc/host.conf", "/etc/java-17-openjdk", "/etc/java-21-openjdk", "/etc/ld.so.cache",
	"/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/libreoffice", "/etc/localtime",
	"/etc/mime.types", "/etc/nsswitch.conf", "/etc/papersize", "/etc/passwd", "/etc/timezone",
	"/var/cache/fontconfig", "/var/lib/libreoffice", "/var/spool/libreoffice"};
static const char *const DEVICES[] = {
	"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"};

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

/* A program in /opt comes with its folder there, one elsewhere alone. */
static int add_program(int rules, const char *program)
{
	char root[4096];
	const char *end;

	if (strncmp(program, "/opt/", 5) != 0 || !(end = strchr(program + 5, '/'))) {
		return landlock_add(rules, program, LANDLOCK_RUN);
	}
	snprintf(root, sizeof(root), "%.*s", (int)(end - program), program);
	return landlock_add(rules, root, LANDLOCK_RUN);
}

static int add_folder(int rules, const char *folder, const char *name, enum landlock_use use)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return landlock_add(rules, path, use);
}

static int confine_files(const struct command *c)
{
	int rules = landlock_open(), rc = rules < 0 ? -1 : 0;

	for (size_t i = 0; i < N_OF(RUN) && rc == 0; i++) {
		rc = landlock_add(rules, RUN[i], LANDLOCK_RUN);
	}
	for (size_t i = 0; i < N_OF(LOOK) && rc == 0; i++) {
		rc = landlock_add(rules, LOOK[i], LANDLOCK_LOOK);
	}
	for (size_t i = 0; i < N_OF(DEVICES) && rc == 0; i++) {
		rc = landlock_add(rules, DEVICES[i], LANDLOCK_PIPE);
	}
	if (rc == 0) {
		rc = add_program(rules, c->words[0]);
	}
	if (rc == 0) {
		rc = add_folder(rules, c->folder, "in", LANDLOCK_LOOK);
	}
	if (rc == 0) {
		rc = add_folder(rules, c->folder, "out", LANDLOCK_OWN);
	}
	if (rc == 0) {
		rc = add_folder(rules, c->folder, "home", LANDLOCK_OWN);
	}
	/* LibreOffice does not start without a socket there, to which nobody can connect. */
	if (rc == 0) {
		rc = landlock_add(rules, OFFICE_SOCKETS, LANDLOCK_NAME_SOCKETS);
	}
	return rc == 0 ? landlock_enter(rules) : rc;
}

/* Out of the process group, other processes, the kernel's rarer doors. */
static const char *const REFUSED[] = {"acct", "add_key", "bpf", "chroot", "connect",
	"delete_module", "fanotify_init", "finit_module", "fsconfig", "fsmount", "fsopen",
	"init_module", "io_uring_enter", "io_uring_register", "io_uring_setup", "kcmp",
	"kexec_file_load", "kexec_load", "keyctl", "kill", "mount", "move_mount",
	"name_to_handle_at", "open_by_handle_at", "open_tree", "perf_event_open", "pidfd_getfd",
	"pidfd_open", "pidfd_send_signal", "pivot_root", "process_madvise", "process_vm_readv",
	"process_vm_writev", "ptrace", "quotactl", "reboot", "request_key", "rt_sigqueueinfo",
	"rt_tgsigqueueinfo", "setns", "setpgid", "setsid", "swapoff", "swapon", "tgkill", "tkill",
	"umount2", "unshare", "userfaultfd",
	/* What stays in memory, or is shared with others, when it has ended. */
	"msgget", "semget", "shmget"};

/* Refused where (argument & mask) == value. */
static const struct {
	const char *name;
	unsigned int arg;
	uint64_t mask, value;
} REFUSED_WITH[] = {
	/* A stream between our own processes is all that is left of sockets. */
	{"socket", 1, 0xf, SOCK_DGRAM},
	{"socket", 1, 0xf, SOCK_RAW},
	{"socket", 1, 0xf, SOCK_RDM},
	{"socket", 1, 0xf, SOCK_SEQPACKET},
	{"socket", 1, 0xf, SOCK_PACKET},
	/* Each half of such a pair sends to any address. */
	{"socketpair", 1, 0xf, SOCK_DGRAM},
	{"socketpair", 1, 0xf, SOCK_RAW},
	/* Signals by way of a file that has something to tell. */
	{"fcntl", 1, UINT32_MAX, F_SETOWN},
	{"fcntl", 1, UINT32_MAX, F_SETOWN_EX},
	{"fcntl", 1, UINT32_MAX, F_SETSIG},
	{"ioctl", 1, UINT32_MAX, FIOSETOWN},
	{"ioctl", 1, UINT32_MAX, SIOCSPGRP},
	{"clone", 0, CLONE_NEWNS, CLONE_NEWNS},
	{"clone", 0, CLONE_NEWUSER, CLONE_NEWUSER},
	{"clone", 0, CLONE_NEWPID, CLONE_NEWPID},
	{"clone", 0, CLONE_NEWNET, CLONE_NEWNET},
	{"clone", 0, CLONE_NEWIPC, CLONE_NEWIPC},
	{"clone", 0, CLONE_NEWUTS, CLONE_NEWUTS},
	{"clone", 0, CLONE_NEWCGROUP, CLONE_NEWCGROUP},
	/* Words into somebody's terminal. */
	{"ioctl", 1, UINT32_MAX, TIOCSTI},
	{"ioctl", 1, UINT32_MAX, TIOCLINUX},
};

static int add_refusals(scmp_filter_ctx ctx)
{
	const uint32_t no = SCMP_ACT_ERRNO(EPERM);
	int rc = 0;

	for (size_t i = 0; i < N_OF(REFUSED) && rc == 0; i++) {
		int nr = seccomp_syscall_resolve_name(REFUSED[i]);

		rc = nr < 0 ? 0 : seccomp_rule_add(ctx, no, nr, 0);
	}
	for (size_t i = 0; i < N_OF(REFUSED_WITH) && rc == 0; i++) {
		rc = seccomp_rule_add(ctx, no, seccomp_syscall_resolve_name(REFUSED_WITH[i].name),
			1,
			SCMP_CMP(REFUSED_WITH[i].arg, SCMP_CMP_MASKED_EQ, REFUSED_WITH[i].mask,
				REFUSED_WITH[i].value));
	}
	if (rc == 0) {
		rc = seccomp_rule_add(
			ctx, no, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
	}
	/* The limits of itself only, and not of others. */
	if (rc == 0) {
		rc = seccomp_rule_add(ctx, no, SCMP_SYS(prlimit64), 1, SCMP_A0(SCMP_CMP_NE, 0, 0));
	}
	/* glibc then takes clone, whose flags a filter can see. */
	if (rc == 0) {
		rc = seccomp_rule_add(
			ctx, SCMP_ACT_ERRNO(ENOSYS), seccomp_syscall_resolve_name("clone3"), 0);
	}
	return rc;
}

static int confine_calls(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int rc = ctx ? seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) : -1;

	if (rc == 0) {
		rc = add_refusals(ctx);
	}
	return rc == 0 ? seccomp_load(ctx) : -1;
}

static int confine_amounts(const struct order *o)
{
	const rlim_t file = (rlim_t)o->file_mb << 20;
	const struct {
		__rlimit_resource_t what;
		rlim_t limit;
	} table[] = {
		{RLIMIT_CPU, o->cpu_s},
		{RLIMIT_FSIZE, file},
		{RLIMIT_NPROC, PROCESSES_MAX},
		{RLIMIT_NOFILE, FILES_MAX},
		{RLIMIT_CORE, 0},
		{RLIMIT_MEMLOCK, 0},
		{RLIMIT_MSGQUEUE, 0},
	};

	for (size_t i = 0; i < N_OF(table); i++) {
		struct rlimit limit = {table[i].limit, table[i].limit};

		if (setrlimit(table[i].what, &limit) < 0) {
			return -1;
		}
	}
	return 0;
}

/* The last of all: this process, of which the command is to be, may have mapped more already. */
static int confine_memory(const struct order *o)
{
	struct rlimit limit = {(rlim_t)o->memory_mb << 20, (rlim_t)o->memory_mb << 20};

	return setrlimit(RLIMIT_AS, &limit);
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
	struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};

	return (int)syscall(SYS_capset, &head, none);
}

/* ── the command ── */

_Noreturn static void give_up(int status, const char *what)
{
	dprintf(CHILD_STDERR, "carrel: %s: %s\n", what, strerror(errno));
	_exit(status);
}

_Noreturn static void run_command(const struct order *o, struct command *c)
{
	char home[4096], temporary[4096], *environment[6];
	sigset_t none;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int sig = 1; sig < NSIG; sig++) {
		signal(sig, SIG_DFL);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(home, sizeof(home), "HOME=%s/home", c->folder);
	snprintf(temporary, sizeof(temporary), "TMPDIR=%s/home", c->folder);
	environment[0] = (char *)"PATH=/usr/local/bin:/usr/bin:/bin";
	environment[1] = (char *)"LANG=C.UTF-8";
	environment[2] = home;
	environment[3] = temporary;
	environment[4] = NULL;
	if (null < 0 || dup2(null, 0) < 0 || dup2(CHILD_STDERR, 1) < 0 ||
		chdir(home + strlen("HOME=")) < 0) {
		give_up(CONVERT_SANDBOX, "its folder");
	}
	syscall(SYS_close_range, 3U, ~0U, 0U);
	setpriority(PRIO_PROCESS, 0, NICE);
	if (confine_amounts(o) < 0 || drop_capabilities() < 0 ||
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || confine_files(c) < 0 ||
		confine_calls() < 0 || confine_memory(o) < 0) {
		give_up(CONVERT_SANDBOX, "its confinement");
	}
	execve(c->words[0], c->words, environment);
	give_up(CONVERT_NO_EXEC, c->words[0]);
}

/* ── the keeper ── */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The command has ended: its status is left to be reaped, so that its number, which is its group's,
 * is nobody else's yet. */
static bool has_ended(pid_t pid)
{
	siginfo_t info = {.si_pid = 0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == pid;
}

static int meaning(int status)
{
	if (WIFSIGNALED(status)) {
		return WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL ? CONVERT_TIMEOUT
										  : CONVERT_FAILED;
	}
	switch (WEXITSTATUS(status)) {
	case 0:
	case CONVERT_SANDBOX:
	case CONVERT_NO_EXEC:
		return WEXITSTATUS(status);
	default:
		return CONVERT_FAILED;
	}
}

/* LibreOffice may not remove its socket. Those to which nobody listens are nobody's. */
static void sweep_sockets(void)
{
	DIR *d = opendir(OFFICE_SOCKETS);
	struct dirent *entry;
	struct stat st;

	while (d && (entry = readdir(d)) != NULL) {
		struct sockaddr_un at = {.sun_family = AF_UNIX};
		int fd = -1;

		if (strncmp(entry->d_name, OFFICE_SOCKET, strlen(OFFICE_SOCKET)) == 0 &&
			fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISSOCK(st.st_mode) && st.st_uid == geteuid() &&
			snprintf(at.sun_path, sizeof(at.sun_path), "%s/%s", OFFICE_SOCKETS,
				entry->d_name) < (int)sizeof(at.sun_path)) {
			fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		}
		if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0 &&
			errno == ECONNREFUSED) {
			unlinkat(dirfd(d), entry->d_name, 0);
		}
		if (fd >= 0) {
			close(fd);
		}
	}
	if (d) {
		closedir(d);
	}
}

_Noreturn static void keep(pid_t command, const sigset_t *waited, uint32_t wall_s)
{
	int64_t until_ms = now_ms() + (int64_t)wall_s * 1000;
	bool late = false, told = false;
	int status, result = CONVERT_FAILED;
	pid_t pid;

	while (!late && !told && !has_ended(command)) {
		int64_t left_ms = until_ms - now_ms();
		struct timespec t = {left_ms > 0 ? left_ms / 1000 : 0,
			left_ms > 0 ? left_ms % 1000 * 1000000 : 0};
		int sig = sigtimedwait(waited, NULL, &t);

		late = left_ms <= 0;
		told = sig == KEEPER_STOP;
	}
	kill(-command, SIGKILL);
	while ((pid = waitpid(-1, &status, 0)) > 0 || errno == EINTR) {
		if (pid == command) {
			result = late ? CONVERT_TIMEOUT : meaning(status);
		}
	}
	sweep_sockets();
	_exit(result);
}

static bool read_words(const struct order *o, struct command *c)
{
	const char *at = o->words, *end = o->words + o->n_words;

	c->folder = at;
	for (at += strlen(at) + 1; at < end && c->n_words < WORDS_MAX; at += strlen(at) + 1) {
		c->words[c->n_words++] = (char *)at;
	}
	return c->n_words > 0 && at >= end;
}

void external_child(const struct order *o)
{
	struct command c = {.n_words = 0};
	sigset_t waited;
	pid_t command;

	sigemptyset(&waited);
	sigaddset(&waited, KEEPER_STOP);
	sigaddset(&waited, SIGCHLD);
	sigprocmask(SIG_SETMASK, &waited, NULL);
	close(CHILD_FRAMES);
	close(CHILD_DOCUMENT);
	if (!read_words(o, &c) || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) {
		_exit(CONVERT_SANDBOX);
	}
	command = fork();
	if (command == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || setpgid(0, 0) < 0) {
			_exit(CONVERT_SANDBOX);
		}
		run_command(o, &c);
	}
	if (command < 0) {
		_exit(CONVERT_SANDBOX);
	}
	setpgid(command, command); /* whoever comes first */
	close(CHILD_STDERR);	   /* its end is the end of the command's */
	keep(command, &waited, o->wall_s);
}
