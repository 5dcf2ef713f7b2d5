/* Whether the file is what its rows say, and what the stored vectors are: file_check of
 * index/vector_file.h. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/base/fs.h"
#include "index/base/log.h"
#include "index/vector_file_private.h"

/* The block as the stored vectors make it. */
static int make_block(
	struct db *db, const struct loaded_space *s, int64_t n, char *out, struct err *e)
{
	size_t each = (size_t)s->identity.dimension * sizeof(uint16_t);
	struct stmt *q = file_vectors_between(db, s, n * BLOCK_SLOTS, (n + 1) * BLOCK_SLOTS);
	int rc;

	memset(out, 0, file_block_bytes(s));
	while ((rc = stmt_step(q, e)) > 0) {
		size_t in_block = (size_t)(col_int(q, 0) % BLOCK_SLOTS), n_bytes = 0;
		const void *p = col_blob(q, 1, &n_bytes);
		uint64_t word;

		if (n_bytes == each) {
			memcpy(&word, out + in_block / 64 * sizeof(word), sizeof(word));
			word |= (uint64_t)1 << (in_block % 64);
			memcpy(out + in_block / 64 * sizeof(word), &word, sizeof(word));
			memcpy(out + HEAD_BYTES + in_block * each, p, each);
		}
	}
	return rc;
}

static int check_block(struct db *db, int fd, const struct loaded_space *s,
	const struct block_row *row, struct block_rows *wrong, struct err *e)
{
	char *stored = malloc(file_block_bytes(s)), *found = calloc(1, file_block_bytes(s));
	bool good;
	int rc;

	ASSERT(stored != NULL && found != NULL);
	rc = make_block(db, s, row->n, stored, e);
	good = row->empty || file_read_block(fd, s, row, (uint64_t *)(void *)found,
				     (uint16_t *)(void *)(found + HEAD_BYTES));
	if (rc == 0 && (!good || memcmp(stored, found, file_block_bytes(s)) != 0)) {
		file_rows_add(wrong, row);
	}
	free(stored);
	free(found);
	return rc;
}

struct rereading {
	struct loaded_space *space;
	const struct block_rows *rows;
	uint16_t *halves;
};

/* A start that took a block for right has it in memory. */
static int tx_read_again(struct db *db, void *arg, struct err *e)
{
	const struct rereading *r = arg;
	const size_t each = (size_t)r->space->identity.dimension * sizeof(uint16_t);
	int rc = 0;

	for (int i = 0; rc >= 0 && i < r->rows->n; i++) {
		const int64_t n = r->rows->items[i].n;
		struct stmt *q =
			file_vectors_between(db, r->space, n * BLOCK_SLOTS, (n + 1) * BLOCK_SLOTS);

		while ((rc = stmt_step(q, e)) > 0) {
			size_t n_bytes = 0;
			const void *p = col_blob(q, 1, &n_bytes);

			if (n_bytes == each) {
				memcpy(r->halves, p, each);
				memory_put(&r->space->memory, col_int(q, 0), r->halves);
			}
		}
	}
	return rc;
}

static int read_again(
	struct vectors *v, struct loaded_space *s, const struct block_rows *rows, struct err *e)
{
	uint16_t halves[EMBED_DIMENSION_MAX];
	struct rereading r = {s, rows, halves};

	return rows->n ? store_write(v->store, tx_read_again, &r, e) : 0;
}

static int check_blocks(
	struct vectors *v, struct loaded_space *s, struct block_rows *wrong, struct err *e)
{
	struct file_reading r;
	int rc = file_reading_begin(v, s, &r, e);

	for (int i = 0; rc == 0 && i < r.rows.n; i++) {
		rc = check_block(r.db, r.fd, s, &r.rows.items[i], wrong, e);
	}
	file_reading_end(&r);
	return rc;
}

/* Nothing can be written in its place. */
static bool folder_in_place(struct vectors *v, const struct loaded_space *s, bool remove_it)
{
	char path[PATH_BYTES];
	struct stat st;
	bool is;

	file_path(v, s->n, path);
	is = lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
	if (is && remove_it) {
		fs_remove_tree(path);
	}
	return is;
}

int file_check(
	struct vectors *v, struct loaded_space *s, bool repair, int64_t *n_wrong, struct err *e)
{
	struct block_rows wrong = {0};
	bool folder;
	int rc;

	pthread_mutex_lock(&s->filing); /* what is written anew would look wrong */
	folder = folder_in_place(v, s, repair);
	rc = check_blocks(v, s, &wrong, e);
	if (rc == 0 && repair) {
		rc = file_forget_rows(v, s, &wrong, e);
		rc = rc ? rc : read_again(v, s, &wrong, e);
	}
	pthread_mutex_unlock(&s->filing);
	if (wrong.n) {
		log_warn("vectors.file_wrong", LN("space", s->n), LN("blocks", wrong.n));
	}
	*n_wrong = wrong.n + folder;
	free(wrong.items);
	return rc;
}
