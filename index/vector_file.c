#include "index/vector_file_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "index/base/fs.h"
#include "index/base/log.h"

#define ROUND 64		     /* blocks written between two transactions */
#define AHEAD_BYTES ((off_t)8 << 20) /* asked of the disk before it is needed */

static size_t halves_bytes(const struct loaded_space *s)
{
	return BLOCK_SLOTS * (size_t)s->identity.dimension * sizeof(uint16_t);
}

size_t file_block_bytes(const struct loaded_space *s)
{
	return HEAD_BYTES + halves_bytes(s);
}

void file_path(const struct vectors *v, int64_t space_n, char out[PATH_BYTES])
{
	snprintf(out, PATH_BYTES, "%s/%lld" FILE_SUFFIX, v->folder, (long long)space_n);
}

void file_rows_add(struct block_rows *rows, const struct block_row *row)
{
	if (rows->n == rows->capacity) {
		rows->capacity = rows->capacity ? 2 * rows->capacity : 64;
		rows->items = realloc(rows->items, (size_t)rows->capacity * sizeof(*row));
		ASSERT(rows->items != NULL);
	}
	rows->items[rows->n++] = *row;
}

/* Those of blocks that are right, ascending. */
static int read_rows(
	struct db *db, const struct loaded_space *s, struct block_rows *out, struct err *e)
{
	struct stmt *q = db_stmt(db, &vector_sql, Q_BLOCKS);
	int rc;

	stmt_int(q, 1, s->n);
	while ((rc = stmt_step(q, e)) > 0) {
		struct block_row row = {.n = col_int(q, 0)};
		size_t n_bytes = 0;
		const void *digest = col_blob(q, 1, &n_bytes);

		row.empty = n_bytes == 0;
		if (n_bytes == sizeof(row.digest)) {
			memcpy(row.digest, digest, n_bytes);
		} else if (n_bytes != 0) {
			continue; /* as good as none */
		}
		if (row.n >= 0) {
			file_rows_add(out, &row);
		}
	}
	return rc;
}

/* ── changes of the rows ── */

struct change {
	enum vector_query which;
	const struct loaded_space *space;
	const struct block_rows *rows;
};

static int tx_change(struct db *db, void *arg, struct err *e)
{
	const struct change *c = arg;
	int rc = 0;

	for (int i = 0; rc == 0 && i < c->rows->n; i++) {
		const struct block_row *row = &c->rows->items[i];
		struct stmt *q = db_stmt(db, &vector_sql, (int)c->which);

		stmt_int(q, 1, c->space->n);
		stmt_int(q, 2, row->n);
		if (c->which == Q_BLOCK_RIGHT) {
			stmt_blob(q, 3, row->digest, row->empty ? 0 : sizeof(row->digest));
		}
		rc = stmt_run(q, e);
	}
	return rc;
}

static int change_rows(struct vectors *v, const struct loaded_space *s, enum vector_query which,
	const struct block_rows *rows, struct err *e)
{
	struct change c = {which, s, rows};

	return rows->n ? store_write(v->store, tx_change, &c, e) : 0;
}

int file_forget_rows(struct vectors *v, const struct loaded_space *s, const struct block_rows *rows,
	struct err *e)
{
	return change_rows(v, s, Q_BLOCK_FORGET, rows, e);
}

/* ── reading ── */

int file_reading_begin(
	struct vectors *v, const struct loaded_space *s, struct file_reading *out, struct err *e)
{
	char path[PATH_BYTES];

	*out = (struct file_reading){.db = store_reader(v->store, e), .fd = -1};
	if (!out->db) {
		return err_code(e);
	}
	file_path(v, s->n, path);
	out->fd = open(path, O_RDONLY | O_CLOEXEC);
	return read_rows(out->db, s, &out->rows, e);
}

void file_reading_end(struct file_reading *r)
{
	store_reader_drop(r->db);
	free(r->rows.items);
	if (r->fd >= 0) {
		close(r->fd);
	}
}

struct stmt *file_vectors_between(
	struct db *db, const struct loaded_space *s, int64_t from, int64_t to)
{
	struct stmt *q = db_stmt(db, &vector_sql, Q_VECTORS_BETWEEN);

	stmt_int(q, 1, s->n);
	stmt_int(q, 2, from);
	stmt_int(q, 3, to);
	return q;
}

