#include "ingest/stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/base/fs.h"
#include "index/base/hash.h"
#include "index/base/log.h"
#include "index/base/utf8.h"
#include "ingest/job.h"

#define MAGIC 0x534c5243u /* "CRLS" */
#define VERSION 2
#define HEAD_BYTES (4 + 4 + 8 + HASH_BYTES)
#define FILE_BYTES_MAX ((size_t)16 << 30)

/* ── files ── */

static char *path_of(struct index *ix, const struct id *job, const char *name)
{
	char *path;

	ASSERT(asprintf(&path, "%s/stage/%s%s%s", ix->data_dir, job->s, *name ? "/" : "", name) >
		0);
	return path;
}

static int write_file(
	const char *path, const struct buf *head, const struct buf *content, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), rc;

	if (fd < 0) {
		return err_sys(e, ERR_IO, errno, "cannot write %s", path);
	}
	rc = fs_write_all(fd, head->data, head->len, e);
	rc = rc ? rc : fs_write_all(fd, content->data, content->len, e);
	if (close(fd) < 0 && rc == 0) {
		rc = err_sys(e, ERR_IO, errno, "cannot write %s", path);
	}
	return rc;
}

int stage_write(struct index *ix, const struct id *job, const char *name, const struct buf *content,
	struct err *e)
{
	char *folder = path_of(ix, job, ""), *path = path_of(ix, job, name);
	struct buf head = BUF_INIT;
	uint8_t hash[HASH_BYTES];
	int rc = fs_mkdirs(folder, e);

	hash_blake2b(content->data, content->len, hash);
	buf_u32(&head, MAGIC);
	buf_u32(&head, VERSION);
	buf_u64(&head, content->len);
	buf_add(&head, hash, sizeof(hash));
	rc = rc ? rc : write_file(path, &head, content, e);
	buf_finish(&head);
	free(folder);
	free(path);
	return rc;
}

static bool well_formed(const struct buf *file)
{
	struct cursor c = cursor_over(file->data, file->len);
	uint8_t hash[HASH_BYTES];

	if (file->len < HEAD_BYTES || cursor_u32(&c) != MAGIC || cursor_u32(&c) != VERSION ||
		cursor_u64(&c) != file->len - HEAD_BYTES) {
		return false;
	}
	hash_blake2b(file->data + HEAD_BYTES, file->len - HEAD_BYTES, hash);
	return memcmp(hash, c.p, sizeof(hash)) == 0;
}

int stage_read(
	struct index *ix, const struct id *job, const char *name, struct buf *out, struct err *e)
{
	char *path = path_of(ix, job, name);
	struct buf file = BUF_INIT;
	struct err why = ERR_INIT;
	int rc = fs_read(path, FILE_BYTES_MAX, &file, &why);

	if (rc == 0 && well_formed(&file)) {
		buf_add(out, file.data + HEAD_BYTES, file.len - HEAD_BYTES);
	} else {
		if (rc != ERR_NOT_FOUND) {
			log_warn("stage.unreadable", LT("job", job->s), LT("file", name));
			unlink(path);
		}
		rc = err_set(e, ERR_NOT_FOUND, "no_stage_file", "the step before has left nothing");
	}
	buf_finish(&file);
	free(path);
	return rc;
}

void stage_remove(struct index *ix, const struct id *job, const char *name)
{
	char *path = path_of(ix, job, name);

	unlink(path);
	free(path);
}

void stage_drop(struct index *ix, const struct id *job)
{
	char *path = path_of(ix, job, "");

	fs_remove_tree(path);
	free(path);
}

static int drop_if_ended(struct index *ix, const char *name, struct err *e)
{
	struct id job = id_parse("job", name);
	struct db *db = store_reader(ix->store, e);
	struct arena a;
	struct job j;
	bool open = false;
	char *path;
	int rc;

	if (!db) {
		return ERR_UNAVAILABLE;
	}
	arena_init(&a);
	rc = job_lookup(db, &a, &job, &j, NULL);
	open = rc == 0 && (strcmp(j.state, "queued") == 0 || strcmp(j.state, "running") == 0);
	store_reader_drop(db);
	arena_finish(&a);
	if (!open && (rc == 0 || rc == ERR_NOT_FOUND)) {
		ASSERT(asprintf(&path, "%s/stage/%s", ix->data_dir, name) > 0);
		fs_remove_tree(path);
		free(path);
	}
	return 0;
}

