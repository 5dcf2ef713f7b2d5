#include "index/base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

int fs_write_all(int fd, const void *p, size_t n_bytes, struct err *e)
{
	const char *s = p;

	while (n_bytes > 0) {
		ssize_t n = write(fd, s, n_bytes);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return err_sys(e, ERR_IO, errno, "cannot write");
		}
		s += n;
		n_bytes -= (size_t)n;
	}
	return 0;
}

void fs_parent(const char *path, char *out, size_t out_size)
{
	const char *end = path + strlen(path);

	while (end > path + 1 && end[-1] == '/') {
		end--;
	}
	while (end > path && end[-1] != '/') {
		end--;
	}
	while (end > path + 1 && end[-1] == '/') {
		end--;
	}
	snprintf(
		out, out_size, "%.*s", end > path ? (int)(end - path) : 1, end > path ? path : ".");
}

int fs_sync_dir(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0) {
		return err_sys(e, ERR_IO, errno, "cannot open folder %s", path);
	}
	if (fsync(fd) != 0) {
		rc = err_sys(e, ERR_IO, errno, "cannot sync folder %s", path);
	}
	close(fd);
	return rc;
}

static int make_one(const char *path, struct err *e)
{
	char parent[PATH_MAX];
	struct stat st;

	if (mkdir(path, 0700) == 0) {
		int rc;

		fs_parent(path, parent, sizeof(parent));
		rc = fs_sync_dir(parent, e);
		if (rc != 0) {
			rmdir(path); /* else it would be taken for durable the next time */
		}
		return rc;
	}
	if (errno != EEXIST) {
		return err_sys(e, ERR_IO, errno, "cannot make folder %s", path);
	}
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
		return err_sys(e, ERR_IO, ENOTDIR, "cannot make folder %s", path);
	}
	return 0;
}

int fs_mkdirs(const char *path, struct err *e)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof(part)) {
		return err_sys(e, ERR_IO, n ? ENAMETOOLONG : ENOENT, "cannot make folder %s", path);
	}
	memcpy(part, path, n + 1);
	for (size_t i = 1; i < n; i++) {
		if (part[i] == '/' && part[i - 1] != '/') {
			struct stat st;
			int rc = 0;

			part[i] = '\0';
			/* A folder above may be one that we may pass through but not write to. */
			if (stat(part, &st) != 0 || !S_ISDIR(st.st_mode)) {
				rc = make_one(part, e);
			}
			part[i] = '/';
			if (rc != 0) {
				return rc;
			}
		}
	}
	return make_one(part, e);
}

static int write_synced(const char *path, const void *p, size_t n_bytes, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0) {
		return err_sys(e, ERR_IO, errno, "cannot write %s", path);
	}
	rc = fs_write_all(fd, p, n_bytes, e);
	if (rc == 0 && fsync(fd) != 0) {
		rc = err_sys(e, ERR_IO, errno, "cannot sync %s", path);
	}
	if (close(fd) != 0 && rc == 0) {
		rc = err_sys(e, ERR_IO, errno, "cannot close %s", path);
	}
	return rc;
}

int fs_replace(const char *path, const void *p, size_t n_bytes, struct err *e)
{
	static atomic_uint serial;
	char tmp[PATH_MAX];
	char parent[PATH_MAX];
	int n = snprintf(tmp, sizeof(tmp), "%s.tmp-%ld-%u", path, (long)getpid(),
		atomic_fetch_add(&serial, 1));
	int rc;

	if (n < 0 || (size_t)n >= sizeof(tmp)) {
		return err_sys(e, ERR_IO, ENAMETOOLONG, "cannot write %s", path);
	}
	unlink(tmp); /* left by a process of the same number that was killed */
	rc = write_synced(tmp, p, n_bytes, e);
	if (rc == 0 && rename(tmp, path) != 0) {
		rc = err_sys(e, ERR_IO, errno, "cannot write %s", path);
	}
	if (rc != 0) {
		unlink(tmp);
		return rc;
	}
	fs_parent(path, parent, sizeof(parent));
	return fs_sync_dir(parent, e);
}

static int read_into(int fd, const char *path, size_t max_bytes, struct buf *out, struct err *e)
{
	size_t start = out->len;

	for (;;) {
		char chunk[65536];
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return err_sys(e, ERR_IO, errno, "cannot read %s", path);
		}
		if (n == 0) {
			return 0;
		}
		if ((size_t)n > max_bytes - (out->len - start)) {
			return err_set(e, ERR_TOO_LARGE, "file_too_large",
				"%s is larger than %zu bytes", path, max_bytes);
		}
		buf_add(out, chunk, (size_t)n);
		if (out->over) {
			return err_set(e, ERR_TOO_LARGE, "file_too_large",
				"%s is larger than the buffer's limit", path);
		}
	}
}

int fs_read(const char *path, size_t max_bytes, struct buf *out, struct err *e)
{
	size_t start = out->len;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0) {
		return err_sys(e, errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO,
			errno, "cannot read %s", path);
	}
	rc = read_into(fd, path, max_bytes, out, e);
	close(fd);
	buf_reserve(out, 0);
	if (rc != 0) {
		out->len = start;
		out->data[start] = '\0';
	}
	return rc;
}

bool fs_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

static void remove_at(int dir_fd, const char *name)
{
	int fd;
	DIR *dir;
	struct dirent *entry;

	if (unlinkat(dir_fd, name, 0) == 0) {
		return;
	}
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		return;
	}
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
			remove_at(fd, entry->d_name);
		}
	}
	closedir(dir);
	unlinkat(dir_fd, name, AT_REMOVEDIR);
}

void fs_remove_tree(const char *path)
{
	remove_at(AT_FDCWD, path);
}

int64_t fs_free_bytes(const char *path)
{
	struct statvfs st;

	if (statvfs(path, &st) != 0) {
		return -1;
	}
	return (int64_t)st.f_bavail * (int64_t)st.f_frsize;
}

int fs_lock(const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0) {
		return err_sys(e, ERR_IO, errno, "cannot open %s", path);
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		int why = errno;

		close(fd);
		if (why == EWOULDBLOCK) {
			return err_set(e, ERR_CONFLICT, "locked",
				"%s is held: another Carrel works on this data folder; "
				"stop it, or name another folder with --data",
				path);
		}
		return err_sys(e, ERR_IO, why, "cannot lock %s", path);
	}
	return fd;
}
