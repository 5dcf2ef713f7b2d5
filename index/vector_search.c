/*
 * The search plan, by how many slots are allowed:
 *   few, or a small space, or no segment yet    exact: our kernel over every allowed vector
 *   some, so that lists would cost more         every allowed code (index/vector_codes.h), and our
 *                                               kernel over the vectors of the best of them
 *   more                                        the same of the lists nearest to the query,
 *                                               in every segment, and the tail exactly
 *   fewer found than there are                  exact
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/vector_codes.h"
#include "index/vector_kernel.h"
#include "index/vector_shortlist.h"
#include "index/vector_space.h"

#define PREFETCH_BYTES 512
#define PREFETCH_AHEAD 4
#define PENDING 128
#define SHORTLIST 20 /* vectors compared for each that is wanted: index/vector_codes.h */
#define SHORTLIST_LEAST 1000

/* What lists cost, in codes of a scan in slot order: one that lies anywhere, to skip a slot that is
 * not allowed, and to tell how near a list is. (From the time of a scan with a tenth allowed and of
 * lists with a half, at 1,000,000 x 256; so lists begin at a fifth.) */
#define LIST_CODES 1.1
#define LIST_SKIPS .25
#define LIST_ORDERS 5

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

static void prefetch(const uint16_t *halves)
{
	for (int at = 0; at < PREFETCH_BYTES; at += 64) {
		__builtin_prefetch((const char *)halves + at);
	}
}

/* Slots with vectors, many at a time: memory is waited for once and not at each run of neighbours.
 * Those of a segment with codes go to the shortlist by them, and what it leaves is compared. */
struct pending {
	const struct snapshot *s;
	const struct query *q;
	struct best *best;
	struct shortlist *shortlist; /* NULL: all are compared */
	const struct segment *seg;   /* whose codes are asked; NULL: all are compared */
	struct coded_query coded;
	int64_t n_seen;
	int n;
	int64_t slots[PENDING];
};

static void compare(struct pending *p)
{
	int dimension = p->q->dimension;

	for (int i = 0; i < p->n && i < PREFETCH_AHEAD; i++) {
		prefetch(snapshot_halves(p->s, p->slots[i], dimension));
	}
	for (int i = 0; i < p->n; i++) {
		const uint16_t *halves = snapshot_halves(p->s, p->slots[i], dimension);

		if (i + PREFETCH_AHEAD < p->n) {
			prefetch(snapshot_halves(p->s, p->slots[i + PREFETCH_AHEAD], dimension));
		}
		best_add(p->best, p->slots[i],
			p->q->kernel->dot_half(p->q->unit, halves, (size_t)dimension));
	}
}

static void ask_codes(struct pending *p)
{
	const uint8_t *codes[PENDING];
	int32_t products[PENDING];

	for (int i = 0; i < p->n; i++) {
		codes[i] = code_at(&p->coded, p->slots[i]);
	}
	p->q->kernel->dot_codes(p->coded.weights, p->coded.n_groups, codes, p->n, products);
	for (int i = 0; i < p->n; i++) {
		shortlist_add(p->shortlist, p->slots[i],
			p->coded.base + p->coded.scale * (float)products[i]);
	}
}

static void flush(struct pending *p)
{
	if (p->seg) {
		ask_codes(p);
	} else {
		compare(p);
	}
	p->n_seen += p->n;
	p->n = 0;
}

static inline void pend(struct pending *p, int64_t slot)
{
	p->slots[p->n++] = slot;
	if (p->seg) {
		__builtin_prefetch(code_at(&p->coded, slot));
	}
	if (p->n == PENDING) {
		flush(p);
	}
}

/* What is pended from now on is of this segment; NULL: of none. */
static void turn_to(struct pending *p, const struct segment *seg)
{
	seg = p->shortlist && seg && seg->codes ? seg : NULL;
	if (seg == p->seg) {
		return;
	}
	flush(p);
	codes_query_finish(&p->coded);
	p->seg = seg;
	if (seg) {
		codes_query_init(seg->codes, p->q->unit, &p->coded);
	}
}

