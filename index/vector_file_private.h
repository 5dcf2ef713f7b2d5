/*
 * What index/vector_file.c (loading, writing) and index/vector_file_check.c share. Nobody else
 * includes this.
 */
#ifndef INDEX_VECTOR_FILE_PRIVATE_H
#define INDEX_VECTOR_FILE_PRIVATE_H

#include "index/base/hash.h"
#include "index/vector_file.h"

#define HEAD_BYTES (BLOCK_WORDS * sizeof(uint64_t))
#define PATH_BYTES 1024

struct block_row {
	int64_t n;
	bool empty;
	uint8_t digest[HASH_DAMAGE_BYTES];
};

struct block_rows {
	struct block_row *items; /* malloced */
	int n, capacity;
};

/* The file as it is read, with the blocks whose rows say that they are right, ascending. */
struct file_reading {
	struct db *db;
	int fd; /* -1: there is none */
	struct block_rows rows;
};

size_t file_block_bytes(const struct loaded_space *s);
void file_rows_add(struct block_rows *rows, const struct block_row *row);
void file_path(const struct vectors *v, int64_t space_n, char out[PATH_BYTES]);
/* To be ended whatever is returned. */
MUST_CHECK int file_reading_begin(
	struct vectors *v, const struct loaded_space *s, struct file_reading *out, struct err *e);
void file_reading_end(struct file_reading *r);
/* The blocks of the rows are not right any more. */
MUST_CHECK int file_forget_rows(struct vectors *v, const struct loaded_space *s,
	const struct block_rows *rows, struct err *e);
/* The stored vectors of slots [from, to): slot, vector. */
struct stmt *file_vectors_between(
	struct db *db, const struct loaded_space *s, int64_t from, int64_t to);
/* Whether the block is what was written. */
bool file_read_block(int fd, const struct loaded_space *s, const struct block_row *row,
	uint64_t present[BLOCK_WORDS], uint16_t *halves);

#endif