static bool read_whole(int fd, struct iovec *into, int n, off_t at)
{
	while (n > 0) {
		ssize_t got = preadv(fd, into, n, at);

		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got <= 0) {
			return false;
		}
		at += got;
		for (; n > 0 && (size_t)got >= into->iov_len; into++, n--) {
			got -= (ssize_t)into->iov_len;
		}
		if (n > 0) {
			into->iov_base = (char *)into->iov_base + got;
			into->iov_len -= (size_t)got;
		}
	}
	return true;
}

/* Whether the block is what was written. */
bool file_read_block(int fd, const struct loaded_space *s, const struct block_row *row,
	uint64_t present[BLOCK_WORDS], uint16_t *halves)
{
	struct iovec into[2] = {{present, HEAD_BYTES}, {halves, halves_bytes(s)}};
	off_t at = (off_t)row->n * (off_t)file_block_bytes(s);
	uint8_t digest[HASH_DAMAGE_BYTES];
	struct hash_damage h;

	if (fd < 0) {
		return false;
	}
	(void)posix_fadvise(fd, at + AHEAD_BYTES, (off_t)file_block_bytes(s), POSIX_FADV_WILLNEED);
	if (!read_whole(fd, into, 2, at)) {
		return false;
	}
	hash_damage_init(&h);
	hash_damage_add(&h, present, HEAD_BYTES);
	hash_damage_add(&h, halves, halves_bytes(s));
	hash_damage_finish(&h, digest);
	return memcmp(digest, row->digest, sizeof(digest)) == 0;
}

/* The stored vectors of slots [from, to). */
static int load_rows(struct db *db, struct loaded_space *s, int64_t from, int64_t to, struct err *e)
{
	size_t want = (size_t)s->identity.dimension * sizeof(uint16_t);
	struct stmt *q = file_vectors_between(db, s, from, to);
	int64_t n_bad = 0;
	int rc;

	while ((rc = stmt_step(q, e)) > 0) {
		size_t n_bytes = 0;
		const void *p = col_blob(q, 1, &n_bytes);

		if (n_bytes == want) {
			memory_load(&s->memory, col_int(q, 0), p);
		} else if (n_bytes) {
			n_bad++;
		}
	}
	if (n_bad) {
		log_error("vectors.bad_rows", LN("space", s->n), LN("rows", n_bad));
	}
	return rc;
}

/* Adds the block to wrong if it is not what its row says. */
static void load_block(
	int fd, struct loaded_space *s, const struct block_row *row, struct block_rows *wrong)
{
	struct vector_block *b = memory_block_begin(&s->memory);
	uint64_t present[BLOCK_WORDS];

	if (file_read_block(fd, s, row, present, b->halves)) {
		memory_block_end(&s->memory, b, row->n, present);
	} else {
		memory_block_drop(b);
		file_rows_add(wrong, row);
	}
}

static int load_all(const struct file_reading *r, struct loaded_space *s, struct block_rows *wrong,
	struct err *e)
{
	int64_t next = 0;
	int rc = 0;

	for (int i = 0; rc == 0 && i < r->rows.n; i++) {
		const struct block_row *row = &r->rows.items[i];
		int n_wrong = wrong->n;

		if (!row->empty) {
			load_block(r->fd, s, row, wrong);
		}
		if (wrong->n > n_wrong) {
			continue; /* its rows are read with those before the next right one */
		}
		if (row->n > next) {
			rc = load_rows(r->db, s, next * BLOCK_SLOTS, row->n * BLOCK_SLOTS, e);
		}
		next = row->n + 1;
	}
	return rc ? rc : load_rows(r->db, s, next * BLOCK_SLOTS, INT64_MAX, e);
}

int file_load(struct vectors *v, struct loaded_space *s, struct err *e)
{
	struct block_rows wrong = {0};
	struct file_reading r;
	int rc = file_reading_begin(v, s, &r, e);

	if (rc == 0) {
		rc = load_all(&r, s, &wrong, e);
	}
	file_reading_end(&r);
	memory_loaded(&s->memory);
	if (wrong.n) {
		log_warn("vectors.file_refused", LN("space", s->n), LN("blocks", wrong.n));
	}
	if (rc == 0) {
		rc = file_forget_rows(v, s, &wrong, e);
	}
	free(wrong.items);
	return rc;
}

/* ── writing ── */

