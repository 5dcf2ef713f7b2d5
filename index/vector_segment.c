#include "index/vector_segment.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/base/fs.h"
#include "index/base/id.h"
#include "index/faiss_c.h"

/* FAISS warns, on stderr, below 39 training vectors a list. */
#define TRAIN_PER_LIST 40

extern void omp_set_num_threads(int n);

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
	if (s->faiss) {
		faiss_Index_free(s->faiss);
	}
	bitmap_finish(&s->covered);
	free(s);
}

static int faiss_error(struct err *e, const char *what)
{
	const char *text = faiss_get_last_error();

	return err_set(e, ERR_CORRUPT, "vector_segment", "%s: %.200s", what,
		text && *text ? text : "unknown");
}

int segment_file_hash(const char *path, char sha256[HASH_HEX_SIZE], struct err *e)
{
	char blake2b[HASH_HEX_SIZE];
	struct hash_stream h;
	size_t size = 1 << 20;
	uint8_t *p;
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		return errno == ENOENT
			       ? err_set(e, ERR_NOT_FOUND, "no_file", "%s is not there", path)
			       : err_sys(e, ERR_IO, errno, "cannot open %s", path);
	}
	p = malloc(size);
	ASSERT(p != NULL);
	hash_stream_init(&h);
	do {
		got = read(fd, p, size);
		if (got > 0) {
			hash_stream_add(&h, p, (size_t)got);
		}
	} while (got > 0 || (got < 0 && errno == EINTR));
	if (got < 0) {
		int errnum = errno;

		free(p);
		close(fd);
		return err_sys(e, ERR_IO, errnum, "cannot read %s", path);
	}
	hash_stream_finish(&h, blake2b, sha256);
	free(p);
	close(fd);
	return 0;
}

/* Every slot that the inverted lists hold, once; false if a list lies outside the range. */
static bool read_covered(struct segment *s)
{
	FaissIndexIVF *ivf = faiss_IndexIVF_cast(s->faiss);
	size_t n_lists = ivf ? faiss_IndexIVF_nlist(ivf) : 0;
	bool good = ivf != NULL;

	for (size_t i = 0; good && i < n_lists; i++) {
		size_t n = faiss_IndexIVF_get_list_size(ivf, i);
		int64_t *ids = malloc((n ? n : 1) * sizeof(int64_t));

		ASSERT(ids != NULL);
		faiss_IndexIVF_invlists_get_ids(ivf, i, ids);
		for (size_t k = 0; k < n; k++) {
			if (ids[k] < 0 || ids[k] >= s->slot_to - s->slot_from) {
				good = false;
				break;
			}
			bitmap_set(&s->covered, (uint64_t)ids[k]);
		}
		free(ids);
	}
	s->n_covered = bitmap_count(&s->covered);
	s->n_lists = (int64_t)n_lists;
	return good && s->n_covered == (uint64_t)faiss_Index_ntotal(s->faiss);
}

int segment_load(
	const char *folder, const struct segment *want, struct segment **out, struct err *e)
{
	char path[1024], sha256[HASH_HEX_SIZE];
	struct segment *s;
	FaissIndex *faiss = NULL;
	int rc;

	*out = NULL;
	snprintf(path, sizeof(path), "%s/%s", folder, want->file);
	rc = segment_file_hash(path, sha256, e);
	if (rc) {
		return rc;
	}
	if (strcmp(sha256, want->sha256) != 0) {
		return err_set(
			e, ERR_CORRUPT, "vector_segment", "%s is not what was written", path);
	}
	if (faiss_read_index_fname(path, 0, &faiss)) {
		return faiss_error(e, path);
	}
	s = calloc(1, sizeof(*s));
	ASSERT(s != NULL);
	*s = *want;
	atomic_init(&s->refs, 1);
	bitmap_init(&s->covered);
	s->faiss = faiss;
	if (faiss_Index_d(faiss) != want->dimension ||
		faiss_Index_metric_type(faiss) != METRIC_INNER_PRODUCT || !read_covered(s)) {
		segment_drop(s);
		return err_set(e, ERR_CORRUPT, "vector_segment", "%s holds another index", path);
	}
	*out = s;
	return 0;
}

/* Evenly spread over the slots, since neighbours are of one document. */
static int train(FaissIndex *index, const struct segment_plan *plan, int64_t n_lists)
{
	int64_t n = n_lists * TRAIN_PER_LIST < plan->n ? n_lists * TRAIN_PER_LIST : plan->n;
	size_t width = (size_t)plan->dimension * sizeof(float);
	float *sample = malloc((size_t)n * width);
	int rc;

	ASSERT(sample != NULL);
	for (int64_t i = 0; i < n; i++) {
		int64_t from = (int64_t)((double)i * (double)plan->n / (double)n);

		memcpy((char *)sample + (size_t)i * width,
			(const char *)plan->vectors + (size_t)from * width, width);
	}
	rc = faiss_Index_train(index, n, sample);
	free(sample);
	return rc;
}

