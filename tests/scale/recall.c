#include "tests/scale/recall.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "index/base/err.h"
#include "index/base/fs.h"
#include "index/embed_table.h"
#include "index/vector_kernel.h"

#define TOP 10
#define ASKED 200 /* as retrieve/search.c does */
#define DIMENSION 256
#define N_TOPICS 200
#define SUBTOPICS 20
#define TOPIC_OFFSET 10

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* ── truth ── */

/* The best ten by insertion. */
static int true_best(struct loaded_space *s, const struct allowed *allowed, const float *query,
	struct vector_hit best[TOP])
{
	struct snapshot *shot = memory_snapshot(&s->memory);
	const struct vector_kernel *kernel = vector_kernel();
	int d = s->identity.dimension, n = 0;

	for (uint64_t slot = bitmap_next(&allowed->slots, 0); slot != UINT64_MAX;
		slot = bitmap_next(&allowed->slots, slot + 1)) {
		float c;
		int i;

		if (!snapshot_has(shot, (int64_t)slot)) {
			continue;
		}
		c = kernel->dot_half(query, snapshot_halves(shot, (int64_t)slot, d), (size_t)d);
		if (n == TOP && c <= best[n - 1].cosine) {
			continue;
		}
		n += n < TOP;
		for (i = n - 1; i > 0 && best[i - 1].cosine < c; i--) {
			best[i] = best[i - 1];
		}
		best[i] = (struct vector_hit){(int64_t)slot, c};
	}
	snapshot_drop(shot);
	return n;
}

/* A hit as near as the tenth counts: ties are many where texts repeat. */
static double found_part(
	const struct vector_hit *hits, int n_hits, const struct vector_hit *best, int n_best)
{
	int found = 0;

	for (int i = 0; i < n_hits && i < n_best; i++) {
		found += hits[i].cosine >= best[n_best - 1].cosine;
	}
	return n_best ? (double)found / n_best : 1;
}

