/* The other half of index/backup.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "index/backup.h"
#include "index/base/fs.h"
#include "index/base/partial.h"
#include "index/manifest.h"

struct restoring {
	const char *backup;
	const struct backup_order *o;
	const char *stage;
	int64_t done, total; /* bytes; total once all was read */
	struct blobs *from, *to;
	struct partial at;
	struct backup_facts facts;
};

static int damaged(struct err *e, const char *name, const char *why)
{
	return err_set(e, ERR_CORRUPT, "backup_damaged", "the backup is damaged: %s %s", name, why);
}

static int blob_is_right(struct restoring *r, const struct manifest_entry *at, struct err *e)
{
	int64_t n_bytes = blob_stored_bytes(r->from, at->digest);
	struct err why = ERR_INIT;

	if (n_bytes < 0) {
		return damaged(e, at->digest, "is not there");
	}
	if (n_bytes != at->n_bytes || blob_verify(r->from, at->digest, &why) != 0) {
		return damaged(e, at->digest, "has changed");
	}
	return 0;
}

static int file_is_right(const char *folder, const struct manifest_entry *at, struct err *e)
{
	char path[PATH_MAX], digest[HASH_HEX_SIZE];
	struct err why = ERR_INIT;
	int64_t n_bytes;
	int rc;

	snprintf(path, sizeof(path), "%s/%s", folder, at->name);
	rc = manifest_digest(path, digest, &n_bytes, &why);
	if (rc == ERR_NOT_FOUND) {
		return damaged(e, at->name, "is not there");
	}
	return rc == 0 && n_bytes == at->n_bytes && strcmp(digest, at->digest) == 0
		       ? 0
		       : damaged(e, at->name, "has changed");
}

static int verify_one(struct restoring *r, const struct manifest_entry *at, struct err *e)
{
	int rc = at->kind == MANIFEST_BLOB ? blob_is_right(r, at, e)
					   : file_is_right(r->backup, at, e);

	r->facts.n_files++;
	r->facts.n_bytes += at->n_bytes;
	return rc;
}

static int copy_bytes(int from, int to, const char *name, struct err *e)
{
	char part[65536];
	int rc = 0;
	ssize_t n;

	while (rc == 0 && ((n = read(from, part, sizeof(part))) > 0 || (n < 0 && errno == EINTR))) {
		rc = n > 0 ? fs_write_all(to, part, (size_t)n, e) : 0;
	}
	return rc == 0 && n < 0 ? err_sys(e, ERR_IO, errno, "cannot read %s", name) : rc;
}

static int copy_file(const struct restoring *r, const struct manifest_entry *at, struct err *e)
{
	char source[PATH_MAX], target[PATH_MAX];
	int from, to, rc;

	snprintf(source, sizeof(source), "%s/%s", r->backup, at->name);
	snprintf(target, sizeof(target), "%s/%s", r->at.path, at->name);
	from = open(source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (from < 0) {
		return err_sys(e, ERR_IO, errno, "cannot read %s", source);
	}
	to = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	rc = to < 0 ? err_sys(e, ERR_IO, errno, "cannot write %s", target)
		    : copy_bytes(from, to, source, e);
	if (to >= 0 && close(to) != 0 && rc == 0) {
		rc = err_sys(e, ERR_IO, errno, "cannot write %s", target);
	}
	close(from);
	return rc ? rc : file_is_right(r->at.path, at, e);
}

static int copy_one(struct restoring *r, const struct manifest_entry *at, struct err *e)
{
	return at->kind == MANIFEST_BLOB ? blob_copy(r->from, r->to, at->digest, e)
					 : copy_file(r, at, e);
}

static int each_entry(struct restoring *r,
	int (*fn)(struct restoring *r, const struct manifest_entry *at, struct err *e),
	struct err *e)
{
	struct manifest list;
	struct manifest_entry at;
	bool has_database = false;
	int rc = manifest_open(&list, r->backup, e);

	if (rc != 0) {
		return rc;
	}
	do {
		rc = r->o->goes_on(r->o->arg, r->stage, r->done, r->total, e);
		rc = rc ? rc : manifest_next(&list, &at, e);
		if (rc == 0 && at.kind != MANIFEST_END) {
			rc = fn(r, &at, e);
			r->done += at.n_bytes;
			has_database |= strcmp(at.name, "carrel.db") == 0;
		}
	} while (rc == 0 && at.kind != MANIFEST_END);
	r->facts.n_missing = list.n_missing;
	manifest_close(&list);
	return rc == 0 && !has_database ? damaged(e, "carrel.db", "is not listed") : rc;
}

/* For a better message than that the folder is not empty. */
static int not_in_use(const char *folder, struct err *e)
{
	char path[PATH_MAX];
	int fd, rc = 0;

	snprintf(path, sizeof(path), "%s/lock", folder);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
			rc = err_set(e, ERR_CONFLICT, "folder_in_use",
				"a server works on %s: a backup is restored into a new folder",
				folder);
		}
		close(fd);
	}
	return rc;
}

static int restore(struct restoring *r, struct err *e)
{
	char tmp[PATH_MAX];
	int rc = partial_begin(&r->at, r->o->folder, e);

	if (rc != 0) {
		return rc;
	}
	rc = partial_room(&r->at, r->total, e);
	rc = rc ? rc : blobs_open(r->at.path, &r->to, e);
	if (rc == 0) {
		rc = each_entry(r, copy_one, e);
	}
	blobs_close(r->to);
	snprintf(tmp, sizeof(tmp), "%s/tmp", r->at.path);
	fs_remove_tree(tmp);
	if (rc == 0) {
		r->stage = "sync";
		rc = r->o->goes_on(r->o->arg, r->stage, r->done, r->total, e);
	}
	if (rc == 0) {
		rc = partial_finish(&r->at, e);
	}
	partial_abort(&r->at);
	return rc;
}

int backup_restore(
	const char *backup, const struct backup_order *o, struct backup_facts *out, struct err *e)
{
	struct restoring r = {.backup = backup, .o = o, .stage = "verify"};
	int rc = not_in_use(o->folder, e);

	rc = rc ? rc : partial_allowed(o->folder, e);
	if (rc == 0) {
		rc = blobs_open_to_read(backup, &r.from, e);
	}
	if (rc == 0) {
		rc = each_entry(&r, verify_one, e);
	}
	*out = r.facts;
	if (rc == 0) {
		r.total = r.done;
		r.done = 0;
		r.stage = "copy";
		rc = restore(&r, e);
	}
	blobs_close(r.from);
	return rc;
}
