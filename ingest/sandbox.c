#include "ingest/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ingest/landlock.h"

struct sandbox {
	struct sock_fprog filter;
	int rules[N_SANDBOX_PROFILES]; /* Landlock's; -1 before they are made */
};

static int unavailable(struct err *e, const char *layer, int errnum)
{
	return err_set(e, ERR_UNAVAILABLE, "sandbox_unavailable",
		"the sandbox for document readers cannot be applied (%s: %s)", layer,
		strerror(errnum));
}

/* ── seccomp: default EPERM ── */

/* What the parsers need. Arguments are bounded below. */
static const char *const ALLOWED[] = {"access", "brk", "clock_getres", "clock_gettime", "close",
	"exit", "exit_group", "faccessat", "faccessat2", "fadvise64", "fstat", "fstatfs", "futex",
	"getcwd", "getdents64", "getegid", "geteuid", "getgid", "getpid", "getppid", "getrandom",
	"getrusage", "gettid", "gettimeofday", "getuid", "lseek", "lstat", "madvise", "membarrier",
	"mremap", "munmap", "newfstatat", "poll", "ppoll", "pread64", "read", "readlink",
	"readlinkat", "readv", "restart_syscall", "rseq", "rt_sigaction", "rt_sigprocmask",
	"rt_sigreturn", "sched_getaffinity", "sched_yield", "set_robust_list", "sigaltstack",
	"stat", "statfs", "statx", "sysinfo", "time", "times", "uname", "write", "writev"};

/* No parser ever has a reason for these: an attempt ends the process. */
static const char *const DEADLY[] = {"accept", "accept4", "acct", "add_key", "bind", "bpf",
	"chroot", "clone", "connect", "delete_module", "execve", "execveat", "fanotify_init",
	"finit_module", "fork", "fsconfig", "fsmount", "fsopen", "init_module", "io_setup",
	"io_uring_enter", "io_uring_register", "io_uring_setup", "kcmp", "kexec_file_load",
	"kexec_load", "keyctl", "kill", "listen", "mount", "move_mount", "name_to_handle_at",
	"open_by_handle_at", "open_tree", "perf_event_open", "personality", "pidfd_getfd",
	"pidfd_open", "pidfd_send_signal", "pivot_root", "process_madvise", "process_vm_readv",
	"process_vm_writev", "ptrace", "quotactl", "reboot", "recvmsg", "request_key",
	"rt_sigqueueinfo", "rt_tgsigqueueinfo", "sendmmsg", "sendmsg", "sendto", "setns", "setuid",
	"setgid", "setreuid", "setresuid", "socket", "socketpair", "swapon", "swapoff", "tkill",
	"umount2", "unshare", "userfaultfd", "vfork"};

/* With an argument that is bounded: allowed if (argument & mask) == value. */
static const struct {
	const char *name;
	unsigned int arg;
	uint64_t mask, value;
} BOUNDED[] = {
	/* No way to open for writing, whatever Landlock says. */
	{"open", 1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY},
	{"openat", 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY},
	/* No new code. */
	{"mmap", 2, PROT_EXEC, 0},
	{"mprotect", 2, PROT_EXEC, 0},
	/* getrlimit is prlimit64 with a NULL third argument. */
	{"prlimit64", 2, UINT64_MAX, 0},
	{"fcntl", 1, UINT32_MAX, F_GETFD},
	{"fcntl", 1, UINT32_MAX, F_SETFD},
	{"fcntl", 1, UINT32_MAX, F_GETFL},
	/* fontconfig locks its caches */
	{"fcntl", 1, UINT32_MAX, F_SETLK},
	{"fcntl", 1, UINT32_MAX, F_SETLKW},
	{"fcntl", 1, UINT32_MAX, F_GETLK},
};

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

static int add_named(scmp_filter_ctx ctx, uint32_t action, const char *const *names, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		int nr = seccomp_syscall_resolve_name(names[i]);

		/* This kernel's or architecture's table may lack the call: then nothing calls it.
		 */
		if (nr != __NR_SCMP_ERROR && nr >= 0) {
			rc = seccomp_rule_add(ctx, action, nr, 0);
		}
	}
	return rc;
}