static void finish(struct pending *p)
{
	turn_to(p, NULL);
	if (p->shortlist) {
		shortlist_cut(p->shortlist);
		for (int i = 0; i < p->shortlist->n; i++) {
			pend(p, p->shortlist->slots[i]);
		}
	}
	flush(p);
}

static void pend_word(struct pending *p, size_t word, uint64_t bits)
{
	for (; bits; bits &= bits - 1) {
		pend(p, (int64_t)word * 64 + __builtin_ctzll(bits));
	}
}

/* Every allowed slot with a vector, but those that a segment covers if only_tail. */
static void scan(struct pending *p, bool only_tail)
{
	const struct snapshot *s = p->s;
	size_t n_words = s->n_blocks * BLOCK_WORDS;
	int at = 0;

	n_words = p->q->allowed->n_words < n_words ? p->q->allowed->n_words : n_words;
	for (size_t word = 0; word < n_words; word++) {
		uint64_t bits = p->q->allowed->words[word], covered = 0;
		const struct segment *seg = NULL;

		if (bits) {
			bits &= snapshot_word(s, word);
		}
		if (!bits) {
			continue;
		}
		while (at < s->n_segments && (size_t)s->segments[at]->slot_to / 64 <= word) {
			at++;
		}
		if (at < s->n_segments && (size_t)s->segments[at]->slot_from / 64 <= word) {
			size_t in = word - (size_t)s->segments[at]->slot_from / 64;

			seg = s->segments[at];
			covered = in < seg->covered.n_words ? seg->covered.words[in] : 0;
		}
		if (bits & covered && !only_tail) {
			turn_to(p, seg);
			pend_word(p, word, bits & covered);
		}
		if (bits & ~covered) {
			turn_to(p, NULL);
			pend_word(p, word, bits & ~covered);
		}
	}
}

/* How many allowed vectors are compared at least: about twice as many as an exact scan may. Where
 * permissions follow topics the nearest allowed ones lie in lists far from the query, and forbidden
 * ones cost next to nothing (recall .90 without, .99 with it at 10 % allowed). */
static double wanted_compares(
	const struct vectors *v, const struct segment *seg, const struct query *q, double n_all)
{
	double scale = (double)TUNED_DIMENSION / q->dimension;

	return 2 * (double)v->tuning.exact_allowed * scale * (double)seg->n_covered / n_all;
}

static void search_segment(
	const struct vectors *v, struct pending *p, const struct segment *seg, double n_all)
{
	double wanted = wanted_compares(v, seg, p->q, n_all);
	uint32_t *order = malloc((size_t)seg->n_lists * sizeof(*order));
	int64_t n_before = p->n_seen;

	ASSERT(order != NULL);
	segment_order(seg, p->q->unit, order);
	for (int64_t i = 0; i < seg->n_lists; i++) {
		if (i >= v->tuning.n_probe && (double)(p->n_seen + p->n - n_before) >= wanted) {
			break;
		}
		for (uint32_t at = seg->starts[order[i]]; at < seg->starts[order[i] + 1]; at++) {
			int64_t slot = seg->slot_from + seg->slots[at];

			if (bitmap_has(p->q->allowed, (uint64_t)slot) && snapshot_has(p->s, slot)) {
				pend(p, slot);
			}
		}
	}
	free(order);
}

/* By the segments' lists, and what they do not cover. */
static void search_segments(const struct vectors *v, struct pending *p)
{
	double n_all = 1;

	for (int i = 0; i < p->s->n_segments; i++) {
		n_all += (double)p->s->segments[i]->n_covered;
	}
	for (int i = 0; i < p->s->n_segments; i++) {
		turn_to(p, p->s->segments[i]);
		search_segment(v, p, p->s->segments[i], n_all);
	}
	scan(p, true);
}

enum plan { PLAN_EXACT, PLAN_SCAN, PLAN_LISTS };

