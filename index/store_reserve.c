/* DATA/reserve: space that a full disk gives up for what makes room (index/store.h). */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "index/base/log.h"
#include "index/store_private.h"

/* A deletion, signing in for it and the purge write some hundred pages of 4 KB each into the log.
 */
#define RESERVE_BYTES (16 << 20)
/* So much has to be free before it is taken again: room enough for a purge that is under way. */
#define ROOM_BYTES (2 * (int64_t)RESERVE_BYTES)

static void path_of(const struct store *s, char *out, size_t n_out)
{
	const char *slash = strrchr(s->path, '/');

	snprintf(out, n_out, "%.*s/reserve", (int)(slash - s->path), s->path);
}

static bool has_room(const char *path)
{
	struct statvfs fs;

	return statvfs(path, &fs) == 0 && (int64_t)fs.f_bavail * (int64_t)fs.f_frsize >= ROOM_BYTES;
}

/* All of it or none. */
static bool fill(int fd)
{
	bool filled = posix_fallocate(fd, 0, RESERVE_BYTES) == 0;

	if (!filled && ftruncate(fd, 0) != 0) {
		log_warn("store.reserve",
			LT("message", "the reserve can be neither filled nor emptied"));
	}
	return filled;
}

void store_reserve_take(struct store *s)
{
	char path[PATH_MAX];
	int fd;

	if (!s->is_short) {
		return;
	}
	path_of(s, path, sizeof(path));
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		return;
	}
	if (lseek(fd, 0, SEEK_END) == RESERVE_BYTES || (has_room(s->path) && fill(fd))) {
		s->is_short = false;
	}
	close(fd);
}

bool store_reserve_give(struct store *s)
{
	char path[PATH_MAX];

	path_of(s, path, sizeof(path));
	if (s->is_short || truncate(path, 0) != 0) {
		return false;
	}
	s->is_short = true;
	log_warn("store.reserve",
		LT("message", "the disk is full: what makes room may use the reserve"));
	return true;
}

static int on_look(struct db *db, void *arg, struct err *e)
{
	(void)db;
	(void)arg;
	(void)e;
	return 0; /* the commit looks */
}

int store_require_room(struct store *s, struct err *e)
{
	int rc = s->is_short ? store_write(s, on_look, NULL, e) : 0;

	if (rc == 0 && s->is_short) {
		rc = err_set(e, ERR_NO_SPACE, "no_space",
			"the disk is full: what is left is for deleting");
	}
	return rc;
}
