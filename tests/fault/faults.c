/*
 * Preloaded into a Carrel under test: system calls on files below one folder fail where a control
 * file says, allocations too, and names are looked up slowly. The control file ($FAULTS) is mapped;
 * the test writes into it while the program runs. Only the process that loaded it: what it forks is
 * left alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <time.h>

#include "tests/fault/interpose.h"

enum { WRITES = 1, SYNCS = 2, GROWS = 4, NAMES = 8, ALLOCATIONS = 16 };

/* All little-endian, as tests/fault/faulty.mjs writes it. */
struct control {
	_Atomic uint32_t kinds;	  /* which calls count; 0: none */
	_Atomic uint32_t errnum;  /* how the call fails */
	_Atomic uint64_t at;	  /* the at-th call fails, from 1; 0: none does */
	_Atomic uint64_t n_calls; /* so far */
	_Atomic uint32_t every;	  /* and each so many calls after it; 0: that one alone */
	_Atomic uint32_t n_failed;
	_Atomic uint32_t lookup_ms; /* how long getaddrinfo takes */
	_Atomic uint32_t halves; /* a write that fails first writes half, as a full disk lets it */
	char folder[512];
};

static struct control *control;

__attribute__((constructor)) static void begin(void)
{
	control = map_control(getenv("FAULTS"), sizeof(*control));
}

static int counts(uint32_t kind)
{
	return control && !is_child && (atomic_load(&control->kinds) & kind) != 0;
}

static int fails_now(void)
{
	uint64_t n = atomic_fetch_add(&control->n_calls, 1) + 1;
	uint64_t at = atomic_load(&control->at);
	uint32_t every = atomic_load(&control->every);

	if (at == 0 || n < at || (n > at && (every == 0 || (n - at) % every != 0))) {
		return 0;
	}
	atomic_fetch_add(&control->n_failed, 1);
	errno = (int)atomic_load(&control->errnum);
	return 1;
}

static int fails_at(int fd, uint32_t kind)
{
	char path[4096];

	return counts(kind) && path_of(fd, path, sizeof(path)) && is_in(control->folder, path) &&
	       fails_now();
}

static int fails_at_path(const char *path, uint32_t kind)
{
	return counts(kind) && is_in(control->folder, path) && fails_now();
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* ── writing ── */

static ssize_t half(int fd, const void *p, size_t n, off_t at)
{
	if (!atomic_load(&control->halves) || n < 2) {
		return -1;
	}
	return at < 0 ? syscall(SYS_write, fd, p, n / 2) : syscall(SYS_pwrite64, fd, p, n / 2, at);
}

ssize_t write(int fd, const void *p, size_t n)
{
	return fails_at(fd, WRITES) ? half(fd, p, n, -1) : syscall(SYS_write, fd, p, n);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	return fails_at(fd, WRITES) ? half(fd, p, n, at) : syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
	return fails_at(fd, WRITES) ? -1 : syscall(SYS_writev, fd, v, n);
}

int ftruncate(int fd, off_t n)
{
	return fails_at(fd, GROWS) ? -1 : (int)syscall(SYS_ftruncate, fd, n);
}

int fallocate(int fd, int mode, off_t at, off_t n)
{
	return fails_at(fd, GROWS) ? -1 : (int)syscall(SYS_fallocate, fd, mode, at, n);
}

int fallocate64(int fd, int mode, off_t at, off_t n)
{
	return fallocate(fd, mode, at, n);
}

int posix_fallocate(int fd, off_t at, off_t n)
{
	return fallocate(fd, 0, at, n) == 0 ? 0 : errno;
}

int posix_fallocate64(int fd, off_t at, off_t n)
{
	return posix_fallocate(fd, at, n);
}

int fsync(int fd)
{
	return fails_at(fd, SYNCS) ? -1 : (int)syscall(SYS_fsync, fd);
}

int syncfs(int fd)
{
	return fails_at(fd, SYNCS) ? -1 : (int)syscall(SYS_syncfs, fd);
}

int fdatasync(int fd)
{
	return fails_at(fd, SYNCS) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

/* ── names ── */

int rename(const char *from, const char *to)
{
	return fails_at_path(to, NAMES) ? -1 : (int)syscall(SYS_rename, from, to);
}

int mkdir(const char *path, mode_t mode)
{
	return fails_at_path(path, NAMES) ? -1 : (int)syscall(SYS_mkdir, path, mode);
}

static int is_new(const char *path)
{
	return syscall(SYS_faccessat, AT_FDCWD, path, F_OK) != 0;
}

static int open_it(const char *path, int flags, mode_t mode)
{
	if ((flags & O_CREAT) && is_new(path) && fails_at_path(path, NAMES)) {
		return -1;
	}
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* ── memory: what comes next is the C library's, or a sanitizer's ── */

static int no_memory(void)
{
	return counts(ALLOCATIONS) && fails_now();
}

void *malloc(size_t n)
{
	static __typeof__(&malloc) next;

	next = next ? next : NEXT(malloc);
	return no_memory() ? NULL : next(n);
}

void *calloc(size_t n, size_t size)
{
	static __typeof__(&calloc) next;

	next = next ? next : NEXT(calloc);
	return no_memory() ? NULL : next(n, size);
}

void *realloc(void *p, size_t n)
{
	static __typeof__(&realloc) next;

	next = next ? next : NEXT(realloc);
	return no_memory() ? NULL : next(p, n);
}

void *aligned_alloc(size_t align, size_t n)
{
	static __typeof__(&aligned_alloc) next;

	next = next ? next : NEXT(aligned_alloc);
	return no_memory() ? NULL : next(align, n);
}

int posix_memalign(void **out, size_t align, size_t n)
{
	static __typeof__(&posix_memalign) next;

	next = next ? next : NEXT(posix_memalign);
	return no_memory() ? ENOMEM : next(out, align, n);
}

/* What a library maps for itself, as libsodium does for a password. */
void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t from)
{
	return (flags & MAP_ANONYMOUS) && no_memory()
		       ? MAP_FAILED
		       : (void *)syscall(SYS_mmap, at, n, prot, flags, fd, from);
}

/* ── a name server that hangs ── */

int getaddrinfo(
	const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	uint32_t ms = control ? atomic_load(&control->lookup_ms) : 0;
	struct timespec wait = {ms / 1000, (long)(ms % 1000) * 1000000};

	if (ms > 0) {
		nanosleep(&wait, NULL);
		return EAI_AGAIN;
	}
	return NEXT(getaddrinfo)(host, service, hints, out);
}
