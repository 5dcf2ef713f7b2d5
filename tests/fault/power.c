/*
 * Preloaded into a Carrel under test: the process is killed at the at-th call that changes a file
 * or a name below one folder, or makes such a change durable, and what a power failure at that
 * moment could take with it is written down, so that the test can take it back: bytes and sizes
 * until their file is synced, names until their folder is. tests/fault/power.mjs has the other end.
 *
 * $POWER is a folder on the same file system, outside of the data: `control` (struct control,
 * mapped), `log` (struct entry + n bytes each, in the order of what happened), and one hard link a
 * file that was written or had its name taken away.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "tests/fault/interpose.h"

enum { BYTES = 1, SIZE, SYNCED, MADE, RENAMED, REMOVED }; /* of an entry */

struct control {
	_Atomic uint64_t at;	  /* the at-th call is the last one, from 1; 0: none is */
	_Atomic uint64_t n_calls; /* so far */
	_Atomic uint32_t on;	  /* calls are counted and written down */
	char folder[508];
};

struct entry {
	uint32_t kind, n; /* n: bytes after it; names end with '\0' */
	uint64_t file;	  /* inode, whose link is `file-<inode>`; of SYNCED also a folder's */
	int64_t at;	  /* offset or size; of a name that was taken away: link `old-<at>`, or 0 */
};

static struct control *control;
static const char *power;
static int log_fd = -1, n_old;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void)
{
	char path[600];

	power = getenv("POWER");
	if (!power) {
		return;
	}
	power = strdup(power);
	snprintf(path, sizeof(path), "%s/log", power);
	log_fd = (int)syscall(
		SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	snprintf(path, sizeof(path), "%s/control", power);
	control = map_control(path, sizeof(*control));
}

/* SQLite's shared memory is nobody's to keep. */
static int is_below(const char *path)
{
	return is_in(control->folder, path) && path[strlen(control->folder)] == '/' &&
	       !strstr(path, "-shm");
}

static int watched(void)
{
	return control && !is_child && atomic_load(&control->on);
}

static int watched_fd(int fd)
{
	char path[4096];

	return watched() && path_of(fd, path, sizeof(path)) &&
	       (is_below(path) || strcmp(path, control->folder) == 0);
}

/* Under the lock, before the call is made. */
static void one_call(void)
{
	if (atomic_fetch_add(&control->n_calls, 1) + 1 == atomic_load(&control->at)) {
		kill(getpid(), SIGKILL);
		for (;;) {
			pause();
		}
	}
}

static void note(uint32_t kind, uint64_t file, int64_t at, const void *bytes, uint32_t n)
{
	struct entry e = {kind, n, file, at};
	struct iovec parts[2] = {{&e, sizeof(e)}, {(void *)bytes, n}};

	if (syscall(SYS_writev, log_fd, parts, 2) != (long)(sizeof(e) + n)) {
		abort();
	}
}

static struct stat of_fd(int fd)
{
	char from[64], to[600];
	struct stat st;

	if (fstat(fd, &st) != 0) {
		abort();
	}
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	snprintf(to, sizeof(to), "%s/file-%llu", power, (unsigned long long)st.st_ino);
	if (S_ISREG(st.st_mode) && linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW) != 0 &&
		errno != EEXIST && errno != ENOENT) { /* it has no name any more */
		abort();
	}
	return st;
}

/* What stands where n bytes will. */
static void before_write(int fd, off_t at, size_t n)
{
	struct stat st = of_fd(fd);
	char *old = at < st.st_size ? malloc(n) : NULL;
	ssize_t had = old ? syscall(SYS_pread64, fd, old, n, at) : 0;

	if (had < 0) { /* open for writing only: by its name */
		char path[64];
		int again;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		again = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
		had = syscall(SYS_pread64, again, old, n, at);
		close(again);
	}
	if (had > 0) {
		note(BYTES, st.st_ino, at, old, (uint32_t)had);
	}
	if (at + (off_t)n > st.st_size) {
		note(SIZE, st.st_ino, st.st_size, NULL, 0);
	}
	free(old);
}

static off_t place_of(int fd)
{
	struct stat st;

	if (fcntl(fd, F_GETFL) & O_APPEND) {
		return fstat(fd, &st) == 0 ? st.st_size : 0;
	}
	return lseek(fd, 0, SEEK_CUR);
}