static int add_rules(scmp_filter_ctx ctx)
{
	int rc = add_named(ctx, SCMP_ACT_ALLOW, ALLOWED, N_OF(ALLOWED));

	if (rc == 0) {
		rc = add_named(ctx, SCMP_ACT_KILL_PROCESS, DEADLY, N_OF(DEADLY));
	}
	for (size_t i = 0; i < N_OF(BOUNDED) && rc == 0; i++) {
		int nr = seccomp_syscall_resolve_name(BOUNDED[i].name);

		if (nr != __NR_SCMP_ERROR && nr >= 0) {
			rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 1,
				SCMP_CMP(BOUNDED[i].arg, SCMP_CMP_MASKED_EQ, BOUNDED[i].mask,
					BOUNDED[i].value));
		}
	}
	/* Its own computing time, up to the hard limit; no other limit, no other process. */
	if (rc == 0) {
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2,
			SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A1(SCMP_CMP_EQ, RLIMIT_CPU));
	}
	/* ENOSYS makes glibc fall back to the calls that the lists above know. */
	for (int i = 0; i < 2 && rc == 0; i++) {
		int nr = seccomp_syscall_resolve_name(i ? "openat2" : "clone3");

		if (nr != __NR_SCMP_ERROR && nr >= 0) {
			rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), nr, 0);
		}
	}
	return rc;
}

/* Compiled once, through a memfd since libseccomp 2.5 exports to a file only. */
static int compile(struct sandbox *s)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int fd = memfd_create("seccomp", MFD_CLOEXEC);
	int rc = ctx && fd >= 0 ? 0 : -ENOMEM;
	struct stat st;

	if (rc == 0) {
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	}
	/* A binary tree of calls: the kernel asks the filter about each of them once a process. */
	if (rc == 0) {
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	}
	if (rc == 0) {
		rc = add_rules(ctx);
	}
	if (rc == 0) {
		rc = seccomp_export_bpf(ctx, fd);
	}
	if (rc == 0 && fstat(fd, &st) == 0 && st.st_size > 0 &&
		st.st_size / (off_t)sizeof(struct sock_filter) <= BPF_MAXINSNS) {
		s->filter.filter = malloc((size_t)st.st_size);
		s->filter.len = (unsigned short)((size_t)st.st_size / sizeof(struct sock_filter));
		ASSERT(s->filter.filter != NULL);
		if (pread(fd, s->filter.filter, (size_t)st.st_size, 0) != st.st_size) {
			rc = -EIO;
		}
	} else if (rc == 0) {
		rc = -EINVAL;
	}
	if (ctx) {
		seccomp_release(ctx);
	}
	if (fd >= 0) {
		close(fd);
	}
	return rc;
}

/* ── Landlock ── */

static const char *const READABLE[N_SANDBOX_PROFILES][10] = {
	/* Fonts: what is drawn to see whether text is hidden must not lack its letters. */
	[SANDBOX_EXTRACT] = {"/usr/share/poppler", "/usr/share/tesseract-ocr", "/usr/share/fonts",
		"/usr/local/share/fonts", "/etc/fonts", "/usr/share/fontconfig",
		"/var/cache/fontconfig", "/usr/share/ghostscript/fonts",
		"/usr/share/xml/fontconfig"},
	[SANDBOX_RENDER] = {"/usr/share/poppler", "/usr/share/fonts", "/usr/local/share/fonts",
		"/etc/fonts", "/usr/share/fontconfig", "/var/cache/fontconfig",
		"/usr/share/ghostscript/fonts", "/usr/share/xml/fontconfig"},
};

/* Made once: a child that made its own would do so for a twentieth of what it costs. */
static int make_rules(enum sandbox_profile profile, int *rules)
{
	int rc;

	*rules = landlock_open();
	rc = *rules < 0 ? -1 : 0;
	for (int i = 0; READABLE[profile][i] && rc == 0; i++) {
		rc = landlock_add(*rules, READABLE[profile][i], LANDLOCK_LOOK);
	}
	return rc;
}

