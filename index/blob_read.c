#include "index/blob_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include "index/base/fs.h"

struct blob_reader {
	int fd;
	char name[HASH_HEX_SIZE];
	struct hash_stream hash;
	ZSTD_DCtx *zstd; /* NULL: plain */
	ZSTD_inBuffer in;
	bool mid_frame;
	bool at_end;  /* seen, and the hash was right */
	char *buffer; /* [IO_BYTES], for zstd */
};

static int damaged(const char *hash, const char *why, struct err *e)
{
	return err_set(e, ERR_CORRUPT, "blob_damaged",
		"the stored file %.16s… is damaged (%s): restore it from a backup, or upload it "
		"again",
		hash, why);
}

/* Bytes read, 0 at the end, or an error. */
static ssize_t read_some(struct blob_reader *r, void *p, size_t n, struct err *e)
{
	ssize_t got;

	do {
		got = read(r->fd, p, n);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? err_sys(e, ERR_IO, errno, "cannot read the stored file %.16s…", r->name)
		       : got;
}

int blob_reader_open(struct blobs *b, const char *hash, struct blob_reader **out, struct err *e)
{
	char path[BLOB_PATH_SIZE];
	struct blob_reader *r;
	unsigned char form = FORM_PLAIN;
	ssize_t n;
	int fd;

	*out = NULL;
	if (!blob_path(b, hash, path)) {
		return err_set(e, ERR_NOT_FOUND, "no_blob", "the stored file is not there");
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		return errno == ENOENT ? err_set(e, ERR_NOT_FOUND, "no_blob",
						 "the stored file is not there")
				       : err_sys(e, ERR_IO, errno, "cannot open %s", path);
	}
	r = calloc(1, sizeof(*r));
	ASSERT(r != NULL);
	r->fd = fd;
	memcpy(r->name, hash, HASH_HEX_SIZE);
	n = read_some(r, &form, 1, e);
	if (n != 1 || form > FORM_ZSTD) {
		int rc = n < 0 ? (int)n : damaged(hash, "its first byte", e);

		blob_reader_close(r);
		return rc;
	}
	hash_stream_init_blake2b(&r->hash);
	if (form == FORM_ZSTD) {
		r->zstd = ZSTD_createDCtx();
		r->buffer = malloc(IO_BYTES);
		ASSERT(r->zstd != NULL && r->buffer != NULL);
		r->in.src = r->buffer;
	}
	*out = r;
	return 0;
}

/* As read_some, of what the frame holds. */
static ssize_t read_zstd(struct blob_reader *r, void *p, size_t n, struct err *e)
{
	ZSTD_outBuffer out = {p, n, 0};

	while (out.pos == 0) {
		size_t left;

		/* With room to write, zstd first gives out what it holds, so only then more is
		 * read. */
		if (r->in.pos == r->in.size) {
			ssize_t got = read_some(r, r->buffer, IO_BYTES, e);

			if (got < 0) {
				return got;
			}
			if (got == 0) {
				return r->mid_frame ? damaged(r->name, "it ends too early", e) : 0;
			}
			r->in.size = (size_t)got;
			r->in.pos = 0;
		}
		left = ZSTD_decompressStream(r->zstd, &out, &r->in);
		if (ZSTD_isError(left)) {
			return damaged(r->name, ZSTD_getErrorName(left), e);
		}
		r->mid_frame = left != 0;
	}
	return (ssize_t)out.pos;
}

static int check_hash(struct blob_reader *r, struct err *e)
{
	char blake2b[HASH_HEX_SIZE];

	hash_stream_finish(&r->hash, blake2b, NULL);
	if (strcmp(blake2b, r->name) != 0) {
		return damaged(r->name, "its hash differs", e);
	}
	r->at_end = true;
	return 0;
}

int blob_reader_next(struct blob_reader *r, void *p, size_t n, struct err *e)
{
	ssize_t got;

	if (r->at_end || n == 0) {
		return 0;
	}
	n = n < INT_MAX ? n : INT_MAX;
	got = r->zstd ? read_zstd(r, p, n, e) : read_some(r, p, n, e);
	if (got == 0) {
		return check_hash(r, e);
	}
	if (got > 0) {
		hash_stream_add(&r->hash, p, (size_t)got);
	}
	return (int)got;
}

void blob_reader_close(struct blob_reader *r)
{
	if (r) {
		close(r->fd);
		ZSTD_freeDCtx(r->zstd);
		free(r->buffer);
		free(r);
	}
}

/* Feeds the whole blob to `take`; what it was given holds only if the result is 0. */
static int read_whole(struct blobs *b, const char *hash,
	int (*take)(void *arg, const void *p, size_t n_bytes, struct err *e), void *arg,
	struct err *e)
{
	struct blob_reader *r;
	char *part;
	int rc = blob_reader_open(b, hash, &r, e);

	if (rc != 0) {
		return rc;
	}
	part = malloc(IO_BYTES);
	ASSERT(part != NULL);
	while ((rc = blob_reader_next(r, part, IO_BYTES, e)) > 0) {
		rc = take(arg, part, (size_t)rc, e);
		if (rc != 0) {
			break;
		}
	}
	free(part);
	blob_reader_close(r);
	return rc;
}

struct into_buf {
	struct buf *out;
	size_t start;
	int64_t max_bytes;
};

static int take_to_buf(void *arg, const void *p, size_t n_bytes, struct err *e)
{
	struct into_buf *into = arg;

	buf_add(into->out, p, n_bytes);
	if (into->out->over || (int64_t)(into->out->len - into->start) > into->max_bytes) {
		return err_set(e, ERR_TOO_LARGE, "file_too_large",
			"the stored file is larger than %lld bytes", (long long)into->max_bytes);
	}
	return 0;
}

int blob_read(struct blobs *b, const char *hash, int64_t max_bytes, struct buf *out, struct err *e)
{
	struct into_buf into = {out, out->len, max_bytes};
	int rc = read_whole(b, hash, take_to_buf, &into, e);

	buf_reserve(out, 0);
	if (rc != 0) {
		out->len = into.start;
		out->data[out->len] = '\0';
	}
	return rc;
}

static int take_to_fd(void *arg, const void *p, size_t n_bytes, struct err *e)
{
	return fs_write_all(*(const int *)arg, p, n_bytes, e);
}

int blob_memfd(struct blobs *b, const char *hash, int *fd, struct err *e)
{
	int mem = memfd_create("blob", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int rc;

	*fd = -1;
	if (mem < 0) {
		return err_sys(e, ERR_INTERNAL, errno, "cannot make a file in memory");
	}
	rc = read_whole(b, hash, take_to_fd, &mem, e);
	if (rc == 0 &&
		(lseek(mem, 0, SEEK_SET) != 0 ||
			fcntl(mem, F_ADD_SEALS,
				F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)) {
		rc = err_sys(e, ERR_INTERNAL, errno, "cannot seal a file in memory");
	}
	if (rc != 0) {
		close(mem);
		return rc;
	}
	*fd = mem;
	return 0;
}

static int take_nothing(void *arg, const void *p, size_t n_bytes, struct err *e)
{
	(void)arg, (void)p, (void)n_bytes, (void)e;
	return 0;
}

int blob_verify(struct blobs *b, const char *hash, struct err *e)
{
	return read_whole(b, hash, take_nothing, NULL, e);
}
