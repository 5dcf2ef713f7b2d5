/*
 * The vectors of a space as they lie in memory, in one file: a copy of its rows in chunk_vector,
 * read in their place at start. The rows of a million chunks lie scattered over the database, and a
 * disk that was not read since it was mounted gives them in many small pieces; the file it gives in
 * one.
 *
 * DATA/vectors/<space>.halves: block n at n times its size, little-endian:
 *
 *	u64[BLOCK_WORDS] which slots have a vector | u16[BLOCK_SLOTS × dimension] half floats
 *
 * Which blocks are right stands in vector_block, with a digest over each; a trigger on chunk_vector
 * takes a block's row away with any change of its vectors, in that change's transaction. Only a
 * block whose row and digest agree is used; of any other the stored vectors are read. So a file
 * that is absent, cut off, older, another one's, or half written when the process was killed costs
 * time and nothing else.
 *
 * Writing: first the blocks are marked as being written, then they are taken from memory, written
 * and synced, then those whose mark is still there get their digest: a vector that changed
 * meanwhile has removed the mark. The last block is left out while it grows.
 *
 * Private to index/vector*.c. Thread: any, not the loop's and not the writer.
 */
#ifndef INDEX_VECTOR_FILE_H
#define INDEX_VECTOR_FILE_H

#include "index/vector_space.h"

#define FILE_SUFFIX ".halves"

/* Puts all stored vectors of a space that was just added into its memory: from the file what is
 * right there, the rest from the rows. Blocks found wrong lose their rows. */
MUST_CHECK int file_load(struct vectors *v, struct loaded_space *s, struct err *e);

/* Writes what is not right in the file. After it no vector is in it that was removed before the
 * call. Where that cannot be done the file is removed, and that is no error; the rest is. */
MUST_CHECK int file_write(struct vectors *v, struct loaded_space *s, struct err *e);

/* Files of spaces that do not serve (any more): *n of them. */
MUST_CHECK int file_strays(struct vectors *v, bool remove_them, int64_t *n, struct err *e);

/* Blocks that are not what their row says, or not what the stored vectors are; repair: they lose
 * their rows. *n_wrong: how many there were. */
MUST_CHECK int file_check(
	struct vectors *v, struct loaded_space *s, bool repair, int64_t *n_wrong, struct err *e);

#endif
