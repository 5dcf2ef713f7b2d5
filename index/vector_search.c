/*
 * The search plan, by how many slots are allowed:
 *   few, or a small space, no segment yet, or
 *   segments would cost more                    exact: our kernel over the stored vectors
 *   more                                        every segment by FAISS with the bitmap as selector,
 * its candidates scored again exactly; the tail exactly fewer found than there are exact
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/log.h"
#include "index/vector_kernel.h"
#include "index/vector_space.h"

#define PREFETCH_BYTES 256
#define FAISS_COMPARES 3.0
#define FAISS_SKIPS .05

/* The best k, worst at the top of a heap; of equal ones the lower slot is better. */
struct best {
	struct vector_hit *hits;
	int n, k;
};

static bool worse(const struct vector_hit *a, const struct vector_hit *b)
{
	return a->cosine != b->cosine ? a->cosine < b->cosine : a->slot > b->slot;
}

static void sift_down(struct best *b, int i)
{
	for (;;) {
		int child = 2 * i + 1;
		struct vector_hit t;

		if (child >= b->n) {
			return;
		}
		if (child + 1 < b->n && worse(&b->hits[child + 1], &b->hits[child])) {
			child++;
		}
		if (!worse(&b->hits[child], &b->hits[i])) {
			return;
		}
		t = b->hits[i];
		b->hits[i] = b->hits[child];
		b->hits[child] = t;
		i = child;
	}
}

static void best_add(struct best *b, int64_t slot, float cosine)
{
	struct vector_hit hit = {slot, cosine};

	if (b->n < b->k) {
		int i = b->n++;

		while (i > 0 && worse(&hit, &b->hits[(i - 1) / 2])) {
			b->hits[i] = b->hits[(i - 1) / 2];
			i = (i - 1) / 2;
		}
		b->hits[i] = hit;
	} else if (worse(&b->hits[0], &hit)) {
		b->hits[0] = hit;
		sift_down(b, 0);
	}
}

static int by_cosine(const void *a, const void *b)
{
	return worse(a, b) ? 1 : worse(b, a) ? -1 : 0;
}

struct query {
	const float *unit;
	int dimension;
	const struct bitmap *allowed;
	const struct vector_kernel *kernel;
};

static void scan_word(const struct snapshot *s, const struct query *q, size_t word, uint64_t bits,
	struct best *best)
{
	int64_t slots[64];
	int n = 0;

	while (bits) {
		slots[n++] = (int64_t)word * 64 + __builtin_ctzll(bits);
		bits &= bits - 1;
	}
	for (int i = 0; i < n; i++) {
		const uint16_t *halves = snapshot_halves(s, slots[i], q->dimension);

		if (i + 1 < n) {
			const char *next =
				(const char *)snapshot_halves(s, slots[i + 1], q->dimension);

			for (int at = 0; at < PREFETCH_BYTES; at += 64) {
				__builtin_prefetch(next + at);
			}
		}
		best_add(
			best, slots[i], q->kernel->dot_half(q->unit, halves, (size_t)q->dimension));
	}
}

/* Exactly: every allowed slot with a vector, but those that a segment covers if only_tail. */
static void scan(const struct snapshot *s, const struct query *q, bool only_tail, struct best *best)
{
	size_t n_words = s->n_blocks * BLOCK_WORDS;
	int at = 0;

	n_words = q->allowed->n_words < n_words ? q->allowed->n_words : n_words;
	for (size_t word = 0; word < n_words; word++) {
		uint64_t bits = q->allowed->words[word];

		if (bits) {
			bits &= snapshot_word(s, word);
		}
		if (bits && only_tail) {
			while (at < s->n_segments &&
				(size_t)s->segments[at]->slot_to / 64 <= word) {
				at++;
			}
			if (at < s->n_segments && (size_t)s->segments[at]->slot_from / 64 <= word) {
				const struct segment *seg = s->segments[at];
				size_t in = word - (size_t)seg->slot_from / 64;

				bits &= in < seg->covered.n_words ? ~seg->covered.words[in]
								  : ~UINT64_C(0);
			}
		}
		if (bits) {
			scan_word(s, q, word, bits, best);
		}
	}
}

/* At least n_probe lists, and so many that about twice as many allowed vectors are compared as an
 * exact scan may: forbidden ones cost next to nothing, and where permissions follow topics the
 * nearest allowed ones lie in lists far from the query (recall .90 without, .99 with it at 10 %
 * allowed). */
static int lists_to_probe(const struct vectors *v, const struct segment *seg, const struct query *q,
	uint64_t n_allowed)
{
	double scale = (double)TUNED_DIMENSION / q->dimension;
	double part = 2 * (double)v->tuning.exact_allowed * scale / (double)(n_allowed + 1);
	double n = fmax(v->tuning.n_probe, part * (double)seg->n_lists);

	return (int)fmin(n, (double)seg->n_lists);
}