int stage_sweep(struct index *ix, struct err *e)
{
	struct dirent *entry;
	DIR *dir;
	char *path;
	int rc = 0;

	ASSERT(asprintf(&path, "%s/stage", ix->data_dir) > 0);
	dir = opendir(path);
	free(path);
	while (dir && rc == 0 && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.') {
			rc = drop_if_ended(ix, entry->d_name, e);
		}
	}
	if (dir) {
		closedir(dir);
	}
	return rc;
}

/* ── chunks ── */

static void pack_text(struct buf *out, const char *s)
{
	buf_bytes(out, s, (uint32_t)strlen(s));
}

void stage_pack_chunks(const struct chunk *chunks, int n, struct buf *out)
{
	struct buf boxes = BUF_INIT;

	buf_u32(out, (uint32_t)n);
	for (int i = 0; i < n; i++) {
		const struct chunk *c = &chunks[i];

		pack_text(out, c->language);
		pack_text(out, c->title);
		pack_text(out, c->heading);
		pack_text(out, c->text);
		pack_text(out, c->place ? c->place : "");
		buf_u32(out, (uint32_t)c->page_first);
		buf_u32(out, (uint32_t)c->page_last);
		buf_u64(out, (uint64_t)c->byte_start);
		buf_u64(out, (uint64_t)c->byte_end);
		buf_u32(out, (uint32_t)c->n_tokens);
		buf_clear(&boxes);
		boxes_pack(c->boxes, c->n_boxes, &boxes);
		buf_bytes(out, boxes.data, (uint32_t)boxes.len);
	}
	buf_finish(&boxes);
}

static const char *unpack_text(struct cursor *c, struct arena *a)
{
	uint32_t n;
	const char *s = cursor_bytes(c, &n);

	return c->bad ? "" : arena_strn(a, s, n);
}

static int unpack_chunk(struct cursor *c, struct arena *a, struct chunk *out, struct err *e)
{
	const char *boxes;
	uint32_t n;

	out->language = unpack_text(c, a);
	out->title = unpack_text(c, a);
	out->heading = unpack_text(c, a);
	out->text = unpack_text(c, a);
	out->place = unpack_text(c, a);
	out->page_first = (int)cursor_u32(c);
	out->page_last = (int)cursor_u32(c);
	out->byte_start = (int64_t)cursor_u64(c);
	out->byte_end = (int64_t)cursor_u64(c);
	out->n_tokens = (int)cursor_u32(c);
	boxes = cursor_bytes(c, &n);
	if (c->bad) {
		return err_set(e, ERR_CORRUPT, "bad_stage_file",
			"the chunks of the step before do not read");
	}
	return n == 0 ? 0 : boxes_unpack(boxes, n, a, &out->boxes, &out->n_boxes, e);
}

int stage_unpack_chunks(
	const struct buf *in, struct arena *a, struct chunk **out, int *n, struct err *e)
{
	struct cursor c = cursor_over(in->data, in->len);
	uint32_t count = cursor_u32(&c);
	int rc = 0;

	*n = 0;
	if (c.bad || count > in->len / 48) { /* a chunk has at least 48 bytes of fields */
		return err_set(e, ERR_CORRUPT, "bad_stage_file",
			"the chunks of the step before do not read");
	}
	*out = arena_array(a, struct chunk, count);
	for (uint32_t i = 0; i < count && rc == 0; i++) {
		(*out)[i].seq = (int)i;
		rc = unpack_chunk(&c, a, &(*out)[i], e);
	}
	*n = rc == 0 ? (int)count : 0;
	return rc;
}
