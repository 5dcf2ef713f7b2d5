#include "index/blob_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "index/base/fs.h"

/* Each reader keeps a window: 128 KB and not 2 MB, for many may read, or hang, at once. */
#define ZSTD_WINDOW_LOG 17
#define ZSTD_LEVEL 3
#define SAMPLE_BYTES ((size_t)64 * 1024)

struct blobs {
	char root[PATH_MAX - 128]; /* DATA/blobs */
	char tmp[PATH_MAX - 128];  /* DATA/tmp */
	atomic_uint serial;
};

struct blob_writer {
	struct blobs *blobs;
	char path[PATH_MAX];
	int fd;
	int rc; /* of the first failed write: the commit then fails too */
	int64_t n_bytes;
	int64_t max_bytes;
	struct hash_stream hash;
	struct buf sample; /* the beginning, until the form is chosen */
	bool chosen;
	ZSTD_CCtx *zstd; /* NULL: plain */
	char *out;	 /* [IO_BYTES] */
};

/* ── places ── */

/* Also what keeps a name from being a path. */
static bool is_hash(const char *name)
{
	return name && strlen(name) == HASH_HEX_SIZE - 1 &&
	       strspn(name, "0123456789abcdef") == HASH_HEX_SIZE - 1;
}

/* The blob's file, or the folder that holds it. */
static void path_of(const struct blobs *b, const char *hash, bool folder, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/%.2s/%s", b->root, hash, folder ? "" : hash);
}

/* All 256 at once, so that no writer has to make one durable. */
static int make_folders(struct blobs *b, struct err *e)
{
	bool made = false;

	for (int i = 0; i < 256; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%02x", b->root, i);
		if (mkdir(path, 0700) == 0) {
			made = true;
		} else if (errno != EEXIST) {
			return err_sys(e, ERR_IO, errno, "cannot make folder %s", path);
		}
	}
	return made ? fs_sync_dir(b->root, e) : 0;
}

bool blob_path(const struct blobs *b, const char *hash, char out[BLOB_PATH_SIZE])
{
	if (!is_hash(hash)) {
		return false;
	}
	path_of(b, hash, false, out);
	return true;
}

int blobs_open_to_read(const char *data_dir, struct blobs **out, struct err *e)
{
	struct blobs *b = calloc(1, sizeof(*b));

	ASSERT(b != NULL);
	*out = NULL;
	if ((size_t)snprintf(b->root, sizeof(b->root), "%s/blobs", data_dir) >= sizeof(b->root)) {
		free(b);
		return err_set(e, ERR_CONFIG, "bad_setting", "the data folder's name is too long");
	}
	snprintf(b->tmp, sizeof(b->tmp), "%s/tmp", data_dir);
	*out = b;
	return 0;
}

int blobs_open(const char *data_dir, struct blobs **out, struct err *e)
{
	int rc = blobs_open_to_read(data_dir, out, e);

	if (rc != 0) {
		return rc;
	}
	fs_remove_tree((*out)->tmp);
	rc = fs_mkdirs((*out)->root, e);
	if (rc == 0) {
		rc = fs_mkdirs((*out)->tmp, e);
	}
	if (rc == 0) {
		rc = make_folders(*out, e);
	}
	if (rc != 0) {
		blobs_close(*out);
		*out = NULL;
	}
	return rc;
}

void blobs_close(struct blobs *b)
{
	free(b);
}

/* ── writing ── */

int blob_writer_open(struct blobs *b, int64_t max_bytes, struct blob_writer **out, struct err *e)
{
	struct blob_writer *w = calloc(1, sizeof(*w));

	ASSERT(w != NULL);
	*out = NULL;
	w->blobs = b;
	w->max_bytes = max_bytes;
	snprintf(w->path, sizeof(w->path), "%s/%08x", b->tmp, atomic_fetch_add(&b->serial, 1));
	w->fd = open(w->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (w->fd < 0) {
		int rc = err_sys(e, ERR_IO, errno, "cannot write %s", w->path);

		free(w);
		return rc;
	}
	hash_stream_init(&w->hash);
	*out = w;
	return 0;
}

static void writer_destroy(struct blob_writer *w)
{
	close(w->fd);
	ZSTD_freeCCtx(w->zstd);
	buf_finish(&w->sample);
	free(w->out);
	free(w);
}

void blob_writer_abort(struct blob_writer *w)
{
	if (w) {
		unlink(w->path);
		writer_destroy(w);
	}
}

static int write_zstd(
	struct blob_writer *w, const void *p, size_t n_bytes, ZSTD_EndDirective how, struct err *e)
{
	ZSTD_inBuffer in = {p, n_bytes, 0};
	size_t left;

	do {
		ZSTD_outBuffer out = {w->out, IO_BYTES, 0};
		int rc;

		left = ZSTD_compressStream2(w->zstd, &out, &in, how);
		if (ZSTD_isError(left)) {
			return err_set(e, ERR_INTERNAL, "zstd", "cannot compress: %s",
				ZSTD_getErrorName(left));
		}
		rc = fs_write_all(w->fd, w->out, out.pos, e);
		if (rc != 0) {
			return rc;
		}
	} while (in.pos < in.size || (how == ZSTD_e_end && left > 0));
	return 0;
}

static int write_on(struct blob_writer *w, const void *p, size_t n_bytes, struct err *e)
{
	return w->zstd ? write_zstd(w, p, n_bytes, ZSTD_e_continue, e)
		       : fs_write_all(w->fd, p, n_bytes, e);
}

/* Less than a twentieth gained on the sample: the content is compressed already. */
static bool compresses(const struct buf *sample)
{
	size_t bound = ZSTD_compressBound(sample->len);
	char *packed = malloc(bound);
	size_t n;

	ASSERT(packed != NULL);
	n = ZSTD_compress(packed, bound, sample->data, sample->len, 1);
	free(packed);
	return !ZSTD_isError(n) && n < sample->len - sample->len / 20;
}

static int choose_form(struct blob_writer *w, struct err *e)
{
	char form = FORM_PLAIN;
	int rc;

	buf_reserve(&w->sample, 0);
	if (compresses(&w->sample)) {
		form = FORM_ZSTD;
		w->zstd = ZSTD_createCCtx();
		w->out = malloc(IO_BYTES);
		ASSERT(w->zstd != NULL && w->out != NULL);
		ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
		ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_windowLog, ZSTD_WINDOW_LOG);
	}
	w->chosen = true;
	rc = fs_write_all(w->fd, &form, 1, e);
	if (rc == 0) {
		rc = write_on(w, w->sample.data, w->sample.len, e);
	}
	buf_finish(&w->sample);
	return rc;
}

