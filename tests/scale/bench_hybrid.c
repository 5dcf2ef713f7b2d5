/*
 * A search by words and by vectors, with all that belongs to it, against nothing but its two
 * searches, as lines of JSON:
 *   bench_hybrid FOLDER CHUNKS SEED [ROUNDS]
 * over a made workspace (kept under FOLDER), asked by one who may read a tenth: about documents
 * that he may read, then about others, whose words he has no passage with. Each question is asked
 * in three ways:
 *	whole	search_run: what an asker waits for
 *	alone	fts_search and vectors_search, the question's vector known
 *	plain	the same MaxScore in FTS5's own query language, and FAISS's IndexFlat over the same
 *		vectors behind an IDSelectorBitmap of the same slots
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/clock.h"
#include "index/base/err.h"
#include "index/embed.h"
#include "index/fts.h"
#include "index/vector_kernel.h"
#include "index/vector_space.h"
#include "tests/scale/flat.h"
#include "tests/scale/searching.h"

#define N_QUESTIONS 400
#define DEPTH 200 /* of either list: as retrieve/search_private.h */
#define LIMIT 8

enum part { WHOLE, WORDS, VECTORS, FTS5, FAISS, N_PARTS };
static const char *const part_names[N_PARTS] = {[WHOLE] = "search",
	[WORDS] = "words",
	[VECTORS] = "vectors",
	[FTS5] = "FTS5",
	[FAISS] = "FAISS"};

struct times {
	double wall_ms[N_QUESTIONS], cpu_ms[N_QUESTIONS];
};

struct hybrid {
	struct scale scale;
	bool readable; /* what is asked about */
	struct space space;
	struct flat *flat;
	struct times parts[N_PARTS], alone, plain;
	double step_us[SEARCH_N_STEPS];
	int64_t n_allowed;
	int n;
};

/* ── one question ── */

struct stopwatch {
	int64_t wall_us;
	double cpu_us;
};

static struct stopwatch start(void)
{
	return (struct stopwatch){clock_mono_us(), cpu_us()};
}

static void stop(const struct stopwatch *w, struct times *t, int i)
{
	t->cpu_ms[i] = (cpu_us() - w->cpu_us) / 1e3;
	t->wall_ms[i] = (double)(clock_mono_us() - w->wall_us) / 1e3;
}

struct asked {
	struct hybrid *h;
	struct db *db;
	struct arena arena;
	struct asker who;
	struct allowed *allowed;
	const char *text, *language;
	float *vector;
};

static void ask_whole(struct asked *x, int i)
{
	const struct search_request request = {.who = &x->who, .query = x->text, .limit = LIMIT};
	struct err e = ERR_INIT;
	struct search_result r;
	struct stopwatch w = start();

	scale_check(
		search_run(x->h->scale.index, x->db, &request, &x->arena, &r, &e), &e, "search");
	stop(&w, &x->h->parts[WHOLE], i);
	for (int k = 0; k < SEARCH_N_STEPS; k++) {
		x->h->step_us[k] += (double)r.step_us[k];
	}
}

static int ask_words_of(struct db *db, struct asked *x, struct err *e)
{
	const struct fts_query q = {.workspace_n = x->h->scale.workspace_n,
		.text = x->text,
		.language = x->language,
		.allowed = x->allowed,
		.limit = DEPTH};
	struct fts_hit *hits;
	int n;

	return fts_search(db, &x->arena, &q, &hits, &n, e);
}

static void ask_words(struct asked *x, int i)
{
	struct err e = ERR_INIT;
	struct stopwatch w = start();

	scale_check(ask_words_of(x->db, x, &e), &e, "words");
	stop(&w, &x->h->parts[WORDS], i);
}

static void ask_vectors(struct asked *x, int i)
{
	struct vector_hit hits[DEPTH];
	struct err e = ERR_INIT;
	struct stopwatch w = start();
	int n;

	scale_check(vectors_search(x->h->scale.index->vectors, &x->h->space, x->vector, x->allowed,
			    DEPTH, hits, &n, &e),
		&e, "vectors");
	stop(&w, &x->h->parts[VECTORS], i);
}

/* On the writer's connection, where the index is asked in FTS5's own language
 * (index/fts_postings.h). */
struct fts5 {
	struct asked *x;
	int i;
};

static int tx_fts5(struct db *db, void *arg, struct err *e)
{
	struct fts5 *f = arg;
	struct stopwatch w = start();
	int rc = ask_words_of(db, f->x, e);

	stop(&w, &f->x->h->parts[FTS5], f->i);
	return rc;
}

static void ask_faiss(struct asked *x, int i)
{
	int64_t slots[DEPTH];
	float cosines[DEPTH];
	struct stopwatch w = start();

	flat_search(x->h->flat, x->vector, (const uint8_t *)x->allowed->slots.words,
		x->allowed->slots.n_words * sizeof(uint64_t), DEPTH, slots, cosines);
	stop(&w, &x->h->parts[FAISS], i);
}

static void ask_alone(struct asked *x, int i)
{
	ask_words(x, i);
	ask_vectors(x, i);
}

static void ask_plain(struct asked *x, int i)
{
	struct err e = ERR_INIT;
	struct fts5 f = {x, i};

	scale_check(store_write(x->h->scale.index->store, tx_fts5, &f, &e), &e, "FTS5");
	ask_faiss(x, i);
}

/* Each way in a snapshot of its own: what one found out is not known to the next. */
static void ask_one(
	struct hybrid *h, const struct made_question *q, void (*way)(struct asked *x, int i), int i)
{
	struct asked x = {.h = h, .text = q->text};
	struct err e = ERR_INIT;

