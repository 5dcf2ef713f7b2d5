/*
 * struct box[] as bytes: u8 version 1, u32 count, then per box u32 page, f32 x0 y0 x1 y1, u32
 * byte_start, u32 byte_end; little-endian.
 */
#include <math.h>

#include "index/chunks.h"

#define VERSION 1
#define BOX_BYTES 28

void boxes_pack(const struct box *boxes, int n, struct buf *out)
{
	buf_u8(out, VERSION);
	buf_u32(out, (uint32_t)n);
	for (int i = 0; i < n; i++) {
		const struct box *b = &boxes[i];

		buf_u32(out, (uint32_t)b->page);
		buf_f32(out, b->x0);
		buf_f32(out, b->y0);
		buf_f32(out, b->x1);
		buf_f32(out, b->y1);
		buf_u32(out, (uint32_t)b->byte_start);
		buf_u32(out, (uint32_t)b->byte_end);
	}
}

static bool sound(const struct box *b)
{
	return b->page >= 1 && isfinite(b->x0) && isfinite(b->y0) && isfinite(b->x1) &&
	       isfinite(b->y1) && b->x0 <= b->x1 && b->y0 <= b->y1 && b->byte_start >= 0 &&
	       b->byte_start <= b->byte_end;
}

int boxes_unpack(
	const void *p, size_t n_bytes, struct arena *a, struct box **out, int *n, struct err *e)
{
	struct cursor c = cursor_over(p, n_bytes);
	uint8_t version = cursor_u8(&c);
	uint32_t count = cursor_u32(&c);

	*out = NULL;
	*n = 0;
	if (c.bad || version != VERSION || (n_bytes - 5) / BOX_BYTES != count ||
		(n_bytes - 5) % BOX_BYTES != 0) {
		return err_set(e, ERR_CORRUPT, "damaged_boxes", "a chunk's boxes are damaged");
	}
	*out = arena_array(a, struct box, (size_t)count + 1);
	for (uint32_t i = 0; i < count; i++) {
		struct box *b = &(*out)[i];

		b->page = (int32_t)cursor_u32(&c);
		b->x0 = cursor_f32(&c);
		b->y0 = cursor_f32(&c);
		b->x1 = cursor_f32(&c);
		b->y1 = cursor_f32(&c);
		b->byte_start = (int32_t)cursor_u32(&c);
		b->byte_end = (int32_t)cursor_u32(&c);
		if (!sound(b)) {
			return err_set(
				e, ERR_CORRUPT, "damaged_boxes", "a chunk's boxes are damaged");
		}
	}
	*n = (int)count;
	return 0;
}
