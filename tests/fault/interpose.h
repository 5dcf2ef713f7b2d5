/*
 * What the preloaded libraries of these tests share: a control file that the test writes into while
 * the program runs, the names of files, and the two names that some calls have. Only the process
 * that loaded the library: what it forks is left alone.
 * Its includer defines pwrite, ftruncate and open_it.
 */
#ifndef TESTS_FAULT_INTERPOSE_H
#define TESTS_FAULT_INTERPOSE_H

#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_child;

static void on_fork(void)
{
	is_child = 1;
}

/* The control file, mapped; NULL: there is none. */
static void *map_control(const char *path, size_t n_bytes)
{
	int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0) : -1;
	void *p = MAP_FAILED;

	if (fd >= 0) {
		p = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
	}
	if (p == MAP_FAILED) {
		return NULL;
	}
	pthread_atfork(NULL, NULL, on_fork);
	return p;
}

static int is_in(const char *folder, const char *path)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* The name of an open file; 0: it has none. */
static int path_of(int fd, char *out, size_t size)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, out, size - 1);
	out[n < 0 ? 0 : n] = '\0';
	return n > 0;
}

/* ── the calls of two names ── */

static int open_it(const char *path, int flags, mode_t mode);

ssize_t pwrite64(int fd, const void *p, size_t n, off_t at)
{
	return pwrite(fd, p, n, at);
}

int ftruncate64(int fd, off_t n)
{
	return ftruncate(fd, n);
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return open_it(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return open_it(path, flags, mode);
}

#endif
