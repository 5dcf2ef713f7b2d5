/* Files: whole writes, durable renames, whole reads. Blocks: worker threads and start-up only. */
#ifndef INDEX_BASE_FS_H
#define INDEX_BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "index/base/err.h"

MUST_CHECK int fs_write_all(int fd, const void *p, size_t n_bytes, struct err *e);
MUST_CHECK int fs_mkdirs(const char *path, struct err *e); /* mode 0700; fine if it exists */
MUST_CHECK int fs_sync_dir(const char *path, struct err *e);
/* tmp -> fsync -> rename -> fsync of the directory: after it returns 0 the file is durable. */
MUST_CHECK int fs_replace(const char *path, const void *p, size_t n_bytes, struct err *e);
/* Appends the file to out; more than max_bytes is ERR_TOO_LARGE, absence ERR_NOT_FOUND. */
MUST_CHECK int fs_read(const char *path, size_t max_bytes, struct buf *out, struct err *e);
/* The folder that holds path, into out; "." when path has no slash. */
void fs_parent(const char *path, char *out, size_t out_size);
bool fs_exists(const char *path);
void fs_remove_tree(const char *path);	 /* best effort; never follows links */
int64_t fs_free_bytes(const char *path); /* -1: unknown */

/* The data folder's lock (flock on DATA/lock). Returns the fd, ERR_CONFLICT while another process
 * holds it, or another error. close() releases it. */
MUST_CHECK int fs_lock(const char *path, struct err *e);

#endif