static int by_number(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct recall recall_measure(struct vectors *v, const struct space *space,
	const struct allowed *allowed, const float *queries, int n)
{
	struct recall r = {.n_allowed = (int64_t)allowed->n_allowed, .worst = 1};
	struct loaded_space *s = loaded_lookup(v, space->n);
	double *ms = calloc((size_t)n, sizeof(*ms));

	ASSERT(s != NULL && ms != NULL);
	for (int i = 0; i < n; i++) {
		const float *query = queries + (size_t)i * (size_t)space->dimension;
		struct vector_hit best[TOP], hits[ASKED];
		struct err e = ERR_INIT;
		double start = cpu_ms(), part;
		int n_hits, n_best;

		n_best = true_best(s, allowed, query, best);
		r.exact_ms += (cpu_ms() - start) / n;
		start = cpu_ms();
		ASSERT(vectors_search(v, space, query, allowed, ASKED, hits, &n_hits, &e) == 0);
		ms[i] = cpu_ms() - start;
		part = found_part(hits, n_hits, best, n_best);
		r.recall += part / n;
		r.worst = part < r.worst ? part : r.worst;
	}
	qsort(ms, (size_t)n, sizeof(*ms), by_number);
	r.p50_ms = ms[n / 2];
	r.p99_ms = ms[(n * 99) / 100];
	free(ms);
	loaded_drop(s);
	return r;
}

/* ── made vectors ── */

/* Normal enough: the sum of four uniforms. */
static float noise(uint64_t *state)
{
	float sum = 0;

	for (int i = 0; i < 4; i++) {
		sum += (float)(next_random(state) >> 40) * 0x1p-24f;
	}
	return (sum - 2) * 1.7320508f;
}

static void direction(uint64_t seed, float *out)
{
	for (int i = 0; i < DIMENSION; i++) {
		out[i] = noise(&seed);
	}
	vector_normalise(out, DIMENSION);
}

/* Of a subtopic: cosines of some .5 within it, .25 within the topic, 0 between topics. */
static void near_subtopic(int topic, int subtopic, uint64_t *state, float *out)
{
	float center[DIMENSION], own[DIMENSION];

	direction((uint64_t)topic * 1000003, center);
	direction((uint64_t)topic * 1000003 + 1 + (uint64_t)subtopic, out);
	direction(next_random(state), own);
	for (int i = 0; i < DIMENSION; i++) {
		out[i] = .5f * center[i] + .5f * out[i] + .7f * own[i];
	}
	vector_normalise(out, DIMENSION);
}

static int any_topic(const struct made_space *m, bool uneven, uint64_t *state)
{
	double at = (double)(next_random(state) >> 11) * 0x1p-53;
	double all = log((double)(m->n_topics + TOPIC_OFFSET) / TOPIC_OFFSET);

	return uneven ? (int)(TOPIC_OFFSET * exp(at * all) - TOPIC_OFFSET)
		      : (int)(at * m->n_topics);
}

static void seal_all(struct made_space *m, struct loaded_space *s, int64_t n)
{
	struct snapshot *shot = memory_snapshot(&s->memory);
	struct segment_plan plan = {.folder = m->vectors.folder,
		.space_n = s->n,
		.slot_to = n / 64 * 64,
		.dimension = DIMENSION,
		.n = n / 64 * 64};
	int64_t *slots = malloc((size_t)n * sizeof(*slots));
	const uint16_t **vectors = malloc((size_t)n * sizeof(*vectors));
	struct segment *seg = NULL;
	struct err e = ERR_INIT;
	double start = cpu_ms();

	ASSERT(slots != NULL && vectors != NULL);
	for (int64_t i = 0; i < plan.n; i++) {
		slots[i] = i;
		vectors[i] = snapshot_halves(shot, i, DIMENSION);
	}
	plan.slots = slots;
	plan.vectors = vectors;
	ASSERT(segment_build(&plan, &seg, &e) == 0);
	memory_segment(&s->memory, seg);
	segment_drop(seg);
	m->seal_s = (cpu_ms() - start) / 1e3;
	snapshot_drop(shot);
	free(slots);
	free(vectors);
}

void made_space_open(struct made_space *m, int64_t n, bool uneven, uint64_t seed)
{
	struct space_row row = {.n = 1,
		.workspace_n = 1,
		.identity = {.embedder = "builtin", .model = "made", .dimension = DIMENSION},
		.state = SPACE_SERVING};
	char folder[] = "/tmp/carrel-made-XXXXXX";
	struct loaded_space *s;

	memset(m, 0, sizeof(*m));
	m->n_topics = N_TOPICS;
	m->vectors.tuning = vector_default_tuning;
	ASSERT(mkdtemp(folder) != NULL);
	m->vectors.folder = strdup(folder);
	pthread_mutex_init(&m->vectors.lock, NULL);
	pthread_mutex_init(&m->vectors.upkeep, NULL);
	m->topic_of = malloc((size_t)n * sizeof(*m->topic_of));
	ASSERT(m->vectors.folder != NULL && m->topic_of != NULL);
	m->space = (struct space){.n = 1, .workspace_n = 1, .dimension = DIMENSION};
	s = loaded_add(&m->vectors, &row);
	memory_loaded(&s->memory);
	for (int64_t i = 0; i < n;) { /* documents of eight chunks about one thing */
		int topic = any_topic(m, uneven, &seed);
		int subtopic = (int)(next_random(&seed) % SUBTOPICS);

		for (int k = 0; k < 8 && i < n; k++, i++) {
			float x[DIMENSION];
			uint16_t halves[DIMENSION];

			near_subtopic(topic, subtopic, &seed, x);
			vector_to_half(x, halves, DIMENSION);
			memory_put(&s->memory, i, halves);
			m->topic_of[i] = topic;
		}
	}
	m->space.workspace_n = n;
	seal_all(m, s, n);
	loaded_drop(s);
}

void made_space_close(struct made_space *m)
{
	while (m->vectors.spaces) {
		loaded_forget(&m->vectors, m->vectors.spaces);
	}
	fs_remove_tree(m->vectors.folder);
	free(m->vectors.folder);
	free(m->topic_of);
}

void made_space_allow(const struct made_space *m, double share, struct allowed *out)
{
	int64_t n = m->space.workspace_n, *size = calloc((size_t)m->n_topics, sizeof(*size));
	int64_t left = (int64_t)((double)n * share + .5), *take;

	take = calloc((size_t)m->n_topics, sizeof(*take));
	ASSERT(size != NULL && take != NULL);
	for (int64_t i = 0; i < n; i++) {
		size[m->topic_of[i]]++;
	}
	for (int t = 0; t < m->n_topics; t++) { /* 77 and 200 have no divisor in common */
		int topic = (t * 77 + 13) % m->n_topics;

		take[topic] = size[topic] < left ? size[topic] : left;
		left -= take[topic];
	}
	memset(out, 0, sizeof(*out));
	bitmap_init(&out->slots);
	for (int64_t i = 0; i < n; i++) {
		if (take[m->topic_of[i]]-- > 0) {
			bitmap_set(&out->slots, (uint64_t)i);
		}
	}
	out->n_allowed = bitmap_count(&out->slots);
	out->n_live = (uint64_t)n;
	free(size);
	free(take);
}

float *made_space_queries(struct made_space *m, int n, uint64_t seed)
{
	float *out = malloc((size_t)n * DIMENSION * sizeof(*out));

	ASSERT(out != NULL);
	for (int i = 0; i < n; i++) {
		int64_t like = (int64_t)(next_random(&seed) % (uint64_t)m->space.workspace_n);

		near_subtopic(m->topic_of[like], (int)(next_random(&seed) % SUBTOPICS), &seed,
			out + (size_t)i * DIMENSION);
	}
	return out;
}