	arena_init(&x.arena);
	x.db = store_reader(h->scale.index->store, &e);
	ASSERT(x.db != NULL);
	scale_asker(&h->scale, x.db, &x.arena, READERS_10TH, &x.who);
	x.allowed = acl_allowed(h->scale.index->acl, &x.who, NULL, 0, NULL);
	h->n_allowed = (int64_t)x.allowed->n_allowed;
	x.language = language_detect(q->text, strlen(q->text));
	x.vector = arena_array(&x.arena, float, (size_t)h->space.dimension);
	scale_check(embed(h->space.embedder, EMBED_QUERY,
			    &(struct embed_text){.body = q->text, .language = x.language}, 1,
			    x.vector, NULL, NULL, NULL, &e),
		&e, "embed");
	way(&x, i);
	acl_allowed_drop(x.allowed);
	store_reader_drop(x.db);
	arena_finish(&x.arena);
}

static void ask(struct hybrid *h, const struct made_question *q, int i)
{
	static void (*const ways[])(struct asked * x, int i) = {ask_whole, ask_alone, ask_plain};

	for (int k = 0; k < 3; k++) {
		ask_one(h, q, ways[(i + k) % 3], i);
	}
}

/* N_QUESTIONS from *next on, about documents that the asker may read, or about others. */
static void ask_all(struct hybrid *h, bool readable, int64_t *next)
{
	memset(h->step_us, 0, sizeof(h->step_us));
	h->readable = readable;
	for (h->n = 0; h->n < N_QUESTIONS; (*next)++) {
		struct made_question q;

		made_question(h->scale.corpus, *next, &q);
		if (made_may_read(h->scale.corpus, READERS_10TH, q.document) == readable) {
			ask(h, &q, h->n++);
		}
	}
}

/* ── the vectors once more, for FAISS ── */

static void make_flat(struct hybrid *h)
{
	struct loaded_space *s = loaded_lookup(h->scale.index->vectors, h->space.n);
	struct snapshot *shot = memory_snapshot(&s->memory);
	int64_t n = (int64_t)shot->n_blocks * BLOCK_SLOTS;
	size_t d = (size_t)h->space.dimension;
	float *all = calloc((size_t)n * d, sizeof(*all));

	ASSERT(all != NULL);
	for (int64_t i = 0; i < n; i++) {
		if (snapshot_has(shot, i)) {
			vector_from_half(snapshot_halves(shot, i, (int)d), all + (size_t)i * d, d);
		}
	}
	h->flat = flat_create(all, n, (int)d);
	free(all);
	snapshot_drop(shot);
	loaded_drop(s);
}

/* ── what is told ── */

static json_t *told(struct times *t, int n)
{
	qsort(t->wall_ms, (size_t)n, sizeof(double), by_number);
	qsort(t->cpu_ms, (size_t)n, sizeof(double), by_number);
	return json_pack("{s:f, s:f, s:f, s:f}", "p50", part_of(t->wall_ms, n, .5), "p95",
		part_of(t->wall_ms, n, .95), "cpuP50", part_of(t->cpu_ms, n, .5), "cpuP95",
		part_of(t->cpu_ms, n, .95));
}

static void add(struct times *sum, const struct times *a, const struct times *b, int n)
{
	for (int i = 0; i < n; i++) {
		sum->wall_ms[i] = a->wall_ms[i] + b->wall_ms[i];
		sum->cpu_ms[i] = a->cpu_ms[i] + b->cpu_ms[i];
	}
}

static void tell(struct hybrid *h)
{
	json_t *line = json_object(), *steps = json_object();
	char *text;

	add(&h->alone, &h->parts[WORDS], &h->parts[VECTORS], h->n);
	add(&h->plain, &h->parts[FTS5], &h->parts[FAISS], h->n);
	json_object_set_new(line, "readable", json_boolean(h->readable));
	json_object_set_new(line, "allowed", json_integer(h->n_allowed));
	json_object_set_new(line, "alone", told(&h->alone, h->n));
	json_object_set_new(line, "plain", told(&h->plain, h->n));
	for (int i = 0; i < N_PARTS; i++) {
		json_object_set_new(line, part_names[i], told(&h->parts[i], h->n));
	}
	for (int i = 0; i < SEARCH_N_STEPS; i++) {
		json_object_set_new(steps, search_step_name((enum search_step)i),
			json_real(h->step_us[i] / h->n));
	}
	json_object_set_new(line, "meanStepUs", steps);
	text = json_dumps(line, JSON_REAL_PRECISION(5));
	puts(text);
	free(text);
	json_decref(line);
}

int main(int argc, char **argv)
{
	static struct hybrid h;
	struct corpus_spec spec = {0};
	struct err e = ERR_INIT;
	int64_t next = 0;
	int rounds;

	if (argc < 4) {
		fprintf(stderr, "bench_hybrid FOLDER CHUNKS SEED [ROUNDS]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	spec.n_chunks = strtoll(argv[2], NULL, 10);
	spec.seed = strtoull(argv[3], NULL, 10);
	rounds = argc > 4 ? (int)strtol(argv[4], NULL, 10) : 2;
	scale_open(&h.scale, &spec, argv[1]);
	scale_check(vectors_maintain(h.scale.index->vectors, &e), &e, "maintain");
	scale_check(vectors_serving(h.scale.index->vectors, h.scale.workspace_n, &h.space, &e), &e,
		"space");
	make_flat(&h);
	ask_all(&h, true, &next); /* pages are read once */
	ask_all(&h, false, &next);
	for (int r = 0; r < rounds; r++) {
		ask_all(&h, true, &next);
		tell(&h);
		ask_all(&h, false, &next);
		tell(&h);
	}
	flat_destroy(h.flat);
	embedder_drop(h.space.embedder);
	scale_close(&h.scale);
	return 0;
}