/* By the segments, each candidate scored again from the stored vector, and the tail exactly. */
static int search_segments(const struct vectors *v, const struct snapshot *s, const struct query *q,
	uint64_t n_allowed, struct best *best, struct err *e)
{
	int k = best->k + v->tuning.overfetch, n, rc = 0;
	int64_t *slots = malloc((size_t)k * sizeof(*slots));

	ASSERT(slots != NULL);
	for (int i = 0; rc == 0 && i < s->n_segments; i++) {
		const struct segment *seg = s->segments[i];

		rc = segment_search(seg, q->unit, q->allowed, k,
			lists_to_probe(v, seg, q, n_allowed), slots, &n, e);
		for (int j = 0; rc == 0 && j < n; j++) {
			/* The tail's scan finds what the segment does not cover. */
			if (snapshot_has(s, slots[j]) &&
				bitmap_has(q->allowed, (uint64_t)slots[j])) {
				best_add(best, slots[j],
					q->kernel->dot_half(q->unit,
						snapshot_halves(s, slots[j], q->dimension),
						(size_t)q->dimension));
			}
		}
	}
	free(slots);
	if (rc == 0) {
		scan(s, q, true, best);
	}
	return rc;
}

/* In comparisons of our kernel with half floats: what the segments would cost, since FAISS's
 * generic build takes three times as long for one, and a twentieth to skip a forbidden vector. */
static double segments_cost(const struct vectors *v, const struct snapshot *shot,
	const struct query *q, uint64_t n_allowed, int64_t n_present)
{
	double allowed_part = (double)n_allowed / (double)(n_present + 1), cost = 0;

	for (int i = 0; i < shot->n_segments; i++) {
		const struct segment *seg = shot->segments[i];
		double probed = (double)lists_to_probe(v, seg, q, n_allowed) / (double)seg->n_lists;
		double n = probed * (double)seg->n_covered;

		cost += n * fmin(allowed_part, 1) * FAISS_COMPARES + n * FAISS_SKIPS +
			(double)seg->n_lists * FAISS_COMPARES;
	}
	return cost;
}

static bool plan_exact(const struct vectors *v, const struct loaded_space *s,
	const struct snapshot *shot, const struct query *q, uint64_t n_allowed)
{
	double scale = (double)TUNED_DIMENSION / s->identity.dimension;
	int64_t n_present = (int64_t)s->memory.n_present;

	return shot->n_segments == 0 ||
	       (double)n_allowed <= (double)v->tuning.exact_allowed * scale ||
	       (double)n_present <= (double)v->tuning.exact_corpus * scale ||
	       (double)n_allowed <= segments_cost(v, shot, q, n_allowed, n_present);
}

static void search_snapshot(const struct vectors *v, struct loaded_space *s, const float *unit,
	const struct allowed *allowed, struct best *best)
{
	struct snapshot *shot = memory_snapshot(&s->memory);
	struct query q = {unit, s->identity.dimension, &allowed->slots, vector_kernel()};
	bool exact = plan_exact(v, s, shot, &q, allowed->n_allowed);
	struct err why = ERR_INIT;

	if (!exact) {
		if (search_segments(v, shot, &q, allowed->n_allowed, best, &why)) {
			log_error("vectors.segment", LN("space", s->n), LT("error", why.message));
			exact = true;
		} else if (best->n < best->k && allowed->n_allowed > (uint64_t)best->n) {
			exact = true;
		}
		if (exact) {
			best->n = 0;
		}
	}
	if (exact) {
		scan(shot, &q, false, best);
	}
	snapshot_drop(shot);
	qsort(best->hits, (size_t)best->n, sizeof(*best->hits), by_cosine);
}

/* The space, kept, and the query at length 1 in `unit`; *s NULL when the query has no direction. */
static int begin(struct vectors *v, const struct space *space, const float *query, float *unit,
	struct loaded_space **s, struct err *e)
{
	float length;

	*s = NULL;
	ASSERT(space->dimension <= EMBED_DIMENSION_MAX);
	memcpy(unit, query, (size_t)space->dimension * sizeof(float));
	length = vector_normalise(unit, (size_t)space->dimension);
	if (isnan(length)) {
		return err_set(e, ERR_INVALID, "not_finite", "the query holds NaN or infinity");
	}
	if (length == 0) {
		return 0;
	}
	*s = loaded_lookup(v, space->n);
	if (!*s) {
		return err_set(e, ERR_CONFLICT, "vector_space_gone",
			"the vector space was replaced meanwhile; try again");
	}
	ASSERT((*s)->identity.dimension == space->dimension);
	return 0;
}

int vectors_search(struct vectors *v, const struct space *space, const float *query,
	const struct allowed *allowed, int k, struct vector_hit *out, int *n, struct err *e)
{
	float unit[EMBED_DIMENSION_MAX];
	struct best best = {out, 0, k};
	struct loaded_space *s;
	int rc;

	*n = 0;
	if (k <= 0) {
		return 0;
	}
	rc = begin(v, space, query, unit, &s, e);
	if (rc || !s) {
		return rc;
	}
	search_snapshot(v, s, unit, allowed, &best);
	*n = best.n;
	loaded_drop(s);
	return 0;
}

int vectors_score(struct vectors *v, const struct space *space, const float *query,
	const int64_t *slots, int n, float *out, struct err *e)
{
	float unit[EMBED_DIMENSION_MAX];
	const struct vector_kernel *kernel = vector_kernel();
	struct loaded_space *s;
	struct snapshot *shot;
	int rc;

	for (int i = 0; i < n; i++) {
		out[i] = NAN;
	}
	rc = begin(v, space, query, unit, &s, e);
	if (rc || !s) {
		return rc;
	}
	shot = memory_snapshot(&s->memory);
	for (int i = 0; i < n; i++) {
		if (snapshot_has(shot, slots[i])) {
			out[i] = kernel->dot_half(unit,
				snapshot_halves(shot, slots[i], space->dimension),
				(size_t)space->dimension);
		}
	}
	snapshot_drop(shot);
	loaded_drop(s);
	return 0;
}
