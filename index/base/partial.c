#include "index/base/partial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/base/fs.h"

#define SUFFIX ".partial"
#define MARK "carrel-partial"
/* Stays free: as much as the database's reserve wants to be taken (again) where it is on the same
 * disk (index/store_reserve.c). */
#define ROOM_BYTES ((int64_t)32 << 20)

/* Entries of a folder: 0 when there is none of that name, or none in it. */
static int count_entries(const char *path, int *n, struct err *e)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	*n = 0;
	if (!dir) {
		return errno == ENOENT ? 0 : err_sys(e, ERR_CONFLICT, errno, "%s", path);
	}
	while ((entry = readdir(dir)) != NULL) {
		*n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	}
	closedir(dir);
	return 0;
}

static const char *mark_in(const char *folder, char out[PATH_MAX])
{
	size_t n = strlen(folder);

	memcpy(out, folder, n);
	memcpy(out + n, "/" MARK, sizeof("/" MARK));
	return out;
}

static int mark_locked(const struct partial *p, int flags, int *fd, struct err *e)
{
	char path[PATH_MAX];
	int why;

	*fd = open(mark_in(p->path, path), O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
	if (*fd >= 0 && flock(*fd, LOCK_EX | LOCK_NB) == 0) {
		return 0;
	}
	why = errno;
	if (*fd < 0 && why == ENOENT) {
		return err_set(e, ERR_CONFLICT, "folder_in_use",
			"%s is there, and it was not left by Carrel: move it away, or take another "
			"name",
			p->path);
	}
	if (*fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	return why == EWOULDBLOCK ? err_set(e, ERR_CONFLICT, "folder_in_use",
					    "another command is at work on %s", p->path)
				  : err_sys(e, ERR_IO, why, "cannot work on %s", path);
}

/* What a process left that was killed. */
static int remove_left(const struct partial *p, struct err *e)
{
	int n, fd = -1;
	int rc = count_entries(p->path, &n, e);

	if (rc == 0 && n > 0) {
		rc = mark_locked(p, 0, &fd, e);
		if (rc == 0) {
			fs_remove_tree(p->path);
			close(fd);
		}
	} else if (rc == 0) {
		rmdir(p->path); /* not there, or killed before its mark was made */
	}
	return rc;
}

int partial_allowed(const char *folder, struct err *e)
{
	int n;
	int rc = count_entries(folder, &n, e);

	return rc == 0 && n > 0 ? err_set(e, ERR_CONFLICT, "folder_in_use",
					  "%s is there and not empty: name a new folder", folder)
				: rc;
}

int partial_begin(struct partial *p, const char *folder, struct err *e)
{
	size_t n = strlen(folder);
	int rc;

	memset(p, 0, sizeof(*p));
	p->mark_fd = -1;
	while (n > 1 && folder[n - 1] == '/') {
		n--;
	}
	if (n == 0 || n + sizeof(SUFFIX) + sizeof("/" MARK) >= sizeof(p->path)) {
		return err_set(e, ERR_INVALID, "bad_folder", "the folder's name is %s",
			n ? "too long" : "empty");
	}
	memcpy(p->folder, folder, n);
	memcpy(p->path, folder, n);
	memcpy(p->path + n, SUFFIX, sizeof(SUFFIX));
	rc = partial_allowed(p->folder, e);
	if (rc == 0) {
		rc = remove_left(p, e);
	}
	if (rc != 0) {
		return rc;
	}
	if (mkdir(p->path, 0700) != 0) {
		return err_sys(e, ERR_CONFLICT, errno, "cannot make folder %s", p->path);
	}
	rc = mark_locked(p, O_CREAT | O_EXCL, &p->mark_fd, e);
	if (rc != 0) {
		rmdir(p->path);
	}
	return rc;
}

int partial_room(const struct partial *p, int64_t n_bytes, struct err *e)
{
	const int64_t n_free = fs_free_bytes(p->path);

	if (n_free < 0 || n_free >= n_bytes + ROOM_BYTES) {
		return 0;
	}
	return err_set(e, ERR_NO_SPACE, "no_space",
		"%s takes about %lld MB and %lld MB to spare, %lld MB are free there: make "
		"room, or name a folder elsewhere",
		p->folder, (long long)(n_bytes >> 20), (long long)(ROOM_BYTES >> 20),
		(long long)(n_free >> 20));
}

void partial_abort(struct partial *p)
{
	if (p->mark_fd >= 0) {
		fs_remove_tree(p->path);
		close(p->mark_fd);
		p->mark_fd = -1;
	}
}

/* One call for all files of the file system: one fsync each takes minutes for a hundred thousand.
 */
static int sync_all(const struct partial *p, struct err *e)
{
	int fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0 || syncfs(fd) != 0) {
		rc = err_sys(e, ERR_IO, errno, "cannot sync %s", p->path);
	}
	if (fd >= 0) {
		close(fd);
	}
	return rc;
}

static int give_name(const struct partial *p, struct err *e)
{
	char path[PATH_MAX];
	int rc;

	if (rename(p->path, p->folder) != 0) {
		int why = errno;

		return why == EBUSY ? err_set(e, ERR_CONFLICT, "mount_point",
					      "%s is a place where a file system is mounted: name "
					      "a folder in it",
					      p->folder)
				    : err_sys(e, ERR_CONFLICT, why, "cannot make %s", p->folder);
	}
	/* Not before: a partial without its mark is somebody else's. */
	rc = unlink(mark_in(p->folder, path)) == 0
		     ? 0
		     : err_sys(e, ERR_IO, errno, "cannot tidy %s", p->folder);
	fs_parent(p->folder, path, sizeof(path));
	rc = rc ? rc : fs_sync_dir(path, e);
	/* What is not known to be durable is not there. */
	if (rc != 0 && rename(p->folder, p->path) != 0) {
		fs_remove_tree(p->folder);
	}
	return rc;
}

int partial_finish(struct partial *p, struct err *e)
{
	int rc = sync_all(p, e);

	if (rc == 0) {
		rc = give_name(p, e);
	}
	if (rc == 0) {
		close(p->mark_fd);
		p->mark_fd = -1;
	}
	partial_abort(p);
	return rc;
}
