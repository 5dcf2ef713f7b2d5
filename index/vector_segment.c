/*
 * The file (little-endian):
 *
 *   "CRLLISTS" | u32 dimension | u32 n_lists | u64 slots in the range | u64 n_covered
 *   | u16[n_lists × dimension] centroids | u32[n_lists + 1] starts | u32[n_covered] slots
 */
#include "index/vector_segment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/buf.h"
#include "index/base/fs.h"
#include "index/base/id.h"
#include "index/vector_kernel.h"
#include "index/vector_lists.h"

#define MAGIC "CRLLISTS"
#define FILE_MAX ((size_t)1 << 31)

struct segment *segment_keep(struct segment *s)
{
	atomic_fetch_add(&s->refs, 1);
	return s;
}

void segment_drop(struct segment *s)
{
	if (!s || atomic_fetch_sub(&s->refs, 1) != 1) {
		return;
	}
	free(s->centroids);
	free(s->starts);
	free(s->slots);
	bitmap_finish(&s->covered);
	codes_destroy(s->codes);
	free(s);
}

void segment_code(
	struct segment *s, const int64_t *slots, const uint16_t *const *vectors, int64_t n)
{
	ASSERT(!s->codes);
	s->codes = codes_create(&(struct codes_plan){.slot_from = s->slot_from,
		.slot_to = s->slot_to,
		.dimension = s->dimension,
		.slots = slots,
		.vectors = vectors,
		.n = n});
}

int segment_file_hash(const char *path, char sha256[HASH_HEX_SIZE], struct err *e)
{
	struct buf bytes = BUF_INIT;
	int rc = fs_exists(path) ? fs_read(path, FILE_MAX, &bytes, e)
				 : err_set(e, ERR_NOT_FOUND, "no_file", "%s is not there", path);

	if (rc == 0) {
		hash_sha256_hex(bytes.data, bytes.len, sha256);
	}
	buf_finish(&bytes);
	return rc;
}

/* ── loading ── */

static void *copy(struct cursor *c, size_t n, size_t size)
{
	size_t n_bytes = n * size;
	void *p = malloc(n_bytes ? n_bytes : 1);

	ASSERT(p != NULL);
	memcpy(p, c->p, n_bytes);
	c->p += n_bytes;
	return p;
}

/* Every slot of the lists, once and in the range. */
static bool read_covered(struct segment *s)
{
	uint64_t n_slots = (uint64_t)(s->slot_to - s->slot_from);

	if (s->starts[0] != 0 || s->starts[s->n_lists] != s->n_covered) {
		return false;
	}
	for (int64_t i = 0; i < s->n_lists; i++) {
		if (s->starts[i] > s->starts[i + 1]) {
			return false;
		}
	}
	bitmap_reserve(&s->covered, n_slots);
	for (uint64_t i = 0; i < s->n_covered; i++) {
		if (s->slots[i] >= n_slots || bitmap_has(&s->covered, s->slots[i])) {
			return false;
		}
		bitmap_set(&s->covered, s->slots[i]);
	}
	return true;
}

static bool unpack(struct segment *s, const struct buf *bytes)
{
	struct cursor c = cursor_over(bytes->data, bytes->len);
	size_t magic = sizeof(MAGIC) - 1, left;

	if (bytes->len < magic || memcmp(bytes->data, MAGIC, magic) != 0) {
		return false;
	}
	c.p += magic;
	if (cursor_u32(&c) != (uint32_t)s->dimension) {
		return false;
	}
	s->n_lists = cursor_u32(&c);
	if (cursor_u64(&c) != (uint64_t)(s->slot_to - s->slot_from)) {
		return false;
	}
	s->n_covered = cursor_u64(&c);
	left = (size_t)(c.end - c.p);
	if (c.bad || s->n_lists < 1 || s->n_covered > left / 4 ||
		left != (size_t)s->n_lists * (size_t)s->dimension * 2 +
				((size_t)s->n_lists + 1 + s->n_covered) * 4) {
		return false;
	}
	s->centroids = copy(&c, (size_t)s->n_lists * (size_t)s->dimension, sizeof(uint16_t));
	s->starts = copy(&c, (size_t)s->n_lists + 1, sizeof(uint32_t));
	s->slots = copy(&c, s->n_covered, sizeof(uint32_t));
	return read_covered(s);
}

int segment_load(
	const char *folder, const struct segment *want, struct segment **out, struct err *e)
{
	char path[1024], sha256[HASH_HEX_SIZE];
	struct buf bytes = BUF_INIT;
	struct segment *s;
	int rc;

	*out = NULL;
	snprintf(path, sizeof(path), "%s/%s", folder, want->file);
	if (!fs_exists(path)) {
		return err_set(e, ERR_NOT_FOUND, "no_file", "%s is not there", path);
	}
	rc = fs_read(path, FILE_MAX, &bytes, e);
	if (rc) {
		buf_finish(&bytes);
		return rc;
	}
	hash_sha256_hex(bytes.data, bytes.len, sha256);
	if (strcmp(sha256, want->sha256) != 0) {
		buf_finish(&bytes);
		return err_set(
			e, ERR_CORRUPT, "vector_segment", "%s is not what was written", path);
	}
	s = calloc(1, sizeof(*s));
	ASSERT(s != NULL);
	*s = *want;
	atomic_init(&s->refs, 1);
	s->centroids = NULL;
	s->starts = s->slots = NULL;
	s->codes = NULL;
	bitmap_init(&s->covered);
	if (!unpack(s, &bytes)) {
		segment_drop(s);
		rc = err_set(e, ERR_CORRUPT, "vector_segment", "%s holds another index", path);
	} else {
		*out = s;
	}
	buf_finish(&bytes);
	return rc;
}