/* ── bytes ── */

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	ssize_t rc;

	if (!watched_fd(fd)) {
		return syscall(SYS_pwrite64, fd, p, n, at);
	}
	pthread_mutex_lock(&lock);
	one_call();
	before_write(fd, at, n);
	rc = syscall(SYS_pwrite64, fd, p, n, at);
	pthread_mutex_unlock(&lock);
	return rc;
}

ssize_t write(int fd, const void *p, size_t n)
{
	ssize_t rc;

	if (!watched_fd(fd)) {
		return syscall(SYS_write, fd, p, n);
	}
	pthread_mutex_lock(&lock);
	one_call();
	before_write(fd, place_of(fd), n);
	rc = syscall(SYS_write, fd, p, n);
	pthread_mutex_unlock(&lock);
	return rc;
}

int ftruncate(int fd, off_t n)
{
	int rc;

	if (!watched_fd(fd)) {
		return (int)syscall(SYS_ftruncate, fd, n);
	}
	pthread_mutex_lock(&lock);
	one_call();
	{
		struct stat st = of_fd(fd);

		if (n < st.st_size) {
			before_write(fd, n, (size_t)(st.st_size - n));
		}
		note(SIZE, st.st_ino, st.st_size, NULL, 0);
	}
	rc = (int)syscall(SYS_ftruncate, fd, n);
	pthread_mutex_unlock(&lock);
	return rc;
}

static int sync_by(long call, int fd)
{
	struct stat st;
	int rc;

	if (!watched_fd(fd)) {
		return (int)syscall(call, fd);
	}
	pthread_mutex_lock(&lock);
	one_call();
	rc = (int)syscall(call, fd);
	if (rc == 0 && fstat(fd, &st) == 0) {
		note(SYNCED, st.st_ino, 0, NULL, 0);
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

int fsync(int fd)
{
	return sync_by(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return sync_by(SYS_fdatasync, fd);
}

/* ── names ── */

/* The inode of the folder that a name stands in. */
static uint64_t folder_of(const char *path)
{
	char folder[4096];
	struct stat st;

	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path), path);
	return stat(folder, &st) == 0 ? st.st_ino : 0;
}

static int64_t keep_old(const char *path)
{
	char kept[600];

	snprintf(kept, sizeof(kept), "%s/old-%d", power, ++n_old);
	return linkat(AT_FDCWD, path, AT_FDCWD, kept, 0) == 0 ? n_old : 0;
}

int rename(const char *from, const char *to)
{
	char both[8192];
	int rc, n;

	if (!watched() || !is_below(to)) {
		return (int)syscall(SYS_rename, from, to);
	}
	pthread_mutex_lock(&lock);
	one_call();
	n = snprintf(both, sizeof(both), "%s%c%s", from, '\0', to);
	note(RENAMED, folder_of(to), keep_old(to), both, (uint32_t)n + 1);
	rc = (int)syscall(SYS_rename, from, to);
	pthread_mutex_unlock(&lock);
	return rc;
}

int unlink(const char *path)
{
	int rc;

	if (!watched() || !is_below(path) || access(path, F_OK) != 0) {
		return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
	}
	pthread_mutex_lock(&lock);
	one_call();
	note(REMOVED, folder_of(path), keep_old(path), path, (uint32_t)strlen(path) + 1);
	rc = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
	pthread_mutex_unlock(&lock);
	return rc;
}

int mkdir(const char *path, mode_t mode)
{
	int rc;

	if (!watched() || !is_below(path) || access(path, F_OK) == 0) {
		return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
	}
	pthread_mutex_lock(&lock);
	one_call();
	note(MADE, folder_of(path), 0, path, (uint32_t)strlen(path) + 1);
	rc = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
	pthread_mutex_unlock(&lock);
	return rc;
}

static int open_it(const char *path, int flags, mode_t mode)
{
	int rc;

	if (!(flags & O_CREAT) || !watched() || !is_below(path) || access(path, F_OK) == 0) {
		return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	}
	pthread_mutex_lock(&lock);
	one_call();
	note(MADE, folder_of(path), 0, path, (uint32_t)strlen(path) + 1);
	rc = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	pthread_mutex_unlock(&lock);
	return rc;
}