static int write_part(struct blob_writer *w, const char *p, size_t n_bytes, struct err *e)
{
	int rc = 0;

	if (!w->chosen) {
		size_t room = SAMPLE_BYTES - w->sample.len;
		size_t n = n_bytes < room ? n_bytes : room;

		buf_add(&w->sample, p, n);
		p += n;
		n_bytes -= n;
		if (w->sample.len == SAMPLE_BYTES) {
			rc = choose_form(w, e);
		}
	}
	return rc == 0 && n_bytes > 0 ? write_on(w, p, n_bytes, e) : rc;
}

int blob_write(struct blob_writer *w, const void *p, size_t n_bytes, struct err *e)
{
	if (w->rc != 0) {
		return err_set(e, w->rc, "write_failed", "an earlier part could not be written");
	}
	if (n_bytes == 0) {
		return 0;
	}
	if (n_bytes > INT64_MAX || (int64_t)n_bytes > w->max_bytes - w->n_bytes) {
		w->rc = err_set(e, ERR_TOO_LARGE, "file_too_large",
			"the file is larger than the %lld bytes allowed", (long long)w->max_bytes);
		return w->rc;
	}
	hash_stream_add(&w->hash, p, n_bytes);
	w->n_bytes += (int64_t)n_bytes;
	w->rc = write_part(w, p, n_bytes, e);
	return w->rc;
}

static int finish_file(struct blob_writer *w, struct err *e)
{
	int rc = blob_write(w, NULL, 0, e); /* did an earlier one fail? */

	if (rc == 0 && !w->chosen) {
		rc = choose_form(w, e);
	}
	if (rc == 0 && w->zstd) {
		rc = write_zstd(w, "", 0, ZSTD_e_end, e);
	}
	if (rc == 0 && fsync(w->fd) != 0) {
		rc = err_sys(e, ERR_IO, errno, "cannot sync %s", w->path);
	}
	return rc;
}

int blob_writer_commit(struct blob_writer *w, struct blob_info *out, struct err *e)
{
	char path[PATH_MAX];
	int rc = finish_file(w, e);

	if (rc == 0) {
		out->n_bytes = w->n_bytes;
		hash_stream_finish(&w->hash, out->hash, out->sha256);
		path_of(w->blobs, out->hash, false, path);
		/* Over the same blob, if it is there: equal bytes, and a damaged copy is healed. */
		if (rename(w->path, path) != 0) {
			rc = err_sys(e, ERR_IO, errno, "cannot move a file to %s", path);
		}
	}
	if (rc != 0) {
		blob_writer_abort(w);
		return rc;
	}
	path_of(w->blobs, out->hash, true, path);
	writer_destroy(w);
	return fs_sync_dir(path, e);
}

int blob_put(struct blobs *b, const void *p, size_t n_bytes, struct blob_info *out, struct err *e)
{
	struct blob_writer *w;
	int rc = blob_writer_open(b, INT64_MAX, &w, e);

	if (rc != 0) {
		return rc;
	}
	rc = blob_write(w, p, n_bytes, e);
	if (rc != 0) {
		blob_writer_abort(w);
		return rc;
	}
	return blob_writer_commit(w, out, e);
}

/* ── upkeep ── */

bool blob_exists(struct blobs *b, const char *hash)
{
	char path[PATH_MAX];

	if (is_hash(hash)) {
		path_of(b, hash, false, path);
	}
	return is_hash(hash) && fs_exists(path);
}

int blob_remove(struct blobs *b, const char *hash, struct err *e)
{
	char path[PATH_MAX];

	if (!is_hash(hash)) {
		return 0;
	}
	path_of(b, hash, false, path);
	if (unlink(path) != 0) {
		return errno == ENOENT ? 0 : err_sys(e, ERR_IO, errno, "cannot remove %s", path);
	}
	path_of(b, hash, true, path);
	return fs_sync_dir(path, e);
}

static int walk_folder(const char *path, int (*fn)(const char *hash, void *arg), void *arg,
	bool *ended, struct err *e)
{
	const char *prefix = path + strlen(path) - 2;
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir) {
		return err_sys(e, ERR_IO, errno, "cannot read folder %s", path);
	}
	while (!*ended && (entry = readdir(dir)) != NULL) {
		if (is_hash(entry->d_name) && memcmp(entry->d_name, prefix, 2) == 0) {
			*ended = fn(entry->d_name, arg) != 0;
		}
	}
	closedir(dir);
	return 0;
}

int blob_each(struct blobs *b, int (*fn)(const char *hash, void *arg), void *arg, struct err *e)
{
	bool ended = false;
	int rc = 0;

	for (int i = 0; rc == 0 && !ended && i < 256; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%02x", b->root, i);
		rc = walk_folder(path, fn, arg, &ended, e);
	}
	return rc;
}
