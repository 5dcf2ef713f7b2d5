#include "index/blob_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/base/fs.h"

_Static_assert(BLOB_PATH_SIZE == PATH_MAX, "as blob.h says");

int64_t blob_stored_bytes(const struct blobs *b, const char *hash)
{
	char path[BLOB_PATH_SIZE];
	struct stat st;

	return blob_path(b, hash, path) && stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}

static int copy_bytes(int from, int to, const char *source, struct err *e)
{
	char *part = malloc(IO_BYTES);
	int rc = 0;
	ssize_t n;

	ASSERT(part != NULL);
	do {
		n = read(from, part, IO_BYTES);
		if (n > 0) {
			rc = fs_write_all(to, part, (size_t)n, e);
		} else if (n < 0 && errno != EINTR) {
			rc = err_sys(e, ERR_CORRUPT, errno, "cannot read %s", source);
		}
	} while (rc == 0 && n != 0);
	free(part);
	return rc;
}

static int copy_file(const char *source, const char *target, struct err *e)
{
	int from = open(source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), to, rc;

	if (from < 0) {
		return errno == ENOENT ? err_set(e, ERR_NOT_FOUND, "no_blob",
						 "the stored file is not there")
				       : err_sys(e, ERR_CORRUPT, errno, "cannot open %s", source);
	}
	to = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0) {
		rc = err_sys(e, ERR_IO, errno, "cannot write %s", target);
		close(from);
		return rc;
	}
	rc = copy_bytes(from, to, source, e);
	close(from);
	if (close(to) != 0 && rc == 0) {
		rc = err_sys(e, ERR_IO, errno, "cannot write %s", target);
	}
	if (rc != 0) {
		unlink(target);
	}
	return rc;
}

int blob_copy(struct blobs *from, struct blobs *to, const char *hash, struct err *e)
{
	char source[BLOB_PATH_SIZE], target[BLOB_PATH_SIZE];
	struct err why = ERR_INIT;
	int rc;

	if (!blob_path(from, hash, source) || !blob_path(to, hash, target)) {
		return err_set(e, ERR_NOT_FOUND, "no_blob", "the stored file is not there");
	}
	rc = copy_file(source, target, e);
	if (rc != 0) {
		return rc;
	}
	rc = blob_verify(to, hash, &why);
	if (rc == 0) {
		return 0;
	}
	unlink(target);
	rc = blob_verify(from, hash, e);
	return rc != 0 ? rc
		       : err_set(e, ERR_IO, "copy_damaged",
				 "%s does not read as it was written: %s", target, why.message);
}