/* In slots of a scan by codes: what the segments would cost. */
static double segments_cost(const struct vectors *v, const struct snapshot *shot,
	const struct query *q, uint64_t n_allowed, int64_t n_present)
{
	double allowed_part = fmin((double)n_allowed / (double)(n_present + 1), 1), n_all = 1;
	double cost = 0;

	for (int i = 0; i < shot->n_segments; i++) {
		n_all += (double)shot->segments[i]->n_covered;
	}
	for (int i = 0; i < shot->n_segments; i++) {
		const struct segment *seg = shot->segments[i];
		double probed = fmin((double)v->tuning.n_probe / (double)seg->n_lists, 1);
		double n = fmax(probed * (double)seg->n_covered * allowed_part,
			wanted_compares(v, seg, q, n_all));

		cost += n * LIST_CODES + n / allowed_part * LIST_SKIPS +
			(double)seg->n_lists * LIST_ORDERS;
	}
	return cost;
}

static enum plan plan(const struct vectors *v, const struct loaded_space *s,
	const struct snapshot *shot, const struct query *q, uint64_t n_allowed)
{
	double scale = (double)TUNED_DIMENSION / s->identity.dimension;
	int64_t n_present = (int64_t)s->memory.n_present;

	if (shot->n_segments == 0 || (double)n_allowed <= (double)v->tuning.exact_allowed * scale ||
		(double)n_present <= (double)v->tuning.exact_corpus * scale) {
		return PLAN_EXACT;
	}
	return (double)n_allowed <= segments_cost(v, shot, q, n_allowed, n_present) ? PLAN_SCAN
										    : PLAN_LISTS;
}

static void search_by(
	enum plan plan, const struct vectors *v, struct pending *p, struct shortlist *shortlist)
{
	if (plan != PLAN_EXACT) {
		p->shortlist = shortlist;
		shortlist_init(shortlist, p->best->k * SHORTLIST > SHORTLIST_LEAST
						  ? p->best->k * SHORTLIST
						  : SHORTLIST_LEAST);
	}
	if (plan == PLAN_LISTS) {
		search_segments(v, p);
	} else {
		scan(p, false);
	}
	finish(p);
	if (p->shortlist) {
		shortlist_finish(shortlist);
	}
}

static void search_snapshot(const struct vectors *v, struct loaded_space *s, const float *unit,
	const struct allowed *allowed, struct best *best)
{
	struct snapshot *shot = memory_snapshot(&s->memory);
	struct query q = {unit, s->identity.dimension, &allowed->slots, vector_kernel()};
	enum plan by = plan(v, s, shot, &q, allowed->n_allowed);
	struct pending p = {.s = shot, .q = &q, .best = best};
	struct shortlist shortlist;

	search_by(by, v, &p, &shortlist);
	if (by == PLAN_LISTS && best->n < best->k && allowed->n_allowed > (uint64_t)best->n) {
		best->n = 0;
		p = (struct pending){.s = shot, .q = &q, .best = best};
		search_by(PLAN_EXACT, v, &p, &shortlist);
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

int vectors_toward(struct vectors *v, const struct space *space, const float *query,
	const int64_t *slots, const double *weights, int n, float *out, struct err *e)
{
	float unit[EMBED_DIMENSION_MAX], other[EMBED_DIMENSION_MAX];
	const size_t dimension = (size_t)space->dimension;
	struct loaded_space *s;
	struct snapshot *shot;
	int rc = begin(v, space, query, unit, &s, e);

	memcpy(out, rc == 0 && s ? unit : query, dimension * sizeof(*out));
	if (rc || !s) {
		return rc;
	}
	shot = memory_snapshot(&s->memory);
	for (int i = 0; i < n; i++) {
		if (snapshot_has(shot, slots[i])) {
			vector_from_half(snapshot_halves(shot, slots[i], space->dimension), other,
				dimension);
			vector_kernel()->add_scaled(out, other, (float)weights[i], dimension);
		}
	}
	snapshot_drop(shot);
	loaded_drop(s);
	return 0;
}
