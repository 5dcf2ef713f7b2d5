#include "index/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/err.h"

void buf_init(struct buf *b)
{
	*b = (struct buf)BUF_INIT;
}

void buf_finish(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = 0;
	b->cap = 0;
	b->over = false;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->over = false;
	if (b->data) {
		b->data[0] = '\0';
	}
}

void buf_reserve(struct buf *b, size_t n_more_bytes)
{
	size_t need;
	size_t cap = b->cap ? b->cap : 64;
	bool over = __builtin_add_overflow(b->len, n_more_bytes, &need) || need > SIZE_MAX / 4;

	ASSERT(!over);
	need++; /* the NUL */
	if (need <= b->cap) {
		return;
	}
	while (cap < need) {
		cap += cap / 2;
	}
	b->data = realloc(b->data, cap);
	ASSERT(b->data != NULL);
	b->cap = cap;
	b->data[b->len] = '\0';
}

/* After the first append that did not fit nothing is taken, so what is there is a prefix. */
static bool fits(struct buf *b, size_t n_bytes)
{
	if (b->limit && (b->over || b->len > b->limit || n_bytes > b->limit - b->len)) {
		b->over = true;
	}
	return !b->over;
}

void buf_add(struct buf *b, const void *p, size_t n_bytes)
{
	if (!fits(b, n_bytes)) {
		return;
	}
	buf_reserve(b, n_bytes);
	if (n_bytes) {
		memcpy(b->data + b->len, p, n_bytes);
	}
	b->len += n_bytes;
	b->data[b->len] = '\0';
}

void buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
	if (b->len + 1 < b->cap && !b->limit) { /* texts are made of them */
		b->data[b->len++] = c;
		b->data[b->len] = '\0';
	} else {
		buf_add(b, &c, 1);
	}
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	ASSERT(n >= 0);
	if (!fits(b, (size_t)n)) {
		return;
	}
	buf_reserve(b, (size_t)n);
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
}

void buf_remove_front(struct buf *b, size_t n_bytes)
{
	ASSERT(n_bytes <= b->len);
	if (n_bytes) {
		b->len -= n_bytes;
		memmove(b->data, b->data + n_bytes, b->len + 1);
	}
}

char *buf_take(struct buf *b)
{
	char *s;

	buf_reserve(b, 0);
	s = b->data;
	b->data = NULL;
	b->len = 0;
	b->cap = 0;
	b->over = false;
	return s;
}

static void add_le(struct buf *b, uint64_t v, size_t n_bytes)
{
	uint8_t out[8];

	for (size_t i = 0; i < n_bytes; i++) {
		out[i] = (uint8_t)(v >> (8 * i));
	}
	buf_add(b, out, n_bytes);
}

void buf_u8(struct buf *b, uint8_t v)
{
	add_le(b, v, 1);
}

void buf_u32(struct buf *b, uint32_t v)
{
	add_le(b, v, 4);
}

void buf_u64(struct buf *b, uint64_t v)
{
	add_le(b, v, 8);
}

void buf_f32(struct buf *b, float v)
{
	uint32_t bits;

	memcpy(&bits, &v, sizeof(bits));
	add_le(b, bits, 4);
}

void buf_bytes(struct buf *b, const void *p, uint32_t n_bytes)
{
	if (!fits(b, (size_t)n_bytes + 4)) {
		return; /* never a length without its bytes */
	}
	buf_u32(b, n_bytes);
	buf_add(b, p, n_bytes);
}

struct cursor cursor_over(const void *p, size_t n_bytes)
{
	const uint8_t *start = n_bytes ? p : (const uint8_t *)"";

	return (struct cursor){start, start + n_bytes, false};
}

static const uint8_t *take(struct cursor *c, size_t n_bytes)
{
	const uint8_t *p = c->p;

	if (c->bad || (size_t)(c->end - c->p) < n_bytes) {
		c->bad = true;
		return NULL;
	}
	c->p += n_bytes;
	return p;
}

static uint64_t take_le(struct cursor *c, size_t n_bytes)
{
	const uint8_t *p = take(c, n_bytes);
	uint64_t v = 0;

	for (size_t i = 0; p && i < n_bytes; i++) {
		v |= (uint64_t)p[i] << (8 * i);
	}
	return v;
}

uint8_t cursor_u8(struct cursor *c)
{
	return (uint8_t)take_le(c, 1);
}

uint32_t cursor_u32(struct cursor *c)
{
	return (uint32_t)take_le(c, 4);
}

uint64_t cursor_u64(struct cursor *c)
{
	return take_le(c, 8);
}

float cursor_f32(struct cursor *c)
{
	uint32_t bits = cursor_u32(c);
	float v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

const char *cursor_bytes(struct cursor *c, uint32_t *n_bytes)
{
	uint32_t n = cursor_u32(c);
	const uint8_t *p = take(c, n);

	*n_bytes = p ? n : 0;
	return p ? (const char *)p : "";
}
