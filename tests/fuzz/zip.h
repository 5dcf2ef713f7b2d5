/* A ZIP archive of stored parts (APPNOTE.TXT 4.3), for tests: the smallest that readers take. */
#ifndef TESTS_FUZZ_ZIP_H
#define TESTS_FUZZ_ZIP_H

#include <stdint.h>
#include <string.h>

#include "index/base/buf.h"

struct zip_writer {
	struct buf *out, directory;
	int n;
};

static inline uint32_t zip_crc(const char *p, size_t n)
{
	static uint32_t table[256];
	uint32_t crc = ~0u;

	for (uint32_t i = 0; i < 256 && !table[255]; i++) {
		table[i] = i;
		for (int k = 0; k < 8; k++) {
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
		}
	}
	for (size_t i = 0; i < n; i++) {
		crc = crc >> 8 ^ table[(crc ^ (unsigned char)p[i]) & 0xff];
	}
	return ~crc;
}

static inline void zip_u16(struct buf *b, uint32_t v)
{
	buf_u8(b, (uint8_t)v);
	buf_u8(b, (uint8_t)(v >> 8));
}

/* What the header of a part and its entry in the directory share. */
static inline void zip_facts(struct buf *b, size_t n_name, size_t n, uint32_t crc)
{
	zip_u16(b, 20);
	zip_u16(b, 0);
	zip_u16(b, 0); /* stored */
	zip_u16(b, 0);
	zip_u16(b, 0x21); /* 1980-01-01 */
	buf_u32(b, crc);
	buf_u32(b, (uint32_t)n);
	buf_u32(b, (uint32_t)n);
	zip_u16(b, (uint32_t)n_name);
	zip_u16(b, 0);
}

static inline void zip_put(
	struct zip_writer *w, const char *name, size_t n_name, const char *p, size_t n)
{
	uint32_t crc = zip_crc(p, n), at = (uint32_t)w->out->len;

	buf_add(w->out, "PK\3\4", 4);
	zip_facts(w->out, n_name, n, crc);
	buf_add(w->out, name, n_name);
	buf_add(w->out, p, n);
	buf_add(&w->directory, "PK\1\2", 4);
	zip_u16(&w->directory, 20);
	zip_facts(&w->directory, n_name, n, crc);
	zip_u16(&w->directory, 0);
	zip_u16(&w->directory, 0);
	zip_u16(&w->directory, 0);
	buf_u32(&w->directory, 0);
	buf_u32(&w->directory, at);
	buf_add(&w->directory, name, n_name);
	w->n++;
}

static inline void zip_end(struct zip_writer *w)
{
	uint32_t at = (uint32_t)w->out->len;

	buf_add(w->out, w->directory.data ? w->directory.data : "", w->directory.len);
	buf_add(w->out, "PK\5\6\0\0\0\0", 8);
	zip_u16(w->out, (uint32_t)w->n);
	zip_u16(w->out, (uint32_t)w->n);
	buf_u32(w->out, (uint32_t)w->directory.len);
	buf_u32(w->out, at);
	zip_u16(w->out, 0);
	buf_finish(&w->directory);
}

/* "@@ NAME\n", its bytes and "\n", again and again; what stands before the first is no part. */
static inline void zip_of_parts(struct buf *out, const char *p, size_t n)
{
	struct zip_writer w = {.out = out};
	const char *end = p + n, *part = NULL, *name = NULL;
	size_t n_name = 0;

	for (const char *at = p; at <= end;) {
		const char *stop = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
		bool head = at < end && stop && stop - at > 3 && memcmp(at, "@@ ", 3) == 0;

		if (name && (head || !stop)) {
			const char *last = head && at > part ? at - 1 : head ? at : end;

			zip_put(&w, name, n_name, part, (size_t)(last - part));
		}
		if (!stop) {
			break;
		}
		if (head) {
			name = at + 3;
			n_name = (size_t)(stop - name);
			n_name = n_name < 200 ? n_name : 200;
			part = stop + 1;
		}
		at = stop + 1;
	}
	zip_end(&w);
}

#endif