/* ── made once ── */

int sandbox_create(struct sandbox **out, struct err *e)
{
	struct sandbox *s = calloc(1, sizeof(*s));
	int rc;

	ASSERT(s != NULL);
	*out = NULL;
	for (int i = 0; i < N_SANDBOX_PROFILES; i++) {
		s->rules[i] = -1;
	}
	rc = compile(s);
	if (rc < 0) {
		sandbox_destroy(s);
		return unavailable(e, "seccomp", -rc);
	}
	for (int i = 0; i < N_SANDBOX_PROFILES; i++) {
		if (make_rules(i, &s->rules[i]) < 0) {
			rc = unavailable(e, "Landlock", errno);
			sandbox_destroy(s);
			return rc;
		}
	}
	*out = s;
	return 0;
}

void sandbox_destroy(struct sandbox *s)
{
	if (!s) {
		return;
	}
	for (int i = 0; i < N_SANDBOX_PROFILES; i++) {
		if (s->rules[i] >= 0) {
			close(s->rules[i]);
		}
	}
	free(s->filter.filter);
	free(s);
}

/* ── entered by each child ── */

static int64_t mapped_bytes(void)
{
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	char said[128];
	ssize_t n;

	if (fd < 0) {
		return -1;
	}
	n = read(fd, said, sizeof(said) - 1);
	close(fd);
	if (n <= 0) {
		return -1;
	}
	said[n] = '\0';
	return strtoll(said, NULL, 10) * sysconf(_SC_PAGESIZE);
}

static int enter_rlimits(enum sandbox_profile profile, const struct sandbox_limits *limits)
{
	int64_t mapped = mapped_bytes();
	rlim_t memory = (rlim_t)mapped + ((rlim_t)limits->memory_mb << 20);
	rlim_t n_files = profile == SANDBOX_RENDER ? 128 : 32;
	const struct {
		__rlimit_resource_t what;
		struct rlimit limit;
	} table[] = {
		/* The soft limit's SIGXCPU says what happened; the hard one does not argue. */
		{RLIMIT_CPU,
			{(rlim_t)limits->cpu_s, (rlim_t)(limits->cpu_s + limits->cpu_more_s) + 1}},
		{RLIMIT_AS, {memory, memory}},
		{RLIMIT_FSIZE, {0, 0}},
		{RLIMIT_NPROC, {0, 0}},
		{RLIMIT_NOFILE, {n_files, n_files}},
		{RLIMIT_CORE, {0, 0}},
		{RLIMIT_MEMLOCK, {0, 0}},
		{RLIMIT_MSGQUEUE, {0, 0}},
	};

	if (mapped < 0) {
		return -1;
	}
	for (size_t i = 0; i < N_OF(table); i++) {
		if (setrlimit(table[i].what, &table[i].limit) < 0) {
			return -1;
		}
	}
	return 0;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
	struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};

	return (int)syscall(SYS_capset, &head, none);
}

static int enter_seccomp(const struct sandbox *s)
{
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U, &s->filter);
}

int sandbox_enter(const struct sandbox *s, enum sandbox_profile profile,
	const struct sandbox_limits *limits, struct err *e)
{
	if (enter_rlimits(profile, limits) < 0) {
		return unavailable(e, "resource limits", errno);
	}
	if (drop_capabilities() < 0) {
		return unavailable(e, "capabilities", errno);
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		return unavailable(e, "no_new_privs", errno);
	}
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) {
		return unavailable(e, "dumpable", errno);
	}
	if (landlock_enter(s->rules[profile]) < 0) {
		return unavailable(e, "Landlock", errno);
	}
	if (syscall(SYS_close_range, 3U, ~0U, 0U) < 0) {
		return unavailable(e, "close_range", errno);
	}
	if (enter_seccomp(s) < 0) {
		return unavailable(e, "seccomp", errno);
	}
	return 0;
}