/* ── building ── */

/* Counts, then places: slots stay ascending within a list. */
static void fill(struct segment *s, const struct segment_plan *plan, const uint32_t *list_of)
{
	uint32_t *at;

	s->starts = calloc((size_t)s->n_lists + 1, sizeof(*s->starts));
	s->slots = calloc((size_t)plan->n, sizeof(*s->slots));
	at = calloc((size_t)s->n_lists + 1, sizeof(*at));
	ASSERT(s->starts != NULL && s->slots != NULL && at != NULL);
	for (int64_t i = 0; i < plan->n; i++) {
		s->starts[list_of[i] + 1]++;
	}
	for (int64_t i = 0; i < s->n_lists; i++) {
		s->starts[i + 1] += s->starts[i];
		at[i] = s->starts[i];
	}
	for (int64_t i = 0; i < plan->n; i++) {
		uint32_t slot = (uint32_t)(plan->slots[i] - plan->slot_from);

		s->slots[at[list_of[i]]++] = slot;
		bitmap_set(&s->covered, slot);
	}
	s->n_covered = (uint64_t)plan->n;
	free(at);
}

static void pack(const struct segment *s, struct buf *out)
{
	buf_str(out, MAGIC);
	buf_u32(out, (uint32_t)s->dimension);
	buf_u32(out, (uint32_t)s->n_lists);
	buf_u64(out, (uint64_t)(s->slot_to - s->slot_from));
	buf_u64(out, s->n_covered);
	buf_add(out, s->centroids,
		(size_t)s->n_lists * (size_t)s->dimension * sizeof(*s->centroids));
	buf_add(out, s->starts, ((size_t)s->n_lists + 1) * sizeof(*s->starts));
	buf_add(out, s->slots, s->n_covered * sizeof(*s->slots));
}

static int store_file(struct segment *s, const char *folder, struct err *e)
{
	struct buf bytes = BUF_INIT;
	char path[1024];
	int rc;

	pack(s, &bytes);
	hash_sha256_hex(bytes.data, bytes.len, s->sha256);
	snprintf(path, sizeof(path), "%s/%s", folder, s->file);
	rc = fs_replace(path, bytes.data, bytes.len, e);
	buf_finish(&bytes);
	return rc;
}

int segment_build(const struct segment_plan *plan, struct segment **out, struct err *e)
{
	struct segment *s = calloc(1, sizeof(*s));
	struct id unique = id_create("seg");
	uint32_t *list_of = calloc((size_t)plan->n + 1, sizeof(*list_of));
	int rc;

	ASSERT(s != NULL && list_of != NULL && plan->n > 0);
	ASSERT(plan->slot_from % 64 == 0 && plan->slot_to % 64 == 0 &&
		plan->slot_to - plan->slot_from <= UINT32_MAX);
	atomic_init(&s->refs, 1);
	bitmap_init(&s->covered);
	s->slot_from = plan->slot_from;
	s->slot_to = plan->slot_to;
	s->dimension = plan->dimension;
	snprintf(s->file, sizeof(s->file), "%lld-%lld-%lld-%s" SEGMENT_SUFFIX,
		(long long)plan->space_n, (long long)plan->slot_from, (long long)plan->slot_to,
		unique.s);
	rc = lists_find(
		plan->vectors, plan->n, plan->dimension, &s->centroids, &s->n_lists, list_of, e);
	if (rc == 0) {
		fill(s, plan, list_of);
		segment_code(s, plan->slots, plan->vectors, plan->n);
		rc = store_file(s, plan->folder, e);
	}
	free(list_of);
	if (rc) {
		segment_drop(s);
		return rc;
	}
	*out = s;
	return 0;
}

/* ── searching ── */

struct ordered {
	float cosine;
	uint32_t list;
};

static int by_cosine(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;

	return x->cosine != y->cosine ? (x->cosine < y->cosine) - (x->cosine > y->cosine)
				      : (x->list > y->list) - (x->list < y->list);
}

void segment_order(const struct segment *s, const float *query, uint32_t *order)
{
	const struct vector_kernel *kernel = vector_kernel();
	size_t d = (size_t)s->dimension;
	struct ordered *all = malloc((size_t)s->n_lists * sizeof(*all));

	ASSERT(all != NULL);
	for (int64_t i = 0; i < s->n_lists; i++) {
		all[i].cosine = kernel->dot_half(query, s->centroids + (size_t)i * d, d);
		all[i].list = (uint32_t)i;
	}
	qsort(all, (size_t)s->n_lists, sizeof(*all), by_cosine);
	for (int64_t i = 0; i < s->n_lists; i++) {
		order[i] = all[i].list;
	}
	free(all);
}