static int fill(struct segment *s, const struct segment_plan *plan)
{
	int64_t n_lists = (int64_t)(4 * sqrt((double)plan->n));
	int64_t *ids = malloc((size_t)plan->n * sizeof(int64_t));
	char description[32];
	FaissIndex *index = NULL;
	int rc;

	ASSERT(ids != NULL);
	n_lists = n_lists * TRAIN_PER_LIST > plan->n ? plan->n / TRAIN_PER_LIST : n_lists;
	n_lists = n_lists > 1 ? n_lists : 1;
	s->n_lists = n_lists;
	snprintf(description, sizeof(description), "IVF%lld,Flat", (long long)n_lists);
	for (int64_t i = 0; i < plan->n; i++) {
		ids[i] = plan->slots[i] - plan->slot_from;
		bitmap_set(&s->covered, (uint64_t)ids[i]);
	}
	s->n_covered = (uint64_t)plan->n;
	omp_set_num_threads(1);
	rc = faiss_index_factory(&index, plan->dimension, description, METRIC_INNER_PRODUCT);
	s->faiss = index;
	if (rc == 0) {
		rc = train(index, plan, n_lists);
	}
	if (rc == 0) {
		rc = faiss_Index_add_with_ids(index, plan->n, plan->vectors, ids);
	}
	free(ids);
	return rc;
}

static int store_file(struct segment *s, const char *folder, struct err *e)
{
	char path[1024], tmp[1040];
	int fd, rc;

	snprintf(path, sizeof(path), "%s/%s", folder, s->file);
	snprintf(tmp, sizeof(tmp), "%s.tmp", path);
	if (faiss_write_index_fname(s->faiss, tmp)) {
		rc = faiss_error(e, tmp);
		(void)unlink(tmp);
		return rc;
	}
	fd = open(tmp, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0) {
		rc = err_sys(e, ERR_IO, errno, "cannot write %s", tmp);
	} else {
		rc = segment_file_hash(tmp, s->sha256, e);
	}
	if (fd >= 0) {
		close(fd);
	}
	if (rc == 0 && rename(tmp, path) != 0) {
		rc = err_sys(e, ERR_IO, errno, "cannot rename %s", tmp);
	}
	if (rc) {
		(void)unlink(tmp);
		return rc;
	}
	return fs_sync_dir(folder, e);
}

int segment_build(const struct segment_plan *plan, struct segment **out, struct err *e)
{
	struct segment *s = calloc(1, sizeof(*s));
	struct id unique = id_create("seg");
	int rc;

	ASSERT(s != NULL && plan->n > 0 && plan->slot_from % 64 == 0 && plan->slot_to % 64 == 0);
	atomic_init(&s->refs, 1);
	bitmap_init(&s->covered);
	s->slot_from = plan->slot_from;
	s->slot_to = plan->slot_to;
	s->dimension = plan->dimension;
	snprintf(s->file, sizeof(s->file), "%lld-%lld-%lld-%s.faiss", (long long)plan->space_n,
		(long long)plan->slot_from, (long long)plan->slot_to, unique.s);
	rc = fill(s, plan) ? faiss_error(e, "cannot build a vector segment") : 0;
	if (rc == 0) {
		rc = store_file(s, plan->folder, e);
	}
	if (rc) {
		segment_drop(s);
		return rc;
	}
	*out = s;
	return 0;
}

int segment_search(const struct segment *s, const float *query, const struct bitmap *allowed, int k,
	int n_probe, int64_t *slots, int *n, struct err *e)
{
	size_t word = (size_t)s->slot_from / 64, last = (size_t)s->slot_to / 64;
	FaissIDSelectorBitmap *selector = NULL;
	FaissSearchParametersIVF *params = NULL;
	float *distances = NULL;
	int rc = 0;

	*n = 0;
	last = allowed->n_words < last ? allowed->n_words : last;
	if (word >= last) {
		return 0;
	}
	omp_set_num_threads(1);
	distances = malloc((size_t)k * sizeof(*distances));
	ASSERT(distances != NULL);
	/* FAISS counts its bitmap in bytes. */
	if (faiss_IDSelectorBitmap_new(
		    &selector, (last - word) * 8, (const uint8_t *)(allowed->words + word)) ||
		faiss_SearchParametersIVF_new_with(
			&params, (FaissIDSelector *)selector, (size_t)n_probe, 0) ||
		faiss_Index_search_with_params(s->faiss, 1, query, k,
			(const FaissSearchParameters *)params, distances, slots)) {
		rc = faiss_error(e, "vector search");
	}
	for (int i = 0; rc == 0 && i < k && slots[i] >= 0; i++) {
		slots[(*n)++] += s->slot_from;
	}
	if (params) {
		faiss_SearchParametersIVF_free(params);
	}
	if (selector) {
		faiss_IDSelectorBitmap_free(selector);
	}
	free(distances);
	return rc;
}