struct writing {
	struct vectors *v;
	struct loaded_space *space;
	int fd;
	struct block_rows blocks; /* of this round */
	char *bytes;		  /* [file_block_bytes] */
};

/* The block as it lies in memory, but nothing where there is no vector: those that were removed lie
 * there still. False: it has none. */
static bool take_block(
	const struct snapshot *shot, const struct loaded_space *s, int64_t n, char *out)
{
	size_t each = (size_t)s->identity.dimension * sizeof(uint16_t);
	bool any = false;

	memset(out, 0, file_block_bytes(s));
	for (size_t w = 0; w < BLOCK_WORDS; w++) {
		uint64_t bits = snapshot_word(shot, (size_t)n * BLOCK_WORDS + w);

		memcpy(out + w * sizeof(bits), &bits, sizeof(bits));
		any = any || bits;
		for (; bits; bits &= bits - 1) {
			size_t in_block = w * 64 + (size_t)__builtin_ctzll(bits);

			memcpy(out + HEAD_BYTES + in_block * each,
				snapshot_halves(shot, n * BLOCK_SLOTS + (int64_t)in_block,
					s->identity.dimension),
				each);
		}
	}
	return any;
}

static bool write_whole(int fd, const char *p, size_t n_bytes, off_t at)
{
	while (n_bytes > 0) {
		ssize_t n = pwrite(fd, p, n_bytes, at);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return false;
		}
		p += n;
		at += n;
		n_bytes -= (size_t)n;
	}
	return true;
}

/* An empty one takes no room, where the file system can do that. */
static bool write_block(struct writing *w, const struct snapshot *shot, struct block_row *row)
{
	size_t n_bytes = file_block_bytes(w->space);
	off_t at = (off_t)row->n * (off_t)n_bytes;
	struct hash_damage h;

	row->empty = !take_block(shot, w->space, row->n, w->bytes);
	if (row->empty && fallocate(w->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at,
				  (off_t)n_bytes) == 0) {
		return true;
	}
	hash_damage_init(&h);
	hash_damage_add(&h, w->bytes, n_bytes);
	hash_damage_finish(&h, row->digest);
	row->empty = false;
	return write_whole(w->fd, w->bytes, n_bytes, at);
}

/* 1: it could not be written. */
static int write_round(struct writing *w, struct err *e)
{
	struct snapshot *shot;
	bool good = true;
	int rc = change_rows(w->v, w->space, Q_BLOCK_MARK, &w->blocks, e);

	if (rc) {
		return rc;
	}
	shot = memory_snapshot(&w->space->memory); /* later than the marks */
	for (int i = 0; good && i < w->blocks.n; i++) {
		good = write_block(w, shot, &w->blocks.items[i]);
	}
	snapshot_drop(shot);
	if (!good || fdatasync(w->fd) != 0) {
		return 1;
	}
	return change_rows(w->v, w->space, Q_BLOCK_RIGHT, &w->blocks, e);
}

/* Blocks [from, n_blocks) that have no row; at most ROUND. */
static int64_t choose(
	const struct block_rows *right, int64_t from, int64_t n_blocks, struct block_rows *out)
{
	int at = 0;

	out->n = 0;
	for (; from < n_blocks && out->n < ROUND; from++) {
		while (at < right->n && right->items[at].n < from) {
			at++;
		}
		if (at == right->n || right->items[at].n != from) {
			file_rows_add(out, &(struct block_row){.n = from});
		}
	}
	return from;
}

static int write_blocks(
	struct writing *w, const struct block_rows *right, int64_t n_blocks, struct err *e)
{
	int64_t from = 0;
	int rc = 0;

	while (rc == 0 && from < n_blocks) {
		from = choose(right, from, n_blocks, &w->blocks);
		if (w->blocks.n) {
			rc = write_round(w, e);
		}
	}
	return rc;
}

/* How many blocks belong into the file: all but the last, and those that it has; no more than those
 * where the rest would take half of what is free on the disk. What it has beyond is cut off. False:
 * that cannot be done. */
