/*
 * A growable byte string. data is always NUL-terminated after the first append (len does not count
 * it), so it serves as a C string where it holds none. Growth dies when memory is short; a buffer
 * that a peer fills gets a limit, past which appends are dropped and `over` is set.
 */
#ifndef INDEX_BASE_BUF_H
#define INDEX_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *data;
	size_t len;
	size_t cap;
	size_t limit; /* bytes; 0: none */
	bool over;    /* an append went past the limit and was dropped */
};

#define BUF_INIT                                                                                   \
	{                                                                                          \
		NULL, 0, 0, 0, false                                                               \
	}

void buf_init(struct buf *b);
void buf_finish(struct buf *b);
void buf_clear(struct buf *b); /* len 0, memory kept */
void buf_reserve(struct buf *b, size_t n_more_bytes);
void buf_add(struct buf *b, const void *p, size_t n_bytes);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap);
void buf_remove_front(struct buf *b, size_t n_bytes);
char *buf_take(struct buf *b); /* hands the malloced string over; never NULL; b is empty after */

/* Little-endian fixed-size and length-prefixed fields, for our own file formats and frames. */
void buf_u8(struct buf *b, uint8_t v);
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);
void buf_f32(struct buf *b, float v);
void buf_bytes(struct buf *b, const void *p, uint32_t n_bytes); /* u32 length, then bytes */

/* The reader of those: a failed read sets bad and gives zeros from then on. */
struct cursor {
	const uint8_t *p;
	const uint8_t *end;
	bool bad;
};

struct cursor cursor_over(const void *p, size_t n_bytes);
uint8_t cursor_u8(struct cursor *c);
uint32_t cursor_u32(struct cursor *c);
uint64_t cursor_u64(struct cursor *c);
float cursor_f32(struct cursor *c);
const char *cursor_bytes(struct cursor *c, uint32_t *n_bytes); /* borrows from the input */

#endif