static bool fit(struct writing *w, int64_t *n_blocks)
{
	struct snapshot *shot = memory_snapshot(&w->space->memory);
	int64_t in_memory = (int64_t)shot->n_blocks, in_file, free_bytes;
	size_t n_bytes = file_block_bytes(w->space);
	struct stat st;

	snapshot_drop(shot);
	if (fstat(w->fd, &st) != 0) {
		return false;
	}
	in_file = (st.st_size + (off_t)n_bytes - 1) / (off_t)n_bytes;
	*n_blocks = in_file >= in_memory ? in_memory : in_memory - 1;
	free_bytes = fs_free_bytes(w->v->folder);
	if (free_bytes >= 0 && free_bytes / 2 < (*n_blocks - in_file) * (int64_t)n_bytes) {
		*n_blocks = in_file < in_memory ? in_file : in_memory;
	}
	return in_file <= in_memory || ftruncate(w->fd, in_memory * (off_t)n_bytes) == 0;
}

static int tx_drop(struct db *db, void *arg, struct err *e)
{
	struct stmt *q = db_stmt(db, &vector_sql, Q_BLOCKS_PURGE);

	stmt_int(q, 1, ((const struct loaded_space *)arg)->n);
	return stmt_run(q, e);
}

/* It is a copy: what cannot be kept right need not be kept. */
static int drop_file(struct writing *w, const char *path, int number, struct err *e)
{
	log_warn("vectors.file_dropped", LN("space", w->space->n), LT("error", strerror(number)));
	if (unlink(path) != 0 && errno != ENOENT) {
		return err_sys(e, ERR_IO, errno, "cannot remove %s", path);
	}
	return store_write(w->v->store, tx_drop, w->space, e);
}

static int write_file(struct writing *w, const char *path, struct err *e)
{
	struct block_rows right = {0};
	struct db *db = store_reader(w->v->store, e);
	int64_t n_blocks;
	int rc;

	if (!db) {
		return err_code(e);
	}
	rc = read_rows(db, w->space, &right, e);
	store_reader_drop(db);
	if (rc == 0) {
		rc = fit(w, &n_blocks) ? write_blocks(w, &right, n_blocks, e) : 1;
	}
	free(right.items);
	return rc == 1 ? drop_file(w, path, errno, e) : rc;
}

/* Whether the space has a whole block, or a file that may hold what was removed. */
static bool file_wanted(struct loaded_space *s, const char *path)
{
	struct snapshot *shot = memory_snapshot(&s->memory);
	bool wanted = shot->n_blocks > 1 || fs_exists(path);

	snapshot_drop(shot);
	return wanted;
}

int file_write(struct vectors *v, struct loaded_space *s, struct err *e)
{
	struct writing w = {.v = v, .space = s};
	char path[PATH_BYTES];
	int rc = 0;

	file_path(v, s->n, path);
	pthread_mutex_lock(&s->filing);
	if (file_wanted(s, path)) {
		w.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		w.bytes = malloc(file_block_bytes(s));
		ASSERT(w.bytes != NULL);
		if (w.fd < 0) {
			log_warn("vectors.file", LT("error", strerror(errno)));
		} else {
			rc = write_file(&w, path, e);
			close(w.fd);
		}
		free(w.bytes);
		free(w.blocks.items);
	}
	pthread_mutex_unlock(&s->filing);
	return rc;
}

/* ── strays ── */

/* 1: it is. */
static int is_stray(struct db *db, const char *name, struct err *e)
{
	struct stmt *q;
	char *end;
	int64_t space_n = strtoll(name, &end, 10);
	int rc;

	if (strcmp(end, FILE_SUFFIX) != 0) {
		return 0;
	}
	q = db_stmt(db, &vector_sql, Q_IS_SERVING);
	stmt_int(q, 1, space_n);
	rc = stmt_step(q, e);
	stmt_reset(q);
	return rc < 0 ? rc : rc == 0;
}

int file_strays(struct vectors *v, bool remove_them, int64_t *n, struct err *e)
{
	DIR *dir = opendir(v->folder);
	struct dirent *entry;
	struct db *db;
	int rc = 0;

	*n = 0;
	if (!dir) {
		return err_sys(e, ERR_IO, errno, "cannot read %s", v->folder);
	}
	db = store_reader(v->store, e);
	while (db && rc >= 0 && (entry = readdir(dir))) {
		rc = is_stray(db, entry->d_name, e);
		*n += rc > 0;
		if (rc > 0 && remove_them && unlinkat(dirfd(dir), entry->d_name, 0) != 0) {
			log_warn("vectors.file", LT("error", strerror(errno)));
		}
	}
	store_reader_drop(db);
	closedir(dir);
	return !db ? err_code(e) : rc < 0 ? rc : 0;
}
